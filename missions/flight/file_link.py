"""Reading one file of a vehicle over a link: MAVLink's file transfer protocol (mavlink.io, "File Transfer Protocol").

A file comes in bursts. What of it is lost is asked for again: by another burst, after the file's end piece by piece.
"""

from __future__ import annotations

import dataclasses
import struct
from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

if TYPE_CHECKING:
    from missions.flight.state import VehicleState
    from missions.transfer import Channel
    from missions.transfer.values import Watcher

OPEN, READ, BURST, TERMINATE, ACK, NACK = 4, 5, 15, 1, 128, 129
END_OF_FILE: Final = 6
HEAD: Final = struct.Struct("<HBBBBBxI")
"""Number, session, operation, size, operation that is answered, whether a burst is over, offset."""
PIECE: Final = 239
"""Bytes of a file that one message carries."""
ROOM: Final = 251
WAIT_S: Final = 0.5
FRUITLESS: Final = 6
"""Questions in a row without an answer after which a vehicle gives no file."""
LARGEST: Final = 1_000_000
"""No file that is asked for here has as many bytes."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    number: int
    session: int
    to: int
    error: int
    """0, or why not."""
    is_last: bool
    offset: int
    data: bytes


class FileLink:
    """Reads files of one vehicle; its ids address the messages.

    Parameters
    ----------
    watch
        Sees every message that arrives meanwhile.
    """

    def __init__(self, channel: Channel, state: VehicleState, watch: Watcher) -> None:
        self._channel, self._state, self._watch = channel, state, watch
        self._number = 0
        self._session = 0

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes; None where the vehicle has none of that name or it does not come over whole."""
        opened = self._answered(OPEN, data=path.encode())
        if opened is None or opened.error:
            return None
        self._session = opened.session
        try:
            return self._whole()
        finally:
            self._ask(TERMINATE)

    def _whole(self) -> bytes | None:
        pieces: dict[int, bytes] = {}
        came, fruitless = False, 0
        while (at := _first_gap(pieces)) <= LARGEST and fruitless < FRUITLESS:
            known = len(pieces)
            if not came:
                came = self._burst(pieces, at)
                fruitless = 0 if came or len(pieces) > known else fruitless + 1
                continue
            answer = self._answered(READ, offset=at, size=PIECE)
            if answer is not None and answer.error == END_OF_FILE:
                return b"".join(pieces[start] for start in sorted(pieces) if start < at)
            if answer is None or answer.error or answer.offset != at or not answer.data:
                return None
            pieces[at] = answer.data
        return None

    def _burst(self, pieces: dict[int, bytes], offset: int) -> bool:
        """Take a burst from here; tell whether the file's end came in it, though not all before it may have."""
        asked = self._ask(BURST, offset=offset, size=PIECE)
        while (answer := self._next(BURST, asked)) is not None:
            if answer.error:
                return answer.error == END_OF_FILE
            if answer.data:
                pieces[answer.offset] = answer.data
            if answer.is_last:
                break
        return False

    def _answered(self, operation: int, *, offset: int = 0, size: int = 0, data: bytes = b"") -> _Answer | None:
        for _ in range(FRUITLESS):
            answer = self._next(operation, self._ask(operation, offset=offset, size=size, data=data))
            if answer is not None:
                return answer
        return None

    def _ask(self, operation: int, *, offset: int = 0, size: int = 0, data: bytes = b"") -> int:
        self._number = (self._number + 1) % 65536
        head = HEAD.pack(self._number, self._session, operation, size or len(data), 0, 0, offset)
        payload = (head + data).ljust(ROOM, b"\0")
        system, component = self._state.system, self._state.component
        self._channel.send(mavlink.MAVLink_file_transfer_protocol_message(0, system, component, payload))
        return self._number

    def _next(self, operation: int, asked: int) -> _Answer | None:
        """Return the next answer to an operation, None when it is silent; its numbers go on from the question's."""
        until_s = self._channel.clock() + WAIT_S
        while (left_s := until_s - self._channel.clock()) > 0.0:
            message = self._channel.receive(min(0.1, left_s))
            if message is None:
                continue
            self._watch(message)
            if message.get_type() != "FILE_TRANSFER_PROTOCOL" or message.get_srcSystem() != self._state.system:
                continue
            answer = _parsed(bytes(message.payload))
            if answer is not None and answer.to == operation and 0 < (answer.number - asked) % 65536 < 32768:
                self._number = answer.number
                return answer
        return None


def _parsed(payload: bytes) -> _Answer | None:
    number, session, kind, size, to, last, offset = HEAD.unpack_from(payload)
    if kind not in (ACK, NACK) or size > PIECE:
        return None
    data = payload[HEAD.size : HEAD.size + size]
    error = (data[0] if data else -1) if kind == NACK else 0
    return _Answer(
        number=number, session=session, to=to, error=error, is_last=bool(last), offset=offset,
        data=b"" if kind == NACK else data,
    )  # fmt: skip


def _first_gap(pieces: dict[int, bytes]) -> int:
    """Return the first byte that has not come."""
    at = 0
    while at in pieces:
        at += len(pieces[at])
    return at
