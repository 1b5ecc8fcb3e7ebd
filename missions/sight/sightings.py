"""Which ground points a plan's camera sees, from where and when: the one judge of coverage and of revisit.

A point is judged from the place of each work leg nearest to it, where the camera, held across the
track, has it in the middle of the picture. What that pose sees is seen; a place hidden from it counts
as hidden even where a hill leaves a gap further along.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from geo.line_of_sight import stands_above_m, steps
from missions.airspace.terrain_profile import SAMPLE_M
from missions.briefs.camera import GRAZING_DEG
from missions.plan import LegKind
from missions.sight.optics import edges_deg
from missions.sight.terrain_window import TerrainWindow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.airspace.corridor_frame import LocalFrame
    from missions.airspace.terrain_profile import PlaneGround
    from missions.briefs.camera import Camera
    from missions.plan import Leg, Sortie

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]
    BoolArray = NDArray[np.bool_]

HIDDEN_M: Final = 1.0
"""Ground that stands this much above a line of sight hides what lies behind it."""
SQUARE_M: Final = 3_000.0
"""Side of the squares places over terrain are judged in."""
AT_ONCE: Final = 40_000
"""Lines of sight followed at a time, for the processor's cache."""
ROUNDING_DEG: Final = 1e-3
"""Pitch and yaw of a leg are kept to this."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Passes:
    """The work legs of a plan as columns, in the plane; `run` numbers the unbroken stretches they make up."""

    start_m: FloatArray
    end_m: FloatArray
    alt_amsl_m: FloatArray
    """(n, 2): at start and end."""
    t_s: FloatArray
    """(n, 2): seconds after take-off at start and end."""
    yaw_rad: FloatArray
    """Where the camera pointings, clockwise from north."""
    depression_deg: FloatArray
    sortie: IntArray
    run: IntArray
    lines: NDArray[np.object_]

    @classmethod
    def of(cls, frame: LocalFrame, sorties: Sequence[Sortie]) -> Passes:
        """Gather the work legs of sorties; those on end belong to one run."""
        work = [(k, leg) for k, s in enumerate(sorties) for leg in s.legs if leg.kind is LegKind.WORK]
        legs = [leg for _, leg in work]
        start, end = leg_ends(frame, legs)
        sortie = np.array([k for k, _ in work], dtype=np.int64)
        follows = (np.diff([g.seq for g in legs]) == 1) & (np.diff(sortie) == 0)
        follows &= np.diff([g.gimbal_pitch_deg for g in legs]) == 0.0
        t0 = np.array([sorties[k].t_start_s for k in sortie]).reshape(-1, 1)
        return cls(
            start_m=start, end_m=end, sortie=sortie,
            alt_amsl_m=np.array([(g.alt_amsl_start_m, g.alt_amsl_end_m) for g in legs]).reshape(-1, 2),
            t_s=np.array([(g.t_start_s, g.t_end_s) for g in legs]).reshape(-1, 2) - t0,
            yaw_rad=np.radians([g.gimbal_yaw_deg for g in legs]),
            depression_deg=-np.array([g.gimbal_pitch_deg for g in legs]),
            run=np.concatenate([[0], np.cumsum(~follows)])[: len(legs)].astype(np.int64),
            lines=np.asarray(shapely.linestrings(np.stack([start, end], axis=1))),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.sortie)

    @property
    def length_m(self) -> FloatArray:
        """Length of each leg."""
        return np.asarray(np.hypot(*(self.end_m - self.start_m).T))

    def take(self, legs: IntArray) -> Passes:
        """Return some of the legs."""
        return Passes(**{f.name: getattr(self, f.name)[legs] for f in dataclasses.fields(self)})

    def strips(self, camera: Camera, below_m: FloatArray, above_m: FloatArray) -> NDArray[np.object_]:
        """Return the ground each leg's camera sweeps: the footprints at both ends and all between them.

        Parameters
        ----------
        below_m, above_m
            (n,) the least and the greatest height of the leg above the ground it looks at; the same
            where that is flat.
        """
        ends = (self.start_m, self.end_m)
        return swept(camera, ends, self.yaw_rad, self.depression_deg, (below_m, above_m))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sightings:
    """Pairs of a point and a leg whose camera has it in its picture: columns of one length."""

    point: IntArray
    leg: IntArray
    moment_s: FloatArray
    """Seconds after take-off."""
    dwell_s: FloatArray
    """How long the point stays in the picture as the aircraft flies past."""
    hidden: BoolArray
    """A hill stands between."""

    def take(self, keep: BoolArray) -> Sightings:
        """Return some of the pairs."""
        return Sightings(**{f.name: getattr(self, f.name)[keep] for f in dataclasses.fields(self)})


def swept(
    camera: Camera,
    ends_m: tuple[FloatArray, FloatArray],
    yaw_rad: FloatArray,
    depression_deg: FloatArray,
    heights_m: tuple[FloatArray, FloatArray],
) -> NDArray[np.object_]:
    """Return the ground a camera sweeps on straight legs; `heights_m` are the two of `Passes.strips`."""
    lower, upper = edges_deg(camera, depression_deg)
    below_m, above_m = heights_m
    corners = []
    side = np.stack([np.sin(yaw_rad), np.cos(yaw_rad)], axis=1)
    across = np.stack([side[:, 1], -side[:, 0]], axis=1)
    for edge, height in ((lower, np.where(lower > 90.0, above_m, below_m)), (upper, above_m)):
        reach = height / np.tan(np.radians(edge))
        half = half_width_m(camera, height / np.sin(np.radians(edge)), edge - depression_deg)[:, None]
        corners += [side * reach[:, None] + sign * half * across for sign in (1.0, -1.0)]
    pictures = np.stack([end + corner for end in ends_m for corner in corners], axis=1)
    return np.asarray(shapely.convex_hull(shapely.linestrings(pictures)))


def leg_ends(frame: LocalFrame, legs: Sequence[Leg]) -> tuple[FloatArray, FloatArray]:
    """Return where legs start and end, (n, 2) each, in the plane."""
    start = frame.to_plane(np.array([g.lat_start_deg for g in legs]), np.array([g.lon_start_deg for g in legs]))
    end = frame.to_plane(np.array([g.lat_end_deg for g in legs]), np.array([g.lon_end_deg for g in legs]))
    return start.reshape(-1, 2), end.reshape(-1, 2)


def half_width_m(camera: Camera, slant_m: FloatArray, off_axis_deg: FloatArray) -> FloatArray:
    """Return half the width of the picture, on the ground across the line of sight, off the axis up or down."""
    depth = slant_m * np.cos(np.radians(off_axis_deg))
    return np.asarray(depth * np.tan(np.radians(camera.hfov_deg / 2.0)))


def sightings(camera: Camera, passes: Passes, ground: PlaneGround, xy_m: FloatArray) -> Sightings:
    """Return every pair of a place on the ground, of (n, 2), and a work leg that has it in the picture.

    Places over unknown ground are never seen. Over terrain the places are taken square by square, so that
    memory does not grow with their number.
    """
    if ground.flat or len(xy_m) == 0:
        return _of_square(camera, passes, ground, xy_m)
    east, north = np.floor((xy_m - xy_m.min(axis=0)) / SQUARE_M).astype(np.int64).T
    square = east * (north.max() + 1) + north
    order = np.argsort(square, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(square[order])) + 1)
    parts = [(g, _of_square(camera, passes, ground, xy_m[g])) for g in groups]
    own = [dataclasses.replace(part, point=g[part.point]) for g, part in parts]
    columns = {f.name: np.concatenate([getattr(p, f.name) for p in own]) for f in dataclasses.fields(Sightings)}
    return Sightings(**columns)


def _of_square(camera: Camera, passes: Passes, ground: PlaneGround, xy_m: FloatArray) -> Sightings:
    amsl = ground.at(xy_m) if ground.flat or len(xy_m) == 0 else _window(ground, xy_m).at(xy_m[:, 0], xy_m[:, 1])
    legs, strips = _reaching(camera, passes, xy_m, amsl)
    strip, point = _held(strips, xy_m)
    leg = legs[strip]
    step, length = (passes.end_m - passes.start_m)[leg], passes.length_m[leg]
    along = np.einsum("ij,ij->i", xy_m[point] - passes.start_m[leg], step) / np.maximum(length, 1e-9)
    share = np.clip(along / np.maximum(length, 1e-9), 0.0, 1.0)
    eye = passes.start_m[leg] + share[:, None] * step
    eye_amsl = passes.alt_amsl_m[leg, 0] + share * np.diff(passes.alt_amsl_m, axis=1)[leg, 0]
    inside, half = _in_picture(camera, passes, leg, xy_m[point] - eye, eye_amsl - amsl[point])
    seconds = np.diff(passes.t_s, axis=1)[leg, 0]
    found = Sightings(
        point=point, leg=leg,
        moment_s=passes.t_s[leg, 0] + share * seconds,
        dwell_s=_within_run(passes, leg, along, half) * seconds / np.maximum(length, 1e-9),
        hidden=np.zeros(len(leg), dtype=bool),
    ).take(inside)  # fmt: skip
    if ground.flat or len(found.point) == 0:
        return found
    eye, there = eye[inside], xy_m[found.point]
    land = _window(ground, np.concatenate([eye, there]))
    return dataclasses.replace(found, hidden=_hidden(land, eye, eye_amsl[inside], there, amsl[found.point]))


def _window(ground: PlaneGround, xy_m: FloatArray) -> TerrainWindow:
    (west, south), (east, north) = xy_m.min(axis=0), xy_m.max(axis=0)
    return TerrainWindow.about(ground, (float(west), float(south), float(east), float(north)), SAMPLE_M)


def _reaching(
    camera: Camera, passes: Passes, xy_m: FloatArray, amsl_m: FloatArray
) -> tuple[IntArray, NDArray[np.object_]]:
    """Return the legs that may see some of the points, and the strips that hold all they may see."""
    known = amsl_m[np.isfinite(amsl_m)]
    if len(known) == 0 or len(passes) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=object)
    above = np.maximum(passes.alt_amsl_m.max(axis=1) - known.min(), 1.0)
    below = np.maximum(passes.alt_amsl_m.min(axis=1) - known.max(), 1.0)
    reach = (above / np.tan(np.radians(GRAZING_DEG)) + passes.length_m)[:, None]
    near = (passes.start_m > xy_m.min(axis=0) - reach) & (passes.start_m < xy_m.max(axis=0) + reach)
    legs = np.flatnonzero(near.all(axis=1))
    return legs, passes.take(legs).strips(camera, below[legs], above[legs])


def _held(strips: NDArray[np.object_], xy_m: FloatArray) -> tuple[IntArray, IntArray]:
    """Return every pair of a strip and a place in it or on its edge, of (n, 2).

    Places are looked up by the coordinate that they are spread along most; a geometry of each, as an index of the
    library needs, takes longer to make than all of this.
    """
    if not len(strips) or not len(xy_m):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    long = int(np.argmax(np.ptp(xy_m, axis=0)))
    order = np.argsort(xy_m[:, long], kind="stable")
    bounds = shapely.bounds(strips)
    first = np.searchsorted(xy_m[order, long], bounds[:, long], side="left")
    count = np.searchsorted(xy_m[order, long], bounds[:, long + 2], side="right") - first
    shapely.prepare(strips)
    found = []
    for some in np.split(np.arange(len(strips)), np.flatnonzero(np.diff(np.cumsum(count) // AT_ONCE)) + 1):
        strip = np.repeat(some, count[some])
        place = np.arange(len(strip)) + np.repeat(first[some] - np.cumsum(count[some]) + count[some], count[some])
        point = order[place]
        across = xy_m[point, 1 - long]
        near = (across >= bounds[strip, 1 - long]) & (across <= bounds[strip, 3 - long])
        strip, point = strip[near], point[near]
        inside = shapely.intersects_xy(strips[strip], xy_m[point, 0], xy_m[point, 1])
        found.append((strip[inside], point[inside]))
    return np.concatenate([s for s, _ in found]), np.concatenate([p for _, p in found])


def _in_picture(
    camera: Camera, passes: Passes, leg: IntArray, away_m: FloatArray, height_m: FloatArray
) -> tuple[BoolArray, FloatArray]:
    """Tell which points lie in the picture of a camera held as the leg says, and half the picture's width there."""
    yaw, depression = passes.yaw_rad[leg], passes.depression_deg[leg]
    ahead = away_m[:, 0] * np.sin(yaw) + away_m[:, 1] * np.cos(yaw)
    aside = away_m[:, 0] * np.cos(yaw) - away_m[:, 1] * np.sin(yaw)
    below = np.degrees(np.arctan2(height_m, ahead))
    half = half_width_m(camera, np.hypot(height_m, ahead), below - depression)
    tall = np.abs(below - depression) <= camera.full_vfov_deg / 2.0 + ROUNDING_DEG
    inside = (height_m > 0.0) & tall & (below >= GRAZING_DEG - ROUNDING_DEG) & (np.abs(aside) <= half)
    return np.asarray(inside), half


