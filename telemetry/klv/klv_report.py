"""A decoded stream as rows a person or a program may read: names, units, values, nested sets opened."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geo.foreign_text import csv_text
from telemetry.klv import TAGS
from telemetry.klv.covariance import decode_uncertainty
from telemetry.klv.klv_track import utc_ns
from telemetry.klv.security import decode_security
from telemetry.klv.tags import NUMERIC
from telemetry.klv.vmti import decode_vmti

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telemetry.klv import KlvStream


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KlvStats:
    """Counts of a stream; `tags` maps each tag to the packets that carry it."""

    packets: int
    bad_checksum: int
    span_s: float
    rate_hz: float
    tags: dict[int, int]
    other_sets: dict[str, int]
    problems: int


def stats(stream: KlvStream) -> KlvStats:
    """Count packets, checksums, time covered and items."""
    times = utc_ns(stream)
    times = times[times >= 0]
    span_s = float(times.max() - times.min()) * 1e-9 if len(times) else math.nan
    keys = [other.key.hex() for other in stream.others]
    return KlvStats(
        packets=len(stream),
        bad_checksum=stream.bad_checksum,
        span_s=span_s,
        rate_hz=(len(times) - 1) / span_s if len(times) > 1 and span_s > 0 else math.nan,
        tags={tag: len(np.unique(column.packet)) for tag, column in sorted(stream.columns.items())},
        other_sets={key: keys.count(key) for key in sorted(set(keys))},
        problems=len(stream.problems),
    )


def tag_name(tag: int) -> str:
    """Return a tag's name, or "unknown tag"."""
    return TAGS[tag].name if tag in TAGS else "unknown tag"


def rows(stream: KlvStream) -> Iterator[dict[int, Any]]:
    """Yield one mapping a packet, tag to value: numbers, texts, bytes; NaN and -1 ("no value") become None."""
    table: list[dict[int, Any]] = [{} for _ in range(len(stream))]
    for tag, column in stream.columns.items():
        values = column.values.tolist() if isinstance(column.values, np.ndarray) else column.values
        for packet, value in zip(column.packet.tolist(), values, strict=True):
            table[packet][tag] = _plain(tag, value)
    yield from table


def _plain(tag: int, value: Any) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        counted = tag in TAGS and TAGS[tag].coding in NUMERIC and TAGS[tag].hi == 0.0
        return int(value) if counted else value
    return None if isinstance(value, int) and value < 0 else value


def opened(tag: int, value: Any) -> Any:
    """Return a value fit for JSON: nested sets as objects where they are understood, else bytes as hex."""
    if not isinstance(value, bytes):
        return value
    decoded = _NESTED[tag](value) if tag in _NESTED else None
    return value.hex() if decoded is None else _jsonable(decoded)


def _jsonable(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _jsonable(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_jsonable(item) for item in value]
    if isinstance(value, np.ndarray):
        return _jsonable(value.tolist())
    if isinstance(value, bytes):
        return value.hex()
    return None if isinstance(value, float) and not math.isfinite(value) else value


_NESTED: Final[dict[int, Callable[[bytes], Any]]] = {48: decode_security, 74: decode_vmti, 102: decode_uncertainty}


def csv_cell(value: Any) -> str:
    """Return one CSV cell: numbers as they are, text so that no spreadsheet runs it (a leading quote)."""
    if value is None:
        return ""
    if isinstance(value, str):
        return csv_text(value)
    return value.hex() if isinstance(value, bytes) else str(value)
