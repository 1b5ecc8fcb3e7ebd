"""A real PX4 in its own simulation-in-hardware (SIH) build as the vehicle.

Its program is built elsewhere (`make px4_sitl_sih sihsim_quadx`); PX4 is BSD and no part of this project.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sitl.backend import Launch, Simulator, find_binary

if TYPE_CHECKING:
    from pathlib import Path

    from missions.links.link import Link

STATION_PORT: Final = 14550
"""Where PX4 SITL sends; its instances all send there and differ by system id."""
READY_S: Final = 60.0


def find_px4(option: Path | None = None) -> Path:
    """Return PX4's program: `option`, VEDETTE_PX4, or PATH.

    Raises
    ------
    SitlError
        When there is none.
    """
    return find_binary(["px4"], option=option, variable="VEDETTE_PX4")


def start_px4(launch: Launch, folder: Path, *, binary: Path) -> Simulator:
    """Start an instance of the SIH quadrotor in a run directory of its own."""
    environment = [
        "env",
        "PX4_SIM_MODEL=sihsim_quadx",
        f"PX4_SIM_SPEED_FACTOR={launch.speedup:g}",
        f"PX4_HOME_LAT={launch.lat_deg:.7f}",
        f"PX4_HOME_LON={launch.lon_deg:.7f}",
        f"PX4_HOME_ALT={launch.alt_amsl_m:.2f}",
    ]
    command = [*environment, str(binary), "-d", "-i", str(launch.instance), "-w", str(folder)]
    return Simulator(command, folder, f"udp:127.0.0.1:{STATION_PORT}")


def wait_until_armable(simulator: Simulator, timeout_s: float = READY_S) -> None:
    """Wait until PX4 says it is ready for take-off.

    Raises
    ------
    SitlError
        When it does not within the time.
    """

    def ready(link: Link) -> bool:
        message = link.receive(0.5)
        return message is not None and message.get_type() == "STATUSTEXT" and "Ready for takeoff" in message.text

    simulator.wait_until(ready, timeout_s)
