"""Pages whose lines go on until Ctrl-C or ask a person at a terminal, run as a reader runs them: two terminals."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from missions.plan_files.plan_folder_file import read_plan_folder
from telemetry.tracks.track_file import write_track
from tests.docs.pages import ROOT, Page, Shell, programs_of, walk
from tests.operations.cues.brokers import running_broker
from tests.operations.exports.test_send_link import certificate, serve, tls
from tests.telemetry.recordings.test_joining import filmed, log
from tests.vedette.flown_marks import write_flight_over_marks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

MAKE = "what it installs and runs is the environment of this suite and its tests"
TORCH = "needs the extra yolo: tests/detection/training/test_training_apart.py"
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
    first = read_plan_folder(started / "demo-out" / "plan").sorties[0]
    site = f"{first.home_lat_deg:.7f},{first.home_lon_deg:.7f},{first.home_alt_amsl_m:.1f},0"
    page = Page(
        path="docs/tutorial/first-patrol.md",
        apart={"make demo": MAKE},
        instead={"47.3805,112.5775,1071,0": site},  # a quick demo flies from another place than the whole one
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


def test_review_with_the_console(folder, night):
    page = Page(path="docs/how-to/review-with-the-console.md")
    assert not (wrong := walk(page, folder(night))), "\n".join(wrong)


def test_run_the_console(folder, night):
    words = {"password, 15": "a long enough one 1", "once more": "a long enough one 1"}
    page = Page(
        path="docs/how-to/run-the-console.md",
        apart={"--host": "an address of another machine", "--tak": PEER, "--hook": PEER},
        beside={"review night-1 night-2": "127.0.0.1:8765"},
        typed={"accounts add": words, "accounts password": words},
    )
    assert not (wrong := walk(page, folder(night))), "\n".join(wrong)


def test_calibrate_a_camera(folder, recordings):
    started = folder(recordings)
    write_flight_over_marks(started / "over-marks.ts", started / "marks.csv")
    shutil.copy(started / "over-marks.ts", started / "card" / "flight.ts")  # filmed by the camera that is calibrated
    page = Page(path="docs/how-to/calibrate-a-camera.md")
    assert not (wrong := walk(page, started)), "\n".join(wrong)


def test_video(folder, recordings):
    started = folder(recordings)
    filmed(started / "flight.mp4", 40)
    write_track(log(seconds=40), started / "flown.csv")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page = Page(
        path="docs/how-to/video.md",
        instead={"239.2.3.1:5600": f"127.0.0.1:{port}", "--seconds 600": "--seconds 6", "00000042.BIN": "flown.csv"},
    )
    send = ["ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", "flight.ts", "-map", "0", "-c", "copy"]
    sender = subprocess.Popen([*send, "-f", "mpegts", f"udp://127.0.0.1:{port}?pkt_size=1316"], cwd=started)
    try:
        assert not (wrong := walk(page, started)), "\n".join(wrong)
    finally:
        sender.kill()
        sender.wait(timeout=20)
    assert (started / "record" / "segments.jsonl").read_text()
    for program in programs_of(page.path):
        text = program.replace("/media/card", str(started / "media" / "card")).replace('"flight', f'"{started}/flight')
        done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("link", ["--mqtt", "--cot"])
def test_take_alarms_in(folder, steppe, night, link):
    started = folder(steppe, night)
    (started / "pw").write_text("listens for alarms\n")
    with running_broker(started, {"station": "listens for alarms", "fence-3": "three"}) as broker:
        certificate(started, "station", broker.authority)
        port, thread, _ = serve(lambda peer, _: peer.recv(1), tls(started, "server"))
        page = Page(
            path="docs/how-to/take-alarms-in.md",
            apart={"--cot" if link == "--mqtt" else "--mqtt": "the other way in: one operation has one writer"},
            beside={link: ": listening"},
            instead={"broker.example:8883": f"127.0.0.1:{broker.port}", "tak.example:8089": f"127.0.0.1:{port}"},
        )
        wrong = walk(page, started)
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            pass  # lets the server go where nobody came
        thread.join(60)
    assert not wrong, "\n".join(wrong)


def test_models(folder, steppe):
    started = folder(steppe)
    demo = Shell(started).run(".venv/bin/vedette demo --quick --out demo-out")
    assert demo[0] == 0, demo[1]
    (film,) = started.glob("demo-out/**/S01.ts")
    for path in (film, film.with_name("S01.truth.npz")):
        shutil.copy(path, started)
    shutil.copy(film, started / "clip.ts")
    shutil.copy(ROOT / "detection" / "models" / "vedette-small.onnx", started / "mine.onnx")
    (started / "mine.pt").write_bytes(b"weights")
    write_pictures(started / "set")
    for name in ("gt.txt", "result.txt"):
        (started / name).write_text("".join(f"{frame},1,{frame * 2},10,20,40,1,-1,-1,-1\n" for frame in range(1, 9)))
    scored = Shell(started).run("vedette eval --pictures set/val.json --json > before.json; cp before.json after.json")
    assert scored[0] == 0, scored[1]
    page = Page(
        path="docs/how-to/models.md",
        apart={
            "pip install": "what it installs is the environment of this suite",
            "models export": TORCH,
            "models train": TORCH,
            "out24": TORCH,
            "--filmed 10": "half an hour: tests/detection/test_eval_command.py",
            "--hours 10": "minutes: tests/detection/test_eval_command.py",
        },
    )
    assert not (wrong := walk(page, started)), "\n".join(wrong)


def write_pictures(folder):
    """Write two pictures with a thing each, and their annotations."""
    (folder / "val").mkdir(parents=True)
    (folder / "annotations").mkdir()
    for name in ("1.png", "2.png"):
        Image.fromarray(np.zeros((64, 96, 3), dtype=np.uint8)).save(folder / "val" / name)
    held = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 96, "height": 64} for n in (1, 2)],
        "categories": [{"id": 0, "name": "car"}, {"id": 1, "name": "person"}],
        "annotations": [{"image_id": n, "category_id": n - 1, "bbox": [24, 16, 24, 32]} for n in (1, 2)],
    }
    for path in (folder / "val.json", folder / "annotations" / "val.json"):
        path.write_text(json.dumps(held))
    shutil.copytree(folder / "val", folder / "annotations" / "val")
