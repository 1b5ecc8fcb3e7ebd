"""QGroundControl's `.plan` (and the `.mission` before it): read in full, written so that nothing is lost.

Versions: file 1, mission 2, geoFence 1-2, rallyPoints 1-2; the legacy
`.mission` objects of versions 1 and 2. Format: QGroundControl developer guide,
"Plan file format", and QGroundControl's loaders where the two differ.
"""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any, Final

from missions.documents.json_place import JsonPlace, parse_json
from missions.documents.whole_file import write_whole
from missions.plan_files.dialect import FIRMWARE_TYPE, JUMP_COMMANDS, Dialect, has_position
from missions.plan_files.plan_document import Home, PlanDocument, document_from_sortie
from missions.plan_files.qgc_complex_items import read_complex_item, write_complex_item
from missions.plan_files.qgc_fence import read_fence, read_rally, write_fence, write_rally
from missions.plan_files.qgc_items import read_simple_item, write_simple_item

if TYPE_CHECKING:
    from pathlib import Path

    from missions.plan import MissionItem, Sortie
    from missions.plan_files.plan_document import ComplexItem

MAX_ITEMS: Final = 65_535
"""A MAVLink sequence number has 16 bits."""
_FIRMWARE_NAMES: Final = {number: dialect for dialect, number in FIRMWARE_TYPE.items()}
_RELATIVE_FRAMES: Final = (3, 6)


def write_qgc_plan(sortie: Sortie, dialect: str, path: Path, *, vehicle_type: int = 2) -> None:
    """Write one sortie as a `.plan` with its fence and rally points, whole or not at all.

    Parameters
    ----------
    sortie
        The flight.
    dialect
        ``"ardupilot"`` or ``"px4"``: decides `firmwareType`; home is never an item of a `.plan`.
    path
        Where to write.
    vehicle_type
        MAV_TYPE number (1 fixed wing, 2 quadrotor).
    """
    write_qgc_document(document_from_sortie(sortie, dialect, vehicle_type=vehicle_type), path)


def parse_qgc_plan(text: str, *, where: str) -> PlanDocument:
    """Read the text of a `.plan` or a legacy `.mission`; `where` names it in errors."""
    top = parse_json(text, where=f"{where}:")
    top.object()
    if top.has("fileType") and top.value["fileType"] != "Plan":
        top.refuse(f"is a {top.value['fileType']!r} file, not a plan")
    if not top.has("mission"):
        if top.has("items"):
            return _legacy(top)
        top.refuse("has no 'mission'; this is not a plan, or it was saved without one")
    version = top.at("version").integer()
    if version != 1:
        top.refuse(
            f"is a plan file of version {version}; only version 1 is readable, save it again with QGroundControl"
        )
    mission = top.at("mission")
    if (version := mission.at("version").integer()) != 2:
        mission.refuse(f"has version {version}; only version 2 is readable, save it again with QGroundControl")
    fence = read_fence(top.at("geoFence")) if top.has("geoFence") else ()
    rally = read_rally(top.at("rallyPoints")) if top.has("rallyPoints") else ()
    document = _mission(mission, "QGroundControl plan")
    return dataclasses.replace(document, fence=fence, rally=rally, carried=_without_items(top.value))


def _without_items(top: dict[str, Any]) -> str:
    mission = {key: value for key, value in top["mission"].items() if key != "items"}
    return json.dumps(top | {"mission": mission})


def _legacy(top: JsonPlace) -> PlanDocument:
    if top.has("version") and (version := top.at("version").value) not in (1, 2, "1.0", "1"):
        top.refuse(f"is a mission file of version {version}; versions 1 and 2 are readable")
    if top.has("complexItems") and top.value["complexItems"]:
        top.refuse(
            "holds version 1 complex items, which cannot be placed among its items; save it with a newer program"
        )
    return _mission(top, "QGroundControl mission")


def _mission(place: JsonPlace, source_format: str) -> PlanDocument:
    items: list[MissionItem] = []
    jump_ids: list[int] = []
    extras: list[str] = []
    complexes: list[ComplexItem] = []
    for entry in place.at("items").each():
        kind = entry.at("type").value
        if len(items) >= MAX_ITEMS:
            entry.refuse(f"is item {len(items) + 1}; a vehicle can hold at most {MAX_ITEMS}")
        if kind in ("SimpleItem", "missionItem"):
            item, jump_id, extra = read_simple_item(entry, len(items))
            items.append(item)
            jump_ids.append(jump_id)
            extras.append(extra)
            continue
        if kind not in ("ComplexItem", "survey"):
            entry.refuse(f"has type {kind!r}; SimpleItem and ComplexItem are readable")
        pattern, flown = read_complex_item(entry, len(items))
        complexes.append(pattern)
        jump_ids += range(len(items) + 1, len(items) + len(flown) + 1)
        extras += ["{}"] * len(flown)
        items += flown
    return _document(place, source_format, (items, jump_ids, extras, complexes))


