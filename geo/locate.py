"""Pixels to ground positions with covariance, and ground positions back to pixels."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.accuracy import ce90_m, le90_m
from geo.camera import normalised_to_pixels
from geo.geodesy import geodetic_to_ecef, ned_to_ecef_matrix
from geo.jacobian import GroundErrors, error_sources, ground_errors, slopes
from geo.march import CHUNK, CODE, first_hits
from geo.rays import cast, pixel_directions
from geo.rotation import camera_to_ned
from geo.unscented import BENT_BELOW_SIGMAS, Uncertain, bends, recast
from geo.values import GroundPoints, Pose, Poses, Unplaced

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from geo.jacobian import ErrorSources
    from geo.march import Hits
    from geo.rays import Rays
    from geo.values import CameraModel, FloatArray, PoseSigmas, Terrain

RECAST_CHUNK: Final = CHUNK // 8
"""Rows cast again at a time; each stands for some ten rays."""
MAX_RANGE_M: Final = 20_000.0
GRAZING_SIGMAS: Final = 3.0
"""Rays that meet the ground at less than this many sigmas of their own direction have no usable position."""


def locate(
    *,
    poses: Pose | Poses,
    camera: CameraModel,
    uv_px: ArrayLike,
    terrain: Terrain,
    sigmas: PoseSigmas,
    max_range_m: float = MAX_RANGE_M,
) -> GroundPoints:
    """Place pixels on the ground.

    Parameters
    ----------
    poses
        One pose for all pixels, or one for each pixel.
    camera
        Lens model; pixels outside what it can invert are `OUTSIDE_LENS`.
    uv_px
        Pixels, shape (n, 2); the top-left pixel's centre is (0.5, 0.5).
    terrain
        Ground heights above the ellipsoid.
    sigmas
        One-sigma errors; see `geo.jacobian` for what each turns or moves.
    max_range_m
        Rays longer than this are `OUT_OF_RANGE`.

    Returns
    -------
    GroundPoints
        One row a pixel, each with a position and covariance, or a reason.
        Covariance is by analytic Jacobian, and by casting rays again where the
        ground point is no linear function of its errors (`geo.unscented`);
        rays for which no circle holds 90 % are `GRAZING`.

    Raises
    ------
    ValueError
        When there are neither one nor n poses.
    """
    pixels = np.atleast_2d(np.asarray(uv_px, dtype=np.float64))
    if pixels.ndim != 2 or pixels.shape[1] != 2:
        raise ValueError(f"pixels must have shape (n, 2), got {pixels.shape}")
    table, rays = _rays(poses, pixel_directions(camera, pixels))
    hits = first_hits(rays, terrain, max_range_m)
    return _with_accuracy(rays, hits, error_sources(table, camera, sigmas), terrain, max_range_m)


def locate_directions(
    *, poses: Poses, directions: FloatArray, terrain: Terrain, sigmas: PoseSigmas, max_range_m: float = MAX_RANGE_M
) -> GroundPoints:
    """Place rays in camera axes (`geo.rays.pixel_directions`), shape (3, n), on the ground: `locate` for many lenses.

    A pixel's own error is the lens's, so that `sigmas` has to state none.

    Raises
    ------
    ValueError
        When there are neither one nor n poses, or a pixel error is stated.
    """
    table, rays = _rays(poses, directions)
    hits = first_hits(rays, terrain, max_range_m)
    return _with_accuracy(rays, hits, error_sources(table, None, sigmas), terrain, max_range_m)


def _rays(poses: Pose | Poses, directions: FloatArray) -> tuple[Poses, Rays]:
    """Return the poses as columns, and each direction's ray."""
    table = Poses.of(poses) if isinstance(poses, Pose) else poses
    count = directions.shape[1]
    if len(table) not in (1, count):
        raise ValueError(f"one pose or {count} poses expected for {count} pixels, got {len(table)}")
    return table, cast(table, directions)


