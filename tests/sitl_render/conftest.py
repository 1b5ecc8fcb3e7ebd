"""A small world, a small camera and a straight flight over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from geo.terrain import FlatTerrain
from geo.values import CameraModel, Geodetic, GimbalFrame, Pose
from sitl.films.world import ROUTE_VERTICES, Crowd, Kind, Routes, World, make_world

if TYPE_CHECKING:
    from collections.abc import Callable

T0 = 1_750_000_000_000_000_000
GROUND_M = 180.0


@pytest.fixture
def world() -> World:
    return make_world(
        corridor_lat_lon=np.array([[52.0, 23.5], [52.0, 23.52]]),
        terrain=FlatTerrain(height_m=GROUND_M),
        seed=11,
        epoch_utc_ns=T0,
        crowd=Crowd(groups_per_km=12.0, vehicles_per_km=4.0),
    )


@pytest.fixture
def lone_world() -> Callable[..., World]:
    """A world in which things stand still at the map places given."""

    def make(
        people: list[tuple[float, float]], vehicles: list[tuple[float, float]] | None = None, seed: int = 3
    ) -> World:
        places = people + (vehicles or [])
        count = len(places)
        line = np.linspace(0.0, 700.0, ROUTE_VERTICES)[:, None] * np.array([1.0, 0.0])
        routes = Routes(
            kind=np.array([Kind.PERSON] * len(people) + [Kind.VEHICLE] * (count - len(people)), dtype=np.int64),
            vertices_m=np.array(places, dtype=np.float64)[:, None] + line[None],
            start_m=np.zeros(count),
            lateral_m=np.zeros(count),
            speed_mps=np.zeros(count),
        )
        origin = Geodetic(lat_deg=52.0, lon_deg=23.5, alt_hae_m=GROUND_M)
        return World(origin=origin, terrain=FlatTerrain(height_m=GROUND_M), seed=seed, epoch_utc_ns=T0, routes=routes)

    return make


@pytest.fixture
def camera() -> CameraModel:
    return CameraModel.from_fov(hfov_deg=30.0, width_px=320, height_px=256)


@pytest.fixture
def looking_at() -> Callable[..., Pose]:
    """A pose that looks at a map place of a world from `agl_m` above it, at `depression_deg`, towards `yaw_deg`."""

    def make(
        world: World,
        x_m: float,
        y_m: float,
        *,
        agl_m: float = 80.0,
        depression_deg: float = 50.0,
        yaw_deg: float = 20.0,
    ) -> Pose:
        back = agl_m / np.tan(np.radians(depression_deg))
        east, north = x_m - back * np.sin(np.radians(yaw_deg)), y_m - back * np.cos(np.radians(yaw_deg))
        lat, lon = world.to_geodetic(np.array([east]), np.array([north]))
        return Pose(
            t_utc_ns=T0,
            lat_deg=float(lat[0]),
            lon_deg=float(lon[0]),
            alt_hae_m=GROUND_M + agl_m,
            yaw_deg=yaw_deg + 10.0,
            pitch_deg=-4.0,
            roll_deg=3.0,
            gimbal_yaw_deg=yaw_deg,
            gimbal_pitch_deg=-depression_deg,
            gimbal_frame=GimbalFrame.EARTH,
        )

    return make


@pytest.fixture
def flight(world: World) -> dict[str, np.ndarray]:
    """Twelve seconds of straight flight eastwards, ten rows a second, turning through north at the end."""
    count = 121
    lat, lon = world.to_geodetic(np.linspace(-300.0, -160.0, count), np.full(count, -80.0))
    return {
        "t_utc_ns": T0 + 100_000_000 * np.arange(count),
        "lat_deg": lat,
        "lon_deg": lon,
        "alt_hae_m": np.full(count, GROUND_M + 90.0),
        "yaw_deg": np.linspace(350.0, 370.0, count) % 360.0,
        "pitch_deg": np.full(count, -5.0),
        "roll_deg": np.linspace(-3.0, 3.0, count),
        "gimbal_yaw_deg": np.linspace(-5.0, 5.0, count) % 360.0,
        "gimbal_pitch_deg": np.full(count, -45.0),
    }
