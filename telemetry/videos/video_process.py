"""The reader's side of the decoding process: start it, read its messages, take its pictures, end it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import mmap
import os
import tempfile
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from geo.children.messages import MessageReader
from geo.children.process import ChildProcess
from telemetry.videos.grey import RGB, in_three_channels

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from numpy.typing import NDArray

    from telemetry.videos.frame import VideoLimits

SLOTS: Final = 8
"""Pictures under way between the two processes; more only help when the reader is uneven."""

GIVEN_BACK: Final = 4
"""Slots that are given back together: saying so wakes the other process."""

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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a decoding process is to do.

    `scan` tells packets and telemetry of a file first, `decode` gives pictures `every_s` seconds (None: each). A `live`
    stream gives the newest picture whenever one is asked for; `motion` tells how its pictures turn. `stream` is which
    of several streams of pictures, `keep_ids` are data streams whose packets are handed over as they are.
    """

    every_s: float | None = None
    scan: bool = True
    decode: bool = True
    live: bool = False
    motion: bool = False
    stream: int = 0
    keep_ids: tuple[int, ...] = ()


class DecoderProcess:
    """One decoding process; a context manager that always ends it."""

    def __init__(
        self,
        source: str,
        options: dict[str, str],
        limits: VideoLimits,
        work: Work,
        *,
        descriptors: tuple[int, ...] = (),
    ) -> None:
        self._slot_bytes = limits.max_pixels * 3
        self._limits = limits
        self._live = work.live
        self._starved_s = 0.0
        self._taken = 0
        self.silent_s: float | None = None
        """How long it had said nothing when it was ended for that."""
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
            "every_s": work.every_s,
            "scan": work.scan,
            "decode": work.decode,
            "stream": work.stream,
            "keep_ids": list(work.keep_ids),
            "motion": work.motion,
        }
        self._child = ChildProcess(
            "telemetry.videos.live_child" if work.live else "telemetry.videos.video_child",
            [json.dumps(job)],
            environment=os.environ,
            descriptors=(ring, *descriptors),
        )
        self._memory = np.frombuffer(mmap.mmap(ring, size), dtype=np.uint8)
        os.close(ring)
        self._messages = MessageReader(self._child.output.fileno(), limits.max_klv_bytes + _OVERHEAD_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def number(self) -> int:
        """The operating system's number of the process."""
        return self._child.number

    def next_message(self, timeout_s: float | None = None) -> tuple[dict[str, Any], bytes] | None:
        """Return the next message; None when the process ended, died, or said nothing for too long.

        Silence counts only as far as the process could have broken it: on a busy machine it may have had no processor.
        """
        patience_s = self._limits.max_silence_s if timeout_s is None else timeout_s
        while True:
            try:
                return self._messages.next_message(patience_s)
            except TimeoutError:
                if not self.had_no_processor(patience_s):
                    self._child.kill()
                    self.silent_s = patience_s
                    return None

    def had_no_processor(self, silent_s: float) -> bool:
        """Tell whether it was ready to run, and did not, for half of the time since this was last asked, or more."""
        before_s, self._starved_s = self._starved_s, self._child.waited_for_processor_s()
        return self._starved_s - before_s >= silent_s / 2.0

    def has_message(self, timeout_s: float) -> bool:
        """Tell whether a message, or the end of them, comes within a time; nothing is taken and nobody ended."""
        return self._messages.is_waiting(timeout_s)

    def take_picture(self, header: Mapping[str, Any]) -> NDArray[np.uint8]:
        """Copy a picture out of its slot, give the slot back, and return it as RGB that cannot be written to.

        Of a live stream the next one has to be asked for. A picture without colour is one channel, shown three times
        (`telemetry.videos.grey`).
        """
        width, height, channels = int(header["w"]), int(header["h"]), 1 if header["channels"] == 1 else RGB
        start = int(header["slot"]) * self._slot_bytes
        pixels = self._memory[start : start + width * height * channels].copy()
        if not self._live:
            self._taken += 1
            if self._taken % GIVEN_BACK == 0:
                self.ask(GIVEN_BACK)
        if channels == 1:
            return in_three_channels(pixels.reshape(height, width))
        pixels.setflags(write=False)
        return pixels.reshape(height, width, channels)

    def ask(self, slots: int = 1) -> None:
        """Say that so many slots are free, or, to a live stream, that the next picture is wanted."""
        with contextlib.suppress(BrokenPipeError):
            self._child.input.write(b"k" * slots)

    def kill(self) -> None:
        """End the process at once; whoever waits for a message gets None. May be called from any thread."""
        self._child.kill()

    def close(self) -> int:
        """End the process and return its exit status (negative: the signal that killed it)."""
        return self._child.close()

    def exit_status(self) -> int:
        """Wait for a process that has ended its messages, and return its exit status."""
        return self._child.exit_status()
