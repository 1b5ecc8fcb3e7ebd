"""Searches and watches: areas, routes, fences, points, IAMSAR patterns, flown by whichever aircraft are done first.

Lanes of an area end where the air ends; what stays unseen of it is said. A path that is asked for as it is drawn
(a route, a pattern) is moved into the free air, or refused where it cannot be.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.airspace.far_places import refuse_far_places
from missions.briefs.places import GeoLine, Zone
from missions.errors import PlanRefusedError
from missions.fleet.cuts import detachments
from missions.fleet.soonest import scheduled
from missions.patterns.free_air import into_free_air, lanes_in_air
from missions.patterns.pattern_path import plan_pattern
from missions.patterns.plane import polygon_xy, to_lonlat, to_xy
from missions.patterns.values import PatternKind
from missions.plan import Severity
from missions.sight.area_report import unseen_findings
from missions.sight.sight_report import area_findings
from missions.tasks.flights import Course, flight, flights_of, refuse_reach
from missions.tasks.lane_cost import lane_cost
from missions.tasks.task import Laid
from missions.tasks.watching import (
    check_can_hover,
    holding,
    hover_place,
    orbit_radius_m,
    sight_findings,
    towards_target,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.airspace.situation import Situation
    from missions.briefs.brief import Brief
    from missions.fleet.sections import Detachment
    from missions.fleet.timetable import Timetable
    from missions.paths.lanes import Lane
    from missions.paths.ways import Ways
    from missions.patterns.values import LonLat, PatternPath, PatternRequest
    from missions.plan import Finding, Sortie
    from missions.sight.coverage import Coverage
    from missions.sight.revisit import Proof

    FloatArray = NDArray[np.float64]

HOLE_CLEARANCE_M: Final = 5.0
"""Kept from a hole that is flown around: the errors of track and position, not a safety distance."""
LEAST_ORBIT_M: Final = 20.0
IN_SIGHT: Final = 0.98
"""How far beyond the free air an area is searched, in half swaths: that far a lane at the edge still sees."""
ROUGHNESS: Final = 0.05
"""An area cut by the edge of the free air is drawn as finely as this share of the swath."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One search or watch."""

    request: PatternRequest

    def within(self, situation: Situation) -> Situation:
        """Return the situation as deep as the search lies, with holes that are flown around as zones."""
        asked = self.request
        told = [*itertools.chain(*itertools.chain(*asked.polygons)), *asked.line, *filter(None, [asked.datum])]
        lon, lat = np.array(told, dtype=np.float64).reshape(-1, 2).T
        refuse_far_places(situation.brief, lat, lon, "the search is asked at a place that cannot be meant:")
        if asked.kind is PatternKind.AREA:
            drawn = [corner for polygon in asked.polygons for ring in polygon for corner in ring]
        else:
            drawn = [(w.lon_deg, w.lat_deg) for w in plan_pattern(asked).waypoints]
        self.ground(situation)
        if asked.around_holes:
            situation = situation.asking(_holes_barred(situation.brief, asked))
        return situation.holding(np.array([p[1] for p in drawn]), np.array([p[0] for p in drawn]))

    def ground(self, situation: Situation) -> BaseGeometry:
        """Return the area that is searched; nothing where a path is asked for."""
        if self.request.kind is not PatternKind.AREA:
            return shapely.Polygon()
        return shapely.union_all([polygon_xy(situation.frame, rings) for rings in self.request.polygons])

    def lanes(self, situation: Situation) -> tuple[Lane, ...]:  # noqa: ARG002
        """Return none: the lanes of an area are those of its pattern."""
        return ()

    def laid_out(self, situation: Situation, ways: Ways) -> Laid:
        """Lay out the search for the type of aircraft with which it has the fewest errors and is done soonest."""
        own, shut = detachments(situation, ways.router)
        laid: list[Laid] = []
        refused: list[PlanRefusedError] = []
        for detachment in own:
            try:
                laid += [self._laid(situation, detachment)] if detachment.sites else []
            except PlanRefusedError as error:
                refused.append(error)
        if not laid:
            raise refused[0] if refused else PlanRefusedError("no launch site takes any of the aircraft", rule="fleet")
        best = min(laid, key=_errors_and_end_s)
        table = dataclasses.replace(best.timetable, findings=(*shut, *best.timetable.findings))
        return dataclasses.replace(best, timetable=table)

    def proof(self, situation: Situation, sorties: Sequence[Sortie], laid: Laid) -> Proof | None:  # noqa: ARG002
        """Promise no revisit: a search is flown once."""
        return None

    def remarks(self, situation: Situation, laid: Laid, covered: Coverage, proof: Proof | None) -> list[Finding]:  # noqa: ARG002
        """Say how much of the area stays unseen, why and where."""
        return [*area_findings(situation, covered, self.request.swath_m), *unseen_findings(situation, covered)]

    def _laid(self, situation: Situation, detachment: Detachment) -> Laid:
        maker, brief = detachment.maker, situation.brief
        asked = _from_nearest_site(situation, self.request)
        _check_orbit(detachment, asked)
        asked, noted = _in_sight(situation, asked, maker.radius_m)
        cost = lane_cost(situation, maker.flown, swath_m=asked.swath_m, radius_m=maker.radius_m)
        within = self._reached(situation, asked)
        pattern = _as_asked(plan_pattern(within, cost), within, self.ground(situation))
        points = to_xy(situation.frame, [(w.lon_deg, w.lat_deg) for w in pattern.waypoints])
        kinds = tuple(w.kind for w in pattern.waypoints[1:])
        slack_m = asked.swath_m / 2.0 + (HOLE_CLEARANCE_M + 1.0 if asked.around_holes else 0.0)
        if asked.kind is PatternKind.AREA:
            points, kinds = lanes_in_air(points, situation.corridor, slack_m=slack_m)
        path = into_free_air(points, kinds, situation.corridor, maker.router, slack_m=slack_m)
        fleet = brief.fleets[detachment.fleet]
        if asked.kind is PatternKind.POINT and asked.hover:
            table = _hover(situation, detachment, path.xy_m[0])
        else:
            any_order = asked.kind is PatternKind.AREA
            crew = 1 if asked.kind is PatternKind.POINT else fleet.count
            table = scheduled(situation, fleet, flights_of(detachment, path, any_order=any_order, crew=crew))
        sorties, findings = table.sorties, [*noted, *table.findings]
        if asked.kind is PatternKind.POINT and asked.datum is not None:
            sorties = tuple(towards_target(sortie, asked.datum, situation.ground.heights) for sortie in sorties)
            findings += sight_findings(sorties, asked.datum, situation.ground.heights)
        table = dataclasses.replace(table, sorties=sorties, findings=tuple(findings))
        return Laid(timetable=table, pattern=pattern)

    def _reached(self, situation: Situation, asked: PatternRequest) -> PatternRequest:
        """Return the search of what of its area can be seen from the free air."""
        if asked.kind is not PatternKind.AREA:
            return asked
        area = self.ground(situation)
        room = area.envelope.buffer(asked.swath_m)
        near = shapely.buffer(situation.corridor.free.intersection(room), IN_SIGHT * asked.swath_m / 2.0)
        if asked.around_holes or near.covers(area):
            return asked
        left = shapely.simplify(area.intersection(near), ROUGHNESS * asked.swath_m)
        worth = [p for p in shapely.get_parts(left) if p.geom_type == "Polygon" and p.area > asked.swath_m**2 / 4.0]
        if not worth:
            return asked
        rings = [
            tuple(
                tuple((float(lon), float(lat)) for lon, lat in to_lonlat(situation.frame, np.asarray(r.coords)[:-1]))
                for r in (p.exterior, *p.interiors)
            )
            for p in worth
        ]
        return dataclasses.replace(asked, polygons=tuple(rings))


