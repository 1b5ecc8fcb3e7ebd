"""Any plan file: read by its content, whatever its name; written in the format its name asks for."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from missions.documents.json_place import parse_json
from missions.documents.places import begins_with_two_numbers
from missions.documents.whole_file import as_text, read_bytes, write_whole
from missions.documents.xml_file import archive_members, kmz_document
from missions.plan_files.dialect import Dialect, home_item, mission_rows
from missions.plan_files.fence_rally_file import parse_fence_rally, write_fence_rally
from missions.plan_files.geojson_plan_file import parse_geojson_plan, write_geojson_plan
from missions.plan_files.gpx_file import parse_gpx, write_gpx
from missions.plan_files.kml_file import parse_kml
from missions.plan_files.kml_written_file import write_kml
from missions.plan_files.litchi_file import parse_litchi, write_litchi
from missions.plan_files.losses import losses
from missions.plan_files.qgc_plan_file import parse_qgc_plan, write_qgc_document
from missions.plan_files.waypoints_file import parse_waypoints, waypoint_text
from missions.plan_files.wpml_file import TEMPLATE, WAYLINES, parse_wpml
from missions.plan_files.wpml_written_file import write_wpml

if TYPE_CHECKING:
    from pathlib import Path

    from missions.plan import MissionItem
    from missions.plan_files.plan_document import PlanDocument

READABLE: Final = (
    "QGroundControl .plan, .mission, WPL 110, .fence, .rally, KML, KMZ, GPX, GeoJSON, Litchi CSV, DJI waylines (KMZ)"
)
WRITABLE: Final = (
    ".plan",
    ".waypoints",
    ".txt",
    ".kml",
    ".kmz",
    ".geojson",
    ".json",
    ".gpx",
    ".csv",
    ".fence",
    ".rally",
)
_GEOJSON: Final = frozenset(
    ("FeatureCollection", "Feature", "GeometryCollection")
    + tuple(multi + kind for multi in ("", "Multi") for kind in ("LineString", "Polygon", "Point"))
)


def read_plan_file(path: Path, dialect: str | None = None) -> PlanDocument:
    """Read a plan file of any known format.

    Parameters
    ----------
    path
        The file.
    dialect
        Who wrote it, where the format does not say (WPL 110).

    Raises
    ------
    InputError
        One sentence naming the file, the place and what is wrong.
    """
    return parse_plan(read_bytes(path), where=str(path), dialect=dialect)


def parse_plan(data: bytes, *, where: str, dialect: str | None = None) -> PlanDocument:
    """Read the bytes of a plan file of any known format; `where` names it in errors.

    Raises
    ------
    InputError
        As `read_plan_file`.
    """
    if not data.strip():
        raise InputError(f"{where}: the file is empty")
    if data.startswith(b"PK"):
        return _archive(data, where)
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"<") or (where.lower().endswith((".kml", ".gpx")) and b"<" in head):
        gpx = re.search(rb"<(?:\w+:)?gpx[\s>]", head) is not None
        return parse_gpx(data, where) if gpx else parse_kml(data, where)
    return _text(data, where, dialect)


def _archive(data: bytes, where: str) -> PlanDocument:
    """Read a KMZ: a wayline of DJI's, or a drawing."""
    named = archive_members(data, where, lambda name: _last(name) in (WAYLINES, TEMPLATE))
    members = {_last(name): member for name, member in named.items()}
    if WAYLINES in members or b"wpml:templateType" in members.get(TEMPLATE, b""):
        return parse_wpml(members, where)
    return parse_kml(kmz_document(data, where), where)


def _last(name: str) -> str:
    """Return the last part of a member's name, which some programs on Windows write with backslashes."""
    return name.replace("\\", "/").rsplit("/", 1)[-1].lower()


