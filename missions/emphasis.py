"""Where looks beyond the guaranteed revisit are worth most, as it is handed to the planner, and what it made of it.

The planner knows no operation and no detector: it is told how often a look at each stretch of the border found
somebody, with how sure that is, and answers with flights of the aircraft that the guarantee leaves over.
"""

from __future__ import annotations

import dataclasses
from typing import Final

RANDOM_SHARE_MIN: Final = 0.15
"""Least share of extra flying time that goes where chance says: what is never looked at is never learned, and a
schedule that can be foretold can be passed by."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of the border by stations along it, and a place on the watched ground beside its middle."""

    start_m: float
    end_m: float
    lat_deg: float
    lon_deg: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StretchRate:
    """How many people one look at a stretch finds: a gamma distribution, and what it rests on."""

    stretch: Stretch
    shape: float
    per_look: float
    """Mean of the distribution: what one look is expected to find."""
    low: float
    high: float
    """10 % and 90 % of the distribution."""
    looks: float
    found: float
    """Looks there and people found by them, as they count: older nights weigh less."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Emphasis:
    """What was learned of a border, and how freely it may steer.

    Raises
    ------
    ValueError
        When the random share is below `RANDOM_SHARE_MIN` or above 1.
    """

    rates: tuple[StretchRate, ...]
    seed: int
    stay_s: float
    """How long somebody who crosses is within the watched ground."""
    random_share: float = 0.2
    sources: tuple[str, ...] = ()
    """What it was learned from, in sentences."""

    def __post_init__(self) -> None:
        if not RANDOM_SHARE_MIN <= self.random_share <= 1.0:
            raise ValueError(f"the random share {self.random_share:g} is not within {RANDOM_SHARE_MIN:g} to 1")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ExtraFlight:
    """A flight beyond the guaranteed revisit, and why it goes where it goes; it stands in the schedule too."""

    sortie: str
    aircraft: str
    t_takeoff_s: float
    chosen_by: str
    """``chance`` or ``what was learned``."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ExtraEffort:
    """What the planner made of an emphasis: every choice can be worked out again from what stands here."""

    emphasis: Emphasis
    flights: tuple[ExtraFlight, ...]
    random_share: float
    """Share of the extra flying time that chance alone placed; NaN where no aircraft was left over."""
    spare_aircraft: int
