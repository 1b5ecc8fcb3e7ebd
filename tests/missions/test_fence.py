"""The fence a vehicle is given: it holds every straight return, and leaves zones and the standoff out."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely

from missions.airspace.fence import PATH_ALONE_M, ROOMS_M, _fitting, _Room, straight_returns
from missions.briefs.brief_file import read_brief
from missions.capacity import Capacity
from missions.tasks.plan_door import plan_brief

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "demo" / "brief.toml"
GEOD = pyproj.Geod(ellps="WGS84")


@pytest.fixture(scope="module")
def brief():
    return read_brief(EXAMPLE)


@pytest.fixture(scope="module")
def plan(brief):
    return plan_brief(brief).plan


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


@pytest.fixture(scope="module")
def pond(plan, tmp_path_factory):
    """Return a brief with a small zone in the middle of the air that the second sortie flies round, and its outline."""
    (fence,) = polygons(plan.sorties[1], 5001)
    path = shapely.LineString([(leg.lon_start_deg, leg.lat_start_deg) for leg in plan.sorties[1].legs])
    free = shapely.get_parts(fence.buffer(-8e-4).difference(path.buffer(1.4e-3)))
    lon, lat = shapely.get_coordinates(shapely.maximum_inscribed_circle(max(free, key=lambda part: part.area)))[0]
    folder = tmp_path_factory.mktemp("pond") / "brief"
    shutil.copytree(EXAMPLE.parent, folder)
    zone = f'\n[[zone]]\nname = "pond"\ncentre = [{lat}, {lon}]\nradius_m = 25.0\nclearance_m = 20.0\n'
    (folder / "brief.toml").write_text(EXAMPLE.read_text() + zone)
    around = [GEOD.fwd(lon, lat, bearing, 25.0)[:2] for bearing in range(0, 360, 10)]
    return read_brief(folder / "brief.toml"), shapely.Polygon(around)


def test_a_zone_inside_the_fence_is_excluded_whole(pond):
    brief, outline = pond
    inside = [sortie for sortie in plan_brief(brief).plan.sorties if polygons(sortie, 5001)[0].contains(outline)]
    assert inside, "no fence holds the zone, so nothing would be shown"
    for sortie in inside:
        assert shapely.union_all(polygons(sortie, 5002)).buffer(1e-9).covers(outline)


def test_a_zone_beside_the_fence_stays_outside_it(brief, plan):
    (village,) = [
        shapely.Polygon(list(zip(rings[0].lon_deg, rings[0].lat_deg, strict=True)))
        for zone in brief.zone
        for rings in zone.polygons
    ]
    for sortie in plan.sorties:
        excluded = shapely.union_all(polygons(sortie, 5002))
        assert not polygons(sortie, 5001)[0].difference(excluded).intersects(village)


def test_the_fence_keeps_the_standoff_itself(brief, plan):
    plane = pyproj.Transformer.from_crs(4326, "+proj=tmerc +lat_0=47.38 +lon_0=112.6 +datum=WGS84", always_xy=True)
    line = brief.border.lines[0]
    border = shapely.LineString(np.column_stack(plane.transform(line.lon_deg, line.lat_deg)))
    for sortie in plan.sorties:
        (fence,) = polygons(sortie, 5001)
        flat = shapely.transform(fence, lambda c: np.column_stack(plane.transform(c[:, 0], c[:, 1])))
        assert flat.distance(border) >= brief.standoff.asked_m - 0.5


def test_where_returns_follow_the_path_straight_ones_give_way_to_what_the_vehicle_stores():
    """Air between two saws, a path along its middle: straight returns reach into every tooth."""
    teeth = [(250.0 * k, 300.0 if k % 2 else 900.0) for k in range(17)]
    air = shapely.Polygon([*teeth, *((x, -y) for x, y in reversed(teeth))])
    line = shapely.LineString([(100.0, 0.0), (3900.0, 0.0)])
    small = Capacity(items=1, items_most=1, rally=1, fence=12)
    corners = []
    for rooms in (ROOMS_M, (*ROOMS_M, PATH_ALONE_M)):
        room = _Room(line=line, returns=air, air=air, allowed=air, zones=(), rooms_m=rooms)
        ((_, ring),) = _fitting(room, small)
        assert air.covers(ring)
        assert ring.covers(line)
        corners.append(len(ring.exterior.coords) - 1)
    assert corners[1] <= small.fence < corners[0]


def test_returns_whose_edges_all_but_coincide_are_united():
    """Of a real stretch: GEOS finds no union of these triangles in floating point."""
    path_m = np.array([
        (0.019754131677724163, 4.174739419542869e-11), (-308.11856473948995, 2689.097993484668),
        (-2542.684176234721, 8191.75820457384), (-2143.0273689929927, 5910.475790472021),
        (-1955.7078333879551, 6004.649312767706), (-2344.9329148016927, 8226.390375696858),
        (-308.11856473948995, 2689.097993484668), (0.019754131677724163, 4.174739419542869e-11),
    ])  # fmt: skip
    landings_m = np.array([
        (0.019754131677724163, 4.174739419542869e-11), (-229.9366539132777, 2704.1992001631747),
        (-1095.7171890158972, 3837.3798049233296), (-104.25651494759342, 2029.7035151309105),
        (-347.2179541655983, 803.1670260857645), (-56.20366062481547, 2473.7982961815123),
    ])  # fmt: skip
    line = shapely.LineString(path_m)
    held = straight_returns(path_m, landings_m).union(line).buffer(0.05)
    clear = 0
    for at_m in np.arange(0.0, line.length, 7.0):
        place = line.interpolate(at_m)
        near, next_near = sorted(shapely.points(landings_m), key=place.distance)[:2]
        if place.distance(next_near) > place.distance(near) + 100.0:  # near a tie either is drawn
            clear += 1
            assert held.covers(shapely.LineString([place, near]))
    assert clear > 1000
