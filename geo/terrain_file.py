"""Read ground heights from files: GeoTIFF, SRTM `.hgt`, DTED, or a folder of such tiles, through rasterio."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from geo.errors import InputError
from geo.geoid import undulation_m
from geo.terrain import GridTerrain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Datum = Literal["egm96", "hae"]

SUFFIXES: Final = (".tif", ".tiff", ".hgt", ".dt0", ".dt1", ".dt2", ".asc", ".vrt")
MAX_POSTS: Final = 200_000_000
"""0.8 GB of heights; more is refused, naming the file."""
_GEOGRAPHIC: Final = "EPSG:4326"
_ALIGNED_POSTS: Final = 0.01
_STEPS_DEG: Final = (1e-8, 10.0)
_PLAUSIBLE_M: Final = (-500.0, 9_000.0)


@dataclasses.dataclass(frozen=True, slots=True)
class _Tile:
    """One raster as posts: row 0 north, heights in the file's own datum, NaN where unknown."""

    heights_m: NDArray[np.float32]
    north_deg: float
    west_deg: float
    lat_step_deg: float
    lon_step_deg: float


def read_terrain(path: str | Path, *, datum: Datum = "egm96") -> GridTerrain:
    """Read a terrain file or a folder of aligned tiles.

    Parameters
    ----------
    path
        A raster GDAL can open, or a folder holding tiles of one resolution
        (`.tif .hgt .dt0 .dt1 .dt2 .asc .vrt`). Projected rasters are resampled
        (bilinear) to latitude and longitude. Pixel centres are taken as posts.
    datum
        What the file's heights are measured from: "egm96" for mean sea level
        (SRTM, DTED, most published models), "hae" for the WGS 84 ellipsoid.

    Returns
    -------
    GridTerrain
        Heights above the ellipsoid; posts without data are NaN.

    Raises
    ------
    InputError
        When there is nothing to read, tiles do not align, the grid is too large,
        or the raster has no georeference or no plausible height.
    """
    source = Path(path)
    if datum not in ("egm96", "hae"):
        raise InputError(f"terrain datum must be 'egm96' or 'hae', not {datum!r}", datum=datum)
    if not source.exists():
        raise InputError(
            f"terrain file {source} does not exist; give a GeoTIFF, .hgt or DTED file, or a folder of them"
        )
    tile = _merge(source, [_read_tile(part) for part in _tiles_in(source)]) if source.is_dir() else _read_tile(source)
    heights = tile.heights_m
    if datum == "egm96":
        heights = heights + _undulations(tile)
    return GridTerrain.of(
        heights,
        north_deg=tile.north_deg,
        west_deg=tile.west_deg,
        lat_step_deg=tile.lat_step_deg,
        lon_step_deg=tile.lon_step_deg,
        source=f"{source.name} ({datum})",
    )


def _tiles_in(folder: Path) -> list[Path]:
    tiles = sorted(part for part in folder.iterdir() if part.suffix.lower() in SUFFIXES and part.is_file())
    if not tiles:
        raise InputError(f"folder {folder} holds no terrain tiles; put {', '.join(SUFFIXES)} files in it")
    return tiles


def _read_tile(path: Path) -> _Tile:
    import rasterio
    from rasterio._err import CPLE_BaseError  # what GDAL's own failures arrive as; rasterio has no public name for it
    from rasterio.errors import NotGeoreferencedWarning, RasterioError
    from rasterio.vrt import WarpedVRT

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as raster:
                if raster.crs is None or raster.transform.is_identity:
                    raise InputError(f"terrain file {path} has no georeference; give it one with gdal_translate")
                if raster.crs.is_geographic and raster.transform.b == 0.0 and raster.transform.d == 0.0:
                    return _posts(raster, path)
                with WarpedVRT(raster, crs=_GEOGRAPHIC, resampling=rasterio.enums.Resampling.bilinear) as warped:
                    return _posts(warped, path)
    except (RasterioError, CPLE_BaseError) as error:
        raise InputError(f"terrain file {path} cannot be read as a raster: {error}") from error


