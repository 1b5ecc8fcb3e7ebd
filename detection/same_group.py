"""Who of a group is who: people near each other in one recording, laid over people near each other in another.

A pose puts all that a picture shows off by the same metres, and who walks together goes the same way. So what is
unknown of one of a group is unknown of all of it alike. Where one of them is told, the others are told by their places
relative to that one: to within a metre, while each alone may be ten metres off (counted on simulated sorties). Every
way to match two groups is weighed, with what one of its pairs says by itself and the others' places beside that one.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.matching import matched_besides

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.traces import Traces

    FloatArray = NDArray[np.float64]

NEAR_M: Final = 12.0
"""People this near to each other, one to the next, are a group, as for `detection.events`."""
NEAR_S: Final = 15.0
"""If they were seen within so many seconds: places are carried over that time with the group's velocity."""
GROUP_MAX: Final = 8
"""Larger groups are left to what each says alone: time and memory grow fourfold with each member."""
PLACE_M: Final = 0.75
"""One sigma on an axis of a place relative to a neighbour's, over two passes."""
LOOSE_M: Final = 4.0
"""The same of groups that changed their order meanwhile."""
LOOSE_SHARE: Final = 0.1
LOOSENS_S: Final = 400.0
"""How long groups keep their order: all but 1/e have changed it after that long."""
APART_SHARE: Final = 0.05
"""Share of a group that goes its own way: it is told by what it says alone."""
TURNED_MPS: Final = 0.4
"""Slower than this a group has no direction, so that its places cannot have turned with it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Pairs of tracks, the earlier first, and the odds of each by itself against a newcomer, as columns."""

    before: NDArray[np.int64]
    after: NDArray[np.int64]
    odds: FloatArray
    seen_again: FloatArray
    """Odds of being seen again over the density of newcomers, square metres, and what the looks of both say."""


def together(traces: Traces, pairs: Candidates, group: NDArray[np.bool_]) -> FloatArray:
    """Return the pairs' odds with what their neighbours say.

    Parameters
    ----------
    traces
        The tracks.
    pairs
        Which of them may be one thing.
    group
        Tracks (n,) of things that go in groups: persons.
    """
    odds = pairs.odds.copy()
    ends = _groups(traces.run, traces.end_ns, traces.end_m, group)
    begins = _groups(traces.run, traces.begin_ns, traces.begin_m, group)
    usable = np.flatnonzero((pairs.odds > 0.0) & group[pairs.before] & group[pairs.after])
    key = ends[pairs.before[usable]] * (begins.max(initial=0) + 1) + begins[pairs.after[usable]]
    order = np.argsort(key, kind="stable")
    for rows in np.split(usable[order], np.flatnonzero(np.diff(key[order])) + 1):
        if len(rows) < 2:
            continue
        counts = [len(np.unique(column[rows])) for column in (pairs.before, pairs.after)]
        if min(counts) > 1 and max(counts) <= GROUP_MAX:
            odds[rows] = _weighed(traces, pairs, rows)
    return odds


def _groups(
    run: NDArray[np.int64], t_ns: NDArray[np.int64], place_m: FloatArray, group: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return the number of each track's group: tracks of a recording that are near in place and time, step by step."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    rows = np.flatnonzero(group & np.isfinite(place_m).all(axis=1))
    near = rows[KDTree(place_m[rows]).query_pairs(NEAR_M, output_type="ndarray").reshape(-1, 2)]
    one, two = near[:, 0], near[:, 1]
    kept = (run[one] == run[two]) & (np.abs(t_ns[one] - t_ns[two]) < NEAR_S * 1e9)
    links = coo_array((np.ones(int(kept.sum())), (one[kept], two[kept])), shape=(len(run), len(run)))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _weighed(traces: Traces, pairs: Candidates, rows: NDArray[np.int64]) -> FloatArray:
    """Odds of the pairs between two groups, given all ways to match those.

    A way to match is worth the mean, over its pairs, of that pair's own odds and of what the others are worth beside
    it; a pair's odds are what all ways that hold it are worth, over those in which both of it are left alone.
    """
    beside, odds = _beside(traces, pairs, rows), pairs.odds[rows]
    one, two = (np.unique(column[rows], return_inverse=True)[1] for column in (pairs.before, pairs.after))
    every = np.arange(len(rows))
    table = np.zeros((len(rows), 2, int(one.max()) + 1, int(two.max()) + 1))
    table[:, :, one, two] = beside.transpose(1, 2, 0)
    table[every, :, one] = 0.0  # what is told is not matched again
    table[every, :, :, two] = 0.0
    others = np.arange(table.shape[-1], dtype=np.float64)
    left_out, put_in = (
        matched_besides(table, np.asarray(1.0 / (others + more)))[:, :, one, two].transpose(0, 2, 1)
        for more in (1.0, 2.0)
    )
    put_in = put_in * beside.transpose(1, 0, 2)
    rival = (one[:, None] == one) | (two[:, None] == two)
    with_it = np.where(rival, 0.0, put_in.mean(axis=2))
    with_it[every, every] = left_out[every, every].mean(axis=1)
    without = np.where(rival, 0.0, left_out.mean(axis=2))
    return np.asarray((odds @ with_it) / (1.0 + odds @ without))


def _beside(traces: Traces, pairs: Candidates, rows: NDArray[np.int64]) -> FloatArray:
    """Odds (n, n, 2) of each pair given another, where the group kept its directions, and where it turned them."""
    before, after = pairs.before[rows], pairs.after[rows]
    then, now = traces.end_mps[np.unique(before)].mean(axis=0), traces.begin_mps[np.unique(after)].mean(axis=0)
    from_s = (traces.end_ns[before] - traces.end_ns[before].min()) / 1e9
    to_s = (traces.begin_ns[after] - traces.begin_ns[after].min()) / 1e9
    was = traces.end_m[before] - then * from_s[:, None]
    came = traces.begin_m[after] - now * to_s[:, None]
    gap_s = max(float(traces.begin_ns[after].min() - traces.end_ns[before].min()) / 1e9, 0.0)
    loose = 1.0 - (1.0 - LOOSE_SHARE) * np.exp(-gap_s / LOOSENS_S)
    found = []
    for turn in _turns(then, now):
        off = (came[:, None] - came) - (was[:, None] - was) @ turn.T
        d2 = (off**2).sum(axis=2)
        density = sum(
            share * np.exp(-0.5 * d2 / (2.0 * sigma**2)) / (2.0 * np.pi * 2.0 * sigma**2)
            for share, sigma in ((1.0 - loose, PLACE_M), (loose, LOOSE_M))
        )
        found.append((1.0 - APART_SHARE) * pairs.seen_again[rows][:, None] * density)
    own = APART_SHARE * pairs.odds[rows][:, None, None]
    return np.stack(found, axis=2) + own


def _turns(then_mps: FloatArray, now_mps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """No turn, and the one from the first direction to the second."""
    whole = np.eye(2)
    if min(np.hypot(*then_mps), np.hypot(*now_mps)) < TURNED_MPS:
        return whole, whole
    angle = np.arctan2(now_mps[1], now_mps[0]) - np.arctan2(then_mps[1], then_mps[0])
    cos, sin = np.cos(angle), np.sin(angle)
    return whole, np.array([[cos, -sin], [sin, cos]])
