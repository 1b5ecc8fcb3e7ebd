"""What a multirotor can be told to do: hold, climb, fly a straight leg, descend. Each turns state into a demand."""

from __future__ import annotations

import dataclasses
import math
from typing import Final, Protocol

from sitl.dynamics import BodyState, VelocityDemand, clamp, offset_m

CORNER_CUT_M: Final = 1.5
"""How far inside a corner the path may pass the waypoint."""
CROSS_TRACK_GAIN_PER_S: Final = 0.8
HOLD_GAIN_PER_S: Final = 0.7
HEIGHT_GAIN_PER_S: Final = 1.0
PX4_CORNER_SHARE: Final = 0.5
"""MPC_XY_TRAJ_P: what of the acceleration PX4 takes corners with."""
BRAKE_SHARE: Final = 0.8
"""Braking is planned with this share of the acceleration limit, the rest corrects errors."""


LIFTS_MPS: Final = 0.3
"""With which a slow take-off leaves the ground."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A point to fly to."""

    lat_deg: float
    lon_deg: float
    alt_amsl_m: float


@dataclasses.dataclass(slots=True, kw_only=True)
class Limits:
    """Speeds and accelerations in force; changed by parameters and DO_CHANGE_SPEED."""

    speed_mps: float = 10.0
    climb_mps: float = 2.5
    sink_mps: float = 1.5
    accel_mps2: float = 2.5
    radius_m: float = 2.0
    brake_ramp_mps: float = 0.0
    """PX4 brakes the sooner, the faster it is (`missions.performance.handling`); 0 brakes steadily."""
    climb_accel_mps2: float = 0.0
    climb_ramp_mps: float = 0.0
    """PX4 ends a climb so, and keeps to `takeoff_mps` below `takeoff_slow_m` above the ground."""
    climb_reached_m: float = 0.5
    vertical_share: float = 1.0
    """What is flown of a rate straight up or down (`missions.performance.handling`)."""
    takeoff_mps: float = math.inf
    takeoff_accel_mps2: float = math.inf
    takeoff_slow_m: float = 0.0
    land_mps: float = 0.5
    land_slow_m: float = 10.0
    land_ease_m: float = 2.0
    """The sink rate is `land_mps` below `land_slow_m` above the ground, and full this much higher."""


class Behaviour(Protocol):
    """One thing being done; `done` once it is finished (holding never is)."""

    done: bool

    def demand(self, state: BodyState, dt_s: float) -> VelocityDemand:
        """Return what to ask of the body now."""
        ...


def height_rate(state: BodyState, alt_amsl_m: float, limits: Limits, feed_forward_mps: float = 0.0) -> float:
    """Return the downward speed that brings the vehicle to a height."""
    up = feed_forward_mps + HEIGHT_GAIN_PER_S * (alt_amsl_m - state.alt_amsl_m)
    return -clamp(up, -limits.sink_mps, limits.climb_mps)


class Hold:
    """Stay at a place, or come to a stop first and stay there."""

    def __init__(self, limits: Limits, place: Place | None = None, yaw_deg: float | None = None) -> None:
        self.done = False
        self.place = place
        self._limits = limits
        self._yaw_deg = yaw_deg
        self._alt_amsl_m: float | None = None

    def demand(self, state: BodyState, dt_s: float) -> VelocityDemand:
        """Brake while fast, then pull towards the place."""
        yaw = state.yaw_deg if self._yaw_deg is None else self._yaw_deg
        self._yaw_deg = yaw
        if self._alt_amsl_m is None:
            self._alt_amsl_m = self.place.alt_amsl_m if self.place else state.alt_amsl_m
        if self.place is None:
            speed = state.ground_speed_mps
            if speed > 0.5:
                keep = max(0.0, speed - self._limits.accel_mps2 * 0.5) / speed
                down = height_rate(state, self._alt_amsl_m, self._limits)
                return VelocityDemand(
                    v_n_mps=state.v_n_mps * keep, v_e_mps=state.v_e_mps * keep, v_d_mps=down, yaw_deg=yaw
                )
            self.place = Place(lat_deg=state.lat_deg, lon_deg=state.lon_deg, alt_amsl_m=self._alt_amsl_m)
        return pull(state, self.place, self._limits, yaw)


