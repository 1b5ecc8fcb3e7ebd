"""SimpleItems of a QGroundControl plan: three generations of one JSON object, and back."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from missions.plan import MissionItem
from missions.plan_files.dialect import POSITION_COMMANDS
from missions.plan_files.item_limits import checked_item

if TYPE_CHECKING:
    from missions.documents.json_place import JsonPlace

OLD_KEYS: Final = ("coordinate", "id", "param1", "param2", "param3", "param4")
"""Keys of the first two generations (QGC `MissionItem::_convertJsonV1ToV2` and `V2ToV3`)."""
OWN_KEYS: Final = frozenset({"type", "command", "frame", "autoContinue", "doJumpId", "params", *OLD_KEYS})
ALTITUDE_MODE: Final = {0: 2, 3: 1, 5: 2, 6: 1, 10: 4, 11: 4}
"""MAV_FRAME -> QGC AltitudeMode (relative 1, absolute 2, terrain frame 4)."""


def _parameters(place: JsonPlace) -> list[float]:
    if place.has("params"):
        values = [p.number_or_nan() for p in place.at("params").each()]
    else:
        values = [place.at(f"param{n}").number_or_nan() for n in (1, 2, 3, 4)]
    if place.has("coordinate"):
        values += [p.number_or_nan() for p in place.at("coordinate").each()]
    if len(values) != 7:
        place.refuse(f"must hold 7 parameters, found {len(values)}")
    return values


def read_simple_item(place: JsonPlace, seq: int) -> tuple[MissionItem, int, str]:
    """Read one SimpleItem of any generation.

    Returns
    -------
    (item, jump_id, extras)
        The item numbered `seq`, the file's own number for it, and the keys we
        do not use as JSON (with the parameters, whose nulls must survive).
        For commands without a place, `lat_deg` and `lon_deg` hold parameters 5
        and 6 when they are not zero.
    """
    values = _parameters(place)
    command = place.at("command").integer()
    lat_deg, lon_deg, alt_m = values[4:]
    if command not in POSITION_COMMANDS:
        lat_deg, lon_deg = (v if v else math.nan for v in (lat_deg, lon_deg))
    item = MissionItem(
        seq=seq,
        command=command,
        frame=place.at("frame").integer(),
        p1=values[0],
        p2=values[1],
        p3=values[2],
        p4=values[3],
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        alt_m=0.0 if math.isnan(alt_m) else alt_m,
        autocontinue=bool(place.value.get("autoContinue", True)),
    )
    number = "doJumpId" if place.has("doJumpId") else "id"
    jump_id = place.at(number).integer() if place.has(number) else seq + 1
    extras = {key: value for key, value in place.value.items() if key not in OWN_KEYS}
    extras["params"] = [None if math.isnan(v) else v for v in values]
    return checked_item(item, place.where), jump_id, json.dumps(extras)


def _written_parameters(item: MissionItem, was: list[Any]) -> list[float | None]:
    values = [item.p1, item.p2, item.p3, item.p4, item.lat_deg, item.lon_deg, item.alt_m]
    written: list[float | None] = []
    for index, value in enumerate(values):
        before = was[index] if len(was) == 7 else 0.0
        placeless = index > 3 and item.command not in POSITION_COMMANDS
        if math.isnan(value):
            written.append(before if placeless and before in (None, 0) else None)
        else:
            written.append(None if value == 0.0 and index == 6 and before is None else value)
    return written


def write_simple_item(item: MissionItem, jump_id: int, extras: str = "{}") -> dict[str, Any]:
    """Build the JSON object of one item; `jump_id` is what DO_JUMP names it by."""
    carried: dict[str, Any] = json.loads(extras)
    was = carried.pop("params", [])
    body = carried | {
        "autoContinue": item.autocontinue,
        "command": item.command,
        "doJumpId": jump_id,
        "frame": item.frame,
        "params": _written_parameters(item, was),
        "type": "SimpleItem",
    }
    if item.command in POSITION_COMMANDS and not was and item.frame in ALTITUDE_MODE:
        body |= {"AMSLAltAboveTerrain": None, "Altitude": item.alt_m, "AltitudeMode": ALTITUDE_MODE[item.frame]}
    return body
