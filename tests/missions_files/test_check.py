"""Plans of any origin judged leg by leg, each rule with a plan that breaks it; the command as its user runs it."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely

from missions.checks.autopilot_rules_values import VehicleSettings
from missions.checks.check import AUTOPILOT_RULES, PLAN_RULES, as_json, check_document
from missions.checks.check_brief import FAR_OFF
from missions.checks.check_report_file import junit_text
from missions.execution.execute import Conduct, execute
from missions.judging.feasibility import WHOLE_FLIGHT_RULES
from missions.judging.judge import RULE_NAMES as BRIEF_RULES
from missions.plan import LegKind, Severity
from missions.plan_files.dialect import Dialect
from missions.plan_files.plan_document import Home, PlanDocument
from missions.plan_files.qgc_fence import polygon_items
from missions.plan_files.qgc_plan_file import write_qgc_document
from vedette.main import main

GEOD = pyproj.Geod(ellps="WGS84")
LAT, LON = 48.0, 9.0
HOME = Home(lat_deg=LAT - 0.012, lon_deg=LON, alt_amsl_m=300.0)


def south(metres, east=0.0):
    """Return (lat, lon) so many metres south of the border, which runs along 48 N."""
    lon, lat, _ = GEOD.fwd(LON, LAT, 180.0 if metres >= 0 else 0.0, abs(metres))
    lon, lat, _ = GEOD.fwd(lon, lat, 90.0, east)
    return lat, lon


@pytest.fixture
def make_document(make_item):
    def build(points, *, alt=100.0, fence=(), rally=(), home=HOME, extra=()):
        rows = [make_item(0, 22, lat=HOME.lat_deg, lon=HOME.lon_deg, alt=alt)]
        rows += [make_item(0, 16, lat=lat, lon=lon, alt=alt) for lat, lon in points]
        rows += [*extra, make_item(0, 20)]
        items = tuple(dataclasses.replace(item, seq=n) for n, item in enumerate(rows))
        return PlanDocument(source_format="test", dialect=None, home=home, items=items, fence=fence, rally=rally)

    return build


GOOD = [south(500, -600), south(500, 600)]


def found(document, brief, **more):
    return check_document(document, name="t", dialect=Dialect.PX4, brief=brief, **more).findings


def rules(findings):
    return sorted({f.rule for f in findings})


def test_a_good_plan_breaks_nothing(make_document, make_brief):
    assert found(make_document(GOOD), make_brief()) == ()


def test_waypoints_that_keep_the_standoff_with_a_leg_that_does_not(make_document, make_brief):
    bent = [[LON - 0.05, LAT], [LON - 0.004, LAT], [LON, LAT - 0.003], [LON + 0.004, LAT], [LON + 0.05, LAT]]
    brief = make_brief(line=bent)
    findings = found(make_document([south(430, -900), south(430, 900)]), brief)
    assert any(f.rule == "standoff" and f.seq == 2 for f in findings)
    for place in (south(430, -900), south(430, 900)):
        assert (
            shapely.LineString([(x, y) for x, y in bent]).distance(shapely.Point(place[1], place[0])) > 200.0 / 75_000
        )


def test_the_measured_standoff_is_the_distance_pyproj_measures(make_document, make_brief):
    findings = found(make_document([south(150, -300), south(150, 300)]), make_brief())
    finding = next(f for f in findings if f.rule == "standoff" and f.seq == 2)
    leg = [south(150, e) for e in np.linspace(-300, 300, 61)]
    lon, lat = np.linspace(LON - 0.0125, LON + 0.0125, 1000), np.full(1000, LAT)  # drawn edges are straight in degrees
    true = min(GEOD.inv(np.full(1000, x), np.full(1000, y), lon, lat)[2].min() for y, x in leg)
    assert finding.measured == pytest.approx(true, abs=0.3)
    assert finding.limit == 200.0
    assert f"comes within {finding.measured:.1f} m" in finding.message


CASES = {
    "standoff margin": {"points": [south(205, -600), south(205, 600)]},
    "side": {"points": [south(500, -600), south(-40, 0), south(500, 600)]},
    "ground clearance": {"points": GOOD, "alt": 40.0},
    "height limit": {"points": GOOD, "alt": 160.0},
    "ceiling": {"points": GOOD, "brief": {"flight": {"alt_agl_m": 100.0, "ceiling_amsl_m": 390.0}}},
    "link": {"points": GOOD, "brief": {"flight": {"alt_agl_m": 100.0, "max_link_m": 900.0}}},
    "endurance": {"points": [south(500, -3000), south(500, 3000)] * 10},
}


@pytest.mark.parametrize("rule", CASES)
def test_each_rule_of_the_brief_is_named_when_broken(make_document, make_brief, rule):
    case = dict(CASES[rule])
    brief = make_brief(**case.pop("brief", {}))
    got = rules(found(make_document(**case), brief))
    assert rule in got
    assert set(got) <= {rule, "standoff", "failsafe standoff", "standoff margin", "failsafe endurance", "position loss"}


def test_the_mission_returns_to_the_home_that_it_moved_across_the_border(make_document, make_brief, make_item):
    lat, lon = south(-2000)
    moved = make_document(GOOD, extra=[make_item(0, 179, lat=lat, lon=lon, alt=300.0)])
    assert {"side", "standoff"} <= set(rules(found(moved, make_brief())))
    assert "side" not in rules(found(make_document(GOOD), make_brief()))


def zone_over(metres_south, **more):
    lat, lon = south(metres_south)
    return {"zone": [{"name": "village", "centre": [lat, lon], "radius_m": 60.0, "clearance_m": 30.0} | more]}


def test_a_zone_is_judged_along_the_leg_and_with_its_clearance(make_document, make_brief):
    assert rules(found(make_document(GOOD), make_brief(**zone_over(500)))) == ["zones"]
    near = found(make_document(GOOD), make_brief(**zone_over(575)))
    assert {round(f.measured) for f in near if f.rule == "zones" and f.seq == 2} == {15.0}
    assert not [f for f in found(make_document(GOOD), make_brief(**zone_over(600))) if f.rule == "zones" and f.seq == 2]


@pytest.mark.parametrize("turn_deg", [2.8, 5.6, 17.0, 45.0])
@pytest.mark.parametrize(("past_m", "grazes"), [(60.4, True), (60.6, False)])
def test_a_leg_that_just_grazes_the_clearance_of_a_round_zone(make_document, make_brief, turn_deg, past_m, grazes):
    brief = make_brief(zone=[{"name": "hut", "centre": list(south(700)), "radius_m": 0.5, "clearance_m": 60.0}])
    lon, lat, _ = GEOD.fwd(LON, south(700)[0], turn_deg, past_m)
    ends = [GEOD.fwd(lon, lat, turn_deg + side, 300.0)[1::-1] for side in (90.0, -90.0)]
    along = [f for f in found(make_document(ends), brief) if f.rule == "zones" and f.seq == 2]
    assert bool(along) is grazes  # 60.5 m from the middle is where the zone's air ends, whatever the bearing


def test_a_zone_has_a_floor_and_a_ceiling(make_document, make_brief):
    assert found(make_document(GOOD), make_brief(**zone_over(500, floor_amsl_m=450.0))) == ()
    assert found(make_document(GOOD), make_brief(**zone_over(500, ceiling_amsl_m=350.0))) == ()
    assert rules(found(make_document(GOOD), make_brief(**zone_over(500, floor_amsl_m=420.0)))) == ["zones"]
    assert rules(found(make_document(GOOD), make_brief(**zone_over(500, ceiling_amsl_m=380.0)))) == ["zones"]


def test_a_climb_through_a_zones_floor_is_found_where_the_outline_is_met(make_document, make_brief, make_item):
    brief = make_brief(**zone_over(500, floor_amsl_m=435.0), flight={"alt_agl_m": 100.0, "max_agl_m": 400.0})
    document = make_document(GOOD)
    climb = dataclasses.replace(document.items[2], alt_m=140.0)
    high = dataclasses.replace(document, items=(*document.items[:2], climb, *document.items[3:]))
    assert "zones" in rules(found(high, brief))
    slow = dataclasses.replace(climb, alt_m=104.0)
    below = dataclasses.replace(document, items=(*document.items[:2], slow, *document.items[3:]))
    assert "zones" not in rules(found(below, brief))


def test_a_climb_that_meets_the_outline_below_the_floor_is_no_breach(make_document, make_brief):
    near_start = south(500, -450)
    zone = {"name": "mast", "centre": list(near_start), "radius_m": 40.0, "clearance_m": 10.0, "floor_amsl_m": 425.0}
    brief = make_brief(zone=[zone], flight={"alt_agl_m": 100.0, "max_agl_m": 400.0})
    document = make_document(GOOD)
    climb = dataclasses.replace(document.items[2], alt_m=160.0)
    climbing = dataclasses.replace(document, items=(*document.items[:2], climb, *document.items[3:]))
    assert [f for f in found(climbing, brief) if f.rule == "zones" and f.seq == 2] == []
    lower = dict(zone, floor_amsl_m=412.0)
    brief = make_brief(zone=[lower], flight={"alt_agl_m": 100.0, "max_agl_m": 400.0})
    assert [f.rule for f in found(climbing, brief) if f.rule == "zones" and f.seq == 2] == ["zones"]


def test_the_way_home_is_judged_from_every_point(make_document, make_brief):
    document = make_document([south(500, -900), south(500, 900)])
    midway = south(950, 200)
    brief = make_brief(zone=[{"name": "school", "centre": list(midway), "radius_m": 30.0, "clearance_m": 10.0}])
    (finding, *_) = found(document, brief)
    assert {f.rule for f in found(document, brief)} == {"failsafe zone"}
    assert "may return home through zone 'school'" in finding.message


def test_a_rally_point_beyond_the_border_is_a_way_home_across_it(make_document, make_brief, make_item):
    lat, lon = south(-300)
    rally = (make_item(0, 5100, lat=lat, lon=lon, alt=50.0),)
    assert "failsafe standoff" in rules(found(make_document(GOOD, rally=rally), make_brief()))


class Ridge:
    """Ground at 300 m with a ridge of the asked height east of the camp."""

    def __init__(self, top_amsl_m):
        self.top_amsl_m = top_amsl_m

    def amsl_m(self, lat_deg, lon_deg):
        west, east = south(900, 300)[1], south(900, 420)[1]
        return np.where((lon_deg > west) & (lon_deg < east) & (lat_deg < south(700)[0]), self.top_amsl_m, 300.0)


def test_the_ground_under_the_way_home_is_judged(make_document, make_brief, monkeypatch):
    brief = make_brief()
    document = make_document([south(500, -200), south(500, 900), south(500, -200)])
    for top, want in ((420.0, ["failsafe terrain"]), (390.0, ["failsafe terrain"]), (345.0, [])):
        monkeypatch.setattr("missions.checks.check.read_ground", lambda _, top=top: Ridge(top))
        assert rules(found(document, brief)) == want
    monkeypatch.setattr("missions.checks.check.read_ground", lambda _: Ridge(420.0))
    finding = next(f for f in found(document, brief) if f.rule == "failsafe terrain")
    assert finding.measured == pytest.approx(-20.0)
    assert finding.severity is Severity.ERROR
    assert finding.advice == "failsafe.return_alt_m = 170"
    assert "failsafe terrain" not in rules(found(document, brief, settings=VehicleSettings(return_alt_m=170.0)))
    monkeypatch.setattr("missions.checks.check.read_ground", lambda _: Ridge(390.0))
    finding = next(f for f in found(document, brief) if f.rule == "failsafe terrain")
    assert finding.severity is Severity.WARNING
    assert finding.measured == pytest.approx(10.0)


class Patch:
    """Ground at 300 m that is known in the west only."""

    def amsl_m(self, lat_deg, lon_deg):
        return np.where(lon_deg < LON, 300.0, np.nan)


def test_ground_that_is_not_known_is_a_finding_and_no_warning_of_numpy(make_document, make_brief, monkeypatch):
    monkeypatch.setattr("missions.checks.check.read_ground", lambda _: Patch())
    findings = found(make_document(GOOD), make_brief())
    assert rules(findings) == ["terrain"]
    assert "give terrain that reaches there" in findings[0].message


def test_a_plan_far_inland_is_on_our_side(make_document, make_brief):
    assert "side" not in rules(found(make_document([south(30_000), south(30_000, 500)]), make_brief()))


def test_a_plan_without_home_is_judged_from_the_nearest_site(make_document, make_brief):
    findings = found(make_document(GOOD, home=None, alt=160.0), make_brief())
    assert rules(findings) == ["height limit", "plan.problem"]
    assert "judged from launch site 'camp'" in next(f for f in findings if f.rule == "plan.problem").message


def square(half_m, centre=(HOME.lat_deg, HOME.lon_deg), inclusion=True, first=0):
    corners = []
    for azimuth in (45.0, 135.0, 225.0, 315.0):
        lon, lat, _ = GEOD.fwd(centre[1], centre[0], azimuth, half_m * math.sqrt(2.0))
        corners.append((lat, lon))
    return tuple(polygon_items(corners, inclusion=inclusion, first=first))


def test_a_leg_that_leaves_a_concave_fence_between_waypoints_inside_it(make_document):
    u_shape = [south(300, -900), south(300, -300), south(900, -300), south(900, 300), south(300, 300), south(300, 900)]
    u_shape += [south(1600, 900), south(1600, -900)]
    fence = tuple(polygon_items(u_shape, inclusion=True, first=0))
    document = make_document([south(500, -600), south(500, 600)], fence=fence)
    findings = check_document(document, name="t", dialect=Dialect.PX4).findings
    assert rules(findings) == ["fence.leg"]
    assert next(f for f in findings if f.seq == 2).measured == pytest.approx(600.0, abs=2.0)


def test_an_exclusion_crossed_between_waypoints(make_document, make_item):
    middle = south(500)
    circle = (make_item(0, 5004, lat=middle[0], lon=middle[1], p1=50.0, frame=0),)
    findings = check_document(make_document(GOOD, fence=circle), name="t", dialect=Dialect.PX4).findings
    assert rules(findings) == ["fence.leg"]
    assert findings[0].measured == pytest.approx(100.0, abs=1.0)


def test_home_outside_the_fence(make_document):
    fence = square(1000.0, centre=south(500))
    document = make_document(GOOD, fence=fence, home=Home(lat_deg=LAT - 0.03, lon_deg=LON, alt_amsl_m=300.0))
    assert "fence.home" in rules(check_document(document, name="t", dialect=Dialect.PX4).findings)


@pytest.mark.parametrize(
    ("corners", "sentence"),
    [
        ([(48.0, 9.0), (48.1, 9.1), (48.1, 9.0), (48.0, 9.1)], "corner 1 .* crosses itself"),
        ([(48.0, 179.9), (48.0, -179.9), (48.1, 179.95)], "corner 2 .* crosses the antimeridian"),
    ],
)
def test_a_badly_drawn_fence_names_the_corner(make_document, corners, sentence):
    fence = tuple(polygon_items(corners, inclusion=True, first=0))
    findings = check_document(make_document(GOOD, fence=fence), name="t", dialect=Dialect.PX4).findings
    drawing = next(f for f in findings if f.rule == "fence.drawing")
    assert re.search(sentence, drawing.message)


def test_a_place_never_set_and_a_leap_are_found(make_document):
    findings = check_document(make_document([*GOOD, (0.0, 0.0)]), name="t", dialect=Dialect.PX4).findings
    assert {"plan.null-island", "plan.leap"} <= set(rules(findings))


def test_the_path_has_climbs_circles_jumps_and_the_way_home(make_document, make_item):
    lat, lon = south(500)
    extra = (
        make_item(0, 19, lat=lat, lon=lon, alt=100.0, p1=30.0, p3=80.0),
        make_item(0, 177, p1=1.0, p2=1.0),
    )
    path = execute(make_document(GOOD, extra=extra), Conduct())
    kinds = [leg.kind for leg in path.legs]
    assert kinds[0] is LegKind.TRANSIT
    assert (path.legs[0].alt_amsl_start_m, path.legs[0].alt_amsl_end_m) == (300.0, 400.0)
    assert kinds.count(LegKind.TURN) == 2 * 17  # once more after the jump
    ring = [leg for leg in path.legs if leg.kind is LegKind.TURN]
    assert GEOD.inv(lon, lat, ring[5].lon_end_deg, ring[5].lat_end_deg)[2] == pytest.approx(80.0, abs=1e-3)
    again = [leg for leg in path.legs if (leg.lat_end_deg, leg.lon_end_deg) == GOOD[0]]
    assert [leg.seq for leg in again] == [1, 1]
    assert kinds[-1] is LegKind.RETURN
    assert path.remarks == ()


def test_a_jump_into_nothing_is_a_problem(make_document, make_item):
    flown = execute(make_document(GOOD, extra=(make_item(0, 177, p1=40.0, p2=1.0), make_item(0, 20))), Conduct())
    (remark,) = flown.remarks
    assert (remark.rule, remark.seq, remark.severity) == ("execution.order", 3, Severity.ERROR)
    assert remark.text == "jumps to item 41, which does not exist: the mission ends there, in the air"
    assert LegKind.RETURN not in {leg.kind for leg in flown.legs}  # what follows is not flown


def test_a_jump_between_two_items_goes_to_the_first_as_autopilots_store_it(make_document, make_item):
    whole, part = (
        execute(make_document(GOOD, extra=(make_item(0, 177, p1=p1, p2=3.0),)), Conduct()) for p1 in (1.0, 1.5)
    )
    assert [leg.seq for leg in part.legs] == [leg.seq for leg in whole.legs]


def test_a_landing_comes_down_where_it_is(make_document, make_item):
    path = execute(make_document(GOOD, extra=(make_item(0, 21, lat=0.0, lon=0.0),)), Conduct())
    down = path.legs[-2]
    assert (down.lat_start_deg, down.lon_start_deg) == (down.lat_end_deg, down.lon_end_deg) == GOOD[1]
    assert (down.alt_amsl_start_m, down.alt_amsl_end_m) == (400.0, 300.0)


def test_a_terrain_frame_counts_from_the_ground(make_document, make_brief, make_item):
    document = make_document(GOOD)
    items = tuple(dataclasses.replace(i, frame=10) if i.command == 16 else i for i in document.items)
    findings = found(dataclasses.replace(document, items=items), make_brief())
    assert rules(findings) == ["px4.frame"]


def test_junit_names_every_rule_once_and_fails_the_broken_ones(make_document, make_brief):
    judgement = check_document(
        make_document(GOOD, alt=160.0), name='<a & "b">', dialect=Dialect.PX4, brief=make_brief()
    )
    suite = ET.fromstring(junit_text([judgement]).encode()).find("testsuite")
    assert suite.get("name") == '<a & "b">'
    cases = {case.get("name"): case.find("failure") for case in suite}
    assert set(cases) == {*PLAN_RULES, *AUTOPILOT_RULES[Dialect.PX4], FAR_OFF, *BRIEF_RULES, *WHOLE_FLIGHT_RULES}
    assert [name for name, failure in cases.items() if failure is not None] == ["height limit"]
    assert suite.get("failures") == "1"


def test_json_has_null_for_what_is_not_known(make_document):
    judgement = check_document(make_document(GOOD, home=None), name="t", dialect=Dialect.PX4)
    text = json.dumps(as_json(judgement), allow_nan=False)
    assert json.loads(text)["errors"] == judgement.errors > 0


def run(capsys, *arguments):
    status = main(["check", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_command_is_clean_on_a_clean_plan(capsys, tmp_path, make_document):
    write_qgc_document(make_document(GOOD), tmp_path / "good.plan")
    status, out, _ = run(capsys, tmp_path / "good.plan")
    assert status == 0
    assert "nothing found" in out


def test_the_command_finds_prints_and_writes(capsys, tmp_path, make_document):
    write_qgc_document(make_document([*GOOD, (0.0, 0.0)]), tmp_path / "bad.plan")
    status, out, _ = run(capsys, tmp_path / "bad.plan", "--dialect", "px4", "--junit", tmp_path / "o.xml")
    assert status == 1
    assert "plan.null-island\n    item 4 lies at 0, 0" in out
    assert ET.parse(tmp_path / "o.xml").getroot().tag == "testsuites"
    status, out, _ = run(capsys, tmp_path / "bad.plan", "--json", "--dialect", "px4")
    assert status == 1
    assert json.loads(out)["plans"][0]["errors"] >= 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["none.plan"], "none.plan: cannot be read"),
        (["good.plan", "--dialect", "inav"], "dialect 'inav' is not known"),
        (["good.plan", "--vehicle", "boat"], "--vehicle 'boat' is not known"),
        (["good.plan", "--brief", "none.toml"], "there is no brief"),
    ],
)
def test_the_command_refuses_with_one_sentence(capsys, tmp_path, make_document, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    write_qgc_document(make_document(GOOD), Path("good.plan"))
    status, _, err = run(capsys, *arguments)
    assert status == 2
    assert sentence in err
    assert err.count("\n") == 1


def test_real_missions_are_judged_without_falling_over(shared_data, capsys):
    files = sorted((shared_data / "missions/ardupilot").glob("**/*.txt"))
    status, out, _ = run(capsys, *files, "--json")
    judged = json.loads(out)["plans"]
    assert status == 1
    assert len(judged) == len(files) >= 35
    assert sum(plan["errors"] == 0 for plan in judged) >= 20
