"""When each piece of ground was seen last, on a grid, and what was only swept between two samples.

Footprints are samples: a run works one out every few seconds. Ground inside one was seen. Ground that lies
between two that follow each other in a recording was most likely swept, and lies in neither: it is told apart from
both seen ground and gaps.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from PIL import Image, ImageDraw

from maps.mercator import WORLD_M, latitude_of, northing_of
from maps.packed_columns import Column, packed
from operations.finding.seen import JOINED_NS, FootprintIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from operations.finding.archive import Archive

_MOST_CELLS: Final = 420
"""Along the longer side: a cell is then no wider than two pixels of a screen that shows it all."""
_LEAST_CELL_M: Final = 5.0
_S_NS: Final = 1_000_000_000
_HALF_TURN_DEG: Final = 180.0
UNSEEN, SEEN, BETWEEN = 0, 1, 2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CoverageAge:
    """A grid of ground, even in Web Mercator, its first row in the north."""

    bounds: list[list[float]]
    """South-west and north-east corners, latitude and longitude; east may be above 180."""
    cell_m: float
    """Side of a cell on the ground, in the middle of the grid."""
    end_utc_ns: int
    """The last moment anything was seen: ages are counted back from it."""
    kind: NDArray[np.uint8]
    """Shape (rows, columns): `UNSEEN`, `SEEN`, or `BETWEEN` two samples."""
    age_s: NDArray[np.float64]
    """Seconds from when a cell was seen last (or swept between samples) to the end; NaN where it was not."""
    seen_m2: float
    between_m2: float
    footprints: int

    def data(self) -> dict[str, Any]:
        """Return the grid as the page reads it."""
        rows, columns = self.kind.shape
        cells = {"kind": Column(values=self.kind.ravel()), "age": Column(values=self.age_s.ravel())}
        return {
            "bounds": self.bounds,
            "rows": rows,
            "columns": columns,
            "cell_m": round(self.cell_m, 1),
            "end_ms": self.end_utc_ns // 1_000_000,
            "oldest_s": float(np.nanmax(self.age_s)),
            "seen_m2": round(self.seen_m2),
            "between_m2": round(self.between_m2),
            "footprints": self.footprints,
            "cells": packed(cells, rows * columns),
        }


def coverage_age(archive: Archive) -> CoverageAge | None:
    """Return when the ground in an archive's footprints was seen last; None where there is none with a time.

    Raises
    ------
    DamagedError
        When a part is missing or cannot be read.
    """
    index = FootprintIndex(archive)
    index.load(lambda part: True)
    if not len(index):
        return None
    rows = np.flatnonzero(index.column["to_ns"] > 0)
    if not len(rows):
        return None
    rows = rows[np.argsort(index.column["ordinal"][rows])]
    rings = _unrolled(index.rings(rows))
    to_ns = index.column["to_ns"][rows]
    follows = (np.diff(index.column["ordinal"][rows]) == 1) & (np.diff(index.column["sequence"][rows]) == 0)
    follows &= index.column["from_ns"][rows][1:] - to_ns[:-1] <= JOINED_NS
    pairs = np.flatnonzero(follows)
    swept = shapely.convex_hull(shapely.union(rings[pairs], rings[pairs + 1])) if len(pairs) else rings[:0]
    return _gridded(rings, to_ns, swept, to_ns[pairs + 1])


def _unrolled(rings: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return valid rings, those of the western hemisphere moved beside the others across the antimeridian."""
    west, _, east, _ = shapely.total_bounds(rings)
    if east - west > _HALF_TURN_DEG:
        coordinates = shapely.get_coordinates(rings)
        coordinates[:, 0] += np.where(coordinates[:, 0] < 0.0, 2.0 * _HALF_TURN_DEG, 0.0)
        rings = shapely.set_coordinates(rings.copy(), coordinates)
    return np.asarray(shapely.make_valid(rings))


def _gridded(
    rings: NDArray[np.object_], to_ns: NDArray[np.int64], swept: NDArray[np.object_], swept_ns: NDArray[np.int64]
) -> CoverageAge:
    west, south, east, north = (float(v) for v in shapely.total_bounds(rings))
    left, right = west / 360.0 * WORLD_M, east / 360.0 * WORLD_M
    low, high = (float(northing_of(np.array(lat))) for lat in (south, north))
    stretch = float(np.cos(np.radians((south + north) / 2.0)))
    side = max((right - left) / _MOST_CELLS, (high - low) / _MOST_CELLS, _LEAST_CELL_M / stretch)
    columns, rows = (max(1, int(np.ceil(extent / side))) for extent in (right - left, high - low))
    to_cells = _ToCells(left=left, top=high, side=side)
    start = int(min(to_ns.min(), swept_ns.min() if len(swept_ns) else to_ns.min()))
    end = int(to_ns.max())
    seen = to_cells.painted(rings, (to_ns - start) // _S_NS + 1, (columns, rows))
    between = to_cells.painted(swept, (swept_ns - start) // _S_NS + 1, (columns, rows))
    kind = np.where(seen > 0, SEEN, np.where(between > 0, BETWEEN, UNSEEN)).astype(np.uint8)
    last_s = np.where(seen > 0, seen, between) - 1
    age = np.where(kind == UNSEEN, np.nan, (end - start) // _S_NS - last_s).astype(np.float64)
    cell_m = side * stretch
    return CoverageAge(
        bounds=[
            [float(latitude_of(np.array(high - rows * side))), west],
            [north, (left + columns * side) / WORLD_M * 360.0],
        ],
        cell_m=cell_m,
        end_utc_ns=end,
        kind=kind,
        age_s=np.maximum(age, 0.0),
        seen_m2=float((kind == SEEN).sum()) * cell_m**2,
        between_m2=float((kind == BETWEEN).sum()) * cell_m**2,
        footprints=len(rings),
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _ToCells:
    """A grid's place: Web Mercator metres of its upper left corner, and a cell's side in them."""

    left: float
    top: float
    side: float

    def painted(
        self, shapes: NDArray[np.object_], values: NDArray[np.int64], size: tuple[int, int]
    ) -> NDArray[np.int64]:
        """Return the value of the last shape over each cell, by value; 0 where there is none."""
        picture = Image.new("I", size, 0)
        pen = ImageDraw.Draw(picture)
        for number in np.argsort(values, kind="stable").tolist():
            for ring in self._rings(shapes[number]):
                pen.polygon(ring, fill=int(values[number]))
        return np.asarray(picture, np.int64)

    def _rings(self, shape: shapely.Geometry) -> Sequence[list[tuple[float, float]]]:
        parts = (part for part in shapely.get_parts(shape) if part.geom_type == "Polygon")
        rings = []
        for part in parts:
            lon, lat = shapely.get_coordinates(part.exterior).T
            x = (lon / 360.0 * WORLD_M - self.left) / self.side - 0.5
            y = (self.top - northing_of(lat)) / self.side - 0.5
            rings.append(list(zip(x.tolist(), y.tolist(), strict=True)))
        return rings
