"""One leg-level judgement prepared: the legs in the plane of a brief, and findings about them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import shapely

from missions.plan import Finding, Severity

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.airspace.corridor import Corridor
    from missions.airspace.terrain_profile import PlaneGround
    from missions.briefs.brief import Brief
    from missions.briefs.places import Zone
    from missions.plan import Leg

    FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is judged, prepared once."""

    brief: Brief
    corridor: Corridor
    legs: tuple[Leg, ...]
    lines: NDArray[np.object_]
    ground: PlaneGround
    landings: FloatArray
    return_amsl_m: float
    """Height the aircraft climbs to before it returns, when it is lower."""
    by_item: bool


def subject_finding(  # noqa: PLR0913 - one value per field of a finding
    subject: Subject,
    rule: str,
    leg: Leg,
    message: str,
    *,
    at_xy: FloatArray | None = None,
    measured: float,
    limit: float,
    unit: str = "m",
    severity: Severity = Severity.ERROR,
) -> Finding:
    """Build a finding about a leg, at a place in the plane or else at its start."""
    lat, lon = leg.lat_start_deg, leg.lon_start_deg
    if at_xy is not None:
        lats, lons = subject.corridor.frame.to_degrees(np.atleast_2d(at_xy))
        lat, lon = float(lats[0]), float(lons[0])
    return Finding(
        rule=rule,
        severity=severity,
        message=f"the leg to item {leg.seq + 1} {message}" if subject.by_item else f"leg {leg.seq} {message}",
        lat_deg=lat,
        lon_deg=lon,
        seq=leg.seq,
        measured=round(measured, 2),
        limit=round(limit, 2),
        unit=unit,
    )


def nearest_point(line: BaseGeometry, other: shapely.Geometry) -> FloatArray:
    """Return the point of a line that is nearest to something else."""
    ways = np.asarray(shapely.shortest_line(np.asarray(line), np.asarray(other)))
    return np.asarray(shapely.get_coordinates(ways)[0])


def in_layer(leg: Leg, line: BaseGeometry, inside: BaseGeometry, zone: Zone) -> bool:
    """Tell whether the part of a leg inside a zone's outline is between its floor and ceiling (with clearance)."""
    heights = np.array([leg.alt_amsl_start_m, leg.alt_amsl_end_m])
    if np.isnan(heights).any():
        return True
    if line.length > 0.0:
        share = shares_along(line, shapely.get_coordinates(inside))
        heights = heights[0] + np.array([share.min(), share.max()]) * (heights[1] - heights[0])
    low = -np.inf if zone.floor_amsl_m is None else zone.floor_amsl_m - zone.clearance_m
    high = np.inf if zone.ceiling_amsl_m is None else zone.ceiling_amsl_m + zone.clearance_m
    return bool(heights.max() > low and heights.min() < high)


def shares_along(line: BaseGeometry, points: FloatArray) -> FloatArray:
    """Return how far along a line points lie, 0 to 1."""
    return np.asarray(shapely.line_locate_point(np.asarray(line), shapely.points(points), normalized=True))
