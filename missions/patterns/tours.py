"""In which order, and from which corner, to fly cells so that the way between them is short.

Exact for few cells (dynamic programming over subsets, Held and Karp 1962);
beyond, the best of greedy starts, improved by moving and reversing pieces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from missions.patterns.cells import VARIANTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from missions.patterns.cells import Cell

    FloatArray = NDArray[np.float64]
    Tour = list[tuple[int, int]]

EXACT_UP_TO: Final = 8
_MAX_SWEEPS: Final = 30


def distances(starts: FloatArray, ends: FloatArray) -> FloatArray:
    """Return straight distances from every end, (n, 2), to every start, (m, 2)."""
    return np.asarray(np.hypot(*(ends[:, None, :] - starts[None, :, :]).transpose(2, 0, 1)))


def best_tour(
    cells: Sequence[Cell],
    *,
    measure: Callable[[FloatArray, FloatArray], FloatArray] = distances,
    begin: FloatArray | None = None,
    finish: FloatArray | None = None,
) -> tuple[float, Tour]:
    """Order cells and choose how each is flown.

    Parameters
    ----------
    cells
        At least one.
    measure
        Distances from ends to starts, both (n, 2) in the cells' frame.
    begin, finish
        Where the aircraft comes from and has to go, (2,), or None for anywhere.

    Returns
    -------
    (length_m, tour)
        Total length of lanes and ways, and (cell, variant) pairs.
    """
    states = [(index, variant) for index in range(len(cells)) for variant in range(VARIANTS)]
    flown = [cells[index].flown(variant) for index, variant in states]
    starts, ends = np.array([p[0] for p in flown]), np.array([p[-1] for p in flown])
    own = np.array([cells[index].length_m(variant) for index, variant in states])
    first = own + (0.0 if begin is None else measure(starts, begin[None, :])[0])
    last = np.zeros(len(states)) if finish is None else measure(finish[None, :], ends)[:, 0]
    if len(cells) == 1:
        best = int(np.argmin(first + last))
        return float((first + last)[best]), [states[best]]
    step = measure(starts, ends) + own[None, :]
    search = _exact if len(cells) <= EXACT_UP_TO else _heuristic
    length, order = search(len(cells), first, step, last)
    return length, [states[s] for s in order]


def least_ways_m(cells: Sequence[Cell]) -> float:
    """Return a lower bound of all ways between cells: each but one is reached from its nearest other."""
    if len(cells) < 2:
        return 0.0
    corners = np.array([[p for v in (0, 1) for p in (c.flown(v)[0], c.flown(v + 2)[0])] for c in cells])
    apart = np.hypot(*(corners[:, None, :, None, :] - corners[None, :, None, :, :]).transpose(4, 0, 1, 2, 3))
    near = apart.min(axis=(2, 3)) + np.diag(np.full(len(cells), np.inf))
    least = near.min(axis=0)
    return float(least.sum() - least.max())


def _exact(count: int, first: FloatArray, step: FloatArray, last: FloatArray) -> tuple[float, list[int]]:
    full = (1 << count) - 1
    size = count * VARIANTS
    cost = np.full((full + 1, size), np.inf)
    parent = np.full((full + 1, size), -1, dtype=np.int64)
    for cell in range(count):
        own = slice(cell * VARIANTS, (cell + 1) * VARIANTS)
        cost[1 << cell, own] = first[own]
    for mask in range(1, full):
        through = cost[mask][:, None] + step
        best, where = through.min(axis=0), through.argmin(axis=0)
        for cell in range(count):
            if mask & (1 << cell):
                continue
            own = slice(cell * VARIANTS, (cell + 1) * VARIANTS)
            new = mask | (1 << cell)
            better = best[own] < cost[new, own]
            cost[new, own] = np.where(better, best[own], cost[new, own])
            parent[new, own] = np.where(better, where[own], parent[new, own])
    total = cost[full] + last
    state = int(np.argmin(total))
    length, order, mask = float(total[state]), [state], full
    while parent[mask, order[-1]] >= 0:
        state = int(parent[mask, order[-1]])
        mask ^= 1 << (order[-1] // VARIANTS)
        order.append(state)
    return length, order[::-1]


def _best_variants(cells: list[int], first: FloatArray, step: FloatArray, last: FloatArray) -> tuple[float, list[int]]:
    """Choose the variants for a fixed order of cells, exactly."""
    block = np.arange(VARIANTS)
    cost = first[cells[0] * VARIANTS + block]
    parents = []
    for before, cell in zip(cells, cells[1:], strict=False):
        through = cost[:, None] + step[np.ix_(before * VARIANTS + block, cell * VARIANTS + block)]
        parents.append(through.argmin(axis=0))
        cost = through.min(axis=0)
    cost = cost + last[cells[-1] * VARIANTS + block]
    variant = int(np.argmin(cost))
    length, variants = float(cost[variant]), [variant]
    for parent in reversed(parents):
        variants.append(int(parent[variants[-1]]))
    return length, [c * VARIANTS + v for c, v in zip(cells, reversed(variants), strict=True)]


def _greedy(start: int, count: int, step: FloatArray) -> list[int]:
    order, left = [start], set(range(count)) - {start // VARIANTS}
    while left:
        options = [c * VARIANTS + v for c in sorted(left) for v in range(VARIANTS)]
        order.append(options[int(np.argmin(step[order[-1], options]))])
        left.discard(order[-1] // VARIANTS)
    return [state // VARIANTS for state in order]


def _heuristic(count: int, first: FloatArray, step: FloatArray, last: FloatArray) -> tuple[float, list[int]]:
    starts = np.argsort(first, kind="stable")[: min(len(first), 12)]
    tours = [_best_variants(_greedy(int(s), count, step), first, step, last) for s in starts]
    length, order = min(tours)
    for _ in range(_MAX_SWEEPS):
        found = _improved([s // VARIANTS for s in order], length, first, step, last)
        if found is None:
            break
        length, order = found
    return length, order


def _improved(
    cells: list[int], length: float, first: FloatArray, step: FloatArray, last: FloatArray
) -> tuple[float, list[int]] | None:
    best: tuple[float, list[int]] | None = None
    for i in range(len(cells)):
        for j in range(i + 1, min(len(cells), i + 40) + 1):
            piece, rest = cells[i:j], cells[:i] + cells[j:]
            moves = [cells[:i] + piece[::-1] + cells[j:]] if len(piece) > 1 else []
            if len(piece) <= 3:
                near = range(max(0, i - 12), min(len(rest), i + 12) + 1)
                moves += [rest[:k] + piece + rest[k:] for k in near if k != i]
            for move in moves:
                found = _best_variants(move, first, step, last)
                if found[0] < (length if best is None else best[0]) - 1e-9:
                    best = found
        if best is not None:
            return best
    return best
