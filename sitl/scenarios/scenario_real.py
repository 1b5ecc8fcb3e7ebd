"""A scenario's aircraft as a real autopilot in its own simulator: set, waited for, watched, and broken."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any, Final

from missions.plan_files.dialect import Dialect
from sitl import ardupilot, px4
from sitl.armable import wait_until_armable
from sitl.backend import Launch, Simulator
from sitl.cut_link import open_cut_link
from sitl.dynamics import Multirotor
from sitl.dynamics_power import WindSpec
from sitl.errors import ScenarioError
from sitl.faults import FaultKind
from sitl.real_faults import RealFaults
from sitl.real_parameters import put_parameters
from sitl.real_truth import RealTruth
from sitl.scenarios.scenario_sortie import PLANNED_V, default_parameters
from sitl.scenarios.scenario_verdict import UNFILMED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from missions.links.link import Link
    from missions.links.tlog_file import TlogRecorder
    from sitl.scenarios.scenario import Scenario, VehicleTable

FENCE_SWITCH: Final = "FENCE_ENABLE"
"""Set once it can be armed: with its fence on and none loaded yet an ArduPilot never can."""
READY_S: Final = 180.0
MOST_SPEEDUP: Final = {Dialect.ARDUPILOT: 20.0, Dialect.PX4: 4.0}
"""How fast its time may run beside other work on two cores (tried with ArduPilot 4.7-dev and PX4 1.17)."""
SPEED_DIAL: Final = "SIM_SPEEDUP"
"""ArduPilot's parameter; PX4's time cannot be changed once it runs."""
GIMBAL: Final = {
    "MNT1_TYPE": 1.0, "MNT1_PITCH_MIN": -90.0, "MNT1_PITCH_MAX": 45.0, "MNT1_YAW_MIN": -180.0, "MNT1_YAW_MAX": 180.0,
    "SERVO9_FUNCTION": 8.0, "SERVO10_FUNCTION": 7.0, "SERVO11_FUNCTION": 6.0,
}  # fmt: skip
"""A servo mount of three axes on an ArduPilot."""
MARKS: Final = ("BATT_LOW_MAH", "BATT_CRT_MAH")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """Which simulator flies, and where its program is (None: found on PATH or by its variable)."""

    name: str = "embedded"
    binary: Path | None = None


class RealCraft:
    """A real autopilot that can be armed."""

    def __init__(self, urls: tuple[str, str], eye: RealTruth, faults: RealFaults, launch: Launch) -> None:
        self.system = launch.instance + 1
        self.link_url, self.tools_url = urls
        self.remarks: tuple[str, ...] = ()
        self._eye, self._faults = eye, faults
        self._speedup = launch.speedup
        self._fast = False
        self._can_slow = eye.view.dialect is Dialect.ARDUPILOT
        self._pace(1.0)
        eye.on_flown = self._flown

    def _pace(self, speedup: float) -> None:
        if self._can_slow:
            self._eye.put({SPEED_DIAL: speedup}, times=1)

    def _flown(self, flown_s: float) -> None:
        """Run fast from the take-off on: uploads and arming meet real timers."""
        if not self._fast:
            self._fast = True
            self._pace(self._speedup)
        self._faults.step(flown_s, self._eye)

    def clock(self) -> int:
        """Return what time it is in the scenario."""
        return self._eye.t_utc_ns

    def open_link(self, recorder: TlogRecorder) -> Link:
        """Open the ground station's link, the one that faults cut."""
        link, self._faults.link = open_cut_link(self.link_url, recorder)
        return link

    @contextlib.contextmanager
    def slowly(self) -> Iterator[None]:
        """Let its time run no faster than ours meanwhile."""
        self._pace(1.0)
        try:
            yield
        finally:
            self._pace(self._speedup)

    def truth(self) -> Mapping[str, NDArray[Any]]:
        """Return what its simulator said of where it truly was.

        Raises
        ------
        ScenarioError
            When nothing was heard.
        """
        columns = self._eye.columns()
        if not columns:
            raise ScenarioError(f"the simulator at {self.link_url} said nothing of where its aircraft was")
        return columns


