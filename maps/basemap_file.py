"""Tiles of a base map put into a page: those of its ground, within a budget.

Pictures come from MBTiles 1.3 and PMTiles 3 as they are; vector tiles of either are drawn (`maps.quiet_style`), and a
GeoTIFF is brought to the web's Mercator tile by tile.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import io
import math
import sqlite3
import zlib
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from PIL import Image
from pmtiles.reader import MmapSource, Reader
from pmtiles.tile import Compression, TileType

from geo.errors import InputError
from geo.gis.errors import GisFileError
from geo.gis.raster_file import open_raster
from maps.mercator import WORLD_M, northing_of
from maps.quiet_style import drawn, typeface_note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_PICTURES: Final = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}
"""How the tiles begin that a page shows."""
_DEEPEST: Final = 19
_AROUND: Final = 0.3
"""Share of the extent that is covered around it."""
_LARGEST: Final = 500_000
"""Bytes of a tile, or of a directory of PMTiles: those are deflated, and may grow a thousandfold when read."""
_LARGEST_DRAWN: Final = 8_000_000
"""Bytes of a vector tile once it is inflated."""
_TIFF: Final = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_SIDE_PX: Final = 256
_COARSEST: Final = 8
"""Zooms beyond which a GeoTIFF is a spot on the map, and would be read from end to end for it."""
_MOST_STEPS: Final = 5_000_000
"""SQLite's steps for one tile: a table has it in some dozen, a view may never end."""


class Tiles(Protocol):
    """An opened base map."""

    attribution: str
    deepest: int
    """The last zoom there are tiles of."""
    note: str
    """What a reader of the tiles should know; mostly empty."""

    def tile(self, zoom: int, x: int, y: int) -> bytes | None:
        """Return a tile's bytes, rows counted from the north; None where there is none."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Basemap:
    """Tiles of some zooms, by ``zoom/x/y``."""

    tiles: dict[str, str]
    """Base64 with the kind before it, as ``png;...``."""
    deepest: int
    attribution: str
    note: str
    """What did not fit, or is written otherwise than it should be; empty where nothing is."""

    def data(self) -> dict[str, Any]:
        """Return what the page reads."""
        return {"tiles": self.tiles, "deepest": self.deepest, "attribution": self.attribution}


def read_basemap(path: Path, bounds: Sequence[Sequence[float]], *, budget_mb: float) -> Basemap:
    """Read the tiles of a box (south-west and north-east corners), zoom after zoom until the budget is used.

    Raises
    ------
    InputError
        When the file is missing, is no base map of pictures, or has nothing of this ground.
    """
    left, found, deepest, notes = budget_mb * 1e6, dict[str, str](), -1, list[str]()
    with _opened(path) as tiles:
        for zoom in range(min(tiles.deepest, _DEEPEST) + 1):
            of_zoom = _of_zoom(tiles, zoom, bounds, left)
            if of_zoom is None:
                notes.append(f"The base map goes to zoom {deepest}: more of it does not fit into {budget_mb:g} MB.")
                break
            if of_zoom:
                found |= of_zoom
                deepest = zoom
                left -= sum(map(len, of_zoom.values()))
        attribution = tiles.attribution
        notes += [tiles.note] if tiles.note else []
    if not found:
        raise InputError(f"--basemap: {path} has no picture of the ground of this map; name another", path=str(path))
    return Basemap(tiles=found, deepest=deepest, attribution=attribution, note=" ".join(notes))


class BasemapOnDisk:
    """A base map whose tiles are read from its file when a page asks for them.

    Raises
    ------
    InputError
        When the file is missing or is no base map of pictures.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _opened(path) as tiles:
            self.attribution = tiles.attribution
            self.deepest = min(tiles.deepest, _DEEPEST)

    def data(self, address: str) -> dict[str, Any]:
        """Return what the page reads: tiles stand at ``ADDRESS/zoom/x/y``."""
        return {"address": address, "deepest": self.deepest, "attribution": self.attribution}

    def tile(self, zoom: int, x: int, y: int) -> tuple[bytes, str] | None:
        """Return a tile and its kind (``png``, ``jpeg``, ``webp``); None where there is none that a page shows.

        Raises
        ------
        InputError
            When the file is gone or damaged.
        """
        with _opened(self._path) as tiles:
            found = tiles.tile(zoom, x, y)
        kind = _kind_of(found)
        return None if found is None or kind is None else (found, kind)


