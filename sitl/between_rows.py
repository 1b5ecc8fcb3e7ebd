"""A truth's columns at other times than its rows'."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]


def between_rows(at_s: FloatArray, rows_s: FloatArray, values: FloatArray, *, turns: bool) -> FloatArray:
    """Return a column at other times, linear between the rows that know it, angles (degrees) the short way round.

    A gimbal that has said nothing yet is NaN there; it must not spoil what it says later.

    Parameters
    ----------
    at_s
        (n,) the times asked.
    rows_s, values
        (m,) times of the rows, ascending, and what they hold; NaN where a row does not know.
    turns
        Whether these are angles that go round.

    Returns
    -------
    (n,), NaN before the first row that knows.
    """
    known = np.isfinite(values)
    if not known.any():
        return np.full(len(at_s), math.nan)
    straight = np.unwrap(values[known], period=360.0) if turns else values[known]
    return np.interp(at_s, rows_s[known], straight, left=math.nan)
