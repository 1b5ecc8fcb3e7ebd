"""Break-offs on the embedded vehicle, stepped as fast as it goes, without sockets."""

from __future__ import annotations

import math
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
from sitl.vehicle.vehicle import STEP_S, Vehicle
from sitl.vehicle.wire import WireItem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from missions.plan import MissionItem

PER_SECOND: Final = round(1.0 / STEP_S)
LONGEST_S: Final = 2400.0
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


def fly(case: BreakOff, **parameters: float) -> Flown:
    """Fly a plan with what it asks for and break it off.

    Parameters
    ----------
    parameters
        Parameters of the vehicle that are other than the plan asks.
    """
    flight = patrol(case.plan)
    vehicle = _ready(flight, parameters)
    moment = Moment(case)
    track: list[tuple[float, float, float]] = []
    modes: list[str] = []
    broken_at, start_s, broken_s = -1, vehicle.t_s, math.inf
    while vehicle.autopilot.armed and vehicle.t_s - start_s < LONGEST_S:
        if broken_at < 0 or case.cause is not Cause.LINK:
            _heartbeat(vehicle)
        for _ in range(PER_SECOND):
            vehicle.step()
            _note(modes, vehicle, broken=broken_at >= 0)
        state = vehicle.state
        track.append((state.lat_deg, state.lon_deg, state.alt_amsl_m))
        if broken_at < 0 and moment.come(state.lat_deg, state.lon_deg, vehicle.t_s - start_s):
            broken_at, broken_s = len(track) - 1, vehicle.t_s
            _break(case, vehicle, flight)
        if flight.fixed_wing and vehicle.t_s - broken_s > CIRCLING_S + moment.planned_s:
            break
    lat, lon, alt = np.array(track).T
    ended = not vehicle.autopilot.armed
    return Flown(
        case=case, autopilot="embedded", modes=tuple(modes), lat_deg=lat, lon_deg=lon, alt_m=alt, broken_at=broken_at,
        ended=ended,
    )  # fmt: skip


def _ready(flight: Patrol, parameters: dict[str, float]) -> Vehicle:
    vehicle = Vehicle(planned_vehicle(flight.brief, flight.sortie), lambda message, to: None)
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


def _note(modes: list[str], vehicle: Vehicle, *, broken: bool) -> None:
    mode = str(vehicle.autopilot.mode)
    if broken and (not modes or modes[-1] != mode):
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