def pull(state: BodyState, place: Place, limits: Limits, yaw_deg: float) -> VelocityDemand:
    """Return the demand that holds a place: speed proportional to the distance, limited."""
    north, east = offset_m(state.lat_deg, state.lon_deg, place.lat_deg, place.lon_deg)
    distance = math.hypot(north, east)
    speed = min(
        HOLD_GAIN_PER_S * distance, limits.speed_mps, math.sqrt(2.0 * BRAKE_SHARE * limits.accel_mps2 * distance)
    )
    scale = speed / distance if distance > 1e-6 else 0.0
    return VelocityDemand(
        v_n_mps=north * scale,
        v_e_mps=east * scale,
        v_d_mps=height_rate(state, place.alt_amsl_m, limits),
        yaw_deg=yaw_deg,
    )


class Climb:
    """Go straight up (or down) to a height, holding the place: take-off, and the first part of a return."""

    def __init__(self, limits: Limits, state: BodyState, alt_amsl_m: float) -> None:
        self.done = False
        self._limits = limits
        self._place = Place(lat_deg=state.lat_deg, lon_deg=state.lon_deg, alt_amsl_m=alt_amsl_m)
        self._yaw_deg = state.yaw_deg
        self._takes_off = state.on_ground

    def demand(self, state: BodyState, dt_s: float) -> VelocityDemand:
        """Rise to the height; done near it."""
        self.done = abs(state.alt_amsl_m - self._place.alt_amsl_m) < self._limits.climb_reached_m
        wanted = pull(state, self._place, self._limits, self._yaw_deg)
        wanted.v_d_mps = max(wanted.v_d_mps, -self._most_up_mps(state))
        return wanted

    def _most_up_mps(self, state: BodyState) -> float:
        limits = self._limits
        most = limits.vertical_share * limits.climb_mps
        if limits.climb_ramp_mps:
            left_m = max(self._place.alt_amsl_m - state.alt_amsl_m, 0.0)
            ramp = limits.climb_ramp_mps
            most = min(most, (math.sqrt(ramp**2 + 8.0 * limits.climb_accel_mps2 * left_m) - ramp) / 2.0)
        height_m = max(state.alt_amsl_m - state.ground_amsl_m, 0.0)
        if self._takes_off and height_m < limits.takeoff_slow_m:
            lifted = LIFTS_MPS + math.sqrt(2.0 * limits.takeoff_accel_mps2 * height_m)
            most = min(most, limits.takeoff_mps, lifted)
        return most


class Descend:
    """Land where the place is: fast first, slowly near the ground; done on the ground."""

    def __init__(self, limits: Limits, place: Place | None = None) -> None:
        self.done = False
        self._limits = limits
        self._hold = Hold(limits, place)

    def demand(self, state: BodyState, dt_s: float) -> VelocityDemand:
        """Sink onto the place."""
        height = state.alt_amsl_m - state.ground_amsl_m
        wanted = self._hold.demand(state, dt_s)
        limits = self._limits
        slow = min(limits.land_mps, limits.sink_mps)
        share = clamp((height - limits.land_slow_m) / limits.land_ease_m, 0.0, 1.0)
        wanted.v_d_mps = limits.vertical_share * (slow + share * (limits.sink_mps - slow))
        self.done = state.on_ground
        return wanted


