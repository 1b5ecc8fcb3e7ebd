"""The original bytes of a live stream, kept in segments with their SHA-256 before anything is derived."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import threading
from typing import IO, TYPE_CHECKING, Final

from telemetry.errors import MediaError
from telemetry.recordings.card_file import SEGMENT_LIST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SEGMENT_BYTES: Final = 64 * 1024 * 1024
"""Default size of a segment: what a power cut may cost at most is the last one."""

LINK_LOG: Final = "link.tlog"
"""What came over a MAVLink link beside the stream."""
PART: Final = ".part"
"""Ending of a segment under way; a recorder that was killed leaves it, with every byte that had come."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One finished piece of a recording."""

    name: str
    size_bytes: int
    sha256: str
    first_utc_ns: int
    last_utc_ns: int


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def finish_left(folder: Path) -> list[Path]:
    """Give the segments that a killed recorder left their names; returns every segment of the folder."""
    for part in sorted(folder.glob(f"*{PART}")):
        os.replace(part, part.with_name(part.name.removesuffix(PART)))
    return sorted(path for path in folder.iterdir() if path.stem.isdigit())


class SegmentRecorder:
    """Writes what it is given, byte for byte, into numbered files; a context manager.

    A segment under way is called ``*.part``; when full it is flushed to the disk,
    renamed, and its line added to ``segments.jsonl``. Numbers go on where an
    earlier recording in the folder ended.

    Parameters
    ----------
    folder
        Where segments go; made if absent.
    clock
        UTC nanoseconds.
    segment_bytes
        Size at which a segment is finished.
    open_new
        Makes a segment's file where it is not to lie in the clear; then no list of segments and hashes is kept either.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], int],
        segment_bytes: int = SEGMENT_BYTES,
        suffix: str = ".ts",
        open_new: Callable[[Path], IO[bytes]] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._clock = clock
        self._segment_bytes = segment_bytes
        self._suffix = suffix
        names = [path.name.removesuffix(PART).removesuffix(suffix) for path in folder.iterdir()]
        self._number = 1 + max((int(name) for name in names if name.isdigit()), default=0)
        self._open_new = open_new
        self._file: IO[bytes] | None = None
        self._digest = hashlib.sha256()
        self._size = 0
        self._first_utc_ns = self._last_utc_ns = 0
        self._lock = threading.Lock()
        self.segments: list[Segment] = []

    def __enter__(self) -> SegmentRecorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, data: bytes) -> None:
        """Keep bytes.

        Raises
        ------
        MediaError
            The disk takes no more; what was finished before stays whole.
        """
        with self._lock:
            try:
                if self._file is None:
                    self._file = self._opened(self._folder / f"{self._name}{PART}")
                    self._first_utc_ns = self._clock()
                self._file.write(data)
            except OSError as error:
                raise self._stopped(error) from error
            self._digest.update(data)
            self._size += len(data)
            self._last_utc_ns = self._clock()
            full = self._size >= self._segment_bytes
        if full:
            self.close()

    def checkpoint(self) -> Segment | None:
        """Sync the segment under way, and say what of it is on the disk; None where there is none.

        What is said here can be recorded elsewhere: the first `size_bytes` bytes of the segment will always
        have this hash.
        """
        with self._lock:
            if self._file is None:
                return None
            try:
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError as error:
                raise self._stopped(error) from error
            return self._segment()

    def close(self) -> None:
        """Finish the segment under way, if there is one; the next byte begins another."""
        with self._lock:
            if self._file is None:
                return
            file, segment = self._file, self._segment()
            self._file = None
            try:
                with file:
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(self._folder / f"{segment.name}{PART}", self._folder / segment.name)
                if self._open_new is None:
                    with (self._folder / SEGMENT_LIST).open("a", encoding="utf-8") as listing:
                        listing.write(json.dumps(dataclasses.asdict(segment)) + "\n")
            except OSError as error:
                raise self._stopped(error) from error
            self.segments.append(segment)
            self._number += 1
            self._digest, self._size = hashlib.sha256(), 0

    def _opened(self, path: Path) -> IO[bytes]:
        return open(path, "wb", opener=_private) if self._open_new is None else self._open_new(path)

    def _segment(self) -> Segment:
        return Segment(
            name=self._name,
            size_bytes=self._size,
            sha256=self._digest.hexdigest(),
            first_utc_ns=self._first_utc_ns,
            last_utc_ns=self._last_utc_ns,
        )

    def _stopped(self, error: OSError) -> MediaError:
        return MediaError(f"recording into {self._folder} stopped: {error.strerror}", path=str(self._folder))

    @property
    def _name(self) -> str:
        return f"{self._number:06d}{self._suffix}"
