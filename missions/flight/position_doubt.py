"""Whether a vehicle's position can be believed: held against its receivers, and against its own speed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from geo.geodesy import inverse, metres_per_degree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from missions.flight.state import VehicleState

DOUBT_M: Final = 30.0
"""Three times the 95 % error of a plain GNSS fix: what differs by more is not noise."""
LATENCY_S: Final = 0.5
"""How much older a receiver's fix may be than the estimate it is held against."""
TURN_MPS2: Final = 5.0
"""How hard an aircraft of these plans turns or brakes between two positions."""
LONGEST_S: Final = 5.0
"""Positions farther apart in time say nothing about each other."""
DRIFT_MPS: Final = 0.5
"""How fast a place that is reckoned from an estimator's speed goes wrong: ten times what receivers measure speed to."""


class _Fix(NamedTuple):
    t_s: float
    lat_deg: float
    lon_deg: float
    velocity_mps: tuple[float, float]
    """North and east."""


class _Doubt(NamedTuple):
    metres: float
    why: str
    lat_deg: float
    lon_deg: float


class PositionDoubt:
    """Compare each position with what the receivers said, and with the place reckoned by its speed since it stepped."""

    def __init__(self) -> None:
        self.worst_m = 0.0
        """By how much the position has been in doubt so far: what is known of distances is good to that."""
        self.why = ""
        """What differs at the last position; "" where nothing does."""
        self.elsewhere: tuple[float, float] | None = None
        """Where the vehicle is if not its position is right but what differs from it, degrees."""
        self._before: _Fix | None = None
        self._reckoned: _Reckoned | None = None

    def observe(self, state: VehicleState) -> float:
        """Take in a new position; return metres of doubt, 0 where it is believed."""
        now = _Fix(state.t_boot_s, state.lat_deg, state.lon_deg, state.velocity_mps)
        before, self._before = self._before, now
        fixes = dict(state.fixes)
        state.fixes.clear()
        self.why, self.elsewhere = "", None
        if before is None or not 0.0 < now.t_s - before.t_s <= LONGEST_S:
            self._reckoned = None
            return 0.0
        worst = max([*_receivers(fixes, before, now), *self._reckon(before, now)], default=None)
        if worst is None or worst.metres <= DOUBT_M:
            return 0.0
        self.worst_m, self.why = max(self.worst_m, worst.metres), worst.why
        self.elsewhere = (worst.lat_deg, worst.lon_deg)
        return worst.metres

    def _reckon(self, before: _Fix, now: _Fix) -> Iterator[_Doubt]:
        """Go on from the last place that was believed, until the position is there again or nobody can tell."""
        if self._reckoned is None:
            if _stepped_m(before, now) <= DOUBT_M:
                return
            self._reckoned = _Reckoned(before)
        lat, lon = self._reckoned.go_on(before, now)
        away = _away_m(lat, lon, now)
        if away <= max(DOUBT_M, DRIFT_MPS * (now.t_s - self._reckoned.since_s)):
            self._reckoned = None
            return
        yield _Doubt(away, "its position stepped, and is not where its own speed has taken it since", lat, lon)


class _Reckoned:
    """A place that moves on by the vehicle's own speed."""

    def __init__(self, start: _Fix) -> None:
        self.since_s = start.t_s
        self._place = (start.lat_deg, start.lon_deg)

    def go_on(self, before: _Fix, now: _Fix) -> tuple[float, float]:
        north, east = _way_m(before, now)
        lat, lon = self._place
        per_lat, per_lon = (float(v) for v in metres_per_degree(lat))
        self._place = (lat + north / per_lat, lon + east / per_lon)
        return self._place


def _receivers(fixes: dict[str, tuple[float, float]], before: _Fix, now: _Fix) -> Iterator[_Doubt]:
    moved = _away_m(before.lat_deg, before.lon_deg, now)
    slack = moved + LATENCY_S * math.hypot(*now.velocity_mps)
    for name, (lat, lon) in fixes.items():
        away = min(_away_m(lat, lon, before), _away_m(lat, lon, now))
        yield _Doubt(away - slack, f"its estimate and {name} differ", lat, lon)


def _way_m(before: _Fix, now: _Fix) -> tuple[float, float]:
    """Return how far its speed takes it from one position to the next, north and east."""
    seconds = now.t_s - before.t_s
    north, east = ((a + b) / 2.0 * seconds for a, b in zip(before.velocity_mps, now.velocity_mps, strict=True))
    return north, east


def _stepped_m(before: _Fix, now: _Fix) -> float:
    """Return how far a position is from where its own speed leads, beyond what a turn explains."""
    away, azimuth = (float(v) for v in inverse(before.lat_deg, before.lon_deg, now.lat_deg, now.lon_deg))
    way_north, way_east = _way_m(before, now)
    north, east = away * math.cos(math.radians(azimuth)), away * math.sin(math.radians(azimuth))
    return math.hypot(north - way_north, east - way_east) - TURN_MPS2 * (now.t_s - before.t_s) ** 2 / 2.0


def _away_m(lat_deg: float, lon_deg: float, fix: _Fix) -> float:
    return float(inverse(lat_deg, lon_deg, fix.lat_deg, fix.lon_deg)[0])
