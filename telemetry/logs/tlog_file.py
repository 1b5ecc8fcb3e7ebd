"""Read a ground station's ``.tlog``: MAVLink frames, each after its time of reception."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.mavlink.frames import find_frames, join, message_ids, unpack
from telemetry.mavlink.pose import POSE_MESSAGES, track_from_messages
from telemetry.tracks.datums import egm96
from telemetry.tracks.pose_track import Problem
from telemetry.tracks.track_cleaning import fewer, skipped_bytes
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from telemetry.mavlink.frames import MessageTable
    from telemetry.tracks.datums import Undulation
    from telemetry.tracks.pose_track import PoseTrack

CHUNK_BYTES: Final = 1 << 20
"""Read at a time, so that memory stays flat over long logs."""
LONGEST_BYTES: Final = 8 + 10 + 255 + 2 + 13
"""Longest stamped frame; so much of a damaged block is looked at again with the next one."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TlogMessages:
    """Wanted messages of a log, how many frames it holds in all, and what was damaged."""

    tables: dict[str, MessageTable]
    frame_count: int
    problems: tuple[Problem, ...]


def read_messages(path: str | Path, names: tuple[str, ...] = POSE_MESSAGES) -> TlogMessages:
    """Read the named messages of a ``.tlog``.

    Raises
    ------
    SourceError
        There is no such file, or no valid MAVLink frame in it.
    """
    path = Path(path)
    wanted = message_ids(names)
    parts: list[dict[str, MessageTable]] = []
    problems: list[Problem] = []
    count, begin = 0, 0
    try:
        size = path.stat().st_size
        while begin < size:
            data = np.fromfile(path, dtype=np.uint8, count=CHUNK_BYTES, offset=begin)
            frames, scan = find_frames(data, stamped=True, offset=begin, wanted=wanted)
            parts.append(unpack(data, frames, wanted))
            problems += scan.problems
            count += scan.count
            begin, unfinished = _next(begin, scan.consumed, len(data), size)
            problems += unfinished
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}", path=str(path)) from error
    if not count:
        raise SourceError(f"{path}: no valid MAVLink frame in it; a .tlog holds MAVLink 1 or 2", path=str(path))
    return TlogMessages(tables=join(parts), frame_count=count, problems=fewer(problems))


def _next(begin: int, consumed: int, length: int, size: int) -> tuple[int, list[Problem]]:
    """Return where to read on; the last bytes of the file that finish no frame are a problem."""
    if begin + length >= size:
        left = length - consumed
        if not left:
            return size, []
        where = begin + consumed
        text = f"the last {left} bytes, from offset {where}, hold no whole frame; the log was cut short"
        return size, [Problem(kind="cut_short", message=text, offset=where)]
    ahead = max(consumed, length - LONGEST_BYTES)
    skipped = [skipped_bytes(begin + consumed, ahead - consumed)] if ahead > consumed else []
    return begin + ahead, skipped


def read_tlog(path: str | Path, *, undulation: Undulation = egm96) -> PoseTrack:
    """Read the pose track of a ``.tlog`` (SourceError where there is none in it)."""
    messages = read_messages(path)
    return track_from_messages(
        messages.tables, source=Path(path).name, undulation=undulation, problems=messages.problems
    )
