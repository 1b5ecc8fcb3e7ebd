"""Read an ArduPilot DataFlash log (``.bin``)."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.logs.dataflash_pose import POSE_RECORDS, track_from_records
from telemetry.logs.dataflash_records import RecordTable, find_formats, find_heads, find_records, unpack
from telemetry.tracks.datums import egm96
from telemetry.tracks.pose_track import Problem
from telemetry.tracks.track_cleaning import fewer, skipped_bytes
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from telemetry.logs.dataflash_records import RecordFormat
    from telemetry.tracks.datums import Undulation
    from telemetry.tracks.pose_track import PoseTrack

CHUNK_BYTES: Final = 2 << 20
"""Read at a time, so that memory stays flat over long logs."""
LONGEST_BYTES: Final = 2 * 255
"""A record and the head of the next; so much of a damaged block is looked at again with the next one."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DataflashRecords:
    """Wanted records of a log by name, how many records it holds in all, and what was damaged."""

    tables: dict[str, RecordTable]
    record_count: int
    problems: tuple[Problem, ...]


def read_records(path: str | Path, names: tuple[str, ...] | None = POSE_RECORDS) -> DataflashRecords:
    """Read the named records of a DataFlash log (all of them with ``names=None``).

    Raises
    ------
    SourceError
        There is no such file, or no valid record in it.
    """
    path = Path(path)
    formats: dict[int, RecordFormat] = {}
    parts: list[dict[str, RecordTable]] = []
    problems: list[Problem] = []
    count, begin = 0, 0
    try:
        size = path.stat().st_size
        while begin < size:
            data = np.fromfile(path, dtype=np.uint8, count=CHUNK_BYTES, offset=begin)
            last = begin + len(data) >= size
            heads = find_heads(data)
            formats |= {form.type_id: form for form in find_formats(data, heads)}
            start, type_id, consumed, damaged = find_records(data, heads, formats, last=last, offset=begin)
            wanted = [form for form in formats.values() if names is None or form.name in names]
            parts.append(unpack(data, start, type_id, wanted, offset=begin))
            problems += damaged
            count += len(start)
            if last:
                problems += _unfinished(begin + consumed, len(data) - consumed)
                break
            ahead = max(consumed, len(data) - LONGEST_BYTES, 1)
            if ahead > consumed:
                problems.append(skipped_bytes(begin + consumed, ahead - consumed))
            begin += ahead
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}", path=str(path)) from error
    if not count:
        raise SourceError(f"{path}: no valid DataFlash record in it", path=str(path))
    return DataflashRecords(tables=_join(parts), record_count=count, problems=fewer(problems))


def _unfinished(where: int, left: int) -> list[Problem]:
    if not left:
        return []
    text = f"the last {left} bytes, from offset {where}, hold no whole record; the log was cut short"
    return [Problem(kind="cut_short", message=text, offset=where)]


def _join(parts: list[dict[str, RecordTable]]) -> dict[str, RecordTable]:
    """Concatenate tables of one name; records whose layout changes within a log keep the last layout."""
    gathered: dict[str, list[RecordTable]] = {}
    for part in parts:
        for name, table in part.items():
            before = gathered.setdefault(name, [])
            if before and before[-1].fields.dtype != table.fields.dtype:
                before.clear()
            before.append(table)
    return {
        name: RecordTable(
            offset=np.concatenate([table.offset for table in tables]),
            fields=np.concatenate([table.fields for table in tables]),
            factors=tables[-1].factors,
        )
        for name, tables in gathered.items()
    }


def read_dataflash(path: str | Path, *, undulation: Undulation = egm96) -> PoseTrack:
    """Read the pose track of a DataFlash log (SourceError where there is none in it)."""
    records = read_records(path)
    return track_from_records(records.tables, source=Path(path).name, undulation=undulation, problems=records.problems)
