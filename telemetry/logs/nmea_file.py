"""Read NMEA 0183 sentences as receivers and dash cameras log them: GGA, GNS, RMC, GLL, ZDA, HDT, PASHR."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import math
import operator
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.logs.csv_table import MAX_ROWS
from telemetry.pictures.picture_numbers import number
from telemetry.tracks.assembly import Sampled, assemble
from telemetry.tracks.datums import egm96
from telemetry.tracks.pose_track import Problem
from telemetry.tracks.time_bases import local_to_utc_ns
from telemetry.tracks.track_cleaning import Samples
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from telemetry.tracks.datums import Undulation
    from telemetry.tracks.pose_track import PoseTrack

SENTENCE: Final = re.compile(r"\$([A-Z]{2})(GGA|GNS|RMC|GLL|ZDA|HDT|SHR),([^*$\r\n]*)(?:\*([0-9A-Fa-f]{2}))?")
"""The last is ``PASHR``, the attitude of inertial systems."""
_LINE_CHARACTERS: Final = 4096
"""A sentence has at most 82 characters; longer lines are not of this format."""
_DAY_NS: Final = 86_400_000_000_000
_BEST_FIRST: Final = ("GGA", "GNS", "RMC", "GLL")
"""Sentences with a place; the first two have a height, too."""
_SHORTEST: Final = {"GGA": 9, "GNS": 9, "RMC": 9, "GLL": 6, "ZDA": 4, "HDT": 1, "SHR": 5}
"""How many fields a sentence needs to be of use."""

Fix = tuple[int, float, float, float]
"""UTC (ns), latitude and longitude (deg), height over mean sea level (m)."""


@dataclasses.dataclass(slots=True)
class _Log:
    """What has been read so far: the day of the last date, fixes by sentence, attitudes (UTC, yaw, pitch, roll)."""

    day_ns: int = -1
    last_ns: int = -1
    damaged: int = 0
    fixes: dict[str, list[Fix]] = dataclasses.field(default_factory=lambda: {kind: [] for kind in _BEST_FIRST})
    headings: list[Fix] = dataclasses.field(default_factory=list)
    attitudes: list[Fix] = dataclasses.field(default_factory=list)

    def take(self, kind: str, fields: list[str]) -> None:
        if len(fields) < _SHORTEST[kind]:
            return
        if kind == "ZDA":
            self._date(fields[1:4], _of_day_ns(fields[0]))
        elif kind == "RMC":
            date = fields[8]
            self._date([date[:2], date[2:4], date[4:6]], _of_day_ns(fields[0]))
            if fields[1] == "A":
                self._fix(kind, fields[0], fields[2:6], math.nan)
        elif kind == "GLL":
            if fields[5] == "A":
                self._fix(kind, fields[4], fields[:4], math.nan)
        elif kind in ("GGA", "GNS"):
            if fields[5].strip("0N"):
                self._fix(kind, fields[0], fields[1:5], number(fields[8]))
        elif self.last_ns >= 0 and kind == "HDT":
            self.headings.append((self.last_ns, number(fields[0]), math.nan, math.nan))
        elif self.last_ns >= 0 and fields[2] == "T":
            yaw, roll, pitch = (number(fields[at]) for at in (1, 3, 4))
            self.attitudes.append((self._near_last(fields[0]), yaw, pitch, roll))

    def _near_last(self, clock: str) -> int:
        """Return the moment of a clock within half a day of the last fix."""
        clock_ns = _of_day_ns(clock)
        if clock_ns is None:
            return self.last_ns
        return self.last_ns + (clock_ns - self.last_ns + _DAY_NS // 2) % _DAY_NS - _DAY_NS // 2

    def _date(self, parts: list[str], clock_ns: int | None) -> None:
        day, month, year = parts
        if not (day.isdigit() and month.isdigit() and year.isdigit()):
            return
        full = int(year) + (0 if len(year) > 2 else 1900 if int(year) >= 80 else 2000)  # noqa: PLR2004 - GPS began in 1980
        first = self.day_ns < 0
        try:
            self.day_ns = local_to_utc_ns(dt.datetime(full, int(month), int(day)), 0.0)  # noqa: DTZ001 - UTC by definition
        except (ValueError, OverflowError):
            return
        if first and self.last_ns >= 0 and clock_ns is not None:
            passed = self.last_ns // _DAY_NS + (self.last_ns % _DAY_NS > clock_ns + _DAY_NS // 2)
            self.move(self.day_ns - passed * _DAY_NS)

    def move(self, shift_ns: int) -> None:
        """Date what came before the first date."""
        for rows in (*self.fixes.values(), self.headings, self.attitudes):
            rows[:] = [(row[0] + shift_ns, *row[1:]) for row in rows]
        self.last_ns += shift_ns

    def _fix(self, kind: str, clock: str, place: list[str], alt_amsl_m: float) -> None:
        clock_ns = _of_day_ns(clock)
        if clock_ns is None:
            return
        day_ns = self.day_ns if self.day_ns >= 0 else max(self.last_ns, 0) // _DAY_NS * _DAY_NS
        moment = day_ns + clock_ns
        if self.last_ns >= 0 and moment < self.last_ns - _DAY_NS // 2:
            moment += _DAY_NS  # midnight passed, and the date comes only with the next RMC
        self.last_ns = moment
        lat, lon = _degrees(place[0], place[1], "S"), _degrees(place[2], place[3], "W")
        self.fixes[kind].append((moment, lat, lon, alt_amsl_m))


def _of_day_ns(clock: str) -> int | None:
    """Return nanoseconds since midnight of ``hhmmss.ss``; None where it is none."""
    if len(clock) < 6 or not clock[:6].isdigit():  # noqa: PLR2004
        return None
    seconds = int(clock[:2]) * 3600 + int(clock[2:4]) * 60 + number(clock[4:])
    return round(seconds * 1e9) if 0.0 <= seconds < 86_401.0 else None  # noqa: PLR2004


def read_nmea(path: str | Path, *, start_utc_ns: int | None = None, undulation: Undulation = egm96) -> PoseTrack:
    """Read the fixes of an NMEA 0183 log of any talker; HDT is the heading, PASHR the attitude.

    The first kind there is counts: GGA and GNS with heights over mean sea level, RMC and GLL without any. Sentences
    with a wrong checksum are left out and counted; those of a logger that leaves checksums out (NMEA 0183 makes them
    optional) are read.

    Parameters
    ----------
    path
        The log.
    start_utc_ns
        About when it began, to within half a day; dates a log that states no date.
    undulation
        Geoid of its heights.

    Raises
    ------
    SourceError
        The file cannot be read, or holds no sentence with a fix.
    """
    path = Path(path)
    log = _Log()
    try:
        with path.open("rb") as file:
            _read(iter(lambda: file.readline(_LINE_CHARACTERS), b""), log, path)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}", path=str(path)) from error
    kind = next((kind for kind in _BEST_FIRST if log.fixes[kind]), "GGA")
    fixes = log.fixes[kind]
    if fixes and log.day_ns < 0 and start_utc_ns is not None:
        log.move(round((start_utc_ns - fixes[0][0]) / _DAY_NS) * _DAY_NS)
    return assemble(
        Sampled(position=_columns(fixes, "lat_deg", "lon_deg", "alt_amsl_m"), attitude=_attitude(log)),
        undulation=undulation,
        source=path.name,
        problems=_problems(log, kind, dated=log.day_ns >= 0 or start_utc_ns is not None),
    )


def _problems(log: _Log, kind: str, *, dated: bool) -> list[Problem]:
    problems = []
    if log.damaged:
        text = f"{log.damaged} sentences have a wrong checksum and were left out"
        problems.append(Problem(kind="damaged_bytes", message=text))
    if not dated and log.fixes[kind]:
        text = "no sentence states a date (RMC, ZDA); times count from 1970-01-01; state the start"
        problems.append(Problem(kind="no_date", message=text))
    if log.fixes[kind] and kind in ("RMC", "GLL"):
        text = f"no GGA and no GNS sentence in it, so no height is known; {kind} gives places only"
        problems.append(Problem(kind="no_height", message=text))
    return problems


def _read(lines: Iterable[bytes], log: _Log, path: Path) -> None:
    for line in lines:
        match = SENTENCE.search(line.decode("ascii", "replace"))
        if match is None:
            continue
        stated = match.group(4)
        if stated is not None and functools.reduce(operator.xor, match.group(0)[1:-3].encode()) != int(stated, 16):
            log.damaged += 1
            continue
        log.take(match.group(2), match.group(3).split(","))
        if max(map(len, (*log.fixes.values(), log.attitudes, log.headings))) > MAX_ROWS:
            raise SourceError(f"{path}: more than {MAX_ROWS} fixes", path=str(path))


def _degrees(value: str, letter: str, negative: str) -> float:
    """Read ``ddmm.mmmm`` or ``dddmm.mmmm``."""
    point = value.find(".") if "." in value else len(value)
    whole, minutes = number(value[: max(point - 2, 0)] or "0"), number(value[max(point - 2, 0) :])
    result = whole + minutes / 60.0
    return -result if letter.upper() == negative else result


def _columns(rows: list[Fix], *names: str) -> Samples:
    table = np.array([row[1:] for row in rows], dtype=np.float64).reshape(-1, 3)
    times = np.array([row[0] for row in rows], dtype=np.int64)
    return Samples(t_ns=times, columns={name: table[:, at] for at, name in enumerate(names)})


def _attitude(log: _Log) -> Samples | None:
    """Take the whole attitude where it is stated; a heading alone leaves pitch and roll to the mount."""
    rows = log.attitudes or log.headings
    return _columns(rows, "yaw_deg", "pitch_deg", "roll_deg") if rows else None
