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
        things, seen = _Side.of_things(predicted), _Side.of_hits(hits)
        inverse = inverse_2x2(drift_m2)
        for shift, left in _shifts(_anchored(things, seen, drift_m2), drift_m2, inverse):
            cost, found = _assigned(things, seen, shift, left)
            cost += float(shift @ inverse @ shift)
            if best is None or cost < best[0] - 1e-9:
                best = cost, found
    if best is None:
        none = np.zeros(0, dtype=np.int64)
        return Alignment(shift_m=np.zeros(2), left_m2=drift_m2, thing=none, hit=none)
    return best[1]


@dataclasses.dataclass(frozen=True, slots=True)
class _Side:
    """Things, or hits, as rows of numbers: what is worked out of them is then a few long sums."""

    place_m: FloatArray
    """East and north, shape (2, n)."""
    cov_m2: FloatArray
    """Covariances east-east, east-north, north-east and north-north, shape (4, n)."""
    width_m2: FloatArray
    """Their variances east and north together: no direction has a larger one."""
    class_code: NDArray[np.int64]

    @classmethod
    def of_things(cls, predicted: Predicted) -> _Side:
        return cls._of(predicted.place_m, predicted.cov_m2, predicted.class_code)

    @classmethod
    def of_hits(cls, hits: FrameHits) -> _Side:
        return cls._of(hits.place_m, hits.own_m2, hits.class_code)

    @classmethod
    def _of(cls, place_m: FloatArray, cov_m2: FloatArray, class_code: NDArray[np.int64]) -> _Side:
        flat = np.ascontiguousarray(cov_m2.reshape(-1, 4).T)
        return cls(np.ascontiguousarray(place_m.T), flat, flat[0] + flat[3], class_code)


def _anchored(things: _Side, hits: _Side, drift_m2: FloatArray) -> FloatArray:
    """Return the hits that some shift could bring to each of the things that are known best, shape (4, most, anchors).

    Columns are metres east and north from where the thing is expected to the hit, mean variance on an axis of what is
    either's own, and what the pairing costs if their classes differ; padding costs endlessly much. What even a shift at
    its gate leaves outside the gate of the pair is left out.
    """
    drift, own = float(drift_m2[0, 0] + drift_m2[1, 1]), float(things.width_m2.max() + hits.width_m2.max())
    reach_m = math.sqrt(GATE_D2) * (math.sqrt(drift) + math.sqrt(own / 2.0) + math.sqrt(own + drift))
    anchors = ((things.width_m2 + hits.width_m2.min()) / 2.0).argsort(kind="stable")[:ANCHORS_MAX]
    away = (hits.place_m[:, None] - things.place_m.take(anchors, axis=1)[:, :, None]).reshape(2, -1)
    squared = away * away
    near = (squared[0] + squared[1] <= reach_m**2).nonzero()[0]
    anchor, hit = np.divmod(near, hits.place_m.shape[1])
    thing, count = anchors[anchor], np.bincount(anchor, minlength=len(anchors))
    columns = np.ones((4, int(count.max()), len(anchors)))
    columns[3] = np.inf
    place = (np.arange(len(hit)) - (np.cumsum(count) - count)[anchor]) * len(anchors) + anchor
    flat = columns.reshape(4, -1)
    flat[:2, place] = away.take(near, axis=1)
    flat[2, place] = (things.width_m2[thing] + hits.width_m2[hit]) / 2.0
    flat[3, place] = OTHER_CLASS_D2 * (things.class_code[thing] != hits.class_code[hit])
    return columns


