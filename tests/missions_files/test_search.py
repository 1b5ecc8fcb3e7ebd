"""Searches as sorties: what is asked is flown, within the brief, and one battery at a time."""

from __future__ import annotations

import json
import math

import numpy as np
import pyproj
import pytest
import shapely

from geo.errors import InputError, RefusedError
from missions.checks.check import check_document
from missions.patterns.values import PatternKind, PatternRequest
from missions.plan import LegKind
from missions.plan_files.plan_document import document_from_sortie
from missions.plan_files.plan_folder_file import read_plan_folder, write_plan_folder
from missions.tasks.plan_door import plan_brief
from missions.tasks.search import Search
from missions.tasks.watching import hover_place, orbit_radius_m, sight_findings
from vedette.commands.search import camera_swath_m
from vedette.commands.search import search as search_command

GEOD = pyproj.Geod(ellps="WGS84")
LAT, LON = 48.0, 9.0


def place(metres_south, metres_east=0.0):
    lon, lat, _ = GEOD.fwd(LON, LAT, 180.0, metres_south)
    lon, lat, _ = GEOD.fwd(lon, lat, 90.0, metres_east)
    return lon, lat


def box(south, north, west, east):
    return (place(south, west), place(south, east), place(north, east), place(north, west))


REQUESTS = {
    PatternKind.AREA: {"polygons": ((box(1500, 700, -400, 500),),)},
    PatternKind.POINT: {"datum": place(900), "radius_m": 200.0, "laps": 2},
    PatternKind.EXPANDING_SQUARE: {"datum": place(900), "legs": 7},
    PatternKind.SECTOR: {"datum": place(900), "radius_m": 400.0},
    PatternKind.PARALLEL_TRACK: {"datum": place(900), "length_m": 800.0, "width_m": 400.0, "direction_deg": 90.0},
    PatternKind.CREEPING_LINE: {"datum": place(900), "length_m": 800.0, "width_m": 400.0, "direction_deg": 90.0},
    PatternKind.ROUTE: {"line": (place(600, -700), place(700, 0), place(600, 700)), "there_and_back": True},
    PatternKind.PERIMETER: {"polygons": ((box(1200, 900, -200, 300),),), "offset_m": 40.0},
}


def request(kind, **more):
    return PatternRequest(kind=kind, **({"swath_m": 60.0} | REQUESTS[kind] | more))


def border_distance_m(leg):
    """Distance of a leg from the border by pyproj alone (the border is the geodesic near 48 N)."""
    lon, lat = np.array(GEOD.npts(LON - 0.05, LAT, LON + 0.05, LAT, 4001)).T
    near = (lon > LON - 0.03) & (lon < LON + 0.03)
    points = [(leg.lon_start_deg, leg.lat_start_deg), (leg.lon_end_deg, leg.lat_end_deg)]
    return min(
        GEOD.inv(np.full(near.sum(), x), np.full(near.sum(), y), lon[near], lat[near])[2].min() for x, y in points
    )


@pytest.mark.parametrize("kind", PatternKind)
def test_every_kind_is_flown_within_the_brief(make_brief, kind):
    brief = make_brief()
    made = plan_brief(brief, Search(request=request(kind)))
    assert made.plan.findings == ()
    reserve = brief.fleets[0].aircraft.reserve_pct
    for sortie in made.plan.sorties:
        first, last = sortie.legs[0], sortie.legs[-1]
        assert (first.lat_start_deg, first.lon_start_deg) == (last.lat_end_deg, last.lon_end_deg)
        assert last.battery_end_pct >= reserve
        assert all(a.lat_end_deg == b.lat_start_deg for a, b in zip(sortie.legs, sortie.legs[1:], strict=False))
        document = document_from_sortie(sortie, "ardupilot")
        assert check_document(document, name="t", brief=brief).errors == 0
    flown = [leg for sortie in made.plan.sorties for leg in sortie.legs]
    assert min(border_distance_m(leg) for leg in flown) > 200.0
    worked = sum(
        GEOD.inv(g.lon_start_deg, g.lat_start_deg, g.lon_end_deg, g.lat_end_deg)[2]
        for g in flown
        if g.kind is not LegKind.TRANSIT
    )
    assert worked >= made.pattern.length_m * 0.98


