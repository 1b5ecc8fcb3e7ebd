"""Boxes without pictures: what they lie on is as large as what is drawn."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from sitl.films.patrol_flight import PatrolFlight, PatrolShape
from sitl.films.render import in_sight
from sitl.films.seen_patrol import DetectorErrors, seen_patrol
from sitl.films.world import Kind

SHAPE = PatrolShape(seconds=60.0, fps=Fraction(1, 2), line_m=700.0, vehicles_per_km=30.0)


def test_vehicles_are_as_long_wide_and_high_as_they_are_drawn() -> None:
    """Whichever way they go: the simulator of pictures is the judge, edge by edge."""
    flight = PatrolFlight.flown(3, SHAPE, SHAPE.chance(3))
    truth = seen_patrol(3, SHAPE, DetectorErrors(flight_ln=0.0)).truth
    compared = 0
    for frame, pose in enumerate(flight.true):
        drawn = in_sight(flight.world, pose, SHAPE.camera, pose.t_utc_ns)
        mine = np.flatnonzero((truth.thing_frame == frame) & (truth.class_number == Kind.VEHICLE))
        for row in mine.tolist():
            there = np.flatnonzero(drawn.object_id == truth.object_id[row])
            assert drawn.boxes_px[there[0]] == pytest.approx(truth.boxes_px[row], abs=1.5)
            compared += 1
    assert compared > 40


def test_a_thing_seems_another_size_on_another_flight() -> None:
    """By a tenth if it is said so, and on one flight always the same."""
    sizes = []
    for sortie in (0, 1):
        shape = PatrolShape(seconds=60.0, fps=Fraction(1, 2), line_m=700.0, vehicles_per_km=0.0, sortie=sortie)
        plain, seems = (seen_patrol(3, shape, DetectorErrors(flight_ln=ln)).truth for ln in (0.0, 0.1))
        middle = (plain.visible == 1.0) & (seems.visible == 1.0)
        ratio = np.log(np.diff(seems.boxes_px[middle][:, 1::2]) / np.diff(plain.boxes_px[middle][:, 1::2]))[:, 0]
        own = [ratio[plain.object_id[middle] == one] for one in np.unique(plain.object_id[middle])]
        assert all(one.std() < 1e-6 for one in own)
        sizes.append([one.mean() for one in own])
    assert 0.05 < np.std(sizes[0]) < 0.2
    assert abs(np.corrcoef(sizes[0][:8], sizes[1][:8])[0, 1]) < 0.9
