"""The newest signing timestamp of each stream, kept so that a restart accepts no replay.

The file is a 16-byte header (magic, key fingerprint) and one 16-byte record a
stream, rewritten in place: a crash of the process loses nothing, a power cut
at most the last second.
"""

from __future__ import annotations

import os
import struct
import time
from typing import TYPE_CHECKING, Final, Self

from geo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from missions.links.signing import SigningKey, Stream

_MAGIC: Final = b"VDTMARK1"
_RECORD: Final = struct.Struct("<BBBxIQ")
_HEADER_BYTES: Final = 16
_MOST_STREAMS: Final = 65_536
_FSYNC_EVERY_S: Final = 1.0


class MarksFile:
    """Marks of one key, in a file that only its owner may read.

    Raises
    ------
    InputError
        When the file is damaged or belongs to another key: starting over would
        accept old frames again, so that is for a person to decide.
    """

    def __init__(self, path: Path, key: SigningKey, clock: Callable[[], float] = time.monotonic) -> None:
        self.streams: dict[Stream, int] = {}
        self._places: dict[Stream, int] = {}
        self._clock = clock
        self._synced_s = clock()
        self._closed = False
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._read(path, key)
        except InputError:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, path: Path, key: SigningKey) -> None:
        data = os.pread(self._file, _HEADER_BYTES + _MOST_STREAMS * _RECORD.size, 0)
        if not data:
            os.pwrite(self._file, _MAGIC + key.fingerprint, 0)
            os.fsync(self._file)
            return
        records = data[_HEADER_BYTES:]
        if data[:8] != _MAGIC or len(data) < _HEADER_BYTES or len(records) % _RECORD.size:
            raise InputError(
                f"{path} is a damaged file of signing marks; remove it only if no old frame can come again"
            )
        if data[8:_HEADER_BYTES] != key.fingerprint:
            raise InputError(f"{path} holds the signing marks of another key; name another file for this key")
        for index, (link, system, component, _, timestamp) in enumerate(_RECORD.iter_unpack(records)):
            self.streams[link, system, component] = timestamp
            self._places[link, system, component] = _HEADER_BYTES + index * _RECORD.size

    def set(self, stream: Stream, timestamp: int) -> None:
        """Write one stream's newest timestamp in place."""
        if self._closed:
            return
        self.streams[stream] = timestamp
        place = self._places.setdefault(stream, _HEADER_BYTES + len(self._places) * _RECORD.size)
        os.pwrite(self._file, _RECORD.pack(*stream, 0, timestamp), place)
        if self._clock() - self._synced_s >= _FSYNC_EVERY_S:
            os.fsync(self._file)
            self._synced_s = self._clock()

    def close(self) -> None:
        """Put everything on the disk and close the file."""
        if not self._closed:
            os.fsync(self._file)
            os.close(self._file)
            self._closed = True
