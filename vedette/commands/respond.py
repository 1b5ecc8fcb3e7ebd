"""``vedette respond``: an alarm at a place becomes a judged sortie; a named person releases it."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from geo.errors import InputError, RefusedError
from telemetry.tracks.stated_times import parse_moment
from vedette.approval_keys import approval_check, known_keys, signed_here
from vedette.commands.findings_view import print_findings
from vedette.commands.map_command import write_plan_map
from vedette.commands.places import read_place
from vedette.commands.screen import ERRORS, RESULTS, line, print_json, tell_terrain_problems, tell_zone_notes

if TYPE_CHECKING:
    from missions.plan import Plan
    from missions.tasks.response import Response

app = typer.Typer(no_args_is_help=True, add_completion=False)

EPILOG = (
    "Examples: vedette respond plan/ --brief brief.toml --at 47.379,112.596 --now +35 --out alarm/  ·  "
    'vedette respond alarm/ --release "A. Name" --reason "group at the ford" --link udp:0.0.0.0:14550'
)
FILE_NAME: Final = "response.json"


@app.command(epilog=EPILOG)
def respond(  # noqa: PLR0913 - one parameter per option
    plan: Annotated[Path, typer.Argument(help="Plan folder being flown; with --release, the folder of a response.")],
    at: Annotated[str | None, typer.Option(help="LAT,LON of the alarm, degrees.")] = None,
    now: Annotated[
        str | None, typer.Option(help="When the alarm came: a time with a zone, or +MINUTES since the patrol began.")
    ] = None,
    brief: Annotated[Path | None, typer.Option(help="The plan's brief; default: brief.toml in its folder.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the response.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files in the folder that are not ours.")] = False,
    release: Annotated[str, typer.Option(help="Your name: let the aircraft in the air fly this response.")] = "",
    reason: Annotated[str, typer.Option(help="Why; goes into the approval.")] = "",
    link: Annotated[str | None, typer.Option(help="Where the aircraft is reached, as for vedette fly.")] = None,
    system: Annotated[int | None, typer.Option(help="Its system id; default: the first that speaks.")] = None,
    signing_key: Annotated[Path | None, typer.Option(help="File with the MAVLink 2 key (64 hex digits).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as one JSON object.")] = False,
) -> None:
    """Answer an alarm with a sortie of the aircraft that is there soonest, from its site or from where it flies.

    The sortie is judged like any other and only written: nothing flies before a named person releases it. One that
    begins on the ground is approved and flown with vedette fly; one that begins in the air with --release. Exit status:
    0 done, 1 done with findings, 2 unusable input, 3 refused by a rule.
    """
    if release or reason or link:
        _release(plan, (release, reason), link, system, signing_key, as_json=as_json)
        return
    if at is None or now is None or out is None:
        raise InputError("give --at LAT,LON, --now TIME and --out FOLDER (see vedette respond --help)")
    response = answered(plan, brief, read_place(at, "--at"), now)
    written(response, out, force=force)
    if as_json:
        print_json(told_of(response))
    else:
        _show(response, out)
    if response.planned.plan.findings:
        raise typer.Exit(1)


def answered(folder: Path, brief: Path | None, place: tuple[float, float], now: str) -> Response:
    """Return the sortie that answers an alarm: by an aircraft of a plan folder, at a place, from a moment on."""
    from missions.airspace.ground_file import open_situation
    from missions.briefs.brief_file import read_brief
    from missions.plan_files.plan_folder_file import read_plan_folder
    from missions.tasks.response import respond as answer

    made = read_plan_folder(folder)
    kept = (folder if folder.is_dir() else folder.parent) / "brief.toml"
    if brief is None and not kept.is_file():
        raise InputError(f"--brief is missing: {folder} holds no brief.toml; name the brief the plan was made from")
    asked = read_brief(brief or kept)
    situation = open_situation(asked)
    tell_terrain_problems(situation.ground.heights)
    tell_zone_notes(asked)
    return answer(made, situation, lat_deg=place[0], lon_deg=place[1], at_s=_since_start_s(made, now))


def _since_start_s(plan: Plan, text: str) -> float:
    """Return seconds since the patrol began."""
    if text.startswith("+"):
        try:
            minutes = float(text[1:])
        except ValueError:
            minutes = math.nan
        if not math.isfinite(minutes):
            raise InputError(f"--now {text!r} is not +MINUTES, for example +35")
        return minutes * 60.0
    moment_ns = parse_moment(text, "--now")
    if not plan.start_utc or moment_ns is None:
        raise InputError("the plan does not say when the patrol began; give --now as +MINUTES since then")
    start_ns = parse_moment(plan.start_utc, "the plan's start")
    if start_ns is None or moment_ns < start_ns:
        raise InputError(f"--now {text} is before the patrol begins ({plan.start_utc})")
    return (moment_ns - start_ns) / 1e9


def told_of(response: Response) -> dict[str, Any]:
    """Return a response in figures."""
    plan = response.planned.plan
    return {
        "plan_sha256": plan.sha256,
        "aircraft": response.who.aircraft,
        "airborne": response.who.sortie is not None,
        "site": response.who.site,
        "arrives_in_s": round(response.arrives_in_s, 1),
        "first_item": response.first_item,
        "passed_over": list(response.passed_over),
    }


def written(response: Response, out: Path, *, force: bool) -> None:
    """Write a response's folder: nothing flies by that."""
    from missions.documents.whole_file import write_whole
    from missions.plan_files.plan_folder_file import write_plan_folder

    write_plan_folder(response.planned, out, force=force)
    write_plan_map(response.planned, out)
    write_whole(out / FILE_NAME, json.dumps(told_of(response), indent=1) + "\n")


