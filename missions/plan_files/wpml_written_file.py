"""Missions written as DJI waylines (WPML): what a wayline can hold, and by name what it cannot.

One archive of `wpmz/template.kml` and `wpmz/waylines.wpml`. On a lost link the aircraft is told to return, as every
plan here is judged to. Which aircraft and camera it is for, no plan says: it is chosen when the file is imported.
"""

from __future__ import annotations

import dataclasses
import io
import math
import zipfile
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from geo.geoid import amsl_to_hae_m
from missions.documents.whole_file import write_whole
from missions.plan_files.dialect import has_position
from missions.plan_files.losses import together
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
    TEMPLATE,
    WAYLINES,
    WAYPOINT,
    YAW,
)

if TYPE_CHECKING:
    from pathlib import Path

    from missions.plan import MissionItem
    from missions.plan_files.plan_document import Home, PlanDocument

FIRST_GENERATION: Final = 99
"""Most waypoints of DJI's first waypoint missions (Mobile SDK 4, `DJIWaypointMissionMaximumWaypointCount`)."""
MOST_TRANSITIONAL_MPS: Final = 15.0
LEAST_TAKEOFF_M, MOST_TAKEOFF_M = 1.2, 1500.0
"""Ranges of `wpml:globalTransitionalSpeed` and `wpml:takeOffSecurityHeight`."""
DEFAULT_MPS: Final = 5.0
"""Written where a plan names no speed, and said."""
_FLOWN: Final = {16: "", 17: "waiting without end", 18: "circling", 19: "", 31: "circling to a height", 82: "the curve"}
_MODE: Final = {3: "relativeToStartPoint", 0: "WGS84", 10: "realTimeFollowSurface"}
_FRAME: Final = {0: 0, 5: 0, 3: 3, 6: 3, 10: 10, 11: 10}
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)


@dataclasses.dataclass(slots=True)
class _Point:
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
class _Wayline:
    """A wayline as it is put together, with what was lost of which item."""

    mode: int
    points: list[_Point] = dataclasses.field(default_factory=list)
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


def write_wpml(document: PlanDocument, path: Path) -> tuple[str, ...]:
    """Write a mission as a wayline, whole or not at all; return what a wayline cannot hold, one sentence each.

    Raises
    ------
    InputError
        When there is no waypoint, more than 65 536, or heights of kinds that no one wayline holds together.
    """
    wayline = _wayline(document)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in ((TEMPLATE, _template(wayline, document)), (WAYLINES, _waylines(wayline, document))):
            archive.writestr(zipfile.ZipInfo(f"wpmz/{name}", _ZIP_TIME), text)
    write_whole(path, packed.getvalue())
    said = list(together("item", wayline.lost))
    if len(wayline.points) > FIRST_GENERATION:
        said.append(
            f"{len(wayline.points)} waypoints: hand controllers of DJI's first waypoint missions take "
            f"{FIRST_GENERATION}"
        )
    if math.isnan(_return_height_m(document)):
        said.append("the plan has no height for its return; set it in the hand controller")
    return tuple(said)


def _wayline(document: PlanDocument) -> _Wayline:
    wayline = _Wayline(mode=_height_mode(document))
    for item in document.items:
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


def _fill_speeds(wayline: _Wayline, document: PlanDocument) -> None:
    """Give waypoints before the first change of speed the plan's own speed."""
    known = [m for m in (document.hover_speed_mps, document.cruise_speed_mps) if m > 0.0]
    for index, point in enumerate(wayline.points):
        if math.isnan(point.speed_mps):
            point.speed_mps = known[0] if known else DEFAULT_MPS
            if index == 0 and not known:
                wayline.lost.append((1, f"the plan names no speed; {DEFAULT_MPS:g} m/s is written"))


def _height_mode(document: PlanDocument) -> int:
    """Return what the heights of the wayline count from (MAV_FRAME): the sea and take-off go together over home."""
    held = {_FRAME.get(item.frame, -1) for item in document.items if item.command in _FLOWN and has_position(item)}
    if len(held) == 1 and -1 not in held:
        return held.pop()
    if held == {0, 3} and document.home is not None:
        return 3
    raise InputError(
        "heights above sea level, take-off and terrain do not go into one wayline"
        + ("; the plan has no home to count both from" if held == {0, 3} else "")
        + "; give all waypoints one altitude mode"
    )


