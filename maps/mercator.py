"""Web Mercator, the plane of every page: what is even in it lies under its picture without a shift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORLD_M: Final = 2.0 * np.pi * 6_378_137.0
"""Width of the world in Web Mercator (EPSG:3857): the equator of WGS 84."""


def northing_of(lat_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Web Mercator metres north of the equator (EPSG method 1024)."""
    sine = np.sin(np.radians(lat_deg))
    return np.asarray(WORLD_M / (2.0 * np.pi) * np.arctanh(sine))


def latitude_of(northing_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return latitudes in degrees of Web Mercator metres north of the equator."""
    return np.asarray(np.degrees(np.arcsin(np.tanh(np.asarray(northing_m) * 2.0 * np.pi / WORLD_M))))
