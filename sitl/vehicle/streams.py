"""What the vehicle sends unasked, and how often."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sitl.vehicle.messages import Messages, Told

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


WALL_GAP_S: Final = 0.005
"""No message is sent more often than this by the wall clock, however fast simulated time runs."""
DEFAULT_INTERVAL_S: Final[dict[int, float]] = {
    mavlink.MAVLINK_MSG_ID_HEARTBEAT: 1.0,
    mavlink.MAVLINK_MSG_ID_SYS_STATUS: 0.5,
    mavlink.MAVLINK_MSG_ID_SYSTEM_TIME: 1.0,
    mavlink.MAVLINK_MSG_ID_GPS_RAW_INT: 0.5,
    mavlink.MAVLINK_MSG_ID_ATTITUDE: 0.25,
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: 0.25,
    mavlink.MAVLINK_MSG_ID_MISSION_CURRENT: 0.5,
    mavlink.MAVLINK_MSG_ID_VFR_HUD: 0.5,
    mavlink.MAVLINK_MSG_ID_BATTERY_STATUS: 1.0,
    mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT: 1.0,
    mavlink.MAVLINK_MSG_ID_HOME_POSITION: 2.0,
    mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: 0.5,
    mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS: 0.25,
    mavlink.MAVLINK_MSG_ID_NAV_CONTROLLER_OUTPUT: 0.5,
    mavlink.MAVLINK_MSG_ID_WIND: 1.0,
}
"""Simulated seconds between two of each message until a ground station asks otherwise."""
STREAM_GROUPS: Final[dict[int, tuple[int, ...]]] = {
    mavlink.MAV_DATA_STREAM_RAW_SENSORS: (),
    mavlink.MAV_DATA_STREAM_EXTENDED_STATUS: (1, 24, 42, 62),
    mavlink.MAV_DATA_STREAM_RC_CHANNELS: (),
    mavlink.MAV_DATA_STREAM_POSITION: (33,),
    mavlink.MAV_DATA_STREAM_EXTRA1: (30,),
    mavlink.MAV_DATA_STREAM_EXTRA2: (74,),
    mavlink.MAV_DATA_STREAM_EXTRA3: (2, 193, 147, 285),
}
"""Message numbers in each of REQUEST_DATA_STREAM's groups (ArduPilot's SRn_ parameters)."""


class Streaming(Told, Protocol):
    """A vehicle that tells of itself again and again."""

    send: Callable[[Any, tuple[int, int] | None], None]

    @property
    def t_s(self) -> float:
        """Simulated seconds since boot."""
        ...


class Streams:
    """Sends each message at its interval of simulated time."""

    def __init__(self, vehicle: Streaming) -> None:
        self.vehicle = vehicle
        self._interval = dict(DEFAULT_INTERVAL_S)
        self._due = dict.fromkeys(self._interval, 0.0)
        self._sent_wall = dict.fromkeys(self._interval, 0.0)
        self._next = 0.0
        self._builders = Messages(vehicle).table

    def step(self) -> None:
        """Send what is due."""
        now = self.vehicle.t_s
        if now < self._next:
            return
        wall = time.monotonic()
        for kind, interval in self._interval.items():
            if interval <= 0.0 or now < self._due[kind] or wall - self._sent_wall[kind] < WALL_GAP_S:
                continue
            self._due[kind] = now + interval
            self._sent_wall[kind] = wall
            self.vehicle.send(self._builders[kind](), None)
        self._next = min((self._due[k] for k, i in self._interval.items() if i > 0.0), default=now + 1.0)

    def set_interval(self, kind: int, interval_s: float) -> bool:
        """Change how often a message comes: seconds, 0 for the default, negative to stop it."""
        if kind not in self._builders:
            return False
        self._interval[kind] = DEFAULT_INTERVAL_S.get(kind, -1.0) if interval_s == 0.0 else interval_s
        self._due[kind] = self.vehicle.t_s
        self._sent_wall.setdefault(kind, 0.0)
        self._next = 0.0
        return True

    def interval(self, kind: int) -> float | None:
        """Return a message's interval in seconds, None for one this vehicle does not have."""
        return self._interval.get(kind, -1.0) if kind in self._builders else None

    def request(self, kind: int) -> bool:
        """Send one message now; False when this vehicle does not have it."""
        builder = self._builders.get(kind)
        if builder is None:
            return False
        self.vehicle.send(builder(), None)
        return True

    def request_group(self, group: int, rate_hz: int) -> None:
        """Serve the old REQUEST_DATA_STREAM."""
        groups = STREAM_GROUPS if group == mavlink.MAV_DATA_STREAM_ALL else {group: STREAM_GROUPS.get(group, ())}
        for kinds in groups.values():
            for kind in kinds:
                self.set_interval(kind, 1.0 / rate_hz if rate_hz > 0 else -1.0)
