"""Clips written by our own writer, and cut, damaged or oversized by hand."""

from __future__ import annotations

import dataclasses
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
