"""What each autopilot stores of each command: parameters 1-4, then x, y and z where they are no place.

ArduPilot: `AP_Mission::mavlink_int_to_mission_cmd` (what is taken over),
`AP_Mission.h` (the packed structures, at most 12 bytes, 10 for command numbers
above 255), `AP_Mission::mission_cmd_to_mavlink_int` (what is given back),
`MissionItemProtocol_Fence`, `MissionItemProtocol_Rally`. PX4:
`MavlinkMissionManager::parse_mavlink_mission_item` and
`format_mavlink_mission_item`, `navigator/navigation.h` (`mission_item_s`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from missions.transfer.storage_slots import (
    always,
    byte_or_u16,
    capped_u8,
    centi_u16,
    first_bit,
    flag,
    half,
    heading,
    i8,
    i16,
    limited,
    lost,
    radius_u8,
    radius_u16,
    rounded_u16,
    single,
    turns,
    u8,
    u16,
    way_round,
    whole_in_earlier,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from missions.transfer.storage_slots import Readings

    Four = tuple[
        Callable[[float], Readings],
        Callable[[float], Readings],
        Callable[[float], Readings],
        Callable[[float], Readings],
    ]
    Three = tuple[Callable[[float], Readings], Callable[[float], Readings], Callable[[float], Readings]]

NOTHING: Final[Four] = (lost, lost, lost, lost)
EVERYTHING: Final[Four] = (single, single, single, single)
ONE_NUMBER: Final[Four] = (u16, lost, lost, lost)
"""The 16 bits `p1` that every ArduPilot command has, whatever else it holds."""

ARDUPILOT: Final[dict[int, Four]] = {
    16: ONE_NUMBER,
    17: (lost, lost, radius_u16, lost),
    18: (turns, lost, radius_u8, flag),
    19: (u16, lost, way_round, flag),
    20: NOTHING,
    21: (u16, lost, lost, way_round),
    22: ONE_NUMBER,
    30: ONE_NUMBER,
    31: (lost, radius_u16, lost, flag),
    82: ONE_NUMBER,
    83: (single, single, u8, lost),
    84: NOTHING,
    85: ONE_NUMBER,
    92: ONE_NUMBER,
    93: (single, i8, i8, i8),
    94: (centi_u16, lost, lost, lost),
    112: (single, lost, lost, lost),
    114: (single, lost, lost, lost),
    115: (single, single, i8, u8),
    176: ONE_NUMBER,
    177: (u16, i16, lost, lost),
    178: (u8, single, single, lost),
    179: ONE_NUMBER,
    181: (u8, u8, lost, lost),
    182: (u8, i16, single, lost),
    183: (u8, u16, lost, lost),
    184: (u8, u16, i16, single),
    188: NOTHING,
    189: NOTHING,
    191: NOTHING,
    193: ONE_NUMBER,
    194: ONE_NUMBER,
    195: ONE_NUMBER,
    197: ONE_NUMBER,
    201: ONE_NUMBER,
    202: (u8, u16, u8, u16),
    203: (u8, u8, i8, u8),
    205: (single, single, single, lost),
    206: (single, lost, u8, lost),
    207: ONE_NUMBER,
    208: ONE_NUMBER,
    210: ONE_NUMBER,
    211: (u8, u8, lost, lost),
    212: ONE_NUMBER,
    213: (single, single, u8, lost),
    215: ONE_NUMBER,
    216: ONE_NUMBER,
    217: (u16, single, single, single),
    218: (u16, u8, lost, lost),
    222: (u16, single, single, single),
    223: (flag, flag, centi_u16, first_bit),
    531: (u8, single, lost, lost),
    532: (u8, single, lost, lost),
    534: (u8, u8, u8, lost),
    600: ONE_NUMBER,
    601: (u16, i16, lost, lost),
    1000: (i8, i16, i8, i8),
    2000: (u8, single, u16, u16),
    2001: (byte_or_u16, lost, lost, lost),
    2500: (u8, lost, lost, lost),
    2501: (u8, lost, lost, lost),
    3000: (u8, lost, lost, lost),
    42600: (u8, u8, single, single),
    42702: (u8, u8, half, half),
    42703: (
        limited(0.0, 65_535.0, u16),
        within(-180.0, 180.0, i16),
        within(-90.0, 90.0, i8),
        within(-180.0, 360.0, i16),
    ),
}
"""Command -> what its four parameters read back as; every command `mavlink_int_to_mission_cmd` takes (and 176,
which firmwares before 4.1 took)."""
PLANE_WAYPOINT: Final[Four] = (lost, capped_u8, capped_u8, lost)
"""A waypoint on ArduPilot Plane keeps acceptance and pass-by distance in place of the delay."""

PLACELESS: Final[Three] = (lost, lost, lost)
ARDUPILOT_XYZ: Final[dict[int, Three]] = {
    92: (single, single, single),
    202: (u8, u8, single),
    203: (u8, u8, lost),
    205: (lost, lost, always(2.0, 0.0)),
    1000: (u8, lost, u8),
    42702: (i16, i16, lost),
    42703: (i16, lost, lost),
}
"""Command without a place -> what its x, y and z read back as; 0 for the others. A mount control reads back with
its mode, MAV_MOUNT_MODE_MAVLINK_TARGETING."""

ARDUPILOT_FENCE: Final[dict[int, Four]] = {
    5000: NOTHING,
    5001: (u8, lost, lost, lost),
    5002: (u8, lost, lost, lost),
    5003: (whole_in_earlier, lost, lost, lost),
    5004: (whole_in_earlier, lost, lost, lost),
}

PX4_PLACED: Final[dict[int, Four]] = {
    16: (single, single, lost, heading),
    17: (lost, lost, single, heading),
    19: (single, flag, single, flag),
    21: (lost, u16, lost, heading),
    22: (lost, lost, lost, heading),
    31: (flag, single, lost, flag),
    84: (lost, lost, lost, heading),
    85: (lost, lost, lost, heading),
    5001: (rounded_u16, lost, lost, lost),
    5002: (rounded_u16, lost, lost, lost),
    5003: (single, lost, lost, lost),
    5004: (single, lost, lost, lost),
}
"""Command in a global frame -> what its parameters read back as; nothing of them for the others."""
PX4_MISSION: Final[dict[int, Four]] = {177: (i16, u16, single, single)}
"""Command in MAV_FRAME_MISSION -> the same; all of them, and x, y and z, for the others."""
