"""A frame laid over predictions: the assignment against one that weighs every pair with every other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from detection.frame_alignment import GATE_D2, OTHER_CLASS_D2, FrameHits, Predicted, align

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRIFT_M2 = 1e-9 * np.eye(2)
"""The frame lies where it is: what is left is who is who."""


def crowd(rng: np.random.Generator, count: int, off_m: float) -> tuple[Predicted, FrameHits]:
    """Things so near each other that many have more than one hit inside their gate, some hits gone and some new."""
    place = rng.uniform(0.0, 4.0 * np.sqrt(count), (count, 2))
    spread = rng.uniform(0.1, 0.6, count)[:, None, None] * np.array([[1.0, 0.2], [0.2, 0.7]])
    kept = rng.random(count) < 0.8
    seen = np.vstack([place[kept] + rng.normal(0.0, 0.5, (kept.sum(), 2)), rng.uniform(0.0, 4.0, (3, 2))])
    own = np.tile(0.12 * np.eye(2), (len(seen), 1, 1))
    return (
        Predicted(place_m=place + off_m, cov_m2=spread, class_code=rng.integers(0, 2, count)),
        FrameHits(place_m=seen + off_m, own_m2=own, class_code=rng.integers(0, 2, len(seen))),
    )


def dense(predicted: Predicted, hits: FrameHits) -> set[tuple[int, int]]:
    """Every pair in one table, by general linear algebra."""
    spread = predicted.cov_m2[:, None] + hits.own_m2[None]
    offset = hits.place_m[None] - predicted.place_m[:, None]
    d2 = np.einsum("ijk,ijkl,ijl->ij", offset, np.linalg.inv(spread), offset)
    d2 += np.where(predicted.class_code[:, None] != hits.class_code[None], OTHER_CLASS_D2, 0.0)
    root = [np.sqrt(np.linalg.det(cov).min()) for cov in (predicted.cov_m2, hits.own_m2)]
    cost = d2 + np.log(np.linalg.det(spread) / sum(root) ** 2) - 2.0 * GATE_D2
    table = np.where((d2 < GATE_D2) & (cost < 0.0), cost, 0.0)
    alone = np.zeros((len(table), len(table)))
    rows, columns = linear_sum_assignment(np.hstack([table, alone]))
    return {(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if j < len(hits.own_m2) and table[i, j] < 0.0}


@pytest.mark.parametrize("off_m", [0.0, 40_000.0])
@pytest.mark.parametrize("count", [1, 2, 7, 40, 150])
def test_pairs_are_those_of_one_table_of_all(rng: np.random.Generator, count: int, off_m: float) -> None:
    """Wherever they lie: distances as products of matrices lose digits far from where metres are counted from."""
    for _ in range(10):
        predicted, hits = crowd(rng, count, off_m)
        found = align(predicted, hits, DRIFT_M2)
        pairs: NDArray[np.int64] = np.column_stack([found.thing, found.hit])
        assert {(int(i), int(j)) for i, j in pairs} == dense(predicted, hits)


@pytest.mark.parametrize(("thing_m2", "hit_m2"), [(0.01, 4.0), (4.0, 0.01), (2.0, 2.0)])
@pytest.mark.parametrize(("share", "paired"), [(0.99, True), (1.01, False)])
def test_a_gate_is_as_wide_as_both_together(thing_m2: float, hit_m2: float, share: float, paired: bool) -> None:
    """Along one axis, where it is by hand: a pair is one while the square of its distance is inside the gate."""
    away_m = np.sqrt(share * GATE_D2 * (thing_m2 + hit_m2))
    one, code = np.zeros((1, 2)), np.zeros(1, dtype=np.int64)
    thing = Predicted(place_m=one, cov_m2=thing_m2 * np.eye(2)[None], class_code=code)
    hit = FrameHits(place_m=one + (0.0, away_m), own_m2=hit_m2 * np.eye(2)[None], class_code=code)
    assert len(align(thing, hit, DRIFT_M2).hit) == paired
