"""``vedette fly``: a plan onto vehicles, proven, armed on a person's word, and watched until it is down."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import math
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geo.errors import InputError, RefusedError, VedetteError
from vedette.commands.screen import ERRORS, print_json

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from missions.flight.approval_file import Approval
    from missions.flight.run import Flight
    from missions.flight.values import FlightReport
    from missions.plan import Plan, Sortie
    from vedette.commands.fly_view import FlightScreen

app = typer.Typer(add_completion=False)

EPILOG = (
    'Examples: vedette fly plan/ --approve "A. Name" --reason "night patrol"  ·  '
    "vedette fly plan/ --link udp:127.0.0.1:14550 --yes  ·  "
    "vedette fly plan/ --link tcp:127.0.0.1:5760 --sortie S1 --link tcp:127.0.0.1:5770 --sortie S2"
)


_CLOCK_SLACK_S = 60.0
"""What MAVLink signing allows a new stream to be behind."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One sortie, the link it is flown on, and the item it goes on at (-1: from the start)."""

    sortie: Sortie
    link: str
    resume_seq: int = -1


@app.command(epilog=EPILOG)
def fly(
    plan: Annotated[Path, typer.Argument(help="Plan folder made by vedette plan.")],
    link: Annotated[
        list[str] | None,
        typer.Option(help="udp:HOST:PORT (listen), udpout:HOST:PORT, tcp:HOST:PORT, serial:DEVICE:BAUD; may repeat."),
    ] = None,
    sortie: Annotated[list[str] | None, typer.Option(help="Sortie for each link, in order.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Arm without asking.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the last flight's coverage stopped.")] = False,
    approve: Annotated[str, typer.Option(help="Your name: approve this plan, exactly as it is now.")] = "",
    reason: Annotated[str, typer.Option(help="Why; goes into the approval.")] = "",
    override: Annotated[list[str] | None, typer.Option(help="Preflight rule to let pass, with --approve.")] = None,
    signing_key: Annotated[Path | None, typer.Option(help="File with the MAVLink 2 key (64 hex digits).")] = None,
    new_signing_key: Annotated[Path | None, typer.Option(help="Make a new key in this file, and end.")] = None,
    resume_commands: Annotated[
        str, typer.Option(help="Your name: a flight that holds its commands for a second station commands again.")
    ] = "",
    enable_fence: Annotated[bool, typer.Option(help="Switch the vehicle's fence on before arming.")] = True,
    system: Annotated[list[int] | None, typer.Option(help="System id expected on each link.")] = None,
    station: Annotated[int, typer.Option(min=1, max=255, help="Our own MAVLink system id.")] = 255,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")] = False,
) -> None:
    """Upload a plan, prove it is there, check the vehicle, arm on your word, and watch the flight."""
    from missions.flight.approval_file import log_event, require_approval
    from missions.plan_files.plan_folder_file import read_plan_folder
    from vedette.commands.fly_view import FlightScreen

    if new_signing_key is not None:
        _make_key(new_signing_key)
        return
    folder = plan if plan.is_dir() else plan.parent
    made = read_plan_folder(plan)
    if resume_commands:
        _resume_commands(made, folder, resume_commands, reason, sortie or [])
        return
    if approve or reason or override:
        _approve(made, folder, approve, reason, tuple(override or ()))
        if not link:
            return
    approval = require_approval(made, folder, _now())
    tasks = _tasks(made, folder, link or [], sortie or [], resume=resume)
    border = read_border(folder)
    with contextlib.ExitStack() as opened, FlightScreen(len(tasks)) as screen:
        flights = [
            _flight(task, made, approval, border, folder, screen, opened, signing_key, enable_fence, station, expected)
            for task, expected in zip(tasks, _systems(system or [], len(tasks)), strict=True)
        ]
        try:
            reports = _run(flights, screen, yes=yes, folder=folder)
        except VedetteError as error:
            if as_json:
                print_json({**summary([]), "refused": error.message})
            raise
    for flight, report in zip(flights, reports, strict=True):
        if isinstance(report, VedetteError):
            log_event(folder, _now(), "refused", sortie=flight.sortie.name, why=report.message)
            continue
        _keep(folder, made, report)
        log_event(folder, _now(), "flown", approved_by=approval.name, plan_sha256=made.sha256, **report.as_json())
    _finish(reports, screen, as_json=as_json)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _approve(plan: Plan, folder: Path, name: str, reason: str, overrides: tuple[str, ...]) -> None:
    from missions.flight.approval_file import approve, log_event, write_approval

    approval = approve(plan, name=name, reason=reason, now=_now(), overrides=overrides)
    write_approval(approval, folder)
    log_event(folder, _now(), "approved", **dataclasses.asdict(approval))
    ERRORS.print(f"{approval.name} approved plan {plan.name!r} ({plan.sha256[:12]})")


