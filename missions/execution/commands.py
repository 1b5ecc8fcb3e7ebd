"""Commands that decide where or how long a mission flies, and that a judgement cannot follow: named, never passed over.

The meanings are those of MAVLink's common.xml and of the two autopilots' mission code (ArduCopter
``mode_auto.cpp``, ArduPlane ``commands_logic.cpp``, PX4 ``mission_block.cpp``).
"""

from __future__ import annotations

from typing import Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

WAYPOINT: Final = mavlink.MAV_CMD_NAV_WAYPOINT
LOITER_UNLIMITED: Final = mavlink.MAV_CMD_NAV_LOITER_UNLIM
LOITER_TURNS: Final = mavlink.MAV_CMD_NAV_LOITER_TURNS
LOITER_TIME: Final = mavlink.MAV_CMD_NAV_LOITER_TIME
RETURN: Final = mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH
LOITER_TO_ALT: Final = mavlink.MAV_CMD_NAV_LOITER_TO_ALT
SPLINE: Final = mavlink.MAV_CMD_NAV_SPLINE_WAYPOINT
DELAY: Final = mavlink.MAV_CMD_NAV_DELAY
JUMP: Final = mavlink.MAV_CMD_DO_JUMP
CHANGE_SPEED: Final = mavlink.MAV_CMD_DO_CHANGE_SPEED
SET_HOME: Final = mavlink.MAV_CMD_DO_SET_HOME
LAND_START: Final = mavlink.MAV_CMD_DO_LAND_START
JUMP_TAG: Final = mavlink.MAV_CMD_JUMP_TAG
DO_JUMP_TAG: Final = mavlink.MAV_CMD_DO_JUMP_TAG
TAKEOFFS: Final = frozenset({mavlink.MAV_CMD_NAV_TAKEOFF, mavlink.MAV_CMD_NAV_VTOL_TAKEOFF})
LANDINGS: Final = frozenset({mavlink.MAV_CMD_NAV_LAND, mavlink.MAV_CMD_NAV_VTOL_LAND})

UNFOLLOWED: Final[dict[int, str]] = {
    mavlink.MAV_CMD_NAV_GUIDED_ENABLE: "hands the aircraft to another program, which decides where it flies",
    mavlink.MAV_CMD_NAV_ALTITUDE_WAIT: "waits for a height that something else brings about",
    mavlink.MAV_CMD_NAV_PAYLOAD_PLACE: "goes down until it touches the ground, wherever that is",
    mavlink.MAV_CMD_NAV_SCRIPT_TIME: "hands the aircraft to a script, which decides where it flies",
    mavlink.MAV_CMD_NAV_ATTITUDE_TIME: "holds an attitude for a time, and the wind decides where it flies",
    mavlink.MAV_CMD_NAV_FOLLOW: "follows something that moves",
    mavlink.MAV_CMD_DO_SET_MODE: "changes the flight mode, which ends the mission",
    mavlink.MAV_CMD_DO_REPOSITION: "sends the aircraft elsewhere than the mission does",
    mavlink.MAV_CMD_DO_PAUSE_CONTINUE: "pauses the mission until somebody goes on with it",
    mavlink.MAV_CMD_DO_FLIGHTTERMINATION: "ends the flight where it is",
    mavlink.MAV_CMD_DO_PARACHUTE: "may release a parachute, and the wind decides where it lands",
}
"""Command -> what it does that no judgement made beforehand can follow."""
FENCE_ENABLE: Final = mavlink.MAV_CMD_DO_FENCE_ENABLE


def name_of(command: int) -> str:
    """Return a command's name in MAVLink without its prefix, or its number."""
    known = mavlink.enums["MAV_CMD"].get(command)
    return str(command) if known is None else str(known.name).removeprefix("MAV_CMD_")
