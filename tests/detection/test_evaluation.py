from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detection.evaluation import Labels, average_precisions, band_of, bands, evaluate, judge
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


def test_hand_worked_precision_and_recall() -> None:
    """Right, wrong, right of four truths above the limit; a fourth below it."""
    boxes = found((0, 0.9), (500, 0.8), (100, 0.7), (200, 0.6))
    result = evaluate([boxes], [labels([0, 100, 200, 300])], 0, score_min=0.65)
    assert (result.truths, result.recall) == (4, 0.5)
    assert result.precision == pytest.approx(2 / 3)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(0, 5))
@example([True] * 7, 3)
def test_average_precision_agrees_with_its_definition(right: list[bool], missed: int) -> None:
    """COCO: mean over 101 recall levels of the best precision at that recall or beyond (0 where it is not reached).

    A recall that is a level itself (7 of 10) may round to either side of it: one level more or less.
    """
    scores = np.linspace(0.95, 0.3, len(right))
    rows = [
        (50.0 * k if good else 50.0 * k + 100_000.0, s) for k, (good, s) in enumerate(zip(right, scores, strict=True))
    ]
    truths = [50.0 * k for k, good in enumerate(right) if good] + [-1000.0 - 50 * k for k in range(missed)]
    result = average_precisions([found(*rows)], [labels(truths)], ("person",))["person"]["all"]
    if not truths:
        assert math.isnan(result.ap50)
        return
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    recall = np.cumsum(right) / len(truths)
    short, full = (
        np.mean([precision[recall >= level + rounding].max(initial=0.0) for level in np.linspace(0.0, 1.0, 101)])
        for rounding in (1e-9, -1e-9)
    )
    assert short - 1e-6 <= result.ap50 <= full + 1e-6
    assert result.recall50 == pytest.approx(sum(right) / len(truths))


def test_bands_of_height_count_their_own_things_only() -> None:
    """A thing 6 px high is found, one 30 px high is not: each band says so of its own."""
    one = Detections(
        boxes_px=np.array([[0, 0, 4, 6]], dtype=np.float32),
        classes=np.zeros(1, dtype=np.int64),
        scores=np.array([0.9], dtype=np.float32),
    )
    true = Labels(
        boxes_px=np.array([[0, 0, 4, 6], [100, 100, 112, 130]], dtype=np.float64),
        classes=np.zeros(2, dtype=np.int64),
        counts=np.ones(2, dtype=bool),
    )
    result = average_precisions([one], [true], ("person",))["person"]
    assert (result["under 8 px"].truths, result["under 8 px"].ap50) == (1, pytest.approx(1.0))
    assert (result["over 20 px"].truths, result["over 20 px"].ap50) == (1, pytest.approx(0.0))
    assert math.isnan(result["8 to 12 px"].ap50)
    assert [name for name, *_ in bands()] == ["under 8 px", "8 to 12 px", "12 to 20 px", "over 20 px"]
    assert band_of(np.array([7.9, 8.0, 19.9, 20.0])).tolist() == [0, 1, 2, 3]


def test_no_boxes_at_all_score_zero() -> None:
    result = average_precisions([found()], [labels([0])], ("person",))["person"]["all"]
    assert (result.truths, result.ap50, result.recall50) == (1, 0.0, 0.0)


def test_a_second_box_on_a_thing_is_wrong_and_one_on_an_uncounted_thing_is_neither() -> None:
    twice = evaluate([found((0, 0.9), (1, 0.8))], [labels([0])], 0)
    assert (twice.precision, twice.recall) == (0.5, 1.0)
    spared = evaluate([found((0, 0.9), (100, 0.8), (101, 0.7))], [labels([0, 100], [True, False])], 0)
    assert (spared.precision, spared.recall, spared.truths) == (1.0, 1.0, 1)


def test_pictures_are_ranked_together() -> None:
    result = average_precisions([found((0, 0.5)), found((500, 0.9))], [labels([0]), labels([])], ("person",))
    assert result["person"]["all"].ap50 == pytest.approx(0.5)


def test_verdicts_name_the_box_that_found_each_thing() -> None:
    verdicts = judge([found((0, 0.9), (500, 0.8), (100, 0.7))], [labels([0, 100, 900])], 0)
    assert verdicts.right.tolist() == [True, False, True]
    assert np.allclose(verdicts.truth_score, [0.9, 0.7, 0.0])
