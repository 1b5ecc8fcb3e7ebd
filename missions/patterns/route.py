"""Along a given line or fence: routes beside a line, and laps around a perimeter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from geo.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

MAX_LAPS: Final = 100
_MITRE: Final = 2.0
"""A corner's tip lies at most this many offsets from its line."""


def along_route(line: shapely.LineString, *, offset_m: float = 0.0, there_and_back: bool = False) -> FloatArray:
    """Fly along a line, `offset_m` to its right (negative: left), and back on the same track if asked.

    Raises
    ------
    InputError
        When the line has no length, or the offset leaves nothing of it.
    """
    if line.is_empty or line.length <= 0.0:
        raise InputError("the route has no length; draw a line of two different points or more")
    beside: shapely.Geometry = line
    if offset_m != 0.0:
        beside = shapely.offset_curve(line, -offset_m, join_style="mitre", mitre_limit=_MITRE)
    parts = [part for part in shapely.get_parts(beside) if part.length > 0.0]
    if not parts:
        raise InputError(f"{abs(offset_m):g} m beside the route nothing of it is left; use a smaller offset")
    points = _forwards(np.concatenate([shapely.get_coordinates(part) for part in parts]), line)
    return np.concatenate([points, points[-2::-1]]) if there_and_back else points


def _forwards(points: FloatArray, line: shapely.LineString) -> FloatArray:
    """Keep the direction the line was drawn in."""
    start, end = (shapely.line_locate_point(line, shapely.Point(p)) for p in (points[0], points[-1]))
    return points if start <= end else points[::-1]


def check_laps(laps: int) -> None:
    """Raise InputError when a path is to be flown never, or more often than any battery could."""
    if not 1 <= laps <= MAX_LAPS:
        raise InputError(f"a path is flown round 1 to {MAX_LAPS} times, found {laps}", actual=laps)


def around_perimeter(
    polygon: shapely.Polygon,
    *,
    offset_m: float,
    laps: int = 1,
    clockwise: bool = True,
    begin_xy: FloatArray | None = None,
) -> FloatArray:
    """Fly around a site, `offset_m` outside its fence (negative: inside), starting at the corner nearest `begin_xy`.

    Raises
    ------
    InputError
        When the offset leaves nothing to fly around, or the number of laps is out of range.
    """
    check_laps(laps)
    filled = shapely.Polygon(polygon.exterior)
    moved = shapely.buffer(filled, offset_m, join_style="mitre", mitre_limit=_MITRE)
    parts = [part for part in shapely.get_parts(moved) if part.geom_type == "Polygon" and part.area > 0.0]
    if not parts:
        raise InputError(f"{offset_m:g} m from the perimeter nothing is left to fly around; use a smaller offset")
    ring = shapely.get_coordinates(max(parts, key=lambda part: part.area).exterior)[:-1]
    if shapely.is_ccw(shapely.linearrings(np.concatenate([ring, ring[:1]]))) == clockwise:
        ring = ring[::-1]
    if begin_xy is not None:
        ring = np.roll(ring, -int(np.argmin(np.hypot(*(ring - begin_xy).T))), axis=0)
    return np.concatenate([*([ring] * laps), ring[:1]])


def circle(centre_xy: FloatArray, *, radius_m: float, corners: int = 24, begin_deg: float = 0.0) -> FloatArray:
    """Return a closed clockwise circle as corners on it, beginning in direction `begin_deg` from the centre."""
    if not (math.isfinite(radius_m) and radius_m > 0.0):
        raise InputError(f"the orbit radius must be above 0 m, found {radius_m:g}", actual=radius_m)
    angles = np.radians(begin_deg) + np.linspace(0.0, 2.0 * np.pi, corners + 1)
    return np.asarray(centre_xy, dtype=np.float64) + radius_m * np.column_stack([np.sin(angles), np.cos(angles)])
