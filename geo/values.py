"""The frozen values every other package speaks in: points, poses, cameras, ground points."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]


def read_only(values: ArrayLike, dtype: type[np.generic] = np.float64) -> NDArray[np.generic]:
    """Copy `values` into an array that refuses to be written to."""
    array = np.array(values, dtype=dtype)
    array.setflags(write=False)
    return array


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Geodetic:
    """A point on WGS 84: degrees, and metres above the ellipsoid."""

    lat_deg: float
    lon_deg: float
    alt_hae_m: float


class GimbalFrame(enum.StrEnum):
    """What a gimbal's yaw, pitch and roll are measured against (all Z-Y-X)."""

    BODY = "body"
    """The airframe: the full platform rotation is applied first."""
    EARTH = "earth"
    """North-east-down: the platform rotation is skipped."""
    VEHICLE_YAW = "vehicle_yaw"
    """Level, turned to the platform's heading: only the platform yaw is applied."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PoseSigmas:
    """One-sigma errors of a pose and of the ground model; metres and degrees.

    Defaults are the "good" column of the Monte Carlo table in the format notes
    (yaw 2 deg, pitch 1 deg, GPS 1.5 m / 3 m, terrain 2 m).
    """

    position_h_m: float = 1.5
    position_v_m: float = 3.0
    yaw_deg: float = 2.0
    pitch_deg: float = 1.0
    roll_deg: float = 1.0
    terrain_m: float = 2.0
    pixel_px: float = 1.0
    gimbal_yaw_deg: float = 0.0
    gimbal_pitch_deg: float = 0.0
    gimbal_roll_deg: float = 0.0
    focal_rel: float = 0.0
    """Relative error of the focal length (0.01 is one per cent)."""
    along_n_m: float = 0.0
    along_e_m: float = 0.0
    along_d_m: float = 0.0
    """One more error that moves the camera along one line, north, east and down: the way flown in a clock's error."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Where the camera is and how it is turned, at one instant.

    Platform attitude is body forward-right-down to north-east-down, Z-Y-X.
    Gimbal angles are in `gimbal_frame`; a camera at gimbal (0, 0, 0) looks
    along the frame's x axis, and a negative pitch looks down.
    """

    t_utc_ns: int
    lat_deg: float
    lon_deg: float
    alt_hae_m: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    gimbal_yaw_deg: float = 0.0
    gimbal_pitch_deg: float = 0.0
    gimbal_roll_deg: float = 0.0
    gimbal_frame: GimbalFrame = GimbalFrame.BODY
    hfov_deg: float | None = None
    vfov_deg: float | None = None


_POSE_COLUMNS = (
    "lat_deg",
    "lon_deg",
    "alt_hae_m",
    "yaw_deg",
    "pitch_deg",
    "roll_deg",
    "gimbal_yaw_deg",
    "gimbal_pitch_deg",
    "gimbal_roll_deg",
    "hfov_deg",
    "vfov_deg",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Poses:
    """Columns of `Pose`: every array has shape (n,) and is read-only; NaN where a pose has none."""

    t_utc_ns: NDArray[np.int64]
    lat_deg: FloatArray
    lon_deg: FloatArray
    alt_hae_m: FloatArray
    yaw_deg: FloatArray
    pitch_deg: FloatArray
    roll_deg: FloatArray
    gimbal_yaw_deg: FloatArray
    gimbal_pitch_deg: FloatArray
    gimbal_roll_deg: FloatArray
    hfov_deg: FloatArray
    vfov_deg: FloatArray
    gimbal_frame: GimbalFrame = GimbalFrame.BODY

    @classmethod
    def of(cls, *poses: Pose) -> Self:
        """Gather poses into columns; all must share one gimbal frame (ValueError otherwise)."""
        frames = {pose.gimbal_frame for pose in poses}
        if len(frames) != 1:
            raise ValueError(f"poses in one table must share one gimbal frame, got {sorted(frames)}")
        columns = {
            name: read_only([np.nan if getattr(pose, name) is None else getattr(pose, name) for pose in poses])
            for name in _POSE_COLUMNS
        }
        times = read_only([pose.t_utc_ns for pose in poses], np.int64)
        return cls(t_utc_ns=times, gimbal_frame=frames.pop(), **columns)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self.t_utc_ns)

    def take(self, rows: NDArray[np.int64]) -> Self:
        """Return the poses chosen by index, in that order."""
        columns = {name: read_only(getattr(self, name)[rows]) for name in _POSE_COLUMNS}
        times = read_only(self.t_utc_ns[rows], np.int64)
        return dataclasses.replace(self, t_utc_ns=times, **columns)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> Pose:
        """Return one row as a `Pose`."""
        row: dict[str, Any] = {name: float(getattr(self, name)[index]) for name in _POSE_COLUMNS}
        for name in ("hfov_deg", "vfov_deg"):
            row[name] = None if np.isnan(row[name]) else row[name]
        return Pose(t_utc_ns=int(self.t_utc_ns[index]), gimbal_frame=self.gimbal_frame, **row)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CameraModel:
    """A pinhole camera with Brown-Conrady distortion; pixels, image origin top-left.

    `u` grows to the right and `v` down; the centre of the top-left pixel is (0.5, 0.5).
    """

    width_px: int
    height_px: int
    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    p1: float = 0.0
    p2: float = 0.0

    @classmethod
    def from_fov(cls, *, hfov_deg: float, width_px: int, height_px: int, vfov_deg: float | None = None) -> Self:
        """Build an undistorted camera from its field of view (square pixels unless `vfov_deg`)."""
        fx = width_px / 2.0 / float(np.tan(np.radians(hfov_deg) / 2.0))
        fy = fx if vfov_deg is None else height_px / 2.0 / float(np.tan(np.radians(vfov_deg) / 2.0))
        return cls(
            width_px=width_px,
            height_px=height_px,
            fx_px=fx,
            fy_px=fy,
            cx_px=width_px / 2.0,
            cy_px=height_px / 2.0,
        )


class Terrain(Protocol):
    """Ground height lookup."""

    def height_hae_m(self, lat_deg: FloatArray, lon_deg: FloatArray) -> FloatArray:
        """Return ground height above the ellipsoid for each point, NaN where unknown."""
        ...


class Unplaced(enum.StrEnum):
    """Why a pixel has no ground position."""

    ABOVE_HORIZON = "above horizon"
    NO_TERRAIN = "no terrain"
    OCCLUDED = "occluded"
    GRAZING = "grazing"
    OUT_OF_RANGE = "out of range"
    NO_POSE = "no pose within 0.5 s"
    NO_CAMERA = "no field of view"
    BELOW_TERRAIN = "camera below the terrain"
    OUTSIDE_LENS = "outside the lens model"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GroundPoint:
    """Where one ray meets the ground, and how sure that is.

    `cov_enu_m2` is the 3 x 3 covariance in local east-north-up square metres.
    When `reason` is set there is no position and every number is NaN.
    """

    lat_deg: float
    lon_deg: float
    alt_hae_m: float
    slant_m: float
    cov_enu_m2: FloatArray
    ce90_m: float
    le90_m: float
    reason: Unplaced | None = None


REASONS: tuple[Unplaced | None, ...] = (None, *Unplaced)
"""What `GroundPoints.reason_code` indexes; code 0 means placed."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GroundPoints:
    """Columns of `GroundPoint`: arrays of shape (n,), covariances (n, 3, 3).

    Where `reason_code` is not 0 there is no position and the numbers are NaN.
    """

    lat_deg: FloatArray
    lon_deg: FloatArray
    alt_hae_m: FloatArray
    slant_m: FloatArray
    cov_enu_m2: FloatArray
    ce90_m: FloatArray
    le90_m: FloatArray
    reason_code: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.lat_deg)

    @property
    def placed(self) -> NDArray[np.bool_]:
        """True for each ray that has a ground position."""
        return np.asarray(self.reason_code == 0)

    def reason(self, index: int) -> Unplaced | None:
        """Return why row `index` has no position, or None when it has one."""
        return REASONS[int(self.reason_code[index])]

    def __getitem__(self, index: int) -> GroundPoint:
        """Return one row as a `GroundPoint`."""
        return GroundPoint(
            lat_deg=float(self.lat_deg[index]),
            lon_deg=float(self.lon_deg[index]),
            alt_hae_m=float(self.alt_hae_m[index]),
            slant_m=float(self.slant_m[index]),
            cov_enu_m2=self.cov_enu_m2[index],
            ce90_m=float(self.ce90_m[index]),
            le90_m=float(self.le90_m[index]),
            reason=self.reason(index),
        )
