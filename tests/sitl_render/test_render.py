from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from geo.locate import locate, project
from geo.terrain import FlatTerrain
from geo.values import CameraModel, PoseSigmas
from sitl.films.render import render
from sitl.films.render_look import DAY, THERMAL, Band, Look, random_look
from sitl.films.render_view import GRID_PX, View

if TYPE_CHECKING:
    from collections.abc import Callable

    from geo.values import Pose
    from sitl.films.world import World

T0 = 1_750_000_000_000_000_000
CLEAN = dataclasses.replace(THERMAL, noise=0.0, blur_px=0.0)


def test_projection_agrees_with_the_ground_position_package(
    world: World, camera: CameraModel, looking_at: Callable[..., Pose], rng: np.random.Generator
) -> None:
    pose = looking_at(world, 100.0, 40.0)
    lat, lon = world.to_geodetic(100.0 + rng.uniform(-60, 60, 200), 40.0 + rng.uniform(-60, 60, 200))
    alt = 180.0 + rng.uniform(0.0, 5.0, 200)
    view = View.of(world, pose, camera)
    ours, _ = view.pixels(view.enu(lat, lon, alt))
    assert np.allclose(ours, project(poses=pose, camera=camera, lat_deg=lat, lon_deg=lon, alt_hae_m=alt), atol=1e-3)


