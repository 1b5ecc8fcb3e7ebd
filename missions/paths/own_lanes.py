"""Lanes of their own for stretches the lanes of the whole border leave unseen: salients, enclaves, narrow land.

The lanes of a patrol lie at distances chosen for a straight border. Where our land is narrow there is no ground at
such a distance from it, so that nobody flies there. Such stretches get lanes at distances, sides and depressions chosen
for what is left, one lane after the other, the one that sees most more first.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
import shapely.ops

from missions.paths.lanes import SHORTEST_M, Lane, lane_curves, lane_of, nearest_lane_m
from missions.sight.coverage import union_of
from missions.sight.optics import near_far_m
from missions.sight.pointing import Facing, LaneView, Pointing
from missions.sight.sightings import swept
from missions.sight.views import allowed_deg

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.airspace.corridor import Corridor
    from missions.briefs.brief import Brief

    FloatArray = NDArray[np.float64]

WORTH_M2: Final = 20_000.0
"""Unseen ground smaller than this (two hectares) is not worth a lane."""
THIN_M: Final = 15.0
"""Slivers of unseen ground thinner than twice this are left."""
OFFSETS: Final = 6
HOLDS: Final = 4
MOST: Final = 4
"""Lanes put in besides; each is one more view of the plan."""
PIECE_M: Final = 60.0
USEFUL: Final = 0.15
"""A piece of lane is flown where this share of what it sees is seen from nowhere else."""
CLOSE_M: Final = 250.0
"""Useful pieces nearer than this on one curve are flown as one."""
LEAST_WIDTH_M: Final = 40.0
"""A lane sees at least this much more ground for each metre flown."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Curve:
    """A curve that may be flown, and those of its legs, with the ground each sweeps, that see unseen ground at all."""

    line: shapely.LineString
    along_m: FloatArray
    """Where its legs begin and end, (n + 1,)."""
    legs: NDArray[np.int64]
    strips: NDArray[np.object_]

    def useful(self, unseen: BaseGeometry) -> tuple[list[shapely.LineString], list[BaseGeometry]]:
        """Return the stretches from which unseen ground is seen, and what is seen from them."""
        met = np.flatnonzero(shapely.intersects(unseen, self.strips))
        strips, along = self.strips[met], self.along_m
        share = shapely.area(shapely.intersection(strips, unseen)) / np.maximum(shapely.area(strips), 1.0)
        useful = self.legs[met[share >= USEFUL]]
        if not len(useful):
            return [], []
        runs = np.split(useful, np.flatnonzero(along[useful[1:]] - along[useful[:-1] + 1] > CLOSE_M) + 1)
        ends = [(float(along[run[0]]), float(along[run[-1] + 1])) for run in runs]
        kept = [(a, b) for a, b in ends if b - a >= SHORTEST_M]
        stretches = [shapely.ops.substring(self.line, a, b) for a, b in kept]
        lines = [line for line in stretches if isinstance(line, shapely.LineString)]
        begin, end = along[self.legs], along[self.legs + 1]
        inside = np.any([(a <= begin) & (end <= b) for a, b in kept], axis=0) if kept else np.zeros(0, dtype=bool)
        return lines, list(self.strips[np.flatnonzero(inside)])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Course:
    """A distance, side and depression that a lane may be flown at, and the curves there."""

    view: LaneView
    curves: tuple[_Curve, ...]

    def tried(self, unseen: BaseGeometry) -> _Tried | None:
        """Return the lane it makes for some unseen ground; None where it sees little of it for its length."""
        made = [curve.useful(unseen) for curve in self.curves]
        kept = tuple(line for lines, _ in made for line in lines)
        if not kept:
            return None
        seen = union_of([strip for _, strips in made for strip in strips]).intersection(unseen)
        if seen.area < max(WORTH_M2, LEAST_WIDTH_M * sum(line.length for line in kept)):
            return None
        return _Tried(view=self.view, curves=kept, seen=seen)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Tried:
    """A lane that could be put in: what it is flown along, and the unseen ground its camera sweeps."""

    view: LaneView
    curves: tuple[shapely.LineString, ...]
    seen: BaseGeometry


