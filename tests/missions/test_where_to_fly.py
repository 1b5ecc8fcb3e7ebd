"""Where to fly and where not: the keep-in area, ground to avoid overflying, and places an aircraft is sent to."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyproj
import pytest
import shapely

from missions.checks.check import check_document
from missions.errors import BriefError, PlanRefusedError
from missions.patterns.values import PatternKind, PatternRequest
from missions.plan import LegKind, Severity
from missions.plan_files.plan_document import document_from_sortie
from missions.tasks.plan_door import plan_brief
from missions.tasks.search import Search

PLANE = pyproj.Transformer.from_crs(4326, "+proj=tmerc +lat_0=50.0 +lon_0=8.025 +datum=WGS84 +units=m", always_xy=True)


def flat(geometry):
    """Bring (lon, lat) geometry into a plane that is not the planner's."""
    return shapely.transform(geometry, lambda c: np.column_stack(PLANE.transform(c[:, 0], c[:, 1])))


def ground(*corners):
    """Return a polygon of [lat, lon] corners in the oracle's plane."""
    return flat(shapely.Polygon([(lon, lat) for lat, lon in corners]))


def path_of(sortie):
    places = [(sortie.home_lon_deg, sortie.home_lat_deg), *((g.lon_end_deg, g.lat_end_deg) for g in sortie.legs)]
    return flat(shapely.LineString(places))


def fences(sortie, command):
    items = [item for item in sortie.fence if item.command == command]
    found = []
    while items:
        count = int(items[0].p1)
        found.append(flat(shapely.Polygon([(item.lon_deg, item.lat_deg) for item in items[:count]])))
        items = items[count:]
    return found


WEST_HALF = [[49.98, 7.99], [49.98, 8.03], [50.03, 8.03], [50.03, 7.99]]
HOLE = [[50.0028, 8.012], [50.0028, 8.016], [50.006, 8.016], [50.006, 8.012]]


@pytest.mark.parametrize("clearance_m", [0.0, 30.0, 100.0])
def test_no_leg_and_no_fence_leaves_the_keep_in_area(make_brief, straight, clearance_m):
    brief = make_brief(straight, keep_in={"polygon": [WEST_HALF, HOLE], "clearance_m": clearance_m})
    plan = plan_brief(brief).plan
    area = ground(*WEST_HALF) - ground(*HOLE)
    assert plan.sorties
    for sortie in plan.sorties:
        path = path_of(sortie)
        assert area.covers(path)
        assert area.boundary.distance(path) >= clearance_m - 0.01
        (fence,) = fences(sortie, 5001)
        held = fence - shapely.union_all(fences(sortie, 5002))
        assert area.buffer(0.05).covers(held)
        assert held.buffer(0.05).covers(path)


def test_without_a_keep_in_area_the_same_brief_flies_beyond_it(make_brief, straight):
    area = ground(*WEST_HALF) - ground(*HOLE)
    assert not all(area.covers(path_of(s)) for s in plan_brief(make_brief(straight)).plan.sorties)


def test_a_keep_in_file_of_several_polygons_in_another_projection_does_the_same(make_brief, straight, tmp_path):
    far = [[51.0, 9.0], [51.0, 9.1], [51.1, 9.1], [51.1, 9.0]]
    inline = plan_brief(make_brief(straight, keep_in={"polygon": [[WEST_HALF, HOLE], [far]]})).plan
    utm = pyproj.Transformer.from_crs(4326, 32632, always_xy=True)
    rings = [[list(utm.transform(lon, lat)) for lat, lon in [*ring, ring[0]]] for ring in (WEST_HALF, HOLE, far)]
    drawn = {
        "type": "MultiPolygon",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32632"}},
        "coordinates": [rings[:2], rings[2:]],
    }
    (tmp_path / "area.geojson").write_text(json.dumps(drawn))
    filed = plan_brief(make_brief(straight, folder=tmp_path, keep_in={"file": "area.geojson"})).plan
    for one, other in zip(inline.sorties, filed.sorties, strict=True):
        assert path_of(one).hausdorff_distance(path_of(other)) < 0.5


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ({"keep_in": {"centre": [50.02, 8.02], "radius_m": 800}}, r"launch site 'a' lies 3\d\d m outside the keep-in"),
        ({"keep_in": {"centre": [50.01, 8.02], "radius_m": 20}}, "launch site 'a' lies 20 m inside .* must be 30"),
        ({"rally": [{"name": "r", "lat_deg": 50.0022, "lon_deg": 8.03}]}, "rally point 'r' is 245 m from the border"),
        ({"rally": [{"name": "r", "lat_deg": 49.999, "lon_deg": 8.03}]}, "rally point 'r' is not on our side"),
        (
            {
                "rally": [{"name": "r", "lat_deg": 50.01, "lon_deg": 8.04}],
                "zone": [{"name": "z", "centre": [50.01, 8.04], "radius_m": 50}],
            },
            "rally point 'r' lies in zone 'z'",
        ),
        (
            {
                "rally": [{"name": "r", "lat_deg": 50.01, "lon_deg": 8.04}],
                "keep_in": {"polygon": WEST_HALF},
            },
            r"rally point 'r' lies 7\d\d m outside the keep-in area and must be 30 m inside; move it 7\d\d m",
        ),
    ],
)  # fmt: skip
def test_a_place_the_rules_forbid_is_refused_by_name_and_distance(make_brief, straight, places, said):
    with pytest.raises(PlanRefusedError, match=said):
        plan_brief(make_brief(straight, standoff={"asked_m": 240}, **places))


