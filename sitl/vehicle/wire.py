"""Mission items as they cross the link, before anything is stored."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.plan_files.dialect import POSITION_COMMANDS

if TYPE_CHECKING:
    from typing import Any

ABSOLUTE_FRAMES: Final = frozenset({mavlink.MAV_FRAME_GLOBAL, mavlink.MAV_FRAME_GLOBAL_INT})
RELATIVE_FRAMES: Final = frozenset({mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT, mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT})
INT32_UNSET: Final = 2**31 - 1
"""What x and y are where a position command has no place (MAVLink MISSION_ITEM_INT)."""
TERRAIN_FRAMES: Final = frozenset({mavlink.MAV_FRAME_GLOBAL_TERRAIN_ALT, mavlink.MAV_FRAME_GLOBAL_TERRAIN_ALT_INT})


def whole(value: float) -> int:
    """Return a parameter as a whole number; 0 for NaN, which MAVLink uses for "unset"."""
    return round(value) if math.isfinite(value) else 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WireItem:
    """The fields of a MISSION_ITEM_INT: x and y are 1e-7 degrees, z metres in `frame`."""

    seq: int
    command: int
    frame: int
    p1: float = 0.0
    p2: float = 0.0
    p3: float = 0.0
    p4: float = 0.0
    x: int = 0
    y: int = 0
    z: float = 0.0
    autocontinue: int = 1

    @property
    def has_place(self) -> bool:
        """Whether x, y and z are a place, and not the origin that unset fields leave."""
        unset = (self.x == 0 and self.y == 0) or INT32_UNSET in (self.x, self.y)
        return self.command in POSITION_COMMANDS and not unset

    @property
    def lat_deg(self) -> float:
        """Latitude in degrees."""
        return self.x / 1e7

    @property
    def lon_deg(self) -> float:
        """Longitude in degrees."""
        return self.y / 1e7


def from_message(message: Any) -> WireItem:
    """Read a MISSION_ITEM_INT, or a MISSION_ITEM with degrees in floats."""
    scale = 1 if message.get_type() == "MISSION_ITEM_INT" else 1e7
    return WireItem(
        seq=message.seq,
        command=message.command,
        frame=message.frame,
        p1=message.param1,
        p2=message.param2,
        p3=message.param3,
        p4=message.param4,
        x=whole(message.x * scale),
        y=whole(message.y * scale),
        z=message.z,
        autocontinue=message.autocontinue,
    )


def to_message(item: WireItem, *, mission_type: int, current: bool, to_sysid: int, to_compid: int, as_int: bool) -> Any:
    """Build the MISSION_ITEM_INT (or the float MISSION_ITEM a MISSION_REQUEST asks of ArduPilot)."""
    head = (to_sysid, to_compid, item.seq, item.frame, item.command, int(current), item.autocontinue)
    body = (item.p1, item.p2, item.p3, item.p4)
    if as_int:
        return mavlink.MAVLink_mission_item_int_message(*head, *body, item.x, item.y, item.z, mission_type)
    return mavlink.MAVLink_mission_item_message(*head, *body, item.x / 1e7, item.y / 1e7, item.z, mission_type)
