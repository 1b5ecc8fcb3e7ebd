"""What the poses of a recording put everything off by, told by what another pass over the ground saw as well.

More than half of a pose's error stays the same for as long as a recording lasts: a compass, a gimbal's zero, a datum, a
clock. The rest changes within tens of seconds. So all that is seen at one moment lies off by the same metres, and what
is seen a little later by nearly the same. One car that is parked on both passes says how many, and so does a crowd that
walks on.

First every offset between two recordings that the stated errors allow is tried: each is as likely as the tracks of
both, laid together so, are likely to be the same things. Then each moment's own offset is what its pairs say, each as
far as it is likely, with what the moments before and after it say (a Gaussian process in time).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.out_of_sight import Ways

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from detection.traces import Traces

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

FLIGHT_SHARE: Final = 0.55
"""Share of the variance of a pose's error that lasts for the flight; the rest wanders …"""
WANDER_S: Final = 20.0
"""… for so long: GNSS multipath and attitude filters settle over tens of seconds (Parkinson and Spilker 1996, 14)."""
LEAST_M2: Final = 0.01
"""No pose is better than this."""
MOMENT_S: Final = 4.0
"""What is seen within so many seconds is off by nearly the same."""
MOMENTS_MAX: Final = 600
"""Longer moments are taken where there are more of them: time grows with the third power of their number."""
TRIED: Final = 21
"""How many offsets are tried on an axis."""
SIGMAS: Final = 3.0
"""And how far, in one-sigma errors of both."""
SHARP_M: Final = 15.0
"""Steps known less well than this (one sigma on an axis) say nothing of an offset."""
ASKED_MAX: Final = 5000
"""Of more ways that pairs may have gone the likeliest are asked."""
LEAST_ODDS: Final = 1e-4
"""What is less likely than this says nothing."""
LIKELY: Final = 1e-3
"""Pairs less likely than this say nothing of the offset at a moment."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Pairs of tracks that may be one thing, as columns (n,), with the recordings they are of."""

    before: IntArray
    after: IntArray
    run_before: IntArray
    run_after: IntArray
    step_m: FloatArray
    """From the first to the second, shape (n, 2)."""
    own_m2: FloatArray
    """Variance on an axis of that step by what each place alone is off."""
    alike: FloatArray
    """How much likelier their looks are of one thing than of two (`detection.same_look`); it is in the ways' weight."""
    elsewhere_per_m2: FloatArray
    """Density a square metre of their step where nobody knows which way it went, whatever the step."""
    ways: Ways

    def __len__(self) -> int:
        return len(self.before)

    @classmethod
    def concat(cls, parts: Sequence[Pairs]) -> Pairs:
        """Join them, one part after another."""
        names = [field.name for field in dataclasses.fields(cls)[:-1]]
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return cls(**columns, ways=Ways.concat([part.ways for part in parts]))

    def take(self, rows: IntArray) -> Pairs:
        """Return some of them."""
        kept = {field.name: getattr(self, field.name)[rows] for field in dataclasses.fields(self)[:-1]}
        return Pairs(**kept, ways=self.ways.take(rows))

    def density(self, offset: Offset) -> FloatArray:
        """Density a square metre of each pair's step, at an offset that is known so well."""
        return self.elsewhere_per_m2 + self.ways.density(self.step_m - offset.mean_m, self._pose_m2(offset))

    def shares(self, offset: Offset) -> FloatArray:
        """Return what share of that density each way has, shape (n, k)."""
        each = self.ways.weight * self.ways.densities(self.step_m - offset.mean_m, self._pose_m2(offset))
        whole = each.sum(axis=1, keepdims=True) + self.elsewhere_per_m2[:, None]
        return np.asarray(each / np.maximum(whole, 1e-300))

    def _pose_m2(self, offset: Offset) -> FloatArray:
        return offset.cov_m2 + self.own_m2[:, None, None] * np.eye(2)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """How much further off the second of each pair lies than the first: metres (n, 2), and covariance (n, 2, 2)."""

    mean_m: FloatArray
    cov_m2: FloatArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Moments of recordings at which tracks begin or end, as columns."""

    run: IntArray
    t_s: FloatArray
    begin: IntArray
    """Which moment each track begins at, …"""
    end: IntArray
    """… and ends at."""
    lasts_s: float
    stated_m2: FloatArray
    """Covariance (runs, 2, 2) of what the poses of each recording are stated to be off by."""

    @classmethod
    def of(cls, traces: Traces) -> Moments:
        """Take all moments of a recording within some seconds as one."""
        run = np.tile(traces.run, 2)
        t_ns = np.concatenate([traces.begin_ns, traces.end_ns])
        t_s = (t_ns - t_ns.min()) / 1e9
        lasts_s = MOMENT_S
        while True:
            key = np.stack([run, (t_s // lasts_s).astype(np.int64)])
            kept, moment = np.unique(key, axis=1, return_inverse=True)
            if kept.shape[1] <= MOMENTS_MAX:
                break
            lasts_s *= 2.0
        begin, end = moment.reshape(2, -1)
        both = (traces.begin_cov_m2 + traces.end_cov_m2) / 2.0
        runs = np.arange(int(traces.run.max()) + 1)
        known = np.isfinite(both).all(axis=(1, 2))
        mine = [known & (traces.run == one) for one in runs]
        stated = [both[own].mean(axis=0) if own.any() else np.eye(2) for own in mine]
        return cls(
            run=kept[0], t_s=(kept[1] + 0.5) * lasts_s, begin=begin, end=end, lasts_s=lasts_s,
            stated_m2=np.stack(stated) + LEAST_M2 * np.eye(2),
        )  # fmt: skip

    @property
    def changes(self) -> float:
        """Share of the variance that changes within a moment."""
        return float((1.0 - FLIGHT_SHARE) * (1.0 - np.exp(-self.lasts_s / (3.0 * WANDER_S))))

    def own_m2(self, pairs: Pairs) -> FloatArray:
        """Variance on an axis (n,) by which the poses of a pair change within its two moments."""
        each = np.trace(self.stated_m2, axis1=1, axis2=2) / 2.0
        return np.asarray(self.changes * (each[pairs.run_before] + each[pairs.run_after]))

    def alike(self) -> FloatArray:
        """Correlation (n, n) of what is off at each moment with what is off at each other."""
        apart_s = np.abs(self.t_s[:, None] - self.t_s)
        alike = FLIGHT_SHARE + (1.0 - FLIGHT_SHARE) * np.exp(-apart_s / WANDER_S)
        return np.asarray(np.where(self.run[:, None] == self.run, alike, 0.0))

    def stated(self, pairs: Pairs) -> Offset:
        """Return what is known of the pairs' offsets before anything is compared."""
        one, two = self.end[pairs.before], self.begin[pairs.after]
        apart_s = np.abs(self.t_s[one] - self.t_s[two])
        same = (1.0 - FLIGHT_SHARE) * (1.0 - np.exp(-apart_s / WANDER_S))
        share = np.where(pairs.run_before == pairs.run_after, same, 1.0)
        cov = share[:, None, None] * (self.stated_m2[pairs.run_before] + self.stated_m2[pairs.run_after])
        return Offset(mean_m=np.zeros((len(pairs), 2)), cov_m2=cov)


