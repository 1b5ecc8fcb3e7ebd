"""Covariance of ground positions by analytic Jacobian.

A ray from o along d meets the plane with normal n through the ground point at
range t. An error w of the point before it is put back on the ground (w = the
shift of o, or t times the turn of d) moves the ground point by

    (I - d n' / (n.d)) w,

and ground that is z higher moves it by d z / (n.d). A turn of s radians about
an axis a moves d by s (a x d). (Differentiate n.(o + t d - g) = 0; compare
Barber et al., J. Intelligent and Robotic Systems 47, 2006, section 3.)

What the sigmas turn: with a BODY gimbal, yaw, pitch and roll are the
platform's and the gimbal's own are added about its axes; with an EARTH gimbal
both act on the camera's attitude; with VEHICLE_YAW, yaw turns the platform and
pitch and roll the camera.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.geodesy import metres_per_degree
from geo.rays import turn
from geo.rotation import camera_to_ned, euler_axes, platform_to_ned, runs_of
from geo.values import GimbalFrame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.rays import Rays
    from geo.values import CameraModel, FloatArray, Poses, PoseSigmas, Terrain

_MEAN_RADIUS_M: Final = 6_371_000.0
_LEAST_SLOPE_BASE_M: Final = 5.0


@dataclasses.dataclass(frozen=True, slots=True)
class ErrorSources:
    """What turns the rays: axes in north-east-down, each of shape (3, 1) or (3, n), scaled by its sigma in radians.

    `shifts` are camera-fixed directions, scaled likewise, that add to the ray itself (pixel and focal length).
    """

    axes: tuple[FloatArray, ...]
    shifts: tuple[FloatArray, ...]
    optical_axis: FloatArray
    sigmas: PoseSigmas

    def part(self, rows: NDArray[np.intp]) -> ErrorSources:
        """Return the sources of some of n poses, or of the one pose unchanged."""
        if self.optical_axis.shape[1] == 1:
            return self
        return ErrorSources(
            tuple(axis[:, rows] for axis in self.axes),
            tuple(shift[:, rows] for shift in self.shifts),
            self.optical_axis[:, rows],
            self.sigmas,
        )


def error_sources(poses: Poses, camera: CameraModel | None, sigmas: PoseSigmas) -> ErrorSources:
    """Gather the angular error sources of one pose or n poses; without a camera no pixel may err (ValueError)."""
    if camera is None and sigmas.pixel_px > 0.0:
        raise ValueError("how far a ray turns by a pixel's error is the lens's: give the camera, or no pixel error")
    first, run = runs_of(poses)
    some = poses.take(first)
    platform = platform_to_ned(some)
    outer, inner = _angle_sigmas_deg(poses.gimbal_frame, sigmas)
    outer_axes = euler_axes(some.yaw_deg, some.pitch_deg)
    inner_axes = euler_axes(some.gimbal_yaw_deg, some.gimbal_pitch_deg) @ np.swapaxes(platform, -1, -2)
    axes = [
        (math.radians(sigma) * all_axes[:, index].T)[:, run]
        for all_axes, deg in ((outer_axes, outer), (inner_axes, inner))
        for index, sigma in enumerate(deg)
        if sigma > 0.0
    ]
    turned = camera_to_ned(some)
    focal_px = (1.0, 1.0) if camera is None else (camera.fx_px, camera.fy_px)
    scales = (sigmas.focal_rel, *(sigmas.pixel_px / focal for focal in focal_px))
    shifts = [(scale * turned[:, :, column].T)[:, run] for column, scale in enumerate(scales) if scale > 0.0]
    return ErrorSources(tuple(axes), tuple(shifts), turned[:, :, 0].T[:, run], sigmas)


def _angle_sigmas_deg(
    frame: GimbalFrame, sigmas: PoseSigmas
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return one-sigma errors about the platform's and about the gimbal's yaw, pitch and roll axes."""
    pose = (sigmas.yaw_deg, sigmas.pitch_deg, sigmas.roll_deg)
    gimbal = (sigmas.gimbal_yaw_deg, sigmas.gimbal_pitch_deg, sigmas.gimbal_roll_deg)
    if frame is GimbalFrame.BODY:
        return pose, gimbal
    both = tuple(math.hypot(a, b) for a, b in zip(pose, gimbal, strict=True))
    if frame is GimbalFrame.EARTH:
        return (0.0, 0.0, 0.0), (both[0], both[1], both[2])
    return (sigmas.yaw_deg, 0.0, 0.0), (sigmas.gimbal_yaw_deg, both[1], both[2])


