"""What a mission item may hold, whatever file it came from: what MISSION_ITEM_INT can carry, and places on Earth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from missions.plan_files.dialect import POSITION_COMMANDS
from missions.plan_files.qgc_fence import CIRCLE, POLYGON, fence_polygons

if TYPE_CHECKING:
    from missions.plan import MissionItem

MAX_COMMAND: Final = 65_535
MAX_FRAME: Final = 255
MAX_FLOAT: Final = 3.4028234663852886e38
"""The largest 32-bit float (IEEE 754): parameters and heights cross the link as such."""
MAX_INT: Final = 2**31 - 1
_NEEDED_CORNERS: Final = 3


def checked_item(item: MissionItem, where: str) -> MissionItem:
    """Return the item when a link can carry it and its place is one.

    A place may be unset (both NaN). Commands without a place carry parameters 5
    and 6 there: whole or not, within 32 bits.

    Raises
    ------
    InputError
        Naming `where` and the number at fault.
    """
    for name, value, high in (("command", item.command, MAX_COMMAND), ("frame", item.frame, MAX_FRAME)):
        if not 0 <= value <= high:
            raise InputError(f"{where}: {name} {value} must be a whole number from 0 to {high}", actual=value)
    for number, parameter in enumerate((item.p1, item.p2, item.p3, item.p4), start=1):
        if abs(parameter) > MAX_FLOAT:
            raise InputError(f"{where}: parameter {number} is {parameter:g}, more than a mission item can hold")
    if not abs(item.alt_m) <= MAX_FLOAT:
        raise InputError(f"{where}: the altitude is {item.alt_m:g}; write a number of metres")
    lat_deg, lon_deg = item.lat_deg, item.lon_deg
    if item.command in POSITION_COMMANDS:
        half_set = math.isnan(lat_deg) != math.isnan(lon_deg)
        if half_set or abs(lat_deg) > 90.0 or abs(lon_deg) > 180.0:
            raise InputError(f"{where} is not at a place on Earth: latitude {lat_deg:g}, longitude {lon_deg:g}")
    elif abs(lat_deg) > MAX_INT or abs(lon_deg) > MAX_INT:
        raise InputError(f"{where}: parameters 5 and 6 are {lat_deg:g} and {lon_deg:g}, more than 32 bits hold")
    return item


def checked_fence(fence: tuple[MissionItem, ...], where: str) -> tuple[MissionItem, ...]:
    """Return fence items when they make whole polygons and circles; InputError says which does not."""
    for number, (_, ring) in enumerate(fence_polygons(fence), start=1):
        if len(ring) < _NEEDED_CORNERS:
            raise InputError(f"{where}: fence polygon {number} has {len(ring)} corners; at least three are needed")
    _check_counts([item for item in fence if item.command in POLYGON.values()], where)
    for item in fence:
        if item.command in CIRCLE.values() and not item.p1 > 0.0:
            raise InputError(f"{where}: a fence circle has a radius of {item.p1:g} m; it must be above 0")
        if math.isnan(item.lat_deg):
            raise InputError(f"{where}: a fence item has no place; draw the fence again")
    return fence


def _check_counts(vertices: list[MissionItem], where: str) -> None:
    """Refuse polygons whose vertices do not say themselves how many they are, as autopilots do (MAVLink common.xml)."""
    at = number = 0
    while at < len(vertices):
        number, said = number + 1, vertices[at].p1
        count = int(said) if math.isfinite(said) else 0
        ring = [v for v in vertices[at : at + count] if (v.p1, v.command) == (said, vertices[at].command)]
        if len(ring) != said or not ring:
            raise InputError(
                f"{where}: fence polygon {number} says it has {said:g} corners, and {len(ring)} follow; draw it again"
            )
        at += len(ring)
