"""Ground below marching rays: scipy's bilinear interpolation, and the grid's edges counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from geo.surface import GridSurface
from geo.terrain import GridTerrain


def surface_of(heights):
    grid = GridTerrain.of(heights, north_deg=50.0, west_deg=8.0, lat_step_deg=0.001, lon_step_deg=0.001)
    return GridSurface(grid, lowest_m=float(np.nanmin(heights)), highest_m=float(np.nanmax(heights)))


@pytest.mark.parametrize("shape", [(5, 6), (6, 5), (2, 2), (3, 3)])
def test_beyond_an_edge_the_ground_is_unknown_on_an_edge_it_is_bilinear(rng, shape):
    rows, columns = shape
    heights = rng.uniform(0.0, 300.0, shape)
    x, y = (a.ravel() for a in np.meshgrid(np.arange(-1.5, rows + 1.0, 0.25), np.arange(-1.5, columns + 1.0, 0.25)))
    bilinear = RegularGridInterpolator(
        (np.arange(rows), np.arange(columns)), heights.astype(np.float32), bounds_error=False, fill_value=np.nan
    )
    clear = surface_of(heights).clearance(x, y, np.full(len(x), 500.0))
    np.testing.assert_allclose(clear, 500.0 - bilinear(np.stack([x, y], axis=1)), atol=1e-3)


@pytest.mark.parametrize("shape", [(5, 6), (6, 5)])
def test_over_a_hole_nothing_is_in_the_way_also_where_it_reaches_an_edge(shape):
    heights = np.full(shape, 100.0)
    heights[0, :2] = heights[-1, -2:] = np.nan
    south, east = shape[0] - 1.0, shape[1] - 1.0
    x = np.array([0.0, 0.5, south, south - 0.5, south, -0.5, south + 0.5, 2.0])
    y = np.array([0.5, 0.0, east, east, east - 0.5, 0.5, east, 2.0])
    clear = surface_of(heights).clearance(x, y, np.full(len(x), 150.0))
    assert clear[:5].tolist() == [np.inf] * 5
    assert np.isnan(clear[5:7]).all()
    assert clear[7] == 50.0
