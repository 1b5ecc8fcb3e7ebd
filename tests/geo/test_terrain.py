"""Bilinear heights against scipy, edges, holes and the antimeridian; ceilings against brute force."""

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from geo.terrain import FlatTerrain, GridTerrain


def test_bilinear_agrees_with_scipy(hills, rng):
    rows, columns = hills.heights_hae_m.shape
    lat = hills.north_deg - hills.lat_step_deg * np.arange(rows)
    lon = hills.west_deg + hills.lon_step_deg * np.arange(columns)
    oracle = RegularGridInterpolator((lat[::-1], lon), hills.heights_hae_m[::-1].astype(float))
    points = np.column_stack([rng.uniform(lat[-1], lat[0], 2000), rng.uniform(lon[0], lon[-1], 2000)])
    np.testing.assert_allclose(hills.height_hae_m(*points.T), oracle(points), atol=1e-3)


def small(heights=((1.0, 2.0), (3.0, 5.0)), west=10.0):
    return GridTerrain.of(heights, north_deg=1.0, west_deg=west, lat_step_deg=0.5, lon_step_deg=0.5)


def test_posts_edges_and_outside():
    lat, lon = np.array([1.0, 0.5, 1.0, 0.5, 0.75, 1.01, 0.49]), np.array([10.0, 10.0, 10.5, 10.5, 10.25, 10.0, 10.0])
    np.testing.assert_allclose(small().height_hae_m(lat, lon), [1, 3, 2, 5, 2.75, np.nan, np.nan])


def test_longitudes_are_the_same_a_turn_away():
    np.testing.assert_allclose(small().height_hae_m(np.array([0.75] * 2), np.array([370.25, -349.75])), 2.75)


def test_grid_across_the_antimeridian():
    grid = small(west=179.75)
    np.testing.assert_allclose(grid.height_hae_m(np.array([1.0] * 3), np.array([179.75, 180.0, -179.75])), [1, 1.5, 2])
    assert np.isnan(grid.height_hae_m(np.array([1.0]), np.array([0.0])))[0]


def test_a_hole_is_nan_and_only_around_the_hole():
    heights = np.ones((4, 4))
    heights[1, 1] = np.nan
    grid = GridTerrain.of(heights, north_deg=3.0, west_deg=0.0, lat_step_deg=1.0, lon_step_deg=1.0)
    got = grid.height_hae_m(np.array([1.9, 2.5, 0.5]), np.array([1.1, 0.5, 2.5]))
    np.testing.assert_array_equal(np.isnan(got), [True, True, False])


@pytest.mark.parametrize(
    ("heights", "step", "message"), [([[1.0, 2.0]], 1.0, "2 x 2"), ([[1.0, 2.0], [1.0, 2.0]], -1.0, "positive")]
)
def test_impossible_grids_are_refused(heights, step, message):
    with pytest.raises(ValueError, match=message):
        GridTerrain.of(heights, north_deg=0.0, west_deg=0.0, lat_step_deg=step, lon_step_deg=step)


def test_ceilings_cover_every_post_within_a_block(rng):
    heights = rng.normal(0, 100, (150, 83)).astype(np.float32)
    heights[rng.random(heights.shape) < 0.05] = np.nan
    grid = GridTerrain.of(heights, north_deg=0.0, west_deg=0.0, lat_step_deg=1.0, lon_step_deg=1.0)
    assert grid.ceilings.blocks == (1, 4, 16, 64)
    for block, ceiling in zip(grid.ceilings.blocks, grid.ceilings.ceilings, strict=True):
        for row, column in rng.integers(0, (149, 82), (60, 2)):
            near = heights[max(row - block, 0) : row + block + 2, max(column - block, 0) : column + block + 2]
            assert ceiling[row // block, column // block] >= np.nanmax(near)


def test_flat_ground_is_flat_but_not_nowhere():
    got = FlatTerrain(height_m=12.0).height_hae_m(np.array([1.0, np.nan]), np.array([2.0, 3.0]))
    np.testing.assert_array_equal(got, [12.0, np.nan])


def test_post_spacing(hills):
    assert hills.post_spacing_m == pytest.approx(30.9 * np.cos(np.radians(50.03)), rel=0.01)
