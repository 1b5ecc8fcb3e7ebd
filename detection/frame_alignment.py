"""Lay one frame over what was predicted: one shift for all, then each hit to its thing.

Nearly all of a hit's error is the pose's, which is the same for all hits of a frame. Every pairing of a
prediction and a hit proposes a shift; the most promising few are refined and tried with a whole assignment,
and the one of least cost is taken.
"""

from __future__ import annotations

import dataclasses
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
    none = np.zeros(0, dtype=np.int64)
    if not len(predicted.place_m) or not len(hits.place_m):
        return Alignment(shift_m=np.zeros(2), left_m2=drift_m2, thing=none, hit=none)
    inverse = inverse_2x2(drift_m2)
    pairs = _Pairs.within_reach(predicted, hits, drift_m2)
    best: tuple[float, Alignment] | None = None
    for shift, left in _shifts(pairs, drift_m2):
        cost, found = _assigned(predicted, hits, pairs, shift, left)
        cost += float(shift @ inverse @ shift)
        if best is None or cost < best[0] - 1e-9:
            best = cost, dataclasses.replace(found, shift_m=shift)
    if best is None:
        return Alignment(shift_m=np.zeros(2), left_m2=drift_m2, thing=none, hit=none)
    return best[1]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Pairs:
    """Predictions and hits that some shift could bring together, by thing, then hit: columns of shape (m,)."""

    thing: NDArray[np.int64]
    hit: NDArray[np.int64]
    east_m: FloatArray
    """From where the thing is expected to the hit."""
    north_m: FloatArray
    penalty: FloatArray
    spread: FloatArray
    """Mean variance on an axis of what is either's own."""
    anchors: NDArray[np.int64]
    """Things that are known best, the best first."""

    @classmethod
    def within_reach(cls, predicted: Predicted, hits: FrameHits, drift_m2: FloatArray) -> _Pairs:
        """Leave out what even a shift at its gate leaves outside the gate of the pair."""
        of_thing, of_hit = (cov[:, 0, 0] + cov[:, 1, 1] for cov in (predicted.cov_m2, hits.own_m2))
        drift, own = float(drift_m2[0, 0] + drift_m2[1, 1]), float(of_thing.max() + of_hit.max())
        reach = np.sqrt(GATE_D2) * (np.sqrt(drift) + np.sqrt(own / 2.0) + np.sqrt(own + drift))
        things_m, hits_m = (np.ascontiguousarray(place.T) for place in (predicted.place_m, hits.place_m))
        thing, hit = _near(things_m, hits_m, float(reach))
        other = predicted.class_code[thing] != hits.class_code[hit]
        return cls(
            thing=thing,
            hit=hit,
            east_m=hits_m[0, hit] - things_m[0, thing],
            north_m=hits_m[1, hit] - things_m[1, thing],
            penalty=np.where(other, OTHER_CLASS_D2, 0.0),
            spread=(of_thing[thing] + of_hit[hit]) / 2.0,
            anchors=np.argsort((of_thing + of_hit.min()) / 2.0, kind="stable")[:ANCHORS_MAX],
        )

    def of_anchors(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Rows of each anchor's pairs, shape (most, anchors), and which of them are its own and no padding."""
        first = np.searchsorted(self.thing, self.anchors)
        count = np.searchsorted(self.thing, self.anchors, side="right") - first
        ahead = np.arange(max(int(count.max()), 1))[:, None]
        known = ahead < count
        return np.where(known, first + ahead, 0), known


def _near(things_m: FloatArray, hits_m: FloatArray, reach_m: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which things and hits lie no further apart than a reach, by thing, then hit: some things at a time.

    Places are east and north, shapes (2, k) and (2, n).
    """
    count = hits_m.shape[1]
    some, flat = max(1, TABLE_MAX // count), []
    for first in range(0, things_m.shape[1], some):
        here = things_m[:, first : first + some, None]
        apart, across = hits_m[0] - here[0], hits_m[1] - here[1]
        apart *= apart
        across *= across
        apart += across
        flat.append(np.flatnonzero(apart <= reach_m**2) + first * count)
    both = np.concatenate(flat)
    thing = both // count
    return thing, both - thing * count


def _shifts(pairs: _Pairs, drift_m2: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
    """Return the few most promising shifts, each refined by the mean of what falls together (a Kalman update)."""
    if not len(pairs.thing):
        return []
    row, known = pairs.of_anchors()
    spread, penalty = pairs.spread[row], np.where(known, pairs.penalty[row], np.inf)
    near = np.stack([pairs.east_m[row], pairs.north_m[row]])
    proposals, price = _proposals(near[:, penalty == 0.0].T, drift_m2)
    gaps = _gaps(near, spread, penalty, proposals)
    least = gaps.min(axis=0)
    cost = np.minimum(least, GATE_D2).sum(axis=1) + price
    refined: list[tuple[FloatArray, FloatArray]] = []
    for best in np.argsort(cost, kind="stable")[:TRIED_MAX]:
        fits = np.flatnonzero(least[best] < GATE_D2)
        if not len(fits):
            continue
        place = gaps[:, best, fits].argmin(axis=0)
        noise = spread[place, fits].mean() / len(fits)
        gain = drift_m2 @ inverse_2x2(drift_m2 + noise * np.eye(2))
        shift = gain @ near[:, place, fits].mean(axis=1)
        if all(abs(shift - other).max() > SAME_M for other, _ in refined):
            refined.append((shift, drift_m2 - gain @ drift_m2))
    return refined


def _gaps(near_m: FloatArray, spread: FloatArray, penalty: FloatArray, proposals_m: FloatArray) -> FloatArray:
    """Return |near - proposal|^2 / spread + penalty, shape (most, proposals, anchors), as products of matrices.

    `near_m` is east and north, shape (2, most, anchors), and proposals are rows. The least of each anchor's pairs is
    then that of whole tables, which numpy finds nine times as fast as that of short rows.
    """
    size = (near_m[0] * near_m[0] + near_m[1] * near_m[1]) / spread + penalty
    parts = np.stack([near_m[0] / spread, near_m[1] / spread, 1.0 / spread, size], axis=1)
    east, north = proposals_m.T
    weights = np.stack([-2.0 * east, -2.0 * north, east * east + north * north, np.ones(len(east))], axis=1)
    return np.asarray(weights @ parts)


def _proposals(offset_m: FloatArray, drift_m2: FloatArray) -> tuple[FloatArray, FloatArray]:
    """No shift at all, and the likeliest of those offered, one of each cell; and the price of each."""
    price = _squared(inverse_2x2(drift_m2), offset_m)
    inside = np.flatnonzero(price < GATE_D2)
    some, most = inside, 4 * PROPOSALS_MAX
    while True:
        if len(inside) > most:
            some = inside[price[inside] <= np.partition(price[inside], most)[most]]
        order = some[np.argsort(price[some], kind="stable")]
        cells = np.rint(offset_m[order] / GRID_M).astype(np.int64)
        _, first = np.unique(cells[:, 0] * 1_000_003 + cells[:, 1], return_index=True)
        if len(first) >= PROPOSALS_MAX or len(some) == len(inside):
            break
        some, most = inside, 4 * most
    order = order[np.sort(first)][:PROPOSALS_MAX]
    return np.vstack([np.zeros((1, 2)), offset_m[order]]), np.concatenate([[0.0], price[order]])


def _assigned(
    predicted: Predicted, hits: FrameHits, pairs: _Pairs, shift_m: FloatArray, left_m2: FloatArray
) -> tuple[float, Alignment]:
    """Pairs inside the gate of least total cost (Munkres 1957), and that cost; who stays alone costs the gate.

    A pair whose thing and hit have no other choice is one; only the others are weighed against each other.
    """
    things, own_m2 = predicted.cov_m2, hits.own_m2 + left_m2
    east, north = pairs.east_m - shift_m[0], pairs.north_m - shift_m[1]
    widest = 2.0 * pairs.spread + (left_m2[0, 0] + left_m2[1, 1])  # at least the largest variance in any direction
    near = np.flatnonzero(east * east + north * north < GATE_D2 * widest)
    thing, hit = pairs.thing[near], pairs.hit[near]
    spread = things[thing] + own_m2[hit]
    d2 = _squared(inverse_2x2(spread), np.stack([east[near], north[near]], axis=1)) + pairs.penalty[near]
    gain = d2 + np.log(_determinant(spread) / _least_width(things, own_m2)) - 2.0 * GATE_D2
    inside = (d2 < GATE_D2) & (gain < 0.0)
    thing, hit, gain = thing[inside], hit[inside], gain[inside]
    alone = (np.bincount(thing, minlength=len(things))[thing] == 1) & (np.bincount(hit)[hit] == 1)
    kept = alone.copy()
    if not alone.all():
        kept[~alone] = _cheapest(thing[~alone], hit[~alone], gain[~alone])
    total = float(gain[kept].sum()) + GATE_D2 * (len(things) + len(own_m2))
    return total, Alignment(shift_m=np.zeros(2), left_m2=left_m2, thing=thing[kept], hit=hit[kept])


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


def _squared(matrix: FloatArray, vector: FloatArray) -> FloatArray:
    """Return v' M v of symmetric matrices, shape (n, 2, 2) or one for all, and vectors (n, 2)."""
    east, north = vector[:, 0], vector[:, 1]
    crossed = 2.0 * matrix[..., 0, 1] * east * north
    return np.asarray(matrix[..., 0, 0] * east**2 + matrix[..., 1, 1] * north**2 + crossed)


def _determinant(cov: FloatArray) -> FloatArray:
    return np.asarray(cov[..., 0, 0] * cov[..., 1, 1] - cov[..., 0, 1] ** 2)


def _least_width(things_m2: FloatArray, hits_m2: FloatArray) -> float:
    """Least determinant that the sum of any thing's covariance and any hit's can have (Minkowski's inequality)."""
    return float((np.sqrt(_determinant(things_m2).min()) + np.sqrt(_determinant(hits_m2).min())) ** 2)
