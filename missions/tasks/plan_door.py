"""The door of the planner: the ground a brief names is opened once, and a task planned over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from missions.airspace.ground_file import open_situation
from missions.tasks.border_patrol import BorderPatrol
from missions.tasks.planner import plan
from missions.tasks.written import closed_over_checker

if TYPE_CHECKING:
    from missions.airspace.situation import Situation
    from missions.briefs.brief import Brief
    from missions.planned import Planned
    from missions.tasks.task import Task

PATROL: Final = BorderPatrol()


def plan_brief(brief: Brief, task: Task = PATROL) -> Planned:
    """Plan a task for a brief, by default the patrol of its border; what would be written is judged before it is fit.

    Raises
    ------
    BriefError, InputError, PlanRefusedError
        As `missions.tasks.planner.plan`.
    """
    return plan_in(open_situation(brief), task)


def plan_in(situation: Situation, task: Task) -> Planned:
    """Plan a task in a situation that was opened before, as `plan_brief` does."""
    return closed_over_checker(plan(situation, task))
