"""Who flies which part of a search when, so that the whole is done as soon as possible.

Every aircraft stays at one launch site and flies one sortie after another with a battery swap
between. Which site and aircraft flies which sortie is the scheduling of jobs on parallel machines
(Graham 1969), solved by OR-Tools CP-SAT with one worker and a fixed amount of work, so the same
brief gives the same answer.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.fleet.closest_approach import APART_M
from missions.fleet.schedule import MAX_SHIFT_S, SHIFT_S, Separation, battery_findings
from missions.fleet.solver import Model, solved
from missions.fleet.timetable import Timetable
from missions.paths.sortie import build_sortie
from missions.plan import Finding, Flight, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.airspace.situation import Situation
    from missions.briefs.brief import Brief, Fleet
    from missions.fleet.schedule import Conflict
    from missions.paths.path_maker import FlightPath
    from missions.plan import Sortie

    FloatArray = NDArray[np.float64]

SOLVER_SECONDS: Final = 2.0
"""Deterministic solver time (CP-SAT counts work, not the clock)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One aircraft's part: its launch site, and the sorties it flies in order, by number."""

    site: int
    sorties: tuple[int, ...]


def scheduled(situation: Situation, fleet: Fleet, paths: Sequence[dict[int, FlightPath]]) -> Timetable:
    """Choose aircraft and sites for the sorties of a search and lay out their take-offs.

    Parameters
    ----------
    paths
        For each sortie, its path from every launch site that can fly it.
    """
    brief, flown = situation.brief, situation.brief.performance(fleet.label)
    seconds = np.full((len(paths), len(brief.launch)), np.inf)
    for k, known in enumerate(paths):
        for site, path in known.items():
            seconds[k, site] = path.duration_s
    limits = [s.room(fleet.label, fleet.count) for s in brief.launch]
    shares = soonest_shares(seconds, fleet.count, limits, swap_s=fleet.aircraft.swap_s)
    findings: list[Finding] = []
    if shares is None:
        chosen = [min(known, key=lambda s: known[s].duration_s) for known in paths]
        findings.append(_carried_finding(fleet, chosen))
    else:
        chosen = [next(share.site for share in shares if k in share.sorties) for k in range(len(paths))]
    sorties = [
        build_sortie(situation, flown, paths[k][site], site=site, name=f"S{k + 1:02d}") for k, site in enumerate(chosen)
    ]
    named = {"1": list(range(len(sorties)))} if shares is None else _named(brief, shares)
    flights, conflicts = _placed(fleet, sorties, named, Separation(sorties, situation.frame))
    start = {f.sortie: f.t_takeoff_s for f in flights}
    return Timetable(
        sorties=tuple(s.starting_at(start[s.name]) for s in sorties),
        flights=tuple(flights),
        findings=(*findings, *conflicts, *battery_findings(brief, sorties, flights)),
    )


def soonest_shares(seconds: FloatArray, count: int, limits: Sequence[int], *, swap_s: float) -> list[Share] | None:
    """Return which aircraft flies what so that the last one lands soonest, or None where no `count` aircraft can.

    Parameters
    ----------
    seconds
        (sorties, sites) flight times, infinite where a site cannot fly a sortie.
    count
        Aircraft there are.
    limits
        Most aircraft each site can take.
    """
    jobs, sites = seconds.shape
    count = min(count, jobs)
    model = Model()
    length = np.where(np.isfinite(seconds), np.ceil(np.where(np.isfinite(seconds), seconds, 0.0) + swap_s), 0).astype(
        int
    )
    at = {(m, s): model.new_bool_var(f"at{m}_{s}") for m in range(count) for s in range(sites)}
    flies = {
        (k, m, s): model.new_bool_var(f"f{k}_{m}_{s}")
        for k, m, s in itertools.product(range(jobs), range(count), range(sites))
        if np.isfinite(seconds[k, s])
    }
    finish = model.new_int_var(0, int(length.max(axis=1).sum()), "finish")
    for m in range(count):
        model.add_exactly_one(at[m, s] for s in range(sites))
        model.add(sum(int(length[k, s]) * x for (k, n, s), x in flies.items() if n == m) <= finish)
    for s in range(sites):
        model.add(sum(at[m, s] for m in range(count)) <= int(limits[s]))
    for (_, m, s), x in flies.items():
        model.add_implication(x, at[m, s])
    for k in range(jobs):
        options = [x for (j, _, _), x in flies.items() if j == k]
        if not options:
            return None
        model.add_exactly_one(options)
    worth = int(length.max(axis=1).sum()) + 1
    model.minimize(worth * finish + sum(int(length[k, s]) * x for (k, _, s), x in flies.items()))
    solver = solved(model, SOLVER_SECONDS)
    if solver is None:
        return None
    found = []
    for m in range(count):
        site = next(s for s in range(sites) if solver.value(at[m, s]))
        mine = tuple(k for (k, n, _), x in sorted(flies.items(), key=lambda e: e[0]) if n == m and solver.value(x))
        found.append(Share(site=site, sorties=mine))
    return sorted((share for share in found if share.sorties), key=lambda share: (share.site, share.sorties))


