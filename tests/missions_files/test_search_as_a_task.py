"""Searches by the planner of patrols: several areas, areas up to the border, the same findings from every door."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely

from missions.checks.check import check_document
from missions.errors import PlanRefusedError
from missions.patterns.values import PatternKind, PatternRequest
from missions.plan import LegKind, Severity
from missions.plan_files.plan_document import document_from_sortie
from missions.tasks.plan_door import plan_brief
from missions.tasks.search import Search

GEOD = pyproj.Geod(ellps="WGS84")
PLANE = pyproj.Transformer.from_crs("EPSG:4326", "+proj=tmerc +lat_0=48 +lon_0=9 +datum=WGS84", always_xy=True)
STANDOFF_M = 200.0
SWATH_M = 60.0


def box(south, north, west, east):
    corners = ((west, -south), (east, -south), (east, -north), (west, -north))
    return tuple(PLANE.transform(x, y, direction="INVERSE") for x, y in corners)


def search(*polygons, **more):
    return Search(request=PatternRequest(kind=PatternKind.AREA, polygons=polygons, swath_m=SWATH_M, **more))


def flown(plan, *kinds):
    return [
        shapely.LineString(PLANE.itransform([(g.lon_start_deg, g.lat_start_deg), (g.lon_end_deg, g.lat_end_deg)]))
        for sortie in plan.sorties
        for g in sortie.legs
        if not kinds or g.kind in kinds
    ]


def flat(ring):
    return shapely.Polygon(list(PLANE.itransform(ring)))


def test_two_fields_are_one_search(make_brief):
    near, far = box(1180, 900, -680, -400), box(1280, 1000, 300, 580)
    made = plan_brief(make_brief(), search((near,), (far,)))
    assert made.plan.findings == ()
    assert made.plan.covered_pct == pytest.approx(100.0, abs=0.05)
    assert made.pattern.area_m2 == pytest.approx(flat(near).area + flat(far).area, rel=1e-3)
    work = shapely.union_all(flown(made.plan, LegKind.WORK))
    lanes = [work.intersection(flat(ring)).length for ring in (near, far)]
    assert min(lanes) > 0.9 * (280.0 * 280.0 / SWATH_M - 280.0)
    assert work.length == pytest.approx(sum(lanes), rel=0.02), "the way between the fields is no work"


def test_lanes_end_where_the_air_ends_and_what_stays_unseen_is_said(make_brief):
    wood = box(700, 0, -300, 300)
    made = plan_brief(make_brief(), search((wood,)))
    errors = [f for f in made.plan.findings if f.severity is Severity.ERROR]
    assert errors == []
    line = shapely.LineString(PLANE.itransform([(8.97, 48.0), (9.03, 48.0)]))
    assert min(line.distance(leg) for leg in flown(made.plan)) > STANDOFF_M
    kept_m = made.situation.corridor.kept_m
    swept = shapely.union_all([leg.buffer(70.0) for leg in flown(made.plan, LegKind.WORK)])
    reached = flat(wood).intersection(flat(box(700, kept_m + 1.0, -300, 300)))
    assert reached.difference(swept).area < 0.01 * reached.area, "all that lies under the free air is seen"
    told = next(f for f in made.plan.findings if f.rule == "coverage")
    assert "% behind the standoff, a zone or the keep-in area's edge, where nobody may fly" in told.message
    assert told.measured == pytest.approx(made.plan.covered_pct, abs=0.01)
    assert told.measured < 90.0
    whole = flat(wood).area
    assert made.pattern.area_m2 == pytest.approx(whole, rel=1e-3), "the chance of finding counts over all of it"
    assert made.pattern.coverage == pytest.approx(SWATH_M * made.pattern.worked_m / whole, rel=1e-3)


def test_lanes_that_end_at_a_slanting_edge_stay_straight(make_brief):
    """The keep-in area's edge cuts the field at 24 degrees: a lane ends on its line, not at the nearest free place."""
    edge = [(-900.0, -2500.0), (900.0, -2500.0), (900.0, -1300.0), (-900.0, -500.0)]
    ring = [list(PLANE.transform(*xy, direction="INVERSE")[::-1]) for xy in edge]
    made = plan_brief(make_brief(keep_in={"polygon": ring}), search((box(1500, 700, -400, 500),)))
    assert all(shapely.Polygon(edge).covers(leg) for leg in flown(made.plan))
    lanes = [leg for leg in flown(made.plan, LegKind.WORK) if leg.length > 60.0]
    ends = np.array([[leg.coords[0], leg.coords[-1]] for leg in lanes])
    bearing = np.degrees(np.arctan2(*(ends[:, 1] - ends[:, 0]).T)) % 180.0
    off = np.abs((bearing - made.pattern.direction_deg + 90.0) % 180.0 - 90.0)
    assert len(lanes) >= 10
    assert off.max() < 0.5


