"""Was there a thing at all, and which: what all pictures of a track say together.

The odds that a track is a person, a vehicle or a bicycle, and no warm rock or flicker, are the product of

* its boxes' chances (calibrated where they are): looks at one thing resemble each other, so their evidence is
  worth that of a few independent boxes at most;
* how often it was found when it should have been (beta-binomial), against clutter that stays (found now and
  then) and clutter that flickers (found again by chance only);
* whether it moved, beyond what the pose's drift explains: most things do, most clutter does not;
* its size in metres against the class's.

The numbers are assumptions, stated below; what they give is measured (`python -m benchmarks detection`).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import betaln, expit, logit, softmax

from detection.followers import motions_of
from detection.georeference import OTHER_SIZE_M, SIZES_M

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.ground_drift import GroundDrift
    from detection.looks import Looks
    from detection.paths import Paths
    from detection.placed_hits import Placed

    FloatArray = NDArray[np.float64]

OBJECT_SHARE: Final = 0.3
"""Share of a score's variance that belongs to the object and not to the look."""
SHORTER_CLUTTER: Final = -1.0
"""From the odds of a box to those of a track: clutter gives a third as many boxes as a thing does."""
FOUND_THING: Final = (7.0, 3.0)
FOUND_CLUTTER: Final = (2.0, 3.0)
"""Beta distributions of how often a thing, and clutter that stays, is found when in view."""
STAYING_CLUTTER: Final = 0.3
"""Share of false beginnings that are lasting things of another kind; the rest flickers."""
FLICKER_AGAIN: Final = 0.03
"""Chance of a false box in the gate of another, a look."""
MOVING_THING, MOVING_CLUTTER = 0.85, 0.1
"""Share that moves: animals are clutter that does."""
DRIFT_TIME_S: Final = 20.0
SIZE_SIGMA_LN: Final = 0.25
"""Spread of a class's size in the logarithm: people crouch, vehicles come in many lengths."""
CLUTTER_SIZE_SIGMA_LN: Final = 0.8
OTHER_LABEL: Final = 0.05
"""Chance that a box of a thing names another class."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One row a path: probability that there was such a thing, and of each class if there was."""

    existence: FloatArray
    posterior: FloatArray
    class_code: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> Evidence:
        """Return the rows chosen."""
        return Evidence(
            existence=self.existence[rows], posterior=self.posterior[rows], class_code=self.class_code[rows]
        )


def weigh(paths: Paths, placed: Placed, looks: Looks | None, drift: GroundDrift) -> Evidence:
    """Weigh every path; sizes in metres need `looks`."""
    worth = 1.0 / (OBJECT_SHARE + (1.0 - OBJECT_SHARE) / np.maximum(paths.found, 1.0))
    size = _size_ln(paths, placed, looks)
    by_size = _size_nats(size, placed)
    votes = np.zeros((len(paths.rows), len(placed.class_names)))
    votes[np.arange(len(paths.rows)), placed.class_code[paths.rows]] = 1.0
    rate = np.log((1.0 - OTHER_LABEL) / OTHER_LABEL)
    prior = softmax(rate * worth[:, None] * paths.mean(votes) + _speed_nats(paths, placed), axis=1)
    fits = prior * np.exp(by_size)
    posterior = fits / fits.sum(axis=1, keepdims=True)
    code = posterior.argmax(axis=1)
    nats = _score_nats(paths, placed, worth) + _found_nats(paths) + _motion_nats(paths, placed, drift)
    nats += np.log(fits.sum(axis=1))
    return Evidence(existence=expit(nats), posterior=posterior, class_code=code)


def _score_nats(paths: Paths, placed: Placed, worth: FloatArray) -> FloatArray:
    """Evidence of the boxes' chances: what they say beyond the share of all boxes that is right, so many times."""
    chances = placed.chances()
    prior = float(logit(np.clip(chances.mean(), 0.1, 0.9)))
    beyond = paths.mean(logit(chances[paths.rows])) - prior
    return np.asarray(prior + SHORTER_CLUTTER + worth * beyond)


def _found_nats(paths: Paths) -> FloatArray:
    """Evidence of having been found in so many of so many looks after the first."""
    found = np.maximum(paths.found - 1.0, 0.0)
    missed = np.maximum(paths.looked - paths.found, 0.0)

    def shares(beta: tuple[float, float]) -> FloatArray:
        return np.asarray(betaln(beta[0] + found, beta[1] + missed) - betaln(*beta))

    flickers = np.log1p(-STAYING_CLUTTER) + found * np.log(FLICKER_AGAIN) + missed * np.log1p(-FLICKER_AGAIN)
    stays = np.log(STAYING_CLUTTER) + shares(FOUND_CLUTTER)
    return np.asarray(shares(FOUND_THING) - np.logaddexp(stays, flickers))