def _show(response: Response, out: Path) -> None:
    who, plan = response.who, response.planned.plan
    where = f"turned from {who.sortie.name}" if who.sortie is not None else f"from {who.site}"
    minutes, left = response.arrives_in_s / 60.0, plan.sorties[0].legs[-1].battery_end_pct
    RESULTS.print(
        line((who.aircraft, "bold"), f", {where}: watches the place in {minutes:.1f} min; lands with {left:.0f} %")
    )
    for told in response.passed_over:
        RESULTS.print(f"  passed over: {told}")
    print_findings(RESULTS, plan.findings, every=False)
    how = (
        f'vedette respond {out} --release "NAME" --reason "TEXT" --link LINK'
        if who.sortie is not None
        else f'vedette fly {out} --approve "NAME" --reason "TEXT" --link LINK'
    )
    RESULTS.print(f"  written to {out}; nothing flies before a person releases it: {how}", soft_wrap=True)


def _release(
    folder: Path, word: tuple[str, str], link: str | None, system: int | None, key: Path | None, *, as_json: bool
) -> None:
    from missions.documents.whole_file import read_text
    from missions.flight.approval_file import (
        ACCEPTED_BY_NAME,
        approve,
        log_event,
        read_plan_to_fly,
        require_approval,
        write_approval,
    )
    from missions.flight.divert import DivertOptions, divert
    from missions.links.link import open_link
    from missions.links.signing_key_file import open_signer
    from missions.links.tlog_file import TlogRecorder

    made = read_plan_to_fly(folder, _now())
    try:
        told = json.loads(read_text(folder / FILE_NAME))
        first_item, airborne, sha256 = int(told["first_item"]), bool(told["airborne"]), str(told["plan_sha256"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder / FILE_NAME} is damaged ({type(error).__name__}); ask for a new response") from None
    if sha256 != made.sha256 or not 0 <= first_item < len(made.sorties[0].items):
        raise RefusedError(f"{folder / FILE_NAME} is of another plan; ask for a new response", rule="approval")
    if not airborne:
        raise InputError(f"the response begins on the ground; fly it with: vedette fly {folder} --approve NAME")
    if link is None:
        raise InputError("--link is missing: say how to reach the aircraft, for example --link udp:0.0.0.0:14550")
    accepted = [f for f in made.findings if f.rule in ACCEPTED_BY_NAME]
    for finding in accepted:
        ERRORS.print(f"{word[0]} accepts: {finding.message}", soft_wrap=True)
    named = tuple(dict.fromkeys(f.rule for f in accepted))
    approval = approve(made, name=word[0], reason=word[1], now=_now(), overrides=named)
    write_approval(signed_here(approval), folder)
    log_event(folder, _now(), "approved", name=approval.name, reason=approval.reason, plan_sha256=made.sha256)
    require_approval(made, folder, _now(), approval_check(known_keys()))
    (folder / "flights").mkdir(exist_ok=True)
    options = DivertOptions(dialect=made.dialect, first_item=first_item, system=system)
    with contextlib.ExitStack() as opened:
        signer = open_signer(key, made.sorties[0].name) if key is not None else None
        recorder = opened.enter_context(TlogRecorder(folder / "flights" / f"release-{_now():%Y%m%dT%H%M%S}.tlog"))
        reached = opened.enter_context(open_link(link, recorder=recorder, signer=signer))
        try:
            done = divert(reached, made.sorties[0], options)
        except RefusedError as error:
            log_event(folder, _now(), "refused", why=error.message)
            raise
    log_event(folder, _now(), "released", name=approval.name, system=done.system, seconds=round(done.seconds, 2))
    if as_json:
        print_json({"system": done.system, "items": done.items, "seconds": round(done.seconds, 2)})
    else:
        ERRORS.print(f"system {done.system} flies to the alarm, {done.seconds:.1f} s after {approval.name} released it")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
