"""Simulated vehicles started for any ground station: several, of a planner's type, and a real ArduPilot."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.links.link import open_link
from missions.links.signing import Signer
from missions.links.signing_key_file import make_key, read_key
from missions.performance.aircraft import find_aircraft
from sitl.ardupilot import find_ardupilot
from sitl.errors import SitlError
from sitl.planned import as_aircraft
from sitl.vehicle import VehicleConfig
from sitl.vehicle.vehicle import Vehicle
from tests.vedette.test_interruption import BUSY_S, LIMIT_S, alive, below
from vedette.main import main

ROOT = Path(__file__).resolve().parents[2]
STARTS_S = 60.0


@contextlib.contextmanager
def running(*arguments):
    """Run a command until it says how it is stopped; yields the process and what it said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vedette", "sitl", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}, start_new_session=True,
    )  # fmt: skip
    said, until = b"", time.monotonic() + STARTS_S
    try:
        while b"Ctrl-C" not in said and time.monotonic() < until:
            if select.select([process.stdout], [], [], 0.2)[0]:
                piece = os.read(process.stdout.fileno(), 4096)
                if not piece:
                    break
                said += piece
        assert b"Ctrl-C" in said, said
        yield process, said.decode()
    finally:
        process.kill()
        process.wait(timeout=10)
        process.stdout.close()


def stopped(process):
    """Interrupt it as a person does; nothing of it is left within two seconds."""
    started = below(process.pid)
    told = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0
    assert time.monotonic() - told < LIMIT_S + BUSY_S * max(len(started), 1)
    assert [pid for pid in started if alive(pid)] == []
    return started


def system_at(url):
    with open_link(url) as link:
        until = time.monotonic() + 20.0
        while time.monotonic() < until:
            message = link.receive(0.5)
            if message is not None and message.get_type() == "HEARTBEAT":
                return message.get_srcSystem(), message.type
    raise AssertionError(f"nothing is heard at {url}")


@pytest.mark.timing
def test_several_vehicles_have_ports_and_numbers_of_their_own_and_end_together(tmp_path):
    truth = tmp_path / "true.npz"
    options = ["--count", "3", "--tcp", "0", "--sysid", "7", "--aircraft", "wing-2m", "--truth", str(truth)]
    with running("vehicle", *options) as (process, said):
        urls = re.findall(r"at (tcp:\S+) and", said)
        assert [system_at(url) for url in urls] == [(7, 1), (8, 1), (9, 1)]  # fixed wings
        assert len(stopped(process)) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["true-1.npz", "true-2.npz", "true-3.npz"]


@pytest.mark.timing
def test_a_vehicle_with_a_key_is_believed_by_who_holds_the_same_key_alone(tmp_path):
    keys = [tmp_path / name for name in ("link.key", "other.key")]
    for key in keys:
        make_key(key)
    with running("vehicle", "--tcp", "0", "--signing-key", str(keys[0])) as (_, said):
        (url,) = re.findall(r"at (tcp:\S+) and", said)
        assert keys[0].read_text().strip() not in said
        for key, verdict in zip(keys, ("accepted", "forged"), strict=True):
            signer, until = Signer(read_key(key)), time.monotonic() + 20.0
            with open_link(url, signer=signer) as link:
                while getattr(signer.counts, verdict) < 5 and time.monotonic() < until:
                    link.receive(0.5)
            counts = dataclasses.asdict(signer.counts)
            assert counts.pop(verdict) >= 5
            assert set(counts.values()) == {0}


@pytest.mark.timing
def test_a_vehicle_for_a_ground_station_has_the_time_of_day():
    """A clock that is months off is the first thing that a preflight warns of."""
    with running("vehicle", "--tcp", "0") as (_, said):
        (url,) = re.findall(r"at (tcp:\S+) and", said)
        with open_link(url) as link:
            link.send(mavlink.MAVLink_command_long_message(1, 1, 511, 0, 2, 200_000, 0, 0, 0, 0, 0))  # SYSTEM_TIME
            until, told = time.monotonic() + 20.0, None
            while told is None and time.monotonic() < until:
                message = link.receive(0.5)
                if message is not None and message.get_type() == "SYSTEM_TIME":
                    told = message.time_unix_usec * 1e-6
    assert told is not None
    assert abs(told - time.time()) < 60.0


def test_a_planners_type_flies_with_its_battery_and_speed():
    config = VehicleConfig(home_lat_deg=54.05, home_lon_deg=23.1, parameters=(("RTL_ALT", 4000.0),))
    quad, wing = find_aircraft("quad-heavy"), find_aircraft("wing-2m")
    flies = as_aircraft(config, quad)
    vehicle = Vehicle(flies, lambda message, to: None)
    vehicle.autopilot.use_parameters()
    assert vehicle.parameters["RTL_ALT"] == 4000.0
    assert vehicle.autopilot.limits.climb_mps == pytest.approx(quad.climb_mps)
    assert flies.multirotor.top_airspeed_mps == quad.max_airspeed_mps
    glides = as_aircraft(config, wing)
    assert glides.fixed_wing.cruise_mps == wing.speed_mps
    assert [one.battery.capacity_wh for one in (flies, glides)] == [quad.battery_wh, wing.battery_wh]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["vehicle", "--aircraft", "wing-2m", "--airframe", "copter"], "is a plane; leave --airframe out"),
        (["vehicle", "--aircraft", "quad-svey"], "did you mean quad-survey"),
        (["vehicle", "--count", "2", "--sysid", "254", "--tcp", "0"], "sysid is 255"),
        (["ardupilot"], "no arducopter found: put it on PATH, set VEDETTE_ARDUCOPTER, or give --binary PATH"),
        (["ardupilot", "--airframe", "plane"], "no arduplane found"),
    ],
)
def test_what_cannot_be_started_is_said(arguments, sentence, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("VEDETTE_ARDUCOPTER", "VEDETTE_ARDUPLANE"):
        monkeypatch.delenv(name, raising=False)
    assert main(["sitl", *arguments]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())


def test_a_program_that_ends_at_once_is_told_with_its_last_words(tmp_path, capsys):
    script = tmp_path / "arducopter"
    script.write_text("#!/bin/sh\necho bind failed on port 5760\nexit 3\n")
    script.chmod(0o755)
    assert main(["sitl", "ardupilot", "--binary", str(script), "--instance", "98"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "ended with status 3; it said last: bind failed on port 5760" in said


@pytest.mark.ardupilot
@pytest.mark.parametrize(("airframe", "kind"), [("copter", 2), ("plane", 1)])
def test_a_real_ardupilot_says_its_version_and_leaves_nothing_running(airframe, kind):
    try:
        find_ardupilot(airframe)
    except SitlError as error:
        pytest.skip(error.message)
    with running("ardupilot", "--airframe", airframe, "--instance", "7", "--wind", "5,270,1") as (process, said):
        assert re.search(r"Ardu(Copter|Plane) V\d+\.\d+\S* \(\w+\) at tcp:127\.0\.0\.1:5830, system 8", said)
        assert system_at("tcp:127.0.0.1:5830") == (8, kind)
        assert len(stopped(process)) == 1
