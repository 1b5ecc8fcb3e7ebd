"""What each autopilot keeps of an uploaded item, and what it gives back.

ArduPilot packs a command into 15 bytes, so a read-back is not what was sent;
the packing here is per command, from the description of its storage in
ArduPilot's `AP_Mission` (version 4.5). PX4 keeps the floats.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.plan_files.dialect import Dialect, MissionType
from sitl.vehicle.wire import ABSOLUTE_FRAMES, RELATIVE_FRAMES, TERRAIN_FRAMES, WireItem

if TYPE_CHECKING:
    from collections.abc import Callable

ACCEPTED: Final[int] = mavlink.MAV_MISSION_ACCEPTED
UNSUPPORTED: Final[int] = mavlink.MAV_MISSION_UNSUPPORTED
UNSUPPORTED_FRAME: Final[int] = mavlink.MAV_MISSION_UNSUPPORTED_FRAME
INVALID_PARAM1: Final[int] = mavlink.MAV_MISSION_INVALID_PARAM1
INVALID_PARAM7: Final[int] = mavlink.MAV_MISSION_INVALID_PARAM7
MOST_HEIGHT_M: Final = 83_000.0
"""What ArduPilot's 24 bits of centimetres hold (LOCATION_ALT_MAX_M)."""
INVALID_PARAM5_X: Final[int] = mavlink.MAV_MISSION_INVALID_PARAM5_X
INVALID_PARAM6_Y: Final[int] = mavlink.MAV_MISSION_INVALID_PARAM6_Y

FENCE_COMMANDS: Final = frozenset({5000, 5001, 5002, 5003, 5004})
RALLY_COMMANDS: Final = frozenset({5100})


def _u16(value: float) -> float:
    return float(int(value) & 0xFFFF) if math.isfinite(value) else 0.0


def _i16(value: float) -> float:
    return float((int(value) + 0x8000) % 0x10000 - 0x8000) if math.isfinite(value) else 0.0


def _u8(value: float) -> float:
    return float(int(value) & 0xFF) if math.isfinite(value) else 0.0


def _i8(value: float) -> float:
    return float((int(value) + 0x80) % 0x100 - 0x80) if math.isfinite(value) else 0.0


def _same(value: float) -> float:
    return value


def _zero(value: float) -> float:  # noqa: ARG001 - one shape for all four parameters
    return 0.0


def _flag(value: float) -> float:
    return 1.0 if value > 0.0 else 0.0


def _signed_u16(value: float) -> float:
    """Keep a radius: its size in 16 bits, its sign (the way round) in a flag of the place."""
    return math.copysign(_u16(abs(value)), value)


def _signed_u8(value: float) -> float:
    """Keep the radius of whole turns: its size in one byte, its sign in a flag of the place."""
    return math.copysign(_u8(abs(value)), value)


def _sign(value: float) -> float:
    return -1.0 if value < 0.0 else 1.0


Keep = tuple[
    "Callable[[float], float]", "Callable[[float], float]", "Callable[[float], float]", "Callable[[float], float]"
]
ARDUPILOT_KEEPS: Final[dict[int, Keep]] = {
    16: (_u16, _zero, _zero, _zero),
    17: (_zero, _zero, _signed_u16, _zero),
    18: (_u8, _zero, _signed_u8, _flag),
    19: (_u16, _zero, _sign, _flag),
    20: (_zero, _zero, _zero, _zero),
    21: (_u16, _zero, _zero, _sign),
    22: (_u16, _zero, _zero, _zero),
    30: (_u16, _zero, _zero, _zero),
    31: (_zero, _signed_u16, _zero, _flag),
    82: (_u16, _zero, _zero, _zero),
    92: (_u16, _zero, _zero, _zero),
    93: (_same, _i8, _i8, _i8),
    112: (_same, _zero, _zero, _zero),
    114: (_same, _zero, _zero, _zero),
    115: (_same, _same, _i8, _u8),
    176: (_u16, _zero, _zero, _zero),
    177: (_u16, _i16, _zero, _zero),
    178: (_u8, _same, _same, _zero),
    179: (_u16, _zero, _zero, _zero),
    181: (_u8, _u8, _zero, _zero),
    183: (_u8, _u16, _zero, _zero),
    188: (_zero, _zero, _zero, _zero),
    189: (_zero, _zero, _zero, _zero),
    195: (_u16, _zero, _zero, _zero),
    197: (_u16, _zero, _zero, _zero),
    201: (_u16, _zero, _zero, _zero),
    203: (_u8, _u8, _i8, _u8),
    205: (_same, _same, _same, _zero),
    206: (_same, _zero, _u8, _zero),
    207: (_u16, _zero, _zero, _zero),
    531: (_u8, _same, _zero, _zero),
    532: (_u8, _same, _zero, _zero),
    534: (_u8, _u8, _u8, _zero),
    1000: (_i8, _i16, _i8, _i8),
    2000: (_u8, _same, _u16, _u16),
    2001: (_u16, _zero, _zero, _zero),
    2500: (_u8, _zero, _zero, _zero),
    2501: (_u8, _zero, _zero, _zero),
}
"""Per command, what ArduPilot's 15 bytes keep of p1..p4."""
ARDUPILOT_PLACES: Final = frozenset({16, 17, 18, 19, 21, 22, 30, 31, 82, 92, 179, 188, 189, 195, 201})
"""The commands whose x, y and z ArduPilot stores as a place; for all others x, y, z and the frame read back 0."""

