"""What comes first: by probability, by what it did, and by the time that is left to act. Never a score of a person.

The number things are ordered by is the probability that there is such a thing, times the weight that the operation's
owner gave to what it did, times how much hurry there is. All three are shown beside the thing, and the weights are
in the operation's log.
"""

from __future__ import annotations

import dataclasses
import math
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from detection.events import CROSSING, ENTERING, KINDS, LEFT_VIEW, LOST_IN_VIEW, STANDING, TOGETHER, TURNING
from geo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from detection.events import Event
    from operations.finding.things import Thing


class Band(StrEnum):
    """In which part of the queue something stands."""

    ALERT = "alert"
    DETECTION = "detection"
    REST = "rest"


_NS_PER_S: Final = 1e9
HEAVIEST: Final = 10.0
"""A weight beyond that would make all others nothing."""
CLOSING_MPS: Final = 0.2
"""Slower than this towards the border is not on its way there: under half of a slow walk (0.5 m/s)."""
HURRY_S: Final = 900.0
"""Time left at which hurry begins: a patrol on foot needs about so long for a kilometre."""
MOST_HURRY: Final = 2.0
"""What hurry can add at most: it may turn two equals around, not bring a doubtful thing before a sure one."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How much each kind of event counts, and from where on something is an alert.

    Raises
    ------
    InputError
        When a kind is none of ours or a number lies outside its range.
    """

    kinds: Mapping[str, float]
    alert_from: float
    """Least probability times weight of an alert's event."""
    detection_from: float
    """Least probability of a thing that is no mere rest."""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.kinds) - set(KINDS))
        if unknown:
            raise InputError(f"weights: {unknown[0]!a} is no kind of event; there are {', '.join(KINDS)}")
        for kind, value in self.kinds.items():
            if not (math.isfinite(value) and 0.0 <= value <= HEAVIEST):
                raise InputError(f"weights: {kind} has {value!r}; give a number from 0 to {HEAVIEST:g}")
        if not 0.0 <= self.alert_from <= HEAVIEST or not 0.0 <= self.detection_from <= 1.0:
            raise InputError(f"weights: alerts begin between 0 and {HEAVIEST:g}, detections between 0 and 1")

    def of(self, kind: str) -> float:
        """Return the weight of a kind; 1 for one that nobody weighed."""
        return self.kinds.get(kind, 1.0)

    def body(self) -> dict[str, object]:
        """Return what the log keeps."""
        return {"kinds": dict(self.kinds), "alert_from": self.alert_from, "detection_from": self.detection_from}


USUAL: Final = Weights(
    kinds={
        CROSSING: 4.0, ENTERING: 3.0, TOGETHER: 2.0, TURNING: 2.0, STANDING: 1.5, LOST_IN_VIEW: 1.0, LEFT_VIEW: 1.0,
    },
    alert_from=1.5,
    detection_from=0.5,
)  # fmt: skip
"""What holds until the owner says otherwise: a crossing counts before an entering, and both before what is common."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """Where something stands in the queue, and why."""

    band: Band
    order: float
    """What the queue is ordered by within a band, the highest first."""
    probability: float
    kind: str
    """The event that counts most; empty without any."""
    weight: float
    time_left_s: float
    """Until it reaches the border at its last speed and course; NaN when it is not on its way or past that."""


def rank(thing: Thing, events: Sequence[Event], weights: Weights, *, now_utc_ns: int) -> Rank:
    """Return where a thing stands in the queue.

    Parameters
    ----------
    thing
        The thing, with its distance from the border where one is known.
    events
        What it did, perhaps.
    weights
        How the operation's owner weighs that.
    now_utc_ns
        Time now.
    """
    sure = thing.probability
    if math.isnan(sure):
        sure = thing.score if math.isfinite(thing.score) else 0.0
    told = max(events, key=lambda one: _counts(one, weights), default=None)
    counts = _counts(told, weights) if told is not None else 0.0
    left_s = time_left_s(thing, now_utc_ns)
    hurry = 1.0 if math.isnan(left_s) else 1.0 + (MOST_HURRY - 1.0) * max(0.0, 1.0 - left_s / HURRY_S)
    alert = told is not None and counts >= weights.alert_from
    band = Band.ALERT if alert else Band.DETECTION if sure >= weights.detection_from else Band.REST
    return Rank(
        band=band,
        order=max(counts, sure) * hurry,
        probability=sure,
        kind="" if told is None else told.kind,
        weight=1.0 if told is None else weights.of(told.kind),
        time_left_s=left_s,
    )


def time_left_s(thing: Thing, now_utc_ns: int) -> float:
    """Return the seconds until a thing reaches the border if it goes on as it went; NaN when that says nothing."""
    closing = thing.speed_mps * math.cos(math.radians(thing.heading_deg - thing.border_bearing_deg))
    if not (math.isfinite(thing.border_m) and math.isfinite(closing) and closing >= CLOSING_MPS):
        return math.nan
    left = thing.border_m / closing - (now_utc_ns - thing.t_utc_ns) / _NS_PER_S
    return left if left >= 0.0 else math.nan


def _counts(event: Event, weights: Weights) -> float:
    """Return probability times weight; an event nobody worked a probability out for counts in full."""
    chance = 1.0 if math.isnan(event.probability) else event.probability
    return chance * weights.of(event.kind)
