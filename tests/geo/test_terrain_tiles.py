"""Tiles laid on one grid of posts, against every post of that grid looked at alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from geo.geoid import undulation_m
from geo.terrain_tiles import TerrainTile, TileSource, lay_out
from geo.vertical import VerticalReference

STEP = 1.0 / 1200.0


@dataclasses.dataclass(frozen=True)
class Level:
    """A raster of one height, which warps to any grid of degrees and knows only what lies within its edges."""

    height_m: float

    def window(self, row, column, rows, columns):
        return np.full((rows, columns), self.height_m, dtype=np.float32)

    def warped(self, lattice, rows, columns):
        return np.full((rows, columns), self.height_m, dtype=np.float32)


def tile(north, west, rows, columns, step, height_m):
    return TerrainTile(
        raster=Level(height_m), reference=ELLIPSOID, geoid=undulation_m, north_up=True, north_deg=north,
        south_deg=north - rows * step, west_deg=west, east_deg=west + columns * step, lat_step_deg=step,
        lon_step_deg=step, rows=rows, columns=columns,
    )  # fmt: skip


ELLIPSOID = VerticalReference(to_m=1.0, datum="hae")


@pytest.mark.parametrize(("over", "down"), [(0.0, 0.0), (0.3, 0.0), (0.0, 0.45), (0.55, 0.7), (-0.2, -0.6)])
@pytest.mark.parametrize("coarser", [1.0, 2.6])
def test_a_tile_is_given_just_the_posts_within_its_edges(over, down, coarser):
    """Posts are the middles of the fine tile's cells; the other begins some part of a cell beside one of its edges."""
    fine = tile(50.0, 8.0, 12, 15, STEP, 1.0)
    other = tile(50.0 - (4.0 + down) * STEP, 8.0 + (9.0 + over) * STEP, 10, 8, coarser * STEP, 2.0)
    lattice, placed = lay_out([fine, other])
    (second,) = [one for one in placed if one.tile is other]
    within = np.zeros((lattice.rows, lattice.columns), dtype=bool)
    for row in range(lattice.rows):
        for column in range(lattice.columns):
            lat = lattice.north_deg - row * lattice.lat_step_deg
            lon = lattice.west_deg + column * lattice.lon_step_deg
            slack = 1e-6 * STEP
            within[row, column] = (
                other.south_deg - slack <= lat <= other.north_deg + slack
                and other.west_deg - slack <= lon <= other.east_deg + slack
            )
    given = np.zeros_like(within)
    given[second.row : second.row + second.rows, second.column : second.column + second.columns] = True
    np.testing.assert_array_equal(given, within)
    assert (given.sum(), lattice.lat_step_deg) == (second.rows * second.columns, STEP)
    assert within.any()
    heights = TileSource(lattice, placed).posts_hae_m(0, 0, lattice.rows, lattice.columns)
    (first,) = [one for one in placed if one.tile is fine]
    expected = np.where(within, 2.0, np.nan)
    expected[first.row : first.row + 12, first.column : first.column + 15] = 1.0
    np.testing.assert_array_equal(heights, expected)
