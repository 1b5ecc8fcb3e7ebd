"""Which side of the border is ours: faces the border divides the plane into, and their labels."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from shapely import LineString, Polygon

from missions.errors import BriefError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.airspace.corridor_frame import LocalFrame
    from missions.briefs.places import GeoLine, OwnSide

    FloatArray = NDArray[np.float64]

SAMPLE_M: Final = 0.25
"""How far beside the border its two sides are sampled."""
TERRITORY_MATCH_M: Final = 25.0
"""A polygon whose edge runs this close to most of the border is the territory itself."""
KNOT: Final = 0.01
"""Share of a polygon's area that may lie in loops drawn the other way."""
CONTRADICTION: Final = 0.05
"""Share of the border that may disagree about a face (digitising noise) before the brief is refused."""


def divide(
    side: OwnSide, frame: LocalFrame, area: Polygon, border: BaseGeometry, guard: BaseGeometry
) -> tuple[BaseGeometry, BaseGeometry]:
    """Return our side of the border within the area, and edges of the polygon given that nobody crosses either.

    Parameters
    ----------
    border, guard
        The drawn border, and the line nobody crosses, both reaching the edge of the area or prolonged to it.

    Raises
    ------
    BriefError
        When left and right contradict each other, the point lies on the border, or the
        polygon is far away or cut through the middle.
    """
    polygon = _polygon(side.polygons, frame, area) if side.polygons else None
    if polygon is not None:
        edge = shapely.boundary(polygon).intersection(area.buffer(-1.0))
        if border.intersection(edge.buffer(TERRITORY_MATCH_M)).length >= border.length / 2.0:
            return polygon, edge
    inside = guard.intersection(area.buffer(1.0))
    lines = shapely.union_all([inside, area.boundary])
    faces = np.array(shapely.get_parts(shapely.polygonize([lines])), dtype=object)
    faces = faces[shapely.contains_properly(area.buffer(0.5), shapely.point_on_surface(faces))]
    if side.hand is not None:
        mine = _by_hand(faces, border.intersection(area), side.hand, frame)
        return shapely.union_all(faces[mine]), LineString()
    beside = _beside(faces, inside)
    if polygon is not None:
        return _by_polygon(faces, beside, polygon), shapely.union_all(_holes(polygon))
    seed = frame.to_plane(np.array([side.lat_deg], dtype=float), np.array([side.lon_deg], dtype=float))[0]
    if shapely.Point(seed).distance(guard) < 1.0:
        raise BriefError("border.own_side: the point lies on the border; move it clearly to our side")
    return shapely.union_all(faces[_colour(faces, beside, _face_of(faces, seed))]), LineString()


def _polygon(polygons: tuple[tuple[GeoLine, ...], ...], frame: LocalFrame, area: Polygon) -> BaseGeometry:
    shapes = []
    for rings in polygons:
        planes = [frame.line_to_plane(r.lat_deg, r.lon_deg) for r in rings]
        planes = [p[np.isfinite(p).all(axis=1)] for p in planes]
        outer = planes[0]
        if len(outer) >= 4 and area.intersects(shapely.box(*outer.min(axis=0), *outer.max(axis=0))):
            shapes.append(_mended(Polygon(outer, [h for h in planes[1:] if len(h) >= 4]), frame))
    own = shapely.union_all(shapes).intersection(area) if shapes else Polygon()
    if own.is_empty:
        raise BriefError("border.own_side: the polygon does not come near the border; check its coordinates")
    return own


def _mended(polygon: Polygon, frame: LocalFrame) -> BaseGeometry:
    """Return a polygon made valid, unless that changes what it encloses.

    The area with its sign (loops drawn the other way count against it) tells digitising noise from a knot.
    """
    valid = shapely.make_valid(polygon)
    if abs(valid.area - polygon.area) > KNOT * valid.area:
        place = np.array([[float(n) for n in shapely.is_valid_reason(polygon).split("[")[-1].rstrip("]").split()]])
        lat, lon = frame.to_degrees(place)
        raise BriefError(
            f"border.own_side: the polygon crosses itself at {lat[0]:.5f}, {lon[0]:.5f}; redraw it there",
            lat_deg=float(lat[0]), lon_deg=float(lon[0]),
        )  # fmt: skip
    return valid


