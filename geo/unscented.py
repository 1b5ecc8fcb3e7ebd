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

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.accuracy import ce90_m, le90_m
from geo.geodesy import SEMI_MAJOR_M, enu_to_ecef_matrix, geodetic_to_ecef, metres_per_degree
from geo.jacobian import ErrorSources, ground_errors
from geo.march import CODE, first_hits
from geo.rays import aim, join
from geo.values import Unplaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from geo.jacobian import GroundErrors
    from geo.march import Hits
    from geo.rays import Rays
    from geo.values import FloatArray, GroundPoints, PoseSigmas, Terrain

UPPER_DECILE_SIGMAS: Final = 1.281_551_565_544_600_4
"""A tenth of a normal distribution lies above this many sigmas."""
BENT_BELOW_SIGMAS: Final = 8.0
"""Rays that meet the ground at less than this many sigmas of their own direction are cast again."""
BENT_FACTOR: Final = 1.5
"""A moved ray that lands further than this many times where the tangent plane has it is cast again."""
_LEAST_LIFT_M: Final = 0.01
_SMALL_SHARE: Final = 0.2
"""Pixel and focal errors under this part of the angular ones keep their Jacobian (4 % of the variance)."""
_LOST: Final = (CODE[Unplaced.ABOVE_HORIZON], CODE[Unplaced.OUT_OF_RANGE])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """Some rows of ground points: their rays, what each may be wrong by, and what that does on the ground."""

    rows: NDArray[np.intp]
    rays: Rays
    sources: ErrorSources
    errors: GroundErrors


def recast(points: GroundPoints, some: Uncertain, terrain: Terrain, max_range_m: float) -> NDArray[np.intp]:
    """Replace covariance, CE90 and LE90 of some rows; return the rows whose 90 % circle does not exist.

    Angles and heights are cast again; pixel, focal and horizontal errors, which are
    small or shift the ground point alike, keep their Jacobian.
    """
    rows, rays, sources, errors = some.rows, some.rays, some.sources, some.errors
    angles, small = _split(sources)
    down_m = np.hypot(sources.sigmas.position_v_m, sources.sigmas.terrain_m)
    bundles = [aim(rays, ned=moved) for moved in _moved_directions(rays, sources, angles)]
    bundles += [aim(rays, shift_ned_m=np.array([0.0, 0.0, sign * down_m])) for sign in (1.0, -1.0)]
    bundles.append(aim(rays, ned=_lifted(rays, errors)))
    hits = first_hits(join(bundles), terrain, max_range_m)
    offsets = _offsets_enu_m(points, rows, hits)
    lost = np.isin(hits.reason_code.reshape(len(bundles), -1), _LOST).any(axis=0)
    ahead, behind = _mended(offsets[0:-1:2], offsets[1:-1:2])
    kept = ground_errors(rays, small, points.slant_m[rows], errors.slope_n, errors.slope_e).matrices()
    moment = kept + _second_moment(ahead[:-1], behind[:-1]) + _vertical_moment(ahead[-1], behind[-1], sources.sigmas)
    points.cov_enu_m2[rows] = moment
    circle = ce90_m(moment[:, 0, 0], moment[:, 1, 1], moment[:, 0, 1])
    points.ce90_m[rows] = np.fmax(circle, np.hypot(offsets[-1, :, 0], offsets[-1, :, 1]))
    points.le90_m[rows] = le90_m(moment[:, 2, 2])
    return rows[lost | np.isnan(moment[:, 0, 0])]


def _split(sources: ErrorSources) -> tuple[tuple[FloatArray, ...], ErrorSources]:
    """Return the shifts large enough to be cast again, and what is left to the Jacobian."""
    turned = np.sqrt(sum((float(np.max(np.sum(axis * axis, axis=0))) for axis in sources.axes), 0.0))
    large = tuple(shift for shift in sources.shifts if np.max(np.linalg.norm(shift, axis=0)) > _SMALL_SHARE * turned)
    small = tuple(shift for shift in sources.shifts if not any(shift is one for one in large))
    level = dataclasses.replace(sources.sigmas, position_v_m=0.0, terrain_m=0.0)
    return large, ErrorSources((), small, sources.optical_axis, level)


