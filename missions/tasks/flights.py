"""A search's path cut into flights: each as long as one battery flies, the next goes on from there."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Final, NoReturn

import numpy as np
import shapely

from missions.capacity import capacity_of
from missions.errors import PlanRefusedError
from missions.paths.track import Track
from missions.paths.turning_flight import lanes_track, lines_track, work_lines
from missions.plan import LegKind
from missions.sight.pointing import STRAIGHT_DOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.airspace.situation import Situation
    from missions.fleet.sections import Detachment
    from missions.paths.path_maker import FlightPath, PathMaker
    from missions.patterns.free_air import FreePath

    FloatArray = NDArray[np.float64]

SPLIT_M: Final = 250.0
"""A sortie may end and the next begin anywhere along a leg, at this grain."""
MAX_SORTIES: Final = 200
EVEN_STEPS: Final = 7
"""Bisections on the length of the longest flight, to a hundredth of the span."""
OTHER_ITEMS: Final = 20
"""Mission items that are neither waypoints nor the camera's pointing, at most: take-off, speed, video, landing."""
ON_LANE_M: Final = 1.0
LEFT_OUT: Final = 0.3
"""A lane of which less than this share was flown was left out."""
WORTH_SPLITTING: Final = 0.8
"""More aircraft than the batteries ask for fly where that shortens the longest flight to this share or less."""
MAX_PAIRS: Final = 120
"""Most flights times sites for which flights from every site are worked out."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """A search's path in pieces: (n, 2) points, the kinds of the n - 1 legs, whether its lanes may be reordered."""

    points: FloatArray
    kinds: tuple[LegKind, ...]
    any_order: bool

    def part(self, first: int, end: int) -> Course:
        """Return the legs from one number up to another, without turns at either end."""
        while first < end and self.kinds[first] is LegKind.TURN:
            first += 1
        while end > first and self.kinds[end - 1] is LegKind.TURN:
            end -= 1
        return dataclasses.replace(self, points=self.points[first : end + 1], kinds=self.kinds[first:end])

    def work_from(self, first: int) -> int:
        """Return the number of the first leg at or after one that is no turn."""
        return next((k for k in range(first, len(self.kinds)) if self.kinds[k] is not LegKind.TURN), len(self.kinds))


def flights_of(detachment: Detachment, path: FreePath, *, any_order: bool, crew: int) -> list[dict[int, FlightPath]]:
    """Return a search's flights in order, by launch site: the nearest to where each begins, and any other that can.

    Parameters
    ----------
    any_order
        Whether an aircraft with a turn radius may fly the work legs of one battery in another order.
    crew
        Aircraft that may share the search; 1 for one that is to be flown in one go.

    Raises
    ------
    PlanRefusedError
        Where no battery reaches the search, or it takes too many sorties.
    """
    maker, sites = detachment.maker, detachment.maker.situation.corridor.sites
    cutter = _Cutter(detachment, _split(path, any_order=any_order))
    cut, done = cutter.cut(math.inf, MAX_SORTIES)
    if done < cutter.end:
        _refuse(cutter, len(cut), done)
    cut = cutter.evened(cut, crew)
    if maker.radius_m > 0.0 and any_order:
        cut += _second_try(detachment, cut)
    flights = [{one.site: one.path} for one in cut]
    if len(flights) * len(detachment.sites) <= MAX_PAIRS:
        for known, one in zip(flights, cut, strict=True):
            for site in sorted(set(detachment.sites) - set(known)):
                flown = flight(maker, sites[site], one.part)
                if flown is not None and flown.needed_wh <= maker.usable_wh:
                    known[site] = flown
    return flights


def _second_try(detachment: Detachment, cut: Sequence[_Cut]) -> list[_Cut]:
    """Return flights over the lanes that were left out because no turn led to them in the order they were flown in."""
    left: list[FloatArray] = []
    for one in cut:
        steps = np.stack([one.path.xy_m[:-1], one.path.xy_m[1:]], axis=1)
        work = np.array([kind is LegKind.WORK for kind in one.path.kinds])
        flown = shapely.buffer(shapely.multilinestrings(list(steps[work])), ON_LANE_M)
        lanes = work_lines(*_merged(one.part), detachment.maker.radius_m)
        left += [
            lane for lane in lanes if shapely.LineString(lane).intersection(flown).length < LEFT_OUT * _length_m(lane)
        ]
    if not left:
        return []
    kinds = [kind for lane in left for kind in (*[LegKind.WORK] * (len(lane) - 1), LegKind.TURN)][:-1]
    course = Course(points=np.concatenate(left), kinds=tuple(kinds), any_order=True)
    return _Cutter(detachment, course).cut(math.inf, MAX_SORTIES)[0]


