"""The items of many local sets at once: where each tag's bytes lie, without a loop over packets.

All packets are walked in step: pass k reads the k-th item of every packet that
still has one. Packets of one producer share their layout, so most passes meet
one tag and one length everywhere and become one run as they are; the rest is
sorted into runs afterwards.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Bytes = NDArray[np.uint8]

MAX_ITEMS: Final = 4096
"""Items read from one packet; ST 0601 defines 143 tags, of which a few may repeat."""

SPARE_BYTES: Final = 16
"""Bytes that have to follow the stream in its buffer, so that every read stays inside."""

_LONG_LENGTH_BYTES: Final = 4
_OID_BYTES: Final = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """Items of one tag and one size: `packet[k]` has its bytes at `offset[k]`."""

    tag: int
    size: int
    packet: Ints
    offset: Ints


def words(data: Bytes, kind: str) -> NDArray[np.unsignedinteger]:
    """View a buffer as an integer of `kind` (``>u2``, ``>u8``) beginning at every byte."""
    width = np.dtype(kind).itemsize
    return np.ndarray((len(data) - width + 1,), dtype=kind, buffer=data.data, strides=(1,))


def walk_items(data: Bytes, value: Ints, end: Ints) -> tuple[list[Run], Ints]:
    """Read the (tag, length) chain of every packet.

    Parameters
    ----------
    data
        The stream, followed by `SPARE_BYTES`.
    value, end
        Where each packet's value begins and ends, shape (n,).

    Returns
    -------
    list of Run, NDArray[np.int64]
        The items, and for each packet the offset where reading stopped early, -1 where it did not.
    """
    broken = np.full(len(value), -1, dtype=np.int64)
    packet = np.flatnonzero(value < end)
    cursor, limit = value[packet], end[packet]
    pairs = words(data, ">u2")
    runs: list[Run] = []
    mixed: list[tuple[Ints, Ints, Ints, Ints]] = []
    for _ in range(MAX_ITEMS):
        if not len(packet):
            break
        pair = pairs[cursor]
        uniform = bool((pair == pair[0]).all()) and not int(pair[0]) & 0x8080
        if uniform:
            tag, length, offset = int(pair[0]) >> 8, int(pair[0]) & 0x7F, cursor + 2
            good = offset + length <= limit
            if good.all():
                runs.append(Run(tag, length, packet, offset))
                cursor = offset + length
                packet, cursor, limit = _still_going(packet, cursor, limit)
                continue
        tags, behind, tags_good = _read_tags(data, cursor)
        lengths, offset, lengths_good = _read_lengths(data, behind)
        after = offset + lengths
        good = tags_good & lengths_good & (after <= limit)
        if not good.all():
            broken[packet[~good]] = cursor[~good]
            packet, tags, offset, lengths, after, limit = (
                column[good] for column in (packet, tags, offset, lengths, after, limit)
            )
        mixed.append((packet, tags, offset, lengths))
        packet, cursor, limit = _still_going(packet, after, limit)
    broken[packet] = cursor
    return runs + _split_runs(mixed), broken


def _still_going(packet: Ints, cursor: Ints, limit: Ints) -> tuple[Ints, Ints, Ints]:
    going = cursor < limit
    return (packet, cursor, limit) if going.all() else (packet[going], cursor[going], limit[going])


def _split_runs(mixed: list[tuple[Ints, Ints, Ints, Ints]]) -> list[Run]:
    """Sort items of passes that met several tags or lengths into runs of one tag and one size."""
    if not mixed:
        return []
    packet, tag, offset, length = (np.concatenate(parts) for parts in zip(*mixed, strict=True))
    order = np.lexsort((packet, length, tag))
    packet, tag, offset, length = (column[order] for column in (packet, tag, offset, length))
    starts = np.flatnonzero(np.concatenate([[True], (np.diff(tag) != 0) | (np.diff(length) != 0)]))
    ends = np.append(starts[1:], len(tag))
    return [
        Run(int(tag[first]), int(length[first]), packet[first:last], offset[first:last])
        for first, last in zip(starts.tolist(), ends.tolist(), strict=True)
        if last > first
    ]


def _read_tags(data: Bytes, cursor: Ints) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Read one BER-OID number at each place: value, offset behind it, and whether it ended in three bytes."""
    byte = data[cursor].astype(np.int64)
    behind = cursor + 1
    number = byte & 0x7F
    more = byte >= 0x80
    for _ in range(_OID_BYTES - 1):
        if not more.any():
            break
        byte = np.where(more, data[np.where(more, behind, 0)], 0).astype(np.int64)
        number = np.where(more, (number << 7) | (byte & 0x7F), number)
        behind = behind + more
        more = more & (byte >= 0x80)
    return number, behind, ~more


def _read_lengths(data: Bytes, cursor: Ints) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Read one BER length at each place: value, offset behind it, and whether it is a form we take."""
    byte = data[cursor].astype(np.int64)
    behind = cursor + 1
    long_form = byte >= 0x80
    if not long_form.any():
        return byte, behind, ~long_form
    count = np.where(long_form, byte & 0x7F, 0)
    good = ~long_form | ((count >= 1) & (count <= _LONG_LENGTH_BYTES))
    count = np.where(good, count, 0)
    length = np.where(long_form, 0, byte)
    for place in range(int(count.max(initial=0))):
        here = count > place
        at = np.minimum(np.where(here, behind + place, 0), len(data) - 1)
        length = np.where(here, (length << 8) | data[at], length)
    return length, behind + count, good
