"""A plan seen from above our own side, the border along the picture: where things land on the page, and in what order.

An oblique parallel projection: a metre along the border, a metre away from the viewer and a metre
up each have a scale of their own, so that a strip of a hundred kilometres by one still shows its
shape. What is farther away is painted first (painter's algorithm).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor

    FloatArray = NDArray[np.float64]
    Colour = tuple[float, float, float, float]

_ELEVATION_RAD: Final = np.radians(35.0)
"""How far above the horizon the viewer looks down from."""
_DEPTH_PX: Final = (320.0, 560.0)
_HEIGHT_PX: Final = 240.0
_STEPS: Final = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 70.0, 100.0, 200.0, 500.0, 1000.0)
"""Exaggerations a reader can keep in mind."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ObliqueView:
    """The projection of one picture. `along` and `across` are unit vectors in the plane: right, and away."""

    along: FloatArray
    across: FloatArray
    low: FloatArray
    """Least along and across of the box shown, metres."""
    high: FloatArray
    base_amsl_m: float
    scale_px_per_m: FloatArray
    """Pixels a metre along, across and up."""
    depth_times: float
    height_times: float

    def coordinates(self, xy_m: FloatArray) -> FloatArray:
        """Return (n, 2) metres along and across of plane points."""
        return np.stack([xy_m @ self.along, xy_m @ self.across], axis=-1)

    def plane(self, along_across_m: FloatArray) -> FloatArray:
        """Return (n, 2) plane points of metres along and across."""
        return np.asarray(along_across_m[..., :1] * self.along + along_across_m[..., 1:] * self.across)

    def project(self, along_across_m: FloatArray, alt_amsl_m: FloatArray) -> FloatArray:
        """Return (n, 2) pixels from the lower left corner of the box at its lowest height."""
        right = (along_across_m[..., 0] - self.low[0]) * self.scale_px_per_m[0]
        away = (along_across_m[..., 1] - self.low[1]) * self.scale_px_per_m[1]
        return np.stack([right, away + (alt_amsl_m - self.base_amsl_m) * self.scale_px_per_m[2]], axis=-1)

    def box(self) -> shapely.Polygon:
        """Return the ground shown, in the plane."""
        (a0, c0), (a1, c1) = self.low, self.high
        return shapely.Polygon(self.plane(np.array([[a0, c0], [a1, c0], [a1, c1], [a0, c1]])))


def view_of(
    corridor: Corridor, path_xy_m: FloatArray, other_xy_m: FloatArray, alt_amsl_m: FloatArray, *, alt_agl_m: float,
    width_px: float,
) -> ObliqueView:  # fmt: skip
    """Pointing at a plan from its own side, so that the border near its flights lies along the picture.

    Parameters
    ----------
    path_xy_m
        (n, 2) points of the flights.
    other_xy_m
        (m, 2) further points to show: launch sites, rally points.
    alt_amsl_m
        Every height to show, ground included.
    alt_agl_m
        Height flown: heights are never drawn so large that a flight at the standoff seems to lie over the border.
    """
    hull = shapely.MultiPoint(path_xy_m).envelope
    reach = max(corridor.kept_m, 0.05 * float(np.hypot(*np.ptp(path_xy_m, axis=0))))
    near = shapely.intersection(corridor.border, shapely.buffer(hull, 2.0 * reach))
    border = shapely.get_coordinates(near)
    along, across = _axes(path_xy_m, border)
    shown = np.concatenate([path_xy_m, other_xy_m, border])
    values = np.stack([shown @ along, shown @ across], axis=-1)
    low, high = values.min(axis=0), values.max(axis=0)
    room = np.array([0.02 * (high[0] - low[0]), max(0.08 * (high[1] - low[1]), 0.5 * reach)]) + 20.0
    low, high = low - room, high + room
    scale, depth_times, height_times = _scales(
        high - low, float(np.ptp(alt_amsl_m)), steepest=corridor.kept_m / alt_agl_m, width_px=width_px
    )
    return ObliqueView(
        along=along, across=across, low=low, high=high, base_amsl_m=float(alt_amsl_m.min()), scale_px_per_m=scale,
        depth_times=depth_times, height_times=height_times,
    )  # fmt: skip


def _axes(path: FloatArray, border: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return right and away: the border's main direction (its first principal axis), away from the flights."""
    line = border if len(border) >= 2 else path
    centred = line - line.mean(axis=0)
    direction = np.linalg.svd(centred, full_matrices=False)[2][0]
    across = np.array([-direction[1], direction[0]])
    towards = (border.mean(axis=0) if len(border) else path.mean(axis=0)) - path.mean(axis=0)
    if across @ towards < 0.0 or (across @ towards == 0.0 and across[1] < 0.0):
        across = -across
    return np.array([across[1], -across[0]]), across


def _scales(
    size_m: FloatArray, relief_m: float, *, steepest: float, width_px: float
) -> tuple[FloatArray, float, float]:
    """Return pixels a metre along, across, up, and how much depth and height are drawn larger than they are.

    `steepest` bounds the pixels a metre up, in pixels a metre across.
    """
    along = width_px / size_m[0]
    natural_px = along * np.sin(_ELEVATION_RAD) * size_m[1]
    if natural_px > _DEPTH_PX[1]:
        along *= _DEPTH_PX[1] / natural_px
    across = along * float(np.sin(_ELEVATION_RAD))
    depth_times = _step(_DEPTH_PX[0] / (across * size_m[1]))
    up = along * float(np.cos(_ELEVATION_RAD))
    most = min(_HEIGHT_PX / max(relief_m, 30.0), steepest * across * depth_times)
    height_times = _step(most / up)
    return np.array([along, across * depth_times, up * height_times]), depth_times, height_times


def _step(times: float) -> float:
    """Return the exaggeration to draw with: the largest round one not above what is wanted, at least 1."""
    return max((step for step in _STEPS if step <= times), default=1.0)


class Painting:
    """Shapes with a depth, painted from the farthest to the nearest; lines are shapes with no face."""

    def __init__(self) -> None:
        self._depth: list[FloatArray] = []
        self._shapes: list[FloatArray] = []
        self._faces: list[FloatArray] = []
        self._edges: list[FloatArray] = []
        self._widths: list[FloatArray] = []

    def add(
        self,
        shapes_px: Sequence[FloatArray] | FloatArray,
        depth_m: FloatArray,
        *,
        face: FloatArray | Colour = (0, 0, 0, 0),
        edge: FloatArray | Colour = (0, 0, 0, 0),
        width_px: float = 0.0,
    ) -> None:
        """Add shapes of (k, 2) pixels each; colours are RGBA, one for all or one a shape."""
        count = len(depth_m)
        self._shapes += list(shapes_px)
        self._depth.append(np.asarray(depth_m, dtype=float))
        self._faces.append(np.broadcast_to(np.asarray(face, dtype=float), (count, 4)))
        self._edges.append(np.broadcast_to(np.asarray(edge, dtype=float), (count, 4)))
        self._widths.append(np.full(count, width_px))

    def ordered(self) -> tuple[list[FloatArray], FloatArray, FloatArray, FloatArray]:
        """Return shapes, faces, edges and line widths in the order they are painted."""
        order = np.argsort(-np.concatenate(self._depth), kind="stable")
        faces, edges, widths = (np.concatenate(v)[order] for v in (self._faces, self._edges, self._widths))
        return [self._shapes[k] for k in order.tolist()], faces, edges, widths
