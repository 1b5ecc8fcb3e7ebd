"""The border cut into stretches of one length, for what is told of it piece by piece."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.emphasis import Stretch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor

    FloatArray = NDArray[np.float64]

STRETCH_M: Final = 500.0
"""About what one look shows at once: shorter ones would share their looks and finds."""
MOST: Final = 400
"""A longer border has longer stretches."""


def stretches_of(corridor: Corridor) -> tuple[Stretch, ...]:
    """Return the stretches of every part of a border, each with a place half-way into the watched ground."""
    step_m = max(STRETCH_M, corridor.along.total_m / MOST)
    found = []
    ends = np.concatenate([[0.0], np.cumsum([line.length for line in corridor.border.geoms])])
    for start, end in itertools.pairwise(ends.tolist()):
        cuts = np.linspace(start, end, max(round((end - start) / step_m), 1) + 1)
        found += list(itertools.pairwise(cuts.tolist()))
    lat, lon = corridor.frame.to_degrees(_places(corridor, np.array(found).mean(axis=1)))
    return tuple(
        Stretch(start_m=round(a, 1), end_m=round(b, 1), lat_deg=round(float(y), 7), lon_deg=round(float(x), 7))
        for (a, b), y, x in zip(found, lat, lon, strict=True)
    )


def _places(corridor: Corridor, station_m: FloatArray) -> FloatArray:
    """Return a place on the watched ground beside each station: on either side, the one on ours."""
    here = corridor.along.at(station_m)
    ahead, behind = corridor.along.at(station_m + 1.0), corridor.along.at(station_m - 1.0)
    way = ahead - behind
    across = np.column_stack([-way[:, 1], way[:, 0]]) / np.maximum(np.hypot(*way.T), 1e-9)[:, None]
    middle_m = corridor.watched.area / corridor.along.total_m / 2.0
    shapely.prepare(corridor.watched)
    places = here.copy()
    for side in (-1.0, 1.0):
        beside = here + side * middle_m * across
        ours = shapely.contains_xy(corridor.watched, beside[:, 0], beside[:, 1])
        places[ours] = beside[ours]
    return places
