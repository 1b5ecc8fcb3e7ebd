"""Area search: every point seen, path near its lower bound, direction never worse than brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import InputError
from missions.patterns.area import LaneCost, Sweep, edge_directions, plan_area
from missions.patterns.cells import Cell, cells_of
from missions.patterns.detours import detours
from missions.patterns.lanes import lane_rows, strips_of
from missions.patterns.parts import plan_area_in_parts
from missions.patterns.tours import best_tour, least_ways_m


def unseen_m2(polygon, path, reach_m=0.0):
    strips = []
    for start, end in path.points_xy.reshape(-1, 2, 2):
        along = (end - start) / max(np.hypot(*(end - start)), 1e-12)
        if np.hypot(*(end - start)) < 1e-9:
            along = np.array([math.cos(path.direction_rad), math.sin(path.direction_rad)])
        across = np.array([-along[1], along[0]]) * path.swath_m / 2.0
        a, b = start - (reach_m + 1e-6) * along, end + (reach_m + 1e-6) * along
        strips.append(shapely.Polygon([a + across, b + across, b - across, a - across]).buffer(1e-6))
    return polygon.difference(shapely.union_all(strips)).area


def blob(seed, corners=9):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    radii = rng.uniform(150, 400, corners)
    shape = shapely.make_valid(shapely.Polygon(np.c_[radii * np.cos(angles), radii * np.sin(angles)]))
    return max((p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"), key=lambda p: p.area)


def holed(seed):
    shape = shapely.convex_hull(blob(seed))
    rng = np.random.default_rng(seed + 1)
    for _ in range(2):
        hole = shapely.Point(*rng.uniform(-120, 120, 2)).buffer(rng.uniform(20, 60), quad_segs=2)
        cut = shape.difference(hole)
        shape = cut if cut.geom_type == "Polygon" else shape
    return shape


SHAPES = {
    "square": shapely.box(0, 0, 300, 300),
    "strip thinner than a swath": shapely.box(0, 0, 500, 8),
    "triangle": shapely.Polygon([(0, 0), (400, 30), (100, 300)]),
    "L": shapely.Polygon([(0, 0), (400, 0), (400, 100), (120, 100), (120, 400), (0, 400)]),
    "comb": shapely.union_all(
        [shapely.box(0, 0, 400, 60), *(shapely.box(x, 0, x + 50, 300) for x in (0, 110, 220, 330))]
    ),
    "ring": shapely.Point(0, 0).buffer(300).difference(shapely.Point(0, 0).buffer(150)),
    "spiral": shapely.LineString([(0, 0), (300, 0), (300, 300), (-100, 300), (-100, -200), (400, -200)]).buffer(
        35, quad_segs=2
    ),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("reach", [0.0, 12.0])
def test_the_strips_of_the_lanes_hold_the_area(name, reach):
    polygon = SHAPES[name]
    path = plan_area(polygon, Sweep(swath_m=24.0, reach_m=reach))
    assert unseen_m2(polygon, path, reach) < 1e-3


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), swath=st.floats(20.0, 60.0), holes=st.booleans())
def test_any_area_is_seen_whole(seed, swath, holes):
    polygon = holed(seed) if holes else blob(seed)
    path = plan_area(polygon, Sweep(swath_m=swath), directions_rad=[*edge_directions(polygon)[:4], 0.3, 1.9])
    assert unseen_m2(polygon, path) < 1e-2


@pytest.mark.parametrize("name", ["triangle", "L", "ring"])
def test_no_whole_degree_direction_is_shorter(name):
    polygon = SHAPES[name]
    ours = plan_area(polygon, Sweep(swath_m=40.0)).length_m
    brute = min(plan_area(polygon, Sweep(swath_m=40.0), directions_rad=[math.radians(d)]).length_m for d in range(180))
    assert ours <= brute + 1e-6


def test_bounding_skips_no_better_direction():
    polygon = blob(0, 7)
    directions = [*edge_directions(polygon), *(math.radians(d) for d in range(0, 180, 3))]
    each = [plan_area(polygon, Sweep(swath_m=45.0), directions_rad=[angle]).length_m for angle in directions]
    assert plan_area(polygon, Sweep(swath_m=45.0), directions_rad=directions).length_m == pytest.approx(min(each))
    assert min(each) < 5300.0


def test_an_ell_is_cut_and_each_arm_swept_along_itself():
    arms = shapely.Polygon([(0, 0), (1000, 0), (1000, 100), (120, 100), (120, 1000), (0, 1000)])
    whole, parts = plan_area(arms, Sweep(swath_m=20.0)), plan_area_in_parts(arms, Sweep(swath_m=20.0))
    assert parts.length_m < 0.99 * whole.length_m
    assert parts.length_m / (arms.area / 20.0) < 1.06
    assert unseen_m2(arms, parts) < 1e-3
    headings = {round(math.degrees(math.atan2(*(b - a))) % 180.0) for a, b in parts.points_xy.reshape(-1, 2, 2)}
    assert headings == {0, 90}


@pytest.mark.parametrize("name", ["comb", "spiral", "ring", "square"])
def test_cutting_never_lengthens_the_path_and_sees_everything(name):
    polygon = SHAPES[name]
    parts = plan_area_in_parts(polygon, Sweep(swath_m=30.0))
    assert parts.length_m <= plan_area(polygon, Sweep(swath_m=30.0)).length_m + 1e-6
    assert unseen_m2(polygon, parts) < 1e-3


def test_a_rectangle_is_swept_along_its_long_side():
    path = plan_area(shapely.box(0, 0, 1000, 195), Sweep(swath_m=20.0))
    assert math.degrees(path.direction_rad) % 180.0 == pytest.approx(0.0, abs=1e-6)
    assert path.lane_count == 10
    assert path.length_m == pytest.approx(10 * 1000.0 + 9 * 19.5)


def test_turning_the_area_turns_the_path():
    polygon = SHAPES["triangle"]
    turned = shapely.transform(polygon, lambda xy: xy @ np.array([[0.6, 0.8], [-0.8, 0.6]]))
    assert plan_area(turned, Sweep(swath_m=30.0)).length_m == pytest.approx(
        plan_area(polygon, Sweep(swath_m=30.0)).length_m, rel=2e-3
    )


def test_expensive_turns_mean_fewer_lanes():
    polygon = shapely.Polygon([(0, 0), (300, 0), (300, 290), (0, 310)])
    cheap = plan_area(polygon, Sweep(swath_m=25.0))
    dear = plan_area(polygon, Sweep(swath_m=25.0, cost=LaneCost(turn_m=500.0)))
    assert dear.lane_count <= cheap.lane_count


def test_the_path_begins_at_the_corner_nearest_to_where_the_aircraft_comes_from():
    box = shapely.box(0, 0, 400, 200)
    for corner in itertools.product((-300, 700), (-300, 500)):
        path = plan_area(box, Sweep(swath_m=50.0, begin_xy=np.array(corner, dtype=float)))
        ends = np.hypot(*(path.points_xy[[0, -1]] - corner).T)
        assert ends[0] < 600.0


def test_few_cells_are_toured_as_brute_force_would():
    rng = np.random.default_rng(5)
    for _ in range(5):
        cells = [
            Cell(lanes=tuple((x, x + 30.0, y + 10.0 * n) for n in range(k)))
            for x, y, k in zip(rng.uniform(0, 300, 4), rng.uniform(0, 300, 4), (2, 3, 1, 4), strict=True)
        ]
        brute = min(
            sum(c.length_m(v) for c, v in zip(order, variants, strict=True))
            + sum(
                math.dist(a.flown(u)[-1], b.flown(v)[0])
                for (a, u), (b, v) in itertools.pairwise(zip(order, variants, strict=True))
            )
            for order in itertools.permutations(cells)
            for variants in itertools.product(range(4), repeat=4)
        )
        length, tour = best_tour(cells)
        assert length == pytest.approx(brute)
        assert sorted(c for c, _ in tour) == [0, 1, 2, 3]
        assert least_ways_m(cells) + sum(c.least_m for c in cells) <= brute + 1e-9


def test_many_cells_are_toured_well():
    rng = np.random.default_rng(6)
    grid = [(x, y) for x in range(0, 400, 100) for y in range(0, 400, 100)]
    cells = [Cell(lanes=((x, x + 10.0, y), (x, x + 10.0, y + 10.0))) for x, y in rng.permutation(grid).tolist()]
    length, tour = best_tour(cells)
    assert sorted(c for c, _ in tour) == list(range(16))
    own = sum(c.least_m for c in cells)
    assert length - own <= 1.10 * 15 * 91.0


def test_the_length_of_a_cell_is_the_length_of_its_points():
    for count in (1, 2, 3, 4):
        cell = Cell(lanes=tuple((7.0 * n, 90.0 - 3.0 * n * n, 10.0 * n) for n in range(count)))
        for variant in range(4):
            points = cell.flown(variant)
            assert cell.length_m(variant) == pytest.approx(sum(math.dist(a, b) for a, b in itertools.pairwise(points)))


def test_a_hole_cuts_lanes_into_four_cells():
    polygon = shapely.box(0, 0, 400, 400).difference(shapely.box(150, 150, 250, 250))
    strips = strips_of(polygon, direction_rad=0.0, swath_m=25.0)
    assert len(cells_of(lane_rows(strips))) == 4
    assert len(cells_of(lane_rows(strips, bridge_m=math.inf))) == 1


def test_going_round_a_hole_adds_its_shorter_side():
    hole = shapely.box(100, 0, 200, 60)
    across = np.array([[0.0, 20.0], [300.0, 20.0]])
    assert detours(across, [hole]) == (pytest.approx(20 + 100 + 20 - 100), 1)
    clipped = np.array([[100.0 - 50.0, 30.0], [100.0 + 50.0, 90.0]])  # in at (100, 60): touches a corner, passes above
    assert detours(clipped, [hole])[0] == pytest.approx(0.0, abs=1e-9)
    assert detours(np.array([[0.0, 80.0], [300.0, 80.0]]), [hole]) == (0.0, 0)


def test_holes_that_must_be_flown_round_still_leave_nothing_unseen():
    polygon = shapely.box(0, 0, 400, 300).difference(shapely.box(120, 100, 260, 180))
    over, round_ = (plan_area(polygon, Sweep(swath_m=30.0, over_holes=choice)) for choice in (True, False))
    assert unseen_m2(polygon, round_) < 1e-3
    hole = [shapely.box(120, 100, 260, 180)]
    assert sum(detours(round_.points_xy, hole)) <= sum(detours(over.points_xy, hole))


@pytest.mark.parametrize(
    ("polygon", "swath", "sentence"),
    [
        (shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)]), 5.0, "not a simple polygon"),
        (shapely.Polygon(), 5.0, "no ground in it"),
        (shapely.box(0, 0, 10, 10), 0.0, "swath must be above 0"),
        (shapely.box(0, 0, 10, 10), math.nan, "swath must be above 0"),
        (shapely.box(0, 0, 1e6, 1e6), 1.0, "at most 20000 are planned"),
    ],
)
def test_areas_that_cannot_be_searched_are_refused(polygon, swath, sentence):
    with pytest.raises(InputError, match=sentence):
        plan_area(polygon, Sweep(swath_m=swath))
