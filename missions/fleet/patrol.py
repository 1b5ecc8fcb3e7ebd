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
from missions.fleet.timetable import Timetable
from missions.paths.sortie import build_sortie
from missions.plan import Flight

if TYPE_CHECKING:
    from missions.airspace.situation import Situation
    from missions.fleet.bases import FleetAnswer
    from missions.fleet.choice import Choice
    from missions.fleet.cuts import Cutter
    from missions.fleet.sections import Cut
    from missions.plan import Sortie


def put_together(situation: Situation, cutter: Cutter) -> tuple[Cut, Timetable]:
    """Choose the cut, sites and aircraft for the sorties, and lay out their timetable.

    Raises
    ------
    PlanRefusedError
        When no part of the border can be flown.
    """
    brief = situation.brief
    cuts = cutter.cuts()
    found = choices(situation, cuts)
    if not found:
        raise (
            refusal(brief, cuts[0])
            if cuts
            else PlanRefusedError("no launch site takes any of the aircraft; raise launch.aircraft", rule="fleet")
        )
    chosen = choose(brief, found)
    if chosen.answer is None or chosen.answer.period_s > (asked_s(brief) or chosen.answer.period_s):
        fleet = sum(f.count for f in brief.fleets)
        found += [c for sites in cutter.subsets(fleet) for c in choices(situation, cutter.cuts(sites))]
        chosen = choose(brief, found)
    if chosen.answer is None:
        alone = carried(found)
        return alone.cut, _one_after_another(situation, alone)
    best = _within_batteries(situation, chosen) or chosen
    laid = _scheduled(situation, best)
    return best.cut, dataclasses.replace(
        laid, options=tuple(answers(brief, found, chosen)),
        findings=(*revisit_finding(brief, found, chosen.answer), *laid.findings),
    )  # fmt: skip


def _within_batteries(situation: Situation, choice: Choice) -> Choice | None:
    """Return the choice at a slower pace, where only that makes the charged batteries suffice for the patrol."""
    brief = situation.brief
    window = patrol_seconds(brief, 0.0)
    if choice.answer is None or not window or all(f.batteries is None for f in brief.fleets):
        return None
    if all(f.rule != "batteries" for f in _scheduled(situation, choice).findings):
        return None
    slower = paced(brief, choice, window)
    return None if slower is None else dataclasses.replace(choice, answer=slower)


def _sorties(situation: Situation, choice: Choice, answer: FleetAnswer) -> list[Sortie]:
    made, flown = [], situation.brief.performances
    for k, number in enumerate(answer.base_of):
        base = choice.work.bases[number]
        site = site_of(choice.cut, k, base)
        path = choice.cut.paths[k][site, base.fleet]
        made.append(build_sortie(situation, flown[base.fleet], path, site=site, name=f"S{k + 1:02d}"))
    return made


def _scheduled(situation: Situation, choice: Choice) -> Timetable:
    brief, answer = situation.brief, choice.answer
    if answer is None:
        raise ValueError("there is no answer to schedule")
    sorties = _sorties(situation, choice, answer)
    taken = turns(brief, sorties, choice.work, answer)
    end_s, most_s = patrol_seconds(brief, answer.period_s), asked_s(brief) or math.inf
    flights, taken, conflicts = separated(sorties, taken, end_s, situation.frame, most_s=most_s)
    first = {f.sortie: f.t_takeoff_s for f in reversed(flights)}
    moved = tuple(s.starting_at(first.get(s.name, 0.0)) for s in sorties)
    return Timetable(
        sorties=moved, flights=flights, turns=tuple(taken),
        findings=(*conflicts, *battery_findings(brief, moved, flights)),
    )  # fmt: skip


def _one_after_another(situation: Situation, choice: Choice) -> Timetable:
    """Lay the sorties out one after another, each type's by one aircraft that is carried along."""
    if choice.answer is None:
        raise ValueError("there is no answer to lay out")
    brief, sorties = situation.brief, _sorties(situation, choice, choice.answer)
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
        clock = round(landing + brief.fleet(sortie.aircraft).aircraft.swap_s, 3)
    return Timetable(
        sorties=tuple(moved), flights=tuple(flights),
        findings=(too_few_finding(brief, choice), *battery_findings(brief, moved, flights)),
    )  # fmt: skip
