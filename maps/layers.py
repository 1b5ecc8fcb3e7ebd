"""What a map can show: layers of lines and areas, and one packed layer of hits."""

from __future__ import annotations

import base64
import dataclasses
import gzip
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from detection.values import GroundHit

CLASS_COLOURS: Final = ("#d81b60", "#1e66d0", "#f9a825", "#00897b", "#6d4c41", "#8e24aa", "#455a64", "#c0ca33")
"""Colour of each hit class in order of first appearance (distinct in hue and lightness)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GeometryLayer:
    """Lines, areas and points with one style.

    `features` are GeoJSON features (longitude, latitude). Of their properties the
    map reads ``title`` and ``rows`` (a popup), ``note``, ``label`` (a tooltip) and
    ``style`` (Leaflet path options); all of them reach the page as text only.
    """

    name: str
    features: Sequence[Mapping[str, Any]]
    style: Mapping[str, Any]
    shape: str = "line"
    """How the legend draws it: ``line``, ``area`` or ``dot``."""
    legend: str = ""
    show: bool = True

    @property
    def colour(self) -> str:
        """The colour of the legend's key."""
        return str(self.style.get("color" if self.shape == "line" else "fillColor", self.style.get("color", "#333")))


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


def pack_hits(hits: Sequence[GroundHit], chips: Mapping[str, bytes]) -> PackedHits:
    """Pack the hits that have a place; unplaced ones belong in a list, not on a map.

    Positions are kept to 1e-7 degree (about 1 cm), times to a millisecond, scores
    to 1/255; CE90 and slant range are float32 metres.
    """
    placed = [hit for hit in hits if hit.reason is None]
    classes = tuple(dict.fromkeys(hit.class_name for hit in placed))
    tracks = tuple(dict.fromkeys(hit.track_id for hit in placed if hit.track_id))
    class_index = {name: i for i, name in enumerate(classes)}
    track_index = {name: i for i, name in enumerate(tracks)}
    epoch_ms = min((hit.t_utc_ns for hit in placed), default=0) // 1_000_000
    columns = (
        np.array([round(hit.lat_deg * 1e7) for hit in placed], np.int32),
        np.array([round(hit.lon_deg * 1e7) for hit in placed], np.int32),
        np.array([hit.t_utc_ns // 1_000_000 - epoch_ms for hit in placed], np.uint32),
        np.array([hit.ce90_m for hit in placed], np.float32),
        np.array([hit.slant_m for hit in placed], np.float32),
        np.array([hit.frame_index for hit in placed], np.uint32),
        np.array([track_index.get(hit.track_id, -1) for hit in placed], np.int32),
        np.array([class_index[hit.class_name] for hit in placed], np.uint8),
        np.array([round(min(max(hit.score, 0.0), 1.0) * 255) for hit in placed], np.uint8),
    )
    packed = gzip.compress(b"".join(column.tobytes() for column in columns), compresslevel=6, mtime=0)
    return PackedHits(
        count=len(placed),
        classes=classes,
        colours=tuple(CLASS_COLOURS[i % len(CLASS_COLOURS)] for i in range(len(classes))),
        tracks=tracks,
        epoch_ms=epoch_ms,
        columns=base64.b64encode(packed).decode(),
        chips={i: base64.b64encode(chips[hit.hit_id]).decode() for i, hit in enumerate(placed) if hit.hit_id in chips},
    )
