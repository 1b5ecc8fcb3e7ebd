"""BER lengths and BER-OID numbers (ITU-T X.690 8.1.3 and 8.19, as used by SMPTE ST 336)."""

from __future__ import annotations

from typing import Final

MAX_LENGTH_BYTES: Final = 8
"""Longest long-form length accepted; a longer one cannot describe real data."""

MAX_OID_BYTES: Final = 5
"""Longest BER-OID number accepted (35 bits); tags in use need two bytes."""


def encode_length(length: int) -> bytes:
    """Return the shortest BER form of a length: one byte below 128, else `0x80 | n` and n bytes."""
    if length < 0x80:
        return bytes((length,))
    body = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(body),)) + body


def decode_length(data: bytes, offset: int) -> tuple[int, int] | None:
    """Read a BER length.

    Returns
    -------
    tuple of int or None
        The length and the offset behind it; None when the bytes end early, the
        form is indefinite (0x80), or more than eight length bytes are announced.
    """
    if offset >= len(data):
        return None
    first = data[offset]
    offset += 1
    if first < 0x80:
        return first, offset
    count = first & 0x7F
    if count == 0 or count > MAX_LENGTH_BYTES or offset + count > len(data):
        return None
    return int.from_bytes(data[offset : offset + count], "big"), offset + count


def encode_oid(number: int) -> bytes:
    """Return a non-negative number in base 128, high bit set on every byte but the last."""
    groups = [number & 0x7F]
    number >>= 7
    while number:
        groups.append(0x80 | (number & 0x7F))
        number >>= 7
    return bytes(reversed(groups))


def decode_oid(data: bytes, offset: int) -> tuple[int, int] | None:
    """Read a BER-OID number; None when it does not end within the data or within five bytes."""
    number = 0
    for position in range(offset, min(offset + MAX_OID_BYTES, len(data))):
        byte = data[position]
        number = (number << 7) | (byte & 0x7F)
        if byte < 0x80:
            return number, position + 1
    return None


def split_items(data: bytes, start: int = 0, end: int | None = None) -> tuple[list[tuple[int, bytes]], int]:
    """Split a local set's value into (tag, bytes) pairs.

    Returns
    -------
    tuple
        The pairs, and the offset where reading stopped: equal to `end` when the
        set is whole, less when an item overruns it.
    """
    limit = len(data) if end is None else end
    items: list[tuple[int, bytes]] = []
    position = start
    while position < limit:
        tag = decode_oid(data, position)
        length = decode_length(data, tag[1]) if tag else None
        if tag is None or length is None or length[1] + length[0] > limit:
            break
        items.append((tag[0], bytes(data[length[1] : length[1] + length[0]])))
        position = length[1] + length[0]
    return items, position


def join_items(items: list[tuple[int, bytes]]) -> bytes:
    """Return (tag, bytes) pairs as the value of a local set."""
    return b"".join(encode_oid(tag) + encode_length(len(value)) + value for tag, value in items)
