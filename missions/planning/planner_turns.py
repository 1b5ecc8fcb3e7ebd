"""Turns an aircraft that cannot stop can fly: corners rounded to its radius, lanes joined by Dubins paths."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from missions.airspace.routing import Router
    from missions.performance.aircraft import Aircraft

    FloatArray = NDArray[np.float64]

ARC_STEP: Final = math.radians(15.0)
"""Turn between the points an arc is flown by; the chord is then 0.9 % of the radius inside the arc."""
STRAIGHT_ENOUGH: Final = math.radians(3.0)
"""Bends smaller than this are left to the autopilot."""


def ground_radius_m(aircraft: Aircraft, wind_mps: float) -> float:
    """Return the turn radius over the ground with the wind behind: it grows with the square of ground speed."""
    return aircraft.turn_radius_m * ((aircraft.speed_mps + wind_mps) / aircraft.speed_mps) ** 2


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
    yield from _arc(start, heading, bend, radius_m)


def _arc(start: FloatArray, heading: float, bend: float, radius_m: float) -> Iterator[FloatArray]:
    """Yield points on an arc from a start and heading (counter-clockwise from east), turning by `bend`."""
    sign = math.copysign(1.0, bend)
    centre = start + sign * radius_m * np.array([-math.sin(heading), math.cos(heading)])
    for share in np.linspace(0.0, 1.0, max(int(math.ceil(abs(bend) / ARC_STEP)), 1) + 1)[1:]:
        angle = heading + bend * float(share) - sign * math.pi / 2.0
        yield centre + radius_m * np.array([math.cos(angle), math.sin(angle)])


def dubins(
    start_m: FloatArray, heading0: float, end_m: FloatArray, heading1: float, radius_m: float, router: Router
) -> FloatArray | None:
    """Return the shortest free path between two poses with bounded curvature, flattened, or None.

    The six words of Dubins (1957), formulas of Shkel and Lumelsky (2001), tried from the shortest.
    Headings are counter-clockwise from east, radians.
    """
    step = (end_m - start_m) / radius_m
    distance = float(np.hypot(*step))
    theta = math.atan2(float(step[1]), float(step[0]))
    alpha, beta = _turn(heading0 - theta), _turn(heading1 - theta)
    words = [w for w in (_word(kind, distance, alpha, beta) for kind in WORDS) if w is not None]
    for _, kind, lengths in sorted(words):
        points, here, heading = [start_m], start_m, heading0
        for letter, length in zip(kind, lengths, strict=True):
            if letter == "S":
                here = here + radius_m * length * np.array([math.cos(heading), math.sin(heading)])
                points.append(here)
                continue
            bend = length if letter == "L" else -length
            if abs(bend) > 1e-9:
                points += list(_arc(here, heading, bend, radius_m))
                here, heading = points[-1], heading + bend
        curve = np.array([*points[:-1], end_m]) if len(points) > 1 else np.array([start_m, end_m])
        if router.clear(curve[:-1], curve[1:]).all():
            return curve
    return None


WORDS: Final = ("LSL", "RSR", "LSR", "RSL", "RLR", "LRL")


def _turn(angle: float) -> float:
    return angle % (2.0 * math.pi)


def _word(kind: str, d: float, a: float, b: float) -> tuple[float, str, tuple[float, float, float]] | None:
    """Return the normalised length and segments of one word, or None where it does not exist."""
    sa, sb, ca, cb, cab = math.sin(a), math.sin(b), math.cos(a), math.cos(b), math.cos(a - b)
    if kind in ("RLR", "LRL"):
        flip = 1.0 if kind == "RLR" else -1.0
        inner = (6.0 - d * d + 2.0 * cab + 2.0 * d * flip * (sa - sb)) / 8.0
        if abs(inner) > 1.0:
            return None
        p = _turn(2.0 * math.pi - math.acos(inner))
        if kind == "RLR":
            t = _turn(a - math.atan2(ca - cb, d - sa + sb) + p / 2.0)
            q = _turn(a - b - t + p)
        else:
            t = _turn(-a - math.atan2(ca - cb, d + sa - sb) + p / 2.0)
            q = _turn(b - a - t + p)
        return t + p + q, kind, (t, p, q)
    square = {
        "LSL": 2.0 + d * d - 2.0 * cab + 2.0 * d * (sa - sb),
        "RSR": 2.0 + d * d - 2.0 * cab + 2.0 * d * (sb - sa),
        "LSR": -2.0 + d * d + 2.0 * cab + 2.0 * d * (sa + sb),
        "RSL": -2.0 + d * d + 2.0 * cab - 2.0 * d * (sa + sb),
    }[kind]
    if square < 0.0:
        return None
    p = math.sqrt(square)
    if kind == "LSL":
        turn = math.atan2(cb - ca, d + sa - sb)
        t, q = _turn(turn - a), _turn(b - turn)
    elif kind == "RSR":
        turn = math.atan2(ca - cb, d - sa + sb)
        t, q = _turn(a - turn), _turn(turn - b)
    elif kind == "LSR":
        turn = math.atan2(-ca - cb, d + sa + sb) - math.atan2(-2.0, p)
        t, q = _turn(turn - a), _turn(turn - b)
    else:
        turn = math.atan2(ca + cb, d - sa - sb) - math.atan2(2.0, p)
        t, q = _turn(a - turn), _turn(b - turn)
    return t + p + q, kind, (t, p, q)


def heading_at(xy_m: FloatArray, end: bool) -> float:
    """Return the heading a line starts (or ends) with, counter-clockwise from east."""
    step = xy_m[-1] - xy_m[-2] if end else xy_m[1] - xy_m[0]
    return math.atan2(float(step[1]), float(step[0]))


def joined(before: FloatArray, after: FloatArray, radius_m: float, router: Router) -> FloatArray | None:
    """Return a flyable path from the end of one line to the start of the next, over nobody where one exists."""
    for air in router.airs:
        ways = [_direct, _round_about] if air.quiet is None else [_round_about, _direct]
        for way in ways:
            path = way(before, after, radius_m, air)
            if path is not None:
                return path
    return None


def _direct(before: FloatArray, after: FloatArray, radius_m: float, air: Router) -> FloatArray | None:
    return dubins(before[-1], heading_at(before, True), after[0], heading_at(after, False), radius_m, air)


def _round_about(before: FloatArray, after: FloatArray, radius_m: float, air: Router) -> FloatArray | None:
    """Return a path round what lies between, or across avoided ground where it is narrow."""
    way = air.route(before[-1], after[0])
    if way is None or len(way) < 3:
        return None
    middle = _rounded(way[1:-1], radius_m, air) if len(way) > 3 else None
    if middle is None:
        return None
    legs = [before, middle, after]
    first, second = (_direct(a, b, radius_m, air) for a, b in itertools.pairwise(legs))
    if first is None or second is None:
        return None
    return np.concatenate([first, middle[1:-1], second])