def own_lanes(brief: Brief, corridor: Corridor, lanes: Sequence[Lane]) -> tuple[Lane, ...]:
    """Return lanes for ground of the corridor that some lanes leave unseen, numbered on from them.

    A brief that says how many lanes it wants gets no others.
    """
    if brief.corridor.lanes is not None:
        return ()
    strips = [_strips(brief, corridor, piece.xy_m, lane.view.pointing) for lane in lanes for piece in lane.pieces]
    unseen = _worth(corridor.watched.difference(union_of(np.concatenate([np.array([], dtype=object), *strips]))))
    courses = [] if unseen.is_empty else list(_courses(brief, corridor, unseen))
    found: list[Lane] = []
    while len(found) < MOST and not unseen.is_empty:
        tried = [one for one in (course.tried(unseen) for course in courses) if one is not None]
        if not tried:
            break
        best = max(tried, key=lambda one: float(one.seen.area))
        found.append(lane_of(len(lanes) + len(found), best.view, best.curves, corridor))
        unseen = _worth(unseen.difference(best.seen))
    return tuple(found)


def _worth(unseen: BaseGeometry) -> BaseGeometry:
    """Return the parts of unseen ground that are wide and large enough for a lane."""
    opened = shapely.get_parts(shapely.buffer(unseen.buffer(-THIN_M), THIN_M))
    return union_of([part for part in opened if part.area >= WORTH_M2])


def _courses(brief: Brief, corridor: Corridor, unseen: BaseGeometry) -> Iterator[_Course]:
    """Go over the distances, sides and depressions worth trying, with the legs that see some of what is unseen."""
    nearest = nearest_lane_m(corridor)
    depth = max(brief.corridor.depth_m * corridor.stretch, nearest)
    able = allowed_deg(brief, brief.flight.alt_agl_m, nearest)
    if brief.camera.depression_deg is not None:
        able = np.array([brief.camera.depression_deg])
    held = np.unique(able[np.linspace(0, len(able) - 1, HOLDS).astype(int)])
    shapely.prepare(unseen)
    for offset in np.unique(np.linspace(nearest, depth, OFFSETS)):
        curves = lane_curves(corridor, float(offset))
        for facing, depression in itertools.product((Facing.OUT, Facing.IN), held.tolist()):
            pointing = Pointing(facing=facing, depression_deg=depression)
            far_m = float(near_far_m(brief.camera, np.array([depression]), brief.flight.alt_agl_m)[1][0])
            made = (_curve(brief, corridor, c, pointing, unseen) for c in curves if c.distance(unseen) < far_m)
            kept = tuple(curve for curve in made if len(curve.legs))
            if kept:
                yield _Course(view=LaneView(offset_m=float(offset), pointing=pointing), curves=kept)


def _curve(
    brief: Brief, corridor: Corridor, line: shapely.LineString, pointing: Pointing, unseen: BaseGeometry
) -> _Curve:
    xy = shapely.get_coordinates(shapely.segmentize(line, PIECE_M))
    strips = _strips(brief, corridor, xy, pointing)
    legs = np.flatnonzero(shapely.intersects(unseen, strips))
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    return _Curve(line=line, along_m=along, legs=legs, strips=strips[legs])


def _strips(brief: Brief, corridor: Corridor, xy_m: FloatArray, pointing: Pointing) -> NDArray[np.object_]:
    """Return the ground each leg of a line sees, were it flat."""
    start, end = xy_m[:-1], xy_m[1:]
    step, middle = end - start, (start + end) / 2.0
    out = corridor.along.nearest(middle).xy_m - middle
    right = np.where(step[:, 0] * out[:, 1] - step[:, 1] * out[:, 0] < 0.0, 1.0, -1.0)
    if pointing.facing is Facing.IN:
        right = -right
    yaw = np.arctan2(*step.T) + (0.0 if pointing.facing is Facing.DOWN else right * np.pi / 2.0)
    held = np.full(len(step), pointing.depression_deg)
    height = np.full(len(step), brief.flight.alt_agl_m)
    return swept(brief.camera, (start, end), yaw, held, (height, height))
