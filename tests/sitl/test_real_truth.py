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


def test_a_simulator_that_says_nothing_is_named(monkeypatch):
    monkeypatch.setattr("sitl.observer.HEARD_S", 0.2)
    with pytest.raises(SitlError, match="nothing is heard"):
        RealTruth(view_at(free_port()))
