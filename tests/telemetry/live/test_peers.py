"""Streams sent by programs that are not ours: FFmpeg, GStreamer's RTSP server, srt-live-transmit."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from geo.errors import RefusedError
from telemetry.live.live_reader import LiveReader
from telemetry.live.open_link import LinkOptions
from telemetry.live.recorder_file import SegmentRecorder
from telemetry.live.rtsp_gate import AnswerFilter
from telemetry.videos.video_file import read_video

SYSTEM_PYTHON = "/usr/bin/python3"
PATIENCE_S = 90.0


def tool(name):
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def running(*command, **how):
    process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, **how)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def sender(source, target, *options):
    quiet = ["-hide_banner", "-loglevel", "error"]
    return running(
        tool("ffmpeg"), *quiet, "-re", "-stream_loop", "-1", "-i", source, "-map", "0", "-c", "copy", *options, target
    )


def watched(url, tmp_path, *, posed=2, link=None):
    """Return the frames until enough have a pose (or have come at all, for 0), and what was recorded."""
    frames = []
    with (
        SegmentRecorder(tmp_path / "record", clock=lambda: 0) as recorder,
        LiveReader(url, recorder=recorder, link=dataclasses.replace(link or LinkOptions(), stale_s=20.0)) as live,
    ):
        timer = threading.Timer(PATIENCE_S, live.stop)
        timer.start()
        for frame in live.frames():
            frames.append(frame)
            if len(frames) >= 2 and sum(one.pose is not None for one in frames) >= posed:
                break
        timer.cancel()
        why = live.waiting_for, live.problems
    assert len(frames) >= 2, why
    assert sum(one.pose is not None for one in frames) >= posed, why
    return frames, [tmp_path / "record" / segment.name for segment in recorder.segments]


def reads_back(path):
    with read_video(path) as reader:
        return sum(1 for _ in reader.frames())


def test_ffmpeg_sends_datagrams(long_clip, tmp_path):
    port = free_port(socket.SOCK_DGRAM)
    with sender(long_clip.path, f"udp://127.0.0.1:{port}?pkt_size=1316", "-f", "mpegts"):
        _, segments = watched(f"udp://127.0.0.1:{port}", tmp_path)
    assert reads_back(segments[0]) >= 1


def test_ffmpeg_is_called_over_tcp(long_clip, tmp_path):
    port = free_port()
    with sender(long_clip.path, f"tcp://127.0.0.1:{port}?listen=1", "-f", "mpegts"):
        _, segments = watched(f"tcp://127.0.0.1:{port}", tmp_path)
    assert reads_back(segments[0]) >= 1


def test_ffmpeg_pushes_rtmp_to_us(long_clip, tmp_path):
    port = free_port()
    quiet = [tool("ffmpeg"), "-hide_banner", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", long_clip.path]
    push = [*quiet, "-map", "0:v", "-c", "copy", "-f", "flv", f"rtmp://127.0.0.1:{port}/live/one"]
    stop = threading.Event()

    def keep_pushing():
        while not stop.is_set():
            with running(*push) as process:
                while process.poll() is None and not stop.wait(0.2):
                    pass

    pusher = threading.Thread(target=keep_pushing, daemon=True)
    pusher.start()
    try:
        frames, segments = watched(f"rtmp://0.0.0.0:{port}/live/one", tmp_path, posed=0)
    finally:
        stop.set()
        pusher.join()
    assert frames[0].pose_reason
    assert reads_back(segments[0]) >= 1


def test_srt_comes_through_the_system_program(long_clip, tmp_path):
    tool("srt-live-transmit")
    port = free_port(socket.SOCK_DGRAM)
    with sender(long_clip.path, f"srt://127.0.0.1:{port}?mode=listener", "-f", "mpegts"):
        _, segments = watched(f"srt://127.0.0.1:{port}?mode=caller", tmp_path)
    assert reads_back(segments[0]) >= 1


@pytest.fixture
def rtsp():
    """Return the port of a GStreamer server, or skip."""
    asked = "import gi; gi.require_version('GstRtspServer', '1.0')"
    if (
        not Path(SYSTEM_PYTHON).exists()
        or subprocess.run([SYSTEM_PYTHON, "-c", asked], check=False, capture_output=True).returncode
    ):
        pytest.skip("GStreamer's RTSP server is not installed (gir1.2-gst-rtsp-server-1.0, python3-gi)")
    script = Path(__file__).with_name("rtsp_server.py")
    with running(SYSTEM_PYTHON, script, stdout=subprocess.PIPE, env={"PATH": "/usr/bin"}) as process:
        yield int(process.stdout.readline())


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_gstreamer_serves_rtsp(rtsp, tmp_path, transport):
    link = LinkOptions(rtsp_transport=transport)
    frames, segments = watched(f"rtsp://127.0.0.1:{rtsp}/live", tmp_path, posed=0, link=link)
    assert reads_back(segments[0]) >= 1
    assert frames[0].image.shape == (240, 320, 3)


def one_answer(answer):
    """Answer the first RTSP request on a port with fixed bytes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            peer, _ = listener.accept()
            with peer:
                request = peer.recv(4096)
                number = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"cseq"))
                peer.sendall(answer.replace(b"CSEQ", number))
                peer.recv(4096)

    threading.Thread(target=serve, daemon=True).start()
    return listener


def test_a_redirection_to_where_nobody_may_go_is_refused():
    answer = b"RTSP/1.0 302 Moved\r\nCSEQ\r\nLocation: rtsp://169.254.169.254/latest\r\n\r\n"
    with one_answer(answer) as listener:
        port = listener.getsockname()[1]
        with LiveReader(f"rtsp://127.0.0.1:{port}/live") as live, pytest.raises(RefusedError, match=r"169\.254"):
            list(live.frames())


def test_an_answer_is_followed_message_by_message(rng):
    header = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 40\r\n\r\n"
    body = b"RTSP/1.0 302 no header, only a body here"
    frame = b"$\x00\x00\x18" + b"RTSP/1.0 302 in a frame!"
    setup = b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;source=10.0.0.9;server_port=1-2\r\n\r\n"
    whole, passed, answers = header + body[:40] + frame + setup, b"", AnswerFilter()
    place = 0
    while place < len(whole):
        size = int(rng.integers(1, 30))
        passed += answers.feed(whole[place : place + size])
        place += size
    assert passed == (header + body[:40] + frame + setup).replace(b";source=10.0.0.9", b"")
    assert (answers.redirect, answers.broken) == ("", False)
    assert answers.feed(b"RTSP/1.0 301 Moved\r\nLocation: rtsp://h/x\r\n\r\n") == b""
    assert answers.redirect == "rtsp://h/x"


def test_endless_headers_end_the_gate(rng):
    answers = AnswerFilter()
    for _ in range(100):
        answers.feed(rng.integers(0, 255, 1000, dtype="uint8").tobytes().replace(b"$", b"x").replace(b"\r\n\r\n", b""))
    assert answers.broken or answers.redirect or len(answers._held) <= 1 << 17
