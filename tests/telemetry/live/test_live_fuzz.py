"""Damaged bytes into every reader of a live link and of calibration files: our own errors, or nothing."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as dialect

from telemetry.live.byte_link import PacketAligner
from telemetry.live.datagram_link import strip_rtp
from telemetry.live.link_clock import LinkClock
from telemetry.live.link_poses import LinkPoses
from telemetry.live.rtsp_gate import AnswerFilter
from telemetry.live.stream_restart import RestartWatch
from telemetry.recordings.camera_file import read_camera
from telemetry.recordings.known_points_file import read_known_points
from telemetry.recordings.mounts import parse_mount
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


def read_link(stream):
    aligner, watch = PacketAligner(), RestartWatch()
    blocks = [*aligner.feed(stream), aligner.flush()]
    assert b"".join(blocks) == stream
    for block in blocks:
        watch.restarted(block)


def read_answers(answers):
    assert len(AnswerFilter().feed(answers)) <= len(answers)


def test_nothing_foreign_comes_out_of_a_link(fuzz, clip):
    fuzz.begin(21)
    packets = clip.path.read_bytes()[: 188 * 20]
    fuzz.each([packets], read_link)
    fuzz.each([b"\x80\x21" + bytes(10) + packets[:188]], strip_rtp)
    fuzz.each([ANSWERS], read_answers)


@pytest.mark.parametrize(
    ("seed", "read"),
    [(CAMERA, read_camera), (MARKS, lambda path: read_known_points(path, egm96)), (b"0,-45,0,level", None)],
    ids=["camera", "known points", "mount"],
)
def test_nothing_foreign_comes_out_of_what_a_person_states(fuzz, tmp_path, seed, read):
    fuzz.begin(28)
    path = tmp_path / "stated"

    def use(data):
        if read is None:
            parse_mount(data.decode("utf-8", "replace"))
        else:
            path.write_bytes(data)
            read(path)

    fuzz.each([seed], use)


def test_any_messages_over_a_link_give_a_track_or_a_reason(fuzz):
    fuzz.begin(22)
    rng = fuzz.rng(22)
    for _ in range(fuzz.inputs):
        poses = LinkPoses("udp:fuzz")
        clock = LinkClock()
        for k, frame in enumerate(fuzz.messages(6)):
            with contextlib.suppress(dialect.MAVError):
                message = dialect.MAVLink(None).decode(bytearray(frame))
                poses.feed(message, received_us=1_700_000_000_000_000 + k * 50_000)
        track = poses.track()
        assert track is not None or poses.why
        if track is not None and len(track) > 1:
            assert (np.diff(track.t_utc_ns) > 0).all()
            clock.arrived(1.0, int(track.t_utc_ns[0]))
            for step in range(25):
                clock.turned((step / 10, float(rng.normal()), float(rng.normal())))
            clock.compare(track)
            assert clock.segment(0.0, 1.0) is not None