@pytest.mark.parametrize("depression", [25.0, 45.0, 90.0])
def test_ground_under_the_grid_is_where_rays_land(
    world: World, camera: CameraModel, looking_at: Callable[..., Pose], depression: float
) -> None:
    pose = looking_at(world, -200.0, 10.0, depression_deg=depression)
    x, y, slant = View.of(world, pose, camera).ground_grid()
    u = (np.arange(-1, camera.width_px // GRID_PX + 1) + 0.5) * GRID_PX
    v = (np.arange(-1, camera.height_px // GRID_PX + 1) + 0.5) * GRID_PX
    uv = np.stack(np.meshgrid(u, v), axis=-1).reshape(-1, 2)
    true = locate(poses=pose, camera=camera, uv_px=uv, terrain=world.terrain, sigmas=PoseSigmas())
    true_x, true_y = world.to_map(true.lat_deg, true.lon_deg)
    near = true.slant_m < 400.0
    assert near.sum() > 500
    assert np.allclose(slant.ravel()[near], true.slant_m[near], rtol=1e-3)
    assert np.hypot(x.ravel() - true_x, y.ravel() - true_y)[near].max() < 0.3


def test_a_person_is_hot_inside_the_box_and_stands_on_its_ground_point(
    lone_world: Callable[..., World], camera: CameraModel, looking_at: Callable[..., Pose]
) -> None:
    made = lone_world([(50.0, 20.0), (-4000.0, 0.0)])
    pose = looking_at(made, 51.0, 21.0)
    image, truth = render(made, pose, camera, T0, CLEAN)
    assert truth.object_id.tolist() == [0]
    x0, y0, x1, y1 = truth.boxes_px[0]
    inside = image[round(y0) : round(y1), round(x0) : round(x1), 0]
    assert inside.max() > 200
    foot = project(poses=pose, camera=camera, lat_deg=truth.lat_deg, lon_deg=truth.lon_deg, alt_hae_m=truth.alt_hae_m)
    assert x0 < foot[0, 0] < x1
    assert y0 + 0.5 * (y1 - y0) < foot[0, 1] < y1 + 1.0
    slant = 80.0 / np.sin(np.radians(50.0))
    tall = 1.75 * np.cos(np.radians(50.0)) + 0.5 * np.sin(np.radians(50.0))
    assert (y1 - y0) == pytest.approx(tall * camera.fy_px / slant, rel=0.25)


def test_a_vehicle_is_as_long_as_it_should_be_from_above(
    lone_world: Callable[..., World], looking_at: Callable[..., Pose]
) -> None:
    made = lone_world([], [(0.0, 0.0)])
    camera = CameraModel.from_fov(hfov_deg=30.0, width_px=320, height_px=256)
    _, truth = render(made, looking_at(made, 0.0, 0.0, depression_deg=90.0, yaw_deg=0.0), camera, T0, CLEAN)
    per_m = camera.fx_px / 80.0
    width, height = truth.boxes_px[0, 2:] - truth.boxes_px[0, :2]
    assert 4.0 * per_m < width < 5.8 * per_m  # it drives east, across the picture
    assert 1.6 * per_m < height < 2.4 * per_m


def test_the_same_arguments_give_the_same_picture(
    world: World, camera: CameraModel, looking_at: Callable[..., Pose]
) -> None:
    pose = looking_at(world, 0.0, 0.0)
    first, again = (render(world, pose, camera, T0, DAY)[0] for _ in range(2))
    assert np.array_equal(first, again)
    assert first.shape == (256, 320, 3)
    assert first.dtype == np.uint8
    later = render(world, pose, camera, T0 + 40_000_000, DAY)[0]
    assert not np.array_equal(first, later)


def test_the_ground_looks_the_same_from_another_place(
    lone_world: Callable[..., World], camera: CameraModel, looking_at: Callable[..., Pose]
) -> None:
    """Texture is fixed to the ground: looked up through geometry, two views correlate; shifted, they do not."""
    made = lone_world([(-4000.0, 0.0)])
    sharp = dataclasses.replace(CLEAN, ground_contrast=1.4)
    first_pose = looking_at(made, 0.0, 0.0, depression_deg=80.0, yaw_deg=0.0)
    other_pose = looking_at(made, 3.0, 2.0, depression_deg=75.0, yaw_deg=0.0)
    first, other = (render(made, pose, camera, T0, sharp)[0][..., 0].astype(float) for pose in (first_pose, other_pose))
    uv = np.stack(np.meshgrid(np.arange(80, 240) + 0.5, np.arange(70, 190) + 0.5), axis=-1).reshape(-1, 2)
    ground = locate(poses=first_pose, camera=camera, uv_px=uv, terrain=made.terrain, sigmas=PoseSigmas())
    seen = project(
        poses=other_pose, camera=camera, lat_deg=ground.lat_deg, lon_deg=ground.lon_deg, alt_hae_m=ground.alt_hae_m
    )

    def likeness(shift: float) -> float:
        column, row = (np.clip(np.floor(seen[:, k] + shift).astype(int), 0, (319, 255)[k]) for k in (0, 1))
        a = first[np.floor(uv[:, 1]).astype(int), np.floor(uv[:, 0]).astype(int)]
        return float(np.corrcoef(a, other[row, column])[0, 1])

    assert likeness(0.0) > 0.75
    assert likeness(0.0) > likeness(9.0) + 0.2


def test_black_hot_is_white_hot_turned_round(
    world: World, camera: CameraModel, looking_at: Callable[..., Pose]
) -> None:
    pose = looking_at(world, 0.0, 0.0)
    white = render(world, pose, camera, T0, CLEAN)[0].astype(int)
    black = render(world, pose, camera, T0, dataclasses.replace(CLEAN, black_hot=True))[0].astype(int)
    assert np.abs(white + black - 255).max() <= 1


def test_noise_has_the_sigma_asked_for(world: World, camera: CameraModel, looking_at: Callable[..., Pose]) -> None:
    pose = looking_at(world, 0.0, 0.0)
    quiet = render(world, pose, camera, T0, CLEAN)[0][..., 0].astype(float)
    noisy = render(world, pose, camera, T0, dataclasses.replace(CLEAN, noise=5.0))[0][..., 0].astype(float)
    middle = (quiet > 40) & (quiet < 215)
    assert np.std((noisy - quiet)[middle]) == pytest.approx(5.0, rel=0.05)


def test_a_thing_cut_by_the_edge_or_behind_a_tree_is_less_visible(
    lone_world: Callable[..., World], camera: CameraModel, looking_at: Callable[..., Pose]
) -> None:
    shares = []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        made = lone_world([tuple(p) for p in rng.uniform(-25, 25, (30, 2))], seed=seed)
        _, truth = render(made, looking_at(made, 0.0, 0.0, depression_deg=30.0), camera, T0, CLEAN)
        x0, y0, x1, y1 = truth.boxes_px.T
        assert ((x1 > x0) & (y1 > y0) & (x0 >= 0) & (x1 <= 320) & (y0 >= 0) & (y1 <= 256)).all()
        inner = (x0 > 0.5) & (y0 > 0.5) & (x1 < 319.5) & (y1 < 255.5)
        assert (truth.visible[~inner] < 1.0).all()
        shares += truth.visible[inner].tolist()
    assert 0.5 < np.mean(np.array(shares) == 1.0) < 1.0
    assert min(shares) < 0.5


def test_above_the_horizon_is_sky(
    lone_world: Callable[..., World], camera: CameraModel, looking_at: Callable[..., Pose]
) -> None:
    made = lone_world([(0.0, 0.0)])
    pose = dataclasses.replace(looking_at(made, 0.0, 0.0), gimbal_pitch_deg=45.0)
    image, truth = render(made, pose, camera, T0, CLEAN)
    assert len(truth) == 0
    assert np.ptp(image.astype(int)) <= 1


def test_uneven_ground_lifts_what_stands_on_it(
    lone_world: Callable[..., World], camera: CameraModel, looking_at: Callable[..., Pose]
) -> None:
    made = lone_world([(0.0, 0.0)])
    pose = looking_at(made, 0.0, 0.0)
    raised = dataclasses.replace(made, terrain=FlatTerrain(height_m=200.0))
    low, high = (render(w, pose, camera, T0, CLEAN)[1] for w in (made, raised))
    assert high.alt_hae_m[0] - low.alt_hae_m[0] == pytest.approx(20.0)
    assert high.boxes_px[0, 1] < low.boxes_px[0, 1] - 20.0


@pytest.mark.parametrize("band", list(Band))
def test_random_looks_draw(world: World, camera: CameraModel, looking_at: Callable[..., Pose], band: Band) -> None:
    for seed in range(4):
        look: Look = random_look(np.random.default_rng(seed), band)
        image, _ = render(world, looking_at(world, 0.0, 0.0), camera, T0, look)
        assert bool(np.ptp(image, axis=2).max() == 0) is (band is Band.THERMAL)
        assert image.std() > 1.0
