"""Land borders of the world, coarse, so that a map without a network says where on earth it is.

`natural_earth_borders.npz` holds the 10 m boundary lines of Natural Earth (naturalearthdata.com, public domain, version
of ``ne_10m_admin_0_boundary_lines_land``), simplified to 0.002 degrees and kept to 0.0001.
"""

from __future__ import annotations

import dataclasses
import functools
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from maps.layers import GeometryLayer, feature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_STEP_DEG: Final = 1e-4
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


def outline_layers(bounds: Sequence[Sequence[float]]) -> list[GeometryLayer]:
    """Return the borders around a box of south-west and north-east corners, those that are not agreed apart."""
    (south, west), (north, east) = bounds
    margin = max(_AROUND * (north - south), _AROUND * (east - west), _LEAST_DEG)
    known = outline()
    drawn = shapely.clip_by_rect(known.lines, west - margin, south - margin, east + margin, north + margin)
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
