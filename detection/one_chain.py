"""Which tracks are one thing, by all ways to chain them: not only which follows which at once.

Each track is followed by one at most, and follows one at most; a way to chain all of them is worth the product of its
links' odds, and of what the looks of all tracks of a chain say together: a size that was seen seven times is known
better than by the last of them. Where two were seen of one thing it matters little which of others lie between them:
how often both are in one chain is how likely they are one thing. Of few tracks every way is counted; of more, ways are
drawn as often as they are worth (Barker 1965). Drawn numbers are the same for the same tracks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from detection.same_look import alike

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
ASKS, EACH, SETTLING = 2000, (120, 160), 0.2
"""… how many links of them are asked for, drawn by lot: so many at least, so many times the sum of all links' doubt,
so many for each at most; and which share of that it takes until ways are counted."""
DOUBT: Final = 0.05
"""Links are asked the more often the less is known of them: as often as probability times its rest, and this, say."""
LEAST: Final = 0.01
"""Pairs less likely than this are left out."""
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
    order, place = np.argsort(part[one], kind="stable"), np.zeros(len(tracks), dtype=np.int64)
    parts = np.split(order, np.flatnonzero(np.diff(part[one][order])) + 1)
    members = [np.unique(np.concatenate([one[rows], two[rows]])) for rows in parts]
    members = [mine[np.argsort(traces.begin_ns[tracks[mine]], kind="stable")] for mine in members]
    found: list[tuple[IntArray, IntArray, FloatArray]] = []
    for rows, mine, looks in zip(parts, members, _looks(traces, [tracks[m] for m in members]), strict=True):
        table = np.full((len(mine), len(mine)), -np.inf)
        place[mine] = np.arange(len(mine))
        here, there = place[one[rows]], place[two[rows]]
        table[here, there] = np.log(odds[asked[rows]])
        doubt = np.zeros(table.shape)
        doubt[here, there] = probability[asked[rows]] * (1.0 - probability[asked[rows]]) + DOUBT
        shares = _together(table, looks, doubt)
        shares = np.maximum(shares, shares.T)
        first, second = np.nonzero(np.triu(shares, 1) > LEAST)
        found.append((tracks[mine[first]], tracks[mine[second]], shares[first, second]))
    return tuple(np.concatenate(column) for column in zip(*found, strict=True))  # type: ignore[return-value]


def _looks(traces: Traces, parts: Sequence[IntArray]) -> Iterator[FloatArray]:
    """Yield the log of how much likelier looks of each two tracks, in order of time, are of one thing: (n, n) a part.

    All parts are asked together: a look is told over the mean of all tracks.
    """
    places = [np.triu_indices(len(rows), 1) for rows in parts]
    one, two = (np.concatenate([rows[at[k]] for rows, at in zip(parts, places, strict=True)]) for k in (0, 1))
    pieces = [slice(some, some + PIECE) for some in range(0, len(one), PIECE)]
    told = np.concatenate([np.log(alike(traces, one[piece], two[piece])) for piece in pieces])
    ends = np.cumsum([len(at[0]) for at in places])[:-1]
    for rows, at, mine in zip(parts, places, np.split(told, ends), strict=True):
        table = np.zeros((len(rows), len(rows)))
        table[at] = mine
        yield table + table.T


def _together(log_odds: FloatArray, looks: FloatArray, doubt: FloatArray) -> FloatArray:
    """Return how often the second of each two (n, n) comes somewhere after the first in one chain."""
    links = np.argwhere(np.isfinite(log_odds)).tolist()
    every = _every_way(log_odds, links)
    return _drawn(log_odds, looks, doubt) if every is None else _counted(*every, looks)


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
    first, second, way = _pairs(follows)
    log_worth = log_worth + _by_looks(follows, (first, second, way), looks)
    worth = np.exp(log_worth - log_worth.max())
    shares = np.bincount(first * count + second, worth[way] / worth.sum(), count * count)
    return np.minimum(shares, 1.0).reshape(count, count)


def _drawn(log_odds: FloatArray, looks: FloatArray, doubt: FloatArray) -> FloatArray:
    """Return the same by ways drawn as often as they are worth."""
    count = len(log_odds)
    rng = np.random.default_rng(count)
    ways = _Ways(log_odds, looks)
    total, counted = np.zeros(count * count), 0
    links, chance = np.argwhere(doubt > 0.0), doubt[doubt > 0.0]
    asks = int(min(max(ASKS, EACH[0] * chance.sum()), EACH[1] * len(links)))
    asked = links[rng.choice(len(links), size=asks, p=chance / chance.sum())]
    for number, (one, two) in enumerate(asked.tolist()):
        change = ways.put_in if number % 2 else ways.ask
        change(one, two, rng.logistic(size=WAYS), -rng.exponential(size=WAYS))
        if number >= SETTLING * asks and number % (1 + len(links) // 4) == 0:
            first, second, _ = _pairs(ways.follows[:-1])
            total += np.bincount(first * count + second, minlength=count * count)
            counted += WAYS
    return (total / counted).reshape(count, count)


def _pairs(follows: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return all pairs of which in some way the second comes after the first, each with its way."""
    count, many = follows.shape
    start, way = np.divmod(np.arange(count * many), many)
    here, firsts, seconds, ways = follows.ravel(), [start[:0]], [start[:0]], [way[:0]]
    for _ in range(count):
        on = (here >= 0) & (here < count)
        if not on.any():
            break
        start, here, way = start[on], here[on], way[on]
        firsts.append(start)
        seconds.append(here)
        ways.append(way)
        here = follows[here, way]
    return np.concatenate(firsts), np.concatenate(seconds), np.concatenate(ways)