def _height_m(wayline: _Wayline, item: MissionItem, home: Home | None) -> float:
    frame = _FRAME[item.frame]
    if wayline.mode == 0:
        return float(amsl_to_hae_m(item.lat_deg, item.lon_deg, item.alt_m))
    if frame == 0 and home is not None and wayline.mode != frame:
        wayline.lose(item, "its height above sea level becomes one above take-off")
        return item.alt_m - home.alt_amsl_m
    return item.alt_m


def _fly(wayline: _Wayline, item: MissionItem, home: Home | None) -> None:
    point = _Point(
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


def _do(wayline: _Wayline, item: MissionItem) -> None:
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
        action = _action(item)
        if action:
            wayline.points[-1].actions.append(action)
        else:
            wayline.lose(item, f"command {item.command} has no place in a wayline; left out")


def _take_off(wayline: _Wayline, item: MissionItem) -> None:
    wayline.takeoff_m = min(max(item.alt_m, LEAST_TAKEOFF_M), MOST_TAKEOFF_M)
    if item.frame not in (3, 6) or wayline.takeoff_m != item.alt_m:
        wayline.lose(item, f"becomes a safe take-off height of {wayline.takeoff_m:g} m")
    if has_position(item):
        wayline.lose(item, "its place has no place in a wayline: the aircraft takes off where it stands")


def _change_speed(wayline: _Wayline, item: MissionItem) -> None:
    if wayline.points:
        wayline.points[-1].speed_mps = item.p2
    else:
        wayline.transit_mps = min(item.p2, MOST_TRANSITIONAL_MPS)
        if wayline.transit_mps != item.p2:
            wayline.lose(item, f"{item.p2:g} m/s to the first waypoint becomes {wayline.transit_mps:g} m/s")
    wayline.speed_mps = item.p2


def _finish(wayline: _Wayline, item: MissionItem) -> None:
    wayline.finish = "goHome" if item.command == RETURN else "autoLand"
    if item.command == LAND and has_position(item) and wayline.points:
        last = wayline.points[-1]
        if (last.lat_deg, last.lon_deg) != (item.lat_deg, item.lon_deg):
            wayline.points.append(
                dataclasses.replace(last, lon_deg=item.lon_deg, lat_deg=item.lat_deg, actions=[], heading_deg=math.nan)
            )
            wayline.lose(item, "a waypoint over the landing place, as high as the one before, comes before it")


def _look(wayline: _Wayline, item: MissionItem) -> None:
    """Turn the nose to a region of interest from the waypoint before it on, or no longer."""
    wayline.poi = (item.lat_deg, item.lon_deg, item.alt_m) if item.command == REGION else None
    if wayline.points:
        wayline.points[-1].poi = wayline.poi
    if item.command != REGION:
        wayline.lose(item, "ends with the waypoint before it")


def _photograph(wayline: _Wayline, item: MissionItem) -> None:
    """Take a photograph, or begin or end taking them by time or distance."""
    if item.command == PHOTO and item.p3 == 1.0:
        wayline.points[-1].actions.append(_act("takePhoto"))
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
        return _act("rotateYaw", aircraftHeading=f"{_signed(item.p1)!r}", aircraftPathMode="clockwise")
    if item.command == GIMBAL:
        return _gimbal(item)
    if item.command == 203 and item.lat_deg == 1.0:
        return _act("takePhoto")
    return {RECORD: _act("startRecord"), RECORD_STOP: _act("stopRecord")}.get(item.command, "")


def _gimbal(item: MissionItem) -> str:
    """Write a gimbal's pitch and yaw; yaw counts from north, so one that counts from the nose is left alone."""
    flags = 0.0 if math.isnan(item.lat_deg) else item.lat_deg
    turns = not math.isnan(item.p2) and int(flags) & int(NORTH) != 0
    pitches = not math.isnan(item.p1)
    if not turns and not math.isnan(item.p2) and item.p2 != 0.0:
        return ""
    return _act(
        "gimbalRotate", gimbalHeadingYawBase="north", gimbalRotateMode="absoluteAngle",
        gimbalPitchRotateEnable=str(int(pitches)), gimbalPitchRotateAngle=f"{item.p1 if pitches else 0.0!r}",
        gimbalRollRotateEnable="0", gimbalRollRotateAngle="0", gimbalYawRotateEnable=str(int(turns)),
        gimbalYawRotateAngle=f"{_signed(item.p2) if turns else 0.0!r}", gimbalRotateTimeEnable="0",
        gimbalRotateTime="0",
    )  # fmt: skip


def _signed(angle_deg: float) -> float:
    return angle_deg if -180.0 <= angle_deg <= 180.0 else (angle_deg + 180.0) % 360.0 - 180.0


def _hover(seconds: float) -> str:
    return _act("hover", hoverTime=f"{seconds!r}")


def _act(name: str, **params: str) -> str:
    told = {"payloadPositionIndex": "0"} | params
    inner = "".join(f"<wpml:{key}>{value}</wpml:{key}>" for key, value in told.items())
    return (
        f"<wpml:actionActuatorFunc>{name}</wpml:actionActuatorFunc>"
        f"<wpml:actionActuatorFuncParam>{inner}</wpml:actionActuatorFuncParam>"
    )


def _groups(wayline: _Wayline, index: int, first_id: int) -> list[str]:
    """Return the action groups that begin at a waypoint: what is done there, then photographs from there on."""
    groups = [
        (index, index, "<wpml:actionTriggerType>reachPoint</wpml:actionTriggerType>", wayline.points[index].actions)
    ]
    groups += [
        (start, end, f"<wpml:actionTriggerType>{trigger}</wpml:actionTriggerType>"
         f"<wpml:actionTriggerParam>{every!r}</wpml:actionTriggerParam>", [_act("takePhoto")])
        for start, end, trigger, every in wayline.repeated if start == index
    ]  # fmt: skip
    return [
        f"<wpml:actionGroup><wpml:actionGroupId>{first_id + number}</wpml:actionGroupId>"
        f"<wpml:actionGroupStartIndex>{start}</wpml:actionGroupStartIndex>"
        f"<wpml:actionGroupEndIndex>{end}</wpml:actionGroupEndIndex>"
        f"<wpml:actionGroupMode>sequence</wpml:actionGroupMode><wpml:actionTrigger>{trigger}</wpml:actionTrigger>"
        + "".join(f"<wpml:action><wpml:actionId>{k}</wpml:actionId>{a}</wpml:action>" for k, a in enumerate(actions))
        + "</wpml:actionGroup>"
        for number, (start, end, trigger, actions) in enumerate(g for g in groups if g[3])
    ]


def _heading(point: _Point) -> str:
    mode = "towardPOI" if point.poi else "followWayline" if math.isnan(point.heading_deg) else "smoothTransition"
    angle = 0.0 if math.isnan(point.heading_deg) else _signed(point.heading_deg)
    lat, lon, height = point.poi or (0.0, 0.0, 0.0)
    return (
        f"<wpml:waypointHeadingParam><wpml:waypointHeadingMode>{mode}</wpml:waypointHeadingMode>"
        f"<wpml:waypointHeadingAngle>{angle!r}</wpml:waypointHeadingAngle>"
        f"<wpml:waypointPoiPoint>{lat!r},{lon!r},{height!r}</wpml:waypointPoiPoint>"
        f"<wpml:waypointHeadingAngleEnable>{int(mode == 'smoothTransition')}</wpml:waypointHeadingAngleEnable>"
        "<wpml:waypointHeadingPathMode>followBadArc</wpml:waypointHeadingPathMode></wpml:waypointHeadingParam>"
    )


_TURN: Final = (
    "<wpml:waypointTurnParam><wpml:waypointTurnMode>toPointAndStopWithDiscontinuityCurvature</wpml:waypointTurnMode>"
    "<wpml:waypointTurnDampingDist>0</wpml:waypointTurnDampingDist></wpml:waypointTurnParam>"
)


def _placemarks(wayline: _Wayline, height: str) -> str:
    parts = []
    group_id = 0
    for index, point in enumerate(wayline.points):
        groups = _groups(wayline, index, group_id)
        group_id += len(groups)
        parts.append(
            f"<Placemark><Point><coordinates>{point.lon_deg!r},{point.lat_deg!r}</coordinates></Point>"
            f"<wpml:index>{index}</wpml:index>" + height.format(height=f"{point.height_m!r}", alt=f"{point.alt_m!r}")
            + f"<wpml:waypointSpeed>{point.speed_mps!r}</wpml:waypointSpeed>{_heading(point)}{_TURN}{''.join(groups)}"
            "</Placemark>"
        )  # fmt: skip
    return "\n".join(parts)


def _return_height_m(document: PlanDocument) -> float:
    """Return the height above home its returns were judged at, NaN where the plan does not say."""
    in_m = {"RTL_ALT_M": 1.0, "RTL_ALT": 0.01, "RTL_RETURN_ALT": 1.0}
    return next((p.value * in_m[p.name] for p in document.vehicle_parameters if p.name in in_m), math.nan)


def _config(wayline: _Wayline, document: PlanDocument, *, template: bool) -> str:
    told = {
        "flyToWaylineMode": "safely", "finishAction": wayline.finish or "noAction", "exitOnRCLost": "executeLostAction",
        "executeRCLostAction": "goBack",
        "takeOffSecurityHeight": "20" if math.isnan(wayline.takeoff_m) else f"{wayline.takeoff_m!r}",
    }  # fmt: skip
    if template and document.home is not None:
        home = document.home
        hae_m = float(amsl_to_hae_m(home.lat_deg, home.lon_deg, home.alt_amsl_m))
        told["takeOffRefPoint"] = f"{home.lat_deg!r},{home.lon_deg!r},{hae_m!r}"
    slow_mps = min(wayline.points[0].speed_mps, MOST_TRANSITIONAL_MPS)
    told["globalTransitionalSpeed"] = f"{slow_mps if math.isnan(wayline.transit_mps) else wayline.transit_mps!r}"
    if not math.isnan(_return_height_m(document)):
        told["globalRTHHeight"] = f"{_return_height_m(document)!r}"
    inner = "".join(f"<wpml:{key}>{value}</wpml:{key}>" for key, value in told.items())
    return f"<wpml:missionConfig>{inner}</wpml:missionConfig>"


def _kml(body: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2" '
        f'xmlns:wpml="http://www.dji.com/wpmz/1.0.2">\n<Document>\n{body}\n</Document></kml>\n'
    )


def _waylines(wayline: _Wayline, document: PlanDocument) -> str:
    return _kml(
        f"{_config(wayline, document, template=False)}\n<Folder><wpml:templateId>0</wpml:templateId>"
        f"<wpml:executeHeightMode>{_MODE[wayline.mode]}</wpml:executeHeightMode><wpml:waylineId>0</wpml:waylineId>"
        f"<wpml:autoFlightSpeed>{wayline.points[0].speed_mps!r}</wpml:autoFlightSpeed>\n"
        f"{_placemarks(wayline, '<wpml:executeHeight>{height}</wpml:executeHeight>')}\n</Folder>"
    )


def _template(wayline: _Wayline, document: PlanDocument) -> str:
    mode = {3: "relativeToStartPoint", 0: "EGM96", 10: "aboveGroundLevel"}[wayline.mode]
    height = (
        "<wpml:ellipsoidHeight>{height}</wpml:ellipsoidHeight><wpml:height>{alt}</wpml:height>"
        "<wpml:useGlobalHeight>0</wpml:useGlobalHeight><wpml:useGlobalSpeed>0</wpml:useGlobalSpeed>"
        "<wpml:useGlobalHeadingParam>0</wpml:useGlobalHeadingParam><wpml:useGlobalTurnParam>0</wpml:useGlobalTurnParam>"
    )
    return _kml(
        f"<wpml:author>Vedette</wpml:author>\n{_config(wayline, document, template=True)}\n"
        "<Folder><wpml:templateType>waypoint</wpml:templateType><wpml:templateId>0</wpml:templateId>"
        "<wpml:waylineCoordinateSysParam><wpml:coordinateMode>WGS84</wpml:coordinateMode>"
        f"<wpml:heightMode>{mode}</wpml:heightMode></wpml:waylineCoordinateSysParam>"
        f"<wpml:autoFlightSpeed>{wayline.points[0].speed_mps!r}</wpml:autoFlightSpeed>"
        "<wpml:gimbalPitchMode>usePointSetting</wpml:gimbalPitchMode>\n"
        f"{_placemarks(wayline, height)}\n</Folder>"
    )
