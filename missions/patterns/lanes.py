"""Parallel lanes across a polygon: where each strip needs to be flown."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from geo.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    Lane = tuple[FloatArray, FloatArray]

SLIVER_M2: Final = 1e-6
MAX_LANES: Final = 20_000


def turned(points_xy: FloatArray, angle_rad: float) -> FloatArray:
    """Turn points, shape (n, 2), counterclockwise about the origin."""
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return np.asarray(points_xy @ np.array([[c, s], [-s, c]]))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LaneRows:
    """Lanes in the frame turned so that they run along x.

    `heights_m` are the rows' middle lines, `ranges` the x ranges to be seen on
    each row, sorted, `pieces` what is flown of them, and `step_m` the distance of
    the rows (at most one swath).
    """

    direction_rad: float
    step_m: float
    heights_m: tuple[float, ...]
    ranges: tuple[tuple[tuple[float, float], ...], ...]
    pieces: tuple[tuple[tuple[float, float], ...], ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Strips:
    """A polygon cut into strips along x of the turned frame: per strip, the x ranges of its parts."""

    direction_rad: float
    step_m: float
    heights_m: tuple[float, ...]
    ranges: tuple[tuple[tuple[float, float], ...], ...]


def strips_of(polygon: shapely.Polygon, *, direction_rad: float, swath_m: float) -> Strips:
    """Cut a polygon into equal strips of at most one swath.

    Parameters
    ----------
    polygon
        In metres; may be concave and have holes.
    direction_rad
        Direction of the strips, counterclockwise from the x axis (east).
    swath_m
        Width seen from a lane, half on each side.

    Raises
    ------
    InputError
        When that makes more than `MAX_LANES` strips.
    """
    flat = shapely.transform(polygon, lambda xy: turned(xy, -direction_rad))
    left, low, right, high = flat.bounds
    count = max(1, math.ceil((high - low) / swath_m - 1e-9))
    if count > MAX_LANES:
        raise InputError(
            f"a swath of {swath_m:g} m cuts this area into {count} lanes; at most {MAX_LANES} are planned, "
            "use a wider swath or a smaller area",
            actual=count,
            expected=MAX_LANES,
        )
    edges = np.linspace(low, high, count + 1)
    outer = np.full(count, 1.0)
    boxes = shapely.box((left - 1.0) * outer, edges[:-1], (right + 1.0) * outer, edges[1:])
    parts, rows = shapely.get_parts(shapely.intersection(flat, boxes), return_index=True)
    ranges: list[list[tuple[float, float]]] = [[] for _ in range(count)]
    held = shapely.area(parts) > SLIVER_M2
    bounds = shapely.bounds(parts[held])
    for row, x0, x1 in zip(rows[held].tolist(), bounds[:, 0].tolist(), bounds[:, 2].tolist(), strict=True):
        ranges[row].append((x0, x1))
    return Strips(
        direction_rad=direction_rad,
        step_m=(high - low) / count,
        heights_m=tuple(((edges[:-1] + edges[1:]) / 2.0).tolist()),
        ranges=tuple(tuple(sorted(row)) for row in ranges),
    )


def lane_rows(strips: Strips, *, reach_m: float = 0.0, bridge_m: float = 0.0) -> LaneRows:
    """Say what of each strip must be flown.

    Parameters
    ----------
    strips
        From `strips_of`.
    reach_m
        How far ahead of and behind the aircraft the camera sees (0: only abeam);
        lanes end that much earlier.
    bridge_m
        Pieces of one row closer than this are flown as one.

    Returns
    -------
    LaneRows
        Every piece reaches as far as any ground of its strip (less `reach_m`), so
        the flown strips, square at their ends, hold the polygon.
    """
    ranges = tuple(tuple(_joined(row, bridge_m)) for row in strips.ranges)
    return LaneRows(
        direction_rad=strips.direction_rad,
        step_m=strips.step_m,
        heights_m=strips.heights_m,
        ranges=ranges,
        pieces=tuple(tuple(_shortened(x, reach_m) for x in row) for row in ranges),
    )


def _joined(ranges: tuple[tuple[float, float], ...], bridge_m: float) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for x0, x1 in ranges:
        if joined and x0 - joined[-1][1] <= bridge_m:
            joined[-1] = (joined[-1][0], max(joined[-1][1], x1))
        else:
            joined.append((x0, x1))
    return joined


def _shortened(x_range: tuple[float, float], reach_m: float) -> tuple[float, float]:
    x0, x1 = x_range
    cut = min(reach_m, (x1 - x0) / 2.0)
    return x0 + cut, x1 - cut


def lanes_across(polygon: shapely.Polygon, *, direction_rad: float, swath_m: float) -> list[list[Lane]]:
    """Return, row by row, the (start, end) points of the lanes that cover a polygon."""
    rows = lane_rows(strips_of(polygon, direction_rad=direction_rad, swath_m=swath_m))
    lanes = []
    for y, row in zip(rows.heights_m, rows.pieces, strict=True):
        ends = (turned(np.array([[x0, y], [x1, y]]), direction_rad) for x0, x1 in row)
        lanes.append([(start, end) for start, end in ends])
    return lanes


def serpentine(rows: list[list[Lane]]) -> list[Lane]:
    """Order lanes back and forth: every other row is flown the other way."""
    flown: list[Lane] = []
    for index, row in enumerate(row for row in rows if row):
        flown += row if index % 2 == 0 else [(end, start) for start, end in reversed(row)]
    return flown
