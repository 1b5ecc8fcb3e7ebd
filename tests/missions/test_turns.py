from __future__ import annotations

import itertools
import math

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from missions.airspace.routing import Router
from missions.briefs.brief_file import build_brief
from missions.paths.departure import Departure
from missions.paths.dubins import dubins_curves, dubins_lengths
from missions.paths.landing import Approach
from missions.paths.lane_tours import turning_tour
from missions.paths.lanes import LanePiece, cut, turned_round
from missions.paths.track import turning_track
from missions.paths.turns import joined, pose_at, rounded
from missions.plan import LegKind
from missions.sight.pointing import STRAIGHT_DOWN
from missions.tasks.plan_door import plan_brief

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
    path = next(dubins_curves(np.array([0.0, 0.0, first]), np.array([east, north, last]), radius))
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
    plan = plan_brief(brief).plan
    assert oracle(plan, border_line(brief)) >= 200.0
    for sortie in plan.sorties:
        assert {g.kind for g in sortie.legs} >= {LegKind.WORK, LegKind.TURN}
        lat0 = sortie.home_lat_deg
        flat = [g for g in sortie.legs if (g.lat_start_deg, g.lon_start_deg) != (g.lat_end_deg, g.lon_end_deg)]
        xy = np.array([[g.lon_end_deg * 111_320 * math.cos(math.radians(lat0)), g.lat_end_deg * 111_230] for g in flat])
        assert sharpest(xy) >= 0.85 * 60.0
        assert [i.command for i in sortie.items[:2]] == [22, 31]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(-400, 400), st.floats(-400, 400), st.floats(-7, 7)), min_size=3, max_size=3))
def test_no_way_over_a_third_pose_is_shorter_and_the_way_back_is_as_long(poses):
    start, end, via = np.array(poses)
    direct = dubins_lengths(start, end, 60.0)[0]
    assert direct <= dubins_lengths(start, via, 60.0)[0] + dubins_lengths(via, end, 60.0)[0] + 1e-6
    flip = np.array([0.0, 0.0, math.pi])
    assert dubins_lengths(end + flip, start + flip, 60.0)[0] == pytest.approx(direct, abs=1e-6)


def lane(index, offset_m):
    xy = np.array([[0.0, offset_m], [700.0, offset_m], [1500.0, offset_m]])
    return LanePiece(lane=index, chain=0, pointing=STRAIGHT_DOWN, xy_m=xy, station_m=xy[:, 0])


@pytest.mark.parametrize("spacing", [70.0, 130.0, 400.0])
def test_the_order_of_lanes_is_the_best_of_all(spacing):
    site, radius = np.array([-300.0, 900.0]), 100.0
    pieces = [lane(k, k * spacing) for k in range(4)]

    def metres(tour):
        poses = [(pose_at(p.xy_m, end=False), pose_at(p.xy_m, end=True)) for p in tour]
        turns = sum(dubins_lengths(a[1], b[0], radius)[0] for a, b in itertools.pairwise(poses))
        return turns + math.dist(poses[0][0][:2], site) + math.dist(poses[-1][1][:2], site)

    best = min(
        metres([turned_round(pieces[k]) if back else pieces[k] for k, back in zip(order, backs, strict=True)])
        for order in itertools.permutations(range(4))
        for backs in itertools.product((False, True), repeat=4)
    )
    assert metres(turning_tour(site, pieces, radius)) == pytest.approx(best, abs=1e-6)


def test_a_way_round_a_corner_passes_it_on_the_outside():
    wall = shapely.box(-1000.0, -50.0, 0.0, 50.0)
    router = Router(shapely.box(-2000, -2000, 2000, 2000).difference(wall))
    before, after = np.array([[-700.0, -100.0], [-600.0, -100.0]]), np.array([[-600.0, 100.0], [-700.0, 100.0]])
    way = joined(before, after, 60.0, router)
    assert way is not None
    assert not shapely.LineString(way).intersects(wall)
    assert sharpest(way) >= 59.0


