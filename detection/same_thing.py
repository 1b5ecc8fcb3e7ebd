"""Are two tracks one thing: across passes, sorties, aircraft and sensors.

A track ends with a place and a velocity, and another begins later, or in another recording at the same time. How well
the second fits the first is the density of its place and velocity under what a thing of that class may have done
meanwhile (stood, or walked on and slowly forgotten its direction), with what each pose may be wrong by. It is weighed
against a newcomer's, as many of which turn up as the ground and the number of tracks say, and against every other track
that claims the same one: each is followed by one at most, and follows one at most.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.matching import ROUNDS_MAX, marginals
from detection.paths import SPEED_WINDOW_S
from detection.same_group import Candidates, together
from detection.track_stitching import STITCH_GAP_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.traces import Traces

    FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wandering:
    """What a class of thing does out of sight; assumptions, held to simulated patrols (`docs/decisions`)."""

    still: float
    """Share that stays where it is."""
    bound: float
    """Share of the rest that keeps its speed, and forgets its direction slowly; what is left strays."""
    bound_s: float
    """How long a direction lasts: it is a random walk, and the cosine of its change falls to 1/e."""
    speed_mps: float
    """One sigma on an axis of what moves."""
    stray_s: float
    """How long what strays keeps its velocity: an Ornstein-Uhlenbeck process."""


WANDERING: Final = {"person": Wandering(still=0.15, bound=0.7, bound_s=500.0, speed_mps=0.85, stray_s=60.0)}
OTHER_WANDERING: Final = Wandering(still=0.3, bound=0.6, bound_s=200.0, speed_mps=5.0, stray_s=40.0)
HORIZON_S: Final = 3600.0
"""Tracks that lie further apart in time are not weighed."""
GATE_SIGMAS: Final = 5.0
GATE_D2: Final = GATE_SIGMAS**2
"""Nor those beyond this squared distance (four dimensions: 5 in 100 000 of the right ones)."""
LEAST_SHARE: Final = 1e-3
"""A class that is less likely than this is left out."""
STRANGE: Final = 0.01
"""Share of newcomers that move like nothing of their class (a wrong class, a wrong box): an assumption."""
STRANGE_MPS: Final = 40.0
"""And how fast at most: two tracks of such speeds, kilometres apart, were one thing for certain without these."""
STANDS_M2: Final = 0.5
"""Variance on an axis of the place of what stands: shifting feet, gait and box edges."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Pairs of tracks, the earlier first, and the probability that they are one thing and nothing lies between."""

    before: NDArray[np.int64]
    after: NDArray[np.int64]
    probability: FloatArray


def link(traces: Traces, area_m2: FloatArray) -> Links:
    """Weigh all pairs that may be one thing.

    Parameters
    ----------
    traces
        Tracks of any number of recordings.
    area_m2
        Ground that each recording showed, by `Traces.run`.
    """
    before, after = _candidates(traces)
    asked = len(np.unique(before))
    before, after = _within_reach(traces, before, after)
    if not len(before):
        return Links(before=before, after=after, probability=np.zeros(0))
    ratio = _fit(traces, before, after)
    keep = ratio > 0.0
    before, after, ratio = before[keep], after[keep], ratio[keep]
    alone = _Weighed.of(traces, before, after, ratio, asked, area_m2)
    odds = alone.odds_per_m2[traces.run[after]]
    pairs = Candidates(before=before, after=after, odds=odds * ratio, seen_again=odds)
    person = np.isin(traces.posterior.argmax(axis=1), [k for k, n in enumerate(traces.class_names) if n == "person"])
    ratio = together(traces, pairs, person) / odds
    grouped = _Weighed.of(traces, before, after, ratio, asked, area_m2)
    return Links(before=before, after=after, probability=grouped.probability)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Weighed:
    """Probabilities of pairs, and what they say of how many are seen again and how many are new."""

    probability: FloatArray
    odds_per_m2: FloatArray
    """Odds of being seen again over the density of newcomers, by recording, square metres."""

    @classmethod
    def of(
        cls, traces: Traces, before: NDArray[np.int64], after: NDArray[np.int64], ratio: FloatArray, asked: int,
        area_m2: FloatArray,
    ) -> _Weighed:  # fmt: skip
        """Weigh pairs against newcomers and each other until both agree."""
        tracks = np.bincount(traces.run, minlength=len(area_m2)).astype(np.float64)
        again, probability, new = 0.5, np.zeros(len(before)), tracks
        for _ in range(ROUNDS_MAX):
            odds_per_m2 = again / (1.0 - again) * area_m2 / new
            odds = odds_per_m2[traces.run[after]] * ratio
            last, probability = probability, marginals(before, after, odds, len(traces))
            again = float(np.clip((probability.sum() + 1.0) / (asked + 2.0), 0.02, 0.95))
            new = np.maximum(tracks - np.bincount(traces.run[after], probability, len(area_m2)), 0.0) + 0.5
            if np.abs(probability - last).max(initial=0.0) < 1e-4:
                break
        return cls(probability=probability, odds_per_m2=odds_per_m2)


