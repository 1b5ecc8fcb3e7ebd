"""A mission's speed ends with it: returns have the autopilot's own, and PX4 flies nothing faster than its limits."""

from __future__ import annotations

import pytest

from missions.failsafes.settable import SETTABLE
from missions.performance.aircraft import find_aircraft
from missions.performance.handling import parameters
from missions.plan_files.dialect import Dialect
from sitl.vehicle import Airframe
from sitl.vehicle.modes import Mode
from tests.sitl.test_failsafes_and_faults import Flight

ROOMY = (("MPC_XY_VEL_MAX", 20.0),)


@pytest.mark.parametrize(
    ("dialect", "held", "mission_mps", "return_mps"),
    [
        # WPNAV_SPEED 10 m/s, RTL_SPEED 0 (takes WPNAV_SPEED); MPC_XY_CRUISE 5 m/s, MPC_XY_VEL_MAX 12
        (Dialect.ARDUPILOT, (), 14.0, 10.0),
        (Dialect.ARDUPILOT, (("WPNAV_SPEED", 1300.0),), 14.0, 13.0),
        (Dialect.ARDUPILOT, (("RTL_SPEED", 700.0),), 14.0, 7.0),
        (Dialect.PX4, (), 12.0, 5.0),
        (Dialect.PX4, ROOMY, 14.0, 5.0),
        (Dialect.PX4, (*ROOMY, ("MPC_XY_CRUISE", 30.0)), 14.0, 20.0),
    ],
)
def test_a_return_is_flown_at_the_autopilots_own_speed(dialect, held, mission_mps, return_mps):
    flight = Flight(north_m=2500.0, speed=14.0, dialect=dialect, parameters=held)
    flight.run(80.0)
    assert flight.v.state.ground_speed_mps == pytest.approx(mission_mps, abs=0.3)
    flight.v.autopilot.set_mode(Mode.RTL)
    flight.run(25.0)
    assert flight.v.state.ground_speed_mps == pytest.approx(return_mps, abs=0.3)


def test_a_px4_climbs_and_sinks_no_faster_than_its_limits():
    flight = Flight(dialect=Dialect.PX4, parameters=(("MPC_Z_V_AUTO_UP", 6.0), ("MPC_Z_V_AUTO_DN", 5.0)))
    limits = flight.v.autopilot.limits
    assert (limits.climb_mps, limits.sink_mps) == (3.0, 1.5)
    flight.v.autopilot.change_speed(2, 5.0)
    flight.v.autopilot.change_speed(3, 4.0)
    assert (limits.climb_mps, limits.sink_mps) == (3.0, 1.5)


def test_a_wing_has_no_such_limits():
    flight = Flight(dialect=Dialect.PX4, airframe=Airframe.PLANE)
    flight.v.autopilot.change_speed(0, 19.0)
    assert flight.v.autopilot.limits.speed_mps == 19.0


@pytest.mark.parametrize("dialect", list(Dialect))
def test_a_plan_asks_for_the_speeds_it_counts_on(dialect):
    """Set as asked, the vehicle returns, climbs and sinks as fast as the type is planned to."""
    quad = find_aircraft("quad-survey")
    flight = Flight(dialect=dialect, parameters=tuple(parameters(quad, dialect).items()))
    limits = flight.v.autopilot.limits
    assert (limits.speed_mps, limits.climb_mps, limits.sink_mps) == (quad.speed_mps, quad.climb_mps, quad.descent_mps)


def test_a_px4_wing_climbs_and_sinks_at_the_rates_it_is_set_to():
    rates = (("FW_T_CLMB_R_SP", 1.0), ("FW_T_SINK_R_SP", 0.8))
    flight = Flight(dialect=Dialect.PX4, airframe=Airframe.PLANE, parameters=rates)
    limits = flight.v.autopilot.limits
    assert (limits.climb_mps, limits.sink_mps) == (1.0, 0.8)


def test_a_plan_for_a_px4_wing_asks_for_the_rates_it_counts_on():
    """Unset it sinks with 2 m/s: a circle down to a height may take one round more."""
    wing = find_aircraft("wing-2m")
    asked = parameters(wing, "px4")
    assert (asked["FW_T_CLMB_R_SP"], asked["FW_T_SINK_R_SP"]) == (wing.climb_mps, wing.descent_mps)
    assert {"FW_T_CLMB_R_SP", "FW_T_SINK_R_SP"} <= set(SETTABLE)
