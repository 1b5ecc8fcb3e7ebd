"""Mission, fence and rally items of a sortie.

Items exclude home: the first is the take-off. File writers and the transfer put
ArduPilot's home item 0 in front (see ``missions.plan_files.dialect``). Heights are relative
to home (MAV_FRAME_GLOBAL_RELATIVE_ALT), which both autopilots accept.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from missions.plan import LegKind, MissionItem
from missions.sight.pointing import Facing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from missions.briefs.places import RallyPoint
    from missions.paths.landing import Approach
    from missions.performance.performance import Performance
    from missions.plan import Leg
    from missions.sight.pointing import Pointing

TAKEOFF: Final = 22
WAYPOINT: Final = 16
LAND: Final = 21
LOITER_TO_ALT: Final = 31
DO_LAND_START: Final = 189
CHANGE_SPEED: Final = 178
GIMBAL_PITCH_YAW: Final = 1000
VIDEO_START: Final = 2500
VIDEO_STOP: Final = 2501
RALLY: Final = 5100
RELATIVE: Final = 3
"""MAV_FRAME_GLOBAL_RELATIVE_ALT."""
NO_PLACE: Final = 2
"""MAV_FRAME_MISSION, for commands without a position."""


def body_yaw_deg(pointing: Pointing | None, border_on_right: bool) -> float:
    """Return the gimbal yaw relative to the aircraft's heading for a pointing, degrees clockwise."""
    if pointing is None or pointing.facing is Facing.DOWN:
        return 0.0
    towards = 90.0 if border_on_right else -90.0
    return towards if pointing.facing is Facing.OUT else -towards


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FlightEnds:
    """Take-off and landing: how many first and last legs they fly, and for a fixed wing the circles there."""

    takeoff_legs: int = 1
    landing_legs: int = 1
    approach: Approach | None = None
    centre_deg: tuple[float, float] = (math.nan, math.nan)
    """Latitude and longitude of the approach's circle."""
    departure_centre_deg: tuple[float, float] = (math.nan, math.nan)


def mission_items(
    flown: Performance,
    legs: Sequence[Leg],
    gimbals: Sequence[tuple[float, float]],
    home_alt_amsl_m: float,
    ends: FlightEnds,
) -> tuple[MissionItem, ...]:
    """Turn legs into items: take-off, speed, camera, waypoints with gimbal changes between them, landing.

    Parameters
    ----------
    gimbals
        Pitch and yaw relative to the heading, degrees, for each leg.
    """
    items: list[MissionItem] = []
    first, last = legs[0], legs[-1]
    px4 = flown.dialect == "px4"
    yaw = math.nan if px4 else 0.0  # PX4 turns a multirotor's nose to 0, north; unset, it follows the course

    def add(command: int, *p: float, place: tuple[float, float, float] | None = None) -> None:
        lat, lon, alt = (math.nan, math.nan, 0.0) if place is None else place
        padded = (*p, 0.0, 0.0, 0.0, 0.0)[:4]
        items.append(
            MissionItem(
                seq=len(items), command=command, frame=NO_PLACE if place is None else RELATIVE,
                p1=padded[0], p2=padded[1], p3=padded[2], p4=padded[3], lat_deg=lat, lon_deg=lon, alt_m=alt,
                current=not items,
            )
        )  # fmt: skip

    def fly(command: int, leg: Leg, height_m: float) -> None:
        add(command, 0.0, 0.0, 0.0, yaw, place=(leg.lat_end_deg, leg.lon_end_deg, height_m))

    # PX4 leaves a circle only when it heads for the way on if told to; ArduPilot always does, and has no room to store
    # the wish. The last parameter has both leave it on its tangent.
    fly(TAKEOFF, first, _relative(first.alt_amsl_end_m, home_alt_amsl_m))
    if ends.approach is not None:
        height = _relative(legs[ends.takeoff_legs - 1].alt_amsl_end_m, home_alt_amsl_m)
        radius = ends.approach.departure.radius_m
        add(LOITER_TO_ALT, float(px4), radius, 0.0, 1.0, place=(*ends.departure_centre_deg, height))
    add(CHANGE_SPEED, 0.0 if flown.wing else 1.0, flown.speed_mps, -1.0)
    add(VIDEO_START)
    pointing: tuple[float, float] | None = None
    between = slice(ends.takeoff_legs, len(legs) - ends.landing_legs)
    for leg, gimbal in zip(legs[between], gimbals[between], strict=True):
        if gimbal != pointing:
            add(GIMBAL_PITCH_YAW, gimbal[0], gimbal[1], math.nan, math.nan)
            pointing = gimbal
        fly(WAYPOINT, leg, _relative(leg.alt_amsl_end_m, home_alt_amsl_m))
    add(VIDEO_STOP)
    if ends.approach is not None:
        circle = ends.approach
        place = (*ends.centre_deg, circle.height_m)
        add(DO_LAND_START, place=None if px4 else place)  # ArduPilot chooses by it; PX4 wants none
        add(LOITER_TO_ALT, float(px4), circle.radius_m, 0.0, 1.0, place=place)
    fly(LAND, last, 0.0)
    return tuple(items)


def _relative(alt_amsl_m: float, home_alt_amsl_m: float) -> float:
    return round(alt_amsl_m - home_alt_amsl_m, 2)


def rally_items(rally: Sequence[RallyPoint]) -> tuple[MissionItem, ...]:
    """Return the rally points; heights are above home, as ArduPilot stores them."""
    return tuple(
        MissionItem(seq=k, command=RALLY, frame=RELATIVE, lat_deg=r.lat_deg, lon_deg=r.lon_deg, alt_m=r.alt_agl_m)
        for k, r in enumerate(rally)
    )


def earth_yaw_deg(leg_course_deg: float, yaw_deg: float) -> float:
    """Return a gimbal yaw clockwise from north, from the aircraft's course and the yaw relative to it."""
    return round((leg_course_deg + yaw_deg) % 360.0, 3) % 360.0


def gimbals_for(
    kinds: Sequence[LegKind], pointings: Sequence[Pointing | None], border_on_right: Sequence[bool]
) -> list[tuple[float, float]]:
    """Return gimbal pitch and heading-relative yaw, degrees, for each leg of a sortie.

    Between lanes the camera looks ahead, already held as the next lane needs it.
    """
    held: list[tuple[float, float]] = []
    pitch = next((-k.depression_deg for k in reversed(pointings) if k is not None), -90.0)
    for kind, pointing, right in zip(reversed(kinds), reversed(pointings), reversed(border_on_right), strict=True):
        pitch = pitch if pointing is None else -pointing.depression_deg
        held.append((pitch, body_yaw_deg(pointing if kind is LegKind.WORK else None, right)))
    return held[::-1]
