"""What a three-dimensional picture of a plan shows, painted into an oblique view: ground, border, zones, flights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.airspace.zone_layers import drawn_between
from missions.pictures.style import BORDER_COLOUR, INK, KEEP_IN_COLOUR, ZONE_COLOUR, sortie_colour
from missions.plan import LegKind

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.airspace.corridor import Corridor
    from missions.airspace.terrain_profile import PlaneGround
    from missions.briefs.brief import Brief
    from missions.pictures.flight_profile import FlightProfile
    from missions.pictures.oblique_view import ObliqueView, Painting
    from missions.plan import Sortie

    FloatArray = NDArray[np.float64]

GRID: Final = (180, 70)
"""Cells of ground along and across, six pixels wide; each costs 25 µs to paint, which is most of a plan's pictures."""
PIECES: Final = 220
"""A border, a zone's edge or a flight is cut about this often across the picture, so that hills can hide its parts."""
DROPS: Final = 60
"""Drop lines across the picture."""
_BESIDE_M: Final = 5.0
_LAND: Final = np.array([0.83, 0.80, 0.70])
_FORBIDDEN: Final = np.array([0.88, 0.55, 0.50])
_AVOIDED: Final = np.array([0.95, 0.75, 0.40])
_ABROAD: Final = np.array([0.74, 0.74, 0.76])


def rgba(colour: str, alpha: float = 1.0) -> tuple[float, float, float, float]:
    """Return a ``#rrggbb`` colour as four shares of one."""
    red, green, blue = (int(colour[k : k + 2], 16) / 255.0 for k in (1, 3, 5))
    return red, green, blue, alpha


def ground_grid(view: ObliqueView, ground: PlaneGround) -> tuple[FloatArray, FloatArray]:
    """Return posts over the box, (rows, columns, 2) along and across from the near side, and their heights AMSL."""
    columns, rows = GRID
    along = np.linspace(view.low[0], view.high[0], columns + 1)
    across = np.linspace(view.low[1], view.high[1], rows + 1)
    posts = np.stack(np.meshgrid(along, across), axis=-1)
    heights = np.asarray(ground.at(view.plane(posts.reshape(-1, 2))), dtype=float)
    return posts, heights.reshape(rows + 1, columns + 1)


def paint_ground(
    painting: Painting, view: ObliqueView, posts: FloatArray, heights: FloatArray, corridor: Corridor, asked_m: float
) -> None:
    """Paint the ground cell by cell: lit from the left, red in the standoff, grey beyond it, orange to avoid."""
    page = view.project(posts, heights)
    quads = np.stack([page[:-1, :-1], page[:-1, 1:], page[1:, 1:], page[1:, :-1]], axis=2).reshape(-1, 4, 2)
    far = np.broadcast_to(posts[1:, :-1, 1], heights[1:, 1:].shape).ravel()
    middle = view.plane(((posts[:-1, :-1] + posts[1:, 1:]) / 2.0).reshape(-1, 2))
    tint = np.where(_on_own_side(corridor, middle)[:, None], _LAND, _ABROAD)
    strip = shapely.buffer(corridor.border, asked_m * corridor.stretch).intersection(corridor.own)
    tint = np.where(_inside(strip, middle)[:, None], _FORBIDDEN, tint)
    for avoided in corridor.avoided:
        tint = np.where(_inside(avoided, middle)[:, None], _AVOIDED, tint)
    colour = np.ones((len(quads), 4))
    colour[:, :3] = np.clip(tint * _light(posts, heights).ravel()[:, None], 0.0, 1.0)
    known = np.isfinite(quads).all(axis=(1, 2))
    painting.add(quads[known], far[known], face=colour[known], edge=colour[known], width_px=0.7)


