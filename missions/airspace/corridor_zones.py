"""No-fly zones in the plane, and whether the heights flown come near their floor and ceiling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from shapely import Polygon

from missions.errors import BriefError

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from missions.airspace.corridor_frame import LocalFrame
    from missions.airspace.terrain_profile import PlaneGround
    from missions.briefs.brief import Brief
    from missions.briefs.places import Zone

CIRCLE_SEGMENTS: Final = 16
"""Segments per quarter of a circular zone; drawn about the circle, so that no chord cuts into it."""
HEIGHT_SLACK_M: Final = 15.0
"""How far the path may be above or below the height asked while following the ground."""


def zone_plane(zone: Zone, frame: LocalFrame) -> BaseGeometry:
    """Return a zone's outline in the plane.

    Raises
    ------
    BriefError
        When a polygon crosses itself or has fewer than three corners.
    """
    if zone.centre is not None and zone.radius_m is not None:
        centre = frame.to_plane(np.array([zone.centre[0]]), np.array([zone.centre[1]]))[0]
        around = zone.radius_m / float(np.cos(np.pi / (4 * CIRCLE_SEGMENTS)))
        return shapely.buffer(shapely.Point(centre), around, quad_segs=CIRCLE_SEGMENTS)
    shapes = [
        Polygon(
            frame.line_to_plane(r[0].lat_deg, r[0].lon_deg), [frame.line_to_plane(h.lat_deg, h.lon_deg) for h in r[1:]]
        )
        for r in zone.polygons
        if len(r[0].lat_deg) >= 3
    ]
    if not shapes or not all(s.is_valid for s in shapes):
        raise BriefError(
            f"zone {zone.name!r} crosses itself or has fewer than three corners; redraw it", zone=zone.name
        )
    return shapely.union_all(shapes)


def in_the_way(zone: Zone, shape: BaseGeometry, brief: Brief, ground: PlaneGround | None) -> bool:
    """Tell whether a zone reaches the heights flown over it, its clearance included."""
    if ground is None or (zone.floor_amsl_m is None and zone.ceiling_amsl_m is None):
        return True
    east0, north0, east1, north1 = shape.bounds
    grid = np.stack(np.meshgrid(np.linspace(east0, east1, 25), np.linspace(north0, north1, 25)), axis=-1).reshape(-1, 2)
    heights = ground.at(grid)
    heights = heights[np.isfinite(heights)]
    if len(heights) == 0:
        return True
    lowest = float(heights.min()) + brief.flight.alt_agl_m - HEIGHT_SLACK_M
    highest = float(heights.max()) + brief.flight.alt_agl_m + HEIGHT_SLACK_M
    floor = -np.inf if zone.floor_amsl_m is None else zone.floor_amsl_m - zone.clearance_m
    ceiling = np.inf if zone.ceiling_amsl_m is None else zone.ceiling_amsl_m + zone.clearance_m
    return bool(highest > floor and lowest < ceiling)
