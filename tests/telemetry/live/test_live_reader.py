"""Live streams on the loopback: what is sent is recorded byte for byte, and read through stalls and restarts."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import threading
import time

import numpy as np
import pytest

from geo.errors import RefusedError
from telemetry.errors import MediaError
from telemetry.klv import encode
from telemetry.live.datagram_link import strip_rtp
from telemetry.live.live_reader import LiveReader
from telemetry.live.live_telemetry import LiveTelemetry
from telemetry.live.open_link import LinkOptions
from telemetry.live.recorder_file import SegmentRecorder
from telemetry.recordings.reading_options import ReadingOptions

DATAGRAM = 7 * 188


def rtp(payload, number):
    return bytes((0x80, 33)) + number.to_bytes(2, "big") + bytes(8) + payload


class Sender:
    """Sends a transport stream round and round until it is stopped; can be made silent."""

    def __init__(self, data, port, *, wrap=lambda payload, number: payload, rounds=None):
        self._data, self._port, self._wrap, self._rounds = data, port, wrap, rounds
        self._stop = threading.Event()
        self.silent = threading.Event()
        self.sent = bytearray()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        number = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            rounds = 0
            while not self._stop.is_set() and rounds != self._rounds:
                rounds += 1
                for place in range(0, len(self._data), DATAGRAM):
                    while self.silent.is_set() and not self._stop.is_set():
                        self._stop.wait(0.01)
                    payload = self._data[place : place + DATAGRAM]
                    out.sendto(self._wrap(payload, number % 65536), ("127.0.0.1", self._port))
                    self.sent += payload
                    number += 1
                    if self._stop.wait(0.004):
                        return


@pytest.mark.parametrize(("scheme", "wrap"), [("udp", lambda payload, number: payload), ("rtp", rtp)])
def test_live_frames_have_poses_and_the_record_has_every_byte(long_clip, tmp_path, scheme, wrap):
    with (
        SegmentRecorder(tmp_path / "record", clock=time.time_ns, segment_bytes=20_000) as recorder,
        LiveReader(f"{scheme}://127.0.0.1:0", recorder=recorder, link=LinkOptions(stale_s=10.0)) as live,
        Sender(long_clip.path.read_bytes(), live.port, wrap=wrap) as sender,
    ):
        frames = []
        for frame in live.frames():
            frames.append(frame)
            if sum(frame.pose is not None for frame in frames) > 3:
                break
    posed = [frame for frame in frames if frame.pose is not None]
    for frame in posed:
        k = min(range(240), key=lambda k: abs(long_clip.times_ns[k] - frame.t_utc_ns))
        assert abs(long_clip.times_ns[k] - frame.t_utc_ns) < 20_000
        assert frame.pose.yaw_deg % 360.0 == pytest.approx(long_clip.yaws_deg[k], abs=0.02)
    record = b"".join((tmp_path / "record" / segment.name).read_bytes() for segment in recorder.segments)
    assert len(recorder.segments) >= 2
    assert record == bytes(sender.sent[: len(record)])
    assert len(sender.sent) - len(record) < 20 * DATAGRAM  # what was in the air when we stopped listening


def test_a_stream_that_stalls_is_stale_then_goes_on(long_clip):
    states = []

    def told(state):
        states.append((state.stale, state.restarts))
        if state.stale:
            sender.silent.clear()

    with (
        LiveReader("udp://127.0.0.1:0", link=LinkOptions(stale_s=1.0), on_state=told) as live,
        Sender(long_clip.path.read_bytes(), live.port) as sender,
    ):
        before = after = 0
        for _ in live.frames():
            if not states or not any(stale for stale, _ in states):
                before += 1
                if before == 2:
                    sender.silent.set()
            else:
                after += 1
                if after == 2:
                    break
    assert (before >= 2, after) == (True, 2)
    assert any(stale for stale, _ in states)
    assert states[-1][0] is False
    assert any(problem.kind == "stale" for problem in live.problems)


@pytest.mark.timing
def test_whoever_takes_the_frames_can_act_while_none_comes(long_clip):
    waits = []

    def waited():
        if sender.silent.is_set():
            waits.append(time.monotonic())
            if len(waits) == 8:
                live.stop()

    with (
        LiveReader("udp://127.0.0.1:0", link=LinkOptions(stale_s=60.0)) as live,
        Sender(long_clip.path.read_bytes(), live.port) as sender,
    ):
        frames = live.frames(waited)
        next(frames)
        silent_s = time.monotonic()
        sender.silent.set()
        assert all(frame is not None for frame in frames)
    assert len(waits) == 8
    assert waits[-1] - silent_s < 30.0, "long before the stream is given up"


def test_stopping_ends_a_silent_stream():
    with LiveReader("udp://127.0.0.1:0", link=LinkOptions(stale_s=0.5)) as live:
        threading.Timer(0.3, live.stop).start()
        assert list(live.frames()) == []


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("udp://127.0.0.1", MediaError),
        ("udp://8.8.8.8:5000", RefusedError),
        ("http://127.0.0.1:80/x", RefusedError),
        ("rtsp://u:secret@169.254.169.254/", RefusedError),
    ],
)
def test_live_sources_are_judged_before_anything_is_opened(url, error):
    with pytest.raises(error) as caught, LiveReader(url):
        pass
    assert "secret" not in str(caught.value)


def test_a_network_may_be_allowed_by_name():
    with contextlib.suppress(MediaError), LiveReader("udp://192.0.2.1:0", link=LinkOptions(allowed=("192.0.2.0/24",))):
        pass
    with pytest.raises(RefusedError), LiveReader("udp://8.8.8.8:0", link=LinkOptions(allowed=("192.0.2.0/24",))):
        pass


def test_rtp_headers_of_every_shape_are_taken_off():
    assert strip_rtp(rtp(b"payload", 5)) == b"payload"
    assert strip_rtp(bytes((0x82, 33)) + bytes(10) + bytes(8) + b"payload") == b"payload"
    extended = bytes((0x90, 33)) + bytes(10) + b"\xbe\xde\x00\x01" + bytes(4) + b"payload"
    assert strip_rtp(extended) == b"payload"
    assert strip_rtp(bytes((0xA0, 33)) + bytes(10) + b"payload" + b"\x00\x00\x03") == b"payload"
    assert strip_rtp(b"short") == b""
    assert strip_rtp(bytes(40)) == b""


def test_segments_are_sealed_listed_and_numbered_on(tmp_path):
    clock = iter(range(100, 200)).__next__
    with SegmentRecorder(tmp_path, clock=clock, segment_bytes=10) as recorder:
        for part in (b"123456", b"789012", b"345"):
            recorder.write(part)
    with SegmentRecorder(tmp_path, clock=clock, segment_bytes=10) as again:
        again.write(b"more")
    lines = [json.loads(line) for line in (tmp_path / "segments.jsonl").read_text().splitlines()]
    assert [line["name"] for line in lines] == ["000001.ts", "000002.ts", "000003.ts"]
    for line in lines:
        data = (tmp_path / line["name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == line["sha256"]
        assert len(data) == line["size_bytes"]
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".jsonl", ".ts", ".ts", ".ts"]


def test_a_full_disk_is_one_sentence_and_nothing_half_registered(tmp_path, monkeypatch):
    recorder = SegmentRecorder(tmp_path, clock=lambda: 0)
    recorder.write(b"kept only as a part")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("telemetry.live.recorder_file.os.fsync", full)
    with pytest.raises(MediaError, match="No space left on device"):
        recorder.close()
    assert not (tmp_path / "segments.jsonl").exists()
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]


def test_a_lens_that_a_stream_tells_seldom_is_missed_only_until_it_comes():
    telemetry = LiveTelemetry("udp://here", ReadingOptions())
    missed = []
    for k in range(8):
        values = {2: 1_714_557_600_000_000 + k * 100_000, 5: 1.0, 6: 0.0, 7: 0.0, 13: 50.0, 14: 8.0, 104: 300.0}
        values |= {18: 0.0, 19: -30.0, 20: 0.0} | ({16: 40.0, 17: 30.0} if k == 5 else {})
        telemetry.take({"pts": (k, 10), "shown": (k, 10), "number": 257}, encode(values))
        header = {"pts": (k, 10), "i": k, "w": 160, "h": 120, "notes": []}
        frame = telemetry.frame(header, np.zeros((120, 160, 3), np.uint8), came_ns=0)
        assert frame.pose is not None
        missed.append("no_field_of_view" in telemetry.problems)
    assert missed == [True] * 5 + [False] * 3
