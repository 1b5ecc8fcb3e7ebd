"""What every mission command decides of a flight: followed when a mission is carried out, named where it is not.

The meanings are those of MAVLink's common.xml and of the autopilots' mission code (ArduCopter ``mode_auto.cpp``,
ArduPlane ``commands_logic.cpp``, ``AP_Mission.cpp``, PX4 ``mission_block.cpp``). Numbers are pymavlink's. Where this
table differs from common.xml it follows the autopilots: NAV_WAYPOINT's pass radius moves the place on ArduPlane alone;
a fixed wing of ArduPilot does not wait at a waypoint; NAV_CONTINUE_AND_CHANGE_ALT has a place for ArduPlane.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.plan import Severity

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
FENCE_ENABLE: Final = mavlink.MAV_CMD_DO_FENCE_ENABLE
JUMP_TAG: Final = mavlink.MAV_CMD_JUMP_TAG
DO_JUMP_TAG: Final = mavlink.MAV_CMD_DO_JUMP_TAG
TAKEOFFS: Final = frozenset({mavlink.MAV_CMD_NAV_TAKEOFF, mavlink.MAV_CMD_NAV_VTOL_TAKEOFF})
LANDINGS: Final = frozenset({mavlink.MAV_CMD_NAV_LAND, mavlink.MAV_CMD_NAV_VTOL_LAND})

FOLLOWED: Final = frozenset(
    {
        WAYPOINT, LOITER_UNLIMITED, LOITER_TURNS, LOITER_TIME, RETURN, LOITER_TO_ALT, SPLINE, DELAY, JUMP,
        CHANGE_SPEED, SET_HOME, LAND_START, FENCE_ENABLE, JUMP_TAG, DO_JUMP_TAG, *TAKEOFFS, *LANDINGS,
    }
)  # fmt: skip
"""Commands that are carried out (`missions.execution.execute`)."""
CONDITIONS: Final = frozenset(
    {
        mavlink.MAV_CMD_CONDITION_DELAY, mavlink.MAV_CMD_CONDITION_DISTANCE, mavlink.MAV_CMD_CONDITION_YAW,
        mavlink.MAV_CMD_CONDITION_CHANGE_ALT, mavlink.MAV_CMD_CONDITION_GATE,
    }
)  # fmt: skip
"""Commands that hold back the commands after them, while the aircraft flies on to its next place."""
HELD_BACK: Final = frozenset({CHANGE_SPEED, SET_HOME, FENCE_ENABLE, JUMP, DO_JUMP_TAG})
"""Commands that decide something by when they come: held back, they come when nobody can say."""

IDLE: Final = frozenset(
    {
        mavlink.MAV_CMD_DO_SET_RELAY, mavlink.MAV_CMD_DO_REPEAT_RELAY, mavlink.MAV_CMD_DO_SET_SERVO,
        mavlink.MAV_CMD_DO_REPEAT_SERVO, mavlink.MAV_CMD_DO_SET_ACTUATOR, mavlink.MAV_CMD_DO_SET_ROI_LOCATION,
        mavlink.MAV_CMD_DO_SET_ROI_WPNEXT_OFFSET, mavlink.MAV_CMD_DO_SET_ROI_NONE, mavlink.MAV_CMD_DO_SET_ROI,
        mavlink.MAV_CMD_DO_CONTROL_VIDEO, mavlink.MAV_CMD_DO_DIGICAM_CONFIGURE, mavlink.MAV_CMD_DO_DIGICAM_CONTROL,
        mavlink.MAV_CMD_DO_MOUNT_CONFIGURE, mavlink.MAV_CMD_DO_MOUNT_CONTROL, mavlink.MAV_CMD_DO_SET_CAM_TRIGG_DIST,
        mavlink.MAV_CMD_DO_SET_CAM_TRIGG_INTERVAL, mavlink.MAV_CMD_DO_TRIGGER_CONTROL, mavlink.MAV_CMD_DO_GRIPPER,
        mavlink.MAV_CMD_DO_SPRAYER, mavlink.MAV_CMD_DO_WINCH, mavlink.MAV_CMD_DO_GUIDED_LIMITS,
        mavlink.MAV_CMD_OBLIQUE_SURVEY, mavlink.MAV_CMD_SET_CAMERA_MODE, mavlink.MAV_CMD_SET_CAMERA_ZOOM,
        mavlink.MAV_CMD_SET_CAMERA_FOCUS, mavlink.MAV_CMD_SET_CAMERA_SOURCE,
        mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW, mavlink.MAV_CMD_DO_GIMBAL_MANAGER_CONFIGURE,
        mavlink.MAV_CMD_IMAGE_START_CAPTURE, mavlink.MAV_CMD_IMAGE_STOP_CAPTURE, mavlink.MAV_CMD_VIDEO_START_CAPTURE,
        mavlink.MAV_CMD_VIDEO_STOP_CAPTURE, mavlink.MAV_CMD_NAV_ROI,
    }
)  # fmt: skip
"""Commands that decide neither place, time, height, energy nor return: cameras, gimbals, servos, payloads."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Unfollowed:
    """Why a command cannot be followed beforehand."""

    text: str
    """What follows "item N (NAME)"."""
    severity: Severity = Severity.ERROR


