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
    residual = hits.place_m[None] - predicted.place_m[:, None]
    penalty = np.where(predicted.class_code[:, None] == hits.class_code[None], 0.0, OTHER_CLASS_D2)
    spread = (np.trace(predicted.cov_m2, axis1=1, axis2=2)[:, None] + np.trace(hits.own_m2, axis1=1, axis2=2)) / 2.0
    inverse = inverse_2x2(drift_m2)
    best: tuple[float, Alignment] | None = None
    for shift, left in _shifts(residual, penalty, spread, drift_m2):
        cost, found = _assigned(predicted, hits, residual - shift, penalty, left)
        cost += float(shift @ inverse @ shift)
        if best is None or cost < best[0] - 1e-9:
            best = cost, dataclasses.replace(found, shift_m=shift)
    if best is None:
        return Alignment(shift_m=np.zeros(2), left_m2=drift_m2, thing=none, hit=none)
    return best[1]


def _shifts(
    residual: FloatArray, penalty: FloatArray, spread: FloatArray, drift_m2: FloatArray
) -> list[tuple[FloatArray, FloatArray]]:
    """Return the few most promising shifts, each refined by the mean of what falls together (a Kalman update)."""
    inverse = inverse_2x2(drift_m2)
    anchors = np.argsort(spread.min(axis=1), kind="stable")[:ANCHORS_MAX]
    proposals = residual[anchors][penalty[anchors] == 0.0]
    price = ((proposals @ inverse) * proposals).sum(axis=1)
    near = price < GATE_D2
    proposals, price = proposals[near], price[near]
    order = np.argsort(price, kind="stable")
    cells = np.rint(proposals[order] / GRID_M).astype(np.int64)
    _, first = np.unique(cells[:, 0] * 1_000_003 + cells[:, 1], return_index=True)
    order = order[np.sort(first)][:PROPOSALS_MAX]
    proposals = np.vstack([np.zeros((1, 2)), proposals[order]])
    price = np.concatenate([[0.0], price[order]])
    near_residual, near_spread = residual[anchors], spread[anchors]
    gaps = ((near_residual[None] - proposals[:, None, None]) ** 2).sum(axis=-1) / near_spread + penalty[anchors]
    least = gaps.min(axis=2)
    cost = np.minimum(least, GATE_D2).sum(axis=1) + price
    refined: list[tuple[FloatArray, FloatArray]] = []
    for row in np.argsort(cost, kind="stable")[:TRIED_MAX]:
        fits = np.flatnonzero(least[row] < GATE_D2)
        if not len(fits):
            continue
        hit = gaps[row, fits].argmin(axis=1)
        noise = near_spread[fits, hit].mean() / len(fits)
        gain = drift_m2 @ inverse_2x2(drift_m2 + noise * np.eye(2))
        shift = gain @ near_residual[fits, hit].mean(axis=0)
        if all(abs(shift - other).max() > SAME_M for other, _ in refined):
            refined.append((shift, drift_m2 - gain @ drift_m2))
    return refined


def _assigned(
    predicted: Predicted, hits: FrameHits, residual: FloatArray, penalty: FloatArray, left_m2: FloatArray
) -> tuple[float, Alignment]:
    """Pairs inside the gate of least total cost (Munkres 1957), and that cost; who stays alone costs the gate."""
    spread = predicted.cov_m2[:, None] + (hits.own_m2 + left_m2)[None]
    inverse = inverse_2x2(spread)
    d2 = np.einsum("kji,kjil,kjl->kj", residual, inverse, residual)
    width = spread[..., 0, 0] * spread[..., 1, 1] - spread[..., 0, 1] ** 2
    cost = d2 + penalty + np.log(width / width.min())
    open_gate = d2 + penalty < GATE_D2
    left, right = linear_sum_assignment(np.where(open_gate, cost - 2.0 * GATE_D2, 0.0))
    kept = open_gate[left, right]
    thing, hit = left[kept].astype(np.int64), right[kept].astype(np.int64)
    alone = len(residual) + residual.shape[1] - 2 * len(thing)
    total = float(cost[thing, hit].sum() + GATE_D2 * alone)
    return total, Alignment(shift_m=np.zeros(2), left_m2=left_m2, thing=thing, hit=hit)
