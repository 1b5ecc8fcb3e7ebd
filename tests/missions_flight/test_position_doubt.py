"""A vehicle's position against its receivers and its own speed: what is noise, what a step of 100 m."""

from __future__ import annotations

import dataclasses
import json
import math
import types
from pathlib import Path

import numpy as np
import pytest
import shapely

from missions.flight.deviation import PathWatch
from missions.flight.position_doubt import UNSEEN, PositionDoubt
from missions.flight.state import VehicleState
from missions.flight.values import FlightOptions
from missions.flight.watch import FlightWatch
from missions.plan_files.dialect import wire_items

PER_DEG = 111_195.0
LAT = 51.44
EAST = PER_DEG * math.cos(math.radians(LAT))


def state(t_s, north_m, east_m, velocity=(0.0, 15.0), **fixes):
    """A position and what receivers said since the last one, metres from a place."""
    at = {name: (LAT + n / PER_DEG, 4.92 + e / EAST) for name, (n, e) in fixes.items()}
    return types.SimpleNamespace(
        t_boot_s=t_s, lat_deg=LAT + north_m / PER_DEG, lon_deg=4.92 + east_m / EAST, velocity_mps=velocity, fixes=at
    )


def test_a_straight_flight_with_a_good_receiver_is_believed():
    doubt, rng = PositionDoubt(), np.random.default_rng(4)
    for k in range(200):
        noise = rng.normal(0.0, 2.5, 2)
        one = state(0.5 * k, 0.0, 7.5 * k, gps=(noise[0], 7.5 * (k - 0.6) + noise[1]))
        assert doubt.observe(one) == 0.0
    assert doubt.worst_m == 0.0


@pytest.mark.parametrize("seconds", [0.1, 1.0, 2.0])
def test_a_turn_is_believed(seconds):
    """A fixed wing at 18 m/s on a circle of 60 m, a copter that brakes from 15 m/s at 5 m/s2."""
    doubt = PositionDoubt()
    for k in range(60):
        angle = 18.0 * seconds * k / 60.0
        place = 60.0 * math.sin(angle), 60.0 * (1.0 - math.cos(angle))
        assert doubt.observe(state(seconds * k, *place, (18.0 * math.cos(angle), 18.0 * math.sin(angle)))) == 0.0
    doubt = PositionDoubt()
    for k in range(10):
        t = min(seconds * k, 3.0)
        assert doubt.observe(state(seconds * k, 0.0, 15.0 * t - 2.5 * t * t, (0.0, 15.0 - 5.0 * t))) == 0.0


@pytest.mark.parametrize("seconds", [0.1, 0.5, 1.0])
def test_a_step_of_a_hundred_metres_is_said(seconds):
    doubt = PositionDoubt()
    doubt.observe(state(0.0, 0.0, 0.0))
    assert doubt.observe(state(seconds, 100.0, 15.0 * seconds)) == pytest.approx(100.0, abs=3.0)
    assert "not where its own speed has taken it" in doubt.why
    assert doubt.observe(state(2 * seconds, 100.0, 30.0 * seconds)) == pytest.approx(100.0, abs=3.0)
    assert doubt.elsewhere == pytest.approx((LAT, 4.92 + 30.0 * seconds / EAST), abs=1e-5), "where its speed took it"
    assert doubt.observe(state(3 * seconds, 0.0, 45.0 * seconds)) == 0.0, "it is back where its speed has taken it"
    assert doubt.elsewhere is None
    assert doubt.worst_m == pytest.approx(100.0, abs=3.0), "what was measured since then stays in doubt"


def test_a_step_is_told_until_the_drift_of_reckoning_is_as_much():
    """At half a metre a second nobody can tell any more after 200 s which of the two places was right."""
    doubt = PositionDoubt()
    doubt.observe(state(0.0, 0.0, 0.0))
    found = [doubt.observe(state(float(t), 100.0, 15.0 * t)) for t in range(1, 240)]
    assert min(found[:195]) > 95.0
    assert max(found[205:]) == 0.0


@pytest.mark.parametrize("receiver", ["gps", "second"])
def test_a_receiver_that_is_elsewhere_is_said(receiver):
    doubt = PositionDoubt()
    doubt.observe(state(0.0, 0.0, 0.0))
    found = doubt.observe(state(0.5, 0.0, 7.5, **{receiver: (120.0, 4.0)}))
    assert found == pytest.approx(120.0, abs=20.0)
    assert f"its estimate and {receiver} differ" in doubt.why


@pytest.fixture
def deceived():
    return json.loads(Path(__file__).with_name("deceived_receiver.json").read_text(encoding="utf-8"))


def watched(recorded, square_sortie):
    """Feed the watch a recorded flight; yield seconds, the true place's metres south of the line, and the findings."""
    lat0, lon0 = (v / 1e7 for v in recorded["origin"])
    line = shapely.linestrings([[lon0 - 0.02, lat0], [lon0 + 0.02, lat0]])
    sortie = dataclasses.replace(square_sortie, home_lat_deg=lat0, home_lon_deg=lon0)
    vehicle = VehicleState()
    vehicle.armed = True
    watch = FlightWatch(sortie, vehicle, FlightOptions(required_standoff_m=150.0), now_s=0.0)
    watch.path = PathWatch(sortie, wire_items(sortie, "ardupilot"), home_offset=1, border=line)
    for t_ms, lat, lon, north, east, gps_lat, gps_lon, true_lat, _ in recorded["rows"]:
        vehicle.t_boot_s, vehicle.velocity_mps = t_ms / 1e3, (north / 100.0, east / 100.0)
        vehicle.lat_deg, vehicle.lon_deg = lat0 + lat / 1e7, lon0 + lon / 1e7
        vehicle.fixes["its GPS"] = (lat0 + gps_lat / 1e7, lon0 + gps_lon / 1e7)
        vehicle.position_fixes += 1
        watch.observe()
        yield t_ms / 1e3, -true_lat * 1e-7 * PER_DEG, {f.rule: f for f in watch.findings.all()}, watch


