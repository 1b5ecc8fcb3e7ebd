"""Read a brief from TOML and the geometry files it names."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping  # noqa: TC003 - an annotation of a module value
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ValidationError

from geo.near_words import did_you_mean
from missions.briefs.brief import Brief
from missions.briefs.brief_geometry_file import read_lines, read_polygons, read_shapes
from missions.briefs.brief_zones_file import Published, near_and_in_force, read_published
from missions.briefs.places import ROAD_CLEARANCE_M, Avoid, Border, GeoLine, KeepIn, Zone
from missions.documents.wrong_keys import WrongKeys, own_keys
from missions.errors import BriefError

if TYPE_CHECKING:
    from geo.values import Terrain


def read_brief(path: Path) -> Brief:
    """Read and validate a brief; files it names are relative to it.

    Raises
    ------
    BriefError
        Naming the key, its value and the allowed range, or the file that cannot be used.
    """
    return build_brief(read_tables(path), path.parent)


def terrain_of(brief: Brief) -> Terrain | None:
    """Return the terrain a brief names; None where it names none."""
    from geo.terrain_file import read_terrain

    return read_terrain(brief.terrain.file, datum=brief.terrain.datum) if brief.terrain.file else None


def read_tables(path: Path) -> dict[str, Any]:
    """Read the tables of a brief as they stand in its file.

    Raises
    ------
    BriefError
        When there is no such file, or it is not TOML.
    """
    if not path.is_file():
        raise BriefError(f"there is no brief at {path}", file=str(path))
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise BriefError(f"{path.name} is not UTF-8 text (byte {error.start})", file=str(path)) from None
    except tomllib.TOMLDecodeError as error:
        message = (
            f"{path.name} is not valid TOML: {error}; 'vedette plan --template' writes a brief to start from, "
            "and a border line goes to --border"
        )
        raise BriefError(message, file=str(path)) from None


def build_brief(raw: Mapping[str, Any], folder: Path) -> Brief:
    """Validate the tables of a brief, reading the files they name from `folder`.

    Raises
    ------
    BriefError
        As for `read_brief`.
    """
    data = dict(raw)
    if isinstance(data.get("border"), dict):
        data["border"] = _load_border(data["border"], folder)
    if isinstance(data.get("avoid"), list):
        data["avoid"] = [
            _load_named(a, "avoid", i, folder) if isinstance(a, dict) else a for i, a in enumerate(data["avoid"])
        ]
    published = Published()
    if isinstance(data.get("zone"), list):
        for index, zone in enumerate(data["zone"]):
            _load_zone(zone, index, folder, published)
        data["zone"] = published.tables
    if isinstance(data.get("keep_in"), dict):
        data["keep_in"] = _load_area(data["keep_in"], "keep_in", folder)
    if isinstance(data.get("terrain"), dict):
        data["terrain"] = _load_terrain(data["terrain"], folder)
    try:
        brief = Brief.model_validate(data)
        for fleet in brief.fleets:
            _ = fleet.aircraft
    except ValidationError as error:
        text = explain(error)
        if isinstance(data.get("aircraft"), dict):
            text = text.replace("aircraft[0]", "aircraft")
        raise BriefError(text, errors=error.error_count()) from None
    return near_and_in_force(brief, published) if published.shapes else brief


def _load_terrain(terrain: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the ground's table with its files, terrain and geoid, found from the brief's folder."""
    file, datum = terrain.get("file"), terrain.get("datum")
    if datum is not None and file is None:
        raise BriefError(
            "terrain.datum says what the heights of terrain.file count from: name that file, or leave the datum out",
            key="terrain.datum",
        )
    named = {"file": file} if isinstance(file, str) else {}
    if isinstance(datum, str) and datum not in ("egm96", "hae"):
        named["datum"] = datum
    for key, name in named.items():
        if not (folder / name).exists():
            known = ", and is neither egm96 nor hae" if key == "datum" else ""
            raise BriefError(f"terrain.{key}: there is no file {folder / name}{known}", key=f"terrain.{key}")
    return terrain | {key: str(folder / name) for key, name in named.items()}


def _load_zone(zone: Any, index: int, folder: Path, published: Published) -> None:
    """Add a zone's table to those of the brief, or one for each zone and obstacle of the file it names."""
    if not isinstance(zone, dict) or not isinstance(zone.get("file"), str):
        published.add(_load_named(zone, "zone", index, folder) if isinstance(zone, dict) else zone)
    elif "polygon" in zone:
        raise BriefError(f"zone[{index}] names a file and a polygon; give one of them", key=f"zone[{index}]")
    else:
        read_published(zone, index, folder, published)


