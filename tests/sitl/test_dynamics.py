"""The air moves the vehicle as it should: numbers worked out by hand, and the planner's wind triangle."""

from __future__ import annotations

import math

import pytest
from pyproj import Geod

from sitl.dynamics import (
    GRAVITY_MPS2,
    BodyState,
    Multirotor,
    MultirotorBody,
    VelocityDemand,
    metres_per_degree,
    offset_m,
)
from sitl.dynamics_power import Battery, BatterySpec, flight_power_w
from sitl.dynamics_wing import FixedWing, WingBody

GEOD = Geod(ellps="WGS84")


def hovering() -> BodyState:
    return BodyState(lat_deg=54.0, lon_deg=23.0, alt_amsl_m=100.0, ground_amsl_m=0.0, on_ground=False)


def settle(body, demand: VelocityDemand, wind: tuple[float, float], seconds: float = 60.0) -> BodyState:
    for _ in range(round(seconds / 0.02)):
        body.step(demand, *wind, 0.02)
    return body.state


@pytest.mark.parametrize("lat", [-80.0, -35.0, 0.0, 54.0, 84.0])
def test_metres_per_degree_against_geodesics(lat):
    north, east = metres_per_degree(lat)
    assert north == pytest.approx(GEOD.inv(10.0, lat - 0.005, 10.0, lat + 0.005)[2] * 100.0, rel=1e-7)
    assert east == pytest.approx(GEOD.inv(9.995, lat, 10.005, lat)[2] * 100.0, rel=1e-6)


def test_offsets_cross_the_antimeridian():
    assert offset_m(0.0, 179.999, 0.0, -179.999)[1] == pytest.approx(0.002 * 111_319.49, rel=1e-5)


def test_a_multirotor_holding_still_in_wind_leans_as_far_as_the_drag():
    """Wind 12 m/s from the south on a still vehicle: drag k v^2 with k = g tan 35 / 22^2 = 0.014187 /m, so the
    acceleration is 2.0430 m/s2 and the tilt atan(2.0430 / 9.80665) = 11.767 degrees, by hand; nose into nothing:
    heading north, the wind pushes north, so the vehicle leans south, nose up."""
    state = settle(MultirotorBody(Multirotor(), hovering()), VelocityDemand(), (12.0, 0.0))
    assert state.v_n_mps == pytest.approx(0.0, abs=0.01)
    assert state.pitch_deg == pytest.approx(11.767, abs=0.05)
    assert state.airspeed_mps == pytest.approx(12.0, abs=0.02)


def test_wind_triangle_of_a_multirotor_along_a_course():
    """Ground speed 15 east with wind 8 m/s towards north: airspeed sqrt(15^2 + 8^2) = 17 m/s, by hand."""
    state = settle(MultirotorBody(Multirotor(), hovering()), VelocityDemand(v_e_mps=15.0), (8.0, 0.0))
    assert state.v_e_mps == pytest.approx(15.0, abs=0.02)
    assert state.v_n_mps == pytest.approx(0.0, abs=0.02)
    assert state.airspeed_mps == pytest.approx(17.0, abs=0.03)


def test_a_headwind_beyond_the_top_airspeed_carries_a_multirotor_away():
    """Top airspeed 22 m/s: into 26 m/s of wind it goes backwards at 4 m/s."""
    state = settle(MultirotorBody(Multirotor(), hovering()), VelocityDemand(v_n_mps=10.0), (-26.0, 0.0), 120.0)
    assert state.v_n_mps == pytest.approx(-4.0, abs=0.05)
    assert math.hypot(state.pitch_deg, state.roll_deg) == pytest.approx(35.0, abs=0.1)


@pytest.mark.parametrize(("wind", "ground", "crab_deg"), [
    ((0.0, 9.0), 15.588457, -30.0),   # across from the left at half the airspeed: asin(9 / 18) = 30 deg into it
    ((5.0, 0.0), 23.0, 0.0),
    ((-5.0, 0.0), 13.0, 0.0),
    ((3.0, 10.8), 17.4, -36.8699),    # 3-4-5: asin(10.8 / 18), along 18 x 0.8 + 3
])  # fmt: skip
def test_wind_triangle_of_a_wing(wind, ground, crab_deg):
    """Course north, 18 m/s through the air; ground speed = sqrt(va^2 - wc^2) + wt."""
    state = settle(WingBody(FixedWing(), hovering()), VelocityDemand(v_n_mps=18.0), wind, 120.0)
    assert state.ground_speed_mps == pytest.approx(ground, abs=0.02)
    assert state.v_e_mps == pytest.approx(0.0, abs=0.02)
    assert (state.yaw_deg + 180.0) % 360.0 - 180.0 == pytest.approx(crab_deg, abs=0.05)


def test_power_and_battery_by_hand():
    spec = BatterySpec(capacity_wh=100.0)
    assert flight_power_w(spec, airspeed_mps=12.5, climb_mps=0.0, mass_kg=2.0) == pytest.approx(242.5)
    assert flight_power_w(spec, airspeed_mps=0.0, climb_mps=3.0, mass_kg=2.0) == pytest.approx(
        280.0 + 2.0 * GRAVITY_MPS2 * 3.0 / 0.6
    )
    battery = Battery(spec)
    for _ in range(600):
        battery.drain(300.0, 1.0)  # ten minutes at 300 W take 50 Wh
    assert battery.remaining_pct == pytest.approx(50.0)
    # half full: 6 x 3.75 V = 22.5 V open; 13.33 A through 0.02 ohm take 0.267 V
    assert battery.voltage_v == pytest.approx(22.5 - 300.0 / 22.5 * 0.02, abs=1e-6)


def test_level_attitude_is_the_thrust_that_flies_it():
    """Steady flight: the horizontal thrust g tan(tilt) equals the drag, whatever the heading."""
    for yaw in (0.0, 60.0, 200.0):
        body = MultirotorBody(Multirotor(), hovering())
        state = settle(body, VelocityDemand(v_n_mps=10.0, yaw_deg=yaw), (0.0, 0.0))
        up = math.cos(math.radians(state.pitch_deg)) * math.cos(math.radians(state.roll_deg))
        tilt = math.acos(up)
        assert GRAVITY_MPS2 * math.tan(tilt) == pytest.approx(Multirotor().drag_per_m * 100.0, rel=2e-3)
