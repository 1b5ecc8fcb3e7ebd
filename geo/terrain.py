"""Ground heights above the ellipsoid: a flat plane, and a grid of posts with bilinear heights."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.geodesy import metres_per_degree
from geo.values import read_only

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from geo.values import FloatArray

BLOCKS: Final = (1, 4, 16, 64)
"""Block sizes, in posts, of the height ceilings that let a ray skip empty air."""


def bilinear(
    flat: NDArray[np.floating], corner: NDArray[np.int64], width: int, down: FloatArray, right: FloatArray
) -> FloatArray:
    """Interpolate between four posts of a grid given row after row.

    Parameters
    ----------
    flat
        The posts.
    corner
        (n,) place of the north-west post of each four; changed.
    width
        Posts in a row.
    down, right
        (n,) shares of the way south and east, 0 to 1.
    """
    north_west, north_east = flat.take(corner), flat.take(corner + 1)
    corner += width
    south_west, south_east = flat.take(corner), flat.take(corner + 1)
    upper: FloatArray = (north_east - north_west) * right
    upper += north_west
    lower: FloatArray = (south_east - south_west) * right
    lower += south_west
    lower -= upper
    lower *= down
    lower += upper
    return lower


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FlatTerrain:
    """A plane of constant height above the ellipsoid, everywhere."""

    height_m: float

    def height_hae_m(self, lat_deg: FloatArray, lon_deg: FloatArray) -> FloatArray:
        """Return the plane's height for each point, NaN where a coordinate is NaN."""
        return np.where(np.isnan(lat_deg) | np.isnan(lon_deg), np.nan, self.height_m)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """Highest posts of a grid by blocks: `ceilings[k]` covers blocks of `blocks[k]` posts and their neighbours."""

    blocks: tuple[int, ...]
    ceilings: tuple[NDArray[np.float32], ...]
    lowest_m: float
    highest_m: float

    @property
    def halvings(self) -> tuple[int, ...]:
        """How often to halve a post's number for its block's: block sizes are powers of two."""
        return tuple(block.bit_length() - 1 for block in self.blocks)

    @classmethod
    def of(cls, heights: NDArray[np.float32]) -> Self:
        """Gather the ceilings of a grid of heights; unknown posts count as infinitely low."""
        known = np.where(np.isnan(heights), -np.inf, heights).astype(np.float32)
        finite = known[np.isfinite(known)]
        low, high = (float(np.amin(finite)), float(np.amax(finite))) if finite.size else (0.0, 0.0)
        blocks = tuple(block for block in BLOCKS if block == 1 or block < min(heights.shape))
        return cls(
            blocks=blocks,
            ceilings=tuple(_spread(_block_max(known, block)) for block in blocks),
            lowest_m=low,
            highest_m=high,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GridTerrain:
    """Posts on a regular latitude/longitude grid, heights above the ellipsoid, bilinear between posts.

    Row 0 is the northern edge and column 0 the western one; `north_deg` and
    `west_deg` are where post (0, 0) is. The grid may cross the antimeridian.
    Unknown posts are NaN, and so is every height that would need one.
    """

    heights_hae_m: NDArray[np.float32] = dataclasses.field(repr=False)
    north_deg: float
    west_deg: float
    lat_step_deg: float
    lon_step_deg: float
    ceilings: Ceilings = dataclasses.field(repr=False)
    source: str = ""

    @classmethod
    def of(
        cls,
        heights_hae_m: ArrayLike,
        *,
        north_deg: float,
        west_deg: float,
        lat_step_deg: float,
        lon_step_deg: float,
        source: str = "",
    ) -> Self:
        """Build a grid from heights of shape (rows, columns), at least 2 x 2 (ValueError otherwise)."""
        heights = read_only(heights_hae_m, np.float32)
        if heights.ndim != 2 or min(heights.shape) < 2:
            raise ValueError(f"a terrain grid needs at least 2 x 2 posts, got shape {heights.shape}")
        if lat_step_deg <= 0.0 or lon_step_deg <= 0.0:
            raise ValueError(f"grid steps must be positive degrees, got {lat_step_deg}, {lon_step_deg}")
        return cls(
            heights_hae_m=heights,  # type: ignore[arg-type]
            north_deg=north_deg,
            west_deg=west_deg,
            lat_step_deg=lat_step_deg,
            lon_step_deg=lon_step_deg,
            ceilings=Ceilings.of(heights),  # type: ignore[arg-type]
            source=source,
        )

    @property
    def bounds_deg(self) -> tuple[float, float, float, float]:
        """South, west, north and east of the outer posts; east is past 180 where the grid crosses the antimeridian."""
        rows, columns = self.heights_hae_m.shape
        south = self.north_deg - self.lat_step_deg * (rows - 1)
        return south, self.west_deg, self.north_deg, self.west_deg + self.lon_step_deg * (columns - 1)

    @property
    def post_spacing_m(self) -> float:
        """The smaller of the two post spacings, in metres, at the middle of the grid."""
        middle = self.north_deg - self.lat_step_deg * (self.heights_hae_m.shape[0] - 1) / 2.0
        per_lat, per_lon = metres_per_degree(middle)
        return float(np.minimum(self.lat_step_deg * per_lat, self.lon_step_deg * np.maximum(per_lon, 1.0)))

    def height_hae_m(self, lat_deg: FloatArray, lon_deg: FloatArray) -> FloatArray:
        """Return bilinear heights above the ellipsoid, NaN outside the grid or beside an unknown post."""
        row, column = self.row_column(lat_deg, lon_deg)
        return self.at_row_column(row, column)

    def row_column(self, lat_deg: FloatArray, lon_deg: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return fractional rows and columns of points; longitudes are taken modulo 360 degrees."""
        row = (self.north_deg - np.asarray(lat_deg)) / self.lat_step_deg
        middle = self.west_deg + self.lon_step_deg * (self.heights_hae_m.shape[1] - 1) / 2.0
        east = np.asarray(lon_deg) - middle
        east = east - 360.0 * np.round(east / 360.0)
        return row, (east + (middle - self.west_deg)) / self.lon_step_deg

    def at_row_column(self, row: FloatArray, column: FloatArray) -> FloatArray:
        """Return bilinear heights at fractional rows and columns, NaN outside the grid."""
        rows, columns = self.heights_hae_m.shape
        slack = 1e-9 * max(rows, columns)
        inside = (row >= -slack) & (row <= rows - 1 + slack) & (column >= -slack) & (column <= columns - 1 + slack)
        if inside.all():
            return self._bilinear(row, column)
        heights = self._bilinear(np.where(inside, row, 0.0), np.where(inside, column, 0.0))
        return np.where(inside, heights, np.nan)

    def _bilinear(self, row: FloatArray, column: FloatArray) -> FloatArray:
        """Interpolate at places that lie on the grid."""
        rows, columns = self.heights_hae_m.shape
        top = np.minimum(row.astype(np.int64), rows - 2)
        left = np.minimum(column.astype(np.int64), columns - 2)
        down, right = row - top, column - left
        corner = top * columns + left
        return bilinear(self.heights_hae_m.reshape(-1), corner, columns, down, right)


def _block_max(heights: NDArray[np.float32], block: int) -> NDArray[np.float32]:
    """Return the highest post of each block of cells, counting the posts shared with the next block."""
    rows, columns = ((size - 1 + block - 1) // block for size in heights.shape)
    padded = np.full((rows * block + 1, columns * block + 1), -np.inf, dtype=np.float32)
    padded[: heights.shape[0], : heights.shape[1]] = heights
    cells = np.maximum(np.maximum(padded[:-1, :-1], padded[1:, :-1]), np.maximum(padded[:-1, 1:], padded[1:, 1:]))
    return np.asarray(cells.reshape(rows, block, columns, block).max(axis=(1, 3)))


def _spread(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return, for each block, the highest of itself and its eight neighbours."""
    padded = np.pad(blocks, 1, constant_values=-np.inf)
    rows = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    return np.ascontiguousarray(np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:]))
