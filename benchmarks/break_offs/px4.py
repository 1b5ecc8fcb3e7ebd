"""Break-offs on a real PX4 in its simulation in hardware: what is started, where its truth is, how each cause comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from benchmarks.break_offs.cases import Cause
from benchmarks.break_offs.causes import forbidden, parameters_at
from benchmarks.break_offs.plans import patrol
from benchmarks.break_offs.real import READY_S, fly_and_break
from missions.plan_files.dialect import Dialect, MissionType
from missions.transfer import drive
from missions.transfer.upload import Upload
from sitl.armable import wait_until_armable
from sitl.backend import Launch
from sitl.observer import Observer
from sitl.planned import asked_of, launched_deg
from sitl.px4 import STATION, find_px4, start_px4, truth_view
from sitl.real_parameters import put_parameters
from sitl.vehicle import Airframe

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.break_offs.cases import BreakOff
    from benchmarks.break_offs.flown import Flown
    from missions.links.link import Link
    from missions.transfer.values import Peer

NAME: Final = "PX4"
FLIES_AS: Final = {
    Airframe.COPTER: {"SIH_KDV": 0.3, "MPC_XY_VEL_MAX": 20.0, "MPC_Z_VEL_MAX_UP": 6.0, "MPC_Z_VEL_MAX_DN": 4.0},
    Airframe.PLANE: {"FW_AIRSPD_MAX": 24.0, "FW_AIRSPD_MIN": 12.0},
}  # fmt: skip
"""The simulated quad's drag, N s/m, for with its own 1.0 it is slower than the planned type; and limits about that."""
PATIENT: Final = {"COM_RC_LOSS_T": 20.0}
"""Simulated seconds without sticks; ours come by the wall clock."""
UPLOADING_SPEEDUP: Final = 1.0
"""Its time cannot be slowed in flight, and a fence about the aircraft takes a second of the wall clock to upload."""


def fly(case: BreakOff, folder: Path, *, instance: int = 6, speedup: float = 4.0, **parameters: float) -> Flown:
    """Fly a plan on a real PX4 with what it asks for and break it off.

    Parameters
    ----------
    instance
        Which of its instances, 0 to 9.
    parameters
        Parameters of the vehicle that are other than the plan asks.
    """
    flight = patrol(case.plan)
    sortie = flight.sortie
    airframe = Airframe.PLANE if flight.fixed_wing else Airframe.COPTER
    if case.cause is Cause.POLYGON:
        speedup = UPLOADING_SPEEDUP
    launch = Launch(
        lat_deg=sortie.home_lat_deg, lon_deg=sortie.home_lon_deg, alt_amsl_m=sortie.home_alt_amsl_m, speedup=speedup,
        instance=instance, heading_deg=launched_deg(sortie),
    )  # fmt: skip
    own = {**FLIES_AS[airframe], **PATIENT, **asked_of(sortie), **parameters}
    with start_px4(launch, folder, binary=find_px4(), airframe=airframe) as simulator:
        wait_until_armable(simulator, READY_S)
        put_parameters(simulator.link_url, instance + 1, Dialect.PX4, own)
        observer = Observer(truth_view(instance, sticks=case.cause is Cause.RADIO))

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

        try:
            return fly_and_break(case, simulator.link_url, observer, break_off, NAME)
        finally:
            observer.close()
