"""Read a PX4 log (``.ulg``)."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.logs.ulog_messages import HEADER_BYTES, MAGIC, Definitions, TopicTable, unpack, walk
from telemetry.logs.ulog_pose import POSE_TOPICS, track_from_topics
from telemetry.tracks.datums import egm96
from telemetry.tracks.pose_track import Problem
from telemetry.tracks.track_cleaning import LISTED, fewer, skipped_bytes
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from telemetry.tracks.datums import Undulation
    from telemetry.tracks.pose_track import PoseTrack

CHUNK_BYTES: Final = 2 << 20
"""Read at a time, so that memory stays flat over long logs."""
LONGEST_BYTES: Final = 3 + 65_535
"""Longest message; so much of a damaged block is looked at again with the next one."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UlogTopics:
    """Wanted topics of a log by name and instance, how many messages it holds in all, and what is wrong with it."""

    tables: dict[tuple[str, int], TopicTable]
    message_count: int
    dropouts_ms: tuple[int, ...]
    problems: tuple[Problem, ...]


@dataclasses.dataclass(slots=True)
class _Reader:
    """What is gathered while a log is read block by block."""

    names: tuple[str, ...] | None
    definitions: Definitions = dataclasses.field(default_factory=Definitions)
    parts: dict[tuple[str, int], list[TopicTable]] = dataclasses.field(default_factory=dict)
    restarts: tuple[int, ...] = ()
    problems: list[Problem] = dataclasses.field(default_factory=list)
    dropouts: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    last_us: int = -1
    count: int = 0

    def take(self, data: NDArray[np.uint8], start: NDArray[np.int64]) -> None:
        """Take one block's messages: first what defines topics, then their data."""
        kind = data[start + 2]
        for at in start[np.isin(kind, np.frombuffer(b"FABO", dtype=np.uint8))].tolist():
            self._take_one(data, at)
        wanted = {}
        for number, (name, instance) in self.definitions.subscriptions.items():
            layout = self.definitions.layout(name) if self.names is None or name in self.names else None
            if layout is not None:
                empty = TopicTable(name=name, instance=instance, fields=np.zeros(0, dtype=layout))
                wanted[number] = (empty, layout)
        for table in unpack(data, start, wanted).values():
            self.parts.setdefault((table.name, table.instance), []).append(table)
        self.count += len(start)

    def _take_one(self, data: NDArray[np.uint8], at: int) -> None:
        length = int(data[at]) | int(data[at + 1]) << 8
        payload = data[at + 3 : at + 3 + length].tobytes()
        if data[at + 2] == ord("B"):
            if length >= 40 and payload[8] & 1:
                self.restarts = tuple(int(mark) for mark in np.frombuffer(payload[16:40], dtype="<u8") if mark)
        elif data[at + 2] == ord("O"):
            self.dropouts.append((at, int.from_bytes(payload[:2], "little")))
        else:
            self.definitions.learn(int(data[at + 2]), payload)


def read_topics(path: str | Path, names: tuple[str, ...] | None = POSE_TOPICS) -> UlogTopics:
    """Read the named topics of a ULog (all of them with ``names=None``).

    Raises
    ------
    SourceError
        There is no such file, or it is no ULog.
    """
    path = Path(path)
    reader = _Reader(names)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            if file.read(HEADER_BYTES)[: len(MAGIC)] != MAGIC:
                raise SourceError(f"{path}: not a ULog, its first bytes are not 'ULog'", path=str(path))
        begin = HEADER_BYTES
        while begin < size:
            data = np.fromfile(path, dtype=np.uint8, count=CHUNK_BYTES, offset=begin)
            begin = _take_block(reader, data, begin, size)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}", path=str(path)) from error
    if not reader.count:
        raise SourceError(f"{path}: no valid ULog message after the header", path=str(path))
    lost = [milliseconds for _, milliseconds in reader.dropouts]
    tables = {
        key: dataclasses.replace(parts[0], fields=np.concatenate([part.fields for part in parts]))
        for key, parts in reader.parts.items()
    }
    return UlogTopics(
        tables=tables,
        message_count=reader.count,
        dropouts_ms=tuple(lost),
        problems=(*fewer(reader.problems), *_dropout_problems(reader.dropouts)),
    )


def _take_block(reader: _Reader, data: NDArray[np.uint8], begin: int, size: int) -> int:
    """Take the messages of one block and return where to read on."""
    last = begin + len(data) >= size
    raw = data.tobytes()
    if begin == HEADER_BYTES and raw[2:3] == b"B":
        reader.take(data, np.zeros(1, dtype=np.int64) if len(raw) >= 43 else np.zeros(0, dtype=np.int64))
        reader.count -= len(raw) >= 43
    steps = walk(raw, last=last, offset=begin, restarts=reader.restarts)
    before = len(reader.dropouts)
    reader.take(data, steps.start)
    reader.dropouts[before:] = [(at + begin, lost) for at, lost in reader.dropouts[before:]]
    reader.problems[:] = fewer([*reader.problems, *steps.problems])
    if last:
        left = len(data) - steps.consumed
        if left:
            where = begin + steps.consumed
            text = f"the last {left} bytes, from offset {where}, hold no whole message; the log was cut short"
            reader.problems.append(Problem(kind="cut_short", message=text, offset=where))
        return size
    if steps.consumed:
        return begin + steps.consumed
    skipped = max(1, len(data) - LONGEST_BYTES)
    reader.problems.append(skipped_bytes(begin, skipped))
    return begin + skipped


def _dropout_problems(dropouts: list[tuple[int, int]]) -> list[Problem]:
    listed = [
        Problem(kind="logger_dropout", message=f"the logger lost {lost} ms at offset {at}", offset=at)
        for at, lost in dropouts[:LISTED]
    ]
    if len(dropouts) > LISTED:
        total_s = sum(lost for _, lost in dropouts[LISTED:]) / 1000
        text = f"the logger lost data {len(dropouts) - LISTED} more times, {total_s:.1f} s together"
        listed.append(Problem(kind="logger_dropout", message=text))
    return listed


def read_ulog(path: str | Path, *, undulation: Undulation = egm96) -> PoseTrack:
    """Read the pose track of a ULog (SourceError where there is none in it)."""
    topics = read_topics(path)
    return track_from_topics(topics.tables, source=Path(path).name, undulation=undulation, problems=topics.problems)
