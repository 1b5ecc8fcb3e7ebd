"""Are two tracks one thing: across passes, sorties, aircraft and sensors.

A track ends with a place and a velocity, and another begins later, or in another recording at the same time. How well
the second fits the first is the density of its place and velocity under what a thing of that class may have done
meanwhile (stood, or walked on and slowly forgotten its direction), with what each pose may be wrong by. It is weighed
against a newcomer's, as many of which turn up as the ground and the number of tracks say, and against every other track
that claims the same one: each is followed by one at most, and follows one at most.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from detection.common_offsets import LEAST_ODDS, Moments, Pairs, followed_offsets, tried_offsets
from detection.matching import ROUNDS_MAX, marginals
from detection.newcomers import Followed, Looking, Rates, odds_m2, rates_told, rates_unasked
from detection.one_chain import one_thing
from detection.out_of_sight import LAWS, OTHER_LAW, Seen, Ways, elsewhere, ways
from detection.paths import SPEED_WINDOW_S
from detection.same_group import Candidates, together
from detection.same_look import alike

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.looked_again import Looked
    from detection.traces import Traces

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]


HORIZON_S: Final = 3600.0
"""Tracks that lie further apart in time are not weighed."""
GATE_SIGMAS: Final = 5.0
LEAST_SHARE: Final = 1e-3
"""A class that is less likely than this is left out."""
OWN_M: Final = 0.3
"""One sigma on an axis of what a place is off by itself, beside what its moment is off by (box edges)."""
STANDS_M2: Final = 0.5
"""Variance on an axis of the place of what stands: shifting feet, gait and box edges."""
NEAR_M: Final = 20.0
"""A place is off by less than this, beside where its thing may have gone; and no ground is narrower."""
PIECE: Final = 20_000
"""How many pairs are asked at once: some hundred megabytes."""
SETTLED: Final = 1e-4
"""Probabilities that change by less have settled."""
ROUNDS: Final = 3
"""How often what moments are off by and who is who are worked out from each other."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Pairs of tracks, the earlier first, and the probability that they are one thing, whatever lies between them."""

    before: NDArray[np.int64]
    after: NDArray[np.int64]
    probability: FloatArray
    begin_ns: NDArray[np.int64]
    """When each of all tracks begins."""


def link(traces: Traces, area_m2: FloatArray, looked: Looked | None = None) -> Links:
    """Weigh all pairs that may be one thing.

    Parameters
    ----------
    traces
        Tracks of any number of recordings.
    area_m2
        Ground that each recording showed, by `Traces.run`.
    looked
        Looks at where each track ended and began; without them each recording is one look at everything.
    """
    before, after = _candidates(traces)
    looking = Looking.of(traces, area_m2, looked, np.bincount(before, minlength=len(traces)) > 0)
    before, after = _of_one_class(traces, *_within_reach(traces, before, after))
    if not len(before):
        return Links(before=before, after=after, probability=np.zeros(0), begin_ns=traces.begin_ns)
    asked = _Asked(
        traces=traces, looked=looked, looking=looking, unasked=rates_unasked(traces, looking),
        extent_m=_extent_m(traces, area_m2),
    )  # fmt: skip
    moments = Moments.of(traces)
    pairs = asked.possible(before, after, moments)
    followed = asked.followed(pairs.before, pairs.after)
    offset = tried_offsets(pairs, moments, asked.first_odds_m2(followed))
    told = asked.weighed(pairs, followed, pairs.density(offset), asked.unasked)
    for _ in range(ROUNDS):
        offset = followed_offsets(pairs, moments, told.probability, offset)
        told = asked.weighed(pairs, followed, pairs.density(offset), told.rates)
    before, after, probability = one_thing(traces, pairs.before, pairs.after, told.odds, told.probability)
    return Links(before=before, after=after, probability=probability, begin_ns=traces.begin_ns)


