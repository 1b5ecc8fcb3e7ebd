"""The planner: from a situation and a task to a plan. Pure: ground and files were opened at the door."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from missions.airspace.landing_places import check_places
from missions.airspace.routing import Router
from missions.errors import PlanRefusedError, TriedInVainError
from missions.judging.feasibility import flight_findings
from missions.judging.judge import judge_sortie
from missions.judging.rally import propose_rally
from missions.judging.return_height import with_return_height
from missions.paths.ways import Ways
from missions.plan import Plan
from missions.planned import Planned
from missions.sight.coverage import cover
from missions.sight.sight_report import sight_report
from missions.tasks.night import in_the_dark, in_utc
from missions.tasks.safer_returns import safer_returns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from missions.airspace.situation import Situation
    from missions.judging.relaxation import InVain
    from missions.plan import Finding, ProposedRally, Sortie
    from missions.sight.coverage import Coverage
    from missions.sight.revisit import Proof
    from missions.tasks.task import Laid, Task


def plan(situation: Situation, task: Task, in_vain: InVain | None = None, ways: Ways | None = None) -> Planned:
    """Plan a task in a situation.

    The same situation and task give the same plan, byte for byte. What cannot be met is a finding of the
    plan; what leaves no plan at all is refused. Where the brief leaves the way home to the planner and
    straight returns would break a rule of place, the task is planned for returns along its paths.

    Parameters
    ----------
    in_vain
        For a plan that only tries a change of a brief: tells from findings so far that the change does not do. Such a
        plan proposes no rally points.
    ways
        Those of an earlier plan of the task (`Planned.ways`) in the same air.

    Raises
    ------
    TriedInVainError
        As soon as `in_vain` says so.
    BriefError
        When the brief's geometry contradicts itself.
    InputError
        When what is drawn for the task cannot be searched.
    PlanRefusedError
        When no sortie can keep the rules: which rule, where, and the smallest relaxation.
    """
    situation = task.within(in_the_dark(situation))
    check_places(situation)
    _check_known(situation)
    if ways is None:
        router = Router(situation.corridor.free, situation.corridor.preferred)
        ways = Ways(router=router, lanes=task.lanes(situation))
    straight = _planned(situation, task, ways, in_vain)
    if situation.brief.failsafe.way != "auto":
        return straight
    return safer_returns(situation, straight, lambda told: _planned(told, task, ways, in_vain))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Judged:
    """A task laid out and judged leg by leg, in the situation with its return height settled."""

    situation: Situation
    laid: Laid
    sorties: tuple[Sortie, ...]
    findings: tuple[Finding, ...]
    rally: tuple[ProposedRally, ...]
    kept_m: float


def _planned(situation: Situation, task: Task, ways: Ways, in_vain: InVain | None) -> Planned:
    judged = _judged(situation, task.laid_out(situation, ways), ways, in_vain)
    situation, laid, sorties = judged.situation, judged.laid, judged.sorties
    covered = cover(situation, task.ground(situation), sorties)
    proof = task.proof(situation, sorties, laid)
    findings = (
        *judged.findings,
        *flight_findings(situation, [leg for sortie in sorties for leg in sortie.legs]),
        *task.remarks(situation, laid, covered, proof),
    )
    made = _plan(judged, findings, covered, proof)
    return Planned(plan=made, coverage=covered, proof=proof, situation=situation, pattern=laid.pattern, ways=ways)


def _judged(situation: Situation, laid: Laid, ways: Ways, in_vain: InVain | None) -> _Judged:
    settled = situation.brief.failsafe.way != "auto"  # else returns along the paths may mend what is found yet
    if settled:
        _end_in_vain(in_vain, laid.timetable.findings)
    returning = with_return_height(situation, laid.timetable.sorties)
    situation = returning.situation
    judged = [judge_sortie(situation, *s) for s in zip(laid.timetable.sorties, returning.subjects, strict=True)]
    sorties = tuple(j.sortie for j in judged)
    known, broken = (*laid.timetable.findings, *returning.findings), [f for j in judged for f in j.findings]
    rally: tuple[ProposedRally, ...] = ()
    if in_vain is None:
        rally, broken = propose_rally(situation, ways.router, sorties, broken)
    elif settled:
        _end_in_vain(in_vain, [*known, *broken])
    return _Judged(
        situation=situation, laid=laid, sorties=sorties, findings=(*known, *broken), rally=rally,
        kept_m=min(j.kept_m for j in judged),
    )  # fmt: skip


def _plan(judged: _Judged, findings: tuple[Finding, ...], covered: Coverage, proof: Proof | None) -> Plan:
    situation, laid = judged.situation, judged.laid
    return Plan(
        name=situation.brief.name,
        dialect=situation.brief.dialect,
        sorties=judged.sorties,
        findings=findings,
        required_standoff_m=situation.brief.standoff.asked_m,
        min_standoff_m=round(judged.kept_m, 3),
        worst_revisit_s=float("nan") if proof is None else round(proof.worst_revisit_s, 1),
        corridor_m2=round(covered.watched_m2, 1),
        covered_pct=round(covered.covered_pct, 3),
        flights=laid.timetable.flights,
        start_utc=in_utc(situation.brief.time.start_utc),
        turns=laid.timetable.turns,
        fleet_options=laid.timetable.options,
        proposed_rally=judged.rally,
        sight=None if proof is None else sight_report(situation, laid.views, covered, proof),
        extra=laid.timetable.extra,
    )


def _end_in_vain(in_vain: InVain | None, found: Sequence[Finding]) -> None:
    if in_vain is not None and in_vain(found):
        raise TriedInVainError("the change that is tried does not do")


def _check_known(situation: Situation) -> None:
    """Refuse launch sites at an unknown height: nothing could be said of any path from there."""
    brief = situation.brief
    for site, height in zip(brief.launch, situation.ground.at(situation.corridor.sites), strict=True):
        if np.isnan(height):
            raise PlanRefusedError(
                f"the terrain file {brief.terrain.file} holds no height at launch site {site.name!r} "
                f"({site.lat_deg:.5f}, {site.lon_deg:.5f}); give terrain that reaches over all sites and the corridor",
                rule="terrain", site=site.name,
            )  # fmt: skip
