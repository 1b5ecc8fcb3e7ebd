"""One pose source made ready for a clip: its track, and the clock that joins the clip's pictures to it."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.logs.subtitle_cues import Cues, cue_columns
from telemetry.logs.subtitle_file import StatedOfCues, SubtitleTrack, read_subtitle_cues, track_from_cues
from telemetry.metadata_tracks.reading import read_metadata_track
from telemetry.recordings.joining import Joint, join_by_motion
from telemetry.recordings.recording import Pairing, PoseSource, SourceKind
from telemetry.tracks.pose_track import Problem
from telemetry.tracks.sources import read_track
from telemetry.tracks.track_errors import SourceError
from telemetry.videos.clip_clock import carried_on
from telemetry.videos.clock_map import (
    SIGMA_S,
    ClockBasis,
    ClockMap,
    ClockSegment,
    empty_segment,
    fixed_segment,
    whole_spans,
)
from telemetry.videos.posing import Posing, klv_posing
from telemetry.videos.video_clock import build_clock

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from telemetry.recordings.reading_options import ReadingOptions
    from telemetry.recordings.recording import Recording
    from telemetry.tracks.pose_track import PoseTrack
    from telemetry.videos.video_file import StreamFacts
    from telemetry.videos.video_scan import ClipTelemetry, SideStream

UNIFORM: Final = 1.0 / math.sqrt(12.0)
"""One sigma of a value that may lie anywhere within an interval, as a share of it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A source that gives positions for a clip, and the posing it would give."""

    source: PoseSource
    posing: Posing


def candidate_of(
    source: PoseSource, clip: ClipTelemetry, facts: StreamFacts, recording: Recording, options: ReadingOptions
) -> Candidate:
    """Make a source ready.

    Raises
    ------
    VedetteError
        It gives no position for this clip, or nothing joins its time to the clip's; the message says why.
    """
    if source.kind is SourceKind.KLV:
        posing = klv_posing(
            clip, source=recording.name, start_utc_ns=options.start_utc_ns, undulation=options.undulation
        )
        if not any(len(track) for track in posing.tracks):
            raise SourceError(_no_klv(clip, posing))
    elif source.kind is SourceKind.SUBTITLES:
        posing = _subtitle_posing(_own_cues(source, clip), source, clip, recording, options, shift_s=0.0)
    elif source.kind is SourceKind.SUBTITLE_FILE:
        cues = read_subtitle_cues(source.path)
        first_s = float(np.nanmin(clip.picture_pts_s)) if np.isfinite(clip.picture_pts_s).any() else 0.0
        shift_s, moved = _subtitle_shift(cues, clip, recording, options)
        posing = _subtitle_posing(cues, source, clip, recording, options, shift_s=first_s + shift_s)
        posing = dataclasses.replace(posing, problems=(*posing.problems, *moved))
    elif source.kind is SourceKind.METADATA:
        posing = _metadata_posing(source, clip, recording, options)
    else:
        posing = _log_posing(source, clip, recording, options)
    return Candidate(source=source, posing=posing)


def _no_klv(clip: ClipTelemetry, posing: Posing) -> str:
    reasons = [problem.message for problem in posing.problems[:2]]
    return "; ".join(reasons) or f"none of its {len(clip.klv)} ST 0601 packets has a position"


def _own_cues(source: PoseSource, clip: ClipTelemetry) -> Cues:
    side = _side(source, clip)
    return cue_columns(
        (round(pts * 1e9), cue_text(payload))
        for pts, payload in zip(side.pts_s.tolist(), side.payloads, strict=True)
        if math.isfinite(pts)
    )


def cue_text(payload: bytes) -> str:
    """Return the text of a subtitle packet; 3GPP timed text counts its bytes in front (TS 26.245, 5.17)."""
    size = int.from_bytes(payload[:2], "big")
    body = payload[2 : 2 + size] if len(payload) >= 2 + size and payload[:1] < b"\x20" else payload
    if body[:2] in (b"\xfe\xff", b"\xff\xfe"):
        return body.decode("utf-16", "replace")
    return body.decode("utf-8-sig", "replace")


def _side(source: PoseSource, clip: ClipTelemetry) -> SideStream:
    found = next((side for side in clip.sides if side.number == source.number), None)
    if found is None or not found.payloads:
        raise SourceError("the track is there, but no packet of it can be read")
    return found


def _subtitle_posing(
    cues: Cues,
    source: PoseSource,
    clip: ClipTelemetry,
    recording: Recording,
    options: ReadingOptions,
    *,
    shift_s: float,
) -> Posing:
    """Pose a clip by cues, whose times are the clip's own presentation times (`shift_s` later than the cue says)."""
    if not len(cues):
        raise SourceError("no cue in it")
    dated = bool((cues.stamp_ns >= 0).any())
    start_ns = options.start_utc_ns
    problems: list[Problem] = list(clip.problems)
    basis = ClockBasis.SUBTITLES if dated else ClockBasis.NONE
    if start_ns is not None:
        basis = ClockBasis.STATED_START
    elif not dated and recording.created_utc_ns >= 0:
        start_ns, basis = recording.created_utc_ns, ClockBasis.FILE_DATE
        problems.append(_dated_by(recording))
    stated = StatedOfCues(
        utc_offset_s=options.utc_offset_s, home_alt_amsl_m=options.home_alt_amsl_m, start_utc_ns=start_ns
    )
    name = source.path.name
    found = track_from_cues(cues, stated, source=name, name=name, undulation=options.undulation)
    clock = _cue_clock(found, clip, shift_s, basis)
    spans = whole_spans(clip.picture_pts_s, clip.picture_segment)
    clock, lost = carried_on(clock, spans)
    problems += [*lost, *found.track.problems, *_coverage(found, spans, shift_s)]
    return Posing(clock=clock, tracks=(found.track,), problems=tuple(problems))