def _posts(raster: Any, path: Path) -> _Tile:
    """Read band 1 of an open north-up or south-up geographic raster."""
    rows, columns, transform = raster.height, raster.width, raster.transform
    if rows * columns > MAX_POSTS:
        raise InputError(
            f"terrain file {path} has {rows * columns} posts, over the limit of {MAX_POSTS}; cut it smaller"
        )
    if min(rows, columns) < 2:
        raise InputError(f"terrain file {path} has {rows} x {columns} posts; at least 2 x 2 are needed")
    south = transform.f + transform.e * rows
    steps = (abs(transform.e), transform.a)
    if not (_STEPS_DEG[0] <= min(steps) and max(steps) <= _STEPS_DEG[1] and max(abs(transform.f), abs(south)) <= 91.0):
        raise InputError(
            f"terrain file {path} has an impossible georeference (steps {steps[0]:g}, {steps[1]:g} degrees, latitudes "
            f"{south:g} to {transform.f:g}); georeference it again"
        )
    band = raster.read(1, masked=True)
    heights = np.ma.filled(band.astype(np.float32), np.nan)
    heights = heights * np.float32(raster.scales[0]) + np.float32(raster.offsets[0])
    heights[(heights < _PLAUSIBLE_M[0] - 120.0) | (heights > _PLAUSIBLE_M[1] + 120.0)] = np.nan
    if np.isnan(heights).all():
        raise InputError(
            f"terrain file {path} holds no height between {_PLAUSIBLE_M[0]:.0f} and {_PLAUSIBLE_M[1]:.0f} m"
        )
    north = transform.f + transform.e / 2.0
    if transform.e > 0.0:
        heights, north = heights[::-1], north + transform.e * (rows - 1)
    return _Tile(heights, north, transform.c + transform.a / 2.0, abs(transform.e), transform.a)


def _merge(folder: Path, tiles: list[_Tile]) -> _Tile:
    """Lay aligned tiles into one grid; where tiles overlap the first known height stays."""
    first = tiles[0]
    places = [_place(folder, first, tile) for tile in tiles]
    top, left = min(row for row, _ in places), min(column for _, column in places)
    rows = max(row + tile.heights_m.shape[0] for (row, _), tile in zip(places, tiles, strict=True)) - top
    columns = max(column + tile.heights_m.shape[1] for (_, column), tile in zip(places, tiles, strict=True)) - left
    if rows * columns > MAX_POSTS:
        raise InputError(
            f"the tiles in {folder} span {rows * columns} posts, over the limit of {MAX_POSTS}; "
            "keep only the tiles around the patrol"
        )
    heights = np.full((rows, columns), np.nan, dtype=np.float32)
    for (row, column), tile in zip(places, tiles, strict=True):
        window = heights[row - top : row - top + tile.heights_m.shape[0], column - left :][:, : tile.heights_m.shape[1]]
        np.copyto(window, tile.heights_m, where=np.isnan(window))
    return _Tile(
        heights,
        first.north_deg - top * first.lat_step_deg,
        first.west_deg + left * first.lon_step_deg,
        first.lat_step_deg,
        first.lon_step_deg,
    )


def _place(folder: Path, first: _Tile, tile: _Tile) -> tuple[int, int]:
    """Return the row and column of a tile's first post in the grid of the first tile; the antimeridian is crossed."""
    same_steps = np.isclose(tile.lat_step_deg, first.lat_step_deg, rtol=1e-6) and np.isclose(
        tile.lon_step_deg, first.lon_step_deg, rtol=1e-6
    )
    east = (tile.west_deg - first.west_deg + 180.0) % 360.0 - 180.0
    row, column = (first.north_deg - tile.north_deg) / first.lat_step_deg, east / first.lon_step_deg
    if not same_steps or max(abs(row - round(row)), abs(column - round(column))) > _ALIGNED_POSTS:
        raise InputError(
            f"the tiles in {folder} do not lie on one grid (a one at {tile.north_deg:.4f}, {tile.west_deg:.4f} differs "
            "in spacing or offset); resample them, or give one file"
        )
    return round(row), round(column)


def _undulations(tile: _Tile) -> NDArray[np.float32]:
    """Return geoid heights of every post of a tile."""
    rows, columns = tile.heights_m.shape
    lat = tile.north_deg - tile.lat_step_deg * np.arange(rows)
    lon = tile.west_deg + tile.lon_step_deg * np.arange(columns)
    out = np.empty((rows, columns), dtype=np.float32)
    for row in range(0, rows, 256):
        out[row : row + 256] = undulation_m(lat[row : row + 256, None], lon[None, :])
    return out
