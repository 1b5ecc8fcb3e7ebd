"""What a plan sees of the corridor, and the proof of how often: per 50 m of border, from footprints on the terrain."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.briefs.camera import GRAZING_DEG
from missions.plan import LegKind
from missions.planning.optics import near_far_m

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.airspace.corridor import Corridor
    from missions.airspace.corridor_frame import LocalFrame
    from missions.airspace.terrain_profile import PlaneGround
    from missions.briefs.brief import Brief
    from missions.plan import Leg, Sortie
    from missions.planning.schedule import Turn

    FloatArray = NDArray[np.float64]

STATION_M: Final = 50.0
"""Spacing along the border of the proof."""
ACROSS: Final = 6
"""Ground points judged at each station, evenly across the corridor."""
SWATH_ROOM: Final = 1.5
"""How much farther than over flat ground a point below the aircraft may be seen, times."""
SIGHT_STEPS: Final = 12
"""Ground heights looked up along a line of sight."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coverage:
    """The watched ground and the part of it the plan's footprints cover, in the plane."""

    seen: BaseGeometry
    watched_m2: float
    covered_pct: float


def strips(brief: Brief, frame: LocalFrame, legs: Sequence[Leg]) -> NDArray[np.object_]:
    """Return the quadrilaterals the camera sweeps on each work leg over locally flat ground."""
    work = [leg for leg in legs if leg.kind is LegKind.WORK]
    if not work:
        return np.array([], dtype=object)
    start, end = _ends(frame, work)
    along = (end - start) / np.hypot(*(end - start).T)[:, None]
    looking = np.radians([w.gimbal_yaw_deg for w in work])
    side = np.stack([np.sin(looking), np.cos(looking)], axis=1)
    near_m, far_m = (
        reach[:, None] for reach in near_far_m(brief.camera, _depression_deg(work), brief.flight.alt_agl_m)
    )
    half = near_m * np.tan(np.radians(brief.camera.hfov_deg / 2.0)) * along
    near, far = side * near_m, side * far_m
    corners = [start - half + near, end + half + near, end + half + far, start - half + far]
    return np.asarray(shapely.polygons(np.stack(corners, axis=1)))


def _depression_deg(work: Sequence[Leg]) -> FloatArray:
    return -np.array([leg.gimbal_pitch_deg for leg in work])


def _ends(frame: LocalFrame, legs: Sequence[Leg]) -> tuple[FloatArray, FloatArray]:
    start = frame.to_plane(np.array([g.lat_start_deg for g in legs]), np.array([g.lon_start_deg for g in legs]))
    end = frame.to_plane(np.array([g.lat_end_deg for g in legs]), np.array([g.lon_end_deg for g in legs]))
    return start, end


def coverage(corridor: Corridor, seen: Sequence[BaseGeometry]) -> Coverage:
    """Join the strips seen and measure them against the ground to watch."""
    joined = shapely.union_all(np.array(seen, dtype=object)) if len(seen) else shapely.Polygon()
    inside = shapely.intersection(joined, corridor.watched)
    watched = float(corridor.watched.area)
    return Coverage(seen=inside, watched_m2=watched, covered_pct=100.0 * inside.area / watched if watched else 0.0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Proof:
    """Worst revisit at each station of the border, NaN where nothing of its ground is seen."""

    station_m: FloatArray
    xy_m: FloatArray
    worst_s: FloatArray
    seen_share: FloatArray

    @property
    def worst_revisit_s(self) -> float:
        """The longest of the stations that are seen at all, NaN where none is."""
        return float(np.nanmax(self.worst_s)) if np.isfinite(self.worst_s).any() else float("nan")


def prove(
    brief: Brief, corridor: Corridor, ground: PlaneGround, sorties: Sequence[Sortie], turns: Sequence[Turn]
) -> Proof:
    """Work out, for ground points across the corridor every 50 m of border, the longest time unseen.

    The turns repeat for ever, so a point is unseen longest between two of its views on the circle
    of the site's cycle. Sites have clocks of their own: of a point two sites see, the better counts.
    """
    stations = np.arange(STATION_M / 2.0, corridor.along.total_m, STATION_M)
    points, owner = _ground_points(brief, corridor, stations)
    gap = np.full(len(points), np.inf)
    tree = shapely.STRtree(np.asarray(shapely.points(points)))
    views = {s.name: _views(brief, corridor, ground, s, points, tree) for s in sorties} if turns else {}
    for site in sorted({t.site for t in turns}):
        mine = [t for t in turns if t.site == site]
        seen = [views_of_turn(t, brief, views) for t in mine]
        point, moment = (np.concatenate([s[k] for s in seen]) for k in (0, 1))
        np.minimum.at(gap, *_gaps(point.astype(int), moment % mine[0].cycle_s, mine[0].cycle_s))
    found = np.isfinite(gap)
    worst = np.full(len(stations), np.nan)
    np.fmax.at(worst, owner[found], gap[found])
    total = np.bincount(owner, minlength=len(stations))
    share = np.bincount(owner[found], minlength=len(stations)) / np.maximum(total, 1)
    return Proof(station_m=stations, xy_m=corridor.along.at(stations), worst_s=worst, seen_share=share)


def views_of_turn(
    turn: Turn, brief: Brief, views: dict[str, tuple[NDArray[np.int64], FloatArray]]
) -> tuple[FloatArray, FloatArray]:
    """Return the points one aircraft sees in one cycle, and when after the patrol's start."""
    points, moments, clock = [], [], turn.start_s
    for sortie in turn.sorties:
        point, moment = views[sortie.name]
        points.append(point)
        moments.append(moment + clock)
        clock += sortie.legs[-1].t_end_s - sortie.legs[0].t_start_s + brief.aircraft.aircraft.swap_s
    return np.concatenate(points).astype(float), np.concatenate(moments)


def _gaps(point: NDArray[np.int64], moment: FloatArray, cycle_s: float) -> tuple[NDArray[np.int64], FloatArray]:
    """Return each point seen once, and its longest gap round the cycle."""
    order = np.lexsort((moment, point))
    point, moment = point[order], moment[order]
    if len(point) == 0:
        return point, moment
    new = np.append(True, point[1:] != point[:-1])
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(point)) - 1
    between = np.where(new, 0.0, np.diff(moment, prepend=moment[0]))
    longest = np.maximum(np.maximum.reduceat(between, first), moment[first] + cycle_s - moment[last])
    return point[first], longest


