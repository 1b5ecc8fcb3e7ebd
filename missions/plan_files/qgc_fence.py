"""The fence and rally points of a QGroundControl plan, to and from mission items."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from geo.errors import InputError
from missions.plan import MissionItem
from missions.plan_files.dialect import MAV_FRAME_GLOBAL, MAV_FRAME_GLOBAL_RELATIVE_ALT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from missions.documents.json_place import JsonPlace

BREACH_RETURN: Final = 5000
POLYGON: Final = {True: 5001, False: 5002}
"""Inclusion -> MAV_CMD_NAV_FENCE_POLYGON_VERTEX_*; parameter 1 is the vertex count, on every vertex."""
CIRCLE: Final = {True: 5003, False: 5004}
"""Inclusion -> MAV_CMD_NAV_FENCE_CIRCLE_*; parameter 1 is the radius in metres."""
RALLY_POINT: Final = 5100
MAX_VERTICES: Final = 10_000


def polygon_items(points: Iterable[tuple[float, float]], *, inclusion: bool, first: int) -> list[MissionItem]:
    """Return the vertex items of one fence polygon; points are (lat, lon) degrees, the ring not closed.

    Raises
    ------
    InputError
        When there are fewer than three corners, or more than any autopilot could hold.
    """
    ring = list(points)
    if not 3 <= len(ring) <= MAX_VERTICES:
        raise InputError(
            f"a polygon has {len(ring)} corners; 3 to {MAX_VERTICES} make a fence, draw it simpler", actual=len(ring)
        )
    return [
        MissionItem(
            seq=first + index,
            command=POLYGON[inclusion],
            frame=MAV_FRAME_GLOBAL,
            p1=float(len(ring)),
            lat_deg=lat_deg,
            lon_deg=lon_deg,
        )
        for index, (lat_deg, lon_deg) in enumerate(ring)
    ]


def fence_polygons(fence: Iterable[MissionItem]) -> Iterator[tuple[bool, list[tuple[float, float]]]]:
    """Cut fence items into polygons: (inclusion, [(lat, lon) degrees])."""
    ring: list[MissionItem] = []
    for item in (item for item in fence if item.command in POLYGON.values()):
        if ring and item.command != ring[0].command:
            yield _polygon(ring)
            ring = []
        ring.append(item)
        if len(ring) >= item.p1:
            yield _polygon(ring)
            ring = []
    if ring:
        yield _polygon(ring)


def _polygon(ring: list[MissionItem]) -> tuple[bool, list[tuple[float, float]]]:
    return ring[0].command == POLYGON[True], [(item.lat_deg, item.lon_deg) for item in ring]


def _ring(place: JsonPlace) -> list[tuple[float, float]]:
    points = [point.lat_lon() for point in place.each()]
    if len(points) > 1 and points[0] == points[-1]:
        points.pop()
    if not 3 <= len(points) <= MAX_VERTICES:  # named here with its place in the file
        place.refuse(f"needs 3 to {MAX_VERTICES} different corners, found {len(points)}")
    return points


def _circle(place: JsonPlace, seq: int) -> MissionItem:
    circle = place.at("circle")
    lat_deg, lon_deg = circle.at("center").lat_lon()
    radius_m = circle.at("radius").number()
    if radius_m <= 0.0:
        circle.at("radius").refuse(f"must be above 0 m, found {radius_m}")
    return MissionItem(
        seq=seq,
        command=CIRCLE[bool(place.value.get("inclusion", True))],
        frame=MAV_FRAME_GLOBAL,
        p1=radius_m,
        lat_deg=lat_deg,
        lon_deg=lon_deg,
    )


def read_fence(place: JsonPlace) -> tuple[MissionItem, ...]:
    """Read `geoFence` of version 1 (one polygon) or 2 (polygons, circles, breach return)."""
    place.object()
    version = place.at("version").integer() if place.has("version") else 1
    items: list[MissionItem] = []
    if version == 1:
        if place.has("polygon") and place.value["polygon"]:
            items += polygon_items(_ring(place.at("polygon")), inclusion=True, first=0)
    elif version == 2:
        for polygon in place.at("polygons").each() if place.has("polygons") else ():
            inclusion = bool(polygon.object().get("inclusion", True))
            items += polygon_items(_ring(polygon.at("polygon")), inclusion=inclusion, first=len(items))
        for circle in place.at("circles").each() if place.has("circles") else ():
            items.append(_circle(circle, len(items)))
    else:
        place.refuse(f"has version {version}; versions 1 and 2 are readable, save it with a newer program")
    if place.has("breachReturn"):
        items.append(_point(place.at("breachReturn"), BREACH_RETURN, len(items)))
    return tuple(items)


def _point(place: JsonPlace, command: int, seq: int) -> MissionItem:
    lat_deg, lon_deg = place.lat_lon()
    numbers = [p.number() for p in place.each()]
    return MissionItem(
        seq=seq,
        command=command,
        frame=MAV_FRAME_GLOBAL_RELATIVE_ALT,
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        alt_m=numbers[2] if len(numbers) > 2 else 0.0,
    )


def read_rally(place: JsonPlace) -> tuple[MissionItem, ...]:
    """Read `rallyPoints` (versions 1 and 2 agree): latitude, longitude, metres above home."""
    place.object()
    version = place.at("version").integer() if place.has("version") else 1
    if version not in (1, 2):
        place.refuse(f"has version {version}; versions 1 and 2 are readable, save it with a newer program")
    points = place.at("points").each() if place.has("points") else iter(())
    return tuple(_point(point, RALLY_POINT, seq) for seq, point in enumerate(points))


def _carried_list(carried: dict[str, Any], key: str, count: int) -> list[dict[str, Any]]:
    held = carried.get(key)
    usable = isinstance(held, list) and len(held) == count and all(isinstance(v, dict) for v in held)
    return held if usable and isinstance(held, list) else [{} for _ in range(count)]


def write_fence(fence: tuple[MissionItem, ...], carried: dict[str, Any]) -> dict[str, Any]:
    """Build `geoFence` version 2; `carried` is what the file held there before."""
    polygons = list(fence_polygons(fence))
    circles = [item for item in fence if item.command in CIRCLE.values()]
    returns = [item for item in fence if item.command == BREACH_RETURN]
    body = {k: v for k, v in carried.items() if k not in ("polygon", "breachReturn")}
    body["polygons"] = [
        was | {"inclusion": inclusion, "polygon": [list(point) for point in ring], "version": 1}
        for (inclusion, ring), was in zip(polygons, _carried_list(carried, "polygons", len(polygons)), strict=True)
    ]
    body["circles"] = [
        was
        | {
            "circle": was.get("circle", {}) | {"center": [item.lat_deg, item.lon_deg], "radius": item.p1},
            "inclusion": item.command == CIRCLE[True],
            "version": 1,
        }
        for item, was in zip(circles, _carried_list(carried, "circles", len(circles)), strict=True)
    ]
    if returns:
        body["breachReturn"] = [returns[0].lat_deg, returns[0].lon_deg, returns[0].alt_m]
    return body | {"version": 2}


def write_rally(rally: tuple[MissionItem, ...], carried: dict[str, Any]) -> dict[str, Any]:
    """Build `rallyPoints` version 2; `carried` is what the file held there before."""
    points = [[item.lat_deg, item.lon_deg, 0.0 if math.isnan(item.alt_m) else item.alt_m] for item in rally]
    return carried | {"points": points, "version": 2}
