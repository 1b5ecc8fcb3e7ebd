"""Raster bytes to facts and heights, through GDAL. Runs in the child; see `geo.gis.gis_child`.

GDAL opens nothing by itself: the descriptors the door sent are served under made-up names, and no other name exists.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import os
import warnings
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyproj
import rasterio
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from geo.gis.errors import RefusalError
from geo.vertical import PLAUSIBLE_M, UnknownUnitError, vertical_reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

MAX_OPEN: Final = 512
"""Rasters held open; more are opened again when asked for."""
MAX_WINDOW_POSTS: Final = 1 << 24
MAX_TEXT_BYTES: Final = 300_000_000
SMALL_BYTES: Final = 1 << 19
"""A file no larger is held in memory while it is open (`MAX_OPEN` of them: 256 MB): GDAL reads it without asking us."""
CHECKED_POSTS: Final = 1 << 21
"""A raster of no more posts can be looked through when it is opened, so that damage, or no height at all, shows."""
_GEOGRAPHIC: Final = "EPSG:4326"
_VOID: Final = {"int16": -32768.0}
_VOID_ELSE: Final = -9999.0
"""What heights use for "unknown" where they do not say so (SRTM topography documentation, 2.1; ESRI grids)."""


class NotOpenError(Exception):
    """A raster is asked for that is not, or no longer, open: its descriptors are wanted."""


@dataclasses.dataclass(slots=True)
class _Open:
    raster: Any
    descriptors: tuple[int, ...]
    closing: contextlib.ExitStack


@contextlib.contextmanager
def _in_memory(held: Mapping[str, _Served], driver: str) -> Iterator[Any]:
    """Open a raster from memory: an ASCII grid, which is read from end to end anyway, with what lies beside it."""
    if sum(served.size for served in held.values()) > MAX_TEXT_BYTES:
        raise RefusalError(f"is over {MAX_TEXT_BYTES // 10**6} MB of text; convert it to GeoTIFF")
    folder = f"grid{next(iter(held.values())).descriptor}"
    with contextlib.ExitStack() as files:
        first, *_ = [
            files.enter_context(MemoryFile(served.read(), dirname=folder, filename=name))
            for name, served in held.items()
        ]
        yield files.enter_context(first.open(driver=driver))


class _Served(io.RawIOBase):
    """A descriptor as a file with a place of its own, which duplicates of a descriptor would share."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(offset + (0, self._at, self.size)[whence], 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        data = os.pread(self.descriptor, self.size if size < 0 else size, self._at)
        self._at += len(data)
        return data


class Rasters:
    """The rasters this child holds open, by the door's tokens."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, _Open] = OrderedDict()

    def answer(self, request: Mapping[str, Any], descriptors: tuple[int, ...]) -> tuple[dict[str, Any], bytes]:
        """Return the header and the bytes of one request's answer."""
        token = str(request["token"])
        if descriptors:
            self._admit(token, request, descriptors)
        if token not in self._open:
            raise NotOpenError
        self._open.move_to_end(token)
        raster = self._open[token].raster
        if request["op"] == "facts":
            return _facts(raster, look_through=bool(request["look_through"])), b""
        rows, columns = int(request["rows"]), int(request["columns"])
        if not 0 < rows * columns <= MAX_WINDOW_POSTS:
            raise RefusalError(f"was asked for {rows} x {columns} posts at once")
        if request["op"] == "picture":
            return {"rows": rows, "columns": columns}, _pictured(raster, request["square"], rows)
        if request["op"] == "window":
            window = Window(int(request["column"]), int(request["row"]), columns, rows)
            heights = _read(raster, window)
        else:
            heights = _metres(raster, _warped(raster, request["lattice"], rows, columns))
        return {"rows": rows, "columns": columns}, heights.tobytes()

    def _admit(self, token: str, request: Mapping[str, Any], descriptors: tuple[int, ...]) -> None:
        if token in self._open:
            for descriptor in descriptors:
                os.close(descriptor)
            return
        names = [str(name) for name in request["names"]]
        closing = contextlib.ExitStack()
        raster = closing.enter_context(_opened(names, descriptors, str(request["driver"])))
        self._open[token] = _Open(raster, descriptors, closing)
        while len(self._open) > MAX_OPEN:
            _, old = self._open.popitem(last=False)
            old.closing.close()
            for descriptor in old.descriptors:
                os.close(descriptor)


