"""Ground in square cells, a tile at a time: an area into cells, and marked cells back into polygons."""

from __future__ import annotations

import dataclasses
import itertools
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
        found = list(shapes(codes, mask=codes > 0, connectivity=4, transform=_affine(self)))
        rings = [np.array(ring) for outline, _ in found for ring in outline["coordinates"]]
        ring = np.repeat(np.arange(len(rings)), [len(corners) for corners in rings])
        lines = np.asarray(shapely.linearrings(np.concatenate(rings), indices=ring))
        owner = np.repeat(np.arange(len(found)), [len(outline["coordinates"]) for outline, _ in found])
        polygons = np.asarray(shapely.polygons(lines, indices=owner))
        return [(int(code), polygon) for (_, code), polygon in zip(found, polygons, strict=True)]


def _outlines(polygons: NDArray[np.object_]) -> Iterator[dict[str, object]]:
    """Yield polygons as GeoJSON has them: what shapely's own way takes a corner at a time, here a ring at a time."""
    rings, owner = shapely.get_rings(polygons, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    corners = [part.tolist() for part in np.split(xy, np.flatnonzero(np.diff(ring)) + 1)]
    ends = [0, *(np.flatnonzero(np.diff(owner)) + 1).tolist(), len(rings)]
    for first, end in itertools.pairwise(ends):
        yield {"type": "Polygon", "coordinates": corners[first:end]}


def _affine(tile: Tile) -> Affine:
    return Affine(tile.side_m, 0.0, tile.west_m, 0.0, tile.side_m, tile.south_m)


def tiles_of(area: BaseGeometry, side_m: float) -> Iterator[Tile]:
    """Cut an area into tiles of cells; cells lie at whole multiples of their side."""
    yield from _tiles(_polygons(np.array([area], dtype=object)), side_m)


def _polygons(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the polygons that shapes consist of."""
    parts = shapely.get_parts(shapely.get_parts(shapes))
    return np.asarray(parts[(shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(parts)])


def _tiles(polygons: NDArray[np.object_], side_m: float) -> Iterator[Tile]:
    if not len(polygons):
        return
    bounds = shapely.total_bounds(polygons) / side_m
    west, south, east, north = (float(v) for v in np.append(np.floor(bounds[:2]), np.ceil(bounds[2:])))
    columns, rows = int(east - west), int(north - south)
    if max(columns, rows) > TILE_CELLS:
        yield from _halves(polygons, (west, south, east, north), side_m, wide=columns >= rows)
        return
    if columns == 0 or rows == 0:
        return
    tile = Tile(west_m=west * side_m, south_m=south * side_m, side_m=side_m, inside=np.zeros((rows, columns), bool))
    outlines = ((outline, 1) for outline in _outlines(polygons))
    burnt = rasterize(outlines, out_shape=(rows, columns), transform=_affine(tile), dtype="uint8")
    if burnt.any():
        yield dataclasses.replace(tile, inside=burnt.astype(bool))


def _halves(
    polygons: NDArray[np.object_], edges: tuple[float, float, float, float], side_m: float, *, wide: bool
) -> Iterator[Tile]:
    """Cut what crosses the middle, and hand each half on."""
    west, south, east, north = edges
    cut = float(np.round((west + east) / 2.0 if wide else (south + north) / 2.0))
    boxes = (
        ((west, south, cut, north), (cut, south, east, north))
        if wide
        else ((west, south, east, cut), (west, cut, east, north))
    )
    bounds = shapely.bounds(polygons)
    for box in boxes:
        left, low, right, high = (v * side_m for v in box)
        in_it = (bounds[:, :2] >= (left, low)).all(axis=1) & (bounds[:, 2:] <= (right, high)).all(axis=1)
        met = (bounds[:, 2:] > (left, low)).all(axis=1) & (bounds[:, :2] < (right, high)).all(axis=1) & ~in_it
        parts = _polygons(shapely.intersection(polygons[met], shapely.box(left, low, right, high)))
        yield from _tiles(np.concatenate([polygons[in_it], parts]), side_m)
