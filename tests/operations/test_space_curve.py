from __future__ import annotations

import numpy as np
import pytest

from operations.space_curve import curve_order, hilbert_index


@pytest.mark.parametrize("order", [1, 2, 5])
def test_the_curve_meets_every_cell_once_and_goes_from_neighbour_to_neighbour(order):
    side = 1 << order
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(side), np.arange(side)))
    place = hilbert_index(x, y, order)
    assert sorted(place.tolist()) == list(range(side * side))
    along = np.argsort(place)
    steps = np.abs(np.diff(x[along])) + np.abs(np.diff(y[along]))
    assert (steps == 1).all()


def test_rows_are_ordered_by_cell_then_time_and_those_without_a_place_come_last(rng):
    lat, lon = 50 + rng.random(500), 8 + rng.random(500)
    lat[::7] = np.nan
    t_ns = rng.integers(0, 10**9, 500)
    rows = curve_order(lat, lon, t_ns)
    assert sorted(rows.tolist()) == list(range(500))
    without = np.isnan(lat[rows])
    assert not without[: 500 - without.sum()].any()
    assert (np.diff(t_ns[rows][without]) >= 0).all()


def test_rows_of_one_place_are_in_order_of_time(rng):
    t_ns = rng.integers(0, 10**9, 50)
    rows = curve_order(np.full(50, 50.0), np.full(50, 8.0), t_ns)
    assert (np.diff(t_ns[rows]) >= 0).all()


def test_a_box_of_ground_is_few_stretches_of_the_file(rng):
    """A tenth of each side holds a hundredth of the rows; in file order they lie in few runs, at random in many."""
    lat, lon = rng.random(20_000), rng.random(20_000)
    rows = curve_order(lat, lon, np.arange(20_000))

    def stretches(order):
        inside = (np.abs(lat[order] - 0.43) < 0.05) & (np.abs(lon[order] - 0.61) < 0.05)
        return int((np.diff(inside.astype(int)) == 1).sum())

    assert stretches(rows) * 5 < stretches(np.arange(20_000))


def test_nothing_is_ordered_to_nothing():
    assert len(curve_order(np.zeros(0), np.zeros(0), np.zeros(0, np.int64))) == 0
