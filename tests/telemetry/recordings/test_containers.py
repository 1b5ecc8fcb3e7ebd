"""Containers by their first bytes: packets however they lie, every demultiplexer's own files, and what is none."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest

from telemetry.klv.klv_file import is_raw_klv
from telemetry.videos.containers import Packing, is_container, packing_of
from telemetry.videos.video_whole_file import how_cut

COUNT = 6


@pytest.fixture(scope="module")
def stream(tmp_path_factory, cards):
    path = tmp_path_factory.mktemp("stream") / "a.ts"
    return cards.write_ts(path, [cards.klv(i, cards.START_US + i * 100_000) for i in range(COUNT)]).read_bytes()


def packets(stream):
    return [stream[at : at + 188] for at in range(0, len(stream), 188)]


LAID = {
    "as they are": lambda stream: stream,
    "with parity behind": lambda stream: b"".join(packet + bytes(16) for packet in packets(stream)),
    "with arrival times": lambda stream: b"".join(struct.pack(">I", i) + p for i, p in enumerate(packets(stream))),
    "begun within a packet": lambda stream: stream[101:],
    "parity, begun within a packet": lambda stream: LAID["with parity behind"](stream)[150:],
}


@pytest.mark.parametrize("how", LAID)
def test_a_transport_stream_is_read_however_its_packets_lie(tmp_path, cards, stream, how):
    path = tmp_path / "clip.bin"
    path.write_bytes(LAID[how](stream))
    ((recording, frames, problems),), left_out = cards.read_all(path)
    assert (left_out, problems) == ((), set())
    assert [track.format for track in recording.streams] == ["0x1b"]
    assert [frame.t_utc_ns for frame in frames] == [cards.START_NS + i * 10**8 for i in range(COUNT)]
    np.testing.assert_allclose([frame.pose.lat_deg for frame in frames], 50.0 + 1e-5 * np.arange(COUNT), atol=1e-7)


def crc(section):
    """Return the check sum of a section, bit by bit (ISO/IEC 13818-1, annex A)."""
    register = 0xFFFFFFFF
    for bit in (byte >> place & 1 for byte in section for place in range(7, -1, -1)):
        register = (register << 1 & 0xFFFFFFFF) ^ (0x04C11DB7 if (register >> 31) ^ bit else 0)
    return register


def with_stream_type(stream, kind):
    """Return a stream whose program map gives its second stream another type and no descriptor."""
    packed = packets(stream)
    for at, packet in enumerate(packed):
        if packet[5:6] == b"\x02" and packet[1] & 0x40:
            body = bytearray(packet[5 : 5 + 3 + ((packet[6] & 0x0F) << 8 | packet[7]) - 4])
            last = len(body) - (5 + 6)
            assert body[last + 5 :] == b"\x05\x04KLVA"
            body[last:] = bytes([kind, *body[last + 1 : last + 3], 0xF0, 0])
            body[2] = len(body) + 4 - 3
            packed[at] = (packet[:5] + body + struct.pack(">I", crc(body))).ljust(188, b"\xff")
    return b"".join(packed)


@pytest.mark.parametrize("kind", [0x06, 0x15, 0xD0, 0xFD])
def test_klv_is_found_in_a_private_stream_of_any_type_without_a_descriptor(tmp_path, cards, stream, kind):
    path = tmp_path / "a.ts"
    path.write_bytes(with_stream_type(stream, kind))
    ((recording, frames, problems),), _ = cards.read_all(path)
    assert recording.used == ("KLV (inside the file)",)
    assert problems == set()
    np.testing.assert_allclose([frame.pose.lat_deg for frame in frames], 50.0 + 1e-5 * np.arange(COUNT), atol=1e-7)


@pytest.mark.parametrize(("every", "lead", "behind"), [(188, 0, 0), (192, 4, 0), (204, 0, 16)])
def test_where_packets_lie_and_where_the_last_one_ends(tmp_path, stream, every, lead, behind):
    laid = b"".join(bytes(lead) + packet + bytes(behind) for packet in packets(stream))
    chance = random.Random(1)
    for cut in (0, *(chance.randrange(every) for _ in range(20))):
        assert packing_of(laid[cut:]) == Packing(first=(lead - cut) % every, every=every)
        path = tmp_path / "a.ts"
        path.write_bytes(laid[cut:])
        assert how_cut(path, "mpegts") is None
        path.write_bytes(laid[cut:] + b"G" * 77)
        assert "77 bytes into a transport packet" in how_cut(path, "mpegts")


@pytest.mark.parametrize(
    ("ending", "codec"),
    [("mpg", "mpeg2video"), ("flv", "libx264"), ("wmv", "wmv2"), ("mxf", "mpeg2video"),
     ("mkv", "libx264"), ("avi", "mpeg4"), ("mov", "libx264"), ("h264", "libx264"), ("m2v", "mpeg2video")],
)  # fmt: skip
def test_what_can_be_demultiplexed_is_known_as_a_container(tmp_path, ending, codec):
    import av

    path = tmp_path / f"a.{ending}"
    with av.open(str(path), "w") as target:
        video = target.add_stream(codec, rate=25)
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.full((120, 160, 3), 90, np.uint8), format="rgb24")
            target.mux(video.encode(frame))
        target.mux(video.encode(None))
    head = path.read_bytes()[:65536]
    assert is_container(head)
    assert not is_raw_klv(head)


def test_what_only_looks_like_one_is_none(cards):
    sound = b"RIFF" + bytes(4) + b"WAVEfmt "
    heic = struct.pack(">I", 24) + b"ftypheic" + bytes(12)
    assert not any(is_container(head) for head in (sound, heic, b"", b"G", b"G" * 100, b"\x00" * 4096))
    chance = random.Random(2)
    assert not any(is_container(b"\x01" + chance.randbytes(65535)) for _ in range(5))
    # bare KLV of 192 bytes a packet, with "Geodetic WGS84" (tag 12) in each: its G is no packet's beginning
    one = cards.klv(0, cards.START_US, more={12: "Geodetic WGS84"})
    padded = cards.klv(0, cards.START_US, more={12: "Geodetic WGS84", 3: "M" * (192 - len(one) - 3)})
    assert len(padded) == 192
    assert is_raw_klv(padded * 20)
    assert not is_container(padded * 20)
