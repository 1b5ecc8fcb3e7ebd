"""Every rule of a flight in plain loops: points two metres apart, one plane per scene, no code of the judge.

What it knows of autopilots is ArduCopter's straight return, as `ReturnRules` documents it.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pyproj

EVERY_M = 2.0
NO_LANDING_M = 30.0
"""How near to take-off and landing the least height does not hold."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One straight leg in metres: where from, where to, heights above the sea, battery left at its end."""

    start: tuple[float, float]
    end: tuple[float, float]
    low: float
    high: float
    battery_pct: float

    @property
    def length(self) -> float:
        return math.dist(self.start, self.end)

    def at(self, share: float) -> tuple[float, float, float]:
        x, y = (a + share * (b - a) for a, b in zip(self.start, self.end, strict=True))
        return x, y, self.low + share * (self.high - self.low)

    def walked(self, every_m: float = EVERY_M) -> list[tuple[float, float, float]]:
        count = max(math.ceil(self.length / every_m), 1)
        return [self.at(k / count) for k in range(count + 1)]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a flight is held to; the border is the x axis, our side is y > 0."""

    standoff: float
    margin: float
    ground: Any
    """(x, y) -> metres above the sea."""
    min_agl: float
    max_agl: float
    ceiling: float
    link: float
    climb: float
    descent: float
    speed: float
    reserve_pct: float
    zone: tuple[tuple[float, float], float, float, float]
    """Centre, radius with its clearance, clearance, floor above the sea less the clearance."""
    keep_in: tuple[float, float, float, float, float]
    """West, south, east, north, clearance."""
    avoid: tuple[tuple[float, float], float]
    landings: tuple[tuple[float, float, float], ...]
    """Home first, then rally points: where, and how high above the sea they are held to be."""
    return_alt: float = 15.0
    cone: float = 3.0


def plane(lat: float, lon: float) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(
        "EPSG:4326", f"+proj=tmerc +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m", always_xy=True
    )


def judged(scene: Scene, ways: list[Way]) -> dict[tuple[str, int], tuple[float, float]]:
    """Return (measured, limit) for each rule and leg that breaks it."""
    found: dict[tuple[str, int], tuple[float, float]] = {}
    spent = False
    for n, way in enumerate(ways):
        points = way.walked()
        found |= {(rule, n): row for rule, row in _place(scene, points, way).items()}
        found |= {(rule, n): row for rule, row in _height(scene, points, way, ways).items()}
        if way.battery_pct < scene.reserve_pct and not spent:
            found["endurance", n] = (way.battery_pct, scene.reserve_pct)
            spent = True
        if way.length > 0.01:
            found |= {(rule, n): row for rule, row in _home(scene, way).items()}
    over = sum(way.length / (len(p) - 1) for way in ways for p in [way.walked()] if way.length for q in p[1:] if
               math.dist(q[:2], scene.avoid[0]) < scene.avoid[1])  # fmt: skip
    if over > 0.0:
        found["overflight", -1] = (over, 0.0)
    return found


def _outside(scene: Scene, x: float, y: float) -> float:
    """Return how far out of the keep-in area a place is, or how near to its edge, below nothing, inside it."""
    west, south, east, north, _ = scene.keep_in
    return max(west - x, x - east, south - y, y - north)


def _place(scene: Scene, points: list[tuple[float, float, float]], way: Way) -> dict[str, tuple[float, float]]:
    out: dict[str, tuple[float, float]] = {}
    near = min(abs(y) for _, y, _ in points)
    if min(y for _, y, _ in points) < 0.0:
        out["side"] = (sum(y < 0.0 for _, y, _ in points) * way.length / len(points), 0.0)
    if near < scene.standoff or "side" in out:
        crosses = "side" in out and max(y for _, y, _ in points) > 0.0
        out["standoff"] = (0.0 if crosses else near, scene.standoff)
    elif near < scene.standoff + scene.margin:
        out["standoff margin"] = (near, scene.standoff + scene.margin)
    (cx, cy), radius, clearance, floor = scene.zone
    away = [math.hypot(x - cx, y - cy) for x, y, z in points if z >= floor]
    if away and min(away) < radius:
        distance = min(math.hypot(x - cx, y - cy) for x, y, _ in points) - radius + clearance
        out["zones"] = (max(distance, 0.0), clearance)
    beyond = [max(_outside(scene, x, y), -1e9) for x, y, _ in points]
    if max(beyond) > 0.5:
        share = sum(b > 0.0 for b in beyond) / len(beyond)
        out["keep-in"] = (way.length * share if way.length > 0.01 else max(beyond), 0.0)
    elif max(beyond) > -scene.keep_in[4]:
        out["keep-in"] = (-max(beyond), scene.keep_in[4])
    far = max(math.hypot(x - scene.landings[0][0], y - scene.landings[0][1]) for x, y, _ in points)
    if far > scene.link:
        out["link"] = (far, scene.link)
    return out


def _height(
    scene: Scene, points: list[tuple[float, float, float]], way: Way, ways: list[Way]
) -> dict[str, tuple[float, float]]:
    out: dict[str, tuple[float, float]] = {}
    above = [z - scene.ground(x, y) for x, y, z in (*points, (*way.end, way.high), (*way.start, way.low))]
    ends = (ways[0].start, ways[-1].end)
    free = [z - scene.ground(x, y) for x, y, z in points if min(math.dist((x, y), e) for e in ends) > NO_LANDING_M]
    if free and min(free) < scene.min_agl:
        out["ground clearance"] = (min(free), scene.min_agl)
    if max(above) > scene.max_agl:
        out["height limit"] = (max(above), scene.max_agl)
    if max(way.low, way.high) > scene.ceiling:
        out["ceiling"] = (max(way.low, way.high), scene.ceiling)
    if way.length > 0.01:
        seconds = way.length / scene.speed
        for rule, rise, most in (
            ("climb rate", way.high - way.low, scene.climb),
            ("descent rate", way.low - way.high, scene.descent),
        ):
            if rise / seconds > 1.02 * most and rise > most * seconds + 1.0:
                out[rule] = (rise / seconds, most)
    return out


def _home(scene: Scene, way: Way) -> dict[str, tuple[float, float]]:
    """Return what the ways home from all along one leg break; the ground under them from every 100 m of it."""
    out: dict[str, tuple[float, float]] = {}
    near, high, zone, out_m, room, over_m = math.inf, -math.inf, False, -math.inf, math.inf, 0.0
    for x, y, z in (*way.walked(20.0), *way.walked(100.0)):
        goal = nearest_landing(scene, x, y)
        back = _way_home(scene, (x, y, z), goal)
        up = back.low
        if up > z:
            high = max(high, up - scene.ground(x, y))
        path = back.walked(10.0)
        near = min(near, *(abs(b) for _, b, _ in path))
        (cx, cy), radius, _, floor = scene.zone
        zone |= up >= floor and min(math.hypot(a - cx, b - cy) for a, b, _ in path) < radius
        out_m = max(out_m, *(_outside(scene, a, b) for a, b, _ in path))
        if math.dist(goal[:2], scene.avoid[0]) > scene.avoid[1]:
            over = sum(math.dist((a, b), scene.avoid[0]) < scene.avoid[1] for a, b, _ in path) / len(path)
            over_m = max(over_m, back.length * over)
        if z - scene.ground(x, y) >= scene.min_agl and (x, y, z) in way.walked(100.0):
            room = min(room, *(c - scene.ground(a, b) for a, b, c in path))
    own = min(abs(y) for _, y, _ in way.walked())
    if over_m > 0.0 and min(math.dist((x, y), scene.avoid[0]) for x, y, _ in way.walked()) > scene.avoid[1]:
        out["failsafe overflight"] = (over_m, 0.0)
    if room < scene.min_agl:
        out["failsafe terrain"] = (room, scene.min_agl)
    if own >= scene.standoff and near < scene.standoff + scene.margin:
        out["failsafe standoff"] = (near, scene.standoff if near < scene.standoff else scene.standoff + scene.margin)
    if high > scene.max_agl:
        out["failsafe height"] = (high, scene.max_agl)
    if zone and "zones" not in _place(scene, way.walked(), way):
        out["failsafe zone"] = (0.0, scene.zone[2])
    if max(_outside(scene, x, y) for x, y, _ in way.walked()) <= 0.0 and out_m > -scene.keep_in[4]:
        out["failsafe keep-in"] = (out_m, 0.0) if out_m > 0.5 else (-out_m, scene.keep_in[4])
    return out


def nearest_landing(scene: Scene, x: float, y: float) -> tuple[float, float, float]:
    return min(scene.landings, key=lambda p: math.dist((x, y), p[:2]))


def _way_home(scene: Scene, place: tuple[float, float, float], goal: tuple[float, float, float]) -> Way:
    """Return the level way from over a place, after the climb, to over a landing place."""
    x, y, z = place
    home_amsl = scene.landings[0][2]
    wanted = min(max(home_amsl + scene.return_alt, goal[2]), home_amsl + scene.cone * math.dist((x, y), goal[:2]))
    up = max(wanted, z)
    return Way(start=(x, y), end=goal[:2], low=up, high=up, battery_pct=0.0)


def forbidden_from(
    scene: Scene, way: Way, place: tuple[float, float, float], goal: tuple[float, float, float], slack_m: float
) -> bool:
    """Tell whether the way home from a place of a leg leads where it must not, all limits wider by a slack.

    Where the leg itself is too near to the border, or in the zone, its ways home are not blamed for that.
    """
    back = _way_home(scene, place, goal)
    path = back.walked(10.0)
    kept = min(abs(y) for _, y, _ in way.walked()) >= scene.standoff
    near = min(abs(b) for _, b, _ in path) < scene.standoff + scene.margin + slack_m
    (cx, cy), radius, _, floor = scene.zone
    met = back.low >= floor - slack_m and min(math.hypot(a - cx, b - cy) for a, b, _ in path) < radius + slack_m
    outside = max(_outside(scene, a, b) for a, b, _ in path) > -slack_m
    return (kept and near) or (met and "zones" not in _place(scene, way.walked(), way)) or outside