def _warns(text: str) -> Unfollowed:
    return Unfollowed(text=text, severity=Severity.WARNING)


UNFOLLOWED: Final[dict[int, Unfollowed]] = {
    mavlink.MAV_CMD_NAV_GUIDED_ENABLE: Unfollowed(
        text="hands the aircraft to another program, which decides where it flies"
    ),
    mavlink.MAV_CMD_NAV_ALTITUDE_WAIT: Unfollowed(text="waits for a height that something else brings about"),
    mavlink.MAV_CMD_NAV_CONTINUE_AND_CHANGE_ALT: Unfollowed(
        text="flies on in its heading until a height is reached, however far that is"
    ),
    mavlink.MAV_CMD_NAV_PAYLOAD_PLACE: Unfollowed(text="goes down until it touches the ground, wherever that is"),
    mavlink.MAV_CMD_NAV_SCRIPT_TIME: Unfollowed(text="hands the aircraft to a script, which decides where it flies"),
    mavlink.MAV_CMD_NAV_ATTITUDE_TIME: Unfollowed(
        text="holds an attitude for a time, and the wind decides where it flies"
    ),
    mavlink.MAV_CMD_NAV_SET_YAW_SPEED: Unfollowed(text="steers by heading and speed, not by place"),
    mavlink.MAV_CMD_NAV_FOLLOW: Unfollowed(text="follows something that moves"),
    mavlink.MAV_CMD_DO_SET_MODE: Unfollowed(text="changes the flight mode, which ends the mission"),
    mavlink.MAV_CMD_DO_SET_PARAMETER: Unfollowed(
        text="changes a parameter of the vehicle in flight: what was judged by it no longer holds"
    ),
    mavlink.MAV_CMD_DO_REPOSITION: Unfollowed(text="sends the aircraft elsewhere than the mission does"),
    mavlink.MAV_CMD_DO_PAUSE_CONTINUE: Unfollowed(text="pauses the mission until somebody goes on with it"),
    mavlink.MAV_CMD_DO_FLIGHTTERMINATION: Unfollowed(text="ends the flight where it is"),
    mavlink.MAV_CMD_DO_PARACHUTE: Unfollowed(text="may release a parachute, and the wind decides where it lands"),
    mavlink.MAV_CMD_DO_RETURN_PATH_START: Unfollowed(
        text="gives the vehicle a way home of its own, which is not judged"
    ),
    mavlink.MAV_CMD_DO_INVERTED_FLIGHT: Unfollowed(text="flies upside down"),
    mavlink.MAV_CMD_DO_AUTOTUNE_ENABLE: Unfollowed(text="tries out other controllers while it flies"),
    mavlink.MAV_CMD_DO_AUX_FUNCTION: Unfollowed(text="works a switch, which may do anything that switches do"),
    mavlink.MAV_CMD_DO_ENGINE_CONTROL: Unfollowed(text="starts or stops the engine"),
    mavlink.MAV_CMD_DO_SET_REVERSE: Unfollowed(text="reverses"),
    mavlink.MAV_CMD_DO_GO_AROUND: _warns("says how high an aborted landing climbs, which is not judged"),
    mavlink.MAV_CMD_DO_SET_RESUME_REPEAT_DIST: _warns(
        "flies part of the mission again after an interruption: the energy for that is not counted"
    ),
    mavlink.MAV_CMD_DO_SEND_SCRIPT_MESSAGE: _warns("tells a script something, which may act on it"),
    mavlink.MAV_CMD_DO_VTOL_TRANSITION: _warns(
        "changes between hovering and cruising, whose energies differ; one of them is counted throughout"
    ),
}
"""Command -> what it does that no judgement made beforehand can follow."""
_UNKNOWN: Final = Unfollowed(text="is not modelled: what it does to the flight is not known")


def unfollowed(command: int) -> Unfollowed | None:
    """Return why a command cannot be followed, None where it is carried out or decides nothing."""
    if command in FOLLOWED or command in IDLE or command in CONDITIONS:
        return None
    return UNFOLLOWED.get(command, _UNKNOWN)


def name_of(command: int) -> str:
    """Return a command's name in MAVLink without its prefix, or its number."""
    known = mavlink.enums["MAV_CMD"].get(command)
    return str(command) if known is None else str(known.name).removeprefix("MAV_CMD_")
