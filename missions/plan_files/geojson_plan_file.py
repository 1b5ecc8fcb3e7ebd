"""Plans as GeoJSON (RFC 7946): a line for the path, a feature for every item, and back; drawings as plans."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from missions.documents.json_place import JsonPlace, parse_json
from missions.documents.whole_file import write_whole
from missions.plan_files.item_fields import (
    FENCE,
    HOME,
    MAX_POINTS,
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
    from collections.abc import Iterator
    from pathlib import Path

    from missions.plan import MissionItem

ITEM_KEY: Final = "mission_item"
PLAN_KEY: Final = "plan"
"""A foreign member of the collection (RFC 7946, 6.1)."""


def parse_geojson_plan(text: str, *, where: str) -> PlanDocument:
    """Read a GeoJSON plan of ours, or a drawing: lines become the path, polygons the fence.

    Raises
    ------
    InputError
        Naming `where` and the feature.
    """
    top = parse_json(text, where=f"{where}:")
    features = list(top.at("features").each()) if top.has("features") else [top]
    lists: dict[str, list[MissionItem]] = {MISSION: [], FENCE: [], RALLY: [], HOME: []}
    for feature in features:
        if not feature.has("properties") or not feature.at("properties").has(ITEM_KEY):
            continue
        fields = feature.at("properties").at(ITEM_KEY).object()
        held_in, item = item_of({k: str(v) for k, v in fields.items()}, feature.where)
        lists.setdefault(held_in, []).append(item)
    if any(lists.values()):
        fields = top.at(PLAN_KEY).object() if top.has(PLAN_KEY) else {}
        return with_plan_fields(_own(lists, where), fields, where)
    return _drawing(top, features)


def _own(lists: dict[str, list[MissionItem]], where: str) -> PlanDocument:
    ordered = {name: in_order(items) for name, items in lists.items()}
    home = next((Home(lat_deg=h.lat_deg, lon_deg=h.lon_deg, alt_amsl_m=h.alt_m) for h in ordered[HOME]), None)
    return PlanDocument(
        source_format="GeoJSON",
        dialect=None,
        home=home,
        items=ordered[MISSION],
        fence=checked_fence(ordered[FENCE], where),
        rally=ordered[RALLY],
    )


def _drawing(top: JsonPlace, features: list[JsonPlace]) -> PlanDocument:
    lines: list[JsonPlace] = []
    fence: list[MissionItem] = []
    problems: list[str] = []
    for geometry in _geometries(features):
        kind = geometry.at("type").value
        parts = list(geometry.at("coordinates").each()) if kind in ("MultiLineString", "MultiPolygon") else ()
        if kind in ("LineString", "MultiLineString"):
            lines += parts or [geometry.at("coordinates")]
        elif kind in ("Polygon", "MultiPolygon"):
            for polygon in parts or [geometry.at("coordinates")]:
                fence += _fence_of(polygon, len(fence))
        else:
            problems.append(f"a {str(kind)[:20]} is neither path nor fence; left out")
    points: list[tuple[float, float, float]] = []
    for line in lines:
        if isinstance(line.value, list) and len(points) + len(line.value) > MAX_POINTS:
            line.refuse(f"has {len(line.value)} points, more than {MAX_POINTS} make no mission; simplify it")
        points += [_point(p) for p in line.each()]
    if not points and not fence:
        top.refuse("holds no LineString and no Polygon; draw the path as a line")
    flat = not any(p[2] for p in points)
    if points and flat:
        problems.append("the line has no heights; they are 0 m")
    if len(lines) > 1:
        problems.append(f"its {len(lines)} lines are joined to one path, in the order they are drawn in")
    return PlanDocument(
        source_format="GeoJSON",
        dialect=None,
        home=None,
        items=path_items(points, frame=3 if flat else 0, where=top.where),
        fence=tuple(fence),
        problems=tuple(dict.fromkeys(problems)),
    )


def _geometries(features: list[JsonPlace]) -> Iterator[JsonPlace]:
    """Go over the geometries of features, those of collections among them; a feature may have none."""
    for feature in features:
        if feature.object().get("type") == "Feature" and not feature.has("geometry"):
            continue
        geometry = feature.at("geometry") if feature.has("geometry") else feature
        yield from geometry.at("geometries").each() if geometry.has("geometries") else (geometry,)


def _fence_of(polygon: JsonPlace, first: int) -> list[MissionItem]:
    """Return a polygon's outline as a fence to stay in, its holes as fences to stay out of."""
    items: list[MissionItem] = []
    for index, ring in enumerate(polygon.each()):
        corners = [(lat, lon) for lon, lat, _ in (_point(p) for p in ring.each())]
        corners = corners[:-1] if len(corners) > 1 and corners[0] == corners[-1] else corners
        if len(corners) < 3:
            ring.refuse(f"has {len(corners)} corners; at least three are needed")
        items += polygon_items(corners, inclusion=index == 0, first=first + len(items))
    return items


