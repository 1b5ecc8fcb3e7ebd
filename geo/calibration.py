"""A camera's boresight and lens from pixels of points whose places are known, by least squares with covariance."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import least_squares

from geo.camera import normalised_to_pixels, pixels_to_normalised
from geo.errors import InputError
from geo.geodesy import geodetic_to_ecef
from geo.rays import towards, turn
from geo.rotation import camera_to_ned, yaw_pitch_roll_matrix

if TYPE_CHECKING:
    from geo.values import CameraModel, FloatArray, Poses

LEAST_POINTS: Final = 4
"""Different known points: three angles and a focal length are four unknowns; each point gives two equations."""
LEAST_SIGHTINGS: Final = 8
NAMES: Final = ("yaw_deg", "pitch_deg", "roll_deg", "focal_rel", "k1")
SIGNIFICANT: Final = 3.0
"""A distortion is kept from three sigmas on; a smaller one would describe noise."""
OUTLIER: Final = 3.0
"""Soft limit of the loss, in sigmas: a wrong click counts little (Huber 1964)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sightings:
    """Pixels (n, 2) at which known points were seen, with the poses stated then; every column has n rows."""

    poses: Poses
    uv_px: FloatArray
    lat_deg: FloatArray
    lon_deg: FloatArray
    alt_hae_m: FloatArray

    def __len__(self) -> int:
        return len(self.uv_px)

    @property
    def points(self) -> int:
        """How many different points were seen."""
        return len(np.unique(np.round(np.stack([self.lat_deg, self.lon_deg], axis=1), 7), axis=0))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What was found: how the camera is really turned against what is stated, its lens, and how sure that is.

    The angles turn the camera's own axes, after every angle that the source states (Z-Y-X, degrees). `covariance`
    is in the order of `NAMES`; a distortion that was not kept has a row of zeros. `ce90_before_m` and
    `ce90_after_m` are 90th percentiles of the horizontal error of the sightings, each ray taken to the
    height of its point.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    camera: CameraModel
    covariance: FloatArray
    residual_px: float
    ce90_before_m: float
    ce90_after_m: float
    sightings: int
    points: int

    @property
    def sigmas(self) -> dict[str, float]:
        """One sigma of each value by name."""
        return dict(zip(NAMES, np.sqrt(np.diag(self.covariance)).tolist(), strict=True))


def calibrate(seen: Sightings, camera: CameraModel) -> Calibration:
    """Estimate boresight, focal length and first radial distortion.

    Parameters
    ----------
    seen
        At least four different points and eight sightings, best from several directions and over the whole picture.
    camera
        The lens as it is stated.

    Raises
    ------
    InputError
        There are too few points or sightings, or they do not determine the values.
    """
    if seen.points < LEAST_POINTS or len(seen) < LEAST_SIGHTINGS:
        raise InputError(
            f"a calibration needs {LEAST_POINTS} different known points and {LEAST_SIGHTINGS} sightings of them; "
            f"there are {seen.points} points and {len(seen)} sightings"
        )
    directions = _to_camera(seen)
    values, covariance, residual = _fit(seen, camera, directions, with_k1=True)
    if abs(values[4]) < SIGNIFICANT * math.sqrt(covariance[4, 4]):
        values, covariance, residual = _fit(seen, camera, directions, with_k1=False)
    found = _lens(camera, values)
    return Calibration(
        yaw_deg=float(values[0]),
        pitch_deg=float(values[1]),
        roll_deg=float(values[2]),
        camera=found,
        covariance=covariance,
        residual_px=residual,
        ce90_before_m=_ce90_m(seen, camera, np.zeros(3)),
        ce90_after_m=_ce90_m(seen, found, values[:3]),
        sightings=len(seen),
        points=seen.points,
    )


def boresight_matrix(yaw_deg: float, pitch_deg: float, roll_deg: float) -> FloatArray:
    """Return the rotation from true camera axes to stated ones, shape (3, 3)."""
    return np.asarray(yaw_pitch_roll_matrix(yaw_deg, pitch_deg, roll_deg))