ARDUPILOT_UNSET: Final[dict[int, tuple[int, ...]]] = {16: (4,), 21: (4,), 22: (4,), 84: (4,), 85: (3, 4)}
"""The parameters in which ArduPilot takes a NaN, by command; everywhere else it refuses one."""
PX4_PLACES: Final = frozenset({16, 17, 18, 19, 21, 22, 31, 84, 85, 195, 201})
"""The commands PX4 takes in a global frame; all others must come in MAV_FRAME_MISSION."""
PX4_COMMANDS: Final = frozenset(
    {16, 17, 18, 19, 20, 21, 22, 31, 84, 85, 92, 93, 112, 114, 115, 177, 178, 179, 189, 195, 196, 197, 201, 203, 205}
    | {206, 214, 530, 531, 532, 1000, 1001, 2000, 2001, 2003, 2500, 2501, 2510, 2511, 3000}
)
"""Mission commands PX4's feasibility checker lets through (its whitelist, 1.15)."""


class Storage:
    """Rules of one autopilot for one list: may an item be stored, and what is left of it."""

    def __init__(self, dialect: Dialect, mission_type: MissionType) -> None:
        self.dialect = dialect
        self.mission_type = mission_type

    @property
    def capacity(self) -> int:
        """How many items fit (ArduPilot on a Pixhawk-class board; PX4 with a card)."""
        return {MissionType.MISSION: 724, MissionType.FENCE: 128, MissionType.RALLY: 32}[self.mission_type]

    def judge(self, item: WireItem) -> int:
        """Return the MAV_MISSION_RESULT of storing `item`."""
        if not self._supports(item.command):
            return UNSUPPORTED
        if self.mission_type is MissionType.MISSION:
            unset = self._unset_refused(item)
            if unset:
                return unset
            if self.dialect is Dialect.PX4 and item.command not in PX4_PLACES:
                return ACCEPTED if item.frame == mavlink.MAV_FRAME_MISSION else UNSUPPORTED
        if item.has_place or self.mission_type is not MissionType.MISSION:
            return self._judge_place(item)
        return ACCEPTED

    def _judge_place(self, item: WireItem) -> int:
        if item.frame not in self._frames():
            return UNSUPPORTED_FRAME
        if abs(item.x) > 900_000_000:
            return INVALID_PARAM5_X
        if abs(item.y) > 1_800_000_000:
            return INVALID_PARAM6_Y
        too_high = self.dialect is Dialect.ARDUPILOT and not abs(item.z) < MOST_HEIGHT_M
        return INVALID_PARAM7 if too_high else ACCEPTED

    def _unset_refused(self, item: WireItem) -> int:
        """Return ArduPilot's refusal of a NaN where the command has no "unset" (`sanity_check_params`), else 0."""
        if self.dialect is Dialect.PX4:
            return ACCEPTED
        may_be_unset = ARDUPILOT_UNSET.get(item.command, ())
        for number, value in enumerate((item.p1, item.p2, item.p3, item.p4), start=1):
            if math.isnan(value) and number not in may_be_unset:
                return INVALID_PARAM1 + number - 1
        return ACCEPTED

    def _supports(self, command: int) -> bool:
        if self.mission_type is MissionType.FENCE:
            return command in FENCE_COMMANDS
        if self.mission_type is MissionType.RALLY:
            return command in RALLY_COMMANDS
        return command in (PX4_COMMANDS if self.dialect is Dialect.PX4 else ARDUPILOT_KEEPS)

    def _frames(self) -> frozenset[int]:
        """Return the frames a place may come in; ArduPilot takes MAV_FRAME_MISSION for above mean sea level."""
        if self.dialect is Dialect.PX4:
            return ABSOLUTE_FRAMES | RELATIVE_FRAMES
        return ABSOLUTE_FRAMES | RELATIVE_FRAMES | TERRAIN_FRAMES | {mavlink.MAV_FRAME_MISSION}

    def keep(self, item: WireItem) -> WireItem:
        """Return what a read-back of `item` will give."""
        if self.dialect is Dialect.PX4:
            return item
        if self.mission_type is MissionType.FENCE:
            return dataclasses.replace(item, p2=0.0, p3=0.0, p4=0.0, z=0.0, frame=mavlink.MAV_FRAME_GLOBAL)
        if self.mission_type is MissionType.RALLY:
            frame = _plain_frame(item.frame)
            return dataclasses.replace(item, p1=0.0, p2=0.0, p3=0.0, p4=0.0, z=_i16(item.z), frame=frame)
        return _ardupilot_keep(item)


