"""Break-offs on a real PX4 in its simulation in hardware: what is started, where its truth is, how each cause comes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from benchmarks.break_offs.cases import Cause
from benchmarks.break_offs.causes import forbidden, parameters_at
from benchmarks.break_offs.plans import patrol
from benchmarks.break_offs.real import READY_S, fly_and_break, launched
from missions.plan_files.dialect import Dialect, MissionType
from missions.transfer import drive
from missions.transfer.upload import Upload
from sitl.armable import wait_until_armable
from sitl.observer import Observer
from sitl.planned import asked_of
from sitl.px4 import FLIES_AS, STATION, find_px4, start_px4, truth_view
from sitl.real_parameters import put_parameters
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

NAME: Final = "PX4"
PATIENT: Final = {"COM_RC_LOSS_T": 20.0}
"""Simulated seconds without sticks; ours come by the wall clock."""
UPLOADING_SPEEDUP: Final = 1.0
"""Its time cannot be slowed in flight, and a fence about the aircraft takes a second of the wall clock to upload."""


@contextlib.contextmanager
def ready(
    flight: Patrol, folder: Path, *, instance: int, speedup: float, sticks: bool = False, **parameters: float
) -> Iterator[tuple[Simulator, Observer]]:
    """Start a real PX4 at a plan's launch site, set to what the plan asks, and look on.

    Parameters
    ----------
    instance
        Which of its instances, 0 to 9.
    sticks
        Whether a pilot holds the sticks, centred.
    parameters
        Parameters of the vehicle that are other than the plan asks.
    """
    airframe = Airframe.PLANE if flight.fixed_wing else Airframe.COPTER
    own = {**FLIES_AS[airframe], **PATIENT, **asked_of(flight.sortie), **parameters}
    launch = launched(flight, instance, speedup)
    with start_px4(launch, folder, binary=find_px4(), airframe=airframe) as simulator:
        wait_until_armable(simulator, READY_S)
        put_parameters(simulator.link_url, instance + 1, Dialect.PX4, own)
        with contextlib.closing(Observer(truth_view(instance, sticks=sticks))) as observer:
            yield simulator, observer


def fly(case: BreakOff, folder: Path, *, instance: int = 6, speedup: float = 4.0, **parameters: float) -> Flown:
    """Fly a plan on a real PX4 with what it asks for and break it off; see `ready`."""
    flight = patrol(case.plan)
    if case.cause is Cause.POLYGON:
        speedup = UPLOADING_SPEEDUP
    sticks = case.cause is Cause.RADIO
    with ready(flight, folder, instance=instance, speedup=speedup, sticks=sticks, **parameters) as (
        simulator,
        observer,
    ):

        def break_off(link: Link, peer: Peer) -> bool:
            if case.cause is Cause.POLYGON:
                machine = Upload(forbidden(case, flight, observer.track[-1][1:3]), peer, MissionType.FENCE)
                drive(machine, link)
                report = machine.report()
                if not report.uploaded:
                    raise RuntimeError(f"the fence about the aircraft was not taken: {report.message}")
            elif case.cause is Cause.LINK:  # the wait it has outside: in fast time it is given a longer one
                observer.put(dict([STATION[:2]]), mavlink.MAV_PARAM_TYPE_INT32)
            observer.put(parameters_at(case.cause, flight, observer.track[-1][1:]))
            observer.sticks = False
            return case.cause is not Cause.LINK

        return fly_and_break(case, simulator.link_url, observer, break_off, NAME)
