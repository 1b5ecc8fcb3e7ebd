"""Which tracks are one thing, by all ways to chain them: not only which follows which at once.

Each track is followed by one at most, and follows one at most; a way to chain all of them is worth the product of its
links' odds, and of what the looks of all tracks of a chain say together: a size that was seen seven times is known
better than by the last of them. Where two were seen of one thing it matters little which of others lie between them:
how often both are in one chain is how likely they are one thing. Of few tracks every way is counted; of more, ways are
drawn as often as their links are worth (Barker 1965) and weighed by how their chains look (importance sampling). Drawn
numbers are the same for the same tracks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from detection.same_size import alike

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.traces import Traces

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

ASKED: Final = 3e-3
"""Links less likely than this are not drawn."""
EVERY: Final = 5000
"""Up to so many ways all are counted; of more some are drawn (eight tracks that may all follow each other: 4140)."""
WAYS: Final = 192
"""How many ways are changed side by side where they are drawn, …"""
ASKS, EACH, SETTLING = 2000, (40, 160), 0.2
"""… how many links of them are asked for, drawn by lot, each so often at least and at most, and which share of that it
takes until ways are counted."""
LEAST: Final = 0.01
"""Pairs less likely than this are left out."""
SPREAD: Final = 1.0
"""By how much at most (one sigma of the logarithm) ways are worth more or less by the looks of whole chains: where very
many are chained at once, one way would outweigh all others, and looks say less."""
PIECE: Final = 20_000
"""How many pairs' looks are compared at once."""


