"""Pictures of one ground, drawn here from its texture by rays of their true poses, compared under poses that err."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from detection.ground_registration import (
    _HANN,
    BLOCKS,
    CELLS,
    GroundRegistration,
    SeenGround,
    Taken,
    _detail,
    _laid,
    _peak,
    _smaller,
)
from detection.looks import Look, Looks
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


def picture(texture, true, rng, noise=6.0, above_m=HEIGHT_M):
    """Return what a camera at the true pose, so far above the ground, sees of the texture, with noise of its own."""
    u, v = np.meshgrid(np.arange(CAMERA.width_px) + 0.5, np.arange(CAMERA.height_px) + 0.5)
    uv = np.column_stack([u.ravel(), v.ravel()])
    north, east, down = camera_to_ned(Poses.of(true))[0] @ pixel_directions(CAMERA, uv)
    reach = above_m / down
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


def overlay():
    """Return where a sight, a frame and four lines of writing are burned into a picture, as aircraft do."""
    drawn = Image.new("L", (CAMERA.width_px, CAMERA.height_px))
    draw = ImageDraw.Draw(drawn)
    draw.line((145, 128, 175, 128), fill=255, width=2)
    draw.line((160, 113, 160, 143), fill=255, width=2)
    draw.rectangle((110, 88, 210, 168), outline=255)
    for line, text in enumerate(["LAT 47.38012 LON 112.5634", "ALT 0312 FT  HDG 092"]):
        draw.text((8, 6 + 11 * line), text, fill=255, font=ImageFont.load_default(10))
        draw.text((150, 228 + 11 * line), text, fill=255, font=ImageFont.load_default(10))
    return np.asarray(drawn) > 128


@pytest.mark.parametrize("step_m", [4.0, 5.5])
def test_a_sight_and_writing_do_not_outweigh_ground_that_moves_less_than_the_reach(texture, rng, step_m: float):
    first, second = pose(0.0, 0.0), pose(step_m, 0.0, t_s=0.3)
    pictures = [picture(0.6 * texture + 40.0, one, rng) for one in (first, second)]
    for one in pictures:
        one[overlay()] = 255
    registration = GroundRegistration(FLAT)
    registration.shift(pictures[0], first, CAMERA)
    found = registration.shift(pictures[1], displaced(second, 0.5, -0.4), CAMERA)
    assert found is not None
    assert (found.east_m, found.north_m) == pytest.approx((0.5, -0.4), abs=0.15)


def test_marks_that_agree_better_than_the_ground_are_passed_over_for_it(texture, rng):
    """Faint ground behind a net of lines, each of which hides most of the blocks that it lies in."""
    first, second = pose(0.0, 0.0), pose(4.0, 0.0, t_s=0.3)
    pictures = [picture(0.25 * texture + 90.0, one, rng, noise=3.0) for one in (first, second)]
    for one in pictures:
        one[10::23, :] = 255
        one[:, 7::29] = 0
    registration = GroundRegistration(FLAT)
    registration.shift(pictures[0], first, CAMERA)
    found = registration.shift(pictures[1], second, CAMERA)
    assert found is None or math.hypot(found.east_m, found.north_m) < 0.5


def test_ground_of_which_most_is_saturated_is_compared_by_the_rest(texture, rng):
    first, second = pose(0.0, 0.0), pose(3.0, 0.0, t_s=0.5)
    pictures = [picture(texture, one, rng) for one in (first, second)]
    for one in pictures:
        one[:, :90] = one[:, 230:] = 255
    registration = GroundRegistration(FLAT)
    registration.shift(pictures[0], first, CAMERA)
    found = registration.shift(pictures[1], displaced(second, 0.6, 0.3), CAMERA)
    assert found is not None
    assert (found.east_m, found.north_m) == pytest.approx((0.6, 0.3), abs=0.1)


def test_what_stands_out_counts_up_to_the_median_of_what_does(rng):
    """Against means of seven by seven taken one by one, where they lie wholly inside; one part is flat."""
    grey = rng.normal(100.0, 6.0, (60, 70)).astype(np.float32)
    grey[20:23, 30:33] = 250.0
    grey[40:, :] = 80.0
    fine = np.array(
        [[grey[r, c] - grey[r - 3 : r + 4, c - 3 : c + 4].mean() for c in range(3, 67)] for r in range(3, 57)]
    )
    found = _detail(grey)[3:57, 3:67]
    limit = float(np.abs(found).max())
    assert limit == pytest.approx(np.median(np.abs(fine[np.abs(fine) > 0.1])), rel=0.15)
    assert np.allclose(found, np.clip(fine, -limit, limit), atol=1e-3)


def test_ground_under_a_camera_that_stays_is_compared_for_all_that_is_solid(texture, rng):
    first, second = pose(0.0, 0.0), pose(0.0, 0.0, t_s=0.5)
    pictures = [picture(np.clip(texture, 100.0, 140.0), one, rng, noise=2.0) for one in (first, second)]
    for one in pictures:
        one[one > 135] = 255
        one[one < 105] = 0
    registration = GroundRegistration(FLAT)
    registration.shift(pictures[0], first, CAMERA)
    found = registration.shift(pictures[1], displaced(second, 0.7, -0.3), CAMERA)
    assert found is not None
    assert (found.east_m, found.north_m) == pytest.approx((0.7, -0.3), abs=0.1)


def test_a_matrix_about_the_middle_is_that_of_the_pose(rng):
    """Against the one made by way of the ellipsoid, for places up to 100 m around the middle of each picture."""
    for pitch in (-85.0, -45.0, -15.0):
        one = pose(12.0, -7.0, pitch=pitch)
        found = GroundRegistration(FLAT).ground((256, 320, 3), one, CAMERA)
        wanted = Looks.of([Look(one, CAMERA)]).matrices(found.middle)[0]
        places = np.column_stack([rng.uniform(-100.0, 100.0, (50, 3)), np.ones(50)])
        by_each = [places @ matrix.T for matrix in (found.to_pixels, wanted)]
        pixels = [each[:, :2] / each[:, 2:] for each in by_each]
        ahead = by_each[1][:, 2] > 30.0
        assert ahead.sum() > 20
        assert np.abs(pixels[0] - pixels[1])[ahead].max() < 0.05


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


@pytest.mark.parametrize("step", [(5.8, -2.6), (-5.6, 5.7)])
def test_the_whole_reach_is_looked_through_however_large_cells_are(texture, rng, step):
    """From 300 m, where a cell is 3.6 m; within a fourteenth of one."""
    poses = pose(0.0, 0.0), pose(3.0, 0.0, t_s=0.5)
    first, second = (dataclasses.replace(one, alt_hae_m=GROUND_M + 300.0) for one in poses)
    pictures = [picture(texture, one, rng, above_m=300.0) for one in (first, second)]
    registration = GroundRegistration(FLAT)
    registration.shift(pictures[0], first, CAMERA)
    found = registration.shift(pictures[1], displaced(second, *step), CAMERA)
    assert found is not None
    assert (found.east_m, found.north_m) == pytest.approx(step, abs=0.25)


@pytest.mark.parametrize(("east", "north"), [(0.0, 0.0), (7.37, -5.81), (-8.5, 8.25)])
def test_a_shift_between_cells_is_found_to_a_hundredth_of_one_behind_the_window(rng, east: float, north: float) -> None:
    """Of a sum of waves whose values anywhere are known; the window over both hides most of their rims."""
    waves, phases = rng.normal(0.0, 0.9, (200, 2)), rng.uniform(0.0, 2.0 * np.pi, 200)
    at = np.stack(np.meshgrid(np.arange(CELLS), np.arange(CELLS)), axis=-1).reshape(-1, 2)
    fields = [np.cos((at - shift) @ waves.T + phases).sum(axis=1) for shift in ((0.0, 0.0), (east, north))]
    pair = np.stack([field.reshape(CELLS, CELLS) for field in fields]).astype(np.float32) * _HANN
    assert _peak(pair, 10) == pytest.approx((east, north), abs=0.01)


def test_a_sharp_step_beyond_reach_is_not_taken_for_a_smaller_one(texture, rng):
    first, second = pose(0.0, 0.0), pose(2.0, 0.0, t_s=0.5)
    registration = GroundRegistration(FLAT)
    registration.shift(picture(texture, first, rng), first, CAMERA)
    assert registration.shift(picture(texture, second, rng), displaced(second, 9.0, 0.0), CAMERA) is None


@pytest.mark.parametrize("shape", [(512, 640), (130, 400), (1081, 1923), (90, 120)])
def test_a_picture_is_made_smaller_by_the_means_of_its_blocks(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(5)
    image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    grey, side = _smaller(image, np.uint8(40), np.uint8(200))
    rows, columns = shape[0] // side, shape[1] // side
    assert side == max(min(shape) // BLOCKS, 1)
    assert grey.shape == (rows, columns)
    for row, column in rng.integers(0, (rows, columns), (40, 2)).tolist():
        block = image[row * side : (row + 1) * side, column * side : (column + 1) * side, 1].clip(40, 200)
        block = block[::2] if side == 13 else block  # seven rows are enough
        assert grey[row, column] == np.float32(block.astype(float).sum() / block.size)


class Hills:
    """Ground that rises to the north and is not known in the east."""

    def height_hae_m(self, lat_deg, lon_deg):
        return np.where(lon_deg < 8.5, GROUND_M + 20.0 * np.sin((lat_deg - 50.0) * NORTH / 60.0), np.nan)


def test_the_ground_of_many_pictures_is_that_of_each_in_whatever_order_they_were_taken():
    """Also of sky, of unknown ground, of a camera under the ground, and of a lens that is another's."""
    poses = [pose(3.0 * k, 8.0 * k, t_s=(7 * k) % 5, yaw=40.0 * k, pitch=-20.0 - 5.0 * k) for k in range(12)]
    poses[3] = pose(0.0, 0.0, pitch=4.0)
    poses[5] = pose(0.6 * EAST, 0.0)
    poses[6] = dataclasses.replace(poses[6], alt_hae_m=GROUND_M - 40.0)
    taken = [((256 + (k == 8), 320, 3), one, CAMERA) for k, one in enumerate(poses)]
    registration = GroundRegistration(Hills())
    together = registration.grounds(taken)
    assert [k for k, one in enumerate(together) if one is None] == [3, 5, 6, 8]
    for one, found in zip(taken, together, strict=True):
        alone = registration.ground(*one)
        assert (alone is None) == (found is None)
        if alone is not None and found is not None:
            assert (alone.t_utc_ns, alone.middle, alone.half_m) == (found.t_utc_ns, found.middle, found.half_m)
            assert np.array_equal(alone.to_pixels, found.to_pixels)
            assert alone.t_utc_ns == one[1].t_utc_ns
    assert registration.grounds([]) == []


