"""Ctrl-C at any moment: within two seconds nothing runs any more, and no person reads a traceback."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from operations.store import OperationStore
from sitl.vehicle import VehicleConfig, start_vehicle
from tests.operations.night import make_clip
from vedette.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timing

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "examples" / "demo"
LIMIT_S = 2.0
BUSY_S = 2.0
"""What a loaded machine may take to run the processes at all, allowed on top."""
STUBBORN = """
import threading, time
from vedette.interruption import leave_at_once, unwound_in_time
leave_at_once()
with unwound_in_time(grace_s=0.3):
    import subprocess, sys
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    to_tell = [child.pid]
    while True:
        try:
            while to_tell:
                print(to_tell.pop(), flush=True)
            time.sleep(600)
        except KeyboardInterrupt:
            pass
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Return a folder with an approved plan, a film and an operation."""
    folder = tmp_path_factory.mktemp("desk")
    assert main(["plan", str(DEMO / "brief.toml"), "--out", str(folder / "plan")]) == 0
    assert main(["fly", str(folder / "plan"), "--approve", "A. Name", "--reason", "tried"]) == 0
    make_clip(folder / "film.ts", frames=240)
    OperationStore.create(folder / "op", name="op", actor="x", clock=time.time_ns).close()
    return folder


@contextlib.contextmanager
def vehicle_of(name: str) -> Iterator[str]:
    """Give the link of a vehicle on the ground to `fly`: one that an interrupted flight has left flies on."""
    if name != "fly":
        yield ""
        return
    with start_vehicle(VehicleConfig(home_lat_deg=47.3805, home_lon_deg=112.5775, home_alt_amsl_m=1071.0)) as vehicle:
        yield vehicle.link_url


def commands(folder: Path, desk: Path, link: str) -> dict[str, list[str]]:
    film = str(desk / "film.ts")
    own = ["--link", link, "--sortie", "S01", "--set-parameters", "--yes"]
    return {
        "demo": ["demo", "--out", str(folder / "demo")],
        "plan": ["plan", str(DEMO / "brief.toml"), "--out", str(folder / "plan")],
        "run": ["sitl", "run", str(ROOT / "examples" / "scenarios" / "calm_night.toml"), "--speedup", "1"],
        "vehicle": ["sitl", "vehicle", "--home", "47.3805,112.5775,1071,0", "--tcp", "0"],
        "fly": ["fly", str(desk / "plan"), *own],
        "ingest": ["ingest", film, "--out", str(folder / "op"), "--flat-alt-amsl-m", "100"],
        "watch": ["watch", "udp://127.0.0.1:0", "--out", str(folder / "op"), "--flat-alt-amsl-m", "100"],
        "review": ["review", str(desk / "op"), "--port", "0", "--accounts", str(folder / "accounts.json")],
    }


def start(arguments: list[str], folder: Path) -> subprocess.Popen[bytes]:
    def as_a_terminal_would() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    return subprocess.Popen(
        arguments, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, preexec_fn=as_a_terminal_would,
    )  # fmt: skip


def below(pid: int) -> set[int]:
    found: set[int] = set()
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in listed.read_text().split():
            found |= {int(child)} | below(int(child))
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def interrupted(name: str, after_s: float, folder: Path, desk: Path) -> None:
    with vehicle_of(name) as link:
        running = start([sys.executable, "-m", "vedette", *commands(folder, desk, link)[name]], folder)
        time.sleep(after_s)
        if running.poll() is not None:  # a plan is done in seconds where nobody else computes
            said = running.communicate()[0].decode()
            assert (name, running.returncode) == ("plan", 0), said
            return
        started = below(running.pid)
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does: the whole group hears it
        told = time.monotonic()
        said = running.communicate(timeout=60)[0].decode()
        took_s = time.monotonic() - told
    assert took_s < LIMIT_S + BUSY_S, f"{name}, interrupted after {after_s:.2f} s, took {took_s:.1f} s: {said}"
    before_us = "Traceback" in said and str(ROOT) not in said  # the interpreter had not come to our first line
    assert before_us or "Traceback" not in said, f"{name}, interrupted after {after_s:.2f} s: {said}"
    until = time.monotonic() + BUSY_S
    while any(alive(pid) for pid in started) and time.monotonic() < until:
        time.sleep(0.02)
    assert [pid for pid in started if alive(pid)] == []


@pytest.mark.parametrize(
    ("name", "after_s"),
    [
        ("demo", 0.4),
        ("plan", 1.5),
        ("run", 0.25),
        ("run", 4.0),
        ("fly", 5.0),
        ("ingest", 4.0),
        ("watch", 3.0),
        ("review", 3.0),
    ],
)
def test_an_interrupt_ends_the_command_and_all_it_started(name, after_s, tmp_path, desk):
    interrupted(name, after_s, tmp_path, desk)


@pytest.mark.slow
@pytest.mark.parametrize("case", range(50))
def test_fifty_random_moments(case, tmp_path, desk):
    rng = random.Random(case)
    name = rng.choice(sorted(commands(tmp_path, desk, "")))
    interrupted(name, rng.uniform(0.15, 30.0 if name == "demo" else 6.0), tmp_path, desk)


def test_a_command_that_will_not_end_is_ended_with_its_children(tmp_path):
    running = start([sys.executable, "-c", STUBBORN], tmp_path)
    assert running.stdout is not None
    child = int(running.stdout.readline())
    assert alive(child)
    os.kill(running.pid, signal.SIGINT)
    assert running.wait(30) == 130
    assert b"interrupted" in running.stdout.read()
    running.stdout.close()
    until = time.monotonic() + 10.0
    while alive(child) and time.monotonic() < until:
        time.sleep(0.02)
    assert not alive(child)


def test_a_module_of_the_users_own_folder_is_not_taken_for_ours(tmp_path):
    (tmp_path / "maps.py").write_text("raise SystemExit('not ours')\n")
    (tmp_path / "geo.py").write_text("raise SystemExit('not ours')\n")
    done = subprocess.run(
        [sys.executable, "-m", "vedette", "--version"], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("vedette ")


STRANGERS = ("geo", "maps", "pickle", "signal", "sitl", "socket", "vedette")
COMMAND = "from vedette.start import run\nif __name__ == '__main__':\n    run()\n"
LIBRARY = """
from sitl.vehicle import VehicleConfig, start_vehicle
with start_vehicle(VehicleConfig(home_lat_deg=50.0, home_lon_deg=8.0)) as vehicle:
    print(vehicle.link_url)
"""


@pytest.mark.parametrize("program", [COMMAND, LIBRARY], ids=["workers", "vehicle"])
def test_what_we_start_imports_nothing_from_the_folder_we_stand_in(program, tmp_path):
    """A card that somebody else has filled is a working folder too: the workers and the vehicle are Pythons in it."""
    card, ours = tmp_path / "card", tmp_path / "bin"
    card.mkdir()
    ours.mkdir()
    make_clip(tmp_path / "film.ts", walker=True, frames=4)
    for name in STRANGERS:
        (card / f"{name}.py").write_text("import os\nopen('taken', 'w').close()\nos._exit(9)\n")
    (ours / "started.py").write_text(program)
    ingest = ["ingest", str(tmp_path / "film.ts"), "--out", str(tmp_path / "op"), "--flat-alt-amsl-m", "100"]
    running = start([sys.executable, str(ours / "started.py"), *ingest, "--workers", "2"], card)
    said = running.communicate(timeout=120)[0].decode()
    assert not (card / "taken").exists(), said
    assert running.returncode == 0, said
    assert ("tcp:" if program is LIBRARY else "film.ts") in said
