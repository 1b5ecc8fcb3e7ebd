"""Speeds and path lengths side by side with what a user would pick instead; ratios, one run."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the benchmark table: ours against a rival, and the ratio that matters."""

    what: str
    ours: float
    rival: float
    rival_name: str
    unit: str
    goal: str = ""
    higher_is_better: bool = False

    @property
    def ratio(self) -> float:
        """How many times better ours is (above 1 is better)."""
        if self.higher_is_better:
            return self.ours / self.rival if self.rival else float("inf")
        return self.rival / self.ours if self.ours else float("inf")


@dataclasses.dataclass(frozen=True, slots=True)
class Absent:
    """A rival that is not installed: said among the rows, never left out in silence."""

    package: str


def beside(package: str, measure: Callable[[], list[Row]]) -> list[Row | Absent]:
    """Return the rows of a rival that this package is, or say that it is not installed."""
    try:
        return [*measure()]
    except ImportError:
        return [Absent(package)]


def best_of(function: Callable[[], object], repeats: int = 3, clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the shortest time in seconds of `repeats` runs: by the wall, or by `time.process_time`."""
    times = []
    for _ in range(repeats):
        start = clock()
        function()
        times.append(clock() - start)
    return min(times)
