"""Ground positions against golden vectors, brute force, and the way back."""

import dataclasses

import numpy as np
import pyproj
import pytest

from geo.geodesy import ecef_to_geodetic, geodetic_to_ecef, inverse
from geo.geoid import undulation_m
from geo.jacobian import pixel_steps, slopes
from geo.locate import locate, locate_directions, project
from geo.rays import cast, pixel_directions
from geo.terrain import FlatTerrain, GridTerrain
from geo.terrain_plane import SeaLevelPlane, UnknownGround
from geo.values import CameraModel, GimbalFrame, Poses, PoseSigmas, Unplaced

MIDDLE = np.array([[640.0, 360.0]])


def test_golden_ray(pose, pinhole):
    """The worked ray of the project's format notes: body gimbal, 300 m ground."""
    sensor = pose(
        yaw_deg=30.0, pitch_deg=2.0, roll_deg=-3.0, gimbal_yaw_deg=45.0, gimbal_pitch_deg=-30.0,
        gimbal_frame=GimbalFrame.BODY,
    )  # fmt: skip
    ned = cast(Poses.of(sensor), pixel_directions(pinhole, MIDDLE)).ned[:, 0]
    np.testing.assert_allclose(ned, [0.22527900, 0.86641879, 0.44560953], atol=1e-8)
    found = locate(poses=sensor, camera=pinhole, uv_px=MIDDLE, terrain=FlatTerrain(height_m=300.0), sigmas=PoseSigmas())
    assert found.lat_deg[0] == pytest.approx(50.00090891723, abs=1e-10)
    assert found.lon_deg[0] == pytest.approx(8.00542406872, abs=1e-10)
    assert found.slant_m[0] == pytest.approx(448.851783, abs=1e-5)
    assert found.alt_hae_m[0] == pytest.approx(300.0, abs=1e-3)


@pytest.mark.parametrize("frame", list(GimbalFrame))
@pytest.mark.parametrize("pitch", [-85.0, -45.0, -15.0])
def test_round_trip_on_slopes(frame, pitch, pose, lens, hills, no_errors, rng):
    """Ground to pixel to ground stays under 0.1 m with distortion, slopes and every gimbal frame."""
    camera_pose = pose(
        alt_hae_m=600.0, yaw_deg=40.0, pitch_deg=3.0, roll_deg=-4.0, gimbal_yaw_deg=70.0, gimbal_pitch_deg=pitch,
        gimbal_roll_deg=2.0, gimbal_frame=frame,
    )  # fmt: skip
    pixels = rng.uniform((0, 0), (lens.width_px, lens.height_px), (3000, 2))
    first = locate(poses=camera_pose, camera=lens, uv_px=pixels, terrain=hills, sigmas=no_errors)
    ok = first.placed
    assert ok.mean() > 0.5
    ground = (first.lat_deg[ok], first.lon_deg[ok], first.alt_hae_m[ok])
    seen = project(poses=camera_pose, camera=lens, lat_deg=ground[0], lon_deg=ground[1], alt_hae_m=ground[2])
    np.testing.assert_allclose(seen, pixels[ok], atol=1e-5)
    again = locate(poses=camera_pose, camera=lens, uv_px=seen, terrain=hills, sigmas=no_errors)
    apart = geodetic_to_ecef(again.lat_deg, again.lon_deg, again.alt_hae_m) - geodetic_to_ecef(*ground)
    assert np.linalg.norm(apart, axis=1).max() < 0.1
    np.testing.assert_allclose(ground[2], hills.height_hae_m(*ground[:2]), atol=1e-3)


