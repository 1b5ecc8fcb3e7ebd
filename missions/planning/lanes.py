"""Lanes along a border: at which distances to fly, which way to look, and the curves themselves."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from shapely import LineString

from missions.airspace.corridor import buffer_outside, end_caps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor
    from missions.briefs.brief import Brief, Camera

    FloatArray = NDArray[np.float64]

FLATTEN_M: Final = 4.0
"""How far a lane may be cut across its bends to save waypoints; kept on top of the standoff."""
SHORTEST_M: Final = 30.0
"""Shorter leftovers of a lane are not worth a turn."""


class Look(enum.StrEnum):
    """Where the camera points on a lane, seen from the aircraft."""

    OUT = "out"
    """Across, towards the border."""
    IN = "in"
    """Away from the border, over our own ground."""
    DOWN = "down"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What the camera sees beside the track over flat ground, metres from the ground track."""

    near_m: float
    far_m: float

    @property
    def swath_m(self) -> float:
        """Width of the strip seen."""
        return self.far_m - self.near_m


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One lane: its distance from the border, the way the camera looks, and its curves."""

    index: int
    offset_m: float
    look: Look
    pieces: tuple[LanePiece, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LanePiece:
    """A stretch of lane flown without a break, directed along the border.

    `xy_m` is (n, 2) in the plane and `station_m` (n,) the place along the border of each
    vertex's nearest border point, always rising.
    """

    lane: int
    chain: int
    look: Look
    xy_m: FloatArray
    station_m: FloatArray


GRAZING_DEG: Final = 5.0
"""Rays closer to the horizon than this see nothing useful (slant grows past 11 times the height)."""


def sight(camera: Camera, alt_agl_m: float) -> Sight:
    """Return the strip beside the track a camera held across it sees from a height above ground."""
    half = camera.full_vfov_deg / 2.0
    steep = min(camera.depression_deg + half, 179.0)
    shallow = max(camera.depression_deg - half, GRAZING_DEG)
    return Sight(
        near_m=float(alt_agl_m / np.tan(np.radians(steep))), far_m=float(alt_agl_m / np.tan(np.radians(shallow)))
    )


def lane_offsets(brief: Brief, view: Sight, nearest_m: float, stretch: float) -> list[tuple[float, Look]]:
    """Choose lane distances from the border and looks so that the strips seen close the corridor.

    Walking from the border inwards, each lane is put where its strip just meets the ground
    already seen (less the overlap): looking out while that lane lies in the corridor, else
    looking in from a lane nearer to the border, else looking out from just behind the corridor.
    With `corridor.lanes` given, that many lanes are spread evenly and all look out.
    """
    depth = brief.corridor.depth_m * stretch
    if brief.corridor.lanes is not None:
        count = brief.corridor.lanes
        return [(nearest_m + k * (depth - nearest_m) / max(count - 1, 1), Look.OUT) for k in range(count)]
    overlap = view.swath_m * brief.corridor.overlap_pct / 100.0
    seen = brief.corridor.from_m
    lanes: list[tuple[float, Look]] = []
    while seen < depth - 1.0 and len(lanes) < MAX_LANES:
        lap = overlap if lanes else 0.0
        outward = max(nearest_m, seen + view.far_m - lap)
        inward = seen - view.near_m - lap
        if outward > depth and inward >= nearest_m:
            lanes.append((inward, Look.IN))
            seen = inward + view.far_m
        else:
            lanes.append((min(outward, max(depth + view.near_m, nearest_m)), Look.OUT))
            seen = lanes[-1][0] - view.near_m
            if outward >= depth + view.near_m:
                break
    return lanes


MAX_LANES: Final = 50
"""As many lanes as a brief may ask for."""


def build_lanes(brief: Brief, corridor: Corridor) -> tuple[Lane, ...]:
    """Lay the lanes of a brief: offset curves that survive hairpins, enclaves and self-approach.

    A lane is the edge of the set of points nearer than its distance to any part of the border
    (so it never comes nearer to another stretch of it), inside the free air, without the
    half turns about the border's open ends.
    """
    view = sight(brief.camera, brief.flight.alt_agl_m)
    nearest = corridor.kept_m + FLATTEN_M + 0.1
    lanes = []
    for index, (offset, look) in enumerate(lane_offsets(brief, view, nearest, corridor.stretch)):
        curves = lane_curves(corridor, offset)
        pieces = tuple(_piece(index, look, curve, corridor) for curve in curves)
        lanes.append(Lane(index=index, offset_m=offset, look=look, pieces=pieces))
    return tuple(lanes)


def lane_curves(corridor: Corridor, offset_m: float) -> list[LineString]:
    """Return the curves at one distance from the border, in the free air over nobody, bends flattened."""
    near = buffer_outside(corridor.border, offset_m)
    edge = shapely.boundary(near).intersection(corridor.quiet)
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
    inside = np.atleast_1d(shapely.covered_by(flat, shapely.buffer(corridor.quiet, 1e-6)))
    kept = [f if ok else m for f, ok, m in zip(np.atleast_1d(flat), inside, merged, strict=True)]
    return sorted(kept, key=lambda c: tuple(np.round(c.coords[0], 3)))


def _piece(lane: int, look: Look, curve: LineString, corridor: Corridor) -> LanePiece:
    xy = shapely.get_coordinates(curve)
    place = corridor.along.nearest(xy)
    if curve.is_closed:
        start = int(np.argmin(place.station_m[:-1]))
        xy = np.concatenate([xy[start:-1], xy[: start + 1]])
        place = corridor.along.nearest(xy)
    station = place.station_m
    if np.median(np.diff(station)) < 0.0 or (len(xy) == 2 and station[1] < station[0]):
        xy, station = xy[::-1], station[::-1]
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    rising = np.maximum.accumulate(station) + STATION_DRIFT * along
    return LanePiece(lane=lane, chain=int(np.median(place.part)), look=look, xy_m=xy, station_m=rising)


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
    return dataclasses.replace(piece, xy_m=xy[keep], station_m=station[keep])


def _at(piece: LanePiece, station_m: float) -> FloatArray:
    s = piece.station_m
    return np.array([np.interp(station_m, s, piece.xy_m[:, 0]), np.interp(station_m, s, piece.xy_m[:, 1])])
