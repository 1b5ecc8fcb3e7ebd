"""``vedette plan``: from a brief, or from a border line and a few options, to a plan folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from geo.errors import InputError
from vedette.commands.brief_options import (
    AircraftTypes,
    AvoidFiles,
    BorderFile,
    Count,
    DepthM,
    DialectName,
    KeepInFile,
    Lanes,
    Launch,
    OwnSide,
    RallyPoints,
    Returns,
    RevisitMin,
    StandoffM,
    Winds,
    Zones,
    brief_of,
    require_one,
)
from vedette.commands.ground_options import TerrainDatum, TerrainFile
from vedette.commands.imported import keep_what_is_imported
from vedette.commands.map_command import write_plan_map
from vedette.commands.plan_view import show_plan
from vedette.commands.purpose_options import CaseNumber, Reason
from vedette.commands.question_options import Actor, Asker
from vedette.commands.screen import RESULTS, print_json, tell_terrain_problems, tell_zone_notes
from vedette.commands.secret_options import KeyFile, PassphraseFile

app = typer.Typer(add_completion=False)

EPILOG = (
    "Examples: vedette plan examples/demo/brief.toml --out plan/  ·  "
    "vedette plan --border line.geojson --own-side left --standoff-m 300 --depth-m 800 "
    "--launch 47.38,112.58 --aircraft quad-survey --out plan/"
)


@app.command(epilog=EPILOG)
def plan(
    brief: Annotated[Path | None, typer.Argument(help="Brief (TOML); or use --border and its options.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the plan.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files in the folder that are not ours.")] = False,
    border: BorderFile = None,
    own_side: OwnSide = None,
    standoff_m: StandoffM = None,
    depth_m: DepthM = None,
    launch: Launch = None,
    aircraft: AircraftTypes = None,
    count: Count = None,
    zone: Zones = None,
    keep_in: KeepInFile = None,
    avoid: AvoidFiles = None,
    terrain: TerrainFile = None,
    terrain_datum: TerrainDatum = None,
    wind: Winds = None,
    revisit_min: RevisitMin = None,
    lanes: Lanes = None,
    dialect: DialectName = None,
    rally: RallyPoints = None,
    returns: Returns = None,
    learn: Annotated[
        list[Path] | None,
        typer.Option("--learn", help="Operation to learn from where to look more often; again for more."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of what chance places, with --learn; kept in the plan.")
    ] = None,
    random_share: Annotated[
        float,
        typer.Option(min=0.15, max=1.0, help="Least share of extra time that chance places (--learn)."),
    ] = 0.2,
    case: CaseNumber = None,
    reason: Reason = None,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    actor: Actor = None,
    every: Annotated[bool, typer.Option("--all", help="Show every sortie and finding, also many of one rule.")] = False,
    template: Annotated[bool, typer.Option("--template", help="Print a commented brief to start from.")] = False,
) -> None:
    """Plan a patrol: from a brief, or at once from a border line.

    What is given beside a brief holds instead of what the brief says; zones, avoided ground and rally points besides.
    With --learn, aircraft that the guaranteed revisit leaves over fly where verdicts, outcomes and empty looks of
    earlier nights say that looks pay most; the guarantee stays as it is.
    """
    if template:
        from missions.briefs.brief_template import template as commented_brief

        typer.echo(commented_brief(), nl=False)
        return
    from missions.airspace.ground_file import open_situation
    from missions.briefs.brief_written_file import write_brief
    from missions.plan_files.plan_folder_file import summary, write_plan_folder
    from missions.tasks.border_patrol import BorderPatrol
    from missions.tasks.plan_door import answered
    from vedette.commands.plan_learned import Lesson
    from vedette.commands.plan_seen import bundled_calibration, lanes_seen

    keep_what_is_imported()
    options = {
        "border": border, "own_side": own_side, "standoff_m": standoff_m, "depth_m": depth_m, "launch": launch,
        "aircraft": aircraft, "count": count, "zone": zone, "keep_in": keep_in, "avoid": avoid,
        "terrain": terrain, "terrain_datum": terrain_datum, "wind": wind,
        "revisit_min": revisit_min, "lanes": lanes, "dialect": dialect,
        "rally": rally, "returns": returns,
    }  # fmt: skip
    require_one(brief, border)
    if out is None:
        raise InputError("--out is missing: name the folder to write the plan into")
    asked, tables = brief_of(brief, options)
    asker = Asker(actor=actor, case=case, reason=reason, key_file=key_file, passphrase_file=passphrase_file)
    lesson = Lesson(operations=learn or (), asker=asker, random_share=random_share, seed=seed)
    situation = open_situation(asked)
    made = answered(situation, BorderPatrol(emphasis=lesson.emphasis(situation) if learn else None))
    tell_terrain_problems(made.situation.ground.heights)
    tell_zone_notes(asked)
    write_plan_folder(made, out, force=force)
    if tables:
        write_brief(tables, out / "brief.toml")
    write_plan_map(made, out)
    known, sight = bundled_calibration(), made.plan.sight
    seen = [] if known is None or sight is None else lanes_seen(sight, asked.flight.alt_agl_m, known)
    if as_json:
        print_json(summary(made) | {"seen_by_model": [dataclasses.asdict(lane) for lane in seen]})
    else:
        show_plan(RESULTS, made, out, seen=seen, every=every)
    if made.plan.findings:
        raise typer.Exit(1)
