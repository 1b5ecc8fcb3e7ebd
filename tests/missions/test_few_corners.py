"""Polygons between two others, on shapes nobody chose: neither is crossed, and the corners become few."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from missions.airspace.few_corners import between
from missions.capacity import capacity_of
from missions.tasks.plan_door import plan_brief


def blob(rng, corners, rough):
    """Return a star-shaped polygon about the origin with random radii."""
    angles = np.sort(rng.uniform(0.0, 2.0 * np.pi, corners))
    radii = rng.uniform(1.0 - rough, 1.0, corners) * 1000.0
    return shapely.Polygon(np.c_[radii * np.cos(angles), radii * np.sin(angles)])


def meander(rng, turns):
    """Return a strip about a random walk: long, bent, and with an edge of many corners."""
    steps = np.cumsum(rng.normal(0.0, 1.0, turns)) * 0.35
    xy = np.cumsum(np.c_[np.cos(steps), np.sin(steps)] * 300.0, axis=0)
    return shapely.LineString(xy)


@pytest.mark.parametrize("seed", range(14))
def test_neither_shape_is_ever_crossed(seed):
    rng = np.random.default_rng(seed)
    if seed % 2:
        inner = meander(rng, 25)
        shape = inner.buffer(float(rng.uniform(20.0, 200.0)))
        outer = shapely.Polygon(shape.exterior)
    else:
        outer = blob(rng, int(rng.integers(20, 120)), 0.5)
        if not outer.is_valid:
            outer = outer.buffer(0)
        inner = outer.buffer(-float(rng.uniform(5.0, 80.0)))
    made = between(inner, outer, 12)
    assert made is not None
    assert made.is_valid
    points = np.random.default_rng(seed).uniform(*np.array(outer.bounds).reshape(2, 2), (4000, 2))
    inside, held, allowed = (shapely.contains_xy(s, *points.T) for s in (made, inner.buffer(0.0), outer))
    assert not (held & ~inside).any()
    assert not (inside & ~allowed).any()
    assert made.buffer(1e-6).covers(inner)
    assert outer.buffer(1e-6).covers(made)
    assert len(made.exterior.coords) <= len(outer.exterior.coords)


def test_a_round_room_needs_few_corners():
    outer, inner = shapely.Point(0, 0).buffer(100.0, quad_segs=64), shapely.Point(0, 0).buffer(60.0)
    made = between(inner, outer, 4)
    assert made is not None
    assert len(made.exterior.coords) - 1 <= 6


def test_what_does_not_lie_within_is_not_answered():
    assert between(shapely.Point(0, 0).buffer(10.0), shapely.Point(5, 0).buffer(8.0), 4) is None


def zigzag(rng):
    """Return a border of random legs, bent at each."""
    lon = 23.5 + np.cumsum(rng.uniform(0.001, 0.004, 24))
    lat = 52.10 + rng.uniform(-0.0012, 0.0012, 24)
    return [[float(a), float(b)] for a, b in zip(lat, lon, strict=True)]


@pytest.mark.parametrize("dialect", ["px4", "ardupilot"])
@pytest.mark.parametrize("seed", [1])
def test_the_fence_of_a_jagged_border_can_be_stored(make_brief, seed, dialect):
    rng = np.random.default_rng(seed)
    zones = [{"name": f"z{k}", "centre": [52.0925, 23.52 + 0.01 * k], "radius_m": 60.0} for k in range(2)]
    brief = make_brief(
        zigzag(rng), dialect=dialect, border={"own_side": "right"}, standoff={"asked_m": 100.0},
        corridor={"depth_m": 500.0}, launch=[{"name": "a", "lat_deg": 52.0895, "lon_deg": 23.54}], zone=zones,
    )  # fmt: skip
    room = capacity_of(dialect, fixed_wing=False)
    for sortie in plan_brief(brief).plan.sorties:
        counts, items = [], list(sortie.fence)
        while items:
            counts.append(int(items[0].p1))
            assert {(i.command, i.p1) for i in items[: counts[-1]]} == {(items[0].command, items[0].p1)}
            items = items[counts[-1] :]
        assert room.fence_used(counts) <= room.fence
        assert len(sortie.items) <= room.items
