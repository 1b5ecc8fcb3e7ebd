"""How many aircraft of which type at which launch sites, and who flies what, so that the border is seen often enough.

All aircraft of a base (a launch site and a type) fly its sorties in turn, evenly staggered. With flights of ``d_i``
seconds and a battery swap after each, every sortie of the base is then flown once every
``sum(d_i + swap) / m`` seconds by ``m`` aircraft: no division of the work among them does better.
Aircraft carried between several sites make one base of them, whose cycle holds the carrying too.
What is left to choose is which base flies which sortie and where the aircraft are: an
assignment problem, solved exactly (OR-Tools CP-SAT, one worker, fixed seed).
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.fleet.solver import Model, solved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from ortools.sat.python import cp_model

    FloatArray = NDArray[np.float64]

SOLVER_SECONDS: Final = 10.0
"""Deterministic solver time (CP-SAT counts work, not the clock)."""
PERIOD_STEP_S: Final = 1.0
"""How finely the best period is searched."""
PLENTY: Final = 200
"""Aircraft of a type where the brief's number is left out of account: as many as a brief may give."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """Where aircraft of one type fly from: a launch site, or several they are carried between each cycle."""

    sites: tuple[int, ...]
    fleet: int
    carry_s: float = 0.0
    """Seconds a cycle takes for the carrying, once round the sites."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Workload:
    """What is to be shared out: sorties, the bases that could fly them, and how many aircraft there are.

    `cycle_s` is (sorties, bases) flight plus swap seconds, infinite where a base cannot fly a sortie;
    `counts` the aircraft of each type; `limits` (sites, types) the most a site can take of each, and
    `site_limits` the most it can take of all.
    """

    cycle_s: FloatArray
    bases: tuple[Base, ...]
    counts: tuple[int, ...]
    limits: NDArray[np.int64]
    site_limits: tuple[int, ...]

    @property
    def unlimited(self) -> Workload:
        """The same with plenty of aircraft of every type, and sites that take them."""
        plenty = np.where(self.limits > 0, PLENTY, 0)
        many = (PLENTY,) * len(self.counts)
        return dataclasses.replace(self, counts=many, limits=plenty, site_limits=(PLENTY,) * len(self.site_limits))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Further bounds of one question: aircraft and sites in all, and flights of each type (with how many rounds)."""

    total: int | None = None
    sites: int | None = None
    rounds: int = 0
    flights: tuple[int | None, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FleetAnswer:
    """An answer: aircraft per base, the base of each sortie, and the period every sortie is repeated at."""

    aircraft: tuple[int, ...]
    base_of: tuple[int, ...]
    period_s: float
    """The longest of the bases' periods."""
    paced: bool = False
    """Every base waits between flights, so that all of them repeat at `period_s` and not sooner."""

    @property
    def total(self) -> int:
        """Aircraft in all."""
        return sum(self.aircraft)

    @property
    def bases(self) -> tuple[int, ...]:
        """Bases with aircraft."""
        return tuple(k for k, count in enumerate(self.aircraft) if count)


UNBOUND: Final = Bounds()


def fewest_aircraft(work: Workload, period_s: float, bounds: Bounds = UNBOUND) -> FleetAnswer | None:
    """Return the smallest fleet that repeats every sortie within a period, or None where none can."""
    if np.isinf(work.cycle_s).all(axis=1).any():
        return None
    model = Model()
    counts = [
        model.new_int_var(0, int(min(work.counts[b.fleet], *(work.limits[s, b.fleet] for s in b.sites))), f"m{k}")
        for k, b in enumerate(work.bases)
    ]
    chosen = {(int(i), int(k)): model.new_bool_var(f"x{i}_{k}") for i, k in np.argwhere(np.isfinite(work.cycle_s))}
    for i in range(len(work.cycle_s)):
        model.add_exactly_one([x for (j, _), x in chosen.items() if j == i])
    for k, base in enumerate(work.bases):
        mine = {i: x for (i, b), x in chosen.items() if b == k}
        load = sum(math.ceil(work.cycle_s[i, k]) * x for i, x in mine.items())
        model.add(load + _carrying(model, base, k, list(mine.values())) <= math.floor(period_s) * counts[k])
    _bound(model, work, counts, bounds)
    for fleet, stock in enumerate(bounds.flights):
        if stock is not None:
            flown = [x for (_, k), x in chosen.items() if work.bases[k].fleet == fleet]
            model.add(bounds.rounds * sum(flown) <= stock)
    spread = int(len(work.cycle_s) * 4 * math.ceil(float(work.cycle_s[np.isfinite(work.cycle_s)].max())))
    flying = sum(math.ceil(work.cycle_s[i, k]) * x for (i, k), x in chosen.items())
    model.minimize((spread + 1) * sum(counts) + flying)
    solver = solved(model, SOLVER_SECONDS)
    if solver is None:
        return None
    base_of = [next(k for k in range(len(work.bases)) if (i, k) in chosen and solver.value(chosen[i, k]))
               for i in range(len(work.cycle_s))]  # fmt: skip
    return _answer(work, [solver.value(c) for c in counts], base_of)


def _carrying(
    model: cp_model.CpModel, base: Base, index: int, flown: Sequence[cp_model.IntVar]
) -> cp_model.LinearExprT:
    """Return the seconds of carrying a base's cycle takes: none where it flies nothing."""
    if base.carry_s == 0.0 or not flown:
        return 0
    used = model.new_bool_var(f"u{index}")
    model.add_max_equality(used, flown)
    return math.ceil(base.carry_s) * used


def _bound(model: cp_model.CpModel, work: Workload, counts: Sequence[cp_model.IntVar], bounds: Bounds) -> None:
    """Hold the aircraft to what there is of each type, what each site takes, and what the question allows."""
    for fleet, most in enumerate(work.counts):
        model.add(sum(counts[k] for k, b in enumerate(work.bases) if b.fleet == fleet) <= most)
    for site, most in enumerate(work.site_limits):
        here = [k for k, b in enumerate(work.bases) if site in b.sites]
        model.add(sum(counts[k] for k in here) <= most)
        for fleet, few in enumerate(work.limits[site].tolist()):
            model.add(sum(counts[k] for k in here if work.bases[k].fleet == fleet) <= few)
    if bounds.total is not None:
        model.add(sum(counts) <= bounds.total)
    if bounds.sites is not None:
        open_site = [model.new_bool_var(f"y{s}") for s in range(len(work.site_limits))]
        for k, base in enumerate(work.bases):
            for site in base.sites:
                model.add(counts[k] <= work.counts[base.fleet] * open_site[site])
        model.add(sum(open_site) <= bounds.sites)


def _answer(work: Workload, counts: Sequence[int], base_of: Sequence[int]) -> FleetAnswer:
    loads = np.zeros(len(work.bases))
    np.add.at(loads, np.array(base_of), work.cycle_s[np.arange(len(base_of)), np.array(base_of)])
    periods = [(load + base.carry_s) / m for load, m, base in zip(loads, counts, work.bases, strict=True) if load > 0.0]
    used = [m if load > 0.0 else 0 for load, m in zip(loads, counts, strict=True)]
    return FleetAnswer(aircraft=tuple(used), base_of=tuple(base_of), period_s=float(max(periods)))


def best_period(work: Workload, bounds: Bounds = UNBOUND, under_s: float = math.inf) -> FleetAnswer | None:
    """Return the fleet that repeats every sortie soonest, and sooner than a period, by bisection on the period."""
    finite = work.cycle_s[np.isfinite(work.cycle_s)]
    if len(finite) == 0:
        return None
    low = float(finite.min()) / max(sum(work.counts), 1)
    slow = float(np.where(np.isfinite(work.cycle_s), work.cycle_s, 0.0).max(axis=1).sum())
    slow += len(work.cycle_s) + max(b.carry_s for b in work.bases)
    high = min(slow, under_s)
    best = fewest_aircraft(work, math.ceil(high) if high == slow else high, bounds)
    if best is None:
        return None
    high = min(high, best.period_s)
    while high - low > PERIOD_STEP_S:
        middle = (low + high) / 2.0
        found = fewest_aircraft(work, middle, bounds)
        if found is None:
            low = middle
        else:
            best, high = found, min(middle, found.period_s)
    return best


def options(work: Workload) -> list[FleetAnswer]:
    """Answer "which k aircraft from which n sites give which period", for every k and n that gains something."""
    found: list[tuple[int, int, FleetAnswer]] = []
    sites, reach = len({s for b in work.bases for s in b.sites}), max(len(b.sites) for b in work.bases)
    for total in range(1, min(sum(work.counts), MOST_ANSWERED) + 1):
        for most in range(1, min(sites, total * reach) + 1):
            known = [a.period_s for k, n, a in found if k <= total and n <= most]
            answer = best_period(work, Bounds(total=total, sites=most), min(known, default=math.inf) - PERIOD_STEP_S)
            if answer is not None:
                found.append((total, most, answer))
    return [answer for _, _, answer in found]


MOST_ANSWERED: Final = 24
"""Most aircraft for which the period is answered."""
