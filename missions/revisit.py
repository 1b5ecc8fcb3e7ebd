"""What a plan sees of the corridor: strips seen beside the work legs, and how often the border is seen."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import shapely

from missions.lanes import sight
from missions.plan import LegKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.brief import Brief
    from missions.corridor import Corridor
    from missions.corridor_frame import LocalFrame
    from missions.plan import Leg

    FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coverage:
    """The watched ground and the part of it the plan's footprints cover, in the plane."""

    seen: shapely.Geometry
    watched_m2: float
    covered_pct: float


def strips(brief: Brief, frame: LocalFrame, legs: Sequence[Leg]) -> NDArray[np.object_]:
    """Return the quadrilaterals the camera sweeps on each work leg over locally flat ground."""
    work = [leg for leg in legs if leg.kind is LegKind.WORK]
    if not work:
        return np.array([], dtype=object)
    start = frame.to_plane(np.array([w.lat_start_deg for w in work]), np.array([w.lon_start_deg for w in work]))
    end = frame.to_plane(np.array([w.lat_end_deg for w in work]), np.array([w.lon_end_deg for w in work]))
    along = (end - start) / np.hypot(*(end - start).T)[:, None]
    looking = np.radians([w.gimbal_yaw_deg for w in work])
    side = np.stack([np.sin(looking), np.cos(looking)], axis=1)
    view = sight(brief.camera, brief.flight.alt_agl_m)
    half = view.near_m * np.tan(np.radians(brief.camera.hfov_deg / 2.0)) * along
    near, far = side * view.near_m, side * view.far_m
    corners = [start - half + near, end + half + near, end + half + far, start - half + far]
    return np.asarray(shapely.polygons(np.stack(corners, axis=1)))


def coverage(corridor: Corridor, seen: Sequence[shapely.Geometry]) -> Coverage:
    """Join the strips seen and measure them against the ground to watch."""
    joined = shapely.union_all(np.array(seen, dtype=object)) if len(seen) else shapely.Polygon()
    inside = shapely.intersection(joined, corridor.watched)
    watched = float(corridor.watched.area)
    return Coverage(seen=inside, watched_m2=watched, covered_pct=100.0 * inside.area / watched if watched else 0.0)
