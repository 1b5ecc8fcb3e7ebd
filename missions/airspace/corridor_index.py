"""A line's segments, indexed: nearest point, place along, distance, in time that grows with the log of its length."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NearestPlace:
    """Where a set of points is nearest to a line: all (n,) or (n, 2)."""

    part: NDArray[np.int64]
    xy_m: FloatArray
    station_m: FloatArray
    distance_m: FloatArray


class SegmentIndex:
    """The segments of one or several lines. Stations run along all of them in order, metres."""

    def __init__(self, lines: BaseGeometry) -> None:
        xy, part = shapely.get_coordinates(shapely.get_parts(lines), return_index=True)
        same = part[1:] == part[:-1]
        self.start_m, self.end_m, self.part = xy[:-1][same], xy[1:][same], part[:-1][same]
        self.length_m = np.hypot(*(self.end_m - self.start_m).T)
        self.before_m = np.concatenate([[0.0], np.cumsum(self.length_m)])
        self._tree = shapely.STRtree(np.asarray(shapely.linestrings(np.stack([self.start_m, self.end_m], axis=1))))

    @property
    def total_m(self) -> float:
        """Length of all lines together."""
        return float(self.before_m[-1])

    def nearest(self, xy_m: FloatArray) -> NearestPlace:
        """Return the nearest place on the lines of each of (n, 2) points."""
        found, distance = self._tree.query_nearest(shapely.points(xy_m), all_matches=False, return_distance=True)
        order = np.argsort(found[0], kind="stable")
        k = found[1][order]
        step = self.end_m[k] - self.start_m[k]
        share = np.einsum("ij,ij->i", xy_m - self.start_m[k], step) / np.maximum(self.length_m[k], 1e-12) ** 2
        share = np.clip(share, 0.0, 1.0)
        return NearestPlace(
            part=self.part[k],
            xy_m=self.start_m[k] + share[:, None] * step,
            station_m=self.before_m[k] + share * self.length_m[k],
            distance_m=distance[order],
        )

    def distance_m(self, geometries: NDArray[np.object_]) -> FloatArray:
        """Return how near each geometry comes to the lines."""
        found, distance = self._tree.query_nearest(geometries, all_matches=False, return_distance=True)
        return np.asarray(distance[np.argsort(found[0], kind="stable")])

    def at(self, station_m: FloatArray) -> FloatArray:
        """Return the (n, 2) points at stations along the lines."""
        k = np.clip(np.searchsorted(self.before_m, station_m, side="right") - 1, 0, len(self.length_m) - 1)
        share = np.clip((station_m - self.before_m[k]) / np.maximum(self.length_m[k], 1e-12), 0.0, 1.0)
        return np.asarray(self.start_m[k] + share[:, None] * (self.end_m[k] - self.start_m[k]))

    def nearest_part(self, geometries: NDArray[np.object_]) -> FloatArray:
        """Return the (n, 2) point of each geometry that is nearest to the lines."""
        if len(geometries) == 0:
            return np.empty((0, 2))
        found = self._tree.query_nearest(geometries, all_matches=False)
        segments = self._tree.geometries[found[1][np.argsort(found[0], kind="stable")]]
        return np.asarray(shapely.get_coordinates(shapely.shortest_line(geometries, segments))[::2])