@contextlib.contextmanager
def start_real(
    scenario: Scenario, vehicle: VehicleTable, t0_utc_ns: int, folder: Path, backend: Backend
) -> Iterator[RealCraft]:
    """Start a real autopilot for one aircraft of a scenario, as an instance nobody runs; it ends with the context.

    Raises
    ------
    SitlError
        When its program is missing or does not come up, or every instance is taken.
    """
    dialect = Dialect(vehicle.dialect)
    is_px4, weather = dialect is Dialect.PX4, scenario.weather
    with contextlib.ExitStack() as held:
        instance = held.enter_context(px4.free_px4() if is_px4 else ardupilot.free_ardupilot())
        launch, remarks = _launch(scenario, vehicle, instance)
        wind = WindSpec(speed_mps=weather.wind_mps, from_deg=weather.from_deg)
        faults = RealFaults(vehicle.fault, dialect, wind, launch.lat_deg, {} if is_px4 else _marks(vehicle))
        simulator = held.enter_context(_started(scenario, vehicle, launch, folder, backend))
        wait_until_armable(simulator, READY_S)
        unknown = put_parameters(simulator.link_url, instance + 1, dialect, set_once_up(vehicle, dialect))
        mine = sorted(set(unknown) & set(vehicle.parameters))
        if mine:
            remarks.append(f"{backend.name} has no parameter {', '.join(mine)}")
        sticks = any(fault.kind is FaultKind.RADIO_LOSS for fault in vehicle.fault)
        eye = RealTruth(px4.truth_view(instance, sticks=sticks) if is_px4 else ardupilot.truth_view(instance))
        held.callback(eye.close)
        tools_url = px4.tools_url(instance) if is_px4 else ardupilot.tools_url(instance)
        craft = RealCraft((simulator.link_url, tools_url), eye, faults, launch)
        craft.remarks = tuple(remarks)
        eye.begin(t0_utc_ns, launch.alt_amsl_m)
        yield craft


def _launch(scenario: Scenario, vehicle: VehicleTable, instance: int) -> tuple[Launch, list[str]]:
    """Return where it starts and how fast, and what it flies without."""
    dialect = Dialect(vehicle.dialect)
    lat, lon = scenario.origin.lat_lon(vehicle.home_m)
    speedup, remarks = min(scenario.speedup or MOST_SPEEDUP[dialect], MOST_SPEEDUP[dialect]), []
    if dialect is Dialect.PX4:
        if any(zone.appears_s for zone in scenario.zone):
            speedup = 1.0  # a zone is uploaded in flight, by the wall clock
        if scenario.weather.wind_mps or scenario.weather.gust_mps:
            remarks.append("px4's simulation has no wind: flown in still air")
        if scenario.film is not None:
            remarks.append(f"px4's simulation has no gimbal: {UNFILMED}")
    launch = Launch(
        lat_deg=lat, lon_deg=lon, alt_amsl_m=scenario.origin.alt_amsl_m, heading_deg=vehicle.heading_deg,
        instance=instance, speedup=speedup,
    )  # fmt: skip
    return launch, remarks


def _started(scenario: Scenario, vehicle: VehicleTable, launch: Launch, folder: Path, backend: Backend) -> Simulator:
    if vehicle.dialect is Dialect.PX4:
        return px4.start_px4(launch, folder, binary=px4.find_px4(backend.binary), airframe=vehicle.airframe)
    held = {**dict(default_parameters(vehicle)), **GIMBAL}
    held.pop(FENCE_SWITCH)
    weather = scenario.weather
    held |= {"SIM_WIND_SPD": weather.wind_mps, "SIM_WIND_DIR": weather.from_deg, "SIM_WIND_TURB": weather.gust_mps}
    held["BATT_CAPACITY"] = 1000.0 * vehicle.battery_wh / ardupilot.PACK_V
    held |= _marks(vehicle)
    binary = ardupilot.find_ardupilot(vehicle.airframe, backend.binary)
    return ardupilot.start_ardupilot(
        launch, folder, airframe=vehicle.airframe, binary=binary, parameters=held, frame=Multirotor()
    )


def _marks(vehicle: VehicleTable) -> dict[str, float]:
    """Return at which charge an ArduPilot's battery stages begin, in the volts of its simulated pack."""
    held = dict(default_parameters(vehicle))
    return {n: held[n] * (1.0 if n in vehicle.parameters else PLANNED_V / ardupilot.PACK_V) for n in MARKS}


def set_once_up(vehicle: VehicleTable, dialect: Dialect) -> dict[str, float]:
    """Return what a real autopilot is set to once it is up; the scenario's own values win."""
    held = dict(default_parameters(vehicle))
    if dialect is Dialect.PX4:
        return {**px4.FLIES_AS[vehicle.airframe], **held}
    return {FENCE_SWITCH: held[FENCE_SWITCH]} | vehicle.parameters
