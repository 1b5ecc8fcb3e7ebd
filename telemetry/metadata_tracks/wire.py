"""Read protocol buffer messages without their schema: field numbers and raw values (Protocol Buffers, Encoding)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FIELDS: Final = 4096
"""Fields read of one message; a real sample has some dozens."""

Value = int | bytes


def fields(message: bytes) -> Iterator[tuple[int, Value]]:
    """Yield (field number, value): integers of varints, bytes of everything else; ends where the message is damaged."""
    place = 0
    for _ in range(MAX_FIELDS):
        if place >= len(message):
            return
        key, place = varint(message, place)
        kind = key & 7
        if place < 0:
            return
        if kind == 0:
            value, place = varint(message, place)
            if place < 0:
                return
            yield key >> 3, value
            continue
        if kind == 2:  # noqa: PLR2004
            size, place = varint(message, place)
        else:
            size = {1: 8, 5: 4}.get(kind, -1)
        if place < 0 or size < 0 or place + size > len(message):
            return
        yield key >> 3, message[place : place + size]
        place += size


def varint(message: bytes, place: int) -> tuple[int, int]:
    """Read one variable-length integer: (value, place after it), place -1 where it does not end."""
    result = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            return 0, -1
        byte = message[place]
        place += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004
            return result & 0xFFFF_FFFF_FFFF_FFFF, place
    return 0, -1


def inside(message: bytes, *path: int) -> bytes:
    """Follow field numbers into nested messages; empty where one is absent."""
    for number in path:
        message = next((value for key, value in fields(message) if key == number and isinstance(value, bytes)), b"")
    return message


def values(message: bytes) -> dict[int, Value]:
    """Return a message's fields by number, the last of each."""
    return dict(fields(message))


def double(value: Value | None) -> float:
    """Read a fixed 64-bit number as a double; NaN where it is none."""
    return float(struct.unpack("<d", value)[0]) if isinstance(value, bytes) and len(value) == 8 else float("nan")  # noqa: PLR2004


def single(value: Value | None) -> float:
    """Read a fixed 32-bit number as a float; NaN where it is none."""
    return float(struct.unpack("<f", value)[0]) if isinstance(value, bytes) and len(value) == 4 else float("nan")  # noqa: PLR2004


def signed(value: Value | None, absent: float = float("nan")) -> float:
    """Read a varint as a signed number; writers that sign only the lower 32 bits are understood."""
    if not isinstance(value, int):
        return absent
    if value >= 1 << 63:
        value -= 1 << 64
    elif 1 << 31 <= value < 1 << 32:
        value -= 1 << 32
    return float(value)
