"""What poses a clip's pictures: a clock, and a track for each of its segments."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from telemetry.klv.klv_track import leap_seconds_of, track_from_klv
from telemetry.tracks.datums import Undulation, egm96
from telemetry.tracks.interpolate import MAX_ATTITUDE_GAP_S, MAX_POSITION_GAP_S
from telemetry.tracks.pose_track import Problem
from telemetry.videos.clip_clock import carried_on
from telemetry.videos.clock_map import SIGMA_S, ClockBasis, ClockMap, fixed_segment, whole_spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import Poses, PoseSigmas
    from telemetry.tracks.pose_track import PoseTrack
    from telemetry.videos.video_scan import ClipTelemetry


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Posing:
    """A clip's clock, the track of each segment (or one for all), and what was wrong with either.

    `leap_s` are shifts that may turn time stamps inside the pictures into UTC. `no_pose` is the
    reason given to a picture when there is no track at all, `refusal` (if any) the reason why the
    track poses none. Gaps between samples are bridged as far as `max_attitude_gap_s` and
    `max_position_gap_s`. `sigmas` is the error budget that
    poses of this source deserve, None for the usual one.
    """

    clock: ClockMap
    tracks: tuple[PoseTrack, ...]
    problems: tuple[Problem, ...] = ()
    leap_s: tuple[int, ...] = (0,)
    no_pose: str = "no telemetry in the source"
    refusal: str = ""
    sigmas: PoseSigmas | None = None
    max_attitude_gap_s: float = MAX_ATTITUDE_GAP_S
    max_position_gap_s: float = MAX_POSITION_GAP_S

    def at(self, segment: int, t_utc_ns: NDArray[np.int64]) -> tuple[Poses, NDArray[np.bool_]]:
        """Return the poses at moments of a segment, and which of them are whole."""
        return self.track_of(segment).at(
            t_utc_ns, max_attitude_gap_s=self.max_attitude_gap_s, max_position_gap_s=self.max_position_gap_s
        )

    def track_of(self, segment: int) -> PoseTrack:
        """Return the track that poses a segment's pictures."""
        return self.tracks[min(segment, len(self.tracks) - 1)]


def klv_posing(
    clip: ClipTelemetry, *, source: str, start_utc_ns: int | None = None, undulation: Undulation = egm96
) -> Posing:
    """Pose a clip by its own KLV.

    A stream whose stamps say nothing (all zero) is timed by its presentation times, from
    `start_utc_ns` where that is given, else from 1970-01-01, which is named. Stamps that are no dates (a clock that
    was never set) are moved to `start_utc_ns`.
    """
    clock, times, problems = clip.clock, clip.klv_utc_ns, list(clip.problems)
    spans = whole_spans(clip.picture_pts_s, clip.picture_segment)
    silent = len(clip.klv) > 0 and not (times >= 0).any()
    if all(segment.basis is ClockBasis.NONE for segment in clock.segments):
        if start_utc_ns is not None:
            first = fixed_segment(spans[0], start_utc_ns, ClockBasis.STATED_START)
            clock = dataclasses.replace(clock, segments=(first, *clock.segments[1:]))
        elif silent and np.isfinite(clip.klv_pts_s).any():
            first = fixed_segment(spans[0], 0, ClockBasis.NONE)
            clock = dataclasses.replace(clock, segments=(first, *clock.segments[1:]))
            text = (
                "nothing dates this clip; times count from its first picture as if it were 1970-01-01; state the start"
            )
            problems.append(Problem(kind="no_date", message=text))
        clock, lost = carried_on(clock, spans)
        problems += lost
        if silent:
            timed = np.isfinite(clip.klv_pts_s)
            times = np.where(timed, clock.utc_ns(np.nan_to_num(clip.klv_pts_s), clip.klv_segment), -1)
    elif len(clock.segments) > 1:
        clock, lost = carried_on(clock, spans)
        problems += lost
    if start_utc_ns is not None and clock.segments[0].basis is ClockBasis.KLV and not clock.segments[0].dated:
        clock, times = _dated(clock, times, spans[0][0], start_utc_ns)
    tracks = _tracks(clip, times, source, undulation)
    for track in tracks:
        problems += [problem for problem in track.problems if problem not in problems]
    return Posing(clock=clock, tracks=tracks, problems=tuple(problems), leap_s=leap_seconds_of(clip.klv))


def _dated(
    clock: ClockMap, times: NDArray[np.int64], first_pts_s: float, start_utc_ns: int
) -> tuple[ClockMap, NDArray[np.int64]]:
    """Move a clock that was never set, and the packets' times with it, so that the first picture is at the start."""
    shift_ns = start_utc_ns - int(clock.utc_ns(np.nan_to_num(np.array([first_pts_s])))[0])
    segments = (
        dataclasses.replace(
            one,
            clock=dataclasses.replace(one.clock, t_utc_ns=one.clock.t_utc_ns + shift_ns),
            date_sigma_s=SIGMA_S[ClockBasis.STATED_START],
        )
        for one in clock.segments
    )
    return ClockMap(segments=tuple(segments)), np.where(times >= 0, times + shift_ns, times)


def _tracks(
    clip: ClipTelemetry, times: NDArray[np.int64], source: str, undulation: Undulation
) -> tuple[PoseTrack, ...]:
    count = len(clip.clock.segments)
    if count == 1:
        return (track_from_klv(clip.klv, source=source, undulation=undulation, times_ns=times),)
    return tuple(
        track_from_klv(clip.klv, source=source, undulation=undulation, times_ns=times, rows=clip.klv_segment == number)
        for number in range(count)
    )


def track_posing(clip: ClipTelemetry, track: PoseTrack, *, start_utc_ns: int | None = None) -> Posing:
    """Pose a clip by a track of another source; the clip's own clock joins them, else the stated start."""
    own = klv_posing(clip, source="", start_utc_ns=start_utc_ns)
    return Posing(clock=own.clock, tracks=(track,), problems=clip.problems, leap_s=own.leap_s)
