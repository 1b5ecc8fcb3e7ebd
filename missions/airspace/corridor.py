"""From a border line to the air we may use: own side, standoff, zones, keep-out at the ends.

All geometry is in the local plane (metres). The border may be in parts, with
gaps, enclaves and hairpins; which side is ours is decided face by face of the
plane it divides.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from shapely import LineString, MultiLineString, Polygon

from missions.airspace.corridor_chain import LITTLE_TURNED, Turned, chain_parts, check_simple, extend_ends
from missions.airspace.corridor_frame import LocalFrame
from missions.airspace.corridor_index import SegmentIndex
from missions.airspace.corridor_sides import divide
from missions.airspace.corridor_zones import avoided_plane, in_the_way, keep_in_plane, zone_plane
from missions.airspace.terrain_profile import PlaneGround
from missions.briefs.standoff import standoff_margin
from missions.errors import BriefError, PlanRefusedError
from missions.performance.energy import reach_m

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.airspace.terrain_profile import GroundHeights
    from missions.briefs.brief import Brief
    from missions.briefs.places import GeoLine
    from missions.briefs.standoff import StandoffMargin
    from missions.performance.wind import WindProfile

    FloatArray = NDArray[np.float64]

ROUNDING_M: Final = 0.5
"""Kept on top of the standoff: plane stretch over one leg, 1e-7 degree rounding, arc flattening."""
ROOM_M: Final = 1500.0
"""Room to pass zones and bends on the way to the corridor and beside it."""
SHORTEST_BORDER_M: Final = 50.0
"""A shorter border is a slip: no lane along it is worth a turn."""
DETOUR_M: Final = 10_000.0
"""How far beyond the ground that matters a way round avoided ground is looked for (some is drawn as a whole road)."""
FAR_M: Final = 1_000_000.0
"""Sites farther than this from the border are a mistake in the coordinates."""
MANY_VERTICES: Final = 20_000
DRAWN_M: Final = 2.5
"""A border with more vertices than that is thinned by up to this much, which is kept on top of the standoff."""
RUN: Final = 2000
"""Vertices of a border that are thinned at a time."""
ARC_SEGMENTS: Final = 8
"""Segments per quarter circle of a buffer; a chord then lies within 0.5 % inside its arc."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Corridor:
    """Everything spatial the planner works with, in the plane of `frame`.

    `kept_m` is the plane distance from the border the nominal path keeps: the
    standoff asked plus its margin, stretched by the plane's own error.
    """

    frame: LocalFrame
    border: MultiLineString
    """Border as drawn, parts merged and short gaps bridged: lanes run along it."""
    guard: BaseGeometry
    """Border with its long gaps closed and its open ends prolonged: nobody crosses it."""
    own: BaseGeometry
    free: BaseGeometry
    """Own side less the standoff and the zones, inside the keep-in area: every metre of every path lies in it."""
    preferred: BaseGeometry
    """Free air less the ground to avoid overflying: lanes lie in it, and ways wherever it leaves one."""
    zones: tuple[BaseGeometry, ...]
    barred: tuple[bool, ...]
    """Which zones stand in the way at the heights flown; the others are passed above or below."""
    keep_in: BaseGeometry | None
    """The ground no path leaves, as drawn."""
    avoided: tuple[BaseGeometry, ...]
    """Ground to avoid overflying, each with its clearance."""
    watched: BaseGeometry
    margin: StandoffMargin
    turned: Turned
    """What of the border was drawn against the rest and turned round."""
    kept_m: float
    stretch: float
    sites: FloatArray
    beyond_m: float
    """Length of border farther from every launch site than any aircraft of the brief can go."""
    along: SegmentIndex
    """The border's segments: stations of the plan run along them."""
    guarded: SegmentIndex
    """The guard's segments: the standoff is measured to them."""
    thinned_m: float = 0.0
    """How far the guard may lie from the border as drawn, where that has very many vertices."""

    def standoff_m(self, shapes: NDArray[np.object_]) -> FloatArray:
        """Return how near shapes of the plane come to the guarded border, true metres (never overstated)."""
        return np.asarray(self.guarded.distance_m(shapes) / self.stretch - self.thinned_m)

    def drawn_against(self, brief: Brief) -> bool:
        """Whether left or right was asked of a border a part of which is drawn the other way."""
        return brief.border.own_side.hand is not None and self.turned.share > LITTLE_TURNED


