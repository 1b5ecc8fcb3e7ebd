"""Searches flown by an aircraft that cannot stop: lanes in the order its turns ask for, corners as arcs or loops."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.paths.lane_tours import turning_tour
from missions.paths.lanes import LanePiece
from missions.paths.track import Track, append_line, turning_track
from missions.paths.turns import byway, joined, pose_at, rounded
from missions.plan import LegKind
from missions.sight.pointing import STRAIGHT_DOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.airspace.routing import Router
    from missions.paths.path_maker import PathMaker
    from missions.sight.pointing import Pointing

    FloatArray = NDArray[np.float64]

RUN_OUT_RADII: Final = 3.0
"""How far beyond its end a lane may be followed to find room for a turn."""


def work_lines(points: FloatArray, kinds: Sequence[LegKind], radius_m: float) -> list[FloatArray]:
    """Return the lines of a path that are to be flown as they are, (n, 2) each.

    Work legs that follow each other are one line as far as an arc of the radius fits into the corners
    between them; at a sharper corner a new line begins.
    """
    lines: list[list[FloatArray]] = []
    before = None
    for start, end, kind in zip(points[:-1], points[1:], kinds, strict=True):
        if kind is not LegKind.WORK:
            before = None
            continue
        if before is not None and _arc_fits(before, start, end, radius_m):
            lines[-1].append(end)
        else:
            lines.append([start, end])
        before = start
    return [np.array(line) for line in lines]


def _arc_fits(before: FloatArray, corner: FloatArray, after: FloatArray, radius_m: float) -> bool:
    u, v = corner - before, after - corner
    bend = abs(np.arctan2(u[0] * v[1] - u[1] * v[0], u @ v))
    return bool(radius_m * np.tan(bend / 2.0) <= min(np.hypot(*u), np.hypot(*v)) / 2.0 + 1e-9)


def lanes_track(maker: PathMaker, site_m: FloatArray, lines: Sequence[FloatArray]) -> Track | None:
    """Return a sortie over lanes in the order that makes its turns shortest: one often skips the nearest lane."""
    approach = maker.approach(site_m)
    if approach is None or not lines:
        return None
    pieces = [_lane(k, line, RUN_OUT_RADII * maker.radius_m) for k, line in enumerate(lines)]
    tour = turning_tour(site_m, pieces, maker.radius_m)
    return turning_track(tour, approach, maker.radius_m, maker.router)


def _lane(number: int, line: FloatArray, run_out_m: float) -> LanePiece:
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    first, last = (line[1] - line[0]) / along[1], (line[-1] - line[-2]) / (along[-1] - along[-2])
    longer = np.concatenate([line[:1] - run_out_m * first, line, line[-1:] + run_out_m * last])
    stations = np.concatenate([[-run_out_m], along, [along[-1] + run_out_m]])
    whole = LanePiece(lane=number, chain=0, pointing=STRAIGHT_DOWN, xy_m=longer, station_m=stations)
    return LanePiece(lane=number, chain=0, pointing=STRAIGHT_DOWN, xy_m=line, station_m=along, whole=whole)


def lines_track(maker: PathMaker, site_m: FloatArray, lines: Sequence[FloatArray]) -> Track | None:
    """Return a sortie over lines in the order given, corners too sharp for the aircraft flown as loops outside them."""
    approach = maker.approach(site_m)
    curves = [rounded(line, maker.radius_m, maker.router) for line in lines]
    flown = [curve for curve in curves if curve is not None]
    if approach is None or not flown or len(flown) < len(curves):
        return None
    parts = [approach.departure.exit_m, *flown, approach.entry_m]
    xy: list[FloatArray] = [approach.departure.exit_m[1:]]
    kinds: list[LegKind] = []
    pointings: list[Pointing | None] = []
    for k, (before, after) in enumerate(itertools.pairwise(parts)):
        link = _link(before, after, maker.radius_m, maker.router)
        if link is None:
            return None
        home = k + 2 == len(parts)
        kind = LegKind.TRANSIT if k == 0 else LegKind.RETURN if home else LegKind.TURN
        append_line(xy, kinds, pointings, link, kind, None)
        if not home:
            append_line(xy, kinds, pointings, after, LegKind.WORK, STRAIGHT_DOWN)
    return Track(xy_m=np.concatenate(xy), kinds=tuple(kinds), pointings=tuple(pointings), approach=approach)


def _link(before: FloatArray, after: FloatArray, radius_m: float, router: Router) -> FloatArray | None:
    a, b = pose_at(before, end=True), pose_at(after, end=False)
    if np.hypot(*(a - b)[:2]) < 1e-3 and abs(np.angle(np.exp(1j * (a - b)[2]))) < 1e-3:
        return before[-1:]
    ways = (way(before, after, radius_m, air) for air, way in itertools.product(router.airs, (joined, byway)))
    return next((found for found in ways if found is not None), None)
