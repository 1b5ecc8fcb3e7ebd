"""When two aircraft come too close: exact on the straight pieces both fly, never sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

APART_M: Final = 50.0
"""Two aircraft closer than this across and `APART_UP_M` in height are in conflict."""
APART_UP_M: Final = 20.0
STILL: Final = 1e-12
"""A change of less than this over a piece, square metres across or metres of height, is none."""


def first_conflict(one: FloatArray, other: FloatArray, delay_s: float) -> tuple[float, float] | None:
    """Return when two aircraft first come too close, and how near across; None where they never do.

    Between two bends of either path both fly straight on, so that the way from one to the other changes evenly: it is
    shorter than `APART_M` between the roots of a quadratic, and flatter than `APART_UP_M` between two times.

    Parameters
    ----------
    one, other
        (n, 4): seconds from take-off, east, north, height, metres; times never fall.
    delay_s
        How much later the other takes off.

    Returns
    -------
    tuple of float, or None
        Seconds after the take-off of `one`, and metres.
    """
    times = np.union1d(one[:, 0], other[:, 0] + delay_s)
    times = times[(times >= max(0.0, delay_s)) & (times <= min(one[-1, 0], other[-1, 0] + delay_s))]
    if len(times) < 2:
        return None
    apart = _at(one, times) - _at(other, times - delay_s)
    begins, moves = apart[:-1], np.diff(apart, axis=0)
    near_from, near_to = _within_across(begins[:, :2], moves[:, :2])
    level_from, level_to = _within_up(begins[:, 2], moves[:, 2])
    first = np.maximum(np.maximum(near_from, level_from), 0.0)
    last = np.minimum(np.minimum(near_to, level_to), 1.0)
    met = np.flatnonzero(first < last)
    if not len(met):
        return None
    k = met[0]
    square = float(moves[k, :2] @ moves[k, :2])
    nearest = -float(begins[k, :2] @ moves[k, :2]) / square if square > STILL else first[k]
    there = begins[k, :2] + np.clip(nearest, first[k], last[k]) * moves[k, :2]
    return float(times[k] + first[k] * (times[k + 1] - times[k])), float(np.hypot(*there))


def _at(track: FloatArray, times_s: FloatArray) -> FloatArray:
    return np.stack([np.interp(times_s, track[:, 0], track[:, c]) for c in (1, 2, 3)], axis=1)


def _within_across(begins: FloatArray, moves: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the shares of each piece between which the aircraft are too close across; an empty span where never."""
    square = (moves**2).sum(axis=1)
    half = (begins * moves).sum(axis=1)
    over = (begins**2).sum(axis=1) - APART_M**2
    still = square <= STILL
    room = half**2 - square * over
    root = np.sqrt(np.maximum(room, 0.0))
    whole = np.where(still, 1.0, square)
    first = np.where(still, np.where(over < 0.0, -np.inf, np.inf), (-half - root) / whole)
    last = np.where(still, np.where(over < 0.0, np.inf, -np.inf), (-half + root) / whole)
    never = ~still & (room <= 0.0)
    return np.where(never, np.inf, first), np.where(never, -np.inf, last)


def _within_up(begins: FloatArray, moves: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the shares of each piece between which the aircraft are too close in height; an empty span where never."""
    still = np.abs(moves) <= STILL
    step = np.where(still, 1.0, moves)
    ends = np.sort(np.stack([(-APART_UP_M - begins) / step, (APART_UP_M - begins) / step]), axis=0)
    inside = np.abs(begins) < APART_UP_M
    first = np.where(still, np.where(inside, -np.inf, np.inf), ends[0])
    return first, np.where(still, np.where(inside, np.inf, -np.inf), ends[1])
