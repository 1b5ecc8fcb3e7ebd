"""When published airspace is in force, held against the hours of a patrol."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

DAY: Final = dt.timedelta(days=1)
MOST_DAYS: Final = 60
"""A patrol window longer than this meets every weekly hour."""
ALL_DAYS: Final = frozenset(range(7))
_END_OF_DAY: Final = re.compile(r"^(.*T)?24:00(:00(?:\.0+)?)?(?![\d:.])", re.IGNORECASE)
"""24:00, the end of a day in ISO 8601, which `fromisoformat` does not read."""
_WEEKDAYS: Final = {name: day for day, name in enumerate(("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"))}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Hours of some weekdays, from midnight UTC; an end at or before the start is on the next day."""

    days: frozenset[int] = ALL_DAYS
    """0 is Monday."""
    start: dt.timedelta = dt.timedelta()
    end: dt.timedelta = DAY


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From when to when, and at which hours of it; None is open, no hours are all hours."""

    start_utc: dt.datetime | None = None
    end_utc: dt.datetime | None = None
    hours: tuple[Hours, ...] = ()


def in_force(periods: Iterable[Period], start_utc: dt.datetime | None, end_utc: dt.datetime | None) -> bool:
    """Tell whether any period meets a patrol's window; a side of the window that is not known counts as open."""
    periods = tuple(periods)
    return not periods or any(_meets(period, start_utc, end_utc) for period in periods)


def _meets(period: Period, start_utc: dt.datetime | None, end_utc: dt.datetime | None) -> bool:
    if period.start_utc is not None and period.end_utc is not None and period.end_utc <= period.start_utc:
        return True  # a slip of whoever published it, which opens no air
    start = max((t for t in (period.start_utc, start_utc) if t is not None), default=None)
    end = min((t for t in (period.end_utc, end_utc) if t is not None), default=None)
    if start is not None and end is not None and start >= end:
        return False
    if not period.hours or start is None or end is None or end - start > MOST_DAYS * DAY:
        return True
    first = start.replace(hour=0, minute=0, second=0, microsecond=0) - DAY
    days = [first + k * DAY for k in range((end - first).days + 1)]
    return any(
        day + hours.start < end and start < day + (hours.end if hours.end > hours.start else hours.end + DAY)
        for day in days
        for hours in period.hours
        if day.weekday() in hours.days
    )


def parse_time(text: object) -> dt.datetime | None:
    """Read a date and time (ISO 8601), UTC where it names no zone; None for nothing.

    Raises
    ------
    ValueError
        For text that is no time.
    """
    if text is None or not str(text).strip():
        return None
    try:
        plain, later = _at_midnight(str(text).strip())
        time = dt.datetime.fromisoformat(plain) + later
        return (time if time.tzinfo is not None else time.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{str(text)[:40]!r} is no date and time") from None


def parse_hours(days: Iterable[object], start: object, end: object) -> Hours:
    """Read weekdays (MON to SUN, ANY) and times of day; the whole day where a time is an event (sunrise) or not said.

    Raises
    ------
    ValueError
        For a weekday or a time of day that is none.
    """
    told: set[int] = set()
    for day in days:
        name = str(day).strip().upper()[:3]
        if name == "ANY":
            told |= ALL_DAYS
        elif name in _WEEKDAYS:
            told.add(_WEEKDAYS[name])
        else:
            raise ValueError(f"{str(day)[:20]!r} is no weekday")
    first, last = _time_of_day(start), _time_of_day(end)
    if first is None or last is None:
        return Hours(days=frozenset(told) or ALL_DAYS)
    return _shifted(frozenset(told) or ALL_DAYS, first, last)


def _time_of_day(text: object) -> dt.timedelta | None:
    """Return a time of day since midnight UTC, which may lie before or after the day it names."""
    if text is None or not str(text).strip():
        return None
    try:
        plain, later = _at_midnight(str(text).strip())
        time = dt.time.fromisoformat(plain)
    except ValueError:
        raise ValueError(f"{str(text)[:20]!r} is no time of day") from None
    since = later + dt.timedelta(hours=time.hour, minutes=time.minute, seconds=time.second)
    return since - (time.utcoffset() or dt.timedelta())


def _at_midnight(text: str) -> tuple[str, dt.timedelta]:
    """Return a time with 24:00 put as 00:00, and how much later it is meant."""
    if not _END_OF_DAY.match(text):
        return text, dt.timedelta()
    return _END_OF_DAY.sub(lambda found: f"{found.group(1) or ''}00:00{found.group(2) or ''}", text), DAY


def _shifted(days: frozenset[int], start: dt.timedelta, end: dt.timedelta) -> Hours:
    """Bring hours that begin on the UTC day before or after their own to the day they begin on."""
    shift = start // DAY
    moved = frozenset((day + shift) % 7 for day in days)
    return Hours(days=moved, start=start - shift * DAY, end=end - shift * DAY)
