"""Every picture of a plan folder, by file name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from missions.pictures.profile_picture_file import profile_png
from missions.pictures.schedule_picture_file import schedule_png
from missions.pictures.terrain_picture_file import terrain_png
from missions.plan import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from missions.airspace.situation import Situation
    from missions.plan import Plan, Sortie

PICTURES: Final = ("S[0-9]*-profile.png", "schedule.png", "terrain-3d.png")
"""Patterns of the names of the pictures."""
MAX_PROFILES: Final = 12
"""Profiles of a plan with more sorties than this are of those that most need a look."""
MAX_IN_VIEW: Final = 12
"""More sorties than this in one view hide each other, or lie too far apart to be seen."""


def plan_pictures(plan: Plan, situation: Situation) -> Iterator[tuple[str, bytes]]:
    """Draw the pictures of a plan: names and PNG bytes. The same plan gives the same bytes."""
    if plan.flights:
        yield "schedule.png", schedule_png(plan)
    yield "terrain-3d.png", terrain_png(plan, situation, sorties=together(plan))
    for sortie in profiled(plan):
        yield f"{sortie.name}-profile.png", profile_png(plan, sortie, situation)


def profiled(plan: Plan) -> list[Sortie]:
    """Return the sorties a profile is drawn of: all, or those with errors, warnings and the least battery first."""
    chosen = {s.name for s in _telling(plan)[:MAX_PROFILES]}
    return [s for s in plan.sorties if s.name in chosen]


def together(plan: Plan) -> list[Sortie]:
    """Return the sorties seen in one view: all, or the most telling one and those flown nearest to it."""
    if len(plan.sorties) <= MAX_IN_VIEW:
        return list(plan.sorties)
    centre = _middle(_telling(plan)[0])
    away = {s.name: float(np.linalg.norm(_middle(s) - centre)) for s in plan.sorties}
    chosen = {s.name for s in sorted(plan.sorties, key=lambda s: away[s.name])[:MAX_IN_VIEW]}
    return [s for s in plan.sorties if s.name in chosen]


def _middle(sortie: Sortie) -> NDArray[np.float64]:
    """Return where on the globe a sortie is flown: the mean of its corners as a vector from the Earth's centre."""
    lat, lon = np.radians([(leg.lat_end_deg, leg.lon_end_deg) for leg in sortie.legs]).T
    return np.asarray(np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]).mean(axis=1))


def _telling(plan: Plan) -> list[Sortie]:
    """Return the sorties with errors first, then those with warnings, and of each those with the least battery left."""
    errors, warnings = (
        {f.sortie for f in plan.findings if f.severity is severity} for severity in (Severity.ERROR, Severity.WARNING)
    )
    return sorted(
        plan.sorties, key=lambda s: (s.name not in errors, s.name not in warnings, s.legs[-1].battery_end_pct)
    )
