"""Border lines, zones and own-side polygons from GeoJSON, GeoPackage, KML and Shapefile, in any CRS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geo.gis.door_file import read_vector
from geo.gis.errors import GisFileError
from geo.gis.vector_values import ShapeKind
from missions.briefs.places import GeoLine
from missions.errors import BriefError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from geo.gis.vector_values import VectorShapes


def read_lines(path: Path, key: str) -> tuple[GeoLine, ...]:
    """Read every line of a file as WGS 84; polygons give their rings.

    Raises
    ------
    BriefError
        When the file is missing, unreadable, has no line, lines beside polygons, or a coordinate that is not a place
        on Earth.
    """
    shapes = _read(path, key)
    drawn, areas = (int((shapes.kind == kind).sum()) for kind in (ShapeKind.LINE, ShapeKind.POLYGON))
    if drawn and areas:
        raise BriefError(
            f"{key}: {path.name} holds lines ({drawn}) and polygons ({areas}), and does not say which are meant; save "
            "those alone to a file of their own",
            key=key, file=str(path),
        )  # fmt: skip
    lines = [_line(xy) for k in range(len(shapes)) if shapes.kind[k] != ShapeKind.POINT for xy in shapes.rings(k)]
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
    found, _ = read_shapes(path, key)
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
    shapes = _read(path, key)
    if not len(shapes):
        raise BriefError(f"{key}: {path.name} holds no polygon, line or point", key=key, file=str(path))
    rings: list[tuple[GeoLine, ...]] = []
    lines: list[GeoLine] = []
    for k in range(len(shapes)):
        part = tuple(_line(xy) for xy in shapes.rings(k))
        if shapes.kind[k] == ShapeKind.POLYGON:
            rings.append(part)
        else:
            lines += part
    return tuple(rings), tuple(lines)


def _line(xy: NDArray[np.float64]) -> GeoLine:
    return GeoLine.of(xy[:, 1], xy[:, 0])


def _read(path: Path, key: str) -> VectorShapes:
    try:
        found = path.is_file()
    except OSError:  # a name longer than the file system allows
        found = False
    if not found:
        raise BriefError(f"{key}: there is no file {path}; give a path relative to the brief", key=key, file=str(path))
    try:
        return read_vector(path)
    except GisFileError as error:
        raise BriefError(f"{key}: {error.message}", key=key, **error.fields) from None
