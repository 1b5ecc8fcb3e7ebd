"""The one door through which border and terrain files are opened: by descriptor, in a sealed child, with limits.

The child (`geo.gis.gis_child`) is started once for vector and once for raster files and lives as long as this
process; one that died on a file is started anew for the next. What comes back is arrays, never pickles.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import functools
import json
import os
import socket
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geo.children.messages import MessageReader
from geo.children.process import ChildProcess
from geo.errors import MissingPartError
from geo.gis.errors import GisFileError, RefusalError
from geo.gis.formats import HEAD_BYTES, SHAPEFILE, SQLITE, raster_driver
from geo.gis.vector_values import VectorFeatures, VectorShapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

MAX_VECTOR_BYTES: Final = 500_000_000
_PASSED_ON: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ")
"""All the child sees of the environment: no setting of GDAL, OGR, CPL or PROJ is among it."""
_SETTINGS: Final = {
    "HOME": "/nonexistent",  # GDAL reads ~/.gdal/gdalrc
    "PROJ_NETWORK": "OFF",
    "GDAL_DRIVER_PATH": "disable",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
    "GDAL_CACHEMAX": "128",
    "GTIFF_REPORT_COMPD_CS": "YES",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
    "GDAL_HTTP_PROXY": "127.0.0.1:9",
    "GDAL_HTTP_TIMEOUT": "1",
    "LIBKML_RESOLVE_STYLE": "NO",
    "SHAPE_RESTORE_SHX": "NO",
}
"""Where the system has no seal (`geo.children.seal`), these alone keep the library from files and network."""
_START_S: Final = 300.0
_ANSWER_S: Final = 900.0
"""Wall time after which a child that says nothing is given up; its own processor time is bounded more tightly."""
_SIDE_PARTS: Final = ("shx", "prj", "cpg")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    memory_bytes: int
    seconds: int
    answer_bytes: int


_LIMITS: Final = {
    "vector": _Limits(memory_bytes=3 * 1024**3, seconds=300, answer_bytes=1 << 27),
    "raster": _Limits(memory_bytes=1024**3, seconds=120, answer_bytes=1 << 27),
}


class _Child:
    """One running child, its channel, and what it is ready for."""

    def __init__(self, kind: str) -> None:
        limits = _LIMITS[kind]
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
            self._process = ChildProcess(
                "geo.gis.gis_child",
                [kind, str(theirs.fileno()), str(limits.memory_bytes)],
                environment=environment | _SETTINGS,
                descriptors=(theirs.fileno(),),
            )
        self._channel = ours
        self._messages = MessageReader(self._process.output.fileno(), limits.answer_bytes)
        self.owner = os.getpid()
        self.ready: dict[str, Any] | None = None

    @property
    def number(self) -> int:
        """The operating system's number of the process."""
        return self._process.number

    def ask(self, request: dict[str, Any], descriptors: Sequence[int]) -> tuple[dict[str, Any], bytes] | None:
        """Return a request's answer; None when the child died on it, or said nothing for too long."""
        try:
            if self.ready is None:
                first = self._messages.next_message(_START_S)
                self.ready = None if first is None else first[0]
            if self.ready is None:
                raise MissingPartError(
                    "the process that reads border and terrain files does not start; install the project anew"
                )
            socket.send_fds(self._channel, [json.dumps(request).encode()], list(descriptors))
            return self._messages.next_message(_ANSWER_S)
        except (TimeoutError, OSError):
            return None

    def close(self) -> None:
        """End the process, where it is ours to end."""
        self._channel.close()
        if self.owner == os.getpid():
            self._process.close()


_children: dict[str, _Child] = {}
_lock = threading.RLock()


@atexit.register
def close_door() -> None:
    """End the children; the next file starts new ones."""
    with _lock:
        while _children:
            _children.popitem()[1].close()


def child_number(kind: str) -> int | None:
    """Return the process number of the child for "vector" or "raster", None where none runs."""
    child = _children.get(kind)
    return None if child is None else child.number


def read_vector(path: str | Path) -> VectorShapes:
    """Read every geometry of a GeoJSON, GeoPackage, Shapefile, FlatGeobuf, KML or KMZ, or a ZIP of one, on WGS 84.

    Which it is, its bytes say. Coordinates are brought to WGS 84 by what the file says of itself; grids of datum
    shifts are not used.

    Raises
    ------
    GisFileError
        One sentence, for every file that is not read whole: missing, of another kind, one that points at other
        files or the network, one without a coordinate system, over a limit, broken.
    """
    path = Path(path)
    header, data = _vector(path, attributes=False)
    try:
        return VectorShapes.of_bytes(int(header["parts"]), int(header["rings"]), int(header["points"]), data)
    except (KeyError, ValueError, TypeError) as error:
        raise _damaged(path, error) from None


def read_features(path: str | Path) -> VectorFeatures:
    """Read as `read_vector` does, with what the file says of every feature; a shapefile's table is not read.

    Raises
    ------
    GisFileError
        As for `read_vector`.
    """
    path = Path(path)
    header, data = _vector(path, attributes=True)
    try:
        return VectorFeatures.of_bytes(header, data)
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> GisFileError:
    return GisFileError(path.name, f"came back damaged from the process that reads it ({error})")


