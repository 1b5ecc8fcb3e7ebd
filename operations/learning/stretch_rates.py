"""How many people a look at each stretch of border finds: gamma and Poisson, with forgetting, and doubt where it fails.

Per stretch the number found is taken as Poisson in the number of looks; the rate's prior is a gamma distribution about
the mean of the whole border, so that a stretch nobody has looked at is neither empty nor busy but unknown
(A. Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.6). Looks that found nothing count like all others.

Nights weigh less as they grow old, and rates are pulled towards the border's mean as far as the past was of no use:
both are chosen by how well each night was foretold from those before it (A. P. Dawid, J. R. Stat. Soc. A 147, 1984).
So people who avoid where they were seen, or come another way each time, make the result even and not wrong.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import gammaincinv

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

PRIOR_SHAPE: Final = 0.5
"""Spread of rates between stretches: most of a border is quiet, some of it is not."""
PRIOR_PER_LOOK: Final = 0.02
"""What a look finds before anything is known; it weighs as much as `PRIOR_SHAPE` people found."""
HALF_LIVES_NIGHTS: Final = (4.0, 15.0, 60.0)
TRUSTS: Final = (0.0, 0.5, 1.0)
"""Powers of a stretch's rate over the mean: 0 is an even border, 1 the rates as they were counted."""
PROOF_NATS: Final = 2.0
"""The past has to have foretold the nights this much better than an even border did, or it steers nothing."""
SHOWN: Final = (0.1, 0.9)
"""Quantiles that are told."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NightlyLooks:
    """What was looked at and found: arrays (nights, stretches), nights in order.

    Raises
    ------
    ValueError
        When shapes do not fit or nights are not in order.
    """

    night: NDArray[np.int64]
    """Number of each night, in days."""
    looks: FloatArray
    found: FloatArray
    """Expected number of people found; fractions where nobody knows for sure."""

    def __post_init__(self) -> None:
        if self.looks.shape != self.found.shape or len(self.night) != len(self.looks):
            raise ValueError(
                f"looks {self.looks.shape}, found {self.found.shape} and {len(self.night)} nights do not fit"
            )
        if (np.diff(self.night) <= 0).any():
            raise ValueError("nights are not in order")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """One gamma distribution a stretch, and what was chosen on the way."""

    shape: FloatArray
    per_look: FloatArray
    low: FloatArray
    high: FloatArray
    looks: FloatArray
    """As they weigh on the last night."""
    found: FloatArray
    half_life_nights: float
    trust: float

    def told(self) -> str:
        """Return in a sentence how far the past is trusted."""
        if self.trust == 0.0:
            return "earlier nights did not foretell where later ones found somebody: every stretch counts alike"
        return (
            f"nights count half after {self.half_life_nights:g} nights; rates count with the power {self.trust:g}, as "
            "that foretold best where each night found somebody"
        )


def rates_of(seen: NightlyLooks) -> Rates:
    """Learn the rate of every stretch from the nights there were."""
    half_life, trust = _chosen(seen)
    age = (seen.night[-1] - seen.night) if len(seen.night) else np.zeros(0)
    weight = 0.5 ** (age / half_life)
    looks, found = weight @ seen.looks, weight @ seen.found
    shape, mean, whole = _posterior(looks, found)
    per_look = whole * (mean / whole) ** trust
    low, high = (gammaincinv(shape, q) * per_look / shape for q in SHOWN)
    return Rates(
        shape=shape, per_look=per_look, low=low, high=high, looks=looks, found=found, half_life_nights=half_life,
        trust=trust,
    )  # fmt: skip


def _posterior(looks: FloatArray, found: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Return shape and mean of each stretch's rate, and the mean of the border."""
    whole = (found.sum() + PRIOR_SHAPE) / (looks.sum() + PRIOR_SHAPE / PRIOR_PER_LOOK)
    shape = PRIOR_SHAPE + found
    return shape, shape / (PRIOR_SHAPE / whole + looks), float(whole)


def _chosen(seen: NightlyLooks) -> tuple[float, float]:
    """Return the half-life and the trust that foretold best where each night's finds lay."""
    options = list(itertools.product(HALF_LIVES_NIGHTS, TRUSTS))
    nats = dict.fromkeys(options, 0.0)
    for half_life in HALF_LIVES_NIGHTS:
        looks, found = np.zeros(seen.looks.shape[1:]), np.zeros(seen.looks.shape[1:])
        for row, night in enumerate(seen.night):
            if row:
                fade = 0.5 ** ((night - seen.night[row - 1]) / half_life)
                looks, found = looks * fade, found * fade
                _, mean, _ = _posterior(looks, found)
                for trust in TRUSTS:
                    nats[half_life, trust] += _foretold_nats(mean**trust, seen.looks[row], seen.found[row])
            looks, found = looks + seen.looks[row], found + seen.found[row]
    even = (HALF_LIVES_NIGHTS[-1], 0.0)
    best = max(options, key=lambda option: nats[option])
    return best if nats[best] > nats[even] + PROOF_NATS else even


def _foretold_nats(rate: FloatArray, looks: FloatArray, found: FloatArray) -> float:
    """Log probability of where finds lay, given how many there were and where looks went."""
    expected = rate * looks
    there = found > 0.0
    if not there.any() or not (expected[there] > 0.0).all():
        return 0.0
    return float((found[there] * np.log(expected[there] / expected.sum())).sum())
