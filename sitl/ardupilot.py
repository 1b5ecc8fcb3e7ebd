"""A real ArduPilot SITL as the vehicle: found, and started at a place with its parameters set.

Its program is built elsewhere (ArduPilot is GPL and no part of this project).
"""

from __future__ import annotations

import json
import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.failsafes.reading import both_generations
from missions.plan_files.dialect import Dialect
from sitl.backend import Launch, Simulator, find_binary, waits_s
from sitl.free_instance import free_instance
from sitl.observer import View
from sitl.vehicle.config import Airframe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from missions.links.link import Link
    from missions.transfer.values import Message
    from sitl.dynamics import Multirotor

BASE_PORT: Final = 5760
PORTS_APART: Final = 10
"""Instance N listens on TCP 5760 + 10 N (ArduPilot SITL)."""
MOST_INSTANCES: Final = 100
MODELS: Final = {Airframe.COPTER: ("arducopter", "quad"), Airframe.PLANE: ("arduplane", "plane")}
DEFAULTS: Final = {Airframe.COPTER: "default_params/copter.parm", Airframe.PLANE: "models/plane.parm"}
"""Its files of frame and calibration, in ``Tools/autotest``."""
TIMERS: Final = {
    Airframe.COPTER: {"FS_GCS_TIMEOUT": (5.0, 120.0), "DISARM_DELAY": (10.0, 127.0)},
    Airframe.PLANE: {"FS_LONG_TIMEOUT": (5.0, 300.0)},
}  # fmt: skip
"""What waits for a ground station: its default and its largest value, simulated seconds (ArduPilot's own list)."""
FRAME: Final = "frame.json"
LEAN_DEG: Final = 30.0
"""How far an ArduCopter leans by default, ``ANGLE_MAX``."""
PACK_V: Final = 12.6
"""Volts of its simulated pack, whatever the aircraft's own has (``SIM_Frame.h``)."""
VERSION: Final = re.compile(r"Ardu\w+ V")
ASK_EVERY_S: Final = 2.0
BOOT_S: Final = 60.0
OWN_PARAMETERS: Final = "vedette.parm"
"""The file of the run directory that holds what is set before the boot."""


def find_ardupilot(airframe: Airframe = Airframe.COPTER, option: Path | None = None) -> Path:
    """Return the program of an airframe: `option`, VEDETTE_ARDUCOPTER / VEDETTE_ARDUPLANE, or PATH.

    Raises
    ------
    SitlError
        When there is none.
    """
    name = MODELS[airframe][0]
    return find_binary([name], option=option, variable=f"VEDETTE_{name.upper()}")


def find_defaults(airframe: Airframe, binary: Path) -> tuple[str, ...]:
    """Return the files that give the simulator its frame and calibration, none where no such file is found.

    VEDETTE_ARDUPILOT_DEFAULTS names the parameter files (comma-separated), or ArduPilot's folder ``Tools/autotest``
    that holds those of both airframes; else it is that of the source tree that the program was built in.
    """
    named = os.environ.get("VEDETTE_ARDUPILOT_DEFAULTS", "")
    folders = [parent / "Tools" / "autotest" for parent in binary.resolve().parents]
    if Path(named).is_dir():
        named, folders = "", [Path(named).resolve()]
    beside = next((f / DEFAULTS[airframe] for f in folders if (f / DEFAULTS[airframe]).is_file()), None)
    return (named,) if named else (str(beside),) if beside else ()


def patience(airframe: Airframe, speedup: float) -> dict[str, float]:
    """Return its timers for a station that counts wall seconds: in fast time its own end between two heartbeats."""
    return {name: waits_s(usual, most, speedup) for name, (usual, most) in TIMERS[airframe].items()}


def free_ardupilot() -> AbstractContextManager[int]:
    """Take the first instance that nobody runs on this machine."""
    return free_instance("ardupilot", MOST_INSTANCES, _ports)


def _ports(instance: int) -> list[tuple[socket.SocketKind, int]]:
    first = BASE_PORT + PORTS_APART * instance
    return [(socket.SOCK_STREAM, first + n) for n in (0, 2, 3)]


