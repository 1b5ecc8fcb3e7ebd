"""Whether the stated CE90 is true: Monte Carlo over poses, on flat ground and on hills, up to the limb."""

import dataclasses
from statistics import NormalDist

import numpy as np
import pytest

from geo.geodesy import inverse
from geo.jacobian import error_sources, ground_errors
from geo.locate import locate
from geo.rays import cast, pixel_directions
from geo.terrain import FlatTerrain
from geo.values import CameraModel, GimbalFrame, Poses, PoseSigmas, Unplaced

CAMERA = CameraModel.from_fov(hfov_deg=60.0, width_px=1000, height_px=1000)
CENTRE = np.array([[500.0, 500.0]])
GOOD = PoseSigmas(roll_deg=0.0, pixel_px=0.0)
POOR = PoseSigmas(
    yaw_deg=5.0, pitch_deg=2.0, roll_deg=0.0, position_h_m=2.5, position_v_m=5.0, terrain_m=4.0, pixel_px=0.0
)
NONE = PoseSigmas(
    position_h_m=0.0, position_v_m=0.0, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0, terrain_m=0.0, pixel_px=0.0
)
# Format notes, section 6: 120 m above flat ground, depression against CE90 (m).
TABLE = {
    "good": (GOOD, {90: 4.6, 60: 7.2, 45: 11.0, 30: 19.7, 20: 36.5, 15: 58.8, 10: 123.0}),
    "poor": (POOR, {90: 8.6, 60: 14.7, 45: 23.3, 30: 41.7, 20: 75.8, 15: 122.0, 10: 262.0}),
}
ROWS = [(name, depression) for name, (_, row) in TABLE.items() for depression in row]


def shaken(pose, sigmas, count, rng):
    """Return `count` poses with independent normal errors about one pose; terrain error counts as camera height."""
    table = Poses.of(*[pose])
    repeated = {
        f.name: np.repeat(getattr(table, f.name), count) for f in dataclasses.fields(table) if f.name != "gimbal_frame"
    }
    east_m = rng.normal(0.0, sigmas.position_h_m, count)
    north_m = rng.normal(0.0, sigmas.position_h_m, count)
    up_m = rng.normal(0.0, sigmas.position_v_m, count) + rng.normal(0.0, sigmas.terrain_m, count)
    way = rng.standard_normal(count) if sigmas.along_n_m else np.zeros(count)
    north_m, east_m, up_m = (
        north_m + way * sigmas.along_n_m, east_m + way * sigmas.along_e_m, up_m - way * sigmas.along_d_m
    )  # fmt: skip
    repeated["lat_deg"] = pose.lat_deg + north_m / 111_229.0
    repeated["lon_deg"] = pose.lon_deg + east_m / (111_415.0 * np.cos(np.radians(pose.lat_deg)))
    repeated["alt_hae_m"] = pose.alt_hae_m + up_m
    of_airframe = {GimbalFrame.BODY: ("yaw_deg", "pitch_deg", "roll_deg"), GimbalFrame.VEHICLE_YAW: ("yaw_deg",)}
    for name in ("yaw_deg", "pitch_deg", "roll_deg"):
        turned = name if name in of_airframe.get(pose.gimbal_frame, ()) else "gimbal_" + name
        repeated[turned] = repeated[turned] + rng.normal(0.0, getattr(sigmas, name), count)
    return dataclasses.replace(table, **repeated)


def misses_m(pose, sigmas, terrain, rng, count=20_000):
    """Return how far shaken poses land from the steady one; infinite where they land nowhere."""
    centre = locate(poses=pose, camera=CAMERA, uv_px=CENTRE, terrain=terrain, sigmas=NONE)
    moved = locate(poses=shaken(pose, sigmas, count, rng), camera=CAMERA, uv_px=np.repeat(CENTRE, count, axis=0),
                   terrain=terrain, sigmas=NONE)  # fmt: skip
    distance, _ = inverse(centre.lat_deg, centre.lon_deg, np.nan_to_num(moved.lat_deg), np.nan_to_num(moved.lon_deg))
    return np.where(moved.placed, distance, np.inf)