def _holes(polygon: BaseGeometry) -> list[BaseGeometry]:
    return [ring for part in shapely.get_parts(polygon) for ring in getattr(part, "interiors", ())]


def segments(lines: BaseGeometry) -> tuple[FloatArray, FloatArray]:
    """Return starts and ends, each (n, 2), of every segment of a set of lines."""
    xy, index = shapely.get_coordinates(shapely.get_parts(lines), return_index=True)
    same = index[1:] == index[:-1]
    return xy[:-1][same], xy[1:][same]


def _beside(faces: NDArray[np.object_], lines: BaseGeometry) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the faces left and right of every segment, (n, 2) with -1 for none, and its length."""
    start, end = segments(lines)
    along = end - start
    length = np.hypot(*along.T)
    left = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.maximum(length, 1e-9)[:, None]
    offset = np.minimum(SAMPLE_M, length / 8.0)[:, None] * left
    tree = shapely.STRtree(faces)
    shapely.prepare(faces)  # few faces with very many corners, and many places: a tree would prepare the places
    beside = np.full((len(start), 2), -1)
    for column, sign in ((0, 1.0), (1, -1.0)):
        places = (start + end) / 2.0 + sign * offset
        which, face = tree.query(shapely.points(places))
        inside = shapely.contains_xy(faces[face], places[which])
        beside[which[inside], column] = face[inside]
    return beside, length


def _by_hand(faces: NDArray[np.object_], border: BaseGeometry, hand: str, frame: LocalFrame) -> NDArray[np.bool_]:
    beside, length = _beside(faces, border)
    if hand == "right":
        beside = beside[:, ::-1]
    weight = np.zeros((len(faces), 2))
    for column in (0, 1):
        known = beside[:, column] >= 0
        np.add.at(weight[:, column], beside[known, column], length[known])
    both = weight.min(axis=1) > CONTRADICTION * length.sum()
    if both.any():
        inside = shapely.get_coordinates(shapely.point_on_surface(faces[int(np.argmax(both))]))
        lat, lon = frame.to_degrees(inside)
        raise BriefError(
            "border.own_side: parts of the border run in opposite directions, so left and right do not name one side "
            f"(near {lat[0]:.4f}, {lon[0]:.4f}); give a polygon or a point on our side instead",
            lat_deg=float(lat[0]), lon_deg=float(lon[0]),
        )  # fmt: skip
    return np.asarray(weight[:, 0] > weight[:, 1])


def _colour(faces: NDArray[np.object_], beside: tuple[NDArray[np.int64], FloatArray], seed: int) -> NDArray[np.bool_]:
    """Mark the faces an even number of border crossings away from the seed."""
    pairs = beside[0]
    pairs = np.unique(np.sort(pairs[(pairs >= 0).all(axis=1) & (pairs[:, 0] != pairs[:, 1])], axis=1), axis=0)
    neighbours: dict[int, list[int]] = {}
    for a, b in pairs.tolist():
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    colour = {seed: True}
    queue = deque([seed])
    while queue:
        here = queue.popleft()
        for other in neighbours.get(here, ()):
            if other not in colour:
                colour[other] = not colour[here]
                queue.append(other)
    return np.array([colour.get(k, False) for k in range(len(faces))])


def _face_of(faces: NDArray[np.object_], xy: FloatArray) -> int:
    found = np.flatnonzero(shapely.contains_xy(faces, xy[0], xy[1]))
    if len(found) == 0:
        raise BriefError("border.own_side: the point lies beyond the end of the border; give one beside it")
    return int(found[0])


def _by_polygon(
    faces: NDArray[np.object_], beside: tuple[NDArray[np.int64], FloatArray], polygon: BaseGeometry
) -> BaseGeometry:
    """Keep the part of a polygon, drawn about our side, that the border leaves on one side."""
    inside = shapely.area(shapely.intersection(faces, polygon))
    mine = _colour(faces, beside, int(np.argmax(inside)))
    if inside[~mine].sum() > 0.2 * inside.sum():
        raise BriefError(
            "border.own_side: the border runs through the middle of the polygon, so it does not say which side is "
            "ours; draw the polygon on one side of the line"
        )
    return shapely.intersection(polygon, shapely.union_all(faces[mine]))