def test_the_area_is_seen_whole_and_holes_are_left_out(make_brief):
    hole = box(1150, 1000, -80, 100)[::-1]
    polygons = ((*REQUESTS[PatternKind.AREA]["polygons"][0], hole),)
    made = plan_brief(make_brief(), Search(request=request(PatternKind.AREA, polygons=polygons)))
    assert made.plan.covered_pct == pytest.approx(100.0, abs=0.05)
    ring = shapely.Polygon(REQUESTS[PatternKind.AREA]["polygons"][0][0], [hole])
    metres = pyproj.Geod(ellps="WGS84").geometry_area_perimeter(ring)[0]
    assert made.pattern.area_m2 == pytest.approx(abs(metres), rel=1e-4)


def test_a_search_too_long_for_one_battery_goes_on_where_it_stopped(make_brief):
    brief = make_brief()
    one = plan_brief(brief, Search(request=request(PatternKind.AREA, swath_m=60.0)))
    many = plan_brief(brief, Search(request=request(PatternKind.AREA, swath_m=7.0)))
    assert len(one.plan.sorties) == 1
    assert len(many.plan.sorties) >= 3
    assert many.plan.covered_pct > 99.9
    for before, after in zip(many.plan.sorties, many.plan.sorties[1:], strict=False):
        stopped = [g for g in before.legs if g.kind in (LegKind.WORK, LegKind.TURN)][-1]
        resumed = next(g for g in after.legs if g.kind in (LegKind.WORK, LegKind.TURN))
        apart = GEOD.inv(stopped.lon_end_deg, stopped.lat_end_deg, resumed.lon_start_deg, resumed.lat_start_deg)[2]
        assert apart < 7.1  # within the lane, or across to the next
    reserve = brief.fleets[0].aircraft.reserve_pct
    assert all(reserve <= s.legs[-1].battery_end_pct < reserve + 8.0 for s in many.plan.sorties[:-1])


def test_lanes_go_around_a_zone_and_the_rest_is_reported(make_brief):
    middle = place(1100, 50)
    brief = make_brief(zone=[{"name": "mast", "centre": [middle[1], middle[0]], "radius_m": 90.0}])
    made = plan_brief(brief, Search(request=request(PatternKind.AREA)))
    assert not [f for f in made.plan.findings if f.rule == "zones"]
    nearest = min(
        GEOD.inv(leg.lon_end_deg, leg.lat_end_deg, *middle)[2] for sortie in made.plan.sorties for leg in sortie.legs
    )
    assert nearest >= 90.0 + 30.0 - 0.1
    assert {f.rule for f in made.plan.findings} <= {"coverage", "returns"}
    assert made.plan.covered_pct < 100.0


def test_a_search_across_the_border_is_refused_with_its_place(make_brief):
    with pytest.raises(RefusedError, match=r"lies \d+ m beyond the border; move the search \d+ m or more"):
        plan_brief(make_brief(), Search(request=request(PatternKind.SECTOR, datum=place(300), radius_m=500.0)))


def test_a_search_too_near_the_border_is_refused_with_the_distance(make_brief):
    with pytest.raises(RefusedError, match=r"it lies 1\d\d m from the border, and 2\d\d m must be kept"):
        plan_brief(make_brief(), Search(request=request(PatternKind.SECTOR, datum=place(550), radius_m=400.0)))


def test_a_search_no_battery_reaches_is_refused_with_the_way_out(make_brief):
    brief = make_brief(corridor={"depth_m": 60_000.0})
    with pytest.raises(RefusedError, match="no battery reaches the search .* add a launch site nearer"):
        plan_brief(brief, Search(request=request(PatternKind.SECTOR, datum=place(40_000), radius_m=400.0)))


def test_the_camera_is_held_on_the_point(make_brief):
    made = plan_brief(make_brief(), Search(request=request(PatternKind.POINT)))
    (sortie,) = made.plan.sorties
    regions = [item for item in sortie.items if item.command == 195]
    assert [(i.lon_deg, i.lat_deg, i.alt_m) for i in regions] == [(*place(900), 0.0)]
    assert sum(item.command == 197 for item in sortie.items) == 1
    assert not any(item.command == 1000 for item in sortie.items)
    assert [item.seq for item in sortie.items] == list(range(len(sortie.items)))
    for leg in (leg for leg in sortie.legs if leg.kind is LegKind.WORK):
        lon, lat = (leg.lon_start_deg + leg.lon_end_deg) / 2, (leg.lat_start_deg + leg.lat_end_deg) / 2
        azimuth, _, distance = GEOD.inv(lon, lat, *place(900))
        assert leg.gimbal_yaw_deg == pytest.approx(azimuth % 360.0, abs=0.01)
        assert leg.gimbal_pitch_deg == pytest.approx(-math.degrees(math.atan2(100.0, distance)), abs=0.01)


