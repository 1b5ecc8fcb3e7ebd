"""Areas of a brief in the plane (zones, keep-in, ground to avoid), and whether the heights flown come near a zone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from shapely import Polygon

from missions.airspace.zone_layers import HeightSpan, reaches
from missions.errors import BriefError

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from missions.airspace.corridor_frame import LocalFrame
    from missions.airspace.terrain_profile import PlaneGround
    from missions.briefs.brief import Brief
    from missions.briefs.places import Area, Avoid, GeoLine, KeepIn, Zone

CIRCLE_SEGMENTS: Final = 16
"""Segments per quarter of a circular zone; drawn about the circle, so that no chord cuts into it."""
MIN_CORNERS: Final = 3
HEIGHT_SLACK_M: Final = 15.0
"""How far the path may be above or below the height asked while following the ground."""


def zone_plane(zone: Zone, frame: LocalFrame) -> BaseGeometry:
    """Return a zone's outline in the plane; an obstacle reaches its half width to each side of where it is drawn.

    Raises
    ------
    BriefError
        As for `area_plane`.
    """
    called = f"zone {zone.name!r}"
    around = [
        shapely.buffer(
            thin, zone.half_width_m / float(np.cos(np.pi / (4 * CIRCLE_SEGMENTS))), quad_segs=CIRCLE_SEGMENTS
        )
        for thin in _thin(zone.lines, frame)
    ]
    area = [area_plane(zone, frame, called)] if zone.polygons or zone.centre else []
    return shapely.union_all([*area, *around])


def keep_in_plane(keep_in: KeepIn, frame: LocalFrame) -> BaseGeometry:
    """Return the outline of the ground no path leaves, in the plane; a circle is drawn inside itself.

    Raises
    ------
    BriefError
        As for `area_plane`.
    """
    return area_plane(keep_in, frame, "the keep-in area", inside=True)


def avoided_plane(avoid: Avoid, frame: LocalFrame) -> BaseGeometry:
    """Return ground to avoid overflying in the plane, without its clearance.

    Raises
    ------
    BriefError
        As for `area_plane`.
    """
    area = [area_plane(avoid, frame, f"avoided ground {avoid.name!r}")] if avoid.polygons or avoid.centre else []
    return shapely.union_all([*area, *_thin(avoid.lines, frame)])


def _thin(lines: tuple[GeoLine, ...], frame: LocalFrame) -> list[BaseGeometry]:
    """Return lines and single places in the plane."""
    drawn = [frame.line_to_plane(line.lat_deg, line.lon_deg) for line in lines]
    return [shapely.Point(xy[0]) if len(xy) == 1 else shapely.LineString(xy) for xy in drawn]


def area_plane(area: Area, frame: LocalFrame, called: str, *, inside: bool = False) -> BaseGeometry:
    """Return an area's outline in the plane, a circle with its chords outside it (or, with `inside`, within it).

    Raises
    ------
    BriefError
        When a polygon crosses itself or has fewer than three corners, naming the place.
    """
    if area.centre is not None and area.radius_m is not None:
        centre = frame.to_plane(np.array([area.centre[0]]), np.array([area.centre[1]]))[0]
        around = area.radius_m if inside else area.radius_m / float(np.cos(np.pi / (4 * CIRCLE_SEGMENTS)))
        return shapely.buffer(shapely.Point(centre), around, quad_segs=CIRCLE_SEGMENTS)
    return shapely.union_all([_polygon(rings, frame, called) for rings in area.polygons])


def _polygon(rings: tuple[GeoLine, ...], frame: LocalFrame, called: str) -> Polygon:
    for ring in rings:
        places = np.unique(np.stack([ring.lat_deg, ring.lon_deg], axis=1), axis=0)
        if len(places) < MIN_CORNERS:
            raise BriefError(
                f"{called} has a ring of fewer than three corners about {places[0, 0]:.5f}, {places[0, 1]:.5f}; "
                "redraw it",
                called=called,
            )
    outer, *holes = (frame.line_to_plane(r.lat_deg, r.lon_deg) for r in rings)
    polygon = Polygon(outer, holes)
    if not polygon.is_valid:
        place = re.search(r"\[(\S+) (\S+)\]", shapely.is_valid_reason(polygon))
        lat, lon = frame.to_degrees(np.array([[float(n) for n in place.groups()]] if place else outer[:1]))
        raise BriefError(
            f"{called} crosses or touches itself at {lat[0]:.5f}, {lon[0]:.5f}; redraw it there",
            called=called, lat_deg=float(lat[0]), lon_deg=float(lon[0]),
        )  # fmt: skip
    return polygon


def in_the_way(zone: Zone, shape: BaseGeometry, brief: Brief, ground: PlaneGround | None) -> bool:
    """Tell whether a zone reaches the heights flown over it, its clearance included."""
    if ground is None:
        return True
    east0, north0, east1, north1 = shape.bounds
    grid = np.stack(np.meshgrid(np.linspace(east0, east1, 25), np.linspace(north0, north1, 25)), axis=-1).reshape(-1, 2)
    heights = ground.at(grid)
    heights = heights[np.isfinite(heights)]
    if len(heights) == 0:
        return True
    flown = HeightSpan(
        low_amsl_m=heights.min(keepdims=True) + brief.flight.alt_agl_m - HEIGHT_SLACK_M,
        high_amsl_m=heights.max(keepdims=True) + brief.flight.alt_agl_m + HEIGHT_SLACK_M,
        low_agl_m=np.array([brief.flight.alt_agl_m - HEIGHT_SLACK_M]),
        high_agl_m=np.array([brief.flight.alt_agl_m + HEIGHT_SLACK_M]),
    )
    return bool(reaches(zone, flown)[0])
