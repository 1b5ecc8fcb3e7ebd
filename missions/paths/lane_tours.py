"""In which order and direction the lanes of a sortie are flown."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.paths.dubins import dubins_lengths
from missions.paths.lanes import turned_round
from missions.paths.turns import pose_at
from missions.patterns.tours import shortest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.paths.lanes import LanePiece
    from missions.sight.pointing import Pointing

    FloatArray = NDArray[np.float64]


LOOP: Final = 0.25
"""A tour that ends this near its start, as a share of its length, is a loop: one of two lanes, out and back."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tour:
    """Lanes in the order and direction they are flown, from a site and back to it."""

    site_m: FloatArray
    curves: list[tuple[FloatArray, Pointing]]
    pieces: list[LanePiece]
    """The pieces the curves are, for an aircraft that turns between them; of one that stops, some may be cut in two."""


def tour_of(site_m: FloatArray, pieces: list[LanePiece], radius_m: float) -> Tour:
    """Return the tour of an aircraft of some turn radius; 0 for one that stops."""
    if radius_m > 0.0:
        pieces = turning_tour(site_m, pieces, radius_m)
        return Tour(site_m=site_m, curves=[(p.xy_m, p.pointing) for p in pieces], pieces=pieces)
    return Tour(site_m=site_m, curves=best_tour(site_m, pieces), pieces=pieces)


def best_tour(site_m: FloatArray, pieces: list[LanePiece]) -> list[tuple[FloatArray, Pointing]]:
    """Return lane curves in flying order and direction, the shortest of the orders worth trying.

    Lanes are flown out and back alternately; as a closed loop the tour may be entered anywhere,
    so it is tried from each end and from the point of each piece nearest to the site.
    """
    loop = [
        (p.xy_m if place % 2 == 0 else p.xy_m[::-1], p.pointing)
        for place, group in enumerate(_by_lane(pieces))
        for p in (group if place % 2 == 0 else group[::-1])
    ]
    tours = [loop, [(xy[::-1], pointing) for xy, pointing in loop[::-1]]]
    for k, (xy, pointing) in enumerate(loop):
        split = _nearest_on(xy, site_m)
        if split is not None:
            tours.append([(split[1], pointing), *loop[k + 1 :], *loop[:k], (split[0], pointing)])
            tours.append([*loop[k:], *loop[:k]])
    return min(tours, key=lambda tour: _tour_length(site_m, tour))


def repeated(tour: list[tuple[FloatArray, Pointing]], laps: int) -> list[tuple[FloatArray, Pointing]]:
    """Return a tour flown so many times: on from its end where that is near its start, else back along it."""
    along = sum(float(np.hypot(*np.diff(xy, axis=0).T).sum()) for xy, _ in tour)
    loop = float(np.hypot(*(tour[-1][0][-1] - tour[0][0][0]))) < LOOP * along
    back = tour if loop else [(xy[::-1], pointing) for xy, pointing in tour[::-1]]
    return [one for lap in range(laps) for one in (tour if lap % 2 == 0 else back)]


def back_along(tour: list[LanePiece]) -> list[LanePiece]:
    """Return a tour from its end to its start."""
    return [turned_round(piece) for piece in tour[::-1]]


def _by_lane(pieces: list[LanePiece]) -> list[list[LanePiece]]:
    lanes = sorted({p.lane for p in pieces})
    return [sorted((p for p in pieces if p.lane == n), key=lambda p: float(p.station_m[0])) for n in lanes]


def _nearest_on(xy: FloatArray, point: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    start, step = xy[:-1], np.diff(xy, axis=0)
    square = np.maximum((step**2).sum(axis=1), 1e-12)
    share = np.clip(((point - start) * step).sum(axis=1) / square, 0.0, 1.0)
    place = start + share[:, None] * step
    k = int(np.argmin(((place - point) ** 2).sum(axis=1)))
    first, second = np.concatenate([xy[: k + 1], place[k : k + 1]]), np.concatenate([place[k : k + 1], xy[k + 1 :]])
    ends = min(np.hypot(*(place[k] - xy[0])), np.hypot(*(place[k] - xy[-1])))
    return None if ends < 30.0 else (first, second)


def _tour_length(site_m: FloatArray, tour: list[tuple[FloatArray, Pointing]]) -> float:
    ends = np.array([site_m, *(p for xy, _ in tour for p in (xy[0], xy[-1])), site_m])
    return float(np.hypot(*(ends[1::2] - ends[0::2]).T).sum())


def turning_tour(site_m: FloatArray, pieces: list[LanePiece], radius_m: float) -> list[LanePiece]:
    """Return lane pieces in the order and direction that make the turns between them shortest.

    Turns cost their Dubins path, so lanes nearer to each other than two radii are not flown one after
    the other where that saves a loop.
    """
    ways = [way for piece in pieces for way in (piece, turned_round(piece))]
    first = np.array([pose_at(way.xy_m, end=False) for way in ways])
    last = np.array([pose_at(way.xy_m, end=True) for way in ways])
    count = len(ways)
    a, b = np.divmod(np.arange(count * count), count)
    turn = dubins_lengths(last[a], first[b], radius_m).reshape(count, count)
    out, home = np.hypot(*(first[:, :2] - site_m).T), np.hypot(*(last[:, :2] - site_m).T)
    _, order = shortest(len(pieces), out, turn, home, starts=count, sweeps=0)
    return [ways[k] for k in order]
