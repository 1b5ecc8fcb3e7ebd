"""Rasters that are read piece by piece through the door: GeoTIFF, SRTM `.hgt`, DTED, ASCII grids, `.gtx`."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geo.gis.door_file import Asked, ask, ask_together, opened
from geo.gis.errors import GisFileError, RefusalError
from geo.gis.formats import HEAD_BYTES, raster_driver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TOGETHER: Final = 16
"""Files that are opened with one message; each has two descriptors at most."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RasterFile:
    """A raster that is read piece by piece: where it is, what it was when it was first opened, and what it says."""

    path: Path
    driver: str
    identity: tuple[int, int, int, int]
    """Device, inode, size and time of change; another file under the name is refused."""

    @property
    def _token(self) -> str:
        return json.dumps([self.driver, *self.identity])

    def facts(self, *, look_through: bool = False) -> dict[str, Any]:
        """Return what the raster says of itself (`geo.gis.raster_reading`); a small one is looked through if asked."""
        return self._opening({"op": "facts", "look_through": look_through})[0]

    def window(self, row: int, column: int, rows: int, columns: int) -> NDArray[np.float32]:
        """Return heights of the raster's own posts, NaN where unknown; the window lies inside it."""
        request = {"op": "window", "row": row, "column": column, "rows": rows, "columns": columns}
        return self._heights(request, rows, columns)

    def warped(self, lattice: tuple[float, float, float, float], rows: int, columns: int) -> NDArray[np.float32]:
        """Return heights at posts of a grid of degrees (north, west, steps), bilinear, NaN outside the raster."""
        return self._heights({"op": "warp", "lattice": list(lattice), "rows": rows, "columns": columns}, rows, columns)

    def picture(self, square: tuple[float, float, float], side: int) -> NDArray[np.uint8]:
        """Return a square of the web's Mercator (its west and north, metres of a pixel) as (side, side, 4) RGBA.

        Raises
        ------
        GisFileError
            When its bands are no colours.
        """
        _, data = self._answer({"op": "picture", "square": list(square), "rows": side, "columns": side})
        if len(data) != 4 * side * side:
            raise GisFileError(self.path.name, "came back damaged from the process that reads it")
        return np.frombuffer(data, np.uint8).reshape(side, side, 4)

    def _heights(self, request: dict[str, Any], rows: int, columns: int) -> NDArray[np.float32]:
        return self.posts_of(self._answer(request)[1], rows, columns)

    def posts_of(self, data: bytes, rows: int, columns: int) -> NDArray[np.float32]:
        """Return the heights that an answer carries."""
        if len(data) != 4 * rows * columns:
            raise GisFileError(self.path.name, "came back damaged from the process that reads it")
        return np.frombuffer(data, "<f4").reshape(rows, columns)

    def asked(self, request: dict[str, Any]) -> Asked:
        """Return a question about the raster for a child that holds it open."""
        return Asked(name=self.path.name, request={**request, "token": self._token})

    def asked_opening(self, request: dict[str, Any], descriptor: int, files: contextlib.ExitStack) -> Asked:
        """Return a question with the raster's descriptors; what lies beside it stays open until `files` is closed."""
        names = _names_of(self.path, self.driver)
        beside = tuple(files.enter_context(opened(path))[0] for path in list(names.values())[1:])
        request = {**request, "token": self._token, "driver": self.driver, "names": list(names)}
        return Asked(name=self.path.name, request=request, descriptors=(descriptor, *beside))

    def _answer(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        header, data = ask("raster", self.asked(request))
        return self._opening(request) if header["type"] == "missing" else (header, data)

    def _opening(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Ask with the raster's descriptors, for a child that does not hold it open."""
        with contextlib.ExitStack() as files:
            descriptor, _ = files.enter_context(opened(self.path))
            if _identity(os.fstat(descriptor)) != self.identity:
                raise GisFileError(self.path.name, "changed while it was being read; start again")
            return ask("raster", self.asked_opening(request, descriptor, files))


def open_together(paths: Sequence[Path], *, look_through: bool) -> list[tuple[RasterFile, dict[str, Any]]]:
    """Open many rasters, each once, with few messages: each with what it says of itself (`RasterFile.facts`).

    Raises
    ------
    GisFileError
        About the first that is missing, of another kind, or cannot be read.
    """
    found: list[tuple[RasterFile, dict[str, Any]]] = []
    request = {"op": "facts", "look_through": look_through}
    for first in range(0, len(paths), TOGETHER):
        rasters, asked = [], []
        with contextlib.ExitStack() as files:
            for path in paths[first : first + TOGETHER]:
                descriptor, size = files.enter_context(opened(path))
                raster = _told(path, descriptor, size)
                rasters.append(raster)
                asked.append(raster.asked_opening(request, descriptor, files))
            answers = ask_together("raster", asked)
        found += [(raster, facts) for raster, (facts, _) in zip(rasters, answers, strict=True)]
    return found


def windows_of(wanted: Sequence[tuple[RasterFile, tuple[int, int, int, int]]]) -> list[NDArray[np.float32]]:
    """Return `RasterFile.window` of many rasters (row, column, rows, columns), with one message.

    Raises
    ------
    GisFileError
        About the first that cannot be read.
    """
    asked = [
        raster.asked({"op": "window", "row": row, "column": column, "rows": rows, "columns": columns})
        for raster, (row, column, rows, columns) in wanted
    ]
    found = []
    for (raster, window), (header, data) in zip(wanted, ask_together("raster", asked), strict=True):
        found.append(raster.window(*window) if header["type"] == "missing" else raster.posts_of(data, *window[2:]))
    return found


def open_raster(path: str | Path) -> RasterFile:
    """Tell a terrain or geoid raster by its bytes: GeoTIFF, SRTM .hgt, DTED, ASCII grid, .gtx.

    Raises
    ------
    GisFileError
        When it is missing or of another kind.
    """
    path = Path(path)
    with opened(path) as (descriptor, size):
        return _told(path, descriptor, size)


def _told(path: Path, descriptor: int, size: int) -> RasterFile:
    head = os.pread(descriptor, HEAD_BYTES, 0)
    try:
        driver = raster_driver(head, path.name, size)
    except RefusalError as refusal:
        raise GisFileError(path.name, str(refusal)) from None
    return RasterFile(path=path, driver=driver, identity=_identity(os.fstat(descriptor)))


def identity_of(path: Path) -> tuple[int, int, int, int]:
    """Return device, inode, size and time of change of a file.

    Raises
    ------
    GisFileError
        It cannot be looked at.
    """
    try:
        return _identity(path.stat())
    except OSError as error:
        raise GisFileError(path.name, f"cannot be opened ({error.strerror}); give the path of a file") from None


def _identity(facts: os.stat_result) -> tuple[int, int, int, int]:
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


@functools.cache
def _suffix(driver: str) -> str:
    return {"GTiff": "tif", "DTED": "dt1", "AAIGrid": "asc", "GTX": "gtx", "SRTMHGT": "hgt"}[driver]


def _names_of(path: Path, driver: str) -> dict[str, Path]:
    """Return what the child calls a raster's files: an SRTM tile's name is its place, an ASCII grid's CRS is beside."""
    stem = path.name[:7].upper() if driver == "SRTMHGT" else "raster"
    names = {f"{stem}.{_suffix(driver)}": path}
    beside = path.with_suffix(".prj")
    if driver == "AAIGrid" and beside.is_file() and not beside.is_symlink():
        names[f"{stem}.prj"] = beside
    return names
