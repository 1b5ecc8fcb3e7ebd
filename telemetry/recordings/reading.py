"""Read a recording: frames with poses or reasons, and, once open, everything known of its clock and its sources."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from geo.errors import InputError
from geo.geodesy import wrap_longitude_deg
from telemetry.errors import MediaError
from telemetry.pictures.picture_file import read_picture
from telemetry.pictures.picture_ground import held_against_ground
from telemetry.recordings.reading_options import ReadingOptions
from telemetry.recordings.recording import LeftOut, Recording, RecordingKind, SourceKind
from telemetry.recordings.settling import Settled, settle
from telemetry.videos.clock_map import SIGMA_S, ClockBasis
from telemetry.videos.video_file import StreamChoice, open_video
from telemetry.videos.video_overlap import OverlapFilter
from telemetry.videos.video_pictures_file import PictureReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from geo.values import PoseSigmas
    from telemetry.pictures.picture_metadata import PictureMetadata
    from telemetry.tracks.pose_track import Problem
    from telemetry.videos.frame import Frame
    from telemetry.videos.posing import Posing
    from telemetry.videos.video_file import StreamFacts, VideoReader
    from telemetry.videos.video_scan import ClipTelemetry

WIDENS_FROM_S: Final = 0.03
"""A clock error below this moves nothing that counts: 0.45 m at 15 m/s."""
LOOK_S: Final = 0.25
"""Half the stretch over which speed and turning are measured around a frame."""
_M_PER_DEG: Final = 111_319.5


class RecordingReader:
    """An open recording; a context manager with the surface of a clip's reader.

    Attributes
    ----------
    recording
        What was opened, with clock, `used` and `unused` settled.
    klv_packets, klv_bad_checksum
        ST 0601 packets in it, and how many have a wrong checksum or none.
    expected_frames
        How many frames are to be expected, for a progress bar; None where it cannot be told.
    """

    def __init__(self, recording: Recording, reader: VideoReader | PictureReader, options: ReadingOptions) -> None:
        self.recording = recording
        self._reader = reader
        self._options = options

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.__exit__(kind, error, trace)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was wrong so far: with telemetry, clocks and contradictions, and with the pictures read up to now."""
        return self._reader.problems

    @property
    def partial(self) -> bool:
        """Whether something of it could not be read."""
        return self._reader.partial

    @property
    def klv_packets(self) -> int:
        """How many ST 0601 packets it holds."""
        return self._reader.klv_packets

    @property
    def klv_bad_checksum(self) -> int:
        """How many of them have a wrong checksum or none."""
        return self._reader.klv_bad_checksum

    @property
    def posing(self) -> Posing | None:
        """The clock and tracks that pose a clip; None for pictures, each of which poses itself."""
        return getattr(self._reader, "posing", None)

    @property
    def facts(self) -> StreamFacts | None:
        """What the container says of itself; None for pictures."""
        return getattr(self._reader, "facts", None)

    @property
    def expected_frames(self) -> int | None:
        """How many frames `frames()` will give, as far as time stamps tell."""
        if isinstance(self._reader, PictureReader):
            return len(self._reader)
        clip = self._reader.clip
        if not self._options.every_s:
            return len(clip.picture_pts_s) or None
        spans = self._reader.posing.clock.segments
        seconds = sum(s.last_pts_s - s.first_pts_s for s in spans if math.isfinite(s.last_pts_s))
        return int(seconds / self._options.every_s) + 1

    def frames(self) -> Iterator[Frame]:
        """Yield each wanted frame, posed or with its reason, with the lens stated and the errors it deserves."""
        for frame in self._reader.frames():
            yield finished(frame, self.posing, self._options)


