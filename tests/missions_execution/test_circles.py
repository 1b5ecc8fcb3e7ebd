"""Circles as a fixed wing leaves them, against the tangent worked out on a plane."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geo.geodesy import forward, inverse
from missions.execution.circles import Circle
from missions.plan import MissionItem

CENTRE = (48.0, 11.0)


def circle(*, clockwise=True, radius_m=110.0):
    item = MissionItem(seq=1, command=31, frame=3)
    return Circle(item=item, centre=CENTRE, radius_m=radius_m, clockwise=clockwise)


@pytest.mark.parametrize("clockwise", [True, False])
@pytest.mark.parametrize("start_deg", [0.0, 75.0, 210.0, 359.0])
@pytest.mark.parametrize("goal_deg", [10.0, 130.0, 271.0])
def test_it_is_left_in_the_direction_of_the_goal(clockwise, start_deg, goal_deg):
    one = circle(clockwise=clockwise)
    goal = tuple(float(v) for v in forward(*CENTRE, goal_deg, 2500.0))
    start = one.at(start_deg)
    turned_deg = one.turned_to_deg(start, goal)
    left_at = one.arc(start, turned_deg)[-1] if turned_deg else start
    flying_deg = one.azimuth_deg(left_at) + (90.0 if clockwise else -90.0)
    to_goal_deg = float(inverse(*left_at, *goal)[1])
    assert abs((flying_deg - to_goal_deg + 180.0) % 360.0 - 180.0) < (0.05 if turned_deg else 3.1)
    assert float(inverse(*CENTRE, *left_at)[0]) == pytest.approx(110.0, abs=0.01)


def test_a_goal_inside_is_left_for_at_once():
    one = circle()
    goal = tuple(float(v) for v in forward(*CENTRE, 40.0, 60.0))
    assert one.turned_to_deg(one.at(0.0), goal) == 0.0


def test_a_whole_turn_comes_back_and_never_cuts_across():
    one = circle()
    corners = one.arc(one.at(33.0), 360.0)
    away_m = np.array([float(inverse(*CENTRE, *c)[0]) for c in corners])
    np.testing.assert_allclose(away_m, 110.0, atol=0.01)
    assert math.dist(corners[-1], one.at(33.0)) < 1e-9
