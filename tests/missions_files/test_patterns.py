"""Every kind of search as a path on WGS 84; routes, perimeters and lines of sight."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pyproj
import pytest
import shapely

from geo.errors import InputError, RefusedError
from geo.geodesy import geodetic_to_ecef
from geo.terrain import FlatTerrain
from geo.values import Geodetic
from missions.patterns.pattern_path import plan_pattern
from missions.patterns.route import along_route, around_perimeter
from missions.patterns.values import PatternKind, PatternRequest
from missions.patterns.watch import best_hover, line_of_sight, watch_posts
from missions.plan import LegKind

GEOD = pyproj.Geod(ellps="WGS84")
DATUM = (8.0, 50.0)
RING = ((8.0, 50.0), (8.01, 50.0), (8.01, 50.005), (8.0, 50.005))


def metres(path):
    lon = [w.lon_deg for w in path.waypoints]
    lat = [w.lat_deg for w in path.waypoints]
    return GEOD.line_length(lon, lat)


REQUESTS = {
    PatternKind.AREA: {"polygons": ((RING,),)},
    PatternKind.POINT: {"datum": DATUM, "radius_m": 200.0, "laps": 2},
    PatternKind.EXPANDING_SQUARE: {"datum": DATUM, "legs": 9},
    PatternKind.SECTOR: {"datum": DATUM, "radius_m": 700.0},
    PatternKind.PARALLEL_TRACK: {"datum": DATUM, "length_m": 1000.0, "width_m": 400.0, "direction_deg": 40.0},
    PatternKind.CREEPING_LINE: {"datum": DATUM, "length_m": 1000.0, "width_m": 400.0},
    PatternKind.ROUTE: {"line": ((8.0, 50.0), (8.01, 50.001), (8.02, 50.0)), "offset_m": 50.0},
    PatternKind.PERIMETER: {"polygons": ((RING,),), "offset_m": 80.0, "laps": 2},
}


@pytest.mark.parametrize("kind", PatternKind)
def test_every_kind_gives_a_path_whose_length_pyproj_confirms(kind):
    path = plan_pattern(PatternRequest(kind=kind, swath_m=60.0, **REQUESTS[kind]))
    assert path.waypoints[0].kind is LegKind.TRANSIT
    assert any(w.kind is LegKind.WORK for w in path.waypoints[1:])
    assert metres(path) == pytest.approx(path.length_m, rel=1e-4)
    if kind in (PatternKind.POINT, PatternKind.ROUTE, PatternKind.PERIMETER):
        assert math.isnan(path.pod)
    else:
        assert 0.0 < path.pod < 1.0
        assert path.pod == pytest.approx(1.0 - math.exp(-path.coverage))


@pytest.mark.parametrize("kind", PatternKind)
def test_a_request_without_its_drawing_is_refused(kind):
    with pytest.raises(InputError):
        plan_pattern(PatternRequest(kind=kind, swath_m=60.0))


def test_the_expanding_square_keeps_its_spacing_on_the_ellipsoid():
    path = plan_pattern(PatternRequest(kind=PatternKind.EXPANDING_SQUARE, swath_m=250.0, datum=DATUM, legs=4))
    w = path.waypoints
    legs = [GEOD.inv(a.lon_deg, a.lat_deg, b.lon_deg, b.lat_deg)[2] for a, b in zip(w, w[1:], strict=False)]
    assert legs == pytest.approx([250, 250, 500, 500], abs=0.05)


def test_an_area_across_the_antimeridian_is_searched_like_any_other():
    there = tuple(((lon - 8.005 + 180.0 + 180.0) % 360.0 - 180.0, lat) for lon, lat in RING)
    here = plan_pattern(PatternRequest(kind=PatternKind.AREA, swath_m=60.0, polygons=((RING,),)))
    path = plan_pattern(PatternRequest(kind=PatternKind.AREA, swath_m=60.0, polygons=((there,),)))
    assert path.length_m == pytest.approx(here.length_m, rel=1e-6)
    assert {math.copysign(1.0, w.lon_deg) for w in path.waypoints} == {1.0, -1.0}


@pytest.mark.parametrize(
    ("ring", "sentence"),
    [
        (((8.0, 50.0), (8.01, 50.01), (8.01, 50.0), (8.0, 50.01)), "self-intersection at 50.005"),
        (((8.0, 50.0), (math.nan, 50.0), (8.0, 50.01)), "vertex 1 .* is no place on Earth"),
        (((500000.0, 5540000.0), (500100.0, 5540000.0), (500000.0, 5540100.0)), "must be WGS 84 degrees"),
        (((8.0, 50.0), (30.0, 50.0), (8.0, 60.0)), "cut it into pieces"),
        (((8.0, 50.0), (8.1, 50.0)), "at least three are needed"),
    ],
)
def test_a_bad_drawing_is_refused_with_the_place(ring, sentence):
    with pytest.raises(InputError, match=sentence):
        plan_pattern(PatternRequest(kind=PatternKind.AREA, swath_m=60.0, polygons=((ring,),)))


def test_a_route_runs_beside_its_line_on_the_asked_side():
    line = shapely.LineString([(0, 0), (1000, 0)])
    assert along_route(line, offset_m=50.0) == pytest.approx(np.array([[0, -50], [1000, -50]]))
    assert along_route(line, offset_m=-50.0) == pytest.approx(np.array([[0, 50], [1000, 50]]))
    back = along_route(line, there_and_back=True)
    assert back == pytest.approx(np.array([[0, 0], [1000, 0], [0, 0]]))


def test_a_perimeter_keeps_its_distance_and_closes():
    site = shapely.Polygon([(0, 0), (300, 0), (300, 200), (150, 120), (0, 200)])
    points = around_perimeter(site, offset_m=40.0, begin_xy=np.array([400.0, 300.0]))
    ring = shapely.LineString(points)
    assert ring.is_closed
    assert ring.distance(site) == pytest.approx(40.0, abs=1e-6)
    assert not shapely.is_ccw(shapely.linearrings(points))
    assert np.hypot(*(points[0] - [340.0, 240.0])) < 30.0
    inside = shapely.LineString(around_perimeter(site, offset_m=-20.0))
    assert site.contains(inside)


def test_a_perimeter_that_vanishes_is_refused():
    with pytest.raises(InputError, match="nothing is left"):
        around_perimeter(shapely.box(0, 0, 30, 30), offset_m=-20.0)


TARGET = Geodetic(lat_deg=46.0, lon_deg=11.0, alt_hae_m=500.0)


@dataclasses.dataclass(frozen=True)
class Ridge:
    """Flat ground with a wall running north-south, east of the target."""

    height_m: float

    def height_hae_m(self, lat_deg, lon_deg):
        return np.where((lon_deg > 11.002) & (lon_deg < 11.0025), 500.0 + self.height_m, 500.0)


def test_over_flat_ground_the_target_is_in_sight_from_all_around():
    posts = watch_posts(TARGET, FlatTerrain(height_m=500.0), radius_m=400.0, height_m=80.0)
    assert posts.in_sight.all()


def test_a_ridge_hides_the_target_from_behind_it_only():
    posts = watch_posts(TARGET, Ridge(height_m=120.0), radius_m=400.0, height_m=80.0)
    assert not posts.in_sight[posts.azimuth_deg == 90.0].any()
    assert posts.in_sight[posts.azimuth_deg == 270.0].all()
    assert 0.5 < posts.in_sight.mean() < 1.0


def test_sight_over_a_ridge_ends_where_similar_triangles_say():
    # viewer 400 m east and 80 m up; the line of sight is lowest over the wall's near edge
    far_m = GEOD.inv(11.0, 46.0, 11.0025, 46.0)[2]
    near_m = GEOD.inv(11.0, 46.0, 11.002, 46.0)[2]
    lon, lat, _ = GEOD.fwd(11.0, 46.0, 90.0, 400.0)
    viewer = geodetic_to_ecef(np.array([lat]), np.array([lon]), np.array([580.0]))
    eye = dataclasses.replace(TARGET, alt_hae_m=501.0)
    grazing_m = 1.0 + 79.0 * near_m / 400.0
    assert far_m > near_m
    assert line_of_sight(Ridge(height_m=grazing_m - 1.0), viewer, eye).tolist() == [True]
    assert line_of_sight(Ridge(height_m=grazing_m + 4.0), viewer, eye).tolist() == [False]


def test_a_low_rim_hides_the_ground_but_not_a_person_standing_on_it():
    class Rim:
        def height_hae_m(self, lat_deg, lon_deg):
            apart = np.hypot((lat_deg - 46.0) * 111_150.0, (lon_deg - 11.0) * 77_450.0)
            return np.where((apart > 10.0) & (apart < 40.0), 500.7, 500.0)

    posts = watch_posts(TARGET, Rim(), radius_m=400.0, height_m=12.0)
    assert posts.in_sight.all()
    viewers = geodetic_to_ecef(posts.lat_deg, posts.lon_deg, posts.alt_hae_m)
    assert not line_of_sight(Rim(), viewers, TARGET).any()


def test_the_hover_is_in_sight_and_away_from_the_edge_of_the_hidden_part():
    posts = watch_posts(TARGET, Ridge(height_m=120.0), radius_m=400.0, height_m=80.0)
    chosen = best_hover(posts, from_deg=90.0)
    assert posts.in_sight[chosen]
    assert posts.in_sight[[chosen - 2, chosen - 1, (chosen + 1) % 72, (chosen + 2) % 72]].all()


def test_a_target_hidden_from_everywhere_is_refused():
    class Pit:
        def height_hae_m(self, lat_deg, lon_deg):
            far = np.hypot((lat_deg - 46.0) * 111_000.0, (lon_deg - 11.0) * 77_000.0) > 60.0
            return np.where(far, 900.0, 500.0)

    posts = watch_posts(TARGET, Pit(), radius_m=400.0, height_m=80.0)
    with pytest.raises(RefusedError, match="in sight from nowhere"):
        best_hover(posts, from_deg=0.0)
