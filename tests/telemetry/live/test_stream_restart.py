"""A recording begins a new segment where the stream's own clock begins anew."""

from __future__ import annotations

import json
import socket
import threading
from fractions import Fraction

from telemetry.live.byte_link import TS_BYTES, PacketAligner
from telemetry.live.datagram_link import DatagramLink
from telemetry.live.recorder_file import SegmentRecorder
from telemetry.live.stream_pump import StreamPump
from telemetry.live.stream_restart import RestartWatch
from telemetry.videos.video_file import read_video

DATAGRAM = 7 * TS_BYTES


def datagrams(data):
    return [data[place : place + DATAGRAM] for place in range(0, len(data), DATAGRAM)]


def test_a_clock_that_goes_on_is_no_restart_and_one_that_begins_anew_is(clip):
    data = clip.path.read_bytes()
    watch = RestartWatch()
    assert not any(watch.restarted(part) for part in datagrams(data))
    again = [watch.restarted(part) for part in datagrams(data)]
    assert again.count(True) == 1
    assert again.index(True) <= 1


def pcr(base, pid=256):
    field = bytes((7, 0x10)) + (base << 7).to_bytes(5, "big") + b"\x00"
    return (bytes((0x47, pid >> 8, pid & 0xFF, 0x30)) + field).ljust(TS_BYTES, b"\xff")


def test_a_wrap_of_the_counter_is_no_restart():
    watch = RestartWatch()
    steps = [2**33 - 9000, 2**33 - 100, 200, 9200]
    assert not any(watch.restarted(pcr(base)) for base in steps)
    assert watch.restarted(pcr(9200 + 61 * 90_000))
    assert not watch.restarted(pcr(5, pid=300)), "another program's clock stands for itself"


def test_each_segment_of_a_recording_has_one_clock(clip, tmp_path):
    whole = clip.path.read_bytes()
    whole = whole[: len(whole) // DATAGRAM * DATAGRAM]
    arrived = threading.Event()

    class Told(SegmentRecorder):
        def write(self, data):
            super().write(data)
            if sum(s.size_bytes for s in self.segments) + self._size >= 2 * len(whole):
                arrived.set()

    with Told(tmp_path / "record", clock=lambda: 0) as recorder:
        link = DatagramLink("udp://127.0.0.1:0")
        pump = StreamPump(lambda: link, recorder, stale_s=5.0)
        pump.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for part in datagrams(whole) * 2:
                out.sendto(part, ("127.0.0.1", link.port))
        assert arrived.wait(20)
        pump.close()
    lines = (tmp_path / "record" / "segments.jsonl").read_text().splitlines()
    assert len(lines) == 2
    parts = [(tmp_path / "record" / json.loads(line)["name"]).read_bytes() for line in lines]
    assert b"".join(parts) == whole * 2
    for line in lines:
        with read_video(tmp_path / "record" / json.loads(line)["name"]) as reader:
            assert len(reader.posing.clock.segments) == 1


def test_other_codecs_on_the_same_numbers_are_a_new_beginning(clip, tmp_path):
    import av

    other = tmp_path / "other.ts"
    with av.open(str(other), "w", format="mpegts") as target:
        stream = target.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for number in range(10):
            frame = av.VideoFrame(160, 120, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    watch = RestartWatch()
    assert not any(watch.restarted(part) for part in datagrams(clip.path.read_bytes()))
    tables = other.read_bytes()[: 3 * TS_BYTES]  # service description, association, map: no clock among them
    assert watch.restarted(tables)
    assert not watch.restarted(tables)


def test_bytes_are_cut_at_packets_and_none_is_lost(clip, rng):
    data = b"noise" + clip.path.read_bytes()[:50_000] + b"\x47more noise" + clip.path.read_bytes()[: 188 * 30]
    aligner, blocks, place = PacketAligner(), [], 0
    while place < len(data):
        size = int(rng.integers(1, 4000))
        blocks += aligner.feed(data[place : place + size])
        place += size
    blocks.append(aligner.flush())
    assert b"".join(blocks) == data
    whole = [block for block in blocks if block[:1] == b"\x47" and len(block) % 188 == 0]
    assert sum(map(len, whole)) > 25_000
