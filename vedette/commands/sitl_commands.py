"""`vedette sitl`: simulated vehicles."""

from __future__ import annotations

import json
import math
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from sitl.errors import SitlError
from vedette.commands.screen import ERRORS, RESULTS, DescriptionColumn, line
from vedette.commands.sitl_start import ardupilot, vehicle

if TYPE_CHECKING:
    from missions.flight.values import FlightStatus
    from sitl.scenarios.scenario import Scenario
    from sitl.scenarios.scenario_real import Backend
    from sitl.scenarios.scenario_verdict import ScenarioResult
    from vedette.commands.screen import Screen

app = typer.Typer(add_completion=False, help="Simulated vehicles and scenarios.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Run simulated vehicles and scenarios."""


app.command()(vehicle)
app.command()(ardupilot)


@app.command()
def run(
    scenarios: Annotated[list[Path], typer.Argument(help="Scenario files (.toml).")],
    out: Annotated[Path | None, typer.Option(help="Folder for the truth files; a temporary one unless given.")] = None,
    maps: Annotated[Path | None, typer.Option("--map", help="Folder for a replay map of each scenario.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write the verdicts as JUnit XML here.")] = None,
    speedup: Annotated[float | None, typer.Option(help="Instead of the scenario's own speed-up.")] = None,
    backend: Annotated[str, typer.Option(help="embedded, ardupilot or px4; the scenario's own unless given.")] = "",
    binary: Annotated[Path | None, typer.Option(help="The real simulator's program (else PATH, VEDETTE_...).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Fly scenarios on simulated vehicles and judge each expectation; exit 1 on a miss.

    Example: vedette sitl run examples/scenarios/crosswind.toml --junit verdict.xml
    """
    from sitl.scenarios.scenario_file import junit_xml, read_scenario
    from sitl.scenarios.scenario_real import Backend

    read = [read_scenario(path) for path in scenarios]
    if speedup is not None:
        read = [scenario.model_copy(update={"speedup": speedup}) for scenario in read]
    if speedup is not None and not 0.0 <= speedup <= 1000.0:
        raise SitlError(f"--speedup is {speedup:g}; it must be 0 (as fast as it goes) or up to 1000")
    if junit is not None and not junit.resolve().parent.is_dir():
        raise SitlError(f"the folder of --junit {junit} does not exist; make it first")
    if backend not in ("", "embedded", "ardupilot", "px4"):
        raise SitlError(f"--backend is {backend!r}; use embedded, ardupilot or px4")
    console = ERRORS if as_json else RESULTS
    with tempfile.TemporaryDirectory() as spare:
        results = []
        for one in read:
            chosen = Backend(name=backend or one.backend, binary=binary)
            folder = re.sub(r"\W+", "_", one.name).strip("_")
            results.append(_fly_scenario(one, (out or Path(spare)) / folder, chosen, console))
            if maps is not None:
                _write_replay(one, results[-1], maps / f"{folder}.html", console)
    if junit is not None:
        junit.write_text(junit_xml(results), encoding="utf-8")
    if as_json:
        sys.stdout.write(json.dumps([_as_json(result) for result in results]) + "\n")
    if not all(result.met for result in results):
        raise typer.Exit(1)


def _fly_scenario(scenario: Scenario, folder: Path, backend: Backend, console: Screen) -> ScenarioResult:
    from rich.progress import Progress, TimeElapsedColumn

    from sitl.scenarios.scenario_backend import for_backend
    from sitl.scenarios.scenario_run import run_scenario
    from sitl.scenarios.scenario_sortie import default_parameters

    scenario = for_backend(scenario, backend)
    for each in scenario.vehicle:
        held = ", ".join(f"{name} {value:g}" for name, value in default_parameters(each))
        console.print(f"{scenario.name}: set on {each.name}: {held}", soft_wrap=True)
    with Progress(DescriptionColumn(), TimeElapsedColumn(), console=console) as bars:
        tasks = {vehicle.name: bars.add_task(f"{scenario.name}: {vehicle.name}") for vehicle in scenario.vehicle}

        def show(name: str, status: FlightStatus) -> None:
            text = f"{scenario.name}: {name} {status.phase}, item {max(status.seq, 0)}, {status.flight_s:.0f} s"
            bars.update(tasks[name], description=text)

        result = run_scenario(scenario, folder, backend=backend, report=show)
    console.print(_verdict_table(result), soft_wrap=False)
    return result


def _write_replay(scenario: Scenario, result: ScenarioResult, path: Path, console: Screen) -> None:
    from maps.offline_map import write_map
    from vedette.commands.sitl_replay import replay_map

    path.parent.mkdir(parents=True, exist_ok=True)
    console.print(f"replay map: {write_map(replay_map(scenario, result), path).path}", soft_wrap=True)


def _verdict_table(result: ScenarioResult) -> Table:
    table = Table(title=f"{result.name}: {'met' if result.met else 'MISSED'} in {result.wall_s:.1f} s")
    for heading in ("expectation", "measured", "limit", ""):
        table.add_column(heading)
    for verdict in result.verdicts:
        mark = line(("met", "green") if verdict.met else ("missed", "bold red"))
        if verdict.unmeasured:
            mark = line(("not measured", "yellow"))
        table.add_row(verdict.what, f"{verdict.measured:.4g}", verdict.limit, mark)
    for flown in result.flown:
        if flown.problem:
            table.add_row(f"{flown.vehicle.name}: {flown.problem}", "", "", line(("problem", "bold red")))
        for remark in flown.remarks:
            table.add_row(f"{flown.vehicle.name}: {remark}", "", "", line(("remark", "yellow")))
    return table


def _as_json(result: ScenarioResult) -> dict[str, object]:
    verdicts = [
        {"what": v.what, "measured": v.measured if math.isfinite(v.measured) else None, "limit": v.limit, "met": v.met}
        | ({"unmeasured": v.unmeasured} if v.unmeasured else {})
        for v in result.verdicts
    ]
    return {"scenario": result.name, "met": result.met, "wall_s": round(result.wall_s, 3), "verdicts": verdicts}


@app.command()
def stream(
    film: Annotated[Path, typer.Argument(help="A transport stream (.ts), for example from `vedette demo`.")],
    to: Annotated[str, typer.Option(help="host:port of the receiver.")] = "127.0.0.1:5600",
    speed: Annotated[float, typer.Option(help="Times its own pace.")] = 1.0,
    loop: Annotated[bool, typer.Option(help="Start again at the end, until Ctrl-C.")] = False,
) -> None:
    """Send a filmed downlink over UDP at its own pace, as an aircraft would.

    Example: vedette sitl stream flight.ts --to 127.0.0.1:5600, and read it from udp://127.0.0.1:5600.
    For RTSP, let MediaMTX read that UDP stream.
    """
    from sitl.films.stream_file import play

    host, _, port = to.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise SitlError(f"--to is {to!r}; write host:port, for example 127.0.0.1:5600")
    if speed <= 0.0:
        raise SitlError(f"--speed is {speed}; it must be above 0")
    if not film.is_file():
        raise SitlError(f"there is no film {film}")
    while True:
        sent = play(film, host or "127.0.0.1", int(port), speed=speed)
        RESULTS.print(f"{sent.packets} packets, {sent.seconds:.1f} s of stream sent to {to}")
        if not loop:
            return