def _candidates(traces: Traces) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs where the second begins later: in another recording, or so late that the tracker did not weigh it.

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
    another_pass = traces.begin_ns[after] - traces.end_ns[before] > round(STITCH_GAP_S * 1e9)
    possible = (traces.run[before] != traces.run[after]) | another_pass
    before, after = before[possible], after[possible]
    swapped = (traces.begin_ns[after] < traces.end_ns[before]) & (traces.run[before] > traces.run[after])
    return np.where(swapped, after, before), np.where(swapped, before, after)


def _within_reach(
    traces: Traces, before: NDArray[np.int64], after: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Leave out what nothing could have gone in the time there was."""
    gap_s = np.maximum((traces.begin_ns[after] - traces.end_ns[before]) / 1e9, 0.0)
    wander = np.array([WANDERING.get(name, OTHER_WANDERING).speed_mps for name in traces.class_names])
    likely = np.where(traces.posterior > LEAST_SHARE, wander, 0.0).max(axis=1)
    fast = np.maximum(np.hypot(*traces.end_mps.T), np.hypot(*traces.begin_mps.T)) + GATE_SIGMAS * likely
    wrong = (
        np.trace(traces.begin_cov_m2, axis1=1, axis2=2)[after] + np.trace(traces.end_cov_m2, axis1=1, axis2=2)[before]
    )
    far = np.hypot(*_steps_m(traces, before, after).T)
    near = far <= np.maximum(fast[before], fast[after]) * gap_s + GATE_SIGMAS * np.sqrt(wrong + 2.0 * STANDS_M2)
    return before[near], after[near]


def _steps_m(traces: Traces, before: NDArray[np.int64], after: NDArray[np.int64]) -> FloatArray:
    """From where the first ended to where the second begins; of two at once, from where the first was just then."""
    step = traces.begin_m[after] - traces.end_m[before]
    back_s = np.minimum((traces.begin_ns[after] - traces.end_ns[before]) / 1e9, 0.0)
    whole_s = np.maximum((traces.end_ns - traces.begin_ns)[before] / 1e9, 1e-3)
    along = traces.end_m[before] - traces.begin_m[before]
    last = np.maximum(back_s, -SPEED_WINDOW_S)
    was = traces.end_mps[before] * last[:, None]
    return np.asarray(np.where((back_s < last)[:, None], step - along * (back_s / whole_s)[:, None], step - was))


def _fit(traces: Traces, before: NDArray[np.int64], after: NDArray[np.int64]) -> FloatArray:
    """Density of each pair, were it one thing, over that of a newcomer in a place and velocity like this, a m²."""
    gap_s = np.maximum((traces.begin_ns[after] - traces.end_ns[before]) / 1e9, 0.0)
    ratio = np.zeros(len(before))
    share = np.maximum(traces.posterior.mean(axis=0), 1e-9)
    for code, name in enumerate(traces.class_names):
        both = traces.posterior[before, code] * traces.posterior[after, code] / share[code]
        rows = np.flatnonzero(both > LEAST_SHARE)
        how = WANDERING.get(name, OTHER_WANDERING)
        ratio[rows] += both[rows] * _as_class(traces, before[rows], after[rows], gap_s[rows], how)
    return ratio


def _as_class(
    traces: Traces, before: NDArray[np.int64], after: NDArray[np.int64], gap_s: FloatArray, how: Wandering
) -> FloatArray:
    """`_fit` for pairs of one class."""
    step = _steps_m(traces, before, after)
    pose = traces.begin_cov_m2[after] + traces.end_cov_m2[before]
    var_then, var_now = traces.velocity_m2ps2[before], traces.velocity_m2ps2[after]
    then, now = traces.end_mps[before], traces.begin_mps[after]
    speed2 = how.speed_mps**2
    stood = how.still * _normal2(then, var_then)
    stood /= stood + (1.0 - how.still) * _normal2(then, var_then + speed2)
    gain = speed2 / (speed2 + var_then)  # a measured velocity is drawn to what things of the class do
    went = _Went(step=step, now_mps=now, pose_m2=pose, then_mps=then * gain[:, None], then_m2ps2=var_then * gain,
                 now_m2ps2=var_now, gap_s=gap_s)  # fmt: skip
    moves = how.bound * went.bound(how.bound_s) + (1.0 - how.bound) * went.strayed(how.stray_s, speed2)
    newcomer = how.still * _normal2(now, var_now) + (1.0 - how.still) * _normal2(now, var_now + speed2)
    newcomer = (1.0 - STRANGE) * newcomer + STRANGE / (np.pi * STRANGE_MPS**2)
    return np.asarray((stood * went.stood() + (1.0 - stood) * moves) / newcomer)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Went:
    """Pairs as columns: the step between them, both velocities, and how well each is known; densities of both."""

    step: FloatArray
    now_mps: FloatArray
    pose_m2: FloatArray
    then_mps: FloatArray
    then_m2ps2: FloatArray
    now_m2ps2: FloatArray
    gap_s: FloatArray

    def stood(self) -> FloatArray:
        """Density of a thing that stayed where it was."""
        none = np.zeros((len(self.step), 2))
        return self._density(none, none, np.stack([none, none, none], axis=-1))

    def strayed(self, memory_s: float, speed_m2ps2: float) -> FloatArray:
        """Density of a thing whose velocity is an Ornstein-Uhlenbeck process."""
        kept = np.exp(-self.gap_s / memory_s)[:, None]
        reach = memory_s * (1.0 - kept)
        far = np.maximum(2.0 * self.gap_s[:, None] / memory_s - 3.0 + 4.0 * kept - kept**2, 0.0)
        left = self.then_m2ps2[:, None]
        cov = np.stack(
            [
                speed_m2ps2 * memory_s**2 * far + left * reach**2,
                speed_m2ps2 * memory_s * (1.0 - kept) ** 2 + left * reach * kept,
                speed_m2ps2 * (1.0 - kept**2) + left * kept**2,
            ],
            axis=-1,
        )
        return self._density(self.then_mps * reach, self.then_mps * kept, np.broadcast_to(cov, (len(kept), 2, 3)))

    def bound(self, memory_s: float) -> FloatArray:
        """Density of a thing that keeps its speed while its direction walks at random, by its first two moments.

        Along and across the direction it had, with c = exp(-t / memory): the mean of the cosine is c, of the cosine
        of twice the change c to the fourth.
        """
        c = np.exp(-self.gap_s / memory_s)
        speed2 = (self.then_mps**2).sum(axis=1)
        reach = memory_s * (1.0 - c)
        square = memory_s**2 * (self.gap_s / memory_s - 1.0 + c)
        apart = memory_s**2 / 3.0 * ((1.0 - c) - (1.0 - c**4) / 4.0)
        mixed, split = memory_s * (1.0 - c) / 2.0, memory_s * c * (1.0 - c**3) / 6.0
        along = np.stack([square + apart - reach**2, mixed + split - reach * c, (1.0 + c**4) / 2.0 - c**2], axis=-1)
        across = np.stack([square - apart, mixed - split, (1.0 - c**4) / 2.0], axis=-1)
        left = self.then_m2ps2[:, None] * np.stack([reach**2, reach * c, c**2], axis=-1)
        cov = np.maximum(np.stack([along, across], axis=1), 0.0) * speed2[:, None, None] + left[:, None]
        return self._density(self.then_mps * reach[:, None], self.then_mps * c[:, None], cov)

    def _density(self, step: FloatArray, change: FloatArray, cov: FloatArray) -> FloatArray:
        """Return the normal density about a mean step and velocity; 0 beyond the gate.

        `cov` (n, 2, 3) holds, along and across the first velocity, the variances of the step, of both, of the velocity.
        """
        speed = np.hypot(*self.then_mps.T)
        along = np.where((speed > 1e-6)[:, None], self.then_mps / np.maximum(speed, 1e-6)[:, None], [1.0, 0.0])
        turn = np.stack([along, np.stack([-along[:, 1], along[:, 0]], axis=1)], axis=1)
        whole = np.zeros((len(speed), 4, 4))
        whole[:, :2, :2] = turn @ self.pose_m2 @ turn.transpose(0, 2, 1)
        for axis in range(2):
            whole[:, axis, axis] += cov[:, axis, 0] + STANDS_M2
            whole[:, axis, axis + 2] = whole[:, axis + 2, axis] = cov[:, axis, 1]
            whole[:, axis + 2, axis + 2] = cov[:, axis, 2] + self.now_m2ps2
        off = [(turn @ one[..., None])[..., 0] for one in (self.step - step, self.now_mps - change)]
        value = np.concatenate(off, axis=1)
        d2 = (value * np.linalg.solve(whole, value[..., None])[..., 0]).sum(axis=1)
        density = np.exp(-0.5 * np.minimum(d2, 700.0)) / ((2.0 * np.pi) ** 2 * np.sqrt(np.linalg.det(whole)))
        return np.where(d2 < GATE_D2, density, 0.0)


def _normal2(value: FloatArray, variance: FloatArray) -> FloatArray:
    """Density of two independent numbers (n, 2) of one variance each."""
    return np.asarray(np.exp(-0.5 * (value**2).sum(axis=1) / variance) / (2.0 * np.pi * variance))


def chains(links: Links, at_least: float) -> list[list[int]]:
    """Return rows of tracks that are one thing, in order of time: each link of them is at least so probable."""
    kept = np.flatnonzero(links.probability >= at_least)
    kept = kept[np.argsort(-links.probability[kept], kind="stable")]
    following: dict[int, int] = {}
    followed: set[int] = set()
    for row in kept.tolist():
        before, after = int(links.before[row]), int(links.after[row])
        if before not in following and after not in followed:
            following[before] = after
            followed.add(after)
    found = []
    for start in sorted(following.keys() - followed):
        chain = [start]
        while chain[-1] in following:
            chain.append(following[chain[-1]])
        found.append(chain)
    return found
