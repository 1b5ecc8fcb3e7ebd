"""Terrain shadow against hand geometry and a brute-force line of sight."""

import numpy as np
import pytest

from geo.geodesy import ecef_to_geodetic, geodetic_to_ecef
from geo.locate import locate
from geo.seen import seen, seen_posts
from geo.terrain import FlatTerrain, GridTerrain
from geo.values import CameraModel, Poses

CAMERA = CameraModel.from_fov(hfov_deg=60.0, width_px=1280, height_px=720)


def brute_force_sight(pose, terrain, lat, lon, height_m):
    """Step along the straight line by 1 m in ECEF."""
    start = geodetic_to_ecef(pose.lat_deg, pose.lon_deg, pose.alt_hae_m)
    end = geodetic_to_ecef(lat, lon, terrain.height_hae_m(np.array([lat]), np.array([lon]))[0] + height_m)
    count = int(np.linalg.norm(end - start))
    along = start + (end - start) * np.linspace(0.0, 1.0, count, endpoint=False)[:, None]
    at_lat, at_lon, at_alt = ecef_to_geodetic(along)
    return bool(np.all(at_alt > terrain.height_hae_m(at_lat, at_lon)))


def test_shadow_agrees_with_brute_force(pose, hills, rng):
    viewer = pose(alt_hae_m=380.0)
    lat, lon = 50.0 + rng.uniform(-0.03, 0.03, 400), 8.0 + rng.uniform(-0.04, 0.04, 400)
    ours = seen(poses=viewer, camera=None, terrain=hills, places_deg=np.stack([lat, lon], 1))
    slow = np.array([brute_force_sight(viewer, hills, a, o, 0.5) for a, o in zip(lat, lon, strict=True)])
    assert 0.15 < slow.mean() < 0.85
    assert np.mean(ours == slow) > 0.985


def test_a_wall_throws_a_shadow_of_the_right_length(pose):
    heights = np.zeros((400, 400))
    heights[200:203] = 20.0
    wall = GridTerrain.of(heights, north_deg=50.05, west_deg=7.95, lat_step_deg=1 / 3600, lon_step_deg=1 / 3600)
    wall_lat = 50.05 - 201 / 3600
    viewer = pose(
        lat_deg=wall_lat - 0.009, alt_hae_m=100.0
    )  # 1 km south, 80 m over the wall: shadow of 250 m behind it
    behind_m = np.array([60.0, 150.0, 220.0, 320.0, 400.0])
    places = np.stack([wall_lat + behind_m / 111_229.0, np.full(5, 8.0)], axis=1)
    got = seen(poses=viewer, camera=None, terrain=wall, places_deg=places)
    np.testing.assert_array_equal(got, [False, False, False, True, True])


def test_a_peak_above_the_camera_is_seen_and_ground_behind_it_is_not(pose):
    heights = np.zeros((300, 300))
    heights[100:103, 140:160] = 400.0
    peak = GridTerrain.of(heights, north_deg=50.04, west_deg=7.96, lat_step_deg=1 / 3600, lon_step_deg=1 / 3600)
    viewer = pose(lat_deg=50.0, alt_hae_m=150.0)
    places = [[50.04 - 102 / 3600, 8.0017], [50.04 - 90 / 3600, 8.0017]]
    got = seen(poses=viewer, camera=None, terrain=peak, places_deg=places)
    np.testing.assert_array_equal(got, [True, False])


def test_only_what_is_in_the_picture_and_in_range(pose):
    flat = FlatTerrain(height_m=0.0)
    viewer = pose(alt_hae_m=100.0, gimbal_pitch_deg=-45.0)
    lat = 50.0 + np.array([100.0, 100.0, -100.0, 5000.0]) / 111_229.0
    lon = 8.0 + np.array([0.0, 200.0, 0.0, 0.0]) / 71_700.0
    common = {"terrain": flat, "places_deg": np.stack([lat, lon], axis=1)}
    np.testing.assert_array_equal(seen(poses=viewer, camera=CAMERA, **common), [True, False, False, False])
    np.testing.assert_array_equal(seen(poses=viewer, camera=None, **common), [True, True, True, True])
    np.testing.assert_array_equal(
        seen(poses=viewer, camera=None, max_range_m=500.0, **common), [True, True, True, False]
    )


def test_one_pose_a_point(pose):
    viewers = Poses.of(pose(alt_hae_m=100.0, gimbal_pitch_deg=-45.0), pose(alt_hae_m=100.0, gimbal_pitch_deg=45.0))
    places = [[50.0009, 8.0], [50.0009, 8.0]]
    got = seen(poses=viewers, camera=CAMERA, terrain=FlatTerrain(height_m=0.0), places_deg=places)
    np.testing.assert_array_equal(got, [True, False])


def test_posts_seen_are_those_whose_pixel_lands_on_them(pose, hills, no_errors):
    """The mask and `locate` tell the same story: rays of the picture land on seen ground."""
    viewer = pose(alt_hae_m=450.0, gimbal_pitch_deg=-20.0, gimbal_yaw_deg=40.0)
    mask = seen_posts(pose=viewer, camera=CAMERA, terrain=hills, max_range_m=5000.0, target_height_m=2.0)
    assert 1000 < mask.sum() < 60_000
    u, v = np.meshgrid(np.arange(20.0, 1280.0, 40.0), np.arange(20.0, 720.0, 20.0))
    hits = locate(poses=viewer, camera=CAMERA, uv_px=np.column_stack([u.ravel(), v.ravel()]), terrain=hills,
                  sigmas=no_errors, max_range_m=4800.0)  # fmt: skip
    row, column = hills.row_column(hits.lat_deg[hits.placed], hits.lon_deg[hits.placed])
    near = np.stack([mask[np.round(row + dr).astype(int), np.round(column + dc).astype(int)]
                     for dr in (-0.5, 0.5) for dc in (-0.5, 0.5)])  # fmt: skip
    assert near.any(axis=0).mean() > 0.95


def test_unknown_ground_is_not_seen(pose, hills):
    got = seen(poses=pose(), camera=None, terrain=hills, places_deg=[[10.0, 8.0], [np.nan, 8.0]])
    assert not got.any()


@pytest.mark.parametrize("lon", [179.99, -179.99])
def test_across_the_antimeridian(lon, pose):
    grid = GridTerrain.of(np.zeros((100, 200)), north_deg=0.05, west_deg=179.9, lat_step_deg=0.001, lon_step_deg=0.001)
    viewer = pose(lat_deg=0.0, lon_deg=179.995, alt_hae_m=300.0)
    assert seen(poses=viewer, camera=None, terrain=grid, places_deg=[[0.0, lon]]).all()