@pytest.mark.parametrize("pitch", [-20.0, -45.0, -89.0])
def test_the_middle_of_a_picture_of_level_ground_is_where_trigonometry_puts_it(pitch: float) -> None:
    down = np.radians(-pitch)
    found = GroundRegistration(FLAT).ground((256, 320, 3), pose(0.0, 0.0, yaw=30.0, pitch=pitch), CAMERA)
    assert found is not None
    away_m = HEIGHT_M / np.tan(down)
    assert (found.middle.lat_deg - 50.0) * NORTH == pytest.approx(away_m * np.cos(np.radians(30.0)), abs=0.01)
    assert (found.middle.lon_deg - 8.0) * EAST == pytest.approx(away_m * np.sin(np.radians(30.0)), abs=0.01)
    assert found.middle.alt_hae_m == GROUND_M
    assert found.half_m == pytest.approx(128.0 / CAMERA.fx_px * HEIGHT_M / np.sin(down), rel=1e-9)


@pytest.mark.parametrize(("rows", "side"), [(1280, 16), (1360, 17)])
def test_blocks_of_white_are_white_however_large_they_are(rows: int, side: int) -> None:
    white = np.broadcast_to(np.full(1, 255, np.uint8), (rows, rows, 3))
    grey, factor = _smaller(white, np.uint8(0), np.uint8(255))
    assert factor == side
    assert (grey == 255.0).all()


