"""A folium map that is one file: scripts and styles inlined, no tile server, nothing fetched."""

from __future__ import annotations

import dataclasses
import html
import os
import re
from typing import TYPE_CHECKING, Any, Final

import folium
import numpy as np
from branca.element import Element, MacroElement
from folium.template import Template
from jinja2.utils import htmlsafe_json_dumps

from maps.errors import NothingToShowError
from maps.layers import on_page
from maps.leaflet_file import leaflet_script, leaflet_style, own_asset
from maps.leg_layers import LegLayer, packed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from maps.hillshade import Hillshade
    from maps.layers import GeometryLayer, PackedHits

_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)
"""Content security policy: even an injected script could not reach the network."""
_HALF_TURN_DEG: Final = 180.0
"""Nothing mapped here is as wide as this; longitudes that are cross the antimeridian."""


class _Geometry(folium.map.Layer):
    """One switchable layer of lines, areas or points."""

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "var {{ this.get_name() }} = vedette.geometry({{ this.data }}, {{ this.style|tojson }});"
        "{% endmacro %}"
    )

    def __init__(self, layer: GeometryLayer, *, seam: bool) -> None:
        super().__init__(name=html.escape(layer.name), overlay=True, control=True, show=layer.show)
        self._name = "VedetteGeometry"
        data = {"type": "FeatureCollection", "features": on_page(layer.features, seam=seam)}
        self.data = htmlsafe_json_dumps(data, separators=(",", ":"))
        self.style = dict(layer.style)


class _Legs(folium.map.Layer):
    """One switchable layer of flights."""

    _template = Template(
        "{% macro script(this, kwargs) %}var {{ this.get_name() }} = vedette.legs({{ this.data }});{% endmacro %}"
    )

    def __init__(self, layer: LegLayer, *, seam: bool) -> None:
        super().__init__(name=html.escape(layer.name), overlay=True, control=True, show=layer.show)
        self._name = "VedetteLegs"
        self.data = htmlsafe_json_dumps(packed(layer, seam=seam), separators=(",", ":"))


class _Hits(folium.map.Layer):
    """The packed canvas layer."""

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "var {{ this.get_name() }} = vedette.hits({{ this.packed|tojson }}); vedette.shown = {{ this.get_name() }};"
        "{% endmacro %}"
    )

    def __init__(self, hits: PackedHits, *, seam: bool) -> None:
        super().__init__(name=f"Hits ({hits.count})", overlay=True, control=True, show=True)
        self._name = "VedetteHits"
        self.packed = dataclasses.asdict(hits) | {"seam": seam}


class _Panel(MacroElement):
    """Title, legend, score slider and scale; shows the whole of what there is beside them."""

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "vedette.panel({{ this._parent.get_name() }}, {{ this.spec|tojson }}, vedette.shown);"
        "{% endmacro %}"
    )

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "VedettePanel"
        self.spec = spec


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
    hits: PackedHits | None = None
    hillshade: Hillshade | None = None
    notes: Sequence[str] = ()
    keys: Sequence[LegendKey] = ()
    """Entries of the legend that belong to no layer."""
    panel: PlanPanel | None = None
    frame: list[list[float]] | None = None
    """South-west and north-east corners of what to show first; by default everything."""


def bounds_of(layers: Sequence[GeometryLayer | LegLayer]) -> list[list[float]]:
    """Return the south-west and north-east corners (latitude, longitude) of everything in `layers`.

    Across the antimeridian the eastern longitude is above 180.
    """
    points = [p for layer in layers for p in layer.positions()]
    if not points:
        raise NothingToShowError("there is nothing to show on a map: no border, no plan, no placed hit")
    lon_lat = np.array(points)
    if np.ptp(lon_lat[:, 0]) > _HALF_TURN_DEG:
        lon_lat[:, 0] += np.where(lon_lat[:, 0] < 0.0, 360.0, 0.0)
    (west, south), (east, north) = lon_lat.min(axis=0).tolist(), lon_lat.max(axis=0).tolist()
    return [[south, west], [north, east]]


def _legend(content: MapContent) -> list[dict[str, Any]]:
    entries = [
        {
            "text": layer.legend or layer.name,
            "shape": layer.shape,
            "colour": layer.colour,
            "dashed": bool(layer.style.get("dashArray")),
        }
        for layer in content.layers
        if layer.features and layer.in_legend
    ]
    entries += [dataclasses.asdict(key) for key in content.keys]
    if content.hits is not None:
        for name, colour in zip(content.hits.classes, content.hits.colours, strict=True):
            entries.append({"text": f"hit: {name}", "shape": "dot", "colour": colour, "dashed": False})
    return entries


def _everything(content: MapContent) -> list[list[float]]:
    """Return the extent of the geometry, or of the hits where there is none."""
    if not any(layer.features for layer in content.layers) and content.hits is not None and content.hits.count:
        return content.hits.bounds
    return bounds_of(content.layers)


def external_references(page: str) -> int:
    """Count what a page would fetch by itself: scripts, styles, pictures and imports with an address."""
    fetching = r"""(?:<(?:script|img|iframe|link)[^>]+(?:src|href)\s*=|@import|url\()\s*["']?(?:https?:)?//"""
    return len(re.findall(fetching, page))


def build_map(content: MapContent) -> folium.Map:
    """Assemble the folium map; `folium.Map.get_root().render()` gives the page."""
    page = folium.Map(tiles=None, prefer_canvas=True, zoom_control="topright", control_scale=False, zoom_snap=0.25)
    page.default_js, page.default_css = [], []
    header: Any = page.get_root().header  # type: ignore[attr-defined]
    header.add_child(Element(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'), name="policy")
    header.add_child(Element(f"<style>{leaflet_style()}{own_asset('vedette_map.css')}</style>"), name="vedette_style")
    header.add_child(Element(f"<script>{leaflet_script()}</script>"), name="leaflet_script")
    header.add_child(Element(f"<script>{own_asset('vedette_map.js')}</script>"), name="vedette_script")
    header.add_child(Element(f"<script>{own_asset('vedette_legs.js')}</script>"), name="vedette_legs_script")
    everything = _everything(content)
    seam = everything[1][1] > _HALF_TURN_DEG
    if content.hillshade is not None:
        folium.raster_layers.ImageOverlay(
            image=content.hillshade.data_uri, bounds=content.hillshade.bounds, name="Terrain", opacity=1.0
        ).add_to(page)
    for layer in content.layers:
        if layer.features:
            drawn = _Legs(layer, seam=seam) if isinstance(layer, LegLayer) else _Geometry(layer, seam=seam)
            drawn.add_to(page)
    if content.hits is not None:
        _Hits(content.hits, seam=seam).add_to(page)
    folium.LayerControl(collapsed=True, position="topright").add_to(page)
    _Panel(_panel_spec(content, content.frame or everything)).add_to(page)
    return page


def _panel_spec(content: MapContent, frame: list[list[float]]) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "title": content.title,
        "subtitle": content.subtitle,
        "legend": _legend(content),
        "notes": list(content.notes),
        "frame": frame,
    }
    panel = content.panel
    if panel is None:
        return spec
    return spec | {
        "verdict": {"text": panel.verdict, "good": panel.good},
        "summary": [list(row) for row in panel.rows],
        "remarks": list(panel.remarks),
        "winds": [dict(wind) for wind in panel.winds],
    }


def write_map(content: MapContent, path: Path) -> MapReport:
    """Write the map as one self-contained file, whole or not at all."""
    text = build_map(content).get_root().render()
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
    return MapReport(path=str(path), bytes=path.stat().st_size, hits=content.hits.count if content.hits else 0)