def one_thing(
    traces: Traces, before: IntArray, after: IntArray, odds: FloatArray, probability: FloatArray
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return pairs that may be one thing, the first one earlier, and how likely each is.

    Parameters
    ----------
    traces
        The tracks.
    before, after
        Links.
    odds
        What each is worth against both being left alone.
    probability
        How likely each is, roughly: what is not likely at all is not asked.
    """
    asked = np.flatnonzero(probability > ASKED)
    if not len(asked):
        return before[asked], after[asked], probability[asked]
    tracks, places = np.unique(np.concatenate([before[asked], after[asked]]), return_inverse=True)
    one, two = places.reshape(2, -1)
    links = coo_array((np.ones(len(one)), (one, two)), shape=(len(tracks), len(tracks)))
    part = connected_components(links, directed=False)[1]
    found: list[tuple[IntArray, IntArray, FloatArray]] = []
    order, place = np.argsort(part[one], kind="stable"), np.zeros(len(tracks), dtype=np.int64)
    for rows in np.split(order, np.flatnonzero(np.diff(part[one][order])) + 1):
        mine = np.unique(np.concatenate([one[rows], two[rows]]))
        mine = mine[np.argsort(traces.begin_ns[tracks[mine]], kind="stable")]
        table = np.full((len(mine), len(mine)), -np.inf)
        place[mine] = np.arange(len(mine))
        here, there = place[one[rows]], place[two[rows]]
        table[here, there] = np.log(odds[asked[rows]])
        shares = _together(table, _looks(traces, tracks[mine]))
        shares = np.maximum(shares, shares.T)
        first, second = np.nonzero(np.triu(shares, 1) > LEAST)
        found.append((tracks[mine[first]], tracks[mine[second]], shares[first, second]))
    return tuple(np.concatenate(column) for column in zip(*found, strict=True))  # type: ignore[return-value]


def _looks(traces: Traces, rows: IntArray) -> FloatArray:
    """Log of how much likelier the looks of each two of these tracks, in order of time, are of one thing: (n, n)."""
    one, two = np.triu_indices(len(rows), 1)
    table = np.zeros((len(rows), len(rows)))
    for some in range(0, len(one), PIECE):
        here, there = one[some : some + PIECE], two[some : some + PIECE]
        table[here, there] = np.log(alike(traces, rows[here], rows[there]))
    return table + table.T


def _together(log_odds: FloatArray, looks: FloatArray) -> FloatArray:
    """Return how often the second of each two (n, n) comes somewhere after the first in one chain."""
    links = np.argwhere(np.isfinite(log_odds)).tolist()
    every = _every_way(log_odds, links)
    return _drawn(log_odds, looks, links) if every is None else _counted(*every, looks)


def _every_way(log_odds: FloatArray, links: list[list[int]]) -> tuple[IntArray, FloatArray] | None:
    """Return which track follows each in every way to chain them, (n, ways), and the log odds of each; not of many."""
    follows, follows_any = np.full((len(log_odds), 1), -1), np.zeros((len(log_odds), 1), dtype=bool)
    log_worth = np.zeros(1)
    for one, two in links:
        free = np.flatnonzero((follows[one] < 0) & ~follows_any[two])
        if len(log_worth) + len(free) > EVERY:
            return None
        more, any_more = follows[:, free], follows_any[:, free]
        more[one], any_more[two] = two, True
        follows, follows_any = np.hstack([follows, more]), np.hstack([follows_any, any_more])
        log_worth = np.concatenate([log_worth, log_worth[free] + log_odds[one, two]])
    return follows, log_worth


def _counted(follows: IntArray, log_worth: FloatArray, looks: FloatArray) -> FloatArray:
    """Return the same by every way."""
    count = len(follows)
    pairs, way, by_looks = _pairs(follows, looks)
    log_worth = log_worth + by_looks
    worth = np.exp(log_worth - log_worth.max())
    shares = np.bincount(pairs, worth[way] / worth.sum(), count * count)
    return np.minimum(shares, 1.0).reshape(count, count)


def _drawn(log_odds: FloatArray, looks: FloatArray, links: list[list[int]]) -> FloatArray:
    """Return the same by ways drawn as often as their links are worth, weighed by how their chains look."""
    count = len(log_odds)
    rng = np.random.default_rng(count)
    ways = _Ways(log_odds)
    total, whole, most, share = np.zeros(count * count), 0.0, -np.inf, 1.0
    settling: list[FloatArray] = []
    asks = min(max(ASKS, EACH[0] * len(links)), EACH[1] * len(links))
    for number, place in enumerate(rng.integers(len(links), size=asks).tolist()):
        one, two = links[place]
        change = ways.put_in if number % 2 else ways.ask
        change(one, two, rng.logistic(size=WAYS))
        if number % (1 + len(links) // 4) == 0:
            pairs, way, by_looks = _pairs(ways.follows, looks)
            if number < SETTLING * asks:
                settling.append(by_looks)
                share = 1.0 / max(float(np.std(settling)) / SPREAD, 1.0)
                continue
            last, most = most, max(most, share * float(by_looks.max()))
            worth, fade = np.exp(share * by_looks - most), np.exp(last - most)
            total = fade * total + np.bincount(pairs, worth[way], count * count)
            whole = fade * whole + worth.sum()
    return np.minimum(total / whole, 1.0).reshape(count, count)


def _pairs(follows: IntArray, looks: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Return all pairs of which in some way the second comes after the first, and what the ways are worth by looks.

    Pairs are places in (n, n), flat, each with its way. The logarithm of what a way is worth more than its links say is
    by the looks of each two of a chain, over half as many as it has tracks, in place of those of each next two: for
    normal numbers that is the density of all of a chain's together, as if one mean was shared.
    """
    count, many = follows.shape
    start, way = np.divmod(np.arange(count * many), many)
    here, firsts, seconds, ways = follows.ravel(), [start[:0]], [start[:0]], [way[:0]]
    for _ in range(count):
        on = here >= 0
        if not on.any():
            break
        start, here, way = start[on], here[on], way[on]
        firsts.append(start)
        seconds.append(here)
        ways.append(way)
        here = follows[here, way]
    first, second, way = np.concatenate(firsts), np.concatenate(seconds), np.concatenate(ways)
    of_first, of_second = first * many + way, second * many + way
    others = np.bincount(of_first, minlength=count * many) + np.bincount(of_second, minlength=count * many)
    all_two = np.bincount(of_first, looks[first, second], count * many) * 2.0 / (others + 1.0)
    next_two = np.where(follows >= 0, looks[np.arange(count)[:, None], follows], 0.0)
    return first * count + second, way, (all_two.reshape(count, many) - next_two).sum(axis=0)


class _Ways:
    """Ways to chain `count` tracks, side by side: which follows each, and which each follows, or -1."""

    def __init__(self, log_odds: FloatArray) -> None:
        count = len(log_odds)
        self._log_odds = np.pad(log_odds, ((0, 1), (0, 1)))
        """With a last row and column of 0, for none."""
        self.follows = np.full((count, WAYS), -1)
        self._last = np.full((count, WAYS), -1)
        worth = np.maximum(log_odds, 0.0)
        for one, two in zip(*linear_sum_assignment(worth, maximize=True), strict=True):
            if worth[one, two] > 0.0:
                self.follows[one], self._last[two] = two, one

    def ask(self, one: int, two: int, lot: FloatArray) -> None:
        """Link two tracks, or unlink them, where the lot is below the log odds; whom they part from are linked."""
        odds, after, before = self._log_odds, self.follows[one], self._last[two]
        linked = after == two
        gain = odds[one, two] - odds[one, after] - odds[before, two]
        gain += np.where((after >= 0) & (before >= 0), odds[before, after], 0.0)
        taken = lot < np.where(linked, -odds[one, two], gain)
        gone = np.flatnonzero(taken & linked)
        self.follows[one, gone] = -1
        self._last[two, gone] = -1
        new = np.flatnonzero(taken & ~linked)
        after, before = after[new], before[new]
        has = after >= 0
        self._last[after[has], new[has]] = before[has]
        has = before >= 0
        self.follows[before[has], new[has]] = after[has]
        self.follows[one, new] = two
        self._last[two, new] = one

    def put_in(self, one: int, two: int, lot: FloatArray) -> None:
        """Put a track that is alone between another and its next, or take it out again, where the lot has it."""
        odds, after, beyond = self._log_odds, self.follows[one], self.follows[two]
        linked = after == two
        out = odds[one, beyond] - odds[one, two] - odds[two, beyond]
        into = odds[one, two] + odds[two, after] - odds[one, after]
        alone = (beyond < 0) & (self._last[two] < 0)
        with np.errstate(invalid="ignore"):
            gone, new = linked & (lot < out), alone & (lot < into)
        for rows, follows in ((np.flatnonzero(gone), beyond), (np.flatnonzero(new), after)):
            last = follows[rows]
            has = last >= 0
            self._last[last[has], rows[has]] = one if follows is beyond else two
        self.follows[one, gone], self.follows[two, gone], self._last[two, gone] = beyond[gone], -1, -1
        self.follows[two, new], self.follows[one, new], self._last[two, new] = after[new], two, one
