"""``vedette demo``: the whole chain on a bundled patrol, from a border line to hits on a map."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Table

from geo.errors import InputError, RefusedError
from vedette.commands.screen import ERRORS, plain, print_json, progress, utc_now_ns

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from geo.values import Terrain
    from missions.briefs.brief import Brief
    from missions.plan import Plan
    from operations.store import OperationStore
    from telemetry.recordings.reading import RecordingReader
    from vedette.demo.film import Film
    from vedette.demo.flight import SortieFlight

app = typer.Typer()

EXAMPLE: Final = Path(__file__).resolve().parents[2] / "examples" / "demo"
MARK: Final = "demo.json"
"""Written first into the folder of a run, so that only such a folder is ever replaced."""


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for everything the demo makes.")] = Path("demo-out"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same world, noise and flight.", min=0)] = 1,
    speedup: Annotated[float, typer.Option(help="Simulated seconds per second in the air.", min=1.0, max=200.0)] = 40.0,
    model: Annotated[
        Path | None, typer.Option(help="Ultralytics .onnx or .pt detector (default: the bundled one).")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Delete an earlier demo in the folder first.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")] = False,
) -> None:
    """Plan a border patrol, fly it, film it, find people and vehicles, place them, map them, and score all of it.

    Needs no network, no accelerator and about three minutes. Example: vedette demo --out demo-out --seed 1
    """
    _prepare(out, replace=replace)
    (out / MARK).write_text(json.dumps({"seed": seed, "speedup": speedup}) + "\n", encoding="utf-8")
    with progress() as bars:
        score = run_demo(out, seed=seed, speedup=speedup, model=model, bars=bars)
    (out / "score.json").write_text(json.dumps(plain(score), indent=1) + "\n", encoding="utf-8")
    ERRORS.print(score_table(score))
    ERRORS.print(f"open {score['map']['path']} in any browser")
    if as_json:
        print_json(score)


def _prepare(out: Path, *, replace: bool) -> None:
    """Make the folder, or refuse: nothing of a person's is ever overwritten."""
    if out.is_file():
        raise InputError(f"{out} is a file: name a folder with --out", path=str(out))
    if out.is_dir() and any(out.iterdir()):
        if not (out / MARK).is_file():
            raise RefusedError(f"{out} holds something that is no demo: name another folder with --out", path=str(out))
        if not replace:
            raise RefusedError(
                f"{out} already holds a demo, which is not resumed: name another folder with --out, "
                "or add --replace to delete it first",
                path=str(out),
            )
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)


