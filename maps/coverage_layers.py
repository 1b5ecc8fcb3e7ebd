"""What a plan's cameras see of the ground, and what of the corridor they do not, from `coverage.geojson`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import shapely

from maps.layers import GeometryLayer, feature

if TYPE_CHECKING:
    from collections.abc import Mapping

_FINE_DEG: Final = 1e-5
"""About a metre."""


def coverage_layers(document: Mapping[str, Any]) -> list[GeometryLayer]:
    """Return the ground seen and the gaps; a gap that names its reason says it on a click."""
    features = [f for f in document["features"] if f["geometry"] and f["geometry"].get("coordinates")]
    seen = [f for f in features if f["properties"].get("kind") == "seen"]
    gaps = [f for f in features if f["properties"].get("kind") == "gap"]
    return [
        GeometryLayer(
            name="Ground seen",
            features=[feature(_drawn(f["geometry"])) for f in seen],
            style={"stroke": False, "fillColor": "#56B4E9", "fillOpacity": 0.3, "interactive": False},
            shape="area",
            legend="ground the plan sees",
        ),
        GeometryLayer(
            name="Gaps",
            features=[_gap(f) for f in gaps],
            style={"color": "#263238", "weight": 1, "fillColor": "#263238", "fillOpacity": 0.5},
            shape="area",
            legend="corridor nobody sees",
        ),
    ]


def _drawn(geometry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a geometry without the corners no screen shows."""
    shape = shapely.simplify(shapely.from_geojson(json.dumps(geometry)), _FINE_DEG)
    drawn: Mapping[str, Any] = json.loads(shapely.to_geojson(shape))
    return drawn


def _gap(gap: Mapping[str, Any]) -> dict[str, Any]:
    named = {"reason": "why", "area_m2": "area", "remedy": "would do", "relaxation": "would do"}
    told = gap["properties"]
    rows = [[title, _said(key, told[key])] for key, title in named.items() if told.get(key) not in (None, "")]
    return feature(_drawn(gap["geometry"]), title="Corridor nobody sees", rows=rows)


def _said(key: str, value: Any) -> str:
    return f"{value / 1e4:.2f} ha" if key == "area_m2" else str(value)
