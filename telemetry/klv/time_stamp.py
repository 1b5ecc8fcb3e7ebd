"""Time stamps inside compressed pictures: MISB ST 0603 and ST 0604.

An H.264 or H.265 picture may carry a "user data unregistered" message: a
16-byte identifier, a status byte, and the microseconds of ST 0603 with a 0xFF
after every second byte, so that no start code can appear.
"""

from __future__ import annotations

import dataclasses
from typing import Final

MICROSECOND_IDENTIFIERS: Final = (
    b"MISPmicrosectime",
    bytes.fromhex("a8687dd4d7593758a5cef0338b6545f1"),
)
"""ST 0604.6: the identifier in H.264, and the one in H.265."""

_STAMP_BYTES: Final = 12
_GUARDS: Final = (3, 6, 9)
"""Places of the 0xFF bytes behind the status byte."""

_NOT_LOCKED: Final = 0x80
_DISCONTINUITY: Final = 0x40
_REVERSE: Final = 0x20


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PictureTime:
    """When a picture was taken, and what its clock says of itself (ST 0603.5, section 6.4)."""

    t_us: int
    locked: bool = False
    discontinuity: bool = False
    backwards: bool = False


def decode_picture_time(message: bytes) -> PictureTime | None:
    """Decode a "user data unregistered" message; None when it is not a microsecond stamp."""
    if not message.startswith(MICROSECOND_IDENTIFIERS) or len(message) < 16 + _STAMP_BYTES:
        return None
    stamp = message[16 : 16 + _STAMP_BYTES]
    if any(stamp[place] != 0xFF for place in _GUARDS):  # noqa: PLR2004
        return None
    digits = bytes(byte for place, byte in enumerate(stamp[1:], start=1) if place not in _GUARDS)
    status = stamp[0]
    return PictureTime(
        t_us=int.from_bytes(digits, "big"),
        locked=not status & _NOT_LOCKED,
        discontinuity=bool(status & _DISCONTINUITY),
        backwards=bool(status & _DISCONTINUITY and status & _REVERSE),
    )


def encode_picture_time(time: PictureTime, *, h265: bool = False) -> bytes:
    """Write the message for one picture."""
    status = 0x1F | (0 if time.locked else _NOT_LOCKED)
    status |= _DISCONTINUITY if time.discontinuity else 0
    status |= _REVERSE if time.backwards else 0
    digits = time.t_us.to_bytes(8, "big")
    pairs = [digits[place : place + 2] for place in range(0, 8, 2)]
    return MICROSECOND_IDENTIFIERS[int(h265)] + bytes((status,)) + b"\xff".join(pairs)
