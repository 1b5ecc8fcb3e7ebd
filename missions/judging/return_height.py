"""How high to return: the autopilot's own height where that clears the ground, else the least that does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from missions.judging.judge import subject_of
from missions.judging.return_rules import ALONG_THE_PATH, return_rules
from missions.judging.rules_return import RETURN_ALT, failsafe_height, failsafe_terrain
from missions.plan import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from missions.airspace.situation import Situation
    from missions.judging.breaches import Breaches
    from missions.plan import Sortie


def with_return_height(situation: Situation, sorties: Sequence[Sortie]) -> tuple[Situation, list[Finding]]:
    """Return the situation with the least return height at which straight returns clear the ground.

    A height the brief gives is kept. So is the autopilot's own where it will do, where the returns follow
    the path, and where any higher climb would break a height rule; otherwise a finding says what to set.
    """
    failsafe = situation.brief.failsafe
    if failsafe.return_alt_m is not None or failsafe.way in ALONG_THE_PATH or situation.ground.flat:
        return situation, []
    wanted = _wanted_m(situation, sorties)
    near = [sortie for sortie in sorties if sortie.name in wanted]
    for height_m in sorted(set(wanted.values()), reverse=True):
        higher = situation.returning(return_alt_m=height_m)
        if _too_high(higher, sorties):
            continue
        mended = [sortie.name for sortie in near if not any(len(b.leg) for b in _terrain(higher, sortie))]
        if mended:
            return higher, [_finding(situation, sorties, mended, height_m)]
    return situation, []


def _finding(situation: Situation, sorties: Sequence[Sortie], mended: Sequence[str], height_m: float) -> Finding:
    first = next(s for s in sorties if s.name == mended[0])
    brief = situation.brief
    own_m = return_rules(brief.failsafe, brief.performance(first.aircraft)).return_alt_m
    named = ", ".join(mended[:3]) + (f" and {len(mended) - 3} more" if len(mended) > 3 else "")
    return Finding(
        rule="return height", severity=Severity.WARNING, sortie=first.name, measured=own_m, limit=height_m, unit="m",
        message=f"{named} {'clear' if len(mended) > 1 else 'clears'} the ground on the way home only when the "
        f"aircraft returns {height_m:g} m above home; the autopilot's own is {own_m:g} m",
        relaxation="set it on the vehicle (vehicle_parameters in plan.json), then "
        f"failsafe.return_alt_m = {height_m:g}",
    )  # fmt: skip


def _wanted_m(situation: Situation, sorties: Sequence[Sortie]) -> dict[str, float]:
    """Return, for each sortie whose returns come too near to the ground, the return height that may mend it, if any."""
    found = {}
    for sortie in sorties:
        broken = _terrain(situation, sortie)
        heights = [b.wanted for b in broken if b.wanted is not None and len(b.wanted) and b.advice == RETURN_ALT]
        if heights:
            found[sortie.name] = float(np.max(np.concatenate(heights)))
    return found


def _terrain(situation: Situation, sortie: Sortie) -> Iterator[Breaches]:
    return failsafe_terrain(subject_of(situation, sortie))


def _too_high(situation: Situation, sorties: Sequence[Sortie]) -> bool:
    subjects = (subject_of(situation, s) for s in sorties)
    return any(len(b.leg) for subject in subjects for b in failsafe_height(subject))
