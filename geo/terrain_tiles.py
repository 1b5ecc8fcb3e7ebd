"""Tiles of terrain laid out on one grid of posts, and windows of that grid put together from them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from geo.geoid import undulation_m
from geo.tiled_terrain import Lattice
from geo.vertical import PLAUSIBLE_M

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

    from numpy.typing import NDArray

    from geo.values import FloatArray
    from geo.vertical import VerticalReference

    Geoid = Callable[[FloatArray, FloatArray], FloatArray]
    """Heights (m) of a geoid over the WGS 84 ellipsoid at latitudes and longitudes (degrees), NaN where unknown."""

_ALIGNED_POSTS: Final = 0.01
_STEPS_DEG: Final = (1e-8, 10.0)
_GEOID_STEP_DEG: Final = 0.01
"""Between posts this far apart EGM96, whose shortest wave is a degree long, is a plane to within a millimetre."""
_BAND_POSTS: Final = 1 << 22
_TOGETHER: Final = 64
"""Tiles that are read with one message."""


class Posts(Protocol):
    """A raster that is read in windows: of its own posts, or of posts of a grid of degrees."""

    def window(self, row: int, column: int, rows: int, columns: int) -> NDArray[np.float32]:
        """Return the raster's own posts."""
        ...

    def warped(self, lattice: tuple[float, float, float, float], rows: int, columns: int) -> NDArray[np.float32]:
        """Return heights at the posts of a grid (north, west, steps in degrees)."""
        ...


class ReadWindows(Protocol):
    """Reads windows (row, column, rows, columns) of several rasters at once."""

    def __call__(self, wanted: Sequence[tuple[Any, tuple[int, int, int, int]]], /) -> list[NDArray[np.float32]]:
        """Return the posts of each."""
        ...