def looking(pose, depression, **changes):
    return pose(alt_hae_m=120.0, gimbal_yaw_deg=30.0, gimbal_pitch_deg=-float(depression), **changes)


@pytest.mark.parametrize(("name", "depression"), ROWS)
def test_monte_carlo_table(name, depression, pose, rng):
    """Our own Monte Carlo and our stated CE90 both reproduce the table."""
    sigmas, row = TABLE[name]
    flat = FlatTerrain(height_m=0.0)
    measured = np.quantile(misses_m(looking(pose, depression), sigmas, flat, rng), 0.9)
    assert measured == pytest.approx(row[depression], rel=0.03)
    stated = locate(poses=looking(pose, depression), camera=CAMERA, uv_px=CENTRE, terrain=flat, sigmas=sigmas).ce90_m[0]
    assert stated == pytest.approx(measured, rel=0.05)


@pytest.mark.parametrize(("name", "depression"), [row for row in ROWS if row[1] >= 20])
def test_analytic_jacobian_alone_is_within_ten_per_cent(name, depression, pose, rng):
    from geo.accuracy import ce90_m

    sigmas, _ = TABLE[name]
    table = Poses.of(looking(pose, depression))
    rays = cast(table, pixel_directions(CAMERA, CENTRE))
    slant = np.array([120.0 / np.sin(np.radians(depression))])
    errors = ground_errors(rays, error_sources(table, CAMERA, sigmas), slant, np.zeros(1), np.zeros(1))
    ee, nn, _, en, _, _ = errors.columns
    measured = np.quantile(misses_m(table[0], sigmas, FlatTerrain(height_m=0.0), rng), 0.9)
    assert ce90_m(ee, nn, en)[0] == pytest.approx(measured, rel=0.1)


@pytest.mark.parametrize("frame", list(GimbalFrame))
@pytest.mark.parametrize("along", [(0.0, 0.0, 0.0), (3.0, -2.0, 0.8)], ids=["", "a clock's error"])
def test_covariance_matches_monte_carlo_for_every_gimbal_frame(frame, along, pose, rng):
    """Full covariance, with roll and off-axis pixels, on sloping ground."""
    from geo.terrain import GridTerrain

    row, column = np.mgrid[0:400, 0:400]
    slope = GridTerrain.of(400.0 - 4.0 * row + 3.0 * column - 400.0 + 600.0, north_deg=50.05, west_deg=7.95,
                           lat_step_deg=1 / 3600, lon_step_deg=1 / 3600)  # fmt: skip
    sigmas = PoseSigmas(yaw_deg=0.6, pitch_deg=0.4, roll_deg=0.5, position_h_m=1.0, position_v_m=1.5, terrain_m=1.0,
                        pixel_px=0.0, along_n_m=along[0], along_e_m=along[1], along_d_m=along[2])  # fmt: skip
    ground = slope.height_hae_m(np.array([50.0]), np.array([8.0]))[0]
    viewer = pose(alt_hae_m=ground + 150.0, yaw_deg=20.0, pitch_deg=4.0, roll_deg=-6.0, gimbal_yaw_deg=50.0,
                  gimbal_pitch_deg=-40.0, gimbal_roll_deg=3.0, gimbal_frame=frame)  # fmt: skip
    pixel = np.array([[820.0, 300.0]])
    count = 30_000
    centre = locate(poses=viewer, camera=CAMERA, uv_px=pixel, terrain=slope, sigmas=sigmas)
    moved = locate(poses=shaken(viewer, sigmas, count, rng), camera=CAMERA, uv_px=np.repeat(pixel, count, axis=0),
                   terrain=slope, sigmas=NONE)  # fmt: skip
    north = (moved.lat_deg - centre.lat_deg) * 111_229.0
    east = (moved.lon_deg - centre.lon_deg) * 111_415.0 * np.cos(np.radians(50.0))
    sampled = np.cov(np.stack([east, north]))
    np.testing.assert_allclose(centre.cov_enu_m2[0, :2, :2], sampled, rtol=0.06, atol=0.06 * sampled.max())
    assert centre.ce90_m[0] == pytest.approx(np.quantile(np.hypot(east, north), 0.9), rel=0.05)


