"""Eight hours of a stream, as quickly as the machine allows: what watching holds in memory does not grow."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from detection.values import Detections
from geo.terrain import FlatTerrain
from operations.ingest import IngestSettings
from operations.store import OperationStore
from operations.watching import WatchJob, watch
from sitl.films.live_film import DatagramSink
from telemetry.klv import encode
from telemetry.live.live_reader import LiveReader
from telemetry.live.open_link import LinkOptions
from telemetry.live.recorder_file import SegmentRecorder
from telemetry.videos.stream_writer_file import StreamWriter

HOURS = float(os.environ.get("VEDETTE_SOAK_HOURS", "8"))
LONGEST_S = float(os.environ.get("VEDETTE_SOAK_SECONDS", "3600"))
PAUSE_S = float(os.environ.get("VEDETTE_SOAK_PAUSE_S", "0.004"))
"""What the camera waits between pictures: the longer, the more of them are analysed, and the longer it takes."""
FPS, RESTARTS = 3, 4
MOST_GROWTH_MB = 40.0
START_NS = 1_767_229_200_000_000_000


class Finds:
    """A detector that finds one that stands and one that walks."""

    class_names = ("person",)

    def __init__(self):
        self.seen = 0

    def detect(self, images):
        self.seen += len(images)
        left = 20.0 + self.seen % 100
        boxes = np.array([[left, 40.0, left + 8.0, 60.0], [30.0, 80.0, 38.0, 100.0]], np.float32)
        return [Detections(boxes_px=boxes, classes=np.zeros(2, np.int64), scores=np.full(2, 0.9, np.float32))] * len(
            images
        )


class Camera(threading.Thread):
    """Sends so many hours of pictures and KLV one after another; its clock begins anew some times on the way."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self._port, self.sent = port, 0
        self.over = threading.Event()

    def run(self):
        with contextlib.closing(DatagramSink("127.0.0.1", self._port)) as sink:
            for piece in range(RESTARTS):
                if not self.over.is_set():
                    self._send(sink, piece)

    def _send(self, sink, piece):
        each = int(HOURS * 3600 * FPS / RESTARTS)
        pictures = np.random.default_rng(1).integers(0, 255, (8, 120, 160, 3), dtype=np.uint8)
        with StreamWriter(sink, width_px=160, height_px=120, fps=Fraction(FPS)) as writer:
            for k in range(each):
                moment = START_NS + (piece * (each + 100) + k) * 10**9 // FPS // 1000 * 1000
                values = {2: moment // 1000, 5: 10.0, 6: 0.0, 7: 0.0, 13: 50.0 + k * 1e-7, 14: 8.0, 104: 300.0}
                klv = encode({**values, 18: 0.0, 19: -60.0, 20: 0.0, 16: 40.0, 17: 30.0, 65: 19})
                writer.write(pictures[k % 8], moment, klv)
                sink.flush()
                self.sent += 1
                if self.over.wait(PAUSE_S):
                    return


def resident_mb():
    """Return what this process holds; decoding has a process and a limit of its own."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def stop_after(camera, reader):
    """Stop reading when everything was sent, and what is on its way has come."""
    camera.join()
    time.sleep(5.0)
    reader.stop()


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_night_of_a_stream_is_watched_in_flat_memory(tmp_path):
    settings = IngestSettings(terrain=FlatTerrain(height_m=200.0), every_s=1.0 / FPS)
    held, begun = [], time.monotonic()
    with (
        OperationStore.create(tmp_path / "op", name="soak", actor="test", clock=time.time_ns) as store,
        SegmentRecorder(tmp_path / "record", clock=time.time_ns) as recorder,
        LiveReader(
            "udp://127.0.0.1:0", recorder=recorder, options=settings.reading(), link=LinkOptions(stale_s=30.0)
        ) as reader,
    ):
        camera = Camera(reader.port)
        camera.start()
        longest = threading.Timer(LONGEST_S, reader.stop)
        longest.start()
        threading.Thread(target=stop_after, args=(camera, reader), daemon=True).start()

        def look(run):
            held.append((time.monotonic() - begun, camera.sent / FPS / 3600, resident_mb()))

        job = WatchJob(store=store, detector=Finds(), model="two", settings=settings, recording=recorder)
        done = watch(reader, job, on_commit=look)
        longest.cancel()
        camera.over.set()
        camera.join(60.0)
    at_s, hours, mb = np.array(held).T
    for hour in range(int(hours[-1]) + 1):
        print(f"{hour} h: {mb[np.searchsorted(hours, hour)]:.0f} MB")
    settled, end = mb[at_s > at_s[-1] * 0.2], mb[at_s > at_s[-1] * 0.9]
    first, last = settled[:5].mean(), end.mean()
    print(f"{camera.sent / FPS / 3600:.2f} h sent in {at_s[-1]:.0f} s; {done.frames} pictures in {len(done.runs)} runs")
    print(f"{first:.0f} MB after a fifth, {last:.0f} MB at the end, {mb.max():.0f} MB at most")
    assert done.frames > 100
    assert last - first < MOST_GROWTH_MB
