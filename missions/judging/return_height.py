"""How high to return: the autopilot's own height where that clears the ground, else the least that does."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from missions.judging.judge import subject_of
from missions.judging.return_rules import ALONG_THE_PATH, return_rules
from missions.judging.rules_return import RETURN_ALT, failsafe_height, failsafe_terrain
from missions.plan import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from missions.airspace.situation import Situation
    from missions.judging.subject import Subject
    from missions.plan import Sortie


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Returning:
    """The situation with its return height settled, what is to be said of that, and the sorties made ready in it."""

    situation: Situation
    findings: tuple[Finding, ...] = ()
    subjects: tuple[Subject | None, ...]
    """None for those that nothing was worked out of yet."""


def with_return_height(situation: Situation, sorties: Sequence[Sortie]) -> Returning:
    """Return the situation with the least return height at which straight returns clear the ground.

    A height the brief gives is kept. So is the autopilot's own where it will do, where the returns follow
    the path, and where any higher climb would break a height rule; otherwise a finding says what to set.
    """
    failsafe = situation.brief.failsafe
    unknown = (None,) * len(sorties)
    if failsafe.return_alt_m is not None or failsafe.way in ALONG_THE_PATH or situation.ground.flat:
        return Returning(situation=situation, subjects=unknown)
    subjects = tuple(subject_of(situation, sortie) for sortie in sorties)
    wanted = {k: height_m for k, subject in enumerate(subjects) if (height_m := _wanted_m(subject))}
    for height_m in sorted(set(wanted.values()), reverse=True):
        higher = situation.returning(return_alt_m=height_m)
        raised = tuple(subject_of(higher, sortie) for sortie in sorties)
        if any(len(b.leg) for subject in raised for b in failsafe_height(subject)):
            continue
        mended = [sorties[k] for k in wanted if not any(len(b.leg) for b in failsafe_terrain(raised[k]))]
        if mended:
            found = _finding(situation, mended, height_m)
            return Returning(situation=higher, findings=(found,), subjects=raised)
    return Returning(situation=situation, subjects=subjects)


def _finding(situation: Situation, mended: Sequence[Sortie], height_m: float) -> Finding:
    first, brief = mended[0], situation.brief
    own_m = return_rules(brief.failsafe, brief.performance(first.aircraft)).return_alt_m
    named = ", ".join(s.name for s in mended[:3]) + (f" and {len(mended) - 3} more" if len(mended) > 3 else "")
    return Finding(
        rule="return height", severity=Severity.WARNING, sortie=first.name, measured=own_m, limit=height_m, unit="m",
        message=f"{named} {'clear' if len(mended) > 1 else 'clears'} the ground on the way home only when the "
        f"aircraft returns {height_m:g} m above home; the autopilot's own is {own_m:g} m",
        relaxation="set it on the vehicle (vehicle_parameters in plan.json), then "
        f"failsafe.return_alt_m = {height_m:g}",
    )  # fmt: skip


def _wanted_m(subject: Subject) -> float:
    """Return the return height that may mend returns that come too near to the ground, 0 where there is none."""
    broken = [b for b in failsafe_terrain(subject) if b.wanted is not None and b.advice == RETURN_ALT]
    return max((float(b.wanted.max()) for b in broken if b.wanted is not None and len(b.wanted)), default=0.0)