def _moved_directions(rays: Rays, sources: ErrorSources, shifts: tuple[FloatArray, ...]) -> Iterator[FloatArray]:
    """Yield the rays' directions with each angular source at plus and at minus one sigma."""
    for axis in sources.axes:
        yield _turned(rays.ned, axis)
        yield _turned(rays.ned, -axis)
    cosine = np.sum(sources.optical_axis * rays.ned, axis=0)
    for shift in shifts:
        for sign in (1.0, -1.0):
            moved = rays.ned + sign * cosine * shift
            yield moved / np.linalg.norm(moved, axis=0)


def _lifted(rays: Rays, errors: GroundErrors) -> FloatArray:
    """Return the rays' directions lifted by the upper decile of their elevation error."""
    level = np.hypot(rays.ned[0], rays.ned[1])
    right = np.stack([-rays.ned[1], rays.ned[0], np.zeros_like(level)]) / np.maximum(level, 1e-12)
    return _turned(rays.ned, right * (UPPER_DECILE_SIGMAS * errors.sigma_incidence_rad))


def _offsets_enu_m(points: GroundPoints, rows: NDArray[np.intp], hits: Hits) -> FloatArray:
    """Return where k contacts of each row lie from its reported point, (k, n, 3); NaN where there is none."""
    lat, lon = points.lat_deg[rows], points.lon_deg[rows]
    to_ecef = enu_to_ecef_matrix(lat, lon)
    where = geodetic_to_ecef(hits.lat_deg, hits.lon_deg, hits.alt_hae_m).reshape(-1, len(rows), 3)
    return np.asarray(np.einsum("kni,nij->knj", where - geodetic_to_ecef(lat, lon, points.alt_hae_m[rows]), to_ecef))


def _second_moment(ahead: FloatArray, behind: FloatArray) -> FloatArray:
    """Return the moments about the reported point of sources at plus and minus one sigma, (n, 3, 3)."""
    return np.asarray(0.5 * (np.einsum("kni,knj->nij", ahead, ahead) + np.einsum("kni,knj->nij", behind, behind)))


def _vertical_moment(lower: FloatArray, higher: FloatArray, sigmas: PoseSigmas) -> FloatArray:
    """Return the moment of camera height and ground height, both from a camera moved by their joint sigma.

    Ground that is higher by z is a camera that is lower by z, with z added to the height of the contact.
    """
    joint = max(float(np.hypot(sigmas.position_v_m, sigmas.terrain_m)), 1e-12)
    camera, ground = sigmas.position_v_m / joint, sigmas.terrain_m / joint
    rise = np.array([0.0, 0.0, sigmas.terrain_m])
    ahead = np.stack([lower * camera, lower * ground + rise])
    behind = np.stack([higher * camera, higher * ground - rise])
    return _second_moment(ahead, behind)


def bends(points: GroundPoints, some: Uncertain, terrain: Terrain) -> NDArray[np.bool_]:
    """Say where the ground bends so that a ray lifted or lowered by its error does not land near its tangent plane.

    A lifted ray must be under the ground by `BENT_FACTOR` times the way to where
    it meets the tangent plane, and a lowered one must not be under it before that:
    otherwise a crest, a step or a hollow lies within the error.
    """
    rows, sources, errors = some.rows, some.sources, some.errors
    d, slant = some.rays.ned, points.slant_m[rows]
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


def _mended(ahead: FloatArray, behind: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Where one of a pair fell off the known ground, take the mirror of the other."""
    return np.where(np.isnan(ahead), -behind, ahead), np.where(np.isnan(behind), -ahead, behind)


def _turned(d: FloatArray, axis: FloatArray) -> FloatArray:
    """Turn directions about axes whose length is the angle in radians (Rodrigues)."""
    angle = np.linalg.norm(axis, axis=0)
    unit = np.divide(axis, angle, out=np.zeros_like(axis), where=angle > 0.0)
    along = np.sum(unit * d, axis=0)
    across = np.cross(np.broadcast_to(unit, d.shape), d, axis=0)
    return np.asarray(d * np.cos(angle) + across * np.sin(angle) + unit * along * (1.0 - np.cos(angle)))
