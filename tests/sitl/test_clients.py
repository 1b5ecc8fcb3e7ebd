"""Ground stations that others wrote fly the embedded vehicle: DroneKit, MAVSDK, MAVProxy.

Each connects, reads parameters, uploads mission, fence and rally (where it can),
reads them back, arms, flies AUTO to completion and lands.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from missions.plan_files.dialect import Dialect
from sitl.vehicle import VehicleConfig, start_vehicle
from sitl.vehicle.parameters import ParameterTable
from sitl.vehicle.truth_file import read_truth

pytestmark = pytest.mark.timing

SPEEDUP = 60.0
CORNERS = [(150.0, 0.0), (150.0, 150.0), (0.0, 150.0)]


@pytest.fixture
def vehicle(tmp_path, request, field):
    config = VehicleConfig(
        home_lat_deg=field.home[0], home_lon_deg=field.home[1], home_alt_amsl_m=field.home[2],
        speedup=SPEEDUP, dialect=getattr(request, "param", Dialect.ARDUPILOT),
    )  # fmt: skip
    with start_vehicle(config, truth_path=tmp_path / "truth.npz") as process:
        yield process


def until(condition, seconds: float = 20.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s")


def assert_flew_the_corners(vehicle, field) -> None:
    """The truth file, not the client, says whether each corner was passed and where it ended."""
    vehicle.stop()
    truth = read_truth(vehicle.truth_path)
    for north, east in CORNERS:
        lat, lon = field.place(north, east)
        away = np.hypot((truth["lat_deg"] - lat) * 111_300, (truth["lon_deg"] - lon) * 65_000)
        assert away.min() < 3.0, f"corner {north}, {east} was passed at {away.min():.1f} m"
    assert truth["alt_amsl_m"][-1] == pytest.approx(field.home[2], abs=0.1)
    assert truth["alt_amsl_m"].max() > field.home[2] + 25.0


@pytest.mark.filterwarnings("ignore")  # DroneKit's threads and deprecated names are not ours
def test_dronekit_reads_the_state_arms_takes_off_and_flies_auto(vehicle, field):
    dronekit = pytest.importorskip("dronekit")
    drone = dronekit.connect(vehicle.link_url, wait_ready=True, timeout=30)
    try:
        assert drone.is_armable
        assert drone.parameters["WPNAV_SPEED"] == 1000
        assert drone.gps_0.fix_type == 3
        assert drone.battery.level == 100
        drone.commands.download()
        drone.commands.wait_ready()
        assert drone.home_location.lat == pytest.approx(field.home[0])
        drone.commands.clear()
        for corner in CORNERS:
            drone.commands.add(dronekit.Command(0, 0, 0, 3, 16, 0, 0, 0, 0, 0, 0, *field.place(*corner), 30))
        drone.commands.add(dronekit.Command(0, 0, 0, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0))
        drone.commands.upload()
        drone.commands.download()
        drone.commands.wait_ready()
        assert [drone.commands[i].command for i in range(4)] == [16, 16, 16, 20]
        drone.mode = dronekit.VehicleMode("GUIDED")
        drone.armed = True
        until(lambda: drone.armed)
        drone.simple_takeoff(30)
        until(lambda: drone.location.global_relative_frame.alt > 29)
        drone.mode = dronekit.VehicleMode("AUTO")
        until(lambda: not drone.armed)
    finally:
        drone.close()
    assert_flew_the_corners(vehicle, field)


def sdk_items(item, field, *, px4: bool) -> list:
    e7 = [(round(lat * 1e7), round(lon * 1e7)) for lat, lon in [field.home[:2], *[field.place(*c) for c in CORNERS]]]
    rows = [] if px4 else [(0, 16, *e7[0], field.home[2])]
    rows += [(6, 22, *e7[0], 30), *[(6, 16, x, y, 30) for x, y in e7[1:]], (2, 20, 0, 0, 0)]
    unset = float("nan") if px4 else 0.0  # ArduPilot refuses NaN in most commands
    return [item(i, f, c, int(i == 0), 1, 0, 0, 0, unset, x, y, z, 0) for i, (f, c, x, y, z) in enumerate(rows)]


@pytest.mark.parametrize("vehicle", list(Dialect), indirect=True)
def test_mavsdk_flies_both_dialects(vehicle, field):
    pytest.importorskip("mavsdk")
    from mavsdk import ComponentType, Configuration, Mavsdk
    from mavsdk.plugins.action.action import Action
    from mavsdk.plugins.mission_raw.mission_raw import MissionItem, MissionRaw
    from mavsdk.plugins.param.param import Param
    from mavsdk.plugins.telemetry.telemetry import Telemetry

    px4 = vehicle.config.dialect is Dialect.PX4
    sdk = Mavsdk(Configuration.create_with_component_type(ComponentType.GROUND_STATION))
    sdk.add_any_connection(f"tcpout://127.0.0.1:{vehicle.tcp_port}")
    system = sdk.first_autopilot(10.0)
    state, action, missions = Telemetry(system), Action(system), MissionRaw(system)
    until(lambda: state.health().is_armable and state.health().is_global_position_ok)
    held = Param(system).get_all_params()
    assert len(held.int_params) + len(held.float_params) > 30
    items = sdk_items(MissionItem, field, px4=px4)
    missions.upload_mission(items)
    assert [i.command for i in missions.download_mission()] == [i.command for i in items]
    box = [field.place(n, e) for n, e in ((-300, -300), (-300, 600), (600, 600), (600, -300))]
    missions.upload_geofence(
        [
            MissionItem(i, 0, 5001, 0, 1, 4, 0, 0, 0, round(a * 1e7), round(b * 1e7), 0, 1)
            for i, (a, b) in enumerate(box)
        ]
    )
    assert len(missions.download_geofence()) == 4
    rally = field.place(50, 0)
    missions.upload_rally_points([MissionItem(0, 3, 5100, 0, 1, 0, 0, 0, 0, *[round(v * 1e7) for v in rally], 20, 2)])
    assert len(missions.download_rallypoints()) == 1
    action.arm()
    if not px4:  # ArduPilot arms in GUIDED and starts AUTO in the air
        action.takeoff()
        until(lambda: state.position().relative_altitude_m > 1.0)
    missions.start_mission()
    until(state.in_air)
    until(lambda: not state.armed())
    sdk.destroy()
    assert_flew_the_corners(vehicle, field)


class Console:
    """MAVProxy without a screen: lines in, lines out."""

    def __init__(self, folder: Path, master: str) -> None:
        program = Path(sys.executable).with_name("mavproxy.py")
        modules = "wp,fence,rally,param,arm,mode,cmdlong"
        options = ["--master", master, "--default-modules", modules, "--state-basedir", str(folder)]
        self.process = subprocess.Popen(
            [sys.executable, str(program), *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder,
            env={**os.environ, "TERM": "dumb", "HOME": str(folder)},
        )  # fmt: skip
        self.text = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.text += line

    def do(self, command: str, answer: str, times: int = 1) -> None:
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        self.wait(answer, times)

    def wait(self, answer: str, times: int = 1) -> None:
        try:
            until(lambda: self.text.count(answer) >= times)
        except AssertionError:
            raise AssertionError(f"MAVProxy never said {answer!r}; it said:\n{self.text}") from None

    def close(self) -> None:
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait(10)
        self._reader.join(5)
        self.process.stdout.close()


def write_wpl(path: Path, rows: list[tuple]) -> None:
    lines = [
        f"{i}\t0\t{frame}\t{command}\t{p1}\t0\t0\t0\t{lat:.8f}\t{lon:.8f}\t{alt}\t1"
        for i, (command, frame, p1, lat, lon, alt) in enumerate(rows)
    ]
    path.write_text("QGC WPL 110\n" + "\n".join(lines) + "\n")


def test_mavproxy_flies_headless(vehicle, field, tmp_path):
    if not Path(sys.executable).with_name("mavproxy.py").exists():
        pytest.skip("mavproxy.py is not installed beside this Python (pip install MAVProxy)")
    home = field.home
    corners = [(16, 3, 0, *field.place(*corner), 30) for corner in CORNERS]
    write_wpl(tmp_path / "m.txt", [(16, 0, 0, *home), (22, 3, 0, *home[:2], 30), *corners, (20, 3, 0, 0.0, 0.0, 0)])
    box = ((-300, -300), (-300, 600), (600, 600), (600, -300))
    write_wpl(tmp_path / "f.txt", [(5001, 3, 4, *field.place(n, e), 0) for n, e in box])
    write_wpl(tmp_path / "r.txt", [(5100, 3, 0, *field.place(50, 0), 20)])
    console = Console(tmp_path, vehicle.link_url)
    try:
        console.wait(f"Received {len(ParameterTable(Dialect.ARDUPILOT))} parameters")
        console.do("wp load m.txt", "TYPE_MISSION: ACCEPTED")
        console.do("wp list", "Saved waypoints")
        console.do("fence load f.txt", "TYPE_FENCE: ACCEPTED")
        console.do("rally load r.txt", "TYPE_RALLY: ACCEPTED")
        console.do("rally list", "5100 3 ")
        console.do("mode GUIDED", "Mode GUIDED")
        console.do("arm throttle", "COMPONENT_ARM_DISARM: ACCEPTED")
        console.do("takeoff 5", "NAV_TAKEOFF: ACCEPTED")
        console.do("mode AUTO", "Mode AUTO")
        console.wait("AP: Disarming motors")
    finally:
        console.close()
    assert_flew_the_corners(vehicle, field)
