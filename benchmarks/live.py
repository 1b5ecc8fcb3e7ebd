"""How soon after its bytes came a picture's rows are committed, and how much faster than real time a file is read.

A 720p film at 30 pictures a second is sent at its own pace to `vedette watch` with the bundled detector. Two clocks
judge: the command's own (from a datagram's arrival to the commit), and this process, which sent the datagrams, opens
the operation read-only and sees the rows appear.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import Row
from detection.values import Detections
from geo.errors import VedetteError
from geo.terrain import FlatTerrain
from geo.values import CameraModel, PoseSigmas
from operations.case_access import HEAD_FILE
from operations.ingest import IngestJob, IngestSettings, ingest
from operations.store import OperationStore
from sitl.films.downlink_file import frame_times, interpolate_vehicle, klv_values, pose_of
from sitl.films.render import render
from sitl.films.render_look import THERMAL
from sitl.films.sensor_errors import SensorErrors
from sitl.films.stream_file import DATAGRAM, timed_datagrams
from sitl.films.world import Crowd, make_world
from telemetry.klv import encode
from telemetry.videos.stream_writer_file import StreamWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T0 = 1_750_000_000_000_000_000
FPS = 30
DRAWN_EVERY = 10
"""One picture in ten is drawn; those between repeat it with noise of their own, so that the decoder has its work."""
CAMERA = CameraModel.from_fov(hfov_deg=35.0, width_px=1280, height_px=720)
GROUND_M = 180.0
SECONDS = 30
LOOK_S = 0.05


def write_film(path: Path, seconds: int = SECONDS) -> None:
    """Film a straight flight over a made-up border, as a downlink carries it."""
    rng = np.random.default_rng(4)
    world = make_world(
        corridor_lat_lon=np.array([[52.0, 23.5], [52.0, 23.56]]),
        terrain=FlatTerrain(height_m=GROUND_M),
        seed=4,
        epoch_utc_ns=T0,
        crowd=Crowd(groups_per_km=12.0, vehicles_per_km=5.0),
    )
    vehicle = _flight(seconds)
    times = frame_times(vehicle, Fraction(FPS), None, None)[: seconds * FPS]
    true = interpolate_vehicle(vehicle, times)
    errors = SensorErrors.draw(times, PoseSigmas(), rng)
    noise = rng.integers(0, 6, (8, 720, 1280, 1), dtype=np.uint8)
    picture = np.zeros((720, 1280, 3), dtype=np.uint8)
    with StreamWriter(path, width_px=1280, height_px=720, fps=Fraction(FPS)) as writer:
        for k, moment in enumerate(times.tolist()):
            if k % DRAWN_EVERY == 0:
                picture = render(world, pose_of(true, k, moment), CAMERA, moment, THERMAL)[0]
            klv = encode(klv_values(true, errors, k, moment, CAMERA))
            writer.write(np.minimum(picture, 249) + noise[k % len(noise)], moment, klv)


def _flight(seconds: int) -> dict[str, np.ndarray]:
    """Return a flight straight east at 12 m/s and 100 m, the camera looking north, 40 degrees down."""
    count = (seconds + 2) * 10
    rows = np.arange(count)
    return {
        "t_utc_ns": T0 + rows * 100_000_000,
        "lat_deg": np.full(count, 52.0 - 100.0 / np.tan(np.radians(40.0)) / 111_260.0),
        "lon_deg": 23.5 + 1.2 * rows / 68_600.0,
        "alt_hae_m": np.full(count, GROUND_M + 100.0),
        "yaw_deg": 90.0 + 2.0 * np.sin(rows / 30.0),
        "pitch_deg": np.full(count, -3.0),
        "roll_deg": 2.0 * np.sin(rows / 17.0),
        "gimbal_yaw_deg": np.zeros(count),
        "gimbal_pitch_deg": np.full(count, -40.0),
    }


class _Sender(threading.Thread):
    """Sends a film once at its own pace, and remembers when each datagram left."""

    def __init__(self, film: Path, port: int) -> None:
        super().__init__(daemon=True)
        self._datagrams = list(timed_datagrams(film.read_bytes()))
        self._port = port
        self.left_s: list[float] = []

    def run(self) -> None:
        """Send."""
        began = time.monotonic()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for due_s, datagram in self._datagrams:
                time.sleep(max(0.0, due_s - (time.monotonic() - began)))
                self.left_s.append(time.monotonic())
                out.sendto(datagram, ("127.0.0.1", self._port))


def _begins(film: Path) -> dict[int, int]:
    """Return in which datagram each picture of a film begins, by its media time in nanoseconds."""
    import av

    with av.open(str(film)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.pts is not None]
        return {round(packet.pts * packet.time_base * 1_000_000_000): packet.pos // DATAGRAM for packet in packets}


def _seen(operation: Path, watch: subprocess.Popen[str]) -> Iterator[tuple[int, float]]:
    """Yield media time and moment of every analysed frame that appears in an operation while it is watched."""
    known: set[int] = set()
    head = b""
    while watch.poll() is None:
        time.sleep(LOOK_S)
        with contextlib.suppress(OSError, VedetteError):
            now = (operation / HEAD_FILE).read_bytes()
            if now == head:
                continue
            head = now
            with OperationStore.open(operation, actor="benchmark", clock=lambda: 0, read_only=True) as store:
                times = set(store.frames().media_t_ns.tolist())
            moment = time.monotonic()
            yield from ((media_ns, moment) for media_ns in times - known)
            known |= times


def watched(film: Path, folder: Path) -> tuple[dict[str, Any], np.ndarray]:
    """Watch a film that is sent at its own pace; what the command says, and the delays that another process saw."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    operation = folder / "live"
    command = [sys.executable, "-m", "vedette", "watch", f"udp://127.0.0.1:{port}", "--out", str(operation)]
    options = ["--flat-alt-amsl-m", str(GROUND_M), "--no-catch-up", "--json"]
    sender, begins = _Sender(film, port), _begins(film)
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as watch:
        while not (operation / HEAD_FILE).exists() and watch.poll() is None:
            time.sleep(LOOK_S)
        time.sleep(1.0)
        sender.start()
        threading.Thread(target=_end, args=(sender, watch), daemon=True).start()
        delays = [moment - sender.left_s[begins[media_ns]] for media_ns, moment in _seen(operation, watch)]
        said = json.loads(watch.stdout.read())
    return said, np.array(delays)


