"""What an autopilot adds to a path: by hand, against a speed profile integrated step by step, and as a sum of parts."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from missions.performance.aircraft import find_aircraft
from missions.performance.energy import path_cost
from missions.performance.handling import ARDUPILOT, HANDLING, PX4, leg_seconds, vertical_s
from missions.performance.performance import Performance
from missions.performance.wind import WindProfile

QUAD = find_aircraft("quad-survey")


def seconds(handling, *points, top=15.0):
    xy = np.array(points, dtype=float)
    return leg_seconds(handling, east_m=xy[:, 0], north_m=xy[:, 1], top_mps=np.full(len(xy) - 1, top))


@pytest.mark.parametrize(("handling", "by_hand"), [
    (ARDUPILOT, 3000 / 15 + 15 / 2.5 + 2.5 / 1.0),
    # v^2 + 9 v = 6 d: 9.917 s over 59.77 m from 15 m/s to 1.179 m/s, 2 m before the end
    (PX4, 3000 / 15 + 5.75 * 15.0 / 30.0 + 9.922 - 59.768 / 15.0),
])  # fmt: skip
def test_one_leg_from_rest_to_rest_takes_its_length_and_one_change_of_speed(handling, by_hand):
    assert seconds(handling, (0, 0), (3000, 0)).sum() == pytest.approx(by_hand, abs=0.001)


def test_a_right_angle_is_passed_at_px4_s_speed():
    """computeMaxSpeedInWaypoint: sqrt(1.5 m/s2 x 2 m x tan(90 / 2 deg)) = 1.732 m/s.

    Braking to it by v^2 + 9 v = 6 d + 1.732^2 (computeMaxSpeedFromDistance) takes 9.16 s over 59.5 m, to a stop 9.92 s
    over 59.77 m; speeding up is a change of 15 or 13.268 m/s.
    """
    straight = 2000 / 15 + 5.75 * 15.0 / 30.0 + 9.922 - 59.768 / 15.0
    corner = 9.161 - 59.5 / 15.0 + (13.268 / 3.0 + 0.75) * 13.268 / 30.0
    assert seconds(PX4, (0, 0), (1000, 0), (1000, 1000)).sum() == pytest.approx(straight + corner, abs=0.01)


def test_a_right_angle_is_cut_by_ardupilot_s_radius():
    """r = 2 / (1 / cos 45 - 1) = 4.828 m at 5 m/s2 is 4.913 m/s; by hand as above."""
    change = (15.0 - 4.913) / 2.5 + 2.5
    corner = 2.0 * change * (15.0 - 4.913) / 30.0
    got = seconds(ARDUPILOT, (0, 0), (1000, 0), (1000, 1000)).sum()
    assert got == pytest.approx(2000 / 15 + 8.5 + corner, abs=0.01)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.floats(5.0, 20.0), st.sampled_from(sorted(HANDLING)))
def test_speeds_along_a_path_match_a_step_by_step_integration(seed, top, dialect):
    """Oracle: no jerk; the fastest speed at every 0.05 m, forward and back, under corner speeds computed by hand."""
    handling = dataclasses.replace(HANDLING[dialect], jerk_mps3=1e9, brake_ramp_mps=0.0)
    rng = np.random.default_rng(seed)
    xy = np.cumsum(rng.normal(scale=40.0, size=(6, 2)) + 10.0, axis=0)
    step = np.diff(xy, axis=0)
    length = np.hypot(*step.T)
    limits = []
    for a, b in zip(step[:-1], step[1:], strict=True):
        turn = math.acos(np.clip(a @ b / np.hypot(*a) / np.hypot(*b), -1.0, 1.0))
        room = 0.4 * min(np.hypot(*a), np.hypot(*b))
        lead = min(room, 2.0 if dialect == "px4" else 2.0 / (1.0 / math.cos(turn / 2) - 1.0) * math.tan(turn / 2))
        accel = 1.5 if dialect == "px4" else 5.0
        limits.append(math.sqrt(accel * lead / math.tan(turn / 2)))
    fine, total = 0.05, 0.0
    count = np.maximum(np.ceil(length / fine).astype(int), 1)
    ends = np.concatenate([[0], np.cumsum(count)])
    ds = np.repeat(length / count, count)
    speed = np.full(ends[-1] + 1, top)
    speed[[0, -1]] = 0.0
    speed[ends[1:-1]] = np.minimum(limits, top)
    for k in range(len(ds)):
        speed[k + 1] = min(speed[k + 1], math.sqrt(speed[k] ** 2 + 2.0 * handling.accel_mps2 * ds[k]))
    for k in range(len(ds) - 1, -1, -1):
        speed[k] = min(speed[k], math.sqrt(speed[k + 1] ** 2 + 2.0 * handling.accel_mps2 * ds[k]))
    total = (2.0 * ds / (speed[:-1] + speed[1:])).sum()
    assert seconds(handling, *xy, top=top).sum() == pytest.approx(total, rel=0.01)


def test_landing_from_a_hundred_metres_by_hand():
    """ArduPilot: 90 m at 3 m/s with 1 m/s2 at both ends (30 + 3 s), then 10 m at 0.5 m/s: 53 s.

    PX4 flies nine tenths of a rate: 95 m at 2.7 m/s with 3 m/s2 (35.19 + 0.9 s), of which the last 5 m ease to
    0.63 m/s: 5 ln(2.7 / 0.63) / 2.07 = 3.515 s instead of 1.852; then 5 m at 0.63 m/s, 7.937 s. From 4 m ArduPilot
    brakes twice in 4 s and keeps to 0.5 m/s: 8 s instead of 1.33. Stopping over the place and being sure to be down
    take 4 s each.
    """
    assert float(vertical_s(ARDUPILOT, QUAD, np.array(-100.0))) == pytest.approx(53.0 + 4.0)
    assert float(vertical_s(PX4, QUAD, np.array(-100.0))) == pytest.approx(
        36.09 + 3.515 - 1.852 + 7.937 + 4.0, abs=0.02
    )
    assert float(vertical_s(ARDUPILOT, QUAD, np.array(-4.0))) == pytest.approx(4.0 + 4.0 / 0.5 - 4.0 / 3.0 + 4.0)


def test_taking_off_to_a_hundred_metres_by_hand():
    """ArduPilot: 100 / 4 + 4 / 1 s. PX4: 10 m at 1.5 m/s, to which it comes with 0.5 m/s2: 6.67 + 1.5 s.

    From there to nine tenths of 4 m/s with 4 m/s3: 2 sqrt(2.1 / 4) = 1.449 s over 3.695 m. It brakes by
    v^2 + 16 v = 8 d until it is within 0.8 m, at 0.3905 m/s: 5.245 s over 8.02 m. Between lie 77.485 m at 3.6 m/s.
    Both lift 4 s after the take-off begins.
    """
    assert float(vertical_s(ARDUPILOT, QUAD, np.array(100.0))) == pytest.approx(29.0 + 4.0)
    by_hand = 10.0 / 1.5 + 1.5 + 1.449 + 77.485 / 3.6 + 5.245
    assert float(vertical_s(PX4, QUAD, np.array(100.0))) == pytest.approx(by_hand + 4.0, abs=0.01)


@pytest.mark.parametrize("height_m", [15.0, 20.0, 40.0, 120.0])
def test_px4_climbs_as_a_step_by_step_integration_of_its_limits_does(height_m):
    """PositionSmoothing and _updateTrajConstraints: 0.5 m/s2 and 1.5 m/s up to 10 m, then 3.6 m/s."""
    at_m = rate = accel = seconds = 0.0
    step_s = 1e-3
    while at_m < height_m - 0.8:
        near = at_m < 10.0
        allowed = min(1.5 if near else 3.6, (math.sqrt(16.0**2 + 32.0 * (height_m - at_m)) - 16.0) / 2.0)
        if near:
            rate = min(rate + 0.5 * step_s, allowed)
        else:
            still = accel**2 / 8.0  # what the speed gains while the acceleration is taken back
            accel += (4.0 if rate + still < allowed else -4.0) * step_s
            accel = min(max(accel, 0.0), 4.0)
            rate = min(rate + accel * step_s, allowed)
        at_m, seconds = at_m + rate * step_s, seconds + step_s
    assert float(vertical_s(PX4, QUAD, np.array(height_m))) - 4.0 == pytest.approx(seconds, rel=0.05)


@pytest.mark.parametrize("dialect", sorted(HANDLING))
def test_an_autopilot_never_makes_a_path_shorter_or_cheaper(dialect):
    rng = np.random.default_rng(4)
    xy = np.cumsum(rng.normal(scale=300.0, size=(12, 2)), axis=0)
    path = {"xy_m": xy[[0, *range(12), -1]], "speed_mps": 15.0,
            "alt_amsl_m": np.array([0.0, *(100.0 + 20.0 * rng.random(12)), 0.0])}  # fmt: skip
    wind = WindProfile.uniform(speed_mps=6.0, from_deg=200.0)
    at_once = path_cost(QUAD, wind, **path)
    flown = path_cost(QUAD, wind, **path, handling=HANDLING[dialect])
    assert (flown.seconds >= at_once.seconds - 1e-9).all()
    assert flown.total_wh > at_once.total_wh


def test_a_wind_that_cannot_be_overcome_stays_unflyable():
    storm = WindProfile.uniform(speed_mps=40.0, from_deg=90.0)
    path = {"xy_m": np.array([[0.0, 0.0], [500.0, 0.0]]), "alt_amsl_m": np.full(2, 50.0), "speed_mps": 15.0}
    assert np.isnan(path_cost(QUAD, storm, **path, handling=ARDUPILOT).total_wh)


def test_a_point_given_twice_is_no_stop_and_a_climb_on_the_way_is():
    wind = WindProfile.uniform()
    once = {"xy_m": np.outer([0.0, 500.0, 1000.0], [1.0, 0.0]), "alt_amsl_m": np.full(3, 50.0)}
    twice = {"xy_m": np.outer([0.0, 500.0, 500.0, 1000.0], [1.0, 0.0]), "alt_amsl_m": np.full(4, 50.0)}
    climbed = twice | {"alt_amsl_m": np.array([50.0, 50.0, 70.0, 70.0])}
    one, two, three = (
        path_cost(QUAD, wind, **way, speed_mps=15.0, handling=ARDUPILOT) for way in (once, twice, climbed)
    )
    assert two.seconds.sum() == pytest.approx(one.seconds.sum())
    assert three.seconds.sum() == pytest.approx(one.seconds.sum() + 8.5 + 20.0 / 4.0 + 4.0 + 4.0)


@pytest.mark.parametrize(("dialect", "before_s", "after_s"), [
    ("ardupilot", 3.0, 20.0 + 9.0),  # LAND_DISARMDELAY, and what `is_flying` takes to say no
    ("px4", 2.0, 2.0 + 2.0 + 2.0),  # RWTO_RAMP_TIME; rolling to 5 m/s, LNDFW_TRIG_TIME, COM_DISARM_LAND
])  # fmt: skip
def test_a_wings_flight_lasts_from_arming_to_disarming(dialect, before_s, after_s):
    """In still air a straight line takes its length over the speed, and what the wing stands and rolls at its ends."""
    wing, still = find_aircraft("wing-2m"), WindProfile.uniform()
    flown = Performance(label="w", aircraft=wing, dialect=dialect, wind=still, speed_mps=wing.speed_mps)
    xy, alt = np.array([(0.0, 0.0), (600.0, 0.0), (1500.0, 0.0), (2400.0, 0.0)]), np.full(4, 100.0)
    whole, part = flown.flight_cost(xy, alt), flown.cost(xy, alt)
    in_the_air = np.array([600.0, 900.0, 900.0]) / wing.speed_mps
    assert whole.seconds == pytest.approx(in_the_air + [before_s, 0.0, after_s])
    assert part.seconds == pytest.approx(in_the_air)
    assert whole.total_wh == part.total_wh
