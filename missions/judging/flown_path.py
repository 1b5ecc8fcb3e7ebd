"""One flight as arrays: its legs, its air, its ground, its battery, and the places a break-off may end at."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

import numpy as np

from missions.failsafes.landing_sequence import MissionWays
from missions.judging.legs import FlownLegs, LegPoints, points_along
from missions.judging.return_rules import ReturnRules, return_rules
from missions.performance.energy import waiting_w

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.airspace.situation import Situation
    from missions.failsafes.landing_choice import LandingChoice
    from missions.performance.performance import Performance
    from missions.plan import Leg, MissionItem

    FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """A place a failsafe may send the aircraft to: home first, then the rally points."""

    lat_deg: float
    lon_deg: float
    alt_amsl_m: float
    """What the autopilot holds for it: the ground at home, the height given to a rally point."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlaneLandingStart:
    """Where a mission's landing begins (`missions.failsafes.landing_sequence`), in the plane."""

    xy_m: FloatArray
    """(2,)"""
    alt_amsl_m: float
    radius_m: float


def landings_of(
    home: tuple[float, float, float] | None, rally: Sequence[MissionItem], relative: Sequence[int] = (3, 6)
) -> tuple[Landing, ...]:
    """Return home, given as (lat, lon, AMSL), and rally items as landings; most rally heights count from home."""
    base = 0.0 if home is None else home[2]
    first = () if home is None else (Landing(lat_deg=home[0], lon_deg=home[1], alt_amsl_m=home[2]),)
    return first + tuple(
        Landing(lat_deg=r.lat_deg, lon_deg=r.lon_deg, alt_amsl_m=r.alt_m + (base if r.frame in relative else 0.0))
        for r in rally
    )


class FlownPath:
    """A flight as flown, what it costs, and where it may end. Columns are worked out once, when first asked for."""

    def __init__(
        self,
        situation: Situation,
        flown: Performance,
        legs: Sequence[Leg],
        landings: Sequence[Landing],
        choice: LandingChoice | None = None,
        ways: MissionWays | None = None,
    ) -> None:
        self.brief, self.corridor, self.ground = situation.brief, situation.corridor, situation.ground
        self.flown = flown
        self.aircraft = flown.aircraft
        self._choice = choice
        self._ways = MissionWays() if ways is None else ways
        self.legs = FlownLegs.of(legs, situation.frame, run_out_m=flown.run_out_m)
        self.landings_m = situation.frame.to_plane(
            np.array([p.lat_deg for p in landings]), np.array([p.lon_deg for p in landings])
        )
        self.landings_amsl_m = np.array([p.alt_amsl_m for p in landings])

    @functools.cached_property
    def points(self) -> LegPoints:
        """Points every 20 m along the legs."""
        return points_along(self.legs)

    @functools.cached_property
    def ground_amsl_m(self) -> FloatArray:
        """The ground under `points`."""
        return self.ground.at(self.points.xy_m)

    @functools.cached_property
    def kept_m(self) -> FloatArray:
        """How near each leg comes to the border."""
        return self.corridor.standoff_m(self.legs.lines)

    @functools.cached_property
    def ends_m(self) -> FloatArray:
        """Where the flight begins and ends, (2, 2)."""
        return np.stack([self.legs.start_m[0], self.legs.end_m[-1]])

    @functools.cached_property
    def energy_wh(self) -> FloatArray:
        """Energy of each leg; NaN where the wind cannot be overcome."""
        legs = self.legs
        told = np.where(np.isfinite(legs.asked_mps), legs.asked_mps, self.flown.speed_mps)
        ends = np.stack([legs.start_m, legs.end_m], axis=1).reshape(-1, 2)
        heights = np.stack([legs.alt_start_amsl_m, legs.alt_end_amsl_m], axis=1).reshape(-1)
        known = np.nan_to_num(heights, nan=self.brief.flight.alt_agl_m)
        cost = self.flown.cost(ends, known, np.repeat(told, 2)[:-1])
        air = self.flown.wind.at(np.nan_to_num(legs.alt_end_amsl_m, nan=self.brief.flight.alt_agl_m))
        return np.asarray(cost.energy_wh[::2] + waiting_w(self.aircraft, air.speed_mps) * legs.hold_s / 3600.0)

    @functools.cached_property
    def battery_pct(self) -> FloatArray:
        """Battery left at the start of the flight and at the end of each leg, (n + 1,): as said, or worked out."""
        used = 100.0 * np.cumsum(self.energy_wh) / self.aircraft.battery_wh
        left = np.where(np.isfinite(self.legs.battery_end_pct), self.legs.battery_end_pct, 100.0 - used)
        return np.concatenate([[100.0], left])

    @functools.cached_property
    def return_rules(self) -> ReturnRules:
        """How the autopilot returns."""
        rules = return_rules(self.brief.failsafe, self.flown)
        return rules if self._choice is None else dataclasses.replace(rules, landing=self._choice)

    @property
    def onward_from(self) -> float:
        """The leg from which on a return along the path goes on to its end; infinite where it never does."""
        if not self.return_rules.forward_too:
            return np.inf
        if not self.return_rules.by_mission:
            return len(self.legs) / 2.0
        return np.inf if self._ways.legs_out is None else self._ways.legs_out

    @functools.cached_property
    def landing_starts(self) -> tuple[PlaneLandingStart, ...]:
        """Where ArduPlane goes on to when it has returned, nearest or not; none for others, which do not."""
        if self.flown.dialect == "px4" or not self.flown.wing:
            return ()
        starts = self._ways.landing_starts
        xy = self.corridor.frame.to_plane(np.array([s.lat_deg for s in starts]), np.array([s.lon_deg for s in starts]))
        home_m = float(self.landings_amsl_m[0])
        return tuple(
            PlaneLandingStart(xy_m=at, alt_amsl_m=home_m + start.alt_m, radius_m=start.radius_m)
            for at, start in zip(xy, starts, strict=True)
        )

    @property
    def has_station(self) -> bool:
        """Whether it is known where the ground station stands."""
        return self.brief.station is not None or len(self.landings_m) > 0

    @functools.cached_property
    def station(self) -> tuple[FloatArray, float]:
        """The ground station's place and antenna height above sea level: the brief's, else the first landing's."""
        station = self.brief.station
        if station is None:
            return self.landings_m[0], float(self.ground.at(self.landings_m[:1])[0]) + STANDING_M
        xy = self.corridor.frame.to_plane(np.array([station.lat_deg]), np.array([station.lon_deg]))
        return xy[0], float(self.ground.at(xy)[0]) + station.antenna_m


STANDING_M = 2.0
"""Height of an antenna that somebody holds."""
