"""A mission as a DJI wayline before it is written: waypoints, what is done at each, and what was lost of which item."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from geo.geoid import amsl_to_hae_m
from missions.failsafes.return_path import flown_items
from missions.plan_files.dialect import has_position
from missions.plan_files.wpml_file import (
    BY_DISTANCE,
    GIMBAL,
    HOVER,
    LAND,
    MAX_WAYPOINTS,
    NORTH,
    PHOTO,
    PHOTO_STOP,
    RECORD,
    RECORD_STOP,
    REGION,
    RETURN,
    SPEED,
    TAKEOFF,
    WAYPOINT,
    YAW,
)

if TYPE_CHECKING:
    from missions.plan import MissionItem
    from missions.plan_files.plan_document import Home, PlanDocument

MOST_TRANSITIONAL_MPS: Final = 15.0
LEAST_TAKEOFF_M, MOST_TAKEOFF_M = 1.2, 1500.0
"""Ranges of `wpml:globalTransitionalSpeed` and `wpml:takeOffSecurityHeight`."""
DEFAULT_MPS: Final = 5.0
"""Written where a plan names no speed, and said."""
_FLOWN: Final = {16: "", 17: "waiting without end", 18: "circling", 19: "", 31: "circling to a height", 82: "the curve"}
_FRAME: Final = {0: 0, 5: 0, 3: 3, 6: 3, 10: 10, 11: 10}


@dataclasses.dataclass(slots=True)
class WaylinePoint:
    """One waypoint of a wayline as it is put together."""

    lon_deg: float
    lat_deg: float
    height_m: float
    speed_mps: float
    alt_m: float
    """The height as the plan gives it: above the sea where `height_m` is above the ellipsoid, else the same."""
    heading_deg: float = math.nan
    poi: tuple[float, float, float] | None = None
    actions: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class Wayline:
    """A wayline as it is put together, with what was lost of which item."""

    mode: int
    points: list[WaylinePoint] = dataclasses.field(default_factory=list)
    repeated: list[tuple[int, int, str, float]] = dataclasses.field(default_factory=list)
    """Photographs from a waypoint to another: trigger and its seconds or metres."""
    running: tuple[int, str, float] | None = None
    speed_mps: float = math.nan
    transit_mps: float = math.nan
    takeoff_m: float = math.nan
    poi: tuple[float, float, float] | None = None
    finish: str = ""
    lost: list[tuple[int, str]] = dataclasses.field(default_factory=list)

    def lose(self, item: MissionItem, text: str) -> None:
        """Say what of an item a wayline does not hold."""
        self.lost.append((item.seq + 1, text))

    def stop(self) -> None:
        """End photographs by time or distance at the last waypoint so far."""
        if self.running is not None:
            start, trigger, every = self.running
            self.repeated.append((start, max(len(self.points) - 1, start), trigger, every))
            self.running = None


def wayline_of(document: PlanDocument) -> Wayline:
    """Put a mission together as a wayline.

    Raises
    ------
    InputError
        When there is no waypoint, more than 65 536, or heights of kinds that no one wayline holds together.
    """
    wayline = Wayline(mode=_height_mode(document))
    for item in flown_items(document.items):
        if wayline.finish:
            wayline.lose(item, "comes after the return or landing and has no place in a wayline; left out")
        elif item.command in _FLOWN and has_position(item):
            _fly(wayline, item, document.home)
        else:
            _do(wayline, item)
    wayline.stop()
    if not 1 <= len(wayline.points) <= MAX_WAYPOINTS:
        raise InputError(
            f"a wayline holds 1 to {MAX_WAYPOINTS} waypoints, this plan has {len(wayline.points)}; split it"
        )
    _fill_speeds(wayline, document)
    return wayline


def _fill_speeds(wayline: Wayline, document: PlanDocument) -> None:
    """Give waypoints before the first change of speed the plan's own speed."""
    known = [m for m in (document.hover_speed_mps, document.cruise_speed_mps) if m > 0.0]
    for index, point in enumerate(wayline.points):
        if math.isnan(point.speed_mps):
            point.speed_mps = known[0] if known else DEFAULT_MPS
            if index == 0 and not known:
                wayline.lost.append((1, f"the plan names no speed; {DEFAULT_MPS:g} m/s is written"))


