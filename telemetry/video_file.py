"""Read a clip: its telemetry as a pose track, its pictures as frames with poses."""

from __future__ import annotations

import dataclasses
import socket
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from geo.values import Unplaced
from telemetry.errors import MediaError
from telemetry.klv import ChecksumMode, KlvStream, decode
from telemetry.klv_track import track_from_klv, utc_ns
from telemetry.pose_track import Problem
from telemetry.video import NO_TIME, Frame, VideoLimits
from telemetry.video_clock import StreamClock, arrival_pts_s, build_clock
from telemetry.video_messages import NO_PTS
from telemetry.video_process import DecoderProcess
from telemetry.video_source import FILE_FORMATS, OpenPlan, judge_live, scheme_of
from telemetry.video_whole_file import how_cut, why_unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from numpy.typing import NDArray

    from telemetry.pose_track import PoseTrack


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StreamFacts:
    """What the container says about itself."""

    format: str
    width_px: int
    height_px: int
    codec: str
    time_base: Fraction
    duration_s: float | None


def plan_source(source: str | Path, *, allowed: Sequence[str] = ()) -> OpenPlan:
    """Decide how a source may be opened, or refuse it (see `telemetry.video_source`)."""
    text = str(source)
    if not isinstance(source, Path) and scheme_of(text):
        return judge_live(text, allowed=allowed, resolve=_resolve)
    path = Path(text)
    if not path.exists():
        raise MediaError(f"{path}: no such file", path=text)
    if not path.is_file():
        raise MediaError(f"{path} is not a file; give a clip, or a folder of pictures to the picture reader", path=text)
    options = {"protocol_whitelist": "file", "format_whitelist": FILE_FORMATS}
    return OpenPlan(url=str(path.resolve()), shown=str(path), live=False, options=options)


def _resolve(host: str) -> list[str]:
    return sorted({str(entry[4][0]) for entry in socket.getaddrinfo(host, None)})


