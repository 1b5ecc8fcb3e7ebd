"""Geographical zones for unmanned aircraft as states publish them: EUROCAE ED-269 (5, annex) and ED-318 (4)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geo.errors import InputError
from missions.zone_files.limits import Layer, layer_of, limit_or_open, metres_of, reference_of
from missions.zone_files.properties import NOT_RESTRICTED, called, periods_of, plain
from missions.zone_files.values import MAX_SHAPES, ZoneFile, ZoneShape, name_of, outline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from numpy.typing import NDArray

    from missions.documents.json_place import JsonPlace
    from missions.zone_files.limits import Limit

    FloatArray = NDArray[np.float64]
    _Limits = tuple[Limit | None, Limit | None, tuple[str, ...]]

MAX_MESSAGE: Final = 100
MAX_DEPTH: Final = 8
"""Geometry collections in one another; ED-318 needs one."""
_RESTRICTED: Final = ("PROHIBITED", "REQ_AUTHORISATION", "REQ_AUTHORIZATION", "CONDITIONAL", NOT_RESTRICTED)


def edition_of(top: JsonPlace) -> Literal["ED-269", "ED-318"] | None:
    """Tell by its first zones which edition a JSON document is, None where it is neither."""
    listed = top.value.get("features") if isinstance(top.value, dict) else top.value  # some publish the bare list
    for feature in listed[:MAX_DEPTH] if isinstance(listed, list) else ():
        geometry = feature.get("geometry") if isinstance(feature, dict) else None
        if isinstance(geometry, list) and geometry and isinstance(geometry[0], dict):
            return "ED-269" if "horizontalProjection" in geometry[0] else None
        if isinstance(geometry, dict):
            parts = [geometry, *(g for g in geometry.get("geometries") or () if isinstance(g, dict))]
            if any("layer" in part or "extent" in part for part in parts):
                return "ED-318"
    return None


def read_zones(top: JsonPlace, edition: str) -> ZoneFile:
    """Read the zones of a document.

    Raises
    ------
    InputError
        Naming the zone and what is wrong with it.
    """
    shapes: list[ZoneShape] = []
    open_air: list[str] = []
    for feature in (top if isinstance(top.value, list) else top.at("features")).each():
        told = plain(feature.at("properties").object() if feature.has("properties") else feature.object())
        name = name_of(*called(told))
        if _restriction(told) == NOT_RESTRICTED:
            message = " ".join(str(told.get("message", "")).split())[:MAX_MESSAGE] if told.get("message") else ""
            open_air.append(f"{name!r} restricts nothing" + (f" ({message})" if message else ""))
            continue
        read = _ed269 if edition == "ED-269" else _ed318
        shapes += read(feature, told, name)
        if len(shapes) > MAX_SHAPES:
            raise InputError(f"{top.where} holds more than {MAX_SHAPES} zones; cut out the part you fly in")
    return ZoneFile(shapes=tuple(shapes), left_out=tuple(open_air))


def _restriction(told: dict[str, Any]) -> str:
    """Return how a zone restricts: ED-269 says it under `restriction`, ED-318 under `type`."""
    for key in ("restriction", "type"):
        word = str(told.get(key, "")).upper()
        if word in _RESTRICTED:
            return word
    return ""


def _ed269(feature: JsonPlace, told: dict[str, Any], name: str) -> Iterator[ZoneShape]:
    for volume in feature.at("geometry").each():
        fields = plain(volume.object())
        fields.pop("horizontalprojection", None)
        yield _shape(volume.at("horizontalProjection"), name, told, _limits(fields))


def _ed318(feature: JsonPlace, told: dict[str, Any], name: str) -> Iterator[ZoneShape]:
    stack = [(feature.at("geometry"), 0)]
    while stack:
        geometry, depth = stack.pop(0)
        if geometry.has("geometries"):
            if depth >= MAX_DEPTH:
                geometry.refuse("is a collection in a collection, over and over; save it as plain polygons")
            stack += [(part, depth + 1) for part in geometry.at("geometries").each()]
            continue
        layer = plain(geometry.at("layer").object()) if geometry.has("layer") else {}
        yield _shape(geometry, name, told, _limits(layer))


def _limits(fields: dict[str, Any]) -> _Limits:
    """Return the limits of a volume: ED-269 counts in metres or feet, each limit from its own reference."""
    found: list[Limit | None] = []
    try:
        unit_m = metres_of(fields.get("uomdimensions", fields.get("uom", "m")))
    except ValueError as error:
        return None, None, (f"{error}; it is taken at every height",)
    said: list[str] = []
    for side in ("lower", "upper"):
        value = fields.get(f"{side}limit", fields.get(side))
        word = fields.get(f"{side}verticalreference", fields.get(f"{side}reference"))
        limit, remark = (
            (None, "") if value is None else limit_or_open(str(value), otherwise=reference_of(word), unit_m=unit_m)
        )
        found.append(limit)
        said += [remark] if remark else []
    return found[0], found[1], tuple(said)


def _shape(geometry: JsonPlace, name: str, told: dict[str, Any], limits: _Limits) -> ZoneShape:
    try:
        periods = periods_of(told)
    except ValueError as error:
        geometry.refuse(f"of zone {name!r} cannot be used: {error}")
    kind = str(geometry.at("type").value).upper()
    polygons: tuple[tuple[FloatArray, ...], ...] = ()
    circle = None
    if kind == "CIRCLE" or (kind == "POINT" and geometry.has("extent")):
        circle = _circle(geometry)
    elif kind == "POLYGON":
        polygons = (_rings(geometry.at("coordinates")),)
    elif kind == "MULTIPOLYGON":
        polygons = tuple(_rings(part) for part in geometry.at("coordinates").each())
    if circle is None and not polygons:
        geometry.refuse(f"of zone {name!r} is a {kind[:20].lower()}; polygons and circles are zones")
    bare = ZoneShape(name=name, layer=Layer(), polygons=polygons, circle=circle, periods=periods, remarks=limits[2])
    return dataclasses.replace(bare, layer=layer_of(limits[0], limits[1], outline(bare)))


def _circle(geometry: JsonPlace) -> tuple[float, float, float]:
    centre = geometry.at("center" if geometry.has("center") else "coordinates")
    lon, lat = _place(centre)
    extent = geometry.at("extent") if geometry.has("extent") else geometry
    radius_m = extent.at("radius").number()
    if not 0.0 < radius_m <= 200_000.0:
        extent.refuse(f"has a radius of {radius_m:g} m; 0 to 200000 m are usable")
    return lat, lon, radius_m


def _rings(place: JsonPlace) -> tuple[FloatArray, ...]:
    rings = tuple(np.array([_place(corner) for corner in ring.each()]).reshape(-1, 2) for ring in place.each())
    if not rings or min(len(ring) for ring in rings) < 3:
        place.refuse("has a ring of fewer than three corners")
    return rings


def _place(place: JsonPlace) -> tuple[float, float]:
    numbers = [part.number() for part in place.each()]
    if len(numbers) < 2 or not (abs(numbers[0]) <= 180.0 and abs(numbers[1]) <= 90.0):
        place.refuse("is not a longitude and a latitude in degrees")
    return numbers[0], numbers[1]