def build_corridor(brief: Brief, heights: GroundHeights | None = None, wind: WindProfile | None = None) -> Corridor:
    """Work out own side, standoff and free air of a brief.

    Parameters
    ----------
    heights
        The ground; without it every zone stands in the way whatever its floor and ceiling.
    wind
        The wind at the heights that can be flown; by default the brief's at all heights.

    Raises
    ------
    BriefError
        When the border crosses itself, has no length, or its sides contradict each other.
    PlanRefusedError
        When no air is left: corridor inside the standoff, or a zone that swallows it.
    """
    frame = _frame(brief)
    sites = frame.to_plane(np.array([s.lat_deg for s in brief.launch]), np.array([s.lon_deg for s in brief.launch]))
    parts = _plane_parts(brief.border.lines, frame)
    check_simple(parts, frame)
    chains, long_gaps, turned = chain_parts(parts, bridge_m=brief.border.bridge_gaps_m)
    _check_hand(brief, turned, frame)
    whole = MultiLineString(chains)
    border = _within_reach(whole, sites, brief)
    zones = tuple(zone_plane(z, frame) for z in brief.zone)
    drawn = tuple(avoided_plane(a, frame) for a in brief.avoid)
    rally = frame.to_plane(*np.array([(r.lat_deg, r.lon_deg) for r in brief.rally]).reshape(-1, 2).T)
    places = np.concatenate([sites, rally])
    area = _work_area(border, places, _side_point(brief, frame), zones, drawn, brief)
    rays = extend_ends([*chains, *long_gaps], area)
    margin = standoff_margin(brief, wind or brief.wind.profile)
    radius = float(np.hypot(*np.abs(np.array(area.bounds)).reshape(2, 2).max(axis=0)))
    stretch = frame.stretch(radius)
    thinned = DRAWN_M if _vertices(brief.border.lines) > MANY_VERTICES else 0.0
    kept = (brief.standoff.asked_m + margin.total_m + thinned) * stretch + ROUNDING_M
    _check_depth(brief, kept)
    near = area.buffer(2.0 * kept)
    guard = shapely.union_all([whole, *long_gaps, *rays]).intersection(near)
    own, edges = divide(brief.border.own_side, frame, area, whole.intersection(area), guard)
    guard = shapely.union_all([guard, edges])
    ground = None if heights is None else PlaneGround(frame=frame, heights=heights)
    barred = tuple(in_the_way(z, shape, brief, ground) for z, shape in zip(brief.zone, zones, strict=True))
    keep_in = None if brief.keep_in is None else keep_in_plane(brief.keep_in, frame)
    avoided = _avoided(drawn, brief, own, stretch)
    free = _free_air(_kept_in(own, keep_in, brief, stretch), guard, zones, barred, brief, kept)
    preferred = free.difference(shapely.union_all([a.buffer(ROUNDING_M) for a in avoided])) if avoided else free
    watched = _watched(border, own, brief, stretch)
    return Corridor(
        frame=frame, border=border, guard=guard, own=own, free=free, preferred=preferred, zones=zones, barred=barred,
        keep_in=keep_in, avoided=avoided, watched=watched, margin=margin, turned=turned, kept_m=kept, stretch=stretch,
        sites=sites,
        beyond_m=max(whole.length - border.length, 0.0),
        along=SegmentIndex(border), guarded=SegmentIndex(guard),
        thinned_m=thinned,
    )  # fmt: skip


def buffer_outside(geometry: BaseGeometry, distance_m: float) -> BaseGeometry:
    """Buffer so that no chord of the result lies nearer than `distance_m`."""
    chord = float(np.cos(np.pi / (4 * ARC_SEGMENTS)))
    return shapely.buffer(geometry, distance_m / chord, quad_segs=ARC_SEGMENTS)


def _frame(brief: Brief) -> LocalFrame:
    lat = np.concatenate([line.lat_deg for line in brief.border.lines])
    lon = np.concatenate([line.lon_deg for line in brief.border.lines])
    bad = ~(np.isfinite(lat) & np.isfinite(lon))
    if bad.any():
        raise BriefError(f"border: vertex {int(np.argmax(bad))} is not a number", vertex=int(np.argmax(bad)))
    return LocalFrame.about(np.array([s.lat_deg for s in brief.launch]), np.array([s.lon_deg for s in brief.launch]))


def _vertices(lines: tuple[GeoLine, ...]) -> int:
    return sum(len(line.lat_deg) for line in lines)


