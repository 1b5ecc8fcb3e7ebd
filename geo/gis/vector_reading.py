"""Vector bytes to WGS 84 coordinate arrays, through OGR. Runs in the child; see `geo.gis.gis_child`."""

from __future__ import annotations

import codecs
import json
import math
import warnings
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyogrio
import pyproj
import shapely
from pyogrio.raw import read

from geo.gis.errors import RefusalError
from geo.gis.vector_packing import prepared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

MAX_VERTICES: Final = 2_000_000
"""More than a whole country's border at one-metre spacing; beyond it a file is a mistake or an attack."""
MAX_LAYERS: Final = 200
MAX_FEATURES: Final = 200_000
MAX_FIELDS: Final = 500
MAX_ATTRIBUTE_LENGTH: Final = 20_000
"""Longer texts are descriptions and pictures, no names, heights or hours."""
_WGS84: Final = "EPSG:4326"
_LAYERED: Final = ("gpkg", "kml")
"""Formats that may hold several layers; listing those of the others means reading them twice."""
_DECODED: Final = tuple(f"utf_{n}" for n in ("8", "8_sig", "16", "32")) + (
    "cp437",
    "koi8_r",
    "koi8_u",
    "cp866",
    *(f"cp125{n}" for n in range(9)),
    *(f"iso8859_{n}" for n in range(1, 17) if n != 12),
)
"""Encodings a KML or archive may be in; Python finds their tables in files."""


def warm_up() -> None:
    """Load now what is loaded from files on first use: after the seal no file opens."""
    for encoding in _DECODED:
        codecs.lookup(encoding)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for code, place in ((4326, [9.0, 48.0]), (2056, [2_600_000.0, 1_200_000.0]), (32632, [500_000.0, 5e6])):
            crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{code}"}}
            geometry = {"type": "Point", "coordinates": place}
            feature = {"type": "Feature", "properties": {}, "geometry": geometry}
            read_vector({"shp": json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]}).encode()})


def read_vector(files: Mapping[str, bytes], *, attributes: bool = False) -> tuple[dict[str, Any], bytes]:
    """Return a header and the arrays of every geometry: see `geo.gis.vector_values.VectorShapes`.

    With `attributes` the number of the feature each part is of follows, and the features' attributes as JSON.

    Raises
    ------
    RefusalError
        Of anything that is not geometry in places on Earth.
    """
    geometries: list[NDArray[np.object_]] = []
    told: list[dict[str, Any]] = []
    for kind, data in prepared(files):
        for shapes, rows in _geometries(kind, data, attributes=attributes):
            geometries.append(shapes)
            told += rows
    if not geometries:
        raise RefusalError("holds no geometry")
    header, packed, feature = _packed(np.concatenate(geometries))
    if not attributes:
        return header, packed
    text = json.dumps(told, default=str).encode()
    return {**header, "attributes": len(text)}, packed + feature.astype("<i8").tobytes() + text


def _geometries(
    kind: str, data: bytes, *, attributes: bool
) -> Iterator[tuple[NDArray[np.object_], list[dict[str, Any]]]]:
    """Yield the geometries of each layer and, if asked, what is said of each."""
    for layer in _layers(kind, data):
        meta, _, wkb, fields = read(data, layer=layer, columns=None if attributes else [])
        if wkb is None:
            continue
        shapes = np.asarray(shapely.from_wkb(wkb, on_invalid="fix"), dtype=object)  # closes open rings
        lost = shapely.is_missing(shapes) & np.array([given is not None for given in wkb], dtype=bool)
        if lost.any():
            raise RefusalError(
                f"feature {int(np.argmax(lost)) + 1} has a shape that cannot be used (a coordinate that is not a "
                "number, or a ring of too few corners); draw it again, or take it out"
            )
        there = np.flatnonzero(~shapely.is_missing(shapes))
        if len(there):
            rows = _rows([str(name) for name in meta["fields"]], fields, there) if attributes else []
            crs = _map_system(meta.get("crs"), "add the .prj file" if kind == "shapefile" else "save it with it,")
            yield _on_earth(shapes[there], crs), rows


