"""Border lines, zones and own-side polygons from GeoJSON, GeoPackage, KML and Shapefile, in any CRS."""

from __future__ import annotations

import contextlib
import warnings
import zipfile
from typing import TYPE_CHECKING, Any, Final

import defusedxml.ElementTree as SafeXml
import numpy as np
import shapely
from defusedxml.common import DefusedXmlException

from missions.briefs.places import GeoLine
from missions.errors import BriefError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

MAX_VERTICES: Final = 2_000_000
"""More than a whole country's border at one-metre spacing; beyond it a file is a mistake or an attack."""
MAX_FILE_BYTES: Final = 500_000_000
_MAX_REASON: Final = 200
_MAX_DEPTH: Final = 100
_KML: Final = "http://www.opengis.net/kml/2.2"
_LAYERED: Final = (".gpkg", ".kml", ".kmz", ".zip")
"""Formats that may hold several layers; listing those of the others means reading them twice."""
MAX_UNPACKED_BYTES: Final = 200_000_000
SUFFIXES: Final = (".geojson", ".json", ".gpkg", ".kml", ".kmz", ".shp", ".zip", ".fgb")


def read_lines(path: Path, key: str) -> tuple[GeoLine, ...]:
    """Read every line of a file as WGS 84; polygons give their rings.

    Raises
    ------
    BriefError
        When the file is missing, unreadable, has no line, or a coordinate that is not a place on Earth.
    """
    lines: list[GeoLine] = []
    for geometry in _read_geometries(path, key):
        for part in shapely.get_parts(geometry):
            if part.geom_type == "Polygon":
                lines.extend(_ring(ring) for ring in shapely.get_rings(part))
            elif part.geom_type in ("LineString", "LinearRing") and not part.is_empty:
                lines.append(_ring(part))
    if not lines:
        raise BriefError(f"{key}: {path.name} holds no line; draw the border as a LineString", key=key, file=str(path))
    return tuple(lines)


def read_polygons(path: Path, key: str) -> tuple[tuple[GeoLine, ...], ...]:
    """Read every polygon of a file as WGS 84 rings, the outer ring first.

    Raises
    ------
    BriefError
        As for `read_lines`, and when the file holds no polygon.
    """
    found = tuple(
        tuple(_ring(ring) for ring in shapely.get_rings(part))
        for geometry in _read_geometries(path, key)
        for part in shapely.get_parts(geometry)
        if part.geom_type == "Polygon" and not part.is_empty
    )
    if not found:
        raise BriefError(f"{key}: {path.name} holds no polygon; draw the area as a Polygon", key=key, file=str(path))
    return found


def read_shapes(path: Path, key: str) -> tuple[tuple[tuple[GeoLine, ...], ...], tuple[GeoLine, ...]]:
    """Read every polygon of a file as WGS 84 rings, and every line and point as a line (a point has one vertex).

    Raises
    ------
    BriefError
        As for `read_lines`, and when the file holds no geometry with a place.
    """
    parts = [
        part
        for geometry in _read_geometries(path, key)
        for whole in shapely.get_parts(geometry)
        for part in shapely.get_parts(whole)
        if not part.is_empty
    ]
    if not parts:
        raise BriefError(f"{key}: {path.name} holds no polygon, line or point", key=key, file=str(path))
    rings = tuple(tuple(_ring(r) for r in shapely.get_rings(p)) for p in parts if p.geom_type == "Polygon")
    return rings, tuple(_ring(p) for p in parts if p.geom_type != "Polygon")


def _ring(line: BaseGeometry) -> GeoLine:
    xy = shapely.get_coordinates(line)
    return GeoLine.of(xy[:, 1], xy[:, 0])


def _read_geometries(path: Path, key: str) -> list[BaseGeometry]:
    _check_file(path, key)
    source = _source(path)
    geometries: list[BaseGeometry] = []
    for layer in _layers(source, path, key):
        frame = _read_layer(source, layer, path, key)
        if "geometry" in frame and not frame.geometry.isna().all():
            geometries += _to_wgs84(frame[~frame.geometry.isna()], path, key)
    if not geometries:
        raise BriefError(f"{key}: {path.name} holds no geometry", key=key, file=str(path))
    return geometries


def _layers(source: str | bytes, path: Path, key: str) -> list[str] | list[None]:
    """Return the layers to read: all folders of a KML; of other formats the only one that holds geometry."""
    import pyogrio

    if isinstance(source, bytes) or path.suffix.lower() not in _LAYERED:
        return [None]
    with _refused(path, key):
        listed = pyogrio.list_layers(source)
    names = [str(name) for name, kind in listed if kind is not None]
    if len(names) > 1 and path.suffix.lower() not in (".kml", ".kmz"):
        raise BriefError(
            f"{key}: {path.name} holds {len(names)} layers ({', '.join(names[:5])}); save the one that is meant to a "
            "file of its own",
            key=key, file=str(path),
        )  # fmt: skip
    return names


def _read_layer(source: str | bytes, layer: str | None, path: Path, key: str) -> Any:
    import geopandas

    with _refused(path, key):
        return geopandas.read_file(source, layer=layer, engine="pyogrio")


