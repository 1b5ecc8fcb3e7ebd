"""The decoding process: opens one source, hands over its telemetry, then its pictures.

It runs under a memory limit and may die on hostile media; the reader lives on.
Pictures travel through a ring of slots in shared memory, told about by messages.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import struct
from fractions import Fraction
from typing import IO, TYPE_CHECKING, Any, Final

import av

from geo.children.messages import send
from telemetry.videos.containers import MAY_CARRY_KLV
from telemetry.videos.decoding_job import KLV_STARTS, Job, Ring, packets_of, pair, picture_notes, run_job
from telemetry.videos.frame import NO_PTS
from telemetry.videos.video_segments import RunningTime, SegmentCounter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TEXT_CODECS: Final = frozenset({"mov_text", "subrip", "srt", "ass", "ssa", "text", "webvtt"})
"""Subtitles that are text."""

ROW: Final = struct.Struct("<3q")
"""Time stamp of a packet, its place in the file, and the video's segment then."""

HELD_MAX_BYTES: Final = 64_000_000
"""Pictures of a file that are no more than this, compressed, are kept while its telemetry is read: reading it a second
time, and telling anew what it holds, takes as long as decoding ten of them."""

MAX_BROKEN_PACKETS: Final = 10_000
"""Undecodable packets in a row after which a stream is given up."""


def _open(job: Job) -> Any:
    return av.open(job.source, mode="r", options=job.options, metadata_errors="replace")


@dataclasses.dataclass(slots=True)
class _Kept:
    """Payloads of one stream that is no picture, with time stamp, place and the video's segment of each."""

    kind: str
    rows: bytearray = dataclasses.field(default_factory=bytearray)
    """One `ROW` a payload."""
    pieces: list[bytes] = dataclasses.field(default_factory=list)


class _Held:
    """Packets of the pictures, kept until they are decoded; none where they are too many."""

    def __init__(self) -> None:
        self.whole = True
        self._packets: collections.deque[Any] = collections.deque()
        self._left = HELD_MAX_BYTES

    def add(self, packet: Any) -> None:
        """Keep one more, or none at all."""
        self._left -= packet.size
        if self._left < 0:
            self.whole = False
            self._packets.clear()
        else:
            self._packets.append(packet)

    def taken(self) -> Iterator[Any]:
        """Yield them, and let go of each."""
        while self._packets:
            yield self._packets.popleft()


def _scan(job: Job, container: Any, out: IO[bytes]) -> _Held:
    """Read the container once without decoding: hand over telemetry, subtitles, and the video's time stamps.

    Returns the packets of the wanted pictures.
    """
    kept: dict[int, _Kept] = {}
    held = _Held()
    video = bytearray()
    counter = SegmentCounter()
    total = 0
    pictures = _chosen_video(job, container)
    wanted = [s for s in container.streams if s.type in MAY_CARRY_KLV | {"subtitle"}]
    about = {s.index: (s.id, s.time_base) for s in wanted}
    for packet in packets_of(container, (*wanted, *pictures), out):
        if packet.stream.type == "video" and job.decode:
            held.add(packet)
        if not packet.size:
            continue
        position = packet.pos if packet.pos is not None else -1
        pts = packet.pts if packet.pts is not None else NO_PTS
        if packet.stream.type == "video":
            counter.step(_decoding_time(packet))
            video += ROW.pack(pts, position, counter.segment)
            continue
        index = packet.stream.index
        data = bytes(packet)
        if index not in kept:
            kind = _kind(job, packet.stream, data)
            if kind is None:
                continue
            kept[index] = _Kept(kind=kind)
        total += len(data)
        if total > job.max_klv_bytes:
            continue
        kept[index].rows += ROW.pack(pts, position, counter.segment)
        kept[index].pieces.append(data)
    _send_scan(kept, video, about, total > job.max_klv_bytes, out)
    return held


def _kind(job: Job, stream: Any, data: bytes) -> str | None:
    """Tell what a stream carries from its first payload, or None when it is not wanted."""
    if stream.id in job.keep_ids:
        return "metadata"
    if stream.type == "subtitle":
        context = stream.codec_context
        return "text" if context is not None and context.name in TEXT_CODECS else None
    return "klv" if data.startswith(KLV_STARTS) else None


