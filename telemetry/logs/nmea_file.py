"""Read NMEA 0183 sentences as receivers and dash cameras log them: GGA, RMC, ZDA, HDT."""

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

SENTENCE: Final = re.compile(r"\$([A-Z]{2})(GGA|RMC|ZDA|HDT),([^*$\r\n]*)(?:\*([0-9A-Fa-f]{2}))?")
_LINE_CHARACTERS: Final = 4096
"""A sentence has at most 82 characters; longer lines are not of this format."""
_DAY_NS: Final = 86_400_000_000_000


@dataclasses.dataclass(slots=True)
class _Log:
    """What has been read so far: the day of the last date, fixes (UTC, latitude, longitude, height) and headings.

    `minima` are the fixes of RMC, the recommended minimum, which has no height; they count where there is no GGA.
    """

    day_ns: int = -1
    last_ns: int = -1
    undated: int = 0
    damaged: int = 0
    fixes: list[tuple[int, float, float, float]] = dataclasses.field(default_factory=list)
    minima: list[tuple[int, float, float, float]] = dataclasses.field(default_factory=list)
    headings: list[tuple[int, float]] = dataclasses.field(default_factory=list)

    def take(self, kind: str, fields: list[str]) -> None:
        if kind == "RMC" and len(fields) >= 9:  # noqa: PLR2004
            self._minimum(fields)
        elif kind == "ZDA" and len(fields) >= 4:  # noqa: PLR2004
            self._date(fields[1:4], _of_day_ns(fields[0]))
        elif kind == "GGA" and len(fields) >= 9:  # noqa: PLR2004
            self._fix(fields)
        elif kind == "HDT" and self.last_ns >= 0:
            self.headings.append((self.last_ns, number(fields[0])))

    def _minimum(self, fields: list[str]) -> None:
        date, clock_ns = fields[8], _of_day_ns(fields[0])
        self._date([date[:2], date[2:4], date[4:6]], clock_ns)
        if clock_ns is not None and self.day_ns >= 0 and fields[1] == "A":
            lat, lon = _degrees(fields[2], fields[3], "S"), _degrees(fields[4], fields[5], "W")
            self.minima.append((self.day_ns + clock_ns, lat, lon, math.nan))

    def _date(self, parts: list[str], clock_ns: int | None) -> None:
        day, month, year = parts
        if not (day.isdigit() and month.isdigit() and year.isdigit()):
            return
        full = int(year) + (0 if len(year) > 2 else 1900 if int(year) >= 80 else 2000)  # noqa: PLR2004 - GPS began in 1980
        try:
            self.day_ns = local_to_utc_ns(dt.datetime(full, int(month), int(day)), 0.0)  # noqa: DTZ001 - UTC by definition
        except (ValueError, OverflowError):
            return
        if self.undated and clock_ns is not None:
            self._date_those_before(clock_ns)

    def _date_those_before(self, clock_ns: int) -> None:
        """Date the fixes that came before the first date by it; midnight may lie between."""
        passed = self.last_ns // _DAY_NS + (self.last_ns % _DAY_NS > clock_ns + _DAY_NS // 2)
        shift_ns = self.day_ns - passed * _DAY_NS
        self.fixes = [(moment + shift_ns, *place) for moment, *place in self.fixes]  # type: ignore[misc]
        self.headings = [(moment + shift_ns, yaw) for moment, yaw in self.headings]
        self.last_ns += shift_ns
        self.undated = 0

    def _fix(self, fields: list[str]) -> None:
        clock_ns = _of_day_ns(fields[0])
        if clock_ns is None or fields[5] in ("", "0"):
            return
        day_ns = self.day_ns
        if day_ns < 0:
            self.undated += 1
            day_ns = max(self.last_ns, 0) // _DAY_NS * _DAY_NS
        moment = day_ns + clock_ns
        if self.last_ns >= 0 and moment < self.last_ns - _DAY_NS // 2:
            moment += _DAY_NS  # midnight passed, and the date comes only with the next RMC
        self.last_ns = moment
        lat, lon = _degrees(fields[1], fields[2], "S"), _degrees(fields[3], fields[4], "W")
        self.fixes.append((moment, lat, lon, number(fields[8])))


def _of_day_ns(clock: str) -> int | None:
    """Return nanoseconds since midnight of ``hhmmss.ss``; None where it is none."""
    if len(clock) < 6 or not clock[:6].isdigit():  # noqa: PLR2004
        return None
    seconds = int(clock[:2]) * 3600 + int(clock[2:4]) * 60 + number(clock[4:])
    return round(seconds * 1e9) if 0.0 <= seconds < 86_401.0 else None  # noqa: PLR2004


def read_nmea(path: str | Path, *, undulation: Undulation = egm96) -> PoseTrack:
    """Read the fixes of an NMEA 0183 log; heights are GGA's, over mean sea level; HDT is the heading.

    Without GGA, the places of RMC are taken, which have no height. Sentences with a wrong checksum are left out and
    counted; those of a logger that leaves checksums out (NMEA 0183 makes them optional) are read.

    Raises
    ------
    SourceError
        The file cannot be read, or holds no GGA or RMC sentence with a fix.
    """
    path = Path(path)
    log = _Log()
    try:
        with path.open("rb") as file:
            _read(iter(lambda: file.readline(_LINE_CHARACTERS), b""), log, path)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}", path=str(path)) from error
    problems = []
    if log.damaged:
        text = f"{log.damaged} sentences have a wrong checksum and were left out"
        problems.append(Problem(kind="damaged_bytes", message=text))
    if log.undated:
        text = f"{log.undated} fixes came before any date (RMC, ZDA); they count from 1970-01-01"
        problems.append(Problem(kind="no_date", message=text))
    if not log.fixes and log.minima:
        text = "no GGA sentence in it, so no height is known; RMC gives places only"
        problems.append(Problem(kind="no_height", message=text))
    fixes = log.fixes or log.minima
    table = np.array([fix[1:] for fix in fixes], dtype=np.float64).reshape(-1, 3)
    times = np.array([fix[0] for fix in fixes], dtype=np.int64)
    columns = {"lat_deg": table[:, 0], "lon_deg": table[:, 1], "alt_amsl_m": table[:, 2]}
    return assemble(
        Sampled(position=Samples(t_ns=times, columns=columns), attitude=_headings(log)),
        undulation=undulation,
        source=path.name,
        problems=problems,
    )


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
        if max(len(log.fixes), len(log.minima)) > MAX_ROWS:
            raise SourceError(f"{path}: more than {MAX_ROWS} fixes", path=str(path))


def _degrees(value: str, letter: str, negative: str) -> float:
    """Read ``ddmm.mmmm`` or ``dddmm.mmmm``."""
    point = value.find(".") if "." in value else len(value)
    whole, minutes = number(value[: max(point - 2, 0)] or "0"), number(value[max(point - 2, 0) :])
    result = whole + minutes / 60.0
    return -result if letter.upper() == negative else result


def _headings(log: _Log) -> Samples | None:
    if not log.headings:
        return None
    times, yaw = zip(*log.headings, strict=True)
    nan = np.full(len(times), np.nan)
    # pitch and roll are not stated; a level aircraft is an assumption that only a mount may make
    columns = {"yaw_deg": np.array(yaw), "pitch_deg": nan, "roll_deg": nan}
    return Samples(t_ns=np.array(times, dtype=np.int64), columns=columns)
