"""Salients and enclaves get lanes of their own: what is seen with them and without, and that nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from missions.airspace.ground_file import open_situation
from missions.paths.lanes import build_lanes, lane_of
from missions.paths.own_lanes import own_lanes
from missions.tasks.plan_door import plan_brief

HALF_DEG = 330.0 / (111_320.0 * np.cos(np.radians(50.0)))
SALIENT = [
    [50.0, 8.0], [50.0, 8.03 - HALF_DEG], [49.982, 8.03 - HALF_DEG],
    [49.982, 8.03 + HALF_DEG], [50.0, 8.03 + HALF_DEG], [50.0, 8.06],
]  # fmt: skip
"""Our land is 660 m wide for 2 km."""


def salient(make_brief, asked_m, **corridor):
    site = [{"name": "a", "lat_deg": 50.008, "lon_deg": 8.03}]
    return make_brief(
        SALIENT, standoff={"asked_m": asked_m}, corridor={"depth_m": 700, **corridor}, launch=site,
        aircraft={"type": "quad-heavy"},
    )  # fmt: skip


@pytest.mark.parametrize(("asked_m", "before_pct", "after_pct"), [(200, 89.0, 97.5), (300, 70.0, 92.0)])
def test_a_salient_is_seen_where_somebody_may_fly(
    make_brief, monkeypatch, oracle, border_line, asked_m, before_pct, after_pct
):
    brief = salient(make_brief, asked_m)
    plan = plan_brief(brief).plan
    assert plan.feasible
    assert plan.covered_pct > after_pct
    assert oracle(plan, border_line(brief)) >= asked_m
    monkeypatch.setattr("missions.tasks.border_patrol.own_lanes", lambda *_: ())
    assert plan_brief(brief).plan.covered_pct < before_pct


def test_a_straight_border_and_a_brief_that_says_how_many_lanes_get_no_others(make_brief, straight):
    for brief in (make_brief(straight), salient(make_brief, 200, lanes=2)):
        situation = open_situation(brief)
        assert own_lanes(brief, situation.corridor, build_lanes(brief, situation.corridor)) == ()


def test_lanes_of_their_own_are_short_and_in_free_air(make_brief):
    brief = salient(make_brief, 300)
    corridor = open_situation(brief).corridor
    lanes = build_lanes(brief, corridor)
    own = own_lanes(brief, corridor, lanes)
    assert [lane.index for lane in own] == list(range(len(lanes), len(lanes) + len(own)))
    lines = [shapely.LineString(piece.xy_m) for lane in own for piece in lane.pieces]
    assert shapely.covered_by(lines, corridor.free.buffer(0.1)).all()
    whole_m = sum(shapely.LineString(piece.xy_m).length for lane in lanes for piece in lane.pieces)
    assert sum(line.length for line in lines) < whole_m


def test_a_corner_given_twice_is_one_corner_of_a_lane(make_brief, straight):
    """Stretches cut out of closed curves about enclaves begin or end with such corners."""
    situation = open_situation(make_brief(straight))
    lane = build_lanes(situation.brief, situation.corridor)[0]
    xy = lane.pieces[0].xy_m
    twice = shapely.LineString(np.concatenate([xy[:1], xy[:1], xy[:1], xy[1:], xy[-1:], xy[-1:]]))
    (piece,) = lane_of(0, lane.view, [twice], situation.corridor).pieces
    assert np.array_equal(piece.xy_m, xy)
    assert (np.diff(piece.station_m) > 0.0).all()
