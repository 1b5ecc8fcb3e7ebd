"""The patrol of a border: lanes along it, flown as often as every metre is to be seen."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from missions.fleet.choice import proven_finding
from missions.fleet.cuts import UNFLOWN, Cutter, detachments
from missions.fleet.extra import Choice, with_extra_flights
from missions.fleet.patrol import put_together
from missions.fleet.sections import Unflown
from missions.fleet.shuttle import Shuttles
from missions.judging.return_rules import ALONG_THE_PATH
from missions.paths.lanes import build_lanes, nearest_lane_m
from missions.paths.own_lanes import own_lanes
from missions.plan import Finding, Severity
from missions.sight.area_report import unseen_findings
from missions.sight.border_sight import border_finding
from missions.sight.resolution import resolution_findings
from missions.sight.revisit import prove
from missions.sight.sight_report import coverage_findings
from missions.tasks.task import Laid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapely.geometry.base import BaseGeometry

    from missions.airspace.situation import Situation
    from missions.briefs.brief import Brief
    from missions.emphasis import Emphasis
    from missions.fleet.sections import Section
    from missions.paths.lanes import Lane
    from missions.paths.ways import Ways
    from missions.plan import Sortie
    from missions.sight.coverage import Coverage
    from missions.sight.revisit import Proof


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BorderPatrol:
    """The corridor of a brief, seen from lanes along its border; with what was learned of it, where something was."""

    emphasis: Emphasis | None = None

    def within(self, situation: Situation) -> Situation:
        """Return the situation as it is: it was worked out about the corridor."""
        return situation

    def lanes(self, situation: Situation) -> tuple[Lane, ...]:
        """Return the lanes along the whole border, and those of stretches that these leave unseen."""
        lanes = build_lanes(situation.brief, situation.corridor)
        return lanes + own_lanes(situation.brief, situation.corridor, lanes)

    def laid_out(self, situation: Situation, ways: Ways) -> Laid:
        """Cut the lanes into sorties, and share these out among the aircraft."""
        own, shut = detachments(situation, ways.router)
        cut, table = put_together(situation, Cutter(situation.corridor, ways.lanes, own))
        findings = (*shut, *_unflown(situation, cut.sections), *table.findings)
        table = dataclasses.replace(table, findings=findings)
        if self.emphasis is not None:
            spans = tuple((s.stretch.start_m, s.stretch.end_m) for s in cut.sections if s.path is not None)
            shuttles = Shuttles(situation, cut, own, table.sorties).over(self.emphasis)
            choice = Choice(spans_m=spans, shuttles=tuple(shuttles))
            table = with_extra_flights(situation, table, choice, self.emphasis)
        return Laid(timetable=table, views=tuple(lane.view for lane in ways.lanes))

    def ground(self, situation: Situation) -> BaseGeometry:
        """Return the corridor on our side."""
        return situation.corridor.watched

    def proof(self, situation: Situation, sorties: Sequence[Sortie], laid: Laid) -> Proof:
        """Work out how long each part of the corridor goes unseen."""
        return prove(situation, sorties, laid.timetable.turns)

    def remarks(self, situation: Situation, laid: Laid, covered: Coverage, proof: Proof | None) -> list[Finding]:
        """Say where revisit, resolution, the border and the corridor fall short."""
        brief = situation.brief
        worst_s = math.nan if proof is None else proof.worst_revisit_s
        return [
            *proven_finding(brief, worst_s, laid.timetable.findings),
            *resolution_findings(brief, laid.views),
            *border_finding(brief, laid.views, nearest_lane_m(situation.corridor)),
            *coverage_findings(situation, len(laid.views), covered),
            *unseen_findings(situation, covered),
        ]


def _unflown(situation: Situation, flown: Sequence[Section]) -> list[Finding]:
    brief, corridor = situation.brief, situation.corridor
    found = _beyond(corridor.beyond_m)
    for section in flown:
        if section.reason is None:
            continue
        middle = (section.stretch.start_m + section.stretch.end_m) / 2.0
        lat, lon = corridor.frame.to_degrees(corridor.along.at(np.array([middle])))
        _, why, remedy = UNFLOWN[section.reason]
        aircraft = brief.fleets[section.stretch.fleet].aircraft
        usable = aircraft.battery_wh * (1.0 - aircraft.reserve_pct / 100.0)
        found.append(
            Finding(
                rule="unflown", severity=Severity.ERROR, lat_deg=float(lat[0]), lon_deg=float(lon[0]),
                message=f"{section.stretch.length_m / 1000.0:.2f} km of border about {lat[0]:.4f}, {lon[0]:.4f} "
                f"cannot be flown from {brief.launch[section.stretch.site].name}{_by(brief, section)}: {why}",
                measured=round(section.needed_wh, 1),
                limit=round(usable, 1) if section.reason is Unflown.BATTERY else math.nan,
                unit="Wh" if section.reason is Unflown.BATTERY else "",
                advice=_battery(situation, section) or remedy,
            )
        )  # fmt: skip
    return found


def _battery(situation: Situation, section: Section) -> str:
    """Return the advice with a battery that does, "" where a battery is not what it lacks or nobody knows which."""
    if not math.isfinite(section.alone_wh):
        return ""
    brief = situation.brief
    fleet = brief.fleets[section.stretch.fleet]
    kept_pct = brief.performance(fleet.label).kept_pct(along_path=brief.failsafe.way in ALONG_THE_PATH)
    enough_wh = math.ceil(100.0 * section.alone_wh / (100.0 - kept_pct))
    whose = f" of {fleet.label}" if len(brief.fleets) > 1 else ""
    return f"a launch site nearer to it, or aircraft.battery_wh = {enough_wh}{whose}"


def _by(brief: Brief, section: Section) -> str:
    return f" by {brief.fleets[section.stretch.fleet].label}" if len(brief.fleets) > 1 else ""


def _beyond(beyond_m: float) -> list[Finding]:
    if beyond_m < 1.0:
        return []
    return [
        Finding(
            rule="unflown", severity=Severity.ERROR, unit="km", limit=0.0, measured=round(beyond_m / 1000.0, 2),
            message=f"{beyond_m / 1000.0:.1f} km of border lie beyond the reach of every launch site",
            advice="launch sites nearer to them, or a shorter border",
        )
    ]  # fmt: skip
