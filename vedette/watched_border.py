"""What tracks are watched for: a brief's border and its zones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from detection.events import Watched

if TYPE_CHECKING:
    from pathlib import Path

    from missions.briefs.brief import Brief

BESIDE_M: Final = 20.0
"""How far beside a border's segments it is looked whose side it is."""


def watched_by(brief: Path | None, standing_s: float) -> Watched:
    """Return what tracks are watched for: a brief's border, with our side, and its drawn zones."""
    if brief is None:
        return Watched(standing_s=standing_s)
    from missions.briefs.brief_file import read_brief

    asked = read_brief(brief)
    rings = {
        zone.name: tuple(zip(zone.polygons[0][0].lat_deg.tolist(), zone.polygons[0][0].lon_deg.tolist(), strict=True))
        for zone in asked.zone
        if zone.drawn
    }
    return Watched(lines=_own_side_left(asked), zones=rings, standing_s=standing_s)


def _own_side_left(asked: Brief) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Return a brief's border lines, each along which our side is on the left."""
    import numpy as np
    import shapely

    from missions.airspace.corridor import build_corridor

    corridor = build_corridor(asked)
    lines = []
    for drawn in asked.border.lines:
        plane = corridor.frame.line_to_plane(drawn.lat_deg, drawn.lon_deg)
        step = np.diff(plane, axis=0)
        left = np.stack([-step[:, 1], step[:, 0]], axis=1) / np.maximum(np.hypot(*step.T), 1e-9)[:, None]
        beside = shapely.points((plane[:-1] + plane[1:]) / 2.0 + BESIDE_M * left)
        places = tuple(zip(drawn.lat_deg.tolist(), drawn.lon_deg.tolist(), strict=True))
        lines.append(places if shapely.contains(corridor.own, beside).mean() >= 0.5 else places[::-1])
    return tuple(lines)