def _load_border(border: dict[str, Any], folder: Path) -> dict[str, Any]:
    border = dict(border)
    file = border.pop("file", None)
    if isinstance(file, str):
        border["lines"] = read_lines(folder / file, "border.file")
        border["source"] = file
    elif "coordinates" in border:
        border["lines"] = (_inline(border.pop("coordinates"), "border.coordinates"),)
    else:
        raise BriefError("border.file is missing: name the file that holds the border line", key="border.file")
    side = border.get("own_side")
    if side in ("left", "right"):
        border["own_side"] = {"hand": side}
    elif isinstance(side, str) and not (folder / side).exists() and not Path(side).suffix:
        near = did_you_mean(side, ("left", "right"))
        raise BriefError(
            f"border.own_side = {side!r}{near} is neither left nor right, nor a file in {folder.name or 'this folder'}",
            key="border.own_side",
        )
    elif isinstance(side, str):
        border["own_side"] = {"polygons": read_polygons(folder / side, "border.own_side")}
    elif side is None:
        raise BriefError(
            'border.own_side is missing: "left" or "right" of the line as drawn, a polygon file, '
            "or { lat_deg = ..., lon_deg = ... }",
            key="border.own_side",
        )
    return border


def _load_named(area: dict[str, Any], key: str, index: int, folder: Path) -> dict[str, Any]:
    return {"name": f"{key} {index + 1}"} | _load_area(area, f"{key}[{index}]", folder)


def _load_area(area: dict[str, Any], key: str, folder: Path) -> dict[str, Any]:
    """Read the outline an area names or spells out; ground to avoid may be roads and single places too."""
    area = dict(area)
    if "file" in area and "polygon" in area:
        raise BriefError(f"{key} names a file and a polygon; give one of them", key=key)
    if isinstance(area.get("file"), str):
        file = folder / area.pop("file")
        if key.startswith("avoid"):
            area["polygons"], area["lines"] = read_shapes(file, f"{key}.file")
            if area["lines"]:
                area.setdefault("clearance_m", ROAD_CLEARANCE_M)
        else:
            area["polygons"] = read_polygons(file, f"{key}.file")
    elif "polygon" in area:
        area["polygons"] = _inline_polygons(area.pop("polygon"), f"{key}.polygon")
    return area


def _inline_polygons(value: Any, key: str) -> tuple[tuple[GeoLine, ...], ...]:
    """Read a ring of [lat, lon] pairs, a polygon of rings (the first is outer), or several such polygons."""
    depth, first = 0, value
    while isinstance(first, list) and first:
        depth, first = depth + 1, first[0]
    polygons = {2: [[value]], 3: [value], 4: value}.get(depth)
    if polygons is None or not all(isinstance(rings, list) and rings for rings in polygons):
        raise BriefError(
            f"{key} must be a ring of [latitude, longitude] pairs, a list of rings (outer first, then holes), "
            "or a list of such polygons",
            key=key,
        )
    return tuple(tuple(_inline(ring, key) for ring in rings) for rings in polygons)


def _inline(points: object, key: str) -> GeoLine:
    """Read ``[[lat, lon], ...]`` written in the brief itself."""
    try:
        rows = [(float(p[0]), float(p[1])) for p in points]  # type: ignore[attr-defined]
    except (TypeError, ValueError, IndexError):
        raise BriefError(f"{key} must be a list of [latitude, longitude] pairs", key=key) from None
    if len(rows) < 2 or any(not (abs(lat) <= 90.0 and abs(lon) <= 180.0) for lat, lon in rows):
        raise BriefError(f"{key} needs two or more [latitude, longitude] pairs within ±90 and ±180 degrees", key=key)
    return GeoLine.of([r[0] for r in rows], [r[1] for r in rows])


def explain(error: ValidationError) -> str:
    """Turn pydantic's first complaints into one sentence that names key, value and range."""
    told = error.errors()
    inner = [e for e in told if not any(o["loc"][: len(e["loc"])] == e["loc"] != o["loc"] for o in told)]
    parts = [_WORDS.explain(e) for e in inner[:4]]
    more = len(inner) - len(parts)
    return "brief: " + "; ".join(parts) + (f"; and {more} more" if more > 0 else "")


READ_FROM_FILES: Final = frozenset({"lines", "source", "polygons", "remarks", "half_width_m", "zone_notes"})
"""What tables hold that no key of a brief states: it comes from the files and outlines that the keys below name."""
_DRAWN: Final = {
    "file": "File with its outline (GeoJSON, KML, GeoPackage, Shapefile).",
    "polygon": "Its outline instead: a ring of [latitude, longitude] pairs, a polygon of rings, or several polygons.",
}
FILE_KEYS: Final[Mapping[type[BaseModel], Mapping[str, str]]] = {
    Border: {
        "file": "File with the border line (GeoJSON, KML, GeoPackage, Shapefile).",
        "coordinates": "The line instead: [latitude, longitude] pairs.",
    },
    Zone: {**_DRAWN, "permitted": "Names of zones in the file whose authority has permitted the flight."},
    KeepIn: _DRAWN,
    Avoid: _DRAWN,
}
"""Keys of a brief's tables that name where an outline is, each with what it is."""


def _keys_of(model: type[BaseModel]) -> list[str]:
    return [key for key in own_keys(model) if key not in READ_FROM_FILES] + list(FILE_KEYS.get(model, ()))


_WORDS: Final = WrongKeys(Brief, "a brief", _keys_of)
