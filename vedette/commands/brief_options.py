"""The options that `vedette plan` and `vedette search` share: a brief, or a border line and the rules beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geo.errors import InputError
from geo.near_words import did_you_mean
from vedette.commands.places import read_place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from missions.briefs.brief import Brief

BorderFile = Annotated[Path | None, typer.Option("--border", help="Border line: GeoJSON, GeoPackage, KML, Shapefile.")]
OwnSide = Annotated[str | None, typer.Option("--own-side", help="left, right, LAT,LON on our side, or a polygon file.")]
StandoffM = Annotated[float | None, typer.Option("--standoff-m", help="How far to stay from the border.")]
DepthM = Annotated[float | None, typer.Option("--depth-m", help="How deep a strip to watch, from the border.")]
Launch = Annotated[list[str] | None, typer.Option("--launch", help="Launch site LAT,LON; may be given again.")]
AircraftTypes = Annotated[
    list[str] | None,
    typer.Option(
        "--aircraft",
        help="Bundled aircraft type, or TYPE:COUNT, may be given again (quad-survey); with a brief, which of its own.",
    ),
]
Count = Annotated[int | None, typer.Option("--count", help="How many aircraft, where --aircraft does not say (1).")]
Zones = Annotated[
    list[Path] | None,
    typer.Option("--zone", help="Zones and obstacles (ED-269, OpenAir, KML, GeoJSON, ...); may be given again."),
]
KeepInFile = Annotated[Path | None, typer.Option("--keep-in", help="Area no path leaves.")]
AvoidFiles = Annotated[
    list[Path] | None,
    typer.Option("--avoid", help="Ground to fly round where another way exists; may be given again."),
]
Winds = Annotated[
    list[str] | None,
    typer.Option("--wind", help="SPEED_MPS@FROM_DEG, or once for each height: SPEED@FROM@ALT_AMSL_M."),
]
RevisitMin = Annotated[float | None, typer.Option("--revisit-min", help="See every metre at least this often.")]
Lanes = Annotated[int | None, typer.Option("--lanes", help="Number of lanes; default: as many as the camera needs.")]
DialectName = Annotated[str | None, typer.Option("--dialect", help="ardupilot (as without it) or px4.")]
RallyPoints = Annotated[
    list[str] | None, typer.Option("--rally", help="Rally point LAT,LON a return may end at; may be given again.")
]
Returns = Annotated[
    str | None,
    typer.Option(
        "--returns",
        help="When broken off: straight to the nearest of home and rally; retrace the path; by the mission; or auto.",
    ),
]


def brief_of(brief: Path | None, options: Mapping[str, Any]) -> tuple[Brief, dict[str, Any]]:
    """Return the brief asked for, and its tables where options made or changed it (else none).

    Options beside a brief hold instead of what it says; zones, avoided ground and rally points come on top.

    Raises
    ------
    InputError
        When there is neither a brief nor a border, or both, or an option cannot be read.
    BriefError
        As `missions.briefs.brief_file.read_brief`.
    """
    from missions.briefs.brief_file import build_brief, read_brief, read_tables
    from missions.briefs.brief_written_file import with_files

    given = {key: value for key, value in options.items() if value}
    require_one(brief, given.get("border"))
    if brief is None:
        tables = quick_brief(options)
        return build_brief(tables, Path()), tables
    own = given.get("aircraft", [])
    if set(given) <= {"aircraft"} and len(own) <= 1:
        asked = read_brief(brief)
        return asked.only(own[0]) if own else asked, {}
    folder = brief.parent
    tables = _changed(with_files(read_tables(brief), lambda file: str(folder / file)), given)
    return build_brief(tables, Path()), tables


def require_one(brief: Path | None, border: Path | None) -> None:
    """Refuse neither of a brief and a border, or both."""
    if (brief is None) == (border is None):
        raise InputError("give a brief, or --border with its options, and not both (see --help)")


def _changed(tables: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables of a brief with what options say put in."""
    for table, key, option in (
        ("standoff", "asked_m", "standoff_m"), ("corridor", "depth_m", "depth_m"), ("corridor", "lanes", "lanes"),
        ("failsafe", "way", "returns"), ("terrain", "datum", "terrain_datum"),
    ):  # fmt: skip
        if option in given:
            tables[table] = tables.get(table, {}) | {key: given[option]}
    if "own_side" in given:
        tables["border"] = tables.get("border", {}) | {"own_side": _side(given["own_side"])}
    if "dialect" in given:
        tables["dialect"] = given["dialect"]
    if "launch" in given:
        tables["launch"] = [_site(text, k) for k, text in enumerate(given["launch"])]
    if "aircraft" in given or "count" in given:
        tables["aircraft"] = _own_aircraft(tables.get("aircraft", []), given)
    tables |= {name: table for name, table in _whole_tables(given).items() if name != "failsafe"}
    for name, rows in _more(given, len(tables.get("rally", []))).items():
        if rows:
            tables[name] = [*tables.get(name, []), *rows]
    return tables