def test_a_rally_point_far_inland_is_on_our_side(make_brief, straight):
    assert plan_brief(make_brief(straight, rally=[{"name": "r", "lat_deg": 50.06, "lon_deg": 8.02}])).plan.sorties


VILLAGE = [[50.0021, 8.022], [50.0021, 8.028], [50.0070, 8.028], [50.0070, 8.022]]


def test_avoided_ground_is_flown_round_where_a_way_exists(make_brief, straight):
    plan = plan_brief(make_brief(straight, avoid=[{"name": "village", "polygon": VILLAGE, "clearance_m": 40}])).plan
    for sortie in plan.sorties:
        assert ground(*VILLAGE).distance(path_of(sortie)) >= 40.0 - 0.01
    paths = shapely.union_all([path_of(s) for s in plan.sorties])
    assert paths.bounds[0] < ground(*VILLAGE).bounds[0]
    assert paths.bounds[2] > ground(*VILLAGE).bounds[2]


def test_a_road_across_everything_is_crossed_straight(make_brief, straight, tmp_path):
    road = {"type": "LineString", "coordinates": [[8.03, 49.9], [8.03, 50.5]]}
    (tmp_path / "road.geojson").write_text(json.dumps(road))
    plan = plan_brief(
        make_brief(
            straight, folder=tmp_path, keep_in={"polygon": [[49.98, 7.9], [49.98, 8.1], [50.03, 8.1], [50.03, 7.9]]},
            avoid=[{"name": "road", "file": "road.geojson", "clearance_m": 20}],
        )
    ).plan  # fmt: skip
    strip = flat(shapely.LineString(road["coordinates"]).segmentize(0.001)).buffer(20.0)
    assert any(path_of(s).intersects(strip) for s in plan.sorties)
    for sortie in plan.sorties:
        over = path_of(sortie).intersection(strip)
        assert over.length <= 44.0 * len(shapely.get_parts(over))
        said = [f for f in plan.findings if f.rule == "overflight" and f.sortie == sortie.name]
        assert len(said) == (not over.is_empty)
        for finding in said:
            assert finding.severity is Severity.WARNING
            assert finding.measured == pytest.approx(over.length, rel=0.01)
            assert "over 'road' for" in finding.message
            assert finding.advice.startswith("no other way leads there")
            assert flat(shapely.Point(finding.lon_deg, finding.lat_deg)).distance(strip) < 0.1


def rules_of(findings):
    return {f.rule for f in findings if f.severity is Severity.ERROR}


def test_a_launch_site_over_avoided_ground_flies_with_a_warning(make_brief, straight):
    plan = plan_brief(make_brief(straight, avoid=[{"name": "village", "centre": [50.01, 8.02], "radius_m": 200}])).plan
    for sortie in plan.sorties:
        (finding,) = [f for f in plan.findings if f.rule == "overflight" and f.sortie == sortie.name]
        assert finding.measured == pytest.approx(400.0, abs=2.0)
        assert finding.advice == "a launch site outside it"
    assert not rules_of(plan.findings)


def test_a_return_over_avoided_ground_is_warned_of(make_brief, straight):
    plan = plan_brief(make_brief(straight, avoid=[{"name": "v", "centre": [50.0065, 8.03], "radius_m": 150}])).plan
    village = flat(shapely.Point(8.03, 50.0065)).buffer(150.0)
    for sortie in plan.sorties:
        assert not path_of(sortie).intersects(village.buffer(-0.5))
        ways = [
            flat(shapely.LineString([(g.lon_start_deg, g.lat_start_deg), (g.lon_end_deg, g.lat_end_deg)]))
            for g in sortie.failsafe
        ]
        said = [f for f in plan.findings if f.rule == "failsafe overflight" and f.sortie == sortie.name]
        assert len(said) == any(w.intersects(village) for w in ways)
        assert all(f.severity is Severity.WARNING and "over 'v'" in f.message for f in said)
    assert any(f.rule == "failsafe overflight" for f in plan.findings)


