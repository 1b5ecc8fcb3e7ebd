"""Who flies a scenario: the embedded vehicle, or a real autopilot in its own simulator."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any, Final, Protocol

from missions.links.link import Station, open_link
from missions.plan_files.dialect import Dialect
from sitl.dynamics_power import BatterySpec, WindSpec
from sitl.errors import ScenarioError
from sitl.real_faults import cannot_have
from sitl.scenarios.scenario_real import Backend, start_real
from sitl.scenarios.scenario_sortie import default_parameters
from sitl.vehicle import SensorNoise, VehicleConfig, start_vehicle
from sitl.vehicle.truth_file import read_truth

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from numpy.typing import NDArray

    from missions.links.link import Link
    from missions.links.tlog_file import TlogRecorder
    from sitl.scenarios.scenario import Scenario, VehicleTable
    from sitl.vehicle import VehicleProcess

TOOL_STATION: Final = 250
"""System id of tools beside the ground station."""
ANSWER_S: Final = 5.0
NOISE: Final = SensorNoise(gps_h_m=1.0, gps_v_m=1.5, yaw_deg=1.0, tilt_deg=0.3)
"""A GNSS receiver with SBAS and a magnetometer."""


def config_of(scenario: Scenario, vehicle: VehicleTable, number: int, t0_utc_ns: int) -> VehicleConfig:
    """Return the embedded vehicle's configuration for one of a scenario's aircraft."""
    lat, lon = scenario.origin.lat_lon(vehicle.home_m)
    weather = scenario.weather
    return VehicleConfig(
        home_lat_deg=lat,
        home_lon_deg=lon,
        home_alt_amsl_m=scenario.origin.alt_amsl_m,
        heading_deg=vehicle.heading_deg,
        sysid=number,
        dialect=vehicle.dialect,
        airframe=vehicle.airframe,
        seed=scenario.seed,
        speedup=scenario.speedup,
        t0_utc_ns=t0_utc_ns,
        wind=WindSpec(speed_mps=weather.wind_mps, from_deg=weather.from_deg, gust_sigma_mps=weather.gust_mps),
        battery=dataclasses.replace(BatterySpec(), capacity_wh=vehicle.battery_wh),
        battery_pct=vehicle.battery_pct,
        noise=NOISE if vehicle.noise else SensorNoise(),
        parameters=default_parameters(vehicle),
        faults=vehicle.fault,
    )


class Craft(Protocol):
    """One aircraft that is up."""

    @property
    def system(self) -> int:
        """Its system id."""
        ...

    @property
    def link_url(self) -> str:
        """Where it answers."""
        ...

    @property
    def tools_url(self) -> str:
        """Where tools beside the ground station reach it."""
        ...

    @property
    def remarks(self) -> tuple[str, ...]:
        """What of the scenario it flies without, in sentences."""
        ...

    def clock(self) -> int | None:
        """Return what time it is in its simulation, ns UTC; None where it does not say."""
        ...

    def open_link(self, recorder: TlogRecorder) -> Link:
        """Open the ground station's link, recorded."""
        ...

    def slowly(self) -> AbstractContextManager[None]:
        """Let its time run no faster than ours meanwhile, where that can be."""
        ...

    def truth(self) -> Mapping[str, NDArray[Any]]:
        """Return where it truly was, once it has been stopped.

        Raises
        ------
        ScenarioError
            When it left nothing.
        """
        ...


class EmbeddedCraft:
    """The embedded vehicle, in a process of its own."""

    remarks: tuple[str, ...] = ()

    def __init__(self, process: VehicleProcess, name: str, truth_path: Path) -> None:
        self.link_url = self.tools_url = process.link_url
        self.system, self._name, self._truth_path = process.config.sysid, name, truth_path

    def clock(self) -> int | None:
        """Ask it, over a link of its own."""
        with open_link(self.link_url, station=Station(system=TOOL_STATION)) as link:
            return utc_of(link, self.system)

    def open_link(self, recorder: TlogRecorder) -> Link:
        """Open the ground station's link, recorded."""
        return open_link(self.link_url, recorder=recorder)

    def slowly(self) -> AbstractContextManager[None]:
        """Go on: its scenarios say themselves how fast their time may run."""
        return contextlib.nullcontext()

    def truth(self) -> Mapping[str, NDArray[Any]]:
        """Return the truth file.

        Raises
        ------
        ScenarioError
            When there is none.
        """
        if not self._truth_path.exists():
            raise ScenarioError(f"vehicle {self._name!r} left no truth file")
        return read_truth(self._truth_path)


def for_backend(scenario: Scenario, backend: Backend) -> Scenario:
    """Return a scenario as its backend flies it, with what is expected of it: a real autopilot speaks its own dialect.

    Raises
    ------
    ScenarioError
        When its simulation cannot have what the scenario asks, in a sentence.
    """
    expected = tuple(one for one in scenario.expect if not one.backend or backend.name in one.backend)
    if not expected:
        raise ScenarioError(f"{scenario.name!r} expects nothing of {backend.name}; give it an [[expect]] for it")
    scenario = scenario.model_copy(update={"expect": expected})
    if backend.name == "embedded":
        return scenario
    dialect = Dialect(backend.name)
    for vehicle in scenario.vehicle:
        for fault in vehicle.fault:
            why = cannot_have(fault, dialect)
            if why:
                text = (
                    f"{backend.name} cannot fly {scenario.name!r}: its simulation has {why} (vehicle {vehicle.name!r})"
                )
                raise ScenarioError(text)
    vehicles = tuple(vehicle.model_copy(update={"dialect": dialect}) for vehicle in scenario.vehicle)
    return scenario.model_copy(update={"vehicle": vehicles})


def utc_of(link: Link, system: int, wait_s: float = ANSWER_S) -> int | None:
    """Return the vehicle's own clock, ns UTC; None when it does not say within the time."""
    until = link.clock() + wait_s
    while link.clock() < until:
        message = link.receive(0.1)
        if message is not None and message.get_type() == "SYSTEM_TIME" and message.get_srcSystem() == system:
            return int(message.time_unix_usec) * 1000
    return None


@contextlib.contextmanager
def open_craft(
    scenario: Scenario, vehicle: VehicleTable, number: int, t0_utc_ns: int, folder: Path, backend: Backend
) -> Iterator[Craft]:
    """Start one aircraft on its backend, ready to be connected to at its `link_url`; it ends with the context.

    Raises
    ------
    SitlError
        When its program is missing or does not come up.
    """
    if backend.name == "embedded":
        config = config_of(scenario, vehicle, number, t0_utc_ns)
        path = folder / f"{vehicle.name}.truth.npz"
        with start_vehicle(config, truth_path=path) as process:
            yield EmbeddedCraft(process, vehicle.name, path)
        return
    with start_real(scenario, vehicle, t0_utc_ns, folder / vehicle.name, backend) as craft:
        yield craft
