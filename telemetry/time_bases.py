"""Clocks, settled once: boot time, GPS weeks, local time, and Unix time in UTC nanoseconds.

MAVLink counts boot milliseconds, DataFlash and ULog boot microseconds, GPS
weeks have no leap seconds, subtitles and cameras write local time. All become
`t_utc_ns`, nanoseconds since 1970-01-01 UTC without leap seconds (POSIX).
"""

from __future__ import annotations

import datetime as dt
from typing import Final

GPS_EPOCH_S: Final = 315_964_800
"""1980-01-06 00:00:00 UTC in POSIX seconds (IS-GPS-200, 3.3.4)."""

LEAP_SECONDS: Final[tuple[tuple[int, int], ...]] = (
    (46828800, 1), (78364801, 2), (109900802, 3), (173059203, 4), (252028804, 5), (315187205, 6), (346723206, 7),
    (393984007, 8), (425520008, 9), (457056009, 10), (504489610, 11), (551750411, 12), (599184012, 13),
    (820108813, 14), (914803214, 15), (1025136015, 16), (1119744016, 17), (1167264017, 18),
)  # fmt: skip
"""GPS second at which each leap second since 1980 has taken effect, and GPS - UTC from there (IERS Bulletin C)."""

_UNIX_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def local_to_utc_ns(local: dt.datetime, utc_offset_s: float) -> int:
    """Return UTC nanoseconds of a wall-clock time in a zone `utc_offset_s` seconds east of UTC."""
    return ((local.replace(tzinfo=dt.UTC) - _UNIX_EPOCH) // dt.timedelta(microseconds=1)) * 1000 - round(
        utc_offset_s * 1e9
    )
