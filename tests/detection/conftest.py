"""Factories for detector tests: small ONNX files made byte by byte, frames, hits."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.ground_hits import GroundHit
from detection.values import Detections
from geo.values import GimbalFrame, Pose
from telemetry.videos.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T0 = 1_750_000_000_000_000_000


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _field(number: int, value: int | bytes | str) -> bytes:
    """One protobuf field: a varint, or length-delimited bytes."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _value_info(name: str, shape: tuple[int | str, ...]) -> bytes:
    dims = b"".join(_field(1, _field(1, n) if isinstance(n, int) else _field(2, n)) for n in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, dims)))


def onnx_bytes(
    outputs: list[np.ndarray],
    *,
    input_shape: tuple[int | str, ...] = (1, 3, 64, 96),
    metadata: dict[str, str] | None = None,
    output_shapes: list[tuple[int | str, ...]] | None = None,
) -> bytes:
    """An ONNX model that ignores its input and gives constants (onnx.proto3 field numbers)."""
    nodes, infos = b"", b""
    for number, array in enumerate(outputs):
        values = np.ascontiguousarray(array, dtype="<f4")
        dims = b"".join(_field(1, int(n)) for n in values.shape)
        tensor = dims + _field(2, 1) + _field(9, values.tobytes())
        attribute = _field(1, "value") + _field(5, tensor) + _field(20, 4)
        nodes += _field(1, _field(2, f"output{number}") + _field(4, "Constant") + _field(5, attribute))
        shape = output_shapes[number] if output_shapes else tuple(int(n) for n in values.shape)
        infos += _field(12, _value_info(f"output{number}", shape))
    graph = nodes + _field(2, "constant") + _field(11, _value_info("images", input_shape)) + infos
    props = b"".join(_field(14, _field(1, key) + _field(2, text)) for key, text in (metadata or {}).items())
    return _field(1, 8) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 17)) + props


@pytest.fixture
def constant_model(tmp_path: Path) -> Callable[..., Path]:
    """Write a model that always gives these outputs."""

    def write(*outputs: np.ndarray, name: str = "constant.onnx", **options: object) -> Path:
        options.setdefault("metadata", {"names": "{0: 'person', 1: 'vehicle'}", "task": "detect"})
        path = tmp_path / name
        path.write_bytes(onnx_bytes(list(outputs), **options))  # type: ignore[arg-type]
        return path

    return write


@pytest.fixture
def make_pose() -> Callable[..., Pose]:
    def make(**changes: object) -> Pose:
        values: dict[str, object] = {
            "t_utc_ns": T0,
            "lat_deg": 52.0,
            "lon_deg": 23.5,
            "alt_hae_m": 280.0,
            "yaw_deg": 0.0,
            "pitch_deg": 0.0,
            "roll_deg": 0.0,
            "gimbal_yaw_deg": 30.0,
            "gimbal_pitch_deg": -45.0,
            "gimbal_frame": GimbalFrame.EARTH,
            "hfov_deg": 32.0,
        }
        return Pose(**(values | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_frame(make_pose: Callable[..., Pose]) -> Callable[..., Frame]:
    def make(pose: Pose | None | str = "default", *, index: int = 0, width: int = 640, height: int = 512) -> Frame:
        chosen = make_pose() if pose == "default" else pose
        return Frame(
            index=index,
            pts_s=Fraction(0),
            t_utc_ns=T0,
            image=np.zeros((height, width, 3), dtype=np.uint8),
            pose=chosen,  # type: ignore[arg-type]
            pose_reason="" if chosen else "no telemetry",
        )

    return make


@pytest.fixture
def make_detections() -> Callable[..., Detections]:
    def make(*boxes: tuple[float, float, float, float], classes: list[int] | None = None) -> Detections:
        return Detections(
            boxes_px=np.array(boxes, dtype=np.float32).reshape(-1, 4),
            classes=np.array(classes if classes is not None else [0] * len(boxes), dtype=np.int64),
            scores=np.full(len(boxes), 0.8, dtype=np.float32),
        )

    return make


@pytest.fixture
def make_hit() -> Callable[..., GroundHit]:
    """A placed hit: `east_m` and `north_m` from 52 N 23.5 E, `sigma_m` in both directions."""

    def make(
        number: int, t_s: float, east_m: float, north_m: float, sigma_m: float = 4.0, **changes: object
    ) -> GroundHit:
        values: dict[str, object] = {
            "hit_id": f"{number:06d}",
            "media_id": "m",
            "frame_index": round(t_s * 3),
            "t_utc_ns": T0 + round(t_s * 1e9),
            "class_name": "person",
            "score_raw": 0.9,
            "box_px": (0.0, 0.0, 4.0, 10.0),
            "lat_deg": 52.0 + north_m / 111_259.0,
            "lon_deg": 23.5 + east_m / 68_678.0,
            "alt_hae_m": 180.0,
            "ce90_m": 2.146 * sigma_m,
            "var_e_m2": sigma_m**2,
            "var_n_m2": sigma_m**2,
            "cov_en_m2": 0.0,
            "slant_m": 140.0,
        }
        return GroundHit(**(values | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def bundled_model() -> Path:
    from detection.model_manifest_file import default_model

    return default_model()
