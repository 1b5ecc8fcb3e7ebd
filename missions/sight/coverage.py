"""What of the corridor a plan sees, and what it does not, why and where: on the terrain, at a stated resolution.

Over flat ground the strips the cameras sweep are exact polygons. Over terrain the corridor is cut into
square cells, each judged by its middle (`missions.sight.sightings`). Gaps are told apart cell by cell
on either.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.sight.cells import tiles_of
from missions.sight.optics import near_far_m
from missions.sight.sightings import Passes, sightings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.airspace.situation import Situation
    from missions.airspace.terrain_profile import PlaneGround
    from missions.briefs.brief import Brief
    from missions.plan import Sortie
    from missions.sight.cells import Tile

    FloatArray = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]
    Codes = NDArray[np.uint8]

FINEST_M: Final = 10.0
"""Cells are never smaller: a third of the posts of common terrain models."""
MOST_CELLS: Final = 2_000_000
"""More ground than this many of the finest cells is judged in larger ones."""
MOST_FLAT_CELLS: Final = 200_000
"""The same where cells only tell gaps apart."""


class Unseen(enum.StrEnum):
    """Why ground is not seen."""

    HIDDEN = "hidden by terrain"
    STANDOFF = "too far behind the standoff"
    SWATH = "out of swath"
    NOT_FLOWN = "not flown"
    NO_TERRAIN = "no terrain"


CODES: Final = {reason: code for code, reason in enumerate(Unseen, start=1)}
UNEXPLAINED: Final = 255
"""A cell nobody sees, before the reason is worked out; 0 is a cell that is seen, or outside."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gap:
    """A piece of the corridor nobody sees, in the plane, and why."""

    reason: Unseen
    polygon: BaseGeometry
    area_m2: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coverage:
    """The watched ground, the part of it each sortie's cameras see, and the gaps, largest first."""

    watched: BaseGeometry
    """The ground that was to be seen; empty where none was."""
    watched_m2: float
    covered_pct: float
    resolution_m: float
    """Side of the cells gaps (and over terrain everything) are judged by."""
    seen: tuple[BaseGeometry, ...]
    gaps: tuple[Gap, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Judged:
    """A tile whose cells carry a code, and the cells each sortie sees."""

    tile: Tile
    codes: Codes
    by: dict[int, Codes]


def cover(situation: Situation, ground_asked: BaseGeometry, sorties: Sequence[Sortie]) -> Coverage:
    """Work out what of the ground that is to be seen, in the plane, the work legs of some sorties see."""
    brief, ground = situation.brief, situation.ground
    passes = Passes.of(situation.frame, sorties)
    watched = float(ground_asked.area)
    if watched == 0.0:
        return _seen_alone(brief, passes, len(sorties))
    side = max(FINEST_M, float(np.sqrt(watched / (MOST_FLAT_CELLS if ground.flat else MOST_CELLS))))
    if ground.flat:
        strips = flat_strips(brief, passes)
        seen = [union_of(strips[passes.sortie == k]) for k in range(len(sorties))]
        everything = shapely.intersection(union_of(seen), ground_asked)
        left = shapely.difference(ground_asked, everything)
        share = float(everything.area) / watched
        judged = [_Judged(tile=t, codes=_codes(t.inside), by={}) for t in tiles_of(left, side)]
    else:
        judged = [_judge(brief, ground, passes, tile) for tile in tiles_of(ground_asked, side)]
        seen = [
            union_of([p for j in judged if k in j.by for _, p in j.tile.polygons(j.by[k])]) for k in range(len(sorties))
        ]
        cells = sum(int(j.tile.inside.sum()) for j in judged)
        share = 1.0 - sum(int(np.count_nonzero(j.codes)) for j in judged) / max(cells, 1)
    return Coverage(
        watched=ground_asked, watched_m2=watched, covered_pct=100.0 * share, resolution_m=side, seen=tuple(seen),
        gaps=_gaps(situation, passes, judged),
    )  # fmt: skip


def _seen_alone(brief: Brief, passes: Passes, count: int) -> Coverage:
    """Return what is seen, over ground as flat as planned for, where nothing is asked to be."""
    strips = flat_strips(brief, passes)
    seen = tuple(union_of(strips[passes.sortie == k]) for k in range(count))
    return Coverage(
        watched=shapely.Polygon(), watched_m2=0.0, covered_pct=float("nan"), resolution_m=FINEST_M, seen=seen, gaps=()
    )


def union_of(parts: Sequence[BaseGeometry] | NDArray[np.object_]) -> BaseGeometry:
    """Return the union of any number of geometries, none included."""
    return shapely.union_all(np.asarray(parts, dtype=object)) if len(parts) else shapely.Polygon()


def covered_pct(asked: BaseGeometry, seen: Sequence[BaseGeometry]) -> float:
    """Return how much of some ground footprints cover, percent."""
    whole = float(asked.area)
    return 100.0 * float(shapely.intersection(union_of(seen), asked).area) / whole if whole else 0.0


def flat_strips(brief: Brief, passes: Passes) -> NDArray[np.object_]:
    """Return the ground each work leg's camera sweeps over flat ground."""
    height = np.full(len(passes), brief.flight.alt_agl_m)
    return passes.strips(brief.camera, height, height)


def _codes(unseen: BoolArray) -> Codes:
    return np.where(unseen, np.uint8(UNEXPLAINED), np.uint8(0))


def _judge(brief: Brief, ground: PlaneGround, passes: Passes, tile: Tile) -> _Judged:
    """Judge the cells of a tile over terrain."""
    middles = tile.middles_m(tile.inside)
    found = sightings(brief.camera, passes, ground, middles)
    code = np.full(len(middles), UNEXPLAINED, dtype=np.uint8)
    code[found.point[found.hidden]] = CODES[Unseen.HIDDEN]
    clear = found.take(~found.hidden)
    code[clear.point] = 0
    sortie = passes.sortie[clear.leg]
    by = {int(k): _marked(tile, clear.point[sortie == k]) for k in np.unique(sortie)}
    codes = np.zeros(tile.inside.shape, dtype=np.uint8)
    codes[tile.inside] = code
    return _Judged(tile=tile, codes=codes, by=by)


def _marked(tile: Tile, cells: NDArray[np.int64]) -> Codes:
    """Return a tile's cells with 1 in some of those inside, by their number among them."""
    chosen = np.zeros(int(tile.inside.sum()), dtype=np.uint8)
    chosen[cells] = 1
    marked = np.zeros(tile.inside.shape, dtype=np.uint8)
    marked[tile.inside] = chosen
    return marked


def _gaps(situation: Situation, passes: Passes, judged: Sequence[_Judged]) -> tuple[Gap, ...]:
    """Give every cell nobody sees its reason, and join those of one reason."""
    middles = [j.tile.middles_m(j.codes == UNEXPLAINED) for j in judged]
    places = np.concatenate([np.zeros((0, 2)), *middles])
    reasons = _explained(situation, passes, places)
    if not situation.ground.flat:
        reasons[np.isnan(situation.ground.at(places))] = CODES[Unseen.NO_TERRAIN]
    ends = np.cumsum([0, *(len(m) for m in middles)])
    for j, start, end in zip(judged, ends[:-1], ends[1:], strict=True):
        j.codes[j.codes == UNEXPLAINED] = reasons[start:end]
    outlines = [outline for j in judged for outline in j.tile.polygons(j.codes)]
    found = []
    for reason, code in CODES.items():
        parts = np.asarray(shapely.get_parts(union_of([polygon for its, polygon in outlines if its == code])))
        areas = shapely.area(parts).tolist()
        found += [Gap(reason=reason, polygon=p, area_m2=area) for p, area in zip(parts, areas, strict=True) if area > 0]
    corners = np.round(shapely.bounds(np.array([gap.polygon for gap in found], dtype=object)), 1).reshape(-1, 4)
    order = np.lexsort((*corners.T[::-1], [-round(gap.area_m2, 1) for gap in found]))
    return tuple(found[k] for k in order.tolist())


def _explained(situation: Situation, passes: Passes, xy_m: FloatArray) -> Codes:
    """Return why no camera has some places in its picture.

    Not flown: beyond the end of the run of work legs nearest to it. Behind the standoff: nearer to
    the border than any aircraft may fly, and farther from the nearest leg than the middle of what it
    sees. All else lies out of the swath.
    """
    reason = np.full(len(xy_m), CODES[Unseen.NOT_FLOWN], dtype=np.uint8)
    if len(passes) == 0 or len(xy_m) == 0:
        return reason
    points = np.asarray(shapely.points(xy_m))
    found, distance = shapely.STRtree(passes.lines).query_nearest(points, all_matches=False, return_distance=True)
    order = np.argsort(found[0], kind="stable")
    leg, distance = found[1][order], distance[order]
    brief, corridor = situation.brief, situation.corridor
    near, far = near_far_m(brief.camera, passes.depression_deg[leg], brief.flight.alt_agl_m)
    abeam = _beyond_an_end_m(passes, leg, xy_m) <= far * np.tan(np.radians(brief.camera.hfov_deg / 2.0))
    reason[abeam] = CODES[Unseen.SWATH]
    distant = np.flatnonzero(abeam & (distance > (near + far) / 2.0))
    behind = corridor.guarded.distance_m(points[distant]) <= corridor.kept_m
    reason[distant[behind]] = CODES[Unseen.STANDOFF]
    return reason


def _beyond_an_end_m(passes: Passes, leg: NDArray[np.int64], xy_m: FloatArray) -> FloatArray:
    """Return how far places lie past the end of a run of work legs, along its first or last leg; 0 beside it."""
    starts = np.diff(passes.run, prepend=-1) != 0
    ends = np.append(starts[1:], True)
    length = np.maximum(passes.length_m, 1e-9)[leg]
    step = (passes.end_m - passes.start_m)[leg]
    along = np.einsum("ij,ij->i", xy_m - passes.start_m[leg], step) / length
    return np.asarray(
        np.where(starts[leg], np.maximum(-along, 0.0), 0.0) + np.where(ends[leg], np.maximum(along - length, 0.0), 0.0)
    )
