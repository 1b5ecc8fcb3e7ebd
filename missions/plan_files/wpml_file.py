"""DJI waylines (WPML): the KMZ that DJI's own stations write, read into mission items.

Elements as DJI's Cloud API documentation gives them ("DJI WPML": template.kml, waylines.wpml, common elements). Of the
two documents in the archive `waylines.wpml` is what is flown; a template alone is read where it is a list of waypoints.
An aircraft of DJI climbs by itself before its first waypoint, and returns by climbing to its return height and flying
straight back: a take-off and the return stand for both.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

from geo.errors import InputError
from geo.geoid import hae_to_amsl_m
from missions.documents.places import check_place, coordinates
from missions.documents.xml_file import inside, local_name, parse_xml, text_of
from missions.plan import MissionItem, VehicleParameter
from missions.plan_files.dialect import MAV_FRAME_GLOBAL, MAV_FRAME_GLOBAL_RELATIVE_ALT, MAV_FRAME_MISSION
from missions.plan_files.item_fields import finite_number
from missions.plan_files.item_limits import checked_item
from missions.plan_files.losses import together
from missions.plan_files.plan_document import MAV_TYPE_QUADROTOR, Home, PlanDocument

if TYPE_CHECKING:
    from collections.abc import Iterator

WAYLINES: Final = "waylines.wpml"
TEMPLATE: Final = "template.kml"
FORMAT: Final = "DJI WPML"
MAX_WAYPOINTS: Final = 65_536
"""`wpml:index` runs from 0 to 65535."""
MAV_FRAME_TERRAIN: Final = 10
RETURN_HEIGHT: Final = "RTL_ALT_M"
"""A return of ArduPilot climbs to this height and flies straight, as DJI's does to `wpml:globalRTHHeight`."""
WAYPOINT, RETURN, LAND, TAKEOFF, SPEED = 16, 20, 21, 22, 178
HOVER, YAW, GIMBAL, PHOTO, PHOTO_STOP, BY_DISTANCE, RECORD, RECORD_STOP = 93, 115, 1000, 2000, 2001, 206, 2500, 2501
REGION: Final = 195
NORTH: Final = 16.0
"""GIMBAL_MANAGER_FLAGS_YAW_LOCK: yaw counts from north (MAVLink common.xml)."""
_FRAME_OF_MODE: Final = {
    "relativeToStartPoint": MAV_FRAME_GLOBAL_RELATIVE_ALT,
    "EGM96": MAV_FRAME_GLOBAL,
    "WGS84": MAV_FRAME_GLOBAL,
    "aboveGroundLevel": MAV_FRAME_TERRAIN,
    "realTimeFollowSurface": MAV_FRAME_TERRAIN,
}


def parse_wpml(members: dict[str, bytes], where: str) -> PlanDocument:
    """Read the documents of a wayline archive by their names; `where` names the archive in errors.

    Raises
    ------
    InputError
        Naming `where`, the document, the waypoint and what is wrong with it.
    """
    name = WAYLINES if WAYLINES in members else TEMPLATE
    root = parse_xml(members[name], f"{where}: {name}")
    problems: list[str] = []
    if name == TEMPLATE:
        kinds = {text_of(folder, "templateType") for folder in inside(root, "Folder")}
        if kinds - {"waypoint", ""}:
            raise InputError(
                f"{where}: holds a template of type {sorted(kinds)[-1][:30]} and no wayline made of it; open it in "
                "DJI's station and save it there"
            )
        problems.append("the archive holds a template and no wayline; its waypoints are taken as they stand")
    config = next(inside(root, "missionConfig"), None)
    items = [*_start(config, where), *_flown(root, f"{where}: {name}", problems)]
    items += _finish(config, items, problems)
    return PlanDocument(
        source_format=FORMAT,
        dialect=None,
        home=_home(members, where),
        items=tuple(dataclasses.replace(item, seq=seq) for seq, item in enumerate(items)),
        vehicle_type=MAV_TYPE_QUADROTOR,
        vehicle_parameters=_return_height(config, where, problems),
        problems=tuple(problems),
    )


def _number(element: Any, name: str, where: str, otherwise: float = math.nan) -> float:
    text = text_of(element, name) if element is not None else ""
    return finite_number(text, f"{where}, {name}") if text else otherwise


def command(number: int, *params: float) -> MissionItem:
    """Build an item without a place."""
    p1, p2, p3, p4 = (*params, 0.0, 0.0, 0.0, 0.0)[:4]
    return MissionItem(seq=0, command=number, frame=MAV_FRAME_MISSION, p1=p1, p2=p2, p3=p3, p4=p4)


