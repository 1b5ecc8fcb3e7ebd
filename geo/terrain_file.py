"""Ground heights from files of any size: GeoTIFF, SRTM `.hgt`, DTED, ASCII grids, or a folder of such tiles.

Files are opened through `geo.gis.door_file` alone, and read window by window as heights are asked for.
"""

from __future__ import annotations

import functools
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from geo.geoid import undulation_m
from geo.geoid_file import read_geoid
from geo.gis.errors import GisFileError
from geo.gis.raster_file import identity_of, open_together, windows_of
from geo.terrain_tiles import TerrainTile, TileSource, lay_out
from geo.tiled_terrain import DEFAULT_CACHE_MB, TiledTerrain
from geo.vertical import UnknownUnitError, vertical_reference

if TYPE_CHECKING:
    from typing import Any

    from geo.gis.raster_file import RasterFile
    from geo.terrain_tiles import Geoid
    from geo.vertical import Datum, TerrainProblem

SUFFIXES: Final = (".tif", ".tiff", ".hgt", ".dt0", ".dt1", ".dt2", ".asc")
"""What a tile in a folder may be called; what it is, its bytes say."""
_POINTERS: Final = (".vrt", ".gti", ".stac", ".wms", ".wcs")
MAX_TILES: Final = 20_000
_CHECKED_TILES: Final = 4
"""So few tiles are looked through when they are opened, if they are small."""
_KEPT: Final = 4

_opened: dict[object, TiledTerrain] = {}
_lock = threading.Lock()


def read_terrain(
    path: str | Path, *, datum: str | Path | None = None, cache_mb: float = DEFAULT_CACHE_MB
) -> TiledTerrain:
    """Open a terrain file, or a folder of tiles, as one ground.

    Tiles may differ in spacing, offset and coordinate system: the finest one's grid holds all, and heights of the
    others are taken bilinearly. Where tiles overlap, the finer one counts, then the one whose name comes first.
    Pixel centres are posts. The same files are opened once.

    Parameters
    ----------
    path
        A file, or a folder whose `.tif .tiff .hgt .dt0 .dt1 .dt2 .asc` files are tiles.
    datum
        What heights count from where the file does not say: "egm96" for mean sea level, "hae" for the WGS 84
        ellipsoid; without it mean sea level is assumed, and `TiledTerrain.problems` says so. Or a geoid's grid file
        (`geo.geoid_file`), which also serves files that name another geoid than EGM96.
    cache_mb
        Posts held in memory, in megabytes.

    Returns
    -------
    TiledTerrain
        Heights above the ellipsoid; NaN where no tile has data.

    Raises
    ------
    InputError
        When there is nothing to read, a tile cannot be read, has no or an impossible georeference, no height, or a
        unit nobody knows. Damage further inside a large tile raises the same when that place is first asked for.
    """
    source = Path(path)
    stated, grid = _stated(datum)
    if not source.exists():
        raise InputError(
            f"terrain file {source} does not exist; give a GeoTIFF, .hgt or DTED file, or a folder of them"
        )
    try:
        parts = _tiles_in(source) if source.is_dir() else [source]
        read = parts if grid is None else [*parts, grid]
        key = (tuple((part, identity_of(part)) for part in read), stated, cache_mb)
        with _lock:
            if key not in _opened:
                while len(_opened) >= _KEPT:
                    del _opened[next(iter(_opened))]
                _opened[key] = _terrain_of(source, parts, _Heights(stated, grid), cache_mb)
            return _opened[key]
    except GisFileError as error:
        raise InputError(f"terrain file {_shown(source, error)} {error.reason}") from None


def _stated(datum: str | Path | None) -> tuple[Datum | None, Path | None]:
    """Return what heights were said to count from, and the geoid's file where it is one."""
    match datum:
        case None | "egm96" | "hae":
            return datum, None
    grid = Path(datum)
    if not grid.is_file():
        raise InputError(
            f"terrain datum {str(datum)!r} is neither egm96 nor hae, nor a geoid's grid file", datum=str(datum)
        )
    return "geoid", grid


class _Heights:
    """What a person said heights count from; the geoid's file is read when it is first needed."""

    def __init__(self, stated: Datum | None, grid: Path | None) -> None:
        self.stated, self._grid = stated, grid

    @functools.cached_property
    def geoid(self) -> Geoid:
        return undulation_m if self._grid is None else read_geoid(self._grid)


def _shown(source: Path, error: GisFileError) -> Path:
    return source / str(error.fields["file"]) if source.is_dir() else source


def _terrain_of(source: Path, parts: list[Path], heights: _Heights, cache_mb: float) -> TiledTerrain:
    tiles: list[TerrainTile] = []
    problems: dict[str, TerrainProblem] = {}
    for raster, facts in open_together(parts, look_through=len(parts) <= _CHECKED_TILES):
        tile, doubts = _tile(raster, facts, heights)
        tiles.append(tile)
        for doubt in doubts:
            problems.setdefault(doubt.kind, doubt)
    lattice, placed = lay_out(tiles)
    try:
        return TiledTerrain(
            lattice,
            TileSource(lattice, placed, windows_of),
            problems=tuple(problems.values()),
            name=f"{source.name} ({', '.join(sorted({tile.reference.datum for tile in tiles}))})",
            cache_mb=cache_mb,
        )
    except ValueError as error:
        raise InputError(f"the tiles in {source} lie too far apart for their spacing: {error}") from None


def _tiles_in(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        parts = sorted(
            (part for part in entries if part.name.lower().endswith((*SUFFIXES, *_POINTERS))),
            key=lambda part: part.name,
        )
    for part in parts:
        if part.is_symlink():
            raise GisFileError(part.name, "is a link, which is not followed inside a folder of tiles; copy the file")
    tiles = [folder / part.name for part in parts if part.is_file(follow_symlinks=False)]
    if not tiles:
        raise InputError(f"folder {folder} holds no terrain tiles; put {', '.join(SUFFIXES)} files in it")
    if len(tiles) > MAX_TILES:
        raise InputError(f"folder {folder} holds {len(tiles)} tiles, over the limit of {MAX_TILES}; keep those needed")
    return tiles


def _tile(
    raster: RasterFile, facts: dict[str, Any], heights: _Heights
) -> tuple[TerrainTile, tuple[TerrainProblem, ...]]:
    """Return a tile with its place and the meaning of its heights, and what is doubtful about them."""
    name = raster.path.name
    if facts["crs"] is None:
        raise GisFileError(name, "has no georeference; give it one with gdal_translate")
    if min(facts["height"], facts["width"]) < 2:
        raise GisFileError(name, f"has {facts['height']} x {facts['width']} posts; at least 2 x 2 are needed")
    try:
        reference = vertical_reference(facts, name, heights.stated)
    except UnknownUnitError as unit:
        raise GisFileError(name, f"has heights in an unknown unit ({str(unit)[:40]}); convert them to metres") from None
    tile = TerrainTile.of(raster, facts, reference, heights.geoid if reference.datum == "geoid" else undulation_m)
    if not tile.possible:
        raise GisFileError(
            name,
            f"has an impossible georeference (steps {tile.lat_step_deg:g}, {tile.lon_step_deg:g} degrees, latitudes "
            f"{tile.south_deg:g} to {tile.north_deg:g}); georeference it again",
        )
    if facts["empty"]:
        raise GisFileError(name, "holds no height between -500 and 9000 m")
    return tile, reference.problems
