"""CE90 and LE90 against brute force."""

import numpy as np
import pytest
from scipy.stats import chi2, norm

from geo import accuracy


def test_round_and_flat_errors_have_closed_forms():
    assert accuracy.ce90_m(4.0, 4.0, 0.0) == pytest.approx(2.0 * np.sqrt(chi2.ppf(0.9, 2)), rel=1e-7)
    assert accuracy.ce90_m(4.0, 0.0, 0.0) == pytest.approx(2.0 * norm.ppf(0.95), rel=1e-7)
    assert accuracy.ce90_m(0.0, 0.0, 0.0) == 0.0
    assert accuracy.le90_m(9.0) == pytest.approx(3.0 * norm.ppf(0.95))


@pytest.mark.parametrize("minor", [0.02, 0.1, 0.35, 0.6, 0.9])
@pytest.mark.parametrize("turn_deg", [0.0, 30.0, 120.0])
def test_circle_holds_ninety_per_cent(minor, turn_deg, rng):
    turn = np.radians(turn_deg)
    axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = rng.normal(size=(400_000, 2)) * [1.0, minor] @ axes.T
    cov = axes @ np.diag([1.0, minor**2]) @ axes.T
    radius = accuracy.ce90_m(cov[0, 0], cov[1, 1], cov[0, 1])
    assert np.mean(np.hypot(*points.T) <= radius) == pytest.approx(0.9, abs=0.002)


def test_ellipse_holds_ninety_per_cent_and_points_along_the_spread(rng):
    turn = np.radians(35.0)
    axes = np.array([[np.sin(turn), -np.cos(turn)], [np.cos(turn), np.sin(turn)]])
    points = rng.normal(size=(400_000, 2)) * [5.0, 1.5] @ axes.T
    cov = axes @ np.diag([25.0, 2.25]) @ axes.T
    major, minor, azimuth = accuracy.error_ellipse(cov[0, 0], cov[1, 1], cov[0, 1])
    assert azimuth == pytest.approx(35.0)
    inside = np.hypot(*(points @ axes / [major, minor]).T) <= 1.0
    assert np.mean(inside) == pytest.approx(0.9, abs=0.002)


def test_axes_and_azimuth_are_those_of_the_eigenvectors_all_round(rng):
    turns, minors = rng.uniform(0.0, np.pi, 200), rng.uniform(0.1, 0.9, 200)
    for turn, minor in zip(turns, minors, strict=True):
        axes = np.array([[np.sin(turn), -np.cos(turn)], [np.cos(turn), np.sin(turn)]])  # east, north of the major one
        cov = axes @ np.diag([1.0, minor**2]) @ axes.T
        values, vectors = np.linalg.eigh(cov)
        east, north = vectors[:, -1]
        major, least, azimuth = accuracy.error_ellipse(cov[0, 0], cov[1, 1], cov[0, 1])
        assert 0.0 <= azimuth < 180.0
        assert azimuth == pytest.approx(np.degrees(np.arctan2(east, north)) % 180.0, abs=1e-6)
        assert [least, major] == pytest.approx(np.sqrt(values * chi2.ppf(0.9, 2)))


def test_arrays_and_unknowns_pass_through():
    radius = accuracy.ce90_m(np.array([1.0, np.nan]), np.array([1.0, 1.0]), np.zeros(2))
    assert radius[0] == pytest.approx(2.1460, abs=1e-4)
    assert np.isnan(radius[1])