def _one_by_one(wanted: Sequence[tuple[Posts, tuple[int, int, int, int]]], /) -> list[NDArray[np.float32]]:
    return [raster.window(*window) for raster, window in wanted]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TerrainTile:
    """One raster: its outer edges and steps in degrees, and what its numbers mean."""

    raster: Posts
    reference: VerticalReference
    geoid: Geoid
    """What its heights count from where they are not the ellipsoid's."""
    north_up: bool
    """Its rows run along parallels from the north: its posts may be used as they are."""
    north_deg: float
    south_deg: float
    west_deg: float
    east_deg: float
    lat_step_deg: float
    lon_step_deg: float
    rows: int
    columns: int

    @classmethod
    def of(
        cls, raster: Posts, facts: Mapping[str, Any], reference: VerticalReference, geoid: Geoid = undulation_m
    ) -> Self:
        """Take the place from what the raster says of itself (`geo.gis.raster_reading`)."""
        a, b, _, d, e, _ = (float(value) for value in facts["transform"])
        edges = facts["degrees"]
        return cls(
            raster=raster,
            reference=reference,
            geoid=geoid,
            north_up=bool(facts["geographic"]) and b == d == 0.0 and a > 0.0 > e,
            north_deg=float(edges["north"]),
            south_deg=float(edges["south"]),
            west_deg=float(edges["west"]),
            east_deg=float(edges["east"]),
            lat_step_deg=float(edges["lat_step"]),
            lon_step_deg=float(edges["lon_step"]),
            rows=int(facts["height"]),
            columns=int(facts["width"]),
        )

    @property
    def possible(self) -> bool:
        """Whether it lies on Earth, with steps a terrain has."""
        steps = np.array([self.lat_step_deg, self.lon_step_deg])
        edges = np.array([self.north_deg, self.south_deg, self.west_deg, self.east_deg])
        if not (np.isfinite(steps).all() and np.isfinite(edges).all()):
            return False
        wide = self.east_deg - self.west_deg
        stepped = _STEPS_DEG[0] <= steps.min() and steps.max() <= _STEPS_DEG[1]
        return bool(stepped and np.abs(edges[:2]).max() <= 91.0 and np.abs(edges[2:]).max() <= 721.0 and wide <= 361.0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlacedTile:
    """A tile on a lattice: its first post there, and how many it has; `aligned` where they are its own posts."""

    tile: TerrainTile
    row: int
    column: int
    rows: int
    columns: int
    aligned: bool


def lay_out(tiles: Sequence[TerrainTile]) -> tuple[Lattice, tuple[PlacedTile, ...]]:
    """Lay tiles on the grid of the finest one, finer tiles first.

    A tile whose own grid does not fit is given the posts that lie within its edges.
    """
    order = sorted(tiles, key=lambda tile: tile.lat_step_deg * tile.lon_step_deg)
    base = next((tile for tile in order if tile.north_up), order[0])
    north, west = base.north_deg - base.lat_step_deg / 2.0, base.west_deg + base.lon_step_deg / 2.0
    placed = [_placed(tile, base, north, west) for tile in order]
    placed = [tile for tile in placed if tile.rows > 0 and tile.columns > 0]
    top, left = min(tile.row for tile in placed), min(tile.column for tile in placed)
    lattice = Lattice(
        north_deg=north - top * base.lat_step_deg,
        west_deg=west + left * base.lon_step_deg,
        lat_step_deg=base.lat_step_deg,
        lon_step_deg=base.lon_step_deg,
        rows=max(max(tile.row + tile.rows for tile in placed) - top, 2),
        columns=max(max(tile.column + tile.columns for tile in placed) - left, 2),
    )
    moved = [dataclasses.replace(tile, row=tile.row - top, column=tile.column - left) for tile in placed]
    return lattice, tuple(moved)


def _placed(tile: TerrainTile, base: TerrainTile, north_deg: float, west_deg: float) -> PlacedTile:
    """Place a tile against the first post of the base tile; the antimeridian is crossed."""
    lat_step, lon_step = base.lat_step_deg, base.lon_step_deg
    east = (
        (tile.west_deg - base.west_deg + 180.0) % 360.0 - 180.0 + lon_step / 2.0 if tile is not base else lon_step / 2.0
    )
    top, left = (base.north_deg - tile.north_deg) / lat_step, (east - lon_step / 2.0) / lon_step
    drift = max(abs(tile.lat_step_deg - lat_step) * tile.rows / lat_step,
                abs(tile.lon_step_deg - lon_step) * tile.columns / lon_step)  # fmt: skip
    off = max(abs(top - round(top)), abs(left - round(left)))
    if tile.north_up and drift <= _ALIGNED_POSTS and off <= _ALIGNED_POSTS:
        return PlacedTile(
            tile=tile, row=round(top), column=round(left), rows=tile.rows, columns=tile.columns, aligned=True
        )
    tall, wide = (tile.north_deg - tile.south_deg) / lat_step, (tile.east_deg - tile.west_deg) / lon_step
    row, column = int(np.ceil(top - 0.5)), int(np.ceil(left - 0.5))
    rows, columns = int(np.floor(top + tall - 0.5)) - row + 1, int(np.floor(left + wide - 0.5)) - column + 1
    return PlacedTile(tile=tile, row=row, column=column, rows=rows, columns=columns, aligned=False)


class TileSource:
    """Windows of a lattice, put together from tiles (a `PostSource`)."""

    def __init__(self, lattice: Lattice, tiles: Sequence[PlacedTile], windows: ReadWindows | None = None) -> None:
        self._lattice = lattice
        self._tiles = tuple(tiles)
        self._windows = windows or _one_by_one
        self._first = np.array([(tile.row, tile.column) for tile in tiles])
        self._end = self._first + np.array([(tile.rows, tile.columns) for tile in tiles])

    def posts_hae_m(self, row: int, column: int, rows: int, columns: int) -> NDArray[np.float32]:
        """Return heights above the ellipsoid of a window of posts; the first tile that knows a post gives it."""
        heights = np.full((rows, columns), np.nan, dtype=np.float32)
        boxes = self._met(row, column, rows, columns)
        ready = self._read_together(boxes)
        unknown = heights.size
        for k, (top, left, bottom, right) in boxes.items():
            band = max(_BAND_POSTS // (right - left), 1)
            for first in range(top, bottom, band):
                last = min(first + band, bottom)
                known = self._of_tile(self._tiles[k], (first, left, last - first, right - left), ready.get(k))
                part = heights[first - row : last - row, left - column : right - column]
                wanted = np.isnan(part)
                np.copyto(part, known, where=wanted)
                unknown -= int(np.count_nonzero(wanted & ~np.isnan(known)))
            if not unknown:
                break
        return heights

    def _met(self, row: int, column: int, rows: int, columns: int) -> dict[int, tuple[int, int, int, int]]:
        """Return the tiles that reach into a window, by number, and the box of posts that each has there."""
        low = np.maximum(self._first, (row, column))
        high = np.minimum(self._end, (row + rows, column + columns))
        met = np.flatnonzero((low < high).all(axis=1))
        boxes = np.concatenate([low[met], high[met]], axis=1).tolist()
        return {int(k): (top, left, bottom, right) for k, (top, left, bottom, right) in zip(met, boxes, strict=True)}

    def _read_together(self, boxes: Mapping[int, tuple[int, int, int, int]]) -> dict[int, NDArray[np.float32]]:
        """Read at once what tiles that lie beside each other have in their boxes, by their numbers, as written."""
        chosen: list[int] = []
        posts = 0
        for k, (top, left, bottom, right) in boxes.items():
            others = (boxes[other] for other in chosen)
            apart = all(bottom <= up or down <= top or right <= west or east <= left for up, west, down, east in others)
            if self._tiles[k].aligned and apart and len(chosen) < _TOGETHER:
                posts += (bottom - top) * (right - left)
                chosen.append(k)
        if len(chosen) < 2 or posts > _BAND_POSTS:  # noqa: PLR2004 - one alone saves nothing
            return {}
        wanted = []
        for k in chosen:
            (top, left, bottom, right), placed = boxes[k], self._tiles[k]
            window = top - placed.row, left - placed.column, bottom - top, right - left
            wanted.append((placed.tile.raster, window))
        return dict(zip(chosen, self._windows(wanted), strict=True))

    def _of_tile(
        self, placed: PlacedTile, window: tuple[int, int, int, int], raw: NDArray[np.float32] | None
    ) -> NDArray[np.float32]:
        """Return heights of a window of the grid's posts that lies within a tile; `raw` are its numbers, if read."""
        grid, tile = self._lattice, placed.tile
        row, column, rows, columns = window
        north = grid.north_deg - row * grid.lat_step_deg
        west = grid.west_deg + column * grid.lon_step_deg
        if raw is None and placed.aligned:
            raw = tile.raster.window(row - placed.row, column - placed.column, rows, columns)
        elif raw is None:
            middle = west + grid.lon_step_deg * (columns - 1) / 2.0
            turns = round(((tile.west_deg + tile.east_deg) / 2.0 - middle) / 360.0)
            lattice = (north, west + 360.0 * turns, grid.lat_step_deg, grid.lon_step_deg)
            raw = tile.raster.warped(lattice, rows, columns)
        heights = raw * np.float32(tile.reference.to_m)
        with np.errstate(invalid="ignore"):
            heights[(heights < PLAUSIBLE_M[0]) | (heights > PLAUSIBLE_M[1])] = np.nan
        if tile.reference.datum != "hae":
            heights += _undulations(tile.geoid, (north, west), grid, (rows, columns))
        return heights


def _undulations(
    geoid: Geoid, corner_deg: tuple[float, float], grid: Lattice, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Return a geoid's heights in a window of posts, worked out every hundredth of a degree and bilinear between."""
    (north_deg, west_deg), (rows, columns) = corner_deg, shape
    axes, shares = [], []
    for step, count in ((grid.lat_step_deg, rows), (grid.lon_step_deg, columns)):
        stride = max(int(_GEOID_STEP_DEG / step), 1)
        nodes = np.append(np.arange(0, count - 1, stride), count - 1) if count > 1 else np.zeros(1, dtype=int)
        place = np.arange(count)
        node = np.clip(np.searchsorted(nodes, place, side="right") - 1, 0, max(len(nodes) - 2, 0))
        following = np.minimum(node + 1, len(nodes) - 1)
        share = (place - nodes[node]) / np.maximum(nodes[following] - nodes[node], 1)
        axes.append(nodes)
        shares.append((node, following, share))
    known = geoid(north_deg - grid.lat_step_deg * axes[0][:, None], west_deg + grid.lon_step_deg * axes[1])
    (up, down, south), (left, right, east) = shares
    across = known[:, left] * (1.0 - east) + known[:, right] * east
    return np.asarray(across[up] * (1.0 - south)[:, None] + across[down] * south[:, None], dtype=np.float32)
