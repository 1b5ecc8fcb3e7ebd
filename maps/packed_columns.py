"""Columns of numbers as one text in a page: no object a row, and what repeats costs next to nothing.

Each column becomes little-endian integers of the least width that holds it, as differences from row to row where
neighbours are close, its bytes sorted by significance (all lowest bytes, then all second ones): the high bytes of
places and times that lie close together are nearly all alike, and deflate (RFC 1951) makes nothing of them.
`vedette_columns.js` reads it.
"""

from __future__ import annotations

import base64
import dataclasses
import struct
import zlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_LEVEL: Final = 6
_TRIED: Final = 32_768
"""Bytes of a plane on which the way to deflate it is tried; deflate itself looks no further back (RFC 1951, 2)."""
_WORTH: Final = 0.98
"""A plane that deflate makes hardly smaller is stored: low bytes of places are as good as random."""
_NEARLY: Final = 1.03
"""Codes alone are taken where looking for repeats would win less than this: that is most of deflate's time."""
_WRITTEN_OUT: Final = 100_000
"""More ids than this are shortened: a million whole ones are 21 MB of text."""
_SHORT_DIGITS: Final = 14
"""Of a million random ids of 56 bits two are alike once in a hundred thousand pages, and then get more."""
_GZIP_HEAD: Final = bytes((31, 139, 8, 0, 0, 0, 0, 0, 0, 255))
"""No name, no time, no system (RFC 1952, 2.3)."""
_LAST_BLOCK: Final = b"\x03\x00"
"""An empty block of fixed codes, marked as the last (RFC 1951, 3.2.3)."""
_WIDTHS: Final = (1, 2, 3, 4, 5, 6)
"""Bytes a number may take: JavaScript's numbers hold integers of 53 bits, six bytes and a sign."""
_FEW: Final = 16
_CLOSER: Final = 8
"""Differences are kept where they are, on average, under an eighth of a ramp's range: three bits a number are won."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """Numbers of shape (n,), as multiples of `step`; NaN is a value of its own.

    Raises
    ------
    ValueError
        When packed, for a number that six bytes do not hold.
    """

    values: NDArray[Any]
    step: float = 1.0


def packed(columns: Mapping[str, Column], count: int) -> dict[str, Any]:
    """Return columns of `count` rows as JSON: ``count``, ``fields`` (how each is read back) and ``bytes`` (base64)."""
    fields: list[dict[str, Any]] = []
    data: list[NDArray[np.uint8]] = []
    for name, column in columns.items():
        field, planes = _planes(column)
        fields.append({"name": name, "step": column.step, **field})
        data.extend(planes)
    return {"count": count, "fields": fields, "bytes": base64.b64encode(_gzipped(data)).decode("ascii")}


def packed_ids(ids: NDArray[np.bytes_]) -> dict[str, Any] | str:
    """Return ids as a page holds them: as text with spaces between, or by their bytes where there are very many.

    The second are ``{"hex": digits, "bytes": base64 of all, one after another}``: of hexadecimal ids so many leading
    digits as tell them apart, `_SHORT_DIGITS` at least. `vedette outcome` knows a hit by the beginning of its id.
    """
    text = b"".join(ids.tolist())
    digits = len(text) // len(ids) if len(ids) else 0
    alike = digits and not digits % 2 and np.char.str_len(ids).max() * len(ids) == len(text)
    if len(ids) <= _WRITTEN_OUT or not alike or text.translate(None, b"0123456789abcdef"):
        return b" ".join(ids.tolist()).decode("ascii")
    raw = _told_apart(np.frombuffer(bytes.fromhex(text.decode("ascii")), np.uint8).reshape(len(ids), -1))
    return {"hex": 2 * raw.shape[1], "bytes": base64.b64encode(raw.tobytes()).decode("ascii")}


def _told_apart(raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return as few leading bytes of ids as differ from each other, or whole ids where eight do not."""
    for width in range(_SHORT_DIGITS // 2, min(raw.shape[1], 8) + 1):
        numbers = np.zeros((len(raw), 8), np.uint8)
        numbers[:, :width] = raw[:, :width]
        in_order = np.sort(numbers.view(np.uint64).ravel())
        if (in_order[1:] != in_order[:-1]).all():
            return np.ascontiguousarray(raw[:, :width])
    return raw


def _gzipped(planes: Sequence[NDArray[np.uint8]]) -> bytes:
    """Return planes as one gzip stream, each deflated in the way that suits it.

    A deflated piece that ends in a full flush stands on its own, and pieces follow each other (RFC 1951, 2).
    """
    parts, check, size = [_GZIP_HEAD], 0, 0
    for plane in planes:
        check, size = zlib.crc32(plane.data, check), size + len(plane)
        deflating = _deflating(plane)
        parts += [deflating.compress(plane.data), deflating.flush(zlib.Z_FULL_FLUSH)]
    return b"".join([*parts, _LAST_BLOCK, struct.pack("<II", check, size & 0xFFFFFFFF)])


def _deflating(plane: NDArray[np.uint8]) -> zlib._Compress:
    """Return what is to deflate a plane, by what a sample from its middle comes to."""
    middle = max(0, (len(plane) - _TRIED) // 2)
    sample = plane[middle : middle + _TRIED]
    if len(plane) <= _TRIED:
        return _raw_deflate(_LEVEL, zlib.Z_DEFAULT_STRATEGY)
    coded, least = (_tried(sample, way) for way in (zlib.Z_HUFFMAN_ONLY, zlib.Z_DEFAULT_STRATEGY))
    if least > _WORTH * len(sample):
        return _raw_deflate(0, zlib.Z_DEFAULT_STRATEGY)
    return _raw_deflate(_LEVEL, zlib.Z_HUFFMAN_ONLY if coded < _NEARLY * least else zlib.Z_DEFAULT_STRATEGY)


def _tried(sample: NDArray[np.uint8], way: int) -> int:
    deflating = _raw_deflate(_LEVEL, way)
    return len(deflating.compress(sample.data)) + len(deflating.flush())


def _raw_deflate(level: int, way: int) -> zlib._Compress:
    return zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, way)


def _planes(column: Column) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """Return how a column is read back, and its bytes by significance, (width, rows); code 0 is NaN if there is any."""
    known = ~np.isnan(column.values) if column.values.dtype.kind == "f" else np.ones(len(column.values), np.bool_)
    gaps = not known.all()
    said = column.values[known] if gaps else column.values
    whole = (said if column.step == 1.0 else said / column.step).round().astype(np.int64)
    field: dict[str, Any] = {}
    if _neighbours_are_close(whole):
        field["from"] = int(whole[0])
        whole = np.diff(whole, prepend=whole[0])
    low = int(whole.min()) if len(whole) else 0
    codes = whole - (low - gaps)
    if gaps:
        spread = np.zeros(len(known), np.int64)
        spread[known] = codes
        codes = spread
    width = _width(int(codes.max()) if len(codes) else 0)
    planes = codes.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width].T
    return field | {"low": low, "width": width, "gaps": gaps}, np.ascontiguousarray(planes)


def _neighbours_are_close(whole: NDArray[np.int64]) -> bool:
    """Tell whether differences from row to row are, as a rule, much smaller than those from the mean.

    A ramp's numbers are a quarter of their range away from their mean: that is what `_CLOSER` is held against.
    """
    if len(whole) < _FEW:
        return False
    middle = max(0, (len(whole) - _TRIED) // 2)
    some = whole[middle : middle + _TRIED]
    return bool(np.mean(np.abs(np.diff(some))) * _CLOSER < 4.0 * np.mean(np.abs(some - np.mean(some))))


def _width(largest: int) -> int:
    for width in _WIDTHS:
        if largest < 1 << (8 * width):
            return width
    raise ValueError(f"a column of a page holds integers up to 2^48, not {largest}")
