"""Where a thing goes out of sight: it stands, goes on as it went, comes back along its way, or strays.

What goes somewhere keeps its speed, and turns little by little: its direction walks at random with the metres that it
goes. Now and then it turns round and comes back along the very way it came. So the speed at which something is seen
again says how far it went meanwhile, its direction says how much the way turned, and what is left open is where along
that way it is. All of this is a sum of normal densities of the step, each with its weight.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """How a class of things moves; assumptions, held to simulated patrols (`docs/decisions`)."""

    still: float
    """Share that stands."""
    stray: float
    """Share of the rest whose velocity is an Ornstein-Uhlenbeck process."""
    stray_s: float
    """How long what strays keeps its velocity."""
    speed_mps: float
    speed_sigma_mps: float
    """Mean and spread of the speeds of what moves."""
    unsteady: float
    """Share of its speed by which it varies on the way."""
    turns_rad2_per_m: float
    """Variance of the direction for each metre that it goes, …"""
    turned_rad: float
    """… up to this sigma: a road keeps its direction in the large."""
    strays_off_m: float
    """What goes along a way is no further off the straight line between two places of it than about this."""
    round_m: float
    """Mean way until it turns round; it is as likely everywhere."""
    way_m: float
    """What turns round is no further than this from where it was, along its way."""
    unknown: float
    """Share of what goes a long way of which nobody knows where its way led: a corner, another road, a detour …"""
    unknown_m: float
    """… and after how many metres that is so for all but 1/e of it."""


LAWS: Final = {
    "person": Law(
        still=0.15, stray=0.05, stray_s=60.0, speed_mps=1.2, speed_sigma_mps=0.35, unsteady=0.03,
        turns_rad2_per_m=0.0025, turned_rad=3.0, strays_off_m=200.0, round_m=400.0, way_m=300.0,
        unknown=0.1, unknown_m=200.0,
    )
}  # fmt: skip
OTHER_LAW: Final = Law(
    still=0.3, stray=0.03, stray_s=35.0, speed_mps=7.0, speed_sigma_mps=3.0, unsteady=0.03, turns_rad2_per_m=0.008,
    turned_rad=0.6, strays_off_m=150.0, round_m=260.0, way_m=700.0, unknown=0.75,
    unknown_m=260.0,
)  # fmt: skip
PLACES: Final = 16
"""At how many places along its way a thing that turned round is looked for."""
STRANGE: Final = 0.01
"""Share of newcomers that move like nothing of their class (a wrong class, a wrong box): an assumption."""
STRANGE_MPS: Final = 40.0
"""And how fast at most: two tracks of such speeds, kilometres apart, were one thing for certain without these."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Velocities at the end of each pair's first track and at the beginning of its second, as columns."""

    then_mps: FloatArray
    now_mps: FloatArray
    """Shape (n, 2), east and north."""
    then_m2ps2: FloatArray
    now_m2ps2: FloatArray
    """Variance on an axis, shape (n,)."""
    gap_s: FloatArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What a pair's step may be, were it one thing: normal densities, k of them for each of n pairs."""

    weight: FloatArray
    """Shape (n, k): of both velocities together over those of two things that have nothing to do with each other."""
    step_m: FloatArray
    """Shape (n, k, 2)."""
    cov_m2: FloatArray
    """Shape (n, k, 3): variance east, covariance, variance north; what the poses are wrong by is not in it."""

    def density(self, step_m: FloatArray, pose_m2: FloatArray) -> FloatArray:
        """Density (n,) a square metre of steps (n, 2) that poses put off with covariances (n, 2, 2)."""
        return np.asarray((self.weight * self.densities(step_m, pose_m2)).sum(axis=1))

    @classmethod
    def beside(cls, parts: Sequence[Ways]) -> Ways:
        """Put several ways of the same pairs beside each other."""
        return cls(
            weight=np.concatenate([part.weight for part in parts], axis=1),
            step_m=np.concatenate([part.step_m for part in parts], axis=1),
            cov_m2=np.concatenate([part.cov_m2 for part in parts], axis=1),
        )

    @classmethod
    def concat(cls, parts: Sequence[Ways]) -> Ways:
        """Join the ways of several pairs, one part after another."""
        return cls(
            weight=np.concatenate([part.weight for part in parts]),
            step_m=np.concatenate([part.step_m for part in parts]),
            cov_m2=np.concatenate([part.cov_m2 for part in parts]),
        )

    def take(self, rows: NDArray[np.int64]) -> Ways:
        """Return those of some pairs."""
        return Ways(weight=self.weight[rows], step_m=self.step_m[rows], cov_m2=self.cov_m2[rows])

    def matrices(self) -> FloatArray:
        """Return the covariances as matrices (n, k, 2, 2)."""
        return self.cov_m2[..., [0, 1, 1, 2]].reshape(*self.cov_m2.shape[:2], 2, 2)

    def densities(self, step_m: FloatArray, pose_m2: FloatArray) -> FloatArray:
        """Return the same for each way (n, k), without its weight."""
        east = self.cov_m2[..., 0] + pose_m2[:, None, 0, 0]
        both = self.cov_m2[..., 1] + pose_m2[:, None, 0, 1]
        north = self.cov_m2[..., 2] + pose_m2[:, None, 1, 1]
        off = step_m[:, None] - self.step_m
        det = np.maximum(east * north - both**2, 1e-12)
        d2 = (north * off[..., 0] ** 2 - 2.0 * both * off[..., 0] * off[..., 1] + east * off[..., 1] ** 2) / det
        return np.asarray(np.exp(-0.5 * np.minimum(d2, 700.0)) / (2.0 * np.pi * np.sqrt(det)))


