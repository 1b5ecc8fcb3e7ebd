"""A short path between two points of the free air: straight where it can be, round corners where it cannot."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    FloatArray = NDArray[np.float64]

HUG_M: Final = 2.0
"""How far inside the free air the corners of a detour lie."""
COARSE_M: Final = 12.0
"""The same on the first try, which spares waypoints round rounded corners."""
TIGHT_M: Final = 0.05
"""The same on the last, for ways that begin on the edge of a rounded corner or squeeze through a gap."""
MANY_CORNERS: Final = 150
"""With more corners than this about, the first try bends round coarser ones."""
SLACK_M: Final = 1e-3
"""Numerical tolerance when asking whether a segment lies in the free air."""


AVOIDED_COST: Final = 20.0
"""What a metre over avoided ground costs where it cannot be spared, in metres of detour."""
ROUNDS: Final = 3
"""How often a way across avoided ground is straightened."""
MANY_PARTS: Final = 24
"""Parts of the preferred air about an unavoidable crossing whose narrowest gaps are tried."""


class Router:
    """Shortest paths inside the free air, over nobody wherever such a path exists.

    The graph is the visibility graph of the free air's reflex corners near the way asked for,
    searched by A* and expanded lazily. Ways are looked for in the preferred air first; where none
    exists, metres over avoided ground are weighted, so that it is crossed where it is narrow.
    """

    def __init__(self, free: BaseGeometry, preferred: BaseGeometry | None = None) -> None:
        self.free = free
        self._avoided = shapely.Polygon() if preferred is None else free.difference(preferred)
        self.preferred = None if preferred is None or self._avoided.is_empty else Router(preferred)
        self._parts = np.array([p for p in shapely.get_parts(free) if p.geom_type == "Polygon"], dtype=object)
        shapely.prepare(self._parts)
        self._loose = shapely.buffer(self._parts, SLACK_M, join_style="mitre")
        shapely.prepare(self._loose)
        self._known: dict[tuple[float, ...], FloatArray | None] = {}

    @property
    def airs(self) -> tuple[Router, ...]:
        """The airs to look for a way in, the better first."""
        return (self,) if self.preferred is None else (self.preferred, self)

    def part_of(self, point_m: FloatArray) -> int:
        """Return which connected part of the free air holds a point, -1 for none."""
        inside = np.flatnonzero(shapely.contains_xy(self._loose, point_m[0], point_m[1]))
        return int(inside[0]) if len(inside) else -1

    def joined(self, start_m: FloatArray, end_m: FloatArray) -> bool:
        """Tell whether a free way exists at all."""
        part = self.part_of(start_m)
        return part >= 0 and part == self.part_of(end_m)

    def clear(self, start_m: FloatArray, end_m: FloatArray) -> NDArray[np.bool_]:
        """Return, for each pair of points, (n, 2) each, whether the straight way between them is free."""
        pairs = np.stack(np.broadcast_arrays(start_m, end_m), axis=-2)
        part = self.part_of(np.atleast_2d(start_m)[0])
        if part < 0:
            return np.zeros(pairs.shape[:-2], dtype=bool)
        return np.asarray(shapely.covers(self._loose[part], shapely.linestrings(pairs)))

    def route(self, start_m: FloatArray, end_m: FloatArray) -> FloatArray | None:
        """Return the (n, 2) points of a short free path from start to end, or None where there is none."""
        if self.preferred is not None:
            way = self.preferred.route(start_m, end_m)
            if way is not None:
                return way
        elif bool(self.clear(start_m, end_m)):
            return np.stack([start_m, end_m])
        key = (*np.round(start_m, 3).tolist(), *np.round(end_m, 3).tolist())
        if key not in self._known:
            self._known[key] = self._detour(start_m, end_m)
        return self._known[key]

    def _detour(self, start_m: FloatArray, end_m: FloatArray) -> FloatArray | None:
        if not self.joined(start_m, end_m):
            return None
        part = self._parts[self.part_of(start_m)]
        direct = float(np.hypot(*(end_m - start_m)))
        near, wide = 0.3 * direct + 300.0, direct + 2000.0
        if self.preferred is not None:
            ways = (self._least_avoided(part, self.preferred.free, start_m, end_m, room) for room in (wide, np.inf))
            return next((way for way in ways if way is not None), None)
        tries = (near, COARSE_M), (near, HUG_M), (wide, COARSE_M), (np.inf, HUG_M), (near, TIGHT_M), (np.inf, TIGHT_M)
        for room, hug in tries:
            corners = _corners(part, start_m, end_m, room, hug)
            if len(corners) > MANY_CORNERS and hug == COARSE_M:
                corners = _corners(part, start_m, end_m, room, 5.0 * COARSE_M)
            path = self._search(start_m, np.concatenate([corners, end_m[None, :]]), shapely.Polygon())
            if path is not None:
                return path
        return None

    def _least_avoided(
        self, part: shapely.Polygon, preferred: BaseGeometry, start_m: FloatArray, end_m: FloatArray, room: float
    ) -> FloatArray | None:
        """Return a way across avoided ground where that is narrow.

        Its nodes are the corners of free and preferred air, the narrowest gaps between parts of the preferred
        air, and places straight across from the way itself, which moves as these are added.
        """
        avoided, near = _about(self._avoided, start_m, end_m, room), _about(preferred, start_m, end_m, room)
        line = shapely.LineString([start_m, end_m])
        parts = np.array([p for p in shapely.get_parts(near) if p.geom_type == "Polygon"], dtype=object)
        parts = parts[np.argsort(shapely.distance(parts, line), kind="stable")][:MANY_PARTS]
        one, other = np.triu_indices(len(parts), 1)
        gaps = shapely.get_coordinates(shapely.shortest_line(parts[one], parts[other]))
        bends = [_corners(p, start_m, end_m, room, COARSE_M) for p in (part, *parts)]
        nodes, path = np.concatenate([gaps, *bends]), None
        for _ in range(ROUNDS):
            gates = np.concatenate([shapely.get_coordinates(g) for g in (line, line.intersection(near))])
            across = shapely.shortest_line(np.asarray(shapely.points(gates))[:, None], parts[None, :])
            nodes = np.unique(np.concatenate([nodes, gates, shapely.get_coordinates(across.ravel())]), axis=0)
            path = self._search(start_m, np.concatenate([nodes, end_m[None, :]]), avoided)
            if path is None:
                return None
            line = shapely.LineString(path)
        return path

    def _search(self, start_m: FloatArray, nodes: FloatArray, avoided: BaseGeometry) -> FloatArray | None:
        search = _Search(nodes)
        self._expand(search, start_m, -1, avoided)
        while search.queue:
            here = search.next()
            if here is None:
                continue
            if here == len(nodes) - 1:
                return _trace(start_m, nodes, search.came, here)
            self._expand(search, nodes[here], here, avoided)
        return None

    def _expand(self, search: _Search, point: FloatArray, index: int, avoided: BaseGeometry) -> None:
        """Go on from a node to all that are seen from it."""
        nodes, best = search.nodes, search.best
        cost = (best[index] if index >= 0 else 0.0) + np.hypot(*(nodes - point).T)
        worth = np.flatnonzero(~search.done & (cost < best - 1e-9))
        seen = worth[self.clear(point, nodes[worth])] if len(worth) else worth
        if not avoided.is_empty:
            cost[seen] += AVOIDED_COST * _over(avoided, point, nodes[seen])
            seen = seen[cost[seen] < best[seen] - 1e-9]
        search.reach(seen, cost[seen], index)


class _Search:
    """An A* search over nodes, (n, 2) metres; the last is the goal, and the way left straight to it the estimate."""

    def __init__(self, nodes: FloatArray) -> None:
        self.nodes = nodes
        self.best = np.full(len(nodes), np.inf)
        self.came = np.full(len(nodes), -1)
        self.done = np.zeros(len(nodes), dtype=bool)
        self.queue: list[tuple[float, int]] = []
        self._ahead = np.hypot(*(nodes - nodes[-1]).T)

    def next(self) -> int | None:
        """Return the node to go on from, None where it was gone on from before."""
        here = heapq.heappop(self.queue)[1]
        if self.done[here]:
            return None
        self.done[here] = True
        return here

    def reach(self, nodes: NDArray[np.int64], cost: FloatArray, came_from: int) -> None:
        """Note that nodes are reached at a cost."""
        self.best[nodes] = cost
        self.came[nodes] = came_from
        for k in nodes.tolist():
            heapq.heappush(self.queue, (float(self.best[k] + self._ahead[k]), k))


def _over(avoided: BaseGeometry, start_m: FloatArray, end_m: FloatArray) -> FloatArray:
    """Return how many metres of each straight way from one point to (n, 2) others lie over avoided ground."""
    lines = np.asarray(shapely.linestrings(np.stack(np.broadcast_arrays(start_m, end_m), axis=-2)))
    parts = np.asarray(shapely.get_parts(avoided))
    line, part = shapely.STRtree(parts).query(lines, predicate="intersects")
    over = np.zeros(len(end_m))
    np.add.at(over, line, shapely.length(shapely.intersection(lines[line], parts[part])))
    return over


def _about(geometry: BaseGeometry, start_m: FloatArray, end_m: FloatArray, room_m: float) -> BaseGeometry:
    """Return what of a geometry lies within `room_m` of the box about two points."""
    if not np.isfinite(room_m):
        return geometry
    return shapely.clip_by_rect(
        geometry, *(np.minimum(start_m, end_m) - room_m), *(np.maximum(start_m, end_m) + room_m)
    )


def _corners(part: shapely.Polygon, start_m: FloatArray, end_m: FloatArray, room_m: float, hug_m: float) -> FloatArray:
    """Return the corners of the free air a detour within `room_m` of the straight way may bend round."""
    near = _about(part, start_m, end_m, room_m)
    inner = shapely.simplify(shapely.buffer(near, -hug_m, quad_segs=2), 0.7 * hug_m)
    found = [_reflex(p) for p in shapely.get_parts(inner) if p.geom_type == "Polygon"]
    corners = np.concatenate([np.empty((0, 2)), *found])
    return corners[shapely.contains_xy(part, corners[:, 0], corners[:, 1])]


def _reflex(polygon: shapely.Polygon) -> FloatArray:
    """Return the corners a taut string could bend round: those where the air turns by less than a half turn."""
    rings = [(polygon.exterior, 1.0), *((hole, -1.0) for hole in polygon.interiors)]
    found = [np.empty((0, 2))]
    for ring, sense in rings:
        xy = shapely.get_coordinates(ring)[:-1]
        before, after = xy - np.roll(xy, 1, axis=0), np.roll(xy, -1, axis=0) - xy
        turn = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
        turn *= sense if shapely.is_ccw(ring) else -sense
        found.append(xy[turn < 0.0])
    return np.concatenate(found)


def _trace(start_m: FloatArray, nodes: FloatArray, came: NDArray[np.int64], goal: int) -> FloatArray:
    path = [nodes[goal]]
    here = int(came[goal])
    while here >= 0:
        path.append(nodes[here])
        here = int(came[here])
    return np.array([start_m, *path[::-1]])
