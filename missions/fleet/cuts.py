"""Which types of aircraft may start where, and the cuts of the border into sorties they suggest."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Final

from missions.airspace.landing_places import no_circle
from missions.errors import PlanRefusedError
from missions.fleet.sections import SAME_M, Detachment, Unflown, cuts, span_of, stretches, whole_border
from missions.paths.path_maker import PathMaker
from missions.paths.unlandable import no_approach
from missions.plan import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from missions.airspace.corridor import Corridor
    from missions.airspace.routing import Router
    from missions.airspace.situation import Situation
    from missions.briefs.brief import Brief
    from missions.fleet.sections import Cut
    from missions.paths.lanes import Lane

MAX_SUBSETS: Final = 12
"""Most choices of launch sites whose cuts are worked out."""


def detachments(situation: Situation, router: Router) -> tuple[list[Detachment], list[Finding]]:
    """Return the aircraft of each type with the sites they may start from, and a warning for each they may not.

    Raises
    ------
    PlanRefusedError
        When a launch site has no room for any of the types.
    """
    brief, found, refused = situation.brief, [], []
    for fleet, own in enumerate(brief.fleets):
        maker = PathMaker(situation, brief.performance(own.label), router)
        allowed = [k for k, s in enumerate(brief.launch) if s.room(own.label, own.count)]
        wrong = {k: no_circle(situation, own.label, k, maker.radius_m) or no_approach(maker, k) for k in allowed}
        found.append(Detachment(fleet=fleet, maker=maker, sites=tuple(k for k in allowed if wrong[k] is None)))
        refused += [(k, error) for k, error in wrong.items() if error is not None]
    used = {site for detachment in found for site in detachment.sites}
    for site, error in refused:
        if site not in used:
            raise error
    return found, [_shut(brief, site, error) for site, error in refused]


def _shut(brief: Brief, site: int, error: PlanRefusedError) -> Finding:
    return Finding(
        rule=str(error.fields["rule"]), severity=Severity.WARNING, message=str(error),
        lat_deg=brief.launch[site].lat_deg, lon_deg=brief.launch[site].lon_deg,
        advice=f"aircraft = {{ NAME = 0 }} at launch site {brief.launch[site].name!r}, if it is not meant to",
    )  # fmt: skip


class Cutter:
    """Cuts one border for the aircraft of each type, from all launch sites or from some of them."""

    def __init__(self, corridor: Corridor, lanes: Sequence[Lane], own: Sequence[Detachment]) -> None:
        self.detachments = tuple(own)
        self._corridor = corridor
        self._lanes = lanes

    def cuts(self, sites: Iterable[int] | None = None) -> list[Cut]:
        """Return the cuts the types suggest, from the sites given or from all."""
        allowed = set(range(len(self._corridor.sites)) if sites is None else sites)
        some = [dataclasses.replace(q, sites=tuple(s for s in q.sites if s in allowed)) for q in self.detachments]
        return cuts(self._corridor, self._lanes, some)

    def subsets(self, most: int) -> list[tuple[int, ...]]:
        """Return choices of at most so many of the launch sites, not all of them, larger ones first."""
        sites = sorted({s for q in self.detachments for s in q.sites})
        sizes = range(min(most, len(sites) - 1), 0, -1)
        least_m = self._out_of_reach_m(sites) + SAME_M
        found = (c for n in sizes for c in itertools.combinations(sites, n) if self._out_of_reach_m(c) <= least_m)
        return list(itertools.islice(found, MAX_SUBSETS))

    def _out_of_reach_m(self, sites: Sequence[int]) -> float:
        """Return the length of border that none of the types can reach from some of the sites."""
        spans = whole_border(self._corridor)
        for detachment in self.detachments:
            mine = dataclasses.replace(detachment, sites=tuple(s for s in detachment.sites if s in sites))
            if mine.sites:
                spans = [span_of(s) for s in stretches(self._corridor, mine, spans)[1]]
        return sum(s.end_m - s.start_m for s in spans)


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


def refusal(brief: Brief, cut: Cut) -> PlanRefusedError:
    """Say why no part of the border can be flown."""
    reason = next((s.reason for s in cut.sections if s.reason is not None), Unflown.NO_LANE)
    rule, why, remedy = UNFLOWN[reason]
    sites = ", ".join(s.name for s in brief.launch)
    return PlanRefusedError(
        f"no part of the border can be flown from {sites}: {why}; what would do: {remedy}", rule=rule
    )
