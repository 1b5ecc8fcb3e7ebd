"""Zones and obstacles of maps (GeoJSON, GeoPackage, FlatGeobuf, Shapefile) by what their attributes say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from geo.gis.door_file import read_features
from geo.gis.vector_values import ShapeKind
from missions.zone_files.limits import Limit, Reference, layer_of
from missions.zone_files.properties import (
    NOT_RESTRICTED,
    called,
    limits_of,
    obstacle_of,
    periods_of,
    plain,
    top_limit,
)
from missions.zone_files.values import MAX_SHAPES, ZoneFile, ZoneShape, name_of

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from missions.zone_files.validity import Period

    FloatArray = NDArray[np.float64]

NO_HEIGHT: Final = "its height is not said; it is taken to have no top"


def read_map(path: Path) -> ZoneFile:
    """Read every polygon as a zone and every line and point as an obstacle.

    Raises
    ------
    GisFileError
        As `geo.gis.door_file.read_features`.
    """
    features = read_features(path)
    shapes: list[ZoneShape] = []
    left_out: list[str] = []
    for k, feature in enumerate(features.feature.tolist()[:MAX_SHAPES]):
        told = plain(features.attributes[feature])
        rings = tuple(features.shapes.rings(k))
        drawn = ShapeKind(features.shapes.kind[k])
        name = name_of(*called(told)) if called(told) else name_of(path.stem, k + 1)
        if str(told.get("restriction", told.get("type", ""))).upper() == NOT_RESTRICTED:
            left_out.append(f"{name!r} restricts nothing")
        else:
            shapes.append(_shape(name, told, drawn, rings))
    if len(features.feature) > MAX_SHAPES:
        left_out.append(f"{len(features.feature) - MAX_SHAPES} shapes after the first {MAX_SHAPES}")
    return ZoneFile(shapes=tuple(shapes), left_out=tuple(left_out))


def _shape(name: str, told: dict[str, Any], drawn: ShapeKind, rings: tuple[FloatArray, ...]) -> ZoneShape:
    kind, height_m, half_width_m = obstacle_of(told)
    remarks: list[str] = []
    lower: Limit | None = None
    upper: Limit | None = None
    periods: tuple[Period, ...] = ()
    try:
        lower, upper, stated = limits_of(told)
    except ValueError as error:
        stated = True
        remarks.append(f"{error}; it is taken at every height")
    try:
        periods = periods_of(told)
    except ValueError as error:
        remarks.append(f"{error}; it is taken to be in force always")
    if not stated and not math.isnan(height_m):
        upper = top_limit(height_m)
    elif not stated and drawn is not ShapeKind.POLYGON:
        remarks.append(NO_HEIGHT)
    polygon = drawn is ShapeKind.POLYGON
    return ZoneShape(
        name=name_of(name, kind),
        layer=layer_of(lower, upper, rings[0]),
        polygons=(rings,) if polygon else (),
        lines=() if polygon else rings,
        half_width_m=half_width_m,
        periods=periods,
        remarks=tuple(remarks),
    )


def drawn_top(heights_m: FloatArray, mode: str) -> tuple[Limit | None, str]:
    """Return the upper limit of what a drawing lifts off the ground, and what to say where it does not say how high.

    Parameters
    ----------
    heights_m
        The third coordinate of its vertices.
    mode
        KML's `altitudeMode`: what they count from.
    """
    references = {"relativeToGround": Reference.AGL, "absolute": Reference.AMSL}
    top_m = float(heights_m.max()) if len(heights_m) else 0.0
    if mode not in references or (top_m <= 0.0 and mode == "relativeToGround"):
        return None, NO_HEIGHT
    return Limit(value_m=top_m, reference=references[mode]), ""
