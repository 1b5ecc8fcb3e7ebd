"""Break-offs on the embedded vehicle, stepped as fast as it goes, without sockets."""

from __future__ import annotations

import math
import multiprocessing
import warnings
from typing import TYPE_CHECKING, Final

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from benchmarks.break_offs.cases import BreakOff, Cause
from benchmarks.break_offs.causes import forbidden, parameters_of
from benchmarks.break_offs.flown import Flown
from benchmarks.break_offs.moment import Moment
from benchmarks.break_offs.plans import Patrol, patrol
from missions.plan_files.dialect import Dialect, MissionType, wire_items
from sitl.dynamics import offset_m
from sitl.planned import planned_vehicle
from sitl.vehicle.modes import Mode
from sitl.vehicle.streams import DEFAULT_INTERVAL_S
from sitl.vehicle.vehicle import STEP_S, Vehicle
from sitl.vehicle.wire import WireItem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from missions.plan import MissionItem

PER_SECOND: Final = round(1.0 / STEP_S)
LONGEST_S: Final = 2400.0
ENDED_S: Final = 10.0
CIRCLING_S: Final = 300.0
"""A fixed wing that circles over its end so long has arrived."""


def wire(items: Iterable[MissionItem]) -> list[WireItem]:
    """Return items as they come over a link."""
    return [
        WireItem(
            seq=i.seq, command=i.command, frame=i.frame, p1=i.p1, p2=i.p2, p3=i.p3, p4=i.p4,
            x=round(np.nan_to_num(i.lat_deg) * 1e7), y=round(np.nan_to_num(i.lon_deg) * 1e7), z=i.alt_m,
        )
        for i in items
    ]  # fmt: skip


class _Flight:
    """A plan being flown, second by second."""

    def __init__(self, plan: str, parameters: dict[str, float]) -> None:
        self.planned = patrol(plan)
        self.vehicle = _ready(self.planned, parameters)
        self.start_s = self.vehicle.t_s
        self.track: list[tuple[float, float, float]] = []
        self.modes: list[str] = []

    @property
    def flown_s(self) -> float:
        return self.vehicle.t_s - self.start_s

    @property
    def goes_on(self) -> bool:
        return self.vehicle.autopilot.armed and self.flown_s < LONGEST_S

    def second(self, *, heard: bool = True, broken: bool = False) -> None:
        """Fly one second, with a ground station that is heard or not."""
        if heard:
            _heartbeat(self.vehicle)
        for _ in range(PER_SECOND):
            self.vehicle.step()
            if broken:
                _note(self.modes, self.vehicle)
        state = self.vehicle.state
        self.track.append((state.lat_deg, state.lon_deg, state.alt_amsl_m))

    def come(self, moment: Moment) -> bool:
        state = self.vehicle.state
        return moment.come(state.lat_deg, state.lon_deg, self.flown_s)

    def broken_off(self, case: BreakOff, planned_s: float) -> Flown:
        """Break the flight off here and fly what the vehicle makes of it."""
        broken_at, broken_s = len(self.track) - 1, self.vehicle.t_s
        _break(case, self.vehicle, self.planned)
        while self.goes_on:
            self.second(heard=case.cause is not Cause.LINK, broken=True)
            if self.planned.fixed_wing and self.vehicle.t_s - broken_s > CIRCLING_S + planned_s:
                break
        return self.flown(case, broken_at)

    def flown(self, case: BreakOff, broken_at: int) -> Flown:
        lat, lon, alt = np.array(self.track).T
        return Flown(
            case=case, autopilot="embedded", modes=tuple(self.modes), lat_deg=lat, lon_deg=lon, alt_m=alt,
            broken_at=broken_at, ended=not self.vehicle.autopilot.armed,
        )  # fmt: skip


