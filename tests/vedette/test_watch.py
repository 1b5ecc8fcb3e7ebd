"""``vedette watch`` from the outside: a sender, a person who looks, and Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from fractions import Fraction

import httpx
import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as dialect

from geo.errors import VedetteError
from operations.store import OperationStore
from operations.values import RunKind
from telemetry.klv import encode
from telemetry.logs.tlog_file import read_tlog
from telemetry.videos.stream_writer_file import StreamWriter
from vedette.commands.watch_console import console_beside
from vedette.commands.watch_link import LinkRecord, poses_over
from vedette.main import main

T0_NS = 1_767_225_600_000_000_000
DATAGRAM = 7 * 188


def write_clip(path, frames=90):
    rng = np.random.default_rng(5)
    image = rng.integers(0, 255, (96, 128, 3), dtype=np.uint8)
    with StreamWriter(path, width_px=128, height_px=96, fps=Fraction(3)) as writer:
        for row in range(frames):
            moment = T0_NS + row * 333_333_000
            angles = {5: 90.0, 90: 0.0, 91: 0.0, 18: 0.0, 19: -45.0, 20: 0.0}
            place = {2: moment // 1000, 13: 50.0, 14: 8.0 + row * 1e-4, 75: 300.0, 16: 32.0, 17: 25.8, 65: 19}
            writer.write(np.roll(image, row, axis=1), moment, encode({**angles, **place}))
    return path


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Flight:
    """Sends a clip round and round, and presses Ctrl-C once somebody else has seen `wanted` frames in the operation."""

    def __init__(self, clip, port, operation, wanted=2):
        self._data, self._port, self._operation, self._wanted = clip.read_bytes(), port, operation, wanted
        self._over = threading.Event()
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._send, self._look)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _send(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            while not self._over.is_set():
                for place in range(0, len(self._data), DATAGRAM):
                    out.sendto(self._data[place : place + DATAGRAM], ("127.0.0.1", self._port))
                    if self._over.wait(0.02):
                        return

    def _look(self):
        while not self._over.wait(0.2):
            with (
                contextlib.suppress(VedetteError, OSError),
                OperationStore.open(self._operation, actor="other", clock=lambda: 0, read_only=True) as store,
            ):
                live = [run.run_id for run in store.runs() if run.kind is RunKind.LIVE]
                if len(store.frames(runs=live)) >= self._wanted:
                    os.kill(os.getpid(), signal.SIGINT)
                    return


def test_a_stream_is_watched_stopped_and_settled(tmp_path, capsys):
    port, operation = free_port(), tmp_path / "op"
    arguments = ["watch", f"udp://127.0.0.1:{port}", "--out", str(operation), "--flat-alt-amsl-m", "100", "--json"]
    with Flight(write_clip(tmp_path / "clip.ts"), port, operation):
        status = main([*arguments, "--every-s", "1"])
    said = json.loads(capsys.readouterr().out)
    assert status == 0
    assert said["frames_with_pose"] >= 2
    assert said["delay_p95_s"] > 0.0
    (recording, *_) = said["recordings"]
    with OperationStore.open(operation, actor="other", clock=lambda: 0) as store:
        runs = store.runs()
        assert {run.kind for run in runs} == {RunKind.RECORD}
        assert recording["run"] in {run.run_id for run in runs}
        assert recording["supersedes"] in {run.run_id for run in store.runs(superseded=True)}
        assert sum(record.size_bytes for record in store.media()) == said["bytes"]
    assert main(["verify", str(operation)]) == 0


@pytest.mark.parametrize(
    ("address", "status", "word"),
    [
        ("rtsp://patrol:secret@127.0.0.1/live", 3, "VEDETTE_STREAM_PASSWORD"),
        ("rtsp://[fd00:ec2::254]/latest", 3, "--allow fd00:ec2::254/128"),
        ("http://127.0.0.1/x", 3, "not opened"),
        ("udp://127.0.0.1", 2, "names no port"),
        ("srt://127.0.0.1:5000?passphrase=secretsecret", 3, "passphrase"),
        ("flight.ts", 2, "'vedette ingest'"),
    ],
)
def test_addresses_are_judged_before_anything_is_opened(tmp_path, capsys, address, status, word):
    assert main(["watch", address, "--out", str(tmp_path / "op"), "--seconds", "5"]) == status
    said = capsys.readouterr().err
    assert word in " ".join(said.split())
    assert "secret" not in said
    if not address.startswith(("srt", "udp")):  # those two are judged by what speaks them
        assert not (tmp_path / "op").exists()


def test_the_console_stands_beside_a_watch_and_ends_with_it(tmp_path):
    with OperationStore.create(tmp_path / "op", name="n", actor="a", clock=time.time_ns):
        pass
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    page = f"http://127.0.0.1:{port}/login"
    with console_beside(tmp_path / "op", port):
        answer = None
        for _ in range(3000):
            with contextlib.suppress(httpx.TransportError):
                answer = httpx.get(page, timeout=30.0)
                break
            time.sleep(0.1)
        assert answer is not None
        assert answer.status_code == 200
        assert "Vedette" in answer.text
    with pytest.raises(httpx.ConnectError):
        httpx.get(page, timeout=30.0)


def test_a_link_beside_a_stream_is_heard_recorded_and_never_spoken_to(tmp_path):
    port, link = free_port(), dialect.MAVLink(None, srcSystem=1, srcComponent=1)
    with (
        poses_over(f"udp:127.0.0.1:{port}", LinkRecord(tmp_path / "link.tlog"), None) as poses,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as vehicle,
    ):
        vehicle.settimeout(1.5)
        until_s = time.monotonic() + 60.0
        k = 0
        while poses.messages < 20 and time.monotonic() < until_s:
            for message in (
                dialect.MAVLink_attitude_message(1000 + k * 100, 0.0, 0.0, 0.0, 0, 0, 0),
                dialect.MAVLink_global_position_int_message(1000 + k * 100, 500000000, 80000000, 300000, 0, 0, 0, 0, 0),
            ):
                vehicle.sendto(message.pack(link), ("127.0.0.1", port))
            k += 1
            time.sleep(0.01)
        track = poses.track()
        with pytest.raises(TimeoutError):
            vehicle.recv(100)
    assert track.lat_deg[0] == 50.0
    assert read_tlog(tmp_path / "link.tlog").lat_deg[0] == 50.0


def test_a_tcp_link_beside_a_stream_that_hangs_up_is_heard_again(tmp_path):
    """Nothing is torn out of the record: what came before the loss, and what came after it."""
    link = dialect.MAVLink(None, srcSystem=1, srcComponent=1)
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(30.0)

    def say(vehicle, lat_e7, k):
        for message in (
            dialect.MAVLink_attitude_message(1000 + k * 100, 0.0, 0.0, 0.0, 0, 0, 0),
            dialect.MAVLink_global_position_int_message(1000 + k * 100, lat_e7, 80000000, 300000, 0, 0, 0, 0, 0),
        ):
            vehicle.sendall(message.pack(link))

    def wait_for(poses, count):
        until_s = time.monotonic() + 60.0
        while poses.messages < count and time.monotonic() < until_s:
            time.sleep(0.01)
        assert poses.messages >= count

    address = f"tcp:127.0.0.1:{server.getsockname()[1]}"
    with server, poses_over(address, LinkRecord(tmp_path / "link.tlog"), None) as poses:
        for turn, lat_e7 in enumerate((500_000_000, 500_001_000)):
            with server.accept()[0] as vehicle:
                for k in range(10):
                    say(vehicle, lat_e7, 10 * turn + k)
                wait_for(poses, 20 * (turn + 1))
    assert sorted(set(read_tlog(tmp_path / "link.tlog").lat_deg.round(6).tolist())) == [50.0, 50.0001]


def test_a_link_that_is_not_understood_is_named_before_anything_is_opened(tmp_path, capsys):
    arguments = ["watch", f"udp://127.0.0.1:{free_port()}", "--track", "flight.tlog", "--out", str(tmp_path / "op")]
    assert main([*arguments, "--seconds", "5"]) == 2
    assert "'flight.tlog' is not understood" in " ".join(capsys.readouterr().err.split())
