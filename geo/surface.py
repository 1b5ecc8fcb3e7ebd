"""The ground as a marching ray sees it: clearance below a point, and how far the ray may safely move."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from geo.geodesy import wrap_longitude_deg
from geo.terrain import FlatTerrain, GridTerrain
from geo.tiled_terrain import PAGE, TiledTerrain

if TYPE_CHECKING:
    from geo.values import FloatArray, Terrain

_LOWEST_LAND_M: Final = -600.0
"""Below the Dead Sea shore (-430 m) less the deepest geoid (-107 m)."""
_HIGHEST_LAND_M: Final = 8_950.0


class Surface(Protocol):
    """The ground as the march sees it, over plane coordinates x and y of its own choosing."""

    @property
    def lowest_m(self) -> float:
        """No ground lies lower (metres above the ellipsoid)."""
        ...

    @property
    def highest_m(self) -> float:
        """No ground lies higher (metres above the ellipsoid)."""
        ...

    def plane(self, lat_deg: FloatArray, lon_deg: FloatArray, lon0_deg: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return x and y of points near the meridian `lon0_deg`; smooth along a ray."""
        ...

    def clearance(self, x: FloatArray, y: FloatArray, height_m: FloatArray) -> FloatArray:
        """Return height above ground; NaN where the ground is unknown, +inf over a hole inside it."""
        ...

    def step(self, x: FloatArray, y: FloatArray, height_m: FloatArray, clear_m: FloatArray, pace: Pace) -> FloatArray:
        """Return how far along its ray each point may move without jumping over ground."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast rays move, per metre of range: over the plane (x or y, the faster), along it in metres, and down."""

    plane: FloatArray
    along: FloatArray
    down: FloatArray


