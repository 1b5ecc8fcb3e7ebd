"""A pattern's path moved into the air a brief leaves free: detours where a straight way is forbidden."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, NoReturn

import numpy as np
import shapely

from missions.errors import PlanRefusedError
from missions.plan import LegKind

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.airspace.corridor import Corridor
    from missions.airspace.routing import Router

    FloatArray = NDArray[np.float64]


INSIDE_M: Final = 0.5
"""Where a segment leaves and enters the free air, it is left and joined so far inside."""
WORTH_M: Final = 20.0
"""Free pieces of a segment shorter than this are not flown to on their own."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FreePath:
    """A path that lies in the free air: (n, 2) points, and what each of its n - 1 segments is."""

    xy_m: FloatArray
    kinds: tuple[LegKind, ...]
    moved_m: float
    """How far the farthest point had to move."""


def lanes_in_air(
    points_xy: FloatArray, corridor: Corridor, *, slack_m: float
) -> tuple[FloatArray, tuple[LegKind, ...]]:
    """Return the lanes of an area, pairs of points, as far as they lie in the free air, and the kinds of the legs.

    A lane that leaves the air ends where the air ends. One that lies beside it, by at most `slack_m`, is kept for
    `into_free_air` to move; one farther out is left out.

    Raises
    ------
    PlanRefusedError
        When none is left.
    """
    lanes = points_xy.reshape(-1, 2, 2)
    lines = np.asarray(shapely.linestrings(lanes))
    shapely.prepare(corridor.free)
    whole = shapely.covers(corridor.free, lines)
    kept: list[FloatArray] = []
    for lane, line, free in zip(lanes, lines, whole, strict=True):
        if free:
            kept.append(lane)
            continue
        parts = shapely.get_parts(shapely.intersection(line, corridor.free))
        marks = [line.project(shapely.Point(xy)) for p in parts if p.length > WORTH_M for xy in p.coords]
        if marks:
            low, high = min(marks), max(marks)
            kept.append(shapely.get_coordinates(shapely.line_interpolate_point(line, [low, high])))
        elif shapely.distance(corridor.free, shapely.points(lane)).max() <= slack_m:
            kept.append(lane)
    if not kept:
        _refuse(points_xy[0], float(shapely.distance(corridor.free, shapely.Point(points_xy[0]))), corridor, slack_m)
    return np.concatenate(kept), tuple(LegKind.WORK if k % 2 == 0 else LegKind.TURN for k in range(2 * len(kept) - 1))


def into_free_air(
    points_xy: FloatArray, kinds: tuple[LegKind, ...], corridor: Corridor, router: Router, *, slack_m: float
) -> FreePath:
    """Bring a path into the free air.

    Points outside move to the nearest free point, if that is at most `slack_m` away, and points over
    ground to avoid off it, if that is no farther. What is free of a segment is flown; what lies between
    is flown around, which is work as well where the way round keeps within `slack_m` of the segment, and
    else a turn. Ground to avoid is such a gap too where a way round exists.

    Raises
    ------
    PlanRefusedError
        When a point would have to move farther, or two points have no free way between them.
    """
    preferred = _snapped(points_xy, corridor.preferred)
    near = (np.hypot(*(preferred - points_xy).T) <= slack_m) & shapely.covers(
        corridor.preferred, shapely.points(preferred)
    )
    moved = np.where(near[:, None], preferred, _snapped(points_xy, corridor.free))
    apart = np.hypot(*(moved - points_xy).T)
    if apart.max() > slack_m:
        _refuse(points_xy[int(apart.argmax())], float(apart.max()), corridor, slack_m)
    path: list[FloatArray] = [moved[:1]]
    kept: list[LegKind] = []
    for start, end, kind in zip(moved[:-1], moved[1:], kinds, strict=True):
        for a, b, gap in _pieces(start, end, router):
            way = router.route(a, b)
            if way is None:
                _refuse(end, 0.0, corridor, slack_m)
            off_m = shapely.distance(shapely.points(way), shapely.LineString([start, end])).max()
            path.append(way[1:])
            kept += [kind if not gap or off_m <= slack_m else LegKind.TURN] * (len(way) - 1)
    return FreePath(xy_m=np.concatenate(path), kinds=tuple(kept), moved_m=float(apart.max()))


