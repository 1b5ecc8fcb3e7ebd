"""An alarm at a place: a judged sortie for the nearest aircraft of a plan, from its site or from where it flies.

Nothing here moves an aircraft. The sortie is written like any other, and flies when a named person lets it.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from geo.geodesy import forward, geodetic_to_ecef, inverse
from geo.values import Geodetic
from missions.airspace.fence import fence_items, rally_in_reach
from missions.airspace.ground_file import read_ground
from missions.airspace.routing import Router
from missions.airspace.terrain_profile import PlaneGround
from missions.checks.check import check_document
from missions.checks.check_corridor import corridor_holding
from missions.errors import PlanRefusedError
from missions.fleet.whereabouts import Midair, midair, whereabouts
from missions.judging.judge import judge_sortie
from missions.paths.items import rally_items
from missions.paths.path_maker import PathMaker
from missions.paths.sortie import build_sortie
from missions.paths.track import Track
from missions.patterns.watch import EYE_M, line_of_sight
from missions.performance.aircraft import AircraftKind
from missions.plan import Flight, LegKind, Plan, Severity
from missions.plan_files.dialect import PATH_COMMANDS
from missions.plan_files.plan_document import document_from_sortie
from missions.tasks.watching import SeaLevelTerrain, holding, towards_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor
    from missions.airspace.terrain_profile import GroundHeights
    from missions.briefs.brief import Brief
    from missions.fleet.whereabouts import Whereabouts
    from missions.paths.path_maker import FlightPath
    from missions.plan import MissionItem, Sortie

    FloatArray = NDArray[np.float64]

LEAD_S: Final = 30.0
"""An aircraft in the air flies on for this long before the way to the alarm begins: a person has to release it."""
AZIMUTHS: Final = 36
RADII: Final = (0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
"""Distances to watch from that are tried, as shares of the height flown: from steep to slant."""
POSTS: Final = 5
"""Places to watch from that are tried for one aircraft."""
KEPT_PCT: Final = 3.0
"""Battery kept back from the wait there, for a break-off in its last minute."""
TAKEOFF: Final = 22
WAYPOINT: Final = 16
NAME: Final = "S01"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The sortie that answers an alarm."""

    plan: Plan
    who: Whereabouts
    arrives_in_s: float
    """From the alarm until the place is watched: waiting, climbing and flying there."""
    first_item: int
    """The item that begins the way to the alarm; 0 where the sortie begins on the ground."""
    passed_over: tuple[str, ...]
    """Aircraft that would have been sooner, each with what speaks against it."""


def respond(plan: Plan, brief: Brief, *, lat_deg: float, lon_deg: float, at_s: float) -> Response:
    """Return a sortie that watches a place, by the aircraft of the plan that is there soonest.

    Each aircraft is tried in the order of its estimated arrival; the sortie is judged by its written items, as
    `vedette check` does, and the first that breaks no rule is taken.

    Parameters
    ----------
    at_s
        When the alarm comes, seconds after the patrol began.

    Raises
    ------
    PlanRefusedError
        When no aircraft of the plan can watch the place and keep the rules, with the reason for each.
    """
    asked = _Alarm(_as_flown(plan, brief), lat_deg, lon_deg, at_s)
    refused: list[str] = []
    for who in sorted(asked.candidates(plan), key=lambda w: (asked.estimate_s(w), w.aircraft)):
        told = "has no way to a place that sees it"
        for post in range(POSTS):
            try:
                made = asked.sortie(who, post)
            except PlanRefusedError as error:
                told = error.message
                break
            response = asked.plan(plan, who, made.sortie)
            broken = [f.message for f in response.findings if f.severity is Severity.ERROR]
            if not broken:
                return Response(
                    plan=response, who=who, arrives_in_s=made.arrives_in_s, first_item=made.first_item,
                    passed_over=tuple(refused),
                )  # fmt: skip
            told = broken[0]
        refused.append(f"aircraft {who.aircraft}: {told}")
    raise PlanRefusedError(
        f"no aircraft of plan {plan.name!r} can watch {lat_deg:.6f}, {lon_deg:.6f}: {'; '.join(refused)}",
        rule="response",
    )


def _as_flown(plan: Plan, brief: Brief) -> Brief:
    """Return the brief with the way home that the plan was made for, where the brief leaves it open."""
    if brief.failsafe.way != "auto":
        return brief
    retraced = any(finding.rule == "returns" for finding in plan.findings)
    return brief.returning(way="retrace" if retraced else "straight")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """One way to answer an alarm, before it is judged."""

    sortie: Sortie
    first_item: int
    arrives_in_s: float


