"""`vedette sitl`: simulated vehicles."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from sitl.errors import SitlError

if TYPE_CHECKING:
    from types import FrameType

    from sitl.vehicle.config import VehicleConfig

app = typer.Typer(help="Simulated vehicles and scenarios.", no_args_is_help=True)


def parse_home(text: str) -> tuple[float, float, float, float]:
    """Read "lat,lon,alt,heading" (height above mean sea level in metres; the last two may be left out).

    Raises
    ------
    SitlError
        When it is not two to four numbers.
    """
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if not 2 <= len(numbers) <= 4:
        raise SitlError(f"--home is {text!r}; write lat,lon,alt_amsl_m,heading, for example 54.05,23.10,140,0")
    lat, lon, alt, heading = [*numbers, *[0.0] * (4 - len(numbers))]
    return lat, lon, alt, heading


def parse_parameter(text: str) -> tuple[str, float]:
    """Read "NAME=value".

    Raises
    ------
    SitlError
        When it is something else.
    """
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise SitlError(f"--param is {text!r}; write NAME=number, for example WPNAV_SPEED=1500") from None


def parse_wind(text: str) -> tuple[float, float, float]:
    """Read "speed,from[,gust sigma]" in m/s and degrees.

    Raises
    ------
    SitlError
        When it is not two or three numbers.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not 2 <= len(numbers) <= 3:
        raise SitlError(f"--wind is {text!r}; write speed_mps,from_deg,gust_mps, for example 8,270,1.5")
    speed, from_deg, gust = [*numbers, *[0.0] * (3 - len(numbers))]
    return speed, from_deg, gust


@app.callback()
def main() -> None:
    """Run simulated vehicles and scenarios."""


@app.command()
def vehicle(
    home: Annotated[str, typer.Option(help="lat,lon,alt_amsl_m,heading of the launch place.")] = "54.05,23.10,140,0",
    dialect: Annotated[str, typer.Option(help="Whose manners it has: ardupilot or px4.")] = "ardupilot",
    airframe: Annotated[str, typer.Option(help="copter or plane.")] = "copter",
    speedup: Annotated[float, typer.Option(help="Simulated seconds per second in the air; 0: as fast as it goes.")] = 1,
    sysid: Annotated[int, typer.Option(help="MAVLink system id.")] = 1,
    tcp: Annotated[int, typer.Option(help="TCP port to listen on; 0: any free one.")] = 5760,
    udp_out: Annotated[list[str] | None, typer.Option(help="host:port to send to as well (repeatable).")] = None,
    wind: Annotated[str, typer.Option(help="speed_mps,from_deg,gust_mps.")] = "0,0,0",
    param: Annotated[list[str] | None, typer.Option(help="NAME=value to start with (repeatable).")] = None,
    seed: Annotated[int, typer.Option(help="Seed of all its noise.")] = 0,
    truth: Annotated[Path | None, typer.Option(help="Where to write the true path (.npz).")] = None,
) -> None:
    """Run one simulated vehicle until Ctrl-C.

    Example: vedette sitl vehicle --home 54.05,23.10,140,0 --wind 6,270,1, then connect
    any ground station to tcp:127.0.0.1:5760.
    """
    from missions.dialect import as_dialect
    from sitl.dynamics_power import WindSpec
    from sitl.vehicle.config import Airframe, VehicleConfig

    lat, lon, alt, heading = parse_home(home)
    speed, from_deg, gust = parse_wind(wind)
    if airframe not in list(Airframe):
        raise SitlError(f"--airframe is {airframe!r}; use copter or plane")
    config = VehicleConfig(
        home_lat_deg=lat,
        home_lon_deg=lon,
        home_alt_amsl_m=alt,
        heading_deg=heading,
        sysid=sysid,
        dialect=as_dialect(dialect),
        airframe=Airframe(airframe),
        seed=seed,
        speedup=speedup,
        tcp_port=tcp,
        udp_out=tuple(udp_out or ()),
        wind=WindSpec(speed_mps=speed, from_deg=from_deg, gust_sigma_mps=gust),
        parameters=tuple(parse_parameter(one) for one in param or ()),
    )
    _run_vehicle(config, truth)


def _run_vehicle(config: VehicleConfig, truth: Path | None) -> None:
    from sitl.vehicle.runner import Runner

    runner = Runner(config, truth)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        runner.stopping = True

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, stop)
    console = Console()
    console.print(
        f"vehicle {config.sysid} ({config.dialect} {config.airframe}) at tcp:127.0.0.1:{runner.ports.tcp_port} "
        f"and udpout:127.0.0.1:{runner.ports.udp_port}; Ctrl-C stops it"
    )
    runner.run()
    if truth is not None:
        console.print(f"true path written to {truth}")
