"""From presentation time to UTC, piece by piece, with how each piece is known and how well."""

from __future__ import annotations

import dataclasses
import enum
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.videos.video_clock import StreamClock, build_clock

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import FloatArray


class ClockBasis(enum.StrEnum):
    """How the UTC of a segment is known, best first."""

    PICTURE_STAMP = "time stamps inside the pictures (ST 0604)"
    KLV = "the stream's KLV (tag 2)"
    SUBTITLES = "subtitles"
    METADATA = "a metadata track"
    PICTURE_TAGS = "the pictures' own tags"
    LOG_OFFSET = "a log, joined by motion"
    STATED_OFFSET = "a log and the stated offset"
    ARRIVAL = "when pictures and poses came"
    STATED_START = "the stated start"
    FILE_DATE = "the date in the file"
    CARRIED_ON = "carried on from the segment before"
    NONE = "not known"


SIGMA_S: Final[dict[ClockBasis, float]] = {
    ClockBasis.PICTURE_STAMP: 0.001,
    ClockBasis.KLV: 0.02,
    ClockBasis.SUBTITLES: 0.05,
    ClockBasis.METADATA: 0.05,
    ClockBasis.PICTURE_TAGS: 0.5,
    ClockBasis.STATED_OFFSET: 0.1,
    ClockBasis.ARRIVAL: 0.25,
    ClockBasis.STATED_START: 0.5,
    ClockBasis.FILE_DATE: 2.0,
}
"""One-sigma error of what joins pictures to poses, seconds. KLV: half a frame period at 30 a second and the sender's
own delay; subtitles: a frame either way; arrival: what links are quoted to delay pictures more than messages (see
`telemetry.live.link_clock`); tags and stated times are whole seconds or half of one; container dates are whole seconds
written after the recorder started (ISO/IEC 14496-12, 8.2.2)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClockSegment:
    """One stretch of presentation time with one clock.

    `sigma_s` is the error between the pictures and the poses they are given, `date_sigma_s` that of the UTC
    itself: subtitles of a clip without a date join well and date badly. `rate_ppm` is by how many
    millionths the UTC runs faster than the presentation time, where that was measured; the knots of
    `clock` hold it already.
    """

    first_pts_s: float
    last_pts_s: float
    clock: StreamClock
    basis: ClockBasis
    sigma_s: float
    date_sigma_s: float
    rate_ppm: float = 0.0

    @property
    def dated(self) -> bool:
        """Whether the segment's UTC is a date at all."""
        return math.isfinite(self.date_sigma_s) and len(self.clock.pts_s) > 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClockMap:
    """The segments of a recording in the order of the file; never none of them."""

    segments: tuple[ClockSegment, ...]

    def utc_ns(self, pts_s: FloatArray, segment: NDArray[np.int64] | int = 0) -> NDArray[np.int64]:
        """Return UTC of presentation times, each in its segment; -1 where the segment has no clock."""
        moments = np.asarray(pts_s, dtype=np.float64)
        which = np.broadcast_to(np.asarray(segment, dtype=np.int64), moments.shape)
        result = np.full(moments.shape, -1, dtype=np.int64)
        for number in np.unique(which).tolist():
            if 0 <= number < len(self.segments):
                own = which == number
                result[own] = self.segments[number].clock.utc_ns(moments[own])
        return result

    def pts_of(self, t_utc_ns: int) -> float:
        """Return the presentation time (s) of a moment, in the segment that has a knot nearest to it."""
        known = [segment.clock for segment in self.segments if len(segment.clock.pts_s)]
        return min(known, key=lambda clock: int(np.abs(clock.t_utc_ns - t_utc_ns).min())).pts_of(t_utc_ns)

    @property
    def sigma_s(self) -> float:
        """The worst one-sigma error of any segment, seconds."""
        return max(segment.sigma_s for segment in self.segments)

    def describe(self) -> str:
        """Say in one phrase how the time is known."""
        known = list(dict.fromkeys(segment.basis.value for segment in self.segments))
        text = " and ".join(known)
        if len(self.segments) > 1:
            text += f", in {len(self.segments)} segments"
        rates = [segment.rate_ppm for segment in self.segments if segment.rate_ppm]
        return text + (f", {rates[0]:+.0f} ppm" if rates else "")


def whole_spans(pts_s: FloatArray, segment: NDArray[np.int64]) -> list[tuple[float, float]]:
    """Return first and last presentation time of each segment; NaN where a segment has no stamped picture."""
    count = int(segment.max(initial=0)) + 1
    spans = []
    for number in range(count):
        own = pts_s[(segment == number) & np.isfinite(pts_s)]
        spans.append((float(own.min()), float(own.max())) if len(own) else (math.nan, math.nan))
    return spans


def fixed_segment(
    span: tuple[float, float], t_utc_ns: int, basis: ClockBasis, *, sigma_s: float = 0.0, rate_ppm: float = 0.0
) -> ClockSegment:
    """Build a segment whose first picture was taken at `t_utc_ns`, at the presentation time's rate or another.

    `sigma_s` is the error between pictures and poses; that of the date is the usual one of the basis.
    """
    first, last = span
    first, last = (first, last) if math.isfinite(first) else (0.0, 0.0)
    length = max(last - first, 1.0)
    pts = np.array([first, first + length])
    utc = np.array([t_utc_ns, t_utc_ns + round(length * (1.0 + rate_ppm * 1e-6) * 1e9)], dtype=np.int64)
    clock = StreamClock(pts_s=pts, t_utc_ns=utc, piece=np.zeros(2, dtype=np.int64), stamped=True)
    return ClockSegment(
        first_pts_s=first,
        last_pts_s=last,
        clock=clock,
        basis=basis,
        sigma_s=sigma_s,
        date_sigma_s=SIGMA_S.get(basis, math.inf),
        rate_ppm=rate_ppm,
    )


def empty_segment(span: tuple[float, float]) -> ClockSegment:
    """Build a segment without any clock."""
    clock = build_clock(np.empty(0), np.empty(0, dtype=np.int64), stamped=True)
    return ClockSegment(
        first_pts_s=span[0],
        last_pts_s=span[1],
        clock=clock,
        basis=ClockBasis.NONE,
        sigma_s=math.inf,
        date_sigma_s=math.inf,
    )