def _rows(names: list[str], fields: list[NDArray[Any]], there: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Return what is said of each feature, by name; numbers that are none and long texts are left out."""
    if len(names) > MAX_FIELDS or len(there) > MAX_FEATURES:
        raise RefusalError(
            f"holds {len(there)} features with {len(names)} attributes, over the limit of {MAX_FEATURES} and "
            f"{MAX_FIELDS}; save the part that is needed"
        )
    columns = [field[there].tolist() for field in fields]
    return [
        {name: value for name, column in zip(names, columns, strict=True) if _is_told(value := column[k])}
        for k in range(len(there))
    ]


def _is_told(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is not None and not isinstance(value, bytes) and len(str(value)) <= MAX_ATTRIBUTE_LENGTH


def _layers(kind: str, data: bytes) -> list[int]:
    """Return the numbers of the layers to read: all folders of a KML, else the only one that holds a feature."""
    if kind not in _LAYERED:
        return [0]
    layers = pyogrio.list_layers(data)
    names = {k: str(name) for k, (name, geometry) in enumerate(layers) if geometry is not None}
    if len(names) > 1 and kind != "kml":
        names = {k: name for k, name in names.items() if pyogrio.read_info(data, layer=k)["features"] != 0}
    if len(names) > 1 and kind != "kml":
        raise RefusalError(
            f"holds {len(names)} layers ({', '.join(list(names.values())[:5])}); save the one that is meant to a file "
            "of its own"
        )
    if len(names) > MAX_LAYERS:
        raise RefusalError(f"holds {len(names)} folders, over the limit of {MAX_LAYERS}; merge them")
    return list(names)


def _map_system(text: str | None, remedy: str) -> pyproj.CRS:
    """Return the coordinate system a layer states; one that is of no map is refused, for its numbers are no places."""
    if text is None:
        raise RefusalError(f"does not say its coordinate system; {remedy} or save it as GeoJSON")
    crs = pyproj.CRS.from_user_input(text)
    if not crs.is_geographic and not crs.is_projected:
        raise RefusalError(
            f"is in {crs.name[:60]!r} ({crs.type_name}), which has neither degrees nor a map's metres; save it in "
            "WGS 84 degrees"
        )
    return crs


def _on_earth(shapes: NDArray[np.object_], crs: pyproj.CRS) -> NDArray[np.object_]:
    """Bring geometries to WGS 84 longitude and latitude, height left out."""
    shapes = np.asarray(shapely.force_2d(shapes), dtype=object)
    _check_degrees(shapely.get_coordinates(shapes), geographic=crs.is_geographic)
    if not crs.equals(_WGS84, ignore_axis_order=True):
        change = pyproj.Transformer.from_crs(crs, _WGS84, always_xy=True)
        shapes = shapely.transform(shapes, lambda xy: np.stack(change.transform(xy[:, 0], xy[:, 1]), axis=1))
        _check_degrees(shapely.get_coordinates(shapes), geographic=True)
    return shapes


def _check_degrees(xy: NDArray[np.float64], *, geographic: bool) -> None:
    if len(xy) > MAX_VERTICES:
        raise RefusalError(f"has {len(xy)} vertices, more than the {MAX_VERTICES} allowed; simplify it first")
    bad = ~np.isfinite(xy).all(axis=1)
    if bad.any():
        raise RefusalError(f"has a coordinate that is not a number at vertex {int(np.argmax(bad))}")
    if not geographic:
        if len(xy) and (np.abs(xy) <= [180.0, 90.0]).all():
            raise RefusalError(
                "says its coordinates are metres of a map projection, but they look like degrees "
                f"({xy[0, 0]:g}, {xy[0, 1]:g}); save it with the coordinate system it is really in"
            )
        return
    off = (np.abs(xy[:, 1]) > 90.0) | (np.abs(xy[:, 0]) > 360.0)
    if off.any():
        k = int(np.argmax(off))
        raise RefusalError(
            f"vertex {k} is at longitude {xy[k, 0]:g}, latitude {xy[k, 1]:g}, which is not on Earth; "
            f"{_why_off_earth(xy)}"
        )


def _why_off_earth(xy: NDArray[np.float64]) -> str:
    if (np.abs(xy[:, 0]) <= 90.0).all() and (np.abs(xy[:, 1]) <= 180.0).all():
        return "latitude and longitude look swapped: GeoJSON wants longitude first"
    return "the file's coordinate system is probably projected: save it with its CRS, or as WGS 84 degrees"


def _packed(shapes: NDArray[np.object_]) -> tuple[dict[str, Any], bytes, NDArray[np.int64]]:
    """Lay points, lines and polygons out as columns: kinds, where each part's rings and each ring's points begin.

    The last is the number of the geometry each part is of.
    """
    parts, feature = shapes, np.arange(len(shapes))
    while np.isin(shapely.get_type_id(parts), (4, 5, 6, 7)).any():
        parts, index = shapely.get_parts(parts, return_index=True)
        feature = feature[index]
    filled = ~shapely.is_empty(parts)
    parts, feature = parts[filled], feature[filled]
    kinds = np.array([0, 1, 1, 2], dtype="<i1")[shapely.get_type_id(parts)]
    counts = np.where(kinds == 2, shapely.get_num_interior_rings(parts) + 1, 1)
    owner_kinds = np.repeat(kinds, counts)
    rings = np.empty(len(owner_kinds), dtype=object)
    rings[owner_kinds == 2] = shapely.get_rings(parts[kinds == 2])
    rings[owner_kinds != 2] = parts[kinds != 2]
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    if len(xy) > MAX_VERTICES:
        raise RefusalError(f"has {len(xy)} vertices, more than the {MAX_VERTICES} allowed; simplify it first")
    ring_start = np.concatenate([[0], np.cumsum(counts)]).astype("<i8")
    point_start = np.concatenate([[0], np.cumsum(np.bincount(ring, minlength=len(rings)))]).astype("<i8")
    header = {"parts": len(parts), "rings": len(rings), "points": len(xy)}
    return header, b"".join(a.tobytes() for a in (xy.astype("<f8"), ring_start, point_start, kinds)), feature