def _text(data: bytes, where: str, dialect: str | None) -> PlanDocument:
    text = as_text(data, where)
    start = text.lstrip()
    if start.startswith(("{", "[")):
        top = parse_json(text, where=f"{where}:").value
        if isinstance(top, dict) and top.get("type") in _GEOJSON and "mission" not in top:
            return parse_geojson_plan(text, where=where)
        return parse_qgc_plan(text, where=where)
    if start.startswith("QGC WPL"):
        return parse_waypoints(start, where=where, dialect=dialect)
    if start.startswith("RALLY") or begins_with_two_numbers(start):
        return parse_fence_rally(start, where=where)
    if start.lower().startswith(("latitude", '"latitude"')):
        return parse_litchi(start, where=where)
    raise InputError(f"{where}: is no plan file; readable are {READABLE}")


def write_plan_file(document: PlanDocument, path: Path, dialect: str | None = None) -> tuple[str, ...]:
    """Write a plan in the format the file's ending names, whole or not at all.

    Parameters
    ----------
    document
        What to write.
    path
        Ends in one of `WRITABLE` (`.csv` is Litchi's, `.kmz` DJI's).
    dialect
        Whose numbering a waypoint file has; by default the document's, then ArduPilot's.

    Returns
    -------
    tuple of str
        What the format changed or left out, found by reading the file back: one sentence each, naming the items.

    Raises
    ------
    InputError
        For an ending that is not known, or a plan the format cannot hold at all.
    """
    ending = path.suffix.lower()
    if ending not in WRITABLE:
        raise InputError(
            f"{path}: plans are not written as {ending or 'files without an ending'!r}; use {', '.join(WRITABLE)}"
        )
    if not (document.items or document.fence or document.rally) and ending != ".plan":
        raise InputError(f"{path}: the plan is empty, there is nothing to write")
    if ending == ".csv":
        (path, *_), said = write_litchi(document, path)
    else:
        said = _write(document, path, ending, dialect)
    data = read_bytes(path)
    told = parse_plan(data, where=str(path)).dialect  # what the file says by itself; how to count it, we know
    back = parse_plan(data, where=str(path), dialect=_numbering(document, dialect))
    back = dataclasses.replace(back, dialect=told)
    if ending in (".csv", ".kmz"):
        return (*said, *losses(_without_items(document), _without_items(back)))
    return (*said, *losses(document, back))


def _write(document: PlanDocument, path: Path, ending: str, dialect: str | None) -> tuple[str, ...]:
    if ending == ".kmz":
        return write_wpml(document, path)
    if ending in (".fence", ".rally"):
        held = document.fence if ending == ".fence" else document.rally
        if not held:
            raise InputError(f"{path}: the plan has no {'fence' if ending == '.fence' else 'rally points'} to write")
        write_fence_rally(held, path)
    elif ending in (".waypoints", ".txt"):
        write_whole(path, waypoint_text(_rows(document, _numbering(document, dialect))))
    elif ending == ".gpx":
        if not document.items:
            raise InputError(f"{path}: the plan has no mission, and GPX holds nothing else")
        write_gpx(document, path, name=path.stem)
    elif ending == ".kml":
        return write_kml(document, path, name=path.stem)
    elif ending == ".plan":
        write_qgc_document(document, path)
    else:
        write_geojson_plan(document, path)
    return ()


def _numbering(document: PlanDocument, dialect: str | None) -> str:
    return dialect or document.dialect or Dialect.ARDUPILOT


def _without_items(document: PlanDocument) -> PlanDocument:
    """Return a plan without its mission; the writers of Litchi and DJI say themselves what they do to each item."""
    return dataclasses.replace(document, items=(), complexes=())


def _rows(document: PlanDocument, dialect: str) -> tuple[MissionItem, ...]:
    """Return waypoint rows; a home that is not known is written as 0, 0, 0, as Mission Planner does."""
    home = document.home
    row = home_item(0.0, 0.0, 0.0) if home is None else home_item(home.lat_deg, home.lon_deg, home.alt_amsl_m)
    return mission_rows(document.items, row, dialect)
