"""Which way home a plan is made for, where the brief leaves that to the planner."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from missions.errors import PlanRefusedError
from missions.judging.return_rules import can_retrace
from missions.plan import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from missions.briefs.brief import Brief
    from missions.plan import Plan

PLACE_RULES: Final = ("failsafe standoff", "failsafe zone", "failsafe keep-in")
MOST_SORTIES: Final = 20
"""Larger plans are not made a second time: their findings say what would do."""
LESS_SEEN_PCT: Final = 10.0
"""Corridor that may go unseen for safer returns; where more would, the person decides."""


def safer_returns(brief: Brief, straight: Plan, plan: Callable[[Brief], Plan]) -> Plan:
    """Return the plan, or one for returns along the path where straight ones break a rule of place.

    A second plan is taken only if it has fewer errors and sees almost as much; a warning then says why
    its sorties are shorter and what would allow straight returns.

    Parameters
    ----------
    straight
        The plan for straight returns.
    plan
        Plans a brief.
    """
    broken = [f for f in straight.findings if f.rule in PLACE_RULES and f.severity is Severity.ERROR]
    if not broken or len(straight.sorties) > MOST_SORTIES or not all(can_retrace(each) for each in brief.each):
        return straight
    try:
        safer = plan(brief.returning(way="retrace"))
    except PlanRefusedError:
        return straight
    if _errors(safer) >= _errors(straight) or safer.covered_pct < straight.covered_pct - LESS_SEEN_PCT:
        return straight
    return dataclasses.replace(
        safer, findings=(_finding(straight, broken), *safer.findings), proposed_rally=straight.proposed_rally
    )


def _errors(plan: Plan) -> int:
    return sum(f.severity is Severity.ERROR for f in plan.findings)


def _finding(straight: Plan, broken: list[Finding]) -> Finding:
    """Say what straight returns would have done, with their worst place."""
    worst = min(broken, key=lambda f: f.measured)
    sorties = len({f.sortie for f in broken})
    points = len(straight.proposed_rally)
    rally = f'failsafe.way = "straight" with the {points} rally points of proposed_rally, or ' if points else ""
    return dataclasses.replace(
        worst, rule="returns", severity=Severity.WARNING, sortie="", seq=-1,
        message=f"planned for returns along the path, with shorter sorties: of {len(straight.sorties)} sorties with "
        f"straight returns {sorties} would break a rule ({worst.message})",
        relaxation=f"{rally}launch sites in sight of their whole border",
    )  # fmt: skip
