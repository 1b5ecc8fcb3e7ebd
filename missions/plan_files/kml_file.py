"""KML and KMZ read: plans of ours as they were written (`missions.plan_files.kml_written_file`), drawings as a plan.

A plan's own placemarks carry their mission item in `ExtendedData` (OGC KML
2.3, 9.2); of a drawing, its lines become the path, its polygons the fence, and
lone points nothing but a remark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from geo.errors import InputError
from missions.documents.places import coordinates
from missions.documents.xml_file import inside, local_name, parse_xml, text_of
from missions.plan_files.item_fields import (
    FENCE,
    HOME,
    MISSION,
    RALLY,
    in_file_order,
    in_order,
    item_of,
    path_items,
    with_plan_fields,
)
from missions.plan_files.item_limits import checked_fence
from missions.plan_files.plan_document import Home, PlanDocument
from missions.plan_files.qgc_fence import polygon_items

if TYPE_CHECKING:
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
    items: list[MissionItem] = []
    problems: list[str] = []
    lines = list(inside(root, "LineString"))
    for line in lines:
        mode = text_of(line, "altitudeMode")
        if mode not in FRAME_OF_MODE or mode in ("", "clampToGround"):
            problems.append("the line lies on the ground; its heights are 0 m")
        items += path_items(coordinates(line, where), frame=FRAME_OF_MODE.get(mode, 3), where=where)
    if len(lines) > 1:
        problems.append(f"its {len(lines)} lines are joined to one path, in the order they are drawn in")
    fence: list[MissionItem] = []
    for polygon in inside(root, "Polygon"):
        for boundary, inclusion in (("outerBoundaryIs", True), ("innerBoundaryIs", False)):
            for ring in (r for b in inside(polygon, boundary) for r in inside(b, "LinearRing")):
                corners = [(lat, lon) for lon, lat, _ in coordinates(ring, where)]
                corners = corners[:-1] if len(corners) > 1 and corners[0] == corners[-1] else corners
                if len(corners) < 3:
                    raise InputError(f"{where}: a polygon has {len(corners)} corners; at least three are needed")
                fence += polygon_items(corners, inclusion=inclusion, first=len(fence))
    if not items and not fence:
        raise InputError(f"{where}: holds no line and no polygon; draw the path as a line")
    return PlanDocument(
        source_format="KML",
        dialect=None,
        home=None,
        items=in_file_order(items),
        fence=tuple(fence),
        problems=tuple(dict.fromkeys(problems)),
    )