def _point(place: JsonPlace) -> tuple[float, float, float]:
    values = [p.number() for p in place.each()]
    if len(values) < 2 or abs(values[0]) > 180.0 or abs(values[1]) > 90.0:
        place.refuse("is not a longitude and a latitude in degrees")
    return values[0], values[1], values[2] if len(values) > 2 else 0.0


def write_geojson_plan(document: PlanDocument, path: Path) -> None:
    """Write a plan as one FeatureCollection, whole or not at all."""
    write_whole(path, json.dumps(geojson_plan(document), indent=1, sort_keys=True, allow_nan=False) + "\n")


def geojson_plan(document: PlanDocument) -> dict[str, Any]:
    """Build the FeatureCollection of a plan; heights are above sea level where home is known."""
    features = [*_path(document)]
    if document.home is not None:
        h = document.home
        fields = {"list": HOME, "seq": "0", "command": "16", "frame": "0", "autocontinue": "1"}
        fields |= {"p1": "0.0", "p2": "0.0", "p3": "0.0", "p4": "0.0"}
        fields |= {"lat": repr(h.lat_deg), "lon": repr(h.lon_deg), "alt": repr(h.alt_amsl_m)}
        features.append(_feature(_geometry(h.lon_deg, h.lat_deg, h.alt_amsl_m), {"name": "home", ITEM_KEY: fields}))
    for held_in, items in ((MISSION, document.items), (FENCE, document.fence), (RALLY, document.rally)):
        for item in items:
            nowhere = math.isnan(item.lat_deg + item.lon_deg)
            place = None if nowhere else _geometry(item.lon_deg, item.lat_deg, alt_amsl_m(item, document.home))
            name = f"{held_in} {item.seq + 1}"
            features.append(_feature(place, {"name": name, ITEM_KEY: fields_of(item, held_in)}))
    for inclusion, ring in fence_polygons(document.fence):
        closed = [[lon, lat] for lat, lon in (*ring, ring[0])]
        polygon = {"type": "Polygon", "coordinates": [closed]}
        features.append(_feature(polygon, {"name": "fence" if inclusion else "exclusion"}))
    return {"type": "FeatureCollection", "features": features, PLAN_KEY: plan_fields(document)}


def _feature(geometry: dict[str, Any] | None, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _geometry(lon_deg: float, lat_deg: float, alt_m: float) -> dict[str, Any]:
    height = [] if math.isnan(alt_m) else [alt_m]
    return {"type": "Point", "coordinates": [lon_deg, lat_deg, *height]}


def _path(document: PlanDocument) -> list[dict[str, Any]]:
    flown = flown_places(document.items)
    if len(flown) < 2:
        return []
    places = [_geometry(i.lon_deg, i.lat_deg, alt_amsl_m(i, document.home))["coordinates"] for i in flown]
    return [_feature({"type": "LineString", "coordinates": places}, {"name": "flight path"})]