def fly(case: BreakOff, **parameters: float) -> Flown:
    """Fly a plan with what it asks for and break it off.

    Parameters
    ----------
    parameters
        Parameters of the vehicle that are other than the plan asks.
    """
    flight, moment = _Flight(case.plan, parameters), Moment(case)
    while flight.goes_on:
        flight.second()
        if flight.come(moment):
            return flight.broken_off(case, moment.planned_s)
    return flight.flown(case, -1)


def fly_each(cases: Sequence[BreakOff]) -> Iterator[Flown]:
    """Fly the plan of some cases once, and break it off at each one's moment in a copy of this process.

    What comes out is what `fly` gives for each of them: the copy has everything the vehicle had, its noise too. The
    way there is flown once for all of them.
    """
    flight = _Flight(cases[0].plan, {})
    waiting = {case: Moment(case) for case in cases}
    while waiting and flight.goes_on:
        flight.second()
        for case in [case for case, moment in waiting.items() if flight.come(moment)]:
            yield _in_a_copy(flight, case, waiting.pop(case).planned_s)
    for case in waiting:
        yield flight.flown(case, -1)


def _in_a_copy(flight: _Flight, case: BreakOff, planned_s: float) -> Flown:
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    copy = context.Process(target=lambda: there.send(flight.broken_off(case, planned_s)))
    with warnings.catch_warnings():  # of threads beside, from Python 3.12 on: the copy steps a vehicle, no more
        warnings.simplefilter("ignore", DeprecationWarning)
        copy.start()
    there.close()
    try:
        flown: Flown = here.recv()
    finally:
        copy.join(timeout=ENDED_S)
        copy.kill()
        here.close()
    return flown


def _ready(flight: Patrol, parameters: dict[str, float]) -> Vehicle:
    vehicle = Vehicle(planned_vehicle(flight.brief, flight.sortie), lambda message, to: None)
    for kind in DEFAULT_INTERVAL_S:
        vehicle.streams.set_interval(kind, -1.0)  # nobody listens
    for name, value in {"FENCE_ENABLE": 1.0, **parameters}.items():
        if flight.dialect is not Dialect.PX4 or name != "FENCE_ENABLE":
            vehicle.parameters.put(name, value)
            vehicle.parameter_changed(name)
    vehicle.step()
    vehicle.servers[MissionType.MISSION].items = wire(wire_items(flight.sortie, flight.dialect))
    vehicle.servers[MissionType.FENCE].items = wire(flight.sortie.fence)
    vehicle.servers[MissionType.RALLY].items = wire(flight.sortie.rally)
    if not (
        vehicle.autopilot.set_mode(Mode.AUTO)
        and vehicle.autopilot.arm(force=True)
        and vehicle.autopilot.start_mission()
    ):
        raise RuntimeError("the embedded vehicle does not start its mission")
    return vehicle


def _heartbeat(vehicle: Vehicle) -> None:
    """Be heard as a ground station, on the simulation's own clock."""
    vehicle.tick(vehicle.t_s)
    vehicle.handle(mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_GCS, 8, 0, 0, 4, 3))


def _note(modes: list[str], vehicle: Vehicle) -> None:
    mode = str(vehicle.autopilot.mode)
    if not modes or modes[-1] != mode:
        modes.append(mode)


def _break(case: BreakOff, vehicle: Vehicle, flight: Patrol) -> None:
    cause = case.cause
    state, home = vehicle.state, vehicle.autopilot.home
    away_m = math.hypot(*offset_m(home.lat_deg, home.lon_deg, state.lat_deg, state.lon_deg))
    height_m = state.alt_amsl_m - home.alt_amsl_m
    if cause is Cause.LINK:
        vehicle.faults.cut_since_s = vehicle.t_s
    elif cause is Cause.RADIO:
        vehicle.faults.radio_lost_since_s = vehicle.t_s
    elif cause is Cause.POLYGON:
        vehicle.servers[MissionType.FENCE].items = wire(forbidden(case, flight, (state.lat_deg, state.lon_deg)))
    for name, value in parameters_of(cause, flight, away_m=away_m, height_m=height_m).items():
        vehicle.parameters.put(name, value)
        vehicle.parameter_changed(name)