def _height_mode(document: PlanDocument) -> int:
    """Return what the heights of the wayline count from (MAV_FRAME): the sea and take-off go together over home."""
    held = {
        _FRAME.get(item.frame, -1)
        for item in flown_items(document.items)
        if item.command in _FLOWN and has_position(item)
    }
    if len(held) == 1 and -1 not in held:
        return held.pop()
    if held == {0, 3} and document.home is not None:
        return 3
    raise InputError(
        "heights above sea level, take-off and terrain do not go into one wayline"
        + ("; the plan has no home to count both from" if held == {0, 3} else "")
        + "; give all waypoints one altitude mode"
    )


def _height_m(wayline: Wayline, item: MissionItem, home: Home | None) -> float:
    frame = _FRAME[item.frame]
    if wayline.mode == 0:
        return float(amsl_to_hae_m(item.lat_deg, item.lon_deg, item.alt_m))
    if frame == 0 and home is not None and wayline.mode != frame:
        wayline.lose(item, "its height above sea level becomes one above take-off")
        return item.alt_m - home.alt_amsl_m
    return item.alt_m


def _fly(wayline: Wayline, item: MissionItem, home: Home | None) -> None:
    point = WaylinePoint(
        lon_deg=item.lon_deg, lat_deg=item.lat_deg, height_m=_height_m(wayline, item, home),
        alt_m=item.alt_m, speed_mps=wayline.speed_mps,
        heading_deg=item.p4 if item.command == WAYPOINT else math.nan, poi=wayline.poi,
    )  # fmt: skip
    wayline.points.append(point)
    if _FLOWN[item.command]:
        wayline.lose(item, f"becomes a waypoint; {_FLOWN[item.command]} has no place in a wayline")
    elif item.p1 > 0.0:
        point.actions.append(_hover(item.p1))
        wayline.lose(item, "its wait becomes the action hover")
    for number, value in ((2, item.p2), (3, item.p3)):
        if item.command == WAYPOINT and value and not math.isnan(value):
            wayline.lose(item, f"parameter {number} ({value:g}) has no place in a wayline; left out")


def _do(wayline: Wayline, item: MissionItem) -> None:
    """Take an item that is no waypoint."""
    if item.command == TAKEOFF and not wayline.points:
        _take_off(wayline, item)
    elif item.command == SPEED and item.p2 > 0.0:
        _change_speed(wayline, item)
    elif item.command in (RETURN, LAND):
        _finish(wayline, item)
    elif item.command in (REGION, 197):
        _look(wayline, item)
    elif not wayline.points:
        wayline.lose(item, f"command {item.command} before the first waypoint has no place in a wayline; left out")
    elif item.command in (PHOTO, BY_DISTANCE, PHOTO_STOP):
        _photograph(wayline, item)
    else:
        done = _action(item)
        if done:
            wayline.points[-1].actions.append(done)
        else:
            wayline.lose(item, f"command {item.command} has no place in a wayline; left out")


def _take_off(wayline: Wayline, item: MissionItem) -> None:
    wayline.takeoff_m = min(max(item.alt_m, LEAST_TAKEOFF_M), MOST_TAKEOFF_M)
    if item.frame not in (3, 6) or wayline.takeoff_m != item.alt_m:
        wayline.lose(item, f"becomes a safe take-off height of {wayline.takeoff_m:g} m")
    if has_position(item):
        wayline.lose(item, "its place has no place in a wayline: the aircraft takes off where it stands")


def _change_speed(wayline: Wayline, item: MissionItem) -> None:
    if wayline.points:
        wayline.points[-1].speed_mps = item.p2
    else:
        wayline.transit_mps = min(item.p2, MOST_TRANSITIONAL_MPS)
        if wayline.transit_mps != item.p2:
            wayline.lose(item, f"{item.p2:g} m/s to the first waypoint becomes {wayline.transit_mps:g} m/s")
    wayline.speed_mps = item.p2


