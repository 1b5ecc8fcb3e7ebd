"""Poses, cameras and ground shared by the geo tests."""

from __future__ import annotations

import numpy as np
import pytest

from geo.terrain import GridTerrain
from geo.values import CameraModel, GimbalFrame, Pose, PoseSigmas


def make_pose(**changes) -> Pose:
    base = {
        "t_utc_ns": 0,
        "lat_deg": 50.0,
        "lon_deg": 8.0,
        "alt_hae_m": 500.0,
        "yaw_deg": 0.0,
        "pitch_deg": 0.0,
        "roll_deg": 0.0,
        "gimbal_frame": GimbalFrame.EARTH,
    }
    return Pose(**{**base, **changes})


@pytest.fixture
def pose():
    """Return the pose factory: a level platform at 50 N 8 E, 500 m, unless told otherwise."""
    return make_pose


@pytest.fixture
def lens() -> CameraModel:
    """Return a camera with marked barrel distortion and an off-centre principal point."""
    return CameraModel(
        width_px=1280,
        height_px=720,
        fx_px=900.0,
        fy_px=905.0,
        cx_px=650.0,
        cy_px=352.0,
        k1=-0.15,
        k2=0.03,
        p1=0.001,
        p2=-0.0008,
    )


@pytest.fixture
def pinhole() -> CameraModel:
    return CameraModel.from_fov(hfov_deg=60.0, width_px=1280, height_px=720)


def rough_grid(**place) -> GridTerrain:
    """Return one-arc-second hills of some 300 m with rough posts, north-west corner at 50.2 N 7.8 E."""
    size = 1201
    row, column = np.mgrid[0:size, 0:size]
    rough = np.random.default_rng(7).normal(0.0, 2.0, (size, size))
    heights = 200.0 + 150.0 * np.sin(column / 25.0) * np.cos(row / 31.0) + rough
    where = {"north_deg": 50.2, "west_deg": 7.8, "lat_step_deg": 1 / 3600, "lon_step_deg": 1 / 3600, **place}
    return GridTerrain.of(heights, **where)


@pytest.fixture(scope="session")
def hills() -> GridTerrain:
    return rough_grid()


@pytest.fixture
def no_errors() -> PoseSigmas:
    """Return sigmas of zero, so that no ray is called grazing."""
    return PoseSigmas(
        position_h_m=0.0, position_v_m=0.0, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0, terrain_m=0.0, pixel_px=0.0
    )
