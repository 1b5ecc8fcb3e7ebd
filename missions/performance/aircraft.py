"""Named aircraft types and what each can do; figures are class values from makers' published endurance."""

from __future__ import annotations

import dataclasses
import enum
from typing import Final

from geo.near_words import did_you_mean
from missions.errors import BriefError


class AircraftKind(enum.StrEnum):
    """How an aircraft stays up."""

    MULTIROTOR = "multirotor"
    FIXED_WING = "fixed_wing"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Aircraft:
    """One aircraft type: speeds in m/s through the air, powers in watts, one battery in watt-hours.

    `speed_mps` is the planned speed: over the ground for a multirotor (ArduPilot's
    ``WPNAV_SPEED``), through the air for a fixed wing (``TRIM_ARSPD_CM``).
    `induced_velocity_mps` is the rotor's hover inflow ``sqrt(m g / (2 rho A))`` and is
    unused for a fixed wing. `response_s` is how long the controller needs to cancel a gust.
    """

    name: str
    kind: AircraftKind
    mass_kg: float
    speed_mps: float
    max_airspeed_mps: float
    climb_mps: float
    descent_mps: float
    turn_radius_m: float
    hover_power_w: float
    cruise_power_w: float
    induced_velocity_mps: float
    battery_wh: float
    reserve_pct: float
    max_wind_mps: float
    swap_s: float
    response_s: float


BUNDLED: Final[dict[str, Aircraft]] = {
    a.name: a
    for a in (
        # 500 mm development quadrotor, 4S 5 Ah: maker states about 18 min of hover at 2 kg.
        Aircraft(
            name="quad-500", kind=AircraftKind.MULTIROTOR, mass_kg=2.0, speed_mps=12.0, max_airspeed_mps=18.0,
            climb_mps=2.5, descent_mps=1.5, turn_radius_m=0.0, hover_power_w=240.0, cruise_power_w=225.0,
            induced_velocity_mps=5.5, battery_wh=74.0, reserve_pct=20.0, max_wind_mps=10.0, swap_s=180.0,
            response_s=1.0,
        ),
        # 2 kg folding survey quadrotor, 6S 8 Ah lithium-ion: about 38 min of hover.
        Aircraft(
            name="quad-survey", kind=AircraftKind.MULTIROTOR, mass_kg=2.4, speed_mps=15.0, max_airspeed_mps=21.0,
            climb_mps=4.0, descent_mps=3.0, turn_radius_m=0.0, hover_power_w=270.0, cruise_power_w=255.0,
            induced_velocity_mps=5.2, battery_wh=173.0, reserve_pct=20.0, max_wind_mps=12.0, swap_s=180.0,
            response_s=0.8,
        ),
        # 6-9 kg enterprise quadrotor with two 274 Wh packs: maker states 55 min without payload, 15 m/s of wind.
        Aircraft(
            name="quad-heavy", kind=AircraftKind.MULTIROTOR, mass_kg=7.2, speed_mps=15.0, max_airspeed_mps=23.0,
            climb_mps=5.0, descent_mps=4.0, turn_radius_m=0.0, hover_power_w=680.0, cruise_power_w=640.0,
            induced_velocity_mps=6.4, battery_wh=548.0, reserve_pct=20.0, max_wind_mps=15.0, swap_s=240.0,
            response_s=0.8,
        ),
        # 2.1 m flying wing of 3.5 kg with a 4S 16 Ah pack: owners report 75 to 90 min at 18 m/s.
        Aircraft(
            name="wing-2m", kind=AircraftKind.FIXED_WING, mass_kg=3.5, speed_mps=18.0, max_airspeed_mps=25.0,
            climb_mps=3.0, descent_mps=2.5, turn_radius_m=60.0, hover_power_w=150.0, cruise_power_w=150.0,
            induced_velocity_mps=0.0, battery_wh=237.0, reserve_pct=20.0, max_wind_mps=12.0, swap_s=300.0,
            response_s=1.5,
        ),
    )
}  # fmt: skip
"""Aircraft a brief may name without describing them."""


def find_aircraft(name: str) -> Aircraft:
    """Return a bundled aircraft type.

    Raises
    ------
    BriefError
        When no bundled type has that name; the message lists those that exist.
    """
    if name not in BUNDLED:
        raise BriefError(
            f"aircraft.type = {name!r} is not a bundled type{did_you_mean(name, BUNDLED)}: "
            f"use one of {', '.join(sorted(BUNDLED))}",
            name=name,
        )
    return BUNDLED[name]
