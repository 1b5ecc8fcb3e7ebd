"""The tracks of an MP4 or MOV and the programs of a transport stream, from their own tables; nothing is decoded."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, BinaryIO, Final

from telemetry.tracks.sources import HEAD_BYTES
from telemetry.videos.containers import SYNC, TS_BYTES, Packing, packing_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MP4_EPOCH_S: Final = 2_082_844_800
"""Seconds from 1904-01-01, which ISO/IEC 14496-12 counts from (8.2.2), to 1970-01-01."""
_CONTAINERS: Final = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
_MAX_BOXES: Final = 20_000
_MAX_TABLE_BYTES: Final = 4096
_TS_SCAN_BYTES: Final = 4 << 20
"""Programs are repeated every half second (ISO/IEC 13818-1); 4 MB hold that at 60 Mbit/s."""
_VIDEO_TYPES: Final = frozenset({0x01, 0x02, 0x10, 0x1B, 0x24, 0x33, 0xD1, 0xEA})
"""Stream types of pictures (ISO/IEC 13818-1, table 2-34)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ContainerTrack:
    """One track: id or PID, what it holds (``vide``, ``text``, ``meta``, ``klv``, ..), its format, its program.

    `turned_deg` is by how much players turn its pictures clockwise: 0, 90, 180 or 270.
    """

    number: int
    handler: str
    format: str
    program: int = -1
    turned_deg: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A container's tracks in order, when it says it was made (UTC nanoseconds), and how long it says it is.

    -1 and NaN stand where it does not say.
    """

    tracks: tuple[ContainerTrack, ...] = ()
    created_utc_ns: int = -1
    duration_s: float = math.nan

    def of(self, *handlers: str) -> tuple[ContainerTrack, ...]:
        """Return the tracks that hold one of some kinds of things."""
        return tuple(track for track in self.tracks if track.handler in handlers)


def read_layout(path: Path) -> Layout:
    """Read a container's tables; an empty layout where it is of another kind or damaged."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if (packing := packing_of(head)) is not None:
            return Layout(tracks=tuple(_ts_tracks(head + file.read(_TS_SCAN_BYTES), packing)))
        size = file.seek(0, 2)
        return _mp4_layout(file, size)


def _mp4_layout(file: BinaryIO, size: int) -> Layout:
    tracks: list[ContainerTrack] = []
    created_ns, duration_s = -1, math.nan
    number, handler, turned_deg = -1, "", 0
    for kind, start, end in _boxes(file, 0, size, [_MAX_BOXES], 0):
        file.seek(start)
        body = file.read(min(end - start, _MAX_TABLE_BYTES))
        if kind == b"trak":
            number, handler, turned_deg = -1, "", 0
        elif kind == b"mvhd":
            created_ns, duration_s = _created(body), _duration_s(body)
        elif kind == b"tkhd" and len(body) >= 24:  # noqa: PLR2004
            place = 20 if body[0] == 1 else 12
            number = int.from_bytes(body[place : place + 4], "big")
            turned_deg = _turned_deg(body[52 if body[0] == 1 else 40 :])
        elif kind == b"hdlr" and not handler:
            handler = body[8:12].decode("latin-1")
        elif kind == b"stsd" and len(body) >= 16:  # noqa: PLR2004
            name = body[12:16].decode("latin-1").strip("\x00 ")
            text = name + (f" {mime}" if name == "mett" and (mime := _mime(body)) else "")
            tracks.append(ContainerTrack(number=number, handler=handler, format=text, turned_deg=turned_deg))
    return Layout(tracks=tuple(tracks), created_utc_ns=created_ns, duration_s=duration_s)


def _turned_deg(matrix: bytes) -> int:
    """Return by how much a display matrix turns pictures clockwise (ISO/IEC 14496-12, 8.3.2), to the right angle."""
    if len(matrix) < 8:  # noqa: PLR2004
        return 0
    a, b = (int.from_bytes(matrix[at : at + 4], "big", signed=True) for at in (0, 4))
    return round(math.degrees(math.atan2(b, a)) / 90.0) % 4 * 90


