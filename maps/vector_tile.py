"""Vector tiles (Mapbox Vector Tile 2.1) into arrays: the bytes are hostile, every length is held against what is there.

Protocol-buffer wire format: a varint key (field << 3 | type) before each value; types 0 (varint), 1 (8 bytes), 2 (a
length and bytes), 5 (4 bytes).
"""

from __future__ import annotations

import dataclasses
import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MOST_FEATURES: Final = 50_000
"""Features of a tile that are read; the largest tiles in use have some thousands."""
POINT, LINE, POLYGON = 1, 2, 3
_MOVE, _LINE_TO, _CLOSE = 1, 2, 7


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Feature:
    """A shape of a tile with what is said of it."""

    kind: int
    """`POINT`, `LINE` or `POLYGON`."""
    parts: list[NDArray[np.float64]]
    """Points, lines or rings, (n, 2) each: shares of the tile's side, right and down."""
    tags: dict[str, Any]


def layers_of(tile: bytes) -> dict[str, list[Feature]]:
    """Return the features of a tile by layer.

    Raises
    ------
    ValueError
        When it is no vector tile, or a damaged one.
    """
    found: dict[str, list[Feature]] = {}
    count = 0
    for field, value in _fields(tile):
        if field == 3 and isinstance(value, bytes):
            name, features = _layer(value)
            count += len(features)
            if count > MOST_FEATURES:
                raise ValueError(f"a tile of more than {MOST_FEATURES} features")
            found.setdefault(name, []).extend(features)
    return found


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a message: numbers as they stand, everything else as bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            length, at = _varint(data, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"no such wire type: {kind}")
        if at + length > len(data):
            raise ValueError("ends in the middle of a value")
        yield key >> 3, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a number that does not end")
        byte = data[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7


def _layer(data: bytes) -> tuple[str, list[Feature]]:
    name, extent = "", 4096
    keys: list[str] = []
    values: list[Any] = []
    raw: list[bytes] = []
    for field, value in _fields(data):
        if field == 5 and isinstance(value, int):
            extent = value
        elif isinstance(value, bytes):
            if field == 1:
                name = _text(value)
            elif field == 2:
                raw.append(value)
            elif field == 3:
                keys.append(_text(value))
            elif field == 4:
                values.append(_value(value))
    if not 0 < extent <= 1 << 20 or len(raw) > MOST_FEATURES:
        raise ValueError(f"a layer of extent {extent} and {len(raw)} features")
    features = (_feature(one, keys, values, extent) for one in raw)
    return name, [feature for feature in features if feature is not None]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _value(data: bytes) -> Any:
    for field, value in _fields(data):
        if isinstance(value, bytes):
            if field == 1:
                return _text(value)
            return struct.unpack("<f" if field == 2 else "<d", value)[0] if len(value) in (4, 8) else None
        return (value >> 1) ^ -(value & 1) if field == 6 else value
    return None


def _feature(data: bytes, keys: list[str], values: list[Any], extent: int) -> Feature | None:
    kind, tags, shape = 0, b"", b""
    for field, value in _fields(data):
        if field == 3 and isinstance(value, int):
            kind = value
        elif field == 2 and isinstance(value, bytes):
            tags = value
        elif field == 4 and isinstance(value, bytes):
            shape = value
    if kind not in (POINT, LINE, POLYGON):
        return None
    pairs = _packed(tags)
    told = {
        keys[key]: values[value]
        for key, value in zip(pairs[::2].tolist(), pairs[1::2].tolist(), strict=False)
        if key < len(keys) and value < len(values)
    }
    return Feature(kind=kind, parts=_parts(_packed(shape), extent), tags=told)


def _packed(data: bytes) -> NDArray[np.int64]:
    """Return packed varints of up to 32 bits."""
    raw = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(raw < 128)
    if len(raw) and (not len(ends) or ends[-1] != len(raw) - 1):
        raise ValueError("a list of numbers that does not end")
    starts = np.concatenate([[0], ends[:-1] + 1])[: len(ends)]
    longest = int((ends - starts).max(initial=0)) + 1
    if longest > 5:
        raise ValueError("a number of more than 32 bits")
    found = np.zeros(len(ends), np.int64)
    for place in range(longest):
        at = starts + place
        there = at <= ends
        found[there] |= (raw[at[there]].astype(np.int64) & 127) << (7 * place)
    return found


def _parts(commands: NDArray[np.int64], extent: int) -> list[NDArray[np.float64]]:
    """Return the parts of a geometry (Vector Tile Specification 2.1, section 4.3)."""
    parts: list[NDArray[np.float64]] = []
    here, at = np.zeros(2, np.int64), 0
    while at < len(commands):
        command, count = int(commands[at]) & 7, int(commands[at]) >> 3
        at += 1
        if command == _CLOSE:
            continue
        if command not in (_MOVE, _LINE_TO) or at + 2 * count > len(commands):
            raise ValueError("a shape that ends in the middle, or of an unknown command")
        raw = commands[at : at + 2 * count].reshape(-1, 2)
        points = here + np.cumsum((raw >> 1) ^ -(raw & 1), axis=0)
        at += 2 * count
        if not count:
            continue
        here = points[-1]
        if command == _MOVE:
            parts.append(points / extent)
        elif parts:
            parts[-1] = np.concatenate([parts[-1], points / extent])
    return parts
