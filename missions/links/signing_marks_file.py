"""The newest signing timestamps, kept so that a restart accepts no replay and signs nothing older.

The file is a 16-byte header (magic, key fingerprint) and one 16-byte record a
stream: link id, system, component, whether we sent it or heard it, and the
timestamp. While it is open its records are written in place, so that the death
of the process loses nothing; each second it is also written anew beside, synced
and renamed, so that a power cut loses at most the last second and never the
file. Reading takes the highest of what is there: marks only ever rise.
"""

from __future__ import annotations

import contextlib
import logging
import os
import struct
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from geo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from missions.links.signing_key import SigningKey, Stream

_LOG = logging.getLogger(__name__)
_MAGIC: Final = b"VDTMARK1"
_RECORD: Final = struct.Struct("<BBB?IQ")
_HEADER_BYTES: Final = 16
_MOST_BYTES: Final = 1 << 20
_SYNC_EVERY_S: Final = 1.0
_OWNER_ONLY: Final = 0o600

_Marks = dict[tuple["Stream", bool], int]
"""(stream, whether we sent it) -> timestamp."""


class MarksFile:
    """Marks of one key on one link, in a file that only its owner may read.

    Parameters
    ----------
    path
        The file; made if it does not exist.
    key
        The key whose marks these are.
    siblings
        Marks files of other links with the same key.
    clock
        Monotonic seconds, for the distance between two syncs.

    Raises
    ------
    InputError
        When the file is damaged, cannot be written, or belongs to another key: starting
        over would accept old frames again, so that is for a person to decide.
    """

    def __init__(
        self,
        path: Path,
        key: SigningKey,
        *,
        siblings: Callable[[], Iterable[Path]] = tuple,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._header = _MAGIC + key.fingerprint
        self._siblings = siblings
        self._clock = clock
        self._marks: _Marks = {}
        self._places: dict[tuple[Stream, bool], int] = {}
        self._synced_s = clock()
        self._file = -1
        self._failed = False
        try:
            self._marks = self._read() if path.exists() else {}
            self._replace()
        except OSError as error:
            raise InputError(f"{path}: signing marks cannot be kept here ({error.strerror})") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def heard(self) -> dict[Stream, int]:
        """The newest timestamp heard of each stream."""
        return {stream: timestamp for (stream, sent), timestamp in self._marks.items() if not sent}

    @property
    def sent(self) -> dict[Stream, int]:
        """The newest timestamp we sent on each stream of ours."""
        return {stream: timestamp for (stream, sent), timestamp in self._marks.items() if sent}

    def sent_elsewhere(self, stream: Stream) -> int:
        """Return the newest timestamp that other links with this key sent on a stream, 0 for none."""
        newest = 0
        for path in self._siblings():
            if path != self._path:
                with contextlib.suppress(OSError, InputError):
                    newest = max(newest, _parse(path.read_bytes(), self._header, path).get((stream, True), 0))
        return newest

    def set_heard(self, stream: Stream, timestamp: int) -> None:
        """Keep the newest timestamp heard of a stream."""
        self._set((stream, False), timestamp)

    def set_sent(self, stream: Stream, timestamp: int) -> None:
        """Keep the newest timestamp sent on a stream; to be called before the frame leaves."""
        self._set((stream, True), timestamp)

    def close(self) -> None:
        """Put everything on the disk and close the file."""
        if self._file >= 0:
            self._sync()
            os.close(self._file)
            self._file = -1

    def _set(self, mark: tuple[Stream, bool], timestamp: int) -> None:
        if self._file < 0 or timestamp <= self._marks.get(mark, -1):
            return
        self._marks[mark] = timestamp
        place = self._places.setdefault(mark, _HEADER_BYTES + len(self._places) * _RECORD.size)
        with self._going_on():
            os.pwrite(self._file, _packed(mark, timestamp), place)
        if self._clock() - self._synced_s >= _SYNC_EVERY_S:
            self._sync()

    def _sync(self) -> None:
        with self._going_on():
            self._replace()
        self._synced_s = self._clock()

    @contextlib.contextmanager
    def _going_on(self) -> Iterator[None]:
        """Say a full or broken disk once; it ends no flight, the marks in memory hold."""
        try:
            yield
        except OSError as error:
            if not self._failed:
                _LOG.error("signing marks are not kept any more: %s", error.strerror, extra={"path": str(self._path)})
            self._failed = True

    def _replace(self) -> None:
        """Write the file anew beside, sync, rename, sync the folder; another process's higher marks are kept."""
        with contextlib.suppress(FileNotFoundError, InputError):
            for mark, timestamp in self._read().items():
                self._marks[mark] = max(timestamp, self._marks.get(mark, -1))
        places = {mark: _HEADER_BYTES + i * _RECORD.size for i, mark in enumerate(self._marks)}
        data = self._header + b"".join(_packed(mark, timestamp) for mark, timestamp in self._marks.items())
        file, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        try:
            os.fchmod(file, _OWNER_ONLY)
            with os.fdopen(file, "wb", closefd=False) as stream:
                stream.write(data)
            os.fsync(file)
            os.replace(name, self._path)
        except BaseException:
            os.close(file)
            Path(name).unlink(missing_ok=True)
            raise
        if self._file >= 0:
            os.close(self._file)
        self._file, self._places, self._synced_s = file, places, self._clock()
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _read(self) -> _Marks:
        with self._path.open("rb") as file:
            return _parse(file.read(_MOST_BYTES), self._header, self._path)


def _packed(mark: tuple[Stream, bool], timestamp: int) -> bytes:
    (link, system, component), sent = mark
    return _RECORD.pack(link, system, component, sent, 0, timestamp)


def _parse(data: bytes, header: bytes, path: Path) -> _Marks:
    """Return the marks of a file; a record cut short by the end of power is no damage, a wrong header is."""
    if len(data) < _HEADER_BYTES or data[:8] != _MAGIC:
        raise InputError(f"{path} is a damaged file of signing marks; remove it only if no old frame can come again")
    if data[:_HEADER_BYTES] != header:
        raise InputError(f"{path} holds the signing marks of another key; name another file for this key")
    whole = (len(data) - _HEADER_BYTES) // _RECORD.size * _RECORD.size
    marks: _Marks = {}
    for link, system, component, sent, _, timestamp in _RECORD.iter_unpack(data[_HEADER_BYTES : _HEADER_BYTES + whole]):
        mark = ((link, system, component), sent)
        marks[mark] = max(timestamp, marks.get(mark, -1))
    return marks
