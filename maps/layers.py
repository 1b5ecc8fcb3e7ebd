"""What a map can show: layers of lines, areas and points."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


CLASS_COLOURS: Final = ("#d81b60", "#1e66d0", "#f9a825", "#00897b", "#6d4c41", "#8e24aa", "#455a64", "#c0ca33")
"""Colours of hit classes, distinct in hue and lightness; `class_marks` says which is whose."""
_FIRST: Final = ("person", "vehicle", "bicycle")
"""Classes of the bundled detector: theirs are the same on every page."""


def class_marks(names: Sequence[str]) -> list[int]:
    """Return the number of each class's colour and shape, the same on every page for the bundled detector's classes.

    Others have the next numbers in the order of their names.
    """
    others = sorted(name for name in names if name not in _FIRST)
    return [_FIRST.index(name) if name in _FIRST else len(_FIRST) + others.index(name) for name in names]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GeometryLayer:
    """Lines, areas and points with one style.

    `features` are GeoJSON features (longitude, latitude). Of their properties the
    map reads ``title`` and ``rows`` (a popup), ``note``, ``label`` (a tooltip) and
    ``style`` (Leaflet path options); all of them reach the page as text only. A point
    with a ``sign`` is a marker showing it, coloured by its ``kind`` (error or warning).
    """

    name: str
    features: Sequence[Mapping[str, Any]]
    style: Mapping[str, Any]
    shape: str = "line"
    """How the legend draws it: ``line``, ``area`` or ``dot``."""
    legend: str = ""
    show: bool = True
    in_legend: bool = True

    @property
    def colour(self) -> str:
        """The colour of the legend's key."""
        return str(self.style.get("color" if self.shape == "line" else "fillColor", self.style.get("color", "#333")))

    def positions(self) -> list[tuple[float, float]]:
        """Return longitude, latitude of every point of every feature."""
        return [p for f in self.features for p in _positions(f["geometry"]["coordinates"])]


def _positions(geometry: Any) -> Iterator[tuple[float, float]]:
    if geometry and isinstance(geometry[0], int | float):
        yield float(geometry[0]), float(geometry[1])
    else:
        for part in geometry:
            yield from _positions(part)


def on_page(features: Sequence[Mapping[str, Any]], *, seam: bool) -> list[dict[str, Any]]:
    """Return features with coordinates to 1e-6 degree (0.1 m); with a seam, western longitudes lie east of 180."""

    def placed(geometry: Any) -> Any:
        if geometry and isinstance(geometry[0], int | float):
            lon = geometry[0] + 360.0 if seam and geometry[0] < 0.0 else geometry[0]
            return [round(lon, 6), round(geometry[1], 6)]
        return [placed(part) for part in geometry]

    return [{**f, "geometry": {**f["geometry"], "coordinates": placed(f["geometry"]["coordinates"])}} for f in features]


def feature(geometry: Mapping[str, Any], **properties: Any) -> dict[str, Any]:
    """Return a GeoJSON feature."""
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def line(points_lon_lat: Sequence[Sequence[float]], **properties: Any) -> dict[str, Any]:
    """Return a GeoJSON line from longitude, latitude pairs."""
    return feature({"type": "LineString", "coordinates": [list(p) for p in points_lon_lat]}, **properties)


def area(ring_lon_lat: Sequence[Sequence[float]], **properties: Any) -> dict[str, Any]:
    """Return a GeoJSON polygon from one ring of longitude, latitude pairs."""
    return feature({"type": "Polygon", "coordinates": [[list(p) for p in ring_lon_lat]]}, **properties)


def spot(lon_deg: float, lat_deg: float, **properties: Any) -> dict[str, Any]:
    """Return a GeoJSON point."""
    return feature({"type": "Point", "coordinates": [lon_deg, lat_deg]}, **properties)
