"""The child that lets OGR or GDAL read: it warms up, seals itself, then answers requests until the door closes.

Started as ``python -m geo.gis.gis_child KIND DESCRIPTOR``: requests come over a socket with the descriptors of the
files they are about, answers leave by standard output (`geo.children.messages`).
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import re
import socket
import sys
from typing import TYPE_CHECKING, Any, Final

from geo.children.messages import send
from geo.children.seal import allow_descriptors, deny_core_dumps, deny_writing, limit_more_memory, limit_time, seal
from geo.gis.errors import RefusalError
from geo.gis.formats import RASTER_DRIVERS, VECTOR_DRIVERS

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = Callable[[dict[str, Any], tuple[int, ...]], tuple[dict[str, Any], bytes]]

MAX_REQUEST_BYTES: Final = 1 << 16
MAX_DESCRIPTORS: Final = 32
MAX_OPEN_FILES: Final = 2048
_MAX_REASON: Final = 200
_NAME_IN_MEMORY: Final = re.compile(r"'?/vsimem/[^\s']*'?")
"""What GDAL calls the bytes it was handed; nobody else knows a file by it."""


def _vector() -> tuple[Answer, list[str]]:
    for name in ("geopandas", "pandas", "pyarrow"):  # pyogrio would load them, and needs none of them to read arrays
        sys.modules[name] = None  # type: ignore[assignment]
    import pyogrio

    from geo.gis.vector_reading import read_vector, warm_up

    _drop_drivers(VECTOR_DRIVERS, pyogrio.list_drivers())
    warm_up()

    def answer(request: dict[str, Any], descriptors: tuple[int, ...]) -> tuple[dict[str, Any], bytes]:
        files = {part: _whole(fd) for part, fd in zip(request["parts"], descriptors, strict=True)}
        return read_vector(files, attributes=bool(request.get("attributes")))

    return answer, sorted(pyogrio.list_drivers())


def _raster() -> tuple[Answer, list[str]]:
    import rasterio

    from geo.gis.raster_reading import Rasters, warm_up

    with rasterio.Env() as library:
        _drop_drivers(RASTER_DRIVERS, library.drivers())
        warm_up()
        rasters = Rasters()

        def answer(request: dict[str, Any], descriptors: tuple[int, ...]) -> tuple[dict[str, Any], bytes]:
            try:
                return rasters.answer(request, descriptors)
            finally:
                _drop_drivers(RASTER_DRIVERS, ("VRT",))  # warping registers it

        _drop_drivers(RASTER_DRIVERS, library.drivers())
        return answer, sorted(library.drivers())


def _drop_drivers(kept: tuple[str, ...], known: Any) -> None:
    """Take every driver out of the library but those kept; start anew without them where it cannot be reached."""
    extra = sorted(set(known) - set(kept))
    if not extra:
        return
    library = _library()
    if library is not None:
        for name in extra:
            driver = ctypes.c_void_p(library.GDALGetDriverByName(name.encode()))
            if driver:
                library.GDALDeregisterDriver(driver)
                library.GDALDestroyDriver(driver)
        return
    if "GDAL_SKIP" in os.environ:
        raise SystemExit(f"GDAL keeps drivers it was told to skip: {extra}")
    os.environ["GDAL_SKIP"] = ",".join(extra)
    os.execv(sys.executable, [sys.executable, "-m", "geo.gis.gis_child", *sys.argv[1:]])  # noqa: S606 - ourselves


@functools.cache
def _library() -> Any:
    """Return the GDAL this process has loaded, None where the system does not say which."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            paths = {line.split(maxsplit=5)[5].strip() for line in maps if "libgdal" in line}
    except OSError:
        return None
    if len(paths) != 1:
        return None
    library = ctypes.CDLL(paths.pop())
    library.GDALGetDriverByName.restype = ctypes.c_void_p
    return library


def _whole(descriptor: int) -> bytes:
    """Return all bytes of a file, and close it."""
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def _requests(channel: socket.socket) -> Any:
    """Yield requests with the descriptors that came with them, until the door closes."""
    while True:
        text, descriptors, _, _ = socket.recv_fds(channel, MAX_REQUEST_BYTES, MAX_DESCRIPTORS)
        if not text:
            return
        yield json.loads(text), tuple(descriptors)


def _answer_one(answer: Answer, request: dict[str, Any], descriptors: tuple[int, ...]) -> tuple[dict[str, Any], bytes]:
    try:
        header, payload = answer(request, descriptors)
    except RefusalError as refusal:
        return {"type": "refused", "reason": str(refusal)}, b""
    except MemoryError:
        return {"type": "refused", "reason": "needs more memory to read than any such file should"}, b""
    except Exception as error:  # noqa: BLE001 - a damaged file makes GDAL's bindings raise any kind
        if type(error).__name__ == "NotOpenError":
            return {"type": "missing"}, b""
        lines = str(error).splitlines() or [type(error).__name__]
        reason = _NAME_IN_MEMORY.sub("it is", lines[0].split(".; It might help")[0])
        return {"type": "unreadable", "reason": reason[:_MAX_REASON]}, b""
    return {"type": "done", **header}, payload


def _answer_all(answer: Answer, request: dict[str, Any], descriptors: tuple[int, ...]) -> tuple[dict[str, Any], bytes]:
    """Answer questions that came in one message, each with its own share of the descriptors."""
    headers, payloads, at = [], [], 0
    for one in request["together"]:
        count = int(one["descriptors"])
        header, payload = _answer_one(answer, one, descriptors[at : at + count])
        at += count
        headers.append({**header, "bytes": len(payload)})
        payloads.append(payload)
    return {"type": "together", "parts": headers}, b"".join(payloads)


def main() -> None:
    """Serve requests of the kind named first on the socket named second."""
    channel = socket.socket(fileno=int(sys.argv[2]))
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    deny_core_dumps()
    deny_writing()
    allow_descriptors(MAX_OPEN_FILES)
    answer, drivers = _vector() if sys.argv[1] == "vector" else _raster()
    limit_more_memory(int(sys.argv[3]))
    sealed = seal()
    send(out, {"type": "ready", "sealed": sealed, "drivers": drivers})
    for request, descriptors in _requests(channel):
        limit_time(int(request["seconds"]))
        answered = _answer_all if "together" in request else _answer_one
        send(out, *answered(answer, request, descriptors))


if __name__ == "__main__":
    main()
