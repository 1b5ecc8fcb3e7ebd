"""A patrol whose every picture is drawn and looked at, beside the one whose boxes are made up."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from detection.model_file import load_detector
from detection.scoring import InView, match
from geo.geodesy import inverse
from sitl.films.filmed_patrol import FilmedPatrol, filmed_patrol
from sitl.films.patrol_flight import PatrolShape
from sitl.films.seen_patrol import seen_patrol

SHAPE = PatrolShape(seconds=16.0, fps=Fraction(3, 2), line_m=400.0, groups_per_km=18.0)


@pytest.fixture(scope="module")
def filmed() -> FilmedPatrol:
    detector, _ = load_detector(threads=1)
    return filmed_patrol(5, detector, SHAPE)


def test_what_is_drawn_is_found_where_it_is(filmed: FilmedPatrol) -> None:
    """With the true poses every box lies on its thing, whatever the telemetry says; ids are the same."""
    seen, true = filmed.seen, filmed.on_true_ground
    assert true.hit_id.tolist() == seen.hits.hit_id.tolist()
    pairs = match(seen.hits, seen.truth, view=InView())
    assert len(pairs.hit_row) > 10
    there, found = pairs.truth_row, true.take(pairs.hit_row)
    wrong, _ = inverse(found.lat_deg, found.lon_deg, seen.truth.lat_deg[there], seen.truth.lon_deg[there])
    assert np.median(wrong) < 0.5


def test_pictures_are_compared_as_the_made_up_patrol_says_they_are(filmed: FilmedPatrol) -> None:
    """The same flight, its ground compared in drawn pictures and worked out from the poses' errors."""
    drawn, told = filmed.seen.looks, seen_patrol(5, SHAPE).looks
    known = np.isfinite(drawn.shift_sigma_m)
    assert known.sum() > 0.8 * len(drawn)
    apart = drawn.shift_m[known] - told.shift_m[known]
    assert np.abs(told.shift_m[known]).max() > 0.5
    assert np.sqrt(np.mean(apart**2)) < 0.35
