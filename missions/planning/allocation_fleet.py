"""How many aircraft at which launch sites, and who flies what, so that the border is seen often enough.

All aircraft of a site fly its sorties in turn, evenly staggered. With flights of ``d_i``
seconds and a battery swap after each, every sortie of the site is then flown once every
``sum(d_i + swap) / m`` seconds by ``m`` aircraft: no division of the work among them does better.
What is left to choose is which site flies which sortie and where the aircraft are: an
assignment problem, solved exactly (OR-Tools CP-SAT, one worker, fixed seed).
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np
from ortools.sat.python import cp_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

SOLVER_SECONDS: Final = 10.0
"""Deterministic solver time (CP-SAT counts work, not the clock)."""
PERIOD_STEP_S: Final = 1.0
"""How finely the best period is searched."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """An answer: aircraft per site, the site of each sortie, and the period every sortie is repeated at."""

    aircraft: tuple[int, ...]
    site_of: tuple[int, ...]
    period_s: float
    """The longest of the sites' periods; infinite where a site has no aircraft."""

    @property
    def total(self) -> int:
        """Aircraft in all."""
        return sum(self.aircraft)

    @property
    def sites(self) -> tuple[int, ...]:
        """Sites with aircraft."""
        return tuple(k for k, count in enumerate(self.aircraft) if count)


def fewest_aircraft(cycle_s: FloatArray, period_s: float, limits: Sequence[int]) -> Fleet | None:
    """Return the smallest fleet that repeats every sortie within a period, or None where none can.

    Parameters
    ----------
    cycle_s
        (sorties, sites) flight plus swap seconds, infinite where a site cannot fly a sortie.
    limits
        Most aircraft each site can take.
    """
    model = cp_model.CpModel()
    sorties, sites = cycle_s.shape
    counts = [model.new_int_var(0, int(limits[s]), f"m{s}") for s in range(sites)]
    chosen = {
        (i, s): model.new_bool_var(f"x{i}_{s}")
        for i in range(sorties)
        for s in range(sites)
        if np.isfinite(cycle_s[i, s])
    }
    for i in range(sorties):
        options = [chosen[i, s] for s in range(sites) if (i, s) in chosen]
        if not options:
            return None
        model.add_exactly_one(options)
    for s in range(sites):
        load = sum(math.ceil(cycle_s[i, s]) * chosen[i, s] for i in range(sorties) if (i, s) in chosen)
        model.add(load <= math.floor(period_s) * counts[s])
    spread = int(sorties * 4 * math.ceil(float(cycle_s[np.isfinite(cycle_s)].max())))
    work = sum(math.ceil(cycle_s[i, s]) * x for (i, s), x in chosen.items())
    model.minimize((spread + 1) * sum(counts) + work)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.catch_sigint_signal = False  # else it takes the handler away, and Ctrl-C kills without clean-up
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = SOLVER_SECONDS
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    site_of = [next(s for s in range(sites) if (i, s) in chosen and solver.value(chosen[i, s])) for i in range(sorties)]
    return _fleet(cycle_s, [solver.value(c) for c in counts], site_of)


def _fleet(cycle_s: FloatArray, counts: Sequence[int], site_of: Sequence[int]) -> Fleet:
    loads = np.zeros(cycle_s.shape[1])
    np.add.at(loads, np.array(site_of), cycle_s[np.arange(len(site_of)), np.array(site_of)])
    periods = [load / m if m else math.inf for load, m in zip(loads, counts, strict=True) if load > 0.0]
    return Fleet(aircraft=tuple(counts), site_of=tuple(site_of), period_s=float(max(periods)))


def best_period(cycle_s: FloatArray, total: int, limits: Sequence[int]) -> Fleet | None:
    """Return the fleet of at most `total` aircraft that repeats every sortie soonest, by bisection on the period."""
    finite = cycle_s[np.isfinite(cycle_s)]
    low, high = float(np.nanmin(finite)) / total, float(np.where(np.isfinite(cycle_s), cycle_s, 0.0).max(axis=1).sum())
    best = fewest_aircraft(cycle_s, math.ceil(high) + len(cycle_s), limits)
    if best is None or best.total > total:
        return None
    while high - low > PERIOD_STEP_S:
        middle = (low + high) / 2.0
        found = fewest_aircraft(cycle_s, middle, limits)
        if found is not None and found.total <= total:
            best, high = found, middle
        else:
            low = middle
    return best


def options(cycle_s: FloatArray, limits: Sequence[int], most: int) -> list[Fleet]:
    """Answer "which k aircraft from which sites give which period" for k from 1 to `most`."""
    found: list[Fleet] = []
    for total in range(1, most + 1):
        fleet = best_period(cycle_s, total, limits)
        if fleet is not None and (not found or fleet.period_s < found[-1].period_s - PERIOD_STEP_S):
            found.append(fleet)
    return found
