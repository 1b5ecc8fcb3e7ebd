"""Read another geoid than the bundled EGM96 (EGM2008, a national model) from a grid file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.errors import InputError
from geo.gis.errors import GisFileError
from geo.gis.raster_file import open_raster
from geo.vertical import UnknownUnitError, vertical_reference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import FloatArray

MAX_CELLS: Final = 300_000_000
"""A whole 1-minute world grid has 233 million (EGM2008 1'); more is refused."""
_BAND_CELLS: Final = 1 << 22
_LIMIT_M: Final = 120.0
"""No geoid is further from the ellipsoid (EGM2008: -106.9 .. +85.8 m)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeoidGrid:
    """Posts of a geoid (metres) along parallels: outer corner and signed steps in degrees.

    Called with latitudes and longitudes (degrees) it gives the undulation in metres, bilinear between posts. Nothing
    is assumed where the grid ends: the undulation is NaN there, never 0.
    """

    posts: NDArray[np.float32]
    north_deg: float
    west_deg: float
    lat_step_deg: float
    lon_step_deg: float

    def __call__(self, lat_deg: FloatArray, lon_deg: FloatArray, /) -> FloatArray:
        """Return the undulation at each point."""
        column = (np.asarray(lon_deg, dtype=np.float64) - self.west_deg) / self.lon_step_deg - 0.5
        row = (np.asarray(lat_deg, dtype=np.float64) - self.north_deg) / self.lat_step_deg - 0.5
        row, column = np.broadcast_arrays(row, column)
        return _bilinear(self.posts, row, column, round(360.0 / abs(self.lon_step_deg)))


def read_geoid(path: str | Path) -> GeoidGrid:
    """Return the geoid of a grid (GeoTIFF, ``.gtx``).

    EGM2008 is published as ``us_nga_egm08_25.tif`` (PROJ-data).

    Raises
    ------
    InputError
        The file cannot be read, is not in degrees, counts in a unit nobody knows, or holds what is no geoid.
    """
    path = Path(path)
    try:
        grid = open_raster(path)
        facts = grid.facts()
        rows, columns = int(facts["height"]), int(facts["width"])
        if rows * columns > MAX_CELLS:
            raise InputError(f"{path}: {columns} x {rows} posts are more than a geoid has")
        if facts["crs"] is not None and not facts["geographic"]:
            raise InputError(f"{path}: a geoid grid has to be in degrees, this one is in {facts['crs']}")
        to_m = np.float32(vertical_reference(facts, path.name, None).to_m)
        values = np.empty((rows, columns), dtype=np.float32)
        band = max(_BAND_CELLS // columns, 1)
        for row in range(0, rows, band):
            values[row : row + band] = grid.window(row, 0, min(band, rows - row), columns) * to_m
    except GisFileError as error:
        raise InputError(f"{path}: not a grid that can be read ({error.reason})", path=str(path)) from None
    except UnknownUnitError as unit:
        raise InputError(
            f"{path}: its unit {str(unit)[:40]!r} is not known; convert it to metres", path=str(path)
        ) from None
    a, b, west, d, e, north = facts["transform"]
    if b or d or not (a and e):
        raise InputError(f"{path}: a geoid grid has to run along parallels; this one is turned", path=str(path))
    if not np.isfinite(values).any() or np.nanmax(np.abs(values)) > _LIMIT_M:
        raise InputError(f"{path}: its heights reach beyond {_LIMIT_M:.0f} m, so it is no geoid", path=str(path))
    return GeoidGrid(posts=values, north_deg=north, west_deg=west, lat_step_deg=e, lon_step_deg=a)


def _bilinear(values: NDArray[np.float32], row: FloatArray, column: FloatArray, turn: int) -> FloatArray:
    """Interpolate; `turn` is how many columns make 360 degrees, by which a world grid closes on itself."""
    height, width = values.shape
    with np.errstate(invalid="ignore"):
        column = np.where(np.isfinite(column), column, -np.inf)
        if turn and width >= turn:
            column = np.where(np.isfinite(column), np.mod(column, turn), column)
        inside = (row >= -0.5) & (row <= height - 0.5) & (column >= -0.5)
        inside &= (column <= width - 0.5) | (bool(turn) & (width >= turn))
    row, column = np.where(inside, row, 0.0), np.where(inside, column, 0.0)
    top = np.clip(np.floor(row).astype(np.int64), 0, max(height - 2, 0))
    left = np.floor(column).astype(np.int64)
    down, right = np.clip(row - top, 0.0, 1.0), column - left
    if turn and width >= turn:
        west, east = left % turn, (left + 1) % turn
    else:
        west = np.clip(left, 0, max(width - 2, 0))
        east = np.minimum(west + 1, width - 1)
        right = np.clip(column - west, 0.0, 1.0)
    bottom = np.minimum(top + 1, height - 1)
    upper = values[top, west] * (1.0 - right) + values[top, east] * right
    lower = values[bottom, west] * (1.0 - right) + values[bottom, east] * right
    return np.asarray(np.where(inside, upper * (1.0 - down) + lower * down, np.nan), dtype=np.float64)
