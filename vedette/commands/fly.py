"""``vedette fly``: a plan onto vehicles, proven, armed on a person's word, and watched until it is down."""

from __future__ import annotations

import dataclasses
import datetime
import math
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geo.errors import InputError, VedetteError
from vedette.approval_keys import APPROVAL_KEYS_VARIABLE, approval_check, signed_by
from vedette.commands import fly_parameters
from vedette.commands.screen import ERRORS, print_json
from vedette.commands.signing_options import SIGNING_KEY_VARIABLE, SIGNING_PASSPHRASE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from missions.flight.approval import Approval
    from missions.flight.run import Flight
    from missions.flight.session import FlightSession, FlightTask
    from missions.flight.values import FlightReport
    from missions.plan import Plan, Sortie
    from vedette.commands.fly_view import FlightScreen

app = typer.Typer(add_completion=False)

EPILOG = (
    'Examples: vedette fly plan/ --approve "A. Name" --reason "night patrol"  ·  '
    "vedette fly plan/ --link udp:127.0.0.1:14550 --yes  ·  "
    "vedette fly plan/ --link tcp:127.0.0.1:5760 --sortie S1 --link tcp:127.0.0.1:5770 --sortie S2"
)


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
    approval_key: Annotated[
        Path | None,
        typer.Option(envvar=SIGNING_KEY_VARIABLE, help="Your key ('vedette keys new'), signs the approval."),
    ] = None,
    approval_passphrase_file: Annotated[
        Path | None, typer.Option(envvar=SIGNING_PASSPHRASE_VARIABLE, help="File or descriptor with its passphrase.")
    ] = None,
    approved_by_key: Annotated[
        list[Path] | None,
        typer.Option(envvar=APPROVAL_KEYS_VARIABLE, help="A .pub file: only approvals signed by such a key count."),
    ] = None,
    signing_key: Annotated[Path | None, typer.Option(help="File with the MAVLink 2 key (64 hex digits).")] = None,
    new_signing_key: Annotated[Path | None, typer.Option(help="Make a new key in this file, and end.")] = None,
    resume_commands: Annotated[
        str, typer.Option(help="Your name: a flight that holds its commands for a second station commands again.")
    ] = "",
    enable_fence: Annotated[bool, typer.Option(help="Switch the vehicle's fence on before arming.")] = True,
    set_parameters: Annotated[
        bool,
        typer.Option("--set-parameters", help="Set the vehicle's failsafes, returns, fence and speeds as asked."),
    ] = False,
    restore_parameters: Annotated[
        Path | None, typer.Option(help="Put back what a vehicle held (flights/*.parameters.json), and end.")
    ] = None,
    system: Annotated[list[int] | None, typer.Option(help="System id expected on each link.")] = None,
    station: Annotated[int, typer.Option(min=1, max=255, help="Our own MAVLink system id.")] = 255,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")] = False,
) -> None:
    """Upload a plan, prove it is there, check the vehicle, arm on your word, and watch the flight."""
    from missions.flight.approval_file import read_plan_to_fly, require_approval
    from missions.flight.session import FlightSession, SessionSettings
    from vedette.commands.fly_view import FlightScreen

    if new_signing_key is not None:
        _make_key(new_signing_key)
        return
    folder = plan if plan.is_dir() else plan.parent
    made = read_plan_to_fly(plan, _now())
    if resume_commands:
        _resume_commands(made, folder, resume_commands, reason, sortie or [])
        return
    if approve or reason or override:
        given = _approval(made, approve, reason, tuple(override or ()))
        _keep(signed_by(given, approval_key, approval_passphrase_file), made, folder)
        if not link:
            return
    approval = require_approval(made, folder, _now(), approval_check(approved_by_key or []))
    tasks = _tasks(made, folder, link or [], sortie or [], resume=resume)
    tasks = _with_systems(tasks, system or [])
    settings = SessionSettings(signing_key=signing_key, enable_fence=enable_fence, station=station)
    with FlightSession(folder, made, approval, settings) as session, FlightScreen(len(tasks)) as screen:
        for task in tasks:
            session.add(task, on_status=screen.update, pilot=screen.pilot_of(task.sortie.name))
        for warning in session.warnings:
            ERRORS.print(warning)
        if restore_parameters is not None:
            fly_parameters.restore(session.flights, restore_parameters, folder, _now)
            return
        try:
            reports = _run(session, screen, fly_parameters.setter(folder, _now) if set_parameters else None, yes=yes)
        except VedetteError as error:
            if as_json:
                print_json({**summary([]), "refused": error.message})
            raise
    _finish(reports, screen, as_json=as_json)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _approval(plan: Plan, name: str, reason: str, overrides: tuple[str, ...]) -> Approval:
    from missions.flight.approval_file import approve

    return approve(plan, name=name, reason=reason, now=_now(), overrides=overrides)


def _keep(approval: Approval, plan: Plan, folder: Path) -> None:
    from missions.flight.approval_file import log_event, write_approval

    write_approval(approval, folder)
    log_event(folder, _now(), "approved", **dataclasses.asdict(approval))
    signed = "signed" if approval.note else "not signed"
    ERRORS.print(f"{approval.name} approved plan {plan.name!r} ({plan.sha256[:12]}), {signed}")


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


def _tasks(plan: Plan, folder: Path, links: list[str], names: list[str], *, resume: bool) -> list[FlightTask]:
    """Pair links with sorties: one each, named or in the plan's order."""
    from missions.flight import choose_sortie
    from missions.flight.session import FlightTask

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
        return [FlightTask(sortie=s, link=url) for s, url in zip(sorties, links, strict=True)]
    return [_resumed(plan, folder, s, url) for s, url in zip(sorties, links, strict=True)]


def _resumed(plan: Plan, folder: Path, sortie: Sortie, url: str) -> FlightTask:
    from missions.flight.progress_file import read_progress
    from missions.flight.resume import resume_item, way_is_clear
    from missions.flight.session import FlightTask
    from missions.plan_files.plan_border_file import read_plan_border

    last = read_progress(folder, plan, sortie.name)
    item = resume_item(sortie, int(last.get("resume_seq", -1)))
    if item is None:
        return FlightTask(sortie=sortie, link=url)
    wrong = way_is_clear(sortie, item, read_plan_border(folder), plan.required_standoff_m)
    if wrong:
        ERRORS.print(f"{sortie.name}: {wrong}; it is flown from its start")
        return FlightTask(sortie=sortie, link=url)
    return FlightTask(sortie=sortie, link=url, resume_seq=item.seq)


def _with_systems(tasks: list[FlightTask], systems: list[int]) -> list[FlightTask]:
    if not systems:
        return tasks
    if len(systems) != len(tasks):
        raise InputError(f"{len(systems)} system ids for {len(tasks)} links; give one --system for each --link")
    return [dataclasses.replace(task, system=system) for task, system in zip(tasks, systems, strict=True)]


def _run(
    session: FlightSession, screen: FlightScreen, before_check: Callable[[Flight], None] | None, *, yes: bool
) -> list[FlightReport | VedetteError]:
    try:
        session.prepare(before_check)
    finally:
        for flight in session.flights:
            screen.show_preflight(flight)
    if not (screen.start_keys() if yes else _ask(session.flights, screen)):
        session.refuse(
            "the person did not say yes",
            "not armed: you did not say yes; the plan is on the vehicle and nothing has moved",
        )
    return session.fly()


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
