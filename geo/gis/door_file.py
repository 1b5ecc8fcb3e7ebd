"""The one door through which border and terrain files are opened: by descriptor, in a sealed child, with limits.

The child (`geo.gis.gis_child`) is started once for vector and once for raster files and lives as long as this
process; one that died on a file is started anew for the next. What comes back is arrays, never pickles.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import json
import os
import socket
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from geo.children.messages import MessageReader
from geo.children.process import ChildProcess
from geo.errors import MissingPartError
from geo.gis.errors import GisFileError
from geo.gis.formats import RASTER_ADVICE, SHAPEFILE, SQLITE, VECTOR_ADVICE
from geo.gis.vector_values import VectorFeatures, VectorShapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Answer = tuple[dict[str, Any], bytes]

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


def _vector(path: Path, *, attributes: bool) -> Answer:
    """Have the child read a vector file."""
    with opened(path) as (descriptor, size):
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
                parts |= {key: open_parts.enter_context(opened(p))[0] for key, p in _beside(path).items()}
            request = {"parts": list(parts), "attributes": attributes}
            return ask("vector", Asked(name=path.name, request=request, descriptors=tuple(parts.values())))


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
def opened(path: Path) -> Iterator[tuple[int, int]]:
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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question about one file."""

    name: str
    request: dict[str, Any]
    descriptors: tuple[int, ...] = ()


def ask(kind: str, asked: Asked) -> Answer:
    """Send one question to the child of a kind, started where none runs, and return its answer.

    Raises
    ------
    GisFileError
        When the child refuses the file, cannot read it, or died.
    """
    limits = _LIMITS[kind]
    answer = _exchange(kind, {**asked.request, "seconds": limits.seconds}, asked.descriptors)
    if answer is None:
        raise GisFileError(
            asked.name,
            "cannot be read: the process that reads it died or was ended at its limits "
            f"({limits.memory_bytes // 1024**2} MB, {limits.seconds} s); the file is damaged or hostile",
        )
    return _judged(kind, asked.name, answer)


def ask_together(kind: str, asked: Sequence[Asked]) -> list[Answer]:
    """Send questions in one message, and return their answers in order: a message each costs more than a small file.

    Each is judged as it would be alone; where the child dies, they are asked one by one, to tell whose fault it is.

    Raises
    ------
    GisFileError
        As for `ask`, about the first file at fault.
    """
    questions = [{**one.request, "descriptors": len(one.descriptors)} for one in asked]
    descriptors = [descriptor for one in asked for descriptor in one.descriptors]
    answer = _exchange(kind, {"together": questions, "seconds": _LIMITS[kind].seconds}, descriptors)
    if answer is None or len(answer[0].get("parts", ())) != len(asked):
        return [ask(kind, one) for one in asked]
    found, at = [], 0
    for one, header in zip(asked, answer[0]["parts"], strict=True):
        size = int(header["bytes"])
        found.append(_judged(kind, one.name, (header, answer[1][at : at + size])))
        at += size
    return found


def _exchange(kind: str, request: dict[str, Any], descriptors: Sequence[int]) -> Answer | None:
    """Send a request to the child of a kind and return its answer; None, and no child any more, where it died."""
    with _lock:
        child = _children.get(kind)
        if child is None or child.owner != os.getpid():
            child = _children[kind] = _Child(kind)
        answer = None
        try:
            answer = child.ask(request, descriptors)
        finally:
            if answer is None:
                _children.pop(kind).close()
    return answer


def _judged(kind: str, name: str, answer: Answer) -> Answer:
    header, _ = answer
    what, advice = ("geometry", VECTOR_ADVICE) if kind == "vector" else ("a raster", RASTER_ADVICE)
    if header["type"] == "unreadable":
        raise GisFileError(name, f"cannot be read as {what} ({header.get('reason')}); {advice}")
    if header["type"] == "refused":
        raise GisFileError(name, str(header.get("reason")))
    return answer
