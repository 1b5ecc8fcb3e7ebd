"""A large picture looked at in tiles: ours by ground sample distance, against SAHI's and supervision's slices.

All use the bundled weights in ONNX Runtime; supervision calls our detector, SAHI that of ultralytics. None of the
rivals is among our dependencies: pip install sahi supervision ultralytics to have them.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import Absent, Row, beside, best_of
from detection.boxes import overlap
from detection.ground_tiling import PERSON_MIN_PX, plan_tiles
from detection.model_manifest_file import default_model
from detection.model_output import Filter
from detection.onnx_detector import OnnxDetector
from detection.scoring import OVERLAP_MIN
from detection.tiling import detect_tiles
from geo.terrain import FlatTerrain
from geo.values import CameraModel, GimbalFrame, Pose
from sitl.films.render import render
from sitl.films.render_look import THERMAL
from sitl.films.world import Crowd, Kind, make_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sitl.films.render import TruthBoxes

    Look = Callable[[np.ndarray, Pose], np.ndarray]

T0 = 1_750_000_000_000_000_000
GROUND_HAE_M = 180.0
GROUND = FlatTerrain(height_m=GROUND_HAE_M)
CAMERA = CameraModel.from_fov(hfov_deg=50.0, width_px=1920, height_px=1080)
SLICE_PX = (640, 512)
SHARED = 0.2
WORLDS = (1, 2, 3)


def _picture(seed: int) -> tuple[np.ndarray, TruthBoxes, Pose]:
    """Return people and vehicles from 100 m, 45 degrees down, in a place where there are some."""
    world = make_world(
        corridor_lat_lon=np.array([[52.0, 23.5], [52.0, 23.53]]),
        terrain=GROUND,
        seed=seed,
        epoch_utc_ns=T0,
        crowd=Crowd(groups_per_km=12.0, vehicles_per_km=5.0),
    )
    movers = world.at(T0)
    there = int(np.flatnonzero(movers.kind == Kind.PERSON)[0])
    pose = Pose(
        t_utc_ns=T0, lat_deg=float(movers.lat_deg[there]) - 100.0 / 111_260.0, lon_deg=float(movers.lon_deg[there]),
        alt_hae_m=GROUND_HAE_M + 100.0, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0, gimbal_pitch_deg=-45.0,
        gimbal_frame=GimbalFrame.EARTH,
    )  # fmt: skip
    image, truth = render(world, pose, CAMERA, T0, THERMAL)
    return image, truth, pose


def _persons_found(truth: TruthBoxes, boxes_px: np.ndarray) -> float:
    """Return the share of persons, well in view, that a box lies on."""
    asked = truth.boxes_px[(truth.kind == Kind.PERSON) & (truth.visible > 0.5)]
    return float((overlap(asked, boxes_px.astype(np.float64)).max(axis=1, initial=0.0) >= OVERLAP_MIN).mean())


def _ours(detector: OnnxDetector) -> Look:
    def look(image: np.ndarray, pose: Pose) -> np.ndarray:
        plan = plan_tiles(pose, CAMERA, GROUND, input_px=SLICE_PX, person_min_px=PERSON_MIN_PX)
        return detect_tiles(detector, image, plan.tiles).boxes_px

    return look


def _supervision(detector: OnnxDetector) -> Look:
    import supervision

    def look(tile: np.ndarray) -> supervision.Detections:
        (found,) = detector.detect([np.ascontiguousarray(tile)])
        return supervision.Detections(xyxy=found.boxes_px, confidence=found.scores, class_id=found.classes)

    shared = tuple(round(SHARED * side) for side in SLICE_PX)
    slicer = supervision.InferenceSlicer(callback=look, slice_wh=SLICE_PX, overlap_wh=shared)
    return lambda image, _: slicer(image).xyxy


def _sahi() -> Look:
    from sahi import AutoDetectionModel
    from sahi.predict import get_sliced_prediction

    model = AutoDetectionModel.from_pretrained(
        "ultralytics", model_path=str(default_model()), confidence_threshold=Filter().score_min, device="cpu"
    )

    def look(image: np.ndarray, _: Pose) -> np.ndarray:
        found = get_sliced_prediction(
            image, model, slice_width=SLICE_PX[0], slice_height=SLICE_PX[1], overlap_width_ratio=SHARED,
            overlap_height_ratio=SHARED, perform_standard_pred=False, verbose=0, batch_size=4,
        )  # fmt: skip
        return np.array([one.bbox.to_xyxy() for one in found.object_prediction_list]).reshape(-1, 4)

    return look


def _timed(look: Look, seen: list[tuple[np.ndarray, TruthBoxes, Pose]]) -> tuple[float, float]:
    """Milliseconds a picture, and the share of persons found."""
    spent = sum(best_of(functools.partial(look, image, pose), 1) for image, _, pose in seen)
    found = [_persons_found(truth, look(image, pose)) for image, truth, pose in seen]
    return spent / len(seen) * 1e3, float(np.mean(found))


def run() -> list[Row | Absent]:
    """Return the table's rows."""
    detector = OnnxDetector(default_model())
    seen = [_picture(seed) for seed in WORLDS]
    spent, found = _timed(_ours(detector), seen)
    rivals = {"supervision": functools.partial(_supervision, detector), "sahi": _sahi}

    def rows(name: str) -> Iterator[Row]:
        theirs, known = _timed(rivals[name](), seen)
        yield Row(what="a 1920 x 1080 picture in tiles", ours=spent, rival=theirs, rival_name=name, unit="ms")
        yield Row(what="persons found in it", ours=found, rival=known, rival_name=name, unit="", higher_is_better=True)

    return [row for name in rivals for row in beside(name, lambda name=name: list(rows(name)))]
