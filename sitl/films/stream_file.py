"""Plays a transport stream file to a network address at the pace of its own clock, as a downlink would."""

from __future__ import annotations

import dataclasses
import socket
import time
from typing import TYPE_CHECKING, Final

from sitl.errors import SitlError
from telemetry.videos.containers import SYNC
from telemetry.videos.containers import TS_BYTES as PACKET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DATAGRAM: Final = 7 * PACKET
"""Seven packets fit an Ethernet frame (SMPTE ST 2022-2)."""
PCR_HZ: Final = 27_000_000
PCR_WRAP_S: Final = 2**33 / 90_000
MOST_GAP_S: Final = 10.0
"""A clock that moves further than this between two packets has been restarted: go on at once."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What was sent."""

    packets: int
    seconds: float


def pcr_s(packet: bytes) -> float | None:
    """Return a packet's programme clock reference in seconds, None without one (ISO/IEC 13818-1, 2.4.3.5)."""
    has_adaptation = packet[3] & 0x20
    if not has_adaptation or packet[4] < 7 or not packet[5] & 0x10:
        return None
    raw = int.from_bytes(packet[6:12], "big")
    base, extension = raw >> 15, raw & 0x1FF
    return (base * 300 + extension) / PCR_HZ


def timed_datagrams(data: bytes) -> Iterator[tuple[float, bytes]]:
    """Cut a stream into datagrams and say how many seconds after the first each is due.

    Raises
    ------
    SitlError
        When the bytes are no transport stream, or it has no clock.
    """
    if len(data) < PACKET or any(data[at] != SYNC for at in range(0, min(len(data) - PACKET, 5 * PACKET), PACKET)):
        raise SitlError("this is no MPEG transport stream (no 0x47 at each 188 bytes)")
    due, last, seen = 0.0, None, False
    for start in range(0, len(data) - len(data) % PACKET, DATAGRAM):
        block = data[start : min(start + DATAGRAM, len(data) - len(data) % PACKET)]
        for at in range(0, len(block), PACKET):
            clock = pcr_s(block[at : at + PACKET])
            if clock is None:
                continue
            step = 0.0 if last is None else (clock - last) % PCR_WRAP_S
            due += step if step < MOST_GAP_S else 0.0
            last, seen = clock, True
        yield due, block
    if not seen:
        raise SitlError("the transport stream carries no clock (PCR), so it cannot be played at its own pace")


def _datagrams_of(path: Path) -> Iterator[tuple[float, bytes]]:
    try:
        yield from timed_datagrams(path.read_bytes())
    except SitlError as error:
        raise SitlError(f"{path}: {error.message}", path=str(path)) from error


def play(
    path: Path,
    host: str,
    port: int,
    *,
    speed: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Played:
    """Send a file to a UDP address at its own pace times `speed`.

    Raises
    ------
    SitlError
        When the file is no transport stream with a clock.
    """
    packets, due = 0, 0.0
    began = clock()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for due, block in _datagrams_of(path):
            wait = due / speed - (clock() - began)
            if wait > 0.0:
                sleep(wait)
            sender.sendto(block, (host, port))
            packets += len(block) // PACKET
    return Played(packets=packets, seconds=due)
