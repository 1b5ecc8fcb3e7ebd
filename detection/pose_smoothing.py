"""Lasting and drifting errors from comparisons of neighbours in time, by least squares with a prior.

Every error is the sum of first-order Gauss-Markov parts (Gelb 1974, section 3.6) in units of its one-sigma. Each
comparison ties two neighbours: the normal equations are block-tridiagonal, with two columns more for what all
comparisons are wrong by together, and are solved by block elimination, which also gives the inverse's diagonal blocks.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

PARTS: Final = ((0.5, 1200.0), (0.49, 20.0), (0.01, 1e-6))
"""Share of a pose's variance, and its correlation time in seconds: what lasts (a compass, a gimbal's zero), what drifts
(`detection.ground_tracker`), and what is new in every picture."""
COMMON_SHARE: Final = 0.5
"""Share of a comparison's error that is the same in all: the ground is no plane, and errors of degrees are not quite
linear (up to 0.02 m a comparison on simulated flights whose error is 0.1 m)."""
WINDOW_S: Final = 240.0
"""Flight that is solved at once: longer, and small errors that the comparisons share would be believed too much."""
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

    def __len__(self) -> int:
        return len(self.t_s)

    def part(self, rows: slice) -> Compared:
        """Return some pictures in a row; the first is compared with none."""
        cut = {field.name: getattr(self, field.name)[rows] for field in dataclasses.fields(self)}
        return Compared(**cut | {"known": cut["known"] & (np.arange(len(cut["known"])) > 0)})

    def explained_m(self, mean: FloatArray) -> FloatArray:
        """Return how much of each comparison errors (n, k) are, shape (n, 2)."""
        before = np.concatenate([mean[:1], mean[:-1]])
        return np.asarray(np.einsum("nik,nk->ni", self.now_m, mean) - np.einsum("nik,nk->ni", self.before_m, before))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Smoothed:
    """Mean (n, k) and covariance (n, k, k) of each picture's errors, in sigmas."""

    mean: FloatArray
    cov: FloatArray
    misfit: float
    """Chi-square of the comparisons over their number: near 1 where prior and noise are right."""


@dataclasses.dataclass(slots=True, kw_only=True)
class _Normal:
    """Normal equations: blocks of each picture's parts, columns and corner of the common error, right-hand sides."""

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
    right_same: FloatArray


def smooth(compared: Compared) -> Smoothed:
    """Solve for the errors of every picture, some minutes of flight at a time; windows overlap by half and are blended.

    A blend's covariance is that of the two windows, blended alike: never less than its own, however they depend on each
    other.
    """
    count = compared.now_m.shape[2]
    mean, cov = np.zeros((len(compared), count)), np.zeros((len(compared), count, count))
    total, misfits = np.zeros(len(compared)), []
    for start, stop in _windows(compared.t_s):
        found = smooth_whole(compared.part(slice(start, stop)))
        t_s = compared.t_s[start:stop]
        weight = 1e-3 + np.minimum(t_s - t_s[0], t_s[-1] - t_s)
        mean[start:stop] += weight[:, None] * found.mean
        cov[start:stop] += weight[:, None, None] * found.cov
        total[start:stop] += weight
        misfits.append(found.misfit)
    mean, cov = mean / total[:, None], cov / total[:, None, None]
    return Smoothed(mean=mean, cov=cov, misfit=float(np.mean(misfits)))


def _windows(t_s: FloatArray) -> Iterator[tuple[int, int]]:
    """Yield first and last rows, as of slices, of stretches of `WINDOW_S` that begin half of it after each other."""
    begin_s, end_s = float(t_s[0]), float(t_s[-1])
    while True:
        start, stop = np.searchsorted(t_s, [begin_s, begin_s + WINDOW_S])
        if stop > start:
            yield int(start), len(t_s) if begin_s + WINDOW_S >= end_s else int(stop)
        if begin_s + WINDOW_S >= end_s:
            return
        begin_s += WINDOW_S / 2.0


def smooth_whole(compared: Compared) -> Smoothed:
    """Solve for the errors of every picture at once."""
    normal = _normal(compared)
    left, blocks = _eliminated(normal)
    count = compared.now_m.shape[2]
    columns, plain = left[:, :, :-1], left[:, :, -1]
    same_cov = np.linalg.inv(normal.corner - np.einsum("nkb,nkc->bc", normal.columns, columns))
    same = same_cov @ (normal.right_same - np.einsum("nkb,nk->b", normal.columns, plain))
    parts = plain - columns @ same
    total = np.tile(np.eye(count), (1, len(PARTS)))
    own = total @ columns
    cov = total @ blocks @ total.T + own @ same_cov @ own.transpose(0, 2, 1)
    mean = parts @ total.T
    seen = float((compared.shift_m[compared.known] ** 2 / compared.sigma_m[compared.known, None] ** 2).sum())
    chi2 = seen - float((normal.right * parts).sum() + normal.right_same @ same)
    misfit = chi2 / (2.0 * max(int(compared.known.sum()), 1))
    return Smoothed(mean=mean, cov=cov, misfit=misfit)


def _normal(compared: Compared) -> _Normal:
    """Set the equations up: of each picture its parts, and beside them the lasting error of the comparisons."""
    count = compared.now_m.shape[2]
    weight = np.where(compared.known, 1.0 / compared.sigma_m**2, 0.0)
    now, before = (np.tile(moves, (1, 1, len(PARTS))) for moves in (compared.now_m, -compared.before_m))
    same = COMMON_SHARE * compared.sigma_m[:, None, None] * np.eye(2)

    def product(left: FloatArray, right: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("nik,n,nil->nkl", left, weight, right))

    shift = compared.shift_m[:, :, None]
    diagonal, below = product(now, now), product(now, before)
    diagonal[:-1] += product(before, before)[1:]
    gap_s = np.maximum(np.diff(compared.t_s), SHORTEST_S)
    for number, (share, time_s) in enumerate(PARTS):
        rows = np.arange(number * count, (number + 1) * count)
        keep = np.exp(-gap_s / time_s)
        step = share * (1.0 - keep**2)
        prior = np.concatenate([[1.0 / share], 1.0 / step])
        prior[:-1] += keep**2 / step
        diagonal[:, rows, rows] += prior[:, None]
        below[1:, rows, rows] -= (keep / step)[:, None]
    columns, right = product(now, same), product(now, shift)[:, :, 0]
    columns[:-1] += product(before, same)[1:]
    right[:-1] += product(before, shift)[1:, :, 0]
    return _Normal(
        diagonal=diagonal,
        below=below,
        columns=columns,
        corner=np.eye(2) + product(same, same).sum(axis=0),
        right=right,
        right_same=product(same, shift).sum(axis=0)[:, 0],
    )


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