def brute_force(origin, direction, terrain, max_range_m, step_m=0.5):
    """March one ECEF ray by fixed short steps through PROJ, and bisect the first crossing."""
    to_geodetic = pyproj.Transformer.from_crs(4978, 4979, always_xy=True)

    def clear(ranges):
        lon, lat, alt = to_geodetic.transform(*(origin[:, None] + direction[:, None] * ranges))
        return np.asarray(alt) - terrain.height_hae_m(np.asarray(lat), np.asarray(lon))

    ranges = np.arange(0.0, max_range_m, step_m)
    below = np.flatnonzero(clear(ranges) < 0.0)
    if not below.size:
        return np.nan
    low, high = ranges[below[0]] - step_m, ranges[below[0]]
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (middle, high) if clear(np.array([middle]))[0] > 0.0 else (low, middle)
    return high


def test_first_contact_agrees_with_brute_force(pose, pinhole, hills, no_errors, rng):
    """Short fixed steps through PROJ find the same first hillside, also for rays that skim ridges."""
    viewer = pose(alt_hae_m=420.0, gimbal_yaw_deg=25.0, gimbal_pitch_deg=-12.0)
    pixels = rng.uniform((0, 0), (1280, 720), (150, 2))
    found = locate(poses=viewer, camera=pinhole, uv_px=pixels, terrain=hills, sigmas=no_errors, max_range_m=6000.0)
    rays = cast(Poses.of(viewer), pixel_directions(pinhole, pixels))
    slow = np.array([brute_force(rays.origin_m[:, 0], d, hills, 6000.0) for d in rays.ecef.T])
    skimmed = np.flatnonzero(np.abs(np.nan_to_num(found.slant_m, nan=-1) - np.nan_to_num(slow, nan=-1)) > 0.05)
    assert np.isfinite(slow).sum() > 100
    assert len(skimmed) <= 2, f"rays {skimmed}: {found.slant_m[skimmed]} against {slow[skimmed]}"


def test_a_near_ridge_is_not_jumped_over(pose, pinhole, no_errors):
    """One post of wall 40 m high, 1 km ahead, hides the plain behind it."""
    heights = np.zeros((400, 400))
    heights[100, :] = 40.0
    wall = GridTerrain.of(heights, north_deg=50.0277, west_deg=7.95, lat_step_deg=1 / 3600, lon_step_deg=1 / 3600)
    ahead_m = (wall.north_deg - 100 / 3600 - 49.99) * 111_230
    viewer = pose(lat_deg=49.99, alt_hae_m=60.0, gimbal_pitch_deg=-np.degrees(np.arctan(30.0 / ahead_m)))
    found = locate(poses=viewer, camera=pinhole, uv_px=MIDDLE, terrain=wall, sigmas=no_errors)
    assert found.alt_hae_m[0] == pytest.approx(30.0, abs=2.0)
    assert found.slant_m[0] == pytest.approx(ahead_m, abs=31.0)


def test_any_terrain_gives_what_its_grid_gives(pose, pinhole, hills, no_errors, rng):
    """A terrain the march knows nothing about, but for a bound on its slope, is met at the same places."""

    class Opaque:
        max_slope = 2.0
        lowest_m, highest_m = 40.0, 360.0

        def height_hae_m(self, lat_deg, lon_deg):
            return hills.height_hae_m(lat_deg, lon_deg)

    viewer = pose(alt_hae_m=520.0, gimbal_yaw_deg=200.0, gimbal_pitch_deg=-25.0)
    pixels = rng.uniform((0, 0), (1280, 720), (500, 2))
    common = {"poses": viewer, "camera": pinhole, "uv_px": pixels, "sigmas": no_errors, "max_range_m": 6000.0}
    known, opaque = locate(terrain=hills, **common), locate(terrain=Opaque(), **common)
    both = known.placed & opaque.placed
    assert both.mean() > 0.9
    np.testing.assert_allclose(opaque.slant_m[both], known.slant_m[both], atol=0.01)


