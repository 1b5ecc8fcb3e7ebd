"""`vedette sitl vehicle` and `vedette sitl ardupilot`: simulated vehicles that any ground station can fly."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from geo.geodesy import metres_per_degree
from sitl.errors import SitlError
from vedette.commands.screen import RESULTS
from vedette.interruption import answered_by

if TYPE_CHECKING:
    from sitl.vehicle.config import VehicleConfig

APART_M: Final = 10.0
"""How far apart several vehicles stand, in a row to the east."""
PORTS_APART: Final = 10
"""How far apart their TCP ports are, as ArduPilot's own simulator has them."""
MOST: Final = 100
LOOK_S: Final = 0.05


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


def vehicle(
    home: Annotated[str, typer.Option(help="lat,lon,alt_amsl_m,heading of the launch place.")] = "54.05,23.10,140,0",
    dialect: Annotated[str, typer.Option(help="Whose manners it has: ardupilot or px4.")] = "ardupilot",
    airframe: Annotated[str, typer.Option(help="copter or plane; a copter, or what --aircraft is.")] = "",
    aircraft: Annotated[str, typer.Option(help="A planner's type (quad-survey, wing-2m, ...): flies as planned.")] = "",
    count: Annotated[int, typer.Option(min=1, max=MOST, help="How many, each a system id and a port of its own.")] = 1,
    speedup: Annotated[float, typer.Option(help="Simulated seconds per second in the air; 0: as fast as it goes.")] = 1,
    sysid: Annotated[int, typer.Option(help="MAVLink system id, of the first.")] = 1,
    tcp: Annotated[int, typer.Option(help="TCP port of the first, the next 10 on; 0: any free one.")] = 5760,
    udp_out: Annotated[list[str] | None, typer.Option(help="host:port to send to as well (repeatable).")] = None,
    wind: Annotated[str, typer.Option(help="speed_mps,from_deg,gust_mps.")] = "0,0,0",
    param: Annotated[list[str] | None, typer.Option(help="NAME=value to start with (repeatable).")] = None,
    signing_key: Annotated[
        Path | None, typer.Option(help="Key file of 'vedette fly': sign, and believe nothing that is unsigned.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all its noise.")] = 0,
    truth: Annotated[
        Path | None, typer.Option(help="Where to write the true path (.npz); of several NAME-1, ...")
    ] = None,
) -> None:
    """Run simulated vehicles until Ctrl-C.

    Example: vedette sitl vehicle --home 54.05,23.10,140,0 --wind 6,270,1, then connect
    any ground station to tcp:127.0.0.1:5760. With --count 3 they stand 10 m apart at ports 5760, 5770 and 5780.
    """
    from missions.links.signing_key_file import read_key
    from missions.plan_files.dialect import as_dialect
    from sitl.dynamics_power import WindSpec
    from sitl.vehicle.config import Airframe, VehicleConfig

    lat, lon, alt, heading = parse_home(home)
    speed, from_deg, gust = parse_wind(wind)
    if airframe not in ("", *Airframe):
        raise SitlError(f"--airframe is {airframe!r}; use copter or plane")
    config = VehicleConfig(
        home_lat_deg=lat,
        home_lon_deg=lon,
        home_alt_amsl_m=alt,
        heading_deg=heading,
        sysid=sysid,
        dialect=as_dialect(dialect),
        airframe=Airframe(airframe or Airframe.COPTER),
        seed=seed,
        speedup=speedup,
        t0_utc_ns=time.time_ns(),
        tcp_port=tcp,
        udp_out=tuple(udp_out or ()),
        wind=WindSpec(speed_mps=speed, from_deg=from_deg, gust_sigma_mps=gust),
        signing_key_hex="" if signing_key is None else read_key(signing_key).to_hex(),
    )
    if aircraft:
        config = _of_type(config, aircraft, airframe)
    own = [parse_parameter(one) for one in param or ()]
    config = dataclasses.replace(config, parameters=(*config.parameters, *own))
    if count == 1:
        _run_vehicle(config, truth)
    else:
        _run_vehicles([_next_to(config, k) for k in range(count)], truth)


def _of_type(config: VehicleConfig, name: str, airframe: str) -> VehicleConfig:
    from missions.performance.aircraft import find_aircraft
    from sitl.planned import as_aircraft

    made = as_aircraft(config, find_aircraft(name))
    if airframe not in ("", made.airframe):
        raise SitlError(f"--aircraft {name} is a {made.airframe}; leave --airframe out")
    return made


def _next_to(config: VehicleConfig, k: int) -> VehicleConfig:
    """Return the k-th of several vehicles."""
    _, per_lon = metres_per_degree(config.home_lat_deg)
    return dataclasses.replace(
        config,
        sysid=config.sysid + k,
        seed=config.seed + k,
        home_lon_deg=config.home_lon_deg + k * APART_M / float(per_lon),
        tcp_port=config.tcp_port + k * PORTS_APART if config.tcp_port else config.tcp_port,
    )


