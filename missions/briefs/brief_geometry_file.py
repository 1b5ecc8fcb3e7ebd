"""Border lines, zones and own-side polygons from GeoJSON, GeoPackage, KML and Shapefile, in any CRS."""

from __future__ import annotations

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
    from pathlib import Path

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

MAX_VERTICES: Final = 2_000_000
"""More than a whole country's border at one-metre spacing; beyond it a file is a mistake or an attack."""
MAX_FILE_BYTES: Final = 500_000_000
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
    import geopandas
    from pyogrio.errors import DataSourceError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame = geopandas.read_file(_source(path), engine="pyogrio")
    except (DataSourceError, ValueError, RuntimeError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BriefError(f"{key}: {path.name} cannot be read as geometry ({reason})", key=key, file=str(path)) from None
    if "geometry" not in frame or frame.geometry.isna().all():
        raise BriefError(f"{key}: {path.name} holds no geometry", key=key, file=str(path))
    frame = frame[~frame.geometry.isna()]
    return _to_wgs84(frame, path, key)


def _source(path: Path) -> str:
    return f"zip://{path}" if path.suffix.lower() == ".zip" else str(path)


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
        return
    off = (np.abs(xy[:, 1]) > 90.0) | (np.abs(xy[:, 0]) > 360.0)
    if off.any():
        k = int(np.argmax(off))
        raise BriefError(
            f"{key}: {path.name} vertex {k} is at longitude {xy[k, 0]:g}, latitude {xy[k, 1]:g}, which is not on "
            "Earth; the file's coordinate system is probably projected: save it with its CRS, or as WGS 84 degrees",
            key=key, vertex=k,
        )  # fmt: skip


def _check_file(path: Path, key: str) -> None:
    if not path.is_file():
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
        SafeXml.fromstring(data, forbid_dtd=True)
    except DefusedXmlException:
        raise BriefError(f"{key}: {path.name} declares XML entities, which are refused", key=key) from None
    except SafeXml.ParseError as error:
        raise BriefError(f"{key}: {path.name} is not well-formed XML ({error})", key=key) from None
