"""``vedette plan``: from a brief, or from a border line and a few options, to a plan folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from geo.errors import InputError
from vedette.map_command import write_plan_map
from vedette.plan_view import show_plan
from vedette.screen import RESULTS, print_json, tell_terrain_problems, tell_zone_notes

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
    border: Annotated[Path | None, typer.Option(help="Border line: GeoJSON, GeoPackage, KML, Shapefile.")] = None,
    own_side: Annotated[str | None, typer.Option(help="left, right, LAT,LON on our side, or a polygon file.")] = None,
    standoff_m: Annotated[float | None, typer.Option(help="How far to stay from the border.")] = None,
    depth_m: Annotated[float | None, typer.Option(help="How deep a strip to watch, from the border.")] = None,
    launch: Annotated[list[str] | None, typer.Option(help="Launch site LAT,LON; may be given again.")] = None,
    aircraft: Annotated[
        list[str] | None, typer.Option(help="Bundled aircraft type, or TYPE:COUNT; may be given again (quad-survey).")
    ] = None,
    count: Annotated[int | None, typer.Option(help="How many aircraft, where --aircraft does not say (1).")] = None,
    zone: Annotated[
        list[Path] | None,
        typer.Option(help="Zones and obstacles (ED-269, OpenAir, KML, GeoJSON, ...); may be given again."),
    ] = None,
    keep_in: Annotated[Path | None, typer.Option(help="Area no path leaves.")] = None,
    avoid: Annotated[
        list[Path] | None, typer.Option(help="Ground to fly round where another way exists; may be given again.")
    ] = None,
    terrain: Annotated[Path | None, typer.Option(help="Terrain: GeoTIFF, .hgt, or a folder of tiles.")] = None,
    wind: Annotated[
        list[str] | None, typer.Option(help="SPEED_MPS@FROM_DEG, or once for each height: SPEED@FROM@ALT_AMSL_M.")
    ] = None,
    revisit_min: Annotated[float | None, typer.Option(help="See every metre at least this often.")] = None,
    lanes: Annotated[int | None, typer.Option(help="Number of lanes; default: as many as the camera needs.")] = None,
    dialect: Annotated[str, typer.Option(help="ardupilot or px4.")] = "ardupilot",
    rally: Annotated[
        list[str] | None, typer.Option(help="Rally point LAT,LON a return may end at; may be given again.")
    ] = None,
    returns: Annotated[
        str | None,
        typer.Option(help="When broken off: straight to the nearest of home and rally, or retrace the path; or auto."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Show every sortie and finding, also many of one rule.")] = False,
    template: Annotated[bool, typer.Option("--template", help="Print a commented brief to start from.")] = False,
) -> None:
    """Plan a patrol: from a brief, or at once from a border line."""
    if template:
        from missions.briefs.brief_template import template as commented_brief

        typer.echo(commented_brief(), nl=False)
        return
    from missions.briefs.brief_file import build_brief, read_brief
    from missions.briefs.brief_written_file import write_brief
    from missions.plan_files.plan_folder_file import summary, write_plan_folder
    from missions.tasks.plan_door import plan_brief

    if (brief is None) == (border is None):
        raise InputError("give a brief, or --border with its options, and not both (see vedette plan --help)")
    if out is None:
        raise InputError("--out is missing: name the folder to write the plan into")
    options = {
        "border": border, "own_side": own_side, "standoff_m": standoff_m, "depth_m": depth_m, "launch": launch,
        "aircraft": aircraft, "count": count, "zone": zone, "keep_in": keep_in, "avoid": avoid,
        "terrain": terrain, "wind": wind,
        "revisit_min": revisit_min, "lanes": lanes, "dialect": dialect,
        "rally": rally, "returns": returns,
    }  # fmt: skip
    tables = quick_brief(options) if brief is None else {}
    asked = build_brief(tables, Path()) if brief is None else read_brief(brief)
    made = plan_brief(asked)
    tell_terrain_problems(made.situation.ground.heights)
    tell_zone_notes(asked)
    write_plan_folder(made, out)
    if tables:
        write_brief(tables, out / "brief.toml")
    write_plan_map(made, out)
    if as_json:
        print_json(summary(made))
    else:
        show_plan(RESULTS, made, out, every=every)
    if made.plan.findings:
        raise typer.Exit(1)


def quick_brief(options: dict[str, Any]) -> dict[str, Any]:
    """Turn the options of a quick plan into the tables of a brief."""
    for key in ("own_side", "standoff_m", "depth_m", "launch"):
        if not options[key]:
            raise InputError(f"--{key.replace('_', '-')} is missing; a plan without a brief needs it")
    side: Any = options["own_side"]
    if side not in ("left", "right") and not Path(side).suffix[1:].isalpha():
        lat, lon = _pair(side, "--own-side")
        side = {"lat_deg": lat, "lon_deg": lon}
    tables: dict[str, Any] = {
        "name": options["border"].stem[:64] or "quick plan",
        "dialect": options["dialect"],
        "border": {"file": str(options["border"]), "own_side": side},
        "standoff": {"asked_m": options["standoff_m"]},
        "corridor": {"depth_m": options["depth_m"]} | ({"lanes": options["lanes"]} if options["lanes"] else {}),
        "aircraft": _aircraft(options["aircraft"] or ["quad-survey"], options["count"]),
        "launch": [_site(text, k) for k, text in enumerate(options["launch"])],
    }
    tables["zone"] = [{"file": str(path)} for path in options.get("zone") or []]
    tables["avoid"] = [{"name": path.stem[:64], "file": str(path)} for path in options.get("avoid") or []]
    if options.get("rally"):
        tables["rally"] = [_site(text, k, "rally") for k, text in enumerate(options["rally"])]
    if options.get("returns") is not None:
        tables["failsafe"] = {"way": options["returns"]}
    if options.get("keep_in"):
        tables["keep_in"] = {"file": str(options["keep_in"])}
    if options["terrain"]:
        tables["terrain"] = {"file": str(options["terrain"])}
    if options["wind"]:
        tables["wind"] = _wind(options["wind"])
    if options["revisit_min"]:
        tables["revisit"] = {"max_min": options["revisit_min"]}
    return tables


def _aircraft(texts: list[str], count: int | None) -> dict[str, Any] | list[dict[str, Any]]:
    tables: list[dict[str, Any]] = []
    for text in texts:
        kind, colon, number = text.partition(":")
        if colon and not number.isdecimal():
            raise InputError(f"--aircraft {text!r} is not TYPE or TYPE:COUNT, for example quad-heavy:3")
        if colon and count is not None:
            raise InputError(f"--aircraft {text!r} and --count {count} both say how many; leave --count out")
        tables.append({"type": kind, "count": int(number) if colon else count or 1})
    return tables[0] if len(tables) == 1 else tables


def _site(text: str, index: int, kind: str = "site") -> dict[str, Any]:
    lat, lon = _pair(text, "--launch" if kind == "site" else f"--{kind}")
    return {"name": f"{kind} {index + 1}", "lat_deg": lat, "lon_deg": lon}


def _pair(text: str, option: str) -> tuple[float, float]:
    try:
        lat, lon = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option} {text!r} is not LAT,LON in degrees, for example 47.38,112.58") from None
    return lat, lon


def _wind(texts: list[str]) -> dict[str, Any]:
    winds = [_wind_at(text) for text in texts]
    if len(winds) == 1 and "alt_amsl_m" not in winds[0]:
        return winds[0]
    bare = [text for text, wind in zip(texts, winds, strict=True) if "alt_amsl_m" not in wind]
    if bare:
        raise InputError(
            f"--wind {bare[0]!r} says no height, and there are others: give each SPEED_MPS@FROM_DEG@ALT_AMSL_M, for "
            "example 6@290@500, or only one without a height"
        )
    return {"layer": winds}


def _wind_at(text: str) -> dict[str, Any]:
    try:
        numbers = [float(part) for part in text.split("@")]
        return dict(zip(("speed_mps", "from_deg", "alt_amsl_m")[: max(len(numbers), 2)], numbers, strict=True))
    except ValueError:
        raise InputError(
            f"--wind {text!r} is not SPEED_MPS@FROM_DEG or SPEED_MPS@FROM_DEG@ALT_AMSL_M, for example 6@290 or "
            "6@290@500"
        ) from None
