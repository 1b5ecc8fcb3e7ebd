"""Real stations and attackers at the other end of real sockets: pymavlink, MAVProxy, our own frames recorded."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.flight.run import Flight
from missions.flight.values import FlightOptions
from missions.links.link import Link, LinkError
from missions.links.link_transport import open_transport
from missions.links.signing import Signer
from missions.links.signing_key import SigningKey
from missions.links.tlog_file import TlogRecorder

pytestmark = pytest.mark.timing

KEY = b"\xab" * 32
EPOCH_S = 1_420_070_400
PATIENCE_S = 60.0


@pytest.fixture
def vehicle_to():
    """Start a simulated vehicle that sends to a port, with the key or without."""
    from sitl.vehicle import VehicleConfig, start_vehicle

    started = []

    def start(sortie, port: int, key: bytes = b""):
        place = (sortie.home_lat_deg, sortie.home_lon_deg, sortie.home_alt_amsl_m)
        config = VehicleConfig(
            **dict(zip(("home_lat_deg", "home_lon_deg", "home_alt_amsl_m"), place, strict=True)),
            udp_out=(f"127.0.0.1:{port}",), signing_key_hex=key.hex(), t0_utc_ns=time.time_ns(),
        )  # fmt: skip
        started.append(start_vehicle(config))
        return started[-1]

    yield start
    for vehicle in started:
        vehicle.stop()


class Station:
    """pymavlink over a socket of its own."""

    def __init__(self, port: int, system: int, component: int, *, key: bytes = b"", ticks: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.mav = mavlink.MAVLink(self, srcSystem=system, srcComponent=component)
        if key:
            self.mav.signing.secret_key, self.mav.signing.sign_outgoing = key, True
            self.mav.signing.timestamp = ticks

    def write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.socket.send(data)

    def close(self) -> None:
        self.socket.close()


class Attacker:
    """pymavlink's own frames, without the key, saying all they can as fast as they may."""

    def __init__(self, port: int, loot: Path) -> None:
        self.loot, self.said = loot, 0
        self.as_us = Station(port, 255, 190)
        self.as_vehicle = Station(port, 1, 1)
        self.other = Station(port, 77, 1)
        self.wrong_key = Station(port, 255, 190, key=b"\x01" * 32, ticks=2**47)
        self.all = (self.as_us, self.as_vehicle, self.other, self.wrong_key)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._attack, daemon=True)

    def __enter__(self):
        self._volley(0)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        for connection in self.all:
            connection.close()

    def heard(self) -> int:
        """Datagrams that came to any of the attacker's ports."""
        count = 0
        for connection in self.all:
            with contextlib.suppress(OSError):
                while connection.socket.recv(65_536):
                    count += 1
        return count

    def _attack(self) -> None:
        for number in itertools.count():
            if self._stop.wait(0.02):
                return
            self._volley(number)

    def _volley(self, number: int) -> None:
        for connection in self.all:
            mav = connection.mav
            mav.heartbeat_send(6, 8, 0, number % 100, 4)
            mav.command_ack_send(number % 600, 4)
            mav.radio_status_send(1, 1, 1, 1, 1, 1, 1)
            mav.mission_ack_send(255, 190, 15, 0)
            mav.heartbeat_send(2, 3, 0, 0, 4, force_mavlink1=True)
            connection.write(b"\xfd\xff\x00")
            connection.write(bytes([0xFD, 40, 0, 0, 0, 1, 1, 0x11, 0xEE, 0]) + bytes(42))
            self.said += 7
        for frame in self._recorded()[-60:][number % 7 :: 7]:
            self.as_vehicle.write(frame)
            self.as_us.write(frame[: len(frame) // 2])
            self.said += 2

    def _recorded(self) -> list[bytes]:
        """What the air carried both ways so far, as our own record has it."""
        data, frames, at = self.loot.read_bytes() if self.loot.exists() else b"", [], 8
        while at + 12 < len(data):
            size = data[at + 1] + 12 + 13 * (data[at + 2] & 1)
            frames.append(data[at : at + size])
            at += size + 8
        return frames


def test_pymavlink_without_the_key_neither_mutes_moves_nor_commands(vehicle_to, sortie_of, tmp_path) -> None:
    """Before the vehicle speaks and while it takes its plan, thousands of frames from real sockets."""
    sortie = sortie_of([(150.0, 0.0), (150.0, 100.0)])
    loot = tmp_path / "air.tlog"
    transport = open_transport("udp:127.0.0.1:0")
    with (
        TlogRecorder(loot) as recorder,
        Link(transport, signer=Signer(SigningKey(KEY)), recorder=recorder) as link,
        Attacker(transport.port, loot) as attacker,
    ):
        heard = [link.receive(0.05) for _ in range(20)]
        assert {m.get_type() for m in heard if m is not None} <= {"RADIO_STATUS"}
        assert transport.peer is None
        vehicle_to(sortie, transport.port, KEY)
        flight = Flight(link, sortie, FlightOptions())
        flight.connect()
        flight.upload()
        assert all(report.uploaded for report in flight.uploads)
        answer = flight.commander.command(512, 148)
        assert answer.accepted, answer.name
        assert attacker.heard() == 0, "nothing of ours goes to the attacker"
        assert attacker.said > 200
    assert link.second_station is None
    assert link.counts.withheld == 0
    counts = link._signer.counts
    assert min(counts.unsigned, counts.forged, counts.replayed, counts.unknown) > 0, counts


def test_a_pymavlink_station_with_the_key_is_a_second_station(vehicle_to, sortie_of) -> None:
    sortie = sortie_of([(150.0, 0.0), (150.0, 100.0)])
    transport = open_transport("udp:127.0.0.1:0")
    with Link(transport, signer=Signer(SigningKey(KEY))) as link:
        vehicle_to(sortie, transport.port, KEY)
        Flight(link, sortie, FlightOptions()).connect()
        station = Station(transport.port, 255, 190, key=KEY)
        until_s = time.monotonic() + PATIENCE_S
        while not link.commands_held and time.monotonic() < until_s:
            station.mav.signing.timestamp = int((time.time() - EPOCH_S) * 100_000)
            station.mav.heartbeat_send(6, 8, 0, 0, 4)
            link.receive(0.1)
        station.close()
        assert link.commands_held
        assert link.second_station.signed


@pytest.mark.parametrize("key", [KEY, b""], ids=["with our key", "without a key"])
def test_mavproxy_with_our_id(vehicle_to, sortie_of, tmp_path, key) -> None:
    """It mutes nobody who has a key; without one our commands are held and our heartbeats go on."""
    program = Path(sys.executable).with_name("mavproxy.py")
    if not program.exists():
        pytest.skip("mavproxy.py is not installed beside this Python (pip install MAVProxy)")
    sortie = sortie_of([(150.0, 0.0), (150.0, 100.0)])
    transport = open_transport("udp:127.0.0.1:0")
    signer = Signer(SigningKey(key)) if key else None
    options = ["--master", f"udpout:127.0.0.1:{transport.port}", "--source-system", "255", "--default-modules", "mode"]
    with Link(transport, signer=signer) as link:
        vehicle_to(sortie, transport.port, key)
        flight = Flight(link, sortie, FlightOptions())
        flight.connect()
        station = subprocess.Popen(
            [sys.executable, str(program), *options, "--state-basedir", str(tmp_path)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path,
            env={**os.environ, "TERM": "dumb", "HOME": str(tmp_path)},
        )  # fmt: skip
        try:
            refused = link.counts.rejected
            until_s = time.monotonic() + PATIENCE_S
            while not link.commands_held and link.counts.rejected < refused + 3 and time.monotonic() < until_s:
                link.receive(0.2)
            assert link.commands_held is not bool(key)
            assert bool(key) is (link.counts.rejected >= refused + 3)
            sent, until_s = link.counts.sent, time.monotonic() + 2.5
            while time.monotonic() < until_s:
                link.receive(0.1)
            assert link.counts.sent > sent, "heartbeats go on"
            answer = flight.commander.command(512, 148, timeout_s=3.0)
            assert answer.accepted is bool(key)
        finally:
            station.stdin.close()
            station.kill()
            station.wait(timeout=20.0)


def test_a_wrong_key_says_what_was_refused(vehicle_to, sortie_of) -> None:
    sortie = sortie_of([(150.0, 0.0), (150.0, 100.0)])
    transport = open_transport("udp:127.0.0.1:0")
    vehicle_to(sortie, transport.port, KEY)
    with (
        Link(transport, signer=Signer(SigningKey(bytes(32)))) as link,
        pytest.raises(
            LinkError,
            match=r"no heartbeat of any vehicle within 2 s; \d+ frames were refused: 0 unsigned, \d+ of another key",
        ),
    ):
        Flight(link, sortie, FlightOptions(connect_timeout_s=2.0)).connect()
