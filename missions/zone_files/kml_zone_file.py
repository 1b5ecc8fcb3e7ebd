"""Zones and obstacles drawn in KML: polygons with their extrusions, lines and points with the heights they have.

Of a polygon its own data count first (`lower`, `upper` and the like in `ExtendedData`). Otherwise one that is extruded
reaches from the ground to its highest vertex, and any other is taken at every height: a plate in the air may be a floor
or a ceiling. Heights of lines and points are the tops of obstacles. `absolute` is above mean sea level (EGM96; OGC KML
2.3, 6.2), `relativeToGround` above the ground.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from geo.errors import InputError
from missions.documents.places import coordinates
from missions.documents.xml_file import inside, local_name, parse_xml, text_of
from missions.zone_files.limits import layer_of
from missions.zone_files.map_file import drawn_top
from missions.zone_files.properties import NOT_RESTRICTED, limits_of, obstacle_of, periods_of, plain, top_limit
from missions.zone_files.values import MAX_SHAPES, ZoneFile, ZoneShape, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from missions.zone_files.limits import Limit
    from missions.zone_files.validity import Period

    FloatArray = NDArray[np.float64]

_OTHER: Final = ("Track", "MultiTrack", "Model", "GroundOverlay", "PhotoOverlay", "ScreenOverlay")
"""What KML draws beside polygons, lines and points (OGC 12-007r2, 9 to 11; Google's `gx`)."""
MIN_AREA_DEG2: Final = 1e-14
"""A ring of less is a wall seen from above: about a hundredth of a square metre."""


def read_kml_zones(data: bytes, where: str) -> ZoneFile:
    """Read KML bytes; `where` names them in errors.

    Raises
    ------
    InputError
        As `missions.documents.xml_file.parse_xml`; for a link to another file, and for vertices that are no place.
    """
    root = parse_xml(data, where)
    link = next(inside(root, "NetworkLink"), None)
    if link is not None:
        raise InputError(f"{where}: links to another file (NetworkLink), which is not followed; save what it shows")
    shapes: list[ZoneShape] = []
    left_out: list[str] = []
    undrawn = _other_drawings(root)
    for number, (folder, placemark) in enumerate(_placemarks(root, ""), start=1):
        name = name_of(text_of(placemark, "name") or f"{folder or 'placemark'} {number}")
        told = _told(placemark)
        if str(told.get("restriction", "")).upper() == NOT_RESTRICTED:
            left_out.append(f"{name!r} restricts nothing")
            continue
        found, said = _shapes(placemark, name, told, where)
        shapes += found
        left_out += said
        if not found and not said and not _other_drawings(placemark):
            undrawn.append(f"{name!r} has no polygon, line or point")
        if len(shapes) > MAX_SHAPES:
            raise InputError(f"{where}: more than {MAX_SHAPES} shapes; cut out the part you fly in")
    if not shapes and not left_out:
        beside = f" ({undrawn[0]})" if undrawn else ""
        raise InputError(f"{where}: holds no polygon, line or point{beside}; draw what to keep out of as polygons")
    return ZoneFile(shapes=tuple(shapes), left_out=(*left_out, *undrawn))


def _other_drawings(root: Any) -> list[str]:
    """Name what is drawn in another way than as a polygon, line or point, and so left out."""
    said = []
    for parent in root.iter():
        for child in parent:
            kind = local_name(child)
            if kind in _OTHER:
                name = name_of(text_of(child, "name") or text_of(parent, "name") or kind)
                said.append(f"{name!r} is a {kind}, which bounds no zone")
    return list(dict.fromkeys(said))


def _placemarks(root: Any, folder: str) -> Iterator[tuple[str, Any]]:
    """Go over the placemarks with the name of the folder each is in."""
    stack = [(folder, root)]
    while stack:
        folder, element = stack.pop()
        if local_name(element) == "Placemark":
            yield folder, element
            continue
        inner = text_of(element, "name") if local_name(element) == "Folder" else folder
        stack += [(inner, child) for child in reversed(list(element))]


def _told(placemark: Any) -> dict[str, Any]:
    """Return a placemark's data by name: `Data` and `SimpleData`."""
    told = {data.get("name", ""): text_of(data, "value") for data in inside(placemark, "Data")}
    return plain(told | {data.get("name", ""): (data.text or "").strip() for data in inside(placemark, "SimpleData")})


def _shapes(placemark: Any, name: str, told: dict[str, Any], where: str) -> tuple[list[ZoneShape], list[str]]:
    said: list[str] = []
    stated: tuple[Limit | None, Limit | None] | None = None
    periods: tuple[Period, ...] = ()
    try:
        lower, upper, has = limits_of(told)
        stated = (lower, upper) if has else None
        periods = periods_of(told)
    except ValueError as error:
        said.append(f"{error}; it is taken at every height and always")
    place = f"{where}: {name!r}"
    bounds = {id(ring) for polygon in inside(placemark, "Polygon") for ring in inside(polygon, "LinearRing")}
    shapes, left_out = [], []
    for kind in ("Polygon", "LineString", "LinearRing", "Point"):
        for part in inside(placemark, kind):
            if kind == "LinearRing" and id(part) in bounds:
                continue
            shape = _polygon(part, name, place, stated) if kind == "Polygon" else _thin(part, name, told, place, stated)
            if shape is None:
                left_out.append(f"a part of {name!r} that covers no ground (a wall, or an empty outline)")
            else:
                shapes.append(_with(shape, periods, said))
    return shapes, list(dict.fromkeys(left_out))


def _with(shape: ZoneShape, periods: tuple[Period, ...], said: list[str]) -> ZoneShape:
    return ZoneShape(
        name=shape.name, layer=shape.layer, polygons=shape.polygons, lines=shape.lines,
        half_width_m=shape.half_width_m, periods=periods, remarks=(*shape.remarks, *said),
    )  # fmt: skip


def _polygon(part: Any, name: str, where: str, stated: tuple[Limit | None, Limit | None] | None) -> ZoneShape | None:
    boundaries = [b for side in ("outerBoundaryIs", "innerBoundaryIs") for b in inside(part, side)]
    vertices = [np.array(coordinates(ring, where)) for b in boundaries for ring in inside(b, "LinearRing")]
    if not vertices or len(vertices[0]) < 3 or shapely.Polygon(vertices[0][:, :2]).area < MIN_AREA_DEG2:
        return None
    rings = tuple(v[:, :2] for v in vertices if len(v) >= 3)
    remarks: tuple[str, ...] = ()
    lower, upper = stated or (None, None)
    if stated is None:
        mode = text_of(part, "altitudeMode")
        raised = mode in ("relativeToGround", "absolute")
        if raised and text_of(part, "extrude") in ("1", "true"):
            upper, _ = drawn_top(vertices[0][:, 2], mode)
        elif raised:
            remarks = ("it is drawn as a plate in the air; it is taken at every height",)
    return ZoneShape(name=name, layer=layer_of(lower, upper, rings[0]), polygons=(rings,), remarks=remarks)


def _thin(
    part: Any, name: str, told: dict[str, Any], where: str, stated: tuple[Limit | None, Limit | None] | None
) -> ZoneShape | None:
    """Return a line or a point as an obstacle up to the height it is drawn at."""
    vertices = np.array(coordinates(part, where))
    if not len(vertices):
        return None
    _, height_m, half_width_m = obstacle_of(told)
    lower, upper = stated or (None, top_limit(height_m))
    said = ""
    if stated is None and upper is None:
        upper, said = drawn_top(vertices[:, 2], text_of(part, "altitudeMode"))
    return ZoneShape(
        name=name,
        layer=layer_of(lower, upper, vertices[:, :2]),
        lines=(vertices[:, :2],),
        half_width_m=half_width_m,
        remarks=(said,) if said else (),
    )
