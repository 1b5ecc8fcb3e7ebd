"""One flight on a real autopilot, planned, uploaded, checked and started as `vedette fly` does it, then broken off."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import TYPE_CHECKING, Final

import numpy as np
from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from benchmarks.break_offs.flown import Flown
from benchmarks.break_offs.moment import Moment
from benchmarks.break_offs.plans import patrol
from geo.errors import VedetteError
from missions.flight.parameter_link import wire_value
from missions.flight.run import Flight
from missions.flight.values import FlightOptions
from missions.links.link import open_link
from missions.transfer.values import Peer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.break_offs.cases import BreakOff
    from benchmarks.break_offs.plans import Patrol
    from missions.flight.values import FlightStatus
    from missions.links.link import Link
    from missions.plan_files.dialect import Dialect
    from missions.transfer.values import Message

    Place = tuple[float, float, float]

OBSERVER: Final = 250
"""System id of the station that only looks on; nobody waits for its heartbeats."""
HZ: Final = 5.0
READY_S: Final = 240.0
LONGEST_S: Final = 900.0
"""Wall seconds that a way home may take on a loaded machine."""
CIRCLES_S: Final = 200.0
"""Simulated seconds after which a fixed wing that circles over its end has arrived."""
STICKS_S: Final = 0.1
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
    """Reads the simulator's true position on a port of its own."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.c = mavutil.mavlink_connection(view.url, source_system=OBSERVER, dialect="ardupilotmega")
        self.track: list[tuple[float, float, float, float]] = []
        self.modes: list[tuple[int, str]] = []
        self.texts: list[str] = []
        self.armed = False
        self.flew = False
        self.stopping = False
        self.sticks = view.sticks
        self.t_s = 0.0
        self._sticks_s = 0.0
        if self.c.wait_heartbeat(timeout=60) is None:
            raise TimeoutError("the observer hears nothing")
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        for number, every_us in ((view.message_id, 1e6 / HZ), (mavlink.MAVLINK_MSG_ID_SYSTEM_TIME, 2e5)):
            self.c.mav.command_long_send(view.system, 1, 511, 0, number, every_us, 0, 0, 0, 0, 0)

    def put(self, values: Mapping[str, float], kind: int = mavlink.MAV_PARAM_TYPE_REAL32) -> None:
        """Set parameters, three times each: nothing is read back here, what they do is what is looked at."""
        for _ in range(3):
            for name, value in values.items():
                wire = wire_value(value, kind, self.view.dialect)
                self.c.mav.param_set_send(self.view.system, 1, name.encode(), wire, kind)
            time.sleep(0.15)

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
                self._take(message)

    def _take(self, message: Message) -> None:
        kind = message.get_type()
        if kind == "SYSTEM_TIME":
            self.t_s = message.time_boot_ms / 1e3
        elif message.get_msgId() == self.view.message_id and self.armed:
            self.track.append((self.t_s, *self.view.place(message)))
        elif kind == "HEARTBEAT" and message.get_srcComponent() == 1:
            self.armed = bool(message.base_mode & 128)
            self.flew = self.flew or self.armed
            mode = SAME_MODE.get(self.c.flightmode, self.c.flightmode)
            if self.armed and (not self.modes or self.modes[-1][1] != mode):
                self.modes.append((len(self.track), mode))
        elif kind == "STATUSTEXT":
            self.texts.append(message.text)

    def close(self) -> None:
        """Stop listening."""
        self.stopping = True
        self._thread.join(2.0)
        self.c.close()


class _BrokenOffError(Exception):
    """The flight has come to where it is broken off."""


def fly_and_break(
    case: BreakOff, url: str, observer: Observer, break_off: Callable[[Link, Peer], bool], autopilot: str
) -> Flown:
    """Fly until the moment of a case, break the flight off there, and follow it to the ground.

    Parameters
    ----------
    url
        The vehicle's link.
    break_off
        Makes the cause happen; called with the link and the vehicle on it. Says whether the link goes on.
    autopilot
        Its name in tables.
    """
    row, problem = _flight(case, url, observer, break_off)
    track = np.array(observer.track or [(0.0, 0.0, 0.0, 0.0)])
    t_s, first = track[:, 0], np.unique(np.floor(track[:, 0]), return_index=True)[1]
    modes = [mode for _, mode in observer.modes[_mode_at(observer, row) :]]
    at = int(np.searchsorted(t_s[first], t_s[row], side="right") - 1) if row >= 0 else -1
    lat, lon, alt = track[first, 1:].T
    return Flown(
        case=case, autopilot=autopilot, modes=tuple(modes), lat_deg=lat, lon_deg=lon, alt_m=alt, broken_at=at,
        ended=observer.flew and not observer.armed, problem=problem,
    )  # fmt: skip


def _flight(case: BreakOff, url: str, observer: Observer, break_off: Callable[[Link, Peer], bool]) -> tuple[int, str]:
    """Return the row of the track at which it was broken off, and what went wrong."""
    flight, moment = patrol(case.plan), Moment(case)
    began: list[float] = []

    def watch(status: FlightStatus) -> None:
        if not observer.armed or not observer.track:
            return
        t_s, lat, lon, _ = observer.track[-1]
        began.append(t_s)
        if moment.come(lat, lon, t_s - began[0]):
            raise _BrokenOffError

    options = FlightOptions(
        dialect=flight.dialect, enable_fence=True, ready_timeout_s=READY_S, max_flight_s=LONGEST_S, telemetry_hz=2.0
    )
    link = open_link(url)
    try:
        run = Flight(link, flight.sortie, options, on_status=watch)
        try:
            run.connect()
            run.upload()
            run.check()
            run.take_off()
            run.watch()
        except _BrokenOffError:
            row = len(observer.track) - 1
        except VedetteError as error:
            return -1, f"{error.message}; {observer.texts[-3:]}"
        else:
            return -1, "never came to its moment"
        peer = Peer(system=run.state.system, component=run.state.component, dialect=flight.dialect)
        goes_on = break_off(link, peer)
        if not goes_on:
            link.close()
        _until_landed(observer, link if goes_on else None, flight)
        return row, ""
    finally:
        link.close()


def _until_landed(observer: Observer, link: Link | None, flight: Patrol) -> None:
    until, since = time.monotonic() + LONGEST_S, observer.t_s
    limit_s = CIRCLES_S + 1.5 * (flight.sortie.legs[-1].t_end_s - flight.sortie.t_start_s)
    while observer.armed and time.monotonic() < until and observer.t_s - since < limit_s:
        if link is None:
            time.sleep(0.2)
        else:
            link.receive(0.2)


def failed(case: BreakOff, autopilot: str, problem: str) -> Flown:
    """Return the row of a flight that did not come about."""
    none = np.zeros(1)
    return Flown(
        case=case, autopilot=autopilot, modes=(), lat_deg=none, lon_deg=none, alt_m=none, broken_at=-1, ended=False,
        problem=problem,
    )  # fmt: skip


def _mode_at(observer: Observer, row: int) -> int:
    before = [k for k, (at, _) in enumerate(observer.modes) if at <= row]
    return before[-1] if before else 0