def _to_camera(seen: Sightings) -> FloatArray:
    """Return unit vectors to the points in stated camera axes, shape (3, n)."""
    points = geodetic_to_ecef(seen.lat_deg, seen.lon_deg, seen.alt_hae_m)
    rays, _ = towards(seen.poses, points)
    return turn(np.swapaxes(camera_to_ned(seen.poses), -1, -2), rays.ned)


def _lens(camera: CameraModel, values: FloatArray) -> CameraModel:
    scale = 1.0 + float(values[3])
    k1 = camera.k1 + float(values[4])
    return dataclasses.replace(camera, fx_px=camera.fx_px * scale, fy_px=camera.fy_px * scale, k1=k1)


def _fit(
    seen: Sightings, camera: CameraModel, directions: FloatArray, *, with_k1: bool
) -> tuple[FloatArray, FloatArray, float]:
    """Return values, covariance (5, 5) and the root mean square residual in pixels."""
    count = 5 if with_k1 else 4

    def residuals(free: FloatArray) -> FloatArray:
        values = np.zeros(5)
        values[:count] = free
        forward, right, down = boresight_matrix(*values[:3]).T @ directions
        pixels = normalised_to_pixels(_lens(camera, values), right / forward, down / forward)
        return np.nan_to_num((pixels - seen.uv_px).ravel(), nan=float(camera.width_px))

    start = np.zeros(count)
    spread = max(float(np.median(np.abs(residuals(start)))), 1.0)
    robust = least_squares(residuals, start, loss="huber", f_scale=spread, x_scale=_scales(count))
    rest = residuals(robust.x)
    spread = max(1.4826 * float(np.median(np.abs(rest - np.median(rest)))), 0.1)
    final = least_squares(residuals, robust.x, loss="huber", f_scale=OUTLIER * spread, x_scale=_scales(count))
    jacobian, rest = final.jac, residuals(final.x)
    inside = np.abs(rest) < OUTLIER * spread
    degrees = max(int(inside.sum()) - count, 1)
    alike = _alike(rest.reshape(-1, 2))
    variance = float(rest[inside] @ rest[inside]) / degrees * (1.0 + alike) / (1.0 - alike)
    normal = jacobian.T @ jacobian
    if np.linalg.matrix_rank(normal * np.outer(_scales(count), _scales(count))) < count:
        raise InputError("the sightings do not tell angles and focal length apart: see points from several directions")
    covariance, values = np.zeros((5, 5)), np.zeros(5)
    covariance[:count, :count] = variance * np.linalg.inv(normal)
    values[:count] = final.x
    return values, covariance, math.sqrt(float(np.mean(rest**2)))


def _scales(count: int) -> FloatArray:
    return np.array([1.0, 1.0, 1.0, 0.02, 0.05])[:count]


def _alike(rest: FloatArray) -> float:
    """Return how much neighbouring residuals are alike: errors of a pose wander, they are not drawn anew each time."""
    if len(rest) < LEAST_SIGHTINGS:
        return 0.0
    found = [float(np.corrcoef(rest[:-1, axis], rest[1:, axis])[0, 1]) for axis in (0, 1)]
    return float(np.clip(np.nan_to_num(max(found)), 0.0, 0.95))


def _ce90_m(seen: Sightings, camera: CameraModel, angles: FloatArray) -> float:
    """Return the 90th percentile of how far the rays pass their points, horizontally at the point's height."""
    x, y = pixels_to_normalised(camera, seen.uv_px[:, 0], seen.uv_px[:, 1])
    own = np.stack([np.ones(len(x)), x, y])
    ned = turn(camera_to_ned(seen.poses), boresight_matrix(*angles) @ own)
    truth, distance = towards(seen.poses, geodetic_to_ecef(seen.lat_deg, seen.lon_deg, seen.alt_hae_m))
    want = truth.ned * distance
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(ned[2] > 0.0, want[2] / ned[2], np.nan)
    miss = np.hypot(ned[0] * reach - want[0], ned[1] * reach - want[1])
    return float(np.nanpercentile(miss, 90)) if np.isfinite(miss).any() else math.inf
