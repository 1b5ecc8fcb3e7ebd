"""What the decoding process and its reader say to each other: one line of JSON, then raw bytes.

Never a pickle: the process that touches hostile media is not trusted.
"""

from __future__ import annotations

import json
import struct
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER: Final = struct.Struct("<II")
MAX_HEADER_BYTES: Final = 1 << 20
NO_PTS: Final = -(2**63)
"""Stands for "no presentation time stamp" in a column of int64."""


def send(pipe: IO[bytes], header: Mapping[str, Any], payload: bytes = b"") -> None:
    """Write one message and flush it."""
    text = json.dumps(header).encode()
    pipe.write(_HEADER.pack(len(text), len(payload)))
    pipe.write(text)
    if payload:
        pipe.write(payload)
    pipe.flush()


def receive(pipe: IO[bytes], max_payload_bytes: int) -> tuple[dict[str, Any], bytes] | None:
    """Read one message, or None when the other side is gone or talks nonsense."""
    lead = _read_exactly(pipe, _HEADER.size)
    if len(lead) < _HEADER.size:
        return None
    text_size, payload_size = _HEADER.unpack(lead)
    if text_size > MAX_HEADER_BYTES or payload_size > max_payload_bytes:
        return None
    text = _read_exactly(pipe, text_size)
    payload = _read_exactly(pipe, payload_size)
    if len(text) < text_size or len(payload) < payload_size:
        return None
    try:
        header = json.loads(text)
    except ValueError:
        return None
    return (header, payload) if isinstance(header, dict) else None


def _read_exactly(pipe: IO[bytes], size: int) -> bytes:
    """Read `size` bytes from an unbuffered pipe; fewer when it ends."""
    parts: list[bytes] = []
    left = size
    while left:
        part = pipe.read(min(left, 1 << 20))
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