class _Alarm:
    """One alarm: its place, the ground about it, and the air of each type of aircraft, worked out once."""

    def __init__(self, brief: Brief, lat_deg: float, lon_deg: float, at_s: float) -> None:
        self.brief = brief
        self.at_s = at_s
        self.ground: GroundHeights = read_ground(brief.terrain)
        height_m = float(self.ground.amsl_m(np.array([lat_deg]), np.array([lon_deg]))[0])
        if math.isnan(height_m):
            raise PlanRefusedError(
                f"the terrain has no height at {lat_deg:.6f}, {lon_deg:.6f}; give terrain that reaches there",
                rule="terrain",
            )
        self.target = Geodetic(lat_deg=lat_deg, lon_deg=lon_deg, alt_hae_m=height_m)
        self._makers: dict[str, tuple[Brief, Corridor, PathMaker]] = {}

    def maker(self, label: str) -> tuple[Brief, Corridor, PathMaker]:
        """Return the brief of a type of aircraft, its air, and what makes its paths."""
        if label not in self._makers:
            own = self.brief.of(label)
            corridor = corridor_holding(
                own, np.array([self.target.lat_deg]), np.array([self.target.lon_deg]), self.ground
            )
            plane = PlaneGround(frame=corridor.frame, heights=self.ground)
            router = Router(corridor.free, corridor.quiet)
            self._makers[label] = own, corridor, PathMaker(own, router, plane, corridor.wind)
        return self._makers[label]

    def candidates(self, plan: Plan) -> list[Whereabouts]:
        """Return every aircraft of a plan; one that comes down before it could be turned is as good as landed."""
        swap_s = {fleet.label: fleet.aircraft.swap_s for fleet in self.brief.fleets}
        return [self._landed(who, swap_s[who.type_label]) for who in whereabouts(plan, self.at_s, swap_s)]

    def _landed(self, who: Whereabouts, swap_s: float) -> Whereabouts:
        if who.sortie is None or midair(who.sortie, self.at_s + LEAD_S) is not None:
            return who
        wait_s = max(0.0, who.sortie.legs[-1].t_end_s - self.at_s) + swap_s
        return dataclasses.replace(who, sortie=None, ready_in_s=wait_s)

    def estimate_s(self, who: Whereabouts) -> float:
        """Return how soon an aircraft could be there in a straight line."""
        own = self.brief.of(who.type_label)
        here = None if who.sortie is None else midair(who.sortie, self.at_s + LEAD_S)
        if here is None:
            site = next(s for s in own.launch if s.name == who.site)
            place = (site.lat_deg, site.lon_deg)
            wait_s = who.ready_in_s + own.flight.alt_agl_m / own.aircraft.aircraft.climb_mps
        else:
            place, wait_s = (here.last.lat_end_deg, here.last.lon_end_deg), LEAD_S
        return wait_s + float(inverse(*place, self.target.lat_deg, self.target.lon_deg)[0]) / own.speed_mps

    def sortie(self, who: Whereabouts, post: int) -> _Made:
        """Return a sortie to the alarm that watches it from the post with that number."""
        own, corridor, maker = self.maker(who.type_label)
        if own.aircraft.aircraft.kind is AircraftKind.FIXED_WING:
            raise PlanRefusedError("a fixed wing cannot hold a place; plan an orbit with vedette search point")
        number = next(k for k, site in enumerate(own.launch) if site.name == who.site)
        home_m = corridor.sites[number]
        if who.sortie is None:
            start_s = round(self.at_s + who.ready_in_s, 3)
            flown = self._fly(maker, corridor, (home_m, home_m), post)
            made = build_sortie(own, corridor, flown, site=number, name=NAME, t_start_s=start_s)
            made = holding(made, own, spare_wh=self._spare_wh(maker) - flown.needed_wh)
            return _Made(sortie=self._aimed(made), first_item=0, arrives_in_s=_arrival_s(made) - self.at_s)
        here = midair(who.sortie, self.at_s + LEAD_S)
        if here is None:
            raise PlanRefusedError("takes off or lands just then")
        at_m = corridor.frame.to_plane(np.array([here.last.lat_end_deg]), np.array([here.last.lon_end_deg]))[0]
        flown = self._fly(maker, corridor, (at_m, home_m), post)
        spent_wh = maker.aircraft.battery_wh * (100.0 - here.last.battery_end_pct) / 100.0
        if (spare_wh := self._spare_wh(maker) - spent_wh - flown.needed_wh) < 0.0:
            raise PlanRefusedError("has not enough battery left to fly there and home", rule="endurance")
        onward = build_sortie(own, corridor, flown, site=number, name=NAME, t_start_s=here.last.t_end_s)
        onward = holding(onward, own, spare_wh=spare_wh)
        made, first_item = _joined(who.sortie, here, self._aimed(onward))
        fenced = _fenced(made, own, corridor)
        return _Made(sortie=fenced, first_item=first_item, arrives_in_s=_arrival_s(made) - self.at_s)

    @staticmethod
    def _spare_wh(maker: PathMaker) -> float:
        return maker.usable_wh - maker.aircraft.battery_wh * KEPT_PCT / 100.0

    def _fly(
        self, maker: PathMaker, corridor: Corridor, ends_m: tuple[FloatArray, FloatArray], post: int
    ) -> FlightPath:
        """Return the path from a place by a post to where it lands."""
        start_m, home_m = ends_m
        ways = self._ways(maker.router, corridor, start_m, home_m)
        way = next(itertools.islice(ways, post, None), None)
        if way is None:
            raise PlanRefusedError("there is no other free way to a place that sees it")
        out, back = way
        xy = np.concatenate([out, back[1:]])
        kinds = [LegKind.TRANSIT] * (len(out) - 1) + [LegKind.RETURN] * (len(back) - 1)
        moved = np.hypot(*np.diff(xy, axis=0).T) > 0.05
        kept = tuple(kind for kind, m in zip(kinds, moved, strict=True) if m)
        if not kept:
            raise PlanRefusedError("the place is watched from the launch site itself")
        flown = maker.fly(Track(xy_m=xy[np.append(True, moved)], kinds=kept, looks=(None,) * len(kept)))
        if not flown.needed_wh <= self._spare_wh(maker):
            raise PlanRefusedError("no battery flies there and home", rule="endurance")
        return flown

    def _ways(
        self, router: Router, corridor: Corridor, start_m: FloatArray, home_m: FloatArray
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Go over ways to the posts and home, the soonest reached of each ring first, then its opposite."""
        for ring in self._posts(corridor, start_m):
            for post in (ring[0], ring[-1]) if len(ring) > 1 else ring:
                out, back = router.route(start_m, post), router.route(post, home_m)
                if out is not None and back is not None:
                    yield out, back

    def _posts(self, corridor: Corridor, start_m: FloatArray) -> Iterator[list[FloatArray]]:
        """Go over rings about the alarm: the places on each that are in free air and see it, the nearest first."""
        high_m = self.brief.flight.alt_agl_m
        eye = dataclasses.replace(self.target, alt_hae_m=self.target.alt_hae_m + EYE_M)
        away_m = float(shapely.distance(corridor.free, shapely.Point(self._target_m(corridor))))
        for radius_m in (max(away_m + 1.0, 0.0) + share * high_m for share in RADII):
            lat, lon = forward(
                self.target.lat_deg, self.target.lon_deg, np.arange(AZIMUTHS) * 360.0 / AZIMUTHS, radius_m
            )
            xy = corridor.frame.to_plane(lat, lon)
            heights = self.ground.amsl_m(lat, lon) + high_m
            seen = line_of_sight(SeaLevelTerrain(self.ground), geodetic_to_ecef(lat, lon, heights), eye)
            good = shapely.contains_xy(corridor.free, *xy.T) & seen & np.isfinite(heights)
            if good.any():
                near = np.argsort(np.hypot(*(xy - start_m).T))
                yield [xy[k] for k in near.tolist() if good[k]]

    def _target_m(self, corridor: Corridor) -> FloatArray:
        lat, lon = np.array([self.target.lat_deg]), np.array([self.target.lon_deg])
        return np.asarray(corridor.frame.to_plane(lat, lon)[0])

    def _aimed(self, sortie: Sortie) -> Sortie:
        return towards_target(sortie, (self.target.lon_deg, self.target.lat_deg), self.ground)

    def plan(self, patrol: Plan, who: Whereabouts, sortie: Sortie) -> Plan:
        """Return the plan of one judged sortie: what the judge of planned paths and that of written items say."""
        own, corridor, maker = self.maker(who.type_label)
        judged = judge_sortie(own, corridor, maker.ground, sortie)
        document = document_from_sortie(judged.sortie, patrol.dialect)
        written = check_document(document, name=NAME, brief=own).findings
        known = {(f.rule, f.severity) for f in judged.findings}
        return Plan(
            name=f"{patrol.name} response"[:64],
            dialect=patrol.dialect,
            sorties=(judged.sortie,),
            findings=(*judged.findings, *(f for f in written if (f.rule, f.severity) not in known)),
            required_standoff_m=own.standoff.asked_m,
            min_standoff_m=round(judged.kept_m, 3),
            worst_revisit_s=math.nan,
            corridor_m2=math.nan,
            covered_pct=math.nan,
            flights=(
                Flight(
                    sortie=NAME, aircraft=who.aircraft, site=who.site, t_takeoff_s=sortie.t_start_s,
                    t_landing_s=sortie.legs[-1].t_end_s,
                ),
            ),
            start_utc=patrol.start_utc,
        )  # fmt: skip


def _arrival_s(sortie: Sortie) -> float:
    """Return when a sortie begins to watch: its hold."""
    return next(leg.t_start_s for leg in sortie.legs if leg.kind is LegKind.TURN and leg.speed_mps == 0.0)


def _joined(sortie: Sortie, here: Midair, onward: Sortie) -> tuple[Sortie, int]:
    """Return a sortie with another ending from a place in the air on, and the number of the item that begins it."""
    spent_pct = 100.0 - here.last.battery_end_pct
    base_m = onward.home_alt_amsl_m - sortie.home_alt_amsl_m
    legs = [
        dataclasses.replace(leg, battery_end_pct=round(leg.battery_end_pct - spent_pct, 3)) for leg in onward.legs[1:]
    ]
    legs[0] = dataclasses.replace(legs[0], alt_amsl_start_m=here.last.alt_amsl_end_m)
    legs[-1] = dataclasses.replace(legs[-1], alt_amsl_end_m=sortie.home_alt_amsl_m)
    before = _items_before(sortie, len(here.flown) - 1)
    beginning = next(item for item in onward.items if item.command == TAKEOFF)
    turn = dataclasses.replace(
        beginning,
        command=WAYPOINT,
        lat_deg=here.last.lat_end_deg,
        lon_deg=here.last.lon_end_deg,
        alt_m=round(here.last.alt_amsl_end_m - sortie.home_alt_amsl_m, 2),
        p4=math.nan if math.isnan(beginning.p4) else 0.0,
    )
    after = [_raised(item, base_m) for item in onward.items if item is not beginning]
    items = (*before, turn, *after)
    every = (*here.flown, *legs)
    made = dataclasses.replace(
        sortie,
        name=NAME,
        legs=tuple(dataclasses.replace(leg, seq=k) for k, leg in enumerate(every)),
        items=tuple(dataclasses.replace(item, seq=k, current=k == 0) for k, item in enumerate(items)),
    )
    return made, len(before)


def _fenced(sortie: Sortie, own: Brief, corridor: Corridor) -> Sortie:
    """Give a sortie the fence and the rally points of its whole path."""
    places = [(leg.lat_end_deg, leg.lon_end_deg) for leg in sortie.legs]
    lat, lon = np.array([(sortie.home_lat_deg, sortie.home_lon_deg), *places]).T
    path_m = corridor.frame.to_plane(lat, lon)
    path_m = path_m[np.append(True, np.hypot(*np.diff(path_m, axis=0).T) > 0.05)]
    rally = rally_items(rally_in_reach(corridor, path_m, own.rally))
    return dataclasses.replace(sortie, fence=fence_items(corridor, path_m, own), rally=rally)


def _raised(item: MissionItem, by_m: float) -> MissionItem:
    """Count an item's height from the sortie's home, not from the ground where the new way begins."""
    landing = item.command == 21
    placed = item.frame == 3 and not math.isnan(item.lat_deg)
    return dataclasses.replace(item, alt_m=round(item.alt_m + by_m, 2)) if placed and not landing else item


def _items_before(sortie: Sortie, legs: int) -> tuple[MissionItem, ...]:
    """Return the items of the first legs of a sortie: each leg ends at one place that is flown to."""
    count = 0
    for k, item in enumerate(sortie.items):
        count += item.command in PATH_COMMANDS
        if count > legs:
            return sortie.items[:k]
    return sortie.items
