from __future__ import annotations

import numpy as np
import pytest

from detection.errors import ModelError
from detection.model_output import Filter, Layout, layout_of, read_output


def test_layouts_are_told_apart() -> None:
    assert layout_of((1, 300, 6), 2, "m") is Layout.END2END
    assert layout_of((1, 84, 8400), 80, "m") is Layout.RAW
    assert layout_of((None, 6, 8400), 2, "m") is Layout.RAW


@pytest.mark.parametrize("shape", [(1, 85, 8400), (1, 1000), (1, 8400, 84), (1, 3, 80, 80)])
def test_another_shape_is_refused_saying_expected_and_actual(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match=r"m\.onnx: the model's output has shape .*expected .*84") as caught:
        layout_of(shape, 80, "m.onnx")
    assert str(shape).replace(",)", ")") in caught.value.message


@pytest.mark.parametrize("odd", [False, True])
def test_boxes_count_from_the_least_score_on_beside_odd_numbers_too(odd: bool) -> None:
    scores = [0.9, 0.5, 0.27, 0.28, 0.05] + [np.nan] * odd
    rows = np.array([(10.0 * k, 1, 10.0 * k + 5, 9, score, 0) for k, score in enumerate(scores)], dtype=np.float32)
    found = read_output(rows, Layout.END2END, 2, Filter(score_min=0.28))
    assert found.scores.tolist() == pytest.approx([0.9, 0.5, 0.28])
    assert found.boxes_px[:, 0].tolist() == [0.0, 10.0, 30.0]
    assert len(found.problems) == odd


def test_rows_with_nan_and_infinity_are_dropped_with_a_problem() -> None:
    rows = np.array(
        [
            [1, 1, 5, 9, 0.9, 0],
            [np.nan, 1, 5, 9, 0.9, 0],
            [1, 1, np.inf, 9, 0.9, 0],
            [1, 1, 5, 9, np.nan, 0],
            [1, 1, 5, 9, 0.9, np.nan],
            [5, 1, 1, 9, 0.9, 0],
            [1, 1, 5, 9, 0.9, 7],
        ],
        dtype=np.float32,
    )
    found = read_output(rows, Layout.END2END, 2, Filter())
    assert found.boxes_px.tolist() == [[1, 1, 5, 9]]
    assert found.problems == (
        "3 boxes with numbers that are not finite were dropped",
        "3 boxes without area or of no known class were dropped",
    )


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_thing_named_several_times_is_one(count: int) -> None:
    rows = np.array([[1, 1, 5, 9, 0.9 - 0.1 * k, 0] for k in range(count)], dtype=np.float32).reshape(-1, 6)
    found = read_output(rows, Layout.END2END, 1, Filter())
    assert found.boxes_px.tolist() == [[1, 1, 5, 9]] * min(count, 1)
    assert found.scores.tolist() == rows[:1, 4].tolist()
    assert (found.boxes_px.dtype, found.scores.dtype, found.classes.dtype) == (np.float32, np.float32, np.int64)


def test_a_hundred_thousand_boxes_are_cut_to_the_best(rng: np.random.Generator) -> None:
    scores = rng.permutation(np.linspace(0.41, 0.99, 100_000))
    corner = 5.0 * np.column_stack(np.divmod(np.arange(100_000), 400))
    rows = np.column_stack([corner, corner + 5, scores, np.zeros(100_000)]).astype(np.float32)
    found = read_output(rows, Layout.END2END, 1, Filter(boxes_max=200))
    assert len(found.scores) == 200
    assert np.array_equal(found.scores, np.sort(rows[:, 4])[::-1][:200])
    assert found.problems == ("100000 boxes in one picture: only the best 200 were kept",)


def test_a_thing_that_a_model_names_twice_is_one_and_neighbours_are_two() -> None:
    rows = np.array(
        [
            [92, 35, 95, 44, 0.56, 0],
            [92, 35, 96, 45, 0.50, 0],  # the same person again
            [92, 35, 95, 44, 0.45, 1],  # another class at the same place
            [95, 35, 98, 44, 0.40, 0],  # who stands beside
        ],
        dtype=np.float32,
    )
    found = read_output(rows, Layout.END2END, 2, Filter(score_min=0.25))
    assert found.scores.tolist() == pytest.approx([0.56, 0.45, 0.40])
    assert found.classes.tolist() == [0, 1, 0]


def test_raw_columns_become_corner_boxes_after_suppression() -> None:
    columns = np.array(
        [
            # centre x, centre y, width, height, person, vehicle
            [50, 50, 20, 40, 0.9, 0.1],
            [51, 50, 20, 40, 0.8, 0.1],  # the same person again
            [52, 50, 20, 40, 0.1, 0.7],  # another class at the same place
            [10, 10, 4, 4, 0.2, 0.1],  # too unsure
        ],
        dtype=np.float32,
    ).T
    found = read_output(columns, Layout.RAW, 2, Filter(score_min=0.25, overlap_max=0.5))
    assert found.boxes_px.tolist() == [[40, 30, 60, 70], [42, 30, 62, 70]]
    assert found.classes.tolist() == [0, 1]
    assert np.allclose(found.scores, [0.9, 0.7])
