"""Concave areas cut into parts that are each swept in their own direction, where that shortens the path.

Cuts run from a reflex corner along one of its edges to the other side (Huang,
"Optimal line-sweep-based decompositions for coverage algorithms", 2001, uses the
same cuts). A cut is kept only when the two parts' paths and the way between
them are shorter than one path over the whole.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
import shapely.ops

from missions.patterns.area import AreaPath, LaneCost, Sweep, edge_directions, least_bound_m, plan_area

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

MAX_REFLEX_CORNERS: Final = 24
FULL_TRIES: Final = 3
"""Cuts planned in full, in the order of their lower bounds."""
WORTH_IT: Final = 0.99
"""A cut is looked into when its bound promises to save at least a hundredth of the path."""
MAX_DEPTH: Final = 2
_LEAST_PART: Final = 4.0
"""A part must be worth this many squares of the swath."""


def plan_area_in_parts(polygon: shapely.Polygon, sweep: Sweep) -> AreaPath:
    """Plan an area like `plan_area`, and in parts with directions of their own where that costs less.

    Raises
    ------
    InputError
        See `missions.patterns.area.check_area`.
    """
    whole = plan_area(polygon, sweep)
    inside = dataclasses.replace(sweep, begin_xy=None, finish_xy=None)
    parted = whole if len(polygon.interiors) else _cheaper(polygon, whole, inside, MAX_DEPTH)
    if parted is whole:
        return whole
    turned = dataclasses.replace(parted, points_xy=parted.points_xy[::-1])
    return min((whole, parted, turned), key=lambda path: path.cost_m + _transit_m(path, sweep))


def _cheaper(polygon: shapely.Polygon, whole: AreaPath, sweep: Sweep, depth: int) -> AreaPath:
    """Return the cheapest of a path over a polygon and paths over two parts of it; parts are cut again."""
    best, cost = whole, sweep.cost
    bounded = [
        (sum(least_bound_m(part, sweep) for part in parts), index, parts)
        for index, parts in enumerate(_cuts(polygon, sweep.swath_m))
    ]
    for bound_m, _, parts in sorted(bounded, key=lambda entry: entry[:2])[:FULL_TRIES]:
        if bound_m + 2.0 * cost.turn_m >= WORTH_IT * best.cost_m:
            break
        planned = []
        for part in parts:
            along_edges = plan_area(part, sweep, directions_rad=edge_directions(part))
            planned.append(_cheaper(part, along_edges, sweep, depth - 1) if depth > 1 else along_edges)
        joined = _joined(planned[0], planned[1], cost)
        best = joined if joined.cost_m < best.cost_m else best
    return best


def _transit_m(path: AreaPath, sweep: Sweep) -> float:
    ends = ((sweep.begin_xy, path.points_xy[0]), (sweep.finish_xy, path.points_xy[-1]))
    return sum(float(np.hypot(*(place - end))) for place, end in ends if place is not None)


def _cuts(polygon: shapely.Polygon, swath_m: float) -> Iterator[tuple[shapely.Polygon, shapely.Polygon]]:
    """Go over the cuts of a polygon that leave two parts worth flying."""
    ring = shapely.get_coordinates(shapely.orient_polygons(polygon).exterior)[:-1]
    reach_m = float(np.hypot(*np.ptp(ring, axis=0)))
    reflex = [index for index in range(len(ring)) if _turn(ring, index) < -1e-9]
    for index in reflex[:MAX_REFLEX_CORNERS]:
        corner = ring[index]
        for neighbour in (ring[index - 1], ring[(index + 1) % len(ring)]):
            along = (corner - neighbour) / max(float(np.hypot(*(corner - neighbour))), 1e-12)
            cut = shapely.LineString([corner - 1e-6 * along, corner + reach_m * along])
            parts = _two_parts(polygon, cut, corner)
            if parts is not None and min(part.area for part in parts) > _LEAST_PART * swath_m**2:
                yield parts


def _turn(ring: FloatArray, index: int) -> float:
    before, after = ring[index] - ring[index - 1], ring[(index + 1) % len(ring)] - ring[index]
    return float(before[0] * after[1] - before[1] * after[0])


def _two_parts(
    polygon: shapely.Polygon, cut: shapely.LineString, corner: FloatArray
) -> tuple[shapely.Polygon, shapely.Polygon] | None:
    """Cut along the first stretch of a line that lies inside; None when it leaves one part."""
    inside = shapely.get_parts(shapely.intersection(cut, polygon))
    near = [p for p in inside if p.geom_type == "LineString" and p.distance(shapely.Point(corner)) < 1e-3]
    if not near:
        return None
    ends = shapely.get_coordinates(max(near, key=lambda p: p.length))
    along = (ends[-1] - ends[0]) / max(float(np.hypot(*(ends[-1] - ends[0]))), 1e-12)
    blade = shapely.LineString([ends[0] - 1e-3 * along, ends[-1] + 1e-3 * along])
    pieces = shapely.ops.split(polygon, blade).geoms
    parts = [p for p in pieces if isinstance(p, shapely.Polygon) and p.area > 1e-3]
    return (parts[0], parts[1]) if len(parts) == 2 else None


def _joined(first: AreaPath, second: AreaPath, cost: LaneCost) -> AreaPath:
    """Fly two paths one after the other, in the order and directions with the least way between."""
    options: list[tuple[float, int, FloatArray, FloatArray]] = []
    for one, other in itertools.permutations((first, second)):
        for a, b in itertools.product((one.points_xy, one.points_xy[::-1]), (other.points_xy, other.points_xy[::-1])):
            link_m = float(np.hypot(*(b[0] - a[-1])))
            options.append((link_m, len(options), a, b))
    link_m, _, a, b = min(options, key=lambda option: option[:2])
    larger = max(first, second, key=lambda path: path.lane_count)
    return dataclasses.replace(
        larger,
        points_xy=np.concatenate([a, b]),
        lane_count=first.lane_count + second.lane_count,
        cell_count=first.cell_count + second.cell_count,
        cost_m=first.cost_m + second.cost_m + link_m + 2.0 * cost.turn_m,
    )