def _subtitle_shift(
    cues: Cues, clip: ClipTelemetry, recording: Recording, options: ReadingOptions
) -> tuple[float, list[Problem]]:
    """Return how much later than a subtitle file says its cues belong: as stated, or where both are one film long.

    Cues that begin late and are shorter have lost their first; they are not moved.
    """
    only_subtitles = all(source.kind is not SourceKind.TRACK_FILE for source in recording.sources)
    if options.offset_s is not None and only_subtitles and abs(options.offset_s) < A_DATE_S:
        return -options.offset_s, []
    first_pts_s, last_pts_s = whole_spans(clip.picture_pts_s, clip.picture_segment)[0]
    long_s = last_pts_s - first_pts_s
    starts_s = cues.start_ns * 1e-9
    step_s = float(np.median(np.diff(starts_s))) if len(starts_s) > 1 else 0.0
    begins_s, ends_s = float(starts_s[0]), float(starts_s[-1]) + step_s
    if begins_s <= SAME_END_S or not abs(ends_s - begins_s - long_s) <= SAME_END_S:
        return 0.0, []
    text = (
        f"the subtitles begin at {begins_s:.1f} s and are as long as the pictures: their first cue was taken for that "
        "of the first picture; state --offset SECONDS if it is not"
    )
    return -begins_s, [Problem(kind="subtitles_moved", message=text)]


def _cue_clock(found: SubtitleTrack, clip: ClipTelemetry, shift_s: float, basis: ClockBasis) -> ClockMap:
    spans = whole_spans(clip.picture_pts_s, clip.picture_segment)
    pts = np.asarray(found.start_ns * 1e-9 + shift_s, dtype=np.float64)
    knots = build_clock(pts, found.t_utc_ns, stamped=True)
    step = float(np.median(np.diff(pts))) if len(pts) > 1 else 1.0
    first = ClockSegment(
        first_pts_s=spans[0][0],
        last_pts_s=spans[0][1],
        clock=knots,
        basis=ClockBasis.SUBTITLES if basis is ClockBasis.NONE else basis,
        sigma_s=max(SIGMA_S[ClockBasis.SUBTITLES], step * UNIFORM),
        date_sigma_s=SIGMA_S.get(basis, math.inf),
    )
    return ClockMap(segments=(first, *(empty_segment(span) for span in spans[1:])))


A_DATE_S: Final = 1e8
"""Three years: no clock is so far from another's, so a larger offset counts from 1970."""
SAME_END_S: Final = 2.0
"""A clip and its own subtitles begin and end within one cue of each other, which is at most a second long."""
MUCH_LONGER_S: Final = 5.0
"""Subtitles end with their clip; a longer difference means that one of them was cut, or belongs to another."""


def _coverage(found: SubtitleTrack, spans: list[tuple[float, float]], shift_s: float) -> list[Problem]:
    """Name a subtitle file that is much longer or shorter than its clip."""
    last_cue, last_picture = float(found.start_ns[-1]) * 1e-9 + shift_s, spans[0][1]
    if not math.isfinite(last_picture) or abs(last_cue - last_picture) <= MUCH_LONGER_S:
        return []
    text = (
        f"the subtitles end at {last_cue:.1f} s and the pictures at {last_picture:.1f} s: one was cut, or they do not "
        "belong together"
    )
    return [Problem(kind="lengths_differ", message=text)]


