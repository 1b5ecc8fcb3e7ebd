"""Turns an aircraft that cannot stop can fly: corners rounded to its radius, lanes joined by Dubins paths."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.paths.dubins import arc, dubins_curves, dubins_lengths

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from missions.airspace.routing import Router

    FloatArray = NDArray[np.float64]

STRAIGHT_ENOUGH: Final = math.radians(3.0)
"""Bends smaller than this are left to the autopilot."""


def rounded(xy_m: FloatArray, radius_m: float, router: Router) -> FloatArray | None:
    """Return a line with every bend flown as an arc of the radius inside the corner, or None where none fits.

    A corner whose neighbours are too near for its arc is dropped when the line without it is free.
    """
    curves = (_rounded(xy_m, radius_m, air) for air in router.airs)
    return next((curve for curve in curves if curve is not None), None)


def _rounded(xy_m: FloatArray, radius_m: float, router: Router) -> FloatArray | None:
    points = [np.asarray(p) for p in xy_m]
    k = 1
    while k < len(points) - 1:
        room = _tangent_m(points[k - 1], points[k], points[k + 1], radius_m)
        before, after = np.hypot(*(points[k] - points[k - 1])), np.hypot(*(points[k + 1] - points[k]))
        if room <= min(before, after) / 2.0 + 1e-9:
            k += 1
        elif bool(router.clear(points[k - 1], points[k + 1])):
            del points[k]
            k = max(k - 1, 1)
        else:
            return None
    out = [points[0]]
    for a, b, c in zip(points[:-2], points[1:-1], points[2:], strict=True):
        out += list(_fillet(a, b, c, radius_m))
    curve = np.array([*out, points[-1]])
    return curve if router.clear(curve[:-1], curve[1:]).all() else None


def _bend(a: FloatArray, b: FloatArray, c: FloatArray) -> float:
    u, v = b - a, c - b
    return math.atan2(float(u[0] * v[1] - u[1] * v[0]), float(u @ v))


def _tangent_m(a: FloatArray, b: FloatArray, c: FloatArray, radius_m: float) -> float:
    bend = abs(_bend(a, b, c))
    return 0.0 if bend < STRAIGHT_ENOUGH else radius_m * math.tan(min(bend, math.pi - 1e-6) / 2.0)


def _fillet(a: FloatArray, b: FloatArray, c: FloatArray, radius_m: float) -> Iterator[FloatArray]:
    bend = _bend(a, b, c)
    if abs(bend) < STRAIGHT_ENOUGH:
        yield b
        return
    room = _tangent_m(a, b, c, radius_m)
    along = (b - a) / np.hypot(*(b - a))
    start = b - along * room
    heading = math.atan2(float(along[1]), float(along[0]))
    yield start
    yield from arc(start, heading, bend, radius_m)


BYWAY_RADII: Final = (1.5, 3.0)
"""Where a byway may lead: so many radii from an end of the gap."""
BYWAY_TURNS: Final = 12
"""Directions and headings tried for a byway, evenly round the circle."""
MAX_BYWAYS: Final = 150
"""The shortest byways are looked at before giving up."""


def pose_at(xy_m: FloatArray, *, end: bool) -> FloatArray:
    """Return the pose a line starts (or ends) with: east, north, heading counter-clockwise from east."""
    step = xy_m[-1] - xy_m[-2] if end else xy_m[1] - xy_m[0]
    return np.array([*(xy_m[-1] if end else xy_m[0]), math.atan2(float(step[1]), float(step[0]))])


def joined(before: FloatArray, after: FloatArray, radius_m: float, air: Router) -> FloatArray | None:
    """Return a flyable path in one air from the end of one line to the start of the next, or None where none was found.

    The shortest free Dubins path, else one round the corners of the free way; the other way about where
    ground to avoid cannot be spared altogether, since the way crosses it where it is narrow.
    """
    start, end = pose_at(before, end=True), pose_at(after, end=False)
    for bent in (False, True) if air.preferred is None else (True, False):
        way = air.route(start[:2], end[:2]) if bent else None
        if bent and (way is None or len(way) < 3):
            continue
        found = _first_free([start, *(() if way is None else _corner_poses(way)), end], radius_m, air)
        if found is not None:
            return found
    return None


def _first_free(poses: Sequence[FloatArray], radius_m: float, air: Router) -> FloatArray | None:
    """Join poses in order, each pair by its shortest free path; None where a pair has none."""
    found: list[FloatArray] = []
    for start, end in itertools.pairwise(poses):
        curves = dubins_curves(start, end, radius_m)
        curve = next((c for c in curves if air.clear(c[:-1], c[1:]).all()), None)
        if curve is None:
            return None
        found.append(curve if not found else curve[1:])
    return np.concatenate(found)


def _corner_poses(way: FloatArray) -> Iterator[FloatArray]:
    """Go over the inner corners of a way with the heading halfway through each bend.

    A circle through the corner with that heading leaves what the corner bends round on its inside:
    with half the bend b it strays x^2 / 2R from the tangent where the obstacle leaves it by x tan(b).
    """
    step = np.diff(way, axis=0)
    step /= np.hypot(*step.T)[:, None]
    for corner, before, after in zip(way[1:-1], step[:-1], step[1:], strict=True):
        middle = before + after
        yield np.array([*corner, math.atan2(float(middle[1]), float(middle[0]))])


def byway(before: FloatArray, after: FloatArray, radius_m: float, air: Router) -> FloatArray | None:
    """Return a flyable path as `joined` does, over a pose near either line from which the rest is free."""
    start, end = pose_at(before, end=True), pose_at(after, end=False)
    circle = np.linspace(0.0, 2.0 * math.pi, BYWAY_TURNS, endpoint=False)
    ring = np.stack([np.cos(circle), np.sin(circle)], axis=1)
    places = np.concatenate([p[:2] + radius_m * r * ring for p in (start, end) for r in BYWAY_RADII])
    places = places[shapely.contains_xy(air.free, places[:, 0], places[:, 1])]
    via = np.column_stack([np.repeat(places, BYWAY_TURNS, axis=0), np.tile(circle, len(places))])
    if len(via) == 0:
        return None
    length = dubins_lengths(start, via, radius_m) + dubins_lengths(via, end, radius_m)
    for k in np.argsort(length, kind="stable")[:MAX_BYWAYS].tolist():
        found = _first_free([start, via[k], end], radius_m, air)
        if found is not None:
            return found
    return None
