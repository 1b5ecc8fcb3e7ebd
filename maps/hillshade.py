"""The ground as a picture, so that a map without a tile server still shows where one is."""

from __future__ import annotations

import base64
import dataclasses
import io
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import Terrain

_SUN_AZIMUTH_RAD: Final = np.radians(315.0)
_SUN_ELEVATION_RAD: Final = np.radians(45.0)
"""Light from the north-west at 45 degrees, the cartographic convention."""
_STEEP: Final = 0.6
"""Slopes are exaggerated until the steepest twentieth reaches this, so that gentle ground still shows its shape."""
_METRES_PER_DEGREE: Final = 111_320.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hillshade:
    """A shaded picture of the ground and the box it covers (south-west, north-east corners)."""

    data_uri: str
    bounds: list[list[float]]


def hillshade(
    terrain: Terrain, *, south_deg: float, west_deg: float, north_deg: float, east_deg: float, size_px: int = 640
) -> Hillshade | None:
    """Shade the terrain in a box; None where the terrain knows nothing of it.

    Horn-free two-point gradients on a regular grid; unknown ground is transparent.
    """
    lat = np.linspace(north_deg, south_deg, size_px)
    lon = np.linspace(west_deg, east_deg, size_px)
    lon_grid, lat_grid = np.meshgrid(lon, lat)
    height = terrain.height_hae_m(lat_grid.ravel(), lon_grid.ravel()).reshape(size_px, size_px)
    known = np.isfinite(height)
    if not known.any():
        return None
    step_n = (north_deg - south_deg) * _METRES_PER_DEGREE / (size_px - 1)
    step_e = (east_deg - west_deg) * _METRES_PER_DEGREE * np.cos(np.radians(lat.mean())) / (size_px - 1)
    d_row, d_col = np.gradient(np.where(known, height, np.nanmean(height)), step_n, step_e)
    shade = _light(d_east=d_col, d_north=-d_row)
    tint = np.array([226.0, 222.0, 205.0])
    picture = np.empty((size_px, size_px, 4), np.uint8)
    picture[..., :3] = np.clip(tint * (0.45 + 0.75 * shade[..., None]), 0, 255)
    picture[..., 3] = np.where(known, 255, 0)
    stream = io.BytesIO()
    Image.fromarray(picture, "RGBA").quantize(200).save(stream, "PNG", optimize=True)
    return Hillshade(
        data_uri="data:image/png;base64," + base64.b64encode(stream.getvalue()).decode(),
        bounds=[[south_deg, west_deg], [north_deg, east_deg]],
    )


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
