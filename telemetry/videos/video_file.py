"""Read a clip: its telemetry as a pose track, its pictures as frames with poses."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from telemetry.errors import MediaError
from telemetry.klv import ChecksumMode
from telemetry.tracks.pose_track import Problem
from telemetry.videos.frame import Frame, VideoLimits
from telemetry.videos.posing import Posing, klv_posing, track_posing
from telemetry.videos.video_moments import FrameMoments
from telemetry.videos.video_pictures_file import read_pictures
from telemetry.videos.video_process import DecoderProcess, Work
from telemetry.videos.video_scan import ClipTelemetry, plan_source, read_scan, wait_for
from telemetry.videos.video_whole_file import how_cut

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from telemetry.tracks.pose_track import PoseTrack
    from telemetry.videos.video_overlap import OverlapFilter
    from telemetry.videos.video_source import OpenPlan

__all__ = ["StreamFacts", "VideoReader", "read_pictures", "read_video"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StreamFacts:
    """What the container says about itself."""

    format: str
    width_px: int
    height_px: int
    codec: str
    duration_s: float | None
    created: str = ""
    """When the container says it was made, as it writes it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StreamChoice:
    """Which pictures of a container are read, and what comes along.

    `stream` counts its video streams from 0; `prefer` are numbers (PID, track id) of data streams
    that belong to it; `keep_ids` those of metadata streams that are wanted beside KLV and subtitles.
    Of its pictures one each `every_s` seconds of presentation time is handed out (all where it is None),
    and of those the ones that `overlap` wants.
    """

    stream: int = 0
    every_s: float | None = None
    overlap: OverlapFilter | None = None
    prefer: tuple[int, ...] = ()
    keep_ids: tuple[int, ...] = ()


class PoseBy(Protocol):
    """Settles what poses a clip, once everything beside its pictures is read."""

    def __call__(self, clip: ClipTelemetry, facts: StreamFacts, source: str, /) -> Posing:
        """Return the clip's clock and tracks."""
        ...


