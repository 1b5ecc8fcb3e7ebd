"""What a map can show: layers of lines and areas, and one packed layer of hits."""

from __future__ import annotations

import base64
import dataclasses
import gzip
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from detection.ground_hits import GroundHits
    from geo.values import FloatArray

CLASS_COLOURS: Final = ("#d81b60", "#1e66d0", "#f9a825", "#00897b", "#6d4c41", "#8e24aa", "#455a64", "#c0ca33")
"""Colour of each hit class in order of first appearance (distinct in hue and lightness)."""


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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PackedHits:
    """Placed hits as gzip-packed columns: about ten bytes a hit on the page, no object each."""

    count: int
    classes: tuple[str, ...]
    colours: tuple[str, ...]
    tracks: tuple[str, ...]
    epoch_ms: int
    columns: str
    chips: Mapping[int, str]
    bounds: list[list[float]]
    """South-west and north-east corners, latitude and longitude."""


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


def pack_hits(hits: GroundHits, chips: Mapping[str, bytes]) -> PackedHits:
    """Pack the hits that have a place; unplaced ones belong in a list, not on a map.

    Positions are kept to 1e-7 degree (about 1 cm), times to a millisecond, scores
    to 1/255; CE90 and slant range are float32 metres. `chips` are small pictures by hit id.
    """
    hits = hits.take(hits.placed)
    t_ms = hits.t_utc_ns // 1_000_000
    epoch_ms = int(t_ms.min()) if len(hits) else 0
    columns = (
        np.rint(hits.lat_deg * 1e7).astype("<i4"),
        np.rint(hits.lon_deg * 1e7).astype("<i4"),
        (t_ms - epoch_ms).astype("<u4"),
        hits.ce90_m.astype("<f4"),
        hits.slant_m.astype("<f4"),
        hits.frame_index.astype("<u4"),
        hits.track.codes.astype("<i4"),
        hits.class_name.codes.astype("u1"),
        np.rint(np.clip(hits.best_score, 0.0, 1.0) * 255).astype("u1"),
    )
    packed = gzip.compress(b"".join(column.tobytes() for column in columns), compresslevel=6, mtime=0)
    classes = hits.class_name.names
    pictured = enumerate(name.decode() for name in hits.hit_id.tolist()) if chips else ()
    return PackedHits(
        count=len(hits),
        classes=classes,
        colours=tuple(CLASS_COLOURS[i % len(CLASS_COLOURS)] for i in range(len(classes))),
        tracks=hits.track.names,
        epoch_ms=epoch_ms,
        columns=base64.b64encode(packed).decode(),
        chips={i: base64.b64encode(chips[name]).decode() for i, name in pictured if name in chips},
        bounds=_corners(hits.lat_deg, hits.lon_deg) if len(hits) else [],
    )


def _corners(lat_deg: FloatArray, lon_deg: FloatArray) -> list[list[float]]:
    return [[float(lat_deg.min()), float(lon_deg.min())], [float(lat_deg.max()), float(lon_deg.max())]]