@dataclasses.dataclass(slots=True)
class _Clock:
    """Seconds per stage, by a monotonic clock."""

    seconds: dict[str, float] = dataclasses.field(default_factory=dict)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage."""
        start = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - start, 2)


def run_demo(out: Path, *, seed: int, speedup: float, model: Path | None, bars: Progress) -> dict[str, Any]:
    """Run every stage into `out` and return the score object."""
    clock = _Clock()
    with clock.stage("plan"):
        brief, plan, terrain = _plan(out, bars)
    with clock.stage("fly"):
        from vedette.demo.flight import fly_plan

        flights = fly_plan(brief, plan, out / "flight", seed=seed, speedup=speedup, bars=bars)
    with clock.stage("film"):
        from vedette.demo.film import film_flights

        films = film_flights(brief, flights, EXAMPLE / "terrain.tif", out / "downlink", seed=seed, bars=bars)
    with clock.stage("ingest"):
        store = _ingest(out, films, terrain, model, bars)
    with store:
        with clock.stage("show"):
            shown = _show(out, store, brief, plan, flights, terrain, bars)
        with clock.stage("score"):
            score = _score(brief, plan, flights, films, store, terrain)
    return {**score, "map": shown, "seconds": {**clock.seconds, "total": round(sum(clock.seconds.values()), 2)}}


def _plan(out: Path, bars: Progress) -> tuple[Brief, Plan, Terrain]:
    from geo.terrain_file import read_terrain
    from missions.briefs.brief_file import read_brief
    from missions.plan_files.plan_folder_file import write_plan_folder
    from missions.tasks.plan_door import plan_brief

    if not EXAMPLE.is_dir():
        raise InputError(f"the example brief is missing: {EXAMPLE} does not exist; run from a checkout of the project")
    task = bars.add_task("plan", total=1)
    brief = read_brief(EXAMPLE / "brief.toml")
    planned = plan_brief(brief)
    plan = planned.plan
    write_plan_folder(planned, out / "plan")
    bars.update(task, completed=1, description=f"plan: {len(plan.sorties)} sorties")
    asked = ", ".join(f"{v.name} {v.value:g}" for v in plan.sorties[0].vehicle_parameters)
    bars.console.print(f"set on the vehicles, as the plan asks: {asked}", soft_wrap=True)
    if not plan.feasible:
        raise RefusedError(f"the example's plan breaks a rule: {plan.findings[0].message}")
    return brief, plan, read_terrain(EXAMPLE / "terrain.tif")


def _ingest(out: Path, films: list[Film], terrain: Terrain, model: Path | None, bars: Progress) -> OperationStore:
    from detection.model_file import load_detector
    from detection.model_manifest_file import sha256_of
    from operations.ingest import IngestSettings, ingest
    from operations.store import OperationStore
    from vedette.demo.film import SENSOR_SIGMAS

    detector, described = load_detector(model)
    identity = f"terrain.tif sha256:{sha256_of(EXAMPLE / 'terrain.tif')}"
    store = OperationStore.create(out / "operation", name="Demo patrol", actor="demo", clock=utc_now_ns)
    for film in films:
        task = bars.add_task(f"ingest {film.clip.name}", total=film.frames)
        ingest(
            film.clip,
            store=store,
            detector=detector,
            model=described,
            settings=IngestSettings(terrain=terrain, terrain_identity=identity, sigmas=SENSOR_SIGMAS),
            watcher=_Tick(bars, task),
        )
    return store


@dataclasses.dataclass(frozen=True, slots=True)
class _Tick:
    """Moves a progress bar on with each frame that is read."""

    bars: Progress
    task: TaskID

    def opened(self, reader: RecordingReader) -> None:
        """Take no notice: how many frames a film has is known."""

    def frame(self, count: int) -> None:
        """Move on."""
        self.bars.update(self.task, completed=count)


def _show(
    out: Path,
    store: OperationStore,
    brief: Brief,
    plan: Plan,
    flights: list[SortieFlight],
    terrain: Terrain,
    bars: Progress,
) -> dict[str, Any]:
    from maps.offline_map import external_references, write_map
    from maps.operation_map import Surroundings, operation_map
    from operations.consultation import Consultation, Purpose
    from operations.finding.archive import Archive

    task = bars.add_task("map", total=1)
    flown = []
    for flight in flights:
        track = flight.report.track
        flown.append((flight.sortie.name, list(zip(track.lon_deg.tolist(), track.lat_deg.tolist(), strict=True))))
    with Archive([store]) as archive:
        content = operation_map(archive, Surroundings(brief=brief, plan=plan, flights=flown, terrain=terrain))
    why = Purpose(case="demo", reason="a bundled patrol over made-up ground is shown; nobody in it exists")
    Consultation(store=store, purpose=why).viewed("map", {"path": "map.html", "hits": content.hits})
    report = write_map(content, out / "map.html")
    bars.update(task, completed=1)
    requests = external_references(Path(report.path).read_text(encoding="utf-8"))
    return {"path": report.path, "bytes": report.bytes, "external_requests": requests}


def _score(
    brief: Brief,
    plan: Plan,
    flights: list[SortieFlight],
    films: list[Film],
    store: OperationStore,
    terrain: Terrain,
) -> dict[str, Any]:
    from vedette.demo import score as demo_score

    return {
        "plan": demo_score.plan_score(plan),
        "flight": demo_score.flight_score(flights, demo_score.flown_coverage_pct(brief, flights, terrain)),
        "ingest": demo_score.ingest_score(store.runs()),
        **demo_score.detection_score(store, {film.clip.name: film.truth for film in films}),
    }


def score_table(score: dict[str, Any]) -> Table:
    """Return the score as a table, one row a number."""
    table = Table("stage", "measure", "value", title="What was planned, flown, seen and found, against the truth")
    for stage, values in score.items():
        for number, (name, value) in enumerate(values.items()):
            table.add_row(stage if number == 0 else "", name, str(value))
        table.add_section()
    return table
