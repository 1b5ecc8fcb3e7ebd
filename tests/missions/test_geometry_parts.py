from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from missions.airspace.corridor_chain import chain_parts
from missions.airspace.corridor_frame import LocalFrame
from missions.airspace.corridor_index import SegmentIndex
from missions.airspace.routing import Router
from missions.errors import BriefError
from missions.performance.aircraft import BUNDLED, find_aircraft
from missions.performance.energy import level_power_w, path_cost, reach_m
from missions.performance.wind import WindProfile, along_and_cross, leg_speeds


@pytest.mark.parametrize(("lat", "lon"), [(47.0, 112.0), (-33.0, -70.0), (66.0, 179.99), (89.9, 10.0), (0.0, 0.0)])
def test_frame_distances_agree_with_the_geodesic_within_its_stated_stretch(lat, lon, rng):
    frame = LocalFrame.about(np.array([lat]), np.array([lon]))
    geod = pyproj.Geod(ellps="WGS84")
    for _ in range(20):
        azimuth, turn = rng.uniform(0, 360, 2)
        lon1, lat1, _ = geod.fwd(lon, lat, azimuth, rng.uniform(0, 300_000))
        lon2, lat2, _ = geod.fwd(lon1, lat1, turn, 1000.0)
        a, b = frame.to_plane(np.array([lat1, lat2]), np.array([lon1, lon2]))
        plane = float(np.hypot(*(a - b)))
        assert 1000.0 - 0.01 <= plane <= 1000.0 * frame.stretch(302_000.0) + 0.01


def test_frame_round_trip_is_within_half_a_mission_item_unit(rng):
    frame = LocalFrame.about(np.array([51.0]), np.array([5.0]))
    lat, lon = 51.0 + rng.uniform(-1, 1, 100), 5.0 + rng.uniform(-1, 1, 100)
    back_lat, back_lon = frame.to_degrees(frame.to_plane(lat, lon))
    assert np.abs(back_lat - lat).max() <= 0.51e-7
    assert np.abs(back_lon - lon).max() <= 0.51e-7


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 8), min_size=2, max_size=7), st.randoms(use_true_random=False))
def test_shuffled_and_turned_parts_chain_into_the_line_they_came_from(sizes, random):
    steps = np.cumsum([0, *sizes])
    xy = np.stack([np.arange(steps[-1] + 1) * 100.0, 30.0 * np.sin(np.arange(steps[-1] + 1))], axis=1)
    parts = [shapely.LineString(xy[a : b + 1]) for a, b in zip(steps[:-1], steps[1:], strict=True)]
    flipped = [random.random() < 0.5 for _ in parts]
    length = [sum(p.length for p, flip in zip(parts, flipped, strict=True) if flip is which) for which in (True, False)]
    parts = [p.reverse() if flip else p for p, flip in zip(parts, flipped, strict=True)]
    random.shuffle(parts)
    chains, long_gaps, turned = chain_parts(parts, bridge_m=50.0)
    assert turned.share == pytest.approx(min(length) / sum(length))
    assert (turned.longest is None) == (min(length) == 0.0)
    assert len(chains) == 1
    assert long_gaps == []
    got = shapely.get_coordinates(chains[0])
    assert np.array_equal(got, xy) or np.array_equal(got, xy[::-1])


def test_long_gaps_are_guarded_but_not_flown():
    parts = [shapely.LineString([(0, 0), (100, 0)]), shapely.LineString([(5000, 0), (5100, 0)])]
    chains, long_gaps, _ = chain_parts(parts, bridge_m=2000.0)
    assert [c.length for c in chains] == [100.0, 100.0]
    assert [g.length for g in long_gaps] == [4900.0]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_index_agrees_with_shapely(seed):
    rng = np.random.default_rng(seed)
    line = shapely.LineString(np.cumsum(rng.normal(size=(30, 2)), axis=0) * 100.0)
    index = SegmentIndex(line)
    points = rng.normal(size=(20, 2)) * 500.0
    place = index.nearest(points)
    assert place.distance_m == pytest.approx([line.distance(shapely.Point(p)) for p in points])
    assert index.at(place.station_m) == pytest.approx(place.xy_m, abs=1e-6)
    assert index.total_m == pytest.approx(line.length)


