"""The lens model against its own definition and a brute-force inverse."""

import dataclasses

import numpy as np
import pytest
from scipy.optimize import root

from geo import camera
from geo.values import CameraModel


def test_pixels_round_trip_through_the_lens(lens, rng):
    pixels = rng.uniform((0, 0), (lens.width_px, lens.height_px), (5000, 2))
    x, y = camera.pixels_to_normalised(lens, pixels[:, 0], pixels[:, 1])
    np.testing.assert_allclose(camera.normalised_to_pixels(lens, x, y), pixels, atol=1e-6)


@pytest.mark.parametrize(("width_px", "height_px"), [(640, 512), (641, 513)])
def test_the_edge_of_a_picture_is_half_the_field_of_view_from_its_middle(width_px, height_px):
    ours = CameraModel.from_fov(hfov_deg=50.0, vfov_deg=40.0, width_px=width_px, height_px=height_px)
    x, y = camera.pixels_to_normalised(ours, np.array([0.0, width_px]), np.array([0.0, height_px]))
    np.testing.assert_allclose(np.degrees(np.arctan(x)), [-25.0, 25.0])
    np.testing.assert_allclose(np.degrees(np.arctan(y)), [-20.0, 20.0])


def test_undistort_agrees_with_a_general_root_finder(lens):
    x, y = camera.undistort(lens, np.array([0.4]), np.array([-0.3]))
    found = root(lambda p: np.ravel(camera.distort(lens, p[:1], p[1:])) - [0.4, -0.3], [0.4, -0.3], tol=1e-12)
    np.testing.assert_allclose([x[0], y[0]], found.x, atol=1e-9)


def test_distort_by_hand(lens):
    only_tangential = dataclasses.replace(lens, k1=0.0, k2=0.0)
    x, y = camera.distort(only_tangential, np.array([0.2]), np.array([0.1]))
    assert x[0] == pytest.approx(0.2 + 2 * 0.001 * 0.02 - 0.0008 * (0.05 + 0.08))
    assert y[0] == pytest.approx(0.1 + 0.001 * (0.05 + 0.02) + 2 * -0.0008 * 0.02)
    only_radial = dataclasses.replace(lens, p1=0.0, p2=0.0, k3=0.5)
    assert camera.distort(only_radial, np.array([1.0]), np.array([0.0]))[0][0] == pytest.approx(1 - 0.15 + 0.03 + 0.5)


def test_beyond_the_fold_of_the_lens_there_is_no_ray(lens):
    folding = dataclasses.replace(lens, k1=-0.4, k2=0.0, p1=0.0, p2=0.0)
    x, y = camera.undistort(folding, np.array([0.5, 0.7]), np.array([0.0, 0.0]))
    assert np.isfinite(x[0])
    assert np.isnan(x[1])
    assert np.isnan(y[1])
    assert np.isnan(camera.normalised_to_pixels(folding, np.array([1.5]), np.array([0.0]))).all()


def test_field_of_view(pinhole):
    assert camera.hfov_deg(pinhole) == pytest.approx(60.0)