def _within_run(passes: Passes, leg: IntArray, along_m: FloatArray, half_m: FloatArray) -> FloatArray:
    """Return the metres of flight during which points are in the picture: not before a run starts nor after it ends."""
    length = passes.length_m
    before = np.cumsum(length) - length
    first = np.flatnonzero(np.diff(passes.run, prepend=-1))
    run_start, run_end = before[first], np.append(before[first][1:], length.sum())
    place = before[leg] + along_m
    run = passes.run[leg]
    end, start = np.minimum(place + half_m, run_end[run]), np.maximum(place - half_m, run_start[run])
    return np.asarray(np.maximum(end - start, 0.0))


def _hidden(
    land: TerrainWindow, eye_m: FloatArray, eye_amsl_m: FloatArray, xy_m: FloatArray, amsl_m: FloatArray
) -> BoolArray:
    """Tell in front of which points a hill stands; only the part of a ray below the highest ground can meet one."""
    top = float(np.nanmax(land.height_m))
    drop = np.maximum(eye_amsl_m - amsl_m, 1e-6)
    clear = np.clip((eye_amsl_m - top) / drop, 0.0, 1.0)
    metres = (1.0 - clear) * np.hypot(*(xy_m - eye_m).T)
    hidden = np.zeros(len(eye_m), dtype=bool)

    def above(x_m: FloatArray, y_m: FloatArray, amsl_m: FloatArray, _: FloatArray) -> FloatArray:
        return land.at(x_m, y_m) - amsl_m

    order = np.argsort(metres, kind="stable")
    order = order[metres[order] > 0.0]
    for rows in np.array_split(order, max(int(np.ceil(len(order) / AT_ONCE)), 1)):
        if len(rows) == 0:
            continue
        here = (*eye_m[rows].T, eye_amsl_m[rows])
        there = (*xy_m[rows].T, eye_amsl_m[rows] - drop[rows])
        stands_m = stands_above_m(above, here, there, count=steps(metres[rows]), part=(clear[rows], 1.0))
        hidden[rows] = stands_m > HIDDEN_M
    return hidden
