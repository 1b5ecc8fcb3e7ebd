from __future__ import annotations

import numpy as np
import pytest

from telemetry.videos.video_clock import arrival_pts_s, build_clock

T0 = 1_700_000_000_000_000_000


def ns(seconds):
    return T0 + np.round(np.asarray(seconds, dtype=float) * 1e9).astype(np.int64)


def test_stamped_packets_are_followed_exactly_between_and_beyond():
    pts = np.array([1.0, 2.0, 3.0])
    clock = build_clock(pts, ns([0.0, 1.1, 2.0]), stamped=True)
    np.testing.assert_array_equal(clock.utc_ns(np.array([0.5, 1.0, 1.5, 2.0, 3.5])), ns([-0.5, 0.0, 0.55, 1.1, 2.5]))


def test_arrival_jitter_is_levelled_and_slow_drift_followed(rng):
    true = np.arange(0, 600, 0.1)
    shown = true * (1 + 50e-6)
    jitter = rng.uniform(-0.03, 0.03, len(true))
    clock = build_clock(shown + jitter, ns(true), stamped=False)
    off = (clock.utc_ns(shown[50:-50]) - ns(true[50:-50])) / 1e9
    assert np.abs(off).max() < 0.02


@pytest.mark.parametrize("stamped", [True, False])
def test_a_jump_of_the_clock_begins_a_new_piece_where_it_happened(stamped):
    pts = np.arange(0, 10, 0.1)
    utc = np.where(pts < 4.95, pts, pts - 1.0)
    clock = build_clock(pts, ns(utc), stamped=stamped)
    asked = np.array([4.85, 5.05, 6.0, 9.0])
    np.testing.assert_allclose((clock.utc_ns(asked) - T0) / 1e9, [4.85, 4.05, 5.0, 8.0], atol=1e-6)


def test_no_packets_no_clock():
    clock = build_clock(np.empty(0), np.empty(0, np.int64), stamped=True)
    assert clock.utc_ns(np.array([1.0])).tolist() == [-1]
    clock = build_clock(np.array([1.0, np.nan]), np.array([-1, T0]), stamped=True)
    assert clock.utc_ns(np.array([1.0])).tolist() == [-1]


def test_the_moment_of_a_picture_and_back():
    clock = build_clock(np.array([10.0, 20.0]), ns([0.0, 10.0]), stamped=True)
    assert clock.pts_of(int(ns(3.0))) == pytest.approx(13.0)


def test_as_many_packets_as_pictures_are_paired_in_order():
    pts = arrival_pts_s(np.array([5, 15, 25]), np.array([10, 20, 30]), np.array([0.2, 0.1, 0.3]))
    np.testing.assert_array_equal(pts, [0.1, 0.2, 0.3])


def test_other_counts_go_with_the_picture_before_them():
    pts = arrival_pts_s(np.array([5, 12, 18, 25]), np.array([10, 20, 30]), np.array([0.1, 0.2, 0.3]))
    np.testing.assert_array_equal(pts, [0.1, 0.1, 0.1, 0.2])
    assert np.isnan(arrival_pts_s(np.array([5]), np.empty(0, np.int64), np.empty(0))).all()
