"""A fixed wing as a point mass in coordinated flight: it turns by banking and cannot hover."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from sitl.dynamics import GRAVITY_MPS2, clamp, metres_per_degree, wrap180

if TYPE_CHECKING:
    from sitl.dynamics import BodyState, VelocityDemand


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FixedWing:
    """What an airframe can do; SI units."""

    mass_kg: float = 4.5
    cruise_mps: float = 18.0
    slowest_mps: float = 13.0
    fastest_mps: float = 28.0
    max_bank_deg: float = 40.0
    bank_time_s: float = 0.5
    speed_time_s: float = 2.0
    climb_mps: float = 4.0
    sink_mps: float = 3.0
    climb_time_s: float = 0.8
    heading_gain_per_s: float = 0.8

    def turn_radius_m(self, airspeed_mps: float, share: float = 1.0) -> float:
        """Return the radius of a level coordinated turn, v^2 / (g tan(bank)), at a share of the largest bank.

        Anderson, Aircraft Performance and Design, section 6.2.
        """
        return airspeed_mps**2 / (GRAVITY_MPS2 * math.tan(math.radians(self.max_bank_deg * share)))


class WingBody:
    """Advances one fixed wing: the demand's direction is the course over ground, its length the airspeed asked for."""

    def __init__(self, airframe: FixedWing, state: BodyState) -> None:
        self.airframe = airframe
        self.state = state
        self._airspeed_mps = 0.0

    def rest(self) -> None:
        """Stand still on the ground."""
        s = self.state
        s.v_n_mps = s.v_e_mps = s.v_d_mps = 0.0
        s.roll_deg = s.pitch_deg = s.airspeed_mps = 0.0
        s.on_ground = True
        self._airspeed_mps = 0.0

    def step(self, demand: VelocityDemand, wind_n_mps: float, wind_e_mps: float, dt_s: float) -> None:
        """Advance by `dt_s` seconds: heading rate = g tan(bank) / airspeed, velocity = air velocity + wind."""
        s, a = self.state, self.airframe
        if self._airspeed_mps == 0.0:
            self._airspeed_mps = a.cruise_mps  # thrown or catapulted
        asked = clamp(math.hypot(demand.v_n_mps, demand.v_e_mps), a.slowest_mps, a.fastest_mps)
        self._airspeed_mps += (asked - self._airspeed_mps) * min(1.0, dt_s / a.speed_time_s)
        va = self._airspeed_mps
        heading = self._heading_for(math.atan2(demand.v_e_mps, demand.v_n_mps), wind_n_mps, wind_e_mps, va)
        error = math.radians(wrap180(heading - s.yaw_deg))
        bank = math.degrees(math.atan(va * a.heading_gain_per_s * error / GRAVITY_MPS2))
        bank = clamp(bank, -a.max_bank_deg, a.max_bank_deg)
        s.roll_deg += (bank - s.roll_deg) * min(1.0, dt_s / a.bank_time_s)
        s.yaw_deg = (s.yaw_deg + math.degrees(GRAVITY_MPS2 * math.tan(math.radians(s.roll_deg)) / va) * dt_s) % 360.0
        target_d = clamp(demand.v_d_mps, -a.climb_mps, a.sink_mps)
        s.v_d_mps += (target_d - s.v_d_mps) * min(1.0, dt_s / a.climb_time_s)
        path = math.asin(clamp(-s.v_d_mps / va, -0.5, 0.5))
        s.pitch_deg = math.degrees(path) + 3.0  # a few degrees of incidence in level flight
        s.airspeed_mps = va
        level = va * math.cos(path)
        s.v_n_mps = level * math.cos(math.radians(s.yaw_deg)) + wind_n_mps
        s.v_e_mps = level * math.sin(math.radians(s.yaw_deg)) + wind_e_mps
        self._move(dt_s)

    def _heading_for(self, course_rad: float, wind_n: float, wind_e: float, va: float) -> float:
        """Return the heading that makes the course good: the wind triangle (FAA-H-8083-25C, chapter 16)."""
        across = wind_e * math.cos(course_rad) - wind_n * math.sin(course_rad)
        return math.degrees(course_rad - math.asin(clamp(across / va, -0.95, 0.95)))

    def _move(self, dt_s: float) -> None:
        s = self.state
        north, east = metres_per_degree(s.lat_deg, s.alt_amsl_m)
        s.lat_deg += s.v_n_mps * dt_s / north
        s.lon_deg = wrap180(s.lon_deg + s.v_e_mps * dt_s / east)
        s.alt_amsl_m -= s.v_d_mps * dt_s
        s.on_ground = s.alt_amsl_m <= s.ground_amsl_m
        if s.on_ground:
            s.alt_amsl_m = s.ground_amsl_m
            if s.v_d_mps >= 0.0:
                self.rest()
