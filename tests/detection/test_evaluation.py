from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.evaluation import Labels, evaluate
from detection.values import Detections

if TYPE_CHECKING:
    from collections.abc import Sequence


def found(*rows: tuple[float, float]) -> Detections:
    """Boxes 10 wide at the x given, with their scores."""
    x = np.array([row[0] for row in rows], dtype=np.float32)
    return Detections(
        boxes_px=np.stack([x, 0 * x, x + 10, 0 * x + 10], axis=1).reshape(-1, 4),
        classes=np.zeros(len(rows), dtype=np.int64),
        scores=np.array([row[1] for row in rows], dtype=np.float32),
    )


def labels(places: Sequence[float], counts: Sequence[bool] | None = None) -> Labels:
    x = np.array(places, dtype=np.float64)
    return Labels(
        boxes_px=np.stack([x, 0 * x, x + 10, 0 * x + 10], axis=1).reshape(-1, 4),
        classes=np.zeros(len(x), dtype=np.int64),
        counts=np.array(counts if counts is not None else [True] * len(x), dtype=bool),
    )


def test_a_hand_worked_precision_recall_curve() -> None:
    """Right, wrong, right, right of four truths: envelope 1, 3/4, 3/4 at recalls 1/4, 2/4, 3/4."""
    result = evaluate(
        [found((0, 0.9), (500, 0.8), (100, 0.7), (200, 0.6))], [labels([0, 100, 200, 300])], 0, score_min=0.65
    )
    assert result.truths == 4
    assert result.average_precision == pytest.approx((1.0 + 0.75 + 0.75) / 4.0)
    assert result.precision == pytest.approx(2 / 3)
    assert result.recall == pytest.approx(0.5)


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(0, 5))
def test_area_agrees_with_its_definition(right: list[bool], missed: int) -> None:
    """All-point average precision: for each truth found, the best precision at that recall or beyond."""
    scores = np.linspace(0.95, 0.3, len(right))
    rows = [
        (50.0 * k if good else 50.0 * k + 100_000.0, s) for k, (good, s) in enumerate(zip(right, scores, strict=True))
    ]
    truths = [50.0 * k for k, good in enumerate(right) if good] + [-1000.0 - 50 * k for k in range(missed)]
    result = evaluate([found(*rows)], [labels(truths)], 0)
    if not truths:
        assert math.isnan(result.average_precision)
        return
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    expected = sum(precision[k:].max() for k, good in enumerate(right) if good) / len(truths)
    assert result.average_precision == pytest.approx(expected)


def test_a_second_box_on_a_thing_is_wrong_and_one_on_an_uncounted_thing_is_neither() -> None:
    twice = evaluate([found((0, 0.9), (1, 0.8))], [labels([0])], 0)
    assert (twice.precision, twice.recall) == (0.5, 1.0)
    spared = evaluate([found((0, 0.9), (100, 0.8), (101, 0.7))], [labels([0, 100], [True, False])], 0)
    assert (spared.precision, spared.recall, spared.truths) == (1.0, 1.0, 1)


def test_pictures_are_ranked_together() -> None:
    result = evaluate([found((0, 0.5)), found((500, 0.9))], [labels([0]), labels([])], 0)
    assert result.average_precision == pytest.approx(0.5)