def _make_key(path: Path) -> None:
    from missions.links.signing_key_file import make_key

    make_key(path)
    ERRORS.print(f"{path}: a new signing key; give the vehicle the same one")


def _resume_commands(plan: Plan, folder: Path, name: str, reason: str, sorties: list[str]) -> None:
    """Hand a person's decision to the running flights of a plan, in another process."""
    from missions.flight import choose_sortie
    from missions.flight.approval_file import log_event
    from missions.flight.command_hold import CommandRelease
    from missions.flight.command_release_file import write_release

    release = CommandRelease(name=name, reason=reason)
    chosen = [choose_sortie(plan, s).name for s in sorties] or [s.name for s in plan.sorties]
    for sortie in chosen:
        write_release(folder / "flights", sortie, release, _now())
        log_event(folder, _now(), "resume_commands_asked", sortie=sortie, name=name, reason=reason)
    ERRORS.print(f"{name} lets {', '.join(chosen)} command again; a flight that holds takes it at once")


def _tasks(plan: Plan, folder: Path, links: list[str], names: list[str], *, resume: bool) -> list[Task]:
    """Pair links with sorties: one each, named or in the plan's order."""
    from missions.flight import choose_sortie

    if not links:
        raise InputError("--link is missing: say how to reach the vehicle, for example --link udp:0.0.0.0:14550")
    if not names and len(links) == len(plan.sorties):
        names = [s.name for s in plan.sorties]
    if len(names) != len(links):
        has = ", ".join(s.name for s in plan.sorties)
        raise InputError(
            f"give one --sortie for each --link: {len(links)} --link, {len(names)} --sortie; the plan has {has}"
        )
    if len(set(names)) != len(names):
        raise InputError("a sortie is named twice; each is flown by one vehicle")
    sorties = [choose_sortie(plan, name) for name in names]
    if not resume:
        return [Task(sortie=s, link=url) for s, url in zip(sorties, links, strict=True)]
    return [_resumed(plan, folder, s, url) for s, url in zip(sorties, links, strict=True)]


def _resumed(plan: Plan, folder: Path, sortie: Sortie, url: str) -> Task:
    from missions.flight.resume import resume_item, way_is_clear

    path = _progress_path(folder, sortie.name)
    if not path.is_file():
        raise InputError(f"sortie {sortie.name!r} has not been flown yet ({path} is missing); fly it without --resume")
    last = _read_object(path)
    if last.get("plan_sha256") != plan.sha256:
        raise RefusedError(f"{path} is of another plan; fly {sortie.name!r} without --resume")
    if last.get("completed"):
        raise RefusedError(f"sortie {sortie.name!r} was completed; there is nothing to resume")
    item = resume_item(sortie, int(last.get("resume_seq", -1)))
    if item is None:
        return Task(sortie=sortie, link=url)
    wrong = way_is_clear(sortie, item, read_border(folder), plan.required_standoff_m)
    if wrong:
        ERRORS.print(f"{sortie.name}: {wrong}; it is flown from its start")
        return Task(sortie=sortie, link=url)
    return Task(sortie=sortie, link=url, resume_seq=item.seq)


def _systems(systems: list[int], count: int) -> list[int | None]:
    if systems and len(systems) != count:
        raise InputError(f"{len(systems)} system ids for {count} links; give one --system for each --link")
    return list(systems) or [None] * count


def _read_object(path: Path) -> dict[str, Any]:
    from missions.documents.whole_file import read_text

    try:
        value = json.loads(read_text(path))
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}); make it again, or remove it") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} is damaged (no JSON object); make it again, or remove it")
    return value


def read_border(folder: Path) -> BaseGeometry | None:
    """Return the border line of a plan folder, longitude/latitude; None where the folder has none."""
    import shapely

    path = folder / "area.geojson"
    if not path.is_file():
        return None
    try:
        features = [f for f in _read_object(path)["features"] if f["properties"].get("kind") == "border"]
        lines = [shapely.from_geojson(json.dumps(f["geometry"])) for f in features]
    except (KeyError, TypeError, AttributeError, shapely.errors.GEOSException) as error:
        raise InputError(f"{path} is damaged ({type(error).__name__}: {error}); plan the brief again") from None
    return shapely.union_all(lines) if lines else None