def test_level_ground_over_the_sea(pose, pinhole, no_errors):
    viewer = pose(alt_hae_m=300.0, gimbal_pitch_deg=-20.0)
    found = locate(poses=viewer, camera=pinhole, uv_px=MIDDLE, terrain=SeaLevelPlane(alt_amsl_m=10.0), sigmas=no_errors)
    assert found.alt_hae_m[0] == pytest.approx(10.0 + undulation_m(found.lat_deg[0], found.lon_deg[0]), abs=1e-3)
    nothing = locate(poses=viewer, camera=pinhole, uv_px=MIDDLE, terrain=UnknownGround(), sigmas=no_errors)
    assert nothing.reason(0) is Unplaced.NO_TERRAIN


def test_n_poses_for_n_pixels_equal_one_by_one(pose, lens, hills, rng):
    poses = [pose(lat_deg=50.0 + rng.uniform(-0.02, 0.02), alt_hae_m=500.0 + 50 * k, gimbal_pitch_deg=-20.0 - 5 * k,
                  gimbal_yaw_deg=30.0 * k) for k in range(8)]  # fmt: skip
    pixels = rng.uniform((0, 0), (1280, 720), (8, 2))
    table = locate(poses=Poses.of(*poses), camera=lens, uv_px=pixels, terrain=hills, sigmas=PoseSigmas())
    for k, one in enumerate(poses):
        alone = locate(poses=one, camera=lens, uv_px=pixels[k : k + 1], terrain=hills, sigmas=PoseSigmas())[0]
        for field in ("lat_deg", "lon_deg", "alt_hae_m", "slant_m", "ce90_m", "le90_m", "cov_enu_m2"):
            np.testing.assert_allclose(getattr(table[k], field), getattr(alone, field), rtol=2e-6, atol=1e-8)
    back = project(poses=Poses.of(*poses), camera=lens, lat_deg=table.lat_deg, lon_deg=table.lon_deg,
                   alt_hae_m=table.alt_hae_m)  # fmt: skip
    np.testing.assert_allclose(back, pixels, atol=1e-5)


def test_across_the_antimeridian_and_near_the_pole(pose, pinhole, no_errors):
    for lat, lon in ((10.0, 179.9995), (-75.0, -179.9999), (86.0, 10.0)):
        viewer = pose(lat_deg=lat, lon_deg=lon, alt_hae_m=400.0, gimbal_yaw_deg=90.0, gimbal_pitch_deg=-20.0)
        flat = locate(poses=viewer, camera=pinhole, uv_px=MIDDLE, terrain=FlatTerrain(height_m=100.0), sigmas=no_errors)
        west, step = (lon - 0.2, 0.001) if lat < 80 else (-10.0, 0.1)
        grid = GridTerrain.of(
            np.full((201, 401), 100.0), north_deg=lat + 0.1, west_deg=west, lat_step_deg=0.001, lon_step_deg=step
        )
        on_grid = locate(poses=viewer, camera=pinhole, uv_px=MIDDLE, terrain=grid, sigmas=no_errors)
        distance, azimuth = inverse(lat, lon, flat.lat_deg, flat.lon_deg)
        assert distance[0] == pytest.approx(300.0 / np.tan(np.radians(20.0)), rel=2e-3)
        assert azimuth[0] == pytest.approx(90.0, abs=0.01)
        assert -180.0 <= flat.lon_deg[0] < 180.0
        np.testing.assert_allclose([on_grid.lat_deg, on_grid.lon_deg], [flat.lat_deg, flat.lon_deg], atol=1e-8)


