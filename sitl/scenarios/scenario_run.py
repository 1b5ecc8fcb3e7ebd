"""Runs a scenario: a process for each vehicle, a ground station for each, and the verdict at the end."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import math
import threading
import time
from typing import TYPE_CHECKING, Final

from geo.errors import VedetteError
from missions.flight.deviation import work_flown_pct
from missions.flight.run import Flight
from missions.flight.values import FlightOptions
from missions.links.tlog_file import TlogRecorder
from sitl.errors import ScenarioError
from sitl.scenarios.scenario_backend import for_backend, open_craft
from sitl.scenarios.scenario_operator import Operator
from sitl.scenarios.scenario_real import Backend
from sitl.scenarios.scenario_sortie import sortie_of
from sitl.scenarios.scenario_verdict import UNFILMED, Flown, ScenarioResult, judge, work_times
from sitl.vehicle.config import DEFAULT_T0_UTC_NS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from missions.flight.values import FlightReport, FlightStatus
    from missions.plan import Sortie
    from sitl.scenarios.scenario import Scenario, VehicleTable
    from sitl.scenarios.scenario_backend import Craft

RELAY_WAIT_S: Final = 300.0
"""Wall seconds that a successor waits for its turn."""

LONGEST: Final = 3.0
LONGEST_S: Final = 600.0
"""Times as long as planned, and so much more: a scenario ends, also where nobody brings its aircraft down."""
SETTLE_S: Final = 0.3
"""Wall seconds that a vehicle stands after the flight, so that its truth has rows after the landing."""


class _Crew:
    """What the flights of one scenario share: where they leave files, who relieves whom, and the word to stop."""

    def __init__(
        self, scenario: Scenario, folder: Path, backend: Backend, report: Callable[[str, FlightStatus], None] | None
    ) -> None:
        self.scenario = scenario
        self.folder = folder
        self.backend = backend
        self.stop = threading.Event()
        self._report = report
        self._flying: dict[str, tuple[Operator, Callable[[], int | None]]] = {}

    def announce(self, name: str, operator: Operator, clock: Callable[[], int | None]) -> None:
        """Say that a vehicle is up, so that another can wait to relieve it."""
        self._flying[name] = (operator, clock)

    def t0_of(self, vehicle: VehicleTable) -> int:
        """Return when a vehicle's clock starts, ns UTC; waits until the one it relieves flies its last piece."""
        before = vehicle.after
        if not before:
            return DEFAULT_T0_UTC_NS
        self._wait(lambda: before in self._flying, f"vehicle {before!r} never started, so nobody can relieve it")
        operator, clock = self._flying[before]
        self._wait(operator.on_line_last.is_set, f"vehicle {before!r} never came to the end of its route")
        return clock() or DEFAULT_T0_UTC_NS

    def _wait(self, ready: Callable[[], bool], otherwise: str) -> None:
        until = time.monotonic() + RELAY_WAIT_S
        while not ready():
            self.check()
            if time.monotonic() > until:
                raise ScenarioError(otherwise)
            time.sleep(0.05)

    def check(self) -> None:
        """End this flight's thread when the run has been interrupted."""
        if self.stop.is_set():
            raise KeyboardInterrupt

    def watcher(self, name: str, operator: Operator) -> Callable[[FlightStatus], None]:
        """Return what is called with each status of one flight."""

        def watch(status: FlightStatus) -> None:
            self.check()
            operator.watch(status)
            if self._report is not None:
                self._report(name, status)

        return watch


def run_scenario(
    scenario: Scenario,
    folder: Path,
    *,
    backend: Backend | None = None,
    report: Callable[[str, FlightStatus], None] | None = None,
) -> ScenarioResult:
    """Fly every vehicle of a scenario, each in its own process, and judge what came out.

    Parameters
    ----------
    scenario
        What to fly.
    folder
        Where the truth files go (made if missing).
    backend
        Which simulator flies; the scenario's own choice unless given.
    report
        Called with (vehicle, status) about ten times a second.

    Raises
    ------
    ScenarioError
        When a vehicle cannot be started at all, or its backend cannot have what the scenario asks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    chosen = backend or Backend(name=scenario.backend)
    scenario = for_backend(scenario, chosen)
    crew = _Crew(scenario, folder, chosen, report)
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(scenario.vehicle)) as pool:
        flights = [
            pool.submit(_fly_one, crew, vehicle, number) for number, vehicle in enumerate(scenario.vehicle, start=1)
        ]
        try:
            flown = tuple(flight.result() for flight in flights)
        except BaseException:
            crew.stop.set()
            raise
    flown = tuple(filmed(scenario, one, folder) for one in flown)
    return ScenarioResult(
        name=scenario.name, verdicts=judge(scenario, flown), flown=flown, wall_s=time.monotonic() - began
    )


def filmed(scenario: Scenario, one: Flown, folder: Path) -> Flown:
    """Film the work of one flight and read the film back, if the scenario has a camera and its simulator a gimbal."""
    if scenario.film is None or any(text.endswith(UNFILMED) for text in one.remarks):
        return one
    times = work_times(one)
    if not len(times):
        return one
    from sitl.scenarios.scenario_film import film_and_score  # the detector is only for scenarios with a camera

    between = (int(times[0]), int(times[-1]))
    clip = folder / f"{one.vehicle.name}.film.ts"
    return dataclasses.replace(one, film=film_and_score(scenario, scenario.film, one.truth, between, clip))


def _fly_one(crew: _Crew, vehicle: VehicleTable, number: int) -> Flown:
    """Fly one vehicle from start to landing; what goes wrong in the flight is a result, not an exception."""
    sortie = sortie_of(crew.scenario, vehicle)
    t0_utc_ns = crew.t0_of(vehicle)
    with open_craft(crew.scenario, vehicle, number, t0_utc_ns, crew.folder, crew.backend) as craft:
        operator = Operator(crew.scenario, vehicle, craft)
        crew.announce(vehicle.name, operator, craft.clock)
        try:
            report, texts, problem = _fly(craft, sortie, operator, crew)
        finally:
            operator.on_line_last.set()
            operator.close()
        time.sleep(SETTLE_S)
    return Flown(
        vehicle=vehicle,
        sortie=sortie,
        truth=craft.truth(),
        report=report,
        texts=texts,
        problem=problem,
        remarks=craft.remarks,
        zone_from_utc_ns=operator.zone_from_utc_ns,
    )


def _longest_s(sortie: Sortie) -> float:
    """Return the flight time after which a scenario is over, whatever its aircraft still waits for."""
    return LONGEST * (sortie.legs[-1].t_end_s - sortie.t_start_s) + LONGEST_S if sortie.legs else math.inf


def _fly(
    craft: Craft, sortie: Sortie, operator: Operator, crew: _Crew
) -> tuple[FlightReport | None, tuple[str, ...], str]:
    """Return the report (None for a flight that did not come about), what was said, and what stopped it."""
    watch = crew.watcher(sortie.name, operator)
    report: FlightReport | None = None
    problem = ""
    record = crew.folder / f"{sortie.name}.tlog"
    record.unlink(missing_ok=True)  # of an earlier run, like its truth
    with TlogRecorder(record) as recorder, craft.open_link(recorder) as link:
        options = FlightOptions(system=craft.system, max_flight_s=_longest_s(sortie))
        flight = Flight(link, sortie, options, on_status=watch, pilot=operator.order)
        try:
            flight.connect()
            flight.upload()
            flight.check()
            flight.take_off()
            flight.watch()
            report = flight.report(work_flown_pct)
        except VedetteError as error:
            problem = error.message
        return report, tuple(text for _, text in flight.state.texts), problem
