"""Pages whose lines go on until Ctrl-C or ask a person at a terminal, run as a reader runs them: two terminals."""

from __future__ import annotations

import contextlib
import shutil
import subprocess

import pytest

from missions.plan_files.plan_folder_file import read_plan_folder
from tests.docs.pages import Page, Shell, walk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

MAKE = "what it installs and runs is the environment of this suite and its tests"
PEER = "needs an aircraft or a server of its own"
YES = {"Arm and fly": "y"}
VEHICLE_IS_THERE = "Ctrl-C stops it"


def test_the_readme(folder, steppe, recordings):
    page = Page(
        path="README.md",
        apart={"make ": MAKE, "watch rtsp": PEER},
        status={"seen night-1": 1, "--to kmz": 2},  # nobody is on this card, and nobody looked at that place
        beside={"sitl vehicle": VEHICLE_IS_THERE, "review night-1": "127.0.0.1:8765"},
        typed={"--sortie S01": YES},
    )
    started = folder(steppe, recordings)
    shutil.rmtree(started / "plan")
    (started / "media" / "safe").mkdir()
    assert not (wrong := walk(page, started)), "\n".join(wrong)


def test_the_tutorial(folder, steppe):
    started = folder(steppe)
    demo = Shell(started).run(".venv/bin/vedette demo --quick --out demo-out")
    assert demo[0] == 0, demo[1]
    page = Page(
        path="docs/tutorial/first-patrol.md",
        apart={"make demo": MAKE},
        edited={
            "--template": (
                "my-brief.toml",
                {'"left" ': '"right" ', "asked_m = 300": "asked_m = 150", "depth_m = 800": "depth_m = 190"},
            )
        },
        status={"plan my-brief.toml": 1},  # what it has no terrain for is a finding
        beside={"sitl vehicle": VEHICLE_IS_THERE},
        typed={"--sortie S01": YES},
    )
    assert not (wrong := walk(page, started)), "\n".join(wrong)


def test_fly_a_plan(folder, steppe, night):
    started = folder(steppe, night)
    plan = read_plan_folder(started / "plan")
    page = Page(
        path="docs/how-to/fly-a-plan.md",
        apart={
            "--link udp:": f"{PEER}: tests/missions_flight, tests/sitl",
            "serial:": PEER,
        },
    )
    shell = Shell(started)
    with contextlib.ExitStack() as vehicles:
        for sysid, (sortie, port) in enumerate(zip(plan.sorties, (5760, 5770), strict=True), 1):
            put = " ".join(f"--param {one.name}={one.value}" for one in sortie.vehicle_parameters)
            home = f"{sortie.home_lat_deg},{sortie.home_lon_deg},{sortie.home_alt_amsl_m},0"
            line = f"vedette sitl vehicle --home {home} --speedup 40 --sysid {sysid} --tcp {port} {put}"
            assert vehicles.enter_context(shell.beside(line, f":{port}")) == []
        assert not (wrong := walk(page, started)), "\n".join(wrong)


def test_simulate(folder, steppe, recordings):
    page = Page(
        path="docs/how-to/simulate.md",
        apart={"sitl ardupilot": PEER, "--backend": PEER, "benchmarks.break_offs": PEER},
        beside={"sitl vehicle": VEHICLE_IS_THERE, "sitl stream": "127.0.0.1:5600"},
    )
    assert not (wrong := walk(page, folder(steppe, recordings))), "\n".join(wrong)


def test_watch(folder, recordings):
    page = Page(
        path="docs/how-to/watch.md",
        apart={"udp://": PEER, "rtsp://": PEER},
        beside={"tcp://0.0.0.0:5600": "went silent"},
    )
    started = folder(recordings)
    send = "until ffmpeg -v error -re -i flight.ts -map 0 -c copy -f mpegts tcp://127.0.0.1:5600; do sleep 0.5; done"
    sender = subprocess.Popen(["bash", "-c", send], cwd=started, start_new_session=True)
    try:
        assert not (wrong := walk(page, started)), "\n".join(wrong)
    finally:
        sender.kill()
        sender.wait(timeout=20)
    status, said = Shell(started).run("vedette verify night-1")
    assert status == 0, said


def test_run_the_console(folder, night):
    words = {"password, 15": "a long enough one 1", "once more": "a long enough one 1"}
    page = Page(
        path="docs/how-to/run-the-console.md",
        apart={"--host": "an address of another machine", "--tak": PEER, "--hook": PEER},
        beside={"review night-1 night-2": "127.0.0.1:8765"},
        typed={"accounts add": words, "accounts password": words},
    )
    assert not (wrong := walk(page, folder(night))), "\n".join(wrong)
