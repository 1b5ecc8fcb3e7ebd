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
    first, last = legs[0], legs[-1]
    px4 = flown.dialect == "px4"
    items = _Items(home_alt_amsl_m, yaw_deg=math.nan if px4 else 0.0)
    # PX4 leaves a circle only when it heads for the way on if told to; ArduPilot always does, and has no room to store
    # the wish. The last parameter has both leave it on its tangent.
    items.fly(TAKEOFF, first, items.relative_m(first.alt_amsl_end_m))
    if ends.approach is not None:
        height = items.relative_m(legs[ends.takeoff_legs - 1].alt_amsl_end_m)
        radius = ends.approach.departure.radius_m
        items.add(LOITER_TO_ALT, float(px4), radius, 0.0, 1.0, place=(*ends.departure_centre_deg, height))
    items.add(CHANGE_SPEED, 0.0 if flown.wing else 1.0, flown.speed_mps, -1.0)
    items.add(VIDEO_START)
    between = slice(ends.takeoff_legs, len(legs) - ends.landing_legs)
    items.film(legs[between], gimbals[between])
    items.add(VIDEO_STOP)
    if ends.approach is not None:
        circle = ends.approach
        place = (*ends.centre_deg, circle.height_m)
        items.add(DO_LAND_START, place=None if px4 else place)  # ArduPilot chooses by it; PX4 wants none
        items.add(LOITER_TO_ALT, float(px4), circle.radius_m, 0.0, 1.0, place=place)
    items.fly(LAND, last, 0.0)
    return tuple(items.made)


class _Items:
    """A mission as it is put together, item by item.

    Parameters
    ----------
    yaw_deg
        What waypoints say of the nose: PX4 turns a multirotor's to 0, north; unset, it follows the course.
    """

    def __init__(self, home_alt_amsl_m: float, *, yaw_deg: float) -> None:
        self.made: list[MissionItem] = []
        self._home_alt_amsl_m, self._yaw_deg = home_alt_amsl_m, yaw_deg

    def add(self, command: int, *p: float, place: tuple[float, float, float] | None = None) -> None:
        lat, lon, alt = (math.nan, math.nan, 0.0) if place is None else place
        padded = (*p, 0.0, 0.0, 0.0, 0.0)[:4]
        self.made.append(
            MissionItem(
                seq=len(self.made), command=command, frame=NO_PLACE if place is None else RELATIVE,
                p1=padded[0], p2=padded[1], p3=padded[2], p4=padded[3], lat_deg=lat, lon_deg=lon, alt_m=alt,
                current=not self.made,
            )
        )  # fmt: skip

    def fly(self, command: int, leg: Leg, height_m: float) -> None:
        self.add(command, 0.0, 0.0, 0.0, self._yaw_deg, place=(leg.lat_end_deg, leg.lon_end_deg, height_m))

    def film(self, legs: Sequence[Leg], gimbals: Sequence[tuple[float, float]]) -> None:
        """Fly legs, the camera turned before each that it is held otherwise on."""
        pointing: tuple[float, float] | None = None
        for leg, gimbal in zip(legs, gimbals, strict=True):
            if gimbal != pointing:
                self.add(GIMBAL_PITCH_YAW, gimbal[0], gimbal[1], math.nan, math.nan)
                pointing = gimbal
            self.fly(WAYPOINT, leg, self.relative_m(leg.alt_amsl_end_m))

    def relative_m(self, alt_amsl_m: float) -> float:
        """Return a height above home."""
        return round(alt_amsl_m - self._home_alt_amsl_m, 2)


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
