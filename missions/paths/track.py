"""A sortie's way over the ground: lanes, and the turns between them of an aircraft that cannot stop."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.paths.lanes import runs
from missions.paths.turns import byway, joined, rounded
from missions.plan import LegKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from missions.airspace.routing import Router
    from missions.paths.landing import Approach
    from missions.paths.lanes import LanePiece
    from missions.sight.pointing import Pointing

    FloatArray = NDArray[np.float64]

RUN_RADII: Final = 6.0
"""How far along the border a lane may be followed beyond its piece to find room for a turn, radii."""
LEAVES: Final = (0.0, 1.0, 2.0, 4.0, -1.0, -2.0)
"""Where a lane is left or joined, tried in this order: radii beyond the end of its piece, then before it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """A path before heights: (n, 2) corners, and for each of the n - 1 legs its kind and the lane's pointing."""

    xy_m: FloatArray
    kinds: tuple[LegKind, ...]
    pointings: tuple[Pointing | None, ...]
    approach: Approach | None = None
    """How the aircraft lands after the last corner; None: straight down from it."""


def append_line(
    xy: list[FloatArray],
    kinds: list[LegKind],
    pointings: list[Pointing | None],
    line: FloatArray,
    kind: LegKind,
    pointing: Pointing | None,
) -> None:
    """Add a line that starts where the path ends, leaving out steps of no length."""
    points = np.concatenate([xy[-1][-1:], line])
    moved = np.hypot(*np.diff(points, axis=0).T) > 0.05
    if not moved.any():
        return
    xy.append(points[1:][moved])
    kinds += [kind] * int(moved.sum())
    pointings += [pointing] * int(moved.sum())


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Pass:
    """A lane as an aircraft with a turn radius flies it: its curve, and where on it the watching begins and ends."""

    line: shapely.LineString
    begin_m: float
    end_m: float
    pointing: Pointing | None

    def at(self, place_m: float) -> FloatArray:
        """Return the point at a place along the curve."""
        return np.asarray(shapely.get_coordinates(shapely.line_interpolate_point(self.line, place_m))[0])

    def between(self, start_m: float, stop_m: float) -> FloatArray:
        """Return the curve between two places along it, a single point where the second is not behind the first."""
        if stop_m <= start_m:
            return self.at(start_m)[None, :]
        xy = shapely.get_coordinates(self.line)
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
        inner = (along > start_m + 0.05) & (along < stop_m - 0.05)
        ends = shapely.get_coordinates(shapely.line_interpolate_point(self.line, [start_m, stop_m]))
        return np.concatenate([ends[:1], xy[inner], ends[1:]])

    def leaves(self, radius_m: float, *, end: bool) -> Iterator[float]:
        """Go over the places the lane may be left at (or joined at): at its end, beyond it, at last before it."""
        most = 0.45 * (self.end_m - self.begin_m)
        for step in LEAVES:
            place = self.end_m + step * radius_m if end else self.begin_m - step * radius_m
            if 0.0 <= place <= self.line.length and (step >= 0.0 or -step * radius_m <= most):
                yield place


def turning_track(tour: Sequence[LanePiece], approach: Approach, radius_m: float, router: Router) -> Track | None:
    """Connect lanes for an aircraft that turns with a radius: bends rounded, lanes joined by Dubins paths.

    A lane that cannot be flown with the radius, or not be reached or left, is left out; None where none is left.
    """
    passes = [p for piece in tour if (p := _pass(piece, radius_m, router)) is not None]
    while passes:
        begin, end = _unwatched(approach.departure.exit_m), _unwatched(approach.entry_m)
        found = _connected([begin, *passes, end], radius_m, router)
        if isinstance(found, Track):
            return dataclasses.replace(found, approach=approach)
        del passes[min(max(found - 1, 0), len(passes) - 1)]
    return None


def _unwatched(xy_m: FloatArray) -> _Pass:
    """Return a line that is only left with its heading (the launch) or entered with it (the approach)."""
    line = shapely.LineString(xy_m)
    return _Pass(line=line, begin_m=0.0, end_m=line.length, pointing=None)


def _pass(piece: LanePiece, radius_m: float, router: Router) -> _Pass | None:
    run_in, run_out = runs(piece, RUN_RADII * radius_m)
    for before, after in ((run_in[:-1], run_out[1:]), (run_in[:0], run_out[:0])):
        curve = rounded(np.concatenate([before, piece.xy_m, after]), radius_m, router)
        if curve is not None:
            line = shapely.LineString(curve)
            begin, end = (
                float(m) for m in np.asarray(shapely.line_locate_point(line, shapely.points(piece.xy_m[[0, -1]])))
            )
            return _Pass(line=line, begin_m=begin, end_m=end, pointing=piece.pointing) if end > begin else None
    return None


def _connected(passes: Sequence[_Pass], radius_m: float, router: Router) -> Track | int:
    """Return the track along the passes in order, or the number of one that cannot be reached or left."""
    xy: list[FloatArray] = [shapely.get_coordinates(passes[0].line)[-1:]]
    kinds: list[LegKind] = []
    pointings: list[Pointing | None] = []
    joined_m = passes[0].begin_m
    last = len(passes) - 1
    for k, (this, following) in enumerate(itertools.pairwise(passes)):
        link = _link(this, joined_m, following, radius_m, router)
        if link is None:
            return k if k + 1 == last else k + 1
        kind = LegKind.TRANSIT if k == 0 else LegKind.RETURN if k + 1 == last else LegKind.TURN
        if k > 0:
            append_line(xy, kinds, pointings, this.between(joined_m, this.begin_m), LegKind.TURN, None)
            watched = max(joined_m, this.begin_m), min(link.leave_m, this.end_m)
            append_line(xy, kinds, pointings, this.between(*watched), LegKind.WORK, this.pointing)
            if link.leave_m > this.end_m:
                append_line(xy, kinds, pointings, this.between(this.end_m, link.leave_m), kind, None)
        append_line(xy, kinds, pointings, link.xy_m, kind, None)
        joined_m = link.join_m
    return Track(xy_m=np.concatenate(xy), kinds=tuple(kinds), pointings=tuple(pointings))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Link:
    """The way from one pass to the next: where the one is left, where the other is joined, and the curve between."""

    leave_m: float
    join_m: float
    xy_m: FloatArray


def _link(this: _Pass, joined_m: float, following: _Pass, radius_m: float, router: Router) -> _Link | None:
    leaves = [a for a in this.leaves(radius_m, end=True) if a > joined_m]
    pairs = [(m + n, a, b) for m, a in enumerate(leaves) for n, b in enumerate(following.leaves(radius_m, end=False))]
    for air, way, (_, a, b) in itertools.product(router.airs, (joined, byway), sorted(pairs)):
        found = way(this.between(joined_m, a), following.between(b, following.end_m), radius_m, air)
        if found is not None:
            return _Link(leave_m=a, join_m=b, xy_m=found)
    return None
