"""Was there a thing at all, and which: what all pictures of a track say together.

The odds that a track is a person, a vehicle or a bicycle, and no warm rock or flicker, are the product of

* its boxes' chances (calibrated where they are): looks at one thing resemble each other, so their evidence is
  worth that of a few independent boxes at most;
* whether the detector was as sure as it ever is of one of them, which it seldom is of clutter;
* how often it was found when it should have been (beta-binomial), against clutter that stays (found now and
  then) and clutter that flickers (found again by chance only);
* whether it moved, beyond what the pose's drift explains: most things do, most clutter does not;
* of what moves: whether it goes as people walk;
* its size in metres against the class's, and whether a person's outline turns (`detection.track_sizes`).

What stands where something stood on an earlier pass is weighed as one thing (`detection.seen_again`); that it stays is
held against nothing, since whoever watches stays. Each kind counts as often as simulated patrols say (`Weights`): what
was assumed of each alone is too timid or too bold by a factor, and what they say is not independent. The other numbers
are assumptions, stated below; what all of them give is measured on other patrols (`vedette eval --hours`).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import betaln, expit, logit, softmax

from detection.followers import motions_of
from detection.normal_distribution import log_density
from detection.seen_again import seen_again
from detection.track_sizes import Outlines

if TYPE_CHECKING:
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
WALKING_MPS: Final = (1.2, 0.35)
"""Mean and spread of walking speeds: 1.34 and 0.26 m/s (Weidmann 1993, Transporttechnik der Fussgaenger), slower and
wider off roads."""
RUNNING_SHARE: Final = 0.2
"""Share of people who go at any other speed: assumed, as is that animals go at any."""
SPEED_MAX_MPS: Final = 3.0
SPEED_OVER_S_M: Final = 0.5
"""Error of a speed times the seconds over which it was measured."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How often each kind of evidence counts, and the log odds before any: logistic regression on simulated patrols."""

    base: float
    score: float
    sure: float
    found: float
    motion: float
    walking: float
    size: float
    width: float
    turning: float


WEIGHTS: Final = Weights(
    base=-1.58, score=0.55, sure=0.33, found=1.26, motion=0.83, walking=0.97, size=1.28, width=0.98, turning=1.26
)
"""Learned on half hours of worlds 8000 to 8044, each over new ground, and 8300 to 8319, over three passes
(`docs/decisions`)."""
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
    walking: FloatArray
    """Of what may be a person; 0 for the rest, as `width` and `turning` are."""
    size: FloatArray
    width: FloatArray
    turning: FloatArray
    posterior: FloatArray
    class_code: NDArray[np.int64]


def factors(paths: Paths, placed: Placed, looks: Looks | None, drift: GroundDrift) -> Factors:
    """Work out every path's evidence; sizes in metres need `looks`."""
    worth = 1.0 / (OBJECT_SHARE + (1.0 - OBJECT_SHARE) / np.maximum(paths.found, 1.0))
    outlines = Outlines.of(paths, placed, looks)
    by_size = np.zeros((len(paths), len(placed.class_names))) if outlines is None else outlines.height_nats()
    votes = np.zeros((len(paths.rows), len(placed.class_names)))
    votes[np.arange(len(paths.rows)), placed.class_code[paths.rows]] = 1.0
    rate = np.log((1.0 - OTHER_LABEL) / OTHER_LABEL)
    prior = softmax(rate * worth[:, None] * paths.mean(votes) + _speed_nats(paths, placed), axis=1)
    fits = prior * np.exp(by_size)
    total = fits.sum(axis=1)
    posterior = fits / total[:, None]
    class_code = posterior.argmax(axis=1)
    moved = _moved_odds(paths, placed, drift)
    person = np.isin(class_code, [code for code, name in enumerate(placed.class_names) if name == "person"])
    return Factors(
        score=_score_nats(paths, placed, worth),
        sure=_sure_nats(paths, placed, worth),
        found=_found_nats(paths),
        motion=np.log((1.0 - MOVING_THING + MOVING_THING * moved) / (1.0 - MOVING_CLUTTER + MOVING_CLUTTER * moved)),
        walking=np.where(person, _walking_nats(paths, moved), 0.0),
        size=np.log(total),
        width=np.zeros(len(paths)) if outlines is None else np.where(person, outlines.width_nats(), 0.0),
        turning=np.zeros(len(paths)) if outlines is None else np.where(person, outlines.turning_nats(), 0.0),
        posterior=posterior,
        class_code=class_code,
    )


def weigh(paths: Paths, placed: Placed, looks: Looks | None, drift: GroundDrift) -> Evidence:
    """Weigh every path; what stands where something stood on an earlier pass is told by all of them."""
    things = seen_again(paths, placed)
    found = factors(paths.chosen(things), placed, looks, drift)
    kinds = [field.name for field in dataclasses.fields(Weights) if field.name != "base"]
    nats = WEIGHTS.base + sum(getattr(WEIGHTS, kind) * getattr(found, kind) for kind in kinds)
    whole = Evidence(existence=expit(nats), posterior=found.posterior, class_code=found.class_code)
    thing = np.empty(len(paths), dtype=np.int64)
    thing[[path for one in things for path in one]] = np.repeat(np.arange(len(things)), [len(one) for one in things])
    return whole.take(thing)


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


def _moved_odds(paths: Paths, placed: Placed, drift: GroundDrift) -> FloatArray:
    """Odds of having moved, against having stayed, by the registered ground."""
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
    return np.asarray(np.exp(np.clip(ratio, -30.0, 30.0)))


def _walking_nats(paths: Paths, moved: FloatArray) -> FloatArray:
    """Evidence of the speed of what moved, were it a person, against an animal that goes at any speed."""
    span_s = np.maximum((paths.t_ns[paths.last] - paths.t_ns[paths.first]) / 1e9, 1.0)
    speed, sigma = np.hypot(*paths.velocities_mps().T), np.hypot(WALKING_MPS[1], SPEED_OVER_S_M / span_s)
    walks = (1.0 - RUNNING_SHARE) * np.exp(log_density(speed, WALKING_MPS[0], sigma)) + RUNNING_SHARE / SPEED_MAX_MPS
    moves = MOVING_THING * moved / (1.0 - MOVING_THING + MOVING_THING * moved)
    return np.asarray(moves * np.log(walks * SPEED_MAX_MPS))


def _speed_nats(paths: Paths, placed: Placed) -> FloatArray:
    """Log density of each path's velocity under each class's spread of speeds, less the greatest."""
    speed2 = (paths.velocities_mps() ** 2).sum(axis=1)[:, None]
    variance = motions_of(placed.class_names)[:, 1] ** 2 + 0.5
    nats = -0.5 * speed2 / variance - np.log(variance)
    return np.asarray(nats - nats.max(axis=1, keepdims=True))