def _mime(body: bytes) -> str:
    """Return the type a ``mett`` sample entry names (ISO/IEC 14496-12, 12.3.3): two texts, each ended by a zero."""
    texts = body[24:].split(b"\x00", 2)
    return texts[1].decode("latin-1")[:100] if len(texts) > 1 else ""


def _created(body: bytes) -> int:
    """Read when a movie was made; 0, and dates before 1970, mean that the camera did not say."""
    if len(body) < 12:  # noqa: PLR2004
        return -1
    since_s = int.from_bytes(body[4:12], "big") if body[0] == 1 else int.from_bytes(body[4:8], "big")
    seconds = since_s - MP4_EPOCH_S
    return seconds * 1_000_000_000 if 0 < seconds < 9_000_000_000 else -1


def _duration_s(body: bytes) -> float:
    """Read how long a movie is (ISO/IEC 14496-12, 8.2.2); all ones mean that it does not say."""
    at, size = (20, 8) if body[:1] == b"\x01" else (12, 4)
    scale, duration = body[at : at + 4], body[at + 4 : at + 4 + size]
    unit = int.from_bytes(scale, "big")
    if len(duration) < size or not unit or duration == b"\xff" * size:
        return math.nan
    return int.from_bytes(duration, "big") / unit


def _boxes(file: BinaryIO, start: int, end: int, left: list[int], depth: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, begin and end of the body) of boxes, those inside known containers after their own."""
    place = start
    while place + 8 <= end and left[0] > 0:
        left[0] -= 1
        file.seek(place)
        head = file.read(16)
        if len(head) < 8:  # noqa: PLR2004
            return
        length, kind, body = int.from_bytes(head[:4], "big"), head[4:8], place + 8
        if length == 1 and len(head) == 16:  # noqa: PLR2004
            length, body = int.from_bytes(head[8:16], "big"), place + 16
        elif length == 0:
            length = end - place
        if length < body - place or body > end:
            return
        stop = min(place + length, end)
        yield kind, body, stop
        if kind in _CONTAINERS and depth < len(_CONTAINERS):
            yield from _boxes(file, body, stop, left, depth + 1)
        place += length


def _ts_tracks(data: bytes, packing: Packing) -> list[ContainerTrack]:
    """Read PAT and PMT sections that fit one packet, as nearly all do (ISO/IEC 13818-1, 2.4.4)."""
    programs: dict[int, int] = {}
    found: dict[int, ContainerTrack] = {}
    for place in range(packing.first, len(data) - TS_BYTES + 1, packing.every):
        packet = data[place : place + TS_BYTES]
        if packet[0] != SYNC or not packet[1] & 0x40:
            continue
        pid = (packet[1] & 0x1F) << 8 | packet[2]
        if pid and pid not in programs:
            continue
        body = _section(packet)
        if pid == 0:
            for at in range(8, len(body) - 7, 4):
                number = body[at] << 8 | body[at + 1]
                if number:
                    programs[(body[at + 2] & 0x1F) << 8 | body[at + 3]] = number
        elif body[:1] == b"\x02":
            for track in _program(body, programs[pid]):
                found.setdefault(track.number, track)
    return list(found.values())


def _section(packet: bytes) -> bytes:
    """Return the table section that begins in a packet, without what follows it."""
    place = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
    if place >= TS_BYTES:
        return b""
    place += 1 + packet[place]
    body = packet[place:]
    if len(body) < 8:  # noqa: PLR2004
        return b""
    return body[: 3 + ((body[1] & 0x0F) << 8 | body[2])]


def _program(body: bytes, program: int) -> Iterator[ContainerTrack]:
    if len(body) < 16:  # noqa: PLR2004
        return
    place = 12 + ((body[10] & 0x0F) << 8 | body[11])
    while place + 5 <= len(body) - 4:
        kind, number = body[place], (body[place + 1] & 0x1F) << 8 | body[place + 2]
        length = (body[place + 3] & 0x0F) << 8 | body[place + 4]
        registered = b"KLVA" in body[place + 5 : place + 5 + length]
        handler = "vide" if kind in _VIDEO_TYPES else "klv" if kind == 0x15 or registered else "data"
        yield ContainerTrack(number=number, handler=handler, format=f"{kind:#04x}", program=program)
        place += 5 + length
