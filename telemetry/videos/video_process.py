"""The reader's side of the decoding process: start it, read its messages, take its pictures, end it."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self

import numpy as np

from telemetry.videos.video_messages import MessageReader

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    from telemetry.videos.frame import VideoLimits

SLOTS: Final = 8
"""Pictures under way between the two processes; more only help when the reader is uneven."""

_OVERHEAD_BYTES: Final = 1 << 28
"""What a scan's message may hold beside telemetry: time stamp and place of 16 million packets."""


def _shared_file(size: int) -> int:
    """Return the descriptor of a nameless file that two processes can map."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("vedette-frames")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor


class DecoderProcess:
    """One decoding process; a context manager that always ends it."""

    def __init__(
        self,
        source: str,
        options: dict[str, str],
        limits: VideoLimits,
        *,
        every_s: float | None = None,
        scan: bool = True,
        decode: bool = True,
        live: bool = False,
        descriptors: tuple[int, ...] = (),
    ) -> None:
        self._slot_bytes = limits.max_pixels * 3
        self._limits = limits
        size = self._slot_bytes * SLOTS
        ring = _shared_file(size)
        job = {
            "source": source,
            "options": options,
            "ring_fd": ring,
            "slots": SLOTS,
            "slot_bytes": self._slot_bytes,
            "max_pixels": limits.max_pixels,
            "max_duration_s": limits.max_duration_s,
            "max_memory_bytes": limits.max_memory_bytes + size,
            "max_klv_bytes": limits.max_klv_bytes,
            "threads": limits.threads,
            "every_s": every_s,
            "scan": scan,
            "decode": decode,
            "live": live,
        }
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "telemetry.videos.video_child", json.dumps(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(ring, *descriptors),
            env=environment,
            bufsize=0,
        )
        self._memory = np.frombuffer(mmap.mmap(ring, size), dtype=np.uint8)
        os.close(ring)
        self._messages = MessageReader(self._out.fileno(), limits.max_klv_bytes + _OVERHEAD_BYTES)
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def number(self) -> int:
        """The operating system's number of the process."""
        return self._process.pid

    def next_message(self, timeout_s: float | None = None) -> tuple[dict[str, Any], bytes] | None:
        """Return the next message; None when the process ended, died, or said nothing for too long."""
        try:
            return self._messages.next_message(self._limits.max_silence_s if timeout_s is None else timeout_s)
        except TimeoutError:
            self._process.kill()
            return None

    def take_picture(self, slot: int, width: int, height: int) -> NDArray[np.uint8]:
        """Copy a picture out of its slot and give the slot back."""
        start = slot * self._slot_bytes
        picture = self._memory[start : start + width * height * 3].reshape(height, width, 3).copy()
        with contextlib.suppress(BrokenPipeError):
            self._in.write(b"k")
        return picture

    def kill(self) -> None:
        """End the process at once; whoever waits for a message gets None. May be called from any thread."""
        self._process.kill()

    def close(self) -> int:
        """End the process and return its exit status (negative: the signal that killed it)."""
        if not self._closed:
            self._closed = True
            if self._process.poll() is None:
                self._process.kill()
            self._in.close()
            self._out.close()
        return self._process.wait()

    def exit_status(self) -> int:
        """Wait for a process that has ended its messages, and return its exit status."""
        try:
            return self._process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            return self.close()

    @property
    def _out(self) -> IO[bytes]:
        return self._process.stdout  # type: ignore[return-value]

    @property
    def _in(self) -> IO[bytes]:
        return self._process.stdin  # type: ignore[return-value]
