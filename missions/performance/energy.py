"""Power in flight and what a path costs of one battery."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.performance.aircraft import AircraftKind
from missions.performance.handling import leg_seconds, vertical_s
from missions.performance.wind import leg_speeds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.performance.aircraft import Aircraft
    from missions.performance.handling import Handling
    from missions.performance.wind import WindProfile

    FloatArray = NDArray[np.float64]

BREAK_OFF_PCT: Final = {AircraftKind.MULTIROTOR: 1.0, AircraftKind.FIXED_WING: 2.0}
"""Battery left on top of the reserve: the stop, turn and climb of a break-off just before the end of a sortie, and a
fixed wing's circle before it lands."""
GRAVITY_MPS2: Final = 9.80665
"""Standard gravity (ISO 80000-3)."""
INDUCED_SHARE: Final = 0.526
"""Share of hover power that is induced; the rest is the blades' own drag.

88.63 of 168.49 W: Zeng, Xu, Zhang 2019, table I.
"""
CLIMB_EFFICIENCY: Final = 0.6
"""Battery-to-potential-energy efficiency of a small electric propeller (typical of 0.5 to 0.7)."""
LEVEL_MPS: Final = 0.05
"""Vertical speeds below this count as level flight."""
TURN_SLACK: Final = 0.1
"""How much longer a wing's turn is flown than drawn: chords are shorter than arcs, and bank takes time to build."""
STILL_M: Final = 0.01
"""Legs shorter than this are flown on the spot."""
SIMPSON_SHARES: Final = np.linspace(0.0, 1.0, 5)
SIMPSON_WEIGHTS: Final = np.array([1.0, 4.0, 2.0, 4.0, 1.0]) / 12.0
"""Places along a leg and their weights in its mean (Simpson's rule, composite; Abramowitz and Stegun 25.4.6)."""


def level_power_w(aircraft: Aircraft, airspeed_mps: FloatArray) -> FloatArray:
    """Return the power of level flight at each airspeed, watts.

    Multirotor: profile + induced + parasite power (Zeng, Xu, Zhang, "Energy minimization for
    wireless communication with rotary-wing UAV", 2019, eq. 12), the parasite term set so that the
    power at the planned speed is the type's cruise power. Fixed wing: ``c1 v^3 + c2 / v``
    (Anderson, Aircraft Performance and Design, 5.6) with both terms equal at the planned speed.
    """
    v = np.asarray(airspeed_mps, dtype=float)
    if aircraft.kind is AircraftKind.FIXED_WING:
        ratio = np.maximum(v, 0.1) / aircraft.speed_mps
        return np.asarray(aircraft.cruise_power_w * (ratio**3 + 1.0 / ratio) / 2.0)
    cruise = np.array(aircraft.speed_mps)
    parasite = (aircraft.cruise_power_w - _rotor_power_w(aircraft, cruise)) / cruise**3
    return np.asarray(_rotor_power_w(aircraft, v) + np.maximum(parasite, 0.0) * v**3)


def _rotor_power_w(aircraft: Aircraft, v: FloatArray) -> FloatArray:
    ratio2 = (v / aircraft.induced_velocity_mps) ** 2
    induced = np.sqrt(np.sqrt(1.0 + ratio2**2 / 4.0) - ratio2 / 2.0)
    return aircraft.hover_power_w * ((1.0 - INDUCED_SHARE) + INDUCED_SHARE * induced)


def power_w(aircraft: Aircraft, airspeed_mps: FloatArray, climb_mps: FloatArray) -> FloatArray:
    """Return the power at each airspeed and climb rate; a descent is charged as level flight."""
    climbing = np.maximum(climb_mps, 0.0) * aircraft.mass_kg * GRAVITY_MPS2 / CLIMB_EFFICIENCY
    return level_power_w(aircraft, airspeed_mps) + climbing


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PathCost:
    """Time and energy of each leg of a path; NaN where the wind cannot be overcome."""

    seconds: FloatArray
    energy_wh: FloatArray
    ground_mps: FloatArray

    @property
    def total_wh(self) -> float:
        """Energy of the whole path, watt-hours."""
        return float(self.energy_wh.sum())


