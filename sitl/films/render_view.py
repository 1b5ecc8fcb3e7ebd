"""The simulated camera's geometry: from geodetic points and map metres to pixels, and back to the ground."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.geodesy import geodetic_to_enu, metres_per_degree
from geo.rotation import camera_to_ned
from geo.values import CameraModel, Geodetic, Pose, Poses

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sitl.films.world import World

    FloatArray = NDArray[np.float64]

GRID_PX: Final = 8
"""Spacing of the coarse grid on which rays meet the ground."""
FAR_M: Final = 3000.0
"""Rays that meet no ground nearer than this are sky."""
EARTH_RADIUS_M: Final = 6371008.8
"""Mean radius (IUGG), for the drop of the ground below the tangent plane."""
TERRAIN_STEPS: Final = 4
"""Fixed-point steps of a ray towards uneven ground; slopes met here shrink the error threefold a step."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One picture's geometry, in metres east, north and up of the camera."""

    world: World
    camera: CameraModel
    eye: Geodetic
    eye_map_m: tuple[float, float]
    """The camera's place in map metres."""
    enu_to_sensor: FloatArray
    map_scale: float
    """Map metres east for one true metre east, at this latitude."""

    @classmethod
    def of(cls, world: World, pose: Pose, camera: CameraModel) -> View:
        """Set up the view from a pose."""
        eye = Geodetic(lat_deg=pose.lat_deg, lon_deg=pose.lon_deg, alt_hae_m=pose.alt_hae_m)
        x, y = world.to_map(np.array([pose.lat_deg]), np.array([pose.lon_deg]))
        ned_to_enu = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
        here, there = float(metres_per_degree(pose.lat_deg)[1]), world.metres_per_degree[0]
        return cls(
            world=world,
            camera=camera,
            eye=eye,
            eye_map_m=(float(x[0]), float(y[0])),
            enu_to_sensor=(ned_to_enu @ camera_to_ned(Poses.of(pose))[0]).T,
            map_scale=there / here,
        )

    def enu(self, lat_deg: FloatArray, lon_deg: FloatArray, alt_hae_m: FloatArray) -> FloatArray:
        """Geodetic points to metres east, north, up of the camera, shape (n, 3)."""
        return np.asarray(geodetic_to_enu(lat_deg, lon_deg, alt_hae_m, self.eye), dtype=np.float64)

    def map_to_enu(self, x_m: FloatArray, y_m: FloatArray) -> FloatArray:
        """Ground points in map metres to metres east, north, up of the camera (n, 3)."""
        east = (x_m - self.eye_map_m[0]) / self.map_scale
        north = y_m - self.eye_map_m[1]
        return np.stack([east, north, self.ground_up(east, north)], axis=-1)

    def ground_up(self, east_m: FloatArray, north_m: FloatArray) -> FloatArray:
        """Height of the ground relative to the camera, below the tangent plane's drop."""
        lat, lon = self.world.to_geodetic(self.eye_map_m[0] + east_m * self.map_scale, self.eye_map_m[1] + north_m)
        height = np.asarray(self.world.terrain.height_hae_m(lat.ravel(), lon.ravel())).reshape(lat.shape)
        height = np.where(np.isfinite(height), height, self.world.origin.alt_hae_m)
        return height - self.eye.alt_hae_m - (east_m**2 + north_m**2) / (2.0 * EARTH_RADIUS_M)

    def pixels(self, enu_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Points relative to the camera to pixels (..., 2) and depth along the optical axis (...)."""
        sensor = enu_m @ self.enu_to_sensor.T
        depth = sensor[..., 0]
        safe = np.where(depth > 0.5, depth, np.nan)
        camera = self.camera
        u = camera.cx_px + camera.fx_px * sensor[..., 1] / safe
        v = camera.cy_px + camera.fy_px * sensor[..., 2] / safe
        return np.stack([u, v], axis=-1), depth

    def ground_grid(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Map metres x, y and slant range where rays of the coarse grid meet the ground; NaN for sky.

        The grid has one node at the centre of each `GRID_PX` cell and one ring beyond the picture.
        """
        camera = self.camera
        u = (np.arange(-1, camera.width_px // GRID_PX + 1) + 0.5) * GRID_PX
        v = (np.arange(-1, camera.height_px // GRID_PX + 1) + 0.5) * GRID_PX
        right, down = np.meshgrid((u - camera.cx_px) / camera.fx_px, (v - camera.cy_px) / camera.fy_px)
        rays = np.stack([np.ones_like(right), right, down], axis=-1) @ self.enu_to_sensor
        level = np.full(right.shape, float(self.ground_up(np.zeros(1), np.zeros(1))[0]))
        falling = np.where(rays[..., 2] < -1e-3, rays[..., 2], np.nan)
        for _ in range(TERRAIN_STEPS):
            scale = np.clip(level / falling, 0.0, FAR_M)
            east, north = rays[..., 0] * scale, rays[..., 1] * scale
            level = np.where(np.isfinite(scale), self.ground_up(np.nan_to_num(east), np.nan_to_num(north)), level)
        slant = scale * np.linalg.norm(rays, axis=-1)
        x = self.eye_map_m[0] + east * self.map_scale
        y = self.eye_map_m[1] + north
        sky = ~(slant < FAR_M)
        return np.where(sky, np.nan, x), np.where(sky, np.nan, y), np.where(sky, np.nan, slant)
