"""Break-offs as the autopilots fly them, against tables worked out by hand and a battery added up again."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pyproj
import pytest

from missions.airspace.ground_file import read_ground
from missions.airspace.situation import Situation
from missions.checks.autopilot_rules_values import VehicleSettings
from missions.checks.check import check_document
from missions.checks.parameter_file import Parameters
from missions.checks.vehicle_parameters import with_parameters
from missions.errors import BriefError, PlanRefusedError
from missions.failsafes.landing_choice import LandingChoice
from missions.judging.flown_path import landings_of
from missions.judging.judge import judge_sortie, subject_of
from missions.judging.return_rules import return_rules
from missions.judging.subject import Subject
from missions.paths.items import rally_items
from missions.performance.energy import path_cost
from missions.plan import LegKind, MissionItem, Severity
from missions.plan_files.dialect import Dialect
from missions.plan_files.plan_document import document_from_sortie
from missions.tasks.plan_door import plan_brief

BULGE = [[50.0, 8.0], [50.0, 8.02], [50.012, 8.025], [50.0, 8.03], [50.0, 8.05]]
CAMP = [{"name": "a", "lat_deg": 50.005, "lon_deg": 8.01}]


def found(plan, rule):
    return [f for f in plan.findings if f.rule == rule]


@pytest.mark.parametrize(
    ("dialect", "kind", "asked", "now", "target", "away", "up"),
    [
        ("ardupilot", "quad-survey", None, 300.0, 200.0, 900.0, 300.0),  # higher than RTL_ALT: stays
        ("ardupilot", "quad-survey", None, 205.0, 200.0, 900.0, 215.0),  # climbs to 15 m above home
        ("ardupilot", "quad-survey", 90.0, 240.0, 200.0, 900.0, 290.0),
        ("ardupilot", "quad-survey", 90.0, 240.0, 200.0, 20.0, 260.0),  # cone: 3 x 20 m above home
        ("ardupilot", "quad-survey", 90.0, 240.0, 200.0, 5.0, 240.0),  # under the cone already: no climb
        ("ardupilot", "quad-survey", None, 205.0, 320.0, 900.0, 320.0),  # a rally point 120 m above home
        ("px4", "quad-survey", None, 210.0, 200.0, 900.0, 260.0),  # 60 m above where it goes to
        ("px4", "quad-survey", None, 210.0, 250.0, 900.0, 310.0),
        ("px4", "quad-survey", None, 210.0, 200.0, 40.0, 240.0),  # cone of 45 degrees
        ("px4", "wing-2m", None, 210.0, 200.0, 40.0, 260.0),  # wings have no cone
    ],
)
def test_the_height_a_return_climbs_to(make_brief, straight, dialect, kind, asked, now, target, away, up):
    failsafe = {} if asked is None else {"return_alt_m": asked}
    brief = make_brief(straight, dialect=dialect, aircraft={"type": kind}, failsafe=failsafe)
    rules = return_rules(brief.failsafe, brief.performances[0])
    got, over = rules.heights(np.array([now]), 200.0, np.array([target]), np.array([away]))
    assert (got[0], over[0]) == (up, up)


def test_a_plane_changes_its_height_on_the_way(make_brief, straight):
    brief = make_brief(straight, aircraft={"type": "wing-2m"})
    rules = return_rules(brief.failsafe, brief.performances[0])
    up, over = rules.heights(np.array([250.0, 400.0]), 200.0, np.array([200.0, 200.0]), np.array([900.0, 900.0]))
    assert up.tolist() == [250.0, 400.0]
    assert over.tolist() == [300.0, 300.0]


def test_a_climb_above_the_height_allowed_is_an_error_that_names_a_height_that_does(make_brief, straight):
    low = {"alt_agl_m": 40, "min_agl_m": 30, "max_agl_m": 50}
    plan = plan_brief(make_brief(straight, dialect="px4", flight=low)).plan
    (finding,) = found(plan, "failsafe height")
    assert (finding.measured, finding.limit, finding.severity) == (60.0, 50.0, Severity.ERROR)
    assert finding.advice == "failsafe.return_alt_m = 50"
    mended = plan_brief(make_brief(straight, dialect="px4", flight=low, failsafe={"return_alt_m": 50})).plan
    assert found(mended, "failsafe height") == []
    assert max(g.alt_amsl_end_m for s in mended.sorties for g in s.failsafe) == 50.0


def test_a_climb_through_the_ceiling_is_an_error(make_brief, straight):
    flight = {"alt_agl_m": 80, "ceiling_amsl_m": 100}
    plan = plan_brief(make_brief(straight, flight=flight, failsafe={"return_alt_m": 120})).plan
    assert found(plan, "failsafe height")[0].limit == 100.0
    lower = make_brief(straight, flight=flight, failsafe={"return_alt_m": 95})
    assert found(plan_brief(lower).plan, "failsafe height") == []


@pytest.mark.parametrize(("return_alt_m", "met"), [(None, False), (160, True)])
def test_a_return_that_climbs_into_a_zone_flown_under_is_found(make_brief, straight, return_alt_m, met):
    zone = {"name": "cap", "centre": [50.003, 8.03], "radius_m": 250, "floor_amsl_m": 170, "clearance_m": 30}
    brief = make_brief(
        straight, zone=[zone], flight={"max_agl_m": 200}, failsafe={"return_alt_m": return_alt_m, "way": "straight"}
    )
    assert bool(found(plan_brief(brief).plan, "failsafe zone")) is met


def test_ways_home_are_drawn_with_their_climb(make_brief, straight):
    plan = plan_brief(make_brief(straight, flight={"max_agl_m": 150}, failsafe={"return_alt_m": 130})).plan
    sortie = plan.sorties[0]
    climbs = [g for g in sortie.failsafe if (g.lat_start_deg, g.lon_start_deg) == (g.lat_end_deg, g.lon_end_deg)]
    ways = [g for g in sortie.failsafe if g not in climbs]
    assert climbs
    assert ways
    far = [g for g in climbs if abs(g.lon_start_deg - sortie.home_lon_deg) > 0.005]
    assert {g.alt_amsl_end_m for g in far} == {130.0}
    assert all(g.kind is LegKind.FAILSAFE for g in sortie.failsafe)
    assert [g.seq for g in sortie.failsafe] == list(range(len(sortie.legs), len(sortie.legs) + len(sortie.failsafe)))


@pytest.mark.parametrize("dialect", ["ardupilot", "px4"])
def test_retracing_mends_what_straight_returns_forbid(make_brief, dialect):
    straight = plan_brief(make_brief(BULGE, launch=CAMP, dialect=dialect, failsafe={"way": "straight"})).plan
    assert found(straight, "failsafe standoff")
    plan = plan_brief(make_brief(BULGE, launch=CAMP, dialect=dialect, failsafe={"way": "retrace"})).plan
    assert [f for f in plan.findings if f.rule.startswith("failsafe")] == []
    for sortie in plan.sorties:
        ends = {(g.lat_start_deg, g.lon_start_deg, g.lat_end_deg, g.lon_end_deg) for g in sortie.legs}
        back = {(g.lat_end_deg, g.lon_end_deg, g.lat_start_deg, g.lon_start_deg) for g in sortie.failsafe}
        assert back
        assert back <= ends


@pytest.mark.parametrize("dialect", ["ardupilot", "px4"])
def test_left_to_the_planner_no_way_home_comes_nearer_than_asked(make_brief, oracle, border_line, dialect):
    brief = make_brief(BULGE, launch=CAMP, dialect=dialect)
    plan = plan_brief(brief).plan
    assert plan.feasible
    (finding,) = found(plan, "returns")
    assert finding.severity is Severity.WARNING
    assert "proposed_rally" in finding.relaxation
    ways = dataclasses.replace(plan, sorties=tuple(dataclasses.replace(s, legs=s.failsafe) for s in plan.sorties))
    assert oracle(ways, border_line(brief)) >= 200.0
    for sortie in plan.sorties:
        document = document_from_sortie(sortie, plan.dialect)
        assert check_document(document, name="folder", brief=brief).errors == 0
    assert plan == plan_brief(brief).plan
    along = {"px4": "retrace", "ardupilot": "mission"}[dialect]
    told = make_brief(BULGE, launch=CAMP, dialect=dialect, failsafe={"way": along})
    assert plan.sorties == plan_brief(told).plan.sorties


def test_left_to_the_planner_straight_returns_stay_where_they_keep_the_rules(make_brief, straight):
    assert plan_brief(make_brief(straight)).plan == plan_brief(make_brief(straight, failsafe={"way": "straight"})).plan


def test_what_cannot_retrace_keeps_its_errors(make_brief):
    wing = {"type": "wing-2m", "count": 1}
    site = [{"name": "a", "lat_deg": 50.012, "lon_deg": 8.005}]
    plan = plan_brief(make_brief(BULGE, launch=site, aircraft=wing, corridor={"depth_m": 900})).plan
    assert found(plan, "failsafe standoff")
    assert not found(plan, "returns")


def test_a_copter_that_retraces_keeps_its_reserve_from_anywhere(make_brief):
    line = [[50.0, 8.0], [50.0, 8.25]]
    wind = {"speed_mps": 6, "from_deg": 270}
    brief = make_brief(line, wind=wind, failsafe={"way": "retrace"})
    aircraft = brief.fleets[0].aircraft
    plan = plan_brief(brief).plan
    assert found(plan, "failsafe endurance") == []
    least = 100.0
    for sortie in plan.sorties:
        for n, leg in enumerate(sortie.legs[:-1]):
            points = [leg, *sortie.legs[n::-1]]
            lon = np.array([points[0].lon_end_deg, *(g.lon_start_deg for g in points[1:])])
            lat = np.array([points[0].lat_end_deg, *(g.lat_start_deg for g in points[1:])])
            alt = np.array([points[0].alt_amsl_end_m, *(g.alt_amsl_start_m for g in points[1:])])
            cost = path_cost(
                aircraft, brief.wind.profile, np.column_stack([(lon - 8.0) * 71_695.0, (lat - 50.0) * 111_229.0]),
                alt_amsl_m=alt, speed_mps=brief.performances[0].speed_mps,
            )  # fmt: skip
            least = min(least, leg.battery_end_pct - 100.0 * cost.total_wh / aircraft.battery_wh)
    assert least >= aircraft.reserve_pct - 0.2
    straight = plan_brief(make_brief(line, wind=wind)).plan
    longest = [max(s.legs[-1].t_end_s - s.legs[0].t_start_s for s in p.sorties) for p in (plan, straight)]
    assert longest[0] < 0.7 * longest[1]


def test_px4_goes_back_or_on_along_the_mission_and_keeps_its_reserve(make_brief):
    line = [[50.0, 8.0], [50.0, 8.25]]
    wind = {"speed_mps": 8, "from_deg": 270}
    plan = plan_brief(make_brief(line, wind=wind, dialect="px4", failsafe={"way": "retrace"})).plan
    assert found(plan, "failsafe endurance") == []
    assert min(g.battery_end_pct for s in plan.sorties for g in s.failsafe) >= 20.0 - 0.02


def test_what_the_vehicle_must_be_set_to_is_part_of_the_plan(make_brief, straight):
    def told(**changes):
        sortie = plan_brief(make_brief(straight, **changes)).plan.sorties[0]
        return {v.name: v.value for v in sortie.vehicle_parameters}

    assert told(failsafe={"return_alt_m": 40})["RTL_ALT"] == 4000.0
    near = told(rally=[{"name": "r", "lat_deg": 50.008, "lon_deg": 8.03}])
    assert (near["RALLY_INCL_HOME"], near["RALLY_LIMIT_KM"], near["FS_THR_ENABLE"]) == (1.0, 0.0, 1.0)
    back = told(failsafe={"way": "retrace"})
    smart_or_land = {"BATT_FS_LOW_ACT": 4.0, "FS_GCS_ENABLE": 4.0, "FS_THR_ENABLE": 5.0, "FENCE_ACTION": 5.0}
    assert smart_or_land.items() <= back.items()
    assert (told()["RTL_CONE_SLOPE"], told()["RTL_CLIMB_MIN"]) == (3.0, 0.0)
    assert (told(dialect="px4")["RTL_TYPE"], told(dialect="px4")["RTL_CONE_ANG"]) == (0.0, 45.0)
    along = told(dialect="px4", failsafe={"way": "retrace"})
    assert (along["RTL_TYPE"], along["COM_FAIL_ACT_T"]) == (4.0, 0.0)


@pytest.mark.parametrize(
    ("trigger", "value", "crosses"),
    [
        ("FS_THR_ENABLE", 1.0, True),
        ("FENCE_ACTION", 1.0, True),
        ("FS_GCS_ENABLE", 3.0, True),
        ("FENCE_ACTION", 2.0, False),
    ],
)
def test_one_trigger_with_another_way_home_is_judged_too(make_brief, trigger, value, crosses):
    """A plan that retraces, checked with a vehicle on which one failsafe returns straight: over the border."""
    brief = make_brief(BULGE, launch=CAMP, failsafe={"way": "retrace"})
    plan = plan_brief(brief).plan
    retraced = [s for s in plan.sorties if any(v.name == "SRTL_POINTS" for v in s.vehicle_parameters)]
    assert retraced

    def crossing(sortie, changed):
        own = {v.name: v.value for v in sortie.vehicle_parameters}
        values = {"FENCE_ENABLE": 1.0, "RTL_ALT": 1500.0, "WPNAV_RADIUS": 200.0, **own, **changed}
        parameters = Parameters(where="v", values=values, dialect=Dialect.ARDUPILOT)
        told = with_parameters(VehicleSettings(), parameters, Dialect.ARDUPILOT).settings
        document = document_from_sortie(sortie, plan.dialect)
        found = check_document(document, name="t", brief=brief, settings=told).findings
        return any(f.rule == "failsafe standoff" and f.severity is Severity.ERROR for f in found)

    assert not any(crossing(sortie, {}) for sortie in retraced)
    assert any(crossing(sortie, {trigger: value}) for sortie in retraced) is crosses


def test_the_rally_limit_of_the_vehicle_is_judged_at_every_point(make_brief, straight):
    rally = [{"name": "r", "lat_deg": 50.004, "lon_deg": 8.03}]
    brief = make_brief(straight, launch=CAMP, rally=rally, failsafe={"way": "straight"})
    made = plan_brief(brief)
    sortie = max(made.plan.sorties, key=lambda s: s.legs[-1].t_end_s)
    home = (sortie.home_lat_deg, sortie.home_lon_deg, sortie.home_alt_amsl_m)
    landings = landings_of(home, sortie.rally)
    led = {}
    for limit_m in (math.inf, 300.0):
        subject = Subject(made.situation, brief.performances[0], sortie.legs, landings, LandingChoice(limit_m=limit_m))
        for (east, north), place in zip(subject.returns.points.xy_m, subject.returns.place, strict=True):
            away = [math.hypot(east - e, north - n) for e, n in subject.landings_m]
            assert place == (1 if away[1] <= limit_m and away[1] < away[0] else 0)
        led[limit_m] = int(subject.returns.place.sum())
    assert 0 < led[300.0] < led[math.inf]


@pytest.mark.parametrize(("frame", "amsl_m"), [(3, 245.0), (6, 245.0), (0, 45.0), (5, 45.0)])
def test_a_rally_points_height_counts_from_home_or_the_sea(frame, amsl_m):
    point = MissionItem(seq=0, command=5100, frame=frame, lat_deg=50.0, lon_deg=8.0, alt_m=45.0)
    home, rally = landings_of((50.1, 8.1, 200.0), [point])
    assert (home.alt_amsl_m, rally.alt_amsl_m) == (200.0, amsl_m)


def test_a_plane_with_ardupilot_cannot_retrace(make_brief, straight):
    brief = make_brief(
        [[50.0, 8.0], [50.0, 8.2]], aircraft={"type": "wing-2m"}, failsafe={"way": "retrace"},
        corridor={"depth_m": 900}, launch=[{"name": "a", "lat_deg": 50.02, "lon_deg": 8.1}],
    )  # fmt: skip
    with pytest.raises(PlanRefusedError, match="its fixed wings have no SmartRTL"):
        plan_brief(brief)


def test_an_unknown_way_names_the_key(make_brief, straight):
    with pytest.raises(BriefError, match=r"failsafe\.way = 'teleport'"):
        make_brief(straight, failsafe={"way": "teleport"})


def test_the_circle_over_a_rally_point_keeps_the_standoff(make_brief):
    line = [[50.0, 8.0], [50.0, 8.2]]
    shape = {
        "aircraft": {"type": "wing-2m", "count": 1}, "corridor": {"depth_m": 1500},
        "launch": [{"name": "a", "lat_deg": 50.03, "lon_deg": 8.1}],
    }  # fmt: skip
    plain = make_brief(line, **shape)
    sortie = plan_brief(plain).plan.sorties[0]
    ground = read_ground(plain.terrain)
    work = [g for g in sortie.legs if g.kind is LegKind.WORK]
    there = work[len(work) // 2].lon_start_deg
    for north_m, met in ((255.0, True), (330.0, False)):
        rally = [{"name": "r", "lat_deg": 50.0 + north_m / 111_229.0, "lon_deg": there}]
        brief = make_brief(line, **shape, rally=rally)
        judged = judge_sortie(Situation.of(brief, ground), dataclasses.replace(sortie, rally=rally_items(brief.rally)))
        rules = {f.rule for f in judged.findings if f.severity is Severity.ERROR}
        assert ("failsafe standoff" in rules) is met


@pytest.mark.parametrize(("dialect", "unset"), [("px4", True), ("ardupilot", False)])
def test_px4_is_not_told_to_turn_its_nose_north(make_brief, straight, dialect, unset):
    for sortie in plan_brief(make_brief(straight, dialect=dialect)).plan.sorties:
        yaws = [item.p4 for item in sortie.items if item.command in (16, 21, 22)]
        assert yaws
        assert all(math.isnan(yaw) is unset for yaw in yaws)


def test_a_returning_plane_pays_for_its_way_on_to_the_missions_landing(make_brief):
    """From over home to where it begins, once round the circle there and down the glide, worked out by hand."""
    brief = make_brief(
        [[50.0, 8.0], [50.003, 8.02], [49.999, 8.05]], aircraft={"type": "wing-2m", "count": 1},
        corridor={"depth_m": 700}, launch=[{"name": "a", "lat_deg": 50.014, "lon_deg": 8.02}],
        failsafe={"way": "straight"},
    )  # fmt: skip
    planned = plan_brief(brief)
    sortie, wing = planned.plan.sorties[0], brief.performances[0].aircraft
    circle, land = sortie.items[-2:]
    unlanded = dataclasses.replace(sortie, items=tuple(i for i in sortie.items if i.command != 189))
    counted, before = (subject_of(planned.situation, s).returns for s in (sortie, unlanded))

    def leg_s(here, there, fallen_m):
        away_m = pyproj.Geod(ellps="WGS84").inv(here[1], here[0], there[1], there[0])[2]
        return max(away_m / wing.speed_mps, fallen_m / wing.descent_mps)

    home, begun = (sortie.home_lat_deg, sortie.home_lon_deg), (circle.lat_deg, circle.lon_deg)
    over_m = counted.over_amsl_m[0] - sortie.home_alt_amsl_m
    round_s = 2.0 * math.pi * abs(circle.p2) / wing.speed_mps
    down_s = leg_s(home, begun, over_m - circle.alt_m) + leg_s(begun, (land.lat_deg, land.lon_deg), circle.alt_m)
    assert counted.seconds - before.seconds == pytest.approx(down_s + round_s - over_m / wing.descent_mps, rel=0.06)
    more_pct = 100.0 * wing.cruise_power_w * (counted.seconds - before.seconds) / 3600.0 / wing.battery_wh
    assert counted.needed_pct - before.needed_pct == pytest.approx(more_pct, rel=0.15)
    assert (counted.left_pct < before.left_pct - 0.5).all()
