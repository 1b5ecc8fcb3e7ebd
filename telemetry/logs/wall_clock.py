"""Dates and times as programs write them for people: ISO 8601, month first, twelve hours."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from telemetry.tracks.time_bases import is_datable

_DATE: Final = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})")
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?\s*([AaPp][Mm])?")


def read_wall_clock(written: str) -> dt.datetime | None:
    """Return a date and time, or None where the text is neither; aware only where the text states a zone.

    ``5/1/2024`` is the first of May, as programs for the United States write it, unless its first
    number is no month. Dates that do not fit nanoseconds since 1970 are None.
    """
    written = written.strip()
    try:
        moment: dt.datetime | None = dt.datetime.fromisoformat(written)
    except ValueError:
        moment = _month_first(written)
    return moment if moment is not None and is_datable(moment) else None


def _month_first(written: str) -> dt.datetime | None:
    date, clock = _DATE.search(written), _CLOCK.search(written)
    if date is None or clock is None:
        return None
    month, day, year = (int(date.group(i)) for i in (1, 2, 3))
    if month > 12:  # noqa: PLR2004
        month, day = day, month
    hour, minute, second = (int(clock.group(i)) for i in (1, 2, 3))
    half = (clock.group(5) or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    try:
        return dt.datetime(year, month, day, hour, minute, second, int((clock.group(4) or "0").ljust(6, "0")))  # noqa: DTZ001 - the text states no zone
    except ValueError:
        return None
