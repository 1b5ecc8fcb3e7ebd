"""From a section of lanes to one sortie's path: order, entry, connections, heights, time and battery."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.airspace.terrain_profile import FollowRules, PlaneGround, follow
from missions.performance.energy import PathCost, least_wh, path_cost
from missions.plan import LegKind
from missions.planning.landing import Approach, find_approach
from missions.planning.planner_turns import ground_radius_m, joined, rounded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.airspace.routing import Router
    from missions.briefs.brief import Brief
    from missions.performance.wind import WindProfile
    from missions.planning.lanes import LanePiece
    from missions.planning.views import Look

    FloatArray = NDArray[np.float64]

FOLLOW_TOLERANCE_M: Final = 8.0
"""How far a path's height over ground may stray from the one asked before a waypoint is put in."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """A path before heights: (n, 2) corners, and for each of the n - 1 legs its kind and the lane's look."""

    xy_m: FloatArray
    kinds: tuple[LegKind, ...]
    looks: tuple[Look | None, ...]
    approach: Approach | None = None
    """How the aircraft lands after the last corner; None: straight down from it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlightPath:
    """A sortie's path as flown: points with heights, leg kinds and looks, times and energy used."""

    xy_m: FloatArray
    alt_amsl_m: FloatArray
    kinds: tuple[LegKind, ...]
    looks: tuple[Look | None, ...]
    cost: PathCost
    approach: Approach | None = None
    landing_legs: int = 1
    """How many of the last legs the landing takes: straight down, or the approach's circle and glide."""

    @property
    def duration_s(self) -> float:
        """Launch to landing, seconds."""
        return float(self.cost.seconds.sum())


class PathMaker:
    """Makes sortie paths for one brief: holds the router, the ground, the wind at the heights flown and the rules."""

    def __init__(self, brief: Brief, router: Router, ground: PlaneGround, wind: WindProfile) -> None:
        self.brief = brief
        self.router = router
        self.ground = ground
        self.aircraft = brief.aircraft.aircraft
        self.wind = wind
        self.radius_m = ground_radius_m(self.aircraft, wind.strongest_mps)
        self._approaches: dict[tuple[float, ...], Approach | None] = {}
        climb = min(self.aircraft.climb_mps, self.aircraft.descent_mps)
        self._rules = FollowRules(
            alt_agl_m=brief.flight.alt_agl_m, tolerance_m=FOLLOW_TOLERANCE_M, max_slope=climb / brief.speed_mps
        )

    def path(self, site_m: FloatArray, pieces: list[LanePiece]) -> FlightPath | None:
        """Return the path from a site along lane pieces and back, or None where no free way exists."""
        track = self.track(site_m, pieces)
        return None if track is None else self.fly(track)

    def approach(self, site_m: FloatArray) -> Approach | None:
        """Return how a fixed wing lands at a site, or None where it cannot."""
        key = tuple(site_m.tolist())
        if key not in self._approaches:
            self._approaches[key] = find_approach(self, site_m)
        return self._approaches[key]

    def track(self, site_m: FloatArray, pieces: list[LanePiece]) -> Track | None:
        """Order the pieces into a tour that starts and ends near the site, and connect them through free air."""
        tour = best_tour(site_m, pieces)
        if self.radius_m > 0.0:
            return self._turning_track(site_m, tour)
        xy: list[FloatArray] = [site_m[None, :]]
        kinds: list[LegKind] = []
        looks: list[Look | None] = []
        for index, (curve, look) in enumerate(tour):
            link = self.router.route(xy[-1][-1], curve[0])
            if link is None:
                return None
            _append(xy, kinds, looks, link, LegKind.TRANSIT if index == 0 else LegKind.TURN, None)
            _append(xy, kinds, looks, curve, LegKind.WORK, look)
        home = self.router.route(xy[-1][-1], site_m)
        if home is None:
            return None
        _append(xy, kinds, looks, home, LegKind.RETURN, None)
        return Track(xy_m=np.concatenate(xy), kinds=tuple(kinds), looks=tuple(looks))

    def _turning_track(self, site_m: FloatArray, tour: list[tuple[FloatArray, Look]]) -> Track | None:
        """Connect lanes for an aircraft that turns with a radius: bends rounded, lanes joined by Dubins paths."""
        curves = [rounded(curve, self.radius_m, self.router) for curve, _ in tour]
        if any(curve is None for curve in curves):
            return None
        lines = [c for c in curves if c is not None]
        approach = self.approach(site_m)
        if approach is None:
            return None
        out = lines[0][0] - site_m
        departure = np.stack([site_m - out / np.hypot(*out), site_m])
        arrival = approach.entry_m
        xy: list[FloatArray] = [site_m[None, :]]
        kinds: list[LegKind] = []
        looks: list[Look | None] = []
        for before, after in itertools.pairwise([departure, *lines, arrival]):
            link = joined(before, after, self.radius_m, self.router)
            if link is None:
                return None
            place = len(kinds)
            kind = LegKind.TRANSIT if place == 0 else LegKind.RETURN if after is arrival else LegKind.TURN
            _append(xy, kinds, looks, link, kind, None)
            if after is not arrival:
                look = tour[[line is after for line in lines].index(True)][1]
                _append(xy, kinds, looks, after, LegKind.WORK, look)
        return Track(xy_m=np.concatenate(xy), kinds=tuple(kinds), looks=tuple(looks), approach=approach)

    def fly(self, track: Track) -> FlightPath:
        """Give a track heights over the ground, a vertical take-off, its landing, and its cost."""
        profile = follow(track.xy_m, self.ground, self._rules)
        home = float(self.ground.at(track.xy_m[:1])[0])
        down_xy, down_alt = self._landing(track, float(profile.alt_amsl_m[-1]), home)
        xy = np.concatenate([profile.xy_m[:1], profile.xy_m, down_xy])
        alt = np.concatenate([[home], profile.alt_amsl_m, down_alt])
        kinds = (LegKind.TRANSIT, *(track.kinds[k] for k in profile.leg), *[LegKind.RETURN] * len(down_xy))
        looks = (None, *(track.looks[k] for k in profile.leg), *[None] * len(down_xy))
        cost = path_cost(
            self.aircraft, self.brief.wind.profile, east_m=xy[:, 0], north_m=xy[:, 1], alt_amsl_m=alt,
            speed_mps=self.brief.speed_mps,
        )  # fmt: skip
        return FlightPath(
            xy_m=xy, alt_amsl_m=alt, kinds=kinds, looks=looks, cost=cost, approach=track.approach,
            landing_legs=len(down_xy),
        )  # fmt: skip

    def _landing(self, track: Track, alt_amsl_m: float, home_amsl_m: float) -> tuple[FloatArray, FloatArray]:
        """Return the points after the last corner, (n, 2), and their heights: down on the spot, or circle and glide."""
        approach = track.approach
        if approach is None:
            return track.xy_m[-1:], np.array([home_amsl_m])
        low_m = home_amsl_m + approach.height_m
        rate = self.aircraft.descent_mps if alt_amsl_m > low_m else self.aircraft.climb_mps
        lap_m = abs(alt_amsl_m - low_m) * self.brief.speed_mps / rate
        turns = max(1, math.ceil(lap_m / (2.0 * math.pi * abs(approach.radius_m))))
        circle = approach.circle_m(turns)[1:]
        heights = alt_amsl_m + (low_m - alt_amsl_m) * np.arange(1, len(circle) + 1) / len(circle)
        return np.concatenate([circle, approach.touchdown_m[None, :]]), np.append(heights, home_amsl_m)

    @property
    def usable_wh(self) -> float:
        """What one battery gives above the reserve, watt-hours."""
        return self.aircraft.battery_wh * (1.0 - self.aircraft.reserve_pct / 100.0)

    def estimate_wh(self, site_m: FloatArray, pieces: list[LanePiece]) -> float:
        """Return the energy of a tour flown level and straight between its lanes: never more than the real one."""
        tour = best_tour(site_m, pieces)
        xy = np.concatenate([site_m[None, :], *(curve for curve, _ in tour), site_m[None, :]])
        return least_wh(self.aircraft, self.wind, east_m=xy[:, 0], north_m=xy[:, 1], speed_mps=self.brief.speed_mps)


