"""Columns at other times: by hand, across north, and where a row does not know."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sitl.between_rows import between_rows

ROWS_S = np.array([0.0, 1.0, 2.0, 3.0, 4.0])


@pytest.mark.parametrize(("values", "turns", "by_hand"), [
    ((0.0, 10.0, 20.0, 30.0, 40.0), False, (5.0, 25.0, 40.0)),
    ((330.0, 340.0, 350.0, 10.0, 20.0), True, (335.0, 0.0, 20.0)),  # across north, not through south
    ((math.nan, math.nan, 350.0, 10.0, 20.0), True, (math.nan, 0.0, 20.0)),
    ((0.0, math.nan, math.nan, 30.0, 40.0), False, (5.0, 25.0, 40.0)),
    ((math.nan,) * 5, True, (math.nan,) * 3),
])  # fmt: skip
def test_a_column_between_its_rows(values, turns, by_hand):
    made = between_rows(np.array([0.5, 2.5, 4.0]), ROWS_S, np.array(values), turns=turns)
    off = (made - by_hand + 180.0) % 360.0 - 180.0
    assert np.isnan(made).tolist() == np.isnan(by_hand).tolist()
    assert off[~np.isnan(made)] == pytest.approx(0.0, abs=1e-9)