def tools_url(instance: int) -> str:
    """Return where a second client reaches an instance: each of its ports takes one."""
    return f"tcp:127.0.0.1:{BASE_PORT + PORTS_APART * instance + 3}"


def truth_view(instance: int) -> View:
    """Return where an instance's true position is looked at: SIM_STATE on its second port."""
    return View(
        url=f"tcp:127.0.0.1:{BASE_PORT + PORTS_APART * instance + 2}", system=instance + 1, dialect=Dialect.ARDUPILOT,
        message_id=mavlink.MAVLINK_MSG_ID_SIM_STATE, place=_true_place,
    )  # fmt: skip


def _true_place(message: Message) -> tuple[float, float, float]:
    return message.lat_int / 1e7, message.lon_int / 1e7, message.alt


def start_ardupilot(
    launch: Launch,
    folder: Path,
    *,
    airframe: Airframe,
    binary: Path,
    parameters: Mapping[str, float] | None = None,
    frame: Multirotor | None = None,
) -> Simulator:
    """Start an instance in a run directory of its own.

    It holds still until its first client connects; `sitl.armable.wait_until_armable` is that client.

    Parameters
    ----------
    parameters
        What is set before it boots, under names of either generation; on top of its frame's defaults and of timers
        that fit the speed of its time.
    frame
        A multirotor whose mass and top speed it flies with; the simulator's own flies 11 m/s, and more blows it away.
    """
    folder.mkdir(parents=True, exist_ok=True)
    own = folder / OWN_PARAMETERS
    values = both_generations({**patience(airframe, launch.speedup), **(parameters or {})})
    own.write_text("".join(f"{name} {value:g}\n" for name, value in values.items()), encoding="ascii")
    defaults = ",".join([*find_defaults(airframe, binary), str(own.resolve())])
    home = f"{launch.lat_deg:.7f},{launch.lon_deg:.7f},{launch.alt_amsl_m:.2f},{launch.heading_deg:.1f}"
    command = [
        str(binary),
        *("--model", _model(airframe, frame, folder)),
        *("--home", home),
        *("--speedup", f"{launch.speedup:g}"),
        *("--instance", str(launch.instance)),
        *("--sysid", str(launch.instance + 1)),
        "--wipe",
        *("--defaults", defaults),
    ]
    port = BASE_PORT + PORTS_APART * launch.instance
    return Simulator(command, folder, f"tcp:127.0.0.1:{port}")


def _model(airframe: Airframe, frame: Multirotor | None, folder: Path) -> str:
    """Return the simulator's model, with a file of the frame's own numbers where there is one."""
    model = MODELS[airframe][1]
    if frame is None or airframe is not Airframe.COPTER:
        return model
    numbers = {"mass": frame.mass_kg, "refSpd": frame.top_airspeed_mps, "refAngle": LEAN_DEG}
    (folder / FRAME).write_text(json.dumps(numbers), encoding="ascii")
    return f"{model}:{FRAME}"


class _Banner:
    """Waits for the first line of what an ArduPilot says when asked who it is."""

    def __init__(self) -> None:
        self.version = ""
        self._asked_s = -ASK_EVERY_S

    def __call__(self, link: Link) -> bool:
        if link.clock() - self._asked_s >= ASK_EVERY_S:
            self._asked_s = link.clock()
            link.send(mavlink.MAVLink_command_long_message(0, 0, mavlink.MAV_CMD_DO_SEND_BANNER, 0, *[0.0] * 7))
        message = link.receive(0.2)
        if message is not None and message.get_type() == "STATUSTEXT" and VERSION.match(message.text):
            self.version = message.text
        return bool(self.version)


def said_version(simulator: Simulator) -> str:
    """Return the name and version that a started ArduPilot says.

    Raises
    ------
    SitlError
        When it ends, or says nothing in time.
    """
    banner = _Banner()
    simulator.wait_until(banner, BOOT_S)
    return banner.version
