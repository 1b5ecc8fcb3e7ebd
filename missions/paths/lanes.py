"""Lanes along a border: the curves to fly at the distances chosen for them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from scipy.optimize import isotonic_regression
from shapely import LineString

from missions.airspace.corridor import buffer_outside, end_caps
from missions.sight.views import lane_views

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor
    from missions.briefs.brief import Brief
    from missions.sight.pointing import LaneView, Pointing

    FloatArray = NDArray[np.float64]

FLATTEN_M: Final = 4.0
"""How far a lane may be cut across its bends to save waypoints; kept on top of the standoff."""
SAME_PLACE_M: Final = 1e-3
"""Corners of a curve nearer to each other than this are one: cutting curves out of others leaves some twice."""
SHORTEST_M: Final = 30.0
"""Shorter leftovers of a lane are not worth a turn."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One lane: its distance from the border, the way the camera pointings, and its curves."""

    index: int
    view: LaneView
    pieces: tuple[LanePiece, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LanePiece:
    """A stretch of lane flown without a break, directed along the border.

    `xy_m` is (n, 2) in the plane and `station_m` (n,) the place along the border of each
    vertex's nearest border point, always rising.
    """

    lane: int
    chain: int
    pointing: Pointing
    xy_m: FloatArray
    station_m: FloatArray
    whole: LanePiece | None = None
    """The piece this one was cut from: where the lane goes on before and behind it."""


def build_lanes(brief: Brief, corridor: Corridor) -> tuple[Lane, ...]:
    """Lay the lanes of a brief: offset curves that survive hairpins, enclaves and self-approach.

    A lane is the edge of the set of points nearer than its distance to any part of the border
    (so it never comes nearer to another stretch of it), inside the free air, without the
    half turns about the border's open ends.
    """
    lanes = []
    for index, view in enumerate(lane_views(brief, nearest_lane_m(corridor), corridor.stretch)):
        lanes.append(lane_of(index, view, lane_curves(corridor, view.offset_m), corridor))
    return tuple(lanes)


def lane_of(index: int, view: LaneView, curves: Sequence[LineString], corridor: Corridor) -> Lane:
    """Return a lane along curves, each directed along the border."""
    return Lane(index=index, view=view, pieces=tuple(_piece(index, view.pointing, curve, corridor) for curve in curves))


def nearest_lane_m(corridor: Corridor) -> float:
    """Return how near to the border a lane may lie, in the plane: its bends are cut by as much as `FLATTEN_M`."""
    return corridor.kept_m + FLATTEN_M + 0.1


def lane_curves(corridor: Corridor, offset_m: float) -> list[LineString]:
    """Return the curves at one distance from the border, in the free air over nobody, bends flattened."""
    near = buffer_outside(corridor.border, offset_m)
    edge = shapely.boundary(near).intersection(corridor.preferred)
    caps = end_caps(corridor.border, offset_m)
    if not caps.is_empty:
        edge = edge.difference(caps)
    lines = [p for p in shapely.get_parts(edge) if p.geom_type == "LineString" and p.length > 0.0]
    if not lines:
        return []
    merged = [
        m for m in shapely.get_parts(shapely.line_merge(shapely.multilinestrings(lines))) if m.length >= SHORTEST_M
    ]
    if not merged:
        return []
    flat = shapely.simplify(np.array(merged, dtype=object), FLATTEN_M)
    inside = np.atleast_1d(shapely.covered_by(flat, shapely.buffer(corridor.preferred, 1e-6)))
    kept = [f if ok else m for f, ok, m in zip(np.atleast_1d(flat), inside, merged, strict=True)]
    return sorted(kept, key=lambda c: tuple(np.round(c.coords[0], 3)))


def _piece(lane: int, pointing: Pointing, curve: LineString, corridor: Corridor) -> LanePiece:
    """Direct a curve along the border; its stations are the rising ones nearest to those of its vertices.

    The nearest border point jumps where the border bends back on itself and stands still about a
    vertex, so direction and stations come from a fit of the whole curve (isotonic regression).
    """
    curve = shapely.remove_repeated_points(curve, SAME_PLACE_M)
    xy = shapely.get_coordinates(curve)
    place = corridor.along.nearest(xy)
    if curve.is_closed:
        start = int(np.argmin(place.station_m[:-1]))
        xy = np.concatenate([xy[start:-1], xy[: start + 1]])
        place = corridor.along.nearest(xy)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    share = np.gradient(along) if len(along) > 2 else np.ones(len(along))
    fits = [isotonic_regression(place.station_m, weights=share, increasing=rising).x for rising in (True, False)]
    misfit = [float(share @ (fit - place.station_m) ** 2) for fit in fits]
    if misfit[1] < misfit[0]:
        xy, along, fits = xy[::-1], along[-1] - along[::-1], [fits[1][::-1]]
    station = fits[0] + STATION_DRIFT * along
    return LanePiece(lane=lane, chain=int(np.median(place.part)), pointing=pointing, xy_m=xy, station_m=station)


STATION_DRIFT: Final = 1e-4
"""Stations grow by this per metre of lane, so that where a lane swings back each point still has its own."""


def cut(piece: LanePiece, start_m: float, end_m: float) -> LanePiece | None:
    """Return the part of a piece between two stations, or None where there is nothing of it."""
    s = piece.station_m
    if end_m <= s[0] or start_m >= s[-1]:
        return None
    low, high = max(start_m, float(s[0])), min(end_m, float(s[-1]))
    inner = (s > low) & (s < high)
    first, last = _at(piece, low), _at(piece, high)
    xy = np.concatenate([first[None, :], piece.xy_m[inner], last[None, :]])
    station = np.concatenate([[low], s[inner], [high]])
    keep = np.append(True, np.hypot(*np.diff(xy, axis=0).T) > 0.05)
    if keep.sum() < 2:
        return None
    return dataclasses.replace(piece, xy_m=xy[keep], station_m=station[keep], whole=piece.whole or piece)


def turned_round(piece: LanePiece) -> LanePiece:
    """Return a piece to be flown the other way: its stations fall."""
    whole = None if piece.whole is None else turned_round(piece.whole)
    return dataclasses.replace(piece, xy_m=piece.xy_m[::-1], station_m=piece.station_m[::-1], whole=whole)


def runs(piece: LanePiece, length_m: float) -> tuple[FloatArray, FloatArray]:
    """Return where a piece's lane comes from and where it goes on to, (n, 2) each, up to a length of border away.

    Both begin or end with the piece's own end and are that single point where the lane ends with the piece.
    """
    if piece.station_m[-1] < piece.station_m[0]:
        ahead, back = runs(turned_round(piece), length_m)
        return back[::-1], ahead[::-1]
    whole = piece.whole or piece
    first, last = float(piece.station_m[0]), float(piece.station_m[-1])
    s = whole.station_m
    low, high = max(first - length_m, float(s[0])), min(last + length_m, float(s[-1]))
    before, after = (s > low) & (s < first), (s > last) & (s < high)
    run_in = [_at(whole, low)[None, :]] if low < first else []
    run_out = [_at(whole, high)[None, :]] if high > last else []
    return (
        np.concatenate([*run_in, whole.xy_m[before], piece.xy_m[:1]]),
        np.concatenate([piece.xy_m[-1:], whole.xy_m[after], *run_out]),
    )


def _at(piece: LanePiece, station_m: float) -> FloatArray:
    s = piece.station_m
    return np.array([np.interp(station_m, s, piece.xy_m[:, 0]), np.interp(station_m, s, piece.xy_m[:, 1])])
