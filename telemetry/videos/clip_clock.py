"""The clock that a clip's own KLV gives its pictures, segment by segment."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.tracks.pose_track import Problem
from telemetry.videos.clock_map import SIGMA_S, ClockBasis, ClockMap, ClockSegment, empty_segment, whole_spans
from telemetry.videos.stamps import judge_stamps
from telemetry.videos.video_clock import StreamClock, build_clock
from telemetry.videos.video_segments import BACK, LEAP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.values import FloatArray

NEAR_S: Final = 2.0
"""Telemetry this far outside a segment's pictures still belongs to it: it comes before the first and after the last."""

ARRIVAL_SIGMA_S: Final = 0.1
"""One-sigma error of telemetry without presentation times, which is aligned by order of arrival."""


def own_segments(
    pts_s: FloatArray, segment: NDArray[np.int64], spans: Sequence[tuple[float, float]]
) -> NDArray[np.int64]:
    """Return the segment of each packet: by the stream's own beginnings where it has as many as the pictures have.

    Otherwise packets that came shortly before or after their segment's pictures are moved to it.

    Parameters
    ----------
    pts_s
        The packets' own presentation times.
    segment
        Segment of the picture before each in the file.
    spans
        First and last presentation time of each segment's pictures.
    """
    if len(spans) < 2:  # noqa: PLR2004
        return segment
    step = np.diff(pts_s, prepend=pts_s[:1])
    begun = np.cumsum((step < -float(BACK)) | (step > float(LEAP)))
    if int(begun.max(initial=0)) + 1 == len(spans):
        return begun.astype(np.int64)
    first, last = np.array(spans).T
    result = segment.copy()
    for near in (1, -1):
        other = np.clip(segment + near, 0, len(spans) - 1)
        outside = (pts_s < first[segment] - NEAR_S) | (pts_s > last[segment] + NEAR_S)
        inside = (pts_s >= first[other] - NEAR_S) & (pts_s <= last[other] + NEAR_S)
        result = np.where(outside & inside & (result == segment), other, result)
    return result


def clip_clock(
    pts_s: FloatArray,
    segment: NDArray[np.int64],
    t_utc_ns: NDArray[np.int64],
    picture_pts_s: FloatArray,
    picture_segment: NDArray[np.int64],
    *,
    stamped: bool,
) -> tuple[ClockMap, NDArray[np.int64], tuple[Problem, ...]]:
    """Build the clock of every segment from the telemetry's stamps.

    Returns
    -------
    ClockMap, NDArray[np.int64], tuple[Problem, ...]
        The clock; UTC of every packet (its own stamp where that is believed, else the clock's, -1 for
        neither); and what was wrong with the stamps.
    """
    times = t_utc_ns.copy()
    spans = whole_spans(picture_pts_s, picture_segment)
    problems: list[Problem] = []
    segments = []
    for number, span in enumerate(spans):
        own = np.flatnonzero(segment == number)
        stamps = judge_stamps(pts_s[own], t_utc_ns[own])
        if not len(own) and len(segment):
            text = f"segment {number + 1} of {len(spans)} carries no telemetry"
            problems.append(Problem(kind="no_telemetry", message=text))
        problems += stamps.problems
        clock = build_clock(
            pts_s[own], np.where(stamps.believed, t_utc_ns[own], -1), stamped=stamped, coarse=stamps.coarse
        )
        segments.append(_segment(span, clock, stamped=stamped, dated=stamps.dated))
        doubted = own[~stamps.believed & np.isfinite(pts_s[own])] if len(clock.pts_s) else own[:0]
        if stamps.problems:
            times[doubted] = clock.utc_ns(pts_s[doubted])
    if len(spans) > 1:
        text = (
            f"presentation time begins anew {len(spans) - 1} times (the sender restarted, a counter wrapped, or files "
            f"were joined); the clip is read as {len(spans)} segments, each with its own clock"
        )
        problems.insert(0, Problem(kind="time_restart", message=text))
    return ClockMap(segments=tuple(segments)), times, tuple(problems)


def _segment(span: tuple[float, float], clock: StreamClock, *, stamped: bool, dated: bool) -> ClockSegment:
    empty = empty_segment(span)
    if not len(clock.pts_s):
        return empty
    sigma = SIGMA_S[ClockBasis.KLV] if stamped else ARRIVAL_SIGMA_S
    return dataclasses.replace(
        empty, clock=clock, basis=ClockBasis.KLV, sigma_s=sigma, date_sigma_s=sigma if dated else math.inf
    )


def carried_on(clock: ClockMap, spans: Sequence[tuple[float, float]]) -> tuple[ClockMap, tuple[Problem, ...]]:
    """Give segments without a clock the one before them, as if no time had passed between; each is named."""
    segments = list(clock.segments)
    problems = []
    for number in range(1, len(segments)):
        before = segments[number - 1]
        if segments[number].basis is not ClockBasis.NONE or not len(before.clock.pts_s):
            continue
        end = int(before.clock.utc_ns(np.array([before.last_pts_s]))[0])
        first, last = spans[number]
        knots = StreamClock(
            pts_s=np.array([first, max(last, first + 1.0)]),
            t_utc_ns=np.array([end, end + round(max(last - first, 1.0) * 1e9)], dtype=np.int64),
            piece=np.zeros(2, dtype=np.int64),
            stamped=True,
        )
        segments[number] = ClockSegment(
            first_pts_s=first,
            last_pts_s=last,
            clock=knots,
            basis=ClockBasis.CARRIED_ON,
            sigma_s=math.inf,
            date_sigma_s=math.inf,
        )
        text = f"nothing dates segment {number + 1}; it is counted on from the one before, the pause between unknown"
        problems.append(Problem(kind="clock_lost", message=text))
    return ClockMap(segments=tuple(segments)), tuple(problems)