def test_a_hover_lasts_until_the_reserve(make_brief):
    brief = make_brief(wind={"speed_mps": 4.0})
    (sortie,) = plan_brief(brief, Search(request=request(PatternKind.POINT, hover=True))).plan.sorties
    hold = next(item for item in sortie.items if item.command == 19)
    assert GEOD.inv(hold.lon_deg, hold.lat_deg, *place(900))[2] == pytest.approx(200.0, abs=0.5)
    (leg,) = [leg for leg in sortie.legs if leg.speed_mps == 0.0 and leg.t_end_s - leg.t_start_s > 100.0]
    assert leg.t_end_s - leg.t_start_s == hold.p1
    spare_pct = sortie.legs[-1].battery_end_pct - brief.fleets[0].aircraft.reserve_pct
    assert 0.8 <= spare_pct <= 1.2  # a per cent is kept for breaking off
    assert [g.seq for g in sortie.legs] == list(range(len(sortie.legs)))
    assert all(a.t_end_s == pytest.approx(b.t_start_s) for a, b in zip(sortie.legs, sortie.legs[1:], strict=False))


def test_a_fixed_wing_cannot_hover(make_brief):
    brief = make_brief(aircraft={"type": "wing-2m"})
    with pytest.raises(InputError, match="wing-2m is a fixed wing and cannot hover"):
        plan_brief(brief, Search(request=request(PatternKind.POINT, hover=True)))


class Wall:
    """Ground at 300 m with a long wall of 120 m south of the target."""

    def amsl_m(self, lat_deg, lon_deg):
        south = place(960)[1]
        return np.where((lat_deg < south) & (lat_deg > south - 0.0004), 420.0, 300.0)


def test_a_hover_is_placed_where_the_wall_does_not_hide_the_point():
    lon, lat = hover_place(place(900), Wall(), radius_m=200.0, height_m=80.0, begin=place(2000))
    assert lat > place(940)[1]


def test_an_orbit_says_how_much_of_it_the_terrain_hides(make_brief):
    (sortie,) = plan_brief(make_brief(), Search(request=request(PatternKind.POINT))).plan.sorties
    (finding,) = sight_findings([sortie], place(900), Wall())
    assert finding.rule == "line-of-sight"
    assert 10.0 < finding.measured < 60.0
    assert sight_findings([sortie], place(900), _Flat()) == []


class _Flat:
    def amsl_m(self, lat_deg, lon_deg):
        return np.full(np.shape(lat_deg), 300.0)


class Bowl:
    """Ground at 300 m with a ring of hills about the target, 150 m away and 90 m high."""

    def amsl_m(self, lat_deg, lon_deg):
        lat, lon = np.broadcast_arrays(lat_deg, lon_deg)
        away = GEOD.inv(np.full(lat.shape, place(900)[0]), np.full(lat.shape, place(900)[1]), lon, lat)[2]
        return np.where((away > 140.0) & (away < 160.0), 390.0, 300.0)


def test_an_orbit_without_sight_is_flown_nearer():
    wished = {"wished_m": 400.0, "alt_agl_m": 100.0, "least_m": 30.0}
    radius, (finding,) = orbit_radius_m(place(900), Bowl(), **wished)
    # From 160 m the line to the point passes 140 m from it at 387.6 m, under the crest of 390 m.
    assert radius == pytest.approx(120.0)
    assert "hides the point from 100 % of an orbit of 400 m; it is flown at 120 m" in finding.message
    assert orbit_radius_m(place(900), _Flat(), **wished) == (400.0, [])
    assert orbit_radius_m(place(900), Bowl(), **(wished | {"least_m": 300.0})) == (400.0, [])


def test_a_hole_is_overflown_unless_it_is_to_be_flown_around(make_brief):
    hole = box(1150, 1000, -80, 100)[::-1]
    polygons = ((*REQUESTS[PatternKind.AREA]["polygons"][0], hole),)
    ground = shapely.Polygon(hole)
    for around in (False, True):
        asked = request(PatternKind.AREA, polygons=polygons, around_holes=around)
        made = plan_brief(make_brief(), Search(request=asked))
        assert made.plan.covered_pct > 99.5
        ways = [
            shapely.LineString([(g.lon_start_deg, g.lat_start_deg), (g.lon_end_deg, g.lat_end_deg)])
            for sortie in made.plan.sorties
            for g in sortie.legs
        ]
        assert any(ground.intersects(way) for way in ways) is not around


