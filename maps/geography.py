"""Land borders, rivers and towns of the world, coarse, so that a map without a network says where on earth it is.

`natural_earth_borders.npz` holds the 10 m boundary lines of Natural Earth (naturalearthdata.com, public domain, version
of ``ne_10m_admin_0_boundary_lines_land``), simplified to 0.002 degrees and kept to 0.0001;
`natural_earth_places.npz` its ``ne_10m_rivers_lake_centerlines``, simplified to 0.01 degrees and kept to 0.001, and its
``ne_10m_populated_places_simple``, kept to 0.001.
"""

from __future__ import annotations

import dataclasses
import functools
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from maps.layers import GeometryLayer, feature, spot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_STEP_DEG: Final = 1e-4
_PLACE_STEP_DEG: Final = 1e-3
_AROUND: Final = 6.0
"""How many times the extent of what is shown borders are drawn around it."""
_LEAST_DEG: Final = 1.5
_NEAR_DEG: Final = 0.5
"""Farther than this from a border, a place is between no two countries."""
ATTRIBUTION: Final = "land borders: Natural Earth, coarse, for orientation"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outline:
    """Border lines of the world with the countries on both sides."""

    lines: NDArray[np.object_]
    left: NDArray[np.str_]
    right: NDArray[np.str_]
    unsettled: NDArray[np.bool_]
    """Disputed lines, lines of control, and such as are not agreed."""


@functools.cache
def outline() -> Outline:
    """Return the bundled borders."""
    with resources.files("maps").joinpath("assets", "natural_earth_borders.npz").open("rb") as stream:
        data = np.load(stream, allow_pickle=False)
        corners = np.cumsum(data["steps"], axis=0) * _STEP_DEG
        names, offsets = data["names"], data["offsets"].astype(np.int64)
        lines = shapely.from_ragged_array(shapely.GeometryType.LINESTRING, corners, (offsets,))
        return Outline(
            lines=np.asarray(lines), left=names[data["left"]], right=names[data["right"]], unsettled=data["unsettled"]
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """Rivers and towns of the world."""

    rivers: NDArray[np.object_]
    river_names: NDArray[np.str_]
    towns_lon_lat: NDArray[np.float64]
    """Shape (towns, 2)."""
    town_names: tuple[str, ...]


@functools.cache
def places() -> Places:
    """Return the bundled rivers and towns."""
    with resources.files("maps").joinpath("assets", "natural_earth_places.npz").open("rb") as stream:
        data = np.load(stream, allow_pickle=False)
        corners = np.cumsum(data["steps"].T.astype(np.int64), axis=0) * _PLACE_STEP_DEG
        rivers = shapely.from_ragged_array(
            shapely.GeometryType.LINESTRING, corners, (data["offsets"].astype(np.int64),)
        )
        return Places(
            rivers=np.asarray(rivers),
            river_names=data["rivers"][data["river"]],
            towns_lon_lat=data["at"] * _PLACE_STEP_DEG,
            town_names=tuple(data["town"].item().decode().split("\n")),
        )


def outline_layers(bounds: Sequence[Sequence[float]]) -> list[GeometryLayer]:
    """Return borders, rivers and towns around a box of south-west and north-east corners; what is not agreed apart."""
    (south, west), (north, east) = bounds
    margin = max(_AROUND * (north - south), _AROUND * (east - west), _LEAST_DEG)
    box = (west - margin, south - margin, east + margin, north + margin)
    return [*_place_layers(box), *_border_layers(box)]


def _place_layers(box: tuple[float, float, float, float]) -> list[GeometryLayer]:
    known = places()
    drawn = shapely.clip_by_rect(known.rivers, *box)
    near = np.flatnonzero(~shapely.is_empty(drawn)).tolist()
    lon, lat = known.towns_lon_lat.T
    inside = np.flatnonzero((lon > box[0]) & (lon < box[2]) & (lat > box[1]) & (lat < box[3])).tolist()
    layers = [
        GeometryLayer(
            name="Rivers, coarse",
            features=[_line(drawn[row], str(known.river_names[row])) for row in near],
            style={"color": "#4f86b5", "weight": 1.5, "opacity": 0.8},
            legend="rivers: Natural Earth, coarse, for orientation",
        ),
        GeometryLayer(
            name="Towns",
            features=[
                spot(float(lon[row]), float(lat[row]), label=known.town_names[row], name=known.town_names[row])
                for row in inside
            ],
            style={"color": "#4a4a4a", "fillColor": "#f2efe6", "radius": 4, "weight": 1.5},
            shape="dot",
            legend="towns: Natural Earth",
        ),
    ]
    return [layer for layer in layers if layer.features]


def _border_layers(box: tuple[float, float, float, float]) -> list[GeometryLayer]:
    known = outline()
    drawn = shapely.clip_by_rect(known.lines, *box)
    near = np.flatnonzero(~shapely.is_empty(drawn))
    layers = []
    for unsettled, name in ((False, "Land borders, coarse"), (True, "Land borders not agreed, coarse")):
        rows = [row for row in near.tolist() if bool(known.unsettled[row]) is unsettled]
        style: dict[str, Any] = {"color": "#6d4c41", "weight": 1.5, "opacity": 0.8}
        style |= {"dashArray": "3 5"} if unsettled else {}
        features = [_line(drawn[row], f"{known.left[row]} / {known.right[row]}") for row in rows]
        legend = ATTRIBUTION + (", not agreed" if unsettled else "")
        layers.append(GeometryLayer(name=name, features=features, style=style, legend=legend))
    return [layer for layer in layers if layer.features]


def _line(shape: shapely.Geometry, label: str) -> dict[str, Any]:
    parts = [shapely.get_coordinates(part).tolist() for part in shapely.get_parts(shape)]
    return feature({"type": "MultiLineString", "coordinates": parts}, label=label)


def between(lat_deg: float, lon_deg: float) -> str:
    """Return "A and B" for a place near the border of two countries; empty elsewhere."""
    known, place = outline(), shapely.Point(lon_deg, lat_deg)
    away = shapely.distance(known.lines, place)
    row = int(np.argmin(away))
    return f"{known.left[row]} and {known.right[row]}" if away[row] <= _NEAR_DEG else ""
