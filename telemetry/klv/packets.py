"""Where the sets of a KLV byte stream begin and end, with resynchronisation after damage.

A stream is a row of (16-byte universal key, BER length, value). Damage shows as
a missing key, a length that cannot be, or a value that swallows the next key;
each becomes a problem with its offset and reading goes on at the next key.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.klv.ber import decode_length
from telemetry.tracks.pose_track import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

UAS_KEY: Final = bytes.fromhex("060e2b34020b01010e01030101000000")
"""MISB ST 0601 UAS Datalink Local Set."""

_UAS_START: Final = re.compile(re.escape(UAS_KEY))
_ROW_LENGTH_BYTES: Final = 4

PREFIX: Final = bytes.fromhex("060e2b34")
"""The first four bytes of every SMPTE universal label."""

SET_START: Final = re.compile(rb"\x06\x0e\x2b\x34\x02")
"""Where resynchronisation may begin: a universal label of a set or pack (SMPTE ST 336, category 2)."""

MAX_PROBLEMS: Final = 1000
"""Problems kept one by one; what lies beyond is counted in one last problem."""

KEY_LENGTH: Final = 16


class ChecksumTable:
    """Sums over any part of a buffer in constant time (MISB ST 0601 section 6.4: 16-bit running sum).

    Bytes at an even distance from the start count in the high byte. Two running
    sums, of the even and the odd offsets of the whole buffer, give any part by
    subtraction; 16-bit wrap-around is what the standard asks for.
    """

    __slots__ = ("_even", "_odd")

    def __init__(self, data: bytes) -> None:
        pairs = np.frombuffer(data + b"\x00" * (len(data) % 2), dtype="<u2")
        self._even = np.zeros(len(pairs) + 1, dtype=np.uint16)
        self._odd = np.zeros(len(pairs) + 1, dtype=np.uint16)
        np.cumsum(pairs & 0xFF, dtype=np.uint16, out=self._even[1:])
        np.cumsum(pairs >> 8, dtype=np.uint16, out=self._odd[1:])

    def sums(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.uint16]:
        """Return the checksum of each part ``[start, end)``."""
        even = self._even[(ends + 1) >> 1] - self._even[(starts + 1) >> 1]
        odd = self._odd[ends >> 1] - self._odd[starts >> 1]
        swapped = (starts & 1).astype(bool)
        high = np.where(swapped, odd, even)
        low = np.where(swapped, even, odd)
        total: NDArray[np.uint16] = (high << np.uint16(8)) + low
        return total


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """The sets of a stream in order: byte offsets of key, value and end, shape (n,)."""

    start: NDArray[np.int64]
    value: NDArray[np.int64]
    end: NDArray[np.int64]
    is_uas: NDArray[np.bool_]
    problems: tuple[Problem, ...]


class ProblemList:
    """Collects problems up to a limit, so that a hostile stream cannot fill the memory."""

    __slots__ = ("_kept", "_left_out")

    def __init__(self) -> None:
        self._kept: list[Problem] = []
        self._left_out = 0

    def add(self, kind: str, message: str, offset: int) -> None:
        """Keep one problem, or count it when the list is full."""
        if len(self._kept) < MAX_PROBLEMS:
            self._kept.append(Problem(kind=kind, message=message, offset=offset))
        else:
            self._left_out += 1

    def all(self) -> tuple[Problem, ...]:
        """Return what was kept, with one last line for what was not."""
        if not self._left_out:
            return tuple(self._kept)
        rest = Problem(kind="more", message=f"{self._left_out} more problems of this stream are not listed")
        return (*self._kept, rest)


def stored_checksum_matches(data: bytes, table: ChecksumTable, start: int, end: int) -> bool:
    """Tell whether ``[start, end)`` ends in a tag 1 that holds the right sum."""
    if end - start < KEY_LENGTH + 4 or data[end - 4 : end - 2] != b"\x01\x02":
        return False
    total = table.sums(np.array([start]), np.array([end - 2]))[0]
    return int(total) == int.from_bytes(data[end - 2 : end], "big")


def find_sets(data: bytes, table: ChecksumTable) -> Sets:
    """Find every set of a stream.

    Parameters
    ----------
    data
        The whole stream.
    table
        Its checksums: a set that swallows another key is believed only when its checksum holds.

    Returns
    -------
    Sets
        Offsets of what was found, and a problem for each stretch that was skipped.
    """
    whole = _unbroken_row(data)
    if whole is not None:
        return whole
    problems = ProblemList()
    spans: list[tuple[int, int, int, bool]] = []
    size = len(data)
    position = 0
    while position < size:
        if not data.startswith(PREFIX, position):
            position = _skip_to_key(data, position, problems)
            continue
        span = _read_span(data, table, position, problems)
        if span is None:
            position += len(PREFIX)
            position = _next_key(data, position)
            continue
        spans.append(span)
        position = span[2]
    columns = np.array([span[:3] for span in spans], dtype=np.int64).reshape(-1, 3)
    return Sets(
        start=columns[:, 0],
        value=columns[:, 1],
        end=columns[:, 2],
        is_uas=np.array([span[3] for span in spans], dtype=np.bool_),
        problems=problems.all(),
    )


def _unbroken_row(data: bytes) -> Sets | None:
    """Return the sets of a stream that is nothing but whole ST 0601 packets, one ending where the next begins."""
    if not data.startswith(UAS_KEY):
        return None
    start = np.fromiter((match.start() for match in _UAS_START.finditer(data)), dtype=np.int64)
    padded = np.frombuffer(data + bytes(KEY_LENGTH), dtype=np.uint8)
    first = padded[start + KEY_LENGTH].astype(np.int64)
    count = np.where(first >= 0x80, first & 0x7F, 0)
    if bool((first == 0x80).any()) or int(count.max()) > _ROW_LENGTH_BYTES:
        return None
    length = np.where(first >= 0x80, 0, first)
    for place in range(int(count.max())):
        here = count > place
        length = np.where(here, (length << 8) | padded[start + KEY_LENGTH + 1 + place], length)
    value = start + KEY_LENGTH + 1 + count
    end = value + length
    if not bool((end[:-1] == start[1:]).all()) or int(end[-1]) != len(data):
        return None
    return Sets(start=start, value=value, end=end, is_uas=np.ones(len(start), dtype=np.bool_), problems=())


def _next_key(data: bytes, position: int) -> int:
    match = SET_START.search(data, position)
    return match.start() if match else len(data)


def _skip_to_key(data: bytes, position: int, problems: ProblemList) -> int:
    found = _next_key(data, position)
    where = f"the next key is at byte {found}" if found < len(data) else "no key follows"
    problems.add("resync", f"{found - position} bytes at byte {position} belong to no KLV set; {where}", position)
    return found


def _read_span(
    data: bytes, table: ChecksumTable, start: int, problems: ProblemList
) -> tuple[int, int, int, bool] | None:
    """Return (start, value, end, is ST 0601) of one set, or None after noting why not."""
    length = decode_length(data, start + KEY_LENGTH)
    if length is None:
        problems.add(
            "length", f"the KLV set at byte {start} has no readable length; reading goes on at the next key", start
        )
        return None
    value, end = length[1], length[1] + length[0]
    if end > len(data):
        problems.add(
            "length",
            f"the KLV set at byte {start} announces {length[0]} bytes but {len(data) - value} are left; "
            "reading goes on at the next key",
            start,
        )
        return None
    is_uas = data.startswith(UAS_KEY, start)
    inner = data.find(UAS_KEY, value, end)
    if inner >= 0 and not stored_checksum_matches(data, table, start, end):
        problems.add(
            "length",
            f"the KLV set at byte {start} announces {length[0]} bytes, which swallows the key at byte {inner}; "
            "reading goes on there",
            start,
        )
        return None
    return start, value, end, is_uas