@dataclasses.dataclass(frozen=True, slots=True)
class GroundErrors:
    """Covariances as columns (ee, nn, uu, en, eu, nu; square metres), and how rays meet the ground."""

    columns: tuple[FloatArray, ...]
    incidence_rad: FloatArray
    sigma_incidence_rad: FloatArray
    slope_n: FloatArray
    slope_e: FloatArray

    @classmethod
    def join(cls, parts: Sequence[GroundErrors]) -> GroundErrors:
        """Return several runs of rows as one, in order."""
        columns = tuple(np.concatenate(same) for same in zip(*(part.columns for part in parts), strict=True))
        rest = ("incidence_rad", "sigma_incidence_rad", "slope_n", "slope_e")
        return cls(columns, *(np.concatenate([getattr(part, name) for part in parts]) for name in rest))

    def part(self, rows: NDArray[np.intp]) -> GroundErrors:
        """Return some of the rows."""
        return GroundErrors(
            tuple(column[rows] for column in self.columns),
            self.incidence_rad[rows],
            self.sigma_incidence_rad[rows],
            self.slope_n[rows],
            self.slope_e[rows],
        )

    def matrices(self) -> FloatArray:
        """Return the covariances as (n, 3, 3) in east-north-up."""
        ee, nn, uu, en, eu, nu = self.columns
        return np.stack([ee, en, eu, en, nn, nu, eu, nu, uu], axis=-1).reshape(-1, 3, 3)


@dataclasses.dataclass(frozen=True, slots=True)
class _Plane:
    """The plane of the ground where rays meet it: its normals' parts north and east (down is -1), d over n.d."""

    normal_n: FloatArray
    normal_e: FloatArray
    closing: FloatArray
    steep: FloatArray

    @classmethod
    def met(cls, d: FloatArray, range_m: FloatArray, slope_n: FloatArray, slope_e: FloatArray) -> _Plane:
        """Return the planes met along unit directions `d` (3, n); slopes are rise over run."""
        tilt = range_m / _MEAN_RADIUS_M
        normal_n, normal_e = tilt * d[0] - slope_n, tilt * d[1] - slope_e
        closing = normal_n * d[0] + normal_e * d[1] - d[2]
        return cls(normal_n, normal_e, closing, d / closing)

    def rise(self, w: FloatArray | tuple[FloatArray, FloatArray, FloatArray]) -> FloatArray:
        """Return how far a vector north, east, down leads off the plane, along its normal."""
        return np.asarray(self.normal_n * w[0] + self.normal_e * w[1] - w[2])


def pixel_steps(
    poses: Poses, directions: FloatArray, range_m: FloatArray, slopes_ne: tuple[FloatArray, FloatArray]
) -> FloatArray:
    """Return metres east and north a ground point moves per focal length to the right and down, shape (2, n, 2).

    Parameters
    ----------
    poses
        One pose, or n.
    directions
        Unit rays in camera axes, shape (3, n).
    range_m
        How far away each meets the ground; NaN gives NaN.
    slopes_ne
        Rise over run of the ground there, to the north and to the east.
    """
    turned = camera_to_ned(poses)
    d = turn(turned, directions)
    plane = _Plane.met(d, range_m, *slopes_ne)
    way = range_m * directions[0]  # the ray's cosine off the optical axis
    found = np.empty((2, directions.shape[1], 2))
    for number, column in enumerate((1, 2)):
        across = turned[:, :, column].T
        moved: FloatArray = way * (across - plane.steep * plane.rise(across))
        found[number, :, 0], found[number, :, 1] = moved[1], moved[0]
    return found


