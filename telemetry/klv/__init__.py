"""MISB KLV: ST 0601 packets to columns and back, and the sets nested in them."""

from __future__ import annotations

from telemetry.klv.columns import Column
from telemetry.klv.encode import encode
from telemetry.klv.stream import ChecksumMode, KlvStream, OtherSet, decode
from telemetry.klv.tags import TAGS, Coding, Tag

__all__ = ["TAGS", "ChecksumMode", "Coding", "Column", "KlvStream", "OtherSet", "Tag", "decode", "encode"]
