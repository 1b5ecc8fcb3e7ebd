"""The simulated vehicle a plan was made for: its airframe, battery, autopilot settings, weather and launch site."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.performance.aircraft import AircraftKind
from missions.performance.energy import level_power_w
from missions.performance.handling import parameters
from missions.plan_files.dialect import Dialect
from sitl.dynamics import GRAVITY_MPS2, Multirotor, offset_m
from sitl.dynamics_power import BatterySpec, WindSpec
from sitl.dynamics_wing import FixedWing
from sitl.vehicle.config import Airframe, VehicleConfig
from sitl.vehicle.wing_behaviours import LEAD_SHARE

if TYPE_CHECKING:
    from typing import Any

    from missions.briefs.brief import Brief
    from missions.performance.aircraft import Aircraft
    from missions.plan import Sortie

GUST_SIGMAS: Final = 2.5
"""The brief's strongest gust is taken as this many sigmas above the mean wind (about one in a hundred)."""
POWER_STEP_MPS: Final = 1.0
"""Spacing of the airspeeds the power curve is handed over at; between them it is linear."""


ROOM: Final = 1.1
"""How much tighter than the type's turn radius the airframe can turn, for corrections."""


def planned_vehicle(brief: Brief, sortie: Sortie, **changes: Any) -> VehicleConfig:
    """Describe the vehicle that flies a sortie as its brief has it.

    Parameters
    ----------
    changes
        Fields of `VehicleConfig` to set besides (number, seed, speed of time, noise, faults).
    """
    place = VehicleConfig(
        home_lat_deg=sortie.home_lat_deg,
        home_lon_deg=sortie.home_lon_deg,
        home_alt_amsl_m=sortie.home_alt_amsl_m,
        dialect=Dialect(brief.dialect),
        wind=wind_of(brief),
    )
    config = as_aircraft(place, brief.fleet(sortie.aircraft).aircraft)
    if config.airframe is Airframe.PLANE:
        config = dataclasses.replace(config, heading_deg=launched_deg(sortie))
    held = {**dict(config.parameters), **asked_of(sortie)}
    return dataclasses.replace(config, parameters=tuple(held.items()), **changes)


def as_aircraft(config: VehicleConfig, aircraft: Aircraft) -> VehicleConfig:
    """Return a vehicle with a planner's type as its airframe, battery and settings of its autopilot."""
    held = {**dict(config.parameters), **parameters(aircraft, config.dialect)}
    config = dataclasses.replace(config, battery=battery_of(aircraft), parameters=tuple(held.items()))
    if aircraft.kind is AircraftKind.FIXED_WING:
        return dataclasses.replace(config, airframe=Airframe.PLANE, fixed_wing=fixed_wing(aircraft))
    return dataclasses.replace(config, airframe=Airframe.COPTER, multirotor=multirotor(aircraft))


def asked_of(sortie: Sortie) -> dict[str, float]:
    """Return the parameters a plan asks for, which a person sets on the vehicle before it flies."""
    return {each.name: each.value for each in sortie.vehicle_parameters}


def launched_deg(sortie: Sortie) -> float:
    """Return the heading a fixed wing is thrown or catapulted in: along its first leg."""
    leg = sortie.legs[0]
    north, east = offset_m(leg.lat_start_deg, leg.lon_start_deg, leg.lat_end_deg, leg.lon_end_deg)
    return math.degrees(math.atan2(east, north)) % 360.0


def multirotor(aircraft: Aircraft) -> Multirotor:
    """Return a multirotor's airframe; it can climb and sink a little faster than its autopilot is set to."""
    return Multirotor(
        mass_kg=aircraft.mass_kg, top_airspeed_mps=aircraft.max_airspeed_mps, climb_mps=1.2 * aircraft.climb_mps,
        sink_mps=1.2 * aircraft.descent_mps,
    )  # fmt: skip


def fixed_wing(aircraft: Aircraft) -> FixedWing:
    """Return a fixed wing's airframe, which flies the type's turn radius with bank in hand."""
    bank_deg = math.degrees(math.atan(ROOM * aircraft.speed_mps**2 / (GRAVITY_MPS2 * aircraft.turn_radius_m)))
    return FixedWing(
        max_bank_deg=min(bank_deg / LEAD_SHARE, 70.0), mass_kg=aircraft.mass_kg, cruise_mps=aircraft.speed_mps,
        fastest_mps=aircraft.max_airspeed_mps, climb_mps=aircraft.climb_mps, sink_mps=aircraft.descent_mps,
    )  # fmt: skip


def battery_of(aircraft: Aircraft) -> BatterySpec:
    """Return the pack and the power curve the plan reckons with."""
    speeds = np.arange(0.0, aircraft.max_airspeed_mps + POWER_STEP_MPS, POWER_STEP_MPS)
    if aircraft.kind is AircraftKind.FIXED_WING:
        speeds = speeds[speeds >= 0.5 * aircraft.speed_mps]
    watts = level_power_w(aircraft, speeds)
    return BatterySpec(
        capacity_wh=aircraft.battery_wh, power_w=tuple(zip(speeds.tolist(), watts.tolist(), strict=True))
    )


def wind_of(brief: Brief) -> WindSpec:
    """Return the brief's wind, its strongest gust as turbulence."""
    wind = brief.wind
    layers = sorted((layer.alt_amsl_m, layer.speed_mps, layer.from_deg) for layer in wind.layer)
    gust = (wind.strongest_in(wind.profile) - wind.profile.strongest_mps) / GUST_SIGMAS
    return WindSpec(speed_mps=wind.speed_mps, from_deg=wind.from_deg, gust_sigma_mps=gust, layers=tuple(layers))