def _plain_frame(frame: int) -> int:
    """Return the non-INT frame ArduPilot answers with."""
    if frame in RELATIVE_FRAMES:
        return int(mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT)
    if frame in TERRAIN_FRAMES:
        return int(mavlink.MAV_FRAME_GLOBAL_TERRAIN_ALT)
    return int(mavlink.MAV_FRAME_GLOBAL)


def _ardupilot_keep(item: WireItem) -> WireItem:
    k1, k2, k3, k4 = ARDUPILOT_KEEPS[item.command]
    kept = dataclasses.replace(item, p1=k1(item.p1), p2=k2(item.p2), p3=k3(item.p3), p4=k4(item.p4), autocontinue=1)
    if item.command == mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW:
        return dataclasses.replace(kept, x=item.x & 0xFF, y=0, z=_u8(item.z), frame=0)
    if item.command == mavlink.MAV_CMD_DO_DIGICAM_CONTROL:
        return dataclasses.replace(kept, x=item.x & 0xFF, y=item.y & 0xFF, z=0.0, frame=0)
    if item.command not in ARDUPILOT_PLACES:
        return dataclasses.replace(kept, x=0, y=0, z=0.0, frame=0)
    height_cm = int(item.z * 100.0) if math.isfinite(item.z) else 0  # 24-bit centimetres, toward zero
    return dataclasses.replace(kept, z=height_cm / 100.0, frame=_plain_frame(item.frame))


def px4_verdict(items: tuple[WireItem, ...], *, home_alt_amsl_m: float | None) -> str:
    """Return why PX4 will not fly these items (the words of its STATUSTEXT), or "" when it will.

    PX4 judges after it has acknowledged the transfer (`MissionFeasibilityChecker`).
    """
    if not items:
        return ""
    if items[0].command == mavlink.MAV_CMD_NAV_LAND:
        return "Mission rejected: Starts with landing"
    places = [item for item in items if item.command in (16, 17, 19, 21, 22, 31, 84, 85)]
    for position, item in enumerate(places):
        if item.command in (22, 84) and position > 0:
            return "Mission rejected: Takeoff is not the first waypoint item"
        if item.command == 22 and item.frame in ABSOLUTE_FRAMES and home_alt_amsl_m is not None:
            if item.z <= home_alt_amsl_m:
                return "Mission rejected: Takeoff altitude too low!"
        elif item.command == 22 and item.frame in RELATIVE_FRAMES and item.z <= 0.0:
            return "Mission rejected: Takeoff altitude too low!"
    if home_alt_amsl_m is None and any(item.frame in RELATIVE_FRAMES for item in places):
        return "Mission rejected: No home position, waypoint uses relative altitude"
    return ""
