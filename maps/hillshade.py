"""The ground as a picture, so that a map without a tile server still shows where one is."""

from __future__ import annotations

import base64
import dataclasses
import io
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt, gaussian_filter

from maps.mercator import latitude_of, northing_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import Terrain

_SUN_AZIMUTH_RAD: Final = np.radians(315.0)
_SUN_ELEVATION_RAD: Final = np.radians(45.0)
"""Light from the north-west at 45 degrees, the cartographic convention."""
_STEEP: Final = 0.6
"""Slopes are exaggerated until the steepest twentieth reaches this, so that gentle ground still shows its shape."""
_METRES_PER_DEGREE: Final = 111_320.0
_SMOOTH_PX: Final = 3.0
_FADE_PX: Final = 24
"""Ground ends within so many pixels instead of at a frame."""
_PAPER: Final = (226.0, 222.0, 205.0)
_QUALITY: Final = 82


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hillshade:
    """A shaded picture of the ground and the box it covers (south-west, north-east corners)."""

    data_uri: str
    bounds: list[list[float]]


def hillshade(
    terrain: Terrain, *, south_deg: float, west_deg: float, north_deg: float, east_deg: float, size_px: int = 640
) -> Hillshade | None:
    """Shade the terrain in a box; None where the terrain knows nothing of it.

    Heights are taken evenly in Web Mercator, so that the picture lies where the ground is, and smoothed over
    `_SMOOTH_PX`: between posts of a height model ground is interpolated, and its slopes jump from post to post.
    Unknown ground is transparent, and what is known ends softly.
    """
    lat = latitude_of(np.linspace(northing_of(np.array(north_deg)), northing_of(np.array(south_deg)), size_px))
    lon = np.linspace(west_deg, east_deg, size_px)
    lon_grid, lat_grid = np.meshgrid(lon, lat)
    height = terrain.height_hae_m(lat_grid.ravel(), lon_grid.ravel()).reshape(size_px, size_px)
    known = np.isfinite(height)
    if not known.any():
        return None
    step_n = (north_deg - south_deg) * _METRES_PER_DEGREE / (size_px - 1)
    step_e = (east_deg - west_deg) * _METRES_PER_DEGREE * np.cos(np.radians(lat.mean())) / (size_px - 1)
    d_row, d_col = np.gradient(_smoothed(height, known), step_n, step_e)
    shade = _light(d_east=np.asarray(d_col), d_north=-np.asarray(d_row))
    picture = np.empty((size_px, size_px, 4), np.uint8)
    picture[..., :3] = np.clip(np.array(_PAPER) * (0.45 + 0.75 * shade[..., None]), 0, 255)
    picture[..., 3] = 255 * _fading(known)
    stream = io.BytesIO()
    Image.fromarray(picture, "RGBA").save(stream, "WEBP", quality=_QUALITY)
    return Hillshade(
        data_uri="data:image/webp;base64," + base64.b64encode(stream.getvalue()).decode(),
        bounds=[[south_deg, west_deg], [north_deg, east_deg]],
    )


def _smoothed(height_m: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return heights as weighted means of what is known around them; elsewhere the mean of all."""
    weight = gaussian_filter(known.astype(np.float64), _SMOOTH_PX)
    summed = gaussian_filter(np.where(known, height_m, 0.0), _SMOOTH_PX)
    return np.asarray(np.where(weight > 1e-3, summed / np.maximum(weight, 1e-3), np.nanmean(height_m)))


def _fading(known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how far the picture shows, 0 to 1: nothing at the edge of what is known."""
    framed = np.pad(known, 1)
    inward = distance_transform_edt(framed)[1:-1, 1:-1]
    return np.asarray(np.clip(inward / _FADE_PX, 0.0, 1.0))


def _light(*, d_east: NDArray[np.float64], d_north: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cosine between the surface normal and the sun, 0 to 1."""
    sun_e = np.sin(_SUN_AZIMUTH_RAD) * np.cos(_SUN_ELEVATION_RAD)
    sun_n = np.cos(_SUN_AZIMUTH_RAD) * np.cos(_SUN_ELEVATION_RAD)
    steep = float(np.percentile(np.hypot(d_east, d_north), 95))
    exaggerate = float(np.clip(_STEEP / max(steep, 1e-6), 1.0, 12.0))
    e, n = -exaggerate * d_east, -exaggerate * d_north
    lit: NDArray[np.float64] = np.clip(
        (e * sun_e + n * sun_n + np.sin(_SUN_ELEVATION_RAD)) / np.sqrt(e * e + n * n + 1.0), 0.0, 1.0
    )
    return lit


def shade(terrain: Terrain, bounds: list[list[float]]) -> Hillshade | None:
    """Shade the terrain in and a little around a box of south-west and north-east corners."""
    (south, west), (north, east) = bounds
    margin = 0.4 * max(north - south, east - west)
    return hillshade(
        terrain,
        south_deg=south - margin,
        west_deg=west - margin,
        north_deg=north + margin,
        east_deg=east + margin,
    )
