"""Metadata tracks inside MP4: written after their makers' public descriptions, muxed by FFmpeg, read back."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import numpy as np
import pytest

from geo.geoid import undulation_m
from telemetry.metadata_tracks.reading import read_metadata_track
from telemetry.metadata_tracks.wire import fields, varint
from telemetry.recordings.container_file import read_layout
from telemetry.recordings.open_recordings import open_recordings
from telemetry.recordings.reading import read
from telemetry.tracks.datums import egm96
from telemetry.tracks.track_errors import SourceError

COUNT = 20


def varint_bytes(value):
    value &= 2**64 - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def field(number, value):
    """Write a protocol buffer field: int as varint, float as fixed 32 bits, ("d", x) as fixed 64, bytes as they are."""
    if isinstance(value, int):
        return varint_bytes(number << 3) + varint_bytes(value)
    if isinstance(value, float):
        return varint_bytes(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, tuple):
        return varint_bytes(number << 3 | 1) + struct.pack("<d", value[1])
    return varint_bytes(number << 3 | 2) + varint_bytes(len(value)) + value


def djmd(index, protocol=b"dvtm_wm265e.proto"):
    """Write one sample as Mavic 3 does: protocol name first, place and airframe under 3-3, camera under 3-4."""
    where = field(1, 1) + field(2, ("d", 48 + index * 1e-5)) + field(3, ("d", 11.0))
    airframe = field(3, field(1, 10) + field(2, -20) + field(3, 900))
    place = field(4, field(1, where) + field(2, 600_000))
    over_home = field(5, field(1, 100_000.0))
    camera = field(4, field(3, field(1, -450) + field(3, 950 + index)))
    head = field(1, field(1, field(1, protocol))) if index == 0 else b""
    return head + field(3, field(3, airframe + place + over_home) + camera)


def camm(index):
    return struct.pack("<HHddd", 0, 5, 48 + index * 1e-5, 11.0, 650.0)


def gpmf_item(key, kind, size, repeat, body):
    return struct.pack(">4scBH", key, kind, size, repeat) + body + bytes(-len(body) % 4)


def gpmd(index):
    fixes = b"".join(
        struct.pack(">5i", round((48 + (index * 2 + k) * 5e-6) * 1e7), 110_000_000, 650_000, 0, 0) for k in range(2)
    )
    stream = (
        gpmf_item(b"GPSF", b"L", 4, 1, struct.pack(">I", 3))
        + gpmf_item(b"GPSU", b"U", 16, 1, f"2405011000{index // 10:02d}.{index % 10}00".encode())
        + gpmf_item(b"SCAL", b"l", 4, 5, struct.pack(">5i", 10**7, 10**7, 1000, 1000, 100))
        + gpmf_item(b"GPS5", b"l", 20, 2, fixes)
    )
    nest = gpmf_item(b"STRM", b"\x00", 1, len(stream), stream)
    return gpmf_item(b"DEVC", b"\x00", 1, len(nest), nest)


def mux(path, samples, name):
    """Write pictures and a data track into MP4 with FFmpeg's muxer, then give its sample entry another name."""
    import av

    with av.open(str(path), "w") as target:
        video = target.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        data = target.add_data_stream("bin_data")
        data.time_base = Fraction(1, 1000)
        for index, sample in enumerate(samples):
            image = np.full((120, 160, 3), 60 + index, dtype=np.uint8)
            target.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            packet = av.Packet(sample)
            packet.stream, packet.time_base = data, Fraction(1, 1000)
            packet.pts = packet.dts = index * 100
            packet.duration = 100
            target.mux(packet)
        target.mux(video.encode(None))
    path.write_bytes(path.read_bytes().replace(b"gpmd", name))
    return path


@pytest.mark.parametrize(
    ("name", "sample", "whole", "height"),
    [(b"djmd", djmd, True, "amsl"), (b"camm", camm, False, "hae"), (b"gpmd", gpmd, False, "hae")],
)
def test_a_track_inside_a_clip_poses_it(tmp_path, name, sample, whole, height):
    path = mux(tmp_path / "clip.mp4", [sample(i) for i in range(COUNT)], name)
    assert [track.format for track in read_layout(path).tracks] == ["avc1", name.decode()]
    (recording,) = open_recordings(path).recordings
    with read(recording) as reader:
        frames = list(reader.frames())
        track = reader.posing.tracks[0]
    assert len(frames) == COUNT
    assert track.lat_deg[0] == pytest.approx(48.0, abs=1e-7)
    assert track.lat_deg[-1] == pytest.approx(48 + 19 * 1e-5, abs=1e-5)
    geoid = float(undulation_m(48.0, 11.0))
    stated = track.alt_amsl_m[0] if height == "amsl" else track.alt_hae_m[0]
    assert stated == pytest.approx(600.0 if height == "amsl" else 650.0, abs=0.01)
    assert track.alt_hae_m[0] - track.alt_amsl_m[0] == pytest.approx(geoid, abs=0.05)
    if not whole:
        assert all("positions only" in frame.pose_reason for frame in frames)
        return
    for frame in frames:
        assert frame.pose.lat_deg == pytest.approx(48 + frame.index * 1e-5, abs=1e-7)
        assert frame.pose.gimbal_yaw_deg == pytest.approx(95.0 + frame.index / 10, abs=0.01)
        assert (frame.pose.gimbal_pitch_deg, frame.pose.pitch_deg) == (pytest.approx(-45.0), pytest.approx(-2.0))
    assert track.beside["alt_rel_home_m"][0] == pytest.approx(100.0)


