"""Break-offs on a real ArduPilot: what is started, where its truth is, and how each cause is brought about on it."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from benchmarks.break_offs.cases import Cause
from benchmarks.break_offs.causes import fence_about, parameters_at
from benchmarks.break_offs.plans import patrol
from benchmarks.break_offs.real import READY_S, fly_and_break, launched
from missions.plan_files.dialect import MissionType
from missions.transfer import drive
from missions.transfer.upload import Upload
from sitl.ardupilot import find_ardupilot, patience, start_ardupilot, truth_view
from sitl.armable import wait_until_armable
from sitl.observer import Observer
from sitl.planned import asked_of, multirotor
from sitl.vehicle import Airframe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.break_offs.cases import BreakOff
    from benchmarks.break_offs.flown import Flown
    from benchmarks.break_offs.plans import Patrol
    from missions.links.link import Link
    from missions.transfer.values import Peer
    from sitl.backend import Simulator

NAME: Final = "ArduPilot"
LIGHT: Final = {
    "LOG_BACKEND_TYPE": 0, "LOG_DISARMED": 0, "EK3_IMU_MASK": 1, "TERRAIN_ENABLE": 0,
}  # fmt: skip
"""What makes the simulation cheap and changes nothing of how it flies: no log, one filter."""
SLOWER: Final = {Airframe.COPTER: {"SIM_RATE_HZ": 400, "SCHED_LOOP_RATE": 200}, Airframe.PLANE: {"EK2_ENABLE": 0}}
BROKEN_OFF_S: Final = 20.0
"""Wall seconds, in slow time, within which a breach or a station that fell silent breaks the flight off."""
FENCE_ON: Final = mavlink.MAV_CMD_DO_FENCE_ENABLE


@contextlib.contextmanager
def ready(
    flight: Patrol, folder: Path, *, instance: int, speedup: float, **parameters: float
) -> Iterator[tuple[Simulator, Observer]]:
    """Start a real ArduPilot at a plan's launch site, set to what the plan asks, and look on.

    Parameters
    ----------
    instance
        Which of the simulator's ports it uses.
    parameters
        Parameters of the vehicle that are other than the plan asks.
    """
    airframe = Airframe.PLANE if flight.fixed_wing else Airframe.COPTER
    own = {**LIGHT, **SLOWER[airframe], **_rates(flight), **asked_of(flight.sortie), **parameters}
    launch, binary = launched(flight, instance, speedup), find_ardupilot(airframe)
    frame = None if flight.fixed_wing else multirotor(flight.subject.aircraft)
    with start_ardupilot(launch, folder, airframe=airframe, binary=binary, parameters=own, frame=frame) as simulator:
        wait_until_armable(simulator, READY_S)
        with contextlib.closing(Observer(truth_view(instance))) as observer:
            yield simulator, observer


def _rates(flight: Patrol) -> dict[str, float]:
    """Return what keeps the simulator's plane, which climbs and sinks with 5 m/s, to the rates of the planned type."""
    aircraft = flight.subject.aircraft
    rates = {"TECS_CLMB_MAX": aircraft.climb_mps, "TECS_SINK_MAX": aircraft.descent_mps}
    return rates if flight.fixed_wing else {}


def fly(case: BreakOff, folder: Path, *, instance: int = 6, speedup: float = 10.0, **parameters: float) -> Flown:
    """Fly a plan on a real ArduPilot with what it asks for and break it off; see `ready`."""
    flight = patrol(case.plan)
    airframe = Airframe.PLANE if flight.fixed_wing else Airframe.COPTER
    with ready(flight, folder, instance=instance, speedup=speedup, **parameters) as (simulator, observer):

        def break_off(link: Link, peer: Peer) -> bool:
            if case.cause is Cause.POLYGON:
                with _slowly(observer, speedup):
                    _put_fence_about(link, observer, peer)
            elif case.cause is Cause.LINK:
                with _slowly(observer, speedup):
                    observer.put(patience(airframe, 1.0))
                    link.close()
            elif case.cause is Cause.RADIO:  # a plane waits for its sticks as long as for its station: now as outside
                with _slowly(observer, speedup):
                    observer.put(patience(airframe, 1.0))
                    _break(case.cause, flight, observer)
            else:
                _break(case.cause, flight, observer)
            return case.cause is not Cause.LINK

        return fly_and_break(case, simulator.link_url, observer, break_off, NAME)


def _break(cause: Cause, flight: Patrol, observer: Observer) -> None:
    observer.put(parameters_at(cause, flight, observer.track[-1][1:]))
    if cause is Cause.RADIO:
        observer.put({"SIM_RC_FAIL": 1.0})
    if cause in (Cause.CEILING, Cause.CIRCLE):  # one that is new in flight counts once switched on
        observer.command(FENCE_ON, 1)


@contextlib.contextmanager
def _slowly(observer: Observer, speedup: float) -> Iterator[None]:
    """Let its time run no faster than ours, until what was done in it has broken the flight off."""
    observer.put({"SIM_SPEEDUP": 1.0})
    before = len(observer.modes)
    yield
    until = time.monotonic() + BROKEN_OFF_S
    while len(observer.modes) == before and time.monotonic() < until:
        time.sleep(0.1)
    observer.put({"SIM_SPEEDUP": speedup})


def _put_fence_about(link: Link, observer: Observer, peer: Peer) -> None:
    """Forbid the air about the aircraft: a fence takes a second of the wall clock to upload."""
    _, lat, lon, _ = observer.track[-1]
    machine = Upload(fence_about(lat, lon), peer, MissionType.FENCE)
    drive(machine, link)
    report = machine.report()
    if not report.uploaded:
        raise RuntimeError(f"the fence about the aircraft was not taken: {report.message}")
    observer.command(FENCE_ON, 1)
