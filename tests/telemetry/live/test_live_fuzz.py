"""Mutated bytes into every reader of a live link and of calibration files: our own errors, or nothing."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from geo.errors import VedetteError
from telemetry.live.byte_link import PacketAligner
from telemetry.live.datagram_link import strip_rtp
from telemetry.live.rtsp_gate import AnswerFilter
from telemetry.live.stream_restart import RestartWatch
from telemetry.recordings.camera_file import read_camera
from telemetry.recordings.known_points_file import read_known_points
from telemetry.tracks.datums import egm96

ANSWERS = (
    b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 12\r\n\r\nv=0\r\no=x\r\ns=y$\x00\x00\x04abcd"
    b"RTSP/1.0 302 Moved\r\nLocation: rtsp://10.0.0.1/live\r\n\r\n"
)
CAMERA = b"""format = 1
[boresight]
yaw_deg = 1.5
pitch_deg = -0.5
roll_deg = 0.0
[lens]
width_px = 640
height_px = 360
fx_px = 772.5
fy_px = 772.5
cx_px = 320.0
cy_px = 180.0
k1 = 0.0
k2 = 0.0
k3 = 0.0
p1 = 0.0
p2 = 0.0
[covariance]
matrix = [[1.0,0,0,0,0],[0,1.0,0,0,0],[0,0,1.0,0,0],[0,0,0,1.0,0],[0,0,0,0,1.0]]
"""
MARKS = b"media_s,u_px,v_px,lat_deg,lon_deg,alt_amsl_m\n1.0,320.5,180.5,50.0,8.0,120.0\n2.0,1,2,50.1,8.1,1e3\n"


def mutated(data, rng):
    """Flip, cut, double and swap pieces of bytes."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        at, size = int(rng.integers(0, len(out) + 1)), int(rng.integers(1, 40))
        choice = rng.integers(0, 4)
        if choice == 0:
            out[at : at + size] = rng.integers(0, 256, len(out[at : at + size]), dtype=np.uint8).tobytes()
        elif choice == 1:
            del out[at : at + size]
        elif choice == 2:
            out[at:at] = out[at : at + size]
        else:
            out[at:at] = rng.integers(0, 256, size, dtype=np.uint8).tobytes()
        out = out or bytearray(b"x")
    return bytes(out)


def try_bytes(clip_bytes, rng, tmp_path):
    """Put one mutation of each kind of input through its reader."""
    stream = mutated(clip_bytes, rng)
    aligner, watch = PacketAligner(), RestartWatch()
    blocks = [*aligner.feed(stream), aligner.flush()]
    assert b"".join(blocks) == stream
    for block in blocks:
        watch.restarted(block)
    strip_rtp(mutated(b"\x80\x21" + bytes(10) + clip_bytes[:188], rng))
    answers = mutated(ANSWERS, rng)
    gate = AnswerFilter()
    assert len(gate.feed(answers)) <= len(answers)
    for name, data, read in (
        ("camera.toml", CAMERA, read_camera),
        ("marks.csv", MARKS, lambda path: read_known_points(path, egm96)),
    ):
        (tmp_path / name).write_bytes(mutated(data, rng))
        with contextlib.suppress(VedetteError):
            assert read(tmp_path / name) is not None


@pytest.mark.parametrize("count", [1_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_nothing_foreign_comes_out(clip, rng, tmp_path, count):
    whole = clip.path.read_bytes()[: 188 * 20]
    for _ in range(count):
        try_bytes(whole, rng, tmp_path)
