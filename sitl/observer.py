"""A station that looks on at a real simulator: its true position, on a port of its own, and its dials."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import TYPE_CHECKING, Final

from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.flight.parameter_link import wire_value
from sitl.errors import SitlError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from missions.plan_files.dialect import Dialect
    from missions.transfer.values import Message

    Place = tuple[float, float, float]

OBSERVER: Final = 250
"""System id of the station that only looks on; nobody waits for its heartbeats."""
HZ: Final = 5.0
HEARD_S: Final = 60.0
STICKS_S: Final = 0.1
"""Wall seconds between two messages of the sticks."""
REPEATS: Final = 3
REPEAT_S: Final = 0.15
ARMED: Final = mavlink.MAV_MODE_FLAG_SAFETY_ARMED
SAME_MODE: Final = {"MISSION": "AUTO", "TAKEOFF": "AUTO"}
"""PX4's names of what ArduPilot calls otherwise; its take-off is a mode of its own."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How a simulator's true position is looked at."""

    url: str
    """Where pymavlink listens or calls."""
    system: int
    dialect: Dialect
    message_id: int
    """Of the message that has the truth."""
    place: Callable[[Message], Place]
    """Latitude and longitude, degrees, and metres above the sea, of that message."""
    sticks: bool = False
    """Whether this station also holds the sticks, centred."""


class Observer:
    """Reads the simulator's true position on a port of its own, in a thread of its own.

    Raises
    ------
    SitlError
        When nothing is heard there.
    """

    asked: tuple[int, ...] = (mavlink.MAVLINK_MSG_ID_SYSTEM_TIME,)
    """Messages that are asked for besides the one with the truth."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.c = mavutil.mavlink_connection(view.url, source_system=OBSERVER, dialect="ardupilotmega")
        self.track: list[tuple[float, float, float, float]] = []
        """Simulated seconds since boot, latitude, longitude and metres above the sea, while armed."""
        self.modes: list[tuple[int, str]] = []
        """The row of the track at which each mode began."""
        self.texts: list[str] = []
        self.on_place: Callable[[float, float, float, float], None] | None = None
        """Called with each new row of the track, in the observer's thread."""
        self.armed = False
        self.flew = False
        self.stopping = False
        self.sticks = view.sticks
        self.t_s = 0.0
        self._sticks_s = 0.0
        if self.c.wait_heartbeat(timeout=HEARD_S) is None:
            self.c.close()
            raise SitlError(f"nothing is heard of the simulator's truth at {view.url}")
        for number in (view.message_id, *self.asked):
            self.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, number, 1e6 / HZ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def put(
        self, values: Mapping[str, float], kind: int = mavlink.MAV_PARAM_TYPE_REAL32, *, times: int = REPEATS
    ) -> None:
        """Set parameters; nothing is read back here, what they do is what is looked at."""
        for k in range(times):
            for name, value in values.items():
                wire = wire_value(value, kind, self.view.dialect)
                self.c.mav.param_set_send(self.view.system, 1, name.encode(), wire, kind)
            if k < times - 1:
                time.sleep(REPEAT_S)

    def command(self, number: int, *values: float) -> None:
        """Send one COMMAND_LONG."""
        self.c.mav.command_long_send(self.view.system, 1, number, 0, *values, *[0.0] * (7 - len(values)))

    def _run(self) -> None:
        while not self.stopping:
            if self.sticks and time.monotonic() - self._sticks_s > STICKS_S:
                self._sticks_s = time.monotonic()
                self.c.mav.manual_control_send(self.view.system, 0, 0, 500, 0, 0)
            message = self.c.recv_match(blocking=True, timeout=0.1)
            if message is not None and message.get_srcSystem() == self.view.system:
                self.take(message)

    def take(self, message: Message) -> None:
        """Take one message of the simulator, in the observer's thread."""
        kind = message.get_type()
        if kind == "SYSTEM_TIME":
            self.t_s = message.time_boot_ms / 1e3
        elif message.get_msgId() == self.view.message_id and self.armed:
            self.track.append((self.t_s, *self.view.place(message)))
            if self.on_place is not None:
                self.on_place(*self.track[-1])
        elif kind == "HEARTBEAT" and message.get_srcComponent() == 1:
            self.armed = bool(message.base_mode & ARMED)
            self.flew = self.flew or self.armed
            if self.armed and (not self.modes or self.modes[-1][1] != self.mode):
                self.modes.append((len(self.track), self.mode))
        elif kind == "STATUSTEXT":
            self.texts.append(message.text)

    @property
    def mode(self) -> str:
        """The mode it is in, by ArduPilot's name."""
        name: str = self.c.flightmode
        return SAME_MODE.get(name, name)

    def close(self) -> None:
        """Stop listening."""
        self.stopping = True
        self._thread.join(2.0)
        self.c.close()