def _pieces(start: FloatArray, end: FloatArray, router: Router) -> list[tuple[FloatArray, FloatArray, bool]]:
    """Return the pieces of a segment in order, and whether each is a gap: not free as it is."""
    air = next((a for a in router.airs if a.joined(start, end)), router)
    if bool(air.clear(start, end)):
        return [(start, end, False)]
    line = shapely.LineString([start, end])
    inside = shapely.intersection(line, shapely.buffer(air.free, -INSIDE_M))
    runs = sorted(
        sorted(float(line.project(shapely.Point(xy))) for xy in shapely.get_coordinates(part)[[0, -1]])
        for part in shapely.get_parts(inside)
        if part.geom_type == "LineString" and part.length > WORTH_M
    )
    marks = [0.0, *(mark for run in runs for mark in run), float(line.length)]
    places = [start, *(np.asarray(line.interpolate(mark).coords[0]) for mark in marks[1:-1]), end]
    pieces = zip(places[:-1], places[1:], marks[:-1], marks[1:], strict=True)
    return [(a, b, k % 2 == 0) for k, (a, b, low, high) in enumerate(pieces) if high - low > 0.01]


def _snapped(points_xy: FloatArray, air: BaseGeometry) -> FloatArray:
    """Return the points, those outside the air moved to the nearest place a metre inside it."""
    shapely.prepare(air)
    outside = ~shapely.covers(air, shapely.points(points_xy))
    if not outside.any():
        return points_xy
    inner = shapely.buffer(air, -1.0)
    if shapely.is_empty(inner):
        return points_xy
    ways = np.asarray(shapely.shortest_line(shapely.points(points_xy[outside]), np.asarray(inner)))
    snapped = points_xy.copy()
    snapped[outside] = shapely.get_coordinates(ways)[1::2]
    return snapped


def _refuse(point_xy: FloatArray, moved_m: float, corridor: Corridor, slack_m: float) -> NoReturn:
    lats, lons = corridor.frame.to_degrees(point_xy[None, :])
    point = shapely.Point(point_xy)
    border_m = float(shapely.distance(np.asarray(corridor.guard), np.asarray(point))) / corridor.stretch
    inside = [
        n for n, zone in enumerate(corridor.zones) if bool(shapely.intersects(np.asarray(zone), np.asarray(point)))
    ]
    if inside:
        reason = f"it lies in zone {inside[0] + 1} of the brief"
    elif corridor.keep_in is not None and not bool(shapely.covers(np.asarray(corridor.keep_in), np.asarray(point))):
        out_m = float(shapely.distance(np.asarray(corridor.keep_in), np.asarray(point))) / corridor.stretch
        reason = f"it lies {out_m:.0f} m outside the keep-in area"
    elif not bool(shapely.covers(np.asarray(corridor.own), np.asarray(point))):
        way = shapely.LineString([corridor.sites[0], point_xy])
        beyond = bool(shapely.intersects(np.asarray(way), np.asarray(corridor.guard)))
        where = "beyond the border" if beyond else "from the border, outside the ground this brief describes"
        reason = f"it lies {border_m:.0f} m {where}"
    elif border_m < corridor.kept_m:
        reason = f"it lies {border_m:.0f} m from the border, and {corridor.kept_m:.0f} m must be kept"
    else:
        reason = "no free way leads there"
    raise PlanRefusedError(
        f"the search cannot be flown at {lats[0]:.6f}, {lons[0]:.6f}: {reason}; move the search "
        f"{max(moved_m - slack_m, 1.0):.0f} m or more into the free air",
        rule="search", measured=moved_m, limit=slack_m,
    )  # fmt: skip
