"""Findings about a plan as a whole: what it covers, which way the border was drawn, the wind."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from missions.plan import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from missions.airspace.corridor import Corridor
    from missions.briefs.brief import Brief
    from missions.plan import Sortie

LAYER_REACH_M: Final = 100.0
"""A wind layer is taken to speak for the air up to this far above it."""


def direction_finding(brief: Brief, corridor: Corridor) -> list[Finding]:
    """Warn when left or right was asked of a border part of which was drawn the other way."""
    little = 0.01
    if brief.border.own_side.hand is None or corridor.turned <= little:
        return []
    return [
        Finding(
            rule="border direction", severity=Severity.WARNING, measured=round(100.0 * corridor.turned, 1), limit=0.0,
            unit="%",
            message=f"{100.0 * corridor.turned:.0f} % of the border is drawn against the rest and was turned round; "
            f"{brief.border.own_side.hand} is meant of the larger part",
            relaxation="look at the map, or give border.own_side as a polygon or a point",
        )
    ]  # fmt: skip


def wind_findings(brief: Brief, sorties: Sequence[Sortie]) -> list[Finding]:
    """Judge the wind at the heights flown: an error where it is more than a type is made for, and what is not known.

    Above the highest layer of a wind by height the wind may be stronger than planned for, which is a warning.
    """
    wind = brief.wind.profile
    heights = [h for s in sorties for g in s.legs for h in (g.alt_amsl_start_m, g.alt_amsl_end_m)]
    strongest = brief.wind.strongest_in(wind.between(min(heights), max(heights)))
    found = [
        Finding(
            rule="wind limit", severity=Severity.ERROR, measured=round(strongest, 2), limit=most, unit="m/s",
            message=f"gusts of {strongest:.3g} m/s are over the {most:g} m/s {fleet.label} is made for",
            relaxation=f"wait until the gusts are under {most:g} m/s, or take a type made for more",
        )
        for fleet in brief.fleets
        if strongest > (most := fleet.aircraft.max_wind_mps)
    ]  # fmt: skip
    if brief.wind.layer and max(heights) > wind.alt_amsl_m[-1] + LAYER_REACH_M:
        found.append(
            Finding(
                rule="wind layers", severity=Severity.WARNING, measured=round(max(heights), 1),
                limit=wind.alt_amsl_m[-1], unit="m",
                message=f"the plan flies up to {max(heights):.0f} m AMSL and the highest wind layer is at "
                f"{wind.alt_amsl_m[-1]:g} m; the wind above it is taken to be the same and may be stronger",
                relaxation=f"a [[wind.layer]] at {math.ceil(max(heights))} m AMSL or higher",
            )
        )  # fmt: skip
    return found
