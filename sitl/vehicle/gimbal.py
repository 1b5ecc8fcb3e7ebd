"""A stabilised two-axis gimbal: told in the earth frame or the vehicle's, or pointed at a place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sitl.dynamics import BodyState, clamp, offset_m, wrap180
from sitl.faults import PartFault, Word

if TYPE_CHECKING:
    import numpy as np

    from sitl.vehicle.behaviours import Place

SLEW_DPS: Final = 90.0
"""How fast the gimbal turns."""
ROLL_LOCK: Final = mavlink.GIMBAL_DEVICE_FLAGS_ROLL_LOCK
PITCH_LOCK: Final = mavlink.GIMBAL_DEVICE_FLAGS_PITCH_LOCK
YAW_LOCK: Final = mavlink.GIMBAL_DEVICE_FLAGS_YAW_LOCK
YAW_IN_VEHICLE_FRAME: Final = mavlink.GIMBAL_DEVICE_FLAGS_YAW_IN_VEHICLE_FRAME
YAW_IN_EARTH_FRAME: Final = mavlink.GIMBAL_DEVICE_FLAGS_YAW_IN_EARTH_FRAME


class Gimbal:
    """Where the camera looks. Pitch and roll are held level; yaw follows the vehicle unless locked.

    Attributes
    ----------
    yaw_deg, pitch_deg
        Earth frame: clockwise from north, positive up.
    fault
        How it fails: off or stuck, the motors do not move and the camera keeps its angle to the
        airframe; the other words distort what the motors are told.
    """

    def __init__(self, rng: np.random.Generator, *, pitch_min_deg: float = -90.0, pitch_max_deg: float = 20.0) -> None:
        self.yaw_deg = 0.0
        self.pitch_deg = 0.0
        self.fault = PartFault(rng, wrong=(20.0, 15.0), spread=(60.0, 30.0))
        self._t_s = 0.0
        self.yaw_locked = False
        self._limits = (pitch_min_deg, pitch_max_deg)
        self._ask_yaw_deg = 0.0
        self._ask_pitch_deg = 0.0
        self._roi: Place | None = None
        self._stuck_at: tuple[float, float] | None = None

    @property
    def flags(self) -> int:
        """GIMBAL_DEVICE_FLAGS in force."""
        frame = (YAW_LOCK | YAW_IN_EARTH_FRAME) if self.yaw_locked else YAW_IN_VEHICLE_FRAME
        return int(ROLL_LOCK | PITCH_LOCK | frame)

    def point(self, *, pitch_deg: float, yaw_deg: float, yaw_locked: bool) -> None:
        """Set angles: pitch against the horizon, yaw against north (locked) or the heading; no number keeps one."""
        if math.isfinite(pitch_deg):
            self._ask_pitch_deg = clamp(pitch_deg, *self._limits)
        if math.isfinite(yaw_deg):
            self._ask_yaw_deg = yaw_deg
        self.yaw_locked = yaw_locked
        self._roi = None

    def look_at(self, place: Place | None) -> None:
        """Keep a place in view, or stop doing so; a place that is no number is not looked at."""
        if place is not None and not all(map(math.isfinite, (place.lat_deg, place.lon_deg, place.alt_amsl_m))):
            return
        self._roi = place
        if place is None:
            self._ask_yaw_deg = 0.0
            self.yaw_locked = False

    def step(self, state: BodyState, dt_s: float) -> None:
        """Slew towards what was asked."""
        self._t_s += dt_s
        if self.fault.word in (Word.OFF, Word.STUCK):
            if self._stuck_at is None:
                self._stuck_at = (wrap180(self.yaw_deg - state.yaw_deg), self.pitch_deg - state.pitch_deg)
            self.yaw_deg = (state.yaw_deg + self._stuck_at[0]) % 360.0
            self.pitch_deg = state.pitch_deg + self._stuck_at[1]
            return
        self._stuck_at = None
        wanted = self.fault.read(self._wanted(state), self._t_s)
        if wanted is None:
            return
        yaw, pitch = wanted
        most = SLEW_DPS * dt_s
        self.yaw_deg = (self.yaw_deg + clamp(wrap180(yaw - self.yaw_deg), -most, most)) % 360.0
        self.pitch_deg += clamp(pitch - self.pitch_deg, -most, most)

    def _wanted(self, state: BodyState) -> tuple[float, float]:
        if self._roi is not None:
            north, east = offset_m(state.lat_deg, state.lon_deg, self._roi.lat_deg, self._roi.lon_deg)
            up = self._roi.alt_amsl_m - state.alt_amsl_m
            pitch = math.degrees(math.atan2(up, math.hypot(north, east)))
            return math.degrees(math.atan2(east, north)), clamp(pitch, *self._limits)
        yaw = self._ask_yaw_deg if self.yaw_locked else state.yaw_deg + self._ask_yaw_deg
        return yaw, self._ask_pitch_deg

    def earth_quaternion(self) -> list[float]:
        """Return (w, x, y, z) of where the camera looks, against north-east-down."""
        return quaternion(math.radians(self.yaw_deg), math.radians(self.pitch_deg))


def quaternion(yaw: float, pitch: float) -> list[float]:
    """Return (w, x, y, z) of a Z-Y-X rotation without roll; radians (Diebel 2006, eq. 290)."""
    cy, sy = math.cos(0.5 * yaw), math.sin(0.5 * yaw)
    cp, sp = math.cos(0.5 * pitch), math.sin(0.5 * pitch)
    return [cy * cp, -sy * sp, cy * sp, sy * cp]
