"""What may fail in flight, and the ways an autopilot may then take."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


class Trigger(enum.StrEnum):
    """What makes an autopilot break off a flight."""

    RADIO = "radio control lost"
    LINK = "ground station lost"
    FENCE = "fence breached"
    LOW_BATTERY = "battery low"
    CRITICAL_BATTERY = "battery critical"
    EMERGENCY_BATTERY = "battery nearly empty"
    POSITION = "position lost"
    TERRAIN = "heights of the terrain missing"
    CRASH = "crash detected"
    PILOT = "pilot takes over"


class Way(enum.StrEnum):
    """What the aircraft then does."""

    CONTINUE = "flies the mission on"
    STRAIGHT = "returns straight"
    SMART_RTL = "retraces its track (SmartRTL)"
    RETRACE = "retraces the mission"
    RETURN_PATH = "flies the way back that the mission holds"
    RALLY = "flies to a rally point, never home"
    LAND = "lands where it is"
    HOLD = "holds where it is"
    LANDING = "flies to the mission's landing"
    RETURN_POINT = "flies to the fence's return point"
    REJOIN = "holds, then flies straight to the nearest item"
    ONWARD = "climbs straight on before it turns"
    CIRCLE = "holds by circling before it acts"
    TERMINATE = "comes down without steering"
    NONE = "does nothing"
    DRIFT = "lands where the wind takes it"
    BLIND = "flies on by dead reckoning"
    STOPPED = "stops its motors where it is"
    PILOT = "does what its pilot does"


RETRACING: Final = frozenset({Way.SMART_RTL, Way.RETRACE, Way.RETURN_PATH})
RETURNING: Final = frozenset({Way.STRAIGHT, Way.RALLY, *RETRACING})
"""The ways home that are judged against a brief."""
ON_THE_PATH: Final = frozenset({Way.CONTINUE, Way.LAND, Way.HOLD, Way.NONE})
"""The ways that leave the aircraft where the flight itself is judged."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one trigger leads to on one vehicle."""

    trigger: Trigger
    ways: tuple[Way, ...] = ()
    """In the order they are tried, or follow each other; empty where that is not known."""
    parameters: tuple[tuple[str, float], ...] = ()
    """The parameters that decided it, and their values."""
    unknown: str = ""
    """Why the ways are not known; "" where they are."""

    @property
    def decided_by(self) -> str:
        """The deciding parameters as a person reads them."""
        return ", ".join(f"{name} {value:g}" for name, value in self.parameters)

    def outside(self, judged: Iterable[Way]) -> tuple[Way, ...]:
        """Return the ways that are neither judged nor on the path."""
        known = {*judged, *ON_THE_PATH}
        return tuple(way for way in dict.fromkeys(self.ways) if way not in known)
