"""Second moments of ground positions by casting rays again, where a straight-line Jacobian would lie.

Near the horizon, and on ground that bends within the error, the ground point
is not a linear function of its errors. There each error source is moved by
plus and minus one sigma and the ray cast anew: an unscented transform
(S. Julier and J. Uhlmann, Proc. IEEE 92, 2004) with sigma points at one sigma
and weights 1/2, taken about the reported point, so that its bias counts as
error. Ten per cent of rays fly further than one lifted by 1.2816 sigmas, so
CE90 is never less than where that one lands; when it does not land, no circle
holds 90 % and the ray is grazing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from geo.accuracy import ce90_m, le90_m
from geo.geodesy import SEMI_MAJOR_M, enu_to_ecef_matrix, geodetic_to_ecef, metres_per_degree
from geo.march import CODE, first_hits
from geo.rays import aim
from geo.values import Unplaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from geo.jacobian import ErrorSources, GroundErrors
    from geo.march import Hits
    from geo.rays import Rays
    from geo.values import FloatArray, GroundPoints, Terrain

UPPER_DECILE_SIGMAS: Final = 1.281_551_565_544_600_4
"""A tenth of a normal distribution lies above this many sigmas."""
BENT_BELOW_SIGMAS: Final = 10.0
"""Rays that meet the ground at less than this many sigmas of their own direction are cast again."""
BENT_FACTOR: Final = 1.5
"""A moved ray that lands further than this many times where the tangent plane has it is cast again."""
_LEAST_LIFT_M: Final = 0.01
_LOST: Final = (CODE[Unplaced.ABOVE_HORIZON], CODE[Unplaced.OUT_OF_RANGE])


def recast(
    points: GroundPoints,
    rows: NDArray[np.intp],
    rays: Rays,
    sources: ErrorSources,
    sigma_incidence_rad: FloatArray,
    terrain: Terrain,
    max_range_m: float,
) -> NDArray[np.intp]:
    """Replace covariance, CE90 and LE90 of some rows; return the rows whose 90 % circle does not exist.

    `rays`, `sources` and `sigma_incidence_rad` hold only the given rows.
    """
    frame = _Frame(points, rows)
    moment = np.zeros((len(rows), 3, 3))
    lost = np.zeros(len(rows), dtype=bool)
    for plus, minus, ground_m in _sigma_points(rays, sources):
        offsets = []
        for moved, lift_m in ((plus, ground_m), (minus, -ground_m)):
            hits = first_hits(moved, terrain, max_range_m)
            lost |= np.isin(hits.reason_code, _LOST)
            offsets.append(frame.offset_enu_m(hits, lift_m))
        ahead, behind = _mended(*offsets)
        moment += 0.5 * (ahead[:, :, None] * ahead[:, None, :] + behind[:, :, None] * behind[:, None, :])
    far_m, far_lost = _upper_decile(frame, rays, sigma_incidence_rad, terrain, max_range_m)
    lost |= far_lost | np.isnan(moment[:, 0, 0])
    points.cov_enu_m2[rows] = moment
    circle = ce90_m(moment[:, 0, 0], moment[:, 1, 1], moment[:, 0, 1])
    points.ce90_m[rows] = np.fmax(circle, far_m)
    points.le90_m[rows] = le90_m(moment[:, 2, 2])
    return rows[lost]


def bends(
    terrain: Terrain,
    points: GroundPoints,
    rows: NDArray[np.intp],
    rays: Rays,
    sources: ErrorSources,
    errors: GroundErrors,
) -> NDArray[np.bool_]:
    """Say where the ground bends so that a ray lifted or lowered by its error does not land near its tangent plane.

    A lifted ray must be under the ground by `BENT_FACTOR` times the way to where
    it meets the tangent plane, and a lowered one must not be under it before that:
    otherwise a crest, a step or a hollow lies within the error.
    """
    d, slant = rays.ned, points.slant_m[rows]
    level = np.maximum(np.hypot(d[0], d[1]), 1e-9)
    vertical_m = np.hypot(sources.sigmas.position_v_m, sources.sigmas.terrain_m)
    lift = UPPER_DECILE_SIGMAS * np.hypot(slant * errors.sigma_incidence_rad, vertical_m * level)
    across = np.stack([d[0] * d[2] / level, d[1] * d[2] / level, -level]) * lift
    way = BENT_FACTOR * lift / np.tan(np.maximum(errors.incidence_rad, 1e-3))
    lat, lon, alt = points.lat_deg[rows], points.lon_deg[rows], points.alt_hae_m[rows]
    per_lat, per_lon = metres_per_degree(lat)

    def clear_m(north: FloatArray, east: FloatArray, down: FloatArray) -> FloatArray:
        curve = (north * north + east * east) / (2.0 * SEMI_MAJOR_M)
        ground = terrain.height_hae_m(lat + north / per_lat, lon + east / np.maximum(per_lon, 1.0))
        return np.asarray(alt - down + curve - ground)

    departs = (clear_m(*(d * way + across)) > 0.0) | (clear_m(*(-d * way - across)) < 0.0)
    return np.asarray(departs & (lift > _LEAST_LIFT_M))


class _Frame:
    """Local east-north-up frames at reported points."""

    def __init__(self, points: GroundPoints, rows: NDArray[np.intp]) -> None:
        lat, lon = points.lat_deg[rows], points.lon_deg[rows]
        self.centre_m = geodetic_to_ecef(lat, lon, points.alt_hae_m[rows])
        self.to_enu = np.swapaxes(enu_to_ecef_matrix(lat, lon), -1, -2)

    def offset_enu_m(self, hits: Hits, lift_m: float = 0.0) -> FloatArray:
        """Return where other contacts lie from the reported points, (n, 3); NaN where there is none."""
        offset = geodetic_to_ecef(hits.lat_deg, hits.lon_deg, hits.alt_hae_m + lift_m) - self.centre_m
        return np.asarray((self.to_enu @ offset[..., None])[..., 0])


def _mended(ahead: FloatArray, behind: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Where one of a pair fell off the known ground, take the mirror of the other."""
    return np.where(np.isnan(ahead), -behind, ahead), np.where(np.isnan(behind), -ahead, behind)