@contextlib.contextmanager
def _opened(names: list[str], descriptors: tuple[int, ...], driver: str) -> Iterator[Any]:
    held = {name: _Served(descriptor) for name, descriptor in zip(names, descriptors, strict=True)}
    if driver == "AAIGrid" or all(served.size <= SMALL_BYTES for served in held.values()):
        with _quiet(), _in_memory(held, driver) as raster:
            yield raster
        return

    def opener(path: str, mode: str = "rb", **_: Any) -> Any:
        name = os.path.basename(path)
        if name not in held or "w" in mode or "+" in mode:
            raise FileNotFoundError(name)
        return _Served(held[name].descriptor)

    with _quiet(), rasterio.open(names[0], driver=driver, opener=opener) as raster:
        yield raster


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


def warm_up() -> None:
    """Load now what is loaded from files on first use: after the seal no file opens."""
    for crs in ("EPSG:4326+5773", "EPSG:32632", "EPSG:2056"):
        with MemoryFile() as memory:
            place = Affine(1.0, 0.0, 8.0, 0.0, -1.0, 50.0)
            shape = {"width": 2, "height": 2, "count": 1, "dtype": "int16"}
            with memory.open(driver="GTiff", crs=crs, transform=place, **shape) as raster:
                raster.write(np.zeros((1, 2, 2), dtype="int16"))
            with memory.open() as raster:
                _facts(raster, look_through=True)
                _warped(raster, [50.0, 8.0, 0.5, 0.5], 2, 2)
                _colours(raster, [890_555.0, 6_446_275.0, 100.0], 2, (1,))


def _facts(raster: Any, *, look_through: bool) -> dict[str, Any]:
    """Say where a raster lies and what its heights count from and in."""
    known = raster.crs is not None and not raster.transform.is_identity
    facts = {
        "width": raster.width,
        "height": raster.height,
        "driver": raster.driver,
        "transform": list(raster.transform)[:6],
        "crs": _horizontal_name(raster.crs.to_wkt()) if known else None,
        "geographic": bool(known and raster.crs.is_geographic),
        "unit": (raster.units[0] or "") if raster.units else "",
        "vertical": _vertical(raster.crs.to_wkt()) if known else None,
    }
    small = raster.width * raster.height <= CHECKED_POSTS
    facts["empty"] = look_through and small and _is_empty(raster, facts)
    if known:
        facts["degrees"] = _extent(raster)
    return facts


def _is_empty(raster: Any, facts: Mapping[str, Any]) -> bool:
    """Tell whether no number of a raster is a height of land in its unit; of an unknown unit, in metres."""
    try:
        to_m = vertical_reference(facts, "", None).to_m
    except UnknownUnitError:
        to_m = 1.0
    heights_m = _read(raster, None) * np.float32(to_m)
    return not ((heights_m >= PLAUSIBLE_M[0]) & (heights_m <= PLAUSIBLE_M[1])).any()


@functools.lru_cache(maxsize=64)
def _horizontal_name(wkt: str) -> str:
    whole = pyproj.CRS.from_wkt(wkt)
    code = whole.to_epsg()
    return f"EPSG:{code}" if code else str(whole.name)


@functools.lru_cache(maxsize=64)
def _vertical(wkt: str) -> dict[str, Any] | None:
    """Return name, EPSG code, metres to a unit and kind of a vertical reference, None where the file has none."""
    whole = pyproj.CRS.from_wkt(wkt)
    for part in whole.sub_crs_list or [whole]:
        if part.is_vertical:
            axis = part.axis_info[0]
            ellipsoidal = "ellipsoid" in part.name.lower()
            up = axis.direction.lower() != "down"
            return _reference(part.name, part.to_epsg(), axis.unit_conversion_factor, ellipsoidal=ellipsoidal, up=up)
        if len(part.axis_info) == 3:
            axis = part.axis_info[2]
            return _reference(part.name, part.to_epsg(), axis.unit_conversion_factor, ellipsoidal=True, up=True)
    return None


def _reference(name: str, epsg: int | None, to_m: float, *, ellipsoidal: bool, up: bool) -> dict[str, Any]:
    return {"name": name[:80], "epsg": epsg, "to_m": to_m, "ellipsoidal": ellipsoidal, "up": up}


