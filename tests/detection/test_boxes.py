from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.boxes import Overlap, overlap, suppress

SIDE = st.integers(0, 800).map(lambda eighths: eighths / 8.0)


@st.composite
def boxes(draw: st.DrawFn, most: int = 12) -> np.ndarray:
    rows = draw(st.lists(st.tuples(SIDE, SIDE, SIDE, SIDE), max_size=most))
    corners = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return np.hstack([np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])])


@settings(deadline=None)
@given(boxes(), boxes())
def test_overlap_agrees_with_polygon_areas(a: np.ndarray, b: np.ndarray) -> None:
    left, right = shapely.box(*a.T), shapely.box(*b.T)
    shared = shapely.area(shapely.intersection(left[:, None], right[None]))
    area_a, area_b = np.prod(a[:, 2:] - a[:, :2], axis=1), np.prod(b[:, 2:] - b[:, :2], axis=1)
    union = area_a[:, None] + area_b[None] - shared
    smaller = np.minimum(area_a[:, None], area_b[None])
    solid = smaller > 1e-6
    assert np.allclose(overlap(a, b)[solid], (shared[solid] / union[solid]), atol=1e-6)
    assert np.allclose(overlap(a, b, Overlap.SMALLER)[solid], shared[solid] / smaller[solid], atol=1e-6)


def test_boxes_without_area_share_nothing() -> None:
    flat = np.array([[3.0, 3.0, 3.0, 9.0]])
    assert overlap(flat, flat).tolist() == [[0.0]]


def brute_force(boxes_px: np.ndarray, scores: np.ndarray, classes: np.ndarray, threshold: float) -> list[int]:
    """Suppression as it is defined, one pair at a time."""
    kept: list[int] = []
    for row in sorted(range(len(scores)), key=lambda r: (-scores[r], r)):
        clear = [
            classes[k] != classes[row] or overlap(boxes_px[k : k + 1], boxes_px[row : row + 1])[0, 0] <= threshold
            for k in kept
        ]
        if all(clear):
            kept.append(row)
    return kept


@settings(deadline=None)
@given(boxes(most=25), st.floats(0.05, 0.95), st.randoms(use_true_random=False))
def test_suppression_agrees_with_its_definition(some: np.ndarray, threshold: float, random: object) -> None:
    rng = np.random.default_rng(len(some))
    scores, classes = rng.random(len(some)).round(1), rng.integers(0, 2, len(some))
    assert suppress(some, scores, classes, threshold=threshold).tolist() == brute_force(
        some, scores, classes, threshold
    )


def test_suppression_stops_at_the_limit() -> None:
    apart = np.array([[10.0 * k, 0.0, 10.0 * k + 5.0, 5.0] for k in range(9)])
    kept = suppress(apart, np.linspace(0.1, 0.9, 9), np.zeros(9, dtype=np.int64), threshold=0.5, most=4)
    assert kept.tolist() == [8, 7, 6, 5]


@pytest.mark.parametrize("by", list(Overlap))
def test_no_boxes_give_none(by: Overlap) -> None:
    none = np.zeros((0, 4))
    assert overlap(none, none, by).shape == (0, 0)
    assert suppress(none, np.zeros(0), np.zeros(0, dtype=np.int64), threshold=0.5, by=by).size == 0
