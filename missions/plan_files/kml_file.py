"""KML and KMZ: drawings read as a plan, plans written so that they come back whole.

A plan's own placemarks carry their mission item in `ExtendedData` (OGC KML
2.3, 9.2); of a drawing, its lines become the path, its polygons the fence, and
lone points nothing but a remark.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from geo.errors import InputError
from geo.foreign_text import xml_text
from missions.documents.places import coordinates
from missions.documents.whole_file import write_whole
from missions.documents.xml_file import inside, local_name, parse_xml, text_of
from missions.plan_files.item_fields import (
    FENCE,
    HOME,
    MISSION,
    RALLY,
    alt_amsl_m,
    fields_of,
    flown_places,
    in_order,
    item_of,
    path_items,
    plan_fields,
    with_plan_fields,
)
from missions.plan_files.item_limits import checked_fence
from missions.plan_files.plan_document import Home, PlanDocument
from missions.plan_files.qgc_fence import fence_polygons, polygon_items

if TYPE_CHECKING:
    from pathlib import Path

    from missions.plan import MissionItem

FRAME_OF_MODE: Final = {"absolute": 0, "relativeToGround": 10, "clampToGround": 3, "": 3}
"""KML altitude mode -> MAV_FRAME (terrain for relative to ground; clamped lines have no height of their own)."""


def parse_kml(data: bytes, where: str) -> PlanDocument:
    """Read KML bytes; `where` names them in errors.

    Raises
    ------
    InputError
        See `missions.documents.xml_file.parse_xml`; also for coordinates that are no place, and documents without
        geometry.
    """
    return _document(parse_xml(data, where), where)


def _document(root: Any, where: str) -> PlanDocument:
    if local_name(root) != "kml":
        raise InputError(f"{where}: the root element is <{local_name(root)}>, not <kml>")
    lists: dict[str, list[MissionItem]] = {MISSION: [], FENCE: [], RALLY: [], HOME: []}
    for number, placemark in enumerate(inside(root, "Placemark"), start=1):
        fields = {data.get("name", ""): text_of(data, "value") for data in inside(placemark, "Data")}
        if "command" in fields:
            held_in, item = item_of(fields, f"{where}: placemark {number}")
            lists.setdefault(held_in, []).append(item)
    if any(lists.values()):
        own = next((child for child in inside(root, "Document")), root)
        data = (d for e in own if local_name(e) == "ExtendedData" for d in inside(e, "Data"))
        return with_plan_fields(_own(lists, where), {d.get("name", ""): text_of(d, "value") for d in data}, where)
    return _drawing(root, where)


def _own(lists: dict[str, list[MissionItem]], where: str) -> PlanDocument:
    ordered = {name: in_order(items) for name, items in lists.items()}
    home = next((Home(lat_deg=h.lat_deg, lon_deg=h.lon_deg, alt_amsl_m=h.alt_m) for h in ordered[HOME]), None)
    return PlanDocument(
        source_format="KML",
        dialect=None,
        home=home,
        items=ordered[MISSION],
        fence=checked_fence(ordered[FENCE], where),
        rally=ordered[RALLY],
    )


def _drawing(root: Any, where: str) -> PlanDocument:
    points: list[tuple[float, float, float]] = []
    mode = ""
    for line in inside(root, "LineString"):
        mode = mode or text_of(line, "altitudeMode")
        points += coordinates(line, where)
    fence: list[MissionItem] = []
    for polygon in inside(root, "Polygon"):
        for boundary, inclusion in (("outerBoundaryIs", True), ("innerBoundaryIs", False)):
            for ring in (r for b in inside(polygon, boundary) for r in inside(b, "LinearRing")):
                corners = [(lat, lon) for lon, lat, _ in coordinates(ring, where)]
                corners = corners[:-1] if len(corners) > 1 and corners[0] == corners[-1] else corners
                if len(corners) < 3:
                    raise InputError(f"{where}: a polygon has {len(corners)} corners; at least three are needed")
                fence += polygon_items(corners, inclusion=inclusion, first=len(fence))
    if not points and not fence:
        raise InputError(f"{where}: holds no line and no polygon; draw the path as a line")
    frame = FRAME_OF_MODE.get(mode, 3)
    clamped = "the line lies on the ground; its heights are 0 m" if points and mode in ("", "clampToGround") else ""
    return PlanDocument(
        source_format="KML",
        dialect=None,
        home=None,
        items=path_items(points, frame=frame, where=where),
        fence=tuple(fence),
        problems=(clamped,) if clamped else (),
    )


def write_kml(document: PlanDocument, path: Path, *, name: str = "plan") -> None:
    """Write a plan: path, items, fence and rally points; heights are above sea level where home is known."""
    write_whole(path, kml_text(document, name=name))


def kml_text(document: PlanDocument, *, name: str = "plan") -> str:
    """Return the KML text of a plan."""
    body = "\n".join(part for part in (_path(document), *_items(document)) if part)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>\n'
        f"<name>{xml_text(name)}</name>{_extended(plan_fields(document))}\n{body}\n</Document></kml>\n"
    )


def _path(document: PlanDocument) -> str:
    flown = flown_places(document.items)
    if len(flown) < 2:
        return ""
    heights = [alt_amsl_m(item, document.home) for item in flown]
    known = not any(math.isnan(h) for h in heights)
    triples = " ".join(
        f"{i.lon_deg!r},{i.lat_deg!r},{h if known else i.alt_m!r}" for i, h in zip(flown, heights, strict=True)
    )
    mode = "absolute" if known else "relativeToGround"
    return (
        f"<Placemark><name>flight path</name><LineString><altitudeMode>{mode}</altitudeMode>"
        f"<coordinates>{triples}</coordinates></LineString></Placemark>"
    )


def _items(document: PlanDocument) -> list[str]:
    marks = []
    if document.home is not None:
        home = document.home
        fields = {"list": HOME, "seq": "0", "command": "16", "frame": "0", "autocontinue": "1"}
        fields |= {"p1": "0.0", "p2": "0.0", "p3": "0.0", "p4": "0.0"}
        fields |= {"lat": repr(home.lat_deg), "lon": repr(home.lon_deg), "alt": repr(home.alt_amsl_m)}
        marks.append(_mark("home", fields, _point(home.lon_deg, home.lat_deg)))
    for held_in, items in ((MISSION, document.items), (FENCE, document.fence), (RALLY, document.rally)):
        for item in items:
            nowhere = math.isnan(item.lat_deg) or math.isnan(item.lon_deg)
            geometry = "" if nowhere or held_in == FENCE else _point(item.lon_deg, item.lat_deg)
            marks.append(_mark(f"{held_in} {item.seq + 1}", fields_of(item, held_in), geometry))
    marks += [_fence_polygon(ring, inclusion) for inclusion, ring in fence_polygons(document.fence)]
    return marks


def _point(lon_deg: float, lat_deg: float) -> str:
    return f"<Point><coordinates>{lon_deg!r},{lat_deg!r}</coordinates></Point>"


def _mark(name: str, fields: dict[str, str], geometry: str) -> str:
    return f"<Placemark><name>{xml_text(name)}</name>{_extended(fields)}{geometry}</Placemark>"


def _extended(fields: dict[str, str]) -> str:
    data = "".join(f'<Data name="{key}"><value>{xml_text(value)}</value></Data>' for key, value in fields.items())
    return f"<ExtendedData>{data}</ExtendedData>" if data else ""


def _fence_polygon(ring: list[tuple[float, float]], inclusion: bool) -> str:
    closed = " ".join(f"{lon!r},{lat!r}" for lat, lon in (*ring, ring[0]))
    kind = "fence" if inclusion else "exclusion"
    return (
        f"<Placemark><name>{kind}</name><Polygon><outerBoundaryIs><LinearRing><coordinates>{closed}</coordinates>"
        "</LinearRing></outerBoundaryIs></Polygon></Placemark>"
    )
