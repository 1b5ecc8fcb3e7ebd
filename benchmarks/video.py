"""Demultiplexing and decoding a clip in the process of its own, against PyAV bare in this one."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np

from benchmarks import Row, best_of
from telemetry.klv import encode
from telemetry.videos.stream_writer_file import StreamWriter
from telemetry.videos.video_file import read_video

SIZES = ((1280, 720, 600), (640, 480, 1350))


def write_clip(path: Path, width: int, height: int, count: int) -> None:
    """Write a clip of moving noise, so that the decoder has work to do."""
    rng = np.random.default_rng(3)
    scene = np.repeat(np.repeat(rng.integers(0, 255, (height // 4, width // 2, 3), dtype=np.uint8), 8, 0), 4, 1)
    start = 1_700_000_000_000_000_000
    with StreamWriter(path, width_px=width, height_px=height, fps=Fraction(30)) as writer:
        for k in range(count):
            image = np.ascontiguousarray(scene[k % height : k % height + height, k % width : k % width + width])
            moment = start + k * 33_333_333
            values = {2: moment // 1000, 5: 90.0, 6: 0.0, 7: 0.0, 13: 50.0, 14: 8.0, 104: 300.0, 18: 0.0, 19: -30.0}
            writer.write(image, moment, encode({**values, 20: 0.0, 16: 40.0}))


def ours(path: Path) -> int:
    """Read every frame, paired with its pose."""
    with read_video(path) as reader:
        return sum(1 for frame in reader.frames() if frame.pose is not None)


def bare(path: Path) -> int:
    """Decode every frame to RGB with PyAV alone: no telemetry, no limits, no protection."""
    import av

    count = 0
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for frame in container.decode(video=0):
            frame.to_ndarray(format="rgb24")
            count += 1
    return count


def run() -> list[Row]:
    """Compare frames a second on two sizes of clip."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for width, height, count in SIZES:
            path = Path(folder) / f"{width}.ts"
            write_clip(path, width, height, count)
            ours_fps, bare_fps = (count / best_of(lambda f=f, path=path: f(path), 3) for f in (ours, bare))
            rows.append(
                Row(
                    what=f"demux and decode {width} x {height}, {count} frames",
                    ours=ours_fps,
                    rival=bare_fps,
                    rival_name="PyAV bare",
                    unit="frames/s",
                    goal="0.95x",
                    higher_is_better=True,
                )
            )
    return rows
