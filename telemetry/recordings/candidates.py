"""One pose source made ready for a clip: its track, and the clock that joins the clip's pictures to it."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from telemetry.logs.subtitle_cues import Cues, cue_columns
from telemetry.logs.subtitle_file import read_subtitle_cues
from telemetry.metadata_tracks.reading import read_metadata_track
from telemetry.recordings.cue_posing import A_DATE_S, are_as_long, cue_file_posing, cue_posing, dated_by
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
        posing = cue_posing(_own_cues(source, clip), source, clip, recording, options)
    elif source.kind is SourceKind.SUBTITLE_FILE and not _of_another_clip(source, clip):
        posing = cue_file_posing(source, clip, recording, options)
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


def _of_another_clip(source: PoseSource, clip: ClipTelemetry) -> bool:
    """Tell whether subtitles found by their dates alone count the time of another clip: they are of another length."""
    return source.pairing is Pairing.TIME and not are_as_long(read_subtitle_cues(source.path), clip)


def _side(source: PoseSource, clip: ClipTelemetry) -> SideStream:
    found = next((side for side in clip.sides if side.number == source.number), None)
    if found is None or not found.payloads:
        raise SourceError("the track is there, but no packet of it can be read")
    return found


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
            problems.append(dated_by(recording))
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