def _start(config: Any, where: str) -> Iterator[MissionItem]:
    """Go over what is done before the first waypoint: the climb, and the speed on the way there."""
    height_m = _number(config, "takeOffSecurityHeight", where)
    if not math.isnan(height_m):
        yield MissionItem(seq=0, command=TAKEOFF, frame=MAV_FRAME_GLOBAL_RELATIVE_ALT, alt_m=height_m)
    speed_mps = _number(config, "globalTransitionalSpeed", where)
    if speed_mps > 0.0:
        yield command(SPEED, 1.0, speed_mps, -1.0)


def _flown(root: Any, where: str, problems: list[str]) -> list[MissionItem]:
    """Return the waypoints of every wayline with what is done at each."""
    items: list[MissionItem] = []
    count = 0
    lost: list[tuple[int, str]] = []
    folders = list(inside(root, "Folder"))
    if len(folders) > 1:
        problems.append(f"the archive holds {len(folders)} waylines; they are flown one after another")
    for folder in folders:
        mode = text_of(folder, "executeHeightMode") or next(
            (text_of(p, "heightMode") for p in inside(folder, "waylineCoordinateSysParam")), ""
        )
        if mode not in _FRAME_OF_MODE:
            raise InputError(f"{where}: the height mode {mode[:30]!r} is not known; {', '.join(_FRAME_OF_MODE)} are")
        speed_mps = math.nan
        stops: dict[int, list[MissionItem]] = {}
        for index, placemark in enumerate(child for child in folder if local_name(child) == "Placemark"):
            count += 1
            if count > MAX_WAYPOINTS:
                raise InputError(f"{where}: more than {MAX_WAYPOINTS} waypoints; a wayline has no more")
            at = f"{where}: waypoint {count}"
            items.append(_waypoint(placemark, folder, mode, at))
            asked_mps = _number(placemark, "waypointSpeed", at, _number(folder, "autoFlightSpeed", at))
            if asked_mps > 0.0 and asked_mps != speed_mps:
                items.append(command(SPEED, 1.0, asked_mps, -1.0))
                speed_mps = asked_mps
            items += _region(placemark, at)
            done, said = _actions(placemark, at, stops)
            items += [*stops.pop(index, ()), *done]
            lost += [(count, text) for text in said]
    if not count:
        raise InputError(f"{where}: holds no waypoint")
    problems += together("waypoint", lost)
    return [checked_item(item, where) for item in items]


def _waypoint(placemark: Any, folder: Any, mode: str, where: str) -> MissionItem:
    places = coordinates(placemark, where)
    if len(places) != 1:
        raise InputError(f"{where} has {len(places)} places; a waypoint has one")
    lon_deg, lat_deg, _ = places[0]
    names = ("executeHeight", "ellipsoidHeight", "height") if mode == "WGS84" else ("executeHeight", "height")
    heights = [_number(placemark, name, where) for name in names]
    height_m = next((h for h in heights if not math.isnan(h)), _number(folder, "globalHeight", where))
    if math.isnan(height_m):
        raise InputError(f"{where} has no height; open the wayline in DJI's station and save it again")
    if mode == "WGS84":
        height_m = float(hae_to_amsl_m(lat_deg, lon_deg, height_m))
    heading = next(iter(inside(placemark, "waypointHeadingParam")), None)
    fixed = heading is not None and text_of(heading, "waypointHeadingMode") in ("smoothTransition", "fixed")
    turns = fixed and text_of(heading, "waypointHeadingAngleEnable") != "0"
    return MissionItem(
        seq=0, command=WAYPOINT, frame=_FRAME_OF_MODE[mode], lat_deg=lat_deg, lon_deg=lon_deg, alt_m=height_m,
        p4=_number(heading, "waypointHeadingAngle", where) % 360.0 if turns else math.nan,
    )  # fmt: skip


def _region(placemark: Any, where: str) -> Iterator[MissionItem]:
    """Go over where the aircraft turns its nose at a waypoint: a point of interest."""
    for heading in inside(placemark, "waypointHeadingParam"):
        if text_of(heading, "waypointHeadingMode") == "towardPOI":
            parts = text_of(heading, "waypointPoiPoint").split(",")
            if len(parts) < 2:
                raise InputError(f"{where}: the point of interest is not latitude,longitude,height")
            lat, lon, *height = (finite_number(part, f"{where}, waypointPoiPoint") for part in parts[:3])
            check_place(lat, lon, f"{where}: the point of interest")
            yield MissionItem(
                seq=0, command=REGION, frame=MAV_FRAME_GLOBAL_RELATIVE_ALT, lat_deg=lat, lon_deg=lon,
                alt_m=height[0] if height else 0.0,
            )  # fmt: skip


