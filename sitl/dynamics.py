"""A multirotor as a point mass with attitude: thrust tilts it, drag acts through the air, wind moves the air.

Scalars rather than arrays: one vehicle advances one small step at a time, and
the step is what bounds how fast simulated time can run.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Final

GRAVITY_MPS2: Final = 9.80665
"""Standard gravity (ISO 80000-3)."""
WGS84_A_M: Final = 6378137.0
WGS84_E2: Final = 6.69437999014e-3
"""WGS 84 semi-major axis and first eccentricity squared (NGA.STND.0036)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Multirotor:
    """What an airframe can do; SI units.

    `top_airspeed_mps` fixes the drag: at the largest tilt in still air the
    thrust's horizontal part equals the drag there (drag = k v^2, so
    k = g tan(tilt) / v^2 per unit mass).
    """

    mass_kg: float = 2.0
    top_airspeed_mps: float = 22.0
    max_tilt_deg: float = 35.0
    tilt_time_s: float = 0.15
    climb_mps: float = 4.0
    sink_mps: float = 3.0
    climb_time_s: float = 0.3
    max_climb_accel_mps2: float = 4.0
    yaw_rate_dps: float = 90.0
    velocity_gain_per_s: float = 2.0
    velocity_integral_per_s2: float = 0.8

    @property
    def drag_per_m(self) -> float:
        """Quadratic drag coefficient per unit mass, 1/m."""
        return GRAVITY_MPS2 * math.tan(math.radians(self.max_tilt_deg)) / self.top_airspeed_mps**2


@dataclasses.dataclass(slots=True, kw_only=True)
class BodyState:
    """Where the body is, how it moves and how it is turned. NED velocities over ground; degrees."""

    lat_deg: float
    lon_deg: float
    alt_amsl_m: float
    ground_amsl_m: float
    v_n_mps: float = 0.0
    v_e_mps: float = 0.0
    v_d_mps: float = 0.0
    roll_deg: float = 0.0
    pitch_deg: float = 0.0
    yaw_deg: float = 0.0
    thrust_n_mps2: float = 0.0
    thrust_e_mps2: float = 0.0
    accel_d_mps2: float = 0.0
    airspeed_mps: float = 0.0
    on_ground: bool = True

    @property
    def ground_speed_mps(self) -> float:
        """Horizontal speed over ground."""
        return math.hypot(self.v_n_mps, self.v_e_mps)


@dataclasses.dataclass(slots=True, kw_only=True)
class VelocityDemand:
    """What guidance asks of the body: velocity over ground (NED), heading and turn rate limit."""

    v_n_mps: float = 0.0
    v_e_mps: float = 0.0
    v_d_mps: float = 0.0
    yaw_deg: float = 0.0
    accel_n_mps2: float = 0.0
    accel_e_mps2: float = 0.0
    level: bool = False
    """Keep level and let the wind carry it: there is no position to steer by."""


def metres_per_degree(lat_deg: float, alt_m: float = 0.0) -> tuple[float, float]:
    """Return metres per degree of latitude and of longitude at a place.

    From the WGS 84 meridional and prime-vertical radii of curvature (Torge,
    Geodesy, 4th ed., section 4.1).
    """
    sin_lat = math.sin(math.radians(lat_deg))
    w2 = 1.0 - WGS84_E2 * sin_lat * sin_lat
    prime = WGS84_A_M / math.sqrt(w2)
    meridian = prime * (1.0 - WGS84_E2) / w2
    north = math.radians(meridian + alt_m)
    east = math.radians(prime + alt_m) * math.cos(math.radians(lat_deg))
    return north, east


def offset_m(lat_deg: float, lon_deg: float, to_lat_deg: float, to_lon_deg: float) -> tuple[float, float]:
    """Return north and east metres from one point to another nearby, on the local tangent plane."""
    north, east = metres_per_degree(0.5 * (lat_deg + to_lat_deg))
    return (to_lat_deg - lat_deg) * north, wrap180(to_lon_deg - lon_deg) * east


def wrap180(angle_deg: float) -> float:
    """Wrap an angle to [-180, 180)."""
    return (angle_deg + 180.0) % 360.0 - 180.0


def clamp(value: float, low: float, high: float) -> float:
    """Limit a number to a range."""
    return low if value < low else high if value > high else value