@pytest.mark.parametrize(("pitch", "up"), [(-50.0, 0.0), (-12.0, 3.0), (-85.0, -2.0)])
def test_the_ground_is_laid_out_as_point_by_point(rng, pitch: float, up: float) -> None:
    """Against each place of the grid projected by itself, and brightness between four blocks by hand."""
    one, cell_m = pose(3.0, -4.0, pitch=pitch), 1.1
    grey = ndimage.gaussian_filter(rng.normal(100.0, 40.0, (64, 80)), 1.0).astype(np.float32)
    origin = Geodetic(lat_deg=50.0, lon_deg=8.0, alt_hae_m=GROUND_M)
    matrix = Looks.of([Look(one, CAMERA)]).matrices(origin)[0]
    ahead_m = HEIGHT_M / np.tan(np.radians(-pitch)) * np.array([np.sin(np.radians(20.0)), np.cos(np.radians(20.0))])
    corner = np.array([*((3.0, -4.0) + ahead_m - 0.5 * CELLS * cell_m), up])
    taken = Taken(grey, grey > 999.0, 4, SeenGround(0, matrix, origin, 1.0))
    laid = _laid(taken, None, corner, cell_m)
    compared = 0
    for row, column in rng.integers(0, CELLS, (400, 2)).tolist():
        east, north = corner[:2] + (np.array([column, row]) + 0.5) * cell_m
        u, v, depth = matrix @ (east, north, up, 1.0)
        if depth <= 0.0:
            assert np.isnan(laid[row, column])
            continue
        x, y = u / depth / 4.0 - 0.5, v / depth / 4.0 - 0.5
        if not (0.0 <= x < 79.0 and 0.0 <= y < 63.0):
            assert np.isnan(laid[row, column]) or -0.5 <= x <= 79.5
            continue
        i, j = int(y), int(x)
        top, low = (grey[k, j] * (1 - (x - j)) + grey[k, j + 1] * (x - j) for k in (i, i + 1))
        assert laid[row, column] == pytest.approx(top * (1 - (y - i)) + low * (y - i), abs=1e-2)
        compared += 1
    assert compared > 30


def test_ground_behind_the_camera_is_not_seen_in_the_picture() -> None:
    """Every place falls on one pixel, and those from column 32 on do so from behind."""
    depth = np.array([-0.01, 0.0, 0.0, 0.32])
    grey = np.full((100, 100), 7.0, dtype=np.float32)
    origin = Geodetic(lat_deg=50.0, lon_deg=8.0, alt_hae_m=GROUND_M)
    shown = SeenGround(0, np.stack([20.0 * depth, 30.0 * depth, depth]), origin, 1.0)
    laid = _laid(Taken(grey, grey > 999.0, 1, shown), None, np.zeros(3), 1.0)
    assert (laid[:, :32] == 7.0).all()
    assert np.isnan(laid[:, 32:]).all()
