"""Footprint outlines against hand geometry and the pixels they should hold."""

import numpy as np
import pytest
import shapely

from geo.footprint import footprint, footprints
from geo.locate import locate
from geo.terrain import FlatTerrain


def test_nadir_footprint_is_the_picture_on_the_ground(pose, pinhole):
    ring = footprint(
        pose=pose(alt_hae_m=100.0, gimbal_pitch_deg=-90.0), camera=pinhole, terrain=FlatTerrain(height_m=0.0)
    )
    area_deg2 = shapely.Polygon(ring).area
    width = 2 * 100.0 * np.tan(np.radians(30.0))
    expected = width * width * 720 / 1280 / (111_229.0 * 111_415.0 * np.cos(np.radians(50.0)))
    assert area_deg2 == pytest.approx(expected, rel=5e-3)
    np.testing.assert_array_equal(ring[0], ring[-1])


@pytest.mark.parametrize("pitch", [-70.0, -30.0, -12.0])
def test_footprint_holds_what_the_pixels_hit(pitch, pose, pinhole, hills, no_errors, rng):
    viewer = pose(alt_hae_m=700.0, gimbal_yaw_deg=120.0, gimbal_pitch_deg=pitch)
    ring = shapely.Polygon(footprint(pose=viewer, camera=pinhole, terrain=hills, max_range_m=8000.0)).buffer(1e-4)
    pixels = rng.uniform((0, 0), (1280, 720), (2000, 2))
    hits = locate(poses=viewer, camera=pinhole, uv_px=pixels, terrain=hills, sigmas=no_errors, max_range_m=8000.0)
    inside = shapely.contains_xy(ring, hits.lon_deg[hits.placed], hits.lat_deg[hits.placed])
    assert inside.mean() > 0.97


def test_looking_over_the_horizon_keeps_the_near_part(pose, pinhole):
    flat = FlatTerrain(height_m=0.0)
    ring = footprint(
        pose=pose(alt_hae_m=100.0, gimbal_pitch_deg=-5.0), camera=pinhole, terrain=flat, max_range_m=5000.0
    )
    assert ring[:, 1].min() > 50.0
    assert 50.01 < ring[:, 1].max() < 50.0 + 5000.0 / 111_000.0


def test_a_picture_held_upside_down_shows_the_same_ground(pose, pinhole, hills):
    def seen(roll_deg):
        viewer = pose(alt_hae_m=700.0, gimbal_pitch_deg=-9.0, gimbal_roll_deg=roll_deg)
        return shapely.Polygon(footprint(pose=viewer, camera=pinhole, terrain=hills, max_range_m=6000.0))

    upright, turned = seen(0.0), seen(180.0)
    assert upright.is_valid
    assert turned.is_valid
    assert upright.intersection(turned).area == pytest.approx(upright.union(turned).area, rel=0.02)


def test_sky_has_no_footprint(pose, pinhole):
    assert footprint(pose=pose(gimbal_pitch_deg=60.0), camera=pinhole, terrain=FlatTerrain(height_m=0.0)) is None


def test_ring_stays_in_one_piece_across_the_antimeridian(pose, pinhole):
    viewer = pose(lat_deg=0.0, lon_deg=179.9999, alt_hae_m=100.0, gimbal_pitch_deg=-90.0)
    ring = footprint(pose=viewer, camera=pinhole, terrain=FlatTerrain(height_m=0.0))
    assert np.ptp(ring[:, 0]) < 0.01


def test_outlines_asked_for_together_are_those_of_each(pose, pinhole, hills):
    """Also of sky, and of pictures of which a part shows sky, among those whose whole edge meets the ground."""
    looks = [(0.0, -70.0), (40.0, -9.0), (80.0, 30.0), (120.0, -45.0), (160.0, -12.0)]
    poses = [pose(alt_hae_m=700.0, gimbal_yaw_deg=yaw, gimbal_pitch_deg=pitch) for yaw, pitch in looks]
    together = footprints([(one, pinhole) for one in poses], terrain=hills, max_range_m=6000.0)
    assert [ring is None for ring in together] == [False, False, True, False, False]
    for one, ring in zip(poses, together, strict=True):
        alone = footprint(pose=one, camera=pinhole, terrain=hills, max_range_m=6000.0)
        assert (alone is None) == (ring is None)
        if alone is not None:
            np.testing.assert_allclose(ring, alone, atol=1e-7)
    assert footprints([], terrain=hills) == []


def test_an_outline_of_the_whole_picture_goes_through_its_edge_alone(pose, pinhole, hills, no_errors):
    """Each of its 32 places is one where a pixel on the rim lies, a fourth or an eighth of a side apart."""
    viewer = pose(alt_hae_m=700.0, gimbal_yaw_deg=120.0, gimbal_pitch_deg=-60.0)
    ring = footprint(pose=viewer, camera=pinhole, terrain=hills)
    across, down = np.linspace(0.0, 1280.0, 9), np.linspace(0.0, 720.0, 9)
    rim = [(u, v) for u in across for v in down if u in (0.0, 1280.0) or v in (0.0, 720.0)]
    hits = locate(poses=viewer, camera=pinhole, uv_px=np.array(rim), terrain=hills, sigmas=no_errors)
    told = {(round(lon, 6), round(lat, 6)) for lon, lat in ring}
    assert told == {(round(lon, 6), round(lat, 6)) for lon, lat in zip(hits.lon_deg, hits.lat_deg, strict=True)}
    assert len(ring) == 33
