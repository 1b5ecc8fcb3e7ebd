from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from missions.airspace.routing import Router
from missions.plan import LegKind
from missions.planning.planner import plan_brief
from missions.planning.planner_turns import dubins, rounded

OPEN = Router(shapely.box(-1e5, -1e5, 1e5, 1e5))


def sharpest(xy):
    """Return the least radius through three consecutive points (circumcircle)."""
    a, b, c = xy[:-2], xy[1:-1], xy[2:]
    u, v, w = (np.hypot(*(q - p).T) for p, q in ((a, b), (b, c), (a, c)))
    area = np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2.0
    return float((u * v * w / np.maximum(4.0 * area, 1e-9)).min())


@settings(max_examples=150, deadline=None)
@given(st.floats(-500, 500), st.floats(-500, 500), st.floats(-math.pi, math.pi), st.floats(-math.pi, math.pi))
def test_dubins_joins_the_poses_within_the_radius_and_is_no_longer_than_a_sampled_rival(east, north, first, last):
    radius = 60.0
    end = np.array([east, north])
    path = dubins(np.zeros(2), first, end, last, radius, OPEN)
    assert path is not None
    assert path[0] == pytest.approx([0, 0], abs=1e-9)
    assert path[-1] == pytest.approx(end, abs=1e-6)
    length = float(np.hypot(*np.diff(path, axis=0).T).sum())
    assert length >= float(np.hypot(east, north)) - 1e-6
    assert length <= float(np.hypot(east, north)) + 4.0 * math.pi * radius
    steps = np.diff(path, axis=0)
    steps = steps[np.hypot(*steps.T) > 1e-6]
    if len(steps):
        off = math.radians(8.0)
        assert abs(math.remainder(math.atan2(steps[0][1], steps[0][0]) - first, 2 * math.pi)) <= off
        assert abs(math.remainder(math.atan2(steps[-1][1], steps[-1][0]) - last, 2 * math.pi)) <= off


def test_rounded_corners_have_the_radius_and_lie_inside_the_corner():
    line = np.array([[0.0, 0.0], [500.0, 0.0], [500.0, 500.0], [1200.0, 800.0]])
    curve = rounded(line, 60.0, OPEN)
    assert curve is not None
    assert sharpest(curve) >= 59.0
    assert shapely.LineString(line).hausdorff_distance(shapely.LineString(curve)) <= 60.0 * (math.sqrt(2) - 1) + 0.1


def test_a_corner_with_no_room_for_its_arc_is_left_out_or_refused():
    line = np.array([[0.0, 0.0], [500.0, 0.0], [510.0, 30.0], [520.0, 0.0], [1000.0, 0.0]])
    curve = rounded(line, 60.0, OPEN)
    assert curve is not None
    assert sharpest(curve) >= 59.0
    narrow = Router(shapely.LineString(line).buffer(3.0))
    assert rounded(line, 60.0, narrow) is None


def test_a_fixed_wing_patrol_turns_with_its_radius_and_keeps_the_standoff(make_brief, oracle, border_line):
    points = [[50.0, 8.0], [50.003, 8.02], [49.999, 8.05]]
    brief = make_brief(points, aircraft={"type": "wing-2m", "count": 1}, corridor={"depth_m": 700},
                       wind={"speed_mps": 4, "from_deg": 200},
                       launch=[{"name": "a", "lat_deg": 50.014, "lon_deg": 8.02}])  # fmt: skip
    plan = plan_brief(brief)
    assert oracle(plan, border_line(brief)) >= 200.0
    for sortie in plan.sorties:
        assert {g.kind for g in sortie.legs} >= {LegKind.WORK, LegKind.TURN}
        lat0 = sortie.home_lat_deg
        flat = [g for g in sortie.legs if (g.lat_start_deg, g.lon_start_deg) != (g.lat_end_deg, g.lon_end_deg)]
        xy = np.array([[g.lon_end_deg * 111_320 * math.cos(math.radians(lat0)), g.lat_end_deg * 111_230] for g in flat])
        assert sharpest(xy) >= 0.85 * 60.0
        assert [i.command for i in sortie.items[:2]] == [22, 31]
