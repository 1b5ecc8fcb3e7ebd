"""How high to return: the autopilot's own height where that clears the ground, else the least that does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from missions.judging.judge import subject_of
from missions.judging.return_rules import return_rules
from missions.judging.rules_return import failsafe_height, failsafe_terrain
from missions.plan import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from missions.airspace.corridor import Corridor
    from missions.airspace.terrain_profile import PlaneGround
    from missions.briefs.brief import Brief
    from missions.plan import Sortie


def with_return_height(
    brief: Brief, corridor: Corridor, ground: PlaneGround, sorties: Sequence[Sortie]
) -> tuple[Brief, list[Finding]]:
    """Return the brief with the least return height at which straight returns clear the ground.

    A height the brief gives is kept. So is the autopilot's own where it will do, where the returns follow
    the path, and where any higher climb would break a height rule; otherwise a finding says what to set.
    """
    if brief.failsafe.return_alt_m is not None or brief.failsafe.way == "retrace" or ground.flat:
        return brief, []
    wanted = _wanted_m(brief, corridor, ground, sorties)
    if not wanted:
        return brief, []
    for height_m in sorted(set(wanted.values()), reverse=True):
        higher = brief.returning(return_alt_m=height_m)
        if not _too_high(higher, corridor, ground, sorties):
            mended = [name for name, least_m in wanted.items() if least_m <= height_m]
            return higher, [_finding(brief, sorties, mended, height_m)]
    return brief, []


def _finding(brief: Brief, sorties: Sequence[Sortie], mended: Sequence[str], height_m: float) -> Finding:
    first = next(s for s in sorties if s.name == mended[0])
    own_m = return_rules(brief.of(first.aircraft)).return_alt_m
    named = ", ".join(mended[:3]) + (f" and {len(mended) - 3} more" if len(mended) > 3 else "")
    return Finding(
        rule="return height", severity=Severity.WARNING, sortie=first.name, measured=own_m, limit=height_m, unit="m",
        message=f"{named} {'clear' if len(mended) > 1 else 'clears'} the ground on the way home only when the "
        f"aircraft returns {height_m:g} m above home; the autopilot's own is {own_m:g} m",
        relaxation="set it on the vehicle (vehicle_parameters in plan.json), then "
        f"failsafe.return_alt_m = {height_m:g}",
    )  # fmt: skip


def _wanted_m(brief: Brief, corridor: Corridor, ground: PlaneGround, sorties: Sequence[Sortie]) -> dict[str, float]:
    """Return, for each sortie whose returns come too near to the ground, the return height that mends it."""
    found = {}
    for sortie in sorties:
        subject = subject_of(brief.of(sortie.aircraft), corridor, ground, sortie)
        heights = [b.wanted for b in failsafe_terrain(subject) if b.wanted is not None and len(b.wanted)]
        if heights:
            found[sortie.name] = float(np.max(np.concatenate(heights)))
    return found


def _too_high(brief: Brief, corridor: Corridor, ground: PlaneGround, sorties: Sequence[Sortie]) -> bool:
    subjects = (subject_of(brief.of(s.aircraft), corridor, ground, s) for s in sorties)
    return any(len(b.leg) for subject in subjects for b in failsafe_height(subject))
