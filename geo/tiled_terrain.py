"""Ground of any size: posts on one grid, held in pages that are read when they are first needed.

Memory is bounded by the number of pages held; the page unused for longest makes room. What no tile covers, or
no tile knows, is NaN: nothing is extended beyond the data.
"""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from geo.geodesy import metres_per_degree
from geo.terrain import Ceilings, GridTerrain, bilinear

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import FloatArray
    from geo.vertical import TerrainProblem

    IntArray = NDArray[np.int64]

PAGE_SHIFT: Final = 9
PAGE: Final = 1 << PAGE_SHIFT
"""Cells along a page's side; a page holds one post more, which the next page shares."""
_SIDE: Final = PAGE + 1
_PAGE_MB: Final = 4.0 * _SIDE * _SIDE / 1e6
DEFAULT_CACHE_MB: Final = 256.0
MAX_PAGES: Final = 1 << 24
"""Pages a grid may have, held or not: one-metre posts of 2000 x 2000 km."""
MAX_LOOKED_THROUGH: Final = 4096
"""Pages read to bound the heights a ray may meet; of posts 2 m apart they are 65 x 65 km."""
_AT_ONCE: Final = 1 << 21


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """A regular grid of posts: post (0, 0) is the north-western one; it may cross the antimeridian."""

    north_deg: float
    west_deg: float
    lat_step_deg: float
    lon_step_deg: float
    rows: int
    columns: int


class PostSource(Protocol):
    """Where pages come from."""

    def posts_hae_m(self, row: int, column: int, rows: int, columns: int) -> NDArray[np.float32]:
        """Return heights above the ellipsoid of a window of the grid's posts, NaN where unknown."""
        ...