class VideoReader:
    """One clip: a context manager whose `frames()` gives pictures with poses.

    Attributes
    ----------
    track
        Pose track of the clip's own telemetry, or the one given to `read_video`.
    klv
        The decoded KLV, with every packet and problem.
    clip
        Everything the container holds beside its pictures.
    posing
        The clock and the tracks that pose the pictures.
    facts
        What the container says about itself.
    partial
        True once something of the clip could not be read.
    """

    def __init__(
        self,
        plan: OpenPlan,
        limits: VideoLimits,
        checksum: ChecksumMode,
        pose_by: PoseBy,
        choice: StreamChoice,
    ) -> None:
        self._plan = plan
        self._choice = choice
        self._limits = limits
        self._problems: list[Problem] = []
        self.partial = False
        self._process = self._start(scan=True)
        self._fresh = True
        try:
            self.facts = self._read_facts()
            self.clip = self._read_telemetry(checksum)
            self.klv = self.clip.klv
            self.posing = pose_by(self.clip, self.facts, plan.shown)
            self.track: PoseTrack = self.posing.tracks[0]
            self._problems += self.posing.problems
            self._moments = FrameMoments(self.posing, self.clip.picture_pts_s, self.clip.picture_segment)
        except BaseException:
            self._process.close()
            raise

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
            self._process = self._start(scan=False)
            self._read_facts()
        self._fresh = False
        count = 0
        while (message := self._process.next_message()) is not None:
            header, _ = message
            if header["type"] == "frame":
                frame = self._frame(header)
                count += 1
                if self._choice.overlap is None or self._choice.overlap.wants(frame):
                    yield frame
            elif header["type"] == "end":
                self._note_end(header)
                return
            else:
                self._note(header)
        self._note_death(count)

    def _start(self, *, scan: bool) -> DecoderProcess:
        choice = self._choice
        work = Work(every_s=choice.every_s or None, scan=scan, stream=choice.stream, keep_ids=choice.keep_ids)
        return DecoderProcess(self._plan.url, self._plan.options, self._limits, work)

    def _read_facts(self) -> StreamFacts:
        header, _ = wait_for(self._process, "open", self._plan, self._note)
        self._opened = header
        if "width" not in header and header["videos"]:
            text = f"{self._plan.shown} has {len(header['videos'])} video streams, numbered from 0; there is no number "
            raise MediaError(f"{text}{self._choice.stream}", path=self._plan.shown)
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
            duration_s=header["duration_s"],
            created=str(header["created"]),
        )

    def _read_telemetry(self, checksum: ChecksumMode) -> ClipTelemetry:
        scan, payload = wait_for(self._process, "scan", self._plan, self._note)
        telemetry = read_scan(scan, payload, self._opened, checksum, prefer=self._choice.prefer)
        if telemetry.truncated:
            self._note({"type": "limit", "message": "telemetry beyond the limit was not taken"})
        return telemetry

    def _frame(self, header: dict[str, Any]) -> Frame:
        image = self._process.take_picture(header)
        pts_s, segment = Fraction(*header["pts"]), int(header["segment"])
        moment = self._moments.moment(pts_s, segment, header["notes"])
        pose, reason = self._moments.pose(moment, segment)
        return Frame(
            index=header["i"],
            pts_s=pts_s,
            t_utc_ns=moment,
            image=image,
            pose=pose,
            pose_reason=reason,
            segment=segment,
            sigmas=None if pose is None else self.posing.sigmas,
        )

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
        reach = float(Fraction(*header["reach"]))
        parts = [text for text in (cut, f"{broken} packets could not be decoded" if broken else None) if text]
        message = f"{self._plan.shown}: {' and '.join(parts)}; {decoded} frames over {reach:.3f} s were read"
        self._problems.append(Problem(kind="partial", message=message))

    def _note_death(self, count: int) -> None:
        status = self._process.exit_status()
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        self.partial = True
        message = f"{self._plan.shown}: the decoding process {how} after {count} frames; what came before is kept"
        self._problems.append(Problem(kind="decoder", message=message))


def read_video(
    source: str | Path,
    *,
    limits: VideoLimits | None = None,
    every_s: float | None = None,
    track: PoseTrack | None = None,
    start_utc_ns: int | None = None,
    overlap: OverlapFilter | None = None,
) -> VideoReader:
    """Open a clip, read its telemetry, and get ready to decode its pictures.

    Parameters
    ----------
    source
        Path of an MP4, MOV, MPEG-TS, MKV or AVI file.
    limits
        What the source may cost; see `VideoLimits`.
    every_s
        Seconds of presentation time between frames handed out; None and 0 hand out all.
    track
        Pose track of another source (a log, subtitles) to use instead of the clip's own.
    start_utc_ns
        UTC of the first picture, for clips without a clock of their own.
    overlap
        Hand out only the frames that it wants: those that show new ground.

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
    if every_s is not None and not 0.0 <= every_s < math.inf:
        raise MediaError(f"the time between frames has to be 0 s or more, not {every_s:g}", every_s=every_s)

    def pose_by(clip: ClipTelemetry, facts: StreamFacts, shown: str, /) -> Posing:  # noqa: ARG001 - KLV needs no facts
        if track is not None:
            return track_posing(clip, track, start_utc_ns=start_utc_ns)
        return klv_posing(clip, source=shown, start_utc_ns=start_utc_ns)

    return open_video(source, limits=limits, pose_by=pose_by, choice=StreamChoice(every_s=every_s, overlap=overlap))


def open_video(
    source: str | Path,
    *,
    pose_by: PoseBy,
    limits: VideoLimits | None = None,
    checksum: ChecksumMode = ChecksumMode.STRICT,
    choice: StreamChoice | None = None,
) -> VideoReader:
    """Open a clip whose poses are settled by `pose_by`; see `read_video` for the rest."""
    return VideoReader(plan_source(source), limits or VideoLimits(), checksum, pose_by, choice or StreamChoice())