def _sigma_points(rays: Rays, sources: ErrorSources) -> Iterator[tuple[Rays, Rays, float]]:
    """Yield each source's two moved bundles of rays, and how much higher ground the first one stands for (m)."""
    for axis in sources.axes:
        yield aim(rays, ned=_turned(rays.ned, axis)), aim(rays, ned=_turned(rays.ned, -axis)), 0.0
    cosine = np.einsum("in,in->n", np.broadcast_to(sources.optical_axis, rays.ned.shape), rays.ned)
    for shift in sources.shifts:
        moved = cosine * shift
        yield aim(rays, ned=_unit(rays.ned + moved)), aim(rays, ned=_unit(rays.ned - moved)), 0.0
    sigmas = sources.sigmas
    for index, sigma in enumerate((sigmas.position_h_m, sigmas.position_h_m, sigmas.position_v_m)):
        move = np.zeros(3)
        move[index] = sigma
        yield aim(rays, shift_ned_m=move), aim(rays, shift_ned_m=-move), 0.0
    down = np.array([0.0, 0.0, sigmas.terrain_m])
    yield aim(rays, shift_ned_m=down), aim(rays, shift_ned_m=-down), sigmas.terrain_m


def _turned(d: FloatArray, axis: FloatArray) -> FloatArray:
    """Turn directions about axes whose length is the angle in radians (Rodrigues)."""
    angle = np.linalg.norm(axis, axis=0)
    unit = np.divide(axis, angle, out=np.zeros_like(axis), where=angle > 0.0)
    along = np.sum(unit * d, axis=0)
    across = np.cross(np.broadcast_to(unit, d.shape), d, axis=0)
    return np.asarray(d * np.cos(angle) + across * np.sin(angle) + unit * along * (1.0 - np.cos(angle)))


def _unit(d: FloatArray) -> FloatArray:
    return np.asarray(d / np.linalg.norm(d, axis=0))


def _upper_decile(
    frame: _Frame, rays: Rays, sigma_incidence_rad: FloatArray, terrain: Terrain, max_range_m: float
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return how far off a ray lifted by the upper decile of its elevation error lands, and whether it is lost."""
    level = np.hypot(rays.ned[0], rays.ned[1])
    right = np.stack([-rays.ned[1], rays.ned[0], np.zeros_like(level)]) / np.maximum(level, 1e-12)
    lifted = aim(rays, ned=_turned(rays.ned, right * (UPPER_DECILE_SIGMAS * sigma_incidence_rad)))
    hits = first_hits(lifted, terrain, max_range_m)
    offset = frame.offset_enu_m(hits)
    return np.hypot(offset[:, 0], offset[:, 1]), np.isin(hits.reason_code, _LOST)
