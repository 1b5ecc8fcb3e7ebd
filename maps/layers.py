"""What a map can show: layers of lines and areas, and one packed layer of hits."""

from __future__ import annotations

import base64
import dataclasses
import gzip
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from detection.values import GroundHit
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


def pack_columns(
    *,
    lat_deg: FloatArray,
    lon_deg: FloatArray,
    t_utc_ns: NDArray[np.int64],
    ce90_m: FloatArray,
    slant_m: FloatArray,
    frame_index: NDArray[np.int64],
    class_names: Sequence[str],
    track_ids: Sequence[str],
    scores: FloatArray,
    chips: Mapping[int, bytes],
) -> PackedHits:
    """Pack columns of shape (n,) for the page.

    Positions are kept to 1e-7 degree (about 1 cm), times to a millisecond, scores
    to 1/255; CE90 and slant range are float32 metres. An empty track id means none.
    """
    classes, class_codes = _codes(class_names)
    tracks, track_codes = _codes(track_ids)
    nameless = tracks.index("") if "" in tracks else -1
    epoch_ms = int(t_utc_ns.min(initial=np.iinfo(np.int64).max) // 1_000_000) if len(t_utc_ns) else 0
    columns = (
        np.rint(lat_deg * 1e7).astype("<i4"),
        np.rint(lon_deg * 1e7).astype("<i4"),
        (t_utc_ns // 1_000_000 - epoch_ms).astype("<u4"),
        ce90_m.astype("<f4"),
        slant_m.astype("<f4"),
        frame_index.astype("<u4"),
        np.where(track_codes == nameless, -1, track_codes).astype("<i4"),
        class_codes.astype("u1"),
        np.rint(np.clip(scores, 0.0, 1.0) * 255).astype("u1"),
    )
    packed = gzip.compress(b"".join(column.tobytes() for column in columns), compresslevel=6, mtime=0)
    return PackedHits(
        count=len(lat_deg),
        classes=classes,
        colours=tuple(CLASS_COLOURS[i % len(CLASS_COLOURS)] for i in range(len(classes))),
        tracks=tracks,
        epoch_ms=epoch_ms,
        columns=base64.b64encode(packed).decode(),
        chips={i: base64.b64encode(jpeg).decode() for i, jpeg in chips.items()},
        bounds=[[lat_deg.min(), lon_deg.min()], [lat_deg.max(), lon_deg.max()]] if len(lat_deg) else [],
    )


def _codes(names: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the distinct names in order of first appearance, and each entry's place among them."""
    place = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return tuple(place), np.fromiter((place[name] for name in names), np.int64, len(names))


def pack_hits(hits: Sequence[GroundHit], chips: Mapping[str, bytes]) -> PackedHits:
    """Pack the hits that have a place; unplaced ones belong in a list, not on a map."""
    placed = [hit for hit in hits if hit.reason is None]
    return pack_columns(
        lat_deg=np.array([hit.lat_deg for hit in placed]),
        lon_deg=np.array([hit.lon_deg for hit in placed]),
        t_utc_ns=np.array([hit.t_utc_ns for hit in placed], np.int64),
        ce90_m=np.array([hit.ce90_m for hit in placed]),
        slant_m=np.array([hit.slant_m for hit in placed]),
        frame_index=np.array([hit.frame_index for hit in placed], np.int64),
        class_names=[hit.class_name for hit in placed],
        track_ids=[hit.track_id for hit in placed],
        scores=np.array([hit.score for hit in placed]),
        chips={i: chips[hit.hit_id] for i, hit in enumerate(placed) if hit.hit_id in chips},
    )
