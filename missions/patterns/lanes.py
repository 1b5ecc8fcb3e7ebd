"""Parallel lanes across a polygon, and their order when flown back and forth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
import shapely.affinity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    Lane = tuple[FloatArray, FloatArray]

SLIVER_M: Final = 1e-6


def turned(points_xy: FloatArray, angle_rad: float) -> FloatArray:
    """Turn points, shape (n, 2), counterclockwise about the origin."""
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return np.asarray(points_xy @ np.array([[c, s], [-s, c]]))


def lanes_across(polygon: shapely.Polygon, *, direction_rad: float, swath_m: float) -> list[list[Lane]]:
    """Cover a polygon with parallel lanes one swath apart or less.

    Parameters
    ----------
    polygon
        In metres; may have holes and be concave.
    direction_rad
        Direction of the lanes, counterclockwise from the x axis (east).
    swath_m
        Width seen from one lane, half on each side.

    Returns
    -------
    list of list of (start, end)
        For each lane line, from one side to the other, its pieces in order
        along the direction. A piece reaches as far as any ground within half a
        swath of it, so that the strips, square at their ends, hold the polygon.
    """
    flat = shapely.affinity.rotate(polygon, -direction_rad, origin=(0.0, 0.0), use_radians=True)
    _, low, _, high = flat.bounds
    count = max(1, math.ceil((high - low) / swath_m - 1e-9))
    step = (high - low) / count
    rows: list[list[Lane]] = []
    for index in range(count):
        bottom = low + index * step
        middle = bottom + step / 2.0
        rows.append(
            [
                (turned(np.array([[x0, middle]]), direction_rad)[0], turned(np.array([[x1, middle]]), direction_rad)[0])
                for x0, x1 in _extents(flat, bottom, bottom + step)
            ]
        )
    return rows


def _extents(flat: shapely.Polygon, bottom: float, top: float) -> list[tuple[float, float]]:
    """Return the x ranges of the polygon's part between two heights, overlapping ones joined."""
    left, _, right, _ = flat.bounds
    part = shapely.intersection(flat, shapely.box(left - 1.0, bottom, right + 1.0, top))
    pieces = [p for p in shapely.get_parts(part) if p.geom_type == "Polygon" and p.area > SLIVER_M**2]
    joined: list[tuple[float, float]] = []
    for x0, _, x1, _ in sorted(p.bounds for p in pieces):
        if joined and x0 <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], x1))
        else:
            joined.append((x0, x1))
    return joined


def serpentine(rows: list[list[Lane]]) -> list[Lane]:
    """Order lanes back and forth: every other row is flown the other way."""
    flown: list[Lane] = []
    for index, row in enumerate(row for row in rows if row):
        flown += row if index % 2 == 0 else [(end, start) for start, end in reversed(row)]
    return flown
