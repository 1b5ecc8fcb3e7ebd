"""From a request to a path on WGS 84, for every kind of search."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.errors import InputError
from missions.patterns.area import FREE_TURNS, Sweep
from missions.patterns.iamsar import expanding_square, parallel_track, sector_search
from missions.patterns.parts import plan_area_in_parts
from missions.patterns.plane import frame_about, polygon_xy, to_lonlat, to_xy
from missions.patterns.route import along_route, around_perimeter, check_laps, circle
from missions.patterns.values import PatternKind, PatternPath, PatternRequest, PatternWaypoint
from missions.plan import LegKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.airspace.corridor_frame import LocalFrame
    from missions.patterns.area import AreaPath, LaneCost
    from missions.patterns.values import LonLat

    FloatArray = NDArray[np.float64]


def plan_pattern(request: PatternRequest, cost: LaneCost = FREE_TURNS) -> PatternPath:
    """Plan one search; the lanes of an area are laid for the least cost.

    Raises
    ------
    InputError
        When the request lacks what its kind needs, or its drawing cannot be searched.
    """
    if not (math.isfinite(request.swath_m) and request.swath_m > 0.0):
        raise InputError(f"the swath must be above 0 m, found {request.swath_m:g}", actual=request.swath_m)
    if request.kind is PatternKind.AREA:
        return _area(request, cost)
    if request.kind in (PatternKind.ROUTE, PatternKind.PERIMETER):
        return _along(request)
    return _about_datum(request)


def _area(request: PatternRequest, cost: LaneCost) -> PatternPath:
    if not request.polygons:
        raise InputError("an area search needs an area: a polygon, with holes where nothing is to be seen")
    frame = frame_about(np.concatenate([np.asarray(r, dtype=np.float64) for p in request.polygons for r in p]))
    left = [polygon_xy(frame, rings) for rings in request.polygons]
    here, finish = _place(frame, request.begin), _place(frame, request.finish)
    paths: list[AreaPath] = []
    sweep = Sweep(swath_m=request.swath_m, reach_m=request.reach_m, cost=cost, over_holes=not request.around_holes)
    while left:
        nearest = 0 if here is None else int(np.argmin(shapely.distance(np.array(left), shapely.Point(here))))
        polygon = left.pop(nearest)
        paths.append(
            plan_area_in_parts(polygon, dataclasses.replace(sweep, begin_xy=here, finish_xy=None if left else finish))
        )
        here = paths[-1].points_xy[-1]
    points = np.concatenate([path.points_xy for path in paths])
    widest = max(paths, key=lambda path: path.lane_count)
    work = [LegKind.WORK if index % 2 else LegKind.TURN for index in range(len(points))]
    path = _answer(request, frame, points, work)
    return dataclasses.replace(
        path.over(sum(polygon_xy(frame, rings).area for rings in request.polygons)),
        direction_deg=(90.0 - math.degrees(widest.direction_rad)) % 180.0, lanes=sum(p.lane_count for p in paths),
    )  # fmt: skip


def _along(request: PatternRequest) -> PatternPath:
    if request.kind is PatternKind.ROUTE:
        frame = frame_about(request.line)
        if len(request.line) < 2:
            raise InputError("a route needs a line of two points or more")
        line = shapely.LineString(to_xy(frame, request.line))
        points = along_route(line, offset_m=request.offset_m, there_and_back=request.there_and_back)
    else:
        if not request.polygons:
            raise InputError("a perimeter needs the fence to fly around: a polygon")
        fence = request.polygons[0][:1]
        frame = frame_about(fence[0])
        polygon = polygon_xy(frame, fence)
        begin = _place(frame, request.begin)
        points = around_perimeter(polygon, offset_m=request.offset_m, laps=request.laps, begin_xy=begin)
    return _answer(request, frame, points, [LegKind.WORK] * len(points))


def _about_datum(request: PatternRequest) -> PatternPath:
    if request.datum is None:
        raise InputError(f"a search of kind {request.kind} needs its datum: a point")
    frame = frame_about([request.datum])
    centre = to_xy(frame, [request.datum])[0]
    if request.kind is PatternKind.POINT:
        check_laps(request.laps)
        points = circle(centre, radius_m=request.radius_m, begin_deg=_bearing(frame, centre, request))
        points = np.concatenate([*([points[:-1]] * request.laps), points[-1:]])
        area_m2 = 0.0
    elif request.kind is PatternKind.EXPANDING_SQUARE:
        points = expanding_square(
            centre, spacing_m=request.swath_m, legs=request.legs, direction_deg=request.direction_deg
        )
        area_m2 = _swept_box_m2(points, request.direction_deg, request.swath_m)
    elif request.kind is PatternKind.SECTOR:
        points = sector_search(
            centre, radius_m=request.radius_m, direction_deg=request.direction_deg, rounds=min(max(request.laps, 1), 2)
        )
        area_m2 = math.pi * request.radius_m**2
    else:
        points = parallel_track(
            centre,
            length_m=request.length_m,
            width_m=request.width_m,
            spacing_m=request.swath_m,
            direction_deg=request.direction_deg,
            creeping=request.kind is PatternKind.CREEPING_LINE,
        )
        area_m2 = request.length_m * request.width_m
    path = _answer(request, frame, points, [LegKind.WORK] * len(points))
    path = path.over(area_m2) if area_m2 > 0.0 else path
    return dataclasses.replace(path, direction_deg=request.direction_deg)


def _swept_box_m2(points: FloatArray, direction_deg: float, swath_m: float) -> float:
    """Return the rectangle a square spiral sweeps: its extent along the first leg and across, plus one swath."""
    angle = math.radians(direction_deg)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return float(np.prod(np.ptp(points @ turn, axis=0) + swath_m))


def _place(frame: LocalFrame, lonlat: LonLat | None) -> FloatArray | None:
    return None if lonlat is None else to_xy(frame, [lonlat])[0]


def _bearing(frame: LocalFrame, centre: FloatArray, request: PatternRequest) -> float:
    begin = _place(frame, request.begin)
    if begin is None:
        return request.direction_deg
    east, north = begin - centre
    return math.degrees(math.atan2(east, north))


def _answer(request: PatternRequest, frame: LocalFrame, points_xy: FloatArray, kinds: list[LegKind]) -> PatternPath:
    lengths = np.hypot(*np.diff(points_xy, axis=0).T)
    return PatternPath(
        kind=request.kind,
        waypoints=tuple(
            PatternWaypoint(lon_deg=float(lon), lat_deg=float(lat), kind=kind if index else LegKind.TRANSIT)
            for index, ((lon, lat), kind) in enumerate(zip(to_lonlat(frame, points_xy), kinds, strict=True))
        ),
        swath_m=request.swath_m,
        sweep_width_m=request.swath_m if request.sweep_width_m is None else request.sweep_width_m,
        worked_m=float(sum(m for m, kind in zip(lengths, kinds[1:], strict=True) if kind is LegKind.WORK)),
        length_m=float(lengths.sum()),
        area_m2=0.0,
    )
