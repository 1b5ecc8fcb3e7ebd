"""How far things are from the border, and in which direction it lies: exact, and by quick bounds first."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from scipy.spatial import cKDTree

from geo.geodesy import geodetic_to_ecef, inverse
from missions.airspace.corridor_frame import LocalFrame
from missions.airspace.corridor_index import SegmentIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.briefs.places import GeoLine

    FloatArray = NDArray[np.float64]

_STEP_M: Final = 4.0
_MOST_POSTS: Final = 400_000
"""A border of 1 600 km in steps of 4 m; longer ones get longer steps, never wrong bounds."""
_CHORD: Final = 1e-4
"""What a chord may be shorter than the way over the ground, as a share: 1 - sin(x)/x at 150 km is a quarter of it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Nearest:
    """The border as seen from places: all of shape (n,)."""

    distance_m: FloatArray
    """Geodesic on WGS 84."""
    bearing_deg: FloatArray
    """Azimuth from the place to the nearest point of the border, from true north."""


class BorderLine:
    """The lines of a border, to ask for the nearest point.

    The nearest point is looked for in an azimuthal equidistant plane about the middle of the border; its distance
    is then that of the geodesic. What the plane bends moves the point found along the border only, which changes
    the distance in second order: under 1e-6 of it for a border of 1 000 km.
    """

    def __init__(self, lines: Sequence[GeoLine]) -> None:
        lat = np.concatenate([line.lat_deg for line in lines])
        lon = np.concatenate([line.lon_deg for line in lines])
        self._frame = LocalFrame.about(lat, lon)
        drawn = [self._frame.line_to_plane(line.lat_deg, line.lon_deg) for line in lines]
        self._index = SegmentIndex(shapely.MultiLineString([xy for xy in drawn if len(xy) > 1]))
        self._step_m = max(_STEP_M, self._index.total_m / _MOST_POSTS)
        stations = np.arange(0.0, self._index.total_m + self._step_m, self._step_m)
        posts = np.unique(np.concatenate([self._index.at(stations), self._index.start_m, self._index.end_m]), axis=0)
        post_lat, post_lon = self._frame.to_degrees(posts)
        self._posts = cKDTree(geodetic_to_ecef(post_lat, post_lon, 0.0))

    def exact(self, lat_deg: FloatArray, lon_deg: FloatArray) -> Nearest:
        """Return distance and bearing from each place to the border."""
        if not len(lat_deg):
            return Nearest(distance_m=np.zeros(0), bearing_deg=np.zeros(0))
        foot = self._index.nearest(self._frame.to_plane(lat_deg, lon_deg)).xy_m
        foot_lat, foot_lon = self._frame.to_degrees(foot)
        distance, bearing = inverse(lat_deg, lon_deg, foot_lat, foot_lon)
        return Nearest(distance_m=distance, bearing_deg=bearing)

    def bounds_m(self, lat_deg: FloatArray, lon_deg: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return what each place's distance from the border is at least and at most; some hundred times quicker.

        Every point of the border lies within half a step of a post on it: at the ends of its parts stands one, too.
        """
        to_post = self._posts.query(geodetic_to_ecef(lat_deg, lon_deg, 0.0))[0]
        return np.maximum(to_post - 0.51 * self._step_m, 0.0), to_post * (1.0 + _CHORD)

    def box_deg(self, margin_m: float) -> tuple[float, float, float, float]:
        """Return a box (south, west, north, east) that holds every place within `margin_m` of the border."""
        start, end = self._index.start_m, self._index.end_m
        low = np.minimum(start, end).min(axis=0) - 1.01 * margin_m - 100.0
        high = np.maximum(start, end).max(axis=0) + 1.01 * margin_m + 100.0
        edge = shapely.get_coordinates(shapely.segmentize(shapely.box(*low, *high), max(high - low) / 32.0))
        lat, lon = self._frame.to_degrees(edge)
        middle = self._frame.lon_deg
        relative = (lon - middle + 180.0) % 360.0 - 180.0
        if np.ptp(relative) > 180.0 or abs(lat).max() > 85.0:  # the box holds a pole, or nearly
            north = self._frame.lat_deg > 0.0
            return (float(lat.min()), -180.0, 90.0, 180.0) if north else (-90.0, -180.0, float(lat.max()), 180.0)
        west, east = middle + relative.min(), middle + relative.max()
        return float(lat.min()), _wrapped(west), float(lat.max()), _wrapped(east)


def _wrapped(lon_deg: float) -> float:
    return float((lon_deg + 180.0) % 360.0 - 180.0)