def tried_offsets(pairs: Pairs, moments: Moments, odds_per_m2: FloatArray) -> Offset:
    """Return the pairs' offsets as far as whole recordings tell them.

    Parameters
    ----------
    pairs
        Tracks that may be one thing.
    moments
        When they were seen, and what the poses are stated to be off by.
    odds_per_m2
        Odds of the pairs over the density of newcomers, square metres.
    """
    found = moments.stated(pairs)
    mean, cov = found.mean_m.copy(), found.cov_m2.copy()
    for rows, one, two in _recordings(pairs):
        both = moments.stated_m2[one] + moments.stated_m2[two]
        tried = _tried(FLIGHT_SHARE * both)
        log = _fit(pairs.take(rows), tried, (1.0 - FLIGHT_SHARE) * both, odds_per_m2[rows])
        log -= 0.5 * np.einsum("gi,ij,gj->g", tried, np.linalg.inv(FLIGHT_SHARE * both), tried)
        chance = np.exp(log - log.max())
        chance /= chance.sum()
        middle = chance @ tried
        spread = np.einsum("g,gi,gj->ij", chance, tried - middle, tried - middle) + _cell_m2(tried)
        sign = np.where(pairs.run_after[rows] == two, 1.0, -1.0)
        mean[rows] = sign[:, None] * middle
        cov[rows] = (1.0 - FLIGHT_SHARE) * both + spread
    return Offset(mean_m=mean, cov_m2=cov)


def _recordings(pairs: Pairs) -> Iterator[tuple[IntArray, int, int]]:
    """Rows of the pairs between each two recordings, and which those are."""
    low, high = np.minimum(pairs.run_before, pairs.run_after), np.maximum(pairs.run_before, pairs.run_after)
    order = np.lexsort([high, low])
    order = order[low[order] != high[order]]
    if len(order):
        new = np.flatnonzero((np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)) + 1
        for rows in np.split(order, new):
            yield rows, int(low[rows[0]]), int(high[rows[0]])


def _tried(stated_m2: FloatArray) -> FloatArray:
    """Offsets (g, 2) that are tried."""
    steps = [np.linspace(-SIGMAS, SIGMAS, TRIED) * np.sqrt(stated_m2[axis, axis]) for axis in (0, 1)]
    return np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 2)


def _cell_m2(tried_m: FloatArray) -> FloatArray:
    """Covariance (2, 2) of an offset within what is tried once."""
    return np.asarray(np.diag(((tried_m[-1] - tried_m[0]) / (TRIED - 1)) ** 2 / 12.0))


