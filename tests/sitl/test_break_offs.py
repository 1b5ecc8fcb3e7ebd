"""Flights broken off on the embedded vehicle, judged by where it truly was."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import shapely

from benchmarks.break_offs.cases import CAUSES, BreakOff, Cause, cases
from benchmarks.break_offs.embedded import fly, fly_each
from benchmarks.break_offs.flown import WITHIN_M, Flown, read_flown, write_flown
from benchmarks.break_offs.plans import NAMES, patrol
from missions.performance.handling import on_the_ground

FLOWN = Path(__file__).with_name("break_offs_flown.json")
"""What a real ArduPilot (copter, 4.7.0-dev of July 2025) and a real PX4 (quad, 1.17.0-beta) truly did, by seconds."""
QUICK = [name for name in NAMES if not name.endswith(("demo", "wing"))]
MANY = 8 * len(CAUSES)
"""Break-offs of each plan in the long run, 672 of all twelve: each cause eight times, at four of the worst moments."""


def held(flown: Flown) -> None:
    assert flown.broken_at >= 0, flown.line()
    assert (flown.modes == ("AUTO",)) if flown.only_warned else len(flown.modes) > 1, flown.line()
    assert not flown.crossed, flown.line()
    assert flown.nearest_m >= flown.judged_m - WITHIN_M, flown.line()


def some(plan: str, count: int) -> list[BreakOff]:
    """Return a few cases of a plan, other causes for each plan."""
    at = NAMES.index(plan) * count
    return [cases(plan, len(CAUSES) * 2)[(at + 3 * k) % (len(CAUSES) * 2)] for k in range(count)]


@pytest.mark.parametrize("plan", QUICK)
def test_a_sample_of_break_offs_keeps_what_was_judged(plan):
    for case in some(plan, 1):
        held(fly(case))


def test_a_fixed_wing_broken_off_keeps_what_was_judged():
    held(fly(cases("wing", 8)[1]))


RECORDED = read_flown(FLOWN)


@pytest.mark.parametrize("plan", sorted({one.case.plan for one in RECORDED}))
def test_the_embedded_vehicle_does_what_the_real_one_did(plan):
    """The same modes one after the other, and as near to the line within 10 m."""
    flown = {one.case: one for one in RECORDED if one.case.plan == plan}
    for own in fly_each(list(flown)):
        real = flown.pop(own.case)
        held(real)
        assert own.modes == real.modes, (real.line(), own.line())
        assert own.nearest_m == pytest.approx(real.nearest_m, abs=WITHIN_M), (real.line(), own.line())
        assert own.ended is real.ended
    assert flown == {}


WINGS = Path(__file__).with_name("wings_flown.json")
"""What a real ArduPlane (4.7.0-dev) and a real PX4 wing (1.17.0-beta) truly did, until they circled or had landed."""


@pytest.mark.parametrize("real", read_flown(WINGS), ids=lambda one: one.case.name)
def test_a_real_wing_that_returns_stays_in_the_air_that_is_judged(real):
    """From where it left its path on: the turn, the way, the circle, and what ArduPlane flies on to land."""
    flight = patrol(real.case.plan)
    subject, swept, path = flight.subject, flight.subject.swept, flight.subject.legs.lines
    track = shapely.points(flight.corridor.frame.to_plane(real.lat_deg, real.lon_deg))
    off_m = shapely.distance(shapely.union_all(path), track)
    away = int(np.flatnonzero((off_m > 40.0) & (np.arange(len(track)) > real.broken_at))[0])
    left = int(np.flatnonzero(off_m[:away] < 3.0)[-1])
    begun = np.hypot(*(subject.returns.points.xy_m - shapely.get_coordinates(track[left])).T) <= 130.0
    ends = np.unique(subject.returns.place[begun])
    judged = swept.shape[np.where(swept.about < 0, begun[swept.first], np.isin(swept.about, ends))]
    outside_m = shapely.distance(shapely.union_all([*judged, *path]), track[left:])
    assert len(outside_m) > 100
    assert outside_m.max() <= flight.strays_m


LANDINGS = Path(__file__).with_name("wing_landings_flown.json")
"""The last 25 s of three whole flights of a real PX4 wing (1.17.0) in still air."""


@pytest.mark.parametrize("real", read_flown(LANDINGS))
def test_a_real_px4_wing_comes_to_rest_within_what_is_judged_beyond_its_place(real):
    """It flares past it and rolls; the planned glide ends there."""
    flight = patrol(real.case.plan)
    begun, ends = flight.subject.legs.start_m[-1], flight.subject.legs.end_m[-1]
    ahead = (ends - begun) / np.hypot(*(ends - begun))
    beyond_m = (flight.corridor.frame.to_plane(real.lat_deg, real.lon_deg) - ends) @ ahead
    judged_m = np.hypot(*(shapely.get_coordinates(flight.subject.legs.lines[-1])[-1] - ends))
    assert 70.0 < beyond_m[-1] < judged_m


TURN = Path(__file__).with_name("wing_turn_flown.json")
"""A real ArduPlane (4.7.0-dev), its battery critical on a lane that leads away from a home nearer to the line: 71 s."""


def test_the_turn_of_a_real_plane_to_the_side_of_the_line_lies_in_the_air_that_is_judged():
    """It comes more than 100 m nearer to the line within 12 s; the border is the parallel of 50 degrees."""
    (real,) = read_flown(TURN)
    flight = patrol(real.case.plan)
    away_m = (real.lat_deg - 50.0) * 111_229.0
    assert 100.0 < away_m[real.broken_at] - away_m[real.broken_at + 12] < 120.0
    subject, swept = flight.subject, flight.subject.swept
    track = flight.corridor.frame.to_plane(real.lat_deg, real.lon_deg)[real.broken_at :]
    begun = np.hypot(*(subject.returns.points.xy_m - track[0]).T) <= 130.0
    judged = swept.shape[np.where(swept.about < 0, begun[swept.first], False)]
    outside_m = shapely.distance(shapely.union_all(judged), shapely.points(track))
    assert outside_m.max() <= flight.corridor.margin.tracking_m


@pytest.mark.parametrize("real", [one for one in read_flown(WINGS) if one.ended], ids=lambda one: one.case.name)
def test_a_real_wing_stands_and_rolls_as_long_as_planned(real):
    """Its track has a row each second from arming to disarming; the first and last metre take it up to two more."""
    up = np.flatnonzero(real.alt_m > real.alt_m[0] + 1.0)
    ground = on_the_ground(str(patrol(real.case.plan).dialect), wing=True)
    assert ground.before_s <= up[0] <= ground.before_s + 2.0
    assert ground.after_s <= len(real.alt_m) - 1 - up[-1] <= ground.after_s + 2.0


@pytest.mark.soak
@pytest.mark.parametrize("plan", NAMES)
def test_over_six_hundred_break_offs_keep_what_was_judged(plan):
    flown = list(fly_each(cases(plan, MANY)))
    assert len({one.case for one in flown}) == len(flown) == MANY
    assert [one.line() for one in flown if not one.held] == []


def test_a_break_off_in_a_copy_of_the_flight_is_the_one_flown_alone():
    chosen = cases("straight", 4)[1:3]
    for copied in fly_each(chosen):
        alone = fly(copied.case)
        assert (copied.modes, copied.broken_at, copied.ended) == (alone.modes, alone.broken_at, alone.ended)
        np.testing.assert_array_equal(copied.lat_deg, alone.lat_deg)
        np.testing.assert_array_equal(copied.alt_m, alone.alt_m)


def test_with_the_wrong_parameters_the_line_is_crossed_and_seen_to_be():
    """A radio that is lost on a copter set to return straight, where only the way along the path was judged."""
    case = dataclasses.replace(cases("retrace", 2)[0], cause=Cause.RADIO)
    wrong = fly(case, FS_THR_ENABLE=1.0)
    assert wrong.crossed
    assert not wrong.held
    held(fly(case))


def test_half_of_the_moments_are_the_worst_by_the_judge_and_every_cause_comes_in_both_halves():
    made = cases("rally", 2 * len(CAUSES))
    assert sum(c.worst for c in made) == len(CAUSES)
    for worst in (True, False):
        assert {c.cause for c in made if c.worst is worst} == set(CAUSES)
    judged = [patrol("rally").judged_m(c.leg, c.share) for c in made]
    least = min(judged)
    assert all(j <= least + 60.0 for j, c in zip(judged, made, strict=True) if c.worst)


def test_tracks_are_read_back_as_they_were_written(tmp_path):
    flown = fly(cases("straight", 2)[1])
    write_flown(tmp_path / "flown.json", [flown])
    (back,) = read_flown(tmp_path / "flown.json")
    assert back.case == flown.case
    assert (back.modes, back.broken_at, back.ended) == (flown.modes, flown.broken_at, flown.ended)
    np.testing.assert_allclose(back.lat_deg, flown.lat_deg, atol=6e-7)
    assert back.nearest_m == pytest.approx(flown.nearest_m, abs=0.3)
    assert (tmp_path / "flown.json").stat().st_size < 8000