def _finish(wayline: Wayline, item: MissionItem) -> None:
    wayline.finish = "goHome" if item.command == RETURN else "autoLand"
    if item.command == LAND and has_position(item) and wayline.points:
        last = wayline.points[-1]
        if (last.lat_deg, last.lon_deg) != (item.lat_deg, item.lon_deg):
            wayline.points.append(
                dataclasses.replace(last, lon_deg=item.lon_deg, lat_deg=item.lat_deg, actions=[], heading_deg=math.nan)
            )
            wayline.lose(item, "a waypoint over the landing place, as high as the one before, comes before it")


def _look(wayline: Wayline, item: MissionItem) -> None:
    """Turn the nose to a region of interest from the waypoint before it on, or no longer."""
    wayline.poi = (item.lat_deg, item.lon_deg, item.alt_m) if item.command == REGION else None
    if wayline.points:
        wayline.points[-1].poi = wayline.poi
    if item.command != REGION:
        wayline.lose(item, "ends with the waypoint before it")


def _photograph(wayline: Wayline, item: MissionItem) -> None:
    """Take a photograph, or begin or end taking them by time or distance."""
    if item.command == PHOTO and item.p3 == 1.0:
        wayline.points[-1].actions.append(action("takePhoto"))
        return
    wayline.stop()
    every = item.p2 if item.command == PHOTO else item.p1
    if item.command != PHOTO_STOP and every > 0.0:
        trigger = "multipleTiming" if item.command == PHOTO else "multipleDistance"
        wayline.running = (len(wayline.points) - 1, trigger, every)
        if item.command == PHOTO and item.p3 > 1.0:
            wayline.lose(item, f"photographs go on after {item.p3:g} of them, up to where they are stopped")
    elif item.command != BY_DISTANCE or every > 0.0:
        wayline.lose(item, "ends photographs at the waypoint before it")


def _action(item: MissionItem) -> str:
    if item.command in (HOVER, 112):
        return _hover(item.p1) if item.p1 > 0.0 else ""
    if item.command == YAW and item.p4 == 0.0:
        return action("rotateYaw", aircraftHeading=f"{signed_deg(item.p1)!r}", aircraftPathMode="clockwise")
    if item.command == GIMBAL:
        return _gimbal(item)
    if item.command == 203 and item.lat_deg == 1.0:
        return action("takePhoto")
    return {RECORD: action("startRecord"), RECORD_STOP: action("stopRecord")}.get(item.command, "")


def _gimbal(item: MissionItem) -> str:
    """Write a gimbal's pitch and yaw; yaw counts from north, so one that counts from the nose is left alone."""
    flags = 0.0 if math.isnan(item.lat_deg) else item.lat_deg
    turns = not math.isnan(item.p2) and int(flags) & int(NORTH) != 0
    pitches = not math.isnan(item.p1)
    if not turns and not math.isnan(item.p2) and item.p2 != 0.0:
        return ""
    return action(
        "gimbalRotate", gimbalHeadingYawBase="north", gimbalRotateMode="absoluteAngle",
        gimbalPitchRotateEnable=str(int(pitches)), gimbalPitchRotateAngle=f"{item.p1 if pitches else 0.0!r}",
        gimbalRollRotateEnable="0", gimbalRollRotateAngle="0", gimbalYawRotateEnable=str(int(turns)),
        gimbalYawRotateAngle=f"{signed_deg(item.p2) if turns else 0.0!r}", gimbalRotateTimeEnable="0",
        gimbalRotateTime="0",
    )  # fmt: skip


def signed_deg(angle_deg: float) -> float:
    """Bring an angle into -180 to 180 degrees."""
    return angle_deg if -180.0 <= angle_deg <= 180.0 else (angle_deg + 180.0) % 360.0 - 180.0


def _hover(seconds: float) -> str:
    return action("hover", hoverTime=f"{seconds!r}")


def action(name: str, **params: str) -> str:
    """Return an action of DJI's with its parameters, as XML."""
    told = {"payloadPositionIndex": "0"} | params
    inner = "".join(f"<wpml:{key}>{value}</wpml:{key}>" for key, value in told.items())
    return (
        f"<wpml:actionActuatorFunc>{name}</wpml:actionActuatorFunc>"
        f"<wpml:actionActuatorFuncParam>{inner}</wpml:actionActuatorFuncParam>"
    )
