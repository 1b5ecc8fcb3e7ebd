"""The decoding process of a live stream: telemetry as it comes, and the newest picture whenever one is asked for.

Where a link has to be joined to the stream, the turning of the pictures is told as well, ten times a second.
"""

from __future__ import annotations

import collections
import os
import select
import time
from fractions import Fraction
from typing import IO, Any, Final

import av
import numpy as np

from geo.children.messages import send
from telemetry.videos.clock_offset import GRAY_WIDTH_PX, MotionMeter, windowed
from telemetry.videos.containers import MAY_CARRY_KLV
from telemetry.videos.decoding_job import KLV_STARTS, Job, Ring, packets_of, pair, picture_notes, run_job

MAX_LIVE_KLV_BYTES: Final = 1 << 20
_QUICK: Final = {"analyzeduration": "1000000", "probesize": "1000000"}
"""A live stream is joined after a second of looking at it."""
_REMEMBERED: Final = 128
"""Packets whose arrival is remembered until their pictures are decoded; reordering spans a few."""


MOTION_S: Final = 0.095
"""Pictures nearer than this are not compared: ten looks a second tell an offset to some milliseconds."""


class _Asked:
    """Whether the reader wants a picture: it sends a byte when it is ready for one, and gets the next decoded."""

    def __init__(self, acknowledgements: IO[bytes]) -> None:
        self._from = acknowledgements
        self._wanted = 1

    def take(self) -> bool:
        """Take up one wish, if there is one."""
        while select.select([self._from], [], [], 0)[0]:
            if not os.read(self._from.fileno(), 1):
                raise BrokenPipeError
            self._wanted += 1
        if not self._wanted:
            return False
        self._wanted = 0
        return True


class _Pace:
    """Which pictures are due, `step` seconds apart (None: every one), and how many due ones nobody took."""

    def __init__(self, step: Fraction | None) -> None:
        self._step = step
        self._due: Fraction | None = None
        self.skipped = 0

    def is_due(self, at: Fraction) -> bool:
        """Tell whether a picture shown at `at` is due."""
        if self._step is None or self._due is None or at < self._due - self._step:
            return True
        return at >= self._due

    def passed_over(self) -> None:
        """Count a due picture that nobody was ready for, where every one is due."""
        self.skipped += self._step is None

    def taken(self, at: Fraction) -> int:
        """Note that a picture was taken, and return how many due ones were not since the last."""
        if self._step is not None:
            late = Fraction(0) if self._due is None or at < self._due else at - self._due
            self.skipped += int(late // self._step)
            self._due = at + self._step - (late % self._step if late < self._step else 0)
        skipped, self.skipped = self.skipped, 0
        return skipped


class _Turning:
    """Tells how the pictures turn, from small gray copies of them."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._meter = MotionMeter()
        self._last_s = -np.inf
        self._reformatter = av.video.reformatter.VideoReformatter()

    def look(self, frame: Any, at_s: float) -> None:
        """Compare a picture with the one before."""
        if 0.0 <= at_s - self._last_s < MOTION_S:
            return
        self._last_s = at_s
        width = min(GRAY_WIDTH_PX, frame.width)
        height = max(2, round(frame.height * width / frame.width))
        small = self._reformatter.reformat(frame, width=width, height=height, format="gray8", interpolation="AREA")
        step = self._meter.step(at_s, windowed(small.to_ndarray().astype(np.float64)))
        if step is not None:
            send(self._out, {"type": "motion", "step": step})


def _follow(job: Job, out: IO[bytes], acknowledgements: IO[bytes]) -> None:
    """Hand over telemetry as it comes and pictures as they are asked for, until the stream ends."""
    ring, asked = Ring(job, acknowledgements), _Asked(acknowledgements)
    pace = _Pace(None if not job.every_s else Fraction(job.every_s).limit_denominator(1_000_000))
    came: collections.OrderedDict[int, tuple[int, int]] = collections.OrderedDict()
    shown: Fraction | None = None
    first: Fraction | None = None
    turning = _Turning(out) if job.motion else None
    count = 0
    with av.open(os.fdopen(int(job.source), "rb", buffering=0), mode="r", format="mpegts", options=_QUICK) as container:
        streams = [s for s in container.streams if s.type in MAY_CARRY_KLV | {"video"}]
        videos = [s for s in streams if s.type == "video"][job.stream : job.stream + 1]
        for stream in videos:
            stream.codec_context.options = {"max_pixels": str(job.max_pixels)}
        send(out, {"type": "opened", "videos": len(videos), "codec": videos[0].codec_context.name if videos else ""})
        for packet in packets_of(container, (*videos, *(s for s in streams if s.type in MAY_CARRY_KLV)), out):
            if packet.stream.type in MAY_CARRY_KLV:
                _hand_klv(packet, shown, out)
                continue
            if packet.pts is not None:
                shown = packet.pts * Fraction(packet.time_base)
                first = shown if first is None or (shown < first and not count) else first
                came[packet.pts] = (time.monotonic_ns(), -1 if packet.pos is None else packet.pos)
                if len(came) > _REMEMBERED:
                    came.popitem(last=False)
            for frame in _decoded(packet):
                stamp = frame.pts if frame.pts is not None else frame.dts
                if stamp is None or frame.width * frame.height > job.max_pixels:
                    continue
                count += 1
                at = stamp * Fraction(frame.time_base)
                if turning is not None:
                    turning.look(frame, float(at))
                if not pace.is_due(at):
                    continue
                if not asked.take():
                    pace.passed_over()
                    continue
                about: dict[str, Any] = {**ring.place(frame), "notes": picture_notes(frame), "first": pair(first)}
                when, position = came.get(stamp, (time.monotonic_ns(), -1))
                about |= {"came_ns": when, "position": position, "skipped": pace.taken(at)}
                send(out, {"type": "frame", "i": count - 1, "pts": pair(at), **about})


def _hand_klv(packet: Any, shown: Fraction | None, out: IO[bytes]) -> None:
    data = bytes(packet)
    if data.startswith(KLV_STARTS) and len(data) <= MAX_LIVE_KLV_BYTES:
        own = None if packet.pts is None else packet.pts * Fraction(packet.time_base)
        send(out, {"type": "klv", "pts": pair(own), "shown": pair(shown), "number": packet.stream.id}, data)


def _decoded(packet: Any) -> list[Any]:
    try:
        return list(packet.decode())
    except av.error.FFmpegError:
        return []


if __name__ == "__main__":
    run_job(_follow)
