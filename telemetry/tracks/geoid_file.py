"""Read another geoid than the bundled EGM96 (EGM2008, a national model) from a grid file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.gis.errors import GisFileError
from geo.gis.raster_file import open_raster
from geo.vertical import UnknownUnitError, vertical_reference
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import FloatArray
    from telemetry.tracks.datums import Undulation

MAX_CELLS: Final = 300_000_000
"""A whole 1-minute world grid has 233 million (EGM2008 1'); more is refused."""
_BAND_CELLS: Final = 1 << 22
_LIMIT_M: Final = 120.0
"""No geoid is further from the ellipsoid (EGM2008: -106.9 .. +85.8 m)."""


def read_geoid(path: str | Path) -> Undulation:
    """Return the undulation of a grid (GeoTIFF, ``.gtx``), bilinear between its posts.

    EGM2008 is published as ``us_nga_egm08_25.tif`` (PROJ-data). Nothing is
    assumed where the grid ends: the undulation is NaN there, never 0.

    Raises
    ------
    SourceError
        The file cannot be read, is not in degrees, counts in a unit nobody knows, or holds what is no geoid.
    """
    path = Path(path)
    try:
        grid = open_raster(path)
        facts = grid.facts()
        rows, columns = int(facts["height"]), int(facts["width"])
        if rows * columns > MAX_CELLS:
            raise SourceError(f"{path}: {columns} x {rows} posts are more than a geoid has")
        if facts["crs"] is not None and not facts["geographic"]:
            raise SourceError(f"{path}: a geoid grid has to be in degrees, this one is in {facts['crs']}")
        to_m = np.float32(vertical_reference(facts, path.name, None).to_m)
        values = np.empty((rows, columns), dtype=np.float32)
        band = max(_BAND_CELLS // columns, 1)
        for row in range(0, rows, band):
            values[row : row + band] = grid.window(row, 0, min(band, rows - row), columns) * to_m
    except GisFileError as error:
        raise SourceError(f"{path}: not a grid that can be read ({error.reason})", path=str(path)) from None
    except UnknownUnitError as unit:
        raise SourceError(
            f"{path}: its unit {str(unit)[:40]!r} is not known; convert it to metres", path=str(path)
        ) from None
    a, b, west, d, e, north = facts["transform"]
    if b or d or not (a and e):
        raise SourceError(f"{path}: a geoid grid has to run along parallels; this one is turned", path=str(path))
    if not np.isfinite(values).any() or np.nanmax(np.abs(values)) > _LIMIT_M:
        raise SourceError(f"{path}: its heights reach beyond {_LIMIT_M:.0f} m, so it is no geoid", path=str(path))
    turn = round(360.0 / abs(a))

    def undulation(lat_deg: FloatArray, lon_deg: FloatArray, /) -> FloatArray:
        column = (np.asarray(lon_deg, dtype=np.float64) - west) / a - 0.5
        row = (np.asarray(lat_deg, dtype=np.float64) - north) / e - 0.5
        return _bilinear(values, row, column, turn)

    return undulation


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
