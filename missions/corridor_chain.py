"""Border parts into chains: merged, gaps bridged, ends prolonged, crossings refused with their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import LineString, MultiLineString, Polygon

from missions.errors import BriefError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.corridor_frame import LocalFrame

    FloatArray = NDArray[np.float64]


def check_simple(parts: list[LineString], frame: LocalFrame) -> None:
    """Refuse a border that crosses itself, naming the place.

    Raises
    ------
    BriefError
        With latitude and longitude of the first crossing.
    """
    whole = MultiLineString(parts)
    if whole.is_simple:
        return
    noded = shapely.get_coordinates(shapely.node(whole))
    drawn = {tuple(p) for p in np.round(shapely.get_coordinates(whole), 6)}
    new = [p for p in np.round(noded, 6) if tuple(p) not in drawn]
    place = np.array(new[0]) if new else _touch(parts)
    if place is None:
        return
    lat, lon = frame.to_degrees(place[None, :])
    raise BriefError(
        f"border: the line crosses itself at {lat[0]:.5f}, {lon[0]:.5f}; redraw it there so that it has two sides",
        lat_deg=float(lat[0]), lon_deg=float(lon[0]),
    )  # fmt: skip


def _touch(parts: list[LineString]) -> FloatArray | None:
    """Return an inner vertex two parts of the line share (touching ends are how parts are joined)."""
    inner = np.concatenate([np.round(shapely.get_coordinates(p)[1:-1], 6) for p in parts])
    unique, counts = np.unique(inner, axis=0, return_counts=True)
    return np.asarray(unique[counts > 1][0]) if (counts > 1).any() else None


def chain_parts(
    parts: list[LineString], *, directed: bool, bridge_m: float
) -> tuple[list[LineString], list[LineString]]:
    """Join parts end to start into chains.

    Parameters
    ----------
    parts
        Simple lines; closed rings stay as they are.
    directed
        Keep the direction the parts were drawn in (left and right depend on it).
    bridge_m
        Longest gap that becomes part of the border.

    Returns
    -------
    chains, long_gaps
        The chains with their short gaps closed, and the straight lines across longer gaps,
        which are guarded but not flown along.
    """
    merged = shapely.line_merge(MultiLineString(parts), directed=directed)
    lines = list(shapely.get_parts(merged))
    rings = [line for line in lines if line.is_closed]
    rows = [shapely.get_coordinates(line) for line in lines if not line.is_closed]
    chains, long_gaps = _link(rows, directed=directed, bridge_m=bridge_m)
    return [*(LineString(c) for c in chains), *rings], long_gaps


def _link(rows: list[FloatArray], *, directed: bool, bridge_m: float) -> tuple[list[FloatArray], list[LineString]]:
    """Walk the parts in the order that keeps gaps short, starting from the most remote end."""
    if not rows:
        return [], []
    long_gaps: list[LineString] = []
    ordered = _order(rows, directed=directed)
    chains = [ordered[0]]
    for row in ordered[1:]:
        gap = LineString([chains[-1][-1], row[0]])
        if gap.length <= bridge_m:
            chains[-1] = np.concatenate([chains[-1], row])
        else:
            long_gaps.append(gap)
            chains.append(row)
    return chains, long_gaps


def _order(rows: list[FloatArray], *, directed: bool) -> list[FloatArray]:
    heads, tails = np.array([r[0] for r in rows]), np.array([r[-1] for r in rows])
    start = _first(heads, tails, directed=directed)
    flip = start >= len(rows)
    current = start % len(rows)
    ordered = [rows[current][::-1] if flip else rows[current]]
    left = np.ones(len(rows), dtype=bool)
    left[current] = False
    while left.any():
        here = ordered[-1][-1]
        to_head = np.where(left, np.hypot(*(heads - here).T), np.inf)
        to_tail = np.where(left & (not directed), np.hypot(*(tails - here).T), np.inf)
        flip = bool(to_tail.min() < to_head.min())
        current = int(np.argmin(to_tail if flip else to_head))
        ordered.append(rows[current][::-1] if flip else rows[current])
        left[current] = False
    return ordered


def _first(heads: FloatArray, tails: FloatArray, *, directed: bool) -> int:
    """Return the part whose start has no near predecessor (index + n where it must be turned round)."""
    if len(heads) == 1:
        return 0
    from_tail = np.hypot(*(heads[:, None, :] - tails[None, :, :]).transpose(2, 0, 1))
    np.fill_diagonal(from_tail, np.inf)
    if directed:
        return int(np.argmax(from_tail.min(axis=1)))
    from_head = np.hypot(*(heads[:, None, :] - heads[None, :, :]).transpose(2, 0, 1))
    np.fill_diagonal(from_head, np.inf)
    tail_tail = np.hypot(*(tails[:, None, :] - tails[None, :, :]).transpose(2, 0, 1))
    np.fill_diagonal(tail_tail, np.inf)
    head_free = np.minimum(from_tail, from_head).min(axis=1)
    tail_free = np.minimum(from_tail.T, tail_tail).min(axis=1)
    return int(np.argmax(np.concatenate([head_free, tail_free])))


def extend_ends(lines: list[LineString], box: Polygon) -> list[LineString]:
    """Prolong the outermost ends of the chains to the edge of the box, without crossing the border."""
    whole = shapely.union_all(lines)
    ends, inward = _free_ends(lines)
    rays: list[LineString] = []
    reach = float(np.hypot(box.bounds[2] - box.bounds[0], box.bounds[3] - box.bounds[1]))
    for end, before in zip(ends, inward, strict=True):
        ray = _escape(end, before, shapely.union_all([whole, *rays]), box, reach)
        if ray is not None:
            rays.append(ray)
    return rays


def _free_ends(lines: list[LineString]) -> tuple[FloatArray, FloatArray]:
    found: list[FloatArray] = []
    inward: list[FloatArray] = []
    for line in lines:
        if line.is_closed:
            continue
        xy = shapely.get_coordinates(line)
        for end, tangent in ((xy[0], line.interpolate(min(500.0, line.length / 2.0))),
                             (xy[-1], line.interpolate(-min(500.0, line.length / 2.0)))):  # fmt: skip
            found.append(end)
            inward.append(shapely.get_coordinates(tangent)[0])
    if not found:
        return np.empty((0, 2)), np.empty((0, 2))
    points = np.array(found)
    near = np.hypot(*(points[:, None, :] - points[None, :, :]).transpose(2, 0, 1)) < 1e-6
    alone = near.sum(axis=1) == 1
    return points[alone], np.array(inward)[alone]


def _escape(
    end: FloatArray, before: FloatArray, whole: shapely.Geometry, box: Polygon, reach: float
) -> LineString | None:
    """Return the straight way out of the box nearest to the border's own direction that crosses nothing."""
    along = np.arctan2(*(end - before)[::-1])
    turns = np.radians(np.arange(0.0, 180.0, 5.0))
    for turn in np.concatenate([[s * t for s in (1.0, -1.0)] for t in turns]):
        out = np.array([np.cos(along + turn), np.sin(along + turn)])
        ray = LineString([end, end + out * reach]).intersection(box)
        beyond = LineString([end + out * 0.01, end + out * reach])
        if not beyond.intersects(whole):
            return ray if isinstance(ray, LineString) else None
    return None