class FlyLeg:
    """Fly a straight leg from `start` to `end`, and pass the corner at its end no wider than allowed.

    Across the leg the vehicle is pulled onto the line; along it the speed
    follows a trapezoid that meets the speed at which the next corner can be
    turned within `CORNER_CUT_M`: a fly-by arc of radius r passes the vertex at
    r (1/cos(a/2) - 1) for a turn of a, and is entered r tan(a/2) before it.
    """

    def __init__(
        self,
        limits: Limits,
        start: Place,
        end: Place,
        *,
        after: Place | None = None,
    ) -> None:
        self.done = False
        self.end = end
        self._limits = limits
        self._start = start
        north, east = offset_m(start.lat_deg, start.lon_deg, end.lat_deg, end.lon_deg)
        self.length_m = math.hypot(north, east)
        self._t = (north / self.length_m, east / self.length_m) if self.length_m > 0.5 else (0.0, 0.0)
        self.course_deg = math.degrees(math.atan2(east, north)) % 360.0
        self.exit_mps, self.lead_m = self._corner(after)
        self._reference_mps: float | None = None
        self.cross_track_m = 0.0
        self.remaining_m = self.length_m

    def _corner(self, after: Place | None) -> tuple[float, float]:
        """Return the speed to pass the end with, and how far before it to start turning."""
        if after is None or self.length_m <= 0.5:
            return 0.0, 0.0
        north, east = offset_m(self.end.lat_deg, self.end.lon_deg, after.lat_deg, after.lon_deg)
        length = math.hypot(north, east)
        if length <= 0.5:
            return 0.0, 0.0
        cos_turn = clamp((north * self._t[0] + east * self._t[1]) / length, -1.0, 1.0)
        half = 0.5 * math.acos(cos_turn)
        if half < 1e-3:
            return 1e3, 0.0
        excess = 1.0 / max(math.cos(half), 1e-3) - 1.0
        radius = CORNER_CUT_M / excess
        lead = radius * math.tan(half)
        room, accel = 0.4 * min(self.length_m, length), self._limits.accel_mps2
        if self._limits.brake_ramp_mps:
            room, accel = min(room, self._limits.radius_m), PX4_CORNER_SHARE * accel
        if lead > room:
            radius, lead = radius * room / lead, room
        return math.sqrt(accel * radius), lead

    def demand(self, state: BodyState, dt_s: float) -> VelocityDemand:
        """Follow the leg; done at the corner, or within the radius where the leg ends in a stop."""
        if self.length_m <= 0.5:
            self._watch_stop(state)
            return pull(state, self.end, self._limits, state.yaw_deg)
        north, east = offset_m(state.lat_deg, state.lon_deg, self.end.lat_deg, self.end.lon_deg)
        t_n, t_e = self._t
        self.remaining_m = north * t_n + east * t_e
        self.cross_track_m = north * t_e - east * t_n  # positive: right of the leg
        slope = (self.end.alt_amsl_m - self._start.alt_amsl_m) / self.length_m
        ahead = self._along(state, slope, dt_s)
        speed, accel = ahead
        side = clamp(CROSS_TRACK_GAIN_PER_S * self.cross_track_m, -5.0, 5.0)
        fraction = clamp(1.0 - self.remaining_m / self.length_m, 0.0, 1.0)
        height = self._start.alt_amsl_m + slope * self.length_m * fraction
        self._watch_corner(state)
        return VelocityDemand(
            v_n_mps=speed * t_n + side * t_e,
            v_e_mps=speed * t_e - side * t_n,
            v_d_mps=height_rate(state, height, self._limits, slope * speed),
            yaw_deg=self.course_deg,
            accel_n_mps2=accel * t_n,
            accel_e_mps2=accel * t_e,
        )

    def _along(self, state: BodyState, slope: float, dt_s: float) -> tuple[float, float]:
        """Return the reference speed along the leg and its rate of change."""
        accel = self._limits.accel_mps2
        top = self._limits.speed_mps
        if abs(slope) > 1e-6:
            vertical = self._limits.climb_mps if slope > 0.0 else self._limits.sink_mps
            top = min(top, vertical / abs(slope))
        exit_mps = min(self.exit_mps, top)
        room = max(0.0, self.remaining_m - self.lead_m)
        ramp = self._limits.brake_ramp_mps
        share = 1.0 if ramp else BRAKE_SHARE
        braked = (math.sqrt(ramp**2 + 4.0 * (exit_mps**2 + 2.0 * share * accel * room)) - ramp) / 2.0
        braked = max(braked, exit_mps)
        if exit_mps == 0.0:
            braked = min(braked, HOLD_GAIN_PER_S * room + 0.1)
        target = min(top, braked)
        if self._reference_mps is None:
            self._reference_mps = max(0.0, state.v_n_mps * self._t[0] + state.v_e_mps * self._t[1])
        change = clamp(target - self._reference_mps, -2.0 * accel * dt_s, accel * dt_s)
        self._reference_mps += change
        if self.remaining_m < 0.0 and exit_mps == 0.0:
            return HOLD_GAIN_PER_S * self.remaining_m, 0.0
        return self._reference_mps, change / dt_s

    def _watch_corner(self, state: BodyState) -> None:
        if self.exit_mps > 0.0:
            low = abs(state.alt_amsl_m - self.end.alt_amsl_m) < 3.0 or self.remaining_m < -20.0
            self.done = self.remaining_m <= self.lead_m and low
        else:
            self._watch_stop(state)

    def _watch_stop(self, state: BodyState) -> None:
        north, east = offset_m(state.lat_deg, state.lon_deg, self.end.lat_deg, self.end.lon_deg)
        height = abs(state.alt_amsl_m - self.end.alt_amsl_m)
        self.done = math.hypot(north, east) <= self._limits.radius_m and height <= self._limits.radius_m
