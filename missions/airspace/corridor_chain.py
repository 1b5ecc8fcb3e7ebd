"""Border parts into chains: merged, gaps bridged, ends prolonged, crossings refused with their place."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from scipy.spatial import cKDTree
from shapely import LineString, MultiLineString, Polygon

from missions.errors import BriefError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.airspace.corridor_frame import LocalFrame

    FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """What of a border is drawn against the rest of it and was turned round."""

    share: float = 0.0
    """Of the border's length."""
    longest: LineString | None = None
    """The longest part of it, in the plane; None where nothing was."""

    def place(self, frame: LocalFrame) -> tuple[float, float] | None:
        """Return latitude and longitude of the middle of the longest part, degrees; None where nothing was turned."""
        if self.longest is None:
            return None
        middle = self.longest.interpolate(0.5, normalized=True)
        lat, lon = frame.to_degrees(shapely.get_coordinates(middle))
        return float(lat[0]), float(lon[0])

    def sentence(self, frame: LocalFrame) -> str:
        """Return how much of the border is drawn against the rest, and about where."""
        place = self.place(frame)
        where = "" if place is None else f" (the part about {place[0]:.4f}, {place[1]:.4f})"
        return f"{100.0 * self.share:.0f} % of the border{where} is drawn against the rest of it"


NOTHING_TURNED: Final = Turned()
LITTLE_TURNED: Final = 0.01
"""So much of a border may be drawn against the rest without a word."""


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


def chain_parts(parts: list[LineString], *, bridge_m: float) -> tuple[list[LineString], list[LineString], Turned]:
    """Join the parts of a border end to end into chains that run one way.

    Ends are joined shortest gap first, each once and never into a ring (Kruskal's rule on
    paths), until all parts make one walk; parts are turned round where the walk needs it, and
    the whole walk so that most of its length keeps the direction it was drawn in.

    Parameters
    ----------
    parts
        Simple lines; closed rings stay as they are.
    bridge_m
        Longest gap that becomes part of the border.

    Returns
    -------
    chains, long_gaps, turned
        The chains with their short gaps closed; the straight lines across longer gaps, which
        are guarded but not flown along; and what was turned round.
    """
    merged = shapely.get_parts(shapely.line_merge(MultiLineString(parts), directed=True))
    rings = [line for line in merged if line.is_closed]
    rows = [shapely.get_coordinates(line) for line in merged if not line.is_closed]
    if not rows:
        return rings, [], NOTHING_TURNED
    walk, turned = _walk(rows)
    chains = [walk[0]]
    long_gaps: list[LineString] = []
    for row in walk[1:]:
        gap = float(np.hypot(*(row[0] - chains[-1][-1])))
        if gap <= bridge_m:
            chains[-1] = np.concatenate([chains[-1], row if gap > CLOSE_M else row[1:]])
        else:
            long_gaps.append(LineString([chains[-1][-1], row[0]]))
            chains.append(row)
    return [*(LineString(chain) for chain in chains), *rings], long_gaps, turned


CLOSE_M: Final = 0.01
"""Ends this close are one point."""


def _walk(rows: list[FloatArray]) -> tuple[list[FloatArray], Turned]:
    """Return all parts in one walk, each in the direction it is walked, and what was turned round."""
    partner = _partners(rows)
    free = [end for end in range(2 * len(rows)) if partner[end] < 0]
    end = min(free, key=lambda e: (e % 2, e))
    walk: list[tuple[int, bool]] = []
    while True:
        row, backwards = end // 2, end % 2 == 1
        walk.append((row, backwards))
        leaving = end ^ 1
        if partner[leaving] < 0:
            break
        end = int(partner[leaving])
    lengths = np.array([np.hypot(*np.diff(rows[row], axis=0).T).sum() for row, _ in walk])
    against = np.array([backwards for _, backwards in walk])
    if lengths[against].sum() > lengths.sum() / 2.0:
        walk = [(row, not backwards) for row, backwards in walk[::-1]]
        lengths, against = lengths[::-1], ~against[::-1]
    walked = [rows[row][::-1] if backwards else rows[row] for row, backwards in walk]
    if not against.any():
        return walked, NOTHING_TURNED
    longest = walked[int(np.argmax(np.where(against, lengths, 0.0)))]
    return walked, Turned(share=float(lengths[against].sum() / lengths.sum()), longest=LineString(longest))


def _partners(rows: list[FloatArray]) -> NDArray[np.int64]:
    """Return, for end 2k (start) and 2k + 1 (finish) of each part k, the end it is joined to, -1 for none."""
    ends = np.array([p for row in rows for p in (row[0], row[-1])])
    partner = np.full(len(ends), -1)
    group = np.repeat(np.arange(len(rows)), 2)
    while len(np.unique(group)) > 1:
        free = np.flatnonzero(partner < 0)
        near, which = cKDTree(ends[free]).query(ends[free], k=min(8, len(free)))
        first = np.repeat(free, near.shape[1])
        second = free[which.ravel()]
        order = np.lexsort((second, first, near.ravel()))
        joined = False
        for a, b in zip(first[order].tolist(), second[order].tolist(), strict=True):
            if partner[a] < 0 and partner[b] < 0 and group[a] != group[b]:
                partner[a], partner[b] = b, a
                group[group == group[b]] = group[a]
                joined = True
        if not joined:
            _join_farther(ends, partner, group)
    return partner


def _join_farther(ends: FloatArray, partner: NDArray[np.int64], group: NDArray[np.int64]) -> None:
    """Join the closest free ends of two chains whose eight nearest ends are all their own."""
    free = np.flatnonzero(partner < 0)
    gap = np.hypot(*(ends[free][:, None, :] - ends[free][None, :, :]).transpose(2, 0, 1))
    gap[group[free][:, None] == group[free][None, :]] = np.inf
    a, b = (int(free[k]) for k in np.unravel_index(int(np.argmin(gap)), gap.shape))
    partner[a], partner[b] = b, a
    group[group == group[b]] = group[a]


def extend_ends(lines: list[LineString], area: Polygon) -> list[LineString]:
    """Prolong the outermost ends of the chains to the edge of the area, without crossing the border."""
    whole = shapely.union_all(lines)
    ends, inward = _free_ends(lines)
    rays: list[LineString] = []
    reach = float(np.hypot(area.bounds[2] - area.bounds[0], area.bounds[3] - area.bounds[1]))
    for end, before in zip(ends, inward, strict=True):
        ray = _escape(end, before, shapely.union_all([whole, *rays]), area, reach)
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


def _escape(end: FloatArray, before: FloatArray, whole: BaseGeometry, area: Polygon, reach: float) -> LineString | None:
    """Return the straight way out of the area nearest to the border's own direction that crosses nothing."""
    along = np.arctan2(*(end - before)[::-1])
    edge = area.boundary
    start = shapely.Point(end)
    for turn in np.radians(np.arange(0.0, 180.0, 5.0)):
        for sign in (1.0, -1.0):
            out = np.array([np.cos(along + sign * turn), np.sin(along + sign * turn)])
            exits = LineString([end, end + out * reach]).intersection(edge)
            if exits.is_empty:
                continue
            stop = float(start.distance(exits)) + 1.0
            if not LineString([end + out * CLOSE_M, end + out * stop]).intersects(whole):
                return LineString([end, end + out * stop])
    return None
