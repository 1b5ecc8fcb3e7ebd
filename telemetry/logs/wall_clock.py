"""Dates and times as programs write them for people: year first, month first, day first, twelve hours."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from typing import TYPE_CHECKING, Any, Final

from telemetry.tracks.pose_track import Problem
from telemetry.tracks.time_bases import is_datable, local_to_utc_ns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MONTH_NAMES: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK: Final = (
    r"(?:T|,?\s+)(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:[.,](?P<fraction>\d{1,9})"
    r"(?:,(?P<more>\d{1,3}))?)?)?(?:[^\S\n]*(?P<half>[AaPp])\.?\s?[Mm]\b\.?)?(?P<zone>[^\S\n]?(?:Z|UTC|GMT)\b|[-+]\d\d:?\d\d\b)?"
)
_YEAR_FIRST: Final = re.compile(r"(?<!\d)(?P<year>\d{4})([-./])(?P<a>\d{1,2})\2(?P<b>\d{1,2})" + _CLOCK)
_YEAR_LAST: Final = re.compile(
    r"(?<![\d./-])(?P<a>\d{1,2})(?P<mark>[-./])(?P<b>\d{1,2})(?P=mark)(?P<year>\d{4}|\d\d)" + _CLOCK
)
_NAMED: Final = re.compile(
    r"(?:(?P<m1>[A-Za-z]{3})[a-z]{0,6}\.?\s+(?P<d1>\d{1,2})|(?P<d2>\d{1,2})[-\s](?P<m2>[A-Za-z]{3})[a-z]{0,6}\.?),?[-\s]+"
    r"(?P<year>\d{4}|\d\d)" + _CLOCK
)
"""No month's name is longer than September, and a text of letters without end is looked through once."""
MONTHS: Final = 12
"""A larger number is the day, whichever stands first."""
_NOON: Final = 12


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WallClock:
    """A date and time found in a text.

    Attributes
    ----------
    moment
        Aware only where the text states a zone.
    has_fraction
        It was written with a fraction of a second.
    shows_day_first
        Whether the day comes before the month; None where the date does not show it.
    either_order
        Day and month could be exchanged for another date, and nothing in the text tells which is meant.
    """

    moment: dt.datetime
    has_fraction: bool
    shows_day_first: bool | None = None
    either_order: bool = False


def find_wall_clock(written: str, *, day_first: bool = False) -> WallClock | None:
    """Find the first date with a time in a text; None where there is none, or none that fits nanoseconds since 1970.

    ``5/1/2024`` is the first of May, as programs for the United States write it, unless its first number is no month or
    `day_first` says otherwise; ``1.5.2024`` is, too: where points part a date, its day comes first.
    """
    match = match_clock(written)
    return None if match is None else wall_clock(match.groupdict(), day_first=day_first)


def match_clock(written: str) -> re.Match[str] | None:
    """Find the first date with a time in a text by all but its digits: whether it is possible is not looked at."""
    return _YEAR_FIRST.search(written) or _YEAR_LAST.search(written) or _NAMED.search(written)


def wall_clock(parts: Mapping[str, str | Any], *, day_first: bool = False) -> WallClock | None:
    """Return the date and time of the parts that `match_clock` found; None where they are impossible."""
    shown, either = None, False
    if "mark" in parts:
        first, second = int(parts["a"]), int(parts["b"])
        shown = _shows_day_first(parts, first, second)
        either = shown is None and first != second
        day, month = (first, second) if (day_first if shown is None else shown) else (second, first)
    elif "m1" in parts:
        day, month = int(parts["d1"] or parts["d2"]), _month(parts["m1"] or parts["m2"])
    else:
        month, day = int(parts["a"]), int(parts["b"])
    moment = _moment(parts, month, day)
    if moment is None or not is_datable(moment):
        return None
    has_fraction = parts["fraction"] is not None
    return WallClock(moment=moment, has_fraction=has_fraction, shows_day_first=shown, either_order=either)


def _shows_day_first(parts: Mapping[str, str | Any], first: int, second: int) -> bool | None:
    """Tell by a number that is no month, else by points, else by a clock of twelve hours, which goes with slashes."""
    if (first > MONTHS) != (second > MONTHS):
        return first > MONTHS
    if parts["mark"] == ".":
        return True
    return False if parts["half"] is not None and parts["mark"] == "/" else None


