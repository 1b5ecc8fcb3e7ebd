"""Streams that lose datagrams, change their pictures' size or codec, or begin their clock anew, end to end."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading

import numpy as np
import pytest

from telemetry.live.live_reader import LiveReader
from telemetry.live.open_link import LinkOptions
from telemetry.live.recorder_file import SegmentRecorder

DATAGRAM = 7 * 188
PATIENCE_S = 60.0


def datagrams(path):
    data = path.read_bytes()
    data = data[: len(data) // DATAGRAM * DATAGRAM]
    return [data[place : place + DATAGRAM] for place in range(0, len(data), DATAGRAM)]


@contextlib.contextmanager
def sending(parts, port):
    """Send datagrams, some milliseconds apart, until they end or nobody listens any more."""
    over = threading.Event()

    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for part in parts:
                out.sendto(part, ("127.0.0.1", port))
                if over.wait(0.006):
                    return

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class InTurn:
    """Datagrams of two streams; the second begins when a frame of the first was seen."""

    def __init__(self, first, second):
        self._first, self._second, self.seen = first, second, threading.Event()

    def __iter__(self):
        yield from self._first
        self.seen.wait(PATIENCE_S)
        yield from self._second


def watched(parts, enough, recorder=None):
    """Return the frames of a stream until there are enough of them, and its state."""
    frames = []
    with LiveReader("udp://127.0.0.1:0", link=LinkOptions(stale_s=30.0), recorder=recorder) as live:
        timer = threading.Timer(PATIENCE_S, live.stop)
        timer.start()
        with sending(parts, live.port):
            for frame in live.frames():
                frames.append(frame)
                if isinstance(parts, InTurn):
                    parts.seen.set()
                if enough(frames):
                    break
        timer.cancel()
        return frames, live.state


def sizes(frames):
    return [frame.image.shape[1::-1] for frame in frames]


@pytest.fixture(scope="module")
def other_clip(tmp_path_factory):
    """Return a clip of larger pictures whose clock goes on where the long clip's ends."""
    from fractions import Fraction

    from telemetry.klv import encode
    from telemetry.videos import stream_writer_file

    path = tmp_path_factory.mktemp("other") / "large.ts"
    rng = np.random.default_rng(6)
    begin = stream_writer_file.START_TICKS
    try:
        stream_writer_file.START_TICKS = begin + 36 * 90_000
        with stream_writer_file.StreamWriter(path, width_px=320, height_px=240, fps=Fraction(7)) as writer:
            for k in range(140):
                image = rng.integers(0, 255, (240, 320, 3), dtype=np.uint8)
                moment = 1_700_000_036_000_000_000 + k * 142_857_000
                values = {2: moment // 1000, 5: 10.0, 90: 0.0, 91: 0.0, 13: 50.0, 14: 8.0, 75: 300.0, 18: 0.0}
                writer.write(image, moment, encode({**values, 19: -30.0, 20: 0.0, 16: 40.0, 17: 30.0, 65: 19}))
    finally:
        stream_writer_file.START_TICKS = begin
    return path


@pytest.fixture(scope="module")
def rarely_whole(tmp_path_factory):
    """Return a clip of 300 pictures of which two need no other: the first, and the one at two thirds."""
    import av

    path = tmp_path_factory.mktemp("rare") / "rare.ts"
    with av.open(str(path), "w", format="mpegts") as target:
        options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "scenecut=0"}
        stream = target.add_stream("libx264", rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 320, 240, "yuv420p", 200
        rng = np.random.default_rng(8)
        for _ in range(300):
            coarse = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
            image = av.VideoFrame.from_ndarray(coarse.repeat(40, axis=0).repeat(40, axis=1), format="rgb24")
            target.mux(stream.encode(image))
        target.mux(stream.encode(None))
    return path


def test_a_decoder_is_not_ended_while_it_waits_for_a_picture_that_can_be_read_alone(rarely_whole, monkeypatch):
    monkeypatch.setattr("telemetry.live.live_reader.OPEN_S", 0.3)
    whole = datagrams(rarely_whole)
    joined = whole[len(whole) // 30 :]
    told = []
    with LiveReader(
        "udp://127.0.0.1:0", link=LinkOptions(stale_s=0.3), on_state=lambda state: told.append(state.stale)
    ) as live:
        timer = threading.Timer(PATIENCE_S, live.stop)
        timer.start()
        with sending(joined, live.port):
            frame = next(live.frames(), None)
        timer.cancel()
        assert frame is not None, "ended and begun anew, each time behind the picture that it needs"
        assert (live.state.restarts, frame.segment) == (0, 0)
    assert told[:1] == [True]
    assert any("read alone" in problem.message for problem in live.problems)


def test_one_datagram_in_twenty_is_lost_and_the_rest_is_read(long_clip, tmp_path):
    rng = np.random.default_rng(5)
    whole = datagrams(long_clip.path)
    sent = []

    def lossy():
        for part in itertools.cycle(whole):
            if rng.random() >= 0.05:
                sent.append(part)
                yield part

    with SegmentRecorder(tmp_path / "record", clock=lambda: 0) as recorder:
        frames, state = watched(lossy(), lambda frames: sum(f.pose is not None for f in frames) >= 20, recorder)
    posed = [frame for frame in frames if frame.pose is not None]
    assert len(posed) >= 20
    assert state.klv_packets > 20
    for frame in posed:
        nearest = min(range(240), key=lambda k: abs(long_clip.times_ns[k] - frame.t_utc_ns))
        assert abs(long_clip.times_ns[nearest] - frame.t_utc_ns) < 20_000, "a picture is not dated by another's packet"
    record = b"".join((tmp_path / "record" / segment.name).read_bytes() for segment in recorder.segments)
    assert record == b"".join(sent)[: len(record)]


def test_pictures_that_change_their_size_go_on_in_one_piece(long_clip, other_clip):
    parts = InTurn(datagrams(long_clip.path), datagrams(other_clip))
    frames, state = watched(parts, lambda frames: sizes(frames).count((320, 240)) >= 3)
    assert {(160, 120), (320, 240)} == set(sizes(frames))
    assert state.restarts == 0
    large = [frame for frame in frames if frame.image.shape[1] == 320 and frame.pose is not None]
    assert large
    assert large[0].camera is None or large[0].camera.width_px == 320


def test_another_codec_is_another_piece(long_clip, tmp_path):
    import av

    path = tmp_path / "mpeg2.ts"
    with av.open(str(path), "w", format="mpegts") as target:
        stream = target.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 320, 240, "yuv420p", 5
        rng = np.random.default_rng(7)
        for _ in range(400):
            coarse = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)  # small pictures: the reader looks into megabytes
            image = av.VideoFrame.from_ndarray(coarse.repeat(40, axis=0).repeat(40, axis=1), format="rgb24")
            target.mux(stream.encode(image))
        target.mux(stream.encode(None))
    parts = InTurn(datagrams(long_clip.path), itertools.cycle(datagrams(path)))
    frames, state = watched(parts, lambda frames: sizes(frames).count((320, 240)) >= 3)
    assert sizes(frames).count((320, 240)) >= 3
    assert state.restarts >= 1, "and once more where the clip begins anew before it is understood"
    assert [frame.segment > 0 for frame in frames] == [size == (320, 240) for size in sizes(frames)]


def test_a_clock_that_begins_anew_is_another_piece_with_poses_of_its_own(long_clip):
    whole = datagrams(long_clip.path)
    late = whole[len(whole) // 2 :]
    frames, state = watched(InTurn(late, whole), lambda frames: sum(f.segment for f in frames) >= 3)
    assert state.restarts == 1
    for frame in frames:
        if frame.pose is not None:
            k = min(range(240), key=lambda k: abs(long_clip.times_ns[k] - frame.t_utc_ns))
            assert frame.pose.yaw_deg % 360.0 == pytest.approx(long_clip.yaws_deg[k] % 360.0, abs=0.05)
    first = [frame for frame in frames if frame.segment == 1]
    assert float(first[0].pts_s) < float(frames[0].pts_s)
