"""The fence a vehicle carries on a sortie: drawn so that it holds every return, crosses nothing, and can be stored."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.airspace.few_corners import between
from missions.airspace.terrain_profile import sample_path
from missions.capacity import capacity_of
from missions.plan import MissionItem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.airspace.corridor import Corridor
    from missions.airspace.situation import Situation
    from missions.briefs.brief import Brief
    from missions.briefs.places import RallyPoint
    from missions.capacity import Capacity
    from missions.performance.performance import Performance

    FloatArray = NDArray[np.float64]

INCLUSION: Final = 5001
EXCLUSION: Final = 5002
"""MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION and _EXCLUSION."""
ERROR_M: Final = 6.7
"""What GNSS error (2.45 x 1.5 m one sigma, 95 % in two dimensions) and tracking error (3 m) together need."""
ROOMS_M: Final = ((ERROR_M + 0.3, 35.0), (3.0, 60.0), (0.5, 120.0))
"""Room kept between the path and the fence, and how near to where the fence must end it may cut straight returns;
the later ones where the vehicle has no room for the corners that the earlier take."""
PATH_ALONE_M: Final = (0.5, 1e5)
"""The last of these where returns follow the path: the straight ones need not lie in the fence then."""
GROWTHS_M: Final = (2.0, 40.0)
"""How much a zone's outline on the vehicle may be larger than the zone; never smaller."""
EDGE_M: Final = 1.0
"""The fence stays this far inside the air that is allowed, and bends of its edge below it are left out."""
FEWEST: Final = 4
ROUNDING_M: Final = 0.01
"""Corners are stored in 1e-7 degrees."""
RETURN_STEP_M: Final = 50.0
"""Distance between the places of a path that returns are drawn from, where there are several landing places."""
FINE_M: Final = 0.001
"""The grid on which returns are united whose edges all but coincide."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Room:
    """What a fence must hold and may not leave."""

    line: BaseGeometry
    returns: BaseGeometry
    air: shapely.Polygon
    allowed: BaseGeometry
    zones: tuple[BaseGeometry, ...]
    rooms_m: tuple[tuple[float, float], ...]


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


def fence_items(situation: Situation, flown: Performance, path_m: FloatArray) -> tuple[MissionItem, ...]:
    """Return an inclusion polygon about a sortie that leaves out the asked standoff.

    It is the air within reach of the path and of every straight return from it, at least the standoff asked from
    the border and inside the keep-in area; what is forbidden within it (zones, holes of the keep-in area, enclaves)
    are polygons of their own that exclude. Corners are left out until the vehicle can store it, always to the safe
    side: the inclusion shrinks and the exclusions grow, and neither meets the path.
    """
    corridor = situation.corridor
    room = _room(corridor, path_m, situation.brief)
    rings = _fitting(room, capacity_of(flown.dialect, fixed_wing=flown.wing))
    corners = [(command, *corridor.frame.to_degrees(_corners(ring))) for command, ring in rings]
    items = [(command, len(lat), *place) for command, lat, lon in corners for place in zip(lat, lon, strict=True)]
    return tuple(
        MissionItem(seq=k, command=command, frame=0, p1=float(count), lat_deg=float(lat), lon_deg=float(lon))
        for k, (command, count, lat, lon) in enumerate(items)
    )


def _room(corridor: Corridor, path_m: FloatArray, brief: Brief) -> _Room:
    rally = rally_in_reach(corridor, path_m, brief.rally)
    rally_deg = np.array([(r.lat_deg, r.lon_deg) for r in rally]).reshape(-1, 2)
    returns = straight_returns(path_m, np.vstack([path_m[:1], corridor.frame.to_plane(*rally_deg.T)]))
    line = shapely.LineString(path_m)
    about = shapely.buffer(shapely.union(line, returns), 2.0 * corridor.margin.total_m + 60.0, quad_segs=4)
    close = shapely.clip_by_rect(corridor.guard, *shapely.bounds(about.buffer(brief.standoff.asked_m * 2.0)))
    outside = shapely.buffer(close, brief.standoff.asked_m * corridor.stretch, quad_segs=8)
    own = shapely.clip_by_rect(corridor.own, *about.bounds)
    allowed = own if corridor.keep_in is None else own.intersection(corridor.keep_in)
    allowed = allowed.difference(outside)
    air = about.intersection(allowed)
    filled = [shapely.Polygon(p.exterior) for p in shapely.get_parts(air) if p.geom_type == "Polygon"]
    return _Room(
        line=line,
        returns=returns,
        air=max(filled, key=lambda p: p.intersection(line).length),
        allowed=allowed,
        zones=tuple(z for z, bar in zip(corridor.zones, corridor.barred, strict=True) if bar),
        rooms_m=(*ROOMS_M, PATH_ALONE_M) if brief.failsafe.way in ("retrace", "mission") else ROOMS_M,
    )


def _fitting(room: _Room, capacity: Capacity) -> list[tuple[int, shapely.Polygon]]:
    """Return the rings of a fence, with the least change that a vehicle has room for; else with the fewest corners."""
    inside = room.air.buffer(-EDGE_M).simplify(EDGE_M)
    about = room.line.buffer(EDGE_M, quad_segs=2).intersection(room.air)  # a path may go where the allowed air ends
    outer = max(_parts(shapely.union(inside, about)), key=lambda part: part.intersection(room.line).length)
    forbidden = [*room.zones, *_parts(outer.difference(room.allowed), least_m=EDGE_M)]
    shut = [s for s in _parts(shapely.union_all(forbidden)) if s.intersects(outer)]
    tried: list[list[tuple[int, shapely.Polygon]]] = []
    for growth_m, (room_m, returns_m) in itertools.product(GROWTHS_M if shut else GROWTHS_M[:1], room.rooms_m):
        cut = [_cut_out(s, room.line, growth_m, room_m) for s in shut]
        held = shapely.union_all(
            [room.line.buffer(room_m, quad_segs=2), room.returns.intersection(room.air.buffer(-returns_m))]
        )
        most = capacity.corners_left(len(_corners(ring)) for ring in cut)
        polygon = between(held.intersection(outer.buffer(-ROUNDING_M)), outer, max(most, FEWEST)) or outer
        tried.append([(INCLUSION, polygon), *((EXCLUSION, ring) for ring in cut)])
        if _used(tried[-1], capacity) <= capacity.fence:
            return tried[-1]
    return min(tried, key=lambda rings: _used(rings, capacity))


def _used(rings: list[tuple[int, shapely.Polygon]], capacity: Capacity) -> int:
    return capacity.fence_used(len(_corners(ring)) for _, ring in rings)


def _parts(shape: BaseGeometry, least_m: float = 0.0) -> list[shapely.Polygon]:
    """Return the polygons of a shape without their holes; those thinner than twice `least_m` are left out."""
    parts = [shapely.Polygon(p.exterior) for p in shapely.get_parts(shape) if p.geom_type == "Polygon"]
    return [p for p in parts if not least_m or not p.buffer(-least_m).is_empty]


def _cut_out(shape: shapely.Polygon, line: BaseGeometry, growth_m: float, room_m: float) -> shapely.Polygon:
    """Return a polygon with few corners about a shape nobody enters, clear of the path; the shape where it is near."""
    wide = shape.buffer(growth_m).simplify(growth_m / 2.0).difference(line.buffer(room_m, quad_segs=4))
    around = max(_parts(wide), key=lambda part: part.area, default=shape)
    return between(shape, around, FEWEST) or shape


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
    wide = triangles[shapely.area(triangles) > 1.0]
    try:
        return shapely.union_all(wide)
    except shapely.errors.GEOSException:  # seldom: a grid takes four times as long
        return shapely.union_all(wide, grid_size=FINE_M)
