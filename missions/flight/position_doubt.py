"""Whether a vehicle's position can be believed: held against its receivers, and against its own speed."""

from __future__ import annotations

import collections
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


WINDOW_S: Final = 120.0
"""How long a way is added up: the speed that receivers and estimators tell is right to 0.05 m/s, 6 m in that time."""
CLOSE_S: Final = 1.0
"""Positions farther apart in time are not added up: between them a turn is a way that nobody saw."""
UNSEEN: Final = (
    f"a position that is led away with its speed, so that both agree; and one that leaves its own speed by less than "
    f"{DOUBT_M / WINDOW_S:g} m/s ({DOUBT_M:g} m in {WINDOW_S:g} s)"
)
"""What of a false position nothing here can see, with nothing else aboard that knows better."""


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
        self._slip = _Slip()

    def observe(self, state: VehicleState) -> float:
        """Take in a new position; return metres of doubt, 0 where it is believed."""
        now = _Fix(state.t_boot_s, state.lat_deg, state.lon_deg, state.velocity_mps)
        before, self._before = self._before, now
        fixes = dict(state.fixes)
        state.fixes.clear()
        self.why, self.elsewhere = "", None
        if before is None or not 0.0 < now.t_s - before.t_s <= LONGEST_S:
            self._reckoned = None
            self._slip.forget()
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
                yield from self._slip.go_on(before, now)
                return
            self._reckoned = _Reckoned(before)
            self._slip.forget()
        lat, lon = self._reckoned.go_on(before, now)
        away = _away_m(lat, lon, now)
        if away <= max(DOUBT_M, DRIFT_MPS * (now.t_s - self._reckoned.since_s)):
            self._reckoned = None
            return
        yield _Doubt(away, "its position stepped, and is not where its own speed has taken it since", lat, lon)


class _Slip:
    """How far the way between positions leaves the way of the vehicle's own speed, added up over the last minutes.

    A receiver that is led away slowly makes no step; but where its speed is not led away too, the two ways part.
    """

    def __init__(self) -> None:
        self._rows: collections.deque[tuple[float, float, float]] = collections.deque()
        self._north_m = self._east_m = 0.0

    def forget(self) -> None:
        """Begin anew: from here on."""
        self._rows.clear()
        self._north_m = self._east_m = 0.0

    def go_on(self, before: _Fix, now: _Fix) -> Iterator[_Doubt]:
        if now.t_s - before.t_s > CLOSE_S:
            self.forget()
            return
        went, reckoned = _went_m(before, now), _way_m(before, now)
        self._north_m += went[0] - reckoned[0]
        self._east_m += went[1] - reckoned[1]
        if not self._rows or now.t_s - self._rows[-1][0] >= CLOSE_S:
            self._rows.append((now.t_s, self._north_m, self._east_m))
        while now.t_s - self._rows[0][0] > WINDOW_S:
            self._rows.popleft()
        _, north, east = self._rows[0]
        north, east = self._north_m - north, self._east_m - east
        per_lat, per_lon = (float(v) for v in metres_per_degree(now.lat_deg))
        why = f"its position has left the way of its own speed, slowly, within {WINDOW_S:g} s"
        yield _Doubt(math.hypot(north, east), why, now.lat_deg - north / per_lat, now.lon_deg - east / per_lon)


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


def _went_m(before: _Fix, now: _Fix) -> tuple[float, float]:
    """Return how far one position is from another, north and east."""
    away, azimuth = (float(v) for v in inverse(before.lat_deg, before.lon_deg, now.lat_deg, now.lon_deg))
    return away * math.cos(math.radians(azimuth)), away * math.sin(math.radians(azimuth))


def _stepped_m(before: _Fix, now: _Fix) -> float:
    """Return how far a position is from where its own speed leads, beyond what a turn explains."""
    way_north, way_east = _way_m(before, now)
    north, east = _went_m(before, now)
    return math.hypot(north - way_north, east - way_east) - TURN_MPS2 * (now.t_s - before.t_s) ** 2 / 2.0


def _away_m(lat_deg: float, lon_deg: float, fix: _Fix) -> float:
    return float(inverse(lat_deg, lon_deg, fix.lat_deg, fix.lon_deg)[0])
