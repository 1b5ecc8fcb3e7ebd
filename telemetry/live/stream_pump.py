"""The thread between a live link and the decoder: bytes are recorded first, then passed on through a pipe."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import fcntl
import os
import queue
import select
import threading
import time
from typing import TYPE_CHECKING, Final, Protocol

from geo.errors import VedetteError
from telemetry.live.stream_restart import RestartWatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.live.byte_link import ByteLink

BACKOFF_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Waits between attempts to connect again."""
PIPE_BYTES: Final = 1 << 20
"""What may wait for the decoder: a second of 8 Mbit/s. More is dropped, so that pictures are never old."""
_POLL_S: Final = 0.1
_MARKS: Final = 4096
_F_SETPIPE_SZ: Final = 1031
"""Linux include/uapi/linux/fcntl.h."""


class Recorder(Protocol):
    """What keeps the original bytes."""

    def write(self, data: bytes) -> None:
        """Keep bytes."""
        ...

    def close(self) -> None:
        """Finish the segment under way; the next byte begins another."""
        ...


@dataclasses.dataclass(slots=True)
class Piece:
    """The bytes of one clock: a pipe to read them from, and when each part of them came."""

    reading: int
    number: int
    marks: collections.deque[tuple[int, int]] = dataclasses.field(
        default_factory=lambda: collections.deque(maxlen=_MARKS)
    )

    def came_ns(self, position: int) -> int | None:
        """Return the monotonic clock when the byte at a position came, as far as it is remembered."""
        known = list(self.marks)
        at = next((came for begin, came in reversed(known) if begin <= position), None)
        return at if known and position >= known[0][0] else None


class StreamPump:
    """Receives, records, and hands on; a new piece begins with each connection, clock and set of codecs.

    Parameters
    ----------
    open_link
        Makes a connection; a `ConnectionError` is tried again, a `VedetteError` is the end.
    recorder
        Keeps every byte, before anything else sees it.
    stale_s
        Silence after which a connection is made anew.
    """

    def __init__(self, open_link: Callable[[], ByteLink], recorder: Recorder | None, *, stale_s: float) -> None:
        self._open_link = open_link
        self._recorder = recorder
        self._stale_s = stale_s
        self._watch = RestartWatch()
        self._cut = threading.Event()
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._pieces: queue.SimpleQueue[Piece] = queue.SimpleQueue()
        self._piece: Piece | None = None
        self._writing: int | None = None
        self._passed = 0
        self._count = 0
        self.received_bytes = self.dropped_bytes = 0
        self.waiting_for = ""
        self.failure: VedetteError | None = None
        self._thread = threading.Thread(target=self._run, name="live bytes", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def next_piece(self, timeout_s: float) -> Piece | None:
        """Return the next piece that has begun; None when there was none in time."""
        with contextlib.suppress(queue.Empty):
            return self._pieces.get(timeout=timeout_s) if timeout_s else self._pieces.get_nowait()
        return None

    def cut(self) -> None:
        """Begin a new piece with the next bytes; may be called from any thread."""
        self._cut.set()

    def close(self) -> None:
        """Stop receiving."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        self._end_piece()
        while (left := self.next_piece(0.0)) is not None:
            os.close(left.reading)

    def _run(self) -> None:
        failures = 0
        while not self._stopped.is_set():
            before = self.received_bytes
            try:
                link = self._open_link()
                with contextlib.closing(link):
                    self.waiting_for = ""
                    self._follow(link)
            except ConnectionError as error:
                self.waiting_for = str(error)
            except VedetteError as error:
                self.failure = error
                return
            finally:
                self._end_piece()
            failures = 0 if self.received_bytes > before else failures + 1
            self._stopped.wait(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])

    def _follow(self, link: ByteLink) -> None:
        """Receive until the connection ends."""
        self._cut.set()
        last = time.monotonic()
        while not self._stopped.is_set():
            ready, _, _ = select.select([link.fileno()], [], [], _POLL_S)
            if not ready:
                if link.reconnects and time.monotonic() - last > self._stale_s:
                    return
                continue
            last = time.monotonic()
            blocks = link.blocks()
            if blocks is None:
                return
            for block in blocks:
                self._take(block)

    def _take(self, block: bytes) -> None:
        came_ns = time.monotonic_ns()
        self.received_bytes += len(block)
        if self._watch.restarted(block) or self._cut.is_set() or self._piece is None:
            self._cut.clear()
            self._end_piece()
            self._begin_piece()
        if self._recorder is not None:
            self._recorder.write(block)
        self._pass_on(block, came_ns)

    def _begin_piece(self) -> None:
        reading, writing = os.pipe()
        with contextlib.suppress(OSError):
            fcntl.fcntl(writing, _F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(writing, False)
        self._writing, self._passed = writing, 0
        self._piece = Piece(reading=reading, number=self._count)
        self._count += 1
        self._pieces.put(self._piece)

    def _end_piece(self) -> None:
        """Close the pipe, so that its reader sees the end, and the recording's segment with it."""
        with self._lock:
            if self._writing is not None:
                os.close(self._writing)
            self._writing = self._piece = None
        if self._recorder is not None:
            self._recorder.close()

    def _pass_on(self, block: bytes, came_ns: int) -> None:
        """Hand bytes to the decoder; when it is behind, pictures suffer, never the record."""
        with self._lock:
            if self._writing is None or self._piece is None:
                return
            self._piece.marks.append((self._passed, came_ns))
            try:
                written = os.write(self._writing, block)
            except BlockingIOError:
                written = 0
            except BrokenPipeError:
                os.close(self._writing)
                self._writing = None
                return
            self._passed += written
            self.dropped_bytes += len(block) - written