def _motion_nats(paths: Paths, placed: Placed, drift: GroundDrift) -> FloatArray:
    """Evidence of having moved, or stayed, against the registered ground."""
    step = paths.states[paths.last, :2] - paths.states[paths.first, :2]
    span_s = (paths.t_ns[paths.last] - paths.t_ns[paths.first]) / 1e9
    fresh = 2.0 * (1.0 - np.exp(-span_s / DRIFT_TIME_S))
    pose = paths.mean(np.trace(placed.cov_m2[paths.rows], axis1=1, axis2=2) / 2.0)
    registered = drift.spread_m2(paths.t_ns[paths.first], paths.t_ns[paths.last])
    still = 0.5 + np.minimum(fresh * pose, registered)
    speed = motions_of(placed.class_names)[paths.class_code, 1]
    moved = still + (speed * span_s) ** 2
    d2 = (step**2).sum(axis=1)
    ratio = np.log(still / moved) + 0.5 * d2 * (1.0 / still - 1.0 / moved)
    ratio = np.exp(np.clip(ratio, -30.0, 30.0))
    thing = 1.0 - MOVING_THING + MOVING_THING * ratio
    return np.asarray(np.log(thing / (1.0 - MOVING_CLUTTER + MOVING_CLUTTER * ratio)))


def _speed_nats(paths: Paths, placed: Placed) -> FloatArray:
    """Log density of each path's velocity under each class's spread of speeds, less the greatest."""
    speed2 = (paths.velocities_mps() ** 2).sum(axis=1)[:, None]
    variance = motions_of(placed.class_names)[:, 1] ** 2 + 0.5
    nats = -0.5 * speed2 / variance - np.log(variance)
    return np.asarray(nats - nats.max(axis=1, keepdims=True))


def _size_ln(paths: Paths, placed: Placed, looks: Looks | None) -> tuple[FloatArray, FloatArray]:
    """Mean logarithm of each path's height in metres over that of each class, and the variance of its measurement."""
    classes, count = len(placed.class_names), len(paths)
    unknown = np.zeros((count, classes)), np.full(count, np.inf)
    if looks is None or not len(looks):
        return unknown
    hits = placed.hits.take(paths.rows)
    look = np.minimum(np.searchsorted(looks.t_utc_ns, hits.t_utc_ns), len(looks) - 1)
    height_px = np.maximum((hits.box_px[:, 3] - hits.box_px[:, 1]).astype(np.float64), 1.0)
    slant = hits.slant_m.astype(np.float64)
    edge = (hits.box_px[:, :2] < 2.0).any(axis=1) | (hits.box_px[:, 2:] > looks.size_px[look] - 2.0).any(axis=1)
    known = (looks.t_utc_ns[look] == hits.t_utc_ns) & np.isfinite(slant) & ~edge
    height_m = height_px * slant / looks.focal_px[look, 1]
    sin_d = np.clip((looks.alt_hae_m[look] - hits.alt_hae_m) / slant, 0.0, 1.0)
    sizes = np.array([SIZES_M.get(name, OTHER_SIZE_M) for name in placed.class_names])
    expected = sizes[:, 0] * np.sqrt(1.0 - sin_d[:, None] ** 2) + sizes[:, 1] * sin_d[:, None]
    ratio = np.where(known[:, None], np.log(np.where(known, height_m, 1.0)[:, None] / expected), 0.0)
    usable = paths.total(known.astype(np.float64))
    mean = paths.total(ratio) / np.maximum(usable, 1.0)[:, None]
    noise = paths.total(np.where(known, 1.0 / height_px**2, 0.0)) / np.maximum(usable, 1.0) ** 2
    return np.where((usable > 0)[:, None], mean, 0.0), np.where(usable > 0, noise, np.inf)


def _size_nats(size: tuple[FloatArray, FloatArray], placed: Placed) -> FloatArray:
    """Log density of a size under each class against that under clutter of any size; 0 where it is not known."""
    mean, noise = size
    known_class = np.array([name in SIZES_M for name in placed.class_names])
    fits, any_size = SIZE_SIGMA_LN**2 + noise[:, None], CLUTTER_SIZE_SIGMA_LN**2 + noise[:, None]
    with np.errstate(invalid="ignore"):
        nats = -0.5 * mean**2 * (1.0 / fits - 1.0 / any_size) - 0.5 * np.log(fits / any_size)
    return np.where(np.isfinite(noise)[:, None] & known_class, np.maximum(nats, -6.0), 0.0)
