"""Pieces of ground that a question names: a point, or polygons drawn in a file."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from missions.briefs.brief_geometry_file import read_polygons
from operations.finding.errors import QuestionError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray
    from shapely.geometry.base import BaseGeometry

_TURN_DEG: Final = 360.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ground:
    """A point, or an area with edges straight in longitude and latitude (RFC 7946, 3.1.1).

    Across the antimeridian the shape goes on beyond 180 degrees; whoever compares longitudes with it lays them
    beside it first (`beside`).
    """

    shape: BaseGeometry

    @classmethod
    def point(cls, lat_deg: float, lon_deg: float) -> Ground:
        """Return one place."""
        return cls(shape=shapely.Point(lon_deg, lat_deg))

    @classmethod
    def read(cls, path: Path) -> Ground:
        """Read the polygons of a GeoJSON, GeoPackage, KML or Shapefile.

        Raises
        ------
        BriefError
            When the file is missing, unreadable or holds no polygon.
        QuestionError
            When its polygons enclose nothing.
        """
        polygons = []
        anchor: float | None = None
        for rings in read_polygons(path, "--area"):
            unrolled = []
            for ring in rings:
                anchor = float(ring.lon_deg[0]) if anchor is None else anchor
                unrolled.append(np.stack([_laid_beside(ring.lon_deg, anchor), ring.lat_deg], axis=1))
            polygons.append(shapely.make_valid(shapely.Polygon(unrolled[0], unrolled[1:])))
        whole = shapely.union_all(polygons)
        if whole.is_empty or not whole.area:
            raise QuestionError(f"--area: the polygons of {path} enclose no ground; draw them anew", path=str(path))
        shapely.prepare(whole)
        return cls(shape=whole)

    @property
    def box_deg(self) -> tuple[float, float, float, float]:
        """South, west, north, east; a west greater than the east spans the antimeridian."""
        west, south, east, north = self.shape.bounds
        if east - west >= _TURN_DEG:
            return south, -180.0, north, 180.0
        return south, float(_wrapped(west)), north, float(_wrapped(east))

    def beside(self, lon_deg: ArrayLike) -> NDArray[np.float64]:
        """Return longitudes moved by whole turns to lie nearest to the shape's middle."""
        west, _, east, _ = self.shape.bounds
        return _laid_beside(lon_deg, (west + east) / 2.0)

    def holds(self, lat_deg: ArrayLike, lon_deg: ArrayLike) -> NDArray[np.bool_]:
        """Tell which places lie in the area; a place that is not known lies nowhere."""
        lat, lon = np.asarray(lat_deg, dtype=np.float64), self.beside(lon_deg)
        return np.asarray(shapely.intersects_xy(self.shape, lon, lat), dtype=np.bool_)

    def meets(self, rings: NDArray[np.object_]) -> NDArray[np.bool_]:
        """Tell which polygons, laid beside the shape, share ground with it."""
        return np.asarray(shapely.intersects(self.shape, rings), dtype=np.bool_)

    def described(self) -> Any:
        """Return what a log keeps of it."""
        south, west, north, east = self.box_deg
        return {"south": south, "west": west, "north": north, "east": east}


def _laid_beside(lon_deg: ArrayLike, anchor_deg: float) -> NDArray[np.float64]:
    lon = np.asarray(lon_deg, dtype=np.float64)
    return np.asarray(lon - _TURN_DEG * np.round((lon - anchor_deg) / _TURN_DEG))


def _wrapped(lon_deg: float) -> float:
    return lon_deg if -180.0 <= lon_deg <= 180.0 else (lon_deg + 180.0) % _TURN_DEG - 180.0
