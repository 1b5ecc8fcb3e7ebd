"""Constant yaw, pitch and clock errors of a flight, from known points or from views of the same things.

A mis-set compass, a gimbal's zero or a late clock shifts every ground position
of a flight the same way. Seeing points whose place is known, or the same
resting things from several sides, shows the shift (Barber et al., J. Intelligent
and Robotic Systems 47, 2006, sections 4 and 5). The estimate is a robust
least-squares fit of pixel residuals with a weak prior, so that what the views
cannot show stays near zero and its sigma near the prior's.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geo.errors import InputError
from geo.geodesy import ecef_to_geodetic, geodetic_to_ecef, metres_per_degree
from geo.locate import locate, project
from geo.values import GimbalFrame

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from geo.values import CameraModel, FloatArray, Poses, PoseSigmas, Terrain

PRIOR_YAW_DEG: Final = 15.0
PRIOR_PITCH_DEG: Final = 5.0
PRIOR_TIME_S: Final = 1.0
"""One-sigma widths of the prior about zero."""
LEAST_VIEWS: Final = 3
_LOST_SIGMAS: Final = 10.0
_STEPS: Final = np.array([1e-3, 1e-3, 1e-4])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PoseRates:
    """How poses change with time, columns of shape (n,): velocity (m/s) and turn rates (degrees/s)."""

    north_mps: FloatArray
    east_mps: FloatArray
    down_mps: FloatArray
    yaw_dps: FloatArray
    pitch_dps: FloatArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bias:
    """Constant errors of a flight's poses, with one-sigma uncertainties.

    True yaw = stated yaw - `yaw_deg` (the platform's where the gimbal turns with
    it, else the camera's), true pitch = stated camera pitch - `pitch_deg`, and
    the pose that belongs to a picture is the one `time_s` later than stated.
    """

    yaw_deg: float
    pitch_deg: float
    time_s: float
    sigma_yaw_deg: float
    sigma_pitch_deg: float
    sigma_time_s: float
    views: int
    residual_px: float
    """Root mean square of what is left, in pixels."""

    def apply(self, poses: Poses, rates: PoseRates | None = None) -> Poses:
        """Return poses with the bias taken off; `rates` are needed for a time bias that is not zero."""
        if self.time_s != 0.0 and rates is None:
            raise ValueError("a time bias needs the rates of the poses")
        return _shifted(poses, rates, np.array([self.yaw_deg, self.pitch_deg, self.time_s]))

    def record(self) -> dict[str, Any]:
        """Return what was estimated and from how much, for the record beside positions it was applied to."""
        return dataclasses.asdict(self)


def bias_from_known_points(
    *,
    poses: Poses,
    camera: CameraModel,
    uv_px: ArrayLike,
    lat_deg: ArrayLike,
    lon_deg: ArrayLike,
    alt_hae_m: ArrayLike,
    sigmas: PoseSigmas,
    rates: PoseRates | None = None,
) -> Bias:
    """Estimate the bias from n pixels of points whose place is known, one pose each.

    Raises
    ------
    InputError
        With fewer than three views that show their point.
    """
    pixels = np.asarray(uv_px, dtype=np.float64)
    points = (np.asarray(lat_deg, float), np.asarray(lon_deg, float), np.asarray(alt_hae_m, float))
    scale = _pixel_sigmas(poses, camera, points, sigmas)

    def residuals(shift: FloatArray) -> FloatArray:
        moved = _shifted(poses, rates, shift)
        seen = project(poses=moved, camera=camera, lat_deg=points[0], lon_deg=points[1], alt_hae_m=points[2])
        return np.asarray((seen - pixels) / scale[:, None])

    return _fit(residuals, scale, timed=rates is not None)


def bias_from_repeated_views(
    *,
    poses: Poses,
    camera: CameraModel,
    uv_px: ArrayLike,
    target: ArrayLike,
    terrain: Terrain,
    sigmas: PoseSigmas,
    rates: PoseRates | None = None,
) -> Bias:
    """Estimate the bias from n pixels of resting things of unknown place; equal `target` numbers are one thing.

    Wrong angles scatter the places that different views of one thing give; the
    fit brings them together. Seen from one side only, a yaw error shows nothing.

    Raises
    ------
    InputError
        With fewer than three views, or when no thing is seen twice.
    """
    pixels = np.asarray(uv_px, dtype=np.float64)
    groups, member, counts = np.unique(np.asarray(target), return_inverse=True, return_counts=True)
    if not (counts > 1).any():
        raise InputError("a bias needs things seen more than once; every target number occurs once only")

    def places(shift: FloatArray) -> tuple[Poses, tuple[FloatArray, FloatArray, FloatArray]]:
        moved = _shifted(poses, rates, shift)
        found = locate(poses=moved, camera=camera, uv_px=pixels, terrain=terrain, sigmas=sigmas)
        where = geodetic_to_ecef(found.lat_deg, found.lon_deg, found.alt_hae_m)
        means = np.stack([_group_means(where[:, axis], member, len(groups)) for axis in range(3)], axis=-1)
        return moved, ecef_to_geodetic(means[member])

    def residuals(shift: FloatArray) -> FloatArray:
        moved, points = places(shift)
        seen = project(poses=moved, camera=camera, lat_deg=points[0], lon_deg=points[1], alt_hae_m=points[2])
        return np.asarray((seen - pixels) / scale[:, None])

    scale = _pixel_sigmas(poses, camera, places(np.zeros(3))[1], sigmas)
    return _fit(residuals, scale, timed=rates is not None)


def _group_means(values: FloatArray, member: NDArray[np.intp], count: int) -> FloatArray:
    """Return the mean of each group, leaving out unplaced members."""
    known = np.isfinite(values)
    totals = np.bincount(member[known], values[known], count)
    numbers = np.bincount(member[known], minlength=count)
    return np.where(numbers > 0, totals / np.maximum(numbers, 1), np.nan)


def _shifted(poses: Poses, rates: PoseRates | None, shift: FloatArray) -> Poses:
    """Return poses less a yaw and a pitch (degrees), and `shift[2]` seconds later."""
    yaw, pitch, time_s = (float(value) for value in shift)
    yaw_name = "gimbal_yaw_deg" if poses.gimbal_frame is GimbalFrame.EARTH else "yaw_deg"
    columns = {yaw_name: getattr(poses, yaw_name) - yaw, "gimbal_pitch_deg": poses.gimbal_pitch_deg - pitch}
    if rates is not None and time_s != 0.0:
        per_lat, per_lon = metres_per_degree(poses.lat_deg)
        columns |= {
            "lat_deg": poses.lat_deg + rates.north_mps * time_s / per_lat,
            "lon_deg": poses.lon_deg + rates.east_mps * time_s / per_lon,
            "alt_hae_m": poses.alt_hae_m - rates.down_mps * time_s,
            yaw_name: columns[yaw_name] + rates.yaw_dps * time_s,
            "gimbal_pitch_deg": columns["gimbal_pitch_deg"] + rates.pitch_dps * time_s,
        }
    return dataclasses.replace(poses, **columns)


def _pixel_sigmas(
    poses: Poses, camera: CameraModel, points: tuple[FloatArray, FloatArray, FloatArray], sigmas: PoseSigmas
) -> FloatArray:
    """Return how many pixels each view may be off, from the angles, the position and the pixel."""
    offset = geodetic_to_ecef(*points) - geodetic_to_ecef(poses.lat_deg, poses.lon_deg, poses.alt_hae_m)
    slant = np.linalg.norm(offset, axis=-1)
    angle = np.radians(np.hypot(sigmas.yaw_deg, sigmas.pitch_deg))
    place = np.hypot(sigmas.position_h_m, sigmas.terrain_m) / slant
    return np.asarray(np.hypot(camera.fx_px * np.hypot(angle, place), max(sigmas.pixel_px, 0.1)))


def _fit(residuals: Callable[[FloatArray], FloatArray], scale: FloatArray, *, timed: bool) -> Bias:
    """Fit by robust least squares from zero; views without a residual at the start are left out."""
    from scipy.optimize import least_squares

    used = np.isfinite(residuals(np.zeros(3))).all(axis=1)
    views = int(used.sum())
    if views < LEAST_VIEWS:
        raise InputError(
            f"a bias needs at least {LEAST_VIEWS} views that meet the ground in front of the camera, got {views}"
        )
    free = 3 if timed else 2
    prior = np.array([PRIOR_YAW_DEG, PRIOR_PITCH_DEG, PRIOR_TIME_S])[:free]

    def stacked(values: FloatArray) -> FloatArray:
        shift = np.concatenate([values, np.zeros(3 - free)])
        left = np.nan_to_num(residuals(shift)[used], nan=_LOST_SIGMAS)
        return np.concatenate([left.ravel(), values / prior])

    fit = least_squares(stacked, np.zeros(free), loss="soft_l1", x_scale=prior, diff_step=_STEPS[:free], method="trf")
    left = np.nan_to_num(residuals(np.concatenate([fit.x, np.zeros(3 - free)]))[used], nan=_LOST_SIGMAS)
    spread = max(float(np.sqrt(np.mean(left**2))), 1e-3)
    sigma = np.zeros(3)
    sigma[:free] = np.minimum(np.sqrt(np.diag(np.linalg.inv(fit.jac.T @ fit.jac))) * spread, prior)
    values = np.concatenate([fit.x, np.zeros(3 - free)])
    return Bias(
        yaw_deg=float(values[0]),
        pitch_deg=float(values[1]),
        time_s=float(values[2]),
        sigma_yaw_deg=float(sigma[0]),
        sigma_pitch_deg=float(sigma[1]),
        sigma_time_s=float(sigma[2]),
        views=views,
        residual_px=float(np.sqrt(np.mean((left * scale[used, None]) ** 2))),
    )
