"""Local time for a page that knows no zones: the offsets from UTC that count between two moments."""

from __future__ import annotations

import datetime as dt

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_DAY_MS = 86_400_000


def offsets_of(from_ms: int, to_ms: int, zone: dt.tzinfo | None) -> list[list[int]]:
    """Return pairs of a moment (UTC milliseconds) and the minutes that local time is ahead of UTC from then on.

    Parameters
    ----------
    from_ms, to_ms
        First and last moment.
    zone
        The zone; None takes the machine's own.
    """
    pairs = [[from_ms, offset_min(from_ms, zone)]]
    for moment in range(from_ms, to_ms + _DAY_MS, _DAY_MS):
        until = min(moment + _DAY_MS, max(to_ms, from_ms))
        if offset_min(until, zone) != pairs[-1][1]:
            pairs.append([_change(moment, until, zone), offset_min(until, zone)])
    return pairs


def offset_min(t_ms: int, zone: dt.tzinfo | None) -> int:
    """Return how many minutes local time is ahead of UTC."""
    ahead = (_EPOCH + dt.timedelta(milliseconds=t_ms)).astimezone(zone).utcoffset() or dt.timedelta()
    return round(ahead.total_seconds() / 60.0)


def _change(before_ms: int, after_ms: int, zone: dt.tzinfo | None) -> int:
    """Return the first moment at which the later offset counts."""
    offset = offset_min(after_ms, zone)
    while after_ms - before_ms > 1:
        middle = (before_ms + after_ms) // 2
        before_ms, after_ms = (before_ms, middle) if offset_min(middle, zone) == offset else (middle, after_ms)
    return after_ms
