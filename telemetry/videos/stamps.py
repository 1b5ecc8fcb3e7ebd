"""Which of a stream's own time stamps may be believed: those that move with the presentation time, and are possible."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.tracks.pose_track import Problem, times
from telemetry.videos.video_clock import CLOCK_JUMP_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import FloatArray

EARLIEST_NS: Final = 946_684_800_000_000_000
LATEST_NS: Final = 4_102_444_800_000_000_000
"""2000-01-01 and 2100-01-01: no downlink was recorded outside; a clock that says so was not set."""

FROZEN_LEAST: Final = 3
"""Packets that repeat the stamp before them, from which on a clock counts as standing still (one may be a repeat)."""

RATE_OVER_S: Final = 3.0
RATE_MOST: Final = 0.05
"""Crystals differ by less than a thousandth of this; stamps that are whole seconds shift a rate by so much in 20 s."""

SETTLED_S: Final = 1.0
"""A clock that keeps one offset for so long is a clock; a shorter excursion is damage."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stamps:
    """Which stamps of a segment are believed, whether they are coarse (stood still between), and what was wrong.

    `dated` is whether the believed ones are dates at all, and not what a clock counts that was never set.
    """

    believed: NDArray[np.bool_]
    coarse: bool
    dated: bool
    problems: tuple[Problem, ...]


def judge_stamps(pts_s: FloatArray, t_utc_ns: NDArray[np.int64]) -> Stamps:
    """Judge the stamps of one segment's packets, in order of arrival.

    Parameters
    ----------
    pts_s
        Presentation time of each packet, NaN where it has none.
    t_utc_ns
        What each packet says, -1 where it says nothing.

    Returns
    -------
    Stamps
        A run of equal stamps keeps its first. Dates outside 2000 to 2100 are dropped where the
        segment has possible ones, and named where it has none; offsets to the presentation time that last
        under a second are dropped where others last.
    """
    usable = (t_utc_ns >= 0) & np.isfinite(pts_s)
    problems: list[Problem] = []
    frozen = _frozen(pts_s, t_utc_ns, usable)
    count = int(frozen.sum())
    coarse = count >= FROZEN_LEAST
    if coarse:
        longest = _longest_run(frozen)
        text = (
            f"the stream's time stamp stands still in {count} of {int(usable.sum())} packets (up to {longest} in a "
            "row); the presentation times carry the clock on"
        )
        problems.append(Problem(kind="clock_frozen", message=text, t_utc_ns=_first_stamp(t_utc_ns, frozen)))
    believed = usable & ~frozen
    possible = (t_utc_ns >= EARLIEST_NS) & (t_utc_ns < LATEST_NS)
    if (believed & possible).any() and (believed & ~possible).any():
        text = (
            f"{int((believed & ~possible).sum())} packets state a date outside 2000 to 2100; "
            "the presentation times carry the clock over them"
        )
        problems.append(Problem(kind="clock_absurd", message=text))
        believed &= possible
    dated = bool((believed & possible).any())
    if believed.any() and not dated:
        said = np.datetime64(int(t_utc_ns[np.argmax(believed)]), "ns").astype("datetime64[s]")
        text = (
            f"all {int(believed.sum())} stamps state dates outside 2000 to 2100 (the first {said}): the sender's clock "
            "was not set, and what it counts is no date; state the start"
        )
        problems.append(Problem(kind="clock_absurd", message=text))
    believed, found = _without_excursions(pts_s, t_utc_ns, believed)
    if not found:
        problems += _rate(pts_s[believed], t_utc_ns[believed])
    return Stamps(believed=believed, coarse=coarse, dated=dated, problems=(*problems, *found))


def _rate(pts_s: FloatArray, t_utc_ns: NDArray[np.int64]) -> list[Problem]:
    """Name a clock that runs at another rate than the presentation time: slow motion, or a wrong frame rate."""
    if len(pts_s) < 2 or float(np.ptp(pts_s)) < RATE_OVER_S:  # noqa: PLR2004
        return []
    first, last = int(np.argmin(pts_s)), int(np.argmax(pts_s))
    rate = float(t_utc_ns[last] - t_utc_ns[first]) * 1e-9 / float(pts_s[last] - pts_s[first])
    if abs(rate - 1.0) <= RATE_MOST:
        return []
    text = (
        f"the stream's clock runs at {rate:.2f} times the presentation time (slow motion, or a clip written at another "
        "frame rate); its stamps were used"
    )
    return [Problem(kind="clock_rate", message=text)]


def _frozen(pts_s: FloatArray, t_utc_ns: NDArray[np.int64], usable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark packets that repeat the last stamp while the presentation time moves."""
    frozen = np.zeros(len(t_utc_ns), dtype=np.bool_)
    rows = np.flatnonzero(usable)
    still = (np.diff(t_utc_ns[rows]) == 0) & (np.diff(pts_s[rows]) > 0)
    frozen[rows[1:]] = still
    return frozen


def _longest_run(frozen: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], frozen, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0)) + 1


def _first_stamp(t_utc_ns: NDArray[np.int64], frozen: NDArray[np.bool_]) -> int:
    return int(t_utc_ns[np.argmax(frozen)])


def _without_excursions(
    pts_s: FloatArray, t_utc_ns: NDArray[np.int64], believed: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], list[Problem]]:
    rows = np.flatnonzero(believed)
    if len(rows) < 2:  # noqa: PLR2004
        return believed, []
    order = rows[np.argsort(pts_s[rows], kind="stable")]
    moments, utc = pts_s[order], t_utc_ns[order]
    offset_s = (utc - utc[0]) * 1e-9 - (moments - moments[0])
    piece = np.concatenate([[0], np.cumsum(np.abs(np.diff(offset_s)) > CLOCK_JUMP_S)])
    begins = np.flatnonzero(np.diff(piece, prepend=-1))
    ends = np.append(begins[1:], len(piece)) - 1
    lasting = moments[ends] - moments[begins] >= SETTLED_S
    if not lasting.any():
        return believed, []
    problems: list[Problem] = []
    away = ~lasting[piece]
    if away.any():
        text = (
            f"{int(away.sum())} packets state a time that jumps away from the presentation time and back; "
            "the presentation times carry the clock over them"
        )
        problems.append(Problem(kind="clock_absurd", message=text, t_utc_ns=int(utc[np.argmax(away)])))
        believed = believed.copy()
        believed[order[away]] = False
    if np.count_nonzero(lasting) == 1:
        return believed, problems
    steps = np.diff([float(np.median(offset_s[piece == one])) for one in np.flatnonzero(lasting).tolist()])
    steps = steps[np.abs(steps) > CLOCK_JUMP_S]
    if len(steps):
        first = "" if len(steps) == 1 else " first"
        text = (
            f"the stream's clock stepped {times(len(steps))} against the presentation time, by {steps[0]:+.3f} s{first}"
            "; each part keeps its own clock"
        )
        problems.append(Problem(kind="clock_step", message=text))
    return believed, problems
