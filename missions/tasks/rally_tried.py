"""Proposed rally points are flown to in a plan of their own before they are offered as what does."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from geo.errors import VedetteError
from missions.briefs.places import RallyPoint
from missions.judging.rally import RULES
from missions.judging.relaxation import Trial
from missions.plan import Severity

if TYPE_CHECKING:
    from missions.briefs.brief import Brief
    from missions.judging.relaxation import Again
    from missions.plan import Finding, Plan

RETURNS: Final = "returns"
"""The finding of a plan for returns along the path: what straight ones would have done."""


def rally_tried(plan: Plan, brief: Brief, again: Again) -> tuple[Finding, ...]:
    """Return a plan's findings; those that its proposed rally points do not mend no longer offer them.

    All of them are tried together, for straight returns: a point draws returns of other sorties, the fences must hold
    these, and the vehicle must have room for them.
    """
    if not any(_offers(finding) for finding in plan.findings):
        return plan.findings
    before, trial = Trial(findings=plan.findings), _tried(plan, brief, again)
    return tuple(
        _in_vain(finding) if _offers(finding) and not _mends(trial, finding, before) else finding
        for finding in plan.findings
    )


def _offers(finding: Finding) -> bool:
    return finding.rule in (RETURNS, *RULES) and "rally point" in finding.relaxation


def _tried(plan: Plan, brief: Brief, again: Again) -> Trial | None:
    points = (
        RallyPoint(name=f"proposed {k}", lat_deg=p.lat_deg, lon_deg=p.lon_deg, alt_agl_m=p.alt_above_home_m)
        for k, p in enumerate(plan.proposed_rally, start=1)
    )
    told = brief.model_copy(update={"rally": (*brief.rally, *points)}).returning(way="straight")
    try:
        return again(told, lambda _: False)
    except VedetteError:
        return None


def _mends(trial: Trial | None, finding: Finding, before: Trial) -> bool:
    """Tell whether no such way home is left of the finding's sortie (of any, for `RETURNS`), and no error came new."""
    if trial is None or not trial.errors <= before.errors:
        return False
    return not any(
        one.severity is Severity.ERROR
        and (one.rule in RULES if finding.rule == RETURNS else (one.rule, one.sortie) == (finding.rule, finding.sortie))
        for one in trial.findings
    )


def _in_vain(finding: Finding) -> Finding:
    told = f"tried in vain: {finding.relaxation}"
    advice = f"{finding.advice}; {told}" if finding.advice else told
    return dataclasses.replace(finding, relaxation="", advice=advice)