@pytest.mark.parametrize("ground", ["flat", "hills"])
def test_stated_ce90_holds_ninety_per_cent(ground, pose, hills, rng):
    """10^4 trials: random true poses, CE90 stated from the shaken pose, truth from the true one."""
    terrain = FlatTerrain(height_m=100.0) if ground == "flat" else hills
    count, sigmas = 10_000, PoseSigmas(pixel_px=0.0)
    base = Poses.of(pose())
    true = {
        f.name: np.repeat(getattr(base, f.name), count) for f in dataclasses.fields(base) if f.name != "gimbal_frame"
    }
    true["lat_deg"] = rng.uniform(49.95, 50.1, count)
    true["lon_deg"] = rng.uniform(7.9, 8.05, count)
    true["alt_hae_m"] = terrain.height_hae_m(true["lat_deg"], true["lon_deg"]) + rng.uniform(60.0, 200.0, count)
    true["gimbal_yaw_deg"] = rng.uniform(0.0, 360.0, count)
    true["gimbal_pitch_deg"] = -rng.uniform(15.0, 90.0, count)
    truth = dataclasses.replace(base, **true)
    east_m, north_m = rng.normal(0.0, sigmas.position_h_m, (2, count))
    up_m = rng.normal(0.0, np.hypot(sigmas.position_v_m, sigmas.terrain_m), count)
    noisy = dataclasses.replace(
        truth,
        lat_deg=truth.lat_deg + north_m / 111_229.0,
        lon_deg=truth.lon_deg + east_m / (111_415.0 * np.cos(np.radians(50.0))),
        alt_hae_m=truth.alt_hae_m + up_m,
        gimbal_yaw_deg=truth.gimbal_yaw_deg + rng.normal(0.0, sigmas.yaw_deg, count),
        gimbal_pitch_deg=truth.gimbal_pitch_deg + rng.normal(0.0, sigmas.pitch_deg, count),
        gimbal_roll_deg=truth.gimbal_roll_deg + rng.normal(0.0, sigmas.roll_deg, count),
    )
    pixels = rng.uniform(200.0, 800.0, (count, 2))
    where = locate(poses=truth, camera=CAMERA, uv_px=pixels, terrain=terrain, sigmas=NONE)
    found = locate(poses=noisy, camera=CAMERA, uv_px=pixels, terrain=terrain, sigmas=sigmas)
    both = where.placed & found.placed
    assert both.mean() > 0.75
    distance, _ = inverse(where.lat_deg[both], where.lon_deg[both], found.lat_deg[both], found.lon_deg[both])
    inside = np.mean(distance <= found.ce90_m[both])
    print(f"{ground}: {inside:.4f} of {both.sum()} inside CE90")
    assert 0.87 <= inside <= 0.93


@pytest.mark.parametrize("name", ["good", "poor"])
@pytest.mark.parametrize("depression", [12.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.5, 3.0, 2.0, 1.0, 0.5])
def test_never_a_small_ce90_at_the_limb(name, depression, pose, rng):
    """Towards the horizon a ray is grazing, or its CE90 is all but the sampled one."""
    sigmas, _ = TABLE[name]
    flat, viewer = FlatTerrain(height_m=0.0), looking(pose, depression)
    stated = locate(poses=viewer, camera=CAMERA, uv_px=CENTRE, terrain=flat, sigmas=sigmas)
    if stated.reason(0) is not None:
        assert stated.reason(0) in (Unplaced.GRAZING, Unplaced.ABOVE_HORIZON)
        return
    assert stated.ce90_m[0] >= 0.95 * np.quantile(misses_m(viewer, sigmas, flat, rng), 0.9)


