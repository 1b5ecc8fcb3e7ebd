"""Starting real simulators: the machinery here with a stand-in program, the real thing where it is installed."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

from benchmarks.break_offs.plans import patrol
from geo.errors import RefusedError
from missions.failsafes.settable import SETTABLE
from missions.flight import fly
from missions.flight.parameter_setting import put_asked, write_changes
from missions.flight.run import Flight
from missions.flight.values import FlightOptions
from missions.links.link import open_link
from missions.plan_files.dialect import Dialect
from sitl.ardupilot import find_ardupilot, start_ardupilot, truth_view
from sitl.armable import ArmableWatch, wait_until_armable
from sitl.backend import Launch, Simulator, find_binary
from sitl.dynamics import offset_m
from sitl.errors import SitlError
from sitl.free_instance import free_instance
from sitl.observer import Observer
from sitl.planned import asked_of
from sitl.px4 import find_etc, find_px4, free_px4, start_px4
from sitl.real_parameters import put_parameters
from sitl.scenarios.scenario import Scenario
from sitl.scenarios.scenario_backend import for_backend
from sitl.scenarios.scenario_real import Backend
from sitl.scenarios.scenario_sortie import fence_items, sortie_of
from sitl.vehicle import Airframe

pytestmark = pytest.mark.timing

LAUNCH = Launch(lat_deg=47.385, lon_deg=112.59, alt_amsl_m=1050.0, instance=3, speedup=10.0)

STAND_IN = """
    #!{python}
    # Takes ArduPilot SITL's arguments and runs the embedded vehicle on the port ArduPilot would use.
    import sys
    from pathlib import Path
    from sitl.vehicle.config import VehicleConfig
    from sitl.vehicle.runner import Runner
    options = dict(zip(sys.argv[1:], sys.argv[2:]))
    lat, lon, alt, heading = (float(v) for v in options["--home"].split(","))
    port = {port}
    config = VehicleConfig(home_lat_deg=lat, home_lon_deg=lon, home_alt_amsl_m=alt, heading_deg=heading,
                           sysid=int(options["--sysid"]), speedup=float(options["--speedup"]), tcp_port=port)
    print("port", port, flush=True)
    Runner(config, None).run()
