"""Pixels to ground on a terrain model: ours against the loop over pixels that single-picture tools run."""

from __future__ import annotations

import math
import time

import numpy as np
import pyproj

from benchmarks import Row
from geo.geodesy import ned_to_ecef_matrix
from geo.locate import locate
from geo.terrain import GridTerrain
from geo.values import CameraModel, GimbalFrame, Pose, PoseSigmas

PIXELS = 1_000_000
RIVAL_PIXELS = 60
RIVAL_STEP_M = 5.0
CAMERA = CameraModel.from_fov(hfov_deg=60.0, width_px=1250, height_px=800)
POSE = Pose(
    t_utc_ns=0,
    lat_deg=50.0,
    lon_deg=8.0,
    alt_hae_m=480.0,
    yaw_deg=30.0,
    pitch_deg=0.0,
    roll_deg=0.0,
    gimbal_pitch_deg=-35.0,
    gimbal_frame=GimbalFrame.EARTH,
)


def hills() -> GridTerrain:
    """Return one arc-second hills of 300 m with 2 m of roughness."""
    row, column = np.mgrid[0:1201, 0:1201]
    rough = np.random.default_rng(7).normal(0.0, 2.0, row.shape)
    heights = 200.0 + 150.0 * np.sin(column / 25.0) * np.cos(row / 31.0) + rough
    return GridTerrain.of(heights, north_deg=50.2, west_deg=7.8, lat_step_deg=1 / 3600, lon_step_deg=1 / 3600)


def pixels() -> np.ndarray:
    u, v = np.meshgrid(np.arange(CAMERA.width_px) + 0.5, np.arange(CAMERA.height_px) + 0.5)
    return np.column_stack([u.ravel(), v.ravel()])


def scalar_march(terrain: GridTerrain, uv: np.ndarray) -> list[tuple[float, float]]:
    """Place pixels one by one: fixed steps through PROJ, bilinear height, bisection; no covariance."""
    to_geodetic = pyproj.Transformer.from_crs(4978, 4979, always_xy=True)
    origin = pyproj.Transformer.from_crs(4979, 4978, always_xy=True).transform(
        POSE.lon_deg, POSE.lat_deg, POSE.alt_hae_m
    )
    turn = ned_to_ecef_matrix(POSE.lat_deg, POSE.lon_deg).tolist()
    heights = terrain.heights_hae_m.tolist()
    return [_one(terrain, heights, to_geodetic, origin, turn, u, v) for u, v in uv.tolist()]


def _one(terrain, heights, to_geodetic, origin, turn, u, v):
    pitch = math.radians(POSE.gimbal_pitch_deg)
    right, down = (u - CAMERA.cx_px) / CAMERA.fx_px, (v - CAMERA.cy_px) / CAMERA.fy_px
    north = math.cos(pitch) + math.sin(pitch) * down
    sink = -math.sin(pitch) + math.cos(pitch) * down
    norm = math.sqrt(north * north + right * right + sink * sink)
    ned = (north / norm, right / norm, sink / norm)
    ray = [sum(turn[i][k] * ned[k] for k in range(3)) for i in range(3)]

    def clear(range_m):
        lon, lat, alt = to_geodetic.transform(*(origin[i] + range_m * ray[i] for i in range(3)))
        row, column = (terrain.north_deg - lat) / terrain.lat_step_deg, (lon - terrain.west_deg) / terrain.lon_step_deg
        top, left = int(row), int(column)
        dy, dx = row - top, column - left
        upper = heights[top][left] * (1 - dx) + heights[top][left + 1] * dx
        lower = heights[top + 1][left] * (1 - dx) + heights[top + 1][left + 1] * dx
        return alt - (upper * (1 - dy) + lower * dy), lat, lon

    far = 0.0
    while clear(far)[0] > 0.0:
        far += RIVAL_STEP_M
    near = far - RIVAL_STEP_M
    while far - near > 1e-3:
        middle = 0.5 * (near + far)
        near, far = (middle, far) if clear(middle)[0] > 0.0 else (near, middle)
    return clear(far)[1:]


def _processor_s(function, repeats=3) -> float:
    """Return the least processor time in seconds: what one core spends, however busy the machine."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def run() -> list[Row]:
    """Time a megapixel picture against the scalar march, scaled from a sample."""
    terrain, uv = hills(), pixels()
    ours = _processor_s(lambda: locate(poses=POSE, camera=CAMERA, uv_px=uv, terrain=terrain, sigmas=PoseSigmas()))
    sample = uv[np.random.default_rng(1).integers(0, len(uv), RIVAL_PIXELS)]
    rival = _processor_s(lambda: scalar_march(terrain, sample), 2) * PIXELS / RIVAL_PIXELS
    return [
        Row(
            what="10^6 pixels to ground on a DEM, with covariance",
            ours=ours,
            rival=rival,
            rival_name=f"per-pixel march through pyproj, no covariance ({RIVAL_PIXELS} pixels, scaled)",
            unit="s of one core",
            goal="<= 2",
        )
    ]
