"""How far the ground stands above straight lines between two places, sampled along them.

The one line of sight of planning: an antenna's, a camera's, and that of who watches a place. What a line is straight
in (the Earth's own axes, or a plane with its bulge) and whose ground it is, says who asks. Where rays *meet* the
ground is worked out exactly by `geo.march`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from geo.values import FloatArray

    Above = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], FloatArray]

STEP_M: Final = 15.0
"""Usual sampling along a line: half the post spacing of 1-arc-second terrain."""

AT_ONCE: Final = 40_000
"""Places looked at at a time, for the processor's cache."""


def steps(reach_m: FloatArray | float) -> int:
    """Return how many steps of the usual length the longest of some lines takes, one at least."""
    return max(int(np.ceil(float(np.max(reach_m, initial=0.0)) / STEP_M)), 1)


def stands_above_m(
    above: Above,
    eye: tuple[FloatArray, FloatArray, FloatArray],
    target: tuple[FloatArray, FloatArray, FloatArray],
    *,
    count: int,
    part: tuple[FloatArray | float, FloatArray | float] = (0.0, 1.0),
) -> FloatArray:
    """Return the most that the ground stands above lines, (n,) metres: below 0 where they are clear.

    Unknown ground hides nothing; -inf where none along a line is known.

    Parameters
    ----------
    above
        Tells from three coordinates of places, (steps, n), and how far along its line each is (0 to 1), how far the
        ground stands above them; NaN where it is not known.
    eye, target
        Both ends, as three columns of n (or one for all) in any axes in which the lines are straight.
    count
        So many equal steps are taken, and the middle of each is looked at.
    part
        The part of each line that is looked at.
    """
    begin, end = part
    away = tuple(there - here for here, there in zip(eye, target, strict=True))
    lines = np.broadcast_shapes(*(np.shape(step) for step in away))[0]
    most = np.full(lines, -np.inf)
    for taken in np.array_split(np.arange(count), max(-(-count * lines // AT_ONCE), 1)):
        if len(taken):
            share = begin + ((taken + 0.5) / count)[:, None] * (np.asarray(end) - begin)
            x, y, z = (here + share * step for here, step in zip(eye, away, strict=True))
            most = np.fmax(most, np.fmax.reduce(above(x, y, z, share), axis=0))
    return most
