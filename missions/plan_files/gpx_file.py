"""GPX 1.1 routes and tracks as a path; plans written as a route whose points carry their mission item."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from geo.errors import InputError
from geo.foreign_text import xml_text
from missions.documents.places import check_place
from missions.documents.whole_file import write_whole
from missions.documents.xml_file import inside, local_name, parse_xml, text_of
from missions.failsafes.return_path import flown_items
from missions.plan_files.item_fields import MISSION, alt_amsl_m, fields_of, in_order, item_of, path_items
from missions.plan_files.plan_document import PlanDocument

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_POINTS: Final = 1_000_000
NAMESPACE: Final = "urn:vedette:mission-item:1"


def parse_gpx(data: bytes, where: str) -> PlanDocument:
    """Read GPX bytes, the route or where there is none the track; `where` names them in errors.

    Raises
    ------
    InputError
        For XML that is refused, points that are no place, and files without a path.
    """
    return _document(parse_xml(data, where), where)


def _document(root: Any, where: str) -> PlanDocument:
    if local_name(root) != "gpx":
        raise InputError(f"{where}: the root element is <{local_name(root)}>, not <gpx>")
    held = [
        {local_name(child): child.text or "" for child in element}
        for point in inside(root, "rtept")
        for element in inside(point, "item")
    ]
    if held:
        items = in_order(item_of(fields, f"{where}: route point {n}")[1] for n, fields in enumerate(held, start=1))
        return PlanDocument(source_format="GPX", dialect=None, home=None, items=items)
    points = _points(root, "rtept", where) or _points(root, "trkpt", where)
    if not points:
        raise InputError(f"{where}: holds no route and no track; draw the path as a route")
    return PlanDocument(
        source_format="GPX",
        dialect=None,
        home=None,
        items=path_items(points, frame=0, where=where),
        problems=tuple(_drawn_otherwise(root)),
    )


def _drawn_otherwise(root: Any) -> Iterator[str]:
    """Say what of a drawing is put together, left out or not known."""
    routes, tracks, waypoints = (sum(1 for _ in inside(root, name)) for name in ("rte", "trk", "wpt"))
    used, name = ("rtept", "routes") if any(True for _ in inside(root, "rtept")) else ("trkpt", "tracks")
    count = routes if name == "routes" else tracks
    if count > 1:
        yield f"its {count} {name} are joined to one path, in the order they stand in"
    if name == "routes" and tracks:
        yield f"{tracks} track{'s' * (tracks > 1)} beside the route: left out"
    if waypoints:
        yield f"{waypoints} waypoint{'s' * (waypoints > 1)} beside the path: left out"
    if any(not text_of(point, "ele") for point in inside(root, used)):
        yield "points without a height (ele) are taken at 0 m above sea level"


def _points(root: Any, name: str, where: str) -> list[tuple[float, float, float]]:
    points = []
    for number, element in enumerate(inside(root, name), start=1):
        if number > MAX_POINTS:
            raise InputError(f"{where}: more than {MAX_POINTS} points; simplify the path")
        place = f"{where}: point {number}"
        try:
            lat_deg, lon_deg = float(element.get("lat", "")), float(element.get("lon", ""))
            alt_m = float(text_of(element, "ele") or 0.0)
        except ValueError:
            raise InputError(f"{place} has no usable lat, lon or ele") from None
        check_place(lat_deg, lon_deg, place)
        if not math.isfinite(alt_m):
            raise InputError(f"{place} has a height (ele) that is no number")
        points.append((lon_deg, lat_deg, alt_m))
    return points


def write_gpx(document: PlanDocument, path: Path, *, name: str = "plan") -> None:
    """Write the mission of a plan as a route; GPX has no fence and no rally points.

    Items without a place are put where the aircraft then is, so that other programs show one line.
    """
    write_whole(path, gpx_text(document, name=name))


def gpx_text(document: PlanDocument, *, name: str = "plan") -> str:
    """Return the GPX text of a plan's mission."""
    lat_deg, lon_deg = next(((i.lat_deg, i.lon_deg) for i in document.items if not math.isnan(i.lat_deg)), (0.0, 0.0))
    points = []
    for item in flown_items(document.items):
        if not (math.isnan(item.lat_deg) or math.isnan(item.lon_deg)) and abs(item.lat_deg) <= 90.0:
            lat_deg, lon_deg = item.lat_deg, item.lon_deg
        height_m = alt_amsl_m(item, document.home)
        elevation = "" if math.isnan(height_m) else f"<ele>{height_m!r}</ele>"
        fields = "".join(f"<v:{key}>{xml_text(value)}</v:{key}>" for key, value in fields_of(item, MISSION).items())
        points.append(
            f'<rtept lat="{lat_deg!r}" lon="{lon_deg!r}">{elevation}'
            f"<extensions><v:item>{fields}</v:item></extensions></rtept>"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<gpx xmlns="http://www.topografix.com/GPX/1/1" '
        f'xmlns:v="{NAMESPACE}" version="1.1" creator="Vedette">\n<rte><name>{xml_text(name)}</name>\n'
        + "\n".join(points)
        + "\n</rte></gpx>\n"
    )