def _vector(path: Path, *, attributes: bool) -> tuple[dict[str, Any], bytes]:
    """Have the child read a vector file."""
    with _opened(path) as (descriptor, size):
        if size > MAX_VECTOR_BYTES:
            raise GisFileError(path.name, f"is over {MAX_VECTOR_BYTES // 10**6} MB; simplify it first")
        head = os.pread(descriptor, len(SQLITE), 0)
        if head == SQLITE and _size(Path(f"{path}-wal")) > 0:
            raise GisFileError(
                path.name, f"has changes not yet written into it ({path.name}-wal); close the program that edits it"
            )
        with contextlib.ExitStack() as open_parts:
            parts = {"shp": descriptor}
            if head.startswith(SHAPEFILE):
                parts |= {key: open_parts.enter_context(_opened(p))[0] for key, p in _beside(path).items()}
            request = {"parts": list(parts), "attributes": attributes}
            return _ask("vector", path.name, request, list(parts.values()))


def _beside(path: Path) -> dict[str, Path]:
    """Return a shapefile's other parts by their suffix; a link among them is refused, as nobody named it."""
    found = {}
    for entry in sorted(path.parent.iterdir()):
        part = entry.suffix[1:].lower()
        if entry.stem == path.stem and part in (*_SIDE_PARTS, "dbf") and part not in found:
            if entry.is_symlink():
                raise GisFileError(
                    path.name, f"has a link beside it ({entry.name}), which is not followed; copy the file"
                )
            if part in _SIDE_PARTS:
                found[part] = entry
    return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[int, int]]:
    """Open a regular file for reading: its descriptor and size."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise GisFileError(path.name, f"cannot be opened ({reason}); give the path of a file") from None
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise GisFileError(path.name, "is no file; give the path of a file")
        yield descriptor, facts.st_size
    finally:
        os.close(descriptor)


def _ask(kind: str, name: str, request: dict[str, Any], descriptors: Sequence[int]) -> tuple[dict[str, Any], bytes]:
    """Send one request to the child of a kind, started where none runs, and return its answer.

    Raises
    ------
    GisFileError
        When the child refuses the file, cannot read it, or died.
    """
    limits = _LIMITS[kind]
    with _lock:
        child = _children.get(kind)
        if child is None or child.owner != os.getpid():
            child = _children[kind] = _Child(kind)
        answer = None
        try:
            answer = child.ask({**request, "seconds": limits.seconds}, descriptors)
        finally:
            if answer is None:
                _children.pop(kind).close()
    if answer is None:
        raise GisFileError(
            name,
            "cannot be read: the process that reads it died or was ended at its limits "
            f"({limits.memory_bytes // 1024**2} MB, {limits.seconds} s); the file is damaged or hostile",
        )
    header, data = answer
    what = "geometry" if kind == "vector" else "a raster"
    if header["type"] == "unreadable":
        raise GisFileError(name, f"cannot be read as {what} ({header.get('reason')})")
    if header["type"] == "refused":
        raise GisFileError(name, str(header.get("reason")))
    return header, data


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
        _, data = self._ask({"op": "picture", "square": list(square), "rows": side, "columns": side})
        if len(data) != 4 * side * side:
            raise GisFileError(self.path.name, "came back damaged from the process that reads it")
        return np.frombuffer(data, np.uint8).reshape(side, side, 4)

    def _heights(self, request: dict[str, Any], rows: int, columns: int) -> NDArray[np.float32]:
        _, data = self._ask(request)
        if len(data) != 4 * rows * columns:
            raise GisFileError(self.path.name, "came back damaged from the process that reads it")
        return np.frombuffer(data, "<f4").reshape(rows, columns)

    def _ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        header, data = _ask("raster", self.path.name, {**request, "token": self._token}, ())
        return self._opening(request) if header["type"] == "missing" else (header, data)

    def _opening(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Ask with the raster's descriptors, for a child that does not hold it open."""
        asked = {**request, "token": self._token, "driver": self.driver}
        with contextlib.ExitStack() as files:
            names = _names_of(self.path, self.driver)
            descriptors = [files.enter_context(_opened(path))[0] for path in names.values()]
            if _identity(descriptors[0]) != self.identity:
                raise GisFileError(self.path.name, "changed while it was being read; start again")
            return _ask("raster", self.path.name, {**asked, "names": list(names)}, descriptors)


def open_raster(path: str | Path) -> RasterFile:
    """Tell a terrain or geoid raster by its bytes: GeoTIFF, SRTM .hgt, DTED, ASCII grid, .gtx.

    Raises
    ------
    GisFileError
        When it is missing or of another kind.
    """
    path = Path(path)
    with _opened(path) as (descriptor, size):
        head = os.pread(descriptor, HEAD_BYTES, 0)
        try:
            driver = raster_driver(head, path.name, size)
        except RefusalError as refusal:
            raise GisFileError(path.name, str(refusal)) from None
        return RasterFile(path=path, driver=driver, identity=_identity(descriptor))


def _identity(descriptor: int) -> tuple[int, int, int, int]:
    facts = os.fstat(descriptor)
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