@dataclasses.dataclass(frozen=True, slots=True)
class GridSurface:
    """A grid of posts; x is the fractional row, y the fractional column."""

    grid: GridTerrain
    lowest_m: float
    highest_m: float

    def plane(self, lat_deg: FloatArray, lon_deg: FloatArray, lon0_deg: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return fractional rows and columns."""
        row, column0 = self.grid.row_column(lat_deg, lon0_deg)
        return row, column0 + (lon_deg - lon0_deg) / self.grid.lon_step_deg

    def clearance(self, x: FloatArray, y: FloatArray, height_m: FloatArray) -> FloatArray:
        """Return height above the bilinear ground."""
        ground = self.grid.at_row_column(x, y)
        clear = height_m - ground
        unknown = np.isnan(clear)
        if unknown.any():
            rows, columns = self.grid.heights_hae_m.shape
            inside = (x >= 0.0) & (x <= rows - 1) & (y >= 0.0) & (y <= columns - 1)
            clear[unknown & inside] = np.inf
        return clear

    def step(self, x: FloatArray, y: FloatArray, height_m: FloatArray, clear_m: FloatArray, pace: Pace) -> FloatArray:
        """Return the longest way that stays over blocks whose highest post is cleared; at least half a post."""
        furthest = 0.5 / pace.plane
        ceilings = self.grid.ceilings
        rows, columns = self.grid.heights_hae_m.shape
        row = np.minimum(np.maximum(x, 0.0), rows - 2).astype(np.int64)
        column = np.minimum(np.maximum(y, 0.0), columns - 2).astype(np.int64)
        for halvings, block, ceiling in zip(ceilings.halvings, ceilings.blocks, ceilings.ceilings, strict=True):
            here = (row >> halvings) * ceiling.shape[1] + (column >> halvings)
            gap = height_m - ceiling.reshape(-1).take(here)
            reach = np.minimum(0.98 * block / pace.plane, np.maximum(gap, 0.0) / pace.down)
            np.maximum(furthest, reach, out=furthest)
        return furthest


@dataclasses.dataclass(frozen=True, slots=True)
class TiledSurface:
    """Pages of posts; x is the fractional row, y the fractional column. No step leaves a page by over half a post."""

    terrain: TiledTerrain
    lowest_m: float = _LOWEST_LAND_M
    highest_m: float = _HIGHEST_LAND_M

    def within(self, south_deg: float, west_deg: float, north_deg: float, east_deg: float) -> TiledSurface:
        """Return the same ground for rays that stay in a box, bounded by the heights there."""
        bounds = self.terrain.heights_within(south_deg, west_deg, north_deg, east_deg)
        return self if bounds is None else TiledSurface(self.terrain, *bounds)

    def plane(self, lat_deg: FloatArray, lon_deg: FloatArray, lon0_deg: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return fractional rows and columns."""
        row, column0 = self.terrain.row_column(lat_deg, lon0_deg)
        return row, column0 + (lon_deg - lon0_deg) / self.terrain.lattice.lon_step_deg

    def clearance(self, x: FloatArray, y: FloatArray, height_m: FloatArray) -> FloatArray:
        """Return height above the bilinear ground."""
        clear = np.asarray(height_m - self.terrain.at_row_column(x, y))
        unknown = np.isnan(clear)
        if unknown.any():
            grid = self.terrain.lattice
            inside = (x >= 0.0) & (x <= grid.rows - 1) & (y >= 0.0) & (y <= grid.columns - 1)
            clear[unknown & inside] = np.inf
        return clear

    def step(self, x: FloatArray, y: FloatArray, height_m: FloatArray, clear_m: FloatArray, pace: Pace) -> FloatArray:
        """Return the longest way that stays over blocks whose highest post is cleared; at least half a post."""
        furthest = 0.5 / pace.plane
        grid = self.terrain.lattice
        row = np.minimum(np.maximum(x, 0.0), grid.rows - 2).astype(np.int64)
        column = np.minimum(np.maximum(y, 0.0), grid.columns - 2).astype(np.int64)
        within_row, within_column = x - (row & -PAGE), y - (column & -PAGE)
        edge = np.minimum(np.minimum(within_row, PAGE - within_row), np.minimum(within_column, PAGE - within_column))
        free = np.maximum(edge, 0.5) / pace.plane
        page = self.terrain.page_of(row, column)
        for number in np.unique(page):
            here = np.flatnonzero(page == number)
            ceilings = self.terrain.ceilings_of(int(number))
            reach = furthest[here]
            for halvings, block, ceiling in zip(ceilings.halvings, ceilings.blocks, ceilings.ceilings, strict=True):
                at = ((row[here] & (PAGE - 1)) >> halvings) * ceiling.shape[1] + (
                    (column[here] & (PAGE - 1)) >> halvings
                )
                gap = height_m[here] - ceiling.reshape(-1).take(at)
                way = np.minimum(0.98 * block / pace.plane[here], np.maximum(gap, 0.0) / pace.down[here])
                np.maximum(reach, way, out=reach)
            furthest[here] = np.minimum(reach, free[here])
        return furthest


@dataclasses.dataclass(frozen=True, slots=True)
class AnySurface:
    """Any terrain; x is latitude, y longitude; steps assume ground no steeper than `max_slope`."""

    terrain: Terrain
    lowest_m: float
    highest_m: float
    max_slope: float
    least_step_m: float

    def plane(self, lat_deg: FloatArray, lon_deg: FloatArray, lon0_deg: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return latitude and longitude as they are."""
        return lat_deg, lon_deg

    def clearance(self, x: FloatArray, y: FloatArray, height_m: FloatArray) -> FloatArray:
        """Return height above ground; every unknown place is NaN."""
        return np.asarray(height_m - self.terrain.height_hae_m(x, wrap_longitude_deg(y)))

    def step(self, x: FloatArray, y: FloatArray, height_m: FloatArray, clear_m: FloatArray, pace: Pace) -> FloatArray:
        """Return the way in which ground of `max_slope` could at most rise to the ray."""
        closing = np.maximum(pace.down + self.max_slope * pace.along, 1e-12)
        return np.maximum(clear_m / closing, self.least_step_m)


def surface_of(terrain: Terrain) -> Surface:
    """Return how to march over a terrain.

    Terrains of other kinds may say `lowest_m`, `highest_m` (metres above the
    ellipsoid), `max_slope` (rise over run, 1 when not said) and `post_spacing_m`;
    the better the bounds, the fewer the steps.
    """
    if isinstance(terrain, GridTerrain):
        return GridSurface(terrain, terrain.ceilings.lowest_m, terrain.ceilings.highest_m)
    if isinstance(terrain, TiledTerrain):
        return TiledSurface(terrain)
    if isinstance(terrain, FlatTerrain):
        return AnySurface(terrain, terrain.height_m, terrain.height_m, 0.0, 1e-3)
    return AnySurface(
        terrain,
        float(getattr(terrain, "lowest_m", _LOWEST_LAND_M)),
        float(getattr(terrain, "highest_m", _HIGHEST_LAND_M)),
        float(getattr(terrain, "max_slope", 1.0)),
        float(getattr(terrain, "post_spacing_m", 10.0)) / 2.0,
    )
