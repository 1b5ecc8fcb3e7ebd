"""Notice in a transport stream's bytes that its clock begins anew or its codecs change, before any decoding."""

from __future__ import annotations

from typing import Final

from telemetry.videos.containers import SYNC, TS_BYTES

PCR_HZ: Final = 90_000
_WRAP: Final = 1 << 33
"""The base of the program clock counts 90 kHz in 33 bits (ISO/IEC 13818-1, 2.4.3.5)."""
BACK_S: Final = 1.0
AHEAD_S: Final = 60.0
"""A clock that steps back by more than the one, or ahead by more than the other, is another sender's or a new run's."""


class RestartWatch:
    """Follows the program clock of each stream in a row of datagrams, and what the program map says it carries."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}
        self._maps: dict[int, bytes] = {}
        self._map_pids: set[int] = set()

    def restarted(self, datagram: bytes) -> bool:
        """Take one datagram of whole transport packets; True where a clock in it begins anew, or the codecs change."""
        found = False
        for place in range(0, len(datagram) - TS_BYTES + 1, TS_BYTES):
            found |= self._other_streams(datagram[place : place + TS_BYTES])
            clock = _program_clock(datagram, place)
            if clock is None:
                continue
            number, base = clock
            last = self._last.get(number)
            self._last[number] = base
            if last is not None:
                step = (base - last + _WRAP // 2) % _WRAP - _WRAP // 2
                found |= not -BACK_S * PCR_HZ < step < AHEAD_S * PCR_HZ
        if found:
            self._last = {}
        return found

    def _other_streams(self, packet: bytes) -> bool:
        """Tell whether a packet is a program map that names other streams than the one before."""
        if packet[0] != SYNC or not packet[1] & 0x40:
            return False
        number = (packet[1] & 0x1F) << 8 | packet[2]
        if number != 0 and number not in self._map_pids:
            return False
        section = _section(packet)
        if number == 0:
            entries = [section[at : at + 4] for at in range(8, len(section) - 7, 4)]
            self._map_pids = {(e[2] & 0x1F) << 8 | e[3] for e in entries if e[:2] != b"\0\0"}
            return False
        streams = _streams(section)
        before = self._maps.get(number)
        self._maps[number] = streams
        return before is not None and before != streams


def _section(packet: bytes) -> bytes:
    """Return the table section that begins in a packet, as far as the packet holds it (ISO/IEC 13818-1, 2.4.4)."""
    start = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
    if start >= TS_BYTES:
        return b""
    start += 1 + packet[start]
    section = packet[start:]
    length = 3 + ((section[1] & 0x0F) << 8 | section[2]) if len(section) > 3 else 0  # noqa: PLR2004
    return section[:length]


def _streams(section: bytes) -> bytes:
    """Return type and number of every stream a program map names, three bytes each."""
    if len(section) < 12 or section[0] != 2:  # noqa: PLR2004 - table id of a program map
        return b""
    place = 12 + ((section[10] & 0x0F) << 8 | section[11])
    found = b""
    while place + 5 <= len(section) - 4:
        found += section[place : place + 3]
        place += 5 + ((section[place + 3] & 0x0F) << 8 | section[place + 4])
    return found


def _program_clock(data: bytes, place: int) -> tuple[int, int] | None:
    """Return (PID, clock base) of a packet whose adaptation field holds a program clock reference."""
    if data[place] != SYNC or not data[place + 3] & 0x20:
        return None
    if data[place + 4] < 7 or not data[place + 5] & 0x10:  # noqa: PLR2004 - flags and six bytes of clock
        return None
    number = (data[place + 1] & 0x1F) << 8 | data[place + 2]
    return number, int.from_bytes(data[place + 6 : place + 11], "big") >> 7