def _own_aircraft(known: dict[str, Any] | list[dict[str, Any]], given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the aircraft of a brief that are named, with their numbers; a bundled type where it has none of a name."""
    rows = [known] if isinstance(known, dict) else known
    by_name = {row.get("name", row.get("type")): row for row in rows}
    if "aircraft" not in given:
        return [row | {"count": given["count"]} for row in rows]
    asked = _aircraft(given["aircraft"], given.get("count"))
    counted = "count" in given or any(":" in text for text in given["aircraft"])
    return [
        by_name.get(one["type"], {"type": one["type"]}) | ({"count": one["count"]} if counted else {})
        for one in ([asked] if isinstance(asked, dict) else asked)
    ]


def _side(side: str) -> str | dict[str, float]:
    if side in ("left", "right") or Path(side).suffix[1:].isalpha():
        return side
    if side.isalpha():
        raise InputError(
            f"--own-side {side!r}{did_you_mean(side, ('left', 'right'))} is not left or right (of the line as it is "
            "drawn), LAT,LON of a place on your side, or a polygon file"
        )
    lat, lon = read_place(side, "--own-side")
    return {"lat_deg": lat, "lon_deg": lon}


def quick_brief(options: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the options of a quick plan into the tables of a brief."""
    for key in ("own_side", "standoff_m", "depth_m", "launch"):
        if not options[key]:
            raise InputError(f"--{key.replace('_', '-')} is missing; a plan without a brief needs it")
    tables: dict[str, Any] = {
        "name": options["border"].stem[:64] or "quick plan",
        "dialect": options["dialect"] or "ardupilot",
        "border": {"file": str(options["border"]), "own_side": _side(options["own_side"])},
        "standoff": {"asked_m": options["standoff_m"]},
        "corridor": {"depth_m": options["depth_m"]} | ({"lanes": options["lanes"]} if options["lanes"] else {}),
        "aircraft": _aircraft(options["aircraft"] or ["quad-survey"], options["count"]),
        "launch": [_site(text, k) for k, text in enumerate(options["launch"])],
    }
    return tables | _whole_tables(options) | _more(options)


def _whole_tables(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables that an option says all of."""
    tables: dict[str, Any] = {
        name: {key: str(options[option]) if key == "file" else options[option]}
        for name, key, option in (
            ("failsafe", "way", "returns"), ("keep_in", "file", "keep_in"), ("terrain", "file", "terrain"),
            ("revisit", "max_min", "revisit_min"),
        )
        if options.get(option)
    }  # fmt: skip
    if options.get("terrain") and options.get("terrain_datum"):
        tables["terrain"]["datum"] = options["terrain_datum"]
    return tables | ({"wind": _wind(options["wind"])} if options.get("wind") else {})


def _more(options: Mapping[str, Any], rallies: int = 0) -> dict[str, list[dict[str, Any]]]:
    """Return zones, avoided ground and rally points, which come on top of those of a brief."""
    return {
        "zone": [{"file": str(path)} for path in options.get("zone") or []],
        "avoid": [{"name": path.stem[:64], "file": str(path)} for path in options.get("avoid") or []],
        "rally": [_site(text, rallies + k, "rally") for k, text in enumerate(options.get("rally") or [])],
    }


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
    lat, lon = read_place(text, "--launch" if kind == "site" else f"--{kind}")
    return {"name": f"{kind} {index + 1}", "lat_deg": lat, "lon_deg": lon}


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