def ways(seen: Seen, law: Law) -> Ways:
    """Return all ways that a thing of this kind may have gone, for each pair."""
    whole = Ways.beside([_stood(seen, law), _strayed(seen, law), *_went(seen, law)])
    return dataclasses.replace(whole, weight=whole.weight / _alone(seen, law)[:, None])


def elsewhere(seen: Seen, law: Law) -> tuple[FloatArray, FloatArray]:
    """Of what keeps its speed on ways that nobody knows: its weight (n,) as in `Ways`, and within how many metres."""
    went, worth = _speed(seen, law)[1:]
    weight = (1.0 - law.still) * (1.0 - law.stray) * _unknown(went, law) * worth / (2.0 * np.pi)
    return np.asarray(weight / _alone(seen, law)), np.minimum(went, law.way_m)


def _unknown(went_m: FloatArray, law: Law) -> FloatArray:
    """Share of what went so far of which nobody knows where its way led."""
    return np.asarray(law.unknown * (1.0 - np.exp(-went_m / law.unknown_m)))


def _alone(seen: Seen, law: Law) -> FloatArray:
    """Density of both velocities of pairs of two things that have nothing to do with each other."""
    return velocity_density(seen.then_mps, seen.then_m2ps2, law) * velocity_density(seen.now_mps, seen.now_m2ps2, law)


def velocity_density(mps: FloatArray, m2ps2: FloatArray, law: Law) -> FloatArray:
    """Density of a velocity of anything of the class."""
    told = law.still * normal2(mps, m2ps2) + (1.0 - law.still) * _moving(mps, m2ps2, law)
    return np.asarray((1.0 - STRANGE) * told + STRANGE / (np.pi * STRANGE_MPS**2))


def _moving(mps: FloatArray, m2ps2: FloatArray, law: Law) -> FloatArray:
    """Density of a velocity of what moves, in any direction."""
    speed = np.hypot(*mps.T)
    told = _normal(speed - law.speed_mps, law.speed_sigma_mps**2 + m2ps2)
    return np.asarray(told / (2.0 * np.pi * np.maximum(speed, np.sqrt(m2ps2))))


def _stood(seen: Seen, law: Law) -> Ways:
    none = np.zeros((len(seen.gap_s), 1, 2))
    both = law.still * normal2(seen.then_mps, seen.then_m2ps2) * normal2(seen.now_mps, seen.now_m2ps2)
    return Ways(weight=both[:, None], step_m=none, cov_m2=np.zeros((len(seen.gap_s), 1, 3)))


def _strayed(seen: Seen, law: Law) -> Ways:
    """Of an Ornstein-Uhlenbeck process: the step, given both velocities."""
    memory_s, speed_m2ps2 = law.stray_s, law.speed_mps**2 / 2.0
    kept = np.exp(-seen.gap_s / memory_s)
    reach = memory_s * (1.0 - kept)
    far = np.maximum(2.0 * seen.gap_s / memory_s - 3.0 + 4.0 * kept - kept**2, 0.0)
    step = speed_m2ps2 * memory_s**2 * far + seen.then_m2ps2 * reach**2
    both = speed_m2ps2 * reach**2 / memory_s + seen.then_m2ps2 * reach * kept
    change = speed_m2ps2 * (1.0 - kept**2) + seen.then_m2ps2 * kept**2 + seen.now_m2ps2
    off = seen.now_mps - seen.then_mps * kept[:, None]
    weight = (1.0 - law.still) * law.stray * _moving(seen.then_mps, seen.then_m2ps2, law) * normal2(off, change)
    mean = seen.then_mps * reach[:, None] + off * (both / change)[:, None]
    left = np.maximum(step - both**2 / change, 0.0)
    cov = np.stack([left, np.zeros_like(left), left], axis=-1)
    return Ways(weight=weight[:, None], step_m=mean[:, None], cov_m2=cov[:, None])


