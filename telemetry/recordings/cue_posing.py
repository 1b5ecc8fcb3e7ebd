"""A clip posed by its subtitles: cues count the clip's own time, and their dates, if any, tell UTC."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.logs.subtitle_file import StatedOfCues, SubtitleTrack, read_subtitle_cues, track_from_cues
from telemetry.recordings.recording import SourceKind
from telemetry.tracks.pose_track import Problem
from telemetry.tracks.track_errors import SourceError
from telemetry.videos.clip_clock import carried_on
from telemetry.videos.clock_map import SIGMA_S, ClockBasis, ClockMap, ClockSegment, empty_segment, whole_spans
from telemetry.videos.posing import Posing
from telemetry.videos.video_clock import build_clock

if TYPE_CHECKING:
    from telemetry.logs.subtitle_cues import Cues
    from telemetry.recordings.reading_options import ReadingOptions
    from telemetry.recordings.recording import PoseSource, Recording
    from telemetry.videos.video_scan import ClipTelemetry

UNIFORM: Final = 1.0 / math.sqrt(12.0)
"""One sigma of a value that may lie anywhere within an interval, as a share of it."""


def cue_file_posing(source: PoseSource, clip: ClipTelemetry, recording: Recording, options: ReadingOptions) -> Posing:
    """Pose a clip by a subtitle file, or by the stretch of it that belongs to the clip.

    Raises
    ------
    VedetteError
        The file cannot be read, or no cue states a position.
    """
    cues = read_subtitle_cues(source.path)
    if source.stretch_s is not None:
        cues = _stretch(cues, *source.stretch_s)
    first_s = float(np.nanmin(clip.picture_pts_s)) if np.isfinite(clip.picture_pts_s).any() else 0.0
    shift_s, moved = _subtitle_shift(cues, clip, recording, options)
    posing = cue_posing(cues, source, clip, recording, options, shift_s=first_s + shift_s)
    return dataclasses.replace(posing, problems=(*posing.problems, *moved))


def cue_posing(
    cues: Cues,
    source: PoseSource,
    clip: ClipTelemetry,
    recording: Recording,
    options: ReadingOptions,
    *,
    shift_s: float = 0.0,
) -> Posing:
    """Pose a clip by cues, whose times are the clip's own presentation times (`shift_s` later than the cue says).

    Raises
    ------
    VedetteError
        No cue states a position.
    """
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
        problems.append(dated_by(recording))
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


def are_as_long(cues: Cues, clip: ClipTelemetry) -> bool:
    """Tell whether cues end where the pictures do, as those of a clip's own subtitles."""
    first_s, last_s = whole_spans(clip.picture_pts_s, clip.picture_segment)[0]
    return bool(len(cues)) and abs(float(cues.start_ns[-1]) * 1e-9 - (last_s - first_s)) <= MUCH_LONGER_S


def _stretch(cues: Cues, begin_s: float, end_s: float) -> Cues:
    """Return the cues of a stretch, and one on either side of it, counted from its beginning."""
    begin_ns, end_ns = round(begin_s * 1e9), round(end_s * 1e9)
    first = max(int(np.searchsorted(cues.start_ns, begin_ns, side="right")) - 1, 0)
    part = slice(first, int(np.searchsorted(cues.start_ns, end_ns)) + 1)
    return dataclasses.replace(
        cues,
        start_ns=cues.start_ns[part] - begin_ns,
        stamp_ns=cues.stamp_ns[part],
        columns={name: values[part] for name, values in cues.columns.items()},
    )


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


def dated_by(recording: Recording) -> Problem:
    """Say what dates a source without a date: the container, or nothing."""
    if recording.created_utc_ns >= 0:
        text = "the source carries no date; the container's was taken, whose zone is not certain; state the start"
        return Problem(kind="dated_by_container", message=text)
    text = "nothing dates this clip; times count from its first picture as if it were 1970-01-01; state the start"
    return Problem(kind="no_date", message=text)