@pytest.mark.parametrize("toward", ["north", "east"])
def test_a_hit_on_a_crest_counts_the_far_slope(toward, pose, rng):
    """A ray just under a ridge line may land a kilometre behind it: the stated error says so."""
    from geo.terrain import GridTerrain

    heights = np.zeros((300, 300))
    heights[140:150] = 60.0
    distance_m = (50.04 - 149 / 3600 - 49.99) * 111_229.0
    place, step_deg = {"lat_deg": 49.99, "gimbal_yaw_deg": 0.0}, 1 / 3600
    if toward == "east":  # the same ridge and distance, turned by a quarter about 50 N 8 E
        heights = np.ascontiguousarray(np.rot90(heights, -1))
        step_deg = 111_229.0 / 71_695.0 / 3600
        place = {"lon_deg": 8.0 + (150 - 149.5) * step_deg - distance_m / 71_695.0, "gimbal_yaw_deg": 90.0}
    west_deg = 8.0 - 150 * step_deg if toward == "east" else 7.96
    ridge = GridTerrain.of(heights, north_deg=50.04, west_deg=west_deg, lat_step_deg=1 / 3600, lon_step_deg=step_deg)
    viewer = pose(alt_hae_m=160.0, gimbal_pitch_deg=-np.degrees(np.arctan(101.0 / distance_m)), **place)
    stated = locate(poses=viewer, camera=CAMERA, uv_px=CENTRE, terrain=ridge, sigmas=GOOD)
    sampled = np.quantile(misses_m(viewer, GOOD, ridge, rng), 0.87)  # at 0.9 the misses jump to the far slope
    assert stated.reason(0) is Unplaced.GRAZING or stated.ce90_m[0] > 0.7 * sampled


@pytest.mark.parametrize(("depression", "rel"), [(30.0, 1e-3), (7.0, 0.1)])
def test_higher_ground_is_met_nearer(depression, rel, pose):
    """Ground z higher is met z / tan(depression) nearer: east and up go together, by Jacobian and by casting again."""
    sigmas = PoseSigmas(roll_deg=0.0, pixel_px=0.0)
    viewer = pose(alt_hae_m=120.0, gimbal_yaw_deg=90.0, gimbal_pitch_deg=-depression)
    cov = locate(
        poses=viewer, camera=CAMERA, uv_px=CENTRE, terrain=FlatTerrain(height_m=0.0), sigmas=sigmas
    ).cov_enu_m2[0]
    assert cov[0, 2] == pytest.approx(-(sigmas.terrain_m**2) / np.tan(np.radians(depression)), rel=rel)
    assert cov[1, 2] == pytest.approx(0.0, abs=0.1)
    assert cov[2, 2] == pytest.approx(sigmas.terrain_m**2, rel=1e-3)
    np.testing.assert_allclose(cov, cov.T)


def test_focal_and_pixel_errors_enter(pose):
    flat, viewer = FlatTerrain(height_m=0.0), pose(alt_hae_m=120.0, gimbal_pitch_deg=-90.0)
    pixel = dataclasses.replace(NONE, pixel_px=10.0)
    centre = locate(poses=viewer, camera=CAMERA, uv_px=CENTRE, terrain=flat, sigmas=pixel)
    np.testing.assert_allclose(centre.cov_enu_m2[0, :2, :2], np.eye(2) * (120.0 * 10.0 / CAMERA.fx_px) ** 2, atol=1e-3)
    focal = dataclasses.replace(NONE, focal_rel=0.02)
    corner = locate(poses=viewer, camera=CAMERA, uv_px=[[900.0, 500.0]], terrain=flat, sigmas=focal)
    assert np.sqrt(np.trace(corner.cov_enu_m2[0])) == pytest.approx(0.02 * 400.0 * 120.0 / CAMERA.fx_px, rel=1e-2)
    gimbal = dataclasses.replace(NONE, gimbal_pitch_deg=1.0)
    tilted = locate(poses=viewer, camera=CAMERA, uv_px=CENTRE, terrain=flat, sigmas=gimbal)
    assert np.sqrt(np.trace(tilted.cov_enu_m2[0])) == pytest.approx(120.0 * np.radians(1.0), rel=1e-2)


