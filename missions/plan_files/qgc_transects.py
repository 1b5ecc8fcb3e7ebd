"""Where QGroundControl lays the lanes of a survey, to tell a pattern whose embedded items are no longer its own.

QGroundControl lays parallel lanes over the bounding rectangle of the drawn
polygon: the first half of (its longer side + 2000 m) to the left of the
middle, the others one footprint apart (`SurveyComplexItem::
_rebuildTransectsFromPolygon`). So the lanes a plan should hold follow from its
polygon, angle and spacing to the centimetre, without its items.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.plan import MissionItem
    from missions.plan_files.plan_document import ComplexItem

EARTH_RADIUS_M: Final = 6_371_000.0
"""The sphere QGroundControl measures on (`QGCGeo`, CONSTANTS_RADIUS_OF_EARTH)."""
_OVERHANG_M: Final = 2000.0
_WAYPOINT: Final = 16
_RIGHT_ANGLE_DEG: Final = 90.0


def lane_error_m(pattern: ComplexItem, items: Sequence[MissionItem]) -> float:
    """Return how far the survey's waypoints lie from the lanes its settings give; NaN when that cannot be told.

    Parameters
    ----------
    pattern
        A survey of version 4 or 5.
    items
        The plan's items; the pattern's own are taken from them.
    """
    own = [i for i in items[pattern.first_item : pattern.first_item + pattern.item_count] if i.command == _WAYPOINT]
    spacing_m, angle_deg = pattern.setting("AdjustedFootprintSide"), pattern.setting("angle")
    if len(own) < 2 or len(pattern.geometry_lonlat) < 3 or not spacing_m > 0.0 or math.isnan(angle_deg):
        return math.nan
    corners = np.array(pattern.geometry_lonlat, dtype=float)
    outline = _on_plane(corners[:, 0], corners[:, 1], corners[0])
    flown = _on_plane(np.array([i.lon_deg for i in own]), np.array([i.lat_deg for i in own]), corners[0])
    angles = [_clamped(angle_deg)]
    if pattern.setting("Refly90Degrees") > 0.0:
        angles.append(angles[0] + _RIGHT_ANGLE_DEG)
    return float(np.min([_off_lane_m(outline, flown, spacing_m, a) for a in angles], axis=0).max())


def _clamped(angle_deg: float) -> float:
    """Turn an angle past the right angle by half a circle, once, as `_clampGridAngle90` does."""
    if angle_deg > _RIGHT_ANGLE_DEG:
        return angle_deg - 180.0
    return angle_deg + 180.0 if angle_deg < -_RIGHT_ANGLE_DEG else angle_deg


def _off_lane_m(
    outline: NDArray[np.float64], flown: NDArray[np.float64], spacing_m: float, angle_deg: float
) -> NDArray[np.float64]:
    low, high = outline.min(axis=0), outline.max(axis=0)
    half_m = (float((high - low).max()) + _OVERHANG_M) / 2.0
    across = np.array([math.cos(math.radians(angle_deg)), -math.sin(math.radians(angle_deg))])
    right_m = (flown - (low + high) / 2.0) @ across
    lane = (right_m + half_m) / spacing_m
    off_m = np.abs(lane - np.round(lane)) * spacing_m
    alone = bool(np.ptp(right_m) < spacing_m / 2.0)  # a single lane goes through the middle
    return np.asarray(np.minimum(off_m, np.abs(right_m)) if alone else off_m)


def _on_plane(
    lon_deg: NDArray[np.float64], lat_deg: NDArray[np.float64], origin: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return metres east and north of the origin: azimuthal equidistant, on the sphere (Snyder 1987, 25-2 to 25-4)."""
    lon, lat, lon0, lat0 = np.radians(lon_deg), np.radians(lat_deg), *np.radians(origin)
    cosine = np.sin(lat0) * np.sin(lat) + np.cos(lat0) * np.cos(lat) * np.cos(lon - lon0)
    arc = np.arccos(np.clip(cosine, -1.0, 1.0))
    scale = np.where(arc < 1e-12, 1.0, arc / np.where(arc < 1e-12, 1.0, np.sin(arc)))
    east = np.cos(lat) * np.sin(lon - lon0)
    north = np.cos(lat0) * np.sin(lat) - np.sin(lat0) * np.cos(lat) * np.cos(lon - lon0)
    return np.asarray(EARTH_RADIUS_M * np.stack([scale * east, scale * north], axis=1))
