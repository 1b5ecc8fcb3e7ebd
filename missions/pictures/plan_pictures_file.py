"""Every picture of a plan folder, by file name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from missions.pictures.profile_picture_file import profile_png
from missions.pictures.schedule_picture_file import schedule_png
from missions.pictures.terrain_picture_file import terrain_png
from missions.plan import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from missions.airspace.corridor import Corridor
    from missions.airspace.terrain_profile import PlaneGround
    from missions.briefs.brief import Brief
    from missions.plan import Plan, Sortie

PICTURES: Final = ("S[0-9]*-profile.png", "schedule.png", "terrain-3d.png")
"""Patterns of the names of the pictures."""
MAX_PROFILES: Final = 12
"""Profiles of a plan with more sorties than this are of those that most need a look."""


def plan_pictures(plan: Plan, brief: Brief, corridor: Corridor, ground: PlaneGround) -> Iterator[tuple[str, bytes]]:
    """Draw the pictures of a plan: names and PNG bytes. The same plan gives the same bytes."""
    if plan.flights:
        yield "schedule.png", schedule_png(plan)
    yield "terrain-3d.png", terrain_png(plan, brief, corridor, ground)
    for sortie in profiled(plan):
        yield f"{sortie.name}-profile.png", profile_png(plan, sortie, brief, corridor, ground)


def profiled(plan: Plan) -> list[Sortie]:
    """Return the sorties a profile is drawn of: all, or those with errors, warnings and the least battery first."""
    errors, warnings = (
        [sum(f.sortie == s.name and f.severity is severity for f in plan.findings) for s in plan.sorties]
        for severity in (Severity.ERROR, Severity.WARNING)
    )
    weight = {
        s.name: (-min(e, 1), -min(w, 1), s.legs[-1].battery_end_pct)
        for s, e, w in zip(plan.sorties, errors, warnings, strict=True)
    }
    chosen = {s.name for s in sorted(plan.sorties, key=lambda s: weight[s.name])[:MAX_PROFILES]}
    return [s for s in plan.sorties if s.name in chosen]
