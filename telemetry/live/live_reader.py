"""A live stream: frames with poses as they come, through stalls, restarts and new clocks."""

from __future__ import annotations

import collections
import dataclasses
import os
import threading
import time
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Self

from telemetry.live.live_telemetry import LiveTelemetry
from telemetry.live.open_link import LinkOptions, open_link, opened_at_once
from telemetry.live.stream_pump import BACKOFF_S, StreamPump
from telemetry.recordings.reading_options import ReadingOptions
from telemetry.tracks.pose_track import Problem
from telemetry.videos.video_process import DecoderProcess, Work
from telemetry.videos.video_scan import plan_source

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import TracebackType

    from telemetry.live.byte_link import ByteLink
    from telemetry.live.link_poses import LinkPoses
    from telemetry.live.stream_pump import Piece, Recorder
    from telemetry.videos.frame import Frame

OPEN_S: Final = 10.0
"""How long a stream may take to show its first picture: a second of data has to arrive and be looked at."""
KEY_PICTURE_S: Final = 60.0
"""How long bytes may come without a picture: x264 makes one in 250 that needs no other, at 5 a second 50 s apart."""
LOOK_S: Final = 0.1
"""How often it is looked whether to stop, while nothing comes."""
WAIT_S: Final = 1.0
"""A picture waits no longer for what poses it: half of what a row may take from its packet's arrival on."""
HELD_LOOK_S: Final = 0.02
"""How often it is looked whether a waiting picture's telemetry has come."""
KEPT_PROBLEMS: Final = 100


@dataclasses.dataclass(slots=True, kw_only=True)
class LiveState:
    """How a live stream is doing; read it between frames.

    `frames` were handed out, `skipped` were due while the one before was still being worked on. `restarts`
    counts clocks, connections and codecs that began anew after the first.
    """

    stale: bool = False
    restarts: int = 0
    frames: int = 0
    skipped: int = 0
    klv_packets: int = 0
    klv_bad_checksum: int = 0


@dataclasses.dataclass(slots=True, kw_only=True)
class _Held:
    """A picture that waits for what poses it, and when it came; `later` tells that the stream went on after it."""

    header: dict[str, Any]
    image: Any
    came_ns: int
    since_s: float = dataclasses.field(default_factory=time.monotonic)
    later: bool = False

    @property
    def pts_s(self) -> Fraction:
        """Its presentation time."""
        return Fraction(*self.header["pts"])