def _named(brief: Brief, shares: Sequence[Share]) -> dict[str, list[int]]:
    """Return the sorties of each aircraft by its name: its site and a number there."""
    return {
        f"{brief.launch[site].name} {number}": list(share.sorties)
        for site, group in itertools.groupby(shares, key=lambda share: share.site)
        for number, share in enumerate(group, start=1)
    }


def _placed(
    fleet: Fleet, sorties: Sequence[Sortie], shares: dict[str, list[int]], judge: Separation
) -> tuple[list[Flight], list[Finding]]:
    """Let every aircraft take off as soon as it is ready and nobody is in its way, the one ready first going first."""
    ready = [(0.0, aircraft, tuple(mine)) for aircraft, mine in shares.items()]
    heapq.heapify(ready)
    flights: list[Flight] = []
    findings: list[Finding] = []
    while ready:
        clock, aircraft, mine = heapq.heappop(ready)
        flight, conflict = _first_free(sorties[mine[0]], aircraft, clock, flights, judge)
        flights.append(flight)
        findings += [] if conflict is None else [_conflict_finding(conflict)]
        if mine[1:]:
            heapq.heappush(ready, (flight.t_landing_s + fleet.aircraft.swap_s, aircraft, mine[1:]))
    return sorted(flights, key=lambda f: (f.t_takeoff_s, f.aircraft)), findings[:1]


def _first_free(
    sortie: Sortie, aircraft: str, clock: float, placed: Sequence[Flight], judge: Separation
) -> tuple[Flight, Conflict | None]:
    """Return the flight at its first take-off without a conflict; at once, with its conflict, where there is none."""
    length = sortie.legs[-1].t_end_s - sortie.legs[0].t_start_s
    first: tuple[Flight, Conflict] | None = None
    for wait in np.arange(0.0, MAX_SHIFT_S + length, SHIFT_S).tolist():
        start = round(clock + wait, 3)
        flight = Flight(
            sortie=sortie.name, aircraft=aircraft, site=sortie.site, t_takeoff_s=start,
            t_landing_s=round(start + length, 3),
        )  # fmt: skip
        conflict = judge.first_conflict(placed, [flight])
        if conflict is None:
            return flight, None
        first = first or (flight, conflict)
    return first if first is not None else (flight, None)


def _conflict_finding(conflict: Conflict) -> Finding:
    return Finding(
        rule="separation", severity=Severity.ERROR, unit="m",
        measured=round(conflict.distance_m, 1), limit=APART_M,
        message=f"{conflict.first} and {conflict.second} come within {conflict.distance_m:.0f} m of each other "
        f"{conflict.t_s:.0f} s into the search, and waiting does not part them",
        advice="fewer aircraft, or another launch site",
    )  # fmt: skip


def _carried_finding(fleet: Fleet, chosen: Sequence[int]) -> Finding:
    sites = len(set(chosen))
    return Finding(
        rule="fleet", severity=Severity.WARNING, unit="aircraft",
        measured=float(fleet.count), limit=float(sites),
        message=f"the sorties start from {sites} launch sites and there are {fleet.count} aircraft, so one is "
        "carried from site to site; the time for that is not in the schedule",
        advice=f"aircraft.count = {sites}",
    )  # fmt: skip
