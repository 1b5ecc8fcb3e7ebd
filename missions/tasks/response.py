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
from missions.airspace.far_places import refuse_far_places
from missions.airspace.routing import Router
from missions.checks.check import check_document
from missions.errors import PlanRefusedError
from missions.failsafes.return_path import return_path_of
from missions.fleet.whereabouts import midair, whereabouts
from missions.judging.judge import judge_sortie
from missions.paths.path_maker import PathMaker
from missions.paths.sortie import build_sortie
from missions.paths.track import Track
from missions.patterns.watch import EYE_M, line_of_sight
from missions.plan import Flight, LegKind, Plan, Severity
from missions.plan_files.plan_document import document_from_sortie
from missions.planned import Planned
from missions.sight.coverage import cover
from missions.tasks.diversion import fenced, joined
from missions.tasks.watching import SeaLevelTerrain, holding, towards_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from missions.airspace.situation import Situation
    from missions.airspace.terrain_profile import GroundHeights
    from missions.fleet.whereabouts import Whereabouts
    from missions.paths.path_maker import FlightPath
    from missions.plan import Sortie

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
NAME: Final = "S01"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The sortie that answers an alarm."""

    planned: Planned
    who: Whereabouts
    arrives_in_s: float
    """From the alarm until the place is watched: waiting, climbing and flying there."""
    first_item: int
    """The item that begins the way to the alarm; 0 where the sortie begins on the ground."""
    passed_over: tuple[str, ...]
    """Aircraft that would have been sooner, each with what speaks against it."""


def respond(plan: Plan, situation: Situation, *, lat_deg: float, lon_deg: float, at_s: float) -> Response:
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
    asked = _Alarm(_as_flown(plan, situation), lat_deg, lon_deg, at_s)
    refused: list[str] = []
    for who in sorted(asked.candidates(plan), key=lambda w: (asked.estimate_s(w), w.aircraft)):
        told = "has no way to a place that sees it"
        for post in range(POSTS):
            try:
                made = asked.sortie(who, post)
            except PlanRefusedError as error:
                told = error.message
                break
            response = asked.judged(plan, who, made.sortie)
            broken = [f.message for f in response.plan.findings if f.severity is Severity.ERROR]
            if not broken:
                return Response(
                    planned=response, who=who, arrives_in_s=made.arrives_in_s, first_item=made.first_item,
                    passed_over=tuple(refused),
                )  # fmt: skip
            told = broken[0]
        refused.append(f"aircraft {who.aircraft}: {told}")
    raise PlanRefusedError(
        f"no aircraft of plan {plan.name!r} can watch {lat_deg:.6f}, {lon_deg:.6f}: {'; '.join(refused)}",
        rule="response",
    )


def _as_flown(plan: Plan, situation: Situation) -> Situation:
    """Return the situation with the way home that the plan was made for, where the brief leaves it open."""
    if situation.brief.failsafe.way != "auto":
        return situation
    if any(return_path_of(sortie.items) is not None for sortie in plan.sorties):
        return situation.returning(way="mission")
    retraced = any(finding.rule == "returns" for finding in plan.findings)
    return situation.returning(way="retrace" if retraced else "straight")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """One way to answer an alarm, before it is judged."""

    sortie: Sortie
    first_item: int
    arrives_in_s: float


class _Alarm:
    """One alarm: its place, the ground about it, and the air of each type of aircraft, worked out once."""

    def __init__(self, situation: Situation, lat_deg: float, lon_deg: float, at_s: float) -> None:
        refuse_far_places(situation.brief, np.array([lat_deg]), np.array([lon_deg]), "the alarm at")
        self.situation = situation.holding(np.array([lat_deg]), np.array([lon_deg]))
        self.at_s = at_s
        height_m = float(self.heights.amsl_m(np.array([lat_deg]), np.array([lon_deg]))[0])
        if math.isnan(height_m):
            raise PlanRefusedError(
                f"the terrain has no height at {lat_deg:.6f}, {lon_deg:.6f}; give terrain that reaches there",
                rule="terrain",
            )
        self.target = Geodetic(lat_deg=lat_deg, lon_deg=lon_deg, alt_hae_m=height_m)
        corridor = self.situation.corridor
        self.router = Router(corridor.free, corridor.preferred)

    @property
    def heights(self) -> GroundHeights:
        """The ground."""
        return self.situation.ground.heights

    def candidates(self, plan: Plan) -> list[Whereabouts]:
        """Return every aircraft of a plan; one that comes down before it could be turned is as good as landed."""
        swap_s = {fleet.label: fleet.aircraft.swap_s for fleet in self.situation.brief.fleets}
        return [self._landed(who, swap_s[who.type_label]) for who in whereabouts(plan, self.at_s, swap_s)]

    def _landed(self, who: Whereabouts, swap_s: float) -> Whereabouts:
        if who.sortie is None or midair(who.sortie, self.at_s + LEAD_S) is not None:
            return who
        wait_s = max(0.0, who.sortie.legs[-1].t_end_s - self.at_s) + swap_s
        return dataclasses.replace(who, sortie=None, ready_in_s=wait_s)

    def estimate_s(self, who: Whereabouts) -> float:
        """Return how soon an aircraft could be there in a straight line."""
        brief, flown = self.situation.brief, self.situation.brief.performance(who.type_label)
        here = None if who.sortie is None else midair(who.sortie, self.at_s + LEAD_S)
        if here is None:
            site = next(s for s in brief.launch if s.name == who.site)
            place = (site.lat_deg, site.lon_deg)
            wait_s = who.ready_in_s + brief.flight.alt_agl_m / flown.aircraft.climb_mps
        else:
            place, wait_s = (here.last.lat_end_deg, here.last.lon_end_deg), LEAD_S
        return wait_s + float(inverse(*place, self.target.lat_deg, self.target.lon_deg)[0]) / flown.speed_mps

    def sortie(self, who: Whereabouts, post: int) -> _Made:
        """Return a sortie to the alarm that watches it from the post with that number."""
        situation = self.situation
        flown = situation.brief.performance(who.type_label)
        if flown.wing:
            raise PlanRefusedError("a fixed wing cannot hold a place; plan an orbit with vedette search point")
        maker = PathMaker(situation, flown, self.router)
        number = next(k for k, site in enumerate(situation.brief.launch) if site.name == who.site)
        home_m = situation.corridor.sites[number]
        here = None if who.sortie is None else midair(who.sortie, self.at_s + LEAD_S)
        start_m, spent_wh, start_s = home_m, 0.0, round(self.at_s + who.ready_in_s, 3)
        if here is not None:
            start_m = self._xy(here.last.lat_end_deg, here.last.lon_end_deg)
            spent_wh = flown.aircraft.battery_wh * (100.0 - here.last.battery_end_pct) / 100.0
            start_s = here.last.t_end_s
        path = self._path(maker, (start_m, home_m), post)
        kept_wh = flown.aircraft.battery_wh * KEPT_PCT / 100.0
        if (spare_wh := maker.usable_wh - kept_wh - spent_wh - path.needed_wh) < 0.0:
            raise PlanRefusedError("has not enough battery to fly there and home", rule="endurance")
        made = build_sortie(situation, flown, path, site=number, name=NAME).starting_at(start_s)
        made = holding(made, flown, spare_wh=spare_wh)
        made = towards_target(made, (self.target.lon_deg, self.target.lat_deg), self.heights)
        first_item = 0
        if here is not None and who.sortie is not None:
            made, first_item = joined(who.sortie, here, made)
            made = fenced(made, situation, flown)
        return _Made(sortie=made, first_item=first_item, arrives_in_s=_arrival_s(made) - self.at_s)

    def _path(self, maker: PathMaker, ends_m: tuple[FloatArray, FloatArray], post: int) -> FlightPath:
        """Return the path from a place by a post to where it lands."""
        way = next(itertools.islice(self._ways(*ends_m), post, None), None)
        if way is None:
            raise PlanRefusedError("there is no other free way to a place that sees it")
        out, back = way
        xy = np.concatenate([out, back[1:]])
        kinds = [LegKind.TRANSIT] * (len(out) - 1) + [LegKind.RETURN] * (len(back) - 1)
        moved = np.hypot(*np.diff(xy, axis=0).T) > 0.05
        kept = tuple(kind for kind, m in zip(kinds, moved, strict=True) if m)
        if not kept:
            raise PlanRefusedError("the place is watched from the launch site itself")
        return maker.fly(Track(xy_m=xy[np.append(True, moved)], kinds=kept, pointings=(None,) * len(kept)))

    def _ways(self, start_m: FloatArray, home_m: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Go over ways to the posts and home: the soonest reached of each ring first, then the farthest."""
        for ring in self._posts(start_m):
            for post in (ring[0], ring[-1]) if len(ring) > 1 else ring:
                out, back = self.router.route(start_m, post), self.router.route(post, home_m)
                if out is not None and back is not None:
                    yield out, back

    def _posts(self, start_m: FloatArray) -> Iterator[list[FloatArray]]:
        """Go over rings about the alarm: the places on each that are in free air and see it, the nearest first."""
        high_m, free = self.situation.brief.flight.alt_agl_m, self.situation.corridor.free
        eye = dataclasses.replace(self.target, alt_hae_m=self.target.alt_hae_m + EYE_M)
        away_m = float(shapely.distance(free, shapely.Point(self._xy(self.target.lat_deg, self.target.lon_deg))))
        azimuths = np.arange(AZIMUTHS) * 360.0 / AZIMUTHS
        for radius_m in (away_m + share * high_m for share in RADII):
            lat, lon = forward(self.target.lat_deg, self.target.lon_deg, azimuths, radius_m)
            xy = self.situation.frame.to_plane(lat, lon)
            heights = self.heights.amsl_m(lat, lon) + high_m
            seen = line_of_sight(SeaLevelTerrain(self.heights), geodetic_to_ecef(lat, lon, heights), eye)
            good = shapely.contains_xy(free, *xy.T) & seen & np.isfinite(heights)
            if good.any():
                near = np.argsort(np.hypot(*(xy - start_m).T))
                yield [xy[k] for k in near.tolist() if good[k]]

    def _xy(self, lat_deg: float, lon_deg: float) -> FloatArray:
        return np.asarray(self.situation.frame.to_plane(np.array([lat_deg]), np.array([lon_deg]))[0])

    def judged(self, patrol: Plan, who: Whereabouts, sortie: Sortie) -> Planned:
        """Return the plan of one sortie with what the judge says of its path and of its written items."""
        situation = self.situation
        judged = judge_sortie(situation, sortie)
        document = document_from_sortie(judged.sortie, patrol.dialect)
        written = check_document(document, name=NAME, brief=situation, aircraft=who.type_label).findings
        known = {(f.rule, f.severity) for f in judged.findings}
        flight = Flight(
            sortie=NAME, aircraft=who.aircraft, site=who.site, t_takeoff_s=sortie.t_start_s,
            t_landing_s=sortie.legs[-1].t_end_s,
        )  # fmt: skip
        covered = cover(situation, shapely.Polygon(), (judged.sortie,))
        plan = Plan(
            name=f"{patrol.name} response"[:64],
            dialect=patrol.dialect,
            sorties=(judged.sortie,),
            findings=(*judged.findings, *(f for f in written if (f.rule, f.severity) not in known)),
            required_standoff_m=situation.brief.standoff.asked_m,
            min_standoff_m=round(judged.kept_m, 3),
            worst_revisit_s=math.nan,
            corridor_m2=math.nan,
            covered_pct=math.nan,
            flights=(flight,),
            start_utc=patrol.start_utc,
        )
        return Planned(plan=plan, coverage=covered, proof=None, situation=situation)


def _arrival_s(sortie: Sortie) -> float:
    """Return when a sortie begins to watch: its hold."""
    return next(leg.t_start_s for leg in sortie.legs if leg.kind is LegKind.TURN and leg.speed_mps == 0.0)