def _run_vehicle(config: VehicleConfig, truth: Path | None) -> None:
    from sitl.vehicle.runner import Runner

    runner = Runner(config, truth)

    def stop() -> None:
        runner.stopping = True

    _say(config, runner.ports.tcp_port, runner.ports.udp_port)
    RESULTS.print("Ctrl-C stops it")
    with answered_by(stop):
        runner.run()
    if truth is not None:
        RESULTS.print(f"true path written to {truth}")


def _run_vehicles(configs: list[VehicleConfig], truth: Path | None) -> None:
    from sitl.vehicle import start_vehicle

    stopping = threading.Event()
    with contextlib.ExitStack() as stack, answered_by(stopping.set):
        running = []
        for k, config in enumerate(configs, start=1):
            path = truth.with_stem(f"{truth.stem}-{k}") if truth else None
            running.append(stack.enter_context(start_vehicle(config, truth_path=path)))
            _say(config, running[-1].tcp_port, running[-1].udp_port)
        RESULTS.print(f"Ctrl-C stops all {len(running)}")
        while not stopping.wait(LOOK_S):
            ended = [each.config.sysid for each in running if not each.running]
            if ended:
                raise SitlError(f"simulated vehicle {ended[0]} ended by itself; the others are stopped")
        for each in running:
            each.order(do="stop")
    if truth is not None:
        RESULTS.print(f"true paths written to {truth.with_stem(truth.stem + '-1')} and so on")


def _say(config: VehicleConfig, tcp_port: int | None, udp_port: int | None) -> None:
    RESULTS.print(
        f"vehicle {config.sysid} ({config.dialect} {config.airframe}) at tcp:127.0.0.1:{tcp_port} "
        f"and udpout:127.0.0.1:{udp_port}"
    )


def ardupilot(
    home: Annotated[str, typer.Option(help="lat,lon,alt_amsl_m,heading of the launch place.")] = "54.05,23.10,140,0",
    airframe: Annotated[str, typer.Option(help="copter or plane.")] = "copter",
    aircraft: Annotated[str, typer.Option(help="A planner's multirotor, whose mass and top speed it flies with.")] = "",
    speedup: Annotated[float, typer.Option(min=0.1, max=100.0, help="Simulated seconds per second.")] = 1.0,
    instance: Annotated[int, typer.Option(min=0, max=99, help="It listens on TCP 5760 + 10 times this.")] = 0,
    wind: Annotated[str, typer.Option(help="speed_mps,from_deg,gust_mps.")] = "0,0,0",
    param: Annotated[list[str] | None, typer.Option(help="NAME=value to start with (repeatable).")] = None,
    binary: Annotated[
        Path | None, typer.Option(help="Its program (else VEDETTE_ARDUCOPTER, VEDETTE_ARDUPLANE, PATH).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for its log and memory; a temporary one unless given.")
    ] = None,
) -> None:
    """Run a real ArduPilot in its own simulator until Ctrl-C, for any ground station.

    Its program is not part of Vedette: install or build ArduPilot's SITL, and name it.
    Example: vedette sitl ardupilot --airframe plane --home 54.05,23.10,140,0, then connect to tcp:127.0.0.1:5760.
    """
    from missions.performance.aircraft import find_aircraft
    from sitl.ardupilot import find_ardupilot, said_version, start_ardupilot
    from sitl.backend import Launch
    from sitl.planned import multirotor
    from sitl.vehicle.config import Airframe

    lat, lon, alt, heading = parse_home(home)
    speed, from_deg, gust = parse_wind(wind)
    if airframe not in list(Airframe):
        raise SitlError(f"--airframe is {airframe!r}; use copter or plane")
    program = find_ardupilot(Airframe(airframe), binary)
    launch = Launch(lat_deg=lat, lon_deg=lon, alt_amsl_m=alt, heading_deg=heading, instance=instance, speedup=speedup)
    blowing = {"SIM_WIND_SPD": speed, "SIM_WIND_DIR": from_deg, "SIM_WIND_TURB": gust}
    held = {**blowing, **dict(parse_parameter(one) for one in param or ())}
    stopping = threading.Event()
    with tempfile.TemporaryDirectory() as spare:
        folder = out or Path(spare)
        frame = multirotor(find_aircraft(aircraft)) if aircraft else None
        with start_ardupilot(
            launch, folder, airframe=Airframe(airframe), binary=program, parameters=held, frame=frame
        ) as simulator:
            version = said_version(simulator)
            RESULTS.print(f"{version} at {simulator.link_url}, system {instance + 1}; Ctrl-C stops it")
            with answered_by(stopping.set):
                while not stopping.wait(LOOK_S):
                    simulator.require_running()
