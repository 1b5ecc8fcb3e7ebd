"""Any plan file, recognised by its content and not by its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from missions.fence_rally_file import parse_fence_rally
from missions.geojson_plan_file import parse_geojson_plan
from missions.gpx_file import parse_gpx
from missions.json_place import parse_json
from missions.kml_file import parse_kml
from missions.litchi_file import parse_litchi
from missions.qgc_plan_file import parse_qgc_plan
from missions.waypoints_file import parse_waypoints
from missions.whole_file import read_bytes
from missions.xml_file import kmz_document

if TYPE_CHECKING:
    from pathlib import Path

    from missions.plan_document import PlanDocument

READABLE: Final = "QGroundControl .plan, .mission, WPL 110, .fence, .rally, KML, KMZ, GPX, GeoJSON, Litchi CSV"
_TWO_NUMBERS: Final = re.compile(r"\s*(?:#[^\n]*\n\s*)*-?\d+\.?\d*\s+-?\d+\.?\d*\s*(?:\n|$)")
_GEOJSON: Final = ("FeatureCollection", "Feature", "LineString", "Polygon")


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
    data = read_bytes(path)
    where = str(path)
    if data.startswith(b"PK"):
        return parse_kml(kmz_document(data, where), where)
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"<") or (path.suffix.lower() in (".kml", ".gpx") and b"<" in head):
        gpx = re.search(rb"<(?:\w+:)?gpx[\s>]", head) is not None
        return parse_gpx(data, where) if gpx else parse_kml(data, where)
    return _text(data, where, dialect)


def _text(data: bytes, where: str, dialect: str | None) -> PlanDocument:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{where}: byte {error.start} is not text; readable are {READABLE}", offset=error.start
        ) from error
    start = text.lstrip()
    if start.startswith(("{", "[")):
        top = parse_json(text, where=f"{where}:").value
        if isinstance(top, dict) and top.get("type") in _GEOJSON and "mission" not in top:
            return parse_geojson_plan(text, where=where)
        return parse_qgc_plan(text, where=where)
    if start.startswith("QGC WPL"):
        return parse_waypoints(start, where=where, dialect=dialect)
    if start.startswith("RALLY") or _TWO_NUMBERS.match(start):
        return parse_fence_rally(start, where=where)
    if start.lower().startswith(("latitude", '"latitude"')):
        return parse_litchi(start, where=where)
    raise InputError(f"{where}: is no plan file; readable are {READABLE}")
