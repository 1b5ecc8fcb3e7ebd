"""Polygons with few corners between two others: never across the one, never into the other."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    FloatArray = NDArray[np.float64]

INSETS_M: Final = (0.0, 6.0, 24.0)
"""How far a ring is drawn in before its corners are left out: a bend inwards may then be passed straight."""
SMOOTHED_M: Final = (2.0, 4.0, 8.0)
"""How far a ring is drawn in and its bends are cut at most where that alone leaves few enough corners."""
_LEAST: Final = 3
_FLAT_M2: Final = 1e-6
"""Corners on a straight line are left out without a triangle."""


def between(inner: BaseGeometry, outer: shapely.Polygon, most: int) -> shapely.Polygon | None:
    """Return a polygon that covers `inner` and lies in `outer`, with `most` corners if that can be had.

    `outer` itself does where it has no more. Else it is smoothed a little inside; where that is not enough, it is
    drawn in by more and more, and corners are left out one by one, the smallest change first. Every change adds or
    takes one triangle, which must lie in `outer` or miss `inner`: so neither is ever crossed, whatever the shapes
    (after Visvalingam and Whyatt 1993, with both sides held). Where `most` cannot be had, the polygon with the fewest
    corners found is returned.

    Parameters
    ----------
    inner, outer
        In one plane, metres. Holes of `outer` are not looked at.

    Returns
    -------
    None where `outer` does not cover `inner`.
    """
    whole = shapely.Polygon(outer.exterior)
    if not whole.is_valid or not whole.covers(inner):
        return None
    shapely.prepare([whole, inner])
    if len(whole.exterior.coords) - 1 <= most:
        return whole
    best = _smoothed(inner, whole, most)
    for inset in INSETS_M if best is None else ():
        ring = _thinned(_start(inner, whole, inset), inner, whole, max(most, _LEAST))
        if best is None or len(ring) < len(best):
            best = ring
        if len(best) <= most:
            break
    return shapely.Polygon(best)


def _smoothed(inner: BaseGeometry, outer: shapely.Polygon, most: int) -> FloatArray | None:
    """Return a ring a little inside `outer` with few enough corners, where smoothing alone does: far the quickest."""
    for inset in SMOOTHED_M:
        drawn = outer.buffer(-inset, quad_segs=1, join_style="mitre").simplify(inset)
        parts = [p for p in shapely.get_parts(drawn) if isinstance(p, shapely.Polygon) and not p.interiors]
        part = max(parts, key=lambda p: p.area, default=None)
        if part is None or len(part.exterior.coords) - 1 > most:
            continue
        if outer.covers(part) and part.covers(inner):
            return np.asarray(shapely.orient_polygons(part).exterior.coords)[:-1]
    return None


def _start(inner: BaseGeometry, outer: shapely.Polygon, inset: float) -> FloatArray:
    """Return the ring to begin with: `outer` drawn in, but never into `inner`."""
    made = outer
    if inset:
        drawn = shapely.union(outer.buffer(-inset, join_style="mitre").simplify(inset / 4.0), inner)
        parts = [shapely.Polygon(p.exterior) for p in shapely.get_parts(drawn) if p.geom_type == "Polygon"]
        part = max(parts, key=lambda p: p.area, default=outer)
        made = part if part.is_valid and outer.covers(part) and part.covers(inner) else outer
    return np.asarray(shapely.orient_polygons(made).exterior.coords)[:-1]


def _thinned(ring: FloatArray, inner: BaseGeometry, outer: shapely.Polygon, most: int) -> FloatArray:
    """Return a ring with corners left out until `most` are left, or no more may go: the smallest change first."""
    left = _Ring(ring, inner, outer)
    while left.count > most and left.leave_one_out():
        pass
    return ring[left.alive]


class _Ring:
    """A ring whose corners are left out one by one; each knows its neighbours, and waits by the change it makes."""

    def __init__(self, ring: FloatArray, inner: BaseGeometry, outer: shapely.Polygon) -> None:
        count = len(ring)
        self.count = count
        self.alive = np.ones(count, dtype=bool)
        self._ring, self._inner, self._outer = ring, inner, outer
        self._corners: list[list[float]] = ring.tolist()
        self._x, self._y = ring[:, 0].copy(), ring[:, 1].copy()
        self._before, self._after = [(k - 1) % count for k in range(count)], [(k + 1) % count for k in range(count)]
        self._turn = [0.0] * count
        self._free = [False] * count
        self._waiting: list[tuple[float, int]] = []
        self._wait(range(count))

    def _wait(self, which: Sequence[int]) -> None:
        """Put corners where their changes have their places among the others', if they may go."""
        for k in which:
            (x0, y0), (x1, y1), (x2, y2) = (self._corners[n] for n in (self._before[k], k, self._after[k]))
            self._turn[k] = (x1 - x0) * (y2 - y1) - (y1 - y0) * (x2 - x1)
        for k, free in zip(which, self._may_go(which), strict=True):
            self._free[k] = free
            if free:
                heapq.heappush(self._waiting, (abs(self._turn[k]), k))

    def leave_one_out(self) -> bool:
        """Leave out the corner whose leaving out changes the polygon least, of those that may go."""
        wrapping: list[tuple[float, int]] = []
        gone = -1
        while self._waiting and gone < 0:
            change, k = heapq.heappop(self._waiting)
            if not self.alive[k] or not self._free[k] or change != abs(self._turn[k]):
                continue
            if self._wraps_another(k):
                wrapping.append((change, k))
            else:
                gone = k
        for entry in wrapping:  # what is in its way may be gone the next time; a corner that may not go waits for
            heapq.heappush(self._waiting, entry)  # one of its neighbours to go
        if gone < 0:
            return False
        before, after = self._before[gone], self._after[gone]
        self.alive[gone] = False
        self.count -= 1
        self._after[before], self._before[after] = after, before
        self._wait((before, after))
        return True

    def _may_go(self, which: Sequence[int]) -> list[bool]:
        """Tell whether the triangles at corners may be taken away (left turns) or added (right turns)."""
        corners = self._ring[np.array([(self._before[k], k, self._after[k]) for k in which])]
        turn = np.array([self._turn[k] for k in which])
        shapes = np.asarray(shapely.polygons(corners))
        flat = np.abs(turn) < _FLAT_M2
        if flat.any():
            shapes[flat] = shapely.linestrings(corners[flat][:, ::2])
        left = turn >= _FLAT_M2
        may = np.zeros(len(turn), dtype=bool)
        if left.any():
            may[left] = ~shapely.intersects(self._inner, shapes[left])
        if not left.all():
            may[~left] = shapely.covers(self._outer, shapes[~left])
        return may.tolist()

    def _wraps_another(self, k: int) -> bool:
        """Tell whether another corner lies in the triangle at one: without that one the ring would cross itself."""
        own = [self._before[k], k, self._after[k]]
        corners = [self._corners[n] for n in (own if self._turn[k] > 0.0 else own[::-1])]
        (x0, y0), (x1, y1), (x2, y2) = corners
        x, y = self._x, self._y
        near = self.alive & (x >= min(x0, x1, x2)) & (x <= max(x0, x1, x2))
        near &= (y >= min(y0, y1, y2)) & (y <= max(y0, y1, y2))
        near[own] = False
        x, y = x[near], y[near]
        inside = np.ones(len(x), dtype=bool)
        for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
            inside &= (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) >= 0.0
        return bool(inside.any())
