"""Who flies a scenario: the embedded vehicle, or a real autopilot in its own simulator."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from missions.plan_files.dialect import Dialect
from sitl import ardupilot, px4
from sitl.armable import wait_until_armable
from sitl.backend import Launch, Simulator
from sitl.dynamics_power import BatterySpec, WindSpec
from sitl.errors import ScenarioError
from sitl.real_parameters import put_parameters
from sitl.scenarios.scenario_sortie import default_parameters
from sitl.vehicle import SensorNoise, VehicleConfig, start_vehicle
from sitl.vehicle.truth_file import read_truth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from missions.flight.values import FlightReport
    from sitl.scenarios.scenario import Scenario, VehicleTable
    from sitl.vehicle import VehicleProcess

FENCE_SWITCH: Final = "FENCE_ENABLE"
"""Set once it can be armed: with its fence on and none loaded yet an ArduPilot never can."""
NOISE: Final = SensorNoise(gps_h_m=1.0, gps_v_m=1.5, yaw_deg=1.0, tilt_deg=0.3)
"""A GNSS receiver with SBAS and a magnetometer."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """Which simulator flies, and where its program is (None: found on PATH or by its variable)."""

    name: str = "embedded"
    binary: Path | None = None


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


@contextlib.contextmanager
def open_craft(
    scenario: Scenario, vehicle: VehicleTable, number: int, t0_utc_ns: int, folder: Path, backend: Backend
) -> Iterator[VehicleProcess | Simulator]:
    """Start one aircraft on its backend, ready to be connected to at its `link_url`; it ends with the context.

    Raises
    ------
    ScenarioError
        When the backend cannot do what the scenario asks.
    SitlError
        When its program is missing or does not come up.
    """
    if backend.name == "embedded":
        config = config_of(scenario, vehicle, number, t0_utc_ns)
        with start_vehicle(config, truth_path=folder / f"{vehicle.name}.truth.npz") as process:
            yield process
        return
    if vehicle.fault:
        kinds = ", ".join(sorted({str(fault.kind) for fault in vehicle.fault}))
        raise ScenarioError(f"{backend.name} cannot have the faults of vehicle {vehicle.name!r} ({kinds})")
    with _start_real(scenario, vehicle, number, folder / vehicle.name, backend) as simulator:
        yield simulator


def _start_real(scenario: Scenario, vehicle: VehicleTable, number: int, folder: Path, backend: Backend) -> Simulator:
    lat, lon = scenario.origin.lat_lon(vehicle.home_m)
    launch = Launch(
        lat_deg=lat,
        lon_deg=lon,
        alt_amsl_m=scenario.origin.alt_amsl_m,
        heading_deg=vehicle.heading_deg,
        instance=number - 1,
        speedup=scenario.speedup,
    )
    if backend.name == "px4":
        later = _real_parameters(scenario, vehicle)
        simulator = px4.start_px4(launch, folder, binary=px4.find_px4(backend.binary), airframe=vehicle.airframe)
    else:
        held = _real_parameters(scenario, vehicle)
        binary = ardupilot.find_ardupilot(vehicle.airframe, backend.binary)
        later = {FENCE_SWITCH: held.pop(FENCE_SWITCH)}
        simulator = ardupilot.start_ardupilot(launch, folder, airframe=vehicle.airframe, binary=binary, parameters=held)
    try:
        wait_until_armable(simulator)
        put_parameters(simulator.link_url, number, Dialect(vehicle.dialect), later)
    except BaseException:
        simulator.stop()
        raise
    return simulator


def _real_parameters(scenario: Scenario, vehicle: VehicleTable) -> dict[str, float]:
    held = dict(default_parameters(vehicle))
    if vehicle.dialect is Dialect.ARDUPILOT:
        held |= {"SIM_WIND_SPD": scenario.weather.wind_mps, "SIM_WIND_DIR": scenario.weather.from_deg}
        held["SIM_WIND_TURB"] = scenario.weather.gust_mps
    return held


def truth_of(vehicle: VehicleTable, folder: Path, report: FlightReport | None) -> dict[str, NDArray[Any]]:
    """Return what is known of where the aircraft was: the truth file, or the telemetry where there is none.

    Raises
    ------
    ScenarioError
        When there is neither.
    """
    path = folder / f"{vehicle.name}.truth.npz"
    if path.exists():
        return read_truth(path)
    if report is None or not len(report.track):
        raise ScenarioError(f"vehicle {vehicle.name!r} left neither a truth file nor a track")
    track = report.track
    count = len(track)
    return {
        "t_utc_ns": np.round(track.t_boot_s * 1e9).astype(np.int64),
        "lat_deg": track.lat_deg,
        "lon_deg": track.lon_deg,
        "alt_amsl_m": track.alt_amsl_m,
        "mission_seq": track.mission_seq,
        "mode": np.full(count, "AUTO"),
        "armed": np.arange(count) < count - 1,
        "battery_pct": np.full(count, report.min_battery_pct),
        "gimbal_pitch_deg": np.full(count, np.nan),
        "position_error_m": np.full(count, np.nan),
    }
