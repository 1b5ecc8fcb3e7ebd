"""What both decoding processes, of files and of live streams, are told and how they hand pictures over."""

from __future__ import annotations

import dataclasses
import json
import mmap
import sys
from typing import IO, TYPE_CHECKING, Any, Final

import av

from geo.children.messages import send
from geo.children.seal import deny_core_dumps, limit_memory
from telemetry.videos.grey_frames import GreyFrames, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from fractions import Fraction

KLV_STARTS: Final = (bytes.fromhex("060e2b34"), bytes.fromhex("0b01010e01030101"))
"""A payload that begins like this is KLV (SMPTE universal label, whole or cut)."""

MAX_NOTE_BYTES: Final = 64
"""Longest message inside a picture that is passed on; a time stamp takes 28 bytes."""


@dataclasses.dataclass(slots=True)
class Job:
    """What to do, as told on the command line; see `telemetry.videos.video_process`."""

    source: str
    options: dict[str, str]
    ring_fd: int
    slots: int
    slot_bytes: int
    max_pixels: int
    max_duration_s: float
    max_memory_bytes: int
    max_klv_bytes: int
    threads: int
    every_s: float | None
    scan: bool
    decode: bool
    stream: int
    keep_ids: list[int]
    motion: bool


class Ring:
    """Picture slots in shared memory; a slot is free again when the reader writes one byte."""

    def __init__(self, job: Job, acknowledgements: IO[bytes]) -> None:
        self._memory = memoryview(mmap.mmap(job.ring_fd, job.slots * job.slot_bytes))
        self._slot_bytes = job.slot_bytes
        self._slots = job.slots
        self._used = 0
        self._acknowledgements = acknowledgements
        self._reformatter = av.video.reformatter.VideoReformatter()
        self._grey = GreyFrames(self._reformatter)

    def put(self, frame: Any) -> dict[str, int] | None:
        """Do what `place` does once a slot is free; None when the reader is gone."""
        if self._used >= self._slots and not self._acknowledgements.read(1):
            return None
        return self.place(frame)

    def place(self, frame: Any) -> dict[str, int]:
        """Write a frame into the next slot without waiting, and return what the reader needs to take it.

        One channel is written of a frame without colour, and RGB of another.
        """
        slot = self._used % self._slots
        self._used += 1
        pixels: bytes | memoryview | None = self._grey.channel(frame)
        channels = 1
        if pixels is None:
            rgb = frame if frame.format.name == "rgb24" else self._reformatter.reformat(frame, format="rgb24")
            pixels, channels = rows_of(rgb.planes[0], 3 * frame.width, frame.height), 3
        start = slot * self._slot_bytes
        self._memory[start : start + len(pixels)] = pixels
        return {"slot": slot, "w": frame.width, "h": frame.height, "channels": channels}


def packets_of(container: Any, streams: tuple[Any, ...], out: IO[bytes]) -> Iterator[Any]:
    """Demultiplex, and end at the first place the container cannot be read."""
    if not streams:
        return
    demuxer = container.demux(*streams)
    while True:
        try:
            packet = next(demuxer)
        except StopIteration:
            return
        except av.error.FFmpegError as error:
            send(out, {"type": "problem", "kind": "container", "message": f"reading stopped: {error.strerror}"})
            return
        yield packet


def pair(value: Fraction | None) -> list[int] | None:
    """Return a fraction as JSON."""
    return None if value is None else [value.numerator, value.denominator]


def picture_notes(frame: Any) -> list[str]:
    """Return the short "user data unregistered" messages of a compressed picture, as hex."""
    notes = [bytes(item) for item in frame.side_data if item.type.name == "SEI_UNREGISTERED"]
    return [note.hex() for note in notes if len(note) <= MAX_NOTE_BYTES]


def run_job(work: Callable[[Job, IO[bytes], IO[bytes]], None]) -> None:
    """Run the job in this process's first argument under its memory limit; what ends it is told to the reader.

    Parameters
    ----------
    work
        Takes the job, where messages to the reader go, and where its acknowledgements come from.
    """
    job = Job(**json.loads(sys.argv[1]))
    out, acknowledgements = sys.stdout.buffer, sys.stdin.buffer
    limit_memory(job.max_memory_bytes)
    deny_core_dumps()
    av.logging.set_level(None)
    try:
        work(job, out, acknowledgements)
    except av.error.FFmpegError as error:
        send(out, {"type": "error", "message": error.strerror or type(error).__name__})
    except MemoryError:
        send(out, {"type": "error", "message": "the memory limit of the decoding process was reached"})
    except BrokenPipeError:
        sys.stderr.close()
