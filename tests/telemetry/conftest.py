"""Clips written by our own writer, and cut, damaged or oversized by hand."""

from __future__ import annotations

import dataclasses
import os
import random
import resource
import struct
from fractions import Fraction
from pathlib import Path  # noqa: TC003 - a dataclass field

import numpy as np
import pytest

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
    MOST_BYTES = 512 * 1024 * 1024

    def __init__(self) -> None:
        self.inputs = int(os.environ.get("VEDETTE_FUZZ_INPUTS", "150"))
        self.slice = int(os.environ.get("VEDETTE_FUZZ_SLICE", "0"))

    def begin(self, number: int) -> None:
        """Begin a series of its own."""
        self._chance = random.Random(number * 1_000_003 + self.slice)  # noqa: S311 - no secret
        self._before = self._peak()

    def rng(self, number: int) -> np.random.Generator:
        """Return numbers of this slice for a series."""
        return np.random.default_rng([number, self.slice])

    def damaged(self, seed: bytes) -> bytes:
        """Flip, cut, double, insert, and exchange numbers for extreme ones."""
        chance, data = self._chance, bytearray(seed)
        for _ in range(chance.randint(1, 7)):
            if not data:
                break
            place, length, action = chance.randrange(len(data)), chance.randint(1, 40), chance.randrange(7)
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
            else:
                data[place : place + 3] = chance.choice(self.WORDS)
        return bytes(data)

    def messages(self, count: int) -> list[bytes]:
        """Return MAVLink frames that bear on poses, whole and checked, any of their numbers at an extreme."""
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


@pytest.fixture
def fuzz() -> Fuzz:
    """Return what damages bytes."""
    return Fuzz()