def finished(frame: Frame, posing: Posing | None, options: ReadingOptions) -> Frame:
    """Return a frame with the lens that was stated and the errors that its clock and its track deserve."""
    changes: dict[str, Any] = {}
    stated = options.camera
    if stated is not None:
        height, width = frame.image.shape[:2]
        changes["camera"] = stated.model(width, height)
    sigmas = frame.sigmas
    if frame.pose is not None and posing is not None:
        segments = posing.clock.segments
        sigma_s = segments[min(frame.segment, len(segments) - 1)].sigma_s
        base = sigmas or options.sigmas
        wider = by_clock(base, posing, frame, sigma_s)
        sigmas = wider if wider != options.sigmas else sigmas
    if frame.pose is not None and stated is not None and stated.calibrated is not None:
        changes["pose"] = stated.calibrated.turned(frame.pose)
        sigmas = stated.calibrated.widened(sigmas or options.sigmas)
    elif frame.pose is not None and stated is not None and stated.focal_rel:
        sigmas = dataclasses.replace(sigmas or options.sigmas, focal_rel=stated.focal_rel)
    if sigmas is not frame.sigmas:
        changes["sigmas"] = sigmas
    return dataclasses.replace(frame, **changes) if changes else frame


def by_clock(base: PoseSigmas, posing: Posing, frame: Frame, sigma_s: float) -> PoseSigmas:
    """Widen an error budget by what a clock error of `sigma_s` moves and turns the camera at a frame.

    The accuracy that the track itself states there counts where it is worse than the usual.
    """
    track, t_utc_ns = posing.track_of(frame.segment), frame.t_utc_ns
    row = min(int(np.searchsorted(track.t_utc_ns, t_utc_ns)), len(track) - 1)
    stated_h, stated_v = float(track.sigma_h_m[row]), float(track.sigma_v_m[row])
    horizontal = max(base.position_h_m, stated_h if math.isfinite(stated_h) else 0.0)
    vertical = max(base.position_v_m, stated_v if math.isfinite(stated_v) else 0.0)
    budget = dataclasses.replace(base, position_h_m=horizontal, position_v_m=vertical)
    if not (math.isfinite(sigma_s) and sigma_s > WIDENS_FROM_S):
        return budget
    reach = round(LOOK_S * 1e9)
    poses, whole = posing.at(frame.segment, np.array([t_utc_ns - reach, t_utc_ns + reach]))
    if not whole.all():
        return budget
    share = sigma_s / (2.0 * LOOK_S)
    east_deg = float(wrap_longitude_deg(np.array(poses.lon_deg[1] - poses.lon_deg[0])))
    heading = poses.yaw_deg + poses.gimbal_yaw_deg if poses.gimbal_frame != "earth" else poses.gimbal_yaw_deg
    panned = float(wrap_longitude_deg(np.array(heading[1] - heading[0])))
    tilted = float(poses.gimbal_pitch_deg[1] - poses.gimbal_pitch_deg[0])
    return dataclasses.replace(
        budget,
        along_n_m=float(poses.lat_deg[1] - poses.lat_deg[0]) * _M_PER_DEG * share,
        along_e_m=east_deg * _M_PER_DEG * math.cos(math.radians(float(poses.lat_deg[0]))) * share,
        along_d_m=float(poses.alt_hae_m[0] - poses.alt_hae_m[1]) * share,
        gimbal_yaw_deg=math.hypot(base.gimbal_yaw_deg, panned * share),
        gimbal_pitch_deg=math.hypot(base.gimbal_pitch_deg, tilted * share),
    )


def read(recording: Recording, options: ReadingOptions | None = None) -> RecordingReader:
    """Open a recording: read its telemetry, join its clock, choose and check what poses it.

    Parameters
    ----------
    recording
        One of `telemetry.recordings.open_recordings`.
    options
        What a person states.

    Returns
    -------
    RecordingReader
        A context manager; pictures are decoded only by its `frames()`.

    Raises
    ------
    MediaError
        The media cannot be read.
    """
    options = options or ReadingOptions()
    if recording.kind is RecordingKind.PICTURES:
        return _pictures(recording, options)
    return _clip(recording, options)


