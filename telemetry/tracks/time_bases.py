"""Clocks, settled once: boot time, GPS weeks, local time, and Unix time in UTC nanoseconds.

MAVLink counts boot milliseconds, DataFlash and ULog boot microseconds, GPS
weeks have no leap seconds, subtitles and cameras write local time. All become
`t_utc_ns`, nanoseconds since 1970-01-01 UTC without leap seconds (POSIX).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.tracks.pose_track import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

GPS_EPOCH_S: Final = 315_964_800
"""1980-01-06 00:00:00 UTC in POSIX seconds (IS-GPS-200, 3.3.4)."""

WEEK_S: Final = 604_800
ROLLOVER_S: Final = 1024 * WEEK_S
"""A ten-bit GPS week counter starts again after this long (IS-GPS-200, 20.3.3.3.1.1)."""

LEAP_SECONDS: Final[tuple[tuple[int, int], ...]] = (
    (46828800, 1), (78364801, 2), (109900802, 3), (173059203, 4), (252028804, 5), (315187205, 6), (346723206, 7),
    (393984007, 8), (425520008, 9), (457056009, 10), (504489610, 11), (551750411, 12), (599184012, 13),
    (820108813, 14), (914803214, 15), (1025136015, 16), (1119744016, 17), (1167264017, 18),
)  # fmt: skip
"""GPS second that each leap second since 1980 was (23:59:60 UTC), and GPS - UTC from there on (IERS Bulletin C)."""

EARLIEST_UTC_S: Final = 1_262_304_000
"""2010-01-01; a vehicle clock before this has not been set."""
CLOCK_TOLERANCE_NS: Final = 500_000_000
"""Two clocks that differ by more than this are told apart in the problems."""

AHEAD_NS: Final = 86_400_000_000_000
"""A day: local time taken for UTC is at most 14 hours ahead (Kiribati, IANA tzdb), and clocks of computers err."""

_UNIX_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def middle_of(values: Ints) -> int:
    """Return the upper median of some integers: one of them, exactly; found without putting all in order."""
    return int(np.partition(values, len(values) // 2)[len(values) // 2])


def local_to_utc_ns(local: dt.datetime, utc_offset_s: float) -> int:
    """Return UTC nanoseconds of a wall-clock time in a zone `utc_offset_s` seconds east of UTC."""
    since_epoch_us = (local.replace(tzinfo=dt.UTC) - _UNIX_EPOCH) // dt.timedelta(microseconds=1)
    return since_epoch_us * 1000 - round(utc_offset_s * 1e9)


def is_datable(moment: dt.datetime) -> bool:
    """Return whether a time fits nanoseconds since 1970 in 64 bits, in any zone."""
    return 1970 < moment.year < 2262


def ahead_of_now(last_utc_ns: int, now_utc_ns: int) -> list[Problem]:
    """Name a recording's last time where it lies in the future of this computer's clock.

    The dates are kept: they may be right and this computer's clock behind, and durations hold either way.
    """
    if last_utc_ns <= now_utc_ns + AHEAD_NS:
        return []
    last, now = (np.datetime64(moment, "ns").astype("datetime64[s]") for moment in (last_utc_ns, now_utc_ns))
    text = (
        f"its times reach to {last} UTC, and this computer's clock says {str(now)[:10]}: one of the two clocks is "
        "wrong; check both before anything rests on these dates"
    )
    return [Problem(kind="clock_ahead", message=text)]


def gps_to_utc_ns(week: NDArray[np.int64], ms_of_week: NDArray[np.int64]) -> Ints:
    """Return UTC nanoseconds of GPS weeks (counted from 1980, not modulo 1024) and milliseconds of the week."""
    gps_ms = week * (WEEK_S * 1000) + ms_of_week
    steps = np.array([second for second, _ in LEAP_SECONDS]) * 1000
    leap_s = np.searchsorted(steps, gps_ms, side="right")
    return np.asarray((gps_ms - leap_s * 1000 + GPS_EPOCH_S * 1000) * 1_000_000, dtype=np.int64)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BootClock:
    """UTC of a boot clock, one offset per run of the vehicle: ``utc = boot + offset``.

    `begins` are keys (reception times or row numbers, rising) at which each
    run begins; `offset_ns` has one entry per run. The offset is one number per
    run, so a stepping wall clock never bends a duration.
    """

    begins: Ints
    offset_ns: Ints

    def utc_ns(self, boot_ns: Ints, key: Ints) -> Ints:
        """Return UTC of boot times, by the run that `key` falls in."""
        run = np.clip(np.searchsorted(self.begins, key, side="right") - 1, 0, len(self.begins) - 1)
        return boot_ns + self.offset_ns[run]


def run_begins(boot_ns: Ints, key: Ints, *, tolerance_ns: int = 5_000_000_000) -> Ints:
    """Return the keys at which the boot clock fell back by more than the tolerance (a restart or a wrap)."""
    back = np.flatnonzero(np.diff(boot_ns) < -tolerance_ns) + 1
    return key[back]


def fit_offset(reference_ns: Ints, boot_ns: Ints, *, what: str) -> tuple[int, list[Problem]]:
    """Return the median of reference - boot, with a problem where the reference stepped.

    Raises
    ------
    ValueError
        There are no pairs.
    """
    offsets = np.asarray(reference_ns - boot_ns)
    middle = middle_of(offsets)
    away = np.flatnonzero(np.abs(offsets - middle) > CLOCK_TOLERANCE_NS)
    if not len(away):
        return middle, []
    worst = int(away[np.argmax(np.abs(offsets[away] - middle))])
    return middle, [
        Problem(
            kind="clock_jump",
            message=f"{what} was off by up to {(int(offsets[worst]) - middle) / 1e9:+.3f} s in {len(away)} of "
            f"{len(offsets)} readings; its median was used, so durations follow the boot clock",
            t_utc_ns=int(boot_ns[worst]) + middle,
        )
    ]


def undo_rollover(utc_ns: int, witness_ns: int) -> tuple[int, list[Problem]]:
    """Add whole GPS week rollovers (1024 weeks) where a second clock shows that they are missing."""
    turns = round((witness_ns - utc_ns) / (ROLLOVER_S * 1e9))
    remaining_s = (witness_ns - utc_ns) / 1e9 - turns * ROLLOVER_S
    if turns == 0 or abs(remaining_s) > 2 * 86_400:
        return utc_ns, []
    text = (
        f"the vehicle's GPS date is {turns * 1024} weeks off (week rollover); it was corrected by the receiver's clock"
    )
    return utc_ns + turns * ROLLOVER_S * 1_000_000_000, [Problem(kind="gps_week_rollover", message=text)]
