"""``vedette check``: judge any plan file against its autopilot's rules, its own fence and a brief."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from geo.errors import InputError
from vedette.findings_view import print_findings
from vedette.screen import print_json

if TYPE_CHECKING:
    from missions.checks.autopilot_rules_values import VehicleSettings
    from missions.checks.check import Judgement
    from missions.plan_files.plan_document import PlanDocument

app = typer.Typer(no_args_is_help=True, add_completion=False)

EPILOG = (
    "Examples: vedette check mission.plan  ·  vedette check old.waypoints --dialect ardupilot  ·  "
    "vedette check plan/ --brief brief.toml --junit check.xml"
)


@app.command(epilog=EPILOG)
def check(  # noqa: PLR0913 - one parameter per option
    files: Annotated[
        list[Path],
        typer.Argument(help="Plan files of any kind (found by content), or a plan folder.", show_default=False),
    ],
    brief: Annotated[
        Path | None, typer.Option(help="Judge every leg against this brief: border, zones, ground, battery.")
    ] = None,
    dialect: Annotated[str | None, typer.Option(help="ardupilot or px4; default: what the file says.")] = None,
    vehicle: Annotated[
        str | None, typer.Option(help="multirotor, fixed_wing or vtol; default: what the file says.")
    ] = None,
    takeoff_landing: Annotated[int, typer.Option(min=0, max=4, help="PX4's MIS_TKO_LAND_REQ on the vehicle.")] = 0,
    first_waypoint_m: Annotated[
        float, typer.Option(help="PX4's MIS_DIST_1WP on the vehicle; 0 for no limit.")
    ] = 10_000,
    acceptance_m: Annotated[float, typer.Option(help="PX4's NAV_ACC_RAD on the vehicle.")] = 10.0,
    landing_deg: Annotated[float, typer.Option(help="PX4's FW_LND_ANG on the vehicle.")] = 5.0,
    return_alt_m: Annotated[
        float | None, typer.Option(help="RTL height above home on the vehicle; default: the autopilot's (60 or 15 m).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as one JSON object.")] = False,
    junit: Annotated[Path | None, typer.Option(help="Write the rules and findings here as JUnit XML.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Show every finding, also many of one rule.")] = False,
) -> None:
    """Judge plans offline, also those made in another program.

    Legs, turns and ways home are judged, not only waypoints. Exit status: 0 nothing
    found, 1 something found, 2 a file that cannot be read.
    """
    from missions.briefs.brief_file import read_brief
    from missions.checks.check import as_json as judgement_json
    from missions.checks.check import check_document
    from missions.checks.check_report_file import write_junit
    from missions.plan_files.dialect import as_dialect

    asked = None if brief is None else read_brief(brief)
    told = None if dialect is None else as_dialect(dialect)
    judgements = []
    for name, document in _documents(files):
        settings = _settings(document, vehicle)
        settings = dataclasses.replace(
            settings,
            mis_tko_land_req=takeoff_landing,
            mis_dist_1wp_m=first_waypoint_m,
            nav_acc_rad_m=acceptance_m,
            fw_lnd_ang_deg=landing_deg,
            return_alt_m=return_alt_m,
        )
        judgements.append(check_document(document, name=name, dialect=told, settings=settings, brief=asked))
    if junit is not None:
        write_junit(judgements, junit)
    if as_json:
        print_json({"plans": [judgement_json(judgement) for judgement in judgements]})
    else:
        for judgement in judgements:
            _show(judgement, every=every)
    if any(judgement.findings for judgement in judgements):
        raise typer.Exit(1)


def _documents(files: list[Path]) -> list[tuple[str, PlanDocument]]:
    from missions.plan_files.plan_document import document_from_sortie
    from missions.plan_files.plan_file import read_plan_file
    from missions.plan_files.plan_folder_file import read_plan_folder

    found: list[tuple[str, PlanDocument]] = []
    for file in files:
        if file.is_dir() or file.name == "plan.json":
            plan = read_plan_folder(file)
            found += [(f"{plan.name} {s.name}", document_from_sortie(s, plan.dialect)) for s in plan.sorties]
        else:
            found.append((str(file), read_plan_file(file)))
    return found


def _settings(document: PlanDocument, vehicle: str | None) -> VehicleSettings:
    from missions.checks.autopilot_rules_values import VehicleClass, VehicleSettings, settings_for

    if vehicle is None:
        return settings_for(document.vehicle_type)
    try:
        return VehicleSettings(vehicle=VehicleClass(vehicle))
    except ValueError:
        known = ", ".join(VehicleClass)
        raise InputError(f"--vehicle {vehicle!r} is not known; use one of: {known}", actual=vehicle) from None


def _show(judgement: Judgement, *, every: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"[bold]{escape(judgement.name)}[/]: {judgement.source_format}, {judgement.items} items, "
        f"{judgement.length_m / 1000:.2f} km, judged for {judgement.dialect} {judgement.vehicle} "
        f"by {len(judgement.rules)} rules"
    )
    if not judgement.findings:
        console.print("  [green]nothing found[/]")
        return
    print_findings(console, judgement.findings, every=every)
    warnings = len(judgement.findings) - judgement.errors
    console.print(f"  {judgement.errors} errors, {warnings} warnings")
