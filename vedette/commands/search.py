"""``vedette search``: sorties that search an area, a point, a line, or by an IAMSAR pattern."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geo.errors import InputError
from geo.near_words import did_you_mean
from vedette.commands.brief_options import (
    AircraftTypes,
    AvoidFiles,
    BorderFile,
    Count,
    DepthM,
    DialectName,
    KeepInFile,
    Launch,
    OwnSide,
    RallyPoints,
    Returns,
    StandoffM,
    Winds,
    Zones,
    brief_of,
)
from vedette.commands.findings_view import print_findings
from vedette.commands.ground_options import TerrainDatum, TerrainFile
from vedette.commands.imported import keep_what_is_imported
from vedette.commands.map_command import write_plan_map
from vedette.commands.places import read_place
from vedette.commands.screen import RESULTS, line, print_json, tell_terrain_problems, tell_zone_notes

if TYPE_CHECKING:
    from missions.briefs.brief import Brief
    from missions.briefs.places import GeoLine
    from missions.patterns.values import LonLat, PatternKind, PatternPath
    from missions.planned import Planned

app = typer.Typer(no_args_is_help=True, add_completion=False)

EPILOG = (
    "Examples: vedette search area --area field.geojson --brief brief.toml --out search/  ·  "
    "vedette search expanding-square --at 47.379,112.596 --swath-m 80 --brief brief.toml --out search/"
)


@app.command(epilog=EPILOG)
def search(  # noqa: PLR0913 - one parameter per option
    kind: Annotated[
        str,
        typer.Argument(
            help="area, point, expanding-square, sector, parallel-track, creeping-line, route or perimeter.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the plan.")],
    brief: Annotated[Path | None, typer.Option(help="Brief (TOML); or use --border and its options.")] = None,
    area: Annotated[Path | None, typer.Option(help="Polygon file (area, perimeter); holes are not searched.")] = None,
    line: Annotated[Path | None, typer.Option(help="Line file (route).")] = None,
    at: Annotated[str | None, typer.Option(help="LAT,LON of the datum or point.")] = None,
    swath_m: Annotated[float | None, typer.Option(help="Width seen from a track; default: the camera's.")] = None,
    overlap_pct: Annotated[float, typer.Option(min=0, max=80, help="Of the camera's swath, seen twice.")] = 15.0,
    sweep_width_m: Annotated[
        float | None, typer.Option(help="Effective sweep width for the probability of detection.")
    ] = None,
    direction_deg: Annotated[float, typer.Option(help="First leg or long side, clockwise from north.")] = 0.0,
    length_m: Annotated[float, typer.Option(help="Tracks: long side of the rectangle.")] = 0.0,
    width_m: Annotated[float, typer.Option(help="Tracks: short side of the rectangle.")] = 0.0,
    radius_m: Annotated[float, typer.Option(help="Sector or orbit radius.")] = 0.0,
    legs: Annotated[int, typer.Option(help="Expanding square: number of legs.")] = 12,
    laps: Annotated[int, typer.Option(help="Orbit or perimeter laps, sector rounds (1 or 2).")] = 1,
    offset_m: Annotated[float, typer.Option(help="Route: to the right of the line. Perimeter: outside it.")] = 0.0,
    there_and_back: Annotated[bool, typer.Option(help="Route: fly back along it as well.")] = False,
    hover: Annotated[
        bool, typer.Option("--hover", help="Point: hold one place in sight of it, at --radius-m, instead of an orbit.")
    ] = False,
    around_holes: Annotated[
        bool, typer.Option("--around-holes", help="Area: fly around its holes; without it they are only not searched.")
    ] = False,
    earlier_pod: Annotated[
        list[float] | None,
        typer.Option(min=0, max=100, help="POD of an earlier search of the same area, per cent; repeat for more."),
    ] = None,
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
    dialect: DialectName = None,
    rally: RallyPoints = None,
    returns: Returns = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files in the folder that are not ours.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Show every finding, also many of one rule.")] = False,
) -> None:
    """Plan a search within a brief and write it as a plan folder.

    The sorties keep the brief's standoff, zones, heights and battery reserve. Exit
    status: 0 planned, 1 planned with findings, 2 unusable input, 3 refused by a rule.
    """
    from missions.airspace.ground_file import open_situation
    from missions.briefs.brief_written_file import write_brief
    from missions.patterns.values import PatternRequest
    from missions.plan_files.plan_folder_file import write_plan_folder
    from missions.tasks.plan_door import answered
    from missions.tasks.search import Search

    keep_what_is_imported()
    chosen = _kind(kind)
    options = {
        "border": border, "own_side": own_side, "standoff_m": standoff_m, "depth_m": depth_m, "launch": launch,
        "aircraft": aircraft, "count": count, "zone": zone, "keep_in": keep_in, "avoid": avoid, "terrain": terrain,
        "terrain_datum": terrain_datum,
        "wind": wind, "dialect": dialect, "rally": rally, "returns": returns, "revisit_min": None, "lanes": None,
    }  # fmt: skip
    asked, tables = brief_of(brief, options)
    seen_m, reach_m = camera_swath_m(asked, overlap_pct)
    request = PatternRequest(
        kind=chosen,
        swath_m=seen_m if swath_m is None else swath_m,
        sweep_width_m=sweep_width_m,
        polygons=() if area is None else _polygons(area),
        line=() if line is None else _line(line),
        datum=None if at is None else _datum(at),
        direction_deg=direction_deg,
        length_m=length_m,
        width_m=width_m,
        radius_m=radius_m,
        legs=legs,
        laps=laps,
        offset_m=offset_m,
        reach_m=reach_m if swath_m is None else 0.0,
        there_and_back=there_and_back,
        hover=hover,
        around_holes=around_holes,
    )
    made = answered(open_situation(asked), Search(request=request))
    tell_terrain_problems(made.situation.ground.heights)
    tell_zone_notes(asked)
    write_plan_folder(made, out, force=force)
    if tables:
        write_brief(tables, out / "brief.toml")
    write_plan_map(made, out)
    if as_json:
        print_json(_summary(made, earlier_pod or []))
    else:
        _show(made, out, earlier_pod or [], every=every)
    if made.plan.findings:
        raise typer.Exit(1)


def camera_swath_m(brief: Brief, overlap_pct: float) -> tuple[float, float]:
    """Return the width a camera looking straight down sees, less the overlap, and how far ahead it sees; metres."""
    kept = 1.0 - overlap_pct / 100.0
    height_m = brief.flight.alt_agl_m
    width_m = 2.0 * height_m * math.tan(math.radians(brief.camera.hfov_deg) / 2.0)
    ahead_m = height_m * math.tan(math.radians(brief.camera.full_vfov_deg) / 2.0)
    return width_m * kept, ahead_m * kept


def _kind(text: str) -> PatternKind:
    from missions.patterns.values import PatternKind

    try:
        return PatternKind(text)
    except ValueError:
        raise InputError(
            f"search kind {text!r} is not known{did_you_mean(text, PatternKind)}; use one of: {', '.join(PatternKind)}"
        ) from None


def _lonlat(ring: GeoLine) -> tuple[LonLat, ...]:
    return tuple(zip(ring.lon_deg.tolist(), ring.lat_deg.tolist(), strict=True))


def _polygons(path: Path) -> tuple[tuple[tuple[LonLat, ...], ...], ...]:
    from missions.briefs.brief_geometry_file import read_polygons

    return tuple(tuple(_open(_lonlat(ring)) for ring in polygon) for polygon in read_polygons(path, "--area"))


def _open(ring: tuple[LonLat, ...]) -> tuple[LonLat, ...]:
    return ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring


def _line(path: Path) -> tuple[LonLat, ...]:
    from missions.briefs.brief_geometry_file import read_lines

    lines = read_lines(path, "--line")
    if len(lines) > 1:
        raise InputError(f"--line {path.name} holds {len(lines)} lines; give one route at a time")
    return _lonlat(lines[0])


def _datum(text: str) -> LonLat:
    lat_deg, lon_deg = read_place(text, "--at")
    return lon_deg, lat_deg


def _pattern(made: Planned) -> PatternPath:
    if made.pattern is None:
        raise ValueError("a search has a pattern")
    return made.pattern


def _together(made: Planned, earlier_pct: list[float]) -> float:
    """Return the probability of detection of this search and the earlier ones; NaN where this one has none."""
    from missions.patterns.iamsar import cumulative_pod

    pod = _pattern(made).pod
    return pod if math.isnan(pod) else cumulative_pod([pod, *(pct / 100.0 for pct in earlier_pct)])


def _summary(made: Planned, earlier_pct: list[float]) -> dict[str, Any]:
    pattern, plan = _pattern(made), made.plan
    return {
        "name": plan.name,
        "kind": str(pattern.kind),
        "feasible": plan.feasible,
        "sorties": len(plan.sorties),
        "swath_m": round(pattern.swath_m, 2),
        "lanes": pattern.lanes,
        "direction_deg": round(pattern.direction_deg, 3),
        "pattern_length_m": round(pattern.length_m, 1),
        "area_m2": round(pattern.area_m2, 1),
        "coverage": round(pattern.coverage, 4),
        "pod": round(pattern.pod, 4),
        "cumulative_pod": round(_together(made, earlier_pct), 4),
        "covered_pct": plan.covered_pct,
        "required_standoff_m": plan.required_standoff_m,
        "min_standoff_m": plan.min_standoff_m,
        "aircraft": len({f.aircraft for f in plan.flights}),
        "finish_s": round(max(f.t_landing_s for f in plan.flights), 1),
        "flight_s": [round(s.legs[-1].t_end_s - s.t_start_s, 1) for s in plan.sorties],
        "battery_end_pct": [s.legs[-1].battery_end_pct for s in plan.sorties],
        "findings": [dataclasses.asdict(finding) for finding in plan.findings],
    }


def _show(made: Planned, out: Path, earlier_pct: list[float], *, every: bool) -> None:
    pattern, plan = _pattern(made), made.plan
    facts = [f"{pattern.kind}, {pattern.length_m / 1000:.2f} km at a swath of {pattern.swath_m:.1f} m"]
    if not math.isnan(plan.covered_pct):
        facts.append(f"{plan.covered_pct:.1f} % of the area seen")
    if not math.isnan(pattern.pod):
        facts.append(f"{pattern.area_m2 / 1e4:.1f} ha, coverage {pattern.coverage:.2f}, POD {100 * pattern.pod:.0f} %")
        if earlier_pct:
            facts.append(f"POD with the {len(earlier_pct)} before it {100 * _together(made, earlier_pct):.0f} %")
    RESULTS.print(line((plan.name, "bold"), f": {'; '.join(facts)}"))
    flown = {f.sortie: f for f in plan.flights}
    for sortie in plan.sorties:
        minutes = (sortie.legs[-1].t_end_s - sortie.t_start_s) / 60.0
        RESULTS.print(
            f"  {sortie.name} from {sortie.site}, aircraft {flown[sortie.name].aircraft}, "
            f"take-off at {sortie.t_start_s / 60.0:.1f} min: {minutes:.1f} min, "
            f"{sortie.legs[-1].battery_end_pct:.0f} % of the battery left"
        )
    crew = len({f.aircraft for f in plan.flights})
    end_min = max(f.t_landing_s for f in plan.flights) / 60.0
    RESULTS.print(f"  {crew} aircraft, done after {end_min:.1f} min")
    print_findings(RESULTS, plan.findings, every=every)
    RESULTS.print(
        f"  standoff kept {plan.min_standoff_m:.0f} m of {plan.required_standoff_m:g} m asked; written to {out}"
    )
