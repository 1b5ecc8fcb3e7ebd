"""One shape of a zone file: where it is, between which heights, when, and what had to be assumed."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.zone_files.limits import Layer
    from missions.zone_files.validity import Period

    FloatArray = NDArray[np.float64]

MAX_SHAPES: Final = 50_000
"""The zones and obstacles of a large country; more is no file for one patrol."""
MAX_NAME: Final = 64
NARROW_M: Final = 5.0
"""How far an obstacle reaches to each side of the line or point it is drawn as: a pole's arms, a mapper's hand."""
_NOT_IN_NAMES: Final = re.compile(r"[^\w .\-]+")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ZoneShape:
    """A zone or obstacle: polygons (rings, outer first), lines (a point has one vertex), or a circle."""

    name: str
    layer: Layer
    polygons: tuple[tuple[FloatArray, ...], ...] = ()
    """Rings of (n, 2) longitude and latitude."""
    lines: tuple[FloatArray, ...] = ()
    half_width_m: float = NARROW_M
    """How far lines and points reach to each side."""
    circle: tuple[float, float, float] | None = None
    """Latitude, longitude, radius in metres."""
    periods: tuple[Period, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ZoneFile:
    """What a file holds: zones, obstacles, and what was left out and why, by name."""

    shapes: tuple[ZoneShape, ...]
    left_out: tuple[str, ...] = ()


def name_of(*parts: object) -> str:
    """Join what a file calls a shape into a name as briefs have them: letters, digits, spaces, dots, hyphens."""
    told = [" ".join(_NOT_IN_NAMES.sub(" ", str(part)).split()) for part in parts if part]
    joined = " ".join(dict.fromkeys(text for text in told if text))
    return joined[:MAX_NAME].strip() or "unnamed"


def outline(shape: ZoneShape) -> FloatArray:
    """Return all vertices of a shape, (n, 2) longitude and latitude."""
    if shape.circle is not None:
        return np.array([[shape.circle[1], shape.circle[0]]])
    return np.concatenate([*(ring for rings in shape.polygons for ring in rings), *shape.lines])