def test_gopro_fixes_are_dated(tmp_path):
    found = read_metadata_track(
        "gpmd", np.arange(COUNT) / 10, [gpmd(i) for i in range(COUNT)], start_utc_ns=0, undulation=egm96
    )
    assert found.dated
    assert found.t_utc_ns[0] == 1_714_557_600_000_000_000
    assert len(found.track) == 2 * COUNT


@pytest.mark.parametrize("protocol", [b"dvtm_wm999.proto", b"no protocol at all"])
def test_an_aircraft_whose_fields_are_not_public_is_named_and_unread(tmp_path, protocol):
    path = mux(tmp_path / "clip.mp4", [djmd(i, protocol) for i in range(5)], b"djmd")
    (recording,) = open_recordings(path).recordings
    with read(recording) as reader:
        assert "known meaning" in reader.recording.unused[0].why
        assert not reader.recording.used


def test_a_debug_track_is_present_and_unread(tmp_path):
    path = mux(tmp_path / "clip.mp4", [b"whatever"] * 5, b"dbgi")
    (recording,) = open_recordings(path).recordings
    with read(recording) as reader:
        assert "present and unread" in reader.recording.unused[0].why


def quaternion(yaw, pitch):
    cy, sy, cp, sp = math.cos(yaw / 2), math.sin(yaw / 2), math.cos(pitch / 2), math.sin(pitch / 2)
    return cy * cp, -sy * sp, cy * sp, sy * cp


def anafi(index):
    look = [round(part * 2**14) for part in quaternion(math.radians(40.0), math.radians(-30.0))]
    level = [2**14, 0, 0, 0]
    altitude = round(600.0 * 256) << 8 | 12
    body = struct.pack(
        ">iiii4h4h4h4hHHHHHH",
        0, round(48 * 2**22) + index, round(11 * 2**22), altitude, 0, 0, 0, 0, *level, *level, *look,
        0, 100, 0, 0, round(69.0 * 256), round(42.0 * 256),
    )  # fmt: skip
    return struct.pack(">HH", 0x5033, len(body) // 4) + body


def test_parrot_version_3():
    found = read_metadata_track(
        "mett application/octet-stream;type=com.parrot.videometadata3",
        np.arange(COUNT) / 30,
        [anafi(i) for i in range(COUNT)],
        start_utc_ns=10**18,
        undulation=egm96,
    )
    track = found.track
    assert track.lat_deg[0] == pytest.approx(48.0, abs=1e-6)
    assert (track.alt_amsl_m[0], track.hfov_deg[0], track.vfov_deg[0]) == (600.0, 69.0, 42.0)
    assert track.gimbal_yaw_deg[0] == pytest.approx(40.0, abs=0.02)
    assert track.gimbal_pitch_deg[0] == pytest.approx(-30.0, abs=0.02)


def test_parrot_protocol_buffers():
    look = b"".join(
        field(k + 1, float(part)) for k, part in enumerate(quaternion(math.radians(40.0), math.radians(-30.0)))
    )
    place = field(1, ("d", 48.0)) + field(2, ("d", 11.0)) + field(3, ("d", 646.0)) + field(5, 0.5)
    sample = field(1, field(2, place) + field(13, ("d", 80.0))) + field(
        2, field(3, look) + field(8, 1.2) + field(10, 1_714_557_600_000_000) + field(11, 1000)
    )
    found = read_metadata_track(
        "mett application/octet-stream;type=com.parrot.videometadataproto",
        np.array([0.0]),
        [sample],
        start_utc_ns=0,
        undulation=egm96,
    )
    assert found.dated
    assert found.t_utc_ns[0] == 1_714_557_600_000_000_000
    track = found.track
    assert (track.alt_hae_m[0], track.sigma_h_m[0]) == (646.0, 0.5)
    assert track.gimbal_yaw_deg[0] == pytest.approx(40.0, abs=0.01)
    assert track.hfov_deg[0] == pytest.approx(math.degrees(1.2), abs=1e-4)


def test_tracks_without_a_fix_say_so():
    with pytest.raises(SourceError, match="no fix"):
        read_metadata_track("camm", np.array([0.0]), [b"\x00\x00\x02\x00"], start_utc_ns=0, undulation=egm96)
    with pytest.raises(SourceError, match="present and unread"):
        read_metadata_track("xyzw", np.array([0.0]), [b""], start_utc_ns=0, undulation=egm96)


def test_wire_numbers():
    assert varint(varint_bytes(300), 0) == (300, 2)
    assert varint(b"\xff" * 12, 0) == (0, -1)
    assert list(fields(field(7, 5) + field(9, b"ab") + b"\x12\xff")) == [(7, 5), (9, b"ab")]
