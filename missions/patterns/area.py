"""Search of an area: the shortest back-and-forth path that sees all of a polygon with holes.

The lanes' direction is found by bound and search: every edge direction of the
polygon (the least width of a convex polygon lies along one of its edges,
Shamos 1978, "rotating calipers") and every whole degree are candidates; each
has a lower bound (its lanes and the ways inside its cells), and candidates are
planned in full, in the order of their bounds, until no bound is below the best plan.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from geo.errors import InputError
from missions.patterns.cells import Cell, cells_of, path_points
from missions.patterns.detours import detours
from missions.patterns.lanes import LaneRows, lane_rows, strips_of, turned
from missions.patterns.tours import best_tour, least_ways_m

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

WHOLE_DEGREES: Final = tuple(math.radians(d) for d in range(180))
BRIDGES: Final = (0.0, 3.0, 10.0, math.inf)
"""Gaps between pieces of a row, in swaths, up to which flying straight on is tried."""
DETOURS_TRIED: Final = 60
_SAME_DIRECTION_RAD: Final = 1e-4


def _even(direction_rad: float) -> float:  # noqa: ARG001 - the same in every direction
    return 1.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LaneCost:
    """What flying costs, in metres flown straight in still air: what makes one direction of lanes better."""

    turn_m: float = 0.0
    """One corner between lanes, beyond the way round it."""
    slowness: Callable[[float], float] = _even
    """A metre of lane, there and back, in a direction counterclockwise from east, radians (wind)."""


FREE_TURNS: Final = LaneCost()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sweep:
    """How areas are swept, and from where."""

    swath_m: float
    """Width seen from a lane, half on each side."""
    reach_m: float = 0.0
    """How far ahead and behind the camera sees."""
    cost: LaneCost = FREE_TURNS
    """What turns and directions cost."""
    over_holes: bool = True
    """Whether holes may be flown over. If not, the path still crosses them, and whoever flies it goes round: what that
    costs is counted, on the most promising `DETOURS_TRIED` plans."""
    begin_xy: FloatArray | None = None
    """Where the aircraft comes from, shape (2,)."""
    finish_xy: FloatArray | None = None
    """Where it goes to."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AreaPath:
    """A path over an area: points (n, 2) in metres, flown in order; lanes are the pairs (0, 1), (2, 3), ..."""

    points_xy: FloatArray
    direction_rad: float
    swath_m: float
    lane_count: int
    cell_count: int
    cost_m: float
    """By the `LaneCost` it was planned with, from its first point to its last."""

    @property
    def length_m(self) -> float:
        """Length from the first point to the last."""
        return float(np.hypot(*np.diff(self.points_xy, axis=0).T).sum())


@dataclasses.dataclass(frozen=True, slots=True)
class _Candidate:
    bound_m: float
    direction_rad: float
    cells: list[Cell]


def check_area(polygon: shapely.Polygon, swath_m: float) -> None:
    """Refuse areas that cannot be searched.

    Raises
    ------
    InputError
        For a swath that is not above zero, an empty polygon or one that crosses itself (with the place).
    """
    if not (math.isfinite(swath_m) and swath_m > 0.0):
        raise InputError(f"the swath must be above 0 m, found {swath_m}", actual=swath_m)
    if not polygon.is_valid:
        reason = shapely.is_valid_reason(polygon)
        raise InputError(f"the area is not a simple polygon: {reason} (metres from its middle)")
    if polygon.is_empty or polygon.area <= 0.0:
        raise InputError("the area has no ground in it; draw a polygon of at least three corners")


def edge_directions(polygon: shapely.Polygon) -> list[float]:
    """Return the directions of all edges, radians in [0, pi), without near-duplicates."""
    rings = [polygon.exterior, *polygon.interiors, shapely.get_exterior_ring(shapely.convex_hull(polygon))]
    steps = np.concatenate([np.diff(shapely.get_coordinates(ring), axis=0) for ring in rings])
    steps = steps[np.hypot(*steps.T) > 0.0]
    angles = np.sort(np.arctan2(steps[:, 1], steps[:, 0]) % np.pi)
    keep = np.concatenate([[True], np.diff(angles) > _SAME_DIRECTION_RAD])
    return [float(a) for a in angles[keep]]


