"""Ground in pages against the same ground in one piece, in memory that does not grow, and never beyond its data."""

import numpy as np
import pytest

from geo.locate import locate
from geo.terrain import GridTerrain
from geo.tiled_terrain import Lattice, TiledTerrain
from geo.values import CameraModel, GimbalFrame, Pose, PoseSigmas, Unplaced

STEP = 1 / 3600
PLACE = {"north_deg": 50.0, "west_deg": 8.0, "lat_step_deg": STEP, "lon_step_deg": STEP}


class Array:
    """Posts in memory that count how they are read."""

    def __init__(self, heights):
        self.heights, self.reads = heights, 0

    def posts_hae_m(self, row, column, rows, columns):
        self.reads += 1
        return self.heights[row : row + rows, column : column + columns]


def rough(rows=1300, columns=1700, seed=5):
    rng = np.random.default_rng(seed)
    heights = sum(
        a * np.kron(rng.uniform(-1, 1, (rows // k + 1, columns // k + 1)), np.ones((k, k)))[:rows, :columns]
        for a, k in ((150.0, 200), (40.0, 40), (8.0, 5))
    )
    return (300.0 + heights).astype(np.float32)


def both(heights, **options):
    source = Array(heights)
    grid = Lattice(rows=heights.shape[0], columns=heights.shape[1], **PLACE)
    return GridTerrain.of(heights, **PLACE), TiledTerrain(grid, source, **options), source


@pytest.mark.parametrize("cache_mb", [1.0, 256.0])
def test_heights_are_those_of_one_grid_whatever_is_held(cache_mb, rng):
    heights = rough()
    heights[100:140, 500:560] = np.nan
    whole, tiled, _ = both(heights, cache_mb=cache_mb)
    south, west, north, east = whole.bounds_deg
    lat, lon = rng.uniform(south - 0.02, north + 0.02, 20_000), rng.uniform(west - 0.02, east + 0.02, 20_000)
    np.testing.assert_array_equal(tiled.height_hae_m(lat, lon), whole.height_hae_m(lat, lon))
    np.testing.assert_array_equal(tiled.height_hae_m(lat, lon + 360.0), whole.height_hae_m(lat, lon + 360.0))
    corners = np.array([south, north, south, north]), np.array([west, west, east, east])
    np.testing.assert_array_equal(tiled.height_hae_m(*corners), whole.height_hae_m(*corners))
    assert np.isnan(tiled.height_hae_m(np.array([np.nan, 50.1]), np.array([8.1, 8.1]))).all()


def test_memory_stays_below_its_bound_and_pages_come_once(rng):
    whole, tiled, source = both(rough(2600, 2600), cache_mb=8.0)
    south, west, north, east = whole.bounds_deg
    for _ in range(3):
        lat, lon = rng.uniform(south, north, 5000), rng.uniform(west, east, 5000)
        np.testing.assert_array_equal(tiled.height_hae_m(lat, lon), whole.height_hae_m(lat, lon))
    assert tiled.cached_mb <= 8.0
    assert source.reads <= 3 * 36
    near = north - rng.uniform(0.0, 0.1, 5000), west + rng.uniform(0.0, 0.1, 5000)
    tiled.height_hae_m(*near)
    before = source.reads
    for _ in range(5):
        tiled.height_hae_m(*near)
    assert source.reads == before


def test_only_what_is_asked_for_is_read(rng):
    _, tiled, source = both(rough(2600, 2600))
    tiled.height_hae_m(50.0 - rng.uniform(0.01, 0.02, 1000), 8.0 + rng.uniform(0.01, 0.02, 1000))
    assert source.reads == 1


@pytest.mark.parametrize("hole", [False, True])
def test_rays_meet_the_same_ground(hole, rng):
    """Steep and grazing rays, across the seams of pages, against the march over one grid."""
    heights = rough()
    if hole:
        heights[500:530, 480:560] = np.nan
    whole, tiled, _ = both(heights)
    camera = CameraModel.from_fov(hfov_deg=60.0, width_px=640, height_px=512)
    for _ in range(12):
        pose = Pose(
            t_utc_ns=0,
            lat_deg=50.0 - rng.uniform(0.1, 0.25),
            lon_deg=8.0 + rng.uniform(0.1, 0.35),
            alt_hae_m=float(rng.uniform(560.0, 900.0)),
            yaw_deg=0.0,
            pitch_deg=0.0,
            roll_deg=0.0,
            gimbal_yaw_deg=float(rng.uniform(0.0, 360.0)),
            gimbal_pitch_deg=float(rng.uniform(-60.0, -5.0)),
            gimbal_roll_deg=0.0,
            gimbal_frame=GimbalFrame.EARTH,
        )
        uv = rng.uniform([0.0, 0.0], [640.0, 512.0], (200, 2))
        found = [
            locate(poses=pose, camera=camera, uv_px=uv, terrain=ground, sigmas=PoseSigmas(), max_range_m=15_000.0)
            for ground in (whole, tiled)
        ]
        reasons = [[found[k][i].reason for i in range(200)] for k in (0, 1)]
        assert reasons[0] == reasons[1]
        for name in ("lat_deg", "lon_deg"):
            first, second = (np.array([getattr(found[k][i], name) for i in range(200)]) for k in (0, 1))
            np.testing.assert_allclose(first, second, atol=2e-7)
        assert any(reason is None for reason in reasons[0])


def test_a_ray_that_leaves_the_ground_has_no_place():
    _, tiled, _ = both(np.full((600, 600), 100.0, dtype=np.float32))
    pose = Pose(
        t_utc_ns=0, lat_deg=49.99, lon_deg=8.01, alt_hae_m=900.0, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0,
        gimbal_yaw_deg=315.0, gimbal_pitch_deg=-10.0, gimbal_roll_deg=0.0, gimbal_frame=GimbalFrame.EARTH,
    )  # fmt: skip
    camera = CameraModel.from_fov(hfov_deg=30.0, width_px=640, height_px=512)
    points = locate(
        poses=pose, camera=camera, uv_px=[(320.0, 256.0)], terrain=tiled, sigmas=PoseSigmas(), max_range_m=20_000.0
    )
    assert points[0].reason is Unplaced.NO_TERRAIN


def test_a_window_is_the_same_posts():
    whole, tiled, _ = both(rough(700, 800))
    part = tiled.window(49.9, 8.05, 49.95, 8.1)
    lat, lon = np.linspace(49.9, 49.95, 40), np.linspace(8.05, 8.1, 40)
    np.testing.assert_allclose(part.height_hae_m(lat, lon), whole.height_hae_m(lat, lon), atol=1e-4)
    np.testing.assert_array_equal(tiled.whole().heights_hae_m, whole.heights_hae_m)
    assert tiled.post_spacing_m == pytest.approx(whole.post_spacing_m)
    assert tiled.bounds_deg == pytest.approx(whole.bounds_deg)


def test_a_grid_of_too_many_pages_is_refused():
    with pytest.raises(ValueError, match="over the limit"):
        TiledTerrain(Lattice(rows=10**8, columns=10**8, **PLACE), Array(np.zeros((2, 2))))


@pytest.mark.parametrize("extra", [-1, 0, 1, 77])
def test_very_many_places_at_once_have_the_heights_of_each_alone(extra, monkeypatch, rng):
    monkeypatch.setattr("geo.tiled_terrain._AT_ONCE", 500)
    heights = rough(400, 500)
    whole, tiled, _ = both(heights)
    south, west, north, east = whole.bounds_deg
    lat, lon = rng.uniform(south, north, (2, 500 + extra)), rng.uniform(west, east, (2, 500 + extra))
    found = tiled.height_hae_m(lat, lon)
    assert found.shape == lat.shape
    np.testing.assert_array_equal(found, whole.height_hae_m(lat, lon))


def test_the_outermost_posts_are_held_to_by_rounding_and_no_farther():
    """On the very edge, and a ten-thousandth of a post beyond it."""
    heights = np.arange(300.0 * 400.0).reshape(300, 400)
    _, tiled, _ = both(heights)
    south, west, north, east = tiled.bounds_deg
    corners = np.array([[north, west], [north, east], [south, west], [south, east]])
    np.testing.assert_allclose(tiled.height_hae_m(*corners.T), [0.0, 399.0, 299 * 400.0, 300 * 400.0 - 1.0], atol=1e-6)
    for lat, lon in ((north + 1e-4 * STEP, west), (south - 1e-4 * STEP, east), (north, west - 1e-4 * STEP),
                     (south, east + 1e-4 * STEP)):  # fmt: skip
        assert np.isnan(tiled.height_hae_m(np.array([lat]), np.array([lon]))).all()


@pytest.mark.parametrize("lat_deg", [0.0, 60.0, 80.0, -80.0])
@pytest.mark.parametrize("yaw_deg", [90.0, 270.0])
def test_far_high_ground_is_met_where_degrees_of_longitude_are_short(lat_deg, yaw_deg, no_errors):
    """A level ray 400 m up over the sea meets a plateau 17 km away, some pages on: at 80 degrees that is 0.9 of one."""
    per_lon = 111_320.0 * np.cos(np.radians(lat_deg))
    step = 31.0 / per_lon
    heights = np.zeros((200, 700), dtype=np.float32)
    if yaw_deg == 90.0:
        heights[:, 560:], camera_lon = 500.0, 8.0 + 10 * step
    else:
        heights[:, :140], camera_lon = 500.0, 8.0 + 690 * step
    place = {"north_deg": lat_deg + 100 * STEP, "west_deg": 8.0, "lat_step_deg": STEP, "lon_step_deg": step}
    source = Array(heights)
    tiled = TiledTerrain(Lattice(rows=200, columns=700, **place), source)
    pose = Pose(
        t_utc_ns=0, lat_deg=lat_deg, lon_deg=camera_lon, alt_hae_m=400.0, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0,
        gimbal_yaw_deg=yaw_deg, gimbal_pitch_deg=0.0, gimbal_roll_deg=0.0, gimbal_frame=GimbalFrame.EARTH,
    )  # fmt: skip
    camera = CameraModel.from_fov(hfov_deg=30.0, width_px=640, height_px=512)
    points = locate(poses=pose, camera=camera, uv_px=[(320.0, 256.0)], terrain=tiled, sigmas=no_errors)
    assert points[0].reason is None
    assert points.lat_deg[0] == pytest.approx(lat_deg, abs=0.02)
    assert abs(points.lon_deg[0] - camera_lon) / step == pytest.approx(550, abs=2.0)
