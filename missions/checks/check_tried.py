"""Plans judged against a brief; changes of it that may mend what is found are tried before they are offered."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from missions.airspace.situation import Situation
from missions.checks.check_brief import narrowed
from missions.judging.relaxation import Trial, offered

if TYPE_CHECKING:
    from collections.abc import Callable

    from missions.briefs.brief import Brief
    from missions.checks.check import Judgement
    from missions.judging.relaxation import InVain
    from missions.plan_files.plan_document import PlanDocument

    Judge = Callable[..., Judgement]

MOST_TRIED: Final = 12
"""So many changes are tried of all plans judged together."""


class Tries:
    """Judges plans, against a brief where there is one; the first with something to mend have changes of it tried.

    Parameters
    ----------
    situation
        The brief's.
    aircraft
        Which of the brief's aircraft flies them, where it has several.
    """

    def __init__(self, situation: Situation | None, aircraft: str | None = None) -> None:
        self._situation = situation
        self._aircraft = aircraft
        self._left = MOST_TRIED

    def judged(self, document: PlanDocument, judge: Judge) -> Judgement:
        """Return the judgement of a plan with the changes of the brief that were tried and do.

        Parameters
        ----------
        judge
            `missions.checks.check.check_document` of the plan, but for its brief and aircraft.
        """
        judgement, situation = judge(brief=self._situation, aircraft=self._aircraft), self._situation
        if situation is None or not any(finding.advice for finding in judgement.findings):
            return judgement

        def again(changed: Brief, _: InVain) -> Trial:
            self._left -= 1
            return Trial(findings=judge(brief=Situation.of(changed, situation.ground.heights)).findings)

        brief = narrowed(situation.brief, document, self._aircraft)
        findings = offered(Trial(findings=judgement.findings), brief, again, most=self._left)
        return dataclasses.replace(judgement, findings=findings)