def _metadata_posing(source: PoseSource, clip: ClipTelemetry, recording: Recording, options: ReadingOptions) -> Posing:
    side = _side(source, clip)
    start_ns = options.start_utc_ns if options.start_utc_ns is not None else max(recording.created_utc_ns, 0)
    found = read_metadata_track(
        source.format, side.pts_s, side.payloads, start_utc_ns=start_ns, undulation=options.undulation
    )
    spans = whole_spans(clip.picture_pts_s, clip.picture_segment)
    basis = ClockBasis.METADATA
    date_sigma = SIGMA_S[basis]
    problems = [*clip.problems, *found.track.problems]
    if not found.dated:
        stated = options.start_utc_ns is not None
        known = ClockBasis.STATED_START if stated else ClockBasis.FILE_DATE
        date_sigma = SIGMA_S[known] if stated or recording.created_utc_ns >= 0 else math.inf
        if not stated:
            problems.append(_dated_by(recording))
    knots = build_clock(found.pts_s, found.t_utc_ns, stamped=True)
    first = ClockSegment(
        first_pts_s=spans[0][0],
        last_pts_s=spans[0][1],
        clock=knots,
        basis=basis,
        sigma_s=SIGMA_S[basis],
        date_sigma_s=date_sigma,
    )
    clock, lost = carried_on(ClockMap(segments=(first, *(empty_segment(span) for span in spans[1:]))), spans)
    return Posing(clock=clock, tracks=(found.track,), problems=(*problems, *lost))


def _dated_by(recording: Recording) -> Problem:
    """Say what dates a source without a date: the container, or nothing."""
    if recording.created_utc_ns >= 0:
        text = "the source carries no date; the container's was taken, whose zone is not certain; state the start"
        return Problem(kind="dated_by_container", message=text)
    text = "nothing dates this clip; times count from its first picture as if it were 1970-01-01; state the start"
    return Problem(kind="no_date", message=text)


def _log_posing(source: PoseSource, clip: ClipTelemetry, recording: Recording, options: ReadingOptions) -> Posing:
    """Join a log by the stated offset, else by motion, else by the clip's own clock or date."""
    track = read_track(source.path, options.source_options())
    own = klv_posing(clip, source="", start_utc_ns=options.start_utc_ns)
    spans = whole_spans(clip.picture_pts_s, clip.picture_segment)
    problems = [*clip.problems, *track.problems]
    base = own.clock if own.clock.segments[0].dated else None
    if options.offset_s is not None:
        clock = _shifted(base, spans, recording, options.offset_s, track)
    else:
        joint = join_by_motion(
            recording.paths[0],
            for_motion(track, options),
            near_utc_ns=recording.created_utc_ns if options.start_utc_ns is None else options.start_utc_ns,
        )
        if joint.offset.reason:
            clock = _unjoined(source, base, spans, recording, track, joint)
            text = f"the log was not joined by motion ({joint.offset.reason}); the clip's own date was trusted"
            problems.append(Problem(kind="clock_not_checked", message=text))
        else:
            clock = _joined(joint, base, spans)
            problems += _drift(joint)
    clock, lost = carried_on(clock, spans)
    _overlap(clock, track, spans)
    return Posing(clock=clock, tracks=(track,), problems=(*problems, *lost))


def for_motion(track: PoseTrack, options: ReadingOptions) -> PoseTrack:
    """Return a track whose camera turns: one without camera angles gets those of the stated mount."""
    from telemetry.recordings.mounts import has_camera_angles, mounted

    if options.mount is None or has_camera_angles(track):
        return track
    return mounted(track, options.mount, options.sigmas)[0]


def _drift(joint: Joint) -> list[Problem]:
    if not joint.rate_ppm:
        return []
    text = (
        f"the log's clock runs {joint.rate_ppm:+.0f} ppm against the clip's (one sigma {joint.rate_sigma_ppm:.0f}); "
        "the clip's times were stretched to it"
    )
    return [Problem(kind="clock_rate", message=text)]


