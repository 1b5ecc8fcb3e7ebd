"""Where each analysed picture looked: what a thing on the ground must have been seen in, or cannot have been."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.geodesy import geodetic_to_enu
from geo.rotation import camera_to_ned
from geo.values import Poses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.values import CameraModel, Geodetic, GimbalFrame, Pose, PoseSigmas

    FloatArray = NDArray[np.float64]

_ENU_TO_NED = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])


@dataclasses.dataclass(frozen=True, slots=True)
class Shift:
    """Metres east and north that a picture puts the ground off where the picture before it put it, and one sigma."""

    east_m: float
    north_m: float
    sigma_m: float


_NOT_COMPARED: Final = Shift(math.nan, math.nan, math.nan)


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """One posed picture: rows above `first_row_px` were not looked at (sky, or too far)."""

    pose: Pose
    camera: CameraModel
    first_row_px: float = 0.0
    shift: Shift | None = None
    """Off the look before, where the two were compared (`detection.ground_registration`)."""
    sigmas: PoseSigmas | None = None
    """Errors of the pose, where its source states any."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """Columns, one row a posed picture, by rising time; the lens is a pinhole (distortion is left out)."""

    t_utc_ns: NDArray[np.int64]
    lat_deg: FloatArray
    lon_deg: FloatArray
    alt_hae_m: FloatArray
    to_camera: FloatArray
    """Turns east-north-up into forward-right-down of the camera, shape (n, 3, 3)."""
    focal_px: FloatArray
    """Shape (n, 2): across and down."""
    centre_px: FloatArray
    size_px: FloatArray
    first_row_px: FloatArray
    """Rows above it were not looked at: sky, or too far."""
    shift_m: FloatArray
    """Shape (n, 2): east and north off the look before; NaN where they were not compared."""
    shift_sigma_m: FloatArray

    @classmethod
    def of(cls, taken: Sequence[Look]) -> Looks:
        """Gather looks, in any order."""
        ordered = sorted(taken, key=lambda look: look.pose.t_utc_ns)
        poses, cameras = [look.pose for look in ordered], [look.camera for look in ordered]
        shifts = [look.shift or _NOT_COMPARED for look in ordered]
        pairs = {
            "focal_px": [(camera.fx_px, camera.fy_px) for camera in cameras],
            "centre_px": [(camera.cx_px, camera.cy_px) for camera in cameras],
            "size_px": [(camera.width_px, camera.height_px) for camera in cameras],
            "shift_m": [(shift.east_m, shift.north_m) for shift in shifts],
        }
        return cls(
            t_utc_ns=np.array([pose.t_utc_ns for pose in poses], dtype=np.int64),
            lat_deg=np.array([pose.lat_deg for pose in poses], dtype=np.float64),
            lon_deg=np.array([pose.lon_deg for pose in poses], dtype=np.float64),
            alt_hae_m=np.array([pose.alt_hae_m for pose in poses], dtype=np.float64),
            first_row_px=np.array([look.first_row_px for look in ordered], dtype=np.float64),
            shift_sigma_m=np.array([shift.sigma_m for shift in shifts], dtype=np.float64),
            to_camera=_to_camera(poses),
            **{name: np.array(rows, dtype=np.float64).reshape(-1, 2) for name, rows in pairs.items()},
        )

    def __len__(self) -> int:
        return len(self.t_utc_ns)

    def take(self, rows: NDArray[np.int64]) -> Looks:
        """Return the looks chosen."""
        return Looks(**{field.name: getattr(self, field.name)[rows] for field in dataclasses.fields(self)})

    def matrices(self, origin: Geodetic) -> FloatArray:
        """Return matrices (n, 3, 4) from metres east, north, up of `origin` (and a 1) to pixels times depth, and depth.

        The planes of the pictures are taken as parallel to that at `origin`: five kilometres away that is 0.05 degrees.
        """
        eye = np.asarray(geodetic_to_enu(self.lat_deg, self.lon_deg, self.alt_hae_m, origin)).reshape(-1, 3)
        turn = self._turns()
        return np.concatenate([turn, -turn @ eye[..., None]], axis=2)

    def about_the_middle(self, away_m: FloatArray) -> FloatArray:
        """Return the same about what lies so many metres, shape (n,), along the axis of each lens: an origin each."""
        ahead = np.concatenate([self.centre_px, np.ones((len(self), 1))], axis=1) * away_m[:, None]
        return np.concatenate([self._turns(), ahead[..., None]], axis=2)

    def _turns(self) -> FloatArray:
        """Return what turns east-north-up into pixels times depth, and depth, shape (n, 3, 3)."""
        forward = self.to_camera[:, :1]
        rows = self.focal_px[:, :, None] * self.to_camera[:, 1:] + self.centre_px[:, :, None] * forward
        return np.concatenate([rows, forward], axis=1)


def _to_camera(poses: Sequence[Pose]) -> FloatArray:
    """Return what turns east-north-up into each camera's axes, shape (n, 3, 3)."""
    turns = np.empty((len(poses), 3, 3))
    of_frame: dict[GimbalFrame, list[int]] = {}
    for row, pose in enumerate(poses):
        of_frame.setdefault(pose.gimbal_frame, []).append(row)
    for rows in of_frame.values():
        turns[rows] = camera_to_ned(Poses.of(*(poses[row] for row in rows))).transpose(0, 2, 1) @ _ENU_TO_NED
    return turns


def seen_pixels(matrix: FloatArray, enu_m: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Pixels (k, 2), and depth in metres, of points (k, 3) in one picture; behind the camera the depth is below 0."""
    homogeneous = enu_m @ matrix[:, :3].T + matrix[:, 3]
    depth = homogeneous[:, 2]
    safe = np.where(np.abs(depth) > 1e-6, depth, np.nan)
    return homogeneous[:, :2] / safe[:, None], depth
