"""Was the place where a track ended looked at again: who is not seen there although it was has gone, or was missed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detection.ground_tracks import GroundTracks

AGAIN_S: Final = 10.0
"""Pictures within so many seconds of a track's end are of the same look."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Ground that a recording's pictures showed, and until when each."""

    rings: tuple[NDArray[np.float64], ...]
    """Outlines, each of shape (k, 2): longitude and latitude in degrees."""
    to_ns: NDArray[np.int64]


def looked_again(recordings: Sequence[tuple[GroundTracks, Shown]]) -> NDArray[np.bool_]:
    """Tell of each track, all recordings' one after another, whether a later picture shows the place where it ended.

    Of recordings at the same time the earlier one's tracks are looked at again by the later one. Where no recording
    has an outline nothing is known of it, and all count as looked at again.
    """
    tracks = [some for some, _ in recordings]
    if not any(len(shown.rings) for _, shown in recordings):
        return np.ones(sum(len(some) for some in tracks), dtype=bool)
    trees = [
        shapely.STRtree([shapely.make_valid(shapely.Polygon(ring)) for ring in shown.rings]) for _, shown in recordings
    ]
    found = []
    for own, some in enumerate(tracks):
        last = some.offsets[1:] - 1
        place = shapely.points(some.lon_deg[last], some.lat_deg[last])
        seen = np.zeros(len(some), dtype=bool)
        for other, (_, shown) in enumerate(recordings):
            since = some.t_utc_ns[some.offsets[:-1]] if other > own else some.t_utc_ns[last] + round(AGAIN_S * 1e9)
            row, picture = trees[other].query(place, predicate="intersects")
            seen[row[shown.to_ns[picture] > since[row]]] = True
        found.append(seen)
    return np.concatenate(found)
