"""The door of the planner: the ground a brief names is opened once, and a task planned over it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from missions.airspace.ground_file import open_situation
from missions.judging.relaxation import Trial, offered
from missions.tasks.border_patrol import BorderPatrol
from missions.tasks.planner import plan
from missions.tasks.rally_tried import rally_tried
from missions.tasks.written import closed_over_checker

if TYPE_CHECKING:
    from missions.airspace.situation import Situation
    from missions.briefs.brief import Brief
    from missions.judging.relaxation import InVain
    from missions.paths.ways import Ways
    from missions.planned import Planned
    from missions.tasks.task import Task

PATROL: Final = BorderPatrol()
MOST_TRIED: Final = 4
"""So many changes of a brief are tried,"""
MOST_SORTIES: Final = 40
"""and so many sorties planned for that: of a long border fewer changes are tried, and none beyond this."""


def plan_brief(brief: Brief, task: Task = PATROL) -> Planned:
    """Plan a task for a brief, by default the patrol of its border; what would be written is judged before it is fit.

    Raises
    ------
    BriefError, InputError, PlanRefusedError
        As `missions.tasks.planner.plan`.
    """
    return plan_in(open_situation(brief), task)


def plan_in(situation: Situation, task: Task, in_vain: InVain | None = None, ways: Ways | None = None) -> Planned:
    """Plan a task in a situation that was opened before, as `plan_brief` does (see `planner.plan`)."""
    return closed_over_checker(plan(situation, task, in_vain, ways))


def answered(situation: Situation, task: Task = PATROL) -> Planned:
    """Plan a task, and again with changes that may mend what is found: those that do are offered.

    Raises
    ------
    BriefError, InputError, PlanRefusedError
        As `missions.tasks.planner.plan`.
    """
    made = plan_in(situation, task)
    if not made.plan.findings:
        return made

    def again(brief: Brief, in_vain: InVain) -> Trial:
        told = situation.asking(brief)
        same = told.corridor is made.situation.corridor
        return _trial(plan_in(told, task, in_vain, made.ways if same else None))

    most = min(MOST_TRIED, MOST_SORTIES // len(made.plan.sorties))
    known = rally_tried(made.plan, situation.brief, again) if most else made.plan.findings
    findings = offered(Trial(findings=known, seen_pct=made.plan.covered_pct), situation.brief, again, most=most)
    return dataclasses.replace(made, plan=dataclasses.replace(made.plan, findings=findings))


def _trial(made: Planned) -> Trial:
    return Trial(findings=made.plan.findings, seen_pct=made.plan.covered_pct)