def _length_m(line: FloatArray) -> float:
    return float(np.hypot(*np.diff(line, axis=0).T).sum())


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cut:
    """One flight of a search: its launch site, its legs and its path."""

    site: int
    part: Course
    path: FlightPath


class _Cutter:
    """Cuts one search into flights from the sites nearest to where they begin."""

    def __init__(self, detachment: Detachment, course: Course) -> None:
        self.maker = detachment.maker
        self.situation = detachment.maker.situation
        self.sites = self.situation.corridor.sites
        self._own = np.array(detachment.sites)
        self.course = course
        self.end = len(course.kinds)
        self.most_items = capacity_of(self.maker.flown.dialect, fixed_wing=self.maker.flown.wing).items

    def nearest(self, leg: int) -> int:
        """Return the site nearest to where a leg begins."""
        away = np.hypot(*(self.sites[self._own] - self.course.points[leg]).T)
        return int(self._own[np.argmin(away)])

    def cut(self, longest_s: float, most: int) -> tuple[list[_Cut], int]:
        """Return up to `most` flights, each as long as a battery and the time allow, and the first leg not flown."""
        flights: list[_Cut] = []
        done = 0
        while (done := self.course.work_from(done)) < self.end and len(flights) < most:
            site = self.nearest(done)
            flown, end = self._longest(site, done, longest_s)
            if flown is None:
                break
            flights.append(_Cut(site=site, part=self.course.part(done, end), path=flown))
            done = end
        return flights, done

    def evened(self, flights: list[_Cut], crew: int) -> list[_Cut]:
        """Return flights of about one length, as many as a crew flies in the same number of rounds, where shorter.

        The search is done when all aircraft are back, so the longest flight is made as short as it can be, by
        bisection. More flights are worth it from a certain gain on.
        """
        if crew < 2 or not flights:
            return flights
        most = math.ceil(len(flights) / crew) * crew
        best, high = flights, max(f.path.duration_s for f in flights)
        low = sum(f.path.duration_s for f in flights) / most
        for _ in range(EVEN_STEPS):
            middle = (low + high) / 2.0
            tried, done = self.cut(middle, most)
            if done < self.end:
                low = middle
            else:
                best, high = tried, max(f.path.duration_s for f in tried)
        return best if high <= WORTH_SPLITTING * max(f.path.duration_s for f in flights) else flights

    def _longest(self, site: int, first: int, longest_s: float) -> tuple[FlightPath | None, int]:
        """Find the longest run of legs from `first` that one battery flies in a time, there and back, by bisection."""
        best: tuple[FlightPath | None, int] = (None, first)
        low, high = first + 1, first + self._flyable(first)
        probe = high
        while low <= high:
            middle, probe = (probe, 0) if probe else ((low + high) // 2, 0)
            flown = flight(self.maker, self.sites[site], self.course.part(first, middle))
            if flown is not None and self._fits(flown, longest_s):
                best, low = (flown, middle), middle + 1
            else:
                high = middle - 1
        return best

    def _fits(self, flown: FlightPath, longest_s: float) -> bool:
        """Tell whether one battery, the time and the autopilot's mission storage hold a flight."""
        pointings = sum(a != b for a, b in itertools.pairwise(flown.pointings))
        items = len(flown.kinds) + pointings + OTHER_ITEMS
        return flown.needed_wh <= self.maker.usable_wh and flown.duration_s <= longest_s and items <= self.most_items

    def _flyable(self, first: int) -> int:
        """Return how many legs one battery could fly at the very most, with no way out or home."""
        aircraft = self.maker.aircraft
        fastest_mps = aircraft.max_airspeed_mps + self.maker.wind.strongest_mps
        limit_m = fastest_mps * 3600.0 * self.maker.usable_wh / min(aircraft.cruise_power_w, aircraft.hover_power_w)
        flown_m = np.cumsum(np.hypot(*np.diff(self.course.points[first:], axis=0).T))
        return max(1, min(len(flown_m), int(np.searchsorted(flown_m, limit_m)) + 1))


def _refuse(cutter: _Cutter, count: int, leg: int) -> NoReturn:
    if count >= MAX_SORTIES:
        raise PlanRefusedError(
            f"the search takes more than {MAX_SORTIES} sorties; make the area smaller or the swath wider",
            rule="search",
        )
    site, here, radius_m = cutter.nearest(leg), cutter.course.points[leg], cutter.maker.radius_m
    if radius_m > 0.0 and flight(cutter.maker, cutter.sites[site], cutter.course.part(leg, leg + 1)) is None:
        _refuse_turn(cutter, here)
    refuse_reach(cutter.situation, here, site)


def _split(path: FreePath, *, any_order: bool) -> Course:
    points, kinds = [path.xy_m[:1]], []
    for start, end, kind in zip(path.xy_m[:-1], path.xy_m[1:], path.kinds, strict=True):
        count = max(1, math.ceil(float(np.hypot(*(end - start))) / SPLIT_M))
        share = np.arange(1, count + 1)[:, None] / count
        points.append(start + share * (end - start))
        kinds += [kind] * count
    return Course(points=np.concatenate(points), kinds=tuple(kinds), any_order=any_order)


def flight(maker: PathMaker, site: FloatArray, part: Course) -> FlightPath | None:
    """Return the flight from a site over part of a search and back, or None where there is no way."""
    xy, legs = _merged(part)
    if maker.radius_m > 0.0:
        lines = work_lines(xy, legs, maker.radius_m)
        track = lanes_track(maker, site, lines) if part.any_order else lines_track(maker, site, lines)
        return None if track is None else maker.fly(track)
    out, home = maker.router.route(site, xy[0]), maker.router.route(xy[-1], site)
    if out is None or home is None:
        return None
    every = np.concatenate([out[:-1], xy, home[1:]])
    all_kinds = [LegKind.TRANSIT] * (len(out) - 1) + legs + [LegKind.RETURN] * (len(home) - 1)
    step = np.hypot(*np.diff(every, axis=0).T) > 0.05
    kept = [kind for kind, moved in zip(all_kinds, step, strict=True) if moved]
    if not kept:
        return None
    pointings = tuple(STRAIGHT_DOWN if kind in (LegKind.WORK, LegKind.TURN) else None for kind in kept)
    return maker.fly(Track(xy_m=every[np.append(True, step)], kinds=tuple(kept), pointings=pointings))


def _merged(part: Course) -> tuple[FloatArray, list[LegKind]]:
    """Join legs that go straight on in the same kind, so that splitting leaves no waypoints behind."""
    xy: list[FloatArray] = [part.points[0]]
    legs: list[LegKind] = []
    for index, kind in enumerate(part.kinds):
        if legs and legs[-1] is kind and _straight(part.points[index - 1 : index + 2]):
            xy[-1] = part.points[index + 1]
            continue
        xy.append(part.points[index + 1])
        legs.append(kind)
    return np.array(xy), legs


def _straight(three: FloatArray) -> bool:
    before, step = np.diff(three, axis=0)
    across = abs(before[0] * step[1] - before[1] * step[0])
    return bool(across < 1e-6 * np.hypot(*before) * np.hypot(*step) + 1e-9 and before @ step > 0.0)


def refuse_reach(situation: Situation, point: FloatArray, site: int) -> NoReturn:
    """Refuse a search that one battery does not reach, naming the place and its distance."""
    lats, lons = situation.frame.to_degrees(point[None, :])
    distance_km = float(np.hypot(*(situation.corridor.sites[site] - point))) / 1000.0
    raise PlanRefusedError(
        f"no battery reaches the search at {lats[0]:.6f}, {lons[0]:.6f} and comes back: it is {distance_km:.1f} km "
        f"from {situation.brief.launch[site].name!r}, the nearest site; add a launch site nearer to it, or take a "
        "larger battery",
        rule="endurance",
    )


def _refuse_turn(cutter: _Cutter, point: FloatArray) -> NoReturn:
    lats, lons = cutter.situation.frame.to_degrees(point[None, :])
    radius_m = cutter.maker.radius_m
    raise PlanRefusedError(
        f"{cutter.maker.flown.label} cannot fly the search at {lats[0]:.6f}, {lons[0]:.6f}: it turns with a radius of "
        f"{radius_m:.0f} m over the ground in this wind, and there is no free way in or out with it; use a larger "
        "radius or spacing, move the search into wider free air, or take a multirotor",
        rule="turn radius", limit=radius_m,
    )  # fmt: skip
