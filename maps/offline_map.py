"""What one map shows, and the page of it: one file, no tile server, nothing fetched."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from maps.errors import NothingToShowError
from maps.layers import on_page
from maps.leg_layers import LegLayer, packed
from maps.page_file import Blocks, write_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from maps.basemap_file import Basemap
    from maps.hillshade import Hillshade
    from maps.layers import GeometryLayer

_HEX: Final = re.compile("#[0-9a-fA-F]{6}")
_HALF_TURN_DEG: Final = 180.0
"""Nothing mapped here is as wide as this; longitudes that are cross the antimeridian."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MapReport:
    """What was written."""

    path: str
    bytes: int
    hits: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LegendKey:
    """One entry of the legend."""

    text: str
    colour: str
    shape: str = "line"
    dashed: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlanPanel:
    """The numbers of a plan beside its map, and the compass with the wind."""

    verdict: str
    good: bool
    rows: Sequence[tuple[str, str]]
    remarks: Sequence[str] = ()
    winds: Sequence[Mapping[str, float | str]] = ()
    """``speed_mps``, ``from_deg`` and ``text`` of each arrow."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MapContent:
    """Everything one map shows, in drawing order from the bottom up."""

    title: str
    subtitle: str = ""
    layers: Sequence[GeometryLayer | LegLayer] = ()
    found: Mapping[str, Any] | None = None
    """What was found, as `maps.operation_data` returns it, with its pictures and coverage."""
    extent: Sequence[tuple[float, float]] = ()
    """Longitude, latitude of points that are to be in view beside the layers."""
    hillshade: Hillshade | None = None
    basemap: Basemap | None = None
    notes: Sequence[str] = ()
    problems: Sequence[str] = ()
    """What was asked for and could not be had; the page says it among its notes."""
    keys: Sequence[LegendKey] = ()
    """Entries of the legend that belong to no layer."""
    panel: PlanPanel | None = None
    frame: list[list[float]] | None = None
    """South-west and north-east corners of what to show first; by default everything."""

    @property
    def hits(self) -> int:
        """How many hits the page holds."""
        return int(self.found["hits"]["count"]) if self.found else 0


def bounds_of(
    layers: Sequence[GeometryLayer | LegLayer], more: Sequence[tuple[float, float]] = ()
) -> list[list[float]]:
    """Return the south-west and north-east corners (latitude, longitude) of everything in `layers`, and of `more`.

    Across the antimeridian the eastern longitude is above 180.
    """
    points = [*(p for layer in layers for p in layer.positions()), *more]
    if not points:
        raise NothingToShowError("there is nothing to show on a map: no border, no plan, no placed hit")
    lon_lat = np.array(points)
    if np.ptp(lon_lat[:, 0]) > _HALF_TURN_DEG:
        lon_lat[:, 0] += np.where(lon_lat[:, 0] < 0.0, 360.0, 0.0)
    (west, south), (east, north) = lon_lat.min(axis=0).tolist(), lon_lat.max(axis=0).tolist()
    return [[south, west], [north, east]]


def _legend(content: MapContent) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = [
        {
            "text": layer.legend or layer.name,
            "layer": layer.name,
            "shape": layer.shape,
            "colour": layer.colour,
            "dashed": bool(layer.style.get("dashArray")),
            **_translucent(layer),
        }
        for layer in content.layers
        if layer.features and layer.in_legend
    ]
    entries += [dataclasses.asdict(key) for key in content.keys]
    return entries


def _translucent(layer: GeometryLayer | LegLayer) -> dict[str, float]:
    """Return how much of the ground an area lets through, for its key to look as it does on the map."""
    opacity = layer.style.get("fillOpacity")
    if layer.shape != "area" or opacity is None or not _HEX.fullmatch(layer.colour):
        return {}
    return {"opacity": float(opacity)}


def external_references(page: str) -> int:
    """Count what a page would fetch by itself: scripts, styles, pictures and imports with an address."""
    fetching = r"""(?:<(?:script|img|iframe|link)[^>]+(?:src|href)\s*=|@import|url\()\s*["']?(?:https?:)?//"""
    return len(re.findall(fetching, page))


def map_data(content: MapContent) -> dict[str, Any]:
    """Return everything a page shows, as `vedette_page.js` reads it: plain values, every foreign string among them."""
    everything = bounds_of(content.layers, content.extent)
    seam = everything[1][1] > _HALF_TURN_DEG
    data: dict[str, Any] = {
        "title": content.title,
        "subtitle": content.subtitle,
        "layers": [_layer(layer, seam=seam) for layer in content.layers if layer.features],
        "legend": _legend(content),
        "notes": [*content.problems, *content.notes],
        "frame": content.frame or everything,
    }
    if content.hillshade is not None:
        data["ground"] = {"picture": content.hillshade.data_uri, "bounds": content.hillshade.bounds}
    if content.basemap is not None:
        data["basemap"] = content.basemap.data()
    if content.found is not None:
        data["found"] = content.found
    if content.panel is not None:
        data |= _summary(content.panel)
    return data


def _layer(layer: GeometryLayer | LegLayer, *, seam: bool) -> dict[str, Any]:
    named = {"name": layer.name, "show": layer.show}
    if isinstance(layer, LegLayer):
        return named | packed(layer, seam=seam)
    return named | {"features": on_page(layer.features, seam=seam), "style": dict(layer.style)}


def _summary(panel: PlanPanel) -> dict[str, Any]:
    return {
        "verdict": {"text": panel.verdict, "good": panel.good},
        "summary": [list(row) for row in panel.rows],
        "remarks": list(panel.remarks),
        "winds": [dict(wind) for wind in panel.winds],
    }


def _in_blocks(found: Mapping[str, Any], blocks: Blocks) -> dict[str, Any]:
    """Return what was found with its long texts in blocks: columns of the first picture first, pictures last."""
    told = dict(found)
    for name in ("things", "points", "hits"):
        told[name] = found[name] | {"bytes": blocks.put(found[name]["bytes"])}
    if "details" in found:
        told["details"] = found["details"] | {"bytes": blocks.put(found["details"]["bytes"], later=True)}
    if isinstance(ids := found.get("hit_ids"), dict):
        told["hit_ids"] = ids | {"bytes": blocks.put(ids["bytes"], later=True)}
    if chips := found.get("chips"):
        told["chips"] = {"rows": [int(row) for row in chips]} | blocks.put(" ".join(chips.values()), later=True)
    if frames := found.get("frames"):
        pictures = [one[kind] for one in frames.values() for kind in ("close", "whole")]
        boxes = {row: one["box"] for row, one in frames.items()}
        told["frames"] = {"boxes": boxes} | blocks.put(" ".join(pictures), later=True)
    return told


def write_map(content: MapContent, path: Path) -> MapReport:
    """Write the map as one self-contained file, whole or not at all."""
    data, blocks = map_data(content), Blocks()
    if content.found is not None:
        data["found"] = _in_blocks(content.found, blocks)
    size = write_page(data, path, blocks)
    return MapReport(path=str(path), bytes=size, hits=content.hits)
