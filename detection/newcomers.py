"""How many things come that were not seen before, and how many are seen again: of each class, and look by look.

Whoever comes is a newcomer or was seen before. Newcomers are as many as the ground, its looks and the number of tracks
say: many at the first look at a place, few at a later one. Who was seen survives or goes, and who survives is detected
at each look with one probability: a thing that was not seen at looks between two tracks is less likely both of them,
and one that is never seen again although it was looked at has likely gone.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.looked_again import Looked
    from detection.traces import Traces

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

SURVIVED: Final = (4.0, 0.5)
"""How many things stayed and how many went before any track is asked: an assumption, as weak as a few things …"""
DETECTED: Final = (4.0, 1.0)
"""… and at how many looks they were seen and missed."""
NEW: Final = 0.25
"""Newcomers of a class beside those that are told, in all recordings: nobody is sure of none (assumed)."""
OF_ALL: Final = 1.0
"""What all recordings tell of newcomers counts as so many of them in each."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How dense newcomers are, and how likely who was seen is seen again."""

    newcomers_per_m2: FloatArray
    """Shape (classes, recordings, 2): at first looks, and at a later one."""
    survival: FloatArray
    """Share of each class, shape (classes,), that does not go; …"""
    detection: FloatArray
    """… and the chance that who did not is seen at a look."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """What looks say of tracks and of the ground of recordings."""

    left: FloatArray
    """How often the place where each track ended was looked at afterwards, shape (n,)."""
    later: IntArray
    """0 where a track begins at the first look at its place, 1 at a later one."""
    area_m2: FloatArray
    """Ground of the first looks of each recording, and of its later ones as often as it was looked at: (runs, 2)."""

    @classmethod
    def of(cls, traces: Traces, area_m2: FloatArray, looked: Looked | None, followed: NDArray[np.bool_]) -> Looking:
        """Count looks; where nothing is known of them each recording is one look at all that any of them showed.

        Parameters
        ----------
        traces
            The tracks.
        area_m2
            Ground that each recording showed.
        looked
            Looks at where they ended and began.
        followed
            Tracks after which others began.
        """
        if looked is None:
            earlier = others = traces.run.astype(np.float64)
            left, looks = followed.astype(np.float64), np.ones(len(traces))
        else:
            earlier, others, looks = looked.begun(traces)
            left = looked.left(traces)
        runs = len(area_m2)
        count = np.bincount(traces.run, minlength=runs) + 1.0
        first = (np.bincount(traces.run, others == 0, runs) + 0.5) / count
        each = (np.bincount(traces.run, np.maximum(looks, 1.0), runs) + 1.0) / count
        ground = area_m2[:, None] * np.stack([first, each - first], axis=1)
        return cls(left=left, later=(earlier > 0).astype(np.int64), area_m2=ground)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """Pairs of tracks of which the second may be the first seen again, as columns."""

    before: IntArray
    after: IntArray
    kind: IntArray
    """The class that both of a pair are likeliest of."""
    skipped: FloatArray
    """At how many looks between them it was not seen."""


def rates_unasked(traces: Traces, looking: Looking) -> Rates:
    """Return what is held before tracks are compared: all are newcomers."""
    return _rates(traces, looking, traces.posterior, np.zeros((0, 2, 2)))


def odds_m2(rates: Rates, looking: Looking, pairs: Followed, run: IntArray) -> FloatArray:
    """Odds (n,) that who was seen is seen next at just that look, over the density of newcomers: square metres.

    Against it stands that it is never seen again: it went, or was missed at all looks that were left.
    """
    new = rates.newcomers_per_m2[pairs.kind, run[pairs.after], looking.later[pairs.after]]
    missed, survived = 1.0 - rates.detection[pairs.kind], rates.survival[pairs.kind]
    again = survived * (1.0 - missed) * missed**pairs.skipped
    never = 1.0 - survived + survived * missed ** looking.left[pairs.before]
    return np.asarray(again / never / new)


def rates_told(traces: Traces, looking: Looking, pairs: Followed, probability: FloatArray, last: Rates) -> Rates:
    """Return what pairs tell of the rates, each as far as it is likely: a step of expectation maximisation.

    Who is never seen again has survived as likely as the last rates say; whose place was not looked at tells nothing.
    """
    count, kind = len(traces), traces.posterior.argmax(axis=1)
    followed = np.minimum(np.bincount(pairs.before, probability, count), 1.0)
    skipped = np.bincount(pairs.before, probability * pairs.skipped, count)
    never = np.where(looking.left > 0, 1.0 - followed, 0.0)
    unseen = last.survival[kind] * (1.0 - last.detection[kind]) ** looking.left
    unseen *= never / (1.0 - last.survival[kind] + unseen)
    told = np.array([[followed + unseen, never - unseen], [followed, skipped + unseen * looking.left]])
    new = np.maximum(1.0 - np.bincount(pairs.after, probability, count), 0.0)
    return _rates(traces, looking, new[:, None] * traces.posterior, np.moveaxis(told, -1, 0))


def _rates(traces: Traces, looking: Looking, new: FloatArray, told: FloatArray) -> Rates:
    """Return rates by newcomers (n, classes), and by how many survived and went, were seen and missed: (n, 2, 2).

    What one recording has few newcomers to tell is told by all of them.
    """
    runs, kinds = len(looking.area_m2), len(traces.class_names)
    place = 2 * traces.run + looking.later
    counts = np.stack([np.bincount(place, column, 2 * runs) for column in new.T]).reshape(kinds, runs, 2)
    whole = (counts.sum(axis=1) + NEW) / looking.area_m2.sum(axis=0)
    per_m2 = (counts + OF_ALL) / (looking.area_m2 + OF_ALL / whole[:, None, :])
    seen = np.tile(np.array([SURVIVED, DETECTED]), (kinds, 1, 1))
    np.add.at(seen, traces.posterior.argmax(axis=1)[: len(told)], told)
    survival, detection = (seen[..., 0] / seen.sum(axis=-1)).T
    return Rates(newcomers_per_m2=per_m2, survival=survival, detection=detection)
