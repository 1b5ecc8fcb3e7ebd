"""Mission, fence and rally items of a sortie.

Items exclude home: the first is the take-off. File writers and the transfer put
ArduPilot's home item 0 in front (see ``missions.plan_files.dialect``). Heights are relative
to home (MAV_FRAME_GLOBAL_RELATIVE_ALT), which both autopilots accept.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.airspace.terrain_profile import sample_path
from missions.performance.aircraft import AircraftKind
from missions.plan import LegKind, MissionItem
from missions.sight.views import Facing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.airspace.corridor import Corridor
    from missions.briefs.brief import Brief
    from missions.briefs.places import RallyPoint
    from missions.paths.landing import Approach
    from missions.plan import Leg
    from missions.sight.views import Look

    FloatArray = NDArray[np.float64]

TAKEOFF: Final = 22
WAYPOINT: Final = 16
LAND: Final = 21
LOITER_TO_ALT: Final = 31
DO_LAND_START: Final = 189
CHANGE_SPEED: Final = 178
GIMBAL_PITCH_YAW: Final = 1000
VIDEO_START: Final = 2500
VIDEO_STOP: Final = 2501
FENCE_INCLUSION: Final = 5001
RALLY: Final = 5100
RELATIVE: Final = 3
"""MAV_FRAME_GLOBAL_RELATIVE_ALT."""
NO_PLACE: Final = 2
"""MAV_FRAME_MISSION, for commands without a position."""
MAX_FENCE_POINTS: Final = 70
"""ArduPilot's fence storage on small boards holds 84 points; some are left for what a unit adds."""


def body_yaw_deg(look: Look | None, border_on_right: bool) -> float:
    """Return the gimbal yaw relative to the aircraft's heading for a look, degrees clockwise."""
    if look is None or look.facing is Facing.DOWN:
        return 0.0
    towards = 90.0 if border_on_right else -90.0
    return towards if look.facing is Facing.OUT else -towards


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
    brief: Brief,
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
    px4 = brief.dialect == "px4"
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

    fly(TAKEOFF, first, _relative(first.alt_amsl_end_m, home_alt_amsl_m))
    airspeed = brief.aircraft.aircraft.kind is AircraftKind.FIXED_WING
    if ends.approach is not None:
        height = _relative(legs[ends.takeoff_legs - 1].alt_amsl_end_m, home_alt_amsl_m)
        radius = ends.approach.departure.radius_m
        add(LOITER_TO_ALT, 0.0, radius, 0.0, 1.0, place=(*ends.departure_centre_deg, height))
    add(CHANGE_SPEED, 0.0 if airspeed else 1.0, brief.speed_mps, -1.0)
    add(VIDEO_START)
    pointing: tuple[float, float] | None = None
    flown = slice(ends.takeoff_legs, len(legs) - ends.landing_legs)
    for leg, gimbal in zip(legs[flown], gimbals[flown], strict=True):
        if gimbal != pointing:
            add(GIMBAL_PITCH_YAW, gimbal[0], gimbal[1], math.nan, math.nan)
            pointing = gimbal
        fly(WAYPOINT, leg, _relative(leg.alt_amsl_end_m, home_alt_amsl_m))
    add(VIDEO_STOP)
    if ends.approach is not None:
        circle = ends.approach
        place = (*ends.centre_deg, circle.height_m)
        add(DO_LAND_START, place=None if px4 else place)  # ArduPilot chooses by it; PX4 wants none
        # PX4 leaves the circle only when it heads for the landing if told to; ArduPilot always does, and has no room
        # to store the wish. The last parameter has both leave it on its tangent.
        add(LOITER_TO_ALT, float(px4), circle.radius_m, 0.0, 1.0, place=place)
    fly(LAND, last, 0.0)
    return tuple(items)


def _relative(alt_amsl_m: float, home_alt_amsl_m: float) -> float:
    return round(alt_amsl_m - home_alt_amsl_m, 2)


FENCE_EXCLUSION: Final = 5002
"""MAV_CMD_NAV_FENCE_POLYGON_VERTEX_EXCLUSION."""
ZONE_CUT_M: Final = 1.0
"""A zone's outline on the vehicle may be larger than the zone by up to twice this, never smaller."""
RETURN_STEP_M: Final = 50.0
"""Distance between the places of a path that returns are drawn from, where there are several landing places."""
RETURN_ROOM_M: Final = 35.0
"""Returns nearer than this to where the fence must end may be cut by its simplification."""


def rally_in_reach(corridor: Corridor, path_m: FloatArray, rally: Sequence[RallyPoint]) -> tuple[RallyPoint, ...]:
    """Return the rally points that some place of a path returns to; the others would lie outside the sortie's fence.

    An autopilot goes to the nearest of home and its rally points, so that leaving out the others changes no return.
    """
    if not rally:
        return ()
    places = sample_path(path_m, RETURN_STEP_M)[0]
    rally_m = corridor.frame.to_plane(np.array([r.lat_deg for r in rally]), np.array([r.lon_deg for r in rally]))
    away = np.hypot(*np.moveaxis(places[:, None] - np.vstack([path_m[:1], rally_m])[None], -1, 0))
    flown = np.unique(np.argmin(away, axis=1))
    return tuple(rally[k - 1] for k in flown.tolist() if k > 0)


