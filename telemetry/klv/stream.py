"""A decoded KLV stream: one sparse column a tag, over all packets at once."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.klv.columns import Column, build_columns, join_columns
from telemetry.klv.items import SPARE_BYTES, walk_items, words
from telemetry.klv.packets import KEY_LENGTH, ChecksumTable, ProblemList, Sets, find_sets
from telemetry.klv.repair import restore_cut_keys
from telemetry.klv.universal import UNIVERSAL_KEY, universal_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from telemetry.tracks.pose_track import Problem

BLOCK_PACKETS: Final = 8192
"""Packets decoded together: their bytes fit a processor's cache, which they are read from once a tag."""

_CHECKSUM_ITEM: Final = 4
"""Bytes of the checksum item: tag 1, length 2, two bytes of sum."""

_CHECKSUM_HEAD: Final = 0x0102


class ChecksumMode(enum.StrEnum):
    """What happens to a packet whose checksum does not hold."""

    STRICT = "strict"
    """Its values are dropped and its bytes kept: a problem with its offset."""
    WARN = "warn"
    """Its values are kept: a problem with its offset."""
    ACCEPT = "accept"
    """Its values are kept; only the count tells."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OtherSet:
    """A set that is not ST 0601 (security, VMTI, universal sets), kept as bytes."""

    offset: int
    key: bytes
    value: bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KlvStream:
    """What was in a stream: packets in order, columns by tag, and what was wrong.

    `offset`, `size` and `checksum_good` have one entry a packet, also for those
    whose values were dropped.
    """

    data: bytes
    offset: NDArray[np.int64]
    size: NDArray[np.int64]
    checksum_good: NDArray[np.bool_]
    columns: dict[int, Column]
    others: tuple[OtherSet, ...]
    problems: tuple[Problem, ...]

    def __len__(self) -> int:
        return len(self.offset)

    @property
    def bad_checksum(self) -> int:
        """How many packets have a checksum that is wrong or missing."""
        return int(np.count_nonzero(~self.checksum_good))

    def numbers(self, tag: int) -> NDArray[np.float64]:
        """Return one float a packet, shape (n,), NaN where the tag is absent; the last wins where it repeats."""
        dense = np.full(len(self), np.nan)
        column = self.columns.get(tag)
        if column is not None and isinstance(column.values, np.ndarray):
            dense[column.packet] = column.values
        return dense

    def times_us(self) -> NDArray[np.int64]:
        """Return tag 2 of each packet in microseconds, -1 where it is absent."""
        dense = np.full(len(self), -1, dtype=np.int64)
        column = self.columns.get(2)
        if column is not None and isinstance(column.values, np.ndarray):
            dense[column.packet] = column.values
        return dense

    def blobs(self, tag: int) -> list[bytes | None]:
        """Return the bytes of a nested or unknown item, one entry a packet."""
        dense: list[bytes | None] = [None] * len(self)
        column = self.columns.get(tag)
        if column is not None and isinstance(column.values, tuple):
            for packet, value in zip(column.packet.tolist(), column.values, strict=True):
                dense[packet] = value if isinstance(value, bytes) else value.encode()
        return dense

    def packet_bytes(self, index: int) -> bytes:
        """Return one whole packet as it was in the stream, key and checksum included."""
        start = int(self.offset[index])
        return self.data[start : start + int(self.size[index])]


def decode(data: bytes, *, checksum: ChecksumMode = ChecksumMode.STRICT) -> KlvStream:
    """Decode every ST 0601 packet of a byte stream, or the EG 0104 sets of one that has none.

    Parameters
    ----------
    data
        Packets one after another, as a raw ``.klv`` file or the payloads of a transport stream.
    checksum
        What to do with packets whose checksum is wrong or missing.

    Returns
    -------
    KlvStream
        Never an exception for damaged data: damage is listed in `problems`.
    """
    data, repairs = restore_cut_keys(data)
    table = ChecksumTable(data)
    sets = find_sets(data, table)
    if not sets.is_uas.any():
        return _decode_universal(data, sets, repairs)
    start, value, end = (part[sets.is_uas] for part in (sets.start, sets.value, sets.end))
    padded = np.frombuffer(data + bytes(SPARE_BYTES), dtype=np.uint8)
    good, problems = _check(padded, table, start, end, checksum)
    keep = np.flatnonzero(good | (checksum is not ChecksumMode.STRICT))
    blocks: list[dict[int, Column]] = []
    for first in range(0, len(keep), BLOCK_PACKETS):
        chosen = keep[first : first + BLOCK_PACKETS]
        runs, broken = walk_items(padded, value[chosen], end[chosen])
        for at in broken[broken >= 0].tolist():
            problems.add("item", f"an item at byte {at} runs past its packet; the items before it are kept", at)
        blocks.append(build_columns(padded, runs, chosen, problems))
    return KlvStream(
        data=data,
        offset=start,
        size=end - start,
        checksum_good=good,
        columns=join_columns(blocks),
        others=_others(data, sets),
        problems=(*repairs, *sets.problems, *problems.all()),
    )


def _decode_universal(data: bytes, sets: Sets, repairs: tuple[Problem, ...]) -> KlvStream:
    """Take the EG 0104 sets of a stream that has no ST 0601 packet as its packets; they carry no checksum."""
    others = _others(data, sets)
    legacy = np.array([other.key == UNIVERSAL_KEY for other in others], dtype=np.bool_)
    chosen = np.flatnonzero(legacy)
    return KlvStream(
        data=data,
        offset=sets.start[chosen],
        size=(sets.end - sets.start)[chosen],
        checksum_good=np.ones(len(chosen), dtype=np.bool_),
        columns=universal_columns([others[k].value for k in chosen.tolist()]),
        others=tuple(other for other in others if other.key != UNIVERSAL_KEY),
        problems=(*repairs, *sets.problems),
    )


def _check(
    padded: NDArray[np.uint8],
    table: ChecksumTable,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    mode: ChecksumMode,
) -> tuple[NDArray[np.bool_], ProblemList]:
    """Compare every packet's tag 1 with the sum of its bytes, and note those that differ."""
    problems = ProblemList()
    tail = words(padded, ">u4")[np.maximum(end - _CHECKSUM_ITEM, 0)].astype(np.int64)
    present = (tail >> 16 == _CHECKSUM_HEAD) & (end - start >= KEY_LENGTH + 1 + _CHECKSUM_ITEM)
    stored = tail & 0xFFFF
    actual = table.sums(start, np.maximum(end - 2, start)).astype(np.int64)
    good = present & (stored == actual)
    if mode is ChecksumMode.ACCEPT:
        return good, problems
    fate = "its values are dropped" if mode is ChecksumMode.STRICT else "its values are kept"
    for k in np.flatnonzero(~good).tolist():
        what = (
            f"says checksum {stored[k]:#06x} but its bytes sum to {actual[k]:#06x}"
            if present[k]
            else "has no checksum item at its end"
        )
        problems.add("checksum", f"the packet at byte {start[k]} {what}; {fate}", int(start[k]))
    return good, problems


def _others(data: bytes, sets: Sets) -> tuple[OtherSet, ...]:
    chosen = np.flatnonzero(~sets.is_uas)
    spans = zip(sets.start[chosen].tolist(), sets.value[chosen].tolist(), sets.end[chosen].tolist(), strict=True)
    return tuple(OtherSet(offset=s, key=data[s : s + KEY_LENGTH], value=data[v:e]) for s, v, e in spans)
