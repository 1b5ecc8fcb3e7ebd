"""``vedette demo``: the whole chain on a bundled patrol, from a border line to hits on a map."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import sys
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

app = typer.Typer(add_completion=False)

_PLACES: Final = (
    Path(__file__).resolve().parents[2] / "examples" / "demo",
    Path(sys.prefix) / "share" / "vedette" / "demo",
)
EXAMPLE: Final = next((folder for folder in _PLACES if folder.is_dir()), _PLACES[0])
"""The example's brief, border and terrain: of a checkout, or as a wheel installs them."""
SPEEDUP: Final = 40.0
MARK: Final = "demo.json"
"""Written first into the folder of a run, so that only such a folder is ever replaced."""


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for everything the demo makes.")] = Path("demo-out"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same world, noise and flight.", min=0)] = 1,
    speedup: Annotated[
        float | None,
        typer.Option(help="Simulated seconds per second in the air (40; with --live 1).", min=1.0, max=200.0),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Film while it flies, send it, and watch that downlink beside the flight.")
    ] = False,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="A quarter of the border, a picture each two seconds: a first look in a minute."),
    ] = False,
    poses: Annotated[str, typer.Option(help="With --live: klv in the stream, or mavlink telemetry beside it.")] = "klv",
    model: Annotated[
        Path | None,
        typer.Option(help="Ultralytics .onnx or .pt detector, or vedette-small or vedette-day (default: both)."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Delete an earlier demo in the folder first.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")] = False,
) -> None:
    """Plan a border patrol, fly it, film it, find people and vehicles, place them, map them, and score all of it.

    Needs no network, no accelerator and about three minutes. With --live it flies in real time, a shorter stretch of
    the border, and takes about eight.
    Example: vedette demo --out demo-out --seed 1
    """
    if poses not in {"klv", "mavlink"}:
        raise InputError(f"--poses takes klv or mavlink, not {poses!r}")
    if live and quick:
        raise InputError("--quick films less, --live flies in real time: name one of the two")
    pace = 1.0 if live and speedup is None else speedup or SPEEDUP
    _prepare(out, replace=replace)
    (out / MARK).write_text(json.dumps({"seed": seed, "speedup": pace}) + "\n", encoding="utf-8")
    with progress() as bars:
        demo_run = DemoRun(out=out, seed=seed, speedup=pace, model=model, quick=quick, poses=poses if live else "")
        score = run_demo(demo_run, bars)
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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DemoRun:
    """How the demo is run; `poses` is empty where nothing is watched live."""

    out: Path
    seed: int
    speedup: float
    model: Path | None
    quick: bool = False
    poses: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Patrol:
    """What is flown: the brief, its plan, and the ground."""

    brief: Brief
    plan: Plan
    terrain: Terrain


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Flown:
    """What the stages before the map give: flights, the truth of each recording by its id, and what was live."""

    flights: list[SortieFlight]
    truth_of: dict[str, Path]
    live: dict[str, Any]
    live_truth_of: dict[str, Path]


def run_demo(run: DemoRun, bars: Progress) -> dict[str, Any]:
    """Run every stage and return the score object."""
    clock = _Clock()
    with clock.stage("plan"):
        patrol = _plan(run, bars)
    store = _operation(run.out)
    with store:
        flown = _live(run, patrol, clock, bars) if run.poses else _in_turn(run, patrol, store, clock, bars)
        with clock.stage("join"):
            _join(store)
        with clock.stage("show"):
            shown = _show(run.out, store, patrol, flown.flights, bars)
        with clock.stage("score"):
            score = _score(patrol, flown, store)
    return {**score, "map": shown, "seconds": {**clock.seconds, "total": round(sum(clock.seconds.values()), 2)}}


def _operation(out: Path) -> OperationStore:
    from operations.arrow_alone import leave_pandas_out
    from operations.store import OperationStore

    leave_pandas_out()
    return OperationStore.create(out / "operation", name="Demo patrol", actor="demo", clock=utc_now_ns)


def _in_turn(run: DemoRun, patrol: _Patrol, store: OperationStore, clock: _Clock, bars: Progress) -> _Flown:
    """Fly, film and read one after another."""
    from vedette.demo.film import FPS, QUICK_FPS, Shooting, film_flights
    from vedette.demo.flight import Pace, fly_plan

    pace = Pace(seed=run.seed, speedup=run.speedup)
    with clock.stage("fly"):
        flights = fly_plan(patrol.brief, patrol.plan, run.out / "flight", pace, bars)
    with clock.stage("film"):
        fps = QUICK_FPS if run.quick else FPS
        shooting = Shooting(terrain=EXAMPLE / "terrain.tif", folder=run.out / "downlink", seed=run.seed, fps=fps)
        films = film_flights(patrol.brief, flights, shooting, bars)
    with clock.stage("ingest"):
        truth_of = _ingest(store, films, run.model, bars)
    return _Flown(flights=flights, truth_of=truth_of, live={}, live_truth_of={})


def _live(run: DemoRun, patrol: _Patrol, clock: _Clock, bars: Progress) -> _Flown:
    """Fly, film and watch at once."""
    from vedette.demo.flight import Pace
    from vedette.demo.live import LivePlan, Poses, fly_and_watch

    job = LivePlan(
        brief=patrol.brief,
        plan=patrol.plan,
        terrain=EXAMPLE / "terrain.tif",
        model=run.model,
        pace=Pace(seed=run.seed, speedup=run.speedup),
        poses=Poses(run.poses),
    )
    with clock.stage("fly, film and watch"):
        flights, watched = fly_and_watch(job, run.out, bars)
    reports = [one.report for one in watched]
    return _Flown(
        flights=flights,
        truth_of={recording["sha256"]: one.truth for one in watched for recording in one.report["recordings"]},
        live={
            "poses": run.poses,
            "frames": sum(report["frames"] for report in reports),
            "camera_late_s": round(max(one.late_s for one in watched), 2),
            "dropped_share": round(max(report["dropped_share"] for report in reports), 4),
            "delay_p95_s": round(max(report["delay_p95_s"] for report in reports), 2),
            "problems": sorted({text for report in reports for one in report["live_runs"] for text in one["problems"]}),
        },
        live_truth_of={one_run["run"]: one.truth for one in watched for one_run in one.report["live_runs"]},
    )


def _plan(run: DemoRun, bars: Progress) -> _Patrol:
    from geo.terrain_file import read_terrain
    from missions.briefs.brief_file import read_brief
    from missions.plan_files.plan_folder_file import write_plan_folder
    from missions.tasks.plan_door import plan_brief

    if not EXAMPLE.is_dir():
        raise InputError(f"the example brief is missing: {EXAMPLE} does not exist; install Vedette anew")
    task = bars.add_task("plan", total=1)
    brief = read_brief(EXAMPLE / ("stretch.toml" if run.poses or run.quick else "brief.toml"))
    planned = plan_brief(brief)
    plan = planned.plan
    write_plan_folder(planned, run.out / "plan")
    bars.update(task, completed=1, description=f"plan: {len(plan.sorties)} sorties")
    asked = ", ".join(f"{v.name} {v.value:g}" for v in plan.sorties[0].vehicle_parameters)
    bars.console.print(f"set on the vehicles, as the plan asks: {asked}", soft_wrap=True)
    if not plan.feasible:
        raise RefusedError(f"the example's plan breaks a rule: {plan.findings[0].message}")
    return _Patrol(brief=brief, plan=plan, terrain=read_terrain(EXAMPLE / "terrain.tif"))


def _ingest(store: OperationStore, films: list[Film], model: Path | None, bars: Progress) -> dict[str, Path]:
    """Read the films in; returns the truth of each by the recording's id."""
    from detection.model_file import load_detector
    from detection.model_manifest_file import sha256_of
    from geo.terrain_file import read_terrain
    from operations.ingest import IngestJob, IngestSettings, ingest
    from vedette.demo.film import SENSOR_SIGMAS

    detector, described = load_detector(model)
    terrain, identity = EXAMPLE / "terrain.tif", f"terrain.tif sha256:{sha256_of(EXAMPLE / 'terrain.tif')}"
    settings = IngestSettings(terrain=read_terrain(terrain), terrain_identity=identity, sigmas=SENSOR_SIGMAS)
    job = IngestJob(store=store, detector=detector, model=described, settings=settings)
    truth_of = {}
    for film in films:
        task = bars.add_task(f"ingest {film.clip.name}", total=film.frames)
        done = ingest(film.clip, job, watcher=_Tick(bars, task))
        truth_of[done.media.id] = film.truth
    return truth_of


def _join(store: OperationStore) -> None:
    """Join what is likely one thing over both sorties, as `ingest` does for all recordings of one command."""
    from operations.same_things import join_same

    join_same(store)


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
    patrol: _Patrol,
    flights: list[SortieFlight],
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
        content = operation_map(
            archive, Surroundings(brief=patrol.brief, plan=patrol.plan, flights=flown, terrain=patrol.terrain)
        )
    why = Purpose(case="demo", reason="a bundled patrol over made-up ground is shown; nobody in it exists")
    Consultation(store=store, purpose=why).viewed("map", {"path": "map.html", "hits": content.hits})
    report = write_map(content, out / "map.html")
    bars.update(task, completed=1)
    requests = external_references(Path(report.path).read_text(encoding="utf-8"))
    return {"path": report.path, "bytes": report.bytes, "external_requests": requests}


def _score(patrol: _Patrol, flown: _Flown, store: OperationStore) -> dict[str, Any]:
    from vedette.demo import score as demo_score

    flights = flown.flights
    covered_pct = demo_score.flown_coverage_pct(patrol.brief, flights, patrol.terrain)
    live = {}
    if flown.live:
        seen = demo_score.detection_score(store, flown.live_truth_of)
        live = {"live": {**flown.live, **seen["ground"], "recall": seen["detection"]["recall"]}}
    return {
        "plan": demo_score.plan_score(patrol.plan),
        "flight": demo_score.flight_score(flights, covered_pct),
        "ingest": demo_score.ingest_score(store.runs()),
        **live,
        **demo_score.detection_score(store, demo_score.run_ids_of(store, flown.truth_of)),
    }


def score_table(score: dict[str, Any]) -> Table:
    """Return the score as a table, one row a number."""
    table = Table("stage", "measure", "value", title="What was planned, flown, seen and found, against the truth")
    for stage, values in score.items():
        for number, (name, value) in enumerate(values.items()):
            table.add_row(stage if number == 0 else "", name, str(value))
        table.add_section()
    return table