class LiveReader:
    """A live source; a context manager whose `frames()` ends only on `stop()`.

    The newest frame wins: the next one handed out is the first decoded after the last was done with.

    Attributes
    ----------
    begun_utc_ns
        UTC of the first picture of each piece, by its number, as far as the link beside the stream tells.

    Parameters
    ----------
    url
        ``udp://``, ``rtp://`` or ``tcp://`` (MPEG-TS inside), ``rtsp://``, ``rtmp://`` or ``srt://``.
    link
        Networks that may be called beyond the private ones, credentials, the transport of RTSP, the silence that
        makes the stream stale.
    recorder
        Keeps the original bytes, before anything else sees them.
    options
        What a person states, as for a file; `every_s` is the time between frames.
    poses
        A MAVLink link beside the stream, which poses its pictures.
    on_state
        Called whenever `stale` or `restarts` changes.
    """

    def __init__(
        self,
        url: str,
        *,
        link: LinkOptions | None = None,
        recorder: Recorder | None = None,
        options: ReadingOptions | None = None,
        poses: LinkPoses | None = None,
        on_state: Callable[[LiveState], None] | None = None,
    ) -> None:
        self._link_options = link or LinkOptions()
        self._plan = plan_source(url, allowed=self._link_options.allowed)
        self._options = options or ReadingOptions()
        self._limits = dataclasses.replace(self._options.limits, max_silence_s=self._link_options.stale_s)
        self._on_state = on_state
        self._on_wait: Callable[[], None] = lambda: None
        self._stopped = threading.Event()
        self._problems: collections.deque[Problem] = collections.deque(maxlen=KEPT_PROBLEMS)
        self._process: DecoderProcess | None = None
        self._telemetry = LiveTelemetry(self._plan.shown, self._options, poses)
        self._motion = poses is not None and self._options.offset_s is None
        self.state = LiveState()
        self.begun_utc_ns: dict[int, int] = {}
        self._first: ByteLink | None = opened_at_once(self._plan, self._link_options)
        self.port = getattr(self._first, "port", None)
        self._pump = StreamPump(self._link, recorder, stale_s=self._link_options.stale_s)

    def _link(self) -> ByteLink:
        first, self._first = self._first, None
        return first or open_link(self._plan, self._link_options)

    def __enter__(self) -> Self:
        self._pump.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def shown(self) -> str:
        """The address, fit for messages."""
        return self._plan.shown

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Contradictions in the telemetry (one of each kind), then restarts and damage, the newest hundred."""
        return (*self._telemetry.problems.values(), *self._problems)

    @property
    def klv_packets(self) -> int:
        """How many ST 0601 packets have come."""
        return self.state.klv_packets

    @property
    def klv_bad_checksum(self) -> int:
        """How many of them had a wrong checksum or none."""
        return self.state.klv_bad_checksum

    @property
    def skipped(self) -> int:
        """How many frames were due and not handed out, because the newest wins."""
        return self.state.skipped

    @property
    def waiting_for(self) -> str:
        """Why there is no connection; empty while there is one."""
        return self._pump.waiting_for

    @property
    def received_bytes(self) -> int:
        """How many bytes have come."""
        return self._pump.received_bytes

    @property
    def dropped_bytes(self) -> int:
        """How many bytes the decoder was too slow for; they are in the record all the same."""
        return self._pump.dropped_bytes

    def stop(self) -> None:
        """End `frames()` soon; may be called from any thread."""
        self._stopped.set()
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """Stop, and end the process and the thread; the last segment of the recording is finished then."""
        self.stop()
        if self._process is not None:
            self._process.close()
        self._pump.close()

    def frames(self, on_wait: Callable[[], None] | None = None) -> Iterator[Frame]:
        """Yield frames with poses as they arrive; opens the stream again after silence or failure.

        `on_wait` is called, in the caller's thread, each tenth of a second while nothing comes.
        """
        self._on_wait = on_wait or (lambda: None)
        failures = 0
        heard = time.monotonic()
        while not self._stopped.is_set():
            piece = self._pump.next_piece(LOOK_S)
            if self._pump.failure is not None:
                raise self._pump.failure
            if piece is None:
                self._on_wait()
                if time.monotonic() - heard > self._limits.max_silence_s and not self.state.stale:
                    self._went_stale()
                continue
            piece = self._newest(piece)
            if piece.number:
                self.state.restarts = piece.number
                self._tell()
            status = yield from self._one_piece(piece)
            heard = time.monotonic()
            failures = failures + 1 if status else 0
            if failures:
                self._back_off(BACKOFF_S[min(failures, len(BACKOFF_S)) - 1])

    def _back_off(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s and not self._stopped.wait(LOOK_S):
            self._on_wait()

    def _newest(self, piece: Piece) -> Piece:
        """Return the last piece that has begun: one that is over is in the record, and pictures are never old."""
        while (later := self._pump.next_piece(0.0)) is not None:
            os.close(piece.reading)
            piece = later
        return piece

    def _one_piece(self, piece: Piece) -> Generator[Frame, None, int]:
        """Yield the frames of one clock; return how its decoder ended (0: with the bytes)."""
        self._telemetry.begin()
        try:
            options = self._options
            work = Work(every_s=options.every_s, live=True, motion=self._motion, stream=options.stream)
            self._process = DecoderProcess(str(piece.reading), {}, self._limits, work, descriptors=(piece.reading,))
        finally:
            os.close(piece.reading)
        yield from self._pictures(piece)
        status = self._process.close()
        if not self._stopped.is_set() and status != 0:
            self._pump.cut()
            self._went_stale()
        return status

    def _pictures(self, piece: Piece) -> Iterator[Frame]:
        held: _Held | None = None
        patience_s: float | None = max(OPEN_S, self._limits.max_silence_s)
        while not self._stopped.is_set():
            if held is not None and self._is_over(held):
                ready, held = held, None
                yield self._frame(ready, piece)
                self._ask()
            if held is not None and not self._comes():
                continue
            message = self._next(patience_s)
            if message is None:
                break
            header, payload = message
            patience_s = None if header["type"] != "opened" else patience_s
            self._heard()
            if header["type"] == "klv":
                self._telemetry.take(header, payload)
                if held is not None and header["shown"] is not None:
                    held.later |= Fraction(*header["shown"]) > held.pts_s
            elif header["type"] == "motion":
                self._telemetry.turned(tuple(header["step"]))
            elif header["type"] == "frame" and self._process is not None:
                held = self._taken(header, self._process, piece)
            elif header["type"] in {"error", "problem"}:
                self._problems.append(Problem(kind=header["type"], message=f"{self.shown}: {header['message']}"))
        if held is not None and not self._stopped.is_set():
            yield self._frame(held, piece)

    def _taken(self, header: dict[str, Any], process: DecoderProcess, piece: Piece) -> _Held:
        """Take a picture, and note when it came."""
        image = process.take_picture(header)
        at = piece.came_ns(header["position"]) if header["position"] >= 0 else None
        held = _Held(header=header, image=image, came_ns=header["came_ns"] if at is None else at)
        self._telemetry.arrived(float(held.pts_s), held.came_ns)
        return held

    def _is_over(self, held: _Held) -> bool:
        """Tell whether a picture waits no longer: what poses it has come, later pictures have, or it is late."""
        late = time.monotonic() - held.since_s > WAIT_S
        return late or held.later or self._telemetry.settles(float(held.pts_s))

    def _comes(self) -> bool:
        return self._process is None or self._process.has_message(HELD_LOOK_S)

    def _next(self, patience_s: float | None) -> tuple[dict[str, Any], bytes] | None:
        """Return the next message; None when the decoder has ended, or was ended for its silence.

        It is waited for while another would be no quicker: it had no processor, or bytes come and a picture that
        needs none before it does not.
        """
        process = self._process
        if process is None:
            return None
        patience_s = patience_s or self._limits.max_silence_s
        begun_s, heard = time.monotonic(), self._pump.received_bytes
        while not self._has_message(process, patience_s):
            came, heard = self._pump.received_bytes > heard, self._pump.received_bytes
            starved = process.had_no_processor(patience_s)
            if not starved and not (came and time.monotonic() - begun_s < KEY_PICTURE_S):
                process.kill()
                return None
            if came and not starved and not self.state.stale:
                self._went_stale("sends no picture that can be read alone; the next is waited for")
        return process.next_message(patience_s)

    def _has_message(self, process: DecoderProcess, timeout_s: float) -> bool:
        """Tell whether a message comes within a time; whoever takes the frames can act meanwhile."""
        until_s = time.monotonic() + timeout_s
        while not process.has_message(max(0.0, min(LOOK_S, until_s - time.monotonic()))):
            self._on_wait()
            if time.monotonic() >= until_s:
                return False
        return True

    def _frame(self, held: _Held, piece: Piece) -> Frame:
        header = held.header
        self.state.frames += 1
        self.state.skipped += header["skipped"]
        frame = self._telemetry.frame(header, held.image, came_ns=held.came_ns)
        self.state.klv_packets = self._telemetry.packets
        self.state.klv_bad_checksum = self._telemetry.bad_checksum
        if header["first"] is not None:
            begun = self._telemetry.begun_utc_ns(float(Fraction(*header["first"])))
            self.begun_utc_ns |= {} if begun is None else {piece.number: begun}
        return dataclasses.replace(frame, segment=piece.number)

    def _ask(self) -> None:
        """Say that the last picture is done with: the next decoded one is wanted."""
        if self._process is not None:
            self._process.ask()

    def _heard(self) -> None:
        if self.state.stale:
            self.state.stale = False
            self._tell()

    def _went_stale(self, why: str = "went silent; it is opened again") -> None:
        self.state.stale = True
        self._problems.append(Problem(kind="stale", message=f"{self.shown} {why}"))
        self._tell()

    def _tell(self) -> None:
        if self._on_state is not None:
            self._on_state(self.state)
