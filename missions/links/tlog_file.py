"""Recording what went over a link, in the form ground stations replay (`.tlog`).

Each record is the reception time in microseconds since 1970 as a big-endian
unsigned 64-bit number, then the raw MAVLink frame (pymavlink `mavlogfile`,
Mission Planner, QGroundControl).
"""

from __future__ import annotations

import os
import struct
import threading
import time
from typing import TYPE_CHECKING, BinaryIO, Final, Self

from geo.errors import InputError
from missions.links.frames import may_carry_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FSYNC_EVERY_S: Final = 1.0


def _open_new(path: Path) -> BinaryIO:
    return path.open("xb")


class TlogRecorder:
    """Append frames to a new `.tlog`; at most a second of them can be lost to a power cut.

    Parameters
    ----------
    path
        The file to make. One that exists is never overwritten.
    clock, wall_ns
        Monotonic seconds, for the distance between two fsyncs; nanoseconds since 1970, for the time of each frame.
    open_new
        Makes the file; one that exists raises `FileExistsError`.

    Raises
    ------
    InputError
        When the file exists already or its folder does not.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = time.monotonic,
        wall_ns: Callable[[], int] = time.time_ns,
        open_new: Callable[[Path], BinaryIO] = _open_new,
    ) -> None:
        self.path = path
        self.frames = 0
        self._clock = clock
        self._wall_ns = wall_ns
        self._synced_s = clock()
        self._lock = threading.Lock()
        try:
            self._file = open_new(path)
        except FileExistsError:
            raise InputError(f"{path} exists already; name a new file for this flight's log", path=str(path)) from None
        except FileNotFoundError:
            raise InputError(f"the folder of {path} does not exist; create it first", path=str(path)) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record(self, frame: bytes) -> None:
        """Write one raw frame as received or sent now, unless it carries a signing key."""
        if may_carry_key(frame):
            return
        with self._lock:
            if self._file.closed:
                return
            self._file.write(struct.pack(">Q", self._wall_ns() // 1000) + frame)
            self.frames += 1
            if self._clock() - self._synced_s >= _FSYNC_EVERY_S:
                self._sync()

    def close(self) -> None:
        """Put everything on the disk and close the file; one without a single frame is removed."""
        with self._lock:
            if not self._file.closed:
                self._sync()
                self._file.close()
                if not self.frames:
                    self.path.unlink(missing_ok=True)

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._synced_s = self._clock()