def _speed(seen: Seen, law: Law) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Of what keeps its speed: one sigma of it, how far it went, and the density of both but for a direction."""
    speeds = np.stack([np.hypot(*seen.then_mps.T), np.hypot(*seen.now_mps.T)])
    exact = 1.0 / (np.stack([seen.then_m2ps2, seen.now_m2ps2]) + (law.unsteady * speeds) ** 2)
    prior = 1.0 / law.speed_sigma_mps**2
    speed = ((exact * speeds).sum(axis=0) + prior * law.speed_mps) / (exact.sum(axis=0) + prior)
    worth = _kept_speed(speeds, exact, law) / (2.0 * np.pi)
    worth /= np.maximum(speeds, 1.0 / np.sqrt(exact)).prod(axis=0)
    return 1.0 / np.sqrt(exact.sum(axis=0) + prior), np.maximum(speed, 0.0) * seen.gap_s, worth


def _went(seen: Seen, law: Law) -> tuple[Ways, Ways, Ways]:
    """Of what keeps its speed along a way: on, or turned round on it an odd or an even number of times."""
    sigma_mps, went, worth = _speed(seen, law)
    odd = (1.0 - np.exp(-2.0 * went / law.round_m)) / 2.0
    on = np.exp(-went / law.round_m)
    chance = (1.0 - law.still) * (1.0 - law.stray) * worth * (1.0 - _unknown(went, law))
    at = (np.arange(PLACES) + 0.5) * (2.0 / PLACES) - 1.0
    reach = np.minimum(went, law.way_m)
    found = []
    for share, turned, place, wide in (
        (on, 0.0, went[:, None], seen.gap_s * sigma_mps),
        (odd, np.pi, reach[:, None] * at, reach / PLACES),
        (np.maximum(1.0 - on - odd, 0.0), 0.0, reach[:, None] * at, reach / PLACES),
    ):
        weight, step, cov = _along(seen, law, place, wide, turned)
        found.append(Ways(weight=(chance * share / place.shape[1])[:, None] * weight, step_m=step, cov_m2=cov))
    return found[0], found[1], found[2]


def _kept_speed(speeds: FloatArray, exact: FloatArray, law: Law) -> FloatArray:
    """Density of two measured speeds of one thing: normal in both, with the class's own as prior."""
    one, two = law.speed_sigma_mps**2 + 1.0 / exact
    both = law.speed_sigma_mps**2
    det = one * two - both**2
    off = speeds - law.speed_mps
    d2 = (two * off[0] ** 2 - 2.0 * both * off[0] * off[1] + one * off[1] ** 2) / det
    return np.asarray(np.exp(-0.5 * np.minimum(d2, 700.0)) / (2.0 * np.pi * np.sqrt(det)))


def _along(
    seen: Seen, law: Law, place_m: FloatArray, wide_m: FloatArray, turned_rad: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Density of the change of direction (n, k), mean and covariance of the step, at places along a way.

    The way's direction walks at random between the directions at both ends (a Brownian bridge): its middle points half
    way between them, and its end lies off that line by a variance of a twelfth of the rate by the length cubed.
    """
    then = np.arctan2(seen.then_mps[:, 1], seen.then_mps[:, 0])
    change = np.arctan2(seen.now_mps[:, 1], seen.now_mps[:, 0]) + turned_rad - then
    change = np.mod(change + np.pi, 2.0 * np.pi) - np.pi
    speed2 = [
        np.maximum((mps**2).sum(axis=1), m2ps2)
        for mps, m2ps2 in ((seen.then_mps, seen.then_m2ps2), (seen.now_mps, seen.now_m2ps2))
    ]
    unsure = seen.then_m2ps2 / speed2[0] + seen.now_m2ps2 / speed2[1]
    length = np.abs(place_m)
    turns = law.turns_rad2_per_m * length
    turns = turns / (1.0 + turns / law.turned_rad**2) + unsure[:, None]
    weight = sum(_normal(change[:, None] + whole, turns) for whole in (-2.0 * np.pi, 0.0, 2.0 * np.pi))
    middle = then + change / 2.0
    shorter = np.sinc(change / (2.0 * np.pi))
    ahead = np.stack([np.cos(middle), np.sin(middle)], axis=1)
    step = (place_m * shorter[:, None])[..., None] * ahead[:, None]
    across = law.turns_rad2_per_m * length**3 / 12.0 + unsure[:, None] * length**2 / 4.0
    across = across / (1.0 + across / law.strays_off_m**2)
    along = wide_m[:, None] ** 2 + (law.unsteady * length) ** 2
    c, s = ahead[:, None, 0], ahead[:, None, 1]
    cov = np.stack([along * c**2 + across * s**2, (along - across) * c * s, along * s**2 + across * c**2], axis=-1)
    return np.asarray(weight), step, cov


def _normal(value: FloatArray, variance: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-0.5 * np.minimum(value**2 / variance, 700.0)) / np.sqrt(2.0 * np.pi * variance))


def normal2(value: FloatArray, variance: FloatArray) -> FloatArray:
    """Density of two independent numbers (n, 2) of one variance each."""
    return np.asarray(np.exp(-0.5 * (value**2).sum(axis=1) / variance) / (2.0 * np.pi * variance))
