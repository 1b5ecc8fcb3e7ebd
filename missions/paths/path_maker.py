"""From a section of lanes to one sortie's path: order, entry, connections, heights, time and battery."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.airspace.terrain_profile import FollowRules, follow
from missions.judging.return_rules import ALONG_THE_PATH, has_return_path
from missions.paths.flying_room import FlyingRoom
from missions.paths.landing import GLIDE_SPEED, Approach, find_approach
from missions.paths.lane_tours import Tour, back_along, repeated, tour_of
from missions.paths.track import Track, append_line, turning_track
from missions.performance.energy import PathCost, least_wh
from missions.plan import LegKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.airspace.routing import Router
    from missions.airspace.situation import Situation
    from missions.paths.lanes import LanePiece
    from missions.performance.performance import Performance
    from missions.sight.pointing import Pointing

    FloatArray = NDArray[np.float64]

FOLLOW_TOLERANCE_M: Final = 8.0
"""How far a path's height over ground may stray from the one asked before a waypoint is put in."""


WAYPOINTS_APART_M: Final = 100.0
"""How near to each other waypoints are put in on a straight leg: ten times PX4's acceptance radius."""
SAME_WH: Final = 0.05
"""Battery that is the same: a path on which it goes out and back has a corner more than the way there twice."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlightPath:
    """A sortie's path as flown: points with heights, leg kinds and pointings, times and energy used."""

    xy_m: FloatArray
    alt_amsl_m: FloatArray
    kinds: tuple[LegKind, ...]
    pointings: tuple[Pointing | None, ...]
    cost: PathCost
    needed_wh: float
    """Energy one battery must hold above its reserve for it."""
    approach: Approach | None = None
    takeoff_legs: int = 1
    """How many of the first legs the take-off takes: straight up, or the climb and its circle."""
    landing_legs: int = 1
    """How many of the last legs the landing takes: straight down, or the approach's circle and glide."""

    @property
    def duration_s(self) -> float:
        """Launch to landing, seconds."""
        return float(self.cost.seconds.sum())


