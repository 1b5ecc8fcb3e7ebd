"""Sorties, aircraft and clock put together: who flies what from where, and what that guarantees."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.plan import Finding, FleetOption, Flight, Severity
from missions.planning.allocation_fleet import Fleet, best_period, fewest_aircraft, options
from missions.planning.planner_legs import build_sortie
from missions.planning.schedule import battery_finding, separated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor
    from missions.briefs.brief import Brief
    from missions.plan import Sortie
    from missions.planning.planner_paths import FlightPath
    from missions.planning.schedule import Turn

    FloatArray = NDArray[np.float64]

MAX_ANSWERED: Final = 200
"""Most sortie-site pairs for which every fleet size is answered."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Patrol:
    """Sorties with their clock, the flights of the patrol, and the turns that repeat them."""

    sorties: tuple[Sortie, ...]
    flights: tuple[Flight, ...]
    turns: tuple[Turn, ...]
    answers: tuple[FleetOption, ...]
    findings: tuple[Finding, ...]


def put_together(brief: Brief, corridor: Corridor, paths: Sequence[dict[int, FlightPath]]) -> Patrol:
    """Choose sites and aircraft for the sorties, and lay out the schedule."""
    cycle = _cycles(brief, paths)
    limits = [brief.aircraft.count if s.aircraft is None else s.aircraft for s in brief.launch]
    fleet, findings = _choose(brief, cycle, limits)
    chosen = fleet.site_of if fleet else [min(p, key=lambda s: p[s].duration_s) for p in paths]
    sorties = [
        build_sortie(brief, corridor, paths[k][site], site=site, name=f"S{k + 1:02d}", t_start_s=0.0)
        for k, site in enumerate(chosen)
    ]
    if fleet is None:
        return _one_after_another(brief, sorties, findings)
    flights, taken, conflicts = separated(brief, sorties, fleet, corridor.frame)
    first = {f.sortie: f.t_takeoff_s for f in reversed(flights)}
    answers = options(cycle, limits, brief.aircraft.count) if cycle.size <= MAX_ANSWERED else [fleet]
    return Patrol(
        sorties=tuple(s.starting_at(first.get(s.name, 0.0)) for s in sorties),
        flights=flights,
        turns=tuple(taken),
        answers=tuple(_answer(brief, f) for f in answers),
        findings=(*findings, *conflicts, *battery_finding(brief, flights)),
    )


def _cycles(brief: Brief, paths: Sequence[dict[int, FlightPath]]) -> FloatArray:
    cycle = np.full((len(paths), len(brief.launch)), np.inf)
    for k, known in enumerate(paths):
        for site, path in known.items():
            cycle[k, site] = path.duration_s + brief.aircraft.aircraft.swap_s
    return cycle


def _choose(brief: Brief, cycle: FloatArray, limits: Sequence[int]) -> tuple[Fleet | None, list[Finding]]:
    """Return the fewest aircraft that keep the revisit asked, else the best the fleet given can do."""
    count = brief.aircraft.count
    asked_s = brief.revisit.max_min * 60.0 if brief.revisit else None
    if asked_s is not None:
        fleet = fewest_aircraft(cycle, asked_s, limits)
        if fleet is not None and fleet.total <= count:
            return fleet, []
    best = best_period(cycle, count, limits)
    if best is None:
        return None, [_too_few_finding(cycle, count)]
    if asked_s is None:
        return best, []
    return best, [_revisit_finding(cycle, best, asked_s)]


def _revisit_finding(cycle: FloatArray, best: Fleet, asked_s: float) -> Finding:
    most = 200
    enough = fewest_aircraft(cycle, asked_s, [most] * cycle.shape[1])
    more = f"aircraft.count = {enough.total}, or " if enough else ""
    return Finding(
        rule="revisit", severity=Severity.ERROR, unit="min",
        measured=round(best.period_s / 60.0, 2), limit=asked_s / 60.0,
        message=f"{best.total} aircraft see everything every {best.period_s / 60.0:.1f} minutes; "
        f"{asked_s / 60.0:g} are asked",
        relaxation=f"{more}revisit.max_min = {math.ceil(best.period_s / 60.0)}",
    )  # fmt: skip


def _too_few_finding(cycle: FloatArray, count: int) -> Finding:
    fewest = fewest_aircraft(cycle, 1e6, [1] * cycle.shape[1])
    need = fewest.total if fewest else int(np.isfinite(cycle).any(axis=0).sum())
    return Finding(
        rule="fleet", severity=Severity.WARNING, measured=float(count), limit=float(need), unit="aircraft",
        message=f"the sorties start from {need} launch sites and there are {count} aircraft, so they are carried from "
        "site to site and no revisit time is promised",
        relaxation=f"aircraft.count = {need}",
    )  # fmt: skip


def _one_after_another(brief: Brief, sorties: Sequence[Sortie], findings: Sequence[Finding]) -> Patrol:
    clock, moved, flights = 0.0, [], []
    for sortie in sorties:
        moved.append(sortie.starting_at(clock))
        landing = clock + sortie.legs[-1].t_end_s
        flights.append(
            Flight(sortie=sortie.name, aircraft="1", site=sortie.site, t_takeoff_s=clock, t_landing_s=round(landing, 3))
        )
        clock = round(landing + brief.aircraft.aircraft.swap_s, 3)
    return Patrol(
        sorties=tuple(moved), flights=tuple(flights), turns=(), answers=(),
        findings=(*findings, *battery_finding(brief, flights)),
    )  # fmt: skip


def _answer(brief: Brief, fleet: Fleet) -> FleetOption:
    return FleetOption(
        aircraft=fleet.total,
        sites=tuple(brief.launch[s].name for s in fleet.sites),
        per_site=tuple(fleet.aircraft[s] for s in fleet.sites),
        period_s=round(fleet.period_s, 1),
    )
