"""From a search to sorties: the free air, the ground, the batteries of a brief."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Final

import numpy as np
import pyproj
import shapely

from missions.airspace.ground_file import read_ground
from missions.airspace.landing_places import check_places
from missions.airspace.routing import Router
from missions.airspace.terrain_profile import PlaneGround
from missions.briefs.places import GeoLine, Zone
from missions.checks.check_corridor import corridor_holding
from missions.errors import PlanRefusedError
from missions.fleet.soonest import scheduled
from missions.judging.feasibility import flight_findings
from missions.judging.judge import judge_sortie
from missions.paths.landing import check_approaches
from missions.paths.path_maker import PathMaker
from missions.patterns.free_air import into_free_air
from missions.patterns.pattern_path import plan_pattern
from missions.patterns.plane import to_xy
from missions.patterns.values import PatternKind
from missions.performance.wind import ground_radius_m
from missions.plan import Finding, LegKind, Plan, Severity
from missions.tasks.flights import Course, flight, flights_of, refuse_reach
from missions.tasks.lane_cost import lane_cost
from missions.tasks.watching import (
    check_can_hover,
    holding,
    hover_place,
    orbit_radius_m,
    sight_findings,
    towards_target,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor
    from missions.airspace.terrain_profile import GroundHeights
    from missions.briefs.brief import Brief
    from missions.fleet.soonest import SearchFlights
    from missions.patterns.values import PatternPath, PatternRequest
    from missions.plan import Sortie

    FloatArray = NDArray[np.float64]

HOLE_CLEARANCE_M: Final = 5.0
"""Kept from a hole that is flown around: the errors of track and position, not a safety distance."""
LEAST_ORBIT_M: Final = 20.0
GEOD: Final = pyproj.Geod(ellps="WGS84")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SearchPlan:
    """A plan, and the pattern it flies with its coverage and probability of detection."""

    plan: Plan
    pattern: PatternPath


def plan_search(brief: Brief, request: PatternRequest) -> SearchPlan:
    """Plan the sorties that fly a search within a brief.

    The path keeps out of zones and away from the border; it is cut where a
    battery ends, and the next sortie goes on from there.

    Raises
    ------
    InputError
        When the request cannot be planned.
    PlanRefusedError
        When the search lies where the brief forbids flight, or no battery reaches it.
    """
    ground = read_ground(brief.terrain)
    request = _from_nearest_site(brief, request)
    brief = _holes_barred(brief, request) if request.around_holes else brief
    radius_m = ground_radius_m(brief.aircraft.aircraft, brief.wind.profile.strongest_mps)
    cost = lane_cost(brief, ground, swath_m=request.swath_m, radius_m=radius_m)
    _check_orbit(brief, request, radius_m)
    request, noted = _in_sight(brief, request, ground, radius_m)
    pattern = plan_pattern(request, cost)
    lonlat = [(w.lon_deg, w.lat_deg) for w in pattern.waypoints]
    lon, lat = np.array(lonlat).T
    corridor = corridor_holding(brief, lat, lon, ground)
    check_places(brief, corridor)
    router = Router(corridor.free, corridor.quiet)
    maker = PathMaker(brief, router, PlaneGround(frame=corridor.frame, heights=ground), corridor.wind)
    check_approaches(maker, corridor)
    kinds = tuple(w.kind for w in pattern.waypoints[1:])
    slack_m = request.swath_m / 2.0 + (HOLE_CLEARANCE_M + 1.0 if request.around_holes else 0.0)
    path = into_free_air(to_xy(corridor.frame, lonlat), kinds, corridor, router, slack_m=slack_m)
    if request.kind is PatternKind.POINT and request.hover:
        fleet = _hover(brief, corridor, maker, path.xy_m[0])
    else:
        any_order = request.kind is PatternKind.AREA
        crew = 1 if request.kind is PatternKind.POINT else brief.aircraft.count
        paths = flights_of(brief, corridor, maker, path, any_order=any_order, crew=crew)
        fleet = scheduled(brief, corridor, paths)
    sorties, findings = list(fleet.sorties), [*noted, *fleet.findings]
    if request.kind is PatternKind.POINT and request.datum is not None:
        sorties = [towards_target(sortie, request.datum, ground) for sortie in sorties]
        findings += sight_findings(sorties, request.datum, ground)
    plane_ground = PlaneGround(frame=corridor.frame, heights=ground)
    judged = [judge_sortie(brief.of(s.aircraft), corridor, plane_ground, s) for s in sorties]
    sorties = [j.sortie for j in judged]
    findings += [finding for j in judged for finding in j.findings]
    findings += flight_findings(brief, corridor, [leg for sortie in sorties for leg in sortie.legs])
    covered_pct = _covered_pct(corridor, sorties, request)
    findings += _coverage(covered_pct)
    plan = Plan(
        name=brief.name,
        dialect=brief.dialect,
        sorties=tuple(sorties),
        findings=tuple(findings),
        required_standoff_m=brief.standoff.asked_m,
        min_standoff_m=round(min(j.kept_m for j in judged), 3),
        worst_revisit_s=math.nan,
        corridor_m2=round(pattern.area_m2, 1),
        covered_pct=round(covered_pct, 3),
        flights=fleet.flights,
    )
    return SearchPlan(plan=plan, pattern=pattern)


def _from_nearest_site(brief: Brief, request: PatternRequest) -> PatternRequest:
    """Say where the aircraft comes from and goes to, where the request does not: the site nearest to the search."""
    drawn = [*itertools.chain.from_iterable(request.rings), *request.line, *([request.datum] if request.datum else [])]
    if not drawn:
        return request
    lon, lat = np.asarray(drawn, dtype=np.float64).T
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return request
    away_m = [
        np.min(GEOD.inv(lon, lat, np.full(len(lon), s.lon_deg), np.full(len(lon), s.lat_deg))[2]) for s in brief.launch
    ]
    site = brief.launch[int(np.argmin(away_m))]
    here = (site.lon_deg, site.lat_deg)
    return dataclasses.replace(request, begin=request.begin or here, finish=request.finish or here)


def _in_sight(
    brief: Brief, request: PatternRequest, ground: GroundHeights, radius_m: float
) -> tuple[PatternRequest, list[Finding]]:
    """Turn a hover into the place to hover at, and an orbit into one that sees its point."""
    if request.kind is not PatternKind.POINT or request.datum is None or not request.radius_m > 0.0:
        return request, []
    height_m = brief.flight.alt_agl_m
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
    holes = [GeoLine.of([p[1] for p in ring], [p[0] for p in ring]) for ring in request.rings[1:]]
    zones = (
        Zone(name=f"hole {k} of the area", polygons=((hole,),), clearance_m=HOLE_CLEARANCE_M)
        for k, hole in enumerate(holes, start=1)
    )
    return brief.model_copy(update={"zone": (*brief.zone, *zones)})


def _least_orbit_m(radius_m: float) -> float:
    """Return the tightest orbit: its corners lie on the circle and its sides within it."""
    return float(max(LEAST_ORBIT_M, math.ceil(1.01 * radius_m)))


def _check_orbit(brief: Brief, request: PatternRequest, radius_m: float) -> None:
    """Refuse an orbit that the aircraft cannot turn round."""
    least_m = _least_orbit_m(radius_m)
    if radius_m > 0.0 and request.kind is PatternKind.POINT and not request.hover and request.radius_m < least_m:
        raise PlanRefusedError(
            f"an orbit of {request.radius_m:g} m is tighter than {brief.aircraft.type} turns over the ground in this "
            f"wind ({radius_m:.0f} m); use a radius of {least_m:g} m or more",
            rule="turn radius", measured=request.radius_m, limit=least_m,
        )  # fmt: skip


def _hover(brief: Brief, corridor: Corridor, maker: PathMaker, post: FloatArray) -> SearchFlights:
    check_can_hover(brief)
    site = int(np.argmin(np.hypot(*(corridor.sites - post).T)))
    flown = flight(maker, corridor.sites[site], Course(points=np.array([post]), kinds=(), any_order=False))
    if flown is None or flown.needed_wh > maker.usable_wh:
        refuse_reach(brief, corridor, post, site)
    fleet = scheduled(brief, corridor, [{site: flown}])
    sortie = holding(fleet.sorties[0], brief, spare_wh=maker.usable_wh - flown.needed_wh)
    landed = dataclasses.replace(fleet.flights[0], t_landing_s=sortie.legs[-1].t_end_s)
    return dataclasses.replace(fleet, sorties=(sortie,), flights=(landed,))


def _covered_pct(corridor: Corridor, sorties: list[Sortie], request: PatternRequest) -> float:
    """Return how much of a searched area the work legs see; NaN for searches that have no area of their own."""
    if request.kind is not PatternKind.AREA:
        return math.nan
    area = shapely.Polygon(
        to_xy(corridor.frame, request.rings[0]), [to_xy(corridor.frame, ring) for ring in request.rings[1:]]
    )
    seen = []
    for leg in (leg for sortie in sorties for leg in sortie.legs if leg.kind is LegKind.WORK):
        ends = corridor.frame.to_plane(
            np.array([leg.lat_start_deg, leg.lat_end_deg]), np.array([leg.lon_start_deg, leg.lon_end_deg])
        )
        length_m = float(np.hypot(*(ends[1] - ends[0])))
        along = (ends[1] - ends[0]) / max(length_m, 1e-9) * (request.reach_m + 0.01)
        line = shapely.LineString([ends[0] - along, ends[1] + along])
        seen.append(shapely.buffer(line, request.swath_m / 2.0 + 0.02, cap_style="flat"))
    return float(100.0 * shapely.union_all(seen).intersection(area).area / area.area) if seen else 0.0


def _coverage(covered_pct: float) -> list[Finding]:
    enough_pct = 99.5
    if math.isnan(covered_pct) or covered_pct >= enough_pct:
        return []
    return [
        Finding(
            rule="coverage",
            severity=Severity.WARNING,
            message=f"{100.0 - covered_pct:.1f} % of the area is not seen: standoff, zones or turns keep away",
            measured=round(covered_pct, 2),
            limit=enough_pct,
            unit="%",
            relaxation="an oblique camera, a smaller standoff, or a smaller area",
        )
    ]
