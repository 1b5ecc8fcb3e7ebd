"""From a search to sorties: the free air, the ground, the batteries of a brief."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Final, NoReturn

import numpy as np
import pyproj
import shapely

from missions.airspace.ground_file import read_ground
from missions.airspace.routing import Router
from missions.airspace.terrain_profile import PlaneGround
from missions.checks.check_corridor import corridor_holding
from missions.errors import PlanRefusedError
from missions.judging.judge import judge_sortie
from missions.patterns.free_air import into_free_air
from missions.patterns.plane import to_xy
from missions.patterns.values import PatternKind
from missions.performance.wind import ground_radius_m
from missions.plan import Finding, LegKind, Plan, Severity
from missions.planning.landing import check_approaches
from missions.planning.planner_legs import build_sortie
from missions.planning.planner_paths import PathMaker
from missions.planning.planner_track import Track
from missions.planning.views import STRAIGHT_DOWN
from missions.searches.lane_cost import lane_cost
from missions.searches.plan_search import plan_pattern
from missions.searches.watch_sortie import holding, hover_place, sight_findings, towards_target

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor
    from missions.airspace.terrain_profile import GroundHeights
    from missions.briefs.brief import Brief
    from missions.patterns.free_air import FreePath
    from missions.patterns.values import PatternPath, PatternRequest
    from missions.plan import Sortie
    from missions.planning.planner_paths import FlightPath

    FloatArray = NDArray[np.float64]

GEOD: Final = pyproj.Geod(ellps="WGS84")
SPLIT_M: Final = 250.0
"""A sortie may end and the next begin anywhere along a leg, at this grain."""
MAX_SORTIES: Final = 200


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
    radius_m = ground_radius_m(brief.aircraft.aircraft, brief.wind.profile.strongest_mps)
    cost = lane_cost(brief, ground, swath_m=request.swath_m, radius_m=radius_m)
    pattern = plan_pattern(_over_ground(brief, request, ground), cost)
    lonlat = [(w.lon_deg, w.lat_deg) for w in pattern.waypoints]
    lon, lat = np.array(lonlat).T
    corridor = corridor_holding(brief, lat, lon, ground)
    router = Router(corridor.free, corridor.quiet)
    maker = PathMaker(brief, router, PlaneGround(frame=corridor.frame, heights=ground), corridor.wind)
    check_approaches(maker, corridor)
    kinds = tuple(w.kind for w in pattern.waypoints[1:])
    path = into_free_air(to_xy(corridor.frame, lonlat), kinds, corridor, router, slack_m=request.swath_m / 2.0)
    if request.kind is PatternKind.POINT and request.hover:
        sorties = [_hover(brief, corridor, maker, path.xy_m[0])]
    else:
        sorties = _sorties(brief, corridor, maker, path)
    findings: list[Finding] = []
    if request.kind is PatternKind.POINT and request.datum is not None:
        sorties = [towards_target(sortie, request.datum, ground) for sortie in sorties]
        findings += sight_findings(sorties, request.datum, ground)
    plane_ground = PlaneGround(frame=corridor.frame, heights=ground)
    judged = [judge_sortie(brief.of(s.aircraft), corridor, plane_ground, s) for s in sorties]
    sorties = [j.sortie for j in judged]
    findings += [finding for j in judged for finding in j.findings]
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


def _over_ground(brief: Brief, request: PatternRequest, ground: GroundHeights) -> PatternRequest:
    """Turn a hover into the place to hover at; other requests stay as they are."""
    if not (request.kind is PatternKind.POINT and request.hover and request.datum is not None):
        return request
    begin = request.begin or request.datum
    post = hover_place(request.datum, ground, radius_m=request.radius_m, height_m=brief.flight.alt_agl_m, begin=begin)
    return dataclasses.replace(request, begin=post)


def _hover(brief: Brief, corridor: Corridor, maker: PathMaker, post: FloatArray) -> Sortie:
    site = int(np.argmin(np.hypot(*(corridor.sites - post).T)))
    flown = _flight(maker, corridor.sites[site], np.array([post]), [])
    if flown is None or flown.needed_wh > maker.usable_wh:
        _refuse(brief, corridor, post, site)
    sortie = build_sortie(brief, corridor, flown, site=site, name="S01", t_start_s=0.0)
    return holding(sortie, brief, spare_wh=maker.usable_wh - flown.needed_wh)


def _sorties(brief: Brief, corridor: Corridor, maker: PathMaker, path: FreePath) -> list[Sortie]:
    points, kinds = _split(path)
    sorties: list[Sortie] = []
    done = 0
    while done < len(kinds):
        site = int(np.argmin(np.hypot(*(corridor.sites - points[done]).T)))
        flown, end = _longest(maker, corridor.sites[site], points, kinds, done)
        if flown is None:
            _refuse(brief, corridor, points[done], site)
        name = f"S{len(sorties) + 1:02d}"
        sorties.append(build_sortie(brief, corridor, flown, site=site, name=name, t_start_s=0.0))
        done = end
        if len(sorties) >= MAX_SORTIES and done < len(kinds):
            raise PlanRefusedError(
                f"the search takes more than {MAX_SORTIES} sorties; make the area smaller or the swath wider",
                rule="search",
            )
    return sorties


def _split(path: FreePath) -> tuple[FloatArray, list[LegKind]]:
    points, kinds = [path.xy_m[:1]], []
    for start, end, kind in zip(path.xy_m[:-1], path.xy_m[1:], path.kinds, strict=True):
        count = max(1, math.ceil(float(np.hypot(*(end - start))) / SPLIT_M))
        share = np.arange(1, count + 1)[:, None] / count
        points.append(start + share * (end - start))
        kinds += [kind] * count
    return np.concatenate(points), kinds


def _longest(
    maker: PathMaker, site: FloatArray, points: FloatArray, kinds: list[LegKind], first: int
) -> tuple[FlightPath | None, int]:
    """Find the longest run of segments from `first` that one battery flies, there and back, by bisection."""
    best: tuple[FlightPath | None, int] = (None, first)
    low, high = first + 1, first + _flyable(maker, points[first:])
    probe = high
    while low <= high:
        middle, probe = (probe, 0) if probe else ((low + high) // 2, 0)
        flown = _flight(maker, site, points[first : middle + 1], kinds[first:middle])
        if flown is not None and flown.needed_wh <= maker.usable_wh:
            best, low = (flown, middle), middle + 1
        else:
            high = middle - 1
    return best


def _flyable(maker: PathMaker, points: FloatArray) -> int:
    """Return how many segments one battery could fly at the very most, with no way out or home."""
    aircraft = maker.aircraft
    fastest_mps = aircraft.max_airspeed_mps + maker.wind.strongest_mps
    limit_m = fastest_mps * 3600.0 * maker.usable_wh / min(aircraft.cruise_power_w, aircraft.hover_power_w)
    flown_m = np.cumsum(np.hypot(*np.diff(points, axis=0).T))
    return max(1, min(len(flown_m), int(np.searchsorted(flown_m, limit_m)) + 1))


def _flight(maker: PathMaker, site: FloatArray, points: FloatArray, kinds: list[LegKind]) -> FlightPath | None:
    approach = maker.approach(site) if maker.radius_m > 0.0 else None
    end = site if approach is None else approach.begin_m
    out, home = maker.router.route(site, points[0]), maker.router.route(points[-1], end)
    if out is None or home is None:
        return None
    xy, legs = _merged(points, kinds)
    every = np.concatenate([out[:-1], xy, home[1:]])
    all_kinds = [LegKind.TRANSIT] * (len(out) - 1) + legs + [LegKind.RETURN] * (len(home) - 1)
    step = np.hypot(*np.diff(every, axis=0).T) > 0.05
    kept = [kind for kind, moved in zip(all_kinds, step, strict=True) if moved]
    if not kept:
        return None
    looks = tuple(STRAIGHT_DOWN if kind in (LegKind.WORK, LegKind.TURN) else None for kind in kept)
    return maker.fly(Track(xy_m=every[np.append(True, step)], kinds=tuple(kept), looks=looks, approach=approach))


def _merged(points: FloatArray, kinds: list[LegKind]) -> tuple[FloatArray, list[LegKind]]:
    """Join pieces that go straight on in the same kind, so that splitting leaves no waypoints behind."""
    xy: list[FloatArray] = [points[0]]
    legs: list[LegKind] = []
    for index, kind in enumerate(kinds):
        if legs and legs[-1] is kind and _straight(points[index - 1 : index + 2]):
            xy[-1] = points[index + 1]
            continue
        xy.append(points[index + 1])
        legs.append(kind)
    return np.array(xy), legs


def _straight(three: FloatArray) -> bool:
    before, step = np.diff(three, axis=0)
    across = abs(before[0] * step[1] - before[1] * step[0])
    return bool(across < 1e-6 * np.hypot(*before) * np.hypot(*step) + 1e-9 and before @ step > 0.0)


def _refuse(brief: Brief, corridor: Corridor, point: FloatArray, site: int) -> NoReturn:
    lats, lons = corridor.frame.to_degrees(point[None, :])
    distance_km = float(np.hypot(*(corridor.sites[site] - point))) / 1000.0
    raise PlanRefusedError(
        f"no battery reaches the search at {lats[0]:.6f}, {lons[0]:.6f} and comes back: it is {distance_km:.1f} km "
        f"from {brief.launch[site].name!r}, the nearest site; add a launch site nearer to it, or take a larger battery",
        rule="endurance",
    )


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
            message=f"{100.0 - covered_pct:.1f} % of the area is not seen: standoff or zones keep the aircraft away",
            measured=round(covered_pct, 2),
            limit=enough_pct,
            unit="%",
            relaxation="an oblique camera, a smaller standoff, or a smaller area",
        )
    ]
