"""How much of the ground to watch goes unseen because of where nobody may fly, or nobody should."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.plan import Finding, Severity

if TYPE_CHECKING:
    from missions.airspace.situation import Situation
    from missions.sight.coverage import Coverage

LITTLE_PCT: Final = 0.1
"""Less of the corridor than this is not worth a word."""


def unseen_findings(situation: Situation, covered: Coverage) -> list[Finding]:
    """Say how much of the ground to watch goes unseen outside the keep-in area and on ground to avoid."""
    brief, corridor = situation.brief, situation.corridor
    areas = [
        (f"on avoided ground {avoid.name!r}", shape, f"a smaller avoid area {avoid.name!r}, or none")
        for avoid, shape in zip(brief.avoid, corridor.avoided, strict=True)
    ]
    if corridor.keep_in is not None:
        outside = covered.watched.difference(corridor.keep_in)
        areas.append(("outside the keep-in area", outside, "a larger keep-in area, or a shorter border"))
    gaps = np.array([gap.polygon for gap in covered.gaps], dtype=object)
    found = []
    for where, shape, remedy in areas:
        unseen = shapely.intersection(gaps, shape)
        area_m2 = float(shapely.area(unseen).sum())
        share = 100.0 * area_m2 / covered.watched_m2 if covered.watched_m2 else 0.0
        if share < LITTLE_PCT:
            continue
        largest = max(shapely.get_parts(unseen), key=lambda p: float(p.area))
        lat, lon = corridor.frame.to_degrees(shapely.get_coordinates(largest.representative_point()))
        found.append(
            Finding(
                rule="coverage", severity=Severity.WARNING, lat_deg=float(lat[0]), lon_deg=float(lon[0]), unit="%",
                measured=round(share, 2), limit=0.0, advice=remedy,
                message=f"{share:.1f} % of the corridor ({area_m2 / 1e6:.2f} km²) is never seen {where}, most of it "
                f"about {lat[0]:.5f}, {lon[0]:.5f}",
            )
        )  # fmt: skip
    return found