def _flight(
    task: Task,
    plan: Plan,
    approval: Approval,
    border: BaseGeometry | None,
    folder: Path,
    screen: FlightScreen,
    opened: contextlib.ExitStack,
    signing_key: Path | None,
    enable_fence: bool,
    station: int,
    system: int | None,
) -> Flight:
    from missions.flight.command_release_file import release_reader
    from missions.flight.run import Flight
    from missions.flight.values import FlightOptions
    from missions.links.link import open_link
    from missions.links.signing_key_file import open_signer
    from missions.links.tlog_file import TlogRecorder

    (folder / "flights").mkdir(exist_ok=True)
    signer = open_signer(signing_key, task.sortie.name) if signing_key is not None else None
    path = folder / "flights" / f"{task.sortie.name}-{_now():%Y%m%dT%H%M%S.%f}.tlog"
    recorder = opened.enter_context(TlogRecorder(path))
    link = opened.enter_context(open_link(task.link, own_system=station, recorder=recorder, signer=signer))
    options = FlightOptions(
        system=system,
        dialect=plan.dialect,
        border=border,
        required_standoff_m=plan.required_standoff_m,
        overrides=frozenset(o.rule for o in approval.overrides),
        enable_fence=enable_fence,
        resume_seq=task.resume_seq,
    )
    if signer is not None and signer.marks_ahead_s > _CLOCK_SLACK_S:
        ERRORS.print(_clock_warning(task.sortie.name, signer.marks_ahead_s))
    return Flight(
        link,
        task.sortie,
        options,
        on_status=screen.update,
        pilot=screen.pilot_of(task.sortie.name),
        release=release_reader(folder / "flights", task.sortie.name, _now()),
    )


def _clock_warning(sortie: str, ahead_s: float) -> str:
    return (
        f"{sortie}: the signing marks are {ahead_s / 3600.0:.1f} h ahead of this computer's clock; "
        "set the clock right, or a vehicle new to this link is taken for a replay"
    )


def _run(flights: list[Flight], screen: FlightScreen, *, yes: bool, folder: Path) -> list[FlightReport | VedetteError]:
    from missions.flight.approval_file import log_event
    from missions.flight.deviation import work_flown_pct
    from missions.flight.fleet import fly_together, prepare

    try:
        prepare(flights)
    except RefusedError as error:
        for flight in flights:
            screen.show_preflight(flight)
        log_event(folder, _now(), "refused", why=error.message)
        raise
    for flight in flights:
        screen.show_preflight(flight)
    if not (screen.start_keys() if yes else _ask(flights, screen)):
        log_event(folder, _now(), "refused", why="the person did not say yes")
        raise RefusedError("not armed: you did not say yes; the plan is on the vehicle and nothing has moved")
    return fly_together(flights, work_flown_pct)


def _ask(flights: list[Flight], screen: FlightScreen) -> bool:
    """Ask for the yes while every link is kept alive."""
    answered = threading.Event()
    attending = [threading.Thread(target=f.attend, args=(answered.is_set,), daemon=True) for f in flights]
    for thread in attending:
        thread.start()
    try:
        return screen.confirm(flights)
    finally:
        answered.set()
        for thread in attending:
            thread.join()


def _progress_path(folder: Path, sortie: str) -> Path:
    return folder / "flights" / f"{sortie}.json"


def _keep(folder: Path, plan: Plan, report: FlightReport) -> None:
    from missions.documents.whole_file import write_whole

    kept = {"plan_sha256": plan.sha256, "resume_seq": report.resume_seq, **report.as_json()}
    write_whole(_progress_path(folder, report.sortie), json.dumps(kept, indent=1) + "\n")


def summary(reports: list[FlightReport]) -> dict[str, Any]:
    """Return the one object `--json` ends with: the worst of all flights, and each flight."""

    def worst(values: list[float], choose: Any) -> float | None:
        known = [v for v in values if math.isfinite(v)]
        return round(choose(known), 3) if known else None

    return {
        "uploaded_items": sum(r.uploaded_items for r in reports),
        "readback_equal": bool(reports) and all(r.readback_equal for r in reports),
        "completed": bool(reports) and all(r.completed for r in reports),
        "coverage_pct": worst([r.coverage_pct for r in reports], min),
        "max_cross_track_m": worst([r.max_cross_track_m for r in reports], max),
        "min_standoff_m": worst([r.min_standoff_m for r in reports], min),
        "min_battery_pct": worst([r.min_battery_pct for r in reports], min),
        "flight_s": worst([r.flight_s for r in reports], max),
        "link_losses": sum(r.link_losses for r in reports),
        "findings": [finding for r in reports for finding in r.as_json()["findings"]],
        "flights": [r.as_json() for r in reports],
    }


def _finish(results: list[FlightReport | VedetteError], screen: FlightScreen, *, as_json: bool) -> None:

    reports = [r for r in results if not isinstance(r, VedetteError)]
    refused = [r for r in results if isinstance(r, VedetteError)]
    screen.show_reports(reports)
    if as_json:
        print_json(summary(reports))
    if refused:
        raise refused[0]
    if any(not r.completed or r.findings for r in reports):
        raise typer.Exit(1)