def _errors_and_end_s(laid: Laid) -> tuple[int, float]:
    errors = sum(f.severity is Severity.ERROR for f in laid.timetable.findings)
    return errors, max(f.t_landing_s for f in laid.timetable.flights)


def _as_asked(pattern: PatternPath, flown: PatternRequest, area: BaseGeometry) -> PatternPath:
    """Return a pattern whose chance of finding is that of the area asked for, where only part of it is flown over."""
    if area.is_empty or not flown.polygons:
        return pattern
    return pattern.over(float(area.area))


def _from_nearest_site(situation: Situation, request: PatternRequest) -> PatternRequest:
    """Say where the aircraft comes from and goes to, where the request does not: the site nearest to the search."""
    rings = itertools.chain.from_iterable(request.polygons)
    drawn = [*itertools.chain.from_iterable(rings), *request.line, *([request.datum] if request.datum else [])]
    if not drawn:
        return request
    apart = to_xy(situation.frame, drawn)[:, None, :] - situation.corridor.sites[None, :, :]
    away_m = np.hypot(apart[..., 0], apart[..., 1]).min(axis=0)
    site = situation.brief.launch[int(np.argmin(away_m))]
    here = (site.lon_deg, site.lat_deg)
    return dataclasses.replace(request, begin=request.begin or here, finish=request.finish or here)


