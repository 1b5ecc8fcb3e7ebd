"""Polygons with few corners between two others: never across the one, never into the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    FloatArray = NDArray[np.float64]

INSETS_M: Final = (0.0, 6.0, 24.0)
"""How far a ring is drawn in before its corners are left out: a bend inwards may then be passed straight."""
_LEAST: Final = 3
_FLAT_M2: Final = 1e-6
"""Corners on a straight line are left out without a triangle."""


def between(inner: BaseGeometry, outer: shapely.Polygon, most: int) -> shapely.Polygon | None:
    """Return a polygon that covers `inner` and lies in `outer`, with `most` corners if that can be had.

    It begins as `outer`, drawn in by more and more where that is not enough, and corners are left out one by one,
    the smallest change first. Every change adds or takes one triangle, which must lie in `outer` or miss `inner`: so
    neither is ever crossed, whatever the shapes (after Visvalingam and Whyatt 1993, with both sides held). Where
    `most` cannot be had, the polygon with the fewest corners found is returned.

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
    best: FloatArray | None = None
    for inset in INSETS_M:
        ring = _thinned(_start(inner, whole, inset), inner, whole, max(most, _LEAST))
        if best is None or len(ring) < len(best):
            best = ring
        if len(best) <= most:
            break
    return shapely.Polygon(best)


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
    """Return a ring with corners left out until `most` are left, or no more may go."""
    held: set[tuple[float, ...]] = set()
    while len(ring) > most:
        corner = _leave_out(ring, inner, outer, held)
        if corner is None:
            break
        ring = np.delete(ring, corner, axis=0)
    return ring


def _leave_out(
    ring: FloatArray, inner: BaseGeometry, outer: shapely.Polygon, held: set[tuple[float, ...]]
) -> int | None:
    """Return the corner whose leaving out changes the polygon least, of those that may go."""
    before, after = np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0)
    a, b = ring - before, after - ring
    turn = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    for k in np.argsort(np.abs(turn)).tolist():
        key = (*before[k].tolist(), *ring[k].tolist(), *after[k].tolist())
        if key in held or _wraps_another(ring, k, turning_left=turn[k] > 0.0):
            continue
        if _may_go(ring[[(k - 1) % len(ring), k, (k + 1) % len(ring)]], float(turn[k]), inner, outer):
            return int(k)
        held.add(key)
    return None


def _may_go(corners: FloatArray, turn: float, inner: BaseGeometry, outer: shapely.Polygon) -> bool:
    """Tell whether the triangle at a corner may be taken away (a left turn) or added (a right turn)."""
    if abs(turn) < _FLAT_M2:
        return bool(outer.covers(shapely.LineString(corners[[0, 2]])))
    triangle = shapely.Polygon(corners)
    return not inner.intersects(triangle) if turn > 0.0 else bool(outer.covers(triangle))


def _wraps_another(ring: FloatArray, k: int, *, turning_left: bool) -> bool:
    """Tell whether another corner lies in the triangle at one: leaving that out would make the ring cross itself."""
    n = len(ring)
    own = [(k - 1) % n, k, (k + 1) % n]
    corners = ring[own] if turning_left else ring[own[::-1]]
    inside = np.ones(n, dtype=bool)
    for start, end in zip(corners, corners[[1, 2, 0]], strict=True):
        edge, to = end - start, ring - start
        inside &= edge[0] * to[:, 1] - edge[1] * to[:, 0] >= 0.0
    inside[own] = False
    return bool(inside.any())
