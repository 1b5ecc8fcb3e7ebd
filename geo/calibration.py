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
    from numpy.typing import NDArray
    from scipy.optimize import OptimizeResult

    from geo.values import CameraModel, FloatArray, Poses

LEAST_POINTS: Final = 4
"""Different known points: three angles and a focal length are four unknowns; each point gives two equations."""
LEAST_SIGHTINGS: Final = 8
NAMES: Final = ("yaw_deg", "pitch_deg", "roll_deg", "focal_rel", "k1")
SIGNIFICANT: Final = 3.0
"""A distortion is kept from three sigmas on; a smaller one would describe noise."""
OUTLIER: Final = 3.0
"""Soft limit of the loss, in sigmas: a wrong click counts little (Huber 1964, then Cauchy's loss, which lets it go)."""
UNFIT: Final = 5.0
"""A sighting that lies so many sigmas from its pixel does not fit; of a million that do, four lie so far (Rayleigh)."""
_ROUNDS: Final = 4
MOST_UNFIT: Final = 1 / 3
"""With more of them nothing tells which are the wrong ones."""
MOST_TURNED_DEG: Final = 45.0
"""No mount is further off; what is, was stated in other axes."""
MOST_SCALED: Final = 2.0
"""A focal length is stated to a factor of two, whatever zoom it is for."""
MOST_SPREAD: Final = 0.04
"""Sightings scatter by so much of the picture's width at most: 2 degrees of a lens of 50; a good pose gives a tenth."""


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
    is in the order of `NAMES`; a distortion that was not kept has a row of zeros. `unfit` are rows of
    the sightings that lie far from their pixels, and hardly counted. `ce90_before_m` and
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
    unfit: tuple[int, ...] = ()

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
        There are too few points or sightings, they do not determine the values, or no believable camera sees them so.
    """
    if seen.points < LEAST_POINTS or len(seen) < LEAST_SIGHTINGS:
        raise InputError(
            f"a calibration needs {LEAST_POINTS} different known points and {LEAST_SIGHTINGS} sightings of them; "
            f"there are {seen.points} points and {len(seen)} sightings"
        )
    directions = _to_camera(seen)
    _require_in_sight(seen, camera, directions)
    plain = _fit(seen, camera, directions, np.zeros(4))
    fit = _fit(seen, camera, directions, np.append(plain.values[:4], 0.0))
    if not fit.determined or abs(fit.values[4]) < SIGNIFICANT * math.sqrt(fit.covariance[4, 4]):
        fit = plain
    fitting = ~fit.unfit
    lens = _lens(camera, fit.values)
    found = Calibration(
        yaw_deg=float(fit.values[0]),
        pitch_deg=float(fit.values[1]),
        roll_deg=float(fit.values[2]),
        camera=lens,
        covariance=fit.covariance,
        residual_px=math.sqrt(float(np.mean(fit.rest_px[fitting] ** 2))) if fitting.any() else math.inf,
        ce90_before_m=_ce90_m(seen, camera, np.zeros(3), fitting),
        ce90_after_m=_ce90_m(seen, lens, fit.values[:3], fitting),
        sightings=len(seen),
        points=seen.points,
        unfit=tuple(np.flatnonzero(fit.unfit).tolist()),
    )
    _require_believable(found, fit, camera)
    if not fit.determined:
        raise InputError("the sightings do not tell angles and focal length apart: see points from several directions")
    return found


def _require_in_sight(seen: Sightings, camera: CameraModel, directions: FloatArray) -> None:
    """Refuse points that lie far from where the camera looks by what is stated: they are other places, or moments."""
    x, y = pixels_to_normalised(camera, seen.uv_px[:, 0], seen.uv_px[:, 1])
    rays = np.stack([np.ones(len(x)), x, y])
    with np.errstate(invalid="ignore"):
        along = np.sum(rays * directions, axis=0) / np.linalg.norm(rays, axis=0)
    off_deg = float(np.degrees(np.arccos(np.clip(np.nanmedian(along), -1.0, 1.0))))
    if not off_deg <= MOST_TURNED_DEG:
        _, distance_m = towards(seen.poses, geodetic_to_ecef(seen.lat_deg, seen.lon_deg, seen.alt_hae_m))
        raise InputError(
            f"the points lie {off_deg:.0f} degrees from where the camera looked, {np.median(distance_m):.0f} m away "
            "(medians): check their latitude and longitude, their heights, and media_s"
        )


def _require_believable(found: Calibration, fit: _Fit, stated: CameraModel) -> None:
    """Refuse what fits nothing: places, moments or pixels that do not belong together give some camera, too."""
    turned = max(abs(found.yaw_deg), abs(found.pitch_deg), abs(found.roll_deg))
    scaled = found.camera.fx_px / stated.fx_px
    edge = math.hypot(stated.width_px / found.camera.fx_px, stated.height_px / found.camera.fy_px) / 2.0
    reasons = {
        f"it would be turned by {turned:.0f} degrees": turned > MOST_TURNED_DEG,
        f"its focal length would be {scaled:.2g} of the stated": not 1.0 / MOST_SCALED <= scaled <= MOST_SCALED,
        "its distortion would fold the picture over": 1.0 + 3.0 * found.camera.k1 * edge**2 <= 0.0,
        f"{len(found.unfit)} of {found.sightings} sightings do not fit the others": (
            len(found.unfit) > MOST_UNFIT * found.sightings
        ),
        f"half of them miss their pixels by {fit.spread_px:.0f} px and more": (
            fit.spread_px > MOST_SPREAD * stated.width_px
        ),
    }
    why = [reason for reason, holds in reasons.items() if holds]
    if why:
        raise InputError(
            f"no camera sees these points at these pixels ({'; '.join(why)}): check that places, media_s, u_px and "
            "v_px belong together, and that v_px counts from the top"
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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """Five values with their covariance, residuals (n, 2), their spread, and which sightings do not fit."""

    values: FloatArray
    covariance: FloatArray
    rest_px: FloatArray
    spread_px: float
    unfit: NDArray[np.bool_]
    determined: bool


def _fit(seen: Sightings, camera: CameraModel, directions: FloatArray, start: FloatArray) -> _Fit:
    """Fit the first four or all five values from a start; in the end to what fits alone."""
    count = len(start)
    everything = np.ones(len(seen), dtype=np.bool_)

    def residuals(free: FloatArray, rows: NDArray[np.bool_] = everything) -> FloatArray:
        values = np.zeros(5)
        values[:count] = free
        forward, right, down = boresight_matrix(*values[:3]).T @ directions
        pixels = normalised_to_pixels(_lens(camera, values), right / forward, down / forward)
        return np.nan_to_num((pixels - seen.uv_px)[rows].ravel(), nan=float(camera.width_px))

    spread = max(float(np.median(np.abs(residuals(start)))), 1.0)
    final = least_squares(residuals, start, loss="huber", f_scale=spread, x_scale=_scales(count))
    for _ in range(_ROUNDS):
        spread = max(1.4826 * float(np.median(np.abs(residuals(final.x)))), 0.1)
        final = least_squares(residuals, final.x, loss="cauchy", f_scale=OUTLIER * spread, x_scale=_scales(count))
    unfit = np.hypot(*residuals(final.x).reshape(-1, 2).T) > UNFIT * spread
    if unfit.any() and unfit.sum() <= MOST_UNFIT * len(seen):
        final = least_squares(
            residuals, final.x, loss="huber", f_scale=OUTLIER * spread, x_scale=_scales(count), args=(~unfit,)
        )
    covariance, determined = _covariance(final, OUTLIER * spread)
    return _Fit(
        values=np.append(final.x, np.zeros(5 - count)),
        covariance=covariance,
        rest_px=residuals(final.x).reshape(-1, 2),
        spread_px=spread,
        unfit=unfit,
        determined=determined,
    )


def _covariance(final: OptimizeResult, limit_px: float) -> tuple[FloatArray, bool]:
    """Return the covariance (5, 5) of a fit, widened where neighbouring residuals are alike; and whether it has one."""
    count, rest, covariance = len(final.x), final.fun, np.zeros((5, 5))
    normal = final.jac.T @ final.jac
    if np.linalg.matrix_rank(normal * np.outer(_scales(count), _scales(count))) < count:
        return covariance, False
    inside = np.abs(rest) < limit_px
    alike = _alike(rest.reshape(-1, 2))
    variance = float(rest[inside] @ rest[inside]) / max(int(inside.sum()) - count, 1) * (1.0 + alike) / (1.0 - alike)
    covariance[:count, :count] = variance * np.linalg.inv(normal)
    return covariance, True


def _scales(count: int) -> FloatArray:
    return np.array([1.0, 1.0, 1.0, 0.02, 0.05])[:count]


def _alike(rest: FloatArray) -> float:
    """Return how much neighbouring residuals are alike: errors of a pose wander, they are not drawn anew each time."""
    if len(rest) < LEAST_SIGHTINGS:
        return 0.0
    found = [float(np.corrcoef(rest[:-1, axis], rest[1:, axis])[0, 1]) for axis in (0, 1)]
    return float(np.clip(np.nan_to_num(max(found)), 0.0, 0.95))


def _ce90_m(seen: Sightings, camera: CameraModel, angles: FloatArray, rows: NDArray[np.bool_]) -> float:
    """Return the 90th percentile of how far the rays of some rows pass their points, at the point's height."""
    x, y = pixels_to_normalised(camera, seen.uv_px[:, 0], seen.uv_px[:, 1])
    own = np.stack([np.ones(len(x)), x, y])
    ned = turn(camera_to_ned(seen.poses), boresight_matrix(*angles) @ own)
    truth, distance = towards(seen.poses, geodetic_to_ecef(seen.lat_deg, seen.lon_deg, seen.alt_hae_m))
    want = truth.ned * distance
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(ned[2] > 0.0, want[2] / ned[2], np.nan)
    miss = np.hypot(ned[0] * reach - want[0], ned[1] * reach - want[1])[rows]
    return float(np.nanpercentile(miss, 90)) if np.isfinite(miss).any() else math.inf
