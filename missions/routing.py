"""A short path between two points of the free air: straight where it can be, round corners where it cannot."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

HUG_M: Final = 2.0
"""How far inside the free air the corners of a detour lie."""
SLACK_M: Final = 1e-3
"""Numerical tolerance when asking whether a segment lies in the free air."""


class Router:
    """Shortest paths inside one free-air polygon; corners are prepared once and shared.

    The graph is the visibility graph of the free air's reflex corners, searched by A* and
    expanded lazily, so that only the corners near a detour are ever looked at.
    """

    def __init__(self, free: shapely.Geometry) -> None:
        self.free = free
        self._loose = shapely.buffer(free, SLACK_M, join_style="mitre")
        shapely.prepare(self._loose)
        self._corners: FloatArray | None = None

    def clear(self, start_m: FloatArray, end_m: FloatArray) -> NDArray[np.bool_]:
        """Return, for each pair of points, (n, 2) each, whether the straight way between them is free."""
        pairs = np.stack(np.broadcast_arrays(start_m, end_m), axis=-2)
        return np.asarray(shapely.covers(self._loose, shapely.linestrings(pairs)))

    def route(self, start_m: FloatArray, end_m: FloatArray) -> FloatArray | None:
        """Return the (n, 2) points of a short free path from start to end, or None where there is none."""
        if bool(self.clear(start_m, end_m)):
            return np.stack([start_m, end_m])
        corners = self._corner_points()
        direct = float(np.hypot(*(end_m - start_m)))
        through = np.hypot(*(corners - start_m).T) + np.hypot(*(corners - end_m).T)
        for limit in (1.2 * direct + 200.0, 2.0 * direct + 2000.0, np.inf):
            path = self._search(start_m, np.concatenate([corners[through <= limit], end_m[None, :]]))
            if path is not None:
                return path
        return None

    def _corner_points(self) -> FloatArray:
        if self._corners is None:
            inner = shapely.simplify(shapely.buffer(self.free, -HUG_M, quad_segs=2), HUG_M / 2.0)
            found = [_reflex(part) for part in shapely.get_parts(inner) if part.geom_type == "Polygon"]
            corners = np.concatenate([np.empty((0, 2)), *found])
            self._corners = corners[shapely.contains_xy(self._loose, corners[:, 0], corners[:, 1])]
        return self._corners

    def _search(self, start_m: FloatArray, nodes: FloatArray) -> FloatArray | None:
        goal = len(nodes) - 1
        ahead = np.hypot(*(nodes - nodes[goal]).T)
        best = np.full(len(nodes), np.inf)
        came = np.full(len(nodes), -1)
        done = np.zeros(len(nodes), dtype=bool)
        queue: list[tuple[float, int]] = []
        self._expand(start_m, -1, 0.0, nodes, best, came, done, ahead, queue)
        while queue:
            _, here = heapq.heappop(queue)
            if done[here]:
                continue
            done[here] = True
            if here == goal:
                return _trace(start_m, nodes, came, goal)
            self._expand(nodes[here], here, float(best[here]), nodes, best, came, done, ahead, queue)
        return None

    def _expand(
        self,
        point: FloatArray,
        index: int,
        so_far: float,
        nodes: FloatArray,
        best: FloatArray,
        came: NDArray[np.int64],
        done: NDArray[np.bool_],
        ahead: FloatArray,
        queue: list[tuple[float, int]],
    ) -> None:
        cost = so_far + np.hypot(*(nodes - point).T)
        worth = np.flatnonzero(~done & (cost < best - 1e-9))
        seen = worth[self.clear(point, nodes[worth])] if len(worth) else worth
        best[seen] = cost[seen]
        came[seen] = index
        for k in seen.tolist():
            heapq.heappush(queue, (float(cost[k] + ahead[k]), k))


def _reflex(polygon: shapely.Geometry) -> FloatArray:
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