def _in_sight(situation: Situation, request: PatternRequest, radius_m: float) -> tuple[PatternRequest, list[Finding]]:
    """Turn a hover into the place to hover at, and an orbit into one that sees its point."""
    if request.kind is not PatternKind.POINT or request.datum is None or not request.radius_m > 0.0:
        return request, []
    height_m, ground = situation.brief.flight.alt_agl_m, situation.ground.heights
    if request.hover:
        begin = request.begin or request.datum
        post = hover_place(request.datum, ground, radius_m=request.radius_m, height_m=height_m, begin=begin)
        return dataclasses.replace(request, begin=post), []
    chosen_m, found = orbit_radius_m(
        request.datum, ground, wished_m=request.radius_m, alt_agl_m=height_m, least_m=_least_orbit_m(radius_m)
    )
    return dataclasses.replace(request, radius_m=chosen_m), found


def _holes_barred(brief: Brief, request: PatternRequest) -> Brief:
    """Return the brief with the holes of the searched area as zones."""
    holes = [_line(ring) for polygon in request.polygons for ring in polygon[1:]]
    zones = (
        Zone(name=f"hole {k} of the area", polygons=((hole,),), clearance_m=HOLE_CLEARANCE_M)
        for k, hole in enumerate(holes, start=1)
    )
    return brief.model_copy(update={"zone": (*brief.zone, *zones)})


def _line(ring: Sequence[LonLat]) -> GeoLine:
    return GeoLine.of([lat for _, lat in ring], [lon for lon, _ in ring])


def _least_orbit_m(radius_m: float) -> float:
    """Return the tightest orbit: its corners lie on the circle and its sides within it."""
    return float(max(LEAST_ORBIT_M, math.ceil(1.01 * radius_m)))


def _check_orbit(detachment: Detachment, request: PatternRequest) -> None:
    """Refuse an orbit that the aircraft cannot turn round."""
    radius_m, least_m = detachment.maker.radius_m, _least_orbit_m(detachment.maker.radius_m)
    if radius_m > 0.0 and request.kind is PatternKind.POINT and not request.hover and request.radius_m < least_m:
        raise PlanRefusedError(
            f"an orbit of {request.radius_m:g} m is tighter than {detachment.maker.flown.label} turns over the ground "
            f"in this wind ({radius_m:.0f} m); use a radius of {least_m:g} m or more",
            rule="turn radius", measured=request.radius_m, limit=least_m,
        )  # fmt: skip


def _hover(situation: Situation, detachment: Detachment, post: FloatArray) -> Timetable:
    maker, sites = detachment.maker, situation.corridor.sites
    check_can_hover(maker.flown)
    site = min(detachment.sites, key=lambda s: float(np.hypot(*(sites[s] - post))))
    flown = flight(maker, sites[site], Course(points=np.array([post]), kinds=(), any_order=False))
    if flown is None or flown.needed_wh > maker.usable_wh:
        refuse_reach(situation, post, site)
    table = scheduled(situation, situation.brief.fleets[detachment.fleet], [{site: flown}])
    sortie = holding(table.sorties[0], maker.flown, spare_wh=maker.usable_wh - flown.needed_wh)
    landed = dataclasses.replace(table.flights[0], t_landing_s=sortie.legs[-1].t_end_s)
    return dataclasses.replace(table, sorties=(sortie,), flights=(landed,))
