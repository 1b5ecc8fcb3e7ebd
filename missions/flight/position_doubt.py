"""Whether a vehicle's position can be believed: held against its receivers, and against its own speed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from geo.geodesy import inverse

if TYPE_CHECKING:
    from missions.flight.state import VehicleState

    Fix = tuple[float, float, float, tuple[float, float]]
    """Seconds since boot, latitude and longitude (degrees), speed north and east (m/s)."""

DOUBT_M: Final = 30.0
"""Three times the 95 % error of a plain GNSS fix: what differs by more is not noise."""
LATENCY_S: Final = 0.5
"""How much older a receiver's fix may be than the estimate it is held against."""
TURN_MPS2: Final = 5.0
"""How hard an aircraft of these plans turns or brakes between two positions."""
LONGEST_S: Final = 5.0
"""Positions farther apart in time say nothing about each other."""


class PositionDoubt:
    """Compare each position with the one before it and with what the receivers said between the two."""

    def __init__(self) -> None:
        self.worst_m = 0.0
        """By how much the position has been in doubt so far: what is known of distances is good to that."""
        self.why = ""
        """What differed at the last position; "" where nothing did."""
        self._before: Fix | None = None

    def observe(self, state: VehicleState) -> float:
        """Take in a new position; return metres of doubt, 0 where it is believed."""
        now = (state.t_boot_s, state.lat_deg, state.lon_deg, state.velocity_mps)
        before, self._before = self._before, now
        self.why = ""
        if before is None or not 0.0 < now[0] - before[0] <= LONGEST_S:
            state.fixes.clear()
            return 0.0
        doubts = [(_stepped_m(before, now), "from one position to the next it went otherwise than its speed says")]
        for name, (lat, lon) in state.fixes.items():
            away = min(_away_m(lat, lon, before), _away_m(lat, lon, now))
            moved = _away_m(before[1], before[2], now)
            slack = moved + LATENCY_S * math.hypot(*now[3])
            doubts.append((away - slack, f"its estimate and {name} differ"))
        state.fixes.clear()
        doubt, why = max(doubts)
        if doubt <= DOUBT_M:
            return 0.0
        self.worst_m, self.why = max(self.worst_m, doubt), why
        return doubt


def _stepped_m(before: Fix, now: Fix) -> float:
    """Return how far a position is from where its own speed leads, beyond what a turn explains."""
    seconds = now[0] - before[0]
    away, azimuth = (float(v) for v in inverse(before[1], before[2], now[1], now[2]))
    north, east = away * math.cos(math.radians(azimuth)), away * math.sin(math.radians(azimuth))
    mean = [(a + b) / 2.0 for a, b in zip(before[3], now[3], strict=True)]
    off = math.hypot(north - mean[0] * seconds, east - mean[1] * seconds)
    return off - TURN_MPS2 * seconds**2 / 2.0


def _away_m(lat_deg: float, lon_deg: float, fix: Fix) -> float:
    return float(inverse(lat_deg, lon_deg, fix[1], fix[2])[0])