def _kind_of(tile: bytes | None) -> str | None:
    """Return what kind of picture a tile is; None where a page does not show it."""
    if tile is None or len(tile) > _LARGEST:
        return None
    return next((kind for begin, kind in _PICTURES.items() if tile.startswith(begin)), None)


def _of_zoom(tiles: Tiles, zoom: int, bounds: Sequence[Sequence[float]], left: float) -> dict[str, str] | None:
    """Return one zoom's tiles of a box; None when they do not fit."""
    found = {}
    for x, y in _cells(zoom, bounds):
        tile = tiles.tile(zoom, x, y)
        kind = _kind_of(tile)
        if tile is None or kind is None:
            continue
        found[f"{zoom}/{x}/{y}"] = f"{kind};{base64.b64encode(tile).decode('ascii')}"
        left -= len(tile) * 4 / 3
        if left < 0:
            return None
    return found


def _cells(zoom: int, bounds: Sequence[Sequence[float]], around: float = _AROUND) -> Iterator[tuple[int, int]]:
    (south, west), (north, east) = bounds
    wide, high = (east - west) * around, (north - south) * around
    count = 1 << zoom
    tops = [
        0.5 - float(northing_of(np.array(np.clip(lat, -85.0, 85.0)))) / WORLD_M for lat in (north + high, south - high)
    ]
    first, last = (min(count - 1, max(0, math.floor(top * count))) for top in tops)
    for column in range(
        math.floor((west - wide + 180.0) / 360.0 * count), math.floor((east + wide + 180.0) / 360.0 * count) + 1
    ):
        for row in range(first, last + 1):
            yield column % count, row


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Tiles]:
    try:
        with path.open("rb") as file:
            begin = file.read(16)
            if begin.startswith(b"SQLite format 3"):
                with contextlib.closing(
                    sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
                ) as base:
                    yield _MbTiles(base, path)
            elif begin.startswith(_TIFF):
                yield _GeoTiff(path)
            elif begin.startswith(b"PMTiles"):
                source = MmapSource(file)  # type: ignore[no-untyped-call]
                yield _PmTiles(Reader(_small_reads(source)), path)  # type: ignore[no-untyped-call]
            else:
                raise InputError(f"--basemap: {path} is none of MBTiles, PMTiles and GeoTIFF", path=str(path))
    except GisFileError as error:
        raise InputError(f"--basemap: {error.message}", path=str(path)) from error
    except OSError as error:
        raise InputError(f"--basemap: {path} cannot be read: {error.strerror}", path=str(path)) from error
    except (sqlite3.Error, zlib.error, ValueError, KeyError, IndexError, EOFError) as error:
        raise InputError(f"--basemap: {path} is damaged: {error}", path=str(path)) from error


def _small_reads(read: Callable[[int, int], bytes]) -> Callable[[int, int], bytes]:
    def limited(offset: int, length: int) -> bytes:
        if length > _LARGEST:
            raise ValueError(f"a part of {length} bytes is too large")
        return read(offset, length)

    return limited


