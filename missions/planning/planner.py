"""From a brief to a plan: corridor, lanes, sorties, findings. Pure but for the terrain file it names."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.airspace.corridor import build_corridor
from missions.airspace.ground_file import read_ground
from missions.airspace.landing_places import check_places
from missions.airspace.routing import Router
from missions.airspace.terrain_profile import PlaneGround
from missions.errors import PlanRefusedError
from missions.judging.feasibility import direction_finding, wind_findings
from missions.judging.judge import judge_sortie
from missions.judging.rally import propose_rally
from missions.performance.wind import ground_radius_m
from missions.plan import Finding, Plan, Severity
from missions.planning.allocation import Unflown, sections, site_paths
from missions.planning.border_sight import border_finding
from missions.planning.coverage import cover
from missions.planning.landing import check_approaches
from missions.planning.lanes import build_lanes, nearest_lane_m
from missions.planning.night import in_the_dark
from missions.planning.planner_fleet import put_together
from missions.planning.planner_paths import PathMaker
from missions.planning.resolution import resolution_findings
from missions.planning.revisit import prove
from missions.planning.sight_report import coverage_findings, sight_report

if TYPE_CHECKING:
    from missions.airspace.corridor import Corridor
    from missions.briefs.brief import Brief
    from missions.plan import Sortie
    from missions.planning.allocation import Section


def plan_brief(brief: Brief) -> Plan:
    """Plan a border patrol.

    The same brief gives the same plan, byte for byte. What cannot be met is a finding of the
    plan; what leaves no plan at all is refused.

    Raises
    ------
    BriefError
        When the brief's geometry contradicts itself.
    PlanRefusedError
        When no sortie can keep the rules: which rule, where, and the smallest relaxation.
    """
    brief = in_the_dark(brief)
    heights = read_ground(brief.terrain)
    corridor = build_corridor(brief, heights)
    check_places(brief, corridor, ground_radius_m(brief.aircraft.aircraft, corridor.wind.strongest_mps))
    lanes = build_lanes(brief, corridor)
    ground = PlaneGround(frame=corridor.frame, heights=heights)
    router = Router(corridor.free, corridor.quiet)
    maker = PathMaker(brief, router, ground, corridor.wind)
    check_approaches(maker, corridor)
    flown = sections(corridor, lanes, maker)
    paths = site_paths(flown, corridor, maker)
    if not paths:
        raise _refusal(brief, flown)
    patrol = put_together(brief, corridor, paths)
    sorties, kept, findings = _judged(brief, corridor, ground, patrol.sorties)
    rally, findings = propose_rally(brief, corridor, router, ground, sorties, findings)
    covered = cover(brief, corridor, ground, sorties)
    proof = prove(brief, corridor, ground, sorties, patrol.turns)
    views = [lane.view for lane in lanes]
    sight = sight_report(brief, views, covered, proof, corridor.frame)
    return Plan(
        name=brief.name,
        dialect=brief.dialect,
        sorties=sorties,
        findings=(
            *_unflown(brief, corridor, flown),
            *findings,
            *patrol.findings,
            *wind_findings(brief, sorties),
            *direction_finding(brief, corridor),
            *resolution_findings(brief, views),
            *border_finding(brief, views, nearest_lane_m(corridor)),
            *coverage_findings(covered.covered_pct, covered.watched_m2, sight.unseen),
        ),
        required_standoff_m=brief.standoff.asked_m,
        min_standoff_m=round(kept, 3),
        worst_revisit_s=round(proof.worst_revisit_s, 1),
        corridor_m2=round(covered.watched_m2, 1),
        covered_pct=round(covered.covered_pct, 3),
        flights=patrol.flights,
        fleet_options=patrol.answers,
        proposed_rally=rally,
        sight=sight,
    )


def _judged(
    brief: Brief, corridor: Corridor, ground: PlaneGround, sorties: tuple[Sortie, ...]
) -> tuple[tuple[Sortie, ...], float, list[Finding]]:
    """Return the sorties with their ways home, the least standoff kept, and what is wrong."""
    judged = [judge_sortie(brief.of(s.aircraft), corridor, ground, s) for s in sorties]
    return tuple(j.sortie for j in judged), min(j.kept_m for j in judged), [f for j in judged for f in j.findings]


def _unflown(brief: Brief, corridor: Corridor, flown: list[Section]) -> list[Finding]:
    found = _beyond(corridor)
    for section in flown:
        if section.reason is None:
            continue
        middle = (section.stretch.start_m + section.stretch.end_m) / 2.0
        lat, lon = corridor.frame.to_degrees(corridor.along.at(np.array([middle])))
        rule, why, remedy = UNFLOWN[section.reason]
        usable = brief.aircraft.aircraft.battery_wh * (1.0 - brief.aircraft.aircraft.reserve_pct / 100.0)
        found.append(
            Finding(
                rule=rule, severity=Severity.ERROR, lat_deg=float(lat[0]), lon_deg=float(lon[0]),
                message=f"{section.stretch.length_m / 1000.0:.2f} km of border about {lat[0]:.4f}, {lon[0]:.4f} "
                f"cannot be flown from {brief.launch[section.stretch.site].name}: {why}",
                measured=round(section.needed_wh, 1),
                limit=round(usable, 1) if section.reason is Unflown.BATTERY else math.nan,
                unit="Wh" if section.reason is Unflown.BATTERY else "",
                relaxation=remedy,
            )
        )  # fmt: skip
    return found


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


UNFLOWN: Final[dict[Unflown, tuple[str, str, str]]] = {
    Unflown.NO_WAY: (
        "route", "no free way leads there", "open a way between the zones, or add a launch site beyond them",
    ),
    Unflown.TURN: (
        "turn radius", "its lanes cannot be flown and joined with the aircraft's turn radius",
        "an aircraft that turns tighter or a multirotor, a deeper corridor, or fewer zones",
    ),
    Unflown.WIND: ("wind", "the wind is stronger than the aircraft", "wait for less wind, or take a faster aircraft"),
    Unflown.BATTERY: (
        "endurance", "one battery does not cover the way there and back with the reserve",
        "a launch site nearer to it, or a larger battery",
    ),
    Unflown.NO_LANE: (
        "corridor", "no lane fits between the standoff, the zones, avoided ground and the keep-in area's edge there",
        "a deeper corridor, a smaller standoff, or fewer areas in the way",
    ),
}  # fmt: skip
"""Rule, reason and relaxation for each way a part of the border stays unflown."""


def _refusal(brief: Brief, flown: list[Section]) -> PlanRefusedError:
    reason = next((s.reason for s in flown if s.reason is not None), Unflown.NO_LANE)
    rule, why, remedy = UNFLOWN[reason]
    sites = ", ".join(s.name for s in brief.launch)
    return PlanRefusedError(
        f"no part of the border can be flown from {sites}: {why}; what would do: {remedy}", rule=rule
    )