class _Weighed(NamedTuple):
    """How likely pairs are, columns (n,), given their odds, and the rates that follow from that."""

    probability: FloatArray
    odds: FloatArray
    rates: Rates


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Tracks, and the looks at which they could be seen again."""

    traces: Traces
    looked: Looked | None
    looking: Looking
    unasked: Rates
    """What is held before any tracks are compared."""
    extent_m: FloatArray
    """Length and width of the ground of each recording, shape (n, 2)."""

    def followed(self, before: IntArray, after: IntArray) -> Followed:
        """Return pairs with the class that both are likeliest of, and the looks between them."""
        kind = (self.traces.posterior[before] * self.traces.posterior[after]).argmax(axis=1)
        skipped = np.zeros(len(before)) if self.looked is None else self.looked.skipped(self.traces, before, after)
        return Followed(before=before, after=after, kind=kind, skipped=skipped)

    def first_odds_m2(self, pairs: Followed) -> FloatArray:
        """Odds of pairs over the density of newcomers before any are compared."""
        return odds_m2(self.unasked, self.looking, pairs, self.traces.run)

    def possible(self, before: IntArray, after: IntArray, moments: Moments) -> Pairs:
        """Return those pairs that are possible with what poses are stated to be off by, in pieces of bounded size."""
        found = []
        for some in range(0, len(before), PIECE):
            pairs = _as_pairs(self.traces, self.extent_m, before[some : some + PIECE], after[some : some + PIECE])
            pairs = dataclasses.replace(pairs, own_m2=pairs.own_m2 + moments.own_m2(pairs))
            odds = self.first_odds_m2(self.followed(pairs.before, pairs.after)) * pairs.density(moments.stated(pairs))
            found.append(pairs.take(np.flatnonzero(odds > LEAST_ODDS)))
        return Pairs.concat(found)

    def weighed(self, pairs: Pairs, followed: Followed, ratio: FloatArray, rates: Rates) -> _Weighed:
        """Weigh pairs, given their densities over a newcomer's, with what their groups say, from these rates on."""
        names = self.traces.class_names
        person = np.isin(self.traces.posterior.argmax(axis=1), [k for k, n in enumerate(names) if n == "person"])
        rates = self._settled(followed, ratio, rates).rates
        odds = odds_m2(rates, self.looking, followed, self.traces.run)
        alone = Candidates(before=pairs.before, after=pairs.after, odds=odds * ratio, seen_again=odds * pairs.alike)
        return self._settled(followed, together(self.traces, alone, person) / odds, rates)

    def _settled(self, pairs: Followed, ratio: FloatArray, rates: Rates) -> _Weighed:
        """Weigh pairs against newcomers and each other until both agree.

        How many are seen again and how many are new follows from which are likely, and the other way round.
        """
        probability = np.zeros(len(pairs.before))
        for _ in range(ROUNDS_MAX):
            odds = odds_m2(rates, self.looking, pairs, self.traces.run) * ratio
            last, probability = probability, marginals(pairs.before, pairs.after, odds, len(self.traces))
            rates = rates_told(self.traces, self.looking, pairs, probability, rates)
            if np.abs(probability - last).max(initial=0.0) < SETTLED:
                break
        return _Weighed(probability=probability, odds=odds, rates=rates)


def _candidates(traces: Traces) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs where the second begins later, or at the same time in another recording.

    Of two that were followed at once the first is that of the earlier recording: whichever of it began first, a thing
    has one track at a time in each.
    """
    order = np.argsort(traces.begin_ns, kind="stable")
    begin = traces.begin_ns[order]
    last = np.searchsorted(begin, traces.end_ns[order] + int(HORIZON_S * 1e9), side="right")
    counts = np.maximum(last - np.arange(len(order)) - 1, 0)
    first = np.repeat(np.arange(len(order)), counts)
    second = first + 1 + np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    before, after = order[first], order[second]
    possible = (traces.run[before] != traces.run[after]) | (traces.begin_ns[after] > traces.end_ns[before])
    before, after = before[possible], after[possible]
    swapped = (traces.begin_ns[after] < traces.end_ns[before]) & (traces.run[before] > traces.run[after])
    return np.where(swapped, after, before), np.where(swapped, before, after)


def _within_reach(
    traces: Traces, before: NDArray[np.int64], after: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Leave out what nothing could have gone in the time there was."""
    gap_s = np.maximum((traces.begin_ns[after] - traces.end_ns[before]) / 1e9, 0.0)
    laws = [LAWS.get(name, OTHER_LAW) for name in traces.class_names]
    wander = np.array([law.speed_mps / GATE_SIGMAS + law.speed_sigma_mps for law in laws])
    likely = np.where(traces.posterior > LEAST_SHARE, wander, 0.0).max(axis=1)
    fast = np.maximum(np.hypot(*traces.end_mps.T), np.hypot(*traces.begin_mps.T)) + GATE_SIGMAS * likely
    wrong = (
        np.trace(traces.begin_cov_m2, axis1=1, axis2=2)[after] + np.trace(traces.end_cov_m2, axis1=1, axis2=2)[before]
    )
    far = np.hypot(*_steps_m(traces, before, after).T)
    near = far <= np.maximum(fast[before], fast[after]) * gap_s + GATE_SIGMAS * np.sqrt(wrong + 2.0 * STANDS_M2)
    return before[near], after[near]