class TestReasons:
    """Every ray without a position says why, and holds no numbers."""

    def place(self, pose, camera, terrain, uv=MIDDLE, **options):
        points = locate(poses=pose, camera=camera, uv_px=uv, terrain=terrain, sigmas=PoseSigmas(), **options)
        for index in np.flatnonzero(~points.placed):
            row = points[int(index)]
            assert np.isnan([row.lat_deg, row.lon_deg, row.alt_hae_m, row.slant_m, row.ce90_m, row.le90_m]).all()
            assert np.isnan(row.cov_enu_m2).all()
        return points.reason(0)

    @pytest.mark.parametrize("pitch", [0.0, 5.0, 90.0, -0.3])
    def test_above_horizon(self, pitch, pose, pinhole):
        level = pose(alt_hae_m=120.0, gimbal_pitch_deg=pitch)
        assert self.place(level, pinhole, FlatTerrain(height_m=0.0)) is Unplaced.ABOVE_HORIZON

    def test_sky_over_hills(self, pose, pinhole, hills):
        assert self.place(pose(gimbal_pitch_deg=30.0), pinhole, hills) is Unplaced.ABOVE_HORIZON

    def test_out_of_range(self, pose, pinhole):
        steep = pose(gimbal_pitch_deg=-30.0)
        assert self.place(steep, pinhole, FlatTerrain(height_m=0.0), max_range_m=900.0) is Unplaced.OUT_OF_RANGE
        assert self.place(steep, pinhole, FlatTerrain(height_m=0.0), max_range_m=1100.0) is None

    def test_a_limit_just_behind_the_target_changes_nothing(self, pose, pinhole):
        """Moved rays that land past the caller's limit are not taken for grazing ones."""
        shallow, flat = pose(alt_hae_m=120.0, gimbal_pitch_deg=-6.0), FlatTerrain(height_m=0.0)
        free = locate(poses=shallow, camera=pinhole, uv_px=MIDDLE, terrain=flat, sigmas=PoseSigmas())
        limited = locate(poses=shallow, camera=pinhole, uv_px=MIDDLE, terrain=flat, sigmas=PoseSigmas(),
                         max_range_m=free.slant_m[0] + 5.0)  # fmt: skip
        assert limited.ce90_m[0] == pytest.approx(free.ce90_m[0], rel=1e-6)

    def test_no_terrain_beside_the_grid(self, pose, pinhole, hills):
        assert self.place(pose(lat_deg=40.0, gimbal_pitch_deg=-60.0), pinhole, hills) is Unplaced.NO_TERRAIN
        edge = pose(lat_deg=50.199, alt_hae_m=900.0, gimbal_pitch_deg=-30.0)
        assert self.place(edge, pinhole, hills) is Unplaced.NO_TERRAIN

    def test_no_terrain_in_a_hole_but_beyond_it_yes(self, pose, pinhole):
        """A hole from 120 to 1360 m ahead, between a far peak and a far pit, so that rays are followed through it."""
        heights = np.zeros((300, 300))
        heights[290, 290], heights[290, 10] = 290.0, -290.0
        heights[100:140] = np.nan
        grid = GridTerrain.of(heights, north_deg=50.05, west_deg=7.95, lat_step_deg=1 / 3600, lon_step_deg=1 / 3600)
        over = pose(lat_deg=50.01, alt_hae_m=300.0)
        reasons = {pitch: self.place(dataclasses.replace(over, gimbal_pitch_deg=-pitch), pinhole, grid)
                   for pitch in (75.0, 60.0, 15.0, 12.8, 12.0, 10.0)}  # fmt: skip
        assert reasons == {
            75.0: None,
            60.0: Unplaced.NO_TERRAIN,
            15.0: Unplaced.NO_TERRAIN,
            12.8: Unplaced.NO_TERRAIN,
            12.0: None,
            10.0: None,
        }

    def test_a_camera_over_a_hole_sees_past_it(self, pose, pinhole):
        heights = np.zeros((300, 300))
        heights[290, 290] = 290.0
        heights[100:140] = np.nan
        grid = GridTerrain.of(heights, north_deg=50.05, west_deg=7.95, lat_step_deg=1 / 3600, lon_step_deg=1 / 3600)
        over = pose(lat_deg=50.0195, alt_hae_m=80.0, gimbal_pitch_deg=-8.0)
        assert self.place(over, pinhole, grid) is None

    def test_camera_below_the_terrain(self, pose, pinhole, hills):
        assert self.place(pose(alt_hae_m=-50.0, gimbal_pitch_deg=-30.0), pinhole, hills) is Unplaced.BELOW_TERRAIN
        on_it = pose(alt_hae_m=0.0, gimbal_pitch_deg=-30.0)
        assert self.place(on_it, pinhole, FlatTerrain(height_m=0.0)) is Unplaced.BELOW_TERRAIN

    def test_a_plane_of_no_height_is_no_terrain(self, pose, pinhole):
        nowhere = FlatTerrain(height_m=np.nan)
        assert self.place(pose(gimbal_pitch_deg=-30.0), pinhole, nowhere) is Unplaced.NO_TERRAIN

    def test_no_pixels_no_points(self, pose, pinhole, hills):
        none = locate(poses=pose(), camera=pinhole, uv_px=np.empty((0, 2)), terrain=hills, sigmas=PoseSigmas())
        assert len(none) == 0

    def test_grazing(self, pose, pinhole):
        skimming = pose(alt_hae_m=120.0, gimbal_pitch_deg=-2.5)
        assert self.place(skimming, pinhole, FlatTerrain(height_m=0.0)) is Unplaced.GRAZING

    def test_no_pose(self, pose, pinhole, hills):
        for field in ("lat_deg", "alt_hae_m", "gimbal_pitch_deg"):
            assert self.place(pose(**{field: np.nan}), pinhole, hills) is Unplaced.NO_POSE

    def test_outside_the_lens(self, pose, hills):
        folding = CameraModel(width_px=100, height_px=100, fx_px=50, fy_px=50, cx_px=50, cy_px=50, k1=-0.4)
        assert self.place(pose(gimbal_pitch_deg=-90.0), folding, hills, [[0.0, 0.0]]) is Unplaced.OUTSIDE_LENS