def _thinned(line: LineString) -> LineString:
    """Return a line of very many vertices with fewer, run by run: in one go it takes the square of their number.

    Runs thinned apart may come to cross where the line nearly touches itself; it is then thinned as a whole.
    """
    xy = shapely.get_coordinates(line)
    runs = [LineString(xy[k : k + RUN + 1]).simplify(DRAWN_M) for k in range(0, len(xy) - 1, RUN)]
    thin = LineString(np.concatenate([*(shapely.get_coordinates(r)[:-1] for r in runs), xy[-1:]]))
    return thin if thin.is_simple or not line.is_simple else LineString(line.simplify(DRAWN_M).coords)


def _plane_parts(lines: tuple[GeoLine, ...], frame: LocalFrame) -> list[LineString]:
    parts = []
    for line in lines:
        xy = frame.line_to_plane(line.lat_deg, line.lon_deg)
        keep = np.append(True, np.hypot(*np.diff(xy, axis=0).T) > 1e-6)
        if keep.sum() >= 2:
            parts.append(LineString(xy[keep]))
    if _vertices(lines) > MANY_VERTICES:
        parts = [_thinned(p) for p in parts]
    length = sum(p.length for p in parts)
    if length < SHORTEST_BORDER_M:
        raise BriefError(
            f"border: the line is {length:.1f} m long; give two or more points, {SHORTEST_BORDER_M:g} m or more apart",
            length_m=length,
        )
    return parts


def _within_reach(whole: MultiLineString, sites: FloatArray, brief: Brief) -> MultiLineString:
    """Return the border an aircraft could get to from some site at all."""
    far, label = max((reach_m(p.aircraft, p.wind.strongest_mps), p.label) for p in brief.performances)
    reach = far + brief.corridor.depth_m
    discs = shapely.union_all(shapely.buffer(shapely.points(sites), reach))
    near = whole.intersection(discs)
    lines = [p for p in shapely.get_parts(near) if p.geom_type == "LineString" and p.length > 1.0]
    if not lines:
        away = float(shapely.distance(shapely.multipoints(sites), whole))
        raise PlanRefusedError(
            f"every launch site is {away / 1000.0:.1f} km or more from the border and one battery of {label} "
            f"reaches {reach / 1000.0:.1f} km out and back; "
            + ("check that latitude and longitude are not swapped" if away > FAR_M else
               "move a site nearer, or take a larger battery"),
            rule="endurance", measured=away, limit=reach,
        )  # fmt: skip
    return MultiLineString(lines)


def _work_area(
    border: BaseGeometry,
    places: FloatArray,
    side_point: FloatArray,
    zones: tuple[BaseGeometry, ...],
    avoided: tuple[BaseGeometry, ...],
    brief: Brief,
) -> Polygon:
    """Return the ground that matters: about the border, the ways to the sites, and round what lies in the way."""
    reach = brief.corridor.depth_m + 2.0 * brief.standoff.asked_m + ROOM_M
    rough = shapely.simplify(border, ROOM_M / 10.0)
    ways = shapely.shortest_line(shapely.points(places), rough)
    parts = [shapely.buffer(rough, reach, quad_segs=2), *np.asarray(shapely.buffer(ways, ROOM_M, quad_segs=2))]
    parts += list(np.asarray(shapely.buffer(shapely.shortest_line(shapely.points(side_point), rough), 50.0)))
    known = shapely.union_all(parts)
    near = [
        z.envelope.buffer(ROOM_M + c.clearance_m) for z, c in zip(zones, brief.zone, strict=True) if z.intersects(known)
    ]
    far = known.buffer(DETOUR_M)
    for shape, spec in zip(avoided, brief.avoid, strict=True):
        beside = [p for p in shapely.get_parts(shape) if p.distance(known) <= spec.clearance_m]
        near += [p.envelope.buffer(ROOM_M + spec.clearance_m).intersection(far) for p in beside]
    whole = shapely.union_all([known, *near])
    pieces = [Polygon(p.exterior) for p in shapely.get_parts(whole)]
    if len(pieces) == 1:
        return pieces[0]
    home = shapely.get_coordinates(pieces[0].representative_point())[0]
    links = [LineString([home, shapely.get_coordinates(p.representative_point())[0]]).buffer(50.0) for p in pieces[1:]]
    joined = shapely.union_all([*pieces, *links])
    return Polygon(max(shapely.get_parts(joined), key=lambda p: p.area).exterior)


def _side_point(brief: Brief, frame: LocalFrame) -> FloatArray:
    """Return the point given to say which side is ours, (1, 2), or none, (0, 2)."""
    side = brief.border.own_side
    if side.lat_deg is None or side.lon_deg is None:
        return np.empty((0, 2))
    return frame.to_plane(np.array([side.lat_deg]), np.array([side.lon_deg]))


