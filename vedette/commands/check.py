"""``vedette check``: judge any plan file against its autopilot's rules, its own fence and a brief."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geo.errors import InputError
from geo.near_words import did_you_mean
from vedette.commands.findings_view import print_findings, tally
from vedette.commands.screen import ERRORS, RESULTS, line, print_json, tell_terrain_problems, tell_zone_notes

if TYPE_CHECKING:
    from missions.briefs.brief import Brief
    from missions.checks.autopilot_rules_values import VehicleSettings
    from missions.checks.check import Judgement
    from missions.checks.parameter_file import Parameters
    from missions.plan_files.dialect import Dialect
    from missions.plan_files.plan_document import PlanDocument

app = typer.Typer(no_args_is_help=True, add_completion=False)

EPILOG = (
    "Examples: vedette check mission.plan  ·  vedette check old.waypoints --dialect ardupilot  ·  "
    "vedette check plan/ --brief brief.toml --params vehicle.param --junit check.xml --map check.html"
)


@app.command(epilog=EPILOG)
def check(  # noqa: PLR0913 - one parameter per option
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Plan files of any kind (found by content), folders of them, plan folders, or - for standard input.",
            show_default=False,
        ),
    ],
    brief: Annotated[
        Path | None, typer.Option(help="Judge every leg against this brief: border, zones, ground, battery.")
    ] = None,
    params: Annotated[
        Path | None,
        typer.Option(help="The vehicle's parameters (Mission Planner .param, MAVProxy .parm, QGroundControl .params)."),
    ] = None,
    dialect: Annotated[
        str | None, typer.Option(help="ardupilot or px4; default: what the parameters, then the file say.")
    ] = None,
    vehicle: Annotated[
        str | None,
        typer.Option(help="multirotor, fixed_wing or vtol; default: what the parameters, then the file say."),
    ] = None,
    takeoff_landing: Annotated[
        int | None, typer.Option(min=0, max=4, help="PX4's MIS_TKO_LAND_REQ on the vehicle (PX4's default: 0).")
    ] = None,
    first_waypoint_m: Annotated[
        float | None, typer.Option(help="PX4's MIS_DIST_1WP on the vehicle; 0 for no limit (default 10000).")
    ] = None,
    acceptance_m: Annotated[
        float | None, typer.Option(help="PX4's NAV_ACC_RAD on the vehicle (default 10; 2 of multirotors).")
    ] = None,
    landing_deg: Annotated[float | None, typer.Option(help="PX4's FW_LND_ANG on the vehicle (default 5).")] = None,
    return_alt_m: Annotated[
        float | None, typer.Option(help="RTL height above home on the vehicle; default: the autopilot's (60 or 15 m).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as one JSON object.")] = False,
    aircraft: Annotated[
        str | None, typer.Option(help="Which of the brief's aircraft flies the plans, where it has several.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write the rules and findings here as JUnit XML.")] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", help="Write a map of the plans and findings here (one HTML page).")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Show every finding, also many of one rule.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files there that are not ours.")] = False,
) -> None:
    """Judge plans offline, also those made in another program.

    Legs, turns and ways home are judged, not only waypoints. Exit status: 0 nothing
    found, 1 something found, 2 a file that cannot be read (the others are judged all the same).
    """
    from missions.airspace.ground_file import open_situation
    from missions.briefs.brief_file import read_brief, terrain_of
    from missions.checks.check import as_json as judgement_json
    from missions.checks.check import check_document
    from missions.checks.check_report_file import SCHEMA, write_junit
    from missions.checks.check_tried import Tries
    from missions.checks.parameter_file import read_parameters
    from missions.plan_files.dialect import as_dialect
    from missions.plan_files.plan_sources_file import read_all_plans

    if not force:
        _refuse_foreign(junit, map_file)
    asked = None if brief is None else read_brief(brief)
    tries = Tries(None if asked is None else open_situation(asked), aircraft)
    held = None if params is None else read_parameters(params)
    told = as_dialect(dialect) if dialect is not None else None if held is None else held.dialect
    options = {
        "mis_tko_land_req": takeoff_landing,
        "mis_dist_1wp_m": first_waypoint_m,
        "nav_acc_rad_m": acceptance_m,
        "fw_lnd_ang_deg": landing_deg,
        "return_alt_m": return_alt_m,
    }
    judged, unreadable = [], []
    for name, document in read_all_plans(files):
        if isinstance(document, InputError):
            unreadable.append((name, document.message))
            continue
        settings, missing = _settings(document, vehicle, held, told)
        settings = dataclasses.replace(settings, **{k: v for k, v in options.items() if v is not None})  # type: ignore[arg-type]
        document = dataclasses.replace(document, problems=(*document.problems, *missing))
        judge = partial(check_document, document, name=name, dialect=told, settings=settings)
        judged.append((document, tries.judged(document, judge)))
    if asked is not None:
        tell_terrain_problems(terrain_of(asked))
        tell_zone_notes(asked)
    judgements = [judgement for _, judgement in judged]
    if junit is not None:
        write_junit(judgements, junit, unreadable)
    if as_json:
        failed = [{"name": name, "message": message} for name, message in unreadable]
        print_json({"schema": SCHEMA, "plans": [judgement_json(j) for j in judgements], "unreadable": failed})
    else:
        for judgement in judgements:
            _show(judgement, every=every)
    if map_file is not None and judged:
        _write_map(judged, asked, map_file)
    for _, message in unreadable:
        ERRORS.print(line(("error:", "bold red"), f" {message}"), soft_wrap=True)
    if unreadable:
        raise typer.Exit(2)
    if any(judgement.findings for judgement in judgements):
        raise typer.Exit(1)


def _refuse_foreign(junit: Path | None, map_file: Path | None) -> None:
    """Refuse to write over files that are no reports of ours."""
    from missions.checks.check_report_file import OURS
    from missions.documents.whole_file import refuse_foreign

    if junit is not None:
        refuse_foreign(junit, ours=(OURS,))
    if map_file is not None:
        from maps.page_file import OURS as OUR_PAGE

        refuse_foreign(map_file, ours=(OUR_PAGE,))


def _write_map(judged: list[tuple[PlanDocument, Judgement]], brief: Brief | None, path: Path) -> None:
    from maps.check_map import check_map
    from maps.offline_map import write_map
    from missions.briefs.brief_file import terrain_of

    terrain = None if brief is None else terrain_of(brief)
    path.parent.mkdir(parents=True, exist_ok=True)
    report = write_map(check_map(judged, brief, terrain=terrain), path)
    ERRORS.print(f"{report.path}: {report.bytes / 1e6:.1f} MB; open it in any browser", soft_wrap=True)


def _settings(
    document: PlanDocument, vehicle: str | None, held: Parameters | None, dialect: Dialect | None
) -> tuple[VehicleSettings, tuple[str, ...]]:
    """Return the vehicle's settings, and a sentence on parameters the rules wanted and the file lacks."""
    from missions.checks.autopilot_rules_values import VehicleClass, VehicleSettings, settings_for
    from missions.checks.vehicle_parameters import kind_of, with_parameters
    from missions.plan_files.dialect import Dialect as Known

    settings = settings_for(document.vehicle_type)
    kind = None if held is None else kind_of(held)
    if vehicle is not None:
        try:
            kind = VehicleClass(vehicle)
        except ValueError:
            known = ", ".join(VehicleClass)
            raise InputError(
                f"--vehicle {vehicle!r} is not known{did_you_mean(vehicle, VehicleClass)}; use one of: {known}",
                actual=vehicle,
            ) from None
    if kind is not None:
        settings = VehicleSettings(vehicle=kind)
    if held is None:
        return settings, ()
    found = with_parameters(settings, held, dialect or document.dialect or Known.ARDUPILOT)
    if not found.missing:
        return found.settings, ()
    return found.settings, (f"{held.where} has no {', '.join(found.missing)}; the autopilot's default is taken",)


def _show(judgement: Judgement, *, every: bool) -> None:
    told = (
        f": {judgement.source_format}, {judgement.items} items, {judgement.length_m / 1000:.2f} km, "
        f"judged for {judgement.dialect} {judgement.vehicle} by {len(judgement.rules)} rules"
    )
    RESULTS.print(line((judgement.name, "bold"), told))
    if not judgement.findings:
        RESULTS.print(line("  ", ("nothing found", "green")))
        return
    print_findings(RESULTS, judgement.findings, every=every)
    RESULTS.print(f"  {tally(judgement.findings)}")