def _month(name: str) -> int:
    name = name.lower()
    return _MONTH_NAMES.index(name) + 1 if name in _MONTH_NAMES else 0


def _moment(parts: Mapping[str, str | Any], month: int, day: int) -> dt.datetime | None:
    year, hour = int(parts["year"]), int(parts["hour"])
    if parts["half"] is not None:
        hour = hour % _NOON + (_NOON if parts["half"] in "pP" else 0) if 1 <= hour <= _NOON else 99
    fraction = parts["fraction"] or ""
    digits = (fraction.ljust(3, "0") + parts["more"].rjust(3, "0") if parts["more"] else fraction.ljust(6, "0"))[:6]
    try:
        return dt.datetime(
            year if len(parts["year"]) > 2 else 2000 + year,  # noqa: PLR2004
            month,
            day,
            hour,
            int(parts["minute"]),
            int(parts["second"] or 0),
            int(digits),
            tzinfo=_zone((parts["zone"] or "").strip()),
        )
    except ValueError:
        return None


def _zone(written: str) -> dt.tzinfo | None:
    if not written:
        return None
    if written[0] not in "+-":
        return dt.UTC
    shift = dt.timedelta(hours=int(written[1:3]), minutes=int(written[-2:]))
    return dt.timezone(-shift if written[0] == "-" else shift)


def read_wall_clock(written: str, *, day_first: bool = False) -> dt.datetime | None:
    """Return the date and time that a cell holds, or None where it is neither; see `find_wall_clock`."""
    written = written.strip()
    try:
        moment = dt.datetime.fromisoformat(written)
    except ValueError:
        found = find_wall_clock(written, day_first=day_first)
        return None if found is None else found.moment
    return moment if is_datable(moment) else None


def utc_ns(moment: dt.datetime, utc_offset_s: float) -> int:
    """Return UTC nanoseconds of a time, by the zone it states or else by `utc_offset_s`, seconds east of UTC."""
    if moment.tzinfo is None:
        return local_to_utc_ns(moment, utc_offset_s)
    return local_to_utc_ns(moment.astimezone(dt.UTC).replace(tzinfo=None), 0.0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ColumnClock:
    """UTC nanoseconds of the cells of a column, -1 where a cell is no date and time, and what was assumed."""

    t_utc_ns: list[int]
    problems: list[Problem]


def read_column(cells: Sequence[str], *, day_first: bool, utc_offset_s: float | None) -> ColumnClock:
    """Read the wall clock of a table.

    Parameters
    ----------
    cells
        Dates with times.
    day_first
        How to read dates of which none in the column shows whether it begins with the day.
    utc_offset_s
        Zone of cells that state none, seconds east of UTC; None where nobody knows, which is said.
    """
    first, problems = _date_order(cells, day_first=day_first)
    moments = [read_wall_clock(cell, day_first=first) for cell in cells]
    if utc_offset_s is None and any(moment is not None and moment.tzinfo is None for moment in moments):
        text = "the table's clock is local and states no zone; it was taken as UTC; state the zone"
        problems.append(Problem(kind="time_zone_unknown", message=text))
    stamps = [-1 if moment is None else utc_ns(moment, utc_offset_s or 0.0) for moment in moments]
    return ColumnClock(t_utc_ns=stamps, problems=problems)


def _date_order(cells: Iterable[str], *, day_first: bool) -> tuple[bool, list[Problem]]:
    """Tell whether the day comes first, by any date that shows it: a flight has one date, and 01/05/2024 is two."""
    unsure = ""
    for cell in dict.fromkeys(cells):
        found = find_wall_clock(cell)
        if found is not None and found.shows_day_first is not None:
            return found.shows_day_first, []
        if found is not None and found.either_order:
            unsure = unsure or cell.strip()
    if not unsure:
        return day_first, []
    taken = "day" if day_first else "month"
    text = f"nothing tells whether {unsure!r} begins with the day or the month; it was read {taken} first"
    return day_first, [Problem(kind="date_order", message=text)]