def test_wrong_shapes_are_named(pose, pinhole):
    flat = FlatTerrain(height_m=0.0)
    with pytest.raises(ValueError, match=r"shape \(n, 2\)"):
        locate(poses=pose(), camera=pinhole, uv_px=[[1.0, 2.0, 3.0]], terrain=flat, sigmas=PoseSigmas())
    with pytest.raises(ValueError, match="3 poses expected for 3 pixels, got 2"):
        locate(
            poses=Poses.of(pose(), pose()), camera=pinhole, uv_px=[[1.0, 2.0]] * 3, terrain=flat, sigmas=PoseSigmas()
        )


def test_behind_the_camera_has_no_pixel(pose, pinhole):
    viewer = pose(gimbal_pitch_deg=0.0)
    seen = project(poses=viewer, camera=pinhole, lat_deg=[50.1, 49.9], lon_deg=[8.0, 8.0], alt_hae_m=[500.0, 500.0])
    assert np.isfinite(seen[0]).all()
    assert np.isnan(seen[1]).all()


def test_project_by_hand(pose, pinhole):
    """A point 10 degrees right of the axis lies f tan(10 deg) right of the centre."""
    viewer = pose(gimbal_yaw_deg=20.0)
    ray = cast(Poses.of(dataclasses.replace(viewer, gimbal_yaw_deg=30.0)), pixel_directions(pinhole, MIDDLE))
    lat, lon, alt = ecef_to_geodetic(ray.origin_m[:, 0] + 500.0 * ray.ecef[:, 0])
    seen = project(poses=viewer, camera=pinhole, lat_deg=lat, lon_deg=lon, alt_hae_m=alt)
    np.testing.assert_allclose(seen, [[640.0 + pinhole.fx_px * np.tan(np.radians(10.0)), 360.0]], atol=1e-4)