class VideoReader:
    """One clip: a context manager whose `frames()` gives pictures with poses.

    Attributes
    ----------
    track
        Pose track of the clip's own telemetry, or the one given to `read_video`.
    klv
        The decoded KLV, with every packet and problem.
    facts
        What the container says about itself.
    partial
        True once something of the clip could not be read.
    """

    def __init__(
        self,
        plan: OpenPlan,
        limits: VideoLimits,
        every_s: float | None,
        checksum: ChecksumMode,
        track: PoseTrack | None,
        start_utc_ns: int | None,
    ) -> None:
        self._plan = plan
        self._limits = limits
        self._every_s = every_s
        self._start_utc_ns = start_utc_ns
        self._problems: list[Problem] = []
        self._first_pts: Fraction | None = None
        self.partial = False
        self._process = DecoderProcess(plan.url, plan.options, limits, every_s=every_s)
        self._fresh = True
        try:
            self.facts = self._read_facts()
            self.klv, self._clock = self._read_telemetry(checksum)
        except BaseException:
            self._process.close()
            raise
        own = track_from_klv(self.klv, source=plan.shown)
        self.track: PoseTrack = own if track is None else track
        self._problems += own.problems

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the decoding process."""
        self._process.close()

    @property
    def process_id(self) -> int:
        """Number of the decoding process, for whoever watches over processes."""
        return self._process.number

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was wrong so far: with the telemetry, and with the pictures read up to now."""
        return tuple(self._problems)

    @property
    def klv_packets(self) -> int:
        """How many ST 0601 packets the clip holds, bad ones included."""
        return len(self.klv)

    @property
    def klv_bad_checksum(self) -> int:
        """How many of them have a wrong checksum or none."""
        return self.klv.bad_checksum

    def frames(self) -> Iterator[Frame]:
        """Decode in the other process and yield each wanted frame with its pose, or the reason for none."""
        if not self._fresh:
            self._process.close()
            self._process = DecoderProcess(
                self._plan.url, self._plan.options, self._limits, every_s=self._every_s, scan=False
            )
            self._read_facts()
        self._fresh = False
        count = 0
        while (message := self._process.next_message()) is not None:
            header, _ = message
            if header["type"] == "frame":
                yield self._frame(header)
                count += 1
            elif header["type"] == "end":
                self._note_end(header)
                return
            else:
                self._note(header)
        self._note_death(count)

    def _read_facts(self) -> StreamFacts:
        header, _ = self._expect("open")
        if "width" not in header:
            raise MediaError(f"{self._plan.shown} holds no video; nothing can be decoded", path=self._plan.shown)
        width, height = int(header["width"]), int(header["height"])
        if width * height > self._limits.max_pixels:
            message = (
                f"{self._plan.shown} has pictures of {width} x {height} px, over the limit of "
                f"{self._limits.max_pixels} pixels; raise the limit if they are meant"
            )
            raise MediaError(message, width=width, height=height)
        return StreamFacts(
            format=str(header["format"]),
            width_px=width,
            height_px=height,
            codec=str(header["codec"]),
            time_base=Fraction(*header["time_base"]),
            duration_s=header["duration_s"],
        )

    def _expect(self, kind: str) -> tuple[dict[str, Any], bytes]:
        while (message := self._process.next_message()) is not None:
            if message[0]["type"] == kind:
                return message
            if message[0]["type"] == "error":
                why = why_unreadable(Path(self._plan.url), str(message[0]["message"]))
                raise MediaError(f"{self._plan.shown} cannot be read as video: {why}", path=self._plan.shown)
            self._note(message[0])
        status = self._process.close()
        raise MediaError(
            f"{self._plan.shown} could not be read: the decoding process ended with status {status}",
            path=self._plan.shown,
            status=status,
        )

    def _read_telemetry(self, checksum: ChecksumMode) -> tuple[KlvStream, StreamClock]:
        header, payload = self._expect("scan")
        rows, pictures = int(header["klv"]), int(header["video"])
        klv = np.frombuffer(payload, dtype="<i8", count=2 * rows).reshape(-1, 2)
        video = np.frombuffer(payload, dtype="<i8", count=2 * pictures, offset=16 * rows).reshape(-1, 2)
        place = 16 * (rows + pictures)
        sizes = np.frombuffer(payload, dtype="<i8", count=rows, offset=place)
        stream = decode(payload[place + 8 * rows :], checksum=checksum)
        if header["truncated"]:
            self.partial = True
            self._problems.append(Problem(kind="limit", message="telemetry beyond the limit was not taken"))
        stamped = rows > 0 and bool(np.all(klv[:, 0] != NO_PTS))
        if stamped:
            piece_pts = _seconds(klv[:, 0], Fraction(*header["klv_time_base"]))
        else:
            piece_pts = arrival_pts_s(klv[:, 1], video[:, 1], _seconds(video[:, 0], self.facts.time_base))
        piece = np.searchsorted(np.cumsum(sizes), stream.offset, side="right")
        packet_pts = piece_pts[np.minimum(piece, rows - 1)] if rows else np.empty(0)
        return stream, build_clock(packet_pts, utc_ns(stream), stamped=stamped)

    def _moment(self, pts_s: Fraction) -> int:
        if len(self._clock.pts_s):
            return int(self._clock.utc_ns(np.array([float(pts_s)]))[0])
        if self._start_utc_ns is None:
            return NO_TIME
        if self._first_pts is None:
            self._first_pts = pts_s
        return self._start_utc_ns + round((pts_s - self._first_pts) * 1_000_000_000)

    def _frame(self, header: dict[str, Any]) -> Frame:
        image = self._process.take_picture(header["slot"], header["w"], header["h"])
        image.setflags(write=False)
        pts_s = Fraction(*header["pts"])
        moment = self._moment(pts_s)
        pose, reason = None, ""
        if not len(self.track):
            reason = "no telemetry in the source"
        elif moment == NO_TIME:
            reason = "no clock joins the pictures to the telemetry"
        else:
            found = self.track.pose_at(moment)
            pose, reason = (None, found.value) if isinstance(found, Unplaced) else (found, "")
        return Frame(index=header["i"], pts_s=pts_s, t_utc_ns=moment, image=image, pose=pose, pose_reason=reason)

    def _note(self, header: dict[str, Any]) -> None:
        message = str(header.get("message", header["type"]))
        self._problems.append(Problem(kind=str(header.get("kind", header["type"])), message=message))
        self.partial = True

    def _note_end(self, header: dict[str, Any]) -> None:
        """Say exactly how much was readable when something was not."""
        broken, decoded = int(header["broken"]), int(header["decoded"])
        cut = None if self._plan.live else how_cut(Path(self._plan.url), self.facts.format)
        if not broken and cut is None:
            return
        self.partial = True
        reach = float(Fraction(*header["last"]) - Fraction(*header["first"])) if decoded else 0.0
        parts = [text for text in (cut, f"{broken} packets could not be decoded" if broken else None) if text]
        message = f"{self._plan.shown}: {' and '.join(parts)}; {decoded} frames over {reach:.3f} s were read"
        self._problems.append(Problem(kind="partial", message=message))

    def _note_death(self, count: int) -> None:
        status = self._process.exit_status()
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        self.partial = True
        message = f"{self._plan.shown}: the decoding process {how} after {count} frames; what came before is kept"
        self._problems.append(Problem(kind="decoder", message=message))


def _seconds(pts: NDArray[np.int64], time_base: Fraction) -> NDArray[np.float64]:
    """Return presentation times in seconds, NaN where a packet has none."""
    seconds: NDArray[np.float64] = np.where(pts == NO_PTS, np.nan, pts * float(time_base))
    return seconds


def read_video(
    source: str | Path,
    *,
    limits: VideoLimits | None = None,
    every_s: float | None = None,
    checksum: ChecksumMode = ChecksumMode.STRICT,
    track: PoseTrack | None = None,
    start_utc_ns: int | None = None,
) -> VideoReader:
    """Open a clip, read its telemetry, and get ready to decode its pictures.

    Parameters
    ----------
    source
        Path of an MP4, MOV, MPEG-TS, MKV or AVI file.
    limits
        What the source may cost; see `VideoLimits`.
    every_s
        Seconds of presentation time between frames handed out; None hands out all.
    checksum
        What to do with KLV packets whose checksum does not hold.
    track
        Pose track of another source (a log, subtitles) to use instead of the clip's own.
    start_utc_ns
        UTC of the first picture, for clips without a clock of their own.

    Returns
    -------
    VideoReader
        A context manager; the telemetry is read, the pictures are not yet.

    Raises
    ------
    MediaError
        The source is missing, unreadable, or over a limit.
    SourceForbiddenError
        Its protocol or address is not allowed.
    """
    if every_s is not None and not every_s > 0.0:
        raise MediaError(f"the time between frames has to be above 0 s, not {every_s:g}", every_s=every_s)
    plan = plan_source(source)
    return VideoReader(plan, limits or VideoLimits(), every_s, checksum, track, start_utc_ns)