def _on_own_side(corridor: Corridor, points: FloatArray) -> NDArray[np.bool_]:
    """Tell which ground is ours, also far inland where own side is not worked out: asked beside the border."""
    nearest = corridor.along.nearest(points).xy_m
    away = points - nearest
    distance = np.maximum(np.hypot(*away.T), 1e-9)
    beside = nearest + away * np.minimum(_BESIDE_M / distance, 1.0)[:, None]
    return _inside(corridor.own, beside)


def _inside(shape: BaseGeometry, points: FloatArray) -> NDArray[np.bool_]:
    shapely.prepare(shape)
    return np.asarray(shapely.intersects_xy(shape, points[:, 0], points[:, 1]))


def _light(posts: FloatArray, heights: FloatArray) -> FloatArray:
    """Return how bright each cell is, about 1: slopes to the left and the viewer are lit, exaggerated when gentle."""
    step = np.array([posts[0, 1, 0] - posts[0, 0, 0], posts[1, 0, 1] - posts[0, 0, 1]])
    right = np.diff(heights, axis=1)[:-1] / step[0]
    away = np.diff(heights, axis=0)[:, :-1] / step[1]
    slope = np.nan_to_num(right + 0.6 * away)
    steep = max(float(np.percentile(np.abs(slope), 95)), 1e-6)
    return np.asarray(1.0 + 0.17 * np.clip(slope / max(steep, 0.02), -1.5, 1.0))


def paint_walls(
    painting: Painting, view: ObliqueView, ground: PlaneGround, lines: BaseGeometry, top_amsl_m: float
) -> None:
    """Paint the border as a wall, from the ground to the top of the picture."""
    for start, end in _pieces(view, lines):
        foot, head = _wall(view, ground, start, end, top_amsl_m)
        depth = view.coordinates((start + end) / 2.0)[:, 1]
        quads = np.concatenate([foot, head[:, ::-1]], axis=1)
        painting.add(quads, depth, face=rgba(BORDER_COLOUR, 0.2))
        painting.add(foot, depth, edge=rgba(BORDER_COLOUR), width_px=2.2)
        painting.add(head, depth, edge=rgba(BORDER_COLOUR, 0.6), width_px=0.8)


def _wall(
    view: ObliqueView, ground: PlaneGround, start: FloatArray, end: FloatArray, top_amsl_m: float
) -> tuple[FloatArray, FloatArray]:
    """Return the feet and heads of wall pieces on the page, (n, 2, 2) each; unknown ground counts as the lowest."""
    ends = np.stack([start, end], axis=1)
    coordinates = view.coordinates(ends.reshape(-1, 2))
    below = np.nan_to_num(np.asarray(ground.at(ends.reshape(-1, 2))), nan=view.base_amsl_m)
    foot = view.project(coordinates, below)
    head = view.project(coordinates, np.full(len(coordinates), top_amsl_m))
    return foot.reshape(-1, 2, 2), head.reshape(-1, 2, 2)


def _pieces(view: ObliqueView, lines: BaseGeometry) -> list[tuple[FloatArray, FloatArray]]:
    """Cut what of some lines lies in the box into short straight pieces: starts and ends of each line."""
    inside = shapely.intersection(lines, view.box())
    step = float(view.high[0] - view.low[0]) / PIECES
    found = []
    for part in shapely.get_parts(inside):
        if part.geom_type == "LineString" and part.length > 0.0:
            points = shapely.get_coordinates(shapely.segmentize(part, step))
            found.append((points[:-1], points[1:]))
    return found


def paint_limits(
    painting: Painting, view: ObliqueView, ground: PlaneGround, corridor: Corridor, asked_m: float
) -> None:
    """Paint the lines no aircraft passes on the ground, dashed: the standoff, and the edge of a keep-in area."""
    distance = asked_m * corridor.stretch
    inland = shapely.buffer(corridor.own, -0.5 * distance)
    limits = [(shapely.buffer(corridor.border, distance).boundary.intersection(inland), BORDER_COLOUR)]
    if corridor.keep_in is not None:
        limits.append((corridor.keep_in.boundary, KEEP_IN_COLOUR))
    for edge, colour in limits:
        for start, end in _pieces(view, edge):
            foot, _ = _wall(view, ground, start[::2], end[::2], view.base_amsl_m)
            depth = view.coordinates((start + end)[::2] / 2.0)[:, 1]
            painting.add(foot, depth, edge=rgba(colour), width_px=1.6)


