"""Was there a thing at all, and which: what all pictures of a track say together.

The odds that a track is a person, a vehicle or a bicycle, and no warm rock or flicker, are the product of

* its boxes' chances (calibrated where they are): looks at one thing resemble each other, so their evidence is
  worth that of a few independent boxes at most;
* whether the detector was as sure as it ever is of one of them, which it seldom is of clutter;
* how often it was found when it should have been (beta-binomial), against clutter that stays (found now and
  then) and clutter that flickers (found again by chance only);
* whether it moved, beyond what the pose's drift explains: most things do, most clutter does not;
* its size in metres against the class's: clutter is of any size that looks like one.

Each counts as often as simulated patrols say (`Weights`): what was assumed of each alone is too timid or too bold by a
factor, and what they say is not independent. The other numbers are assumptions, stated below; what all of them give is
measured on other patrols (`vedette eval --hours`).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import betaln, expit, logit, softmax

from detection.followers import motions_of
from detection.georeference import OTHER_SIZE_M, SIZES_M
from detection.normal_distribution import log_density

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detection.ground_drift import GroundDrift
    from detection.looks import Looks
    from detection.paths import Paths
    from detection.placed_hits import Placed

    FloatArray = NDArray[np.float64]

OBJECT_SHARE: Final = 0.4
"""Share of a score's variance that belongs to the object and not to the look."""
USUAL_LOGIT: Final = 1.7
"""Calibrated log odds that say nothing: as often given to boxes of false tracks as to those of things."""
SURE_CHANCE: Final = 0.978
"""Calibrated chance from which on the detector is as sure as it ever is."""
SURE_THING, SURE_CLUTTER = 0.23, 0.05
"""Share of independent looks at which it is that sure, counted on drawn patrols (`sitl.films.seen_patrol`): of 682
boxes on persons, and 1 of 37 on nothing, by Laplace's rule of succession, since so few say no less."""
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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Sizes of a class over its mean, in the logarithm, and those of what is taken for it."""

    usual: float
    """One sigma."""
    odd_share: float
    """Share that is otherwise."""
    odd_mean: float
    odd: float
    clutter: float


SPREADS: Final = {"person": Spread(usual=0.1, odd_share=0.2, odd_mean=-0.3, odd=0.3, clutter=0.27)}
"""Standing adults differ by a tenth with clothes and box edges; one in five crouches, sits or is a child: assumed.
What a detector takes for a person is nearly as high as one, or it would not (counted: `sitl.films.seen_patrol`)."""
OTHER_SPREAD: Final = Spread(usual=0.25, odd_share=0.0, odd_mean=0.0, odd=0.25, clutter=0.8)
"""Vehicles come in many lengths."""
SIZE_ERROR_LN: Final = 0.03
"""Error of a track's size that all its pictures share: of height over the ground, and of the lens."""
LEAST_SIZE_NATS: Final = -4.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How often each kind of evidence counts, and the log odds before any: logistic regression on simulated patrols."""

    base: float
    score: float
    sure: float
    found: float
    motion: float
    size: float


WEIGHTS: Final = Weights(base=-1.5, score=1.2, sure=1.1, found=1.25, motion=0.75, size=1.45)
"""Learned on the half hours of worlds 3000 to 3014 (`docs/decisions`)."""
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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """One row a path: what each kind of evidence says by itself, in nats, and the classes."""

    score: FloatArray
    sure: FloatArray
    found: FloatArray
    motion: FloatArray
    size: FloatArray
    posterior: FloatArray
    class_code: NDArray[np.int64]


def factors(paths: Paths, placed: Placed, looks: Looks | None, drift: GroundDrift) -> Factors:
    """Work out every path's evidence; sizes in metres need `looks`."""
    worth = 1.0 / (OBJECT_SHARE + (1.0 - OBJECT_SHARE) / np.maximum(paths.found, 1.0))
    by_size = _size_nats(*_size_ln(paths, placed, looks), placed.class_names)
    votes = np.zeros((len(paths.rows), len(placed.class_names)))
    votes[np.arange(len(paths.rows)), placed.class_code[paths.rows]] = 1.0
    rate = np.log((1.0 - OTHER_LABEL) / OTHER_LABEL)
    prior = softmax(rate * worth[:, None] * paths.mean(votes) + _speed_nats(paths, placed), axis=1)
    fits = prior * np.exp(by_size)
    total = fits.sum(axis=1)
    posterior = fits / total[:, None]
    return Factors(
        score=_score_nats(paths, placed, worth),
        sure=_sure_nats(paths, placed, worth),
        found=_found_nats(paths),
        motion=_motion_nats(paths, placed, drift),
        size=np.log(total),
        posterior=posterior,
        class_code=posterior.argmax(axis=1),
    )