def _by_looks(follows: IntArray, pairs: tuple[IntArray, IntArray, IntArray], looks: FloatArray) -> FloatArray:
    """Return the logarithm (ways,) of what ways are worth by the looks of whole chains, over those of each next two.

    A chain's are those of each two of it, over half as many as it has tracks: for normal numbers that is the density of
    all of them together, as if one mean was shared.
    """
    (count, many), (first, second, way) = follows.shape, pairs
    of_first, of_second = first * many + way, second * many + way
    others = np.bincount(of_first, minlength=count * many) + np.bincount(of_second, minlength=count * many)
    all_two = np.bincount(of_first, looks[first, second], count * many) * 2.0 / (others + 1.0)
    next_two = np.where(follows >= 0, looks[np.arange(count)[:, None], follows], 0.0)
    return np.asarray((all_two.reshape(count, many) - next_two).sum(axis=0))


class _Ways:
    """Ways to chain tracks, side by side: which track follows each, and which each follows, or as many as there are.

    A change is made as likely as by its links alone (Barker), and of these by how whole chains look (Metropolis): most
    are not made, so that chains are seldom gone through (delayed acceptance, Christen and Fox 2005).
    """

    def __init__(self, log_odds: FloatArray, looks: FloatArray) -> None:
        none = len(log_odds)
        self._none = none
        self._log_odds, self._looks = (np.pad(table, ((0, 1), (0, 1))) for table in (log_odds, looks))
        """With a last row and column of 0, for none."""
        self.follows = np.full((none + 1, WAYS), none)
        self._last = np.full((none + 1, WAYS), none)
        worth = np.maximum(log_odds, 0.0)
        for one, two in zip(*linear_sum_assignment(worth, maximize=True), strict=True):
            if worth[one, two] > 0.0:
                self.follows[one], self._last[two] = two, one

    def ask(self, one: int, two: int, lot: FloatArray, second_lot: FloatArray) -> None:
        """Link two tracks, or unlink them, where lots are below what that is worth; whom they part from are linked."""
        odds, after, before = self._log_odds, self.follows[one], self._last[two]
        linked = after == two
        gain = odds[one, two] - odds[one, after] - odds[before, two]
        gain += np.where((after < self._none) & (before < self._none), odds[before, after], 0.0)
        rows = np.flatnonzero(lot < np.where(linked, -odds[one, two], gain))
        if not len(rows):
            return
        rows = rows[second_lot[rows] < self._exchanged(one, two, rows)]
        gone, new = rows[linked[rows]], rows[~linked[rows]]
        self._set(np.full(len(gone), one), np.full(len(gone), self._none), gone)
        self._set(np.full(len(gone), self._none), np.full(len(gone), two), gone)
        self._set(before[new], after[new], new)
        self._set(np.full(len(new), one), np.full(len(new), two), new)

    def put_in(self, one: int, two: int, lot: FloatArray, second_lot: FloatArray) -> None:
        """Put a track that is alone between another and its next, or take it out again, where lots have it."""
        odds, after, beyond = self._log_odds, self.follows[one], self.follows[two]
        linked = after == two
        rest = np.where(linked, beyond, after)
        alone = (beyond == self._none) & (self._last[two] == self._none)
        with np.errstate(invalid="ignore"):
            into = odds[one, two] + odds[two, rest] - odds[one, rest]
            rows = np.flatnonzero(np.where(linked, lot < -into, alone & (lot < into)))
        if not len(rows):
            return
        rows = rows[second_lot[rows] < self._inserted(one, two, rest, rows)]
        gone, new = rows[linked[rows]], rows[~linked[rows]]
        self._set(np.full(len(gone), one), rest[gone], gone)
        self.follows[two, gone] = self._last[two, gone] = self._none
        self._set(np.full(len(new), one), np.full(len(new), two), new)
        self._set(np.full(len(new), two), rest[new], new)

    def _set(self, one: IntArray, two: IntArray, ways: IntArray) -> None:
        """Link tracks in these ways; what none is linked to follows none."""
        self.follows[one, ways], self._last[two, ways] = two, one
        self.follows[self._none, ways] = self._last[self._none, ways] = self._none

    def _exchanged(self, one: int, two: int, rows: IntArray) -> FloatArray:
        """Gain by looks of whole chains where two tracks are linked, and whom they part from; or unlinked."""
        looks, after, before = self._looks, self.follows[one, rows], self._last[two, rows]
        linked = after == two
        after, before = np.where(linked, self._none, after), np.where(linked, self._none, before)
        ends = np.full((2, len(rows)), [[one], [two]])
        alike, counts = self._sums(
            self._along(self._last, ends[0], rows), self._along(self.follows, ends[1], rows),
            self._along(self._last, before, rows), self._along(self.follows, after, rows),
        )  # fmt: skip
        gain = _chained(alike, counts, 0, 1) + _chained(alike, counts, 2, 3)
        gain -= _chained(alike, counts, 0, 3) + _chained(alike, counts, 2, 1)
        gain -= looks[one, two] + looks[before, after] - looks[one, after] - looks[before, two]
        return np.asarray(np.where(linked, -gain, gain))

    def _inserted(self, one: int, two: int, rest: IntArray, rows: IntArray) -> FloatArray:
        """Gain by looks of whole chains where a track is put in between two, or taken out."""
        looks, rest = self._looks, rest[rows]
        alike, counts = self._sums(
            self._along(self._last, np.full(len(rows), one), rows), self._along(self.follows, rest, rows),
            np.full((1, len(rows)), two),
        )  # fmt: skip
        without, others = _chained(alike, counts, 0, 1), counts[0] + counts[1]
        gain = (without * others + 2.0 * (alike[0, 2] + alike[1, 2])) / (others + 1) - without
        gain -= looks[one, two] + looks[two, rest] - looks[one, rest]
        return np.asarray(np.where(self.follows[one, rows] == two, -gain, gain))

    def _along(self, pointer: IntArray, start: IntArray, rows: IntArray) -> IntArray:
        """Return tracks (k, rows) from these on along their chains, and none where a chain has fewer."""
        found, here = [start], start
        for _ in range(self._none):
            here = pointer[here, rows]
            if here.min(initial=self._none) == self._none:
                break
            found.append(here)
        return np.concatenate(found).reshape(len(found), -1)

    def _sums(self, *parts: IntArray) -> tuple[FloatArray, IntArray]:
        """Return the sums of looks of each of some parts of chains with each (k, k, rows), and how long each is."""
        every = np.concatenate(parts)
        first = np.cumsum([0, *(len(part) for part in parts[:-1])])
        alike = np.add.reduceat(self._looks[every[:, None], every[None]], first, axis=0)
        return np.add.reduceat(alike, first, axis=1), np.add.reduceat((every < self._none).astype(np.int64), first)


def _chained(alike: FloatArray, counts: IntArray, one: int, two: int) -> FloatArray:
    """Return the looks of chains put together of two parts: of each two tracks, over half as many as there are."""
    whole = alike[one, one] + alike[two, two] + 2.0 * alike[one, two]
    return np.asarray(whole / np.maximum(counts[one] + counts[two], 1))
