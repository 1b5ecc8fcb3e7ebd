"""ComplexItems of a QGroundControl plan: the patterns, with the flattened items they stand for.

Survey 2-5, CorridorScan 2, StructureScan 3, fixed-wing landing 2 and VTOL
landing 1, as QGroundControl's own loaders accept them (`SurveyComplexItem`,
`CorridorScanComplexItem`, `StructureScanComplexItem`, `LandingComplexItem`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from missions.plan_files.plan_document import ComplexItem
from missions.plan_files.qgc_items import read_simple_item, write_simple_item
from missions.plan_files.qgc_unembedded import flatten_landing, flatten_old_survey, flatten_structure_scan

if TYPE_CHECKING:
    from missions.documents.json_place import JsonPlace
    from missions.plan import MissionItem

VERSIONS: Final = {
    "survey": (2, 3, 4, 5),
    "CorridorScan": (2,),
    "StructureScan": (3,),
    "fwLandingPattern": (2,),
    "vtolLandingPattern": (1,),
}
_TRANSECT: Final = "TransectStyleComplexItem"
_NOT_SETTINGS: Final = ("version", "Items", "VisualTransectPoints")


def _kind(place: JsonPlace) -> str:
    if place.value.get("type") == "survey":
        return "survey"
    kind = str(place.at("complexItemType").value)
    if kind not in VERSIONS:
        known = ", ".join(VERSIONS)
        place.refuse(f"is a pattern {kind!r} that is not readable (readable: {known}); replace it by its waypoints")
    return kind


def _version(place: JsonPlace, kind: str) -> int:
    version = place.at("version").integer()
    if version not in VERSIONS[kind]:
        known = ", ".join(str(v) for v in VERSIONS[kind])
        place.refuse(
            f"is a {kind} of version {version}; readable: {known}. Open it in the program that made it and save again"
        )
    return version


def _numbers(value: object, prefix: str = "") -> dict[str, float]:
    found: dict[str, float] = {}
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in _NOT_SETTINGS:
                continue
            if isinstance(inner, (bool, int, float)):
                found[prefix + key] = float(inner)
            else:
                found |= _numbers(inner, prefix)
    return found


def _embedded(place: JsonPlace, kind: str, first: int) -> list[MissionItem]:
    inner = place.at(_TRANSECT)
    version = inner.at("version").integer() if inner.has("version") else 1
    if version not in (1, 2):
        inner.refuse(f"has version {version}; readable: 1, 2. Open it in the program that made it and save again")
    if not inner.has("Items"):
        inner.refuse(
            f"has no embedded 'Items', so what this {kind} flies is unknown; open it in QGroundControl and save"
        )
    return [read_simple_item(item, first + n)[0] for n, item in enumerate(inner.at("Items").each())]


def _flattened(place: JsonPlace, kind: str, version: int, first: int) -> list[MissionItem]:
    if kind == "StructureScan":
        return flatten_structure_scan(place, first)
    if kind.endswith("LandingPattern"):
        return flatten_landing(place, first, vtol=kind == "vtolLandingPattern")
    if kind == "survey" and version < 4:
        return flatten_old_survey(place, first)
    return _embedded(place, kind, first)


def read_complex_item(place: JsonPlace, first: int) -> tuple[ComplexItem, list[MissionItem]]:
    """Read one ComplexItem whose flattened items start at number `first`.

    Raises
    ------
    InputError
        For an unknown pattern or version, by name, and for missing parts.
    """
    kind = _kind(place)
    version = _version(place, kind)
    items = _flattened(place, kind, version, first)
    drawn = "polyline" if kind == "CorridorScan" else "polygon"
    points = [p.lat_lon() for p in place.at(drawn).each()] if place.has(drawn) else []
    pattern = ComplexItem(
        kind=kind,
        version=version,
        first_item=first,
        item_count=len(items),
        geometry_lonlat=tuple((lon_deg, lat_deg) for lat_deg, lon_deg in points),
        settings=tuple(sorted(_numbers(place.value).items())),
        carried=json.dumps(place.value),
    )
    return pattern, items


def write_complex_item(pattern: ComplexItem, items: tuple[MissionItem, ...]) -> dict[str, Any]:
    """Build the JSON object again, with the flattened items embedded where the format has a place for them.

    `items` are the pattern's own; embedded items carry their number in the whole mission, from 1.
    """
    body: dict[str, Any] = json.loads(pattern.carried)
    if _TRANSECT in body:
        inner = body[_TRANSECT]
        was = inner.get("Items", [])
        inner["Items"] = [
            write_simple_item(item, item.seq + 1, _extras(was, n, len(items))) for n, item in enumerate(items)
        ]
    return body


def _extras(was: list[dict[str, Any]], index: int, count: int) -> str:
    return json.dumps(was[index] if len(was) == count else {})