def _send_scan(
    kept: dict[int, _Kept],
    video: bytearray,
    about: dict[int, tuple[int, Fraction | None]],
    truncated: bool,
    out: IO[bytes],
) -> None:
    parts: list[bytes | bytearray] = [video]
    streams = []
    for index, one in sorted(kept.items()):
        parts += [one.rows, struct.pack(f"<{len(one.pieces)}q", *map(len, one.pieces))]
        parts += one.pieces
        number, time_base = about[index]
        streams.append(
            {
                "index": index,
                "id": number,
                "kind": one.kind,
                "rows": len(one.pieces),
                "bytes": sum(map(len, one.pieces)),
                "time_base": pair(time_base),
            }
        )
    header = {"type": "scan", "video": len(video) // ROW.size, "streams": streams, "truncated": truncated}
    send(out, header, b"".join(parts))


def _chosen_video(job: Job, container: Any) -> list[Any]:
    """Return the wanted video stream in a list, or nothing where there is none."""
    return [s for s in container.streams if s.type == "video"][job.stream : job.stream + 1]


def _decoding_time(packet: Any) -> Fraction | None:
    stamp = packet.dts if packet.dts is not None else packet.pts
    return None if stamp is None or packet.time_base is None else stamp * Fraction(packet.time_base)


def _describe(job: Job, container: Any, out: IO[bytes]) -> bool:
    """Say what the source holds; False when its pictures may not be decoded, or it has none."""
    videos = [s for s in container.streams if s.type == "video"]
    stream = videos[job.stream] if job.stream < len(videos) else None
    duration = None if container.duration is None else container.duration / av.time_base
    header: dict[str, Any] = {
        "type": "open",
        "format": container.format.name,
        "duration_s": duration,
        "created": str(container.metadata.get("creation_time", "")),
        "videos": [_described(one) for one in videos],
    }
    if stream is not None:
        header |= _described(stream)
        header |= {
            "codec": stream.codec_context.name,
            "frames": stream.frames,
            "time_base": pair(stream.time_base),
            "rate": pair(stream.average_rate),
        }
    send(out, header)
    return stream is not None and header["width"] * header["height"] <= job.max_pixels


def _described(stream: Any) -> dict[str, Any]:
    context = stream.codec_context
    return {"id": stream.id, "width": context.width, "height": context.height, "codec": context.name}


def _decode(job: Job, stream: Any, packets: Iterable[Any], out: IO[bytes], acknowledgements: IO[bytes]) -> None:
    """Decode every wanted frame into the ring, in presentation order."""
    ring = Ring(job, acknowledgements)
    count = broken = 0
    due = elapsed = Fraction(0)
    step = None if job.every_s is None else Fraction(job.every_s).limit_denominator(1_000_000)
    running = RunningTime()
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = job.threads
    stream.codec_context.options = {"max_pixels": str(job.max_pixels)}
    for segment, frame in _frames(stream, packets):
        stamp = None if frame is None else frame.pts if frame.pts is not None else frame.dts
        if frame is None or stamp is None or frame.width * frame.height > job.max_pixels:
            broken += 1
            continue
        at = stamp * Fraction(frame.time_base or stream.time_base)
        elapsed = running.of(at, segment)
        if elapsed > job.max_duration_s:
            message = f"decoding stopped at the limit of {job.max_duration_s:g} s"
            send(out, {"type": "problem", "kind": "duration", "message": message})
            break
        count += 1
        if step is not None:
            if elapsed < due:
                continue
            due = (elapsed // step + 1) * step
        placed = ring.put(frame)
        if placed is None:
            return
        about = {"pts": pair(at), "segment": segment, "notes": picture_notes(frame)}
        send(out, {"type": "frame", "i": count - 1, **placed, **about})
    send(out, {"type": "end", "decoded": count, "broken": broken, "reach": pair(elapsed)})


def _frames(stream: Any, packets: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """Yield (segment, frame), and None in place of a frame for each packet the decoder refuses.

    Where time begins anew the decoder is emptied first, so that no picture is taken for one of the other segment.
    """
    refused = 0
    counter = SegmentCounter()
    for packet in packets:
        before = counter.segment
        if counter.step(_decoding_time(packet)):
            for frame in _emptied(stream.codec_context):
                yield before, frame
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            refused += 1
            if refused > MAX_BROKEN_PACKETS:
                return
            yield counter.segment, None
            continue
        for frame in frames:
            yield counter.segment, frame


def _emptied(context: Any) -> list[Any]:
    """Take the pictures a decoder still holds, and make it ready for a new beginning."""
    try:
        frames = list(context.decode(None))
    except av.error.FFmpegError:
        frames = []
    context.flush_buffers()
    return frames


def _read(job: Job, out: IO[bytes], acknowledgements: IO[bytes]) -> None:
    """Hand over what a job asks for of its source; it is read a second time where its pictures are too many to keep."""
    with contextlib.ExitStack() as open_ones:
        container = open_ones.enter_context(_open(job))
        decodable = _describe(job, container, out)
        held = _scan(job, container, out) if job.scan else None
        if not (job.decode and decodable):
            return
        if held is not None and not held.whole:
            container.close()
            container, held = open_ones.enter_context(_open(job)), None
        (stream,) = _chosen_video(job, container)
        packets = packets_of(container, (stream,), out) if held is None else held.taken()
        _decode(job, stream, packets, out, acknowledgements)


if __name__ == "__main__":
    run_job(_read)
