"""The items of many local sets at once: where each tag's bytes lie, without a loop over packets.

All packets are walked in step: pass k reads the k-th item of every packet that
still has one. The number of numpy calls depends on the longest packet, not on
how many packets there are.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_ITEMS: Final = 4096
"""Items read from one packet; ST 0601 defines 143 tags, of which a few may repeat."""

_LONG_LENGTH_BYTES: Final = 4
_OID_BYTES: Final = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """One row an item, in the order of packet, then place: shape (m,)."""

    packet: NDArray[np.int64]
    tag: NDArray[np.int64]
    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    broken: NDArray[np.int64]
    """Offset where reading a packet's items stopped early, one a packet, -1 where it did not."""


def walk_items(data: NDArray[np.uint8], value: NDArray[np.int64], end: NDArray[np.int64]) -> Items:
    """Read the (tag, length) chain of every packet.

    Parameters
    ----------
    data
        The stream, followed by at least eight spare bytes.
    value, end
        Where each packet's value begins and ends, shape (n,).
    """
    broken = np.full(len(value), -1, dtype=np.int64)
    packet = np.flatnonzero(value < end)
    cursor = value[packet]
    rows: list[tuple[NDArray[np.int64], ...]] = []
    for _ in range(MAX_ITEMS):
        if not len(packet):
            break
        tag, behind_tag, tag_good = _read_tags(data, cursor)
        length, offset, length_good = _read_lengths(data, behind_tag)
        after = offset + length
        good = tag_good & length_good & (after <= end[packet])
        if not good.all():
            broken[packet[~good]] = cursor[~good]
            packet, tag, offset, length, after = (a[good] for a in (packet, tag, offset, length, after))
        rows.append((packet, tag, offset, length))
        going = after < end[packet]
        packet, cursor = packet[going], after[going]
    broken[packet] = cursor
    if not rows:
        empty = np.empty(0, dtype=np.int64)
        return Items(packet=empty, tag=empty, offset=empty, length=empty, broken=broken)
    columns = [np.concatenate(parts) for parts in zip(*rows, strict=True)]
    return Items(packet=columns[0], tag=columns[1], offset=columns[2], length=columns[3], broken=broken)


def _read_tags(
    data: NDArray[np.uint8], cursor: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
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


def _read_lengths(
    data: NDArray[np.uint8], cursor: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
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
