"""A decoded KLV stream: one sparse column a tag, over all packets at once."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.klv.imapb import as_signed, imapb_decode, signed_decode, unsigned_decode
from telemetry.klv.items import Items, walk_items
from telemetry.klv.packets import KEY_LENGTH, ChecksumTable, ProblemList, Sets, find_sets
from telemetry.klv.repair import restore_cut_keys
from telemetry.klv.tags import EXACT_INTEGERS, NUMERIC, TAGS, Coding, Tag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from telemetry.pose_track import Problem

_SPARE: Final = b"\x00" * 16
_CHECKSUM_ITEM: Final = 4
"""Bytes of the checksum item: tag 1, length 2, two bytes of sum."""


class ChecksumMode(enum.StrEnum):
    """What happens to a packet whose checksum does not hold."""

    STRICT = "strict"
    """Its values are dropped and its bytes kept: a problem with its offset."""
    WARN = "warn"
    """Its values are kept: a problem with its offset."""
    ACCEPT = "accept"
    """Its values are kept; only the count tells."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The values of one tag: `values[k]` belongs to packet `packet[k]`.

    `values` is an array of float64 (of int64 for the tags in
    `EXACT_INTEGERS`), or a tuple of str or bytes. NaN and -1 mean "no value".
    """

    tag: int
    packet: NDArray[np.int64]
    values: NDArray[np.float64] | NDArray[np.int64] | tuple[str | bytes, ...]


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
    """Decode every ST 0601 packet of a byte stream.

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
    start, value, end = (part[sets.is_uas] for part in (sets.start, sets.value, sets.end))
    padded = np.frombuffer(data + _SPARE, dtype=np.uint8)
    good, problems = _check(padded, table, start, end, checksum)
    keep = np.flatnonzero(good | (checksum is not ChecksumMode.STRICT))
    items = walk_items(padded, value[keep], end[keep])
    for at in items.broken[items.broken >= 0].tolist():
        problems.add("item", f"an item at byte {at} runs past its packet; the items before it are kept", at)
    return KlvStream(
        data=data,
        offset=start,
        size=end - start,
        checksum_good=good,
        columns=_columns(padded, items, keep, problems),
        others=_others(data, sets),
        problems=(*repairs, *sets.problems, *problems.all()),
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
    tail = padded[np.maximum(end[:, None] - _CHECKSUM_ITEM, 0) + np.arange(_CHECKSUM_ITEM)].astype(np.int64)
    present = (tail[:, 0] == 1) & (tail[:, 1] == 2) & (end - start >= KEY_LENGTH + 1 + _CHECKSUM_ITEM)
    stored = (tail[:, 2] << 8) | tail[:, 3]
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


def _columns(
    padded: NDArray[np.uint8], items: Items, keep: NDArray[np.int64], problems: ProblemList
) -> dict[int, Column]:
    """Decode every item, one numpy operation for all items of one tag and one length."""
    order = np.lexsort((items.packet, items.tag))
    tag, packet = items.tag[order], keep[items.packet[order]]
    offset, length = items.offset[order], items.length[order]
    numbers, first = np.unique(tag, return_index=True)
    bounds = np.append(first, len(tag))
    columns: dict[int, Column] = {}
    for k, number in enumerate(numbers.tolist()):
        rows = slice(bounds[k], bounds[k + 1])
        spec = TAGS.get(number)
        if spec is None or spec.coding not in NUMERIC:
            text = spec is not None and spec.coding is Coding.TEXT
            values: NDArray[np.float64] | NDArray[np.int64] | tuple[str | bytes, ...] = _slices(
                padded, offset[rows], length[rows], text
            )
        else:
            values = _numbers(padded, spec, offset[rows], length[rows], problems)
        columns[number] = Column(tag=number, packet=packet[rows], values=values)
    return columns


def _numbers(
    padded: NDArray[np.uint8],
    spec: Tag,
    offset: NDArray[np.int64],
    length: NDArray[np.int64],
    problems: ProblemList,
) -> NDArray[np.float64] | NDArray[np.int64]:
    """Decode one numeric tag; a length of zero means "no value" (ST 0107)."""
    exact = spec.number in EXACT_INTEGERS
    values = np.full(len(offset), -1, dtype=np.int64) if exact else np.full(len(offset), np.nan)
    for size in np.unique(length).tolist():
        rows = slice(None) if size == length[0] == length[-1] and (length == size).all() else length == size
        if 1 <= size <= 8:
            values[rows] = decode_numbers(_gather(padded, offset[rows], size), spec, size)
        elif size:
            place = int(offset[rows][0])
            problems.add(
                "item", f"tag {spec.number} ({spec.name}) at byte {place} is {size} bytes long; ignored", place
            )
    return values


def _gather(padded: NDArray[np.uint8], offset: NDArray[np.int64], size: int) -> NDArray[np.uint64]:
    """Read a big-endian unsigned integer of `size` bytes at each offset."""
    raw = np.zeros((len(offset), 8), dtype=np.uint8)
    raw[:, 8 - size :] = padded[offset[:, None] + np.arange(size)]
    return raw.view(">u8")[:, 0].astype(np.uint64)


def decode_numbers(raw: NDArray[np.uint64], spec: Tag, size: int) -> NDArray[np.float64] | NDArray[np.int64]:
    """Turn the raw integers of one tag, `size` bytes each, into values in the tag's unit."""
    if spec.number in EXACT_INTEGERS:
        return as_signed(raw, size) if spec.coding is Coding.INTEGER else raw.astype(np.int64)
    if spec.coding is Coding.UNSIGNED:
        return unsigned_decode(raw, spec.lo, spec.hi, size)
    if spec.coding is Coding.SIGNED:
        return signed_decode(raw, spec.lo, spec.hi, size)
    if spec.coding is Coding.IMAPB:
        return imapb_decode(raw, spec.lo, spec.hi, size)
    return (as_signed(raw, size) if spec.coding is Coding.INTEGER else raw).astype(np.float64)


def _slices(
    padded: NDArray[np.uint8], offset: NDArray[np.int64], length: NDArray[np.int64], text: bool
) -> tuple[str | bytes, ...]:
    """Cut the bytes of each item; equal texts are decoded once and shared."""
    view = padded.data
    known: dict[bytes, str] = {}
    cut: list[str | bytes] = []
    for start, size in zip(offset.tolist(), length.tolist(), strict=True):
        item = bytes(view[start : start + size])
        if not text:
            cut.append(item)
            continue
        word = known.get(item)
        if word is None:
            word = known[item] = item.decode("utf-8", errors="replace").rstrip("\x00")
        cut.append(word)
    return tuple(cut)
