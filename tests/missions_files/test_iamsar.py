"""IAMSAR patterns against hand-drawn figures, and the probability of detection."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geo.errors import InputError
from missions.patterns.iamsar import (
    coverage_factor,
    cumulative_pod,
    expanding_square,
    parallel_track,
    probability_of_detection,
    sector_search,
)

ORIGIN = np.zeros(2)


def lengths(points):
    return np.hypot(*np.diff(points, axis=0).T)


def courses(points):
    d = np.diff(points, axis=0)
    return np.degrees(np.arctan2(d[:, 0], d[:, 1])) % 360.0


def test_the_expanding_square_grows_by_a_spacing_every_second_leg():
    points = expanding_square(ORIGIN, spacing_m=100.0, legs=8, direction_deg=0.0)
    assert lengths(points) == pytest.approx([100, 100, 200, 200, 300, 300, 400, 400])
    assert np.round(courses(points)) % 360.0 == pytest.approx([0, 90, 180, 270] * 2)
    assert points[:5] == pytest.approx(np.array([[0, 0], [0, 100], [100, 100], [100, -100], [-100, -100]]), abs=1e-9)


def test_the_expanding_square_turns_with_its_first_leg():
    points = expanding_square(ORIGIN, spacing_m=50.0, legs=3, direction_deg=30.0)
    assert courses(points) == pytest.approx([30, 120, 210])


def test_parallel_legs_of_the_square_are_one_spacing_apart():
    points = expanding_square(ORIGIN, spacing_m=100.0, legs=12)
    east = sorted({round(float(x), 6) for x in points[:-1:2, 0]})
    assert len(east) == 6
    assert np.diff(east) == pytest.approx(np.full(5, 100.0))


def test_a_sector_search_crosses_the_datum_three_times_with_turns_of_120_degrees():
    points = sector_search(ORIGIN, radius_m=500.0, direction_deg=10.0)
    assert len(points) == 10
    assert lengths(points) == pytest.approx(np.full(9, 500.0))
    turns = np.diff(courses(points)) % 360.0
    assert np.minimum(turns, abs(turns - 120.0)) == pytest.approx(np.zeros(8), abs=1e-6)
    assert sum(np.hypot(*p) < 1e-6 for p in points) == 4
    ends = courses(np.array([[0.0, 0.0], [0.0, 0.0]]) + np.array([[0, 0], points[1]]))
    assert ends == pytest.approx([10.0])


def test_a_sector_search_covers_six_directions():
    points = sector_search(ORIGIN, radius_m=1.0)
    outer = np.array([p for p in points if np.hypot(*p) > 0.5])
    bearings = sorted(np.round(np.degrees(np.arctan2(outer[:, 0], outer[:, 1])) % 360.0).tolist())
    assert bearings == [0.0, 60.0, 120.0, 180.0, 240.0, 300.0]


COURSES_OF_A_SECTOR_SEARCH = {
    0.0: [0, 120, 240, 240, 0, 120, 120, 240, 0],
    90.0: [90, 210, 330, 330, 90, 210, 210, 330, 90],
    200.0: [200, 320, 80, 80, 200, 320, 320, 80, 200],
}
"""Worked by hand from the manual's figure: every turn 120 degrees to the right, straight on through the datum."""


@pytest.mark.parametrize("first", COURSES_OF_A_SECTOR_SEARCH)
def test_the_courses_of_a_sector_search(first):
    flown = np.round(courses(sector_search(ORIGIN, radius_m=1000.0, direction_deg=first))) % 360.0
    assert flown.tolist() == COURSES_OF_A_SECTOR_SEARCH[first]


CORNERS_OF_A_CREEPING_LINE = [(-100, -150), (100, -150), (100, -50), (-100, -50), (-100, 50), (100, 50), (100, 150),
                              (-100, 150)]  # fmt: skip
"""A box of 400 m north-south by 300 m, tracks 100 m apart across it: from the commence search point, half a spacing
inside, creeping north."""


def test_the_corners_of_a_creeping_line():
    points = parallel_track(ORIGIN, length_m=400.0, width_m=300.0, spacing_m=100.0, creeping=True)
    assert np.round(points, 6).tolist() == [list(map(float, c)) for c in CORNERS_OF_A_CREEPING_LINE]


def test_the_corners_of_a_parallel_track_search():
    points = parallel_track(ORIGIN, length_m=400.0, width_m=200.0, spacing_m=100.0, direction_deg=90.0)
    assert np.round(points, 6).tolist() == [[-150.0, 50.0], [150.0, 50.0], [150.0, -50.0], [-150.0, -50.0]]


def test_searches_of_one_area_add_up_to_what_both_would_miss():
    assert cumulative_pod([0.5, 0.4]) == pytest.approx(0.7)
    assert cumulative_pod([0.63, 0.63, 0.63]) == pytest.approx(1.0 - 0.37**3)
    assert cumulative_pod([probability_of_detection(0.5)] * 2) == pytest.approx(probability_of_detection(1.0))
    with pytest.raises(InputError, match="between 0 and 100 %, found 140 %"):
        cumulative_pod([1.4])


def test_the_second_round_lies_30_degrees_to_the_right():
    points = sector_search(ORIGIN, radius_m=1.0, rounds=2)
    assert courses(points)[9] == pytest.approx(30.0)


def test_parallel_track_begins_half_a_spacing_inside():
    points = parallel_track(ORIGIN, length_m=1000.0, width_m=400.0, spacing_m=100.0)
    assert len(points) == 8
    assert points[0] == pytest.approx([-150.0, -450.0])
    assert sorted(set(np.round(points[:, 0], 6))) == [-150.0, -50.0, 50.0, 150.0]
    assert np.abs(points[:, 1]) == pytest.approx(np.full(8, 450.0))


def test_creeping_line_runs_across_the_length():
    points = parallel_track(ORIGIN, length_m=1000.0, width_m=400.0, spacing_m=100.0, creeping=True)
    assert len(points) == 20
    assert np.ptp(points[:, 0]) == pytest.approx(300.0)
    assert np.ptp(points[:, 1]) == pytest.approx(900.0)


@pytest.mark.parametrize(("coverage", "pod"), [(0.0, 0.0), (0.5, 0.3935), (1.0, 0.6321), (2.0, 0.8647)])
def test_pod_follows_the_random_search_curve(coverage, pod):
    assert probability_of_detection(coverage) == pytest.approx(pod, abs=5e-5)


def test_coverage_of_parallel_tracks_is_sweep_width_over_spacing():
    points = parallel_track(ORIGIN, length_m=10_000.0, width_m=1000.0, spacing_m=100.0)
    work = lengths(points)[::2].sum() + 10 * 100.0
    assert coverage_factor(sweep_width_m=80.0, length_m=work, area_m2=1e7) == pytest.approx(80.0 / 100.0, rel=1e-9)


@pytest.mark.parametrize(
    "call",
    [
        lambda: expanding_square(ORIGIN, spacing_m=0.0, legs=4),
        lambda: expanding_square(ORIGIN, spacing_m=10.0, legs=10**9),
        lambda: sector_search(ORIGIN, radius_m=math.nan),
        lambda: sector_search(ORIGIN, radius_m=10.0, rounds=3),
        lambda: parallel_track(ORIGIN, length_m=-1.0, width_m=1.0, spacing_m=1.0),
        lambda: parallel_track(ORIGIN, length_m=1e6, width_m=1e6, spacing_m=1.0),
        lambda: coverage_factor(sweep_width_m=1.0, length_m=1.0, area_m2=0.0),
    ],
)
def test_impossible_patterns_are_refused(call):
    with pytest.raises(InputError):
        call()
