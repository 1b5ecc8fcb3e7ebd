"""The line of sight against a ridge worked out by hand, and against brute force over random ground."""

import numpy as np
import pytest

from geo.line_of_sight import AT_ONCE, stands_above_m, steps


def at(height_m):
    """Return how far ground of a height stands above places, in a plane."""
    return lambda x, y, z, share: height_m(x, y) - z


def test_a_ridge_half_way_stands_above_the_line_by_what_the_triangle_says():
    eye = (np.zeros(1), np.zeros(1), np.full(1, 100.0))
    target = (np.full(1, 1000.0), np.zeros(1), np.zeros(1))
    ridge = at(lambda x, y: np.where(np.abs(x - 500.0) < 20.0, 80.0, -500.0))
    line_m = 100.0 - 0.1 * 517.5  # the lowest place looked at over the ridge
    assert stands_above_m(ridge, eye, target, count=200)[0] == pytest.approx(80.0 - line_m)
    assert stands_above_m(ridge, eye, target, count=200, part=(0.6, 1.0))[0] < 0.0


def test_unknown_ground_hides_nothing():
    eye, target = (np.zeros(3), np.zeros(3), np.zeros(3)), (np.ones(3), np.ones(3), np.zeros(3))
    seen = stands_above_m(at(lambda x, y: np.where(x < 0.5, np.nan, -2.0)), eye, target, count=10)
    assert np.allclose(seen, -2.0)
    assert np.isneginf(stands_above_m(at(lambda x, y: x * np.nan), eye, target, count=10)).all()


@pytest.mark.parametrize("lines", [7, AT_ONCE + 3])
def test_many_lines_and_few_are_looked_along_alike(lines):
    rng = np.random.default_rng(3)
    eye, target = (tuple(rng.uniform(-1.0, 1.0, (3, lines))) for _ in range(2))
    found = stands_above_m(at(lambda x, y: np.sin(9.0 * x) * np.cos(7.0 * y)), eye, target, count=5)
    share = ((np.arange(5) + 0.5) / 5)[:, None, None]
    x, y, z = np.moveaxis(np.array(eye) + share * (np.array(target) - np.array(eye)), 1, 0)
    assert np.allclose(found, (np.sin(9.0 * x) * np.cos(7.0 * y) - z).max(axis=0))


def test_a_long_line_is_looked_at_in_steps_of_fifteen_metres():
    assert steps(np.array([10.0, 151.0])) == 11
    assert steps(0.0) == 1
