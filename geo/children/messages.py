"""What a child process and its reader say to each other: a JSON header, then raw bytes.

Never a pickle: the process that touches hostile bytes is not trusted.
"""

from __future__ import annotations

import json
import os
import select
import struct
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER: Final = struct.Struct("<II")
MAX_HEADER_BYTES: Final = 1 << 20
_CHUNK_BYTES: Final = 1 << 16


def send(pipe: IO[bytes], header: Mapping[str, Any], payload: bytes = b"") -> None:
    """Write one message and flush it."""
    text = json.dumps(header).encode()
    pipe.write(_HEADER.pack(len(text), len(payload)))
    pipe.write(text)
    if payload:
        pipe.write(payload)
    pipe.flush()


class MessageReader:
    """Takes messages from a pipe: reads what is there, waits only when a message is not whole."""

    def __init__(self, descriptor: int, max_payload_bytes: int) -> None:
        self._descriptor = descriptor
        self._max_payload_bytes = max_payload_bytes
        self._buffer = bytearray()

    def next_message(self, timeout_s: float) -> tuple[dict[str, Any], bytes] | None:
        """Return one message, or None when the other side is gone or talks nonsense.

        Raises
        ------
        TimeoutError
            Nothing came for `timeout_s`.
        """
        if not self._fill(_HEADER.size, timeout_s):
            return None
        text_size, payload_size = _HEADER.unpack_from(self._buffer)
        if text_size > MAX_HEADER_BYTES or payload_size > self._max_payload_bytes:
            return None
        whole = _HEADER.size + text_size + payload_size
        if not self._fill(whole, timeout_s):
            return None
        text = bytes(self._buffer[_HEADER.size : _HEADER.size + text_size])
        payload = bytes(self._buffer[_HEADER.size + text_size : whole])
        del self._buffer[:whole]
        try:
            header = json.loads(text)
        except ValueError:
            return None
        return (header, payload) if isinstance(header, dict) and "type" in header else None

    def is_waiting(self, timeout_s: float) -> bool:
        """Tell whether there is something to take, or the pipe has ended, within a time."""
        return bool(self._buffer or select.select([self._descriptor], [], [], timeout_s)[0])

    def _fill(self, size: int, timeout_s: float) -> bool:
        """Read until `size` bytes are there; False at the end of the pipe."""
        while len(self._buffer) < size:
            ready, _, _ = select.select([self._descriptor], [], [], timeout_s)
            if not ready:
                raise TimeoutError
            part = os.read(self._descriptor, max(_CHUNK_BYTES, min(size - len(self._buffer), 1 << 24)))
            if not part:
                return False
            self._buffer += part
        return True
