"""What one number of a mission item can read back as: one function a storage type, every firmware's answer.

Each slot takes the value sent and returns all values that a sound read-back may
give, the present firmware on a flight controller first. There are several
where firmwares differ, and where C leaves the answer open: a negative float
into an unsigned integer gives 0 on ARM and wraps in the simulator on x86.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

Readings = tuple[float, ...]
_LAP: Final = 256.0
_BYTE: Final = 255.0


def _whole(value: float) -> int:
    return int(value) if math.isfinite(value) else 0


def lost(_: float) -> Readings:
    """Keep nothing of it; it reads back 0."""
    return (0.0,)


def single(value: float) -> Readings:
    """Keep a 32-bit float as it is."""
    return (value,)


def rounded_single(value: float) -> Readings:
    """Keep the 32-bit float next to it."""
    return struct.unpack("<f", struct.pack("<f", value))[0], value


def _unsigned(value: float, bits: int) -> Readings:
    wrapped = float(_whole(value) % (1 << bits))
    return (0.0, wrapped) if value < 0.0 else (wrapped,)


def _signed(value: float, bits: int) -> float:
    half = 1 << (bits - 1)
    return float((_whole(value) + half) % (2 * half) - half)


def u16(value: float) -> Readings:
    """Keep an unsigned 16-bit integer; decimals are cut off, beyond 65535 it starts again at 0."""
    return _unsigned(value, 16)


def u8(value: float) -> Readings:
    """Keep an unsigned byte; decimals are cut off, beyond 255 it starts again at 0."""
    return _unsigned(value, 8)


def i16(value: float) -> Readings:
    """Keep a signed 16-bit integer, cut off toward zero."""
    return (_signed(value, 16),)


def i8(value: float) -> Readings:
    """Keep a signed byte, cut off toward zero."""
    return (_signed(value, 8),)


def byte_or_u16(value: float) -> Readings:
    """Keep 16 bits in present firmware, a byte in earlier ones."""
    return (*u16(value), *u8(value))


def capped_u8(value: float) -> Readings:
    """Keep a byte that stops at 255 (Plane's distances); earlier firmwares started again at 0."""
    cut = u16(value)
    return (*(min(v, _BYTE) for v in cut), *u8(value))


def half(value: float) -> Readings:
    """Keep a 16-bit float (IEEE 754 binary16) in present firmware, 32 bits in earlier ones."""
    try:
        return struct.unpack("<e", struct.pack("<e", value))[0], value
    except OverflowError:
        return math.copysign(math.inf, value), value


def centi_u16(value: float) -> Readings:
    """Keep hundredths in an unsigned 16-bit integer."""
    return tuple(v / 100.0 for v in u16(value * 100.0))


def flag(value: float) -> Readings:
    """Keep one bit: 1 for anything above 0."""
    return (1.0 if value > 0.0 else 0.0,)


def first_bit(value: float) -> Readings:
    """Keep the lowest bit of a whole number; earlier firmwares kept none."""
    return (float(_whole(value) & 1) if value > 0.0 else 0.0, 0.0)


def way_round(value: float) -> Readings:
    """Keep the sign alone: -1 or 1."""
    return (-1.0 if value < 0.0 else 1.0,)


def radius_u16(value: float) -> Readings:
    """Keep a radius in 16 bits, and its sign (the way round) in a flag of the place."""
    return tuple(math.copysign(v, value) if value else v for v in u16(abs(value)))


def radius_u8(value: float) -> Readings:
    """Keep a radius in a byte: above 255 m in tens of metres, up to 2550; earlier firmwares started again at 0."""
    size = abs(value)
    kept = float(_whole(size)) if size <= _BYTE else 10.0 * min(_BYTE, float(_whole(size * 0.1)))
    readings = (kept, float(_whole(size) % 256))
    return tuple(math.copysign(v, value) if value else v for v in readings)


def turns(value: float) -> Readings:
    """Keep turns up to 255; less than one turn in 256ths of it, which earlier firmwares cut off."""
    if 0.0 < value < 1.0:
        return float(int(value * _LAP)) / _LAP, 0.0
    return (*(min(v, _BYTE) for v in u16(value)), *u8(value))


def within(low: float, high: float, then: Callable[[float], Readings]) -> Callable[[float], Readings]:
    """Return a slot that keeps values from `low` to `high` and reads back 0 for the others."""

    def keep(value: float) -> Readings:
        return then(value) if low <= value <= high else (0.0,)

    return keep


def limited(low: float, high: float, then: Callable[[float], Readings]) -> Callable[[float], Readings]:
    """Return a slot that brings values into `low` to `high` first."""

    def keep(value: float) -> Readings:
        return then(min(max(value, low), high))

    return keep


def always(*readings: float) -> Callable[[float], Readings]:
    """Return a slot that reads back as the vehicle's own value whatever was sent."""

    def keep(_: float) -> Readings:
        return readings

    return keep


def heading(value: float) -> Readings:
    """Keep a heading, read back from 0 to 360 degrees (NaN stays unset), or from -180 to 180."""
    if not math.isfinite(value):
        return (value,)
    return value % 360.0, (value + 180.0) % 360.0 - 180.0


def rounded_u16(value: float) -> Readings:
    """Keep a count rounded to the nearest whole number, in 16 bits."""
    return u16(value + 0.5)


def whole_in_earlier(value: float) -> Readings:
    """Keep a float in present firmware, a whole number in earlier ones."""
    return value, float(_whole(value))
