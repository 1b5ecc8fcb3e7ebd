"""Missions carried out by hand, and by the simulated vehicle, against what the expansion says."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from geo.geodesy import inverse
from missions.execution.execute import Conduct, execute
from missions.execution.order import in_order
from missions.judging.return_rules import ReturnRules
from missions.plan import LegKind, MissionItem, Severity
from missions.plan_files.plan_document import Home, PlanDocument

HOME = Home(lat_deg=52.0, lon_deg=23.5, alt_amsl_m=150.0)


def item(command, *, lat=math.nan, lon=math.nan, alt=0.0, frame=3, **params):
    return MissionItem(seq=0, command=command, frame=frame, lat_deg=lat, lon_deg=lon, alt_m=alt, **params)


def mission(*items, home=HOME, **changes):
    numbered = tuple(
        MissionItem(**{f: getattr(i, f) for f in i.__slots__} | {"seq": seq}) for seq, i in enumerate(items)
    )
    return PlanDocument(source_format="t", dialect=None, home=home, items=numbered, **changes)


def to(east_m, north_m=0.0, alt=60.0, command=16, **params):
    return item(command, lat=52.0 + north_m / 111_260.0, lon=23.5 + east_m / 68_600.0, alt=alt, **params)


TAKEOFF = item(22, alt=60.0)
RTL = item(20, frame=2)


def visits(document):
    said = []
    return [i.seq for i in in_order(document.items, said.append)], [(r.rule, r.seq) for r in said]


def test_jumps_repeat_as_often_as_they_say_and_nested_ones_do_not_start_again():
    """By hand, as ArduPilot counts: the counters of jumps are kept."""
    document = mission(TAKEOFF, to(100), item(177, p1=1, p2=2), to(200), item(177, p1=1, p2=1), RTL)
    assert visits(document) == ([0, 1, 1, 1, 3, 1, 3, 5], [])


def test_a_jump_without_end_is_named_and_followed_once():
    document = mission(TAKEOFF, to(100), to(200), item(177, p1=1, p2=-1), RTL)
    assert visits(document) == ([0, 1, 2, 1, 2, 5 - 1], [("execution.endless", 3)])
    assert execute(document, Conduct()).remarks[0].severity is Severity.ERROR


def test_a_jump_to_a_tag_is_followed():
    document = mission(TAKEOFF, item(600, p1=7), to(100), item(601, p1=7, p2=1), RTL)
    assert visits(document) == ([0, 1, 2, 1, 2, 4], [])
    assert visits(mission(TAKEOFF, item(601, p1=9, p2=1)))[1] == [("execution.order", 1)]


def test_what_follows_a_return_is_reached_by_the_landing_sequence_alone():
    document = mission(TAKEOFF, to(100), RTL, to(300), to(301), item(189), to(400), to(500, command=21, alt=0.0))
    assert visits(document) == ([0, 1, 2, 5, 6, 7], [("execution.order", 3)])


def test_millions_of_repeats_end():
    document = mission(TAKEOFF, to(100), item(177, p1=1, p2=60_000), item(177, p1=1, p2=60_000), RTL)
    order, said = visits(document)
    assert len(order) <= 1_003  # each once, and a thousand again
    assert execute(document, Conduct()).legs
    assert said == [("execution.order", 1)]


def test_a_long_mission_without_repeats_is_carried_out_to_its_end():
    order, said = visits(mission(TAKEOFF, *(to(k) for k in range(1_500)), RTL))
    assert order == list(range(1_502))
    assert said == []


def waits(execution):
    return [(leg.seq, leg.t_end_s - leg.t_start_s) for leg in execution.legs if leg.kind is LegKind.HOLD]


def test_holds_loiters_and_delays_are_time():
    document = mission(TAKEOFF, to(100, p1=30.0), item(93, p1=40.0), to(200, command=19, p1=50.0, p3=0.0), to(300), RTL)
    assert waits(execute(document, Conduct())) == [(1, 30.0), (2, 40.0), (3, 50.0)]
    # A fixed wing does not hold at waypoints (ArduPlane verify_nav_wp).
    assert waits(execute(document, Conduct(wing=True))) == [(2, 40.0), (3, 50.0)]


@pytest.mark.parametrize("blocker", [to(200, command=17), item(93, p1=-1.0, p2=3.0, p3=0.0, p4=0.0)])
def test_a_wait_whose_end_nobody_knows_is_named(blocker):
    (remark,) = execute(mission(TAKEOFF, to(100), blocker, RTL), Conduct()).remarks
    assert (remark.rule, remark.seq, remark.severity) == ("execution.endless", 2, Severity.ERROR)


def test_turns_are_flown_as_often_as_asked():
    legs = execute(mission(TAKEOFF, to(500, command=18, p1=3.0, p3=80.0), RTL), Conduct()).legs
    turns = [leg for leg in legs if leg.kind is LegKind.TURN]
    around = sum(float(inverse(g.lat_start_deg, g.lon_start_deg, g.lat_end_deg, g.lon_end_deg)[0]) for g in turns)
    assert around == pytest.approx(3 * 2 * np.pi * 80.0, rel=0.08)


def test_a_changed_speed_holds_until_the_next():
    document = mission(
        TAKEOFF, to(100), item(178, p1=1, p2=7.0), to(200), item(178, p1=2, p2=3.0), to(300), item(178, p1=0, p2=-2.0),
        to(400),
    )  # fmt: skip
    speeds = {leg.seq: leg.speed_mps for leg in execute(document, Conduct()).legs}
    assert math.isnan(speeds[1])
    assert (speeds[3], speeds[5]) == (7.0, 7.0)
    assert math.isnan(speeds[7])


def test_heights_and_the_way_home_count_from_the_home_that_holds():
    new = item(179, lat=52.01, lon=23.51, alt=190.0, frame=0)
    execution = execute(mission(TAKEOFF, to(100), new, to(200), RTL), Conduct())
    assert execution.homes == (HOME, Home(lat_deg=52.01, lon_deg=23.51, alt_amsl_m=190.0))
    by_item = {leg.seq: (home, leg) for home, leg in zip(execution.home_of_leg, execution.legs, strict=True)}
    assert by_item[1][0] == 0
    assert by_item[1][1].alt_amsl_end_m == 210.0
    assert by_item[3][0] == 1
    assert by_item[3][1].alt_amsl_end_m == 250.0
    last = execution.legs[-1]
    assert (last.lat_end_deg, last.lon_end_deg, last.alt_amsl_end_m) == (52.01, 23.51, 190.0)


def test_home_may_be_set_where_the_aircraft_is():
    execution = execute(mission(TAKEOFF, to(100), item(179, p1=1.0), to(200), RTL), Conduct())
    assert execution.homes[1].lon_deg == pytest.approx(to(100).lon_deg)


def test_a_return_climbs_goes_over_and_comes_down_as_its_rules_say():
    rules = ReturnRules(return_alt_m=120.0, cone_slope=3.0)
    *_, up, over, down = execute(mission(TAKEOFF, to(1000), RTL), Conduct(returns=rules)).legs
    assert [leg.kind for leg in (up, over, down)] == [LegKind.RETURN] * 3
    assert (up.alt_amsl_start_m, up.alt_amsl_end_m) == (210.0, 270.0)
    assert (over.alt_amsl_start_m, over.alt_amsl_end_m) == (270.0, 270.0)
    assert (down.alt_amsl_start_m, down.alt_amsl_end_m) == (270.0, 150.0)
    wing = execute(
        mission(TAKEOFF, to(1000), RTL), Conduct(wing=True, returns=ReturnRules(return_alt_m=100.0, on_the_way=True))
    )
    assert (wing.legs[-1].alt_amsl_start_m, wing.legs[-1].alt_amsl_end_m) == (210.0, 250.0)


class Ramp:
    """Ground that rises by 100 m over the first kilometre east and falls again over the second."""

    def amsl_m(self, lat_deg, lon_deg):
        east_m = (np.asarray(lon_deg) - 23.5) * 68_600.0
        return 150.0 + np.maximum(0.0, 100.0 - np.abs(east_m - 1000.0) / 10.0)


def test_a_leg_between_two_heights_over_the_terrain_follows_it():
    document = mission(TAKEOFF, to(10, frame=10), to(1990, frame=10), RTL)
    legs = [leg for leg in execute(document, Conduct(ground=Ramp())).legs if leg.seq == 2]
    assert max(leg.alt_amsl_end_m for leg in legs) == pytest.approx(150.0 + 100.0 + 60.0, abs=6.0)
    above = [g.alt_amsl_end_m - float(Ramp().amsl_m(0.0, g.lon_end_deg)) for g in legs]
    assert above == pytest.approx([60.0] * len(legs), abs=1e-6)


@pytest.mark.parametrize("command", [92, 83, 94, 176, 192, 193, 185, 208, 42702])
def test_what_no_judgement_can_follow_is_named(command):
    (remark,) = [
        r
        for r in execute(mission(TAKEOFF, to(100), item(command, p1=2.0), RTL), Conduct()).remarks
        if r.rule == "execution.unfollowed"
    ]
    assert remark.severity is Severity.ERROR
    assert remark.seq == 2


def test_a_fence_turned_off_is_named():
    (remark,) = execute(mission(TAKEOFF, item(207, p1=0.0), to(100), RTL), Conduct()).remarks
    assert remark.rule == "execution.fence-off"


def test_legs_are_one_chain():
    document = mission(
        TAKEOFF, to(100, p1=3.0), to(300, 200, command=18, p1=2.0, p3=60.0), item(178, p1=1, p2=9.0), to(500),
        item(177, p1=1, p2=2), to(600, command=31, p2=50.0, alt=90.0), to(700, command=21, alt=0.0),
    )  # fmt: skip
    legs = execute(document, Conduct()).legs
    for before, after in itertools.pairwise(legs):
        if before.kind is not LegKind.TURN or after.kind is not LegKind.TURN:
            assert (before.lat_end_deg, before.lon_end_deg) == (after.lat_start_deg, after.lon_start_deg)


@pytest.mark.parametrize(("alt_m", "slope"), [(210.0, 0.1), (210.0, 0.05), (20.0, 0.2), (60.0, 0.1)])
def test_a_wing_circles_as_long_as_its_change_of_height_takes_and_leaves_on_its_tangent(alt_m, slope):
    """By hand: so many metres flown for each up or down, then on to where it heads for the next place."""
    radius_m, goal = 80.0, to(4000.0, 900.0)
    document = mission(TAKEOFF, to(1000.0, alt=60.0), to(1500.0, command=31, p2=radius_m, alt=alt_m), goal, RTL)
    legs = [g for g in execute(document, Conduct(wing=True, climbs=slope, sinks=slope)).legs if g.seq == 2]
    entry, *turns = [g for g in legs if g.kind is LegKind.TURN]
    level = [g for g in turns if g.alt_amsl_start_m == g.alt_amsl_end_m]
    turning_m = abs(alt_m - 60.0) / slope
    changing = [g for g in turns if g.alt_amsl_start_m != g.alt_amsl_end_m]
    assert length_m(changing) == pytest.approx(turning_m, rel=0.01)
    assert length_m(level) <= 2.0 * math.pi * radius_m * 1.001
    assert legs[-1].alt_amsl_end_m == 150.0 + alt_m
    course = float(inverse(legs[-1].lat_end_deg, legs[-1].lon_end_deg, goal.lat_deg, goal.lon_deg)[1])
    from_centre = float(inverse(52.0, 23.5 + 1500.0 / 68_600.0, legs[-1].lat_end_deg, legs[-1].lon_end_deg)[1])
    assert abs((from_centre + 90.0 - course + 180.0) % 360.0 - 180.0) < 3.1
    assert entry.alt_amsl_start_m == 210.0


def test_a_multirotor_flies_there_without_a_circle():
    document = mission(TAKEOFF, to(1000.0), to(1500.0, command=31, p2=80.0, alt=200.0), RTL)
    assert all(leg.kind is not LegKind.TURN for leg in execute(document, Conduct()).legs)


def length_m(legs):
    return sum(float(inverse(g.lat_start_deg, g.lon_start_deg, g.lat_end_deg, g.lon_end_deg)[0]) for g in legs)
