"""A way back that the mission holds: written, found again, judged, and flown by nothing that does not hold it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from missions.briefs.brief_file import build_brief
from missions.checks.autopilot_rules_values import VehicleSettings
from missions.checks.check import check_document
from missions.checks.parameter_file import Parameters
from missions.checks.vehicle_parameters import with_parameters
from missions.failsafes.return_path import (
    RETURN_PATH_START,
    flown_items,
    return_path_of,
    turn_leg,
    with_return_path,
    without_return_path,
)
from missions.judging.judge import subject_of
from missions.plan import MissionItem, Severity
from missions.plan_files.dialect import Dialect
from missions.plan_files.plan_document import document_from_sortie
from missions.tasks.plan_door import plan_brief

SPIKE = [[50.0, 8.0], [50.0, 8.006], [50.0065, 8.0085], [50.0, 8.011], [50.0, 8.018]]
"""Every straight way home from beyond the spike crosses the border."""
TABLE = {
    "name": "spike", "dialect": "ardupilot", "border": {"coordinates": SPIKE, "own_side": "left"},
    "standoff": {"asked_m": 150}, "corridor": {"depth_m": 300, "lanes": 2},
    "aircraft": {"type": "quad-survey", "count": 1}, "launch": [{"name": "a", "lat_deg": 50.004, "lon_deg": 8.0015}],
}  # fmt: skip


@pytest.fixture(scope="module")
def made():
    return plan_brief(build_brief(TABLE, Path()))


@pytest.fixture(scope="module")
def sortie(made):
    return made.plan.sorties[0]


def place(item):
    return item.lat_deg, item.lon_deg, item.alt_m


def test_a_border_that_straight_returns_cross_is_planned_with_a_way_back_in_the_mission(made, sortie):
    assert made.plan.feasible
    told = [f.message for f in made.plan.findings if f.rule == "returns"]
    assert len(told) == 1
    assert "since 4.6" in told[0]
    asked = {v.name: v.value for v in sortie.vehicle_parameters}
    assert (asked["FS_THR_ENABLE"], asked["FS_GCS_ENABLE"], asked["BATT_FS_LOW_ACT"]) == (6.0, 6.0, 6.0)
    assert (asked["FENCE_ACTION"], asked["BATT_FS_CRT_ACT"]) == (2.0, 1.0)


def test_as_much_is_seen_as_with_straight_returns(made):
    straight = plan_brief(build_brief({**TABLE, "failsafe": {"way": "straight"}}, Path()))
    assert not straight.plan.feasible
    assert made.plan.covered_pct == pytest.approx(straight.plan.covered_pct, abs=0.1)
    assert made.plan.worst_revisit_s == pytest.approx(straight.plan.worst_revisit_s, rel=0.01)
    assert len(made.plan.sorties) == len(straight.plan.sorties)


def test_the_mission_leads_out_on_down_and_back(sortie):
    items, path = sortie.items, return_path_of(sortie.items)
    assert path is not None
    assert [k for k, item in enumerate(items) if item.command == RETURN_PATH_START] == [path.turn, path.end]
    assert items[path.end - 1].command == items[-1].command == 21
    out = [place(i) for i in items[: path.turn] if i.command in (16, 22)]
    assert [place(i) for i in items[path.end : -1]] == out[::-1]
    assert len(out) == path.legs_out == turn_leg(sortie.legs)
    assert [i.seq for i in items] == list(range(len(items)))
    half_s = sortie.legs[-1].t_end_s / 2.0
    assert sortie.legs[path.legs_out].t_start_s <= half_s <= sortie.legs[path.legs_out].t_end_s


def test_it_is_taken_out_and_put_in_again(sortie):
    plain = without_return_path(sortie.items)
    assert return_path_of(plain) is None
    assert not any(item.command == RETURN_PATH_START for item in plain)
    assert with_return_path(plain, sortie.legs) == sortie.items
    assert flown_items(plain) == plain
    assert [i.command for i in flown_items(sortie.items) if i.command != RETURN_PATH_START] == [
        i.command for i in plain
    ]


@pytest.mark.parametrize("broken", ["moved", "missing", "another", "jump", "lower", "no landing"])
def test_what_is_no_way_back_along_the_way_out_is_none(sortie, broken):
    items, end = list(sortie.items), return_path_of(sortie.items).end
    if broken == "moved":
        items[end + 2] = dataclasses.replace(items[end + 2], lon_deg=items[end + 2].lon_deg + 1e-4)
    elif broken == "missing":
        del items[end + 2]
    elif broken == "another":
        items.insert(3, items[end])
    elif broken == "jump":
        items.insert(3, MissionItem(seq=3, command=177, frame=2, p1=1.0, p2=1.0))
    elif broken == "lower":
        items[end + 2] = dataclasses.replace(items[end + 2], alt_m=items[end + 2].alt_m - 20.0)
    else:
        del items[-1]
    assert return_path_of(items) is None


def test_break_offs_go_back_before_the_middle_and_on_after_it(made, sortie):
    subject = subject_of(made.situation, sortie)
    returns, turn = subject.returns, return_path_of(sortie.items).legs_out
    later = returns.points.leg >= turn
    assert later.any()
    assert not later.all()
    stopped_pct = 100.0 * 270.0 * (15.0 / 2.5 + 2.5 / 1.0) / 3600.0 / 173.0  # W, s at WPNAV_ACCEL and its jerk, Wh
    assert returns.left_pct[later] == pytest.approx(sortie.legs[-1].battery_end_pct - stopped_pct, abs=0.01)
    assert returns.left_pct[~later].min() > sortie.legs[-1].battery_end_pct - 1.0
    along = returns.needed_pct[~later]
    assert along[np_order(returns.points.leg[~later], returns.points.share[~later])][-1] == pytest.approx(along.max())


def np_order(leg, share):
    return sorted(range(len(leg)), key=lambda k: (leg[k], share[k]))


def judged(sortie, brief, items=None, **changes):
    own = {v.name: v.value for v in sortie.vehicle_parameters}
    held = {"FENCE_ENABLE": 1.0, "RTL_ALT": 1500.0, "WPNAV_RADIUS": 200.0, **own, **changes}
    parameters = Parameters(where="v", values=held, dialect=Dialect.ARDUPILOT, version=(4, 6))
    told = with_parameters(VehicleSettings(), parameters, Dialect.ARDUPILOT).settings
    document = document_from_sortie(sortie, "ardupilot")
    document = document if items is None else dataclasses.replace(document, items=tuple(items))
    found = check_document(document, name="t", brief=brief, settings=told).findings
    return [f"{f.rule}: {f.message}" for f in found if f.severity is Severity.ERROR]


def test_it_is_judged_on_a_vehicle_that_is_set_as_asked(made, sortie):
    assert judged(sortie, made.situation.brief) == []


def test_a_vehicle_that_is_set_so_needs_the_mission_to_hold_it(made, sortie):
    bare = without_return_path(sortie.items)
    assert "holds none that is judged" in " ".join(judged(sortie, made.situation.brief, bare))
    end = return_path_of(sortie.items).end
    moved = [dataclasses.replace(i, lon_deg=i.lon_deg + (1e-3 if i.seq == end + 2 else 0.0)) for i in sortie.items]
    said = " ".join(judged(sortie, made.situation.brief, moved))
    assert "gives the vehicle a way home of its own, which is not judged" in said


def test_one_trigger_that_returns_straight_is_found(made, sortie):
    said = judged(sortie, made.situation.brief, FS_THR_ENABLE=1.0)
    assert any(one.startswith("failsafe standoff") for one in said)
