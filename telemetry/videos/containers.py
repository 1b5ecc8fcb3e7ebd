"""What a file's first bytes say of its container: which kind it is, and how a transport stream's packets lie in it."""

from __future__ import annotations

import dataclasses
import functools
import re
from typing import Final

TS_BYTES: Final = 188
SYNC: Final = 0x47
"""Length of a transport packet and the byte it begins with (ISO/IEC 13818-1, 2.4.3.2)."""

MAY_CARRY_KLV: Final = frozenset({"data", "unknown"})
"""Kinds of streams that may carry KLV: a private stream type without a descriptor is unknown to FFmpeg."""

_LEAD_BYTES: Final = {188: 0, 192: 4, 204: 0}
"""How far apart packets lie, and how much of it comes before each: as they are; four bytes of arrival time in front, as
cameras of the AVCHD kind and Blu-ray write them (.m2ts, .mts); sixteen of parity behind (ETSI EN 300 421)."""
_ENOUGH: Final = 5
_AT_FIRST: Final = 3
"""So many packets in a row are believed; at the very first byte fewer are enough."""

_STARTS: Final = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM (RFC 8794, 11.2.1)
    b"\x00\x00\x01\xba",  # MPEG program stream (ISO/IEC 13818-1, 2.5.3.3)
    b"\x00\x00\x01\xb3",  # MPEG-1 and MPEG-2 pictures without a container
    b"\x00\x00\x00\x01\x67",
    b"\x00\x00\x00\x01\x27",
    b"\x00\x00\x00\x01\x09",  # H.264 without a container: parameter set or delimiter first (ITU-T H.264, annex B)
    b"\x00\x00\x00\x01\x40\x01",
    b"\x00\x00\x00\x01\x46\x01",  # H.265 likewise
    b"FLV\x01",
    b"OggS\x00",
    bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),  # Advanced Systems Format (.wmv, .asf)
    bytes.fromhex("060e2b34020501010d010201"),  # MXF, partition pack (SMPTE ST 377-1)
)
_BOXES: Final = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
"""First boxes of MP4 and QuickTime files."""
_PICTURE_BRANDS: Final = (b"ftyphei", b"ftypmif1", b"ftypavif")
_UNIVERSAL_LABEL: Final = bytes.fromhex("060e2b34")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """Where the first whole transport packet begins, and how far apart packets begin, in bytes."""

    first: int
    every: int

    def left_over(self, size: int) -> int:
        """Return how many bytes of a file of this size are behind its last whole packet."""
        return (size - self.first + _LEAD_BYTES[self.every]) % self.every


@functools.cache
def _row(every: int, count: int) -> re.Pattern[bytes]:
    """Return the expression of so many packets in a row; made when first asked for, which few programs do."""
    packet = rb"\x47..[\x10-\xff]"
    return re.compile(packet + rb"(?=" + (b".{%d}" % (every - 4) + packet) * (count - 1) + rb")", re.DOTALL)


def packing_of(head: bytes) -> Packing | None:
    """Find the packets of a transport stream in a file's first bytes; None where there are none.

    A recording that was cut in front begins within a packet, and some tools write a head of their own.
    """
    if head.startswith(_UNIVERSAL_LABEL):
        return None
    for every, lead in _LEAD_BYTES.items():
        if _row(every, _AT_FIRST).match(head, lead):
            return Packing(first=lead, every=every)
    found = [
        Packing(first=match.start(), every=every)
        for every in _LEAD_BYTES
        if (match := _row(every, _ENOUGH).search(head)) is not None
    ]
    return min(found, key=lambda packing: packing.first, default=None)


def is_container(head: bytes) -> bool:
    """Tell from a file's first bytes whether it is a container of pictures, or a bare stream of them."""
    if head[4:12].startswith(_PICTURE_BRANDS):
        return False
    if head.startswith(_STARTS) or head[4:8] in _BOXES:
        return True
    if head.startswith(b"RIFF"):
        return head[8:12] == b"AVI "
    return packing_of(head) is not None