def incidence_rad(pose, camera, uv, slopes):
    """Return the angle between a pixel's ray and sloping ground (rise over run to the north and the east)."""
    d = cast(Poses.of(pose), pixel_directions(camera, np.atleast_2d(uv))).ned[:, 0]
    upward = np.array([-slopes[0], -slopes[1], -1.0]) / np.sqrt(1.0 + slopes[0] ** 2 + slopes[1] ** 2)
    return float(np.arcsin(-(upward @ d)))


@pytest.mark.parametrize("source", ["yaw_deg", "pitch_deg", "roll_deg", "pixel_px", "focal_rel"])
@pytest.mark.parametrize("slopes", [(0.0, 0.0), (0.35, -0.2), (-0.6, 0.5)])
def test_how_surely_a_ray_meets_the_ground_follows_each_error_alone(source, slopes, pose, rng):
    """A small error of each kind is made, and the angle at which the ray meets the ground measured again."""
    for _ in range(6):
        yaw, pitch, uv = rng.uniform(0.0, 360.0), -rng.uniform(25.0, 88.0), rng.uniform(150.0, 850.0, 2)
        viewer = pose(gimbal_yaw_deg=yaw, gimbal_pitch_deg=pitch, gimbal_roll_deg=rng.uniform(-9.0, 9.0))
        small = {"pixel_px": 0.05, "focal_rel": 1e-4}.get(source, 1e-3)
        table, rays = Poses.of(viewer), cast(Poses.of(viewer), pixel_directions(CAMERA, uv[None]))
        sources = error_sources(table, CAMERA, dataclasses.replace(NONE, **{source: small}))
        told = ground_errors(rays, sources, np.ones(1), *(np.array([slope]) for slope in slopes))
        changes = []
        for sign in (1.0, -1.0):
            moved = {"pixel_px": [(uv + [sign * small, 0.0]), (uv + [0.0, sign * small])]}.get(source, [uv])
            longer = 1.0 + sign * small if source == "focal_rel" else 1.0
            camera = dataclasses.replace(CAMERA, fx_px=CAMERA.fx_px * longer, fy_px=CAMERA.fy_px * longer)
            turned = {"gimbal_" + source: getattr(viewer, "gimbal_" + source) + sign * small} if "deg" in source else {}
            changes.append([incidence_rad(dataclasses.replace(viewer, **turned), camera, at, slopes) for at in moved])
        assert told.incidence_rad[0] == pytest.approx(incidence_rad(viewer, CAMERA, uv, slopes), abs=1e-6)
        half = (np.array(changes[0]) - np.array(changes[1])) / 2.0
        assert told.sigma_incidence_rad[0] == pytest.approx(np.hypot.reduce(half), rel=0.01, abs=1e-9)


@pytest.mark.parametrize("focal_rel", [0.01, 0.02])
def test_a_grazing_ray_through_a_doubtful_lens_is_cast_again(focal_rel, pose):
    """Two degrees above the ground and far from the picture's middle, the focal length decides how far it flies."""
    flat, viewer, pixel = FlatTerrain(height_m=0.0), pose(alt_hae_m=120.0, gimbal_pitch_deg=17.0), [[500.0, 810.0]]
    stated = locate(
        poses=viewer, camera=CAMERA, uv_px=pixel, terrain=flat, sigmas=dataclasses.replace(NONE, focal_rel=focal_rel)
    )
    assert stated.reason(0) is None
    centre = locate(poses=viewer, camera=CAMERA, uv_px=pixel, terrain=flat, sigmas=NONE)
    misses = []
    for share in (np.arange(400) + 0.5) / 400.0:
        longer = 1.0 + focal_rel * NormalDist().inv_cdf(float(share))
        camera = dataclasses.replace(CAMERA, fx_px=CAMERA.fx_px * longer, fy_px=CAMERA.fy_px * longer)
        moved = locate(poses=viewer, camera=camera, uv_px=pixel, terrain=flat, sigmas=NONE)
        misses.append(inverse(centre.lat_deg, centre.lon_deg, moved.lat_deg, moved.lon_deg)[0][0])
    assert stated.ce90_m[0] == pytest.approx(np.quantile(np.nan_to_num(misses, nan=np.inf), 0.9), rel=0.2)
