"""Numbers as integers: IMAPB of MISB ST 1201, and the linear maps of MISB ST 0601, over whole arrays.

An integer of up to eight bytes does not fit a float64 without loss, so raw
values stay ``uint64`` until the last step.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]
    RawArray = NDArray[np.uint64]

SPECIAL_POSITIVE_INFINITY: Final = 0xC8
SPECIAL_NEGATIVE_INFINITY: Final = 0xE8
SPECIAL_NAN: Final = 0xD0
"""First byte of the special values (MISB ST 1201.5, table 3); the rest is zero."""


def imapb_scale(lo: float, hi: float, length: int) -> tuple[float, float]:
    """Return IMAPB's forward scale and zero offset for a range in `length` bytes (ST 1201.5, 7.2)."""
    power = math.ceil(math.log2(hi - lo))
    scale = 2.0 ** (8 * length - 1 - power)
    offset = scale * lo - math.floor(scale * lo) if lo < 0 < hi else 0.0
    return scale, offset


def imapb_encode(values: ArrayLike, lo: float, hi: float, length: int) -> RawArray:
    """Map floats in [lo, hi] to integers of `length` bytes; infinities and NaN to their special values.

    Values outside the range become NaN, which ST 1201 reserves for "no value";
    refusing them is the caller's business.
    """
    floats = np.asarray(values, dtype=np.float64)
    scale, offset = imapb_scale(lo, hi, length)
    inside = (floats >= lo) & (floats <= hi)
    raw = np.floor(scale * (np.where(inside, floats, lo) - lo) + offset).astype(np.uint64)
    shift = np.uint64(8 * (length - 1))
    special = np.full(floats.shape, SPECIAL_NAN, dtype=np.uint64)
    special[floats == np.inf] = SPECIAL_POSITIVE_INFINITY
    special[floats == -np.inf] = SPECIAL_NEGATIVE_INFINITY
    encoded: RawArray = np.where(inside, raw, special << shift)
    return encoded


def imapb_decode(raw: RawArray, lo: float, hi: float, length: int) -> FloatArray:
    """Map integers of `length` bytes back to floats in [lo, hi]; special values to infinities and NaN."""
    scale, offset = imapb_scale(lo, hi, length)
    integers = np.asarray(raw, dtype=np.uint64)
    values: FloatArray = (integers.astype(np.float64) - offset) / scale + lo
    top = np.uint64(1 << (8 * length - 1))
    if not np.any(integers > top):
        return values
    first = (integers >> np.uint64(8 * (length - 1))) & np.uint64(0xF8)
    values[integers > top] = np.nan
    values[(integers > top) & (first == SPECIAL_POSITIVE_INFINITY)] = np.inf
    values[(integers > top) & (first == SPECIAL_NEGATIVE_INFINITY)] = -np.inf
    return values


def unsigned_decode(raw: RawArray, lo: float, hi: float, length: int) -> FloatArray:
    """Map unsigned integers linearly to [lo, hi] (ST 0601: ``lo + raw (hi - lo) / (2^8L - 1)``)."""
    values: FloatArray = lo + raw.astype(np.float64) * ((hi - lo) / (2.0 ** (8 * length) - 1.0))
    return values


def unsigned_encode(values: ArrayLike, lo: float, hi: float, length: int) -> RawArray:
    """Map floats in [lo, hi] to the nearest unsigned integers of `length` bytes."""
    steps = 2 ** (8 * length) - 1
    fraction = (np.asarray(values, dtype=np.float64) - lo) / (hi - lo)
    encoded: RawArray = np.minimum(np.rint(fraction * steps), float(steps)).astype(np.uint64)
    return encoded


def as_signed(raw: RawArray, length: int) -> NDArray[np.int64]:
    """Reinterpret unsigned integers of `length` bytes as two's complement."""
    shift = np.int64(64 - 8 * length)
    signed: NDArray[np.int64] = (raw.view(np.int64) << shift) >> shift
    return signed


def signed_decode(raw: RawArray, lo: float, hi: float, length: int) -> FloatArray:
    """Map signed integers to [lo, hi]; the most negative integer means "out of range" and becomes NaN."""
    signed = as_signed(raw, length)
    values = (lo + hi) / 2.0 + signed.astype(np.float64) * ((hi - lo) / (2.0 ** (8 * length) - 2.0))
    values[signed == -(2 ** (8 * length - 1))] = np.nan
    return values


def signed_encode(values: ArrayLike, lo: float, hi: float, length: int) -> RawArray:
    """Map floats in [lo, hi] to the nearest signed integers; NaN to the "out of range" integer."""
    floats = np.asarray(values, dtype=np.float64)
    half = (2 ** (8 * length) - 2) / 2.0
    scaled = np.rint((np.nan_to_num(floats) - (lo + hi) / 2.0) * (2.0 * half / (hi - lo)))
    limit = 2 ** (8 * length - 1) - 1
    signed = np.clip(scaled, -half, half).astype(np.int64).clip(-limit, limit)
    signed[np.isnan(floats)] = -limit - 1
    encoded: RawArray = signed.view(np.uint64) & np.uint64(2 ** (8 * length) - 1)
    return encoded