class _MbTiles:
    def __init__(self, base: sqlite3.Connection, path: Path) -> None:
        base.text_factory = lambda raw: raw.decode("utf-8", "replace")
        base.execute("PRAGMA trusted_schema = OFF")
        base.set_progress_handler(lambda: 1, _MOST_STEPS)
        self._base = base
        told = dict(base.execute("SELECT name, value FROM metadata").fetchall())
        self.attribution = str(told.get("attribution", ""))
        (deepest,) = base.execute("SELECT max(zoom_level) FROM tiles").fetchone()
        self.deepest = int(deepest or 0)
        form = str(told.get("format", "png"))
        self._vector = form in {"pbf", "mvt"}
        self.note = typeface_note() if self._vector else ""
        if not self._vector and form not in {"png", "jpg", "jpeg", "webp"}:
            raise InputError(f"--basemap: {path} holds {form} tiles, neither pictures nor vector tiles", path=str(path))

    def tile(self, zoom: int, x: int, y: int) -> bytes | None:
        row = self._base.execute(
            "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?",
            (zoom, x, (1 << zoom) - 1 - y),
        ).fetchone()
        found = bytes(row[0]) if row and isinstance(row[0], bytes) else None
        return _drawn(found) if self._vector and found is not None else found


class _PmTiles:
    def __init__(self, reader: Any, path: Path) -> None:
        self._reader = reader
        header = reader.header()
        self._vector = header["tile_type"] == TileType.MVT
        self.note = typeface_note() if self._vector else ""
        if not self._vector and header["tile_type"] not in {TileType.PNG, TileType.JPEG, TileType.WEBP}:
            raise InputError(f"--basemap: {path} holds neither pictures nor vector tiles", path=str(path))
        plain = {Compression.NONE, Compression.UNKNOWN}
        if header["tile_compression"] not in (plain | {Compression.GZIP} if self._vector else plain):
            raise InputError(
                f"--basemap: the tiles of {path} are compressed in a way that is not read here", path=str(path)
            )
        self.deepest = int(header["max_zoom"])
        self._zooms = range(header["min_zoom"], header["max_zoom"] + 1)
        self.attribution = str(reader.metadata().get("attribution", ""))

    def tile(self, zoom: int, x: int, y: int) -> bytes | None:
        found = self._reader.get(zoom, x, y) if zoom in self._zooms else None
        return _drawn(found) if self._vector and found is not None else found


class _GeoTiff:
    """A raster of colours: its tiles are warped from it, and know where it ends."""

    attribution = note = ""

    def __init__(self, path: Path) -> None:
        self._raster = open_raster(path)
        extent = self._raster.facts().get("degrees")
        if extent is None:
            raise InputError(f"--basemap: {path} does not say where it lies; give a GeoTIFF that does", path=str(path))
        self._box = [[extent["south"], extent["west"]], [extent["north"], extent["east"]]]
        zoom = math.log2(360.0 / (_SIDE_PX * max(extent["lon_step"], 1e-9)))
        self.deepest = min(max(math.ceil(zoom - 0.25), 0), _DEEPEST)

    def tile(self, zoom: int, x: int, y: int) -> bytes | None:
        if not self.deepest - _COARSEST <= zoom <= self.deepest or (x, y) not in set(_cells(zoom, self._box, 0.0)):
            return None
        tile_m = WORLD_M / (1 << zoom)
        corner = (x * tile_m - WORLD_M / 2.0, WORLD_M / 2.0 - y * tile_m)
        pixels = self._raster.picture((*corner, tile_m / _SIDE_PX), _SIDE_PX)
        if not pixels[..., 3].any():
            return None
        stream = io.BytesIO()
        if pixels[..., 3].all():
            Image.fromarray(pixels[..., :3]).save(stream, "JPEG", quality=80)
        else:
            Image.fromarray(pixels).save(stream, "WEBP", quality=80)
        return stream.getvalue()


def _drawn(tile: bytes) -> bytes:
    """Return a vector tile, deflated or not, as a picture."""
    if len(tile) > _LARGEST:
        raise ValueError(f"a tile of {len(tile)} bytes is too large")
    if tile.startswith(b"\x1f\x8b"):
        inflating = zlib.decompressobj(wbits=31)
        tile = inflating.decompress(tile, _LARGEST_DRAWN)
        if not inflating.eof:
            raise ValueError("a tile that does not end where it should, or is too large")
    return drawn(tile)