def _clip(recording: Recording, options: ReadingOptions) -> RecordingReader:
    settled: list[Settled] = []

    def pose_by(clip: ClipTelemetry, facts: StreamFacts, shown: str, /) -> Posing:  # noqa: ARG001
        settled.append(settle(clip, facts, recording, options))
        return settled[0].posing

    reader = open_video(
        recording.paths[0],
        pose_by=pose_by,
        limits=options.limits,
        checksum=options.checksum,
        choice=_choice(recording, options),
    )
    done = settled[0]
    unused = [*done.unused, *_other_streams(recording, options, reader)]
    described = dataclasses.replace(
        recording,
        clock=done.posing.clock,
        mount=options.mount,
        used=done.used,
        unused=tuple(unused),
    )
    return RecordingReader(described, reader, options)


def _overlap(options: ReadingOptions) -> OverlapFilter | None:
    if options.max_overlap is None:
        return None
    if options.terrain is None or not 0.0 <= options.max_overlap <= 1.0:
        raise InputError(
            "sampling by overlap needs a share from 0 to 1, and the ground: give --terrain FILE or --flat-alt-amsl-m "
            "METRES",
            max_overlap=options.max_overlap,
        )
    return OverlapFilter(options.terrain, options.max_overlap)


def _choice(recording: Recording, options: ReadingOptions) -> StreamChoice:
    """Take the wanted pictures, and the KLV of their program before any other."""
    chosen = next((stream for stream in recording.streams if stream.index == options.stream), None)
    klv = [source for source in recording.sources if source.kind is SourceKind.KLV]
    program = -1 if chosen is None else chosen.program
    prefer = tuple(source.number for source in klv if _program_of(source.number, recording) == program >= 0)
    keep = tuple(source.number for source in recording.sources if source.kind is SourceKind.METADATA)
    return StreamChoice(
        stream=options.stream, every_s=options.every_s, overlap=_overlap(options), prefer=prefer, keep_ids=keep
    )


def _program_of(number: int, recording: Recording) -> int:
    return next((source.program for source in recording.sources if source.number == number), -1)


def _other_streams(recording: Recording, options: ReadingOptions, reader: VideoReader) -> list[LeftOut]:
    """Name streams of pictures and of KLV that were not taken."""
    left = []
    for stream in recording.streams:
        if stream.index != options.stream:
            where = f" of program {stream.program}" if stream.program >= 0 else ""
            why = f"stream {options.stream} was read; take this one with --stream {stream.index}"
            left.append(LeftOut(name=f"video stream {stream.index}{where}", why=why))
    for side in reader.clip.sides:
        if side.kind == "klv" and side.number != reader.clip.klv_number:
            why = f"the KLV of stream {reader.clip.klv_number} was taken ({_why_klv(recording, options)})"
            left.append(LeftOut(name=f"KLV stream {side.number} ({len(side.payloads)} packets)", why=why))
    return left


def _why_klv(recording: Recording, options: ReadingOptions) -> str:
    prefer = _choice(recording, options).prefer
    return "it belongs to the pictures' program" if prefer else "it has most packets, or comes first"


def _pictures(recording: Recording, options: ReadingOptions) -> RecordingReader:
    if not recording.paths:
        raise MediaError(f"{recording.name} holds no picture")

    def one(path: Path) -> PictureMetadata:
        found = read_picture(
            path,
            utc_offset_s=options.utc_offset_s,
            undulation=options.undulation,
            home_alt_amsl_m=options.home_alt_amsl_m,
            clock=options.clock,
        )
        return found if options.terrain is None else held_against_ground(found, options.terrain)

    reader = PictureReader(recording.paths, options.limits, options.every_s or None, one)
    source = recording.sources[0].describe() if recording.sources else SourceKind.PICTURE_TAGS.value
    return RecordingReader(dataclasses.replace(recording, used=(source,)), reader, options)


def time_known(recording: Recording) -> str:
    """Say in one phrase how a recording's time is known."""
    if recording.kind is RecordingKind.PICTURES:
        return f"{ClockBasis.PICTURE_TAGS.value}, to {SIGMA_S[ClockBasis.PICTURE_TAGS]:g} s"
    return "not known" if recording.clock is None else recording.clock.describe()
