"""Small local sets, one at a time, by a table of items: the sets nested in ST 0601."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from telemetry.errors import KlvValueError
from telemetry.klv.ber import join_items, split_items
from telemetry.klv.imapb import imapb_decode, imapb_encode
from telemetry.klv.tags import Coding, Tag

if TYPE_CHECKING:
    from collections.abc import Mapping

SetValue = int | float | str | bytes
"""What an item of a small set becomes: its coding decides."""


def decode_item(spec: Tag, data: bytes) -> SetValue:
    """Turn one item's bytes into its value; bytes that do not fit the coding stay bytes."""
    if spec.coding is Coding.RAW or not data or (spec.coding not in {Coding.TEXT, Coding.TEXT16} and len(data) > 8):  # noqa: PLR2004
        return data
    if spec.coding is Coding.COUNT:
        return int.from_bytes(data, "big")
    if spec.coding is Coding.INTEGER:
        return int.from_bytes(data, "big", signed=True)
    if spec.coding is Coding.IMAPB:
        raw = np.array([int.from_bytes(data, "big")], dtype=np.uint64)
        return float(imapb_decode(raw, spec.lo, spec.hi, len(data))[0])
    try:
        return data.decode("utf-16-be" if spec.coding is Coding.TEXT16 else "utf-8")
    except UnicodeDecodeError:
        return data


def decode_local_set(data: bytes, table: Mapping[int, Tag]) -> dict[int, SetValue]:
    """Decode the value of a set; unknown tags stay bytes, what lies behind a broken item is left out."""
    items, _ = split_items(data)
    return {tag: decode_item(table[tag], value) if tag in table else value for tag, value in items}


def encode_item(spec: Tag, value: SetValue) -> bytes:
    """Write one item.

    Raises
    ------
    KlvValueError
        The value is of another kind, or outside the item's range.
    """
    if isinstance(value, bytes):
        return value
    if spec.coding in {Coding.TEXT, Coding.TEXT16} and isinstance(value, str):
        return value.encode("utf-16-be" if spec.coding is Coding.TEXT16 else "utf-8")
    if isinstance(value, str) or spec.coding is Coding.RAW:
        raise KlvValueError(f"item {spec.number} ({spec.name}) does not take {type(value).__name__}", tag=spec.number)
    if spec.coding is Coding.IMAPB:
        if not spec.lo <= value <= spec.hi:
            message = f"item {spec.number} ({spec.name}) holds {spec.lo:g} to {spec.hi:g} {spec.unit}, not {value:g}"
            raise KlvValueError(message, tag=spec.number, value=value)
        return int(imapb_encode(value, spec.lo, spec.hi, spec.length).item()).to_bytes(spec.length, "big")
    return _encode_integer(spec, int(value))


def _encode_integer(spec: Tag, value: int) -> bytes:
    """Write a fixed length where the table has one, else the fewest bytes that hold the value."""
    length = spec.length or max(1, (value.bit_length() + 7) // 8)
    try:
        return value.to_bytes(length, "big", signed=spec.coding is Coding.INTEGER)
    except OverflowError as error:
        message = f"item {spec.number} ({spec.name}) takes {length} bytes; {value} does not fit"
        raise KlvValueError(message, tag=spec.number, value=value) from error


def encode_local_set(values: Mapping[int, SetValue], table: Mapping[int, Tag]) -> bytes:
    """Write the value of a set, items in order of their tags."""
    items: list[tuple[int, bytes]] = []
    for tag in sorted(values):
        value = values[tag]
        spec = table.get(tag, Tag(tag, "unknown item", Coding.RAW))
        items.append((tag, encode_item(spec, value)))
    return join_items(items)


def ieee_float(data: bytes) -> float:
    """Read a big-endian IEEE 754 number of 2, 4 or 8 bytes; NaN for any other length."""
    code = {2: ">e", 4: ">f", 8: ">d"}.get(len(data))
    return float(struct.unpack(code, data)[0]) if code else float("nan")