def _extent(raster: Any) -> dict[str, float]:
    """Return a raster's outer edges in degrees, and the steps in degrees between posts at its middle."""
    place, width, height = raster.transform, raster.width, raster.height
    across, down = (place.a, place.d), (place.b, place.e)
    corners = [place @ corner for corner in ((0, 0), (width, 0), (0, height), (width, height))]
    x, y = (np.array(axis) for axis in zip(*corners, strict=True))
    west, south, east, north = (float(v) for v in (x.min(), y.min(), x.max(), y.max()))
    if not raster.crs.is_geographic:
        change = pyproj.Transformer.from_crs(
            pyproj.CRS.from_wkt(raster.crs.to_wkt()).to_2d(), _GEOGRAPHIC, always_xy=True
        )
        middle = np.array([(west + east) / 2.0, (south + north) / 2.0])
        points = np.stack([middle, middle + across, middle + down])
        lon, lat = (np.asarray(axis) for axis in change.transform(points[:, 0], points[:, 1]))
        across, down = (lon[1] - lon[0], lat[1] - lat[0]), (lon[2] - lon[0], lat[2] - lat[0])
        west, south, east, north = change.transform_bounds(west, south, east, north, densify_pts=21)
        east += 360.0 if east < west else 0.0
    lon_step, lat_step = np.hypot(np.array(across), np.array(down))
    extent = {"west": west, "south": south, "east": east, "north": north}
    return {**extent, "lat_step": float(lat_step), "lon_step": float(lon_step)}


def _warped(raster: Any, lattice: list[float], rows: int, columns: int) -> Any:
    """Return heights at posts of a grid of degrees: bilinear between the raster's own."""
    north, west, lat_step, lon_step = (float(value) for value in lattice)
    place = Affine(lon_step, 0.0, west - lon_step / 2.0, 0.0, -lat_step, north + lat_step / 2.0)
    void = raster.nodata if raster.nodata is not None else _VOID.get(raster.dtypes[0], _VOID_ELSE)
    with WarpedVRT(
        raster,
        crs=_GEOGRAPHIC,
        resampling=Resampling.bilinear,
        transform=place,
        width=columns,
        height=rows,
        src_nodata=void,
        nodata=void,
    ) as warped:
        return warped.read(1, masked=True)


def _pictured(raster: Any, square: list[float], side: int) -> bytes:
    """Return red, green, blue and whether known (0 or 255) of a square of the web's Mercator: one byte each, by pixel.

    The square is its west and north in metres and the metres of a pixel.
    """
    if raster.dtypes[0] != "uint8":  # bands of one file are of one type in every format that is opened here
        raise RefusalError(f"is no picture: its first band holds {raster.dtypes[0]}, not 8-bit colours")
    bands = (1, 2, 3) if raster.count >= 3 else (1,)
    colours, known = _colours(raster, square, side, bands)
    if len(bands) == 1:
        table = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
        with contextlib.suppress(ValueError):  # where there is no table of colours, it is grey
            table = np.array([raster.colormap(1).get(value, (0, 0, 0, 0))[:3] for value in range(256)], np.uint8)
        colours = np.moveaxis(table[colours[0]], -1, 0)
    return np.concatenate([colours, known[None]]).transpose(1, 2, 0).astype(np.uint8).tobytes()


def _colours(raster: Any, square: list[float], side: int, bands: tuple[int, ...]) -> tuple[Any, Any]:
    """Return some bands of a square of the web's Mercator, and where the raster says anything."""
    west_m, north_m, pixel_m = (float(value) for value in square)
    place = Affine(pixel_m, 0.0, west_m, 0.0, -pixel_m, north_m)
    way = Resampling.nearest if len(bands) == 1 else Resampling.bilinear
    own = raster.nodata is None and not any(flag == MaskFlags.alpha for flag in raster.mask_flag_enums[0])
    with WarpedVRT(
        raster, crs="EPSG:3857", resampling=way, transform=place, width=side, height=side, add_alpha=own
    ) as warped:
        return warped.read(bands), warped.dataset_mask()


def _read(raster: Any, window: Window | None) -> NDArray[np.float32]:
    """Return heights of a window, or of all; without a mask where the raster says that it needs none."""
    whole = raster.mask_flag_enums[0] == [MaskFlags.all_valid]
    heights = raster.read(1, window=window, masked=not whole, out_dtype="float32" if whole else None)
    return _metres(raster, heights)


def _metres(raster: Any, heights: Any) -> NDArray[np.float32]:
    """Return masked heights as 32-bit numbers, scaled as the file says, NaN where unknown."""
    known: NDArray[np.float32] = np.ma.filled(heights.astype(np.float32, copy=False), np.nan)
    if (raster.scales[0], raster.offsets[0]) != (1.0, 0.0):
        known = known * np.float32(raster.scales[0]) + np.float32(raster.offsets[0])
    return np.ascontiguousarray(known, dtype="<f4")