def paint_zones(
    painting: Painting, view: ObliqueView, ground: PlaneGround, brief: Brief, corridor: Corridor, top_amsl_m: float
) -> list[tuple[str, FloatArray]]:
    """Paint zones as prisms from floor to ceiling; return their names and where to write them on the page."""
    labels = []
    for zone, shape in zip(brief.zone, corridor.zones, strict=True):
        inside = shapely.intersection(shape, view.box())
        if inside.is_empty:
            continue
        below = float(np.nan_to_num(ground.at(shapely.get_coordinates(inside.centroid)), nan=view.base_amsl_m)[0])
        floor, ceiling = drawn_between(zone, below)
        top = top_amsl_m if ceiling is None else min(ceiling, top_amsl_m)
        for start, end in _pieces(view, shape.boundary):
            foot, head = _wall(view, ground, start, end, top)
            if floor is not None:
                foot = _wall(view, ground, start, end, min(floor, top_amsl_m))[1]
            depth = view.coordinates((start + end) / 2.0)[:, 1]
            painting.add(np.concatenate([foot, head[:, ::-1]], axis=1), depth, face=rgba(ZONE_COLOUR, 0.22))
            for edge in (foot, head):
                painting.add(edge, depth, edge=rgba(ZONE_COLOUR, 0.9), width_px=1.2)
        centre = view.coordinates(shapely.get_coordinates(inside.centroid))
        labels.append((zone.name, view.project(centre, np.array([top]))[0]))
    return labels


def paint_flight(painting: Painting, view: ObliqueView, sortie: Sortie, profile: FlightProfile, number: int) -> None:
    """Paint a sortie: its shadow on the ground, drop lines, and its path."""
    colour = sortie_colour(number)
    coordinates = view.coordinates(profile.xy_m)
    below = np.where(np.isfinite(profile.ground_amsl_m), profile.ground_amsl_m, view.base_amsl_m)
    path, shadow = view.project(coordinates, profile.alt_amsl_m), view.project(coordinates, below)
    keep = _thinned(profile, float(view.high[0] - view.low[0]) / PIECES)
    depth = (coordinates[keep[:-1], 1] + coordinates[keep[1:], 1]) / 2.0
    painting.add(np.stack([shadow[keep[:-1]], shadow[keep[1:]]], axis=1), depth, edge=rgba(INK, 0.6), width_px=1.2)
    drops = _thinned(profile, float(view.high[0] - view.low[0]) / DROPS)
    painting.add(
        np.stack([shadow[drops], path[drops]], axis=1), coordinates[drops, 1], edge=rgba(colour, 0.35), width_px=0.7
    )
    working = np.array([leg.kind is LegKind.WORK for leg in sortie.legs])[profile.leg][keep[1:]]
    pieces = np.stack([path[keep[:-1]], path[keep[1:]]], axis=1)
    for chosen, width in ((working, 2.8), (~working, 1.3)):
        painting.add(pieces[chosen], depth[chosen], edge=rgba(colour), width_px=width)


def _thinned(profile: FlightProfile, step_m: float) -> NDArray[np.int64]:
    """Return samples about `step_m` apart along a flight, every leg's end among them when legs are longer than that."""
    place = np.floor(profile.along_m / step_m)
    keep = np.append(True, np.diff(place) > 0.0)
    last = np.append(np.diff(profile.leg) > 0, True)
    steep = np.append(True, np.diff(profile.along_m) <= 0.0)
    return np.flatnonzero(keep | last | steep)
