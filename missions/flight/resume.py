"""Going on after a battery swap: from which item, and whether the straight way there is safe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.failsafes.return_path import flown_items
from missions.flight.deviation import LocalPlane
from missions.plan_files.dialect import PATH_COMMANDS, has_position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapely.geometry.base import BaseGeometry

    from missions.plan import MissionItem, Sortie

_INSIDE_POLYGON, _OUTSIDE_POLYGON, _INSIDE_CIRCLE, _OUTSIDE_CIRCLE = 5001, 5002, 5003, 5004
_TAKEOFF: Final = 22


def resume_item(sortie: Sortie, seq: int) -> MissionItem | None:
    """Return the item to go on at, or None when the sortie is better flown from its start.

    The first place after take-off needs no resuming, and neither does a number
    that names no place to fly to.
    """
    flown = flown_items(sortie.items)
    places = [i for i in flown if i.command in PATH_COMMANDS and i.command != _TAKEOFF and has_position(i)]
    chosen = [i for i in places if i.seq == seq]
    return chosen[0] if chosen and chosen[0] is not places[0] else None


def way_is_clear(sortie: Sortie, item: MissionItem, border: BaseGeometry | None, required_standoff_m: float) -> str:
    """Say what is wrong with flying straight from home to `item`; empty when nothing is.

    The planned path has been checked leg by leg, this shortcut has not: it
    must keep the standoff and stay within the sortie's own fence.
    """
    plane = LocalPlane(sortie.home_lat_deg, sortie.home_lon_deg)
    ends = np.vstack(
        [plane.xy(sortie.home_lat_deg, sortie.home_lon_deg), plane.xy(item.lat_deg, item.lon_deg)],
    )
    way = shapely.linestrings(ends)
    if border is not None:
        nearest_m = float(shapely.distance(plane.project(border), way))
        if nearest_m < required_standoff_m:
            return f"the straight way comes within {nearest_m:.0f} m of the line ({required_standoff_m:.0f} m is kept)"
    for kind, shape in _fence_shapes(sortie.fence, plane):
        inside = kind in (_INSIDE_POLYGON, _INSIDE_CIRCLE)
        if inside and not shapely.contains(shape, way):
            return "the straight way leaves the fence"
        if not inside and shapely.intersects(shape, way):
            return "the straight way crosses a forbidden area of the fence"
    return ""


def _fence_shapes(fence: Sequence[MissionItem], plane: LocalPlane) -> list[tuple[int, BaseGeometry]]:
    shapes: list[tuple[int, BaseGeometry]] = []
    index = 0
    while index < len(fence):
        item = fence[index]
        if item.command in (_INSIDE_CIRCLE, _OUTSIDE_CIRCLE):
            centre = shapely.Point(plane.xy(item.lat_deg, item.lon_deg)[0])
            shapes.append((item.command, centre.buffer(item.p1)))
            index += 1
        elif item.command in (_INSIDE_POLYGON, _OUTSIDE_POLYGON):
            ring = fence[index : index + max(1, round(item.p1))]
            corners = plane.xy(np.array([i.lat_deg for i in ring]), np.array([i.lon_deg for i in ring]))
            shapes.append((item.command, shapely.Polygon(corners)))
            index += len(ring)
        else:
            index += 1
    return shapes
