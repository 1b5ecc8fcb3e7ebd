"""A brief's geometry, wide enough to hold whatever is judged or searched within it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.airspace.corridor import build_corridor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor
    from missions.airspace.terrain_profile import GroundHeights
    from missions.briefs.brief import Brief

    FloatArray = NDArray[np.float64]

_ROOM_M: Final = 500.0
_MAX_DEPTH_M: Final = 100_000.0
"""The deepest corridor a brief may ask for."""


def corridor_holding(brief: Brief, lat_deg: FloatArray, lon_deg: FloatArray, ground: GroundHeights) -> Corridor:
    """Build a brief's corridor with own side and free air worked out as far as the given places.

    A corridor is worked out about the ground it watches; places farther inland are
    on our side all the same, so the corridor is built again as deep as they lie.

    Raises
    ------
    BriefError, PlanRefusedError
        As `missions.airspace.corridor.build_corridor`.
    """
    corridor = build_corridor(brief, ground)
    known = np.isfinite(lat_deg) & np.isfinite(lon_deg)
    points = corridor.frame.to_plane(lat_deg[known], lon_deg[known])
    if not len(points):
        return corridor
    away_m = float(np.max(shapely.distance(shapely.points(points), np.asarray(corridor.border)), initial=0.0))
    depth_m = min(away_m + _ROOM_M, _MAX_DEPTH_M)
    if depth_m <= brief.corridor.depth_m:
        return corridor
    deeper = brief.corridor.model_copy(update={"depth_m": depth_m})
    return build_corridor(brief.model_copy(update={"corridor": deeper}), ground)
