"""Ways over nobody: against a raster's shortest paths, and on whole plans among random areas."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from missions.airspace.routing import AVOIDED_COST, Router
from missions.briefs.brief_file import build_brief
from missions.errors import PlanRefusedError
from missions.tasks.plan_door import plan_brief

CELL_M = 25.0


def raster(air, size_m):
    """Return which cells of a grid over a square have their whole disc in the air."""
    ticks = np.arange(CELL_M / 2.0, size_m, CELL_M)
    east, north = np.meshgrid(ticks, ticks, indexing="ij")
    return shapely.contains_xy(air.buffer(-CELL_M), east.ravel(), north.ravel()).reshape(east.shape)


def raster_cost(free, preferred, start, end, size_m):
    """Return the least cost of a way over the grid's cells (16 neighbours), weighted as the router weights it."""
    inside, spared = raster(free, size_m), raster(preferred, size_m)
    count = inside.shape[0]
    index = np.arange(inside.size).reshape(inside.shape)
    price = np.where(spared, 1.0, 1.0 + AVOIDED_COST)
    rows, columns, costs = [], [], []
    for i, j in ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1)):
        low, high = max(0, -j), count - max(0, j)
        a, b = (slice(0, count - i), slice(low, high)), (slice(i, count), slice(low + j, high + j))
        both = inside[a] & inside[b]
        rows.append(index[a][both])
        columns.append(index[b][both])
        costs.append((CELL_M * np.hypot(i, j) * (price[a] + price[b]) / 2.0)[both])
    graph = coo_array(
        (np.concatenate(costs), (np.concatenate(rows), np.concatenate(columns))), shape=(inside.size, inside.size)
    ).tocsr()
    source, goal = (index[tuple((np.asarray(p) // CELL_M).astype(int))] for p in (start, end))
    return float(dijkstra(graph, directed=False, indices=source)[goal])


def shapes(rng, count, low, high):
    """Return discs and long boxes at random."""
    made = []
    for _ in range(count):
        x, y = rng.uniform(300, 1700, 2)
        if rng.random() < 0.5:
            made.append(shapely.Point(x, y).buffer(rng.uniform(low, high), quad_segs=6))
        else:
            box = shapely.box(x - rng.uniform(300, 1500), y - 15, x + rng.uniform(300, 1500), y + 15)
            made.append(shapely.affinity.rotate(box, rng.uniform(0, 180)))
    return shapely.union_all(made)


START, END = np.array([62.5, 62.5]), np.array([1937.5, 1937.5])


def airs(seed):
    """Return free air and preferred air at random, both holding start and end."""
    rng = np.random.default_rng(seed)
    ends = shapely.MultiPoint([START, END]).buffer(60.0)
    free = shapely.box(0, 0, 2000, 2000) - (shapes(rng, 3, 50, 250) - ends)
    return free, free - (shapes(rng, 4, 50, 250) - ends)


def joined_on_the_raster(air):
    labels, _ = label(raster(air, 2000.0), structure=np.ones((3, 3)))
    return labels[2, 2] == labels[-3, -3] != 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_avoided_ground_is_crossed_only_where_a_raster_finds_no_way_round(seed):
    free, preferred = airs(seed)
    way = Router(free, preferred).route(START, END)
    if way is None:
        assert not joined_on_the_raster(free)
        return
    path = shapely.LineString(way)
    assert free.buffer(0.01).covers(path)
    if joined_on_the_raster(preferred):
        assert (path - preferred.buffer(0.01)).is_empty


def test_where_it_must_be_crossed_the_way_costs_little_more_than_the_rasters_best():
    ratios = []
    for seed in range(40):
        free, preferred = airs(seed)
        way = Router(free, preferred).route(START, END)
        if way is None or Router(preferred).joined(START, END):
            continue
        path = shapely.LineString(way)
        over = (path - preferred.buffer(0.01)).length
        ratios.append((path.length + AVOIDED_COST * over) / raster_cost(free, preferred, START, END, 2000.0))
    assert len(ratios) >= 8
    assert np.median(ratios) <= 1.0
    assert np.quantile(ratios, 0.9) <= 1.2


PLANE = pyproj.Transformer.from_crs(4326, "+proj=tmerc +lat_0=50.0 +lon_0=8.02 +datum=WGS84 +units=m", always_xy=True)


def brief_of(border, **tables):
    """Build a brief; a fixture would be shared by all examples."""
    raw = {
        "name": "random", "border": {"coordinates": border, "own_side": "left"}, "standoff": {"asked_m": 150},
        "aircraft": {"type": "quad-survey"},
    }  # fmt: skip
    return build_brief(raw | tables, Path())


def degrees(shape):
    """Return a polygon of the plane as rings of [lat, lon]."""
    rings = [shape.exterior, *shape.interiors]
    return [[list(PLANE.transform(*xy, direction="INVERSE"))[::-1] for xy in ring.coords[:-1]] for ring in rings]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_plans_among_random_areas_keep_in_and_go_round(seed):
    rng = np.random.default_rng(seed)
    xy = np.column_stack([np.linspace(-1500, 1500, 7), rng.uniform(-150, 150, 7)])
    border = [list(PLANE.transform(*p, direction="INVERSE"))[::-1] for p in xy]
    corners = np.column_stack([np.cos(np.arange(9) * 0.698), np.sin(np.arange(9) * 0.698)])
    site = np.array([0.0, 1300.0])
    area = shapely.Polygon(site + corners * rng.uniform(900, 2600, (9, 1))).buffer(0)
    hole = shapely.Point(rng.uniform(-900, 900), rng.uniform(500, 900)).buffer(rng.uniform(50, 150), quad_segs=3)
    area = area - hole if area.buffer(-60).covers(hole) and hole.distance(shapely.Point(site)) > 100 else area
    avoided = [
        shapely.Point(rng.uniform(-1300, 1300), rng.uniform(300, 1100)).buffer(rng.uniform(60, 250)) for _ in "ab"
    ]
    avoided = [a for a in avoided if a.distance(shapely.Point(site)) > 20.0]
    clearance = float(rng.choice([0.0, 30.0, 60.0]))
    lat, lon = list(PLANE.transform(*site, direction="INVERSE"))[::-1]
    brief = brief_of(
        border=border, corridor={"depth_m": 600}, launch=[{"name": "a", "lat_deg": lat, "lon_deg": lon}],
        keep_in={"polygon": degrees(area), "clearance_m": clearance},
        avoid=[{"name": f"v{k}", "polygon": degrees(a)} for k, a in enumerate(avoided)],
    )  # fmt: skip
    try:
        plan = plan_brief(brief).plan
    except PlanRefusedError:
        return
    for sortie in plan.sorties:
        lon_lat = [(sortie.home_lon_deg, sortie.home_lat_deg), *((g.lon_end_deg, g.lat_end_deg) for g in sortie.legs)]
        path = shapely.LineString(np.column_stack(PLANE.transform(*np.array(lon_lat).T)))
        assert area.buffer(0.05).covers(path)
        assert area.boundary.distance(path) >= clearance - 0.05
        legs = [shapely.LineString(pair) for pair in itertools.pairwise(path.coords)]  # a way flown back counts again
        over = sum(leg.intersection(shape).length for leg in legs for shape in avoided)
        said = sum(f.measured for f in plan.findings if f.rule == "overflight" and f.sortie == sortie.name)
        assert said == pytest.approx(over, abs=1.0)
        items = [(i.command, i.p1, i.lon_deg, i.lat_deg) for i in sortie.fence]
        count = int(items[0][1])
        fence = shapely.Polygon(np.column_stack(PLANE.transform(*np.array([i[2:] for i in items[:count]]).T)))
        shut = items[count:]
        outs = []
        while shut:
            n = int(shut[0][1])
            outs.append(shapely.Polygon(np.column_stack(PLANE.transform(*np.array([i[2:] for i in shut[:n]]).T))))
            shut = shut[n:]
        assert items[0][0] == 5001
        assert area.buffer(0.1).covers(fence - shapely.union_all(outs))
