"""Writing ST 0601 packets: values in their units to bytes, tag 2 first, checksum last."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from telemetry.errors import KlvValueError
from telemetry.klv.ber import decode_length, encode_length, join_items, split_items
from telemetry.klv.imapb import imapb_encode, signed_encode, unsigned_encode
from telemetry.klv.packets import UAS_KEY
from telemetry.klv.tags import TAGS, Coding, Tag

if TYPE_CHECKING:
    from collections.abc import Mapping

_CHECKSUM_ITEM = b"\x01\x02"


def encode(values: Mapping[int, object]) -> bytes:
    """Write one ST 0601 packet.

    Parameters
    ----------
    values
        Tag number to value: a number in the tag's unit, a str, or bytes for nested
        sets and unknown tags. NaN or None writes "out of range" or an empty item.
        Tag 1 is computed; giving one is an error.

    Raises
    ------
    KlvValueError
        A value does not fit its tag: wrong kind, or outside the tag's range.
    """
    if 1 in values:
        message = "tag 1 is the checksum and is computed; leave it out"
        raise KlvValueError(message, tag=1)
    ordered = sorted(values, key=lambda tag: (tag != 2, tag))  # noqa: PLR2004
    items = join_items([(tag, encode_value(tag, values[tag])) for tag in ordered])
    length = encode_length(len(items) + len(_CHECKSUM_ITEM) + 2)
    packet = UAS_KEY + length + items + _CHECKSUM_ITEM
    return packet + checksum(packet).to_bytes(2, "big")


def checksum(data: bytes) -> int:
    """Return the 16-bit running sum of ST 0601: bytes at even places count in the high byte."""
    return ((sum(data[0::2]) << 8) + sum(data[1::2])) & 0xFFFF


def encode_value(number: int, value: object) -> bytes:
    """Return the bytes of one item."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    spec = TAGS.get(number)
    if spec is None or spec.coding is Coding.RAW:
        raise KlvValueError(f"tag {number} takes bytes, not {type(value).__name__}", tag=number)
    if value is None:
        return b""
    if spec.coding is Coding.TEXT:
        if not isinstance(value, str):
            raise KlvValueError(f"tag {number} ({spec.name}) takes text, not {type(value).__name__}", tag=number)
        return value.encode("utf-8")
    if not isinstance(value, int | float | np.integer | np.floating):
        raise KlvValueError(f"tag {number} ({spec.name}) takes a number, not {type(value).__name__}", tag=number)
    return _encode_number(spec, value)


def _encode_number(spec: Tag, value: float | np.integer | np.floating) -> bytes:
    if spec.coding in {Coding.COUNT, Coding.INTEGER}:
        return _encode_integer(spec, value)
    number = float(value)
    if not math.isnan(number) and not spec.lo <= number <= spec.hi:
        raise KlvValueError(
            f"tag {spec.number} ({spec.name}) holds {spec.lo:g} to {spec.hi:g} {spec.unit}, not {number:g}",
            tag=spec.number,
            value=number,
        )
    if spec.coding is Coding.UNSIGNED:
        if math.isnan(number):
            return b""
        raw = unsigned_encode(number, spec.lo, spec.hi, spec.length)
    elif spec.coding is Coding.SIGNED:
        raw = signed_encode(np.array([number]), spec.lo, spec.hi, spec.length)
    else:
        raw = imapb_encode(number, spec.lo, spec.hi, spec.length)
    return int(raw.item()).to_bytes(spec.length, "big")


def _encode_integer(spec: Tag, value: float | np.integer | np.floating) -> bytes:
    signed = spec.coding is Coding.INTEGER
    try:
        return int(value).to_bytes(spec.length, "big", signed=signed)
    except (OverflowError, ValueError) as error:
        raise KlvValueError(
            f"tag {spec.number} ({spec.name}) holds a {'signed' if signed else 'positive'} integer of "
            f"{spec.length} bytes, not {value}",
            tag=spec.number,
        ) from error


def with_item(packet: bytes, tag: int, value: bytes) -> bytes:
    """Return a copy of an ST 0601 packet in which one item is replaced or added, and the checksum renewed.

    Raises
    ------
    KlvValueError
        The bytes are no whole ST 0601 packet.
    """
    length = decode_length(packet, len(UAS_KEY)) if packet.startswith(UAS_KEY) else None
    if length is None or length[1] + length[0] != len(packet):
        raise KlvValueError(f"{len(packet)} bytes that begin {packet[:4].hex()} are no whole ST 0601 packet")
    items, end = split_items(packet, length[1])
    if end != len(packet):
        raise KlvValueError(f"an item at byte {end} of the packet runs past its end")
    kept = [item for item in items if item[0] not in {1, tag}]
    body = join_items([*kept, (tag, value)])
    renewed = UAS_KEY + encode_length(len(body) + len(_CHECKSUM_ITEM) + 2) + body + _CHECKSUM_ITEM
    return renewed + checksum(renewed).to_bytes(2, "big")