def _end(sender: _Sender, watch: subprocess.Popen[str]) -> None:
    sender.join()
    time.sleep(2.0)
    watch.send_signal(signal.SIGINT)


class _Blind:
    """A detector that looks at nothing: what is left is reading, posing, placing ground, and writing."""

    class_names = ("person",)

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        """Find nothing."""
        nothing = np.zeros((0, 4), np.float32)
        return [
            Detections(boxes_px=nothing, classes=np.zeros(0, np.int64), scores=np.zeros(0, np.float32)) for _ in images
        ]


def read_in(film: Path, folder: Path) -> float:
    """Return how many times faster than real time a film is read into an operation, three pictures a second."""
    settings = IngestSettings(terrain=FlatTerrain(height_m=GROUND_M), every_s=1.0 / 3.0)
    began = time.monotonic()
    with OperationStore.create(folder / "read", name="read", actor="benchmark", clock=time.time_ns) as store:
        ingest(film, IngestJob(store=store, detector=_Blind(), model="none", settings=settings))
    return SECONDS / (time.monotonic() - began)


def run() -> list[Row]:
    """Measure the delay of a live stream, and the speed of reading its film without the network's part."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        film = folder / "film.ts"
        write_film(film)
        speed = read_in(film, folder)
        said, seen_s = watched(film, folder)
    seen = float(np.percentile(seen_s, 95)) if len(seen_s) else float("inf")
    rate = said["frames"] / SECONDS
    share = 100.0 * said["dropped_share"]
    pace = f"{rate:.1f} pictures/s analysed, {share:.1f} % of those due left out"
    what = f"720p30 watched: arrival to committed row, 95 %, {pace}"
    return [
        Row(what=what, ours=said["delay_p95_s"], rival=2.0, rival_name="budget", unit="s", goal="1x"),
        Row(
            what="the same, as another process sees it", ours=seen, rival=2.0, rival_name="budget", unit="s", goal="1x"
        ),
        Row(
            what="720p30 ingested, three pictures a second, without the network",
            ours=speed,
            rival=8.0,
            rival_name="budget",
            unit="x real time",
            goal="1x",
            higher_is_better=True,
        ),
    ]
