"""What a fixed wing can be told to do: circle, climb out, follow a line, land on a glide."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from sitl.dynamics import BodyState, VelocityDemand, clamp, offset_m
from sitl.vehicle.behaviours import Place, height_rate

if TYPE_CHECKING:
    from sitl.dynamics_wing import FixedWing
    from sitl.vehicle.behaviours import Limits

APPROACH_RAD: Final = math.radians(60.0)
"""Angle at which a line is approached from far away."""
LEAD_SHARE: Final = 0.7
"""Turns are planned with this share of the largest bank."""
HEIGHT_REACHED_M: Final = 3.0
AHEAD_RAD: Final = math.radians(10.0)
"""A circle is left when the next place lies within this of the course."""
GLIDE: Final = 0.1
"""Height lost per metre on the landing approach (5.7 degrees)."""


def _toward(course_rad: float, speed: float, down: float) -> VelocityDemand:
    return VelocityDemand(
        v_n_mps=speed * math.cos(course_rad), v_e_mps=speed * math.sin(course_rad), v_d_mps=down, yaw_deg=0.0
    )


class Orbit:
    """Circle a place: what holding is to a fixed wing. A negative radius is counter-clockwise. Never done."""

    def __init__(self, limits: Limits, wing: FixedWing, place: Place | None, radius_m: float) -> None:
        self.done = False
        self._limits = limits
        self._wing = wing
        self._place = place
        self._turn = math.copysign(1.0, radius_m)
        self._radius_m = max(abs(radius_m), 1.1 * wing.turn_radius_m(limits.speed_mps, LEAD_SHARE))

    def demand(self, state: BodyState, dt_s: float) -> VelocityDemand:
        """Fly the tangent, corrected by the distance from the circle.

        Vector field for orbits of Nelson, Barber, McLain & Beard (IEEE Trans. Robotics 23(3), 2007, eq. 13).
        """
        if self._place is None:
            self._place = Place(lat_deg=state.lat_deg, lon_deg=state.lon_deg, alt_amsl_m=state.alt_amsl_m)
        place = self._place
        north, east = offset_m(place.lat_deg, place.lon_deg, state.lat_deg, state.lon_deg)
        away = math.hypot(north, east)
        bearing = math.atan2(east, north)
        inward = math.pi / 2.0 + math.atan((away - self._radius_m) / (0.5 * self._radius_m))
        down = height_rate(state, place.alt_amsl_m, self._limits)
        return _toward(bearing + self._turn * inward, self._limits.speed_mps, down)


class OrbitToHeight(Orbit):
    """Circle a place until at its height and headed for the next one.

    As ArduPlane does it (`verify_loiter_to_alt`, `ModeLoiter::isHeadingLinedUp`): at once for a place
    within 1.05 radii, else within 10 degrees of it, and 10 more for each turn flown.
    """

    def __init__(self, limits: Limits, wing: FixedWing, place: Place, radius_m: float, after: Place | None) -> None:
        super().__init__(limits, wing, place, radius_m)
        self._goal = place
        self._after = after
        self._at_height_s = 0.0

    def demand(self, state: BodyState, dt_s: float) -> VelocityDemand:
        """Circle; done at the height when the way on lies ahead."""
        wanted = super().demand(state, dt_s)
        if self._at_height_s > 0.0 or abs(state.alt_amsl_m - self._goal.alt_amsl_m) < HEIGHT_REACHED_M:
            self._at_height_s += dt_s
            self.done = self._ahead(state)
        return wanted

    def _ahead(self, state: BodyState) -> bool:
        if self._after is None:
            return True
        away = offset_m(self._goal.lat_deg, self._goal.lon_deg, self._after.lat_deg, self._after.lon_deg)
        if math.hypot(*away) < 1.05 * self._radius_m:
            return True
        north, east = offset_m(state.lat_deg, state.lon_deg, self._after.lat_deg, self._after.lon_deg)
        course = math.atan2(state.v_e_mps, state.v_n_mps)
        turns = int(self._at_height_s * self._limits.speed_mps / (2.0 * math.pi * self._radius_m))
        off = abs((math.atan2(east, north) - course + math.pi) % (2.0 * math.pi) - math.pi)
        return off < AHEAD_RAD * (1 + turns)


class ClimbOut:
    """Climb straight ahead to a height; done there."""

    def __init__(self, limits: Limits, state: BodyState, alt_amsl_m: float) -> None:
        self.done = False
        self._limits = limits
        self._course_rad = math.radians(state.yaw_deg)
        self._alt_amsl_m = alt_amsl_m

    def demand(self, state: BodyState, dt_s: float) -> VelocityDemand:
        """Keep the course and climb."""
        self.done = state.alt_amsl_m > self._alt_amsl_m - 3.0
        down = height_rate(state, self._alt_amsl_m + 2.0, self._limits)
        return _toward(self._course_rad, self._limits.speed_mps, down)


class FollowLine:
    """Follow the line from `start` to `end`; done where the turn onto the next leg begins.

    Course = path course - approach angle (2/pi) atan(k e): the straight-line
    vector field of Nelson, Barber, McLain & Beard (2007, eq. 8).
    """

    def __init__(self, limits: Limits, wing: FixedWing, start: Place, end: Place, after: Place | None) -> None:
        self.done = False
        self.end = end
        self.exit_mps = limits.speed_mps
        self.cross_track_m = 0.0
        self._limits = limits
        self._start = start
        north, east = offset_m(start.lat_deg, start.lon_deg, end.lat_deg, end.lon_deg)
        self.length_m = max(math.hypot(north, east), 1.0)
        self._course_rad = math.atan2(east, north)
        self.course_deg = math.degrees(self._course_rad) % 360.0
        self.remaining_m = self.length_m
        self._radius_m = wing.turn_radius_m(limits.speed_mps, LEAD_SHARE)
        self.lead_m = self._lead(after)

    def _lead(self, after: Place | None) -> float:
        """Return how far before the end the turn starts: r tan(turn / 2), and a moment for the bank to build."""
        if after is None:
            return 10.0
        north, east = offset_m(self.end.lat_deg, self.end.lon_deg, after.lat_deg, after.lon_deg)
        turn = abs((math.atan2(east, north) - self._course_rad + math.pi) % (2.0 * math.pi) - math.pi)
        lead = self._radius_m * math.tan(min(turn, 2.2) / 2.0) + 0.5 * self._limits.speed_mps
        return min(lead, 0.45 * self.length_m)

    def demand(self, state: BodyState, dt_s: float) -> VelocityDemand:
        """Steer onto and along the line, with the height in proportion."""
        north, east = offset_m(state.lat_deg, state.lon_deg, self.end.lat_deg, self.end.lon_deg)
        t_n, t_e = math.cos(self._course_rad), math.sin(self._course_rad)
        self.remaining_m = north * t_n + east * t_e
        self.cross_track_m = north * t_e - east * t_n
        steer = APPROACH_RAD * 2.0 / math.pi * math.atan(self.cross_track_m / (0.6 * self._radius_m))
        share = clamp(1.0 - self.remaining_m / self.length_m, 0.0, 1.0)
        height = self._start.alt_amsl_m + share * (self.end.alt_amsl_m - self._start.alt_amsl_m)
        slope = (self.end.alt_amsl_m - self._start.alt_amsl_m) / self.length_m
        down = height_rate(state, height, self._limits, slope * state.ground_speed_mps)
        self.done = self.remaining_m <= self.lead_m
        return _toward(self._course_rad - steer, self._limits.speed_mps, down)


class GlideDown:
    """Fly to the landing place and touch down on it: height in proportion to the distance; done on the ground."""

    def __init__(self, limits: Limits, wing: FixedWing, state: BodyState, place: Place | None) -> None:
        self.done = False
        self._limits = limits
        self._slow_mps = wing.slowest_mps
        ahead = Place(lat_deg=state.lat_deg, lon_deg=state.lon_deg, alt_amsl_m=state.ground_amsl_m)
        self._place = place or ahead
        here = Place(lat_deg=state.lat_deg, lon_deg=state.lon_deg, alt_amsl_m=state.alt_amsl_m)
        self._line = FollowLine(limits, wing, here, self._place, None)

    def demand(self, state: BodyState, dt_s: float) -> VelocityDemand:
        """Follow the line down the glide."""
        wanted = self._line.demand(state, dt_s)
        away = max(0.0, self._line.remaining_m)
        height = state.ground_amsl_m + GLIDE * away
        speed = self._slow_mps + 2.0
        rate = math.hypot(wanted.v_n_mps, wanted.v_e_mps)
        wanted.v_n_mps, wanted.v_e_mps = wanted.v_n_mps * speed / rate, wanted.v_e_mps * speed / rate
        wanted.v_d_mps = max(0.4, GLIDE * state.ground_speed_mps + 0.5 * (state.alt_amsl_m - height))
        self.done = state.on_ground
        return wanted