def test_a_plan_made_without_the_areas_is_held_to_them(make_brief, straight):
    plain = plan_brief(make_brief(straight)).plan.sorties[0]
    document = document_from_sortie(plain, "ardupilot")
    held = make_brief(straight, keep_in={"polygon": [WEST_HALF, HOLE]})
    found = check_document(document, name="plain", brief=held).findings
    area = ground(*WEST_HALF) - ground(*HOLE)
    outside = sum(f.measured for f in found if f.rule == "keep-in" and "outside" in f.message)
    assert outside == pytest.approx((path_of(plain) - area).length, rel=1e-3)
    with_village = make_brief(straight, avoid=[{"name": "village", "polygon": VILLAGE}])
    found = check_document(document, name="plain", brief=with_village).findings
    (over,) = [f for f in found if f.rule == "overflight"]
    assert over.measured == pytest.approx(path_of(plain).intersection(ground(*VILLAGE)).length, rel=1e-3)
    assert over.advice.startswith("a path round it")


def test_a_way_home_outside_the_keep_in_area_is_an_error_and_in_its_clearance_a_warning(make_brief, straight):
    notch = [[50.0028, 8.012], [50.0028, 8.016], [50.0085, 8.016], [50.0085, 8.012]]
    plan = plan_brief(make_brief(straight, keep_in={"polygon": [WEST_HALF, notch]}, failsafe={"way": "straight"})).plan
    crossed = {
        s.name for s in plan.sorties for g in s.failsafe
        if g.kind is LegKind.FAILSAFE and flat(
            shapely.LineString([(g.lon_start_deg, g.lat_start_deg), (g.lon_end_deg, g.lat_end_deg)])
        ).intersects(ground(*notch))
    }  # fmt: skip
    assert crossed
    for name in crossed:
        (finding,) = [f for f in plan.findings if f.rule == "failsafe keep-in" and f.sortie == name]
        assert finding.severity is Severity.ERROR
        assert "outside the keep-in area" in finding.message


def test_what_the_keep_in_area_leaves_unseen_is_said_with_how_much(make_brief, straight):
    plan = plan_brief(make_brief(straight, keep_in={"polygon": WEST_HALF})).plan
    (said,) = [f for f in plan.findings if "outside the keep-in area" in f.message]
    assert said.rule == "coverage"
    assert 37.5 <= said.measured <= 40.0, "40 % lie outside, less what is seen from inside across the edge"
    assert said.measured + plan.covered_pct <= 100.01
    assert said.lon_deg > 8.03


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"keep_in": {}}, "keep_in: needs a polygon, or a centre and radius_m"),
        ({"keep_in": {"polygon": WEST_HALF, "clearance_m": -1}}, r"keep_in.clearance_m = -1 should be greater than or"),
        ({"keep_in": {"polygon": 5}}, "keep_in.polygon must be a ring of"),
        ({"keep_in": {"polygon": WEST_HALF, "file": "a.geojson"}}, "keep_in names a file and a polygon; give one"),
        ({"keep_in": {"polygn": WEST_HALF}}, "keep_in.polygn is not a key of a brief .did you mean polygon"),
        ({"avoid": [{"name": "v", "polygon": [[50, 8], [91, 8]]}]}, r"avoid\[0\].polygon needs .* within"),
    ],
)
def test_a_wrong_area_names_its_key(make_brief, straight, table, said):
    with pytest.raises(BriefError, match=said):
        make_brief(straight, **table)


@pytest.mark.parametrize(
    ("ring", "said"),
    [
        ([[50.0, 8.0], [50.01, 8.01], [50.0, 8.01], [50.01, 8.0]], "the keep-in area crosses .* at 50.00500, 8.00500"),
        ([[50.0, 8.0], [50.01, 8.01], [50.0, 8.0]], "fewer than three corners about 50.00000, 8.00000"),
    ],
)
def test_a_misdrawn_area_names_the_place(make_brief, straight, ring, said):
    with pytest.raises(BriefError, match=said):
        plan_brief(make_brief(straight, keep_in={"polygon": ring}))


def test_a_road_without_a_width_is_refused(make_brief, straight, tmp_path):
    (tmp_path / "road.geojson").write_text('{"type": "LineString", "coordinates": [[8.03, 49.9], [8.03, 50.1]]}')
    with pytest.raises(BriefError, match=r"avoid\[0\]: lines and points cover no ground; say .* clearance_m"):
        make_brief(straight, folder=tmp_path, avoid=[{"file": "road.geojson", "clearance_m": 0}])
    (road,) = make_brief(straight, folder=tmp_path, avoid=[{"file": "road.geojson"}]).avoid
    assert (road.name, road.clearance_m) == ("avoid 1", 30.0)


