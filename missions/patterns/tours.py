"""The one solver of tours: in which order, and each in which way, to fly things so that what lies between is short.

Exact for few (dynamic programming over subsets, Held and Karp 1962); beyond, the best of greedy starts, improved by
moving and reversing pieces where there is time for that.
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
STARTS: Final = 12
MAX_SWEEPS: Final = 30


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
    length, order = shortest(len(cells), first, step, last)
    return length, [states[s] for s in order]


def shortest(
    count: int, first: FloatArray, step: FloatArray, last: FloatArray, *, starts: int = STARTS, sweeps: int = MAX_SWEEPS
) -> tuple[float, list[int]]:
    """Return the cost of the cheapest tour found over so many things, and how each is flown, in order.

    Parameters
    ----------
    first, step, last
        (s,), (s, s) and (s,) costs of beginning with a state, of one after another and of ending with one. The states
        of a thing, the ways to fly it, follow each other; each thing has as many.
    starts, sweeps
        How much is tried beyond `EXACT_UP_TO` things: greedy tours, and rounds of improvement.
    """
    if count <= EXACT_UP_TO:
        return _exact(count, first, step, last)
    begun = np.argsort(first, kind="stable")[:starts]
    tours = [_best_ways(_greedy(int(s), count, step), first, step, last) for s in begun]
    length, order = min(tours)
    ways = len(first) // count
    for _ in range(sweeps):
        found = _improved([s // ways for s in order], length, first, step, last)
        if found is None:
            break
        length, order = found
    return length, order


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
    full, ways = (1 << count) - 1, len(first) // count
    size = count * ways
    cost = np.full((full + 1, size), np.inf)
    parent = np.full((full + 1, size), -1, dtype=np.int64)
    for cell in range(count):
        own = slice(cell * ways, (cell + 1) * ways)
        cost[1 << cell, own] = first[own]
    for mask in range(1, full):
        through = cost[mask][:, None] + step
        best, where = through.min(axis=0), through.argmin(axis=0)
        for cell in range(count):
            if mask & (1 << cell):
                continue
            own = slice(cell * ways, (cell + 1) * ways)
            new = mask | (1 << cell)
            better = best[own] < cost[new, own]
            cost[new, own] = np.where(better, best[own], cost[new, own])
            parent[new, own] = np.where(better, where[own], parent[new, own])
    total = cost[full] + last
    state = int(np.argmin(total))
    length, order, mask = float(total[state]), [state], full
    while parent[mask, order[-1]] >= 0:
        state = int(parent[mask, order[-1]])
        mask ^= 1 << (order[-1] // ways)
        order.append(state)
    return length, order[::-1]


def _best_ways(cells: list[int], first: FloatArray, step: FloatArray, last: FloatArray) -> tuple[float, list[int]]:
    """Choose how each is flown for a fixed order, exactly."""
    ways = len(first) // (max(cells) + 1)
    block = np.arange(ways)
    cost = first[cells[0] * ways + block]
    parents = []
    for before, cell in zip(cells, cells[1:], strict=False):
        through = cost[:, None] + step[np.ix_(before * ways + block, cell * ways + block)]
        parents.append(through.argmin(axis=0))
        cost = through.min(axis=0)
    cost = cost + last[cells[-1] * ways + block]
    variant = int(np.argmin(cost))
    length, variants = float(cost[variant]), [variant]
    for parent in reversed(parents):
        variants.append(int(parent[variants[-1]]))
    return length, [c * ways + v for c, v in zip(cells, reversed(variants), strict=True)]


def _greedy(start: int, count: int, step: FloatArray) -> list[int]:
    """Return the things in the order of always the cheapest next state from one begun with."""
    thing = np.arange(len(step)) // (len(step) // count)
    order, left = [start], thing != thing[start]
    while left.any():
        order.append(int(np.argmin(np.where(left, step[order[-1]], np.inf))))
        left &= thing != thing[order[-1]]
    return [int(k) for k in thing[order]]


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
                found = _best_ways(move, first, step, last)
                if found[0] < (length if best is None else best[0]) - 1e-9:
                    best = found
        if best is not None:
            return best
    return best