def ground_errors(
    rays: Rays, sources: ErrorSources, range_m: FloatArray, slope_n: FloatArray, slope_e: FloatArray
) -> GroundErrors:
    """Carry every error source of `rays` to the ground met at `range_m` with the given slopes (rise over run)."""
    d = rays.ned
    plane = _Plane.met(d, range_m, slope_n, slope_e)
    normal_n, normal_e, closing, steep = plane.normal_n, plane.normal_e, plane.closing, plane.steep
    total = [np.zeros(len(range_m)) for _ in range(6)]
    variance_incidence = np.zeros(len(range_m))
    for axis in sources.axes:
        w = _cross(axis, d)
        rise = plane.rise(w)
        variance_incidence += rise * rise
        _add(total, [range_m * (w[k] - steep[k] * rise) for k in range(3)])
    cosine = sum(sources.optical_axis[k] * d[k] for k in range(3))
    for shift in sources.shifts:
        rise = plane.rise(shift)
        along = sum(shift[k] * d[k] for k in range(3))  # lengthens the ray, and turns it no way
        variance_incidence += (cosine * (rise - along * closing)) ** 2
        _add(total, [range_m * cosine * (shift[k] - steep[k] * rise) for k in range(3)])
    sigmas = sources.sigmas
    moves: list[tuple[float, FloatArray | float]] = [
        (sigmas.position_h_m, normal_n), (sigmas.position_h_m, normal_e), (sigmas.position_v_m, -1.0)
    ]  # fmt: skip
    for k, (sigma, lift) in enumerate(moves):
        _add(total, [sigma * (float(j == k) - steep[j] * lift) for j in range(3)])
    along = (sigmas.along_n_m, sigmas.along_e_m, sigmas.along_d_m)
    if any(along):
        rise = normal_n * along[0] + normal_e * along[1] - along[2]
        _add(total, [along[j] - steep[j] * rise for j in range(3)])
    _add(total, [sigmas.terrain_m * steep[k] for k in range(3)])
    nn, ee, uu, ne, nd, ed = total
    length = np.sqrt(1.0 + normal_n * normal_n + normal_e * normal_e)
    incidence = np.arcsin(np.clip(-closing / length, -1.0, 1.0))
    sigma_incidence = np.sqrt(variance_incidence) / length / np.maximum(np.cos(incidence), 1e-6)
    return GroundErrors((ee, nn, uu, ne, -ed, -nd), incidence, sigma_incidence, slope_n, slope_e)


def _cross(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _add(total: list[FloatArray], v: list[FloatArray]) -> None:
    """Add the outer product of v (north, east, down) to nn, ee, dd, ne, nd, ed."""
    for sum_, (i, j) in zip(total, ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)), strict=True):
        sum_ += v[i] * v[j]


def slopes(terrain: Terrain, lat_deg: FloatArray, lon_deg: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the ground's rise over run to the north and to the east, by differences over a post; 0 beside a hole."""
    base = max(float(getattr(terrain, "post_spacing_m", 2.0 * _LEAST_SLOPE_BASE_M)), 1.0) / 2.0
    per_lat, per_lon = metres_per_degree(lat_deg)
    dlat, dlon = base / per_lat, base / np.maximum(per_lon, 1.0)
    north = terrain.height_hae_m(lat_deg + dlat, lon_deg) - terrain.height_hae_m(lat_deg - dlat, lon_deg)
    east = terrain.height_hae_m(lat_deg, lon_deg + dlon) - terrain.height_hae_m(lat_deg, lon_deg - dlon)
    return np.nan_to_num(north / (2.0 * base)), np.nan_to_num(east / (2.0 * base))