class PathMaker(FlyingRoom):
    """Makes the sortie paths of one type of aircraft in one situation."""

    def __init__(self, situation: Situation, flown: Performance, router: Router) -> None:
        super().__init__(situation, flown, router)
        self._approaches: dict[tuple[float, ...], Approach | None] = {}
        climb = min(self.aircraft.climb_mps, self.aircraft.descent_mps)
        tail = self.wind.strongest_mps if flown.wing else 0.0
        self._rules = FollowRules(
            alt_agl_m=situation.brief.flight.alt_agl_m,
            tolerance_m=FOLLOW_TOLERANCE_M,
            max_slope=climb / (flown.speed_mps + tail),
        )

    def tour(self, site_m: FloatArray, pieces: list[LanePiece]) -> Tour:
        """Return the order and direction in which it flies lane pieces from a site."""
        return tour_of(site_m, pieces, self.radius_m)

    def path(self, tour: Tour, *, laps: int = 1) -> FlightPath | None:
        """Return the path from a site along a tour, so many times, and back; None where no free way exists."""
        track = self.track(tour, laps=laps)
        if track is None:
            return None
        path = self.fly(track)
        return path if path.needed_wh <= self.usable_wh else self._evened(path)

    def approach(self, site_m: FloatArray) -> Approach | None:
        """Return how a fixed wing lands at a site, or None where it cannot."""
        key = tuple(site_m.tolist())
        if key not in self._approaches:
            self._approaches[key] = find_approach(self, site_m)
        return self._approaches[key]

    def track(self, tour: Tour, *, laps: int = 1) -> Track | None:
        """Connect a tour's lanes through free air, from its site and back to it."""
        site_m = tour.site_m
        if self.radius_m > 0.0:
            approach, ways = self.approach(site_m), (tour.pieces, back_along(tour.pieces))
            pieces = [piece for lap in range(laps) for piece in ways[lap % 2]]
            return None if approach is None else turning_track(pieces, approach, self.radius_m, self.router)
        xy: list[FloatArray] = [site_m[None, :]]
        kinds: list[LegKind] = []
        pointings: list[Pointing | None] = []
        for index, (curve, pointing) in enumerate(repeated(tour.curves, laps)):
            link = self.router.route(xy[-1][-1], curve[0])
            if link is None:
                return None
            append_line(xy, kinds, pointings, link, LegKind.TRANSIT if index == 0 else LegKind.TURN, None)
            append_line(xy, kinds, pointings, curve, LegKind.WORK, pointing)
        home = self.router.route(xy[-1][-1], site_m)
        if home is None:
            return None
        append_line(xy, kinds, pointings, home, LegKind.RETURN, None)
        return Track(xy_m=np.concatenate(xy), kinds=tuple(kinds), pointings=tuple(pointings))

    def fly(self, track: Track) -> FlightPath:
        """Give a track heights over the ground, its take-off and landing, and its cost."""
        profile = follow(track.xy_m, self.situation.ground, self._rules)
        up = self._takeoff(track, profile.xy_m[0], float(profile.alt_amsl_m[0]))
        home = float(up[0, 2])
        down_xy, down_alt = self._landing(track, float(profile.alt_amsl_m[-1]), home)
        xy = np.concatenate([up[:, :2], profile.xy_m[1:], down_xy])
        alt = np.concatenate([up[:, 2], profile.alt_amsl_m[1:], down_alt])
        rising = len(up) - 1
        flown = tuple(track.kinds[k] for k in profile.leg)
        kinds = (*[LegKind.TRANSIT] * rising, *flown, *[LegKind.RETURN] * len(down_xy))
        pointings = (*[None] * rising, *(track.pointings[k] for k in profile.leg), *[None] * len(down_xy))
        speeds = np.full(len(kinds), self.flown.speed_mps)
        if track.approach is not None:
            speeds[-1] *= GLIDE_SPEED
        cost = self.flown.flight_cost(xy, alt, speeds)
        return FlightPath(
            xy_m=xy, alt_amsl_m=alt, kinds=kinds, pointings=pointings, cost=cost, approach=track.approach,
            takeoff_legs=rising, landing_legs=len(down_xy), needed_wh=self._needed_wh(xy, alt, cost),
        )  # fmt: skip

    def _needed_wh(self, xy_m: FloatArray, alt_amsl_m: FloatArray, cost: PathCost) -> float:
        """Return the energy of a path, and of the way back along it from its dearest place where returns retrace it."""
        way = self.situation.brief.failsafe.way
        if way not in ALONG_THE_PATH:
            return cost.total_wh
        back = self.flown.cost(xy_m[::-1], alt_amsl_m[::-1])
        there_and_back = np.cumsum(cost.energy_wh) + np.cumsum(back.energy_wh[::-1])
        if way == "mission" and has_return_path(self.flown):
            flown_s = np.cumsum(cost.seconds)
            turns_back = max(int(np.searchsorted(flown_s, flown_s[-1] / 2.0)), 1)
        else:
            turns_back = len(there_and_back) - 1 if self.flown.dialect == "ardupilot" else -(-len(there_and_back) // 2)
        return max(cost.total_wh, float(there_and_back[:turns_back].max()))

    def _evened(self, path: FlightPath) -> FlightPath:
        """Return a path that turns back later, with waypoints on the longest leg of its way out.

        PX4 goes back where fewer items lie behind it than before it (RTL_TYPE 4): with few of them on a long way out
        it would go back from beyond the middle of its battery.
        """
        if self.flown.dialect != "px4" or self.flown.wing or self.situation.brief.failsafe.way not in ALONG_THE_PATH:
            return path
        back = self.flown.cost(path.xy_m[::-1], path.alt_amsl_m[::-1])
        there_and_back = np.cumsum(path.cost.energy_wh) + np.cumsum(back.energy_wh[::-1])
        early = int(np.argmax(there_and_back > path.cost.total_wh + SAME_WH))
        more = len(path.kinds) - 2 * early
        out_m = np.hypot(*np.diff(path.xy_m, axis=0).T)[:early] * [k is LegKind.TRANSIT for k in path.kinds[:early]]
        if not early or more <= 0 or out_m.max() < (more + 1) * WAYPOINTS_APART_M:
            return path
        at = int(np.argmax(out_m))
        share = np.linspace(0.0, 1.0, more + 2)[1:-1]
        between = [v[at] + np.multiply.outer(share, v[at + 1] - v[at]) for v in (path.xy_m, path.alt_amsl_m)]
        xy, alt = (
            np.insert(v, at + 1, new, axis=0) for v, new in zip((path.xy_m, path.alt_amsl_m), between, strict=True)
        )
        cost = self.flown.cost(xy, alt)
        return dataclasses.replace(
            path, xy_m=xy, alt_amsl_m=alt, cost=cost, needed_wh=self._needed_wh(xy, alt, cost),
            kinds=(*path.kinds[:at], *[path.kinds[at]] * more, *path.kinds[at:]),
            pointings=(*path.pointings[:at], *[path.pointings[at]] * more, *path.pointings[at:]),
        )  # fmt: skip

    def _takeoff(self, track: Track, first_m: FloatArray, alt_amsl_m: float) -> FloatArray:
        """Return the points from the ground to where the track begins, (n, 3): on the spot, or climb and circle."""
        departure = None if track.approach is None else track.approach.departure
        site = first_m if departure is None else departure.launch_m
        home = float(self.situation.ground.at(site[None, :])[0])
        if departure is None:
            return np.array([[*site, home], [*site, alt_amsl_m]])
        return departure.climb(home, alt_amsl_m)

    def _landing(self, track: Track, alt_amsl_m: float, home_amsl_m: float) -> tuple[FloatArray, FloatArray]:
        """Return the points after the last corner, (n, 2), and their heights: down on the spot, or circle and glide."""
        approach = track.approach
        if approach is None:
            return track.xy_m[-1:], np.array([home_amsl_m])
        low_m = home_amsl_m + approach.height_m
        rate = self.aircraft.descent_mps if alt_amsl_m > low_m else self.aircraft.climb_mps
        lap_m = abs(alt_amsl_m - low_m) * self.flown.speed_mps / rate
        turns = max(1, math.ceil(lap_m / (2.0 * math.pi * abs(approach.radius_m))))
        circle = approach.circle_m(turns)[1:]
        heights = alt_amsl_m + (low_m - alt_amsl_m) * np.arange(1, len(circle) + 1) / len(circle)
        return np.concatenate([circle, approach.touchdown_m[None, :]]), np.append(heights, home_amsl_m)

    @property
    def usable_wh(self) -> float:
        """What one battery gives above the reserve and what breaking off may cost more than flying on, watt-hours."""
        along = self.situation.brief.failsafe.way in ALONG_THE_PATH
        kept_pct = self.flown.kept_pct(along_path=along)
        return self.aircraft.battery_wh * (1.0 - kept_pct / 100.0)

    def estimate_wh(self, tour: Tour) -> float:
        """Return the energy of a tour flown level and straight between its lanes: never more than the real one."""
        xy = np.concatenate([tour.site_m[None, :], *(curve for curve, _ in tour.curves), tour.site_m[None, :]])
        return least_wh(self.aircraft, self.wind, east_m=xy[:, 0], north_m=xy[:, 1], speed_mps=self.flown.speed_mps)