def _ground_points(brief: Brief, corridor: Corridor, stations: FloatArray) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return points across the watched ground at each station, on our side, and the station each belongs to."""
    here, ahead = corridor.along.at(stations - 1.0), corridor.along.at(stations + 1.0)
    step = ahead - here
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1) / np.maximum(np.hypot(*step.T), 1e-9)[:, None]
    deep = np.linspace(brief.corridor.from_m, brief.corridor.depth_m, 2 * ACROSS + 1)[1::2] * corridor.stretch
    middle = (here + ahead) / 2.0
    both = np.concatenate(
        [middle[:, None, :] + sign * deep[None, :, None] * normal[:, None, :] for sign in (1.0, -1.0)]
    )
    points = both.reshape(-1, 2)
    owner = np.tile(np.repeat(np.arange(len(stations)), ACROSS), 2)
    shapely.prepare(corridor.watched)
    inside = shapely.contains_xy(corridor.watched, points[:, 0], points[:, 1])
    return points[inside], owner[inside]


def _views(
    brief: Brief, corridor: Corridor, ground: PlaneGround, sortie: Sortie, points: FloatArray, tree: shapely.STRtree
) -> tuple[NDArray[np.int64], FloatArray]:
    """Return which point is seen when (seconds after take-off) as the camera sweeps past it."""
    work = [leg for leg in sortie.legs if leg.kind is LegKind.WORK]
    if not work or len(points) == 0:
        return np.zeros(0, dtype=int), np.zeros(0)
    start, end = _ends(corridor.frame, work)
    lines = shapely.linestrings(np.stack([start, end], axis=1))
    reach = SWATH_ROOM * near_far_m(brief.camera, _depression_deg(work), brief.flight.alt_agl_m)[1]
    leg, point = tree.query(lines, predicate="dwithin", distance=reach)
    along = (end - start)[leg]
    length = np.hypot(*along.T)
    share = np.einsum("ij,ij->i", points[point] - start[leg], along) / length**2
    t0 = np.array([w.t_start_s for w in work]) - sortie.t_start_s
    t1 = np.array([w.t_end_s for w in work]) - sortie.t_start_s
    alt0, alt1 = np.array([w.alt_amsl_start_m for w in work]), np.array([w.alt_amsl_end_m for w in work])
    inside = np.clip(share, 0.0, 1.0)
    place = start[leg] + inside[:, None] * along
    height = alt0[leg] + inside * (alt1 - alt0)[leg] - ground.at(points[point])
    ok = _in_view(brief, work, leg, points[point] - place, height)
    ok[ok] &= _unhidden(ground, place[ok], (alt0[leg] + inside * (alt1 - alt0)[leg])[ok], points[point][ok])
    moment = t0[leg] + inside * (t1 - t0)[leg]
    return point[ok], moment[ok]


def _in_view(
    brief: Brief, work: Sequence[Leg], leg: NDArray[np.int64], away: FloatArray, height: FloatArray
) -> NDArray[np.bool_]:
    """Tell which points lie inside the camera's fields of view, the gimbal held as the leg says."""
    yaw = np.radians([w.gimbal_yaw_deg for w in work])[leg]
    depression = _depression_deg(work)[leg]
    ahead = away[:, 0] * np.sin(yaw) + away[:, 1] * np.cos(yaw)
    aside = away[:, 0] * np.cos(yaw) - away[:, 1] * np.sin(yaw)
    below = np.degrees(np.arctan2(height, ahead))
    slant = np.hypot(height, ahead)
    wide = np.abs(aside) <= slant * np.tan(np.radians(brief.camera.hfov_deg / 2.0))
    half = brief.camera.full_vfov_deg / 2.0
    return np.asarray((height > 0.0) & (np.abs(below - depression) <= half) & (below >= GRAZING_DEG) & wide)


def _unhidden(ground: PlaneGround, eye_m: FloatArray, eye_amsl_m: FloatArray, point_m: FloatArray) -> NDArray[np.bool_]:
    """Tell which points no hill stands in front of."""
    if len(eye_m) == 0 or ground.flat:
        return np.ones(len(eye_m), dtype=bool)
    share = (np.arange(1, SIGHT_STEPS) / SIGHT_STEPS)[None, :, None]
    between = eye_m[:, None, :] + share * (point_m - eye_m)[:, None, :]
    heights = ground.at(between.reshape(-1, 2)).reshape(len(eye_m), -1)
    end = ground.at(point_m)
    ray = eye_amsl_m[:, None] + share[:, :, 0] * (end - eye_amsl_m)[:, None]
    slack_m = 1.0
    return np.asarray(~(heights > ray + slack_m).any(axis=1))
