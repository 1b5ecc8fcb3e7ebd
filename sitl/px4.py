"""A real PX4 in its own simulation-in-hardware (SIH) build as the vehicle.

Its program is built elsewhere (`make px4_sitl_sih`); PX4 is BSD and no part of this project.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.plan_files.dialect import Dialect
from sitl.backend import Launch, Simulator, find_binary, waits_s
from sitl.errors import SitlError
from sitl.free_instance import free_instance
from sitl.observer import View
from sitl.vehicle.config import Airframe

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from missions.transfer.values import Message

LINK_PORT: Final = 14030
"""Instance N sends to UDP 14030 + N and answers whoever listens there (PX4's ``px4-rc.mavlink``); the port for ground
stations keeps to the first that calls."""
MOST_INSTANCES: Final = 10
"""From the eleventh on they share one port."""
STATION_PORT: Final = 18570
"""Where instance N listens for a ground station, with N added (the same)."""
TRUTH_PORT: Final = 19410
"""Where instance N sends its true state, HIL_STATE_QUATERNION, with N added (the same)."""
MODELS: Final = {Airframe.COPTER: "sihsim_quadx", Airframe.PLANE: "sihsim_airplane"}
QUIET: Final = {"SDLOG_MODE": -1.0, "SIM_BAT_DRAIN": 86_400.0, "SIM_BAT_MIN_PCT": 0.0}
"""No log on the disk; a battery that falls as slowly as it can, for what uses it up is not simulated there."""

KEPT: Final = ("dataman", "parameters.bson", "parameters_backup.bson")
"""What an instance leaves in its run directory and takes up again: its mission with the item it was at, and parameters.

An upload of the same mission changes nothing for it, and it says that it has none."""
FLIES_AS: Final = {
    Airframe.COPTER: {"SIH_KDV": 0.3, "MPC_XY_VEL_MAX": 20.0, "MPC_Z_VEL_MAX_UP": 6.0, "MPC_Z_VEL_MAX_DN": 4.0},
    Airframe.PLANE: {"SIH_KDV": 0.05, "FW_AIRSPD_MAX": 24.0, "FW_AIRSPD_MIN": 12.0},
}  # fmt: skip
"""The simulated aircraft's drag, N s/m, for with their own (1.0 and 0.2) they are slower than what flies for real, the
plane with all its thrust 14.4 m/s; and limits about that."""
STATION: Final = ("COM_DL_LOSS_T", 10.0, 300.0)
"""How long it waits for a ground station: its default and its largest value, simulated seconds."""


def find_px4(option: Path | None = None) -> Path:
    """Return PX4's program: `option`, VEDETTE_PX4, or PATH.

    Raises
    ------
    SitlError
        When there is none.
    """
    return find_binary(["px4"], option=option, variable="VEDETTE_PX4")


def find_etc(binary: Path) -> Path:
    """Return PX4's folder of start scripts: VEDETTE_PX4_ETC, or ``etc`` beside the folder of its program.

    Raises
    ------
    SitlError
        When there is none.
    """
    named = os.environ.get("VEDETTE_PX4_ETC", "")
    folder = Path(named) if named else binary.resolve().parent.parent / "etc"
    if not (folder / "init.d-posix" / "rcS").is_file():
        raise SitlError(f"{folder} holds no start scripts of PX4; set VEDETTE_PX4_ETC to its build's etc folder")
    return folder.resolve()


def free_px4() -> AbstractContextManager[int]:
    """Take the first instance that nobody runs on this machine."""
    return free_instance("px4", MOST_INSTANCES, _ports)


def _ports(instance: int) -> list[tuple[socket.SocketKind, int]]:
    return [(socket.SOCK_DGRAM, port + instance) for port in (STATION_PORT, TRUTH_PORT, LINK_PORT)]


def tools_url(instance: int) -> str:
    """Return where a second client reaches an instance: its port for ground stations."""
    return f"udpout:127.0.0.1:{STATION_PORT + instance}"


def truth_view(instance: int, *, sticks: bool = False) -> View:
    """Return where an instance's true position is looked at, and whether the sticks are held there."""
    return View(
        url=f"udpin:127.0.0.1:{TRUTH_PORT + instance}", system=instance + 1, dialect=Dialect.PX4,
        message_id=mavlink.MAVLINK_MSG_ID_HIL_STATE_QUATERNION, place=_true_place, sticks=sticks,
    )  # fmt: skip


def _true_place(message: Message) -> tuple[float, float, float]:
    return message.lat / 1e7, message.lon / 1e7, message.alt / 1e3


def start_px4(launch: Launch, folder: Path, *, binary: Path, airframe: Airframe = Airframe.COPTER) -> Simulator:
    """Start an instance in a run directory of its own, which knows nothing of an earlier run there.

    What it is to be set to is set once it is up (`sitl.real_parameters`): its start scripts replace values that are
    the firmware's own defaults by those of the airframe.

    Raises
    ------
    SitlError
        When its start scripts are missing, or no link is left for one more instance.
    """
    if launch.instance >= MOST_INSTANCES:
        raise SitlError(f"PX4 has links for {MOST_INSTANCES} instances (0 to 9); {launch.instance} is none of them")
    name, usual, most = STATION
    own = {**QUIET, name: waits_s(usual, most, launch.speedup)}
    environment = [
        "env",
        f"PX4_SIM_MODEL={MODELS[airframe]}",
        f"PX4_SIM_SPEED_FACTOR={launch.speedup:g}",
        f"PX4_HOME_LAT={launch.lat_deg:.7f}",
        f"PX4_HOME_LON={launch.lon_deg:.7f}",
        f"PX4_HOME_ALT={launch.alt_amsl_m:.2f}",
        *(f"PX4_PARAM_{name}={value:.9g}" for name, value in own.items()),
    ]
    run = folder.resolve()
    for name in KEPT:
        (run / name).unlink(missing_ok=True)
    command = [*environment, str(binary), "-d", "-i", str(launch.instance), "-w", str(run), str(find_etc(binary))]
    return Simulator(command, folder, f"udp:127.0.0.1:{LINK_PORT + launch.instance}")