"""


def program(tmp_path, text: str):
    path = tmp_path / "arducopter"
    path.write_text(textwrap.dedent(text).lstrip())
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_option_wins_then_the_variable_then_the_path(tmp_path, monkeypatch):
    script = program(tmp_path, "#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("VEDETTE_ARDUCOPTER", raising=False)
    assert find_ardupilot() == script.resolve()
    monkeypatch.setenv("VEDETTE_ARDUCOPTER", str(tmp_path / "nothing"))
    with pytest.raises(SitlError, match="VEDETTE_ARDUCOPTER names"):
        find_ardupilot()
    assert find_ardupilot(option=script) == script.resolve()


def test_nothing_found_says_the_three_ways(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SitlError, match=r"PATH, set VEDETTE_X, or give --binary"):
        find_binary(["nowhere"], option=None, variable="VEDETTE_X")


def test_two_runs_at_once_take_instances_of_their_own_and_none_whose_port_is_in_use(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with socket.socket() as other, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        other.bind(("127.0.0.1", 0))
        other.listen()
        datagrams.bind(("127.0.0.1", 0))
        taken = [[(socket.SOCK_STREAM, other.getsockname()[1])], [], [(socket.SOCK_DGRAM, datagrams.getsockname()[1])]]

        def ports(instance):
            return taken[instance] if instance < len(taken) else []

        with free_instance("stand-in", 5, ports) as one, free_instance("stand-in", 5, ports) as two:
            assert (one, two) == (1, 3)
            with free_instance("stand-in", 5, ports) as three:
                assert three == 4
                with pytest.raises(SitlError, match="all 5 instances of stand-in run"):
                    free_instance("stand-in", 5, ports).__enter__()
        with free_instance("stand-in", 5, ports) as again:
            assert again == 1


def test_px4_needs_its_start_scripts(tmp_path, monkeypatch):
    """They lie beside the folder of its program, or where a variable says."""
    binary = tmp_path / "build" / "bin" / "px4"
    monkeypatch.delenv("VEDETTE_PX4_ETC", raising=False)
    with pytest.raises(SitlError, match="holds no start scripts of PX4; set VEDETTE_PX4_ETC"):
        find_etc(binary)
    for folder in ("build", "elsewhere"):
        scripts = tmp_path / folder / "etc" / "init.d-posix"
        scripts.mkdir(parents=True)
        (scripts / "rcS").write_text("#!/bin/sh\n")
    assert find_etc(binary) == (tmp_path / "build" / "etc").resolve()
    monkeypatch.setenv("VEDETTE_PX4_ETC", str(tmp_path / "elsewhere" / "etc"))
    assert find_etc(binary) == (tmp_path / "elsewhere" / "etc").resolve()
    with pytest.raises(SitlError, match="10 instances"):
        start_px4(dataclasses.replace(LAUNCH, instance=10), tmp_path / "run", binary=binary)


def test_a_px4_knows_nothing_of_an_earlier_run_in_its_folder(tmp_path, monkeypatch):
    """It would take up that run's mission at its last item, and say of the same one uploaded again that it has none."""
    binary = program(tmp_path, "#!/bin/sh\nls > seen\n")
    scripts, run = tmp_path / "etc" / "init.d-posix", tmp_path / "run"
    for folder in (scripts, run):
        folder.mkdir(parents=True)
    (scripts / "rcS").write_text("#!/bin/sh\n")
    monkeypatch.setenv("VEDETTE_PX4_ETC", str(tmp_path / "etc"))
    for name in ("dataman", "parameters.bson", "parameters_backup.bson", "notes.txt"):
        (run / name).write_text("of yesterday")
    with start_px4(LAUNCH, run, binary=binary) as simulator:
        assert _comes(lambda: not simulator.running)
    assert set((run / "seen").read_text().split()) == {"console.log", "notes.txt", "seen"}


def test_what_a_real_autopilot_is_set_to_is_read_back(fly):
    """As the type it has there; a name it does not have is left out, one that does not take is named."""
    vehicle, _ = fly(dialect="px4")
    put_parameters(vehicle.udp_url, 1, Dialect.PX4, {"RTL_TYPE": 4.0, "RTL_RETURN_ALT": 41.5, "NOT_THERE": 1.0})
    put_parameters(vehicle.udp_url, 1, Dialect.PX4, {"RTL_TYPE": 4.0})
    with pytest.raises(SitlError, match="keeps RTL_TYPE at 4 instead of 4.5"):
        put_parameters(vehicle.udp_url, 1, Dialect.PX4, {"RTL_TYPE": 4.5})


def test_a_program_that_ends_is_reported_with_its_status(tmp_path):
    simulator = Simulator([sys.executable, "-c", "raise SystemExit(7)"], tmp_path / "run", "tcp:127.0.0.1:1")
    with simulator, pytest.raises(SitlError, match="status 7"):
        wait_until_armable(simulator, 10.0)


