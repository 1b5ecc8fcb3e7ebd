"""What stands in a mission is done in its order: jumps, delays, speeds, cameras, gimbals, altitudes."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from missions.performance.aircraft import find_aircraft
from missions.performance.handling import PX4, vertical_s
from missions.plan_files.dialect import Dialect, MissionType
from sitl.dynamics import metres_per_degree, offset_m
from sitl.vehicle import VehicleConfig
from sitl.vehicle.modes import Mode
from sitl.vehicle.vehicle import STEP_S, Vehicle
from sitl.vehicle.wire import WireItem

HOME = (54.05, 23.10, 140.0)
QUAD = find_aircraft("quad-survey")
PER_LAT, PER_LON = metres_per_degree(HOME[0])


def at(command: int, north=0.0, east=0.0, height=30.0, frame=3, **p) -> WireItem:
    x, y = round((HOME[0] + north / PER_LAT) * 1e7), round((HOME[1] + east / PER_LON) * 1e7)
    return WireItem(seq=0, command=command, frame=frame, x=x, y=y, z=height, **p)


def do(command: int, x: int = 0, **p) -> WireItem:
    return WireItem(seq=0, command=command, frame=2, x=x, **p)


class Flight:
    def __init__(self, *items: WireItem) -> None:
        self.said: list = []
        config = VehicleConfig(home_lat_deg=HOME[0], home_lon_deg=HOME[1], home_alt_amsl_m=HOME[2])
        self.v = Vehicle(config, lambda message, to: self.said.append(message))
        self.v.step()
        mission = [at(16), at(22), *items]
        numbered = [dataclasses.replace(item, seq=number) for number, item in enumerate(mission)]
        self.v.servers[MissionType.MISSION].items = numbered
        self.v.autopilot.set_mode(Mode.GUIDED)
        assert self.v.autopilot.arm()
        self.v.autopilot.set_mode(Mode.AUTO)
        assert self.v.autopilot.start_mission()

    def run(self, seconds: float, until=lambda v: False) -> float:
        for step in range(round(seconds / STEP_S)):
            self.v.step()
            if until(self.v):
                return step * STEP_S
        return seconds

    def until_item(self, seq: int) -> float:
        return self.run(300.0, lambda v: v.autopilot.run.current >= seq)

    def of(self, kind: str) -> list:
        return [m for m in self.said if m.get_type() == kind]

    @property
    def reached(self) -> list[int]:
        return [m.seq for m in self.of("MISSION_ITEM_REACHED")]


def test_a_jump_is_taken_as_often_as_it_says_and_then_passed():
    f = Flight(at(16, 60), at(16, 0, 60), do(177, p1=2, p2=2), at(16, 60, 60), at(17, 60, 60))
    f.run(200.0)
    assert f.reached == [1, 2, 3, 2, 3, 2, 3, 5]


def test_speed_changes_take_effect_on_the_next_leg():
    f = Flight(do(178, p1=1, p2=5.0), at(16, 150), do(178, p1=1, p2=13.0), at(16, 500), at(17, 500))
    f.until_item(3)
    f.run(15.0)
    assert f.v.state.ground_speed_mps == pytest.approx(5.0, abs=0.1)
    f.until_item(5)
    f.run(12.0)
    assert f.v.state.ground_speed_mps == pytest.approx(13.0, abs=0.2)


def test_a_waypoint_holds_as_long_as_it_says():
    f = Flight(at(16, 80, p1=12.0), at(16, 160))
    f.until_item(2)
    there = HOME[0] + 80 / PER_LAT, HOME[1]
    f.run(100.0, lambda v: math.hypot(*offset_m(v.state.lat_deg, v.state.lon_deg, *there)) < 2.0)
    assert f.until_item(3) == pytest.approx(12.0, abs=1.0)


def test_absolute_and_relative_heights_are_told_apart():
    f = Flight(at(16, 60, height=60.0), at(16, 120, height=165.0, frame=0), at(17, 120, height=165.0, frame=0))
    f.until_item(3)
    assert f.v.state.alt_amsl_m == pytest.approx(200.0, abs=3.5)
    f.run(60.0)
    assert f.v.state.alt_amsl_m == pytest.approx(165.0, abs=0.5)


def test_the_gimbal_keeps_north_when_locked_and_the_heading_when_not():
    f = Flight(do(1000, p1=-40, p2=90, x=16), at(16, 200), do(1000, p1=-30, p2=-90), at(16, 200, 200), at(17, 200, 200))
    f.until_item(3)
    f.run(10.0)
    assert f.v.gimbal.yaw_deg == pytest.approx(90.0, abs=0.1)  # flying north, looking east by the compass
    assert f.v.gimbal.pitch_deg == pytest.approx(-40.0, abs=0.1)
    f.until_item(5)
    f.run(12.0)
    assert f.v.state.yaw_deg == pytest.approx(90.0, abs=2.0)
    assert (f.v.gimbal.yaw_deg + 180) % 360 - 180 == pytest.approx(0.0, abs=2.0)  # flying east, looking left: north


def test_a_region_of_interest_stays_in_view():
    f = Flight(at(201, 100, 80, 0.0), at(16, 200), at(17, 200))
    f.until_item(3)
    f.run(14.0)
    s = f.v.state
    north, east = offset_m(s.lat_deg, s.lon_deg, HOME[0] + 100 / PER_LAT, HOME[1] + 80 / PER_LON)
    assert f.v.gimbal.yaw_deg == pytest.approx(math.degrees(math.atan2(east, north)) % 360, abs=1.0)
    assert f.v.gimbal.pitch_deg == pytest.approx(-math.degrees(math.atan2(30.0, math.hypot(north, east))), abs=1.0)


def test_pictures_are_taken_by_distance_and_reported_twice():
    f = Flight(at(16, 20), do(206, p1=25.0, p3=1.0), at(16, 280), do(206, p1=0.0), at(16, 400), at(17, 400))
    f.until_item(6)
    f.run(60.0)
    feedback, captured = f.of("CAMERA_FEEDBACK"), f.of("CAMERA_IMAGE_CAPTURED")
    assert len(feedback) == len(captured) == 11  # one at once, then ten in 260 m
    spacing = [(b.lat - a.lat) / 1e7 * PER_LAT for a, b in zip(feedback, feedback[1:], strict=False)]
    assert spacing == pytest.approx([25.0] * 10, abs=0.5)
    assert [m.image_index for m in captured] == list(range(1, 12))


def test_pictures_are_taken_by_interval_and_counted():
    f = Flight(do(2000, p2=2.0, p3=5.0), at(16, 300), at(17, 300))
    f.run(60.0)
    times = [m.time_usec / 1e6 for m in f.of("CAMERA_FEEDBACK")]
    assert len(times) == 5
    assert [b - a for a, b in zip(times, times[1:], strict=False)] == pytest.approx([2.0] * 4, abs=0.03)


def test_a_condition_delay_holds_the_next_do_back_while_the_leg_is_flown():
    f = Flight(do(112, p1=6.0), do(203, x=1), at(16, 200), at(17, 200))
    f.until_item(4)
    assert f.of("CAMERA_FEEDBACK") == []
    assert f.run(30.0, lambda v: v.camera.pictures == 1) == pytest.approx(6.0, abs=0.2)


def test_the_last_item_leaves_it_hovering_and_rtl_lands_it():
    f = Flight(at(16, 60))
    f.run(60.0)
    assert f.v.airborne
    assert f.v.state.ground_speed_mps < 0.2
    assert f.v.autopilot.run.finished


def test_a_mission_is_gone_on_with_after_another_mode():
    f = Flight(at(16, 100), at(16, 400), at(17, 400))
    f.until_item(3)
    f.run(5.0)
    f.v.autopilot.set_mode(Mode.LOITER)
    f.run(10.0)
    assert f.v.state.ground_speed_mps < 0.3
    f.v.autopilot.set_mode(Mode.AUTO)
    f.run(3.0)
    assert f.v.autopilot.run.current == 3


def test_brake_stops_within_the_distance_its_deceleration_gives():
    f = Flight(do(178, p1=1, p2=12.0), at(16, 600))
    f.run(45.0)
    s = f.v.state
    lat, speed = s.lat_deg, s.ground_speed_mps
    f.v.autopilot.set_mode(Mode.BRAKE)
    f.run(15.0)
    assert speed == pytest.approx(12.0, abs=0.2)
    assert (f.v.state.lat_deg - lat) * PER_LAT < 12.0**2 / (2 * 2.5) + 20.0
    assert f.v.state.ground_speed_mps < 0.2


def test_px4_has_no_home_item_and_changes_mode_to_return():
    config = VehicleConfig(home_lat_deg=HOME[0], home_lon_deg=HOME[1], home_alt_amsl_m=HOME[2], dialect=Dialect.PX4)
    v = Vehicle(config, lambda message, to: None)
    v.step()
    items = [at(22), at(16, 80), do(20)]
    v.servers[MissionType.MISSION].items = items
    assert v.autopilot.arm()
    assert v.autopilot.set_mode(Mode.AUTO)
    assert v.autopilot.start_mission()
    for _ in range(round(60 / STEP_S)):
        v.step()
        if v.autopilot.mode is Mode.RTL:
            break
    assert v.autopilot.mode is Mode.RTL


def test_px4_takes_off_slowly_up_to_ten_metres_and_nears_its_height_slowly():
    """By its source, from a plan's 60 m: 1.5 m/s below 10 m, 0.9 of 4 m/s, then v^2 + 16 v = 8 d."""
    config = VehicleConfig(
        home_lat_deg=HOME[0], home_lon_deg=HOME[1], home_alt_amsl_m=HOME[2], dialect=Dialect.PX4,
        parameters=(("MPC_Z_V_AUTO_UP", 4.0), ("MPC_Z_VEL_MAX_UP", 4.0)),
    )  # fmt: skip
    v = Vehicle(config, lambda message, to: None)
    v.step()
    v.servers[MissionType.MISSION].items = [at(22, height=60.0), at(16, 200, height=60.0)]
    assert v.autopilot.arm()
    assert v.autopilot.set_mode(Mode.AUTO)
    assert v.autopilot.start_mission()
    rows = []
    while v.autopilot.run.current == 0 and v.t_s < 90.0:
        v.step()
        rows.append((v.t_s, v.state.alt_amsl_m - HOME[2], -v.state.v_d_mps))
    t_s, height_m, up_mps = np.array(rows).T
    assert up_mps[height_m < 9.5].max() == pytest.approx(1.5, abs=0.1)
    assert up_mps.max() == pytest.approx(3.6, abs=0.1)
    assert up_mps[np.searchsorted(height_m, 58.0)] == pytest.approx(0.93, abs=0.25)
    lifted_s = t_s[height_m > 0.05][0]
    assert t_s[-1] - lifted_s == pytest.approx(float(vertical_s(PX4, QUAD, np.array(60.0))) - PX4.spool_s, rel=0.08)
