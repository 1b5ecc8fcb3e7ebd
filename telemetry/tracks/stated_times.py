"""Times and zones as a person states them."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Final

from geo.errors import InputError
from telemetry.tracks.time_bases import is_datable

_ZONE: Final = re.compile(r"([+-])(\d{1,2}):(\d{2})\Z")


def parse_utc_offset(text: str | None, option: str = "--utc-offset") -> float | None:
    """Read a zone, as +02:00, into seconds east of UTC.

    Raises
    ------
    InputError
        The text is no zone.
    """
    if text is None:
        return None
    match = _ZONE.match(text)
    if match is None or int(match.group(2)) > 14 or int(match.group(3)) > 59:
        raise InputError(f"{option}: {text!r} is no zone; write hours and minutes east of UTC, as +02:00 or -05:30")
    seconds = int(match.group(2)) * 3600 + int(match.group(3)) * 60
    return float(-seconds if match.group(1) == "-" else seconds)


def parse_start(text: str | None) -> int | None:
    """Read when a recording began into UTC nanoseconds."""
    return parse_moment(text, "--start")


def parse_moment(text: str | None, option: str) -> int | None:
    """Read a moment that an option states into UTC nanoseconds.

    Raises
    ------
    InputError
        The text is no time with a zone.
    """
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not is_datable(moment):
        raise InputError(f"{option}: {text!r} is no time with a zone; write it as 2024-05-01T10:00:00Z")
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1) * 1000


def parse_span(from_time: str | None, to_time: str | None) -> tuple[int | None, int | None]:
    """Read ``--from`` and ``--to`` into UTC nanoseconds, None where one is not stated.

    Raises
    ------
    InputError
        One is no time with a zone, or the first is later than the second.
    """
    start, end = parse_moment(from_time, "--from"), parse_moment(to_time, "--to")
    if start is not None and end is not None and start > end:
        raise InputError("--from is later than --to: exchange them")
    return start, end


def parse_offset(text: str) -> float | None:
    """Read ``--offset``: seconds, or None for auto.

    Raises
    ------
    InputError
        The text is neither.
    """
    if text.strip().lower() == "auto":
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise InputError(f"--offset takes seconds, or auto, not {text!r}")
    return seconds