@pytest.mark.parametrize("spoiled", [False, True])
def test_a_boxed_in_lane_is_left_over_a_byway_or_beyond_its_end(spoiled):
    """The lane ends with its nose towards the edge of the free air, as lanes along a winding border do."""
    free = shapely.box(-2000.0, 0.0, 2000.0, 2000.0)
    arc = [(200.0 * math.sin(a), 20.0 + 200.0 * (1.0 - math.cos(a))) for a in np.linspace(-1.2, 1.2, 15)]
    curve = np.array(arc)
    whole = LanePiece(lane=0, chain=0, pointing=STRAIGHT_DOWN, xy_m=curve, station_m=np.arange(15.0) * 34.0)
    piece = whole if spoiled else cut(whole, 0.0, 150.0)
    site, begin = np.array([0.0, 1500.0]), np.array([400.0, 1500.0])
    up = Departure(launch_m=site, end_m=site - [100.0, 0.0], centre_m=site + [-100.0, 100.0], radius_m=100.0,
                   height_m=30.0, turns=0.0)  # fmt: skip
    down = Approach(touchdown_m=site, begin_m=begin, centre_m=begin + [0.0, 100.0], radius_m=100.0, height_m=30.0,
                    departure=up)  # fmt: skip
    track = turning_track([piece], down, 100.0, Router(free))
    assert track is not None
    assert shapely.covers(free, shapely.LineString(track.xy_m))
    work = [k for k, kind in enumerate(track.kinds) if kind is LegKind.WORK]
    flown = shapely.LineString(track.xy_m[work[0] : work[-1] + 2])
    assert flown.hausdorff_distance(shapely.LineString(piece.xy_m)) < 15.0


def hardest_turn_deg(xy, radius_m):
    """Return by how much the path anywhere turns more than an arc of the radius over the same length would."""
    step = np.diff(xy[np.append(True, np.hypot(*np.diff(xy, axis=0).T) > 1e-3)], axis=0)
    bends = np.diff(np.unwrap(np.arctan2(step[:, 1], step[:, 0])))
    along = np.cumsum(np.hypot(*step.T))[:-1]
    worst = 0.0
    for sense in (1.0, -1.0):
        before = sense * np.append(0.0, np.cumsum(bends)[:-1]) - along / radius_m
        after = sense * np.cumsum(bends) - along / radius_m
        worst = max(worst, float((after - np.minimum.accumulate(before)).max()))
    return math.degrees(worst)


def test_a_fixed_wing_patrols_a_winding_border(oracle, border_line, shared_data):
    """A border along a river in fells: no lane of it is straight for longer than a few hundred metres."""
    brief = build_brief(
        {
            "name": "winding",
            "border": {"file": "border_NOR_RUS.geojson", "own_side": {"lat_deg": 69.72, "lon_deg": 30.2}},
            "standoff": {"asked_m": 300}, "corridor": {"depth_m": 900, "lanes": 4},
            "aircraft": {"type": "wing-2m", "count": 2, "battery_wh": 120}, "wind": {"speed_mps": 6, "from_deg": 100},
            "launch": [{"name": "a", "lat_deg": 69.70, "lon_deg": 30.70}],
        },
        shared_data / "borders" / "osm_geo-maps_10m",
    )  # fmt: skip
    plan = plan_brief(brief).plan
    assert oracle(plan, border_line(brief)) >= 300.0
    work_m = sum(
        leg.speed_mps * (leg.t_end_s - leg.t_start_s)
        for s in plan.sorties
        for leg in s.legs
        if leg.kind is LegKind.WORK
    )
    assert work_m > 40_000.0
    for sortie in plan.sorties:
        flat = [g for g in sortie.legs if (g.lat_start_deg, g.lon_start_deg) != (g.lat_end_deg, g.lon_end_deg)]
        plane = pyproj.Proj(proj="tmerc", lat_0=sortie.home_lat_deg, lon_0=sortie.home_lon_deg, ellps="WGS84")
        xy = np.stack(plane([g.lon_end_deg for g in flat], [g.lat_end_deg for g in flat]), axis=1)
        assert hardest_turn_deg(xy, 100.0) < 20.0
