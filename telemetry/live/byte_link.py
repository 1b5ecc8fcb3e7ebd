"""What every live link is to us: blocks of whole transport packets, one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from telemetry.videos.containers import SYNC, TS_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_BYTES: Final = 7 * TS_BYTES
"""What a datagram carries (SMPTE ST 2022-2); streams of bytes are handed on in the same pieces."""


class ByteLink(Protocol):
    """One connection that carries an MPEG transport stream."""

    reconnects: bool
    """Whether silence means that the connection is dead, and has to be made anew."""

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        ...

    def blocks(self) -> list[bytes] | None:
        """Return what has come, in blocks that begin with a packet where there is one; None at the end."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class PacketAligner:
    """Cuts a stream of bytes into blocks that begin at transport packets; no byte is lost or moved."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes and yield blocks; less than a packet waits for the next call."""
        held = self._rest + data
        place = 0
        while len(held) - place >= TS_BYTES:
            if held[place] != SYNC:
                found = self._next_sync(held, place)
                yield held[place:found]
                place = found
                continue
            end = place
            while end - place < BLOCK_BYTES and len(held) - end >= TS_BYTES and held[end] == SYNC:
                end += TS_BYTES
            yield held[place:end]
            place = end
        self._rest = held[place:]

    def flush(self) -> bytes:
        """Return what is left at the end of a connection."""
        rest, self._rest = self._rest, b""
        return rest

    @staticmethod
    def _next_sync(held: bytes, place: int) -> int:
        """Return where the next packet seems to begin: a sync byte with another one packet further, or the end."""
        while True:
            place = held.find(bytes((SYNC,)), place + 1)
            if place < 0:
                return len(held)
            if place + TS_BYTES >= len(held) or held[place + TS_BYTES] == SYNC:
                return place
