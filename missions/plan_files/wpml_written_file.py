"""Missions written as DJI waylines (WPML): what a wayline can hold, and by name what it cannot.

One archive of `wpmz/template.kml` and `wpmz/waylines.wpml`. On a lost link the aircraft is told to return, as every
plan here is judged to. Which aircraft and camera it is for, no plan says: it is chosen when the file is imported.
"""

from __future__ import annotations

import io
import math
import zipfile
from typing import TYPE_CHECKING, Final

from geo.geoid import amsl_to_hae_m
from missions.documents.whole_file import write_whole
from missions.plan_files.losses import together
from missions.plan_files.wpml_file import TEMPLATE, WAYLINES
from missions.plan_files.wpml_wayline import (
    MOST_TRANSITIONAL_MPS,
    Wayline,
    WaylinePoint,
    action,
    signed_deg,
    wayline_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from missions.plan_files.plan_document import PlanDocument

FIRST_GENERATION: Final = 99
"""Most waypoints of DJI's first waypoint missions (Mobile SDK 4, `DJIWaypointMissionMaximumWaypointCount`)."""
_MODE: Final = {3: "relativeToStartPoint", 0: "WGS84", 10: "realTimeFollowSurface"}
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)


def write_wpml(document: PlanDocument, path: Path) -> tuple[str, ...]:
    """Write a mission as a wayline, whole or not at all; return what a wayline cannot hold, one sentence each.

    Raises
    ------
    InputError
        When there is no waypoint, more than 65 536, or heights of kinds that no one wayline holds together.
    """
    wayline = wayline_of(document)
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


def _groups(wayline: Wayline, index: int, first_id: int) -> list[str]:
    """Return the action groups that begin at a waypoint: what is done there, then photographs from there on."""
    groups = [
        (index, index, "<wpml:actionTriggerType>reachPoint</wpml:actionTriggerType>", wayline.points[index].actions)
    ]
    groups += [
        (start, end, f"<wpml:actionTriggerType>{trigger}</wpml:actionTriggerType>"
         f"<wpml:actionTriggerParam>{every!r}</wpml:actionTriggerParam>", [action("takePhoto")])
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


def _heading(point: WaylinePoint) -> str:
    mode = "towardPOI" if point.poi else "followWayline" if math.isnan(point.heading_deg) else "smoothTransition"
    angle = 0.0 if math.isnan(point.heading_deg) else signed_deg(point.heading_deg)
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


def _placemarks(wayline: Wayline, height: str) -> str:
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


def _config(wayline: Wayline, document: PlanDocument, *, template: bool) -> str:
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


def _waylines(wayline: Wayline, document: PlanDocument) -> str:
    return _kml(
        f"{_config(wayline, document, template=False)}\n<Folder><wpml:templateId>0</wpml:templateId>"
        f"<wpml:executeHeightMode>{_MODE[wayline.mode]}</wpml:executeHeightMode><wpml:waylineId>0</wpml:waylineId>"
        f"<wpml:autoFlightSpeed>{wayline.points[0].speed_mps!r}</wpml:autoFlightSpeed>\n"
        f"{_placemarks(wayline, '<wpml:executeHeight>{height}</wpml:executeHeight>')}\n</Folder>"
    )


def _template(wayline: Wayline, document: PlanDocument) -> str:
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
