"""From a brief to a plan: corridor, lanes, sorties, findings. Pure but for the terrain file it names."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from missions.airspace.corridor import build_corridor
from missions.airspace.ground_file import read_ground
from missions.airspace.landing_places import check_places
from missions.airspace.terrain_profile import PlaneGround
from missions.errors import PlanRefusedError
from missions.fleet.choice import proven_finding
from missions.fleet.cuts import UNFLOWN, Cutter, muster
from missions.fleet.patrol import put_together
from missions.fleet.sections import Unflown
from missions.judging.feasibility import flight_findings
from missions.judging.judge import judge_sortie
from missions.judging.rally import propose_rally
from missions.judging.return_height import with_return_height
from missions.paths.lanes import build_lanes, nearest_lane_m
from missions.plan import Finding, Plan, Severity
from missions.sight.area_report import unseen_findings
from missions.sight.border_sight import border_finding
from missions.sight.coverage import cover
from missions.sight.resolution import resolution_findings
from missions.sight.revisit import prove
from missions.sight.sight_report import coverage_findings, sight_report
from missions.tasks.night import in_the_dark, in_utc
from missions.tasks.safer_returns import safer_returns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from missions.airspace.corridor import Corridor
    from missions.briefs.brief import Brief
    from missions.fleet.sections import Section
    from missions.plan import Sortie


def plan_brief(brief: Brief) -> Plan:
    """Plan a border patrol.

    The same brief gives the same plan, byte for byte. What cannot be met is a finding of the
    plan; what leaves no plan at all is refused. Where the brief leaves the way home to the planner and
    straight returns would break a rule of place, the patrol is planned for returns along its path.

    Raises
    ------
    BriefError
        When the brief's geometry contradicts itself.
    PlanRefusedError
        When no sortie can keep the rules: which rule, where, and the smallest relaxation.
    """
    straight = _plan(brief)
    return straight if brief.failsafe.way != "auto" else safer_returns(brief, straight, _plan)


def _plan(brief: Brief) -> Plan:
    brief = in_the_dark(brief)
    heights = read_ground(brief.terrain)
    corridor = build_corridor(brief, heights)
    check_places(brief, corridor)
    lanes = build_lanes(brief, corridor)
    ground = PlaneGround(frame=corridor.frame, heights=heights)
    _check_known(brief, corridor, ground)
    squads, shut = muster(brief, corridor, ground)
    patrol = put_together(brief, corridor, Cutter(corridor, lanes, squads))
    flown = patrol.cut.sections
    brief, higher = with_return_height(brief, corridor, ground, patrol.sorties)
    sorties, kept, findings = _judged(brief, corridor, ground, patrol.sorties)
    rally, findings = propose_rally(brief, corridor, squads[0].maker.router, ground, sorties, findings)
    covered = cover(brief, corridor, ground, sorties)
    proof = prove(brief, corridor, ground, sorties, patrol.turns)
    views = [lane.view for lane in lanes]
    sight = sight_report(brief, views, covered, proof, corridor.frame)
    return Plan(
        name=brief.name,
        dialect=brief.dialect,
        sorties=sorties,
        findings=(
            *shut,
            *_unflown(brief, corridor, flown),
            *higher,
            *findings,
            *patrol.findings,
            *proven_finding(brief, proof.worst_revisit_s, patrol.findings),
            *flight_findings(brief, corridor, [leg for sortie in sorties for leg in sortie.legs]),
            *resolution_findings(brief, views),
            *border_finding(brief, views, nearest_lane_m(corridor)),
            *coverage_findings(brief, covered, sight.unseen),
            *unseen_findings(brief, corridor, covered),
        ),
        required_standoff_m=brief.standoff.asked_m,
        min_standoff_m=round(kept, 3),
        worst_revisit_s=round(proof.worst_revisit_s, 1),
        corridor_m2=round(covered.watched_m2, 1),
        covered_pct=round(covered.covered_pct, 3),
        flights=patrol.flights,
        start_utc=in_utc(brief.time.start_utc),
        turns=patrol.turns,
        fleet_options=patrol.answers,
        proposed_rally=rally,
        sight=sight,
    )


def _check_known(brief: Brief, corridor: Corridor, ground: PlaneGround) -> None:
    """Refuse launch sites at an unknown height: nothing could be said of any path from there."""
    for site, height in zip(brief.launch, ground.at(corridor.sites), strict=True):
        if np.isnan(height):
            raise PlanRefusedError(
                f"the terrain file {brief.terrain.file} holds no height at launch site {site.name!r} "
                f"({site.lat_deg:.5f}, {site.lon_deg:.5f}); give terrain that reaches over all sites and the corridor",
                rule="terrain", site=site.name,
            )  # fmt: skip


def _judged(
    brief: Brief, corridor: Corridor, ground: PlaneGround, sorties: tuple[Sortie, ...]
) -> tuple[tuple[Sortie, ...], float, list[Finding]]:
    """Return the sorties with their ways home, the least standoff kept, and what is wrong."""
    judged = [judge_sortie(brief.of(s.aircraft), corridor, ground, s) for s in sorties]
    return tuple(j.sortie for j in judged), min(j.kept_m for j in judged), [f for j in judged for f in j.findings]


def _unflown(brief: Brief, corridor: Corridor, flown: Sequence[Section]) -> list[Finding]:
    found = _beyond(corridor)
    for section in flown:
        if section.reason is None:
            continue
        middle = (section.stretch.start_m + section.stretch.end_m) / 2.0
        lat, lon = corridor.frame.to_degrees(corridor.along.at(np.array([middle])))
        rule, why, remedy = UNFLOWN[section.reason]
        aircraft = brief.fleets[section.stretch.fleet].aircraft
        usable = aircraft.battery_wh * (1.0 - aircraft.reserve_pct / 100.0)
        found.append(
            Finding(
                rule=rule, severity=Severity.ERROR, lat_deg=float(lat[0]), lon_deg=float(lon[0]),
                message=f"{section.stretch.length_m / 1000.0:.2f} km of border about {lat[0]:.4f}, {lon[0]:.4f} "
                f"cannot be flown from {brief.launch[section.stretch.site].name}{_by(brief, section)}: {why}",
                measured=round(section.needed_wh, 1),
                limit=round(usable, 1) if section.reason is Unflown.BATTERY else math.nan,
                unit="Wh" if section.reason is Unflown.BATTERY else "",
                relaxation=remedy,
            )
        )  # fmt: skip
    return found


def _by(brief: Brief, section: Section) -> str:
    return f" by {brief.fleets[section.stretch.fleet].label}" if len(brief.fleets) > 1 else ""


def _beyond(corridor: Corridor) -> list[Finding]:
    if corridor.beyond_m < 1.0:
        return []
    return [
        Finding(
            rule="endurance", severity=Severity.ERROR, unit="km", limit=0.0,
            measured=round(corridor.beyond_m / 1000.0, 2),
            message=f"{corridor.beyond_m / 1000.0:.1f} km of border lie beyond the reach of every launch site",
            relaxation="launch sites nearer to them, or a shorter border",
        )
    ]  # fmt: skip
