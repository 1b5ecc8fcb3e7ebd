"""A vehicle's position against its receivers and its own speed: what is noise, what a step of 100 m."""

from __future__ import annotations

import math
import types

import numpy as np
import pytest

from missions.flight.position_doubt import PositionDoubt

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
    assert "otherwise than its speed says" in doubt.why
    assert doubt.observe(state(2 * seconds, 100.0, 30.0 * seconds)) == 0.0
    assert doubt.worst_m == pytest.approx(100.0, abs=3.0), "what was measured since then stays in doubt"


@pytest.mark.parametrize("receiver", ["gps", "second"])
def test_a_receiver_that_is_elsewhere_is_said(receiver):
    doubt = PositionDoubt()
    doubt.observe(state(0.0, 0.0, 0.0))
    found = doubt.observe(state(0.5, 0.0, 7.5, **{receiver: (120.0, 4.0)}))
    assert found == pytest.approx(120.0, abs=20.0)
    assert f"its estimate and {receiver} differ" in doubt.why


def test_positions_far_apart_in_time_say_nothing():
    doubt = PositionDoubt()
    doubt.observe(state(0.0, 0.0, 0.0))
    assert doubt.observe(state(20.0, 900.0, 900.0)) == 0.0
    assert doubt.observe(state(20.0, -900.0, 900.0)) == 0.0, "the same time once more"