@pytest.mark.parametrize(
    ("border", "said"),
    [
        ({"own_side": "knot.geojson"}, "border.own_side: the polygon crosses itself at 50.01000, 8.02500"),
        ({"file": "metres.geojson", "own_side": "left"}, "metres of a map projection, but they look like degrees"),
        (
            {"coordinates": [[50.0, 8.02], [50.0, 8.0205]], "own_side": "left"},
            "the line is 35.8 m long; give two or more",
        ),
        ({"coordinates": [[50.0, 8.0], [50.0, 8.0]], "own_side": "left"}, "the line is 0.0 m long"),
        ({"coordinates": [[8.0, 50.0], [8.05, 50.0]], "own_side": "left"}, "latitude and longitude are not swapped"),
        (
            {"own_side": "behind.geojson"},
            "our side as drawn begins 489 m from the border and the corridor ends at 480 m",
        ),
    ],
)
def test_a_misdrawn_border_or_side_is_refused_with_what_to_do(make_brief, straight, tmp_path, border, said):
    knot = [[8.0, 50.0], [8.05, 50.02], [8.05, 50.0], [8.0, 50.02], [8.0, 50.0]]
    behind = [[8.0, 50.0044], [8.05, 50.0044], [8.05, 50.02], [8.0, 50.02], [8.0, 50.0044]]
    for name, ring in (("knot", knot), ("behind", behind)):
        (tmp_path / f"{name}.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32632"}}
    line = {"type": "LineString", "crs": crs, "coordinates": [[8.0, 50.0], [8.05, 50.0]]}
    (tmp_path / "metres.geojson").write_text(json.dumps(line))
    with pytest.raises((BriefError, PlanRefusedError), match=said):
        plan_brief(make_brief(straight, folder=tmp_path, corridor={"depth_m": 480}, border=border))


def test_a_polygon_that_begins_behind_the_border_is_flown_off_its_own_edge(make_brief, straight, tmp_path):
    ring = [[8.0, 50.004], [8.05, 50.004], [8.05, 50.02], [8.0, 50.02], [8.0, 50.004]]
    (tmp_path / "own.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    plan = plan_brief(
        make_brief(straight, folder=tmp_path, corridor={"depth_m": 600}, border={"own_side": "own.geojson"})
    ).plan
    assert not rules_of(plan.findings)
    assert all(flat(shapely.Polygon(ring)).covers(path_of(s)) for s in plan.sorties)


def test_a_site_that_is_not_a_number_is_one_complaint(make_brief, straight):
    with pytest.raises(BriefError, match=r"^brief: launch\[0\].lat_deg = nan should be a finite number$"):
        make_brief(straight, launch=[{"name": "a", "lat_deg": float("nan"), "lon_deg": 8.0}])


BOX = ((8.012, 50.004), (8.028, 50.004), (8.028, 50.009), (8.012, 50.009))


def test_a_search_goes_round_avoided_ground_and_keeps_in(make_brief, straight):
    keep = [[49.98, 7.99], [49.98, 8.0265], [50.03, 8.0265], [50.03, 7.99]]
    school = [[50.0060, 8.0180], [50.0060, 8.0215], [50.0072, 8.0215], [50.0072, 8.0180]]
    request = PatternRequest(kind=PatternKind.AREA, polygons=((BOX,),), swath_m=80.0)
    cut = plan_brief(make_brief(straight, keep_in={"polygon": keep}), Search(request=request)).plan
    assert all(ground(*keep).covers(path_of(sortie)) for sortie in cut.sorties)
    outside = [f for f in cut.findings if "outside the keep-in area" in f.message]
    assert [f.measured for f in outside] == [pytest.approx(100.0 * (8.028 - 8.0265) / 0.016, abs=4.0)]
    inside = dataclasses.replace(request, polygons=((tuple((min(lon, 8.0255), lat) for lon, lat in BOX),),))
    areas = {"keep_in": {"polygon": keep}, "avoid": [{"name": "school", "polygon": school}]}
    plan = plan_brief(make_brief(straight, **areas), Search(request=inside)).plan
    assert plan.sorties
    for sortie in plan.sorties:
        assert ground(*keep).covers(path_of(sortie))
        over = path_of(sortie).intersection(ground(*school)).length
        said = sum(f.measured for f in plan.findings if f.rule == "overflight" and f.sortie == sortie.name)
        assert said == pytest.approx(over, rel=0.01, abs=0.1)
    plain = plan_brief(make_brief(straight, keep_in={"polygon": keep}), Search(request=inside)).plan
    crossed = [sum(path_of(s).intersection(ground(*school)).length for s in p.sorties) for p in (plain, plan)]
    assert crossed[0] > 200.0
    assert crossed[1] == 0.0
