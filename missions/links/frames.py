"""Whole MAVLink frames out of a stream of bytes, and what their headers say (MAVLink guide, "Packet serialization")."""

from __future__ import annotations

from typing import Final

MAGIC_V1: Final = 0xFE
MAGIC_V2: Final = 0xFD
RADIO_STATUS: Final = 109
"""Made by the radio itself, which has no key (MAVLink guide: the one message to accept unsigned)."""
SETUP_SIGNING: Final = 256
"""The one message that carries a secret key: never recorded, never forwarded (MAVLink guide, "Message signing")."""
TRAILER_BYTES: Final = 13
"""Link id, 48 bits of time and 48 of signature behind a signed frame's checksum."""
_SIGNED_FLAG: Final = 0x01
_SETUP_SIGNING_ID: Final = SETUP_SIGNING.to_bytes(3, "little")


class FrameSplitter:
    """Cut a byte stream into whole MAVLink 1 and 2 frames, resynchronising after garbage."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._refused_bytes = 0
        self.skipped_bytes = 0

    @property
    def pending(self) -> bool:
        """Whether the beginning of something waits for its end."""
        return bool(self._buffer)

    @property
    def inside_refused(self) -> bool:
        """Whether what comes next lies inside a whole frame that was refused and is looked through all the same."""
        return self._refused_bytes > 0

    def feed(self, data: bytes) -> None:
        """Take in bytes."""
        self._buffer += data

    def next_frame(self) -> bytes | None:
        """Return the next candidate frame, or None until more bytes come; its checksum is not checked."""
        while self._buffer:
            magic = self._buffer[0]
            if magic not in (MAGIC_V1, MAGIC_V2):
                starts = [i for i in (self._buffer.find(MAGIC_V1), self._buffer.find(MAGIC_V2)) if i > 0]
                self._skip(min(starts, default=len(self._buffer)))
                continue
            if len(self._buffer) < 3:
                return None
            if magic == MAGIC_V2 and self._buffer[2] & ~_SIGNED_FLAG:
                self._skip(1)  # a flag nobody knows: the guide has such frames dropped
                continue
            size = self._buffer[1] + (8 if magic == MAGIC_V1 else 12)
            if magic == MAGIC_V2 and self._buffer[2] & _SIGNED_FLAG:
                size += TRAILER_BYTES
            return bytes(self._buffer[:size]) if len(self._buffer) >= size else None
        return None

    def ends_well(self, frame: bytes) -> bool:
        """Whether another frame, or nothing, follows: all that can be said of a frame whose checksum is not known."""
        return len(self._buffer) == len(frame) or self._buffer[len(frame)] in (MAGIC_V1, MAGIC_V2)

    def accept(self, frame: bytes) -> None:
        """Remove the frame that `next_frame` returned: it was one."""
        self._take(len(frame))

    def reject(self) -> None:
        """Skip the first byte of what `next_frame` returned: it was no frame."""
        self._skip(1)

    def look_through(self, frame: bytes) -> None:
        """Skip the first byte of a whole frame that is not believed: a true one may have been wrapped in it."""
        self._refused_bytes = len(frame)
        self._skip(1)

    def clear(self) -> None:
        """Forget what waits for its end."""
        self._skip(len(self._buffer))

    def _skip(self, count: int) -> None:
        self.skipped_bytes += count
        self._take(count)

    def _take(self, count: int) -> None:
        self._refused_bytes = max(0, self._refused_bytes - count)
        del self._buffer[:count]


def message_id_of(frame: bytes) -> int:
    """Return the message id in a frame's header."""
    return frame[5] if frame[0] == MAGIC_V1 else int.from_bytes(frame[7:10], "little")


def is_signed(frame: bytes) -> bool:
    """Whether a frame says that it carries a signature."""
    return frame[0] == MAGIC_V2 and bool(frame[2] & _SIGNED_FLAG)


def may_carry_key(frame: bytes) -> bool:
    """Whether a SETUP_SIGNING frame is, or hides inside, these bytes (a frame of an unknown id may hold anything)."""
    at = frame.find(_SETUP_SIGNING_ID)
    while at >= 0:
        if at >= 7 and frame[at - 7] == MAGIC_V2:
            return True
        at = frame.find(_SETUP_SIGNING_ID, at + 1)
    return False
