"""Ground in square cells, a tile at a time: an area into cells, and marked cells back into polygons."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from rasterio import Affine
from rasterio.features import rasterize, shapes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    FloatArray = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]

TILE_CELLS: Final = 250
"""Side of the largest tile, so that memory does not grow with the area."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tile:
    """Cells of a plane, (rows, columns) from the south-western corner, and which have their middle in an area."""

    west_m: float
    south_m: float
    side_m: float
    inside: BoolArray

    def middles_m(self, cells: BoolArray) -> FloatArray:
        """Return the middles of marked cells, (n, 2), in the order NumPy indexes them."""
        row, column = np.nonzero(cells)
        return np.stack([self.west_m + (column + 0.5) * self.side_m, self.south_m + (row + 0.5) * self.side_m], axis=1)

    def polygons(self, codes: NDArray[np.uint8]) -> list[tuple[int, BaseGeometry]]:
        """Return the outlines of cells of one code, joined where they share a side, with that code; 0 has none."""
        if not codes.any():
            return []
        found = shapes(codes, mask=codes > 0, connectivity=4, transform=_affine(self))
        return [(int(code), _polygon(outline["coordinates"])) for outline, code in found]


def _polygon(rings: list[list[tuple[float, float]]]) -> shapely.Polygon:
    """Return a polygon from its outer ring and its holes."""
    outer, *holes = (shapely.linearrings(ring) for ring in rings)
    return shapely.polygons(outer, holes or None)


def _affine(tile: Tile) -> Affine:
    return Affine(tile.side_m, 0.0, tile.west_m, 0.0, tile.side_m, tile.south_m)


def tiles_of(area: BaseGeometry, side_m: float) -> Iterator[Tile]:
    """Cut an area into tiles of cells; cells lie at whole multiples of their side."""
    if area.is_empty:
        return
    west, south, east, north = (float(v) for v in (*np.floor(np.array(area.bounds[:2]) / side_m),
                                                   *np.ceil(np.array(area.bounds[2:]) / side_m)))  # fmt: skip
    columns, rows = int(east - west), int(north - south)
    if max(columns, rows) > TILE_CELLS:
        yield from _halves(area, (west, south, east, north), side_m, wide=columns >= rows)
        return
    polygons = [p for p in shapely.get_parts(area) if p.geom_type in ("Polygon", "MultiPolygon") and not p.is_empty]
    if not polygons or columns == 0 or rows == 0:
        return
    tile = Tile(west_m=west * side_m, south_m=south * side_m, side_m=side_m, inside=np.zeros((rows, columns), bool))
    burnt = rasterize([(p, 1) for p in polygons], out_shape=(rows, columns), transform=_affine(tile), dtype="uint8")
    if burnt.any():
        yield dataclasses.replace(tile, inside=burnt.astype(bool))


def _halves(
    area: BaseGeometry, edges: tuple[float, float, float, float], side_m: float, *, wide: bool
) -> Iterator[Tile]:
    west, south, east, north = edges
    cut = float(np.round((west + east) / 2.0 if wide else (south + north) / 2.0))
    boxes = (
        ((west, south, cut, north), (cut, south, east, north))
        if wide
        else ((west, south, east, cut), (west, cut, east, north))
    )
    for box in boxes:
        left, low, right, high = (v * side_m for v in box)
        yield from tiles_of(shapely.intersection(area, shapely.box(left, low, right, high)), side_m)
