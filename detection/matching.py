"""One to one at most: how likely each pair is, and what all ways to match are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

ROUNDS_MAX: Final = 200
SETTLED: Final = 1e-6
ODDS_MAX: Final = 1e100
"""What is more certain than that is no more certain; sums of it stay finite."""


def marginals(before: NDArray[np.int64], after: NDArray[np.int64], odds: FloatArray, count: int) -> FloatArray:
    """Probability of each pair where every track is followed by one at most, and follows one at most.

    Loopy belief propagation (Williams and Lau 2014, Approximate evaluation of marginal association probabilities); it
    always settles, and is exact where the pairs form no loops.
    """
    odds = np.minimum(odds, ODDS_MAX)
    back = np.ones(len(odds))
    for _ in range(ROUNDS_MAX):
        weight = odds * back
        forth = odds / (1.0 + _of_others(before, weight, count))
        last, back = back, 1.0 / (1.0 + _of_others(after, forth, count))
        if np.abs(back - last).max(initial=0.0) < SETTLED:
            break
    weight = odds * back
    return np.asarray(weight / (1.0 + np.bincount(before, weight, count)[before]))


def _of_others(end: NDArray[np.int64], weight: FloatArray, count: int) -> FloatArray:
    """Return for each pair the weight of the others at its end; 0, and not what rounding leaves, where it is alone."""
    return np.asarray(np.maximum(np.bincount(end, weight, count)[end] - weight, 0.0))


def matched_besides(table: FloatArray, worth: FloatArray) -> FloatArray:
    """Return, for each entry of tables (…, n, m), what all ways are worth to choose others beside it, no two in line.

    A way is worth the product of the others times `worth[number of others]`, shape (m,). It is what
    the sum over all ways changes by with that entry: the sums over sets of columns, row by row there, are gone through
    once more back (reverse differentiation), so that all entries cost no more than three do.
    """
    *many, rows, columns = table.shape
    sets = np.arange(2**columns)
    size = np.array([int(one).bit_count() for one in sets])
    without = [sets[(sets >> column) & 1 == 0] for column in range(columns)]
    chosen = np.zeros((rows + 1, *many, len(sets)))
    chosen[0, ..., 0] = 1.0
    for row in range(rows):
        chosen[row + 1] = chosen[row]
        for column, free in enumerate(without):
            chosen[row + 1][..., free | (1 << column)] += chosen[row][..., free] * table[..., row, column, None]
    left = np.broadcast_to(np.where(size > 0, worth[size - 1], 0.0), (*many, len(sets)))
    found = np.empty(table.shape)
    for row in reversed(range(rows)):
        more = left.copy()
        for column, free in enumerate(without):
            taken = left[..., free | (1 << column)]
            found[..., row, column] = (taken * chosen[row][..., free]).sum(axis=-1)
            more[..., free] += taken * table[..., row, column, None]
        left = more
    return found
