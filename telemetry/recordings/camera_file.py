"""Calibrated cameras as files: boresight, lens, covariance, and what they were made from (TOML)."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import tomllib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geo.calibration import NAMES, Calibration, boresight_matrix
from geo.errors import InputError
from geo.rotation import matrix_to_yaw_pitch_roll, yaw_pitch_roll_matrix
from geo.values import CameraModel, Pose, PoseSigmas

if TYPE_CHECKING:
    from pathlib import Path

FORMAT: Final = 1
_LENS: Final = ("fx_px", "fy_px", "cx_px", "cy_px", "k1", "k2", "k3", "p1", "p2")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedCamera:
    """A lens, how it is turned against what its source states, and one sigma of each; `identity` names the file."""

    camera: CameraModel
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    sigmas: tuple[float, float, float, float]
    """Of yaw, pitch, roll (degrees) and of the focal length (relative)."""
    identity: str

    def model(self, width_px: int, height_px: int) -> CameraModel:
        """Return the lens for pictures of another size of the same shape.

        Raises
        ------
        InputError
            They have another shape: what was cut off is not known.
        """
        own = self.camera
        scale = width_px / own.width_px
        if abs(own.height_px * scale - height_px) > 2.0:  # noqa: PLR2004 - a rounded line either way
            raise InputError(
                f"{self.identity.split()[0]} was calibrated on pictures of {own.width_px} x {own.height_px} px; those "
                f"of {width_px} x {height_px} px have another shape: calibrate with such pictures"
            )
        scaled = {name: getattr(own, name) * scale for name in ("fx_px", "fy_px", "cx_px", "cy_px")}
        return dataclasses.replace(own, width_px=width_px, height_px=height_px, **scaled)

    def turned(self, pose: Pose) -> Pose:
        """Return a stated pose as it really is: the gimbal's angles with the boresight in them."""
        stated = yaw_pitch_roll_matrix(pose.gimbal_yaw_deg, pose.gimbal_pitch_deg, pose.gimbal_roll_deg)
        true = stated @ boresight_matrix(self.yaw_deg, self.pitch_deg, self.roll_deg)
        yaw, pitch, roll = (float(angle) for angle in matrix_to_yaw_pitch_roll(true))
        return dataclasses.replace(pose, gimbal_yaw_deg=yaw, gimbal_pitch_deg=pitch, gimbal_roll_deg=roll)

    def widened(self, base: PoseSigmas) -> PoseSigmas:
        """Return an error budget with the calibration's own errors in it."""
        yaw, pitch, roll, focal = self.sigmas
        return dataclasses.replace(
            base,
            gimbal_yaw_deg=math.hypot(base.gimbal_yaw_deg, yaw),
            gimbal_pitch_deg=math.hypot(base.gimbal_pitch_deg, pitch),
            gimbal_roll_deg=math.hypot(base.gimbal_roll_deg, roll),
            focal_rel=focal,
        )


def write_camera(path: Path, found: Calibration, *, made_from: str) -> None:
    """Write a calibration as a camera file; nothing that is there is replaced.

    Raises
    ------
    InputError
        The file exists, or cannot be written.
    """
    lens = "\n".join(f"{name} = {getattr(found.camera, name)!r}" for name in _LENS)
    rows = ",\n".join(f"  [{', '.join(repr(float(value)) for value in row)}]" for row in found.covariance)
    order = ", ".join(f'"{name}"' for name in NAMES)
    source = made_from.encode("ascii", "replace").decode().replace("\\", "/").replace('"', "'")
    text = f"""# A camera calibrated by 'vedette calibrate'; give it to ingest, watch and track with --camera.
format = {FORMAT}
made_from = "{source}"
sightings = {found.sightings}
points = {found.points}
residual_px = {found.residual_px!r}
ce90_before_m = {found.ce90_before_m!r}
ce90_after_m = {found.ce90_after_m!r}

[boresight]  # turns the camera's own axes, after every angle that the source states; degrees, Z-Y-X
yaw_deg = {found.yaw_deg!r}
pitch_deg = {found.pitch_deg!r}
roll_deg = {found.roll_deg!r}

[lens]
width_px = {found.camera.width_px}
height_px = {found.camera.height_px}
{lens}

[covariance]
order = [{order}]
matrix = [
{rows},
]
"""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise InputError(f"{path} exists already; name another file or move it away", path=str(path)) from error
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}", path=str(path)) from error


def read_camera(path: Path) -> CalibratedCamera:
    """Read a camera file.

    Raises
    ------
    InputError
        It is missing, no such file, or a value in it is impossible; the message names it.
    """
    try:
        data = path.read_bytes()
        values = tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}", path=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no camera file: {error}", path=str(path)) from error
    lens, turned = _table(values, "lens", path), _table(values, "boresight", path)
    covariance = _matrix(values, path)
    angles = {name: _number(turned, name, path, 45.0) for name in NAMES[:3]}
    numbers = {name: _number(lens, name, path, 1e6) for name in _LENS}
    sides = {name: int(_number(lens, name, path, 1e5)) for name in ("width_px", "height_px")}
    if min(numbers["fx_px"], numbers["fy_px"], *sides.values()) <= 0:
        raise InputError(f"{path}: the lens has a focal length or a side that is not positive", path=str(path))
    sigma = np.sqrt(np.diag(covariance)).tolist()
    return CalibratedCamera(
        camera=CameraModel(width_px=sides["width_px"], height_px=sides["height_px"], **numbers),
        **angles,
        sigmas=(sigma[0], sigma[1], sigma[2], sigma[3]),
        identity=f"{path.name} sha256:{hashlib.sha256(data).hexdigest()}",
    )


def _table(values: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    found = values.get(name)
    if not isinstance(found, dict):
        raise InputError(f"{path} is no camera file: it has no [{name}]; 'vedette calibrate' makes one", path=str(path))
    return found


def _number(table: dict[str, Any], name: str, path: Path, most: float) -> float:
    value = table.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= most:
        raise InputError(f"{path}: {name} has to be a number up to {most:g}, not {value!r}", path=str(path))
    return float(value)


def _matrix(values: dict[str, Any], path: Path) -> np.ndarray[Any, np.dtype[np.float64]]:
    rows = _table(values, "covariance", path).get("matrix")
    try:
        matrix = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        matrix = np.empty(0)
    side = len(NAMES)
    if matrix.shape != (side, side) or not np.isfinite(matrix).all() or (np.diag(matrix) < 0.0).any():
        raise InputError(f"{path}: the covariance has to be {side} rows of {side} numbers", path=str(path))
    return matrix
