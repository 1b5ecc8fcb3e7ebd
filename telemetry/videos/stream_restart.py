"""Notice in the bytes of a transport stream that its clock begins anew, before anything is decoded."""

from __future__ import annotations

from typing import Final

TS_BYTES: Final = 188
PCR_HZ: Final = 90_000
_WRAP: Final = 1 << 33
"""The base of the program clock counts 90 kHz in 33 bits (ISO/IEC 13818-1, 2.4.3.5)."""
BACK_S: Final = 1.0
AHEAD_S: Final = 60.0
"""A clock that steps back by more than the one, or ahead by more than the other, is another sender's or a new run's."""


class RestartWatch:
    """Follows the program clock of each stream in a row of datagrams."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}

    def restarted(self, datagram: bytes) -> bool:
        """Take one datagram of whole transport packets; True where a program clock in it begins anew."""
        found = False
        for place in range(0, len(datagram) - TS_BYTES + 1, TS_BYTES):
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


def _program_clock(data: bytes, place: int) -> tuple[int, int] | None:
    """Return (PID, clock base) of a packet whose adaptation field holds a program clock reference."""
    if data[place] != 0x47 or not data[place + 3] & 0x20:
        return None
    if data[place + 4] < 7 or not data[place + 5] & 0x10:  # noqa: PLR2004 - flags and six bytes of clock
        return None
    number = (data[place + 1] & 0x1F) << 8 | data[place + 2]
    return number, int.from_bytes(data[place + 6 : place + 11], "big") >> 7