@pytest.mark.parametrize("pitch", [-90.0, -85.0, -78.0])
def test_a_ray_straight_down_beside_the_picture_s_middle_is_placed_with_its_neighbours_accuracy(pose, pinhole, pitch):
    """The slope of a ray has no first derivative straight down; it may not pass for one that only grazes the ground."""
    sensor = pose(alt_hae_m=340.0, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0, gimbal_yaw_deg=0.0,
                  gimbal_pitch_deg=pitch, gimbal_frame=GimbalFrame.EARTH)  # fmt: skip
    below_px = pinhole.cy_px + pinhole.fy_px * np.tan(np.radians(90.0 + pitch))
    uv = np.array([[pinhole.cx_px, below_px + away] for away in (-20.0, -1.0, -1e-3, 0.0, 1e-3, 1.0, 20.0)])
    found = locate(poses=sensor, camera=pinhole, uv_px=uv, terrain=FlatTerrain(height_m=300.0), sigmas=PoseSigmas())
    assert [found[k].reason for k in range(len(uv))] == [None] * len(uv)
    np.testing.assert_allclose(found.ce90_m, found.ce90_m[3], rtol=0.01)


def test_a_pixels_own_error_needs_the_lens(pose):
    """Rays of many lenses state none; the rest is placed as pixels are."""
    camera = CameraModel.from_fov(hfov_deg=40.0, width_px=640, height_px=512)
    uv = np.array([[320.0, 256.0], [100.0, 400.0]])
    where = {"poses": Poses.of(pose(gimbal_pitch_deg=-45.0)), "terrain": FlatTerrain(height_m=150.0)}
    rays = pixel_directions(camera, uv)
    with pytest.raises(ValueError, match="the lens"):
        locate_directions(**where, directions=rays, sigmas=PoseSigmas())
    exact = PoseSigmas(pixel_px=0.0)
    placed = locate_directions(**where, directions=rays, sigmas=exact)
    by_pixel = locate(**where, camera=camera, uv_px=uv, sigmas=exact)
    assert placed.placed.all()
    assert np.array_equal(placed.lat_deg, by_pixel.lat_deg)
    assert np.array_equal(placed.cov_enu_m2, by_pixel.cov_enu_m2)


@pytest.mark.parametrize(("pitch", "slope"), [(-80.0, 0.0), (-45.0, 0.0), (-45.0, 0.3), (-20.0, -0.1), (-20.0, 0.2)])
def test_how_far_the_ground_moves_a_pixel_is_what_rays_half_a_pixel_beside_give(pose, pitch, slope):
    """On flat ground and on a slope to the north; `locate` itself, half a pixel to both sides, is the oracle."""
    camera = CameraModel.from_fov(hfov_deg=40.0, vfov_deg=30.0, width_px=640, height_px=512)
    lat = np.linspace(50.03, 49.97, 121)
    rise = slope * 111_229.0 * (lat - 50.0)
    heights = np.repeat(150.0 + rise[:, None], 201, axis=1)
    terrain = GridTerrain.of(heights, north_deg=50.03, west_deg=7.95, lat_step_deg=0.0005, lon_step_deg=0.0005)
    where = {"poses": pose(gimbal_pitch_deg=pitch, gimbal_yaw_deg=25.0), "terrain": terrain, "sigmas": PoseSigmas()}
    uv = np.array([[320.0, 256.0], [50.0, 480.0], [600.0, 300.0]])
    middle = locate(**where, camera=camera, uv_px=uv)
    steps = pixel_steps(
        Poses.of(where["poses"]),
        pixel_directions(camera, uv),
        middle.slant_m,
        slopes(terrain, middle.lat_deg, middle.lon_deg),
    )
    for found, across, focal in zip(steps, np.eye(2), (camera.fx_px, camera.fy_px), strict=True):
        ends = [locate(**where, camera=camera, uv_px=uv + side * across) for side in (0.5, -0.5)]
        north = (ends[0].lat_deg - ends[1].lat_deg) * 111_229.0
        east = (ends[0].lon_deg - ends[1].lon_deg) * 71_696.0
        wanted = np.column_stack([east, north])
        assert np.abs(found / focal - wanted).max() < 0.01 * np.abs(wanted).max() + 1e-3
