"""Order places along a curve that keeps neighbours together, so that a box of ground is few stretches of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ORDER: Final = 10
"""Cells a side are 2 to this power: on a patrol of 20 km each is 20 m wide, a group of people."""


def hilbert_index(x: NDArray[np.integer], y: NDArray[np.integer], order: int = ORDER) -> NDArray[np.int64]:
    """Return the place of cells along the Hilbert curve that fills a square of 2**order cells a side.

    (Hilbert 1891; the loop is the one of Skilling, "Programming the Hilbert curve", 2004, in two dimensions.)
    """
    x, y = np.array(x, dtype=np.int64), np.array(y, dtype=np.int64)
    place = np.zeros(x.shape, dtype=np.int64)
    side = 1 << (order - 1)
    while side:
        right, upper = (x & side) > 0, (y & side) > 0
        place += side * side * ((3 * right) ^ upper)
        flip = right & ~upper
        x, y = np.where(flip, ~x, x), np.where(flip, ~y, y)
        swap = ~upper
        x, y = np.where(swap, y, x), np.where(swap, x, y)
        side >>= 1
    return place


def curve_order(
    lat_deg: NDArray[np.floating], lon_deg: NDArray[np.floating], t_utc_ns: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the rows by cell along the curve, then by time; rows without a place come last, by time.

    The square is the one around all places of these rows.
    """
    placed = np.isfinite(lat_deg) & np.isfinite(lon_deg)
    cell = np.full(len(lat_deg), np.iinfo(np.int64).max)
    if placed.any():
        cell[placed] = hilbert_index(_cells(lon_deg[placed]), _cells(lat_deg[placed]))
    return np.lexsort((t_utc_ns, cell))


def _cells(values: NDArray[np.floating]) -> NDArray[np.int64]:
    low, high = float(values.min()), float(values.max())
    share = (values - low) / (high - low) if high > low else np.zeros(len(values))
    return np.minimum((share * (1 << ORDER)).astype(np.int64), (1 << ORDER) - 1)
