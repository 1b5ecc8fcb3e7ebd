"""From longitudes and latitudes a person drew to the local plane, refusing what is no place on Earth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from geo.errors import InputError
from missions.airspace.corridor_frame import LocalFrame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

MAX_REACH_M: Final = 200_000.0
"""Beyond this the plane stretches distances by more than 0.2 per mille."""
MAX_VERTICES: Final = 100_000


def frame_about(lonlat_deg: ArrayLike) -> LocalFrame:
    """Centre a plane on points, shape (n, 2) as (lon, lat) degrees.

    Raises
    ------
    InputError
        When there are none or too many, when one is no place on Earth, or when they lie too far apart.
    """
    points = np.atleast_2d(np.asarray(lonlat_deg, dtype=np.float64))
    if points.size == 0:
        raise InputError("there are no points to search at; draw an area, a line or a point")
    if len(points) > MAX_VERTICES:
        raise InputError(f"{len(points)} vertices are over the limit of {MAX_VERTICES}; simplify the drawing")
    bad = ~np.isfinite(points).all(axis=1) | (np.abs(points[:, 0]) > 180.0) | (np.abs(points[:, 1]) > 90.0)
    if bad.any():
        index = int(np.argmax(bad))
        raise InputError(
            f"vertex {index} (longitude {points[index, 0]:g}, latitude {points[index, 1]:g}) is no place on Earth; "
            "coordinates must be WGS 84 degrees",
            offset=index,
        )
    frame = LocalFrame.about(points[:, 1], points[:, 0])
    reach_m = float(np.hypot(*to_xy(frame, points).T).max())
    if reach_m > MAX_REACH_M:
        raise InputError(
            f"the drawing reaches {reach_m / 1000:.0f} km from its middle; cut it into pieces of at most "
            f"{2 * MAX_REACH_M / 1000:.0f} km",
            actual=reach_m,
            expected=MAX_REACH_M,
        )
    return frame


def to_xy(frame: LocalFrame, lonlat_deg: ArrayLike) -> FloatArray:
    """Turn (n, 2) longitudes and latitudes into metres east and north."""
    points = np.atleast_2d(np.asarray(lonlat_deg, dtype=np.float64))
    return frame.to_plane(points[:, 1], points[:, 0])


def to_lonlat(frame: LocalFrame, xy_m: FloatArray) -> FloatArray:
    """Turn (n, 2) metres east and north into longitudes and latitudes, rounded to 1e-7 degree."""
    lat_deg, lon_deg = frame.to_degrees(np.atleast_2d(xy_m))
    return np.column_stack([lon_deg, lat_deg])


def polygon_xy(frame: LocalFrame, rings_lonlat: Sequence[ArrayLike]) -> shapely.Polygon:
    """Build a polygon in the plane from its outer ring and its holes; InputError when it is not simple."""
    rings = [to_xy(frame, ring) for ring in rings_lonlat]
    short = next((index for index, ring in enumerate(rings) if len(ring) < 3), None)
    if short is not None:
        raise InputError(f"ring {short} of the area has {len(rings[short])} corners; at least three are needed")
    polygon = shapely.Polygon(rings[0], rings[1:])
    if not polygon.is_valid:
        place = _place_of_fault(frame, polygon)
        raise InputError(f"the area is not a simple polygon: {place}; draw it again without crossing lines")
    return polygon


def _place_of_fault(frame: LocalFrame, polygon: shapely.Polygon) -> str:
    what, _, at = shapely.is_valid_reason(polygon).partition("[")
    try:
        x, y = (float(v) for v in at.rstrip("]").split()[:2])
    except ValueError:
        return what.strip().lower()
    lon_deg, lat_deg = to_lonlat(frame, np.array([[x, y]]))[0]
    return f"{what.strip().lower()} at {lat_deg:.6f}, {lon_deg:.6f}"
