"""Runs a scenario: a process for each vehicle, a ground station for each, and the verdict at the end."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import threading
import time
from typing import TYPE_CHECKING, Final

from geo.errors import VedetteError
from missions.flight_deviation import work_flown_pct
from missions.flight_run import Flight
from missions.flight_values import FlightOptions
from missions.link import open_link
from sitl.errors import ScenarioError
from sitl.scenario_backend import Backend, open_craft, truth_of
from sitl.scenario_operator import Operator, clock_of
from sitl.scenario_sortie import sortie_of
from sitl.scenario_verdict import Flown, ScenarioResult, judge, work_times
from sitl.vehicle.config import DEFAULT_T0_UTC_NS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from missions.flight_values import FlightReport, FlightStatus
    from sitl.scenario import Scenario, VehicleTable

RELAY_WAIT_S: Final = 300.0

SETTLE_S: Final = 0.3
"""Wall seconds that a vehicle stands after the flight, so that its truth has rows after the landing."""


class _Relay:
    """Tells a successor when to start, and at what time of the simulated clock."""

    def __init__(self) -> None:
        self.started: dict[str, tuple[Operator, Callable[[], int | None]]] = {}
        self.changed = threading.Condition()

    def announce(self, name: str, operator: Operator, clock: Callable[[], int | None]) -> None:
        with self.changed:
            self.started[name] = (operator, clock)
            self.changed.notify_all()

    def wait_for(self, name: str) -> int:
        """Wait until `name` flies its last piece; return its clock, ns UTC."""
        with self.changed:
            if not self.changed.wait_for(lambda: name in self.started, RELAY_WAIT_S):
                raise ScenarioError(f"vehicle {name!r} never started, so nobody can relieve it")
        operator, clock = self.started[name]
        if not operator.on_line_last.wait(RELAY_WAIT_S):
            raise ScenarioError(f"vehicle {name!r} never came to the end of its route, so nobody relieved it")
        return clock() or DEFAULT_T0_UTC_NS


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
        When a vehicle cannot be started at all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    chosen = backend or Backend(name=scenario.backend)
    relay = _Relay()
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(scenario.vehicle)) as pool:
        flights = [
            pool.submit(_fly_one, scenario, vehicle, number, folder, relay, chosen, report)
            for number, vehicle in enumerate(scenario.vehicle, start=1)
        ]
        flown = tuple(flight.result() for flight in flights)
    flown = tuple(_filmed(scenario, one, folder) for one in flown)
    return ScenarioResult(
        name=scenario.name, verdicts=judge(scenario, flown), flown=flown, wall_s=time.monotonic() - began
    )


def _filmed(scenario: Scenario, one: Flown, folder: Path) -> Flown:
    """Film the work of one flight and read the film back, if the scenario has a camera."""
    times = work_times(one)
    if scenario.film is None or not len(times):
        return one
    from sitl.scenario_film import film_and_score  # the detector is only for scenarios with a camera

    between = (int(times[0]), int(times[-1]))
    clip = folder / f"{one.vehicle.name}.film.ts"
    return dataclasses.replace(one, film=film_and_score(scenario, scenario.film, one.truth, between, clip))


def _fly_one(
    scenario: Scenario,
    vehicle: VehicleTable,
    number: int,
    folder: Path,
    relay: _Relay,
    backend: Backend,
    report: Callable[[str, FlightStatus], None] | None,
) -> Flown:
    sortie = sortie_of(scenario, vehicle)
    t0_utc_ns = relay.wait_for(vehicle.after) if vehicle.after else DEFAULT_T0_UTC_NS
    texts: list[str] = []
    problem = ""
    flight_report: FlightReport | None = None
    with open_craft(scenario, vehicle, number, t0_utc_ns, folder, backend) as process:
        operator = Operator(scenario, vehicle, process.link_url, number)
        relay.announce(vehicle.name, operator, clock_of(process.link_url, number))

        def watch(status: FlightStatus) -> None:
            operator.watch(status)
            if report is not None:
                report(vehicle.name, status)

        try:
            with open_link(process.link_url) as link:
                flight = Flight(link, sortie, FlightOptions(system=number), on_status=watch, pilot=operator.order)
                try:
                    flight_report = _fly(flight)
                finally:
                    texts = [text for _, text in flight.state.texts]
        except VedetteError as error:
            problem = error.message
        finally:
            operator.on_line_last.set()
            operator.close()
            time.sleep(SETTLE_S)
    return Flown(
        vehicle=vehicle,
        sortie=sortie,
        truth=truth_of(vehicle, folder, flight_report),
        report=flight_report,
        texts=tuple(texts),
        problem=problem,
        zone_from_utc_ns=operator.zone_from_utc_ns,
    )


def _fly(flight: Flight) -> FlightReport:
    flight.connect()
    flight.upload()
    flight.check()
    flight.take_off()
    flight.watch()
    return flight.report(work_flown_pct)
