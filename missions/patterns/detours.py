"""How much longer a path gets where it has to go round the holes it crosses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]


def detours(points_xy: FloatArray, holes: Sequence[shapely.Polygon]) -> tuple[float, int]:
    """Return the metres that going round holes adds to a path, and how many detours that takes.

    A segment that crosses a hole follows the hole's convex hull the shorter way round, which is never shorter
    than the taut string round it.

    Parameters
    ----------
    points_xy
        (n, 2) corners of the path.
    """
    longer_m, count = 0.0, 0
    segments = np.asarray(shapely.linestrings(np.stack([points_xy[:-1], points_xy[1:]], axis=1)))
    for hole in holes:
        hull = shapely.convex_hull(hole)
        ring = shapely.get_exterior_ring(hull)
        around_m = float(shapely.length(ring))
        crossings = shapely.intersection(segments[shapely.intersects(segments, hole)], hull)
        for crossing in crossings[shapely.length(crossings) > 0.0]:
            ends = shapely.get_coordinates(crossing)[[0, -1]]
            at = np.asarray(shapely.line_locate_point(ring, shapely.points(ends)))
            arc_m = abs(float(at[1] - at[0]))
            longer_m += min(arc_m, around_m - arc_m) - math.dist(ends[0], ends[1])
            count += 1
    return max(longer_m, 0.0), count