def _fit(pairs: Pairs, tried_m: FloatArray, wander_m2: FloatArray, odds_per_m2: FloatArray) -> FloatArray:
    """Log likelihood (g,) of each offset of the second recording: every later track is somebody earlier, or new."""
    whole = Offset(
        mean_m=np.zeros((len(pairs), 2)),
        cov_m2=np.broadcast_to(wander_m2 / (1.0 - FLIGHT_SHARE), (len(pairs), 2, 2)),
    )
    sharp = (pairs.ways.cov_m2[..., 0] + pairs.ways.cov_m2[..., 2]) / 2.0 < SHARP_M**2
    worth = (odds_per_m2 * pairs.density(whole))[:, None] * pairs.shares(whole)
    vague = np.log1p(np.bincount(pairs.after, (worth * ~sharp).sum(axis=1) + odds_per_m2 * pairs.elsewhere_per_m2))
    row, way = np.nonzero(sharp & (worth > LEAST_ODDS))
    kept = np.argsort(-worth[row, way], kind="stable")[:ASKED_MAX]
    kept = kept[np.argsort(pairs.after[row[kept]], kind="stable")]
    if not len(kept):
        return np.zeros(len(tried_m))
    row, way = row[kept], way[kept]
    one = Ways(
        weight=(odds_per_m2[row] * pairs.ways.weight[row, way])[:, None],
        step_m=pairs.ways.step_m[row, way, None],
        cov_m2=pairs.ways.cov_m2[row, way, None],
    )
    pose = pairs.own_m2[row, None, None] * np.eye(2) + wander_m2 + _cell_m2(tried_m)
    sign = np.where(pairs.run_after > pairs.run_before, 1.0, -1.0)[row, None]
    first = np.flatnonzero(np.diff(pairs.after[row], prepend=-1))
    new = np.exp(vague[pairs.after[row[first]]])
    log = np.zeros(len(tried_m))
    for place, offset in enumerate(tried_m):
        odds = one.density(pairs.step_m[row] - sign * offset, pose)
        log[place] = np.log(new + np.add.reduceat(odds, first)).sum()
    return log


def followed_offsets(pairs: Pairs, moments: Moments, probability: FloatArray, last: Offset) -> Offset:
    """Return the pairs' offsets as each moment's other pairs tell them.

    Parameters
    ----------
    pairs
        Tracks that may be one thing.
    moments
        When they were seen, and what the poses are stated to be off by.
    probability
        How likely each pair is, …
    last
        … and the offsets at which that was worked out.
    """
    count = len(moments.run)
    rows = np.flatnonzero(probability > LIKELY)
    some = pairs.take(rows)
    share = probability[rows, None] * some.shares(Offset(mean_m=last.mean_m[rows], cov_m2=last.cov_m2[rows]))
    each = np.linalg.inv(some.ways.matrices() + some.own_m2[:, None, None, None] * np.eye(2))
    each *= share[..., None, None]
    weight, told = np.zeros((len(pairs), 2, 2)), np.zeros((len(pairs), 2))
    weight[rows] = each.sum(axis=1)
    told[rows] = np.einsum("nkij,nkj->ni", each, some.step_m[:, None] - some.ways.step_m)
    one, two = moments.end[pairs.before], moments.begin[pairs.after]
    exact, pull = np.zeros((count, count, 2, 2)), np.zeros((count, 2))
    for a, b, sign in ((one, one, 1.0), (two, two, 1.0), (one, two, -1.0), (two, one, -1.0)):
        np.add.at(exact, (a, b), sign * weight)
    np.add.at(pull, two, told)
    np.add.at(pull, one, -told)
    stated = moments.alike()[:, None, :, None] * moments.stated_m2[moments.run][:, :, None, :]
    prior = stated.reshape(2 * count, 2 * count)
    more = exact.transpose(0, 2, 1, 3).reshape(2 * count, 2 * count)
    cov = np.linalg.solve(np.eye(2 * count) + prior @ more, prior)
    mean, cov = (cov @ pull.ravel()).reshape(count, 2), cov.reshape(count, 2, count, 2)
    between = cov[two, :, two] + cov[one, :, one] - cov[two, :, one] - cov[one, :, two]
    return _without_itself(Offset(mean_m=mean[two] - mean[one], cov_m2=between), weight, told)


def _without_itself(found: Offset, weight: FloatArray, told: FloatArray) -> Offset:
    """Take out of what is known of each pair's offset what it said itself: it must not confirm itself."""
    exact = np.linalg.inv(found.cov_m2 + 1e-6 * np.eye(2))
    left = np.linalg.inv(exact - weight + 1e-9 * np.eye(2))
    mean = (left @ ((exact @ found.mean_m[..., None])[..., 0] - told)[..., None])[..., 0]
    return Offset(mean_m=mean, cov_m2=np.asarray(left, dtype=np.float64))