@contextlib.contextmanager
def _refused(path: Path, key: str) -> Iterator[None]:
    """Turn what GDAL says of a file into one sentence that names the key and the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:  # noqa: BLE001 - a damaged file makes GDAL's bindings raise any kind
        reason = str(error).replace(f"{path.parent}/", "").splitlines()[0] if str(error) else type(error).__name__
        reason = reason.split(".; It might help")[0]
        raise BriefError(
            f"{key}: {path.name} cannot be read as geometry ({reason[:_MAX_REASON]})", key=key, file=str(path)
        ) from None


def _source(path: Path) -> str | bytes:
    """Return what GDAL is to open; a KML without Document or Folder is given the Document that GDAL wants."""
    suffix = path.suffix.lower()
    if suffix == ".kml":
        root = SafeXml.fromstring(path.read_bytes(), forbid_dtd=True)
        for element in root.iter():  # one namespace for all, as GDAL knows no prefix but the default
            element.tag = element.tag.rsplit("}", 1)[-1]
        if not any(child.tag in ("Document", "Folder") for child in root):
            children = list(root)
            document = root.makeelement("Document", {})
            document.extend(children)
            for child in children:
                root.remove(child)
            root.append(document)
            root.set("xmlns", _KML)
            return bytes(SafeXml.tostring(root))
    return f"zip://{path}" if suffix == ".zip" else str(path)


def _to_wgs84(frame: Any, path: Path, key: str) -> list[BaseGeometry]:
    if frame.crs is None:
        raise BriefError(
            f"{key}: {path.name} does not say its coordinate system; add the .prj file or save it as GeoJSON",
            key=key, file=str(path),
        )  # fmt: skip
    geometry = np.asarray(frame.geometry.array, dtype=object)
    _check_degrees(geometry, path, key, geographic=frame.crs.is_geographic)
    if not frame.crs.equals("EPSG:4326"):
        geometry = np.asarray(frame.geometry.to_crs("EPSG:4326").array, dtype=object)
        _check_degrees(geometry, path, key, geographic=True)
    return list(shapely.force_2d(geometry))


def _check_degrees(geometry: NDArray[np.object_], path: Path, key: str, *, geographic: bool) -> None:
    xy = shapely.get_coordinates(geometry)
    if len(xy) > MAX_VERTICES:
        raise BriefError(
            f"{key}: {path.name} has {len(xy)} vertices, more than the {MAX_VERTICES} allowed; simplify it first",
            key=key, vertices=len(xy),
        )  # fmt: skip
    bad = ~np.isfinite(xy).all(axis=1)
    if bad.any():
        raise BriefError(
            f"{key}: {path.name} has a coordinate that is not a number at vertex {int(np.argmax(bad))}", key=key
        )
    if not geographic:
        if len(xy) and (np.abs(xy) <= [180.0, 90.0]).all():
            raise BriefError(
                f"{key}: {path.name} says its coordinates are metres of a map projection, but they look like degrees "
                f"({xy[0, 0]:g}, {xy[0, 1]:g}); save it with the coordinate system it is really in",
                key=key, file=str(path),
            )  # fmt: skip
        return
    off = (np.abs(xy[:, 1]) > 90.0) | (np.abs(xy[:, 0]) > 360.0)
    if off.any():
        k = int(np.argmax(off))
        raise BriefError(
            f"{key}: {path.name} vertex {k} is at longitude {xy[k, 0]:g}, latitude {xy[k, 1]:g}, which is not on "
            f"Earth; {_why_off_earth(xy)}",
            key=key, vertex=k,
        )  # fmt: skip


def _why_off_earth(xy: NDArray[np.float64]) -> str:
    if (np.abs(xy[:, 0]) <= 90.0).all() and (np.abs(xy[:, 1]) <= 180.0).all():
        return "latitude and longitude look swapped: GeoJSON wants longitude first"
    return "the file's coordinate system is probably projected: save it with its CRS, or as WGS 84 degrees"


def _check_file(path: Path, key: str) -> None:
    try:
        found = path.is_file()
    except OSError:  # a name longer than the file system allows
        found = False
    if not found:
        raise BriefError(f"{key}: there is no file {path}; give a path relative to the brief", key=key, file=str(path))
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise BriefError(f"{key}: {path.name} has an unknown ending; use one of {', '.join(SUFFIXES)}", key=key)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise BriefError(f"{key}: {path.name} is over {MAX_FILE_BYTES // 10**6} MB; simplify it first", key=key)
    if suffix == ".kml":
        _check_xml(path.read_bytes(), path, key)
    if suffix in (".kmz", ".zip"):
        _check_archive(path, key)


def _check_archive(path: Path, key: str) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(member.file_size for member in archive.infolist())
            if total > MAX_UNPACKED_BYTES or len(archive.infolist()) > 1000:
                raise BriefError(
                    f"{key}: {path.name} unpacks to {total} bytes in {len(archive.infolist())} files, over the limit "
                    f"of {MAX_UNPACKED_BYTES} bytes and 1000 files",
                    key=key, bytes=total,
                )  # fmt: skip
            for member in archive.infolist():
                if member.filename.lower().endswith(".kml"):
                    with archive.open(member) as stream:
                        _check_xml(stream.read(MAX_UNPACKED_BYTES), path, key)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise BriefError(f"{key}: {path.name} is not a readable archive ({error})", key=key) from None


def _check_xml(data: bytes, path: Path, key: str) -> None:
    try:
        root = SafeXml.fromstring(data, forbid_dtd=True)
    except DefusedXmlException:
        raise BriefError(f"{key}: {path.name} declares XML entities, which are refused", key=key) from None
    except (SafeXml.ParseError, ValueError, LookupError) as error:
        raise BriefError(f"{key}: {path.name} is not well-formed XML ({error})", key=key) from None
    level = [root]
    for _ in range(_MAX_DEPTH):
        level = [child for element in level for child in element]
    if level:
        raise BriefError(f"{key}: {path.name} nests elements deeper than {_MAX_DEPTH}; this is no drawing", key=key)