def _document(
    place: JsonPlace,
    source_format: str,
    content: tuple[list[MissionItem], list[int], list[str], list[ComplexItem]],
) -> PlanDocument:
    items, jump_ids, extras, complexes = content
    firmware = next((place.at(k).integer() for k in ("firmwareType", "MAV_AUTOPILOT") if place.has(k)), -1)
    moved, problems = _jumps_to_sequence(items, jump_ids)
    rebuilt = [c.kind for c in complexes if c.kind == "StructureScan" or (c.kind == "survey" and c.version < 4)]
    problems += [
        f"the {kind} holds no items of its own; its path is rebuilt and may differ in detail" for kind in rebuilt
    ]
    return PlanDocument(
        source_format=source_format,
        dialect=_FIRMWARE_NAMES.get(firmware),
        home=_home(place),
        items=tuple(moved),
        vehicle_type=place.at("vehicleType").integer() if place.has("vehicleType") else 0,
        cruise_speed_mps=place.at("cruiseSpeed").number() if place.has("cruiseSpeed") else math.nan,
        hover_speed_mps=place.at("hoverSpeed").number() if place.has("hoverSpeed") else math.nan,
        complexes=tuple(complexes),
        jump_ids=tuple(jump_ids),
        item_extras=tuple(extras),
        problems=tuple(problems),
    )


def _home(place: JsonPlace) -> Home | None:
    if not place.has("plannedHomePosition"):
        return None
    where = place.at("plannedHomePosition")
    if isinstance(where.value, dict):
        where = where.at("coordinate")
    values = [p.number_or_nan() for p in where.each()]
    if len(values) < 2 or math.isnan(values[0] + values[1]) or values[:2] == [0.0, 0.0]:
        return None
    lat_deg, lon_deg = where.lat_lon()
    return Home(lat_deg=lat_deg, lon_deg=lon_deg, alt_amsl_m=values[2] if len(values) > 2 else math.nan)


def _jumps_to_sequence(items: list[MissionItem], jump_ids: list[int]) -> tuple[list[MissionItem], list[str]]:
    """Turn DO_JUMP targets from the file's numbers into ours; a target that does not exist stays and is reported."""
    number = {jump_id: item.seq for item, jump_id in zip(items, jump_ids, strict=True)}
    moved, problems = [], []
    for item in items:
        if item.command in JUMP_COMMANDS:
            if item.p1 in number:
                item = dataclasses.replace(item, p1=float(number[int(item.p1)]))  # noqa: PLW2901
            else:
                problems.append(f"item {item.seq + 1} jumps to item {item.p1:g}, which does not exist")
                item = dataclasses.replace(item, p1=-1.0)  # noqa: PLW2901
        moved.append(item)
    return moved, problems


def write_qgc_document(document: PlanDocument, path: Path) -> None:
    """Write a plan document as a `.plan` (current versions), keeping the keys it was read with."""
    write_whole(path, json.dumps(qgc_plan_json(document), indent=4, sort_keys=True, allow_nan=False) + "\n")


def _jump_ids(document: PlanDocument) -> list[int]:
    held = document.jump_ids
    if len(held) == len(document.items) and len(set(held)) == len(held):
        return list(held)
    return [item.seq + 1 for item in document.items]


def _entries(document: PlanDocument) -> list[dict[str, Any]]:
    jump_ids = _jump_ids(document)
    extras = document.item_extras if len(document.item_extras) == len(document.items) else ()
    patterns = {pattern.first_item: pattern for pattern in document.complexes}
    entries: list[dict[str, Any]] = []
    index = 0
    while index < len(document.items) or index in patterns:
        pattern = patterns.pop(index, None)
        if pattern is not None:
            own = document.items[index : index + pattern.item_count]
            entries.append(write_complex_item(pattern, own))
            index += pattern.item_count
            continue
        item = document.items[index]
        if item.command in JUMP_COMMANDS and 0 <= item.p1 < len(jump_ids):
            item = dataclasses.replace(item, p1=float(jump_ids[int(item.p1)]))
        entries.append(write_simple_item(item, jump_ids[index], extras[index] if extras else "{}"))
        index += 1
    return entries


def qgc_plan_json(document: PlanDocument) -> dict[str, Any]:
    """Build the JSON object of a `.plan` from a document."""
    carried: dict[str, Any] = json.loads(document.carried)
    mission = carried.get("mission", {}) | {"items": _entries(document), "version": 2}
    defaults = {"cruiseSpeed": document.cruise_speed_mps, "hoverSpeed": document.hover_speed_mps}
    for key, value in defaults.items():
        mission.setdefault(key, 10.0 if math.isnan(value) else value)
    mission.setdefault("firmwareType", FIRMWARE_TYPE[document.dialect or Dialect.ARDUPILOT])
    mission.setdefault("vehicleType", document.vehicle_type or 2)
    if "globalPlanAltitudeMode" not in mission and not carried:
        frames = {item.frame for item in document.items if has_position(item)}
        mission["globalPlanAltitudeMode"] = 1 if frames <= set(_RELATIVE_FRAMES) else 0
    mission.setdefault("plannedHomePosition", _home_json(document))
    return carried | {
        "fileType": "Plan",
        "groundStation": carried.get("groundStation", "Vedette"),
        "version": 1,
        "mission": mission,
        "geoFence": write_fence(document.fence, carried.get("geoFence") or {}),
        "rallyPoints": write_rally(document.rally, carried.get("rallyPoints") or {}),
    }


def _home_json(document: PlanDocument) -> list[float | None]:
    if document.home is None:
        first = next((item for item in document.items if has_position(item)), None)
        return [0.0, 0.0, 0.0] if first is None else [first.lat_deg, first.lon_deg, 0.0]
    home = document.home
    return [home.lat_deg, home.lon_deg, None if math.isnan(home.alt_amsl_m) else home.alt_amsl_m]