def fence_items(corridor: Corridor, path_m: FloatArray, brief: Brief) -> tuple[MissionItem, ...]:
    """Return an inclusion polygon about a sortie that leaves out the asked standoff.

    It is the air within reach of the path and of every straight return from it, at least the
    standoff asked from the border, with fewer corners the further the simplification has to go,
    always on the inside, and inside the keep-in area; what is forbidden within it (zones, holes of
    the keep-in area, enclaves) are polygons of their own that exclude.
    """
    reach = 2.0 * corridor.margin.total_m + 60.0
    rally = rally_in_reach(corridor, path_m, brief.rally)
    rally_deg = np.array([(r.lat_deg, r.lon_deg) for r in rally]).reshape(-1, 2)
    landings_m = np.vstack([path_m[:1], corridor.frame.to_plane(*rally_deg.T)])
    returns = straight_returns(path_m, landings_m)
    about = shapely.buffer(shapely.union(shapely.LineString(path_m), returns), reach, quad_segs=4)
    close = shapely.clip_by_rect(corridor.guard, *shapely.bounds(about.buffer(brief.standoff.asked_m * 2.0)))
    outside = shapely.buffer(close, brief.standoff.asked_m * corridor.stretch, quad_segs=8)
    own = shapely.clip_by_rect(corridor.own, *about.bounds)
    allowed = own if corridor.keep_in is None else own.intersection(corridor.keep_in)
    air = about.intersection(allowed).difference(outside)
    polygon = _simplest(air, path_m, returns)
    shut = [z for z, bar in zip(corridor.zones, corridor.barred, strict=True) if bar and z.intersects(polygon)]
    shut += _held_out(polygon, allowed.difference(outside))
    line = shapely.LineString(path_m)
    rings = [(FENCE_INCLUSION, polygon), *((FENCE_EXCLUSION, part) for s in shut for part in _cut_out(s, line))]
    corners = [(command, *corridor.frame.to_degrees(_corners(ring))) for command, ring in rings]
    items = [(command, len(lat), *place) for command, lat, lon in corners for place in zip(lat, lon, strict=True)]
    return tuple(
        MissionItem(seq=k, command=command, frame=0, p1=float(count), lat_deg=float(lat), lon_deg=float(lon))
        for k, (command, count, lat, lon) in enumerate(items)
    )


def _held_out(polygon: shapely.Polygon, allowed: BaseGeometry) -> list[BaseGeometry]:
    """Return what of a polygon is not allowed: holes of the keep-in area, the standoff about enclaves."""
    rest = shapely.get_parts(polygon.difference(allowed))
    return [p for p in rest if p.geom_type == "Polygon" and not p.buffer(-ZONE_CUT_M).is_empty]


def _cut_out(shape: BaseGeometry, line: BaseGeometry) -> list[shapely.Polygon]:
    """Return polygons with few corners about a shape nobody enters; the shape itself where the path passes close."""
    wide = shape.buffer(ZONE_CUT_M).simplify(ZONE_CUT_M)
    return [p for p in shapely.get_parts(shape if wide.intersects(line) else wide) if p.geom_type == "Polygon"]


def _corners(polygon: shapely.Polygon) -> FloatArray:
    """Return a polygon's outer corners, each once."""
    return np.asarray(polygon.exterior.coords)[:-1]


def straight_returns(path_m: FloatArray, landings_m: FloatArray) -> BaseGeometry:
    """Return the ground under every straight return from a path to the landing nearest to the place it begins at."""
    places = path_m if len(landings_m) == 1 else sample_path(path_m, RETURN_STEP_M)[0]
    away = np.hypot(*np.moveaxis(places[:, None] - landings_m[None], -1, 0))
    nearest = np.argmin(away, axis=1)
    goal, change = landings_m[nearest], nearest[:-1] != nearest[1:]
    fans = [
        np.stack([places[:-1], places[1:], goal[:-1]], axis=1),
        np.stack([places[:-1][change], places[1:][change], goal[1:][change]], axis=1),
    ]
    triangles = np.asarray(shapely.polygons(np.concatenate(fans)))
    return shapely.union_all(triangles[shapely.area(triangles) > 1.0])


def _simplest(air: BaseGeometry, path_m: FloatArray, returns: BaseGeometry) -> shapely.Polygon:
    """Return one polygon with few corners that holds path and returns and lies in the air given."""
    line = shapely.union(shapely.LineString(path_m), returns.intersection(air.buffer(-RETURN_ROOM_M)))
    filled = [shapely.Polygon(p.exterior) for p in shapely.get_parts(air) if p.geom_type == "Polygon"]
    best = max(filled, key=lambda p: p.intersection(line).length)
    for tolerance in (2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 32.0):
        shrunk = best.buffer(-tolerance).simplify(tolerance)
        candidates = [p for p in shapely.get_parts(shrunk) if p.geom_type == "Polygon"]
        if not candidates:
            break
        candidate = shapely.Polygon(max(candidates, key=lambda p: p.area).exterior)
        if not candidate.covers(line):
            break
        best = candidate
        if len(candidate.exterior.coords) <= MAX_FENCE_POINTS + 1:
            break
    return best


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
    kinds: Sequence[LegKind], looks: Sequence[Look | None], border_on_right: Sequence[bool]
) -> list[tuple[float, float]]:
    """Return gimbal pitch and heading-relative yaw, degrees, for each leg of a sortie.

    Between lanes the camera looks ahead, already held as the next lane needs it.
    """
    held: list[tuple[float, float]] = []
    pitch = next((-k.depression_deg for k in reversed(looks) if k is not None), -90.0)
    for kind, look, right in zip(reversed(kinds), reversed(looks), reversed(border_on_right), strict=True):
        pitch = pitch if look is None else -look.depression_deg
        held.append((pitch, body_yaw_deg(look if kind is LegKind.WORK else None, right)))
    return held[::-1]
