"""The process around a vehicle: links, signing, late verdicts, bad links, start and stop."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest
from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.plan_files.dialect import Dialect
from sitl.errors import SitlError
from sitl.faults import Fault, FaultKind, LinkQuality, Part, Word
from sitl.vehicle import VehicleConfig, start_vehicle
from sitl.vehicle.parameters import ParameterTable
from sitl.vehicle.truth_file import read_truth
from vedette.main import main

pytestmark = pytest.mark.timing

KEY = bytes(range(32))
CONFIG = {"home_lat_deg": 54.05, "home_lon_deg": 23.10, "home_alt_amsl_m": 140.0}


def test_fence_and_rally_read_back_as_ardupilot_keeps_them(fly, field):
    _, client = fly()
    fence = [(5001, 3, 4, 0, 0, 0, *field.place(n, e), 55) for n, e in ((-90, -90), (-90, 90), (90, 90), (90, -90))]
    assert client.upload(fence, 1) == 0
    assert [(i.command, i.param1, i.z, i.frame) for i in client.download(1)] == [(5001, 4.0, 0.0, 0)] * 4
    assert client.upload([(5100, 3, 0, 0, 0, 0, *field.place(30, 0), 20.0)], 2) == 0
    (rally,) = client.download(2)
    assert (rally.command, rally.frame, rally.z) == (5100, 3, 20.0)
    broken = [(5001, 3, 4, 0, 0, 0, *field.place(0, 0), 0)] * 3
    assert client.upload(broken, 1) == mavlink.MAV_MISSION_ERROR
    assert len(client.download(1)) == 4  # the old fence is still there


def test_px4_acknowledges_then_judges_and_will_not_fly_a_bad_mission(fly, field):
    _, client = fly(dialect=Dialect.PX4)
    bad = [(16, 6, 0, 0, 0, 0, *field.place(50, 0), 20), (22, 6, 0, 0, 0, 0, *field.place(0, 0), 20)]
    assert client.upload(bad) == mavlink.MAV_MISSION_ACCEPTED
    text = client.wait("STATUSTEXT", where=lambda m: "rejected" in m.text).text
    assert "Takeoff is not the first" in text
    assert client.command(mavlink.MAV_CMD_MISSION_START) == mavlink.MAV_RESULT_DENIED


@pytest.mark.parametrize(
    ("dialect", "answer"),
    [(Dialect.PX4, mavlink.MAV_RESULT_UNSUPPORTED), (Dialect.ARDUPILOT, mavlink.MAV_RESULT_ACCEPTED)],
)
def test_a_jump_to_an_item_is_a_command_on_ardupilot_and_a_message_on_both(fly, field, dialect, answer):
    """Real PX4 (1.17, simulated in hardware) answers DO_SET_MISSION_CURRENT with UNSUPPORTED."""
    _, client = fly(dialect=dialect)
    assert client.upload(field.square(60.0, px4=dialect is Dialect.PX4)) == mavlink.MAV_MISSION_ACCEPTED
    assert client.command(mavlink.MAV_CMD_DO_SET_MISSION_CURRENT, 3) == answer
    client.c.mav.mission_set_current_send(1, 1, 4)
    client.wait("MISSION_CURRENT", where=lambda m: m.seq == 4)


def test_parameters_are_listed_read_and_set(fly):
    _, client = fly()
    client.c.mav.param_request_list_send(1, 1)
    count = len(ParameterTable(Dialect.ARDUPILOT))
    names = {client.wait("PARAM_VALUE").param_id for _ in range(count)}
    assert {"WPNAV_SPEED", "FENCE_ENABLE", "SYSID_THISMAV"} <= names
    assert len(names) == count
    assert client.set_parameter("RTL_ALT", 3300.4) == 3300  # an integer parameter


def test_a_bad_link_loses_and_delays_what_it_is_told_to(fly):
    """30 % lost each way: 0.7 x 0.7 = 49 % of 300 questions are answered, 60 ms later at the earliest."""
    _, client = fly(link=LinkQuality(loss=0.3, latency_s=0.03), seed=2)
    asked = {}
    for number in range(1, 301):
        asked[number] = time.monotonic()
        client.c.mav.timesync_send(0, number)
        time.sleep(0.002)
    trips = []
    while (answer := client.c.recv_match(type="TIMESYNC", blocking=True, timeout=0.5)) is not None:
        trips.append(time.monotonic() - asked[answer.ts1])
    assert 110 <= len(trips) <= 184  # four sigma of the binomial
    assert min(trips) >= 0.06


def test_signing_interoperates_with_pymavlink_and_refuses_everything_else():
    with start_vehicle(VehicleConfig(**CONFIG, signing_key_hex=KEY.hex())) as vehicle:
        good = mavutil.mavlink_connection(vehicle.link_url, source_system=255, dialect="ardupilotmega")
        good.setup_signing(KEY, sign_outgoing=True)
        heartbeat = good.recv_match(type="HEARTBEAT", blocking=True, timeout=5)
        assert heartbeat.get_signed()
        good.mav.param_request_read_send(1, 1, b"RTL_ALT", -1)
        assert good.recv_match(type="PARAM_VALUE", blocking=True, timeout=5).param_value == 1500
        for setup in (lambda c: None, lambda c: c.setup_signing(bytes(32 * [7]), sign_outgoing=True)):
            bad = mavutil.mavlink_connection(vehicle.link_url, source_system=255, dialect="ardupilotmega")
            setup(bad)
            bad.mav.param_request_read_send(1, 1, b"RTL_ALT", -1)
            assert bad.recv_match(type="PARAM_VALUE", blocking=True, timeout=0.7) is None
            bad.close()
        good.close()
    assert KEY.hex() not in repr(vehicle.config)


def test_two_vehicles_on_udp_keep_their_own_ids():
    with start_vehicle(VehicleConfig(**CONFIG, sysid=7)) as a, start_vehicle(VehicleConfig(**CONFIG, sysid=9)) as b:
        for process, sysid in ((a, 7), (b, 9)):
            link = mavutil.mavlink_connection(process.udp_url, source_system=255, dialect="ardupilotmega")
            link.mav.heartbeat_send(6, 8, 0, 0, 0)
            assert link.recv_match(type="HEARTBEAT", blocking=True, timeout=5).get_srcSystem() == sysid
            link.close()


def test_it_ends_with_its_parent_even_when_that_is_killed():
    code = (
        "import sys,time\nfrom sitl.vehicle import VehicleConfig,start_vehicle\n"
        "v=start_vehicle(VehicleConfig(home_lat_deg=54,home_lon_deg=23));print(v.pid,flush=True);time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    raise AssertionError("the vehicle outlived its parent")


def test_a_taken_port_and_a_missing_folder_are_said(tmp_path):
    with start_vehicle(VehicleConfig(**CONFIG)) as first, pytest.raises(SitlError, match="is not free") as caught:
        start_vehicle(VehicleConfig(**CONFIG, tcp_port=first.tcp_port))
    assert f"port {first.tcp_port} on 127.0.0.1" in str(caught.value)
    with pytest.raises(SitlError, match="does not exist"):
        start_vehicle(VehicleConfig(**CONFIG), truth_path=tmp_path / "no" / "t.npz")


@pytest.mark.parametrize(("arguments", "said"), [
    (["--home", "abc"], "lat,lon"),
    (["--home", "95,0"], "home_lat_deg"),
    (["--wind", "4"], "--wind"),
    (["--param", "X"], "NAME=number"),
    (["--airframe", "blimp"], "blimp"),
    (["--dialect", "qnx"], "qnx"),
    (["--speedup", "-1"], "speedup"),
    (["--tcp", "99999"], "tcp_port"),
    (["--udp-out", "nowhere"], "udp_out"),
])  # fmt: skip
def test_wrong_options_are_named(arguments, said, capsys):
    assert main(["sitl", "vehicle", "--tcp", "0", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_the_truth_is_in_place_after_a_stop(tmp_path):
    path = tmp_path / "t.npz"
    with start_vehicle(VehicleConfig(**CONFIG), truth_path=path):
        time.sleep(0.5)
    truth = read_truth(path)
    assert truth["alt_hae_m"][0] - truth["alt_amsl_m"][0] == pytest.approx(27.0, abs=6.0)  # EGM96 in north-east Poland
    assert set(truth["mode"]) == {"STABILIZE"}
    assert list(tmp_path.iterdir()) == [path]  # and no half-written file


def test_a_fault_is_put_in_while_it_flies(fly, field):
    vehicle, client = fly(speedup=20.0)
    assert client.upload(field.square(400.0)) == 0
    assert client.command(176, 1, 4) == 0
    assert client.command(400, 1) == 0
    assert client.command(22, 0, 0, 0, 0, 0, 0, 20.0) == 0
    client.wait("GLOBAL_POSITION_INT", where=lambda m: m.relative_alt > 15_000)
    vehicle.inject(Fault(kind=FaultKind.BATTERY_SAG, at_s=1.0, to_pct=11.0))
    assert client.wait("SYS_STATUS", where=lambda m: m.battery_remaining < 50).battery_remaining <= 11
    vehicle.inject(Fault(kind=FaultKind.PART, at_s=0.0, part=Part.GPS, word=Word.OFF))
    assert client.wait("GPS_RAW_INT", where=lambda m: m.fix_type < 3).satellites_visible == 0


@pytest.mark.slow
def test_twenty_vehicles_fly_on_one_machine(tmp_path, field):
    """Each takes off and lands by its own mission; the truth of each says so."""
    with contextlib.ExitStack() as stack:
        flying = []
        for sysid in range(1, 21):
            config = VehicleConfig(**CONFIG, sysid=sysid, speedup=10.0)
            process = stack.enter_context(start_vehicle(config, truth_path=tmp_path / f"{sysid}.npz"))
            client = field.client(process.link_url)
            stack.callback(client.close)
            flying.append((process, client))
        for _, client in flying:
            assert client.upload(field.square(60.0)) == 0
            assert client.command(176, 1, 4) == 0
            assert client.command(400, 1) == 0
            assert client.command(176, 1, 3) == 0
            assert client.command(300) == 0
        for _, client in flying:
            client.until_disarmed(120.0)
    for process, _ in flying:
        truth = read_truth(process.truth_path)
        assert truth["alt_amsl_m"].max() == pytest.approx(180.0, abs=1.0)
        assert truth["alt_amsl_m"][-1] == pytest.approx(140.0, abs=0.1)
