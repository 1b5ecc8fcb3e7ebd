"""Boustrophedon cells: runs of lanes flown back and forth without leaving them.

Where a row's piece has exactly one neighbour in the next row, and is its only
one, both belong to the same cell (Choset, "Coverage of known spaces: the
boustrophedon cellular decomposition", 2000, at the grain of the lanes).
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.patterns.lanes import turned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.patterns.lanes import LaneRows

    FloatArray = NDArray[np.float64]

VARIANTS: Final = 4
"""A cell is entered at its first or last lane, at the left or right end."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Consecutive lanes (x0, x1, y) in the turned frame, one a row."""

    lanes: tuple[tuple[float, float, float], ...]

    def flown(self, variant: int) -> list[tuple[float, float]]:
        """Return the corner points of one of the four ways to fly the cell."""
        order = self.lanes if variant & 1 == 0 else self.lanes[::-1]
        rightwards = variant & 2 == 0
        points: list[tuple[float, float]] = []
        for x0, x1, y in order:
            points += [(x0, y), (x1, y)] if rightwards else [(x1, y), (x0, y)]
            rightwards = not rightwards
        return points

    def length_m(self, variant: int) -> float:
        """Length of one of the four ways to fly the cell (the same lanes backwards is as long)."""
        rightwards = (
            variant == 0 or (variant == 1 and len(self.lanes) % 2 == 0) or (variant == 3 and len(self.lanes) % 2)
        )
        total = 0.0
        before: tuple[float, float, float] | None = None
        for lane in self.lanes:
            total += lane[1] - lane[0]
            if before is not None:
                side = 1 if rightwards else 0
                total += math.hypot(lane[side] - before[side], lane[2] - before[2])
                rightwards = not rightwards
            before = lane
        return total

    @property
    def least_m(self) -> float:
        """Length of the shortest of the four ways."""
        return min(self.length_m(0), self.length_m(2))


def cells_of(rows: LaneRows) -> list[Cell]:
    """Join lanes of neighbouring rows into cells."""
    open_cells: dict[int, list[tuple[float, float, float]]] = {}
    done: list[list[tuple[float, float, float]]] = []
    before: tuple[tuple[float, float], ...] = ()
    for y, seen, row in zip(rows.heights_m, rows.ranges, rows.pieces, strict=True):
        links = _links(before, seen)
        kept: dict[int, list[tuple[float, float, float]]] = {}
        for index, (x0, x1) in enumerate(row):
            above = links.get(index)
            cell = open_cells.pop(above) if above is not None else []
            cell.append((x0, x1, y))
            kept[index] = cell
        done += open_cells.values()
        open_cells, before = kept, seen
    done += open_cells.values()
    return [Cell(lanes=tuple(lanes)) for lanes in done]


def _links(before: Sequence[tuple[float, float]], row: Sequence[tuple[float, float]]) -> dict[int, int]:
    """Pair pieces of two rows that touch nobody else: piece of `row` -> piece of `before`."""
    touching = [(a, b) for a, p in enumerate(before) for b, q in enumerate(row) if p[0] <= q[1] and q[0] <= p[1]]
    ups: dict[int, int] = {}
    downs: dict[int, int] = {}
    for a, b in touching:
        ups[b] = ups.get(b, 0) + 1
        downs[a] = downs.get(a, 0) + 1
    return {b: a for a, b in touching if ups[b] == 1 and downs[a] == 1}


def path_points(cells: Sequence[Cell], tour: Sequence[tuple[int, int]], direction_rad: float) -> FloatArray:
    """Return the points of a tour, shape (n, 2), in the frame of the polygon."""
    points = [point for index, variant in tour for point in cells[index].flown(variant)]
    return turned(np.array(points), direction_rad)
