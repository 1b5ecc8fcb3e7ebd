"""What a simulator says of the truth becomes the rows of a truth file, by its own clock."""

from __future__ import annotations

import dataclasses
import math
import socket
import threading
import time

import numpy as np
import pytest
from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sitl.errors import SitlError
from sitl.px4 import truth_view
from sitl.real_truth import RealTruth

T0 = 1_780_000_000_000_000_000
GIMBAL_FROM_S = 6.0
"""When the gimbal says its first word."""


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def view_at(port: int):
    return dataclasses.replace(truth_view(0), url=f"udpin:127.0.0.1:{port}", system=7)


def quaternion(yaw: float) -> list[float]:
    return [math.cos(yaw / 2.0), 0.0, 0.0, math.sin(yaw / 2.0)]


class Simulator:
    """Climbs 1 m/s from the first second on and flies east at 10 m/s, seen at 5 Hz."""

    def __init__(self, port: int) -> None:
        self.c = mavutil.mavlink_connection(f"udpout:127.0.0.1:{port}", source_system=7, source_component=1)
        self.c.mav = mavlink.MAVLink(self.c, srcSystem=7, srcComponent=1)
        self.beat(armed=False)

    def beat(self, *, armed: bool) -> None:
        base = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED | (mavlink.MAV_MODE_FLAG_SAFETY_ARMED if armed else 0)
        mission = 4 << 24 | 4 << 16  # PX4's AUTO, mission
        self.c.mav.heartbeat_send(mavlink.MAV_TYPE_QUADROTOR, mavlink.MAV_AUTOPILOT_PX4, base, mission, 4)

    def at(self, t_s: float) -> None:
        lon = 8.0 + 10.0 * t_s / (111_320.0 * math.cos(math.radians(50.0)))
        self.c.mav.system_time_send(0, round(t_s * 1e3))
        self.c.mav.mission_current_send(int(t_s))
        self.c.mav.hil_state_quaternion_send(
            0, quaternion(math.radians(90.0)), 0, 0, 0, 500_000_000, round(lon * 1e7), round((100.0 + t_s) * 1e3),
            0, 1000, -100, 0, 0, 0, 0, 0,
        )  # fmt: skip
        if t_s >= GIMBAL_FROM_S:  # to the left of its heading, 40 degrees down
            half = math.radians(-40.0) / 2.0, math.radians(-90.0) / 2.0
            (down, tilt), (ahead, left) = ((math.cos(one), math.sin(one)) for one in half)
            q = [down * ahead, -tilt * left, tilt * ahead, down * left]
            self.c.mav.gimbal_device_attitude_status_send(0, 0, round(t_s * 1e3), 44, q, 0.0, 0.0, 0.0, 0)


@pytest.fixture
def seen():
    """A truth that has been told of ten seconds."""
    port = free_port()
    view = view_at(port)
    stop = threading.Event()
    simulator = Simulator(port)
    knock = threading.Thread(target=lambda: [simulator.beat(armed=False) for _ in iter(lambda: stop.wait(0.05), True)])
    knock.start()
    try:
        truth = RealTruth(view)
    finally:
        stop.set()
        knock.join()
    flown: list[float] = []
    truth.on_flown = flown.append
    simulator.at(2.0)
    until = time.monotonic() + 20.0
    while truth.t_s < 2.0 and time.monotonic() < until:
        time.sleep(0.01)
    truth.begin(T0, 102.0)
    simulator.beat(armed=True)
    for k in range(1, 51):
        simulator.at(2.0 + k / 5.0)
    while truth.t_s < 12.0 and time.monotonic() < until:
        time.sleep(0.01)
    yield truth, flown
    truth.close()
    simulator.c.close()


def test_rows_are_a_tenth_of_a_second_apart_on_the_scenarios_clock(seen):
    truth, flown = seen
    table = truth.columns()
    assert np.all(np.diff(table["t_utc_ns"]) == 100_000_000)
    assert table["t_utc_ns"][0] == pytest.approx(T0, abs=3e8)
    last_s = (table["t_utc_ns"][-1] - T0) / 1e9
    assert table["alt_amsl_m"][-1] == pytest.approx(102.0 + last_s, abs=0.3)
    assert table["yaw_deg"][-1] == pytest.approx(90.0)
    assert table["v_e_mps"][-1] == pytest.approx(10.0)
    assert table["mode"][-1] == "AUTO"
    assert bool(table["armed"][-1])
    assert table["mission_seq"][-1] in (11.0, 12.0)
    assert flown[0] == 0.0
    assert flown[-1] == pytest.approx(10.0 - 0.6, abs=0.3)
    assert truth.t_utc_ns == T0 + 10_000_000_000


def test_a_gimbal_that_is_heard_late_is_known_from_then_on(seen):
    truth, _ = seen
    table = truth.columns()
    t_s = (table["t_utc_ns"] - T0) / 1e9 + 2.0
    told = t_s > GIMBAL_FROM_S + 0.5
    assert told.sum() > 20
    assert table["gimbal_yaw_deg"][told] == pytest.approx(0.0, abs=1e-3)  # east, and 90 degrees to the left of it
    assert table["gimbal_pitch_deg"][told] == pytest.approx(-40.0, abs=1e-3)
    assert np.isnan(table["gimbal_yaw_deg"][t_s < GIMBAL_FROM_S - 0.5]).all()


def test_a_simulator_that_says_nothing_is_named(monkeypatch):
    monkeypatch.setattr("sitl.observer.HEARD_S", 0.2)
    with pytest.raises(SitlError, match="nothing is heard"):
        RealTruth(view_at(free_port()))
