"""The fence a vehicle is given: it holds every straight return, and leaves zones and the standoff out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely

from missions.briefs.brief_file import read_brief
from missions.tasks.planner import plan_brief

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "demo" / "brief.toml"
GEOD = pyproj.Geod(ellps="WGS84")


@pytest.fixture(scope="module")
def brief():
    return read_brief(EXAMPLE)


@pytest.fixture(scope="module")
def plan(brief):
    return plan_brief(brief)


def polygons(sortie, command):
    """Return the polygons of one kind, read as MAVLink does: each vertex says how many there are."""
    items = [item for item in sortie.fence if item.command == command]
    found = []
    while items:
        count = int(items[0].p1)
        found.append(shapely.Polygon([(item.lon_deg, item.lat_deg) for item in items[:count]]))
        items = items[count:]
    return found


def places(sortie):
    for leg in sortie.legs:
        for share in np.linspace(0.0, 1.0, 11):
            yield (
                leg.lon_start_deg + share * (leg.lon_end_deg - leg.lon_start_deg),
                leg.lat_start_deg + share * (leg.lat_end_deg - leg.lat_start_deg),
            )


def test_every_straight_return_to_the_nearest_landing_stays_inside(brief, plan):
    for sortie in plan.sorties:
        (fence,) = polygons(sortie, 5001)
        assert fence.is_valid
        landings = [(sortie.home_lon_deg, sortie.home_lat_deg), *((r.lon_deg, r.lat_deg) for r in brief.rally)]
        for place in places(sortie):
            goal = min(landings, key=lambda to, place=place: GEOD.inv(*place, *to)[2])
            assert fence.covers(shapely.LineString([place, goal])), (sortie.name, place, goal)


def test_zones_inside_the_fence_are_excluded_whole(brief, plan):
    zones = [
        shapely.Polygon(list(zip(ring[0].lon_deg, ring[0].lat_deg, strict=True)))
        for zone in brief.zone
        for ring in zone.polygons
    ]
    for sortie in plan.sorties:
        (fence,) = polygons(sortie, 5001)
        excluded = shapely.union_all(polygons(sortie, 5002))
        for zone in zones:
            assert excluded.buffer(1e-9).covers(zone) or not fence.intersects(zone)


def test_the_fence_keeps_the_standoff_itself(brief, plan):
    plane = pyproj.Transformer.from_crs(4326, "+proj=tmerc +lat_0=47.38 +lon_0=112.6 +datum=WGS84", always_xy=True)
    line = brief.border.lines[0]
    border = shapely.LineString(np.column_stack(plane.transform(line.lon_deg, line.lat_deg)))
    for sortie in plan.sorties:
        (fence,) = polygons(sortie, 5001)
        flat = shapely.transform(fence, lambda c: np.column_stack(plane.transform(c[:, 0], c[:, 1])))
        assert flat.distance(border) >= brief.standoff.asked_m - 0.5
