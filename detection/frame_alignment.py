"""Lay one frame over what was predicted: one shift for all, then each hit to its thing.

Nearly all of a hit's error is the pose's, which is the same for all hits of a frame. Every pairing of a
prediction and a hit proposes a shift; the most promising few are refined and tried with a whole assignment,
and the one of least cost is taken.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from detection.followers import inverse_2x2

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

GATE_D2: Final = 13.8
"""Gate on the squared Mahalanobis distance: 99.9 % of two-dimensional normal residuals (chi-square, 2 degrees)."""
OTHER_CLASS_D2: Final = 6.0
"""What a pairing of different classes costs: -2 ln 0.05, for a detector that errs so in one box of 20."""
PROPOSALS_MAX: Final = 64
ANCHORS_MAX: Final = 24
"""Predictions on which a shift is tried first, those that are best known."""
TRIED_MAX: Final = 4
"""Shifts that a whole assignment is made for."""
GRID_M: Final = 0.3
"""Proposals closer than this are one."""
TABLE_MAX: Final = 12_800
"""Distances worked out at a time: larger tables are given back to the system and fetched again with every picture."""
SAME_M: Final = 0.05
"""Refined shifts closer than this are one."""
ROUNDING: Final = 1e-14
"""Ten times what a distance by a product of matrices can be off, as a share of the squares it is made of."""
_EYE: Final = np.eye(2)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """Where things are expected: places (k, 2), their covariances (k, 2, 2), and class numbers."""

    place_m: FloatArray
    cov_m2: FloatArray
    class_code: NDArray[np.int64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FrameHits:
    """Hits of one frame: places (n, 2), covariances of what is each hit's own (n, 2, 2), and class numbers."""

    place_m: FloatArray
    own_m2: FloatArray
    class_code: NDArray[np.int64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """A frame's shift off the predictions, what of the drift stays unknown, and who is who."""

    shift_m: FloatArray
    left_m2: FloatArray
    thing: NDArray[np.int64]
    hit: NDArray[np.int64]


def align(predicted: Predicted, hits: FrameHits, drift_m2: FloatArray) -> Alignment:
    """Find the shift and the assignment of least total cost; `drift_m2` (2, 2) says how far the frame can lie off."""
    best: tuple[float, Alignment] | None = None
    if len(predicted.place_m) and len(hits.place_m):
        pairs = _Pairs.within_reach(predicted, hits, drift_m2)
        inverse = inverse_2x2(drift_m2)
        for shift, left in _shifts(pairs, drift_m2):
            cost, found = _assigned(pairs, shift, left)
            cost += float(shift @ inverse @ shift)
            if best is None or cost < best[0] - 1e-9:
                best = cost, found
    if best is None:
        none = np.zeros(0, dtype=np.int64)
        return Alignment(shift_m=np.zeros(2), left_m2=drift_m2, thing=none, hit=none)
    return best[1]


@dataclasses.dataclass(frozen=True, slots=True)
class _Pairs:
    """Predictions and hits that some shift could bring together, by thing, then hit: columns of shape (m,)."""

    thing: NDArray[np.int64]
    hit: NDArray[np.int64]
    columns: FloatArray
    """Shape (4, m): metres east and north from where the thing is expected to the hit, mean variance on an axis of what
    is either's own, and what the pairing costs if their classes differ."""
    anchors: NDArray[np.int64]
    """Things that are known best, the best first."""
    things_m2: FloatArray
    """Covariances of all things, and below of what is each hit's own: shape (4, k) and (4, n), as `_flat` has them."""
    own_m2: FloatArray

    @classmethod
    def within_reach(cls, predicted: Predicted, hits: FrameHits, drift_m2: FloatArray) -> _Pairs:
        """Leave out what even a shift at its gate leaves outside the gate of the pair."""
        things_m2, own_m2 = _flat(predicted.cov_m2), _flat(hits.own_m2)
        of_thing, of_hit = things_m2[0] + things_m2[3], own_m2[0] + own_m2[3]
        drift, own = float(drift_m2[0, 0] + drift_m2[1, 1]), float(of_thing.max() + of_hit.max())
        reach = math.sqrt(GATE_D2) * (math.sqrt(drift) + math.sqrt(own / 2.0) + math.sqrt(own + drift))
        things_m, hits_m = (np.ascontiguousarray(place.T) for place in (predicted.place_m, hits.place_m))
        thing, hit = _near(things_m, hits_m, reach)
        columns = np.empty((4, len(thing)))
        np.subtract(hits_m.take(hit, axis=1), things_m.take(thing, axis=1), out=columns[:2])
        columns[2] = (of_thing[thing] + of_hit[hit]) / 2.0
        columns[3] = OTHER_CLASS_D2 * (predicted.class_code[thing] != hits.class_code[hit])
        anchors = ((of_thing + of_hit.min()) / 2.0).argsort(kind="stable")[:ANCHORS_MAX]
        return cls(thing, hit, columns, anchors, things_m2, own_m2)

    def of_anchors(self) -> FloatArray:
        """Return the columns of each anchor's pairs, shape (4, most, anchors); padding costs endlessly much."""
        first = self.thing.searchsorted(self.anchors)
        count = self.thing.searchsorted(self.anchors, side="right") - first
        ahead = np.arange(max(int(count.max()), 1))[:, None]
        beyond = ahead >= count
        columns = self.columns.take(np.where(beyond, 0, first + ahead), axis=1)
        columns[3, beyond] = np.inf
        return columns


def _flat(cov_m2: FloatArray) -> FloatArray:
    """Return covariances (n, 2, 2) as rows (4, n) of their numbers: what is worked out of them is a few long sums."""
    return np.ascontiguousarray(cov_m2.reshape(-1, 4).T)


def _near(things_m: FloatArray, hits_m: FloatArray, reach_m: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which things and hits lie no further apart than a reach, by thing, then hit: some things at a time.

    Places are east and north, shapes (2, k) and (2, n). Squares of distances are |t|^2 - 2 t.h + |h|^2, a product of
    matrices, with some slack for its rounding; those few that are near are then measured by their differences.
    """
    things, count = things_m.shape[1], hits_m.shape[1]
    of_things, of_hits = np.ones((things, 4)), np.ones((4, count))
    np.multiply(things_m.T, -2.0, out=of_things[:, :2])
    (things_m * things_m).sum(axis=0, out=of_things[:, 2])
    of_hits[:2] = hits_m
    (hits_m * hits_m).sum(axis=0, out=of_hits[3])
    limit = reach_m**2 + ROUNDING * (float(of_things[:, 2].max()) + float(of_hits[3].max()))
    some = max(1, TABLE_MAX // count)
    flat = [
        (of_things[first : first + some] @ of_hits <= limit).ravel().nonzero()[0] + first * count
        for first in range(0, things, some)
    ]
    both = flat[0] if len(flat) == 1 else np.concatenate(flat)
    thing = both // count
    hit = both - thing * count
    apart = hits_m.take(hit, axis=1) - things_m.take(thing, axis=1)
    apart *= apart
    inside = apart[0] + apart[1] <= reach_m**2
    return (thing, hit) if inside.all() else (thing[inside], hit[inside])


def _shifts(pairs: _Pairs, drift_m2: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
    """Return the few most promising shifts, each refined by the mean of what falls together (a Kalman update)."""
    if not len(pairs.thing):
        return []
    columns = pairs.of_anchors()
    near, spread, penalty = columns[:2], columns[2], columns[3]
    proposals, price = _proposals(near[:, penalty == 0.0], drift_m2)
    gaps = _gaps(columns, proposals)
    least = gaps.min(axis=0)
    best = (np.minimum(least, GATE_D2).sum(axis=1) + price).argsort(kind="stable")[:TRIED_MAX]
    fits, nearest = least[best] < GATE_D2, gaps[:, best].argmin(axis=0)
    refined: dict[bytes, tuple[FloatArray, FloatArray]] = {}
    for fit, place in zip(fits, nearest, strict=True):
        pairing = np.where(fit, place, -1).tobytes()  # the same things and hits fall together: the same shift
        some = fit.nonzero()[0]
        if not len(some) or pairing in refined:
            continue
        chosen = place[some]
        noise = spread[chosen, some].mean() / len(some)
        gain = drift_m2 @ inverse_2x2(drift_m2 + noise * _EYE)
        shift = gain @ near[:, chosen, some].mean(axis=1)
        if all(abs(shift - other).max() > SAME_M for other, _ in refined.values()):
            refined[pairing] = shift, drift_m2 - gain @ drift_m2
    return list(refined.values())


def _gaps(columns: FloatArray, proposals_m: FloatArray) -> FloatArray:
    """Return |near - proposal|^2 / spread + penalty, shape (most, proposals, anchors), as products of matrices.

    `columns` are those of `_Pairs.of_anchors`, and proposals are east and north. The least of each anchor's pairs is
    then that of whole tables, which numpy finds nine times as fast as that of short rows.
    """
    east_m, north_m, spread, penalty = columns
    parts = np.empty((len(spread), 4, spread.shape[1]))
    np.divide(east_m, spread, out=parts[:, 0])
    np.divide(north_m, spread, out=parts[:, 1])
    np.divide(1.0, spread, out=parts[:, 2])
    np.add((east_m * east_m + north_m * north_m) / spread, penalty, out=parts[:, 3])
    east, north = proposals_m
    weights = np.ones((len(east), 4))
    np.multiply(proposals_m.T, -2.0, out=weights[:, :2])
    np.add(east * east, north * north, out=weights[:, 2])
    return np.asarray(weights @ parts)


def _proposals(offset_m: FloatArray, drift_m2: FloatArray) -> tuple[FloatArray, FloatArray]:
    """No shift at all, and the likeliest of those offered, one of each cell, shape (2, n); and the price of each."""
    inverse = inverse_2x2(drift_m2)
    price = _squared((inverse[0, 0], inverse[0, 1], inverse[1, 1]), offset_m)
    inside = (price < GATE_D2).nonzero()[0]
    some, most = inside, 4 * PROPOSALS_MAX
    while True:
        if len(inside) > most:
            some = inside[price[inside] <= np.partition(price[inside], most)[most]]
        order = some[price[some].argsort(kind="stable")]
        cells = np.rint(offset_m[:, order] / GRID_M).astype(np.int64)
        first = _first_of_each(cells[0] * 1_000_003 + cells[1])
        if len(first) >= PROPOSALS_MAX or len(some) == len(inside):
            break
        some, most = inside, 4 * most
    order = order[first[:PROPOSALS_MAX]]
    none = np.zeros((3, 1))
    both = np.concatenate([none, np.concatenate([offset_m[:, order], price[None, order]])], axis=1)
    return both[:2], both[2]


def _first_of_each(number: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each number stands first, in order."""
    order = number.argsort(kind="stable")
    ordered = number[order]
    fresh = np.ones(len(number), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=fresh[1:])
    first = order[fresh]
    first.sort()
    return first


def _assigned(pairs: _Pairs, shift_m: FloatArray, left_m2: FloatArray) -> tuple[float, Alignment]:
    """Pairs inside the gate of least total cost (Munkres 1957), and that cost; who stays alone costs the gate.

    A pair whose thing and hit have no other choice is one; only the others are weighed against each other.
    """
    things, own_m2 = pairs.things_m2, pairs.own_m2 + left_m2.reshape(4, 1)
    east_north = pairs.columns[:2] - shift_m[:, None]
    squared = east_north * east_north
    widest = 2.0 * pairs.columns[2] + (left_m2[0, 0] + left_m2[1, 1])  # at least the largest variance anywhere
    near = (squared[0] + squared[1] < GATE_D2 * widest).nonzero()[0]
    thing, hit = pairs.thing[near], pairs.hit[near]
    spread = things.take(thing, axis=1) + own_m2.take(hit, axis=1)
    ee, en, ne, nn = spread
    determinant = ee * nn - en * ne
    inverse = nn / determinant, -en / determinant, ee / determinant
    d2 = _squared(inverse, east_north.take(near, axis=1)) + pairs.columns[3, near]
    gain = d2 + np.log(_determinant(spread) / _least_width(things, own_m2)) - 2.0 * GATE_D2
    inside = (d2 < GATE_D2) & (gain < 0.0)
    thing, hit, gain = thing[inside], hit[inside], gain[inside]
    kept = (np.bincount(thing, minlength=things.shape[1])[thing] == 1) & (np.bincount(hit)[hit] == 1)
    if not kept.all():
        rest = ~kept
        kept[rest] = _cheapest(thing[rest], hit[rest], gain[rest])
        thing, hit, gain = thing[kept], hit[kept], gain[kept]
    total = float(gain.sum()) + GATE_D2 * (things.shape[1] + own_m2.shape[1])
    return total, Alignment(shift_m=shift_m, left_m2=left_m2, thing=thing, hit=hit)


def _cheapest(thing: NDArray[np.int64], hit: NDArray[np.int64], gain: FloatArray) -> NDArray[np.bool_]:
    """Tell which pairs an assignment of least cost takes; leaving a pair out costs nothing."""
    row, column = _ranks(thing), _ranks(hit)
    table = np.zeros((row.max() + 1, column.max() + 1))
    table[row, column] = gain
    taken = np.zeros(table.shape, dtype=bool)
    taken[linear_sum_assignment(table)] = True
    return np.asarray(taken[row, column])


def _ranks(number: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each number's place among those that occur, in order."""
    occurs = np.zeros(number.max() + 1, dtype=np.int64)
    occurs[number] = 1
    return np.asarray((np.cumsum(occurs) - 1)[number])


def _squared(matrix: tuple[FloatArray, FloatArray, FloatArray], vector: FloatArray) -> FloatArray:
    """Return v' M v of symmetric matrices, given by what is east-east, east-north and north-north, and vectors (2, n)."""
    (ee, en, nn), (east, north) = matrix, vector
    return np.asarray(ee * (east * east) + nn * (north * north) + 2.0 * en * east * north)


def _determinant(flat: FloatArray) -> FloatArray:
    return np.asarray(flat[0] * flat[3] - flat[1] * flat[1])


def _least_width(things_m2: FloatArray, hits_m2: FloatArray) -> float:
    """Least determinant that the sum of any thing's covariance and any hit's can have (Minkowski's inequality)."""
    return float((np.sqrt(_determinant(things_m2).min()) + np.sqrt(_determinant(hits_m2).min())) ** 2)