def plan_area(polygon: shapely.Polygon, sweep: Sweep, *, directions_rad: Iterable[float] | None = None) -> AreaPath:
    """Plan a path that sees every point of a polygon; holes need not be seen.

    Parameters
    ----------
    polygon
        The ground to see, metres.
    sweep
        How it is swept.
    directions_rad
        Lane directions to try; by default all edges and whole degrees.

    Raises
    ------
    InputError
        See `check_area`.
    """
    swath_m, cost = sweep.swath_m, sweep.cost
    check_area(polygon, swath_m)
    tried = [*edge_directions(polygon), *WHOLE_DEGREES] if directions_rad is None else list(directions_rad)
    bridges = BRIDGES if len(polygon.interiors) or not _is_convex(polygon) else (0.0,)
    barred = [] if sweep.over_holes else [shapely.Polygon(ring) for ring in polygon.interiors]
    candidates: list[_Candidate] = []
    for direction in tried:
        strips = strips_of(polygon, direction_rad=direction, swath_m=swath_m)
        variants = [lane_rows(strips, reach_m=sweep.reach_m, bridge_m=bridge * swath_m) for bridge in bridges]
        different = {rows.pieces: rows for rows in variants}.values()
        candidates += [_candidate(rows, cost) for rows in different]
    best_m, best = math.inf, None
    in_order = sorted(candidates, key=lambda c: (c.bound_m, c.direction_rad))
    for candidate in in_order[:DETOURS_TRIED] if barred else in_order:
        if candidate.bound_m >= best_m - 1e-9:
            break
        places = (sweep.begin_xy, sweep.finish_xy)
        ends = [None if p is None else turned(p[None, :], -candidate.direction_rad)[0] for p in places]
        length_m, tour = best_tour(candidate.cells, begin=ends[0], finish=ends[1])
        slow = cost.slowness(candidate.direction_rad)
        cost_m = slow * length_m + cost.turn_m * _turns(candidate.cells)
        if barred:
            round_m, count = detours(path_points(candidate.cells, tour, candidate.direction_rad), barred)
            cost_m += round_m + 2.0 * cost.turn_m * count
        if cost_m < best_m:
            best_m, best = cost_m, (candidate, tour)
    if best is None:
        raise InputError("no lane direction was given to plan the area with")
    chosen, tour = best
    points = path_points(chosen.cells, tour, chosen.direction_rad)
    length_m = float(np.hypot(*np.diff(points, axis=0).T).sum())
    return AreaPath(
        points_xy=points,
        direction_rad=chosen.direction_rad,
        swath_m=swath_m,
        lane_count=sum(len(cell.lanes) for cell in chosen.cells),
        cell_count=len(chosen.cells),
        cost_m=cost.slowness(chosen.direction_rad) * length_m + cost.turn_m * _turns(chosen.cells),
    )


def least_bound_m(polygon: shapely.Polygon, sweep: Sweep) -> float:
    """Return the least lower bound of a path's cost over the directions of the polygon's edges."""
    strips = (strips_of(polygon, direction_rad=a, swath_m=sweep.swath_m) for a in edge_directions(polygon))
    return min(_candidate(lane_rows(cut, reach_m=sweep.reach_m), sweep.cost).bound_m for cut in strips)


def _is_convex(polygon: shapely.Polygon) -> bool:
    return bool(shapely.convex_hull(polygon).area <= polygon.area * (1.0 + 1e-9))


def _turns(cells: list[Cell]) -> int:
    return 2 * (sum(len(cell.lanes) for cell in cells) - 1)


def _candidate(rows: LaneRows, cost: LaneCost) -> _Candidate:
    cells = cells_of(rows)
    length_m = sum(cell.least_m for cell in cells) + least_ways_m(cells)
    bound_m = cost.slowness(rows.direction_rad) * length_m + cost.turn_m * _turns(cells)
    return _Candidate(bound_m, rows.direction_rad, cells)
