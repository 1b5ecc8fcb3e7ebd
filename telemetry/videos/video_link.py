"""A live stream: frames with poses as they come, through stalls, restarts and new clocks."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections import deque
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from geo.values import Unplaced
from telemetry.klv import ChecksumMode, decode
from telemetry.klv.klv_track import track_from_klv, utc_ns
from telemetry.tracks.pose_track import Problem
from telemetry.videos.frame import NO_TIME, Frame, VideoLimits
from telemetry.videos.video_clock import build_clock
from telemetry.videos.video_datagrams import DatagramPump
from telemetry.videos.video_process import DecoderProcess
from telemetry.videos.video_scan import plan_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from telemetry.videos.recorder_file import SegmentRecorder

BACKOFF_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Waits between attempts to open the stream again."""

OPEN_S: Final = 10.0
"""How long a stream may take to open: a second of data has to arrive and be looked at."""

MEMORY_PACKETS: Final = 300
"""KLV packets remembered: ten seconds at 30 a second, enough for every interpolation."""

CLOCK_STEP_S: Final = 1.0
"""A presentation time this far behind the last begins a new clock."""


@dataclasses.dataclass(slots=True, kw_only=True)
class LiveState:
    """How a live stream is doing; read it between frames."""

    stale: bool = False
    restarts: int = 0
    frames: int = 0
    klv_packets: int = 0
    klv_bad_checksum: int = 0


class LiveReader:
    """A live source; a context manager whose `frames()` ends only on `stop()`.

    Parameters
    ----------
    url
        ``udp://``, ``rtp://`` (MPEG-TS inside), or ``rtsp://``.
    allowed
        Networks beyond the private ones that may be called.
    recorder
        Keeps the original bytes of ``udp://`` and ``rtp://`` sources.
    stale_s
        Silence after which the state is stale and the stream is opened again.
    on_state
        Called whenever `stale` or `restarts` changes.
    """

    def __init__(
        self,
        url: str,
        *,
        allowed: Sequence[str] = (),
        recorder: SegmentRecorder | None = None,
        limits: VideoLimits | None = None,
        every_s: float | None = None,
        stale_s: float = 3.0,
        checksum: ChecksumMode = ChecksumMode.STRICT,
        on_state: Callable[[LiveState], None] | None = None,
    ) -> None:
        self._plan = plan_source(url, allowed=allowed)
        self._limits = dataclasses.replace(limits or VideoLimits(), max_silence_s=stale_s)
        self._every_s = every_s
        self._checksum = checksum
        self._on_state = on_state
        self._stopped = threading.Event()
        self._klv: deque[tuple[float, bytes]] = deque(maxlen=MEMORY_PACKETS)
        self._problems: list[Problem] = []
        self._process: DecoderProcess | None = None
        self.state = LiveState()
        datagrams = url.lower().startswith(("udp:", "rtp:"))
        self._pump = DatagramPump(url, recorder) if datagrams else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def port(self) -> int | None:
        """The port listened to, for datagram sources."""
        return None if self._pump is None else self._pump.port

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Restarts and damage so far, the newest hundred."""
        return tuple(self._problems[-100:])

    def stop(self) -> None:
        """End `frames()` soon; may be called from any thread."""
        self._stopped.set()
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """Stop, and end the process and the thread."""
        self.stop()
        if self._process is not None:
            self._process.close()
        if self._pump is not None:
            self._pump.close()

    def frames(self) -> Iterator[Frame]:
        """Yield frames with poses as they arrive; opens the stream again after silence or failure."""
        failures = 0
        while not self._stopped.is_set():
            seen = self.state.frames
            yield from self._one_connection()
            if self._pump is not None and self._pump.failure is not None:
                raise self._pump.failure
            failures = 0 if self.state.frames > seen else failures + 1
            if self._stopped.wait(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]):
                return
            self.state.restarts += 1
            if self._pump is not None:
                self._pump.cut()
            self._tell()

    def _one_connection(self) -> Iterator[Frame]:
        self._process = self._start()
        waiting: deque[tuple[dict[str, Any], Any]] = deque()
        patience_s: float | None = max(OPEN_S, self._limits.max_silence_s)
        while not self._stopped.is_set() and (message := self._next(patience_s)) is not None:
            header, payload = message
            patience_s = None
            if self.state.stale:
                self.state.stale = False
                self._tell()
            if header["type"] == "klv":
                self._take_klv(header, payload)
                while waiting and self._covers(waiting[0][0]):
                    yield self._frame(*waiting.popleft())
            elif header["type"] == "frame":
                waiting.append((header, self._process.take_picture(header["slot"], header["w"], header["h"])))
                if len(waiting) > 2:  # noqa: PLR2004 - telemetry is late or absent: pictures do not wait for it
                    yield self._frame(*waiting.popleft())
            elif header["type"] in {"error", "problem"}:
                self._problems.append(Problem(kind=header["type"], message=f"{self._plan.shown}: {header['message']}"))
        while waiting and not self._stopped.is_set():
            yield self._frame(*waiting.popleft())
        self._process.close()
        if not self._stopped.is_set():
            self.state.stale = True
            self._problems.append(Problem(kind="stale", message=f"{self._plan.shown} went silent; it is opened again"))
            self._tell()

    def _next(self, patience_s: float | None) -> tuple[dict[str, Any], bytes] | None:
        return None if self._process is None else self._process.next_message(patience_s)

    def _start(self) -> DecoderProcess:
        if self._pump is None:
            return DecoderProcess(self._plan.url, self._plan.options, self._limits, every_s=self._every_s, live=True)
        reading = self._pump.attach()
        try:
            return DecoderProcess(
                f"pipe:{reading}", {}, self._limits, every_s=self._every_s, live=True, descriptors=(reading,)
            )
        finally:
            os.close(reading)

    def _tell(self) -> None:
        if self._on_state is not None:
            self._on_state(self.state)

    def _take_klv(self, header: dict[str, Any], payload: bytes) -> None:
        pts_s = float("nan") if header["pts"] is None else float(Fraction(*header["pts"]))
        if self._klv and pts_s < self._klv[-1][0] - CLOCK_STEP_S:
            self._klv.clear()
        stream = decode(payload, checksum=self._checksum)
        self.state.klv_packets += len(stream)
        self.state.klv_bad_checksum += stream.bad_checksum
        self._klv.append((pts_s, payload))

    def _covers(self, header: dict[str, Any]) -> bool:
        return bool(self._klv) and self._klv[-1][0] >= float(Fraction(*header["pts"]))

    def _frame(self, header: dict[str, Any], image: Any) -> Frame:
        pts_s = Fraction(*header["pts"])
        index = self.state.frames
        self.state.frames += 1
        image.setflags(write=False)
        stream = decode(b"".join(payload for _, payload in self._klv), checksum=self._checksum)
        ends = np.cumsum([len(payload) for _, payload in self._klv])
        stamps = np.array([stamp for stamp, _ in self._klv])
        of_packet = stamps[np.searchsorted(ends, stream.offset, side="right")] if len(stream) else stamps[:0]
        clock = build_clock(of_packet, utc_ns(stream), stamped=True)
        moment = int(clock.utc_ns(np.array([float(pts_s)]))[0])
        if moment == NO_TIME:
            return Frame(index=index, pts_s=pts_s, t_utc_ns=NO_TIME, image=image, pose_reason="no telemetry yet")
        found = track_from_klv(stream).pose_at(moment)
        pose, reason = (None, found.value) if isinstance(found, Unplaced) else (found, "")
        return Frame(index=index, pts_s=pts_s, t_utc_ns=moment, image=image, pose=pose, pose_reason=reason)