def test_wind_triangle_matches_the_formula_and_refuses_a_crosswind_it_cannot_hold():
    wing = find_aircraft("wing-2m")
    wind = WindProfile.uniform(speed_mps=8.0, from_deg=270.0).at(np.zeros(5))
    course = np.array([0.0, 90.0, 180.0, 270.0, 45.0])
    tail, cross = along_and_cross(wind, course)
    assert tail == pytest.approx([0.0, 8.0, 0.0, -8.0, 8.0 * np.sqrt(0.5)], abs=1e-9)
    speeds = leg_speeds(wing, wind, course, 18.0)
    assert speeds.ground_mps == pytest.approx(np.sqrt(18.0**2 - cross**2) + tail)
    gale = leg_speeds(wing, WindProfile.uniform(speed_mps=20.0, from_deg=270.0).at(np.zeros(5)), course, 18.0)
    assert np.isnan(gale.ground_mps[[0, 2, 3]]).all()


@pytest.mark.parametrize("name", sorted(BUNDLED))
def test_power_is_as_stated_at_cruise_and_least_somewhere_useful(name):
    aircraft = find_aircraft(name)
    speeds = np.linspace(0.5, aircraft.max_airspeed_mps, 100)
    power = level_power_w(aircraft, speeds)
    assert float(level_power_w(aircraft, np.array(aircraft.speed_mps))) == pytest.approx(aircraft.cruise_power_w)
    assert (power > 0).all()
    assert 0.2 * aircraft.max_airspeed_mps < speeds[int(np.argmin(power))] < aircraft.max_airspeed_mps
    assert 3_000.0 < reach_m(aircraft, 0.0) < 60_000.0


def test_a_head_wind_costs_more_than_the_tail_wind_saves():
    quad = find_aircraft("quad-survey")
    there_and_back = {
        "xy_m": np.array([[0.0, 0.0], [3000.0, 0.0], [0.0, 0.0]]),
        "alt_amsl_m": np.full(3, 100.0),
        "speed_mps": 15.0,
    }
    still = path_cost(quad, WindProfile.uniform(), **there_and_back)
    windy = path_cost(quad, WindProfile.uniform(speed_mps=6.0, from_deg=270.0), **there_and_back)
    assert still.seconds.sum() == pytest.approx(400.0)
    assert windy.total_wh > still.total_wh


def test_climbing_faster_than_the_aircraft_can_takes_the_climbs_own_time():
    quad = find_aircraft("quad-survey")
    cost = path_cost(quad, WindProfile.uniform(), np.array([[0.0, 0.0], [15.0, 0.0]]),
                     alt_amsl_m=np.array([0.0, 400.0]), speed_mps=15.0)  # fmt: skip
    assert cost.seconds[0] == pytest.approx(100.0)


def test_an_unknown_aircraft_lists_those_that_exist():
    with pytest.raises(BriefError, match="quad-survey"):
        find_aircraft("concorde")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_routes_stay_in_the_free_air_and_are_near_the_shortest(seed):
    rng = np.random.default_rng(seed)
    blocks = [shapely.Point(rng.uniform(400, 3600, 2)).buffer(rng.uniform(50, 300), quad_segs=3) for _ in range(8)]
    free = shapely.box(0, 0, 4000, 4000).difference(shapely.union_all(blocks))
    router = Router(free)
    start, end = np.array([50.0, 50.0]), np.array([3950.0, 3950.0])
    way = router.route(start, end)
    if not router.joined(start, end):
        assert way is None
        return
    path = shapely.LineString(way)
    assert free.buffer(0.01).covers(path)
    assert path.length <= 1.10 * shortest(free, start, end)


def shortest(free, start, end):
    """Return the shortest path length on the plain visibility graph of every corner, by Dijkstra from scipy."""
    from scipy.sparse.csgraph import dijkstra

    nodes = np.concatenate([[start, end], shapely.get_coordinates(shapely.boundary(free))])
    lines = shapely.linestrings(
        np.stack([np.repeat(nodes, len(nodes), axis=0), np.tile(nodes, (len(nodes), 1))], axis=1)
    )
    loose = free.buffer(1e-6)
    shapely.prepare(loose)
    seen = shapely.covers(loose, lines).reshape(len(nodes), len(nodes))
    length = np.hypot(*(nodes[:, None, :] - nodes[None, :, :]).transpose(2, 0, 1))
    return dijkstra(np.where(seen, length, 0.0), indices=0)[1]
