"""Pictures of one ground, drawn here from its texture by rays of their true poses, compared under poses that err."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from detection.ground_registration import CELLS, GroundRegistration, SeenGround, Taken
from detection.looks import Looks
from geo.geodesy import metres_per_degree
from geo.rays import pixel_directions
from geo.rotation import camera_to_ned
from geo.terrain import FlatTerrain
from geo.values import CameraModel, Geodetic, GimbalFrame, Pose, Poses

CAMERA = CameraModel.from_fov(hfov_deg=40.0, width_px=320, height_px=256)
GROUND_M, HEIGHT_M = 150.0, 100.0
NORTH, EAST = (float(v) for v in metres_per_degree(50.0))
FLAT = FlatTerrain(height_m=GROUND_M)
CELL_M = 0.4


@pytest.fixture(scope="module")
def texture():
    """Return a ground of 480 m with grass, bushes and paths, a value each 40 cm."""
    rng = np.random.default_rng(5)
    fine, coarse = (ndimage.gaussian_filter(rng.normal(size=(1200, 1200)), s) * s for s in (1.0, 8.0))
    return 120.0 + 60.0 * fine + 60.0 * coarse


def pose(east_m, north_m, *, t_s=0.0, yaw=20.0, pitch=-50.0):
    return Pose(
        t_utc_ns=1_750_000_000_000_000_000 + round(t_s * 1e9),
        lat_deg=50.0 + north_m / NORTH,
        lon_deg=8.0 + east_m / EAST,
        alt_hae_m=GROUND_M + HEIGHT_M,
        yaw_deg=0.0,
        pitch_deg=0.0,
        roll_deg=0.0,
        gimbal_yaw_deg=yaw,
        gimbal_pitch_deg=pitch,
        gimbal_roll_deg=0.0,
        gimbal_frame=GimbalFrame.EARTH,
    )


def picture(texture, true, rng, noise=6.0):
    """Return what a camera at the true pose sees of the texture, with noise of its own."""
    u, v = np.meshgrid(np.arange(CAMERA.width_px) + 0.5, np.arange(CAMERA.height_px) + 0.5)
    uv = np.column_stack([u.ravel(), v.ravel()])
    north, east, down = camera_to_ned(Poses.of(true))[0] @ pixel_directions(CAMERA, uv)
    reach = HEIGHT_M / down
    at_north = (true.lat_deg - 50.0) * NORTH + reach * north
    at_east = (true.lon_deg - 8.0) * EAST + reach * east
    cells = np.stack([at_north / CELL_M + 400.0, at_east / CELL_M + 400.0])
    grey = ndimage.map_coordinates(texture, cells, order=1, mode="nearest") + rng.normal(0.0, noise, len(uv))
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8).reshape(CAMERA.height_px, CAMERA.width_px, 1), 3, axis=2)


def displaced(true, east_m, north_m):
    """Return a pose as telemetry tells it that is so many metres off."""
    return dataclasses.replace(true, lat_deg=true.lat_deg + north_m / NORTH, lon_deg=true.lon_deg + east_m / EAST)


def test_the_step_between_two_poses_is_found_at_least_as_exactly_as_is_told(texture, rng):
    scaled = []
    for k in range(24):
        first, second = pose(k, 0.0), pose(k + rng.uniform(-8, 8), rng.uniform(-8, 8), t_s=0.4, yaw=20.0 + k / 4)
        off = rng.normal(0.0, 1.2, (2, 2))
        registration = GroundRegistration(FLAT)
        assert registration.shift(picture(texture, first, rng), displaced(first, *off[0]), CAMERA) is None
        found = registration.shift(picture(texture, second, rng), displaced(second, *off[1]), CAMERA)
        step = off[1] - off[0]
        scaled.append((np.array([found.east_m, found.north_m]) - step) / found.sigma_m)
        assert found.sigma_m < 0.15
    assert np.abs(scaled).max() < 2.0  # flat ground: what is told allows for hills


def test_marks_burned_into_the_pictures_change_nothing(texture, rng):
    first, second = pose(0.0, 0.0), pose(9.0, 0.0, t_s=0.6)
    pictures = [picture(texture, one, rng) for one in (first, second)]
    for one in pictures:
        one[120:136, 40:280] = 255
        one[20:236:16, 158:162] = 255
    registration = GroundRegistration(FLAT)
    registration.shift(pictures[0], first, CAMERA)
    found = registration.shift(pictures[1], displaced(second, 1.0, -0.5), CAMERA)
    assert found is not None
    assert (found.east_m, found.north_m) == pytest.approx((1.0, -0.5), abs=0.25)


def test_pictures_of_two_sizes_show_one_ground(texture, rng):
    first, second = pose(0.0, 0.0), pose(4.0, 0.0, t_s=0.5)
    registration = GroundRegistration(FLAT)
    registration.shift(picture(texture, first, rng), first, CAMERA)
    smaller = CameraModel.from_fov(hfov_deg=40.0, width_px=160, height_px=128)
    found = registration.shift(picture(texture, second, rng)[::2, ::2], displaced(second, 1.0, -0.5), smaller)
    assert (found.east_m, found.north_m) == pytest.approx((1.0, -0.5), abs=0.4)


@pytest.mark.parametrize("change", ["another ground", "nothing to see", "too late", "too far", "sky"])
def test_what_cannot_be_compared_is_not(texture, rng, change):
    first, second = pose(0.0, 0.0), pose(4.0, 0.0, t_s=0.5)
    pictures = [picture(texture, one, rng) for one in (first, second)]
    if change == "another ground":
        pictures[1] = picture(np.roll(texture, 333, axis=(0, 1)), second, rng)
    elif change == "nothing to see":
        pictures[1] = rng.integers(100, 103, pictures[1].shape).astype(np.uint8)
    elif change == "too late":
        second = pose(4.0, 0.0, t_s=3.0)
    elif change == "too far":
        second = displaced(second, 60.0, 0.0)
    else:
        second = pose(4.0, 0.0, t_s=0.5, pitch=2.0)
    registration = GroundRegistration(FLAT)
    registration.shift(pictures[0], first, CAMERA)
    assert registration.shift(pictures[1], second, CAMERA) is None


def test_a_sharp_step_beyond_reach_is_not_taken_for_a_smaller_one(texture, rng):
    first, second = pose(0.0, 0.0), pose(2.0, 0.0, t_s=0.5)
    registration = GroundRegistration(FLAT)
    registration.shift(picture(texture, first, rng), first, CAMERA)
    assert registration.shift(picture(texture, second, rng), displaced(second, 9.0, 0.0), CAMERA) is None
    assert CELLS == 128


@pytest.mark.parametrize("shape", [(512, 640), (130, 400), (1081, 1923), (90, 120)])
def test_a_picture_is_made_smaller_by_the_means_of_its_blocks(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(5)
    image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    taken = Taken.of(image, SeenGround(Looks.of([]), Geodetic(lat_deg=0.0, lon_deg=0.0, alt_hae_m=0.0), 1.0))
    side = taken.factor
    rows, columns = shape[0] // side, shape[1] // side
    assert taken.grey.shape == (rows, columns)
    for row, column in rng.integers(0, (rows, columns), (40, 2)).tolist():
        block = image[row * side : (row + 1) * side, column * side : (column + 1) * side, 1]
        assert taken.grey[row, column] == np.float32(block.astype(float).sum() / side**2)