def _with_accuracy(rays: Rays, hits: Hits, sources: ErrorSources, terrain: Terrain, max_range_m: float) -> GroundPoints:
    """Add covariance, CE90 and LE90 to contacts, and take the position from those that only graze the ground."""
    count = len(rays)
    points = GroundPoints(
        lat_deg=hits.lat_deg,
        lon_deg=hits.lon_deg,
        alt_hae_m=hits.alt_hae_m,
        slant_m=hits.range_m,
        cov_enu_m2=np.empty((count, 3, 3)),
        ce90_m=np.empty(count),
        le90_m=np.empty(count),
        reason_code=hits.reason_code,
    )
    placed = np.flatnonzero(hits.reason_code == 0)
    missed = np.flatnonzero(hits.reason_code)
    points.cov_enu_m2[missed], points.ce90_m[missed], points.le90_m[missed] = np.nan, np.nan, np.nan
    bent = [
        _measure(points, placed[first : first + CHUNK], rays, sources, terrain)
        for first in range(0, len(placed), CHUNK)
    ]
    if bent:
        reach_m = max(max_range_m, MAX_RANGE_M)  # a ray past the caller's limit is no sign of grazing
        rows = np.concatenate([some for some, _ in bent])
        errors = GroundErrors.join([part for _, part in bent])
        for first in range(0, len(rows), RECAST_CHUNK):
            own = np.arange(first, min(first + RECAST_CHUNK, len(rows)))
            some = rows[own]
            part = Uncertain(rows=some, rays=rays.part(some), sources=sources.part(some), errors=errors.part(own))
            lost = recast(points, part, terrain, reach_m)
            _unplace(points, lost)
    return points


def _measure(
    points: GroundPoints,
    rows: NDArray[np.intp],
    rays: Rays,
    sources: ErrorSources,
    terrain: Terrain,
) -> tuple[NDArray[np.intp], GroundErrors]:
    """Fill the linear accuracy of some rows; return those to be cast again, and their errors."""
    lat, lon = points.lat_deg[rows], points.lon_deg[rows]
    slope_n, slope_e = slopes(terrain, lat, lon)
    part, own = rays.part(rows), sources.part(rows)
    errors = ground_errors(part, own, points.slant_m[rows], slope_n, slope_e)
    ee, nn, uu, en, _, _ = errors.columns
    points.cov_enu_m2[rows] = errors.matrices()
    points.ce90_m[rows] = ce90_m(ee, nn, en)
    points.le90_m[rows] = le90_m(uu)
    grazing = errors.incidence_rad < GRAZING_SIGMAS * errors.sigma_incidence_rad
    _unplace(points, rows[grazing])
    bent = errors.incidence_rad < BENT_BELOW_SIGMAS * errors.sigma_incidence_rad
    bent |= bends(points, Uncertain(rows=rows, rays=part, sources=own, errors=errors), terrain)
    again = np.flatnonzero(bent & ~grazing)
    return rows[again], errors.part(again)


def _unplace(points: GroundPoints, grazing: NDArray[np.intp]) -> None:
    """Take the position from rays that only graze the ground."""
    if grazing.size:
        for field in dataclasses.fields(points):
            if field.name != "reason_code":
                getattr(points, field.name)[grazing] = np.nan
        points.reason_code[grazing] = CODE[Unplaced.GRAZING]


def project(
    *,
    poses: Pose | Poses,
    camera: CameraModel,
    lat_deg: ArrayLike,
    lon_deg: ArrayLike,
    alt_hae_m: ArrayLike,
) -> FloatArray:
    """Return the pixels, shape (n, 2), where ground points appear; NaN behind the camera.

    One pose for all points, or one for each. Points outside the picture give
    pixels outside it; what stands in between is not looked at.
    """
    table = Poses.of(poses) if isinstance(poses, Pose) else poses
    points = geodetic_to_ecef(np.atleast_1d(lat_deg), lon_deg, alt_hae_m)
    offset = points - geodetic_to_ecef(table.lat_deg, table.lon_deg, table.alt_hae_m)
    to_camera = np.swapaxes(ned_to_ecef_matrix(table.lat_deg, table.lon_deg) @ camera_to_ned(table), -1, -2)
    forward, right, down = np.moveaxis(
        np.einsum("nij,nj->ni", np.broadcast_to(to_camera, (len(points), 3, 3)), offset), -1, 0
    )
    ahead = forward > 0.0
    depth = np.where(ahead, forward, np.nan)
    return normalised_to_pixels(camera, right / depth, down / depth)