def test_a_real_copter_led_over_the_line_by_its_receiver_is_told_of_in_time(deceived, square_sortie):
    """From when its receiver jumped until it was beyond the line took it 28 s."""
    began, doubted, near, crossed = 175.57, math.inf, math.inf, math.inf
    for t_s, south_m, found, watch in watched(deceived, square_sortie):
        doubted = min(doubted, t_s if "position_doubt" in found else math.inf)
        near = min(near, t_s if "standoff_doubt" in found else math.inf)
        crossed = min(crossed, t_s if south_m < 0.0 else math.inf)
        if began + 1.0 < t_s < crossed:
            assert watch.doubt.why, f"at {t_s} s nothing is in doubt, and the aircraft is {south_m:.0f} m from the line"
    assert began < doubted < began + 1.0
    assert near < crossed - 10.0, "nearer than the plan keeps, by its own speed"
    assert found["standoff_doubt"].measured == 0.0
    assert watch.doubt.worst_m == pytest.approx(300.0, abs=5.0)


def test_where_a_deceived_aircraft_truly_is_can_be_reckoned(deceived, square_sortie):
    lat0 = deceived["origin"][0] / 1e7
    off = [
        abs((watch.doubt.elsewhere[0] - lat0) * PER_DEG + south_m)
        for t_s, south_m, _, watch in watched(deceived, square_sortie)
        if watch.doubt.elsewhere is not None and 188.0 < t_s < 196.0
    ]
    assert len(off) > 15
    assert max(off) < 15.0


def test_positions_far_apart_in_time_say_nothing():
    doubt = PositionDoubt()
    doubt.observe(state(0.0, 0.0, 0.0))
    assert doubt.observe(state(20.0, 900.0, 900.0)) == 0.0
    assert doubt.observe(state(20.0, -900.0, 900.0)) == 0.0, "the same time once more"


def led_away(drift_mps, seconds, *, with_speed=False, every_s=0.2):
    """Fly east, told of a place that drifts north; return the first time it is doubted, and the doubt then."""
    doubt, rng = PositionDoubt(), np.random.default_rng(7)
    for k in range(round(seconds / every_s)):
        t_s = every_s * k
        velocity = rng.normal(0.0, 0.05, 2) + (drift_mps if with_speed else 0.0, 15.0)
        said = doubt.observe(state(t_s, drift_mps * t_s + rng.normal(0.0, 0.3), 15.0 * t_s, tuple(velocity)))
        if said > 0.0:
            return t_s, said, doubt
    return math.inf, 0.0, doubt


@pytest.mark.parametrize("drift_mps", [0.3, 0.5, 1.0, 3.0])
def test_a_position_that_leaves_its_speed_slowly_is_told_once_it_is_thirty_metres_off(drift_mps):
    after_s, said, doubt = led_away(drift_mps, 200.0)
    assert after_s == pytest.approx(30.0 / drift_mps, rel=0.12)
    assert 30.0 < said < 40.0
    assert "has left the way of its own speed" in doubt.why
    lat, lon = doubt.elsewhere
    assert (lat - LAT) * PER_DEG == pytest.approx(0.0, abs=6.0), "where its speed took it"
    assert (lon - 4.92) * EAST == pytest.approx(15.0 * after_s, abs=6.0)


def test_what_the_result_calls_unseen_is_not_seen():
    assert led_away(0.2, 400.0)[0] == math.inf
    assert led_away(1.0, 400.0, with_speed=True)[0] == math.inf
    assert "0.25 m/s" in UNSEEN


@pytest.mark.parametrize("every_s", [0.2, 1.0])
def test_ten_minutes_of_lanes_and_turns_with_a_good_receiver_is_believed(every_s):
    """There and back at 15 m/s, braking and turning at 3 m/s2 every half minute; the place wanders by 2 m."""
    doubt, rng = PositionDoubt(), np.random.default_rng(8)
    north = east = 0.0
    wander = np.zeros(2)
    for k in range(round(600.0 / every_s)):
        t_s = every_s * k
        phase = t_s % 60.0
        speed = float(np.clip(min(phase, 60.0 - phase) - 1.0, -5.0, 5.0) * 3.0) * (
            1.0 if int(t_s // 60.0) % 2 else -1.0
        )
        east += speed * every_s
        keep = math.exp(-every_s / 30.0)
        wander = keep * wander + math.sqrt(1.0 - keep * keep) * rng.normal(0.0, 2.0, 2)
        velocity = tuple(rng.normal(0.0, 0.05, 2) + (0.0, speed))
        assert doubt.observe(state(t_s, north + wander[0], east + wander[1], velocity)) == 0.0, t_s