@pytest.mark.skipif(sys.platform != "linux", reason="another system sends no signal when a parent ends")
def test_a_simulator_ends_with_a_run_that_was_killed(tmp_path):
    """SIGKILL leaves nobody to stop it: the system does."""
    run = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from sitl.backend import Simulator
        Simulator(["sh", "-c", "echo $$ > pid; exec sleep 600"], Path(sys.argv[1]), "tcp:127.0.0.1:1")
        time.sleep(600)
    """)
    told = tmp_path / "run" / "pid"
    with subprocess.Popen([sys.executable, "-c", run, str(told.parent)]) as running:
        assert _comes(lambda: told.is_file() and told.read_text().endswith("\n"))
        simulator = int(told.read_text())
        os.kill(simulator, 0)
        running.kill()
    assert _comes(lambda: not _runs(simulator))


def _comes(true, within_s: float = 30.0) -> bool:
    until = time.monotonic() + within_s
    while not true() and time.monotonic() < until:
        time.sleep(0.02)
    return true()


def _runs(process: int) -> bool:
    """Whether a process is alive; one that nobody waits for stays in the list as a zombie."""
    status = Path(f"/proc/{process}/status")
    return status.is_file() and "State:\tZ" not in status.read_text()


def test_a_stand_in_started_as_ardupilot_is_waited_for_and_stopped(tmp_path):
    """The same arguments and messages as the real thing, on a port of its own."""
    script = program(tmp_path, STAND_IN.format(python=sys.executable, port=0))
    started = start_ardupilot(LAUNCH, tmp_path / "run", airframe=Airframe.COPTER, binary=script)
    with started as simulator:
        log = tmp_path / "run" / "console.log"
        until = time.monotonic() + 60.0
        while simulator.running and not log.read_text() and time.monotonic() < until:
            time.sleep(0.05)
        assert simulator.link_url == "tcp:127.0.0.1:5790"
        # the loopback port was the system's choice: this test may not claim 5790 for itself
        assert log.read_text().startswith("port 0")
    assert not simulator.running


def test_armable_needs_position_and_checks_together(fly):
    _, client = fly(boot_s=1.5)
    link = open_link(f"tcp:127.0.0.1:{client.c.port.getpeername()[1]}")
    watch = ArmableWatch()
    start, good = time.monotonic(), False
    while not good and time.monotonic() - start < 10.0:
        good = watch(link)
    assert good
    link.close()


def scenario() -> Scenario:
    vehicle = {"name": "one", "home_m": [0, -250], "route_m": [[-150, -150, 30], [150, -150, 30]], "speed_mps": 8.0}
    origin = {"lat_deg": 47.385, "lon_deg": 112.59, "alt_amsl_m": 1050.0}
    expect = [{"metric": "completed", "min": 1}]
    return Scenario.model_validate({"name": "same plan", "origin": origin, "vehicle": [vehicle], "expect": expect})


@pytest.mark.ardupilot
def test_the_same_plan_flies_on_a_real_ardupilot(tmp_path):
    try:
        binary = find_ardupilot()
    except SitlError as error:
        pytest.skip(error.message)
    one = scenario()
    sortie = sortie_of(one, one.vehicle[0])
    launch = Launch(
        lat_deg=sortie.home_lat_deg, lon_deg=sortie.home_lon_deg, alt_amsl_m=sortie.home_alt_amsl_m, speedup=10.0
    )
    asked = {**asked_of(sortie), "FENCE_TYPE": 4.0}
    with start_ardupilot(launch, tmp_path, airframe=Airframe.COPTER, binary=binary, parameters=asked) as simulator:
        wait_until_armable(simulator)
        with open_link(simulator.link_url) as link:
            report = fly_plan(link, sortie)
    assert report.readback_equal
    assert report.completed


@pytest.mark.ardupilot
def test_a_real_ardupilot_is_set_as_the_plan_asks_and_put_back(tmp_path):
    try:
        binary = find_ardupilot()
    except SitlError as error:
        pytest.skip(error.message)
    sortie = patrol("retrace").sortie
    launch = Launch(lat_deg=sortie.home_lat_deg, lon_deg=sortie.home_lon_deg, alt_amsl_m=sortie.home_alt_amsl_m)
    own = {"SRTL_POINTS": 500.0}
    with start_ardupilot(launch, tmp_path, airframe=Airframe.COPTER, binary=binary, parameters=own) as simulator:
        wait_until_armable(simulator)
        with open_link(simulator.link_url) as link:
            flight = Flight(link, sortie, FlightOptions(enable_fence=True))
            flight.connect()
            flight.upload()
            with pytest.raises(RefusedError, match="preflight"):
                flight.check()
            before = flight.commander.parameters.values(SETTABLE)
            kept = {}
            changes = put_asked(flight, lambda held, _: kept.update(held))
            print(f"{len(kept)} parameters kept, {len(changes)} set: {[change.name for change in changes]}")
            assert not [f for f in flight.check() if f.rule == "preflight.way_home"]
            write_changes(flight, [change.undone() for change in changes])
            assert flight.commander.parameters.values(SETTABLE) == before
    assert len(kept) > 1000
    assert {"FS_THR_ENABLE", "FS_GCS_ENABLE", "FENCE_ACTION", "BATT_FS_LOW_ACT"} <= {change.name for change in changes}


@pytest.mark.ardupilot
@pytest.mark.parametrize(("options", "east_m", "modes"), [(0.0, 100.0, ["AUTO", "RTL"]), (2.0, 200.0, ["AUTO"])])
def test_a_real_ardupilot_keeps_inside_all_areas_at_once_unless_it_is_told_otherwise(tmp_path, options, east_m, modes):
    """Two areas of which the western ends 100 m east of home; the mission goes 200 m east, inside the other."""
    try:
        binary = find_ardupilot()
    except SitlError as error:
        pytest.skip(error.message)
    one = scenario()
    plain = one.vehicle[0].model_copy(update={"home_m": (0, 0), "route_m": ((0, 60, 30), (200, 60, 30), (200, 0, 30))})
    areas = [[(west, -200), (west + 400, -200), (west + 400, 200), (west, 200)] for west in (-300, -100)]
    corners = [corner for area in areas for corner in fence_items(one, area, [])]
    fence = tuple(dataclasses.replace(corner, seq=seq) for seq, corner in enumerate(corners))
    sortie = dataclasses.replace(sortie_of(one, plain), fence=fence)
    launch = Launch(
        lat_deg=sortie.home_lat_deg, lon_deg=sortie.home_lon_deg, alt_amsl_m=sortie.home_alt_amsl_m, speedup=8.0,
        instance=8,
    )  # fmt: skip
    asked = {**asked_of(sortie), "FENCE_TYPE": 4.0, "FENCE_OPTIONS": options, "RTL_ALT": 3000.0}
    with start_ardupilot(launch, tmp_path, airframe=Airframe.COPTER, binary=binary, parameters=asked) as simulator:
        wait_until_armable(simulator)
        with contextlib.closing(Observer(truth_view(8))) as observer, open_link(simulator.link_url) as link:
            fly(link, sortie, options=FlightOptions(upload_rally=False, enable_fence=True, preflight=None))
            turned = [(observer.track[row], mode) for row, mode in observer.modes if mode in ("AUTO", "RTL")]
            farthest = max(offset_m(sortie.home_lat_deg, sortie.home_lon_deg, *at[1:3])[1] for at in observer.track)
    assert [mode for _, mode in turned] == modes
    assert east_m - 2.0 <= farthest <= east_m + 20.0


@pytest.mark.px4
def test_the_same_plan_flies_on_a_real_px4(tmp_path):
    try:
        binary = find_px4()
    except SitlError as error:
        pytest.skip(error.message)
    one = for_backend(scenario(), Backend(name="px4"))
    sortie = sortie_of(one, one.vehicle[0])
    place = {"lat_deg": sortie.home_lat_deg, "lon_deg": sortie.home_lon_deg, "alt_amsl_m": sortie.home_alt_amsl_m}
    with free_px4() as instance, start_px4(Launch(**place, instance=instance), tmp_path, binary=binary) as simulator:
        wait_until_armable(simulator)
        put_parameters(simulator.link_url, instance + 1, Dialect.PX4, asked_of(sortie))
        with open_link(simulator.link_url) as link:
            report = fly_plan(link, sortie)
    assert report.readback_equal
    assert report.completed


def fly_plan(link, sortie):
    """`fly` of missions (the fixture of that name starts vehicles)."""
    return fly(link, sortie, options=FlightOptions(upload_fence=False, upload_rally=False))