def _check_hand(brief: Brief, turned: Turned, frame: LocalFrame) -> None:
    most = 0.45
    if brief.border.own_side.hand is not None and turned.share > most:
        raise BriefError(
            f"border.own_side: {turned.sentence(frame)}, so {brief.border.own_side.hand} names no side; redraw it the "
            "other way, or give a polygon file, or a point on our side",
            turned=turned.share,
        )


def _check_depth(brief: Brief, kept_m: float) -> None:
    if kept_m >= brief.corridor.depth_m:
        raise PlanRefusedError(
            f"the corridor is empty: standoff {brief.standoff.asked_m:g} m plus margin makes {kept_m:.1f} m, and "
            f"the corridor is {brief.corridor.depth_m:g} m deep; set "
            f"corridor.depth_m to at least {np.ceil(kept_m) + 1:.0f}",
            rule="corridor", measured=kept_m, limit=brief.corridor.depth_m,
        )  # fmt: skip


def _kept_in(own: BaseGeometry, keep_in: BaseGeometry | None, brief: Brief, stretch: float) -> BaseGeometry:
    """Return our side inside the keep-in area less its clearance, and off the edge of a polygon of our side."""
    if brief.border.own_side.polygons:
        own = shapely.buffer(own, -ROUNDING_M, join_style="mitre")
    if keep_in is None or brief.keep_in is None:
        return own
    room = brief.keep_in.clearance_m * stretch + ROUNDING_M
    return own.intersection(buffer_outside(keep_in.intersection(own.envelope.buffer(2.0 * room)), -room))


def _avoided(
    drawn: tuple[BaseGeometry, ...], brief: Brief, own: BaseGeometry, stretch: float
) -> tuple[BaseGeometry, ...]:
    """Return the ground to avoid on our side, each with its clearance."""
    return tuple(
        buffer_outside(shape.intersection(own.envelope.buffer(kept)), kept).intersection(own)
        for shape, kept in zip(drawn, (a.clearance_m * stretch for a in brief.avoid), strict=True)
    )


def _free_air(
    own: BaseGeometry,
    guard: BaseGeometry,
    zones: tuple[BaseGeometry, ...],
    barred: tuple[bool, ...],
    brief: Brief,
    kept_m: float,
) -> BaseGeometry:
    closed = [
        buffer_outside(z, spec.clearance_m) for z, spec, bar in zip(zones, brief.zone, barred, strict=True) if bar
    ]
    keep_out = shapely.union_all([buffer_outside(guard, kept_m), *closed])
    return shapely.difference(own, keep_out)


def _watched(border: MultiLineString, own: BaseGeometry, brief: Brief, stretch: float) -> BaseGeometry:
    """Return the ground to watch: own side between the corridor's two depths, square at the ends."""
    depth_m = brief.corridor.depth_m * stretch
    deep = shapely.buffer(border, depth_m, quad_segs=ARC_SEGMENTS).difference(end_caps(border, depth_m))
    if brief.corridor.from_m > 0.0:
        deep = deep.difference(shapely.buffer(border, brief.corridor.from_m, quad_segs=ARC_SEGMENTS))
    watched = deep.intersection(own)
    if watched.is_empty:
        gap = float(own.distance(border)) / stretch
        raise PlanRefusedError(
            f"none of the ground to watch is ours: our side as drawn begins {gap:.0f} m from the border and the "
            f"corridor ends at {brief.corridor.depth_m:g} m; draw border.own_side up to the border, or deepen the "
            "corridor",
            rule="corridor", measured=gap, limit=brief.corridor.depth_m,
        )  # fmt: skip
    return watched


def end_caps(border: MultiLineString, distance_m: float) -> BaseGeometry:
    """Return the half discs beyond the border's open ends, where nothing is watched and no lane runs."""
    caps = [
        half_disc(end, end - before, distance_m * 1.02)
        for xy in (shapely.get_coordinates(part) for part in border.geoms if not part.is_closed)
        for end, before in ((xy[0], xy[1]), (xy[-1], xy[-2]))
    ]
    return shapely.union_all(caps) if caps else Polygon()


def half_disc(centre: FloatArray, towards: FloatArray, radius_m: float) -> Polygon:
    """Return the half of a disc on the side `towards` points to."""
    middle = np.arctan2(towards[1], towards[0])
    angles = middle + np.linspace(-np.pi / 2.0, np.pi / 2.0, 4 * ARC_SEGMENTS + 1)
    reach = radius_m / float(np.cos(np.pi / (8 * ARC_SEGMENTS)))
    return Polygon(centre + reach * np.stack([np.cos(angles), np.sin(angles)], axis=1))
