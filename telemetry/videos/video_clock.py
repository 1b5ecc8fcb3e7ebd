"""From presentation time to UTC: what the KLV of a stream says about its pictures' moments."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import FloatArray

CLOCK_JUMP_S: Final = 0.5
"""A change of (UTC minus presentation time) above this begins a new piece."""

WINDOW_S: Final = 60.0
"""Unstamped telemetry: the offset is the median over windows this long, so that slow drift is followed."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StreamClock:
    """Knots (presentation time, UTC) in pieces between which the clock jumped.

    `stamped` tells that the telemetry carries presentation times of its own;
    otherwise frames are aligned by order of arrival, good to about one frame.
    """

    pts_s: FloatArray
    t_utc_ns: NDArray[np.int64]
    piece: NDArray[np.int64]
    stamped: bool

    def utc_ns(self, pts_s: FloatArray) -> NDArray[np.int64]:
        """Return UTC of presentation times, shape (n,); -1 everywhere when there are no knots.

        Inside a piece the knots are joined by straight lines; outside, time runs at the same rate.
        """
        moments = np.asarray(pts_s, dtype=np.float64)
        if not len(self.pts_s):
            return np.full(moments.shape, -1, dtype=np.int64)
        last = len(self.pts_s) - 1
        before = np.clip(np.searchsorted(self.pts_s, moments, side="right") - 1, 0, last)
        after = np.minimum(before + 1, last)
        after = np.where(self.piece[after] == self.piece[before], after, before)
        gap_s = self.pts_s[after] - self.pts_s[before]
        since_s = moments - self.pts_s[before]
        share = np.clip(np.divide(since_s, gap_s, out=np.zeros_like(gap_s), where=gap_s > 0.0), 0.0, 1.0)
        gained_ns = (self.t_utc_ns[after] - self.t_utc_ns[before]).astype(np.float64) - gap_s * 1e9
        elapsed_ns: NDArray[np.int64] = np.rint(since_s * 1e9 + share * gained_ns).astype(np.int64)
        moved: NDArray[np.int64] = self.t_utc_ns[before] + elapsed_ns
        return moved

    def pts_of(self, t_utc_ns: int) -> float:
        """Return the presentation time (s) of a moment: the nearest knot's, and the same rate from there."""
        nearest = int(np.argmin(np.abs(self.t_utc_ns - t_utc_ns)))
        return float(self.pts_s[nearest]) + (t_utc_ns - int(self.t_utc_ns[nearest])) * 1e-9


def build_clock(pts_s: FloatArray, t_utc_ns: NDArray[np.int64], *, stamped: bool, coarse: bool = False) -> StreamClock:
    """Build the clock from telemetry in order of arrival.

    Parameters
    ----------
    pts_s
        Presentation time of each packet (its own, or that of the picture it arrived with).
    t_utc_ns
        What the packet says; -1 is skipped.
    stamped
        Whether `pts_s` are the packets' own time stamps.
    coarse
        Whether the stamps stood still in between, so that each is off by part of the time it stood.
    """
    usable = (t_utc_ns >= 0) & np.isfinite(pts_s)
    moments, utc = pts_s[usable], t_utc_ns[usable]
    order = np.argsort(moments, kind="stable")
    moments, utc = moments[order], utc[order]
    fresh = np.ones(len(moments), dtype=np.bool_)
    fresh[1:] = np.diff(moments) > 0
    moments, utc = moments[fresh], utc[fresh]
    if not len(moments):
        return StreamClock(pts_s=moments, t_utc_ns=utc, piece=np.empty(0, dtype=np.int64), stamped=stamped)
    offset_s = (utc - utc[0]) * 1e-9 - (moments - moments[0])
    piece = np.concatenate([[0], np.cumsum(np.abs(np.diff(offset_s)) > CLOCK_JUMP_S)]).astype(np.int64)
    if coarse or not stamped:
        moments, utc, piece = _smooth(moments, utc, offset_s, piece)
    return StreamClock(pts_s=moments, t_utc_ns=utc, piece=piece, stamped=stamped)


def _smooth(
    moments: FloatArray, utc: NDArray[np.int64], offset_s: FloatArray, piece: NDArray[np.int64]
) -> tuple[FloatArray, NDArray[np.int64], NDArray[np.int64]]:
    """Replace packets by two knots a window, at its ends, both at the window's median offset."""
    window = np.floor((moments - moments[0]) / WINDOW_S).astype(np.int64)
    starts = np.flatnonzero(np.concatenate([[True], (np.diff(window) != 0) | (np.diff(piece) != 0)]))
    lasts = np.append(starts[1:], len(moments)) - 1
    medians = np.array([float(np.median(part)) for part in np.split(offset_s, starts[1:])])
    ends = np.stack([starts, lasts], axis=1)
    ends = ends.ravel()[np.stack([np.ones(len(starts), dtype=np.bool_), lasts > starts], axis=1).ravel()]
    elapsed = moments[ends] - moments[0] + medians[np.searchsorted(starts, ends, side="right") - 1]
    return moments[ends], int(utc[0]) + np.rint(elapsed * 1e9).astype(np.int64), piece[ends]


def arrival_pts_s(
    klv_position: NDArray[np.int64], video_position: NDArray[np.int64], video_pts_s: FloatArray
) -> FloatArray:
    """Give unstamped packets the presentation time of the picture they came with.

    As many packets as pictures are paired in order; otherwise each packet goes
    with the picture that begins before it in the file.
    """
    if not len(video_pts_s):
        return np.full(len(klv_position), np.nan)
    by_place = np.argsort(video_position, kind="stable")
    if len(klv_position) == len(video_position):
        shown: FloatArray = np.sort(video_pts_s)
        return shown
    before = np.searchsorted(video_position[by_place], klv_position, side="right") - 1
    taken: FloatArray = video_pts_s[by_place][np.maximum(before, 0)]
    return taken