class MultirotorBody:
    """Advances one multirotor by small steps under a velocity demand and the wind.

    Horizontal acceleration = thrust - k |va| va with va the velocity through the
    air, so a steady wind tilts the vehicle and a headwind beyond its top
    airspeed carries it away, as it should.
    """

    def __init__(self, airframe: Multirotor, state: BodyState) -> None:
        self.airframe = airframe
        self.state = state
        self._integral_n = 0.0
        self._integral_e = 0.0

    def rest(self) -> None:
        """Stand still on the ground: motors off or idle."""
        s = self.state
        s.v_n_mps = s.v_e_mps = s.v_d_mps = 0.0
        s.thrust_n_mps2 = s.thrust_e_mps2 = s.accel_d_mps2 = 0.0
        s.roll_deg = s.pitch_deg = 0.0
        s.airspeed_mps = 0.0
        s.on_ground = True
        self._integral_n = self._integral_e = 0.0

    def step(self, demand: VelocityDemand, wind_n_mps: float, wind_e_mps: float, dt_s: float) -> None:
        """Advance by `dt_s` seconds (semi-implicit Euler; keep `dt_s` at or below 0.05 s)."""
        s, a = self.state, self.airframe
        self._tilt(demand, dt_s)
        va_n, va_e = s.v_n_mps - wind_n_mps, s.v_e_mps - wind_e_mps
        s.airspeed_mps = math.sqrt(va_n * va_n + va_e * va_e + s.v_d_mps * s.v_d_mps)
        drag = a.drag_per_m * math.hypot(va_n, va_e)
        s.v_n_mps += (s.thrust_n_mps2 - drag * va_n) * dt_s
        s.v_e_mps += (s.thrust_e_mps2 - drag * va_e) * dt_s
        target_d = clamp(demand.v_d_mps, -a.climb_mps, a.sink_mps)
        s.accel_d_mps2 = clamp((target_d - s.v_d_mps) / a.climb_time_s, -a.max_climb_accel_mps2, a.max_climb_accel_mps2)
        s.v_d_mps += s.accel_d_mps2 * dt_s
        self._turn(demand.yaw_deg, dt_s)
        self._attitude()
        self._move(dt_s)

    def _tilt(self, demand: VelocityDemand, dt_s: float) -> None:
        """Ask for horizontal thrust (PI on velocity plus the still-air drag) and let it lag."""
        s, a = self.state, self.airframe
        if demand.level:
            self._integral_n = self._integral_e = 0.0
            self._lag(0.0, 0.0, dt_s)
            return
        error_n, error_e = demand.v_n_mps - s.v_n_mps, demand.v_e_mps - s.v_e_mps
        still_drag = a.drag_per_m * math.hypot(demand.v_n_mps, demand.v_e_mps)
        ask_n = demand.accel_n_mps2 + a.velocity_gain_per_s * error_n + self._integral_n + still_drag * demand.v_n_mps
        ask_e = demand.accel_e_mps2 + a.velocity_gain_per_s * error_e + self._integral_e + still_drag * demand.v_e_mps
        limit = GRAVITY_MPS2 * math.tan(math.radians(a.max_tilt_deg))
        size = math.hypot(ask_n, ask_e)
        if size > limit:
            ask_n, ask_e = ask_n * limit / size, ask_e * limit / size
        else:  # the integral stands still while the tilt is at its limit, so that it cannot wind up
            self._integral_n += a.velocity_integral_per_s2 * error_n * dt_s
            self._integral_e += a.velocity_integral_per_s2 * error_e * dt_s
        self._lag(ask_n, ask_e, dt_s)

    def _lag(self, ask_n: float, ask_e: float, dt_s: float) -> None:
        s = self.state
        blend = 1.0 - math.exp(-dt_s / self.airframe.tilt_time_s)
        s.thrust_n_mps2 += blend * (ask_n - s.thrust_n_mps2)
        s.thrust_e_mps2 += blend * (ask_e - s.thrust_e_mps2)

    def _turn(self, yaw_deg: float, dt_s: float) -> None:
        s = self.state
        most = self.airframe.yaw_rate_dps * dt_s
        s.yaw_deg = (s.yaw_deg + clamp(wrap180(yaw_deg - s.yaw_deg) * min(1.0, 3.0 * dt_s), -most, most)) % 360.0

    def _attitude(self) -> None:
        """Turn the thrust vector into Z-Y-X pitch and roll about the current heading."""
        s = self.state
        cos_yaw, sin_yaw = math.cos(math.radians(s.yaw_deg)), math.sin(math.radians(s.yaw_deg))
        forward = s.thrust_n_mps2 * cos_yaw + s.thrust_e_mps2 * sin_yaw
        right = s.thrust_e_mps2 * cos_yaw - s.thrust_n_mps2 * sin_yaw
        up = GRAVITY_MPS2 - s.accel_d_mps2
        s.pitch_deg = math.degrees(math.atan2(-forward, up))
        s.roll_deg = math.degrees(math.atan2(right, math.hypot(forward, up)))

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
