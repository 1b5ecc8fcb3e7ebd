"""Break-offs on a real ArduPilot: planned, uploaded, checked and started as `vedette fly` does it, then broken off."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Final

import numpy as np
from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from benchmarks.break_offs.cases import BreakOff, Cause
from benchmarks.break_offs.causes import fence_about, parameters_of
from benchmarks.break_offs.flown import Flown
from benchmarks.break_offs.moment import Moment
from benchmarks.break_offs.plans import Patrol, patrol
from geo.errors import VedetteError
from missions.flight.run import Flight
from missions.flight.values import FlightOptions
from missions.links.link import open_link
from missions.plan_files.dialect import MissionType
from missions.transfer import upload
from missions.transfer.values import Peer
from sitl.ardupilot import find_ardupilot, start_ardupilot, wait_until_armable
from sitl.backend import Launch
from sitl.dynamics import offset_m
from sitl.planned import asked_of
from sitl.vehicle import Airframe

if TYPE_CHECKING:
    from pathlib import Path

    from missions.flight.values import FlightStatus
    from missions.links.link import Link

SIM_STATE: Final = mavlink.MAVLINK_MSG_ID_SIM_STATE
OBSERVER: Final = 250
"""System id of the station that only looks on; nobody waits for its heartbeats."""
HZ: Final = 5.0
LIGHT: Final = {
    "LOG_BACKEND_TYPE": 0, "LOG_DISARMED": 0, "EK3_IMU_MASK": 1, "TERRAIN_ENABLE": 0,
}  # fmt: skip
"""What makes the simulation cheap and changes nothing of how it flies: no log, one filter."""
SLOWER: Final = {Airframe.COPTER: {"SIM_RATE_HZ": 400, "SCHED_LOOP_RATE": 200}, Airframe.PLANE: {"EK2_ENABLE": 0}}
STATION_S: Final = 20.0
"""FS_GCS_TIMEOUT, simulated seconds: our heartbeats come once a second of the wall clock."""
READY_S: Final = 240.0
LONGEST_S: Final = 900.0
"""Wall seconds that a way home may take on a loaded machine."""
CIRCLES_S: Final = 200.0
"""Simulated seconds after which a fixed wing that circles over its end has arrived."""
FENCE_ON: Final = mavlink.MAV_CMD_DO_FENCE_ENABLE


class Observer:
    """Reads the simulator's true position on a second port."""

    def __init__(self, url: str, system: int) -> None:
        host, port = url.removeprefix("tcp:").split(":")
        self.system = system
        self.c = mavutil.mavlink_connection(f"tcp:{host}:{int(port) + 2}", source_system=OBSERVER)
        self.track: list[tuple[float, float, float, float]] = []
        self.modes: list[tuple[int, str]] = []
        self.texts: list[str] = []
        self.armed = False
        self.flew = False
        self.stopping = False
        self.t_s = 0.0
        if self.c.wait_heartbeat(timeout=60) is None:
            raise TimeoutError("the observer hears nothing")
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        for number, every_us in ((SIM_STATE, 1e6 / HZ), (mavlink.MAVLINK_MSG_ID_SYSTEM_TIME, 2e5)):
            self.c.mav.command_long_send(system, 1, 511, 0, number, every_us, 0, 0, 0, 0, 0)

    def put(self, values: dict[str, float]) -> None:
        """Set parameters, three times each: nothing is read back here, what they do is what is looked at."""
        for _ in range(3):
            for name, value in values.items():
                self.c.mav.param_set_send(self.system, 1, name.encode(), value, 9)
            time.sleep(0.15)

    def _run(self) -> None:
        while not self.stopping:
            message = self.c.recv_match(blocking=True, timeout=0.5)
            if message is None:
                continue
            kind = message.get_type()
            if kind == "SYSTEM_TIME":
                self.t_s = message.time_boot_ms / 1e3
            elif kind == "SIM_STATE" and self.armed:
                self.track.append((self.t_s, message.lat_int / 1e7, message.lon_int / 1e7, message.alt))
            elif kind == "HEARTBEAT" and message.get_srcComponent() == 1:
                self.armed = bool(message.base_mode & 128)
                self.flew = self.flew or self.armed
                mode = self.c.flightmode
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


