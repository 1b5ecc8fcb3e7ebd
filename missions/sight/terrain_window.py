"""A window of terrain on a square grid of the plane, for looking up very many heights quickly."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.airspace.terrain_profile import PlaneGround

    FloatArray = NDArray[np.float64]

LATTICE_M: Final = 250.0
"""Spacing of the places whose latitude and longitude are worked out exactly; between them the ellipsoid's normal
is taken as linear, which is off by LATTICE_M squared over 8 Earth radii: 1.2 mm."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TerrainWindow:
    """Heights above mean sea level, (rows, columns), of places `step_m` apart from `corner_m` north-east-wards."""

    corner_m: FloatArray
    step_m: float
    height_m: FloatArray

    @classmethod
    def about(cls, ground: PlaneGround, bounds_m: tuple[float, float, float, float], step_m: float) -> TerrainWindow:
        """Sample the ground within bounds (west, south, east, north), on places that are whole multiples of a step."""
        west, south = np.floor(np.array(bounds_m[:2]) / step_m)
        east, north = np.ceil(np.array(bounds_m[2:]) / step_m)
        x, y = np.arange(west, east + 1.0) * step_m, np.arange(south, north + 1.0) * step_m
        lat, lon = _degrees(ground, x, y)
        known = np.asarray(ground.heights.amsl_m(lat.ravel(), lon.ravel())).reshape(lat.shape)
        return cls(corner_m=np.array([x[0], y[0]]), step_m=step_m, height_m=known)

    def at(self, x_m: FloatArray, y_m: FloatArray) -> FloatArray:
        """Return heights by bilinear interpolation; places outside take the window's edge."""
        rows, columns = self.height_m.shape
        right = np.clip((x_m - self.corner_m[0]) / self.step_m, 0.0, columns - 1.000001)
        up = np.clip((y_m - self.corner_m[1]) / self.step_m, 0.0, rows - 1.000001)
        column, row = right.astype(np.int64), up.astype(np.int64)
        right -= column
        up -= row
        flat, corner = self.height_m.reshape(-1), row * columns + column
        low = flat.take(corner) * (1.0 - right) + flat.take(corner + 1) * right
        high = flat.take(corner + columns) * (1.0 - right) + flat.take(corner + columns + 1) * right
        return np.asarray(low * (1.0 - up) + high * up)


def _degrees(ground: PlaneGround, x_m: FloatArray, y_m: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return latitudes and longitudes of a grid from a lattice of exact normals: no seam, no pole."""
    nodes = [np.linspace(v[0], v[-1], max(int(np.ceil((v[-1] - v[0]) / LATTICE_M)), 1) + 1) for v in (x_m, y_m)]
    places = np.stack(np.meshgrid(*nodes), axis=-1)
    lat, lon = (np.radians(v).reshape(places.shape[:2]) for v in ground.frame.to_degrees(places.reshape(-1, 2)))
    normals = (np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat))
    across, up = _hats(x_m, nodes[0]), _hats(y_m, nodes[1])
    x, y, z = (up @ normal @ across.T for normal in normals)
    return np.degrees(np.arctan2(z, np.hypot(x, y))), np.degrees(np.arctan2(y, x))


def _hats(at_m: FloatArray, nodes_m: FloatArray) -> FloatArray:
    """Return the matrix that interpolates linearly from values at nodes to values at places, (places, nodes)."""
    step = nodes_m[1] - nodes_m[0]
    return np.asarray(np.maximum(1.0 - np.abs(at_m[:, None] - nodes_m[None, :]) / step, 0.0))
