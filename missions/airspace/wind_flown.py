"""The part of a wind by height that a patrol can meet: between the lowest and the highest air it may fly in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.airspace.corridor_frame import LocalFrame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.airspace.terrain_profile import GroundHeights
    from missions.briefs.brief import Brief
    from missions.performance.wind import WindProfile

    FloatArray = NDArray[np.float64]

EVERY_M: Final = 500.0
"""Spacing of the border points whose ground is looked up."""
GRID: Final = 64
"""Ground heights looked up each way over the whole area, for the ways to the border."""
UNSEEN_M: Final = 100.0
"""Kept below the lowest and above the highest ground found, for what lies between the places looked at."""


def wind_flown(brief: Brief, ground: GroundHeights | None) -> WindProfile:
    """Return the wind at the heights a patrol can fly, from the ground about border and sites to the height limit.

    Rules that take one wind for a whole flight (the gust in the standoff, the turn radius) take the
    strongest of these; without known ground, the strongest of all.
    """
    wind = brief.wind.profile
    if ground is None or not wind.varies:
        return wind
    heights = ground.amsl_m(*_places(brief))
    if np.isnan(heights).all():
        return wind
    low, high = float(np.nanmin(heights)), float(np.nanmax(heights))
    return wind.between(low - UNSEEN_M, high + brief.flight.max_agl_m + UNSEEN_M)


def _places(brief: Brief) -> tuple[FloatArray, FloatArray]:
    """Return latitudes and longitudes along the border and its corridor, and over the box about border and sites."""
    lat, lon = np.array([s.lat_deg for s in brief.launch]), np.array([s.lon_deg for s in brief.launch])
    frame = LocalFrame.about(lat, lon)
    drawn = [line for line in brief.border.lines if len(line.lat_deg) > 1]
    lines = shapely.linestrings(
        np.concatenate([frame.to_plane(line.lat_deg, line.lon_deg) for line in drawn]),
        indices=np.repeat(np.arange(len(drawn)), [len(line.lat_deg) for line in drawn]),
    )
    along = shapely.get_coordinates(shapely.segmentize(shapely.simplify(lines, EVERY_M / 10.0), EVERY_M))
    deep = brief.corridor.depth_m
    beside = [along + np.array(step) * deep for step in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))]
    known = np.concatenate([*beside, frame.to_plane(lat, lon)])
    east, north = (np.linspace(low, high, GRID) for low, high in zip(known.min(axis=0), known.max(axis=0), strict=True))
    box = np.stack(np.meshgrid(east, north), axis=-1).reshape(-1, 2)
    return frame.to_degrees(np.concatenate([known, box]))
