"""Sorties, aircraft and clock put together: who flies what from where, and what that guarantees."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from missions.errors import PlanRefusedError
from missions.fleet.choice import (
    answers,
    asked_s,
    carried,
    choices,
    choose,
    paced,
    revisit_finding,
    site_of,
    too_few_finding,
)
from missions.fleet.cuts import refusal
from missions.fleet.schedule import battery_findings, patrol_seconds, separated, turns
from missions.paths.sortie import build_sortie
from missions.plan import Flight

if TYPE_CHECKING:
    from missions.airspace.corridor import Corridor
    from missions.briefs.brief import Brief
    from missions.fleet.bases import FleetAnswer
    from missions.fleet.choice import Choice
    from missions.fleet.cuts import Cutter
    from missions.fleet.sections import Cut
    from missions.plan import Finding, FleetOption, Sortie, Turn


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Patrol:
    """The cut flown, its sorties with their clock, the flights of the patrol, and the turns that repeat them."""

    cut: Cut
    sorties: tuple[Sortie, ...]
    flights: tuple[Flight, ...]
    findings: tuple[Finding, ...]
    turns: tuple[Turn, ...] = ()
    answers: tuple[FleetOption, ...] = ()


def put_together(brief: Brief, corridor: Corridor, cutter: Cutter) -> Patrol:
    """Choose the cut, sites and aircraft for the sorties, and lay out the schedule.

    Raises
    ------
    PlanRefusedError
        When no part of the border can be flown.
    """
    cuts = cutter.cuts()
    found = choices(brief, corridor, cuts)
    if not found:
        raise (
            refusal(brief, cuts[0])
            if cuts
            else PlanRefusedError("no launch site takes any of the aircraft; raise launch.aircraft", rule="fleet")
        )
    chosen = choose(brief, found)
    if chosen.answer is None or chosen.answer.period_s > (asked_s(brief) or chosen.answer.period_s):
        fleet = sum(f.count for f in brief.fleets)
        found += [c for sites in cutter.subsets(fleet) for c in choices(brief, corridor, cutter.cuts(sites))]
        chosen = choose(brief, found)
    if chosen.answer is None:
        return _one_after_another(brief, corridor, carried(found))
    best = _sparing(brief, corridor, chosen)
    patrol = _scheduled(brief, corridor, chosen if best is None else best)
    return dataclasses.replace(
        patrol, answers=tuple(answers(brief, found, chosen)),
        findings=(*revisit_finding(brief, found, chosen.answer), *patrol.findings),
    )  # fmt: skip


def _sparing(brief: Brief, corridor: Corridor, choice: Choice) -> Choice | None:
    """Return the choice at a slower pace, where only that makes the charged batteries suffice for the patrol."""
    window = patrol_seconds(brief, 0.0)
    if choice.answer is None or not window or all(f.batteries is None for f in brief.fleets):
        return None
    if all(f.rule != "batteries" for f in _scheduled(brief, corridor, choice).findings):
        return None
    slower = paced(brief, choice, window)
    return None if slower is None else dataclasses.replace(choice, answer=slower)


def _sorties(brief: Brief, corridor: Corridor, choice: Choice, answer: FleetAnswer) -> list[Sortie]:
    made = []
    for k, number in enumerate(answer.base_of):
        base = choice.task.bases[number]
        site = site_of(choice.cut, k, base)
        own = brief.of(brief.fleets[base.fleet].label)
        path = choice.cut.paths[k][site, base.fleet]
        made.append(build_sortie(own, corridor, path, site=site, name=f"S{k + 1:02d}", t_start_s=0.0))
    return made


def _scheduled(brief: Brief, corridor: Corridor, choice: Choice) -> Patrol:
    answer = choice.answer
    if answer is None:
        raise ValueError("there is no answer to schedule")
    sorties = _sorties(brief, corridor, choice, answer)
    taken = turns(brief, sorties, choice.task, answer)
    end_s, most_s = patrol_seconds(brief, answer.period_s), asked_s(brief) or math.inf
    flights, taken, conflicts = separated(sorties, taken, end_s, corridor.frame, most_s=most_s)
    first = {f.sortie: f.t_takeoff_s for f in reversed(flights)}
    moved = tuple(s.starting_at(first.get(s.name, 0.0)) for s in sorties)
    return Patrol(
        cut=choice.cut, sorties=moved, flights=flights, turns=tuple(taken),
        findings=(*conflicts, *battery_findings(brief, moved, flights)),
    )  # fmt: skip


def _one_after_another(brief: Brief, corridor: Corridor, choice: Choice) -> Patrol:
    """Lay the sorties out one after another, each type's by one aircraft that is carried along."""
    if choice.answer is None:
        raise ValueError("there is no answer to lay out")
    sorties = _sorties(brief, corridor, choice, choice.answer)
    clock, moved, flights = 0.0, [], []
    for sortie in sorties:
        moved.append(sortie.starting_at(clock))
        landing = clock + sortie.legs[-1].t_end_s
        name = "1" if len(brief.fleets) == 1 else f"{sortie.aircraft} 1"
        flights.append(
            Flight(
                sortie=sortie.name, aircraft=name, site=sortie.site, t_takeoff_s=clock, t_landing_s=round(landing, 3)
            )
        )
        clock = round(landing + brief.of(sortie.aircraft).aircraft.aircraft.swap_s, 3)
    return Patrol(
        cut=choice.cut, sorties=tuple(moved), flights=tuple(flights),
        findings=(too_few_finding(brief, choice), *battery_findings(brief, moved, flights)),
    )  # fmt: skip
