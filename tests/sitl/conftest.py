"""Vehicles and clients shared by the simulator's tests."""

from __future__ import annotations

import math
import time
import types

import pytest
from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sitl.vehicle import VehicleConfig, start_vehicle

HOME = (54.05, 23.10, 140.0)
M_PER_DEG = 111_320.0


def place(north_m: float, east_m: float) -> tuple[float, float]:
    """Return the degrees of a point so many metres from HOME (to a few parts in a thousand)."""
    return HOME[0] + north_m / M_PER_DEG, HOME[1] + east_m / (M_PER_DEG * math.cos(math.radians(HOME[0])))


def square(side_m: float, *, speed: float = 15.0, px4: bool = False, end: int = 20) -> list[tuple]:
    """Return (command, frame, p1..p4, lat, lon, alt) of a flown square, home first for ArduPilot."""
    corners = [place(side_m, 0), place(side_m, side_m), place(0, side_m)]
    items = [] if px4 else [(16, 0, 0, 0, 0, 0, *HOME)]
    items.append((22, 3, 0, 0, 0, 0, *place(0, 0), 40))
    items.append((178, 2, 1, speed, -1, 0, 0, 0, 0))
    items += [(16, 3, 0, 0, 0, 0, *corner, 40) for corner in corners]
    items.append((20, 2, 0, 0, 0, 0, 0, 0, 0) if end == 20 else (21, 3, 0, 0, 0, 0, *place(0, 0), 0))
    return items


class Client:
    """A bare pymavlink ground station."""

    def __init__(self, url: str, sysid: int = 255) -> None:
        self.c = mavutil.mavlink_connection(url, source_system=sysid, dialect="ardupilotmega", autoreconnect=False)
        self.c.mav.heartbeat_send(6, 8, 0, 0, 0)
        self.heartbeat = self.c.recv_match(type="HEARTBEAT", blocking=True, timeout=10)

    def wait(self, *kinds: str, timeout: float = 10.0, where=lambda _: True):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            message = self.c.recv_match(type=list(kinds), blocking=True, timeout=0.5)
            if message is not None and where(message):
                return message
        raise AssertionError(f"no {kinds} within {timeout} s")

    def command(self, command: int, *p: float, frame: int | None = None) -> int:
        values = [*p, *[0.0] * (7 - len(p))]
        if frame is None:
            self.c.mav.command_long_send(self.heartbeat.get_srcSystem(), 1, command, 0, *values)
        else:
            x, y = int(values[4] * 1e7), int(values[5] * 1e7)
            self.c.mav.command_int_send(
                self.heartbeat.get_srcSystem(), 1, frame, command, 0, 0, *values[:4], x, y, values[6]
            )
        return self.wait("COMMAND_ACK", where=lambda m: m.command == command).result

    def upload(self, items: list[tuple], kind: int = 0) -> int:
        target = self.heartbeat.get_srcSystem()
        self.c.mav.mission_count_send(target, 1, len(items), kind)
        while True:
            message = self.wait("MISSION_REQUEST", "MISSION_REQUEST_INT", "MISSION_ACK")
            if message.mission_type != kind:
                continue
            if message.get_type() == "MISSION_ACK":
                return message.type
            command, frame, p1, p2, p3, p4, lat, lon, alt = items[message.seq]
            self.c.mav.mission_item_int_send(
                target, 1, message.seq, frame, command, int(message.seq == 0), 1,
                p1, p2, p3, p4, round(lat * 1e7), round(lon * 1e7), alt, kind,
            )  # fmt: skip

    def download(self, kind: int = 0) -> list:
        target = self.heartbeat.get_srcSystem()
        self.c.mav.mission_request_list_send(target, 1, kind)
        count = self.wait("MISSION_COUNT", where=lambda m: m.mission_type == kind).count
        items = []
        for seq in range(count):
            self.c.mav.mission_request_int_send(target, 1, seq, kind)
            items.append(
                self.wait("MISSION_ITEM_INT", where=lambda m, seq=seq: m.seq == seq and m.mission_type == kind)
            )
        self.c.mav.mission_ack_send(target, 1, 0, kind)
        return items

    def set_parameter(self, name: str, value: float) -> float:
        self.c.mav.param_set_send(self.heartbeat.get_srcSystem(), 1, name.encode(), value, 9)
        return self.wait("PARAM_VALUE", where=lambda m: m.param_id == name).param_value

    def fly_auto(self, timeout: float = 60.0) -> list[str]:
        """Arm in GUIDED, start AUTO, wait for the landing; return the texts heard."""
        assert self.command(176, 1, 4) == mavlink.MAV_RESULT_ACCEPTED
        assert self.command(400, 1) == mavlink.MAV_RESULT_ACCEPTED
        assert self.command(176, 1, 3) == mavlink.MAV_RESULT_ACCEPTED
        assert self.command(300) == mavlink.MAV_RESULT_ACCEPTED
        return self.until_disarmed(timeout)

    def until_disarmed(self, timeout: float = 60.0) -> list[str]:
        texts: list[str] = []
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            message = self.c.recv_match(type="STATUSTEXT", blocking=True, timeout=1.0)
            if message is not None:
                texts.append(message.text)
                if "Disarming" in message.text:
                    return texts
        raise AssertionError(f"still armed after {timeout} s; heard {texts}")

    def close(self) -> None:
        self.c.close()


@pytest.fixture
def field():
    """Return the launch place and the makers of missions around it."""
    return types.SimpleNamespace(home=HOME, place=place, square=square, client=Client)


@pytest.fixture
def fly(tmp_path):
    """Return a function that starts a vehicle and a client on it; both end with the test."""
    opened = []

    def start(**changes):
        values = {
            "home_lat_deg": HOME[0], "home_lon_deg": HOME[1], "home_alt_amsl_m": HOME[2], "speedup": 0.0, **changes,
        }  # fmt: skip
        vehicle = start_vehicle(VehicleConfig(**values), truth_path=tmp_path / f"truth{len(opened)}.npz")
        opened.append(vehicle)
        client = Client(vehicle.link_url)
        opened.append(client)
        return vehicle, client

    yield start
    for one in reversed(opened):
        one.close() if isinstance(one, Client) else one.stop()
