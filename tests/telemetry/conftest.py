"""Clips written by our own writer, and cut, damaged or oversized by hand."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import random
import re
import resource
import signal
import struct
from fractions import Fraction
from pathlib import Path  # noqa: TC003 - a dataclass field
from typing import TYPE_CHECKING

import numpy as np
import pytest

from geo.errors import VedetteError
from telemetry.logs import (
    airdata_file,
    dataflash_pose,
    flight_reader_file,
    gpx_file,
    misb_csv_file,
    nmea_file,
    subtitle_file,
    ulog_pose,
)
from telemetry.mavlink import pose
from telemetry.metadata_tracks import reading
from telemetry.pictures import picture_track
from telemetry.tracks import assembly
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

START_NS = 1_700_000_000_000_000_000


@dataclasses.dataclass(frozen=True)
class Clip:
    """A written clip and what went into it."""

    path: Path
    times_ns: tuple[int, ...]
    yaws_deg: tuple[float, ...]


def write_clip(path: Path, count: int = 24, *, width: int = 160, height: int = 120, step_ns: int = 142_857_143) -> Clip:
    from telemetry.klv import encode
    from telemetry.videos.stream_writer_file import StreamWriter

    times = tuple(START_NS + k * step_ns + (13_000_000 if k % 5 == 3 else 0) for k in range(count))
    yaws = tuple(10.0 + k for k in range(count))
    with StreamWriter(path, width_px=width, height_px=height, fps=Fraction(7)) as writer:
        for k, (moment, yaw) in enumerate(zip(times, yaws, strict=True)):
            image = np.full((height, width, 3), 30, dtype=np.uint8)
            image[:, : (k + 1) * 4] = (220, 220, 220)
            values = {2: moment // 1000, 5: yaw, 6: 0.0, 7: 0.0, 13: 50.0, 14: 8.0, 104: 300.0, 18: 0.0, 19: -30.0}
            writer.write(image, moment, encode({**values, 20: 0.0, 16: 40.0, 17: 30.0, 65: 19}))
    return Clip(path=path, times_ns=times, yaws_deg=yaws)


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Clip:
    """Return a clip of 24 frames at uneven times, a bar growing by 4 px a frame, yaw growing by 1 degree."""
    return write_clip(tmp_path_factory.mktemp("clip") / "flight.ts")


@pytest.fixture(scope="session")
def mp4(clip, tmp_path_factory) -> Path:
    """Return the pictures of the clip as an MP4 whose index comes first."""
    import av

    path = tmp_path_factory.mktemp("mp4") / "flight.mp4"
    with av.open(str(clip.path)) as source, av.open(str(path), "w", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return path


@pytest.fixture(scope="session")
def long_clip(tmp_path_factory) -> Clip:
    """Return a clip of 34 seconds, so that a sender in a hurry does not begin anew all the time."""
    return write_clip(tmp_path_factory.mktemp("long") / "flight.ts", 240)


class Fuzz:
    """Damages bytes, many times over: `VEDETTE_FUZZ_INPUTS` sets how often, `VEDETTE_FUZZ_SLICE` in which way.

    Every slice gives others, so that a hundred thousand can be tried in pieces.
    """

    NUMBERS = tuple(struct.pack(">I", number) for number in (0, 1, 2**31 - 1, 2**31, 2**32 - 1))
    WORDS_32 = tuple(
        struct.pack("<I", number) for number in (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FC00000, 0x7F800000)
    )
    WORDS = (b"1e309", b"nan", b"-0", b"99999999999999999999", b"\x00", b"9" * 400)
    TEXTS = (
        *WORDS,
        b"",
        b"0",
        b"-1",
        b"90.0",
        b"180",
        b"-180.000001",
        b"1e-320",
        b"0x10",
        b"1,5",
        "\u0663".encode(),
        b"inf",
    )
    NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
    MOST_BYTES = 512 * 1024 * 1024
    KEPT_FRAMES = 200
    MANY = 1000
    MOST_S = 2.0
    """Processor time for one input: a thousand times what the slowest reader takes for one of two kilobytes."""

    def __init__(self) -> None:
        self.inputs = int(os.environ.get("VEDETTE_FUZZ_INPUTS", "150"))
        self.slice = int(os.environ.get("VEDETTE_FUZZ_SLICE", "0"))

    def begin(self, number: int) -> None:
        """Begin a series of its own."""
        self._chance = random.Random(number * 1_000_003 + self.slice)  # noqa: S311 - no secret
        self._before = self._peak()
        self._frames: list[bytes] = []

    def each(self, seeds: Sequence[bytes], use: Callable[[bytes], object]) -> None:
        """Give a reader damaged bytes, each seed in turn: it reads them, or ends in an error of ours, and soon."""

        def stop(*_: object) -> None:
            raise AssertionError(f"not read within {self.MOST_S} s of processor time")

        before = signal.signal(signal.SIGVTALRM, stop)
        try:
            for number in range(self.inputs):
                data = self.damaged(seeds[number % len(seeds)])
                signal.setitimer(signal.ITIMER_VIRTUAL, self.MOST_S)
                try:
                    with contextlib.suppress(VedetteError):
                        use(data)
                except Exception as error:
                    error.add_note(f"input {number} of slice {self.slice}: {data[:4000]!r}")
                    raise
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
            signal.signal(signal.SIGVTALRM, before)
        self.judge_memory()

    def rng(self, number: int) -> np.random.Generator:
        """Return numbers of this slice for a series."""
        return np.random.default_rng([number, self.slice])

    def damaged(self, seed: bytes) -> bytes:
        """Flip, cut, double, insert, and exchange numbers for extreme ones."""
        chance, data = self._chance, bytearray(seed)
        for _ in range(chance.randint(1, 7)):
            if not data:
                break
            place, length, action = chance.randrange(len(data)), chance.randint(1, 40), chance.randrange(9)
            if action == 0:
                data[place] ^= chance.randint(1, 255)
            elif action == 1:
                del data[place : place + length]
            elif action == 2:
                data[place:place] = data[place : place + length * 4]
            elif action == 3:
                data[place:place] = chance.randbytes(length)
            elif action == 4:
                data[place : place + length] = chance.randbytes(min(length, len(data) - place))
            elif action == 5:
                data[place : place + 4] = chance.choice(self.NUMBERS)
            elif action == 6:
                data[place : place + 3] = chance.choice(self.WORDS)
            elif action == 7 and (found := self.NUMBER.search(data, place)) is not None:
                data[found.start() : found.end()] = chance.choice(self.TEXTS)
            elif action == 8 and (end := data.find(b"\n", place) + 1) > 0:
                line = data[place:end]
                del data[place:end]
                at = data.find(b"\n", chance.randrange(len(data) + 1)) + 1
                data[at:at] = line * chance.randint(1, 3)
        return bytes(data)

    def messages(self, count: int) -> list[bytes]:
        """Return MAVLink frames that bear on poses, whole and checked; a quarter new, the rest of those before."""
        self._frames += self._new_messages(count if len(self._frames) < self.KEPT_FRAMES else 1 + count // 4)
        del self._frames[: -self.KEPT_FRAMES]
        return [self._chance.choice(self._frames) for _ in range(count)]

    def _new_messages(self, count: int) -> list[bytes]:
        """Return MAVLink frames, whole and checked, any of their numbers at an extreme."""
        from pymavlink.dialects.v20 import ardupilotmega as dialect

        from telemetry.mavlink.frames import layout
        from telemetry.mavlink.pose import POSE_MESSAGES

        chance, frames = self._chance, []
        for _ in range(count):
            made = getattr(dialect, f"MAVLink_{chance.choice(POSE_MESSAGES).lower()}_message")
            size = layout(made.id).itemsize
            payload = bytearray(chance.randbytes(size))
            for at in range(0, size - 7, 4):
                if chance.random() < 0.5:
                    payload[at : at + 4] = chance.choice(self.WORDS_32)
            if chance.random() < 0.7 and size >= 8:
                payload[:4] = chance.randrange(60_000).to_bytes(4, "little")
            frame = bytearray([0xFD, size, 0, 0, 0, chance.randint(1, 2), 1, *made.id.to_bytes(3, "little"), *payload])
            crc = dialect.x25crc(bytes(frame[1:]))
            crc.accumulate(bytes([made.crc_extra]))
            frames.append(bytes(frame + crc.crc.to_bytes(2, "little")))
        return frames

    @staticmethod
    def _peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    def judge_memory(self) -> None:
        """Tell that the series took no more memory than it may."""
        assert self._peak() - self._before < self.MOST_BYTES


class ParsedError(SourceError):
    """A source was read as far as its samples."""


@pytest.fixture
def fuzz(monkeypatch) -> Fuzz:
    """Return what damages bytes; where very many are tried, only each eighth's samples are laid into a track.

    That part takes most of the time, and is the same for all sources.
    """
    made = Fuzz()
    if made.inputs <= Fuzz.MANY:
        return made
    calls = itertools.count()

    def seldom(*values: object, **named: object) -> object:
        if next(calls) % 8:
            raise ParsedError("read as far as its samples")
        return assembly.assemble(*values, **named)

    for module in (
        airdata_file,
        dataflash_pose,
        flight_reader_file,
        gpx_file,
        misb_csv_file,
        nmea_file,
        picture_track,
        pose,
        reading,
        subtitle_file,
        ulog_pose,
    ):
        monkeypatch.setattr(module, "assemble", seldom)
    return made
