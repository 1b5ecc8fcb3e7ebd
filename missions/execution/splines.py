"""The curve of a spline waypoint, as ArduCopter flies it.

`AC_WPNav::set_spline_destination` and `SplineCurve.cpp`: a cubic Hermite curve whose tangents are the leg before
(or the last spline's own), and the way to the next item; from and to a stop they are zero.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.geodesy import forward, inverse
from missions.execution.commands import DELAY, SPLINE
from missions.plan_files.dialect import PATH_COMMANDS, has_position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.plan import MissionItem

    FloatArray = NDArray[np.float64]
    Place = tuple[float, float, float]

_STEPS: Final = 24
_LONGEST: Final = 4.0
"""`SplineCurve::set_origin_and_destination`: both tangents together are at most this many times the chord."""


def spline(items: Sequence[MissionItem], item: MissionItem, start: Place, end: Place) -> list[Place]:
    """Return places (latitude, longitude, height) along the curve to a spline waypoint, its two ends left out.

    Parameters
    ----------
    items
        The whole mission; `item` is one of them.
    start, end
        Latitude and longitude, degrees, and height, metres.
    """
    chord = _flat(start, end)
    before, after = _neighbours(items, item)
    # The tangent at the start is the way flown there: the chord of the leg before, or of the spline before.
    arriving = np.zeros(2) if before is None else _flat((before.lat_deg, before.lon_deg, 0.0), start)
    if before is not None and _is_spline_at(items, item):
        arriving = arriving + chord
    leaving = np.zeros(2)
    if after is not None:
        ahead = _flat(end, (after.lat_deg, after.lon_deg, 0.0))
        leaving = ahead + chord if after.command == SPLINE else ahead
    both, longest = float(np.hypot(*(arriving + leaving))), _LONGEST * float(np.hypot(*chord))
    if both > longest:
        arriving, leaving = arriving * longest / both, leaving * longest / both
    t = np.arange(1, _STEPS)[:, None] / _STEPS
    xy = t * arriving + t**2 * (3 * chord - 2 * arriving - leaving) + t**3 * (arriving + leaving - 2 * chord)
    azimuth, reach = np.degrees(np.arctan2(xy[:, 0], xy[:, 1])), np.hypot(*xy.T)
    lat, lon = forward(np.full(len(xy), start[0]), np.full(len(xy), start[1]), azimuth, reach)
    heights = start[2] + t[:, 0] * (end[2] - start[2])
    return list(zip(lat.tolist(), lon.tolist(), heights.tolist(), strict=True))


def _flat(start: Place, end: Place) -> FloatArray:
    """Return metres east and north from one place to another."""
    distance_m, azimuth_deg = inverse(start[0], start[1], end[0], end[1])
    return np.array([np.sin(np.radians(azimuth_deg)), np.cos(np.radians(azimuth_deg))]).ravel() * float(distance_m)


def _neighbours(items: Sequence[MissionItem], item: MissionItem) -> tuple[MissionItem | None, MissionItem | None]:
    """Return the place before the one the curve begins at, and the one after it; None where the aircraft stops."""
    flown = [other for other in items if (other.command in PATH_COMMANDS and has_position(other)) or other is item]
    k = next(n for n, other in enumerate(flown) if other is item)
    stops_before = k < 1 or flown[k - 1].p1 > 0.0 or _waits(items, flown[k - 1], item)
    before = None if stops_before or k < 2 else flown[k - 2]
    last = k + 1 >= len(flown) or item.p1 > 0.0 or _waits(items, item, flown[k + 1])
    return before, None if last else flown[k + 1]


def _is_spline_at(items: Sequence[MissionItem], item: MissionItem) -> bool:
    """Tell whether the place a curve begins at is a spline waypoint itself."""
    flown = [other for other in items if other.command in PATH_COMMANDS and has_position(other)]
    return any(a.command == SPLINE and b is item for a, b in itertools.pairwise(flown))


def _waits(items: Sequence[MissionItem], start: MissionItem, end: MissionItem) -> bool:
    return any(other.command == DELAY for other in items[start.seq : end.seq])