def _of_one_class(traces: Traces, before: IntArray, after: IntArray) -> tuple[IntArray, IntArray]:
    """Leave out what is hardly of any one class."""
    both = (traces.posterior[before] * traces.posterior[after]).max(axis=1, initial=0.0) > LEAST_SHARE
    return before[both], after[both]


def _steps_m(traces: Traces, before: NDArray[np.int64], after: NDArray[np.int64]) -> FloatArray:
    """From where the first ended to where the second begins; of two at once, from where the first was just then."""
    step = traces.begin_m[after] - traces.end_m[before]
    back_s = np.minimum((traces.begin_ns[after] - traces.end_ns[before]) / 1e9, 0.0)
    whole_s = np.maximum((traces.end_ns - traces.begin_ns)[before] / 1e9, 1e-3)
    along = traces.end_m[before] - traces.begin_m[before]
    last = np.maximum(back_s, -SPEED_WINDOW_S)
    was = traces.end_mps[before] * last[:, None]
    return np.asarray(np.where((back_s < last)[:, None], step - along * (back_s / whole_s)[:, None], step - was))


def _extent_m(traces: Traces, area_m2: FloatArray) -> FloatArray:
    """Length and width (n, 2) of each recording's ground: as long as its tracks lie apart, no less long than wide."""
    long_m = np.sqrt(area_m2)
    for run in np.unique(traces.run).tolist():
        at = traces.begin_m[traces.run == run]
        at = at[np.isfinite(at).all(axis=1)]
        if len(at) > 1:
            along = (at - at.mean(axis=0)) @ np.linalg.svd(at - at.mean(axis=0), full_matrices=False)[2][0]
            long_m[run] = max(long_m[run], float(np.ptp(along)))
    return np.stack([long_m, area_m2 / long_m], axis=1)


def _as_pairs(traces: Traces, extent_m: FloatArray, before: IntArray, after: IntArray) -> Pairs:
    """All that is asked of pairs: their steps, and how they may have gone as whichever class both may be."""
    seen = Seen(
        then_mps=traces.end_mps[before], now_mps=traces.begin_mps[after], then_m2ps2=traces.velocity_m2ps2[before],
        now_m2ps2=traces.velocity_m2ps2[after],
        gap_s=np.maximum((traces.begin_ns[after] - traces.end_ns[before]) / 1e9, 0.0),
    )  # fmt: skip
    sizes, found, unknown = alike(traces, before, after), [], np.zeros(len(before))
    step_m = _steps_m(traces, before, after)
    for code, name in enumerate(traces.class_names):
        if traces.posterior[:, code].max() > LEAST_SHARE:
            both = traces.posterior[before, code] * traces.posterior[after, code]
            law = LAWS.get(name, OTHER_LAW)
            one = ways(seen, law)
            weight, reach_m = elsewhere(seen, law)
            within = np.minimum(2.0 * reach_m[:, None], extent_m[traces.run[after]]).prod(axis=1)
            near = np.hypot(*step_m.T) < reach_m + NEAR_M
            unknown += np.where(near, both * sizes * weight / np.maximum(within, NEAR_M**2), 0.0)
            found.append(dataclasses.replace(one, weight=(both * sizes)[:, None] * one.weight))
    return Pairs(
        before=before, after=after, run_before=traces.run[before], run_after=traces.run[after],
        step_m=step_m, own_m2=np.full(len(before), 2.0 * (OWN_M**2 + STANDS_M2)),
        alike=sizes, elsewhere_per_m2=unknown, ways=Ways.beside(found),
    )  # fmt: skip


def chains(links: Links, at_least: float) -> list[list[int]]:
    """Return rows of tracks that are one thing, in order of time: on the mean each two of them are so probable."""
    kept = np.flatnonzero(links.probability >= at_least)
    count = len(links.begin_ns)
    graph = coo_array((np.ones(len(kept)), (links.before[kept], links.after[kept])), shape=(count, count))
    whole = connected_components(graph, directed=False)[1]
    chance = {}
    for one, two, told in zip(links.before.tolist(), links.after.tolist(), links.probability.tolist(), strict=True):
        if whole[one] == whole[two]:
            chance[one, two] = chance[two, one] = told
    found = []
    order = np.argsort(whole, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(whole[order])) + 1):
        if len(rows) > 1:
            members = rows[np.argsort(links.begin_ns[rows], kind="stable")].tolist()
            apart = [1.0 - chance.get(pair, 0.0) for pair in itertools.combinations(members, 2)]
            number = fcluster(linkage(apart, "average"), 1.0 - at_least + 1e-9, criterion="distance")
            parts = [[m for m, own in zip(members, number, strict=True) if own == one] for one in np.unique(number)]
            found += [part for part in parts if len(part) > 1]
    return sorted(found)
