"""Lasting and drifting errors from comparisons of neighbours in time, by least squares with a prior.

Every error is the sum of a part that lasts and one that drifts (first-order Gauss-Markov; Gelb 1974, section 3.6), in
units of its one-sigma. Each comparison ties two neighbours: the normal equations are block-tridiagonal in what drifts,
with a few columns more for what lasts, and are solved by block elimination (George and Ng 1983 give the same recursion
for the diagonal blocks of the inverse).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.ground_drift import SAME_SHARE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

LASTING_SHARE: Final = 0.5
"""Share of a pose's variance that lasts for a flight (a compass, a gimbal's zero); the rest drifts."""
DRIFT_TIME_S: Final = 20.0
"""Correlation time of what drifts (`detection.ground_tracker`)."""
FRESH_SHARE: Final = 0.01
"""Share of the variance that is new in every picture."""
SHORTEST_S: Final = 1e-3
"""Pictures closer in time than this count as this far apart."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """n pictures by rising time; row k compares picture k with k - 1, where `known`."""

    t_s: FloatArray
    known: NDArray[np.bool_]
    shift_m: FloatArray
    """Shape (n, 2)."""
    sigma_m: FloatArray
    now_m: FloatArray
    """How one sigma of each error of picture k moves the ground that is compared, shape (n, 2, k)."""
    before_m: FloatArray
    """The same of picture k - 1."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Smoothed:
    """Mean (n, k) and covariance (n, k, k) of each picture's errors, in sigmas."""

    mean: FloatArray
    cov: FloatArray
    explained_m: FloatArray
    """How much of each comparison they are, shape (n, 2)."""
    misfit: float
    """Chi-square of the comparisons over their number: near 1 where prior and noise are right."""


@dataclasses.dataclass(slots=True, kw_only=True)
class _Normal:
    """Normal equations: blocks of what drifts, columns and corner of what lasts, and the right-hand sides."""

    diagonal: FloatArray
    """Shape (n, k, k)."""
    below: FloatArray
    """Block of rows k and columns k - 1, shape (n, k, k); the first is not used."""
    columns: FloatArray
    """Shape (n, k, b)."""
    corner: FloatArray
    """Shape (b, b)."""
    right: FloatArray
    """Shape (n, k)."""
    right_lasting: FloatArray


def smooth(compared: Compared) -> Smoothed:
    """Solve for the errors of every picture."""
    normal = _normal(compared)
    left, blocks = _eliminated(normal)
    count = compared.now_m.shape[2]
    columns, plain = left[:, :, :-1], left[:, :, -1]
    lasting_cov = np.linalg.inv(normal.corner - np.einsum("nkb,nkc->bc", normal.columns, columns))
    lasting = lasting_cov @ (normal.right_lasting - np.einsum("nkb,nk->b", normal.columns, plain))
    both = np.tile(np.eye(count), (1, 2))
    own = np.eye(count, len(lasting)) - both @ columns
    cov = both @ blocks @ both.T + own @ lasting_cov @ own.transpose(0, 2, 1)
    drifting = plain - columns @ lasting
    mean = drifting @ both.T + lasting[:count]
    before = np.concatenate([mean[:1], mean[:-1]])
    explained = np.einsum("nik,nk->ni", compared.now_m, mean) - np.einsum("nik,nk->ni", compared.before_m, before)
    seen = float((compared.shift_m[compared.known] ** 2 / compared.sigma_m[compared.known, None] ** 2).sum())
    chi2 = seen - float((normal.right * drifting).sum() + normal.right_lasting @ lasting)
    misfit = chi2 / (2.0 * max(int(compared.known.sum()), 1))
    return Smoothed(mean=mean, cov=cov, explained_m=explained, misfit=misfit)


def _normal(compared: Compared) -> _Normal:
    """Set the equations up.

    Of each picture, what drifts and what is fresh; beside them the lasting parts, and the lasting error of comparisons.
    """
    count = compared.now_m.shape[2]
    weight = np.where(compared.known, 1.0 / compared.sigma_m**2, 0.0)
    now, before = (np.concatenate([moves, moves], axis=2) for moves in (compared.now_m, -compared.before_m))
    same = SAME_SHARE * compared.sigma_m[:, None, None] * np.eye(2)
    lasting = np.concatenate([compared.now_m - compared.before_m, same], axis=2)

    def product(left: FloatArray, right: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("nik,n,nil->nkl", left, weight, right))

    shift = compared.shift_m[:, :, None]
    keep = np.exp(-np.maximum(np.diff(compared.t_s), SHORTEST_S) / DRIFT_TIME_S)
    drifting = 1.0 - LASTING_SHARE - FRESH_SHARE
    step = drifting * (1.0 - keep**2)
    prior = np.concatenate([[1.0 / drifting], 1.0 / step])
    prior[:-1] += keep**2 / step
    drifts = np.diag(np.repeat([1.0, 0.0], count))
    diagonal = product(now, now) + prior[:, None, None] * drifts + (np.eye(2 * count) - drifts) / FRESH_SHARE
    diagonal[:-1] += product(before, before)[1:]
    below = product(now, before)
    below[1:] -= (keep / step)[:, None, None] * drifts
    columns, right = product(now, lasting), product(now, shift)[:, :, 0]
    columns[:-1] += product(before, lasting)[1:]
    right[:-1] += product(before, shift)[1:, :, 0]
    corner = np.diag([*[1.0 / LASTING_SHARE] * count, 1.0, 1.0]) + product(lasting, lasting).sum(axis=0)
    return _Normal(
        diagonal=diagonal, below=below, columns=columns, corner=corner, right=right,
        right_lasting=product(lasting, shift).sum(axis=0)[:, 0],
    )  # fmt: skip


def _eliminated(normal: _Normal) -> tuple[FloatArray, FloatArray]:
    """Solve the tridiagonal part for the columns and the right-hand side; also the diagonal blocks of its inverse."""
    n = len(normal.diagonal)
    sides = np.concatenate([normal.columns, normal.right[:, :, None]], axis=2)
    inverse = np.empty_like(normal.diagonal)
    carried = np.empty_like(sides)
    for row in range(n):
        block, side = normal.diagonal[row], sides[row]
        if row:
            factor = normal.below[row] @ inverse[row - 1]
            block, side = block - factor @ normal.below[row].T, side - factor @ carried[row - 1]
        inverse[row], carried[row] = np.linalg.inv(block), side
    solved, blocks = np.empty_like(sides), np.empty_like(inverse)
    for row in range(n - 1, -1, -1):
        solved[row], blocks[row] = inverse[row] @ carried[row], inverse[row]
        if row + 1 < n:
            gain = inverse[row] @ normal.below[row + 1].T
            solved[row] -= gain @ solved[row + 1]
            blocks[row] += gain @ blocks[row + 1] @ gain.T
    return solved, blocks