def test_the_same_request_gives_the_same_plan(make_brief):
    brief = make_brief()
    assert (
        plan_brief(brief, Search(request=request(PatternKind.AREA))).plan.sha256
        == plan_brief(brief, Search(request=request(PatternKind.AREA))).plan.sha256
    )


@pytest.mark.parametrize("kind", [PatternKind.AREA, PatternKind.POINT])
def test_a_search_is_kept_as_a_plan_folder(make_brief, tmp_path, kind):
    brief = make_brief()
    made = plan_brief(brief, Search(request=request(kind, hover=kind is PatternKind.POINT)))
    write_plan_folder(made, tmp_path / "out")
    assert read_plan_folder(tmp_path / "out").sha256 == made.plan.sha256


def test_the_swath_of_the_camera_is_its_field_of_view_less_the_overlap(make_brief):
    brief = make_brief(camera={"hfov_deg": 90.0, "width_px": 640, "height_px": 640})
    assert camera_swath_m(brief, 0.0) == (pytest.approx(200.0), pytest.approx(100.0))
    assert camera_swath_m(brief, 25.0)[0] == pytest.approx(150.0)


BRIEF = """
name = "command"
standoff = {{ asked_m = 200.0 }}
corridor = {{ depth_m = 800.0 }}
aircraft = {{ type = "quad-survey" }}
launch = [{{ name = "camp", lat_deg = {lat}, lon_deg = 9.0 }}]
terrain = {{ flat_amsl_m = 300.0 }}
[border]
file = "border.geojson"
own_side = "right"
"""


@pytest.fixture
def files(tmp_path):
    line = {"type": "LineString", "coordinates": [[LON - 0.05, LAT], [LON + 0.05, LAT]]}
    (tmp_path / "border.geojson").write_text(json.dumps(line))
    (tmp_path / "brief.toml").write_text(BRIEF.format(lat=LAT - 0.012))
    ring = [*REQUESTS[PatternKind.AREA]["polygons"][0][0]]
    polygon = {"type": "Polygon", "coordinates": [[list(p) for p in (*ring, ring[0])]]}
    (tmp_path / "area.geojson").write_text(json.dumps(polygon))
    return tmp_path


def run(capsys, folder, *arguments):
    import typer
    from typer.testing import CliRunner

    app = typer.Typer()
    app.command()(search_command)
    words = [*map(str, arguments), "--brief", str(folder / "brief.toml"), "--out", str(folder / "out")]
    return CliRunner().invoke(app, words)


def test_the_command_writes_a_plan_folder(capsys, files):
    done = run(capsys, files, "area", "--area", files / "area.geojson", "--json")
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout)
    assert summary["covered_pct"] == pytest.approx(100.0, abs=0.05)
    assert summary["lanes"] > 3
    assert (files / "out" / "S01.plan").is_file()
    assert (files / "out" / "S01-profile.png").is_file()
    assert "S01" in (files / "out" / "map.html").read_text()
    assert read_plan_folder(files / "out").feasible


def test_the_command_counts_earlier_searches_of_the_same_area(capsys, files):
    asked = ["area", "--area", files / "area.geojson", "--earlier-pod", 40, "--earlier-pod", 20, "--json"]
    summary = json.loads(run(capsys, files, *asked).stdout)
    assert summary["cumulative_pod"] == pytest.approx(1.0 - (1.0 - summary["pod"]) * 0.6 * 0.8, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["banana"], "search kind 'banana' is not known"),
        (["area"], "an area search needs an area"),
        (["sector"], "needs its datum"),
        (["sector", "--at", "here"], "is not LAT,LON"),
        (["sector", "--at", "47.99,9.0"], "search radius in metres must be above 0"),
        (["route"], "no points to search at"),
    ],
)
def test_the_command_refuses_with_one_sentence(capsys, files, arguments, sentence):
    done = run(capsys, files, *arguments)
    assert isinstance(done.exception, InputError)
    assert sentence in str(done.exception)
    assert not (files / "out").exists()