def fly(case: BreakOff, folder: Path, *, instance: int = 6, speedup: float = 10.0, **parameters: float) -> Flown:
    """Fly a plan on a real ArduPilot with what it asks for and break it off.

    Parameters
    ----------
    instance
        Which of the simulator's ports it uses.
    parameters
        Parameters of the vehicle that are other than the plan asks.
    """
    flight = patrol(case.plan)
    sortie = flight.sortie
    airframe = Airframe.PLANE if flight.fixed_wing else Airframe.COPTER
    launch = Launch(
        lat_deg=sortie.home_lat_deg, lon_deg=sortie.home_lon_deg, alt_amsl_m=sortie.home_alt_amsl_m, speedup=speedup,
        instance=instance, heading_deg=_heading_deg(flight),
    )  # fmt: skip
    own = {**LIGHT, **SLOWER[airframe], **asked_of(sortie), **parameters}
    own |= {"FS_LONG_TIMEOUT" if flight.fixed_wing else "FS_GCS_TIMEOUT": STATION_S}
    binary = find_ardupilot(airframe)
    with start_ardupilot(launch, folder, airframe=airframe, binary=binary, parameters=own) as simulator:
        wait_until_armable(simulator, READY_S)
        observer = Observer(simulator.link_url, instance + 1)
        try:
            broken = _flight(case, flight, simulator.link_url, observer)
        finally:
            observer.close()
    return _flown(case, observer, broken)


def _heading_deg(flight: Patrol) -> float:
    leg = flight.sortie.legs[0]
    north, east = offset_m(leg.lat_start_deg, leg.lon_start_deg, leg.lat_end_deg, leg.lon_end_deg)
    return math.degrees(math.atan2(east, north)) % 360.0 if flight.fixed_wing else 0.0


def _flight(case: BreakOff, flight: Patrol, url: str, observer: Observer) -> tuple[int, str]:
    """Fly until the landing; return the row of the track at which it was broken off, and what went wrong."""
    moment = Moment(case)
    began: list[float] = []

    def watch(status: FlightStatus) -> None:
        if not observer.armed or not observer.track:
            return
        began.append(observer.track[-1][0])
        _, lat, lon, _ = observer.track[-1]
        if moment.come(lat, lon, observer.track[-1][0] - began[0]):
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
        _break(case.cause, flight, link, observer, Peer(system=run.state.system, component=run.state.component))
        if case.cause is Cause.LINK:
            link.close()
        _until_landed(observer, None if case.cause is Cause.LINK else link, flight)
        return row, ""
    finally:
        link.close()


def _break(cause: Cause, flight: Patrol, link: Link, observer: Observer, peer: Peer) -> None:
    _, lat, lon, alt = observer.track[-1]
    sortie = flight.sortie
    away_m = math.hypot(*offset_m(sortie.home_lat_deg, sortie.home_lon_deg, lat, lon))
    observer.put(parameters_of(cause, flight, away_m=away_m, height_m=alt - sortie.home_alt_amsl_m))
    if cause is Cause.RADIO:
        observer.put({"SIM_RC_FAIL": 1.0})
    if cause is Cause.POLYGON:
        report = upload(link, fence_about(lat, lon), peer, MissionType.FENCE)
        if not report.uploaded:
            raise RuntimeError(f"the fence about the aircraft was not taken: {report.message}")
    if cause in (Cause.CEILING, Cause.CIRCLE, Cause.POLYGON):  # one that is new in flight counts once switched on
        observer.c.mav.command_long_send(observer.system, 1, FENCE_ON, 0, 1, 0, 0, 0, 0, 0, 0)


def _until_landed(observer: Observer, link: Link | None, flight: Patrol) -> None:
    until, since = time.monotonic() + LONGEST_S, observer.t_s
    limit_s = CIRCLES_S + 1.5 * (flight.sortie.legs[-1].t_end_s - flight.sortie.t_start_s)
    while observer.armed and time.monotonic() < until and observer.t_s - since < limit_s:
        if link is None:
            time.sleep(0.2)
        else:
            link.receive(0.2)


def failed(case: BreakOff, problem: str) -> Flown:
    """Return the row of a flight that did not come about."""
    none = np.zeros(1)
    return Flown(
        case=case, autopilot="ArduPilot", modes=(), lat_deg=none, lon_deg=none, alt_m=none, broken_at=-1, ended=False,
        problem=problem,
    )  # fmt: skip


def _flown(case: BreakOff, observer: Observer, broken: tuple[int, str]) -> Flown:
    row, problem = broken
    track = np.array(observer.track or [(0.0, 0.0, 0.0, 0.0)])
    t_s, first = track[:, 0], np.unique(np.floor(track[:, 0]), return_index=True)[1]
    modes = [mode for _, mode in observer.modes[_mode_at(observer, row) :]]
    at = int(np.searchsorted(t_s[first], t_s[row], side="right") - 1) if row >= 0 else -1
    lat, lon, alt = track[first, 1:].T
    return Flown(
        case=case, autopilot="ArduPilot", modes=tuple(modes), lat_deg=lat, lon_deg=lon, alt_m=alt, broken_at=at,
        ended=observer.flew and not observer.armed, problem=problem,
    )  # fmt: skip


def _mode_at(observer: Observer, row: int) -> int:
    before = [k for k, (at, _) in enumerate(observer.modes) if at <= row]
    return before[-1] if before else 0
