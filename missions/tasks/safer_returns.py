"""Which way home a plan is made for, where the brief leaves that to the planner."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from missions.errors import PlanRefusedError
from missions.judging.return_rules import can_retrace, has_return_path
from missions.plan import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from missions.airspace.situation import Situation
    from missions.plan import Plan
    from missions.planned import Planned

PLACE_RULES: Final = ("failsafe standoff", "failsafe zone", "failsafe keep-in")
MOST_SORTIES: Final = 20
"""Larger plans are not made a second time: their findings say what would do."""
SHORTER: Final = "with shorter sorties"
BY_MISSION: Final = "which the missions hold themselves and ArduCopter flies since 4.6"
LESS_SEEN_PCT: Final = 10.0
"""Corridor that may go unseen for safer returns; where more would, the person decides."""


def safer_returns(situation: Situation, straight: Planned, plan: Callable[[Situation], Planned]) -> Planned:
    """Return the plan, or one for returns along the path where straight ones break a rule of place.

    A second plan is taken only if it has fewer errors and sees almost as much; a warning then says why
    its sorties are shorter and what would allow straight returns.

    Parameters
    ----------
    straight
        The plan for straight returns.
    plan
        Plans the same task in another situation.
    """
    broken = [f for f in straight.plan.findings if f.rule in PLACE_RULES and f.severity is Severity.ERROR]
    retrace = all(can_retrace(each) for each in situation.brief.performances)
    if not broken or len(straight.plan.sorties) > MOST_SORTIES or not retrace:
        return straight
    by_mission = all(has_return_path(each) for each in situation.brief.performances)
    try:
        safer = plan(situation.returning(way="mission" if by_mission else "retrace"))
    except PlanRefusedError:
        return straight
    least_pct = straight.plan.covered_pct - LESS_SEEN_PCT
    if _errors(safer.plan) >= _errors(straight.plan) or safer.plan.covered_pct < least_pct:
        return straight
    findings = (_finding(straight.plan, broken, by_mission=by_mission), *safer.plan.findings)
    told = dataclasses.replace(safer.plan, findings=findings, proposed_rally=straight.plan.proposed_rally)
    return dataclasses.replace(safer, plan=told)


def _errors(plan: Plan) -> int:
    return sum(f.severity is Severity.ERROR for f in plan.findings)


def _finding(straight: Plan, broken: list[Finding], *, by_mission: bool) -> Finding:
    """Say what straight returns would have done, with their worst place."""
    worst = min(broken, key=lambda f: f.measured)
    sorties = len({f.sortie for f in broken})
    points = len(straight.proposed_rally)
    mended = {name for place in straight.proposed_rally for name in place.sorties}
    enough = {f.sortie for f in broken} <= mended
    rally = f'failsafe.way = "straight" with the {points} rally points of proposed_rally'
    return dataclasses.replace(
        worst, rule="returns", severity=Severity.WARNING, sortie="", seq=-1,
        message=f"planned for returns along the path, {BY_MISSION if by_mission else SHORTER}: "
        f"of {len(straight.sorties)} sorties with "
        f"straight returns {sorties} would break a rule ({worst.message})",
        relaxation=rally if enough else "",
        advice='failsafe.way = "retrace" for firmware before 4.6, or '
        "launch sites in sight of their whole border" if by_mission else "launch sites in sight of their whole border",
    )  # fmt: skip
