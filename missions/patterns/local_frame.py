"""A flat piece of Earth: metres east and north of a point, and back."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import pyproj

from geo.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

MAX_EXTENT_M: Final = 200_000.0
"""Beyond this the flat picture is off by more than 0.2 per mille (r^2 / 6R^2, azimuthal equidistant)."""


@functools.lru_cache(maxsize=64)
def _transformer(lat_deg: float, lon_deg: float) -> pyproj.Transformer:
    flat = pyproj.CRS.from_proj4(f"+proj=aeqd +lat_0={lat_deg!r} +lon_0={lon_deg!r} +datum=WGS84 +units=m")
    return pyproj.Transformer.from_crs("EPSG:4326", flat, always_xy=True)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LocalFrame:
    """Azimuthal equidistant metres (x east, y north) about one point of WGS 84."""

    lat_deg: float
    lon_deg: float

    @classmethod
    def around(cls, lonlat_deg: ArrayLike) -> Self:
        """Centre a frame on points, shape (n, 2) as (lon, lat) degrees, also across the antimeridian.

        Raises
        ------
        InputError
            When a point is no place on Earth, or the points lie farther apart than a flat frame can hold.
        """
        points = np.atleast_2d(np.asarray(lonlat_deg, dtype=np.float64))
        _check(points)
        reference = points[0, 0]
        lon = reference + _wrapped(points[:, 0] - reference)
        lat_deg = float((points[:, 1].min() + points[:, 1].max()) / 2.0)
        frame = cls(lat_deg=lat_deg, lon_deg=float(_wrapped((lon.min() + lon.max()) / 2.0)))
        reach_m = float(np.hypot(*frame.to_xy(points).T).max())
        if reach_m > MAX_EXTENT_M:
            raise InputError(
                f"the area reaches {reach_m / 1000:.0f} km from its middle; cut it into pieces of at most "
                f"{2 * MAX_EXTENT_M / 1000:.0f} km",
                actual=reach_m,
                expected=MAX_EXTENT_M,
            )
        return frame

    def to_xy(self, lonlat_deg: ArrayLike) -> FloatArray:
        """Turn (n, 2) longitudes and latitudes in degrees into metres east and north."""
        points = np.atleast_2d(np.asarray(lonlat_deg, dtype=np.float64))
        x, y = _transformer(self.lat_deg, self.lon_deg).transform(points[:, 0], points[:, 1])
        return np.column_stack([x, y])

    def to_lonlat(self, xy_m: ArrayLike) -> FloatArray:
        """Turn (n, 2) metres east and north into longitudes and latitudes in degrees."""
        points = np.atleast_2d(np.asarray(xy_m, dtype=np.float64))
        lon, lat = _transformer(self.lat_deg, self.lon_deg).transform(points[:, 0], points[:, 1], direction="INVERSE")
        return np.column_stack([lon, lat])


def _wrapped(lon_deg: FloatArray | float) -> FloatArray:
    return np.asarray((np.asarray(lon_deg) + 180.0) % 360.0 - 180.0)


def _check(points: FloatArray) -> None:
    bad = ~np.isfinite(points).all(axis=1) | (np.abs(points[:, 0]) > 180.0) | (np.abs(points[:, 1]) > 90.0)
    if bad.any():
        index = int(np.argmax(bad))
        raise InputError(
            f"vertex {index} (longitude {points[index, 0]}, latitude {points[index, 1]}) is no place on Earth; "
            "coordinates must be WGS 84 degrees",
            offset=index,
        )