class TiledTerrain:
    """A `Terrain` over a grid of posts of any size, bilinear between posts.

    Parameters
    ----------
    lattice
        Where the posts lie.
    source
        What reads a window of them.
    problems
        What is doubtful about the heights.
    name
        What messages call it.
    cache_mb
        Posts held in memory, in megabytes (10^6 bytes); at least four pages are.
    """

    def __init__(
        self,
        lattice: Lattice,
        source: PostSource,
        *,
        problems: tuple[TerrainProblem, ...] = (),
        name: str = "",
        cache_mb: float = DEFAULT_CACHE_MB,
    ) -> None:
        self.lattice = lattice
        self.problems = problems
        self.source = name
        self.pages_read = 0
        """How many pages were read so far, those read again counted again."""
        self._posts = source
        self._lock = threading.RLock()
        self._page_rows, self._page_columns = (-(-(size - 1) // PAGE) for size in (lattice.rows, lattice.columns))
        count = self._page_rows * self._page_columns
        if count > MAX_PAGES:
            raise ValueError(
                f"a grid of {lattice.rows} x {lattice.columns} posts is over the limit of {MAX_PAGES} pages"
            )
        self._slots = int(np.clip(cache_mb / _PAGE_MB, 4, max(count, 4)))
        self._slot_of_page = np.full(count, -1, dtype=np.int32)
        self._page_of_slot = np.full(self._slots, -1, dtype=np.int64)
        self._used = np.zeros(self._slots, dtype=np.int64)
        self._clock = 0
        self._arena = np.empty((0, _SIDE, _SIDE), dtype=np.float32)
        self._ceilings: dict[int, Ceilings] = {}
        self._span_of_page: dict[int, tuple[float, float]] = {}

    @property
    def bounds_deg(self) -> tuple[float, float, float, float]:
        """South, west, north and east of the outer posts; east is past 180 where the grid crosses the antimeridian."""
        grid = self.lattice
        south = grid.north_deg - grid.lat_step_deg * (grid.rows - 1)
        return south, grid.west_deg, grid.north_deg, grid.west_deg + grid.lon_step_deg * (grid.columns - 1)

    @property
    def post_spacing_m(self) -> float:
        """The smaller of the two post spacings, in metres, at the middle of the grid."""
        south, _, north, _ = self.bounds_deg
        per_lat, per_lon = metres_per_degree((south + north) / 2.0)
        steps = (self.lattice.lat_step_deg * per_lat, self.lattice.lon_step_deg * np.maximum(per_lon, 1.0))
        return float(np.minimum(*steps))

    @property
    def cached_mb(self) -> float:
        """Megabytes of posts held now."""
        return self._arena.nbytes / 1e6

    def height_hae_m(self, lat_deg: FloatArray, lon_deg: FloatArray) -> FloatArray:
        """Return bilinear heights above the ellipsoid, NaN outside the grid or beside an unknown post."""
        row, column = np.broadcast_arrays(*self.row_column(lat_deg, lon_deg))
        if row.size <= _AT_ONCE:
            return self.at_row_column(row, column)
        shape, row, column = row.shape, row.reshape(-1), column.reshape(-1)
        parts = [slice(k, k + _AT_ONCE) for k in range(0, row.size, _AT_ONCE)]
        return np.concatenate([self.at_row_column(row[part], column[part]) for part in parts]).reshape(shape)

    def row_column(self, lat_deg: FloatArray, lon_deg: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return fractional rows and columns of points; longitudes are taken modulo 360 degrees."""
        grid = self.lattice
        row = (grid.north_deg - np.asarray(lat_deg, dtype=np.float64)) / grid.lat_step_deg
        middle = grid.west_deg + grid.lon_step_deg * (grid.columns - 1) / 2.0
        east = np.asarray(lon_deg, dtype=np.float64) - middle
        east = east - 360.0 * np.round(east / 360.0)
        return row, (east + (middle - grid.west_deg)) / grid.lon_step_deg

    def at_row_column(self, row: FloatArray, column: FloatArray) -> FloatArray:
        """Return bilinear heights at fractional rows and columns, NaN outside the grid."""
        rows, columns = self.lattice.rows, self.lattice.columns
        slack = 1e-9 * max(rows, columns)
        inside = (row >= -slack) & (row <= rows - 1 + slack) & (column >= -slack) & (column <= columns - 1 + slack)
        if inside.all():
            return self._bilinear(np.asarray(row), np.asarray(column))
        heights = np.full(np.shape(inside), np.nan)
        heights[inside] = self._bilinear(np.asarray(row)[inside], np.asarray(column)[inside])
        return heights

    def window(self, south_deg: float, west_deg: float, north_deg: float, east_deg: float) -> GridTerrain:
        """Return the posts in a box, and one beyond it on each side that has one, as a grid in memory."""
        rows, columns = self.row_column(np.array([north_deg, south_deg]), np.array([west_deg, east_deg]))
        grid = self.lattice
        top, left = (int(np.clip(np.floor(v), 0, n - 2)) for v, n in ((rows[0], grid.rows), (columns[0], grid.columns)))
        bottom = int(np.clip(np.ceil(rows[1]), top + 1, grid.rows - 1))
        right = int(np.clip(np.ceil(columns[1]), left + 1, grid.columns - 1))
        return GridTerrain.of(
            self._posts.posts_hae_m(top, left, bottom - top + 1, right - left + 1),
            north_deg=grid.north_deg - top * grid.lat_step_deg,
            west_deg=grid.west_deg + left * grid.lon_step_deg,
            lat_step_deg=grid.lat_step_deg,
            lon_step_deg=grid.lon_step_deg,
            source=self.source,
        )

    def whole(self) -> GridTerrain:
        """Return all posts as a grid in memory: for small terrains."""
        return self.window(*self.bounds_deg)

    def heights_within(
        self, south_deg: float, west_deg: float, north_deg: float, east_deg: float
    ) -> tuple[float, float] | None:
        """Return bounds of all heights in a box, reading its pages once; None for more than `MAX_LOOKED_THROUGH`."""
        rows, columns = self.row_column(np.array([north_deg, south_deg]), np.array([west_deg, east_deg]))
        if east_deg - west_deg >= 180.0 or columns[0] > columns[1]:
            return None
        reach = ((rows, self._page_rows), (columns, self._page_columns))
        first, last = zip(*(np.clip(np.floor(v / PAGE), -1, n).astype(int) for v, n in reach), strict=True)
        numbers = [
            row * self._page_columns + column
            for row in range(max(first[0], 0), min(last[0] + 1, self._page_rows))
            for column in range(max(first[1], 0), min(last[1] + 1, self._page_columns))
        ]
        if len(numbers) > MAX_LOOKED_THROUGH:
            return None
        with self._lock:
            for number in numbers:
                if number not in self._span_of_page:
                    self._slots_of(np.array([number]))
            spans = [self._span_of_page[number] for number in numbers]
        low, high = min((low for low, _ in spans), default=np.inf), max((high for _, high in spans), default=-np.inf)
        return (float(low), float(high)) if low <= high else (0.0, 0.0)

    def ceilings_of(self, page: int) -> Ceilings:
        """Return the highest posts of a page by blocks; only blocks of this page count."""
        with self._lock:
            slot = int(self._slots_of(np.array([page]))[0])
            found = self._ceilings.get(slot)
            if found is None:
                found = self._ceilings[slot] = Ceilings.of(self._arena[slot])
            return found

    def page_of(self, row: IntArray, column: IntArray) -> IntArray:
        """Return the pages that hold cells."""
        return np.asarray((row >> PAGE_SHIFT) * self._page_columns + (column >> PAGE_SHIFT))

    def _bilinear(self, row: FloatArray, column: FloatArray) -> FloatArray:
        """Interpolate at places that lie on the grid."""
        top = np.minimum(row.astype(np.int64), self.lattice.rows - 2)
        left = np.minimum(column.astype(np.int64), self.lattice.columns - 2)
        page = self.page_of(top, left)
        with self._lock:
            slot = self._held(page)
            if slot is not None:
                return self._interpolated(slot, top, left, row - top, column - left)
            return self._page_after_page(page, top, left, row - top, column - left)

    def _page_after_page(
        self, page: IntArray, top: IntArray, left: IntArray, down: FloatArray, right: FloatArray
    ) -> FloatArray:
        """Interpolate in groups of pages, when all together do not fit in memory."""
        heights = np.empty(page.shape)
        page, top, left = page.reshape(-1), top.reshape(-1), left.reshape(-1)
        down, right = down.reshape(-1), right.reshape(-1)
        order = np.argsort(page, kind="stable")
        first = np.flatnonzero(np.diff(page[order], prepend=-1))
        starts = [*first[:: self._slots].tolist(), len(order)]
        for start, end in zip(starts[:-1], starts[1:], strict=True):
            rows = order[start:end]
            slot = self._slots_of(page[rows])
            heights.reshape(-1)[rows] = self._interpolated(slot, top[rows], left[rows], down[rows], right[rows])
        return heights

    def _interpolated(
        self, slot: IntArray, top: IntArray, left: IntArray, down: FloatArray, right: FloatArray
    ) -> FloatArray:
        corner = (slot * _SIDE + (top & (PAGE - 1))) * _SIDE + (left & (PAGE - 1))
        return bilinear(self._arena.reshape(-1), corner, _SIDE, down, right)

    def _held(self, page: IntArray) -> IntArray | None:
        """Return the slots of pages, read where they are not held; None when they do not fit in memory together."""
        slot = self._slot_of_page.take(page).astype(np.int64)
        if (slot >= 0).all():
            self._touch(slot)
            return slot
        return None if len(np.unique(page)) > self._slots else self._slots_of(page)

    def _slots_of(self, page: IntArray) -> IntArray:
        """Return the slots of no more pages than there is room for, reading those that are not held."""
        slot = self._slot_of_page.take(page).astype(np.int64)
        absent = np.unique(page[slot < 0])
        if len(absent):
            self._touch(slot[slot >= 0])
            for number in absent:
                self._read(int(number))
            slot = self._slot_of_page.take(page).astype(np.int64)
        self._touch(slot)
        return slot

    def _touch(self, slot: IntArray) -> None:
        self._clock += 1
        self._used[slot] = self._clock

    def _read(self, page: int) -> None:
        """Read a page into the slot unused for longest."""
        slot = int(np.argmin(np.where(self._page_of_slot < 0, -1, self._used)))
        if slot >= len(self._arena):  # grow by doubling, so that a small terrain takes little
            room = min(max(2 * len(self._arena), slot + 1, 4), self._slots)
            grown = np.empty((room, _SIDE, _SIDE), dtype=np.float32)
            grown[: len(self._arena)] = self._arena
            self._arena = grown
        row, column = (number * PAGE for number in divmod(page, self._page_columns))
        rows, columns = min(_SIDE, self.lattice.rows - row), min(_SIDE, self.lattice.columns - column)
        heights = self._posts.posts_hae_m(row, column, rows, columns)
        old = self._page_of_slot[slot]
        if old >= 0:
            self._slot_of_page[old] = -1
        self._ceilings.pop(slot, None)
        self._arena[slot] = np.nan
        self._arena[slot, :rows, :columns] = heights
        known = heights[np.isfinite(heights)]
        self._span_of_page[page] = (float(known.min()), float(known.max())) if known.size else (np.inf, -np.inf)
        self._page_of_slot[slot], self._slot_of_page[page] = page, slot
        self._used[slot] = self._clock + 1
        self.pages_read += 1
