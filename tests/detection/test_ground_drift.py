"""Sums of comparisons between pictures, and where a link is missing."""

from __future__ import annotations

import numpy as np
import pytest

from detection.ground_drift import SAME_SHARE, GroundDrift
from detection.looks import Look, Looks, Shift
from geo.values import CameraModel

CAMERA = CameraModel.from_fov(hfov_deg=40.0, width_px=320, height_px=256)


@pytest.fixture
def drift(make_pose):
    shifts = [None, Shift(1.0, 0.5, 0.1), Shift(0.5, -0.5, 0.2), None, Shift(2.0, 0.0, 0.1)]
    return GroundDrift.of(
        Looks.of([Look(make_pose(t_utc_ns=10 * k), CAMERA, shift=shift) for k, shift in enumerate(shifts)])
    )


def test_places_wander_with_the_pictures(drift):
    at = drift.at(np.array([-5, 0, 10, 15, 20, 30, 40, 99]))
    assert at.tolist() == [[0, 0], [0, 0], [1, 0.5], [1, 0.5], [1.5, 0], [1.5, 0], [3.5, 0], [3.5, 0]]


def test_spread_grows_with_the_links_and_is_endless_without_one(drift):
    spread = drift.spread_m2(np.array([0, 0, 10, 20, 30]), np.array([10, 20, 20, 30, 40]))
    own = np.array([0.01, 0.05, 0.04, np.inf, 0.01])
    same = SAME_SHARE**2 * np.array([0.01, 0.09, 0.04, 0.0, 0.01])
    assert spread == pytest.approx(own + same)


def test_without_looks_nothing_is_known():
    drift = GroundDrift.of(None)
    assert drift.at(np.array([3])).tolist() == [[0.0, 0.0]]
    assert np.isinf(drift.spread_m2(1, 5))