def test_the_area_may_be_the_keep_in_area(make_brief):
    field = box(1200, 800, -200, 300)
    ring = [[lat, lon] for lon, lat in field]
    site = {"name": "camp", "lat_deg": field[0][1] + 0.0015, "lon_deg": 9.0}
    made = plan_brief(make_brief(keep_in={"polygon": ring, "clearance_m": 10}, launch=[site]), search((field,)))
    assert [f for f in made.plan.findings if f.severity is Severity.ERROR] == []
    assert made.plan.covered_pct > 97.0
    assert all(flat(field).buffer(-10.0).covers(leg) for leg in flown(made.plan))


def test_an_area_beyond_the_border_alone_is_refused(make_brief):
    with pytest.raises(PlanRefusedError, match=r"the search cannot be flown at .* beyond the border"):
        plan_brief(make_brief(), search((box(-300, -700, -200, 200),)))


def test_gusts_over_the_limit_are_an_error_from_every_door(make_brief):
    brief = make_brief(wind={"speed_mps": 4.0, "from_deg": 250.0, "gust_mps": 19.0}, standoff={"asked_m": 250.0})
    field = search((box(1200, 900, -200, 300),))
    plans = plan_brief(brief).plan, plan_brief(brief, field).plan
    document = document_from_sortie(plans[1].sorties[0], "ardupilot")
    doors = [p.findings for p in plans] + [check_document(document, name="t", brief=brief).findings]
    for findings in doors:
        told = next(f for f in findings if f.rule == "wind limit")
        assert (told.severity, told.measured) == (Severity.ERROR, 19.0)


def test_of_several_types_the_one_that_is_done_soonest_searches(make_brief):
    types = [{"type": "quad-survey"}, {"type": "quad-heavy"}]
    field = search((box(1500, 700, -400, 500),))
    ends = {
        one["type"]: max(f.t_landing_s for f in plan_brief(make_brief(aircraft=one), field).plan.flights)
        for one in types
    }
    both = plan_brief(make_brief(aircraft=types), field).plan
    assert {s.aircraft for s in both.sorties} == {min(ends, key=ends.__getitem__)}
    assert max(f.t_landing_s for f in both.flights) == pytest.approx(min(ends.values()), rel=0.02)


def test_a_search_returns_along_its_path_where_straight_returns_would_break_a_rule(make_brief):
    """A zone between camp and field: the straight way home leads through it."""
    middle = PLANE.transform(0.0, -1500.0, direction="INVERSE")
    zone = [{"name": "depot", "centre": [middle[1], middle[0]], "radius_m": 180.0}]
    site = {"name": "camp", "lat_deg": PLANE.transform(0.0, -2000.0, direction="INVERSE")[1], "lon_deg": 9.0}
    brief = make_brief(zone=zone, launch=[site])
    made = plan_brief(brief, search((box(1100, 800, -250, 250),))).plan
    assert [f.rule for f in made.findings if f.severity is Severity.ERROR] == []
    assert "returns" in {f.rule for f in made.findings}
    straight = plan_brief(brief.returning(way="straight"), search((box(1100, 800, -250, 250),))).plan
    assert "failsafe zone" in {f.rule for f in straight.findings if f.severity is Severity.ERROR}