def _near(things: _Side, hits: _Side, shift_m: FloatArray, left_m2: float) -> tuple[NDArray[np.int64], ...]:
    """Return which things and hits may lie inside the gate, once shifted, by thing, then hit: some things at a time.

    They do only where |h - s - t|^2 is less than the gate's share of either's variances and of what is left of the
    shift's. The squares are |t + s|^2 - 2 (t + s).h + |h|^2, a product of matrices, with some slack for its rounding.
    """
    count, some = hits.place_m.shape[1], max(1, TABLE_MAX // hits.place_m.shape[1])
    shifted = things.place_m + shift_m[:, None]
    of_things, of_hits = np.ones((shifted.shape[1], 4)), np.ones((4, count))
    np.multiply(shifted.T, -2.0, out=of_things[:, :2])
    of_hits[:2] = hits.place_m
    far, away = (np.add.reduce(place * place, axis=0) for place in (shifted, hits.place_m))
    np.subtract(far, GATE_D2 * things.width_m2, out=of_things[:, 2])
    np.subtract(away, GATE_D2 * (hits.width_m2 + left_m2), out=of_hits[3])
    slack = ROUNDING * float(far.max() + away.max())
    flat = [
        (of_things[first : first + some] @ of_hits < slack).ravel().nonzero()[0] + first * count
        for first in range(0, len(of_things), some)
    ]
    return np.divmod(flat[0] if len(flat) == 1 else np.concatenate(flat), count)


def _shifts(columns: FloatArray, drift_m2: FloatArray, inverse: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
    """Return the few most promising shifts, each refined by the mean of what falls together (a Kalman update).

    `columns` are those of `_anchored`; `inverse` is that of `drift_m2`.
    """
    if not columns.size:
        return []
    near, spread = columns[:2], columns[2]
    of_one_class = (columns[3].ravel() == 0.0).nonzero()[0]
    proposals, price = _proposals(near.reshape(2, -1).take(of_one_class, axis=1), inverse)
    gaps = _gaps(columns, proposals)
    least = gaps.min(axis=0)
    best = (np.minimum(least, GATE_D2).sum(axis=1) + price).argsort(kind="stable")[:TRIED_MAX]
    pairing = np.where(least[best] < GATE_D2, gaps[:, best].argmin(axis=0), -1)
    same = (pairing[:, None] == pairing).all(axis=2).argmax(axis=1)  # where the same fall together first
    refined: list[tuple[FloatArray, FloatArray]] = []
    for place in pairing[same == np.arange(len(same))]:
        fits = (place >= 0).nonzero()[0]
        if not len(fits):
            continue
        chosen = place[fits]
        noise = spread[chosen, fits].mean() / len(fits)
        gain = drift_m2 @ inverse_2x2(drift_m2 + noise * _EYE)
        shift = gain @ near[:, chosen, fits].mean(axis=1)
        if all(abs(shift - other).max() > SAME_M for other, _ in refined):
            refined.append((shift, drift_m2 - gain @ drift_m2))
    return refined


def _gaps(columns: FloatArray, proposals_m: FloatArray) -> FloatArray:
    """Return |near - proposal|^2 / spread + penalty, shape (most, proposals, anchors), as products of matrices.

    `columns` are those of `_anchored`, and proposals are east and north. The least of each anchor's pairs is
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


def _proposals(offset_m: FloatArray, inverse: FloatArray) -> tuple[FloatArray, FloatArray]:
    """No shift at all, and the likeliest of those offered, one of each cell, shape (2, n); and the price of each."""
    price = _squared((inverse[0, 0], inverse[0, 1], inverse[1, 1]), offset_m)
    inside = (price < GATE_D2).nonzero()[0]
    some, most = inside, 4 * PROPOSALS_MAX
    while True:
        if len(inside) > most:
            some = inside[price[inside] <= np.partition(price[inside], most)[most]]
        order = some[price[some].argsort(kind="stable")]
        cells = np.rint(offset_m.take(order, axis=1) / GRID_M).astype(np.int64)
        first = _first_of_each(cells[0] * 1_000_003 + cells[1])
        if len(first) >= PROPOSALS_MAX or len(some) == len(inside):
            break
        some, most = inside, 4 * most
    order = order[first[:PROPOSALS_MAX]]
    told = np.zeros((3, 1 + len(order)))
    told[:2, 1:], told[2, 1:] = offset_m.take(order, axis=1), price[order]
    return told[:2], told[2]


def _first_of_each(number: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each number stands first, in order."""
    order = number.argsort(kind="stable")
    ordered = number[order]
    fresh = np.ones(len(number), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=fresh[1:])
    first = order[fresh]
    first.sort()
    return first


def _assigned(things: _Side, hits: _Side, shift_m: FloatArray, left_m2: FloatArray) -> tuple[float, Alignment]:
    """Pairs inside the gate of least total cost (Munkres 1957), and that cost; who stays alone costs the gate.

    A pair whose thing and hit have no other choice is one; only the others are weighed against each other.
    """
    thing, hit = _near(things, hits, shift_m, float(left_m2[0, 0] + left_m2[1, 1]))
    away = hits.place_m.take(hit, axis=1) - things.place_m.take(thing, axis=1) - shift_m[:, None]
    own_m2 = hits.cov_m2 + left_m2.reshape(4, 1)
    spread = things.cov_m2.take(thing, axis=1) + own_m2.take(hit, axis=1)
    ee, en, ne, nn = spread
    determinant = ee * nn - en * ne
    inverse = nn / determinant, -en / determinant, ee / determinant
    d2 = _squared(inverse, away) + OTHER_CLASS_D2 * (things.class_code[thing] != hits.class_code[hit])
    gain = d2 + np.log(_determinant(spread) / _least_width(things.cov_m2, own_m2)) - 2.0 * GATE_D2
    inside = (d2 < GATE_D2) & (gain < 0.0)
    thing, hit, gain = thing[inside], hit[inside], gain[inside]
    kept = (np.bincount(thing)[thing] == 1) & (np.bincount(hit)[hit] == 1)
    if not kept.all():
        rest = ~kept
        kept[rest] = _cheapest(thing[rest], hit[rest], gain[rest])
        thing, hit, gain = thing[kept], hit[kept], gain[kept]
    total = float(gain.sum()) + GATE_D2 * (len(things.width_m2) + len(hits.width_m2))
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
    """Return v' M v of symmetric matrices, given by east-east, east-north and north-north, and vectors (2, n)."""
    (ee, en, nn), (east, north) = matrix, vector
    return np.asarray(ee * (east * east) + nn * (north * north) + 2.0 * en * east * north)


def _determinant(flat: FloatArray) -> FloatArray:
    return np.asarray(flat[0] * flat[3] - flat[1] * flat[1])


def _least_width(things_m2: FloatArray, hits_m2: FloatArray) -> float:
    """Least determinant that the sum of any thing's covariance and any hit's can have (Minkowski's inequality)."""
    return float((np.sqrt(_determinant(things_m2).min()) + np.sqrt(_determinant(hits_m2).min())) ** 2)