def _append(
    xy: list[FloatArray],
    kinds: list[LegKind],
    looks: list[Look | None],
    line: FloatArray,
    kind: LegKind,
    look: Look | None,
) -> None:
    """Add a line that starts where the path ends, leaving out steps of no length."""
    points = np.concatenate([xy[-1][-1:], line])
    moved = np.hypot(*np.diff(points, axis=0).T) > 0.05
    if not moved.any():
        return
    xy.append(points[1:][moved])
    kinds += [kind] * int(moved.sum())
    looks += [look] * int(moved.sum())


def best_tour(site_m: FloatArray, pieces: list[LanePiece]) -> list[tuple[FloatArray, Look]]:
    """Return lane curves in flying order and direction, the shortest of the orders worth trying.

    Lanes are flown out and back alternately; as a closed loop the tour may be entered anywhere,
    so it is tried from each end and from the point of each piece nearest to the site.
    """
    loop = [
        (p.xy_m if place % 2 == 0 else p.xy_m[::-1], p.look)
        for place, group in enumerate(_by_lane(pieces))
        for p in (group if place % 2 == 0 else group[::-1])
    ]
    tours = [loop, [(xy[::-1], look) for xy, look in loop[::-1]]]
    for k, (xy, look) in enumerate(loop):
        split = _nearest_on(xy, site_m)
        if split is not None:
            tours.append([(split[1], look), *loop[k + 1 :], *loop[:k], (split[0], look)])
            tours.append([*loop[k:], *loop[:k]])
    return min(tours, key=lambda tour: _tour_length(site_m, tour))


def _by_lane(pieces: list[LanePiece]) -> list[list[LanePiece]]:
    lanes = sorted({p.lane for p in pieces})
    return [sorted((p for p in pieces if p.lane == n), key=lambda p: float(p.station_m[0])) for n in lanes]


def _nearest_on(xy: FloatArray, point: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    start, step = xy[:-1], np.diff(xy, axis=0)
    square = np.maximum((step**2).sum(axis=1), 1e-12)
    share = np.clip(((point - start) * step).sum(axis=1) / square, 0.0, 1.0)
    place = start + share[:, None] * step
    k = int(np.argmin(((place - point) ** 2).sum(axis=1)))
    first, second = np.concatenate([xy[: k + 1], place[k : k + 1]]), np.concatenate([place[k : k + 1], xy[k + 1 :]])
    ends = min(np.hypot(*(place[k] - xy[0])), np.hypot(*(place[k] - xy[-1])))
    return None if ends < 30.0 else (first, second)


def _tour_length(site_m: FloatArray, tour: list[tuple[FloatArray, Look]]) -> float:
    ends = np.array([site_m, *(p for xy, _ in tour for p in (xy[0], xy[-1])), site_m])
    return float(np.hypot(*(ends[1::2] - ends[0::2]).T).sum())