def path_cost(
    aircraft: Aircraft,
    wind: WindProfile,
    xy_m: FloatArray,
    *,
    alt_amsl_m: FloatArray,
    speed_mps: float | FloatArray,
    handling: Handling | None = None,
) -> PathCost:
    """Return what flying straight between consecutive points takes.

    A leg lasts as long as its length at the wind triangle's ground speed, or as its climb or
    descent at the type's rate, whichever is longer; a multirotor's autopilot adds what it takes to
    speed up, to slow down for corners, to take off and to land. Vertical legs are flown against
    the wind in place. In a wind that changes with height, a leg's seconds and watts are the means over its
    heights by Simpson's rule: one over the ground speed is convex in the wind, so the wind at the
    mean height alone would promise too much.

    Parameters
    ----------
    xy_m, alt_amsl_m
        Points of the path, (n, 2) east and north in a local metric frame and (n,) above mean sea level.
    speed_mps
        Planned speed (airspeed of a fixed wing, ground speed of a multirotor), one or (n - 1,).
    handling
        The autopilot of a multirotor, by which a leg straight up is a take-off and one straight down
        a landing; None for speeds that change at once.
    """
    (de, dn), dz = np.diff(xy_m, axis=0).T, np.diff(alt_amsl_m)
    length = np.hypot(de, dn)
    moving = length > STILL_M
    share, weight = (SIMPSON_SHARES, SIMPSON_WEIGHTS) if wind.varies else (np.array([0.5]), np.array([1.0]))
    air = wind.at(alt_amsl_m[:-1] + share[:, None] * dz)
    speeds = leg_speeds(aircraft, air, np.degrees(np.arctan2(de, dn)), speed_mps)
    rate = np.where(dz >= 0.0, aircraft.climb_mps, aircraft.descent_mps)
    per_metre = np.where(moving, weight @ (1.0 / speeds.ground_mps), 0.0)
    steady = np.maximum(length * per_metre, np.abs(dz) / rate)
    seconds = steady
    if handling is not None and aircraft.kind is AircraftKind.MULTIROTOR:
        seconds = np.where(moving, 0.0, vertical_s(handling, aircraft, dz))
        going = moving | (dz != 0.0)  # a point given twice is no stop
        point = np.append(0, np.flatnonzero(going) + 1)
        top = np.divide(length, steady, out=np.zeros_like(length), where=moving)[going]
        seconds[going] += leg_seconds(handling, east_m=xy_m[point, 0], north_m=xy_m[point, 1], top_mps=top)
        seconds = np.where(np.isnan(steady), np.nan, seconds)
    climb = np.divide(dz, seconds, out=np.zeros_like(dz), where=seconds > 0.0)
    climb = np.where(np.abs(climb) < LEVEL_MPS, 0.0, climb)
    through = np.where(moving, speeds.air_mps, _hover_airspeed(aircraft, air.speed_mps))
    watts = weight @ power_w(aircraft, through, climb)
    if aircraft.kind is AircraftKind.FIXED_WING:
        turning = turning_share(aircraft, de, dn, steady)
        seconds, watts = steady * (1.0 + TURN_SLACK * turning), watts * turning_load(aircraft, turning)
    energy = watts * seconds / 3600.0
    ground = np.divide(length, seconds, out=np.zeros_like(length), where=seconds > 0.0)
    return PathCost(seconds=seconds, energy_wh=energy, ground_mps=ground)


def turning_share(aircraft: Aircraft, de: FloatArray, dn: FloatArray, seconds: FloatArray) -> FloatArray:
    """Return how fast a wing turns along each leg of a flattened path, as a share of what its turn radius allows.

    The legs beside a corner share its bend, as they do on an arc drawn by its chords.
    """
    bend = np.abs((np.diff(np.arctan2(de, dn)) + np.pi) % (2.0 * np.pi) - np.pi)
    shared = (np.append(bend, 0.0) + np.append(0.0, bend)) / 2.0
    rate = np.divide(shared, seconds, out=np.zeros_like(seconds), where=seconds > 0.0)
    return np.asarray(np.minimum(rate * aircraft.turn_radius_m / aircraft.speed_mps, 1.0))


def turning_load(aircraft: Aircraft, share: FloatArray) -> FloatArray:
    """Return how much more power than straight on a wing takes that turns at a share of its fastest.

    The bank raises the load n, and the induced half of the power (`level_power_w`) by n^2
    (Anderson, Aircraft Performance and Design, 5.3 and 6.2).
    """
    tan_bank = aircraft.speed_mps**2 / (max(aircraft.turn_radius_m, 1.0) * GRAVITY_MPS2) * share
    return np.asarray(1.0 + 0.5 * tan_bank**2)


def waiting_w(aircraft: Aircraft, wind_mps: FloatArray) -> FloatArray:
    """Return the power of waiting in one place: hovering in the wind, or circling at the type's tightest turn."""
    watts = level_power_w(aircraft, _hover_airspeed(aircraft, wind_mps))
    turning = 1.0 if aircraft.kind is AircraftKind.FIXED_WING else 0.0
    return np.asarray(watts * turning_load(aircraft, np.array(turning)))


def least_wh(
    aircraft: Aircraft, wind: WindProfile, *, east_m: FloatArray, north_m: FloatArray, speed_mps: float
) -> float:
    """Return the energy of a path flown level, each leg at the height whose wind suits it best; NaN if none does.

    The heights tried are the layers and the middles between them; with one wind for all heights
    this is the cost of the level path itself.
    """
    de, dn = np.diff(east_m), np.diff(north_m)
    length = np.hypot(de, dn)
    knots = np.array(wind.alt_amsl_m)
    heights = np.concatenate([knots, (knots[:-1] + knots[1:]) / 2.0])
    speeds = leg_speeds(aircraft, wind.at(heights[:, None]), np.degrees(np.arctan2(de, dn)), speed_mps)
    per_metre = np.where(length > STILL_M, level_power_w(aircraft, speeds.air_mps) / speeds.ground_mps, 0.0)
    least = np.where(np.isnan(per_metre), np.inf, per_metre).min(axis=0)
    total = float((least * length).sum() / 3600.0)
    return total if np.isfinite(total) else float("nan")


def _hover_airspeed(aircraft: Aircraft, wind_mps: FloatArray) -> FloatArray:
    return np.full_like(wind_mps, aircraft.speed_mps) if aircraft.kind is AircraftKind.FIXED_WING else wind_mps


def reach_m(aircraft: Aircraft, wind_mps: float) -> float:
    """Return how far from a site anything can be at all: out and back on one battery, the wind always behind.

    `wind_mps` is the strongest mean wind at any height.
    """
    speeds = np.linspace(1.0, aircraft.max_airspeed_mps, 40)
    per_metre_w = level_power_w(aircraft, speeds) / (speeds + wind_mps)
    usable_wh = aircraft.battery_wh * (1.0 - aircraft.reserve_pct / 100.0)
    return float(usable_wh * 3600.0 / per_metre_w.min() / 2.0)