def _shifted(
    base: ClockMap | None, spans: list[tuple[float, float]], recording: Recording, offset_s: float, track: PoseTrack
) -> ClockMap:
    """Apply a stated offset to the clip's clock, else to its container's date, else to the log's start.

    An offset of years is what is stated for a clip without a clock: UTC of presentation time zero.
    """
    if base is not None:
        return ClockMap(segments=tuple(_moved(segment, offset_s) for segment in base.segments))
    start = recording.created_utc_ns if recording.created_utc_ns >= 0 else int(track.t_utc_ns[0])
    if abs(offset_s) > A_DATE_S:
        start = round(np.nan_to_num(spans[0][0]) * 1e9)
    sigma = SIGMA_S[ClockBasis.STATED_OFFSET]
    first = fixed_segment(spans[0], start + round(offset_s * 1e9), ClockBasis.STATED_OFFSET, sigma_s=sigma)
    return ClockMap(segments=(first, *(empty_segment(span) for span in spans[1:])))


def _moved(segment: ClockSegment, offset_s: float) -> ClockSegment:
    clock = dataclasses.replace(segment.clock, t_utc_ns=segment.clock.t_utc_ns + round(offset_s * 1e9))
    sigma = SIGMA_S[ClockBasis.STATED_OFFSET]
    return dataclasses.replace(segment, clock=clock, basis=ClockBasis.STATED_OFFSET, sigma_s=sigma, date_sigma_s=sigma)


def _joined(joint: Joint, base: ClockMap | None, spans: list[tuple[float, float]]) -> ClockMap:
    """Put the clip's pictures on the log's clock by the offset and rate that were measured."""
    sigma = joint.sigma_s(float(np.nan_to_num(spans[-1][1] - spans[0][0])))
    if base is None or joint.by_pts:
        first, last = spans[0]
        begin = joint.log_time_ns(first)
        segment = fixed_segment(spans[0], begin, ClockBasis.LOG_OFFSET, sigma_s=sigma, rate_ppm=joint.rate_ppm)
        segment = dataclasses.replace(segment, date_sigma_s=sigma)
        return ClockMap(segments=(segment, *(empty_segment(span) for span in spans[1:])))
    moved = []
    for segment in base.segments:
        known = segment.clock.t_utc_ns
        drift_ns = joint.rate_ppm * 1e-6 * (known - round(joint.middle_s * 1e9))
        utc: NDArray[np.int64] = known + round(joint.offset.offset_s * 1e9) + np.rint(drift_ns).astype(np.int64)
        clock = dataclasses.replace(segment.clock, t_utc_ns=utc)
        moved.append(
            dataclasses.replace(
                segment,
                clock=clock,
                basis=ClockBasis.LOG_OFFSET,
                sigma_s=sigma,
                date_sigma_s=sigma,
                rate_ppm=joint.rate_ppm,
            )
        )
    return ClockMap(segments=tuple(moved))


def _unjoined(
    source: PoseSource,
    base: ClockMap | None,
    spans: list[tuple[float, float]],
    recording: Recording,
    track: PoseTrack,
    joint: Joint,
) -> ClockMap:
    """Trust the clip's own clock or date where motion does not tell; a log that only lies beside it is not trusted."""
    if base is not None:
        return _by_date(base)
    if recording.created_utc_ns >= 0 and source.pairing is not Pairing.ALONE:
        first = fixed_segment(
            spans[0], recording.created_utc_ns, ClockBasis.FILE_DATE, sigma_s=SIGMA_S[ClockBasis.FILE_DATE]
        )
        return ClockMap(segments=(first, *(empty_segment(span) for span in spans[1:])))
    begins = int(track.t_utc_ns[0])
    raise SourceError(
        f"nothing joins the clip's time to the log, which begins at {begins * 1e-9:.0f} s since 1970: "
        f"{joint.offset.reason}; state --offset SECONDS or --start UTC"
    )


def _by_date(base: ClockMap) -> ClockMap:
    """Return a clip's clock as what joins it to a log: as well as it is dated, and no better."""
    segments = (dataclasses.replace(one, sigma_s=max(one.sigma_s, one.date_sigma_s)) for one in base.segments)
    return ClockMap(segments=tuple(segments))


def _overlap(clock: ClockMap, track: PoseTrack, spans: list[tuple[float, float]]) -> None:
    """Refuse a log that was written at another time than the clip."""
    first, last = clock.utc_ns(np.nan_to_num(np.array(spans[0])))
    if last < track.t_utc_ns[0] or first > track.t_utc_ns[-1]:
        apart_s = max(int(track.t_utc_ns[0]) - int(last), int(first) - int(track.t_utc_ns[-1])) * 1e-9
        raise SourceError(
            f"the log and the clip do not overlap in time: {apart_s:.0f} s lie between them; state --offset SECONDS"
        )