def weigh(paths: Paths, placed: Placed, looks: Looks | None, drift: GroundDrift) -> Evidence:
    """Weigh every path."""
    found = factors(paths, placed, looks, drift)
    nats = WEIGHTS.base + WEIGHTS.score * found.score + WEIGHTS.sure * found.sure
    nats += WEIGHTS.found * found.found + WEIGHTS.motion * found.motion + WEIGHTS.size * found.size
    return Evidence(existence=expit(nats), posterior=found.posterior, class_code=found.class_code)


def _score_nats(paths: Paths, placed: Placed, worth: FloatArray) -> FloatArray:
    """Evidence of the boxes' chances: their mean log odds beyond the usual, so many times.

    Scores of a model without calibration mean what all of them are on the mean, and nothing beyond that.
    """
    chances = placed.chances()
    own = float(logit(np.clip(chances.mean(), 0.1, 0.9)))
    uncalibrated = np.isnan(placed.hits.score)
    beyond = logit(chances) - np.where(uncalibrated, own, USUAL_LOGIT)
    doubt = np.where(uncalibrated, own - USUAL_LOGIT, 0.0)
    return worth * paths.mean(beyond[paths.rows]) + paths.mean(doubt[paths.rows])


def _sure_nats(paths: Paths, placed: Placed, worth: FloatArray) -> FloatArray:
    """Evidence of the highest chance among so many independent looks; none of a model without calibration."""
    sure = placed.chances()[paths.rows] >= SURE_CHANCE
    known = ~np.isnan(placed.hits.score[paths.rows])
    thing, clutter = (1.0 - (1.0 - share) ** worth for share in (SURE_THING, SURE_CLUTTER))
    nats = np.where(
        paths.total(sure.astype(np.float64)) > 0, np.log(thing / clutter), np.log1p(-thing) - np.log1p(-clutter)
    )
    return np.where(paths.total(known.astype(np.float64)) > 0, nats, 0.0)


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


def _size_nats(mean: FloatArray, noise: FloatArray, class_names: Sequence[str]) -> FloatArray:
    """Log density of a size under each class over that under its clutter (paths, classes); 0 where it is not known."""
    columns = [np.zeros(len(mean)) for _ in class_names]
    known = np.flatnonzero(np.isfinite(noise))
    for code, name in enumerate(class_names):
        if name in SIZES_M:
            size, spread = mean[known, code], SPREADS.get(name, OTHER_SPREAD)
            usual, odd, clutter = (
                np.sqrt(one**2 + SIZE_ERROR_LN**2 + noise[known]) for one in (spread.usual, spread.odd, spread.clutter)
            )
            fits = (1.0 - spread.odd_share) * np.exp(log_density(size, 0.0, usual))
            fits += spread.odd_share * np.exp(log_density(size, spread.odd_mean, odd))
            with np.errstate(divide="ignore"):
                nats = np.log(fits) - log_density(size, 0.0, clutter)
            columns[code][known] = np.maximum(nats, LEAST_SIZE_NATS)
    return np.stack(columns, axis=1)
