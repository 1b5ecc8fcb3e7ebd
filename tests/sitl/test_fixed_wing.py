"""A fixed wing turns with the radius its speed and bank give, circles instead of hovering, and lands on a glide."""

from __future__ import annotations

import math

import numpy as np
import pytest

from missions.plan_files.dialect import Dialect, MissionType
from sitl.dynamics import BodyState, VelocityDemand, metres_per_degree, offset_m
from sitl.dynamics_power import WindSpec
from sitl.dynamics_wing import FixedWing, WingBody
from sitl.vehicle import Airframe, VehicleConfig
from sitl.vehicle.modes import Mode
from sitl.vehicle.vehicle import STEP_S, Vehicle
from sitl.vehicle.wire import WireItem

HOME = (54.05, 23.10, 140.0)
PER_LAT, PER_LON = metres_per_degree(HOME[0])


def item(seq: int, command: int, north=0.0, east=0.0, height=80.0, p1=0.0, p2=0.0, p3=0.0) -> WireItem:
    x, y = round((HOME[0] + north / PER_LAT) * 1e7), round((HOME[1] + east / PER_LON) * 1e7)
    return WireItem(seq=seq, command=command, frame=3, p1=p1, p2=p2, p3=p3, x=x, y=y, z=height)


def wing(items: list[WireItem], dialect: Dialect = Dialect.ARDUPILOT, **changes) -> Vehicle:
    values = {"home_lat_deg": HOME[0], "home_lon_deg": HOME[1], "home_alt_amsl_m": HOME[2], **changes}
    v = Vehicle(VehicleConfig(airframe=Airframe.PLANE, dialect=dialect, **values), lambda message, to: None)
    v.step()
    v.servers[MissionType.MISSION].items = items if dialect is Dialect.PX4 else [item(0, 16), *items]
    assert v.autopilot.set_mode(Mode.AUTO)
    assert v.autopilot.arm()
    assert v.autopilot.start_mission()
    return v


def fly(v: Vehicle, seconds: float) -> np.ndarray:
    rows = []
    for step in range(round(seconds / STEP_S)):
        v.step()
        if step % 10 == 0:
            s = v.state
            north, east = offset_m(*HOME[:2], s.lat_deg, s.lon_deg)
            rows.append((north, east, s.alt_amsl_m - HOME[2], s.ground_speed_mps, s.airspeed_mps, s.roll_deg))
        if v.state.on_ground and not v.autopilot.armed:
            break
    return np.array(rows)


def test_a_full_turn_has_the_radius_of_the_textbook():
    """At full bank: r = v^2 / (g tan 40 deg) = 18^2 / (9.80665 x 0.83910) = 39.37 m, by hand."""
    state = BodyState(lat_deg=54.0, lon_deg=23.0, alt_amsl_m=200.0, ground_amsl_m=0.0, on_ground=False)
    body = WingBody(FixedWing(), state)
    assert FixedWing().turn_radius_m(18.0) == pytest.approx(39.37, abs=0.01)
    for _ in range(500):  # let it bank; always ask for a course to the right
        right = math.radians(state.yaw_deg + 120.0)
        body.step(VelocityDemand(v_n_mps=18 * math.cos(right), v_e_mps=18 * math.sin(right)), 0.0, 0.0, STEP_S)
    start_lat, north = state.lat_deg, []
    for _ in range(round(2 * math.pi * 39.37 / 18.0 / STEP_S)):
        right = math.radians(state.yaw_deg + 120.0)
        body.step(VelocityDemand(v_n_mps=18 * math.cos(right), v_e_mps=18 * math.sin(right)), 0.0, 0.0, STEP_S)
        north.append((state.lat_deg - start_lat) * PER_LAT)
    assert (max(north) - min(north)) / 2 == pytest.approx(39.37, rel=0.01)
    assert state.lat_deg == pytest.approx(start_lat, abs=1.0 / PER_LAT)  # one full circle


@pytest.mark.parametrize("wind", [WindSpec(), WindSpec(speed_mps=8.0, from_deg=270.0)])
def test_it_follows_a_box_and_lands_on_its_glide(wind):
    items = [
        item(0, 22), item(1, 16, 600, 0), item(2, 16, 600, 600), item(3, 16, -200, 600), item(4, 16, -400, 0),
        item(5, 21, 0, 0, 0),
    ]  # fmt: skip
    rows = fly(wing(items, wind=wind), 400.0)
    assert rows[-1][2] < 0.5
    assert math.hypot(*rows[-1][:2]) < 15.0
    on_east_leg = rows[(np.abs(rows[:, 1] - 600.0) < 60.0) & (rows[:, 0] > 50.0) & (rows[:, 0] < 350.0)]
    assert len(on_east_leg)
    assert np.abs(on_east_leg[:, 1] - 600.0).max() < 12.0
    flying = rows[(rows[:, 2] > 20.0)]
    assert flying[:, 4].min() > 12.9  # it never stops in the air
    assert np.abs(rows[:, 5]).max() <= 40.0


def test_holding_is_circling():
    v = wing([item(0, 22), item(1, 16, 500, 0), item(2, 17, 500, 300, p3=100.0)])
    fly(v, 120.0)
    rows = fly(v, 60.0)
    away = np.hypot(rows[:, 0] - 500.0, rows[:, 1] - 300.0)
    assert away.min() > 85.0
    assert away.max() < 115.0
    assert rows[:, 3].min() > 12.0


def test_return_circles_over_home_unless_the_mission_says_how_to_land():
    plain = [item(0, 22), item(1, 16, 800, 0), item(2, 17, 800, 0)]
    v = wing(plain, parameters=(("RTL_ALTITUDE", 90.0),))
    fly(v, 30.0)
    assert v.autopilot.set_mode(Mode.RTL)
    fly(v, 90.0)
    rows = fly(v, 40.0)
    assert np.hypot(rows[:, 0], rows[:, 1]).max() < 110.0
    assert rows[:, 2].mean() == pytest.approx(90.0, abs=4.0)
    landing = [*plain, item(3, 189), item(4, 16, -400, 0, 60), item(5, 21, 0, 0, 0)]
    landing = [landing[0], *landing[1:]]
    v = wing(landing, parameters=(("RTL_AUTOLAND", 2.0),))
    for number, one in enumerate(v.servers[MissionType.MISSION].items):
        v.servers[MissionType.MISSION].items[number] = WireItem(
            **{**{f: getattr(one, f) for f in WireItem.__slots__}, "seq": number}
        )
    fly(v, 30.0)
    assert v.autopilot.set_mode(Mode.RTL)
    fly(v, 300.0)
    assert v.state.on_ground
    assert not v.autopilot.armed


def test_it_has_no_land_or_brake_mode():
    v = wing([item(0, 22), item(1, 16, 500, 0)])
    fly(v, 10.0)
    assert not v.autopilot.set_mode(Mode.LAND)
    assert not v.autopilot.set_mode(Mode.BRAKE)