def _actions(placemark: Any, where: str, stops: dict[int, list[MissionItem]]) -> tuple[list[MissionItem], list[str]]:
    """Return what is done at a waypoint and what of it has no command; photographs that begin are to end in `stops`."""
    items: list[MissionItem] = []
    lost: list[str] = []
    for group in inside(placemark, "actionGroup"):
        trigger = next(iter(inside(group, "actionTrigger")), None)
        kind = text_of(trigger, "actionTriggerType") if trigger is not None else ""
        every = _number(trigger, "actionTriggerParam", where)
        for action in (child for child in group if local_name(child) == "action"):
            name = text_of(action, "actionActuatorFunc")
            params = next(iter(inside(action, "actionActuatorFuncParam")), action)
            item = _action(name, params, where, kind, every)
            if item is None:
                lost.append(f"the action {name[:30] or 'without a name'} has no MAVLink command; left out")
            else:
                items.append(item)
                end = _number(group, "actionGroupEndIndex", where)
                if kind in ("multipleTiming", "multipleDistance") and not math.isnan(end):
                    stop = command(PHOTO_STOP) if item.command == PHOTO else command(BY_DISTANCE)
                    stops.setdefault(int(min(end, MAX_WAYPOINTS)), []).append(stop)
    return items, lost


def _action(name: str, params: Any, where: str, trigger: str, every: float) -> MissionItem | None:
    if name == "takePhoto" and trigger == "multipleTiming":
        return command(PHOTO, 0.0, every, 0.0)
    if name == "takePhoto" and trigger == "multipleDistance":
        return command(BY_DISTANCE, every, 0.0, 0.0)
    if trigger not in ("reachPoint", ""):
        return None
    if name == "hover":
        return command(HOVER, _number(params, "hoverTime", where, 0.0), -1.0, -1.0, -1.0)
    if name == "rotateYaw":
        return command(YAW, _number(params, "aircraftHeading", where, 0.0) % 360.0)
    if name == "gimbalRotate":
        pitch, yaw = (
            _number(params, f"gimbal{axis}RotateAngle", where)
            if text_of(params, f"gimbal{axis}RotateEnable") != "0"
            else math.nan
            for axis in ("Pitch", "Yaw")
        )
        item = command(GIMBAL, pitch, yaw, math.nan, math.nan)
        north = text_of(params, "gimbalHeadingYawBase") == "north" and not math.isnan(yaw)
        return dataclasses.replace(item, lat_deg=NORTH if north else 0.0, lon_deg=0.0)
    plain = {"takePhoto": command(PHOTO, 0.0, 0.0, 1.0), "startRecord": command(RECORD),
             "stopRecord": command(RECORD_STOP)}  # fmt: skip
    return plain.get(name)


def _finish(config: Any, items: list[MissionItem], problems: list[str]) -> Iterator[MissionItem]:
    """Go over what is done after the last waypoint."""
    action = text_of(config, "finishAction") if config is not None else ""
    if action == "goHome":
        yield command(RETURN)
    elif action == "autoLand":
        last = next(item for item in reversed(items) if item.command == WAYPOINT)
        yield dataclasses.replace(last, command=LAND, alt_m=0.0, p4=math.nan)
    elif action == "gotoFirstWaypoint":
        yield next(item for item in items if item.command == WAYPOINT)
        problems.append("after the last waypoint it flies to the first one and hovers there")
    else:
        problems.append("after the last waypoint it hovers until somebody takes over")


def _return_height(config: Any, where: str, problems: list[str]) -> tuple[VehicleParameter, ...]:
    height_m = _number(config, "globalRTHHeight", where)
    if math.isnan(height_m):
        problems.append("the height of its return is not in the file but in the hand controller; see --return-alt-m")
        return ()
    why = "it climbs to this height above take-off and returns straight, as the wayline says (globalRTHHeight)"
    return (VehicleParameter(name=RETURN_HEIGHT, value=height_m, why=why, height=True),)


def _home(members: dict[str, bytes], where: str) -> Home | None:
    """Return the reference for take-off that a template names: latitude, longitude, height above the ellipsoid."""
    if TEMPLATE not in members:
        return None
    config = next(inside(parse_xml(members[TEMPLATE], f"{where}: {TEMPLATE}"), "missionConfig"), None)
    text = text_of(config, "takeOffRefPoint") if config is not None else ""
    if not text:
        return None
    numbers = [finite_number(part, f"{where}: {TEMPLATE}, takeOffRefPoint") for part in text.split(",")]
    if len(numbers) != 3:
        raise InputError(f"{where}: {TEMPLATE}: takeOffRefPoint is not latitude,longitude,height")
    lat_deg, lon_deg, height_m = numbers
    check_place(lat_deg, lon_deg, f"{where}: {TEMPLATE}: takeOffRefPoint")
    return Home(lat_deg=lat_deg, lon_deg=lon_deg, alt_amsl_m=float(hae_to_amsl_m(lat_deg, lon_deg, height_m)))
