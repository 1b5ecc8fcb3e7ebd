"""A fixed wing broken off: the turn, the circle over its end and the way on to its landing are judged like the way."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely

from missions.airspace.ground_file import open_situation
from missions.airspace.situation import Situation
from missions.briefs.brief_file import build_brief
from missions.checks.autopilot_rules_values import VehicleClass, VehicleSettings
from missions.checks.check import check_document
from missions.checks.parameter_file import Parameters
from missions.checks.vehicle_parameters import with_parameters
from missions.failsafes.reading import outcome
from missions.failsafes.ways import Trigger, Way
from missions.judging.judge import judge_sortie, subject_of
from missions.judging.wing_air import sides, turned_back, turned_ways
from missions.paths.items import rally_items
from missions.plan import Severity
from missions.plan_files.dialect import Dialect
from missions.plan_files.plan_document import Home, document_from_sortie
from missions.tasks.plan_door import plan_brief

LINE = [[50.0, 8.0], [50.0, 8.05]]
SITE = {"name": "a", "lat_deg": 50.016, "lon_deg": 8.03}
WING = {
    "aircraft": {"type": "wing-2m", "count": 1}, "corridor": {"depth_m": 700}, "launch": [SITE],
    "standoff": {"asked_m": 250}, "failsafe": {"way": "straight"},
}  # fmt: skip
STEP = 0.01
M_PER_DEG = 111_229.0


def flown(start, course_rad, goal, radius_m):
    """Fly a turn by the shorter side and straight on, in steps of a hundredth of the radius."""
    x, y = start
    track = [(x, y)]
    for _ in range(5000):
        off = (math.atan2(goal[1] - y, goal[0] - x) - course_rad + math.pi) % (2.0 * math.pi) - math.pi
        if math.hypot(goal[0] - x, goal[1] - y) < STEP * radius_m:
            break
        course_rad += math.copysign(min(abs(off), STEP), off)
        x, y = x + STEP * radius_m * math.cos(course_rad), y + STEP * radius_m * math.sin(course_rad)
        track.append((x, y))
    return track


def test_every_turn_that_is_flown_step_by_step_lies_in_the_air_that_is_judged():
    rng = np.random.default_rng(5)
    for _ in range(60):
        start, course = rng.uniform(-300.0, 300.0, 2), rng.uniform(-math.pi, math.pi)
        goal, radius = rng.uniform(-1500.0, 1500.0, 2), rng.uniform(40.0, 90.0)
        along = 100.0 * np.array([math.cos(course), math.sin(course)])
        if min(np.hypot(*(goal - start - share * along)) for share in (0.0, 0.5, 1.0)) < 2.5 * radius:
            continue  # a goal that cannot be headed for is circled over
        (air,) = turned_ways(np.array([[start, start + along]]), goal[None, :], radius)
        for share in (0.0, 0.4, 1.0):
            track = shapely.linestrings(flown(start + share * along, course, goal, radius))
            assert shapely.covers(air.buffer(0.03 * radius), track)


def test_a_wing_may_turn_to_either_side_where_its_goal_lies_straight_behind():
    pair, radius = np.array([[[0.0, 0.0], [100.0, 0.0]]]), 60.0
    (either,) = turned_ways(pair, np.array([[-2000.0, 1.0]]), radius)
    assert either.bounds == pytest.approx((-2000.0, -120.0, 160.0, 120.0), abs=1.0)
    (left,) = turned_ways(pair, np.array([[-2000.0, 600.0]]), radius)
    assert left.bounds[1] == pytest.approx(0.0, abs=1e-6)
    (back,) = turned_back(pair, radius)
    assert back.bounds == pytest.approx((0.0, -120.0, 160.0, 120.0), abs=1.0)
    assert turned_ways(pair, np.array([[3000.0, 0.0]]), radius)[0].area < 1.0  # straight ahead it does not turn


def test_the_air_of_a_turn_is_no_wider_than_what_is_flown_step_by_step():
    """Where only one side can be the shorter one: the outline is that of all the tracks together."""
    rng, compared = np.random.default_rng(8), 0
    while compared < 25:
        start, course = rng.uniform(-300.0, 300.0, 2), rng.uniform(-math.pi, math.pi)
        goal, radius = rng.uniform(-1500.0, 1500.0, 2), rng.uniform(40.0, 90.0)
        along = 100.0 * np.array([math.cos(course), math.sin(course)])
        ends = [goal - start - share * along for share in (0.0, 1.0)]
        off = [math.atan2(along[0] * way[1] - along[1] * way[0], along @ way) for way in ends]
        near = min(math.hypot(*way) for way in ends)
        if off[0] * off[1] < 0.0 or max(map(abs, off)) > math.radians(170.0) or near < 2.5 * radius:
            continue
        (air,) = turned_ways(np.array([[start, start + along]]), goal[None, :], radius)
        tracks = [flown(start + share * along, course, goal, radius) for share in (0.0, 0.5, 1.0)]
        hull = shapely.convex_hull(shapely.MultiLineString(tracks))
        assert air.exterior.hausdorff_distance(hull.exterior) < 0.05 * radius
        compared += 1


@pytest.mark.parametrize(("off_deg", "both"), [(4.9, True), (5.1, False), (-4.9, True), (-5.1, False)])
def test_a_track_over_ground_sways_by_five_degrees(off_deg, both):
    goal = 5_000.0 * np.array([[-math.cos(math.radians(off_deg)), math.sin(math.radians(off_deg))]])
    assert sides(np.array([[1.0, 0.0]]), goal).tolist() == [[both or off_deg > 0.0, both or off_deg < 0.0]]


@pytest.fixture(scope="module")
def planned(request):
    made = {}

    def get(dialect):
        if dialect not in made:
            make_brief = request.getfixturevalue("make_wing")
            made[dialect] = plan_brief(make_brief(dialect))
        return made[dialect]

    return get


@pytest.fixture(scope="module")
def make_wing():
    def make(dialect, **changes):
        raw = {
            "name": "wing", "dialect": dialect, "border": {"coordinates": LINE, "own_side": "left"}, **WING,
            "terrain": {"flat_amsl_m": 0.0},
        }  # fmt: skip
        return build_brief(raw | changes, Path())

    return make


def standoff_errors(findings):
    return [f for f in findings if f.rule == "failsafe standoff" and f.severity is Severity.ERROR]


@pytest.mark.parametrize("north_m", [290.0, 900.0])
def test_a_circle_over_a_home_near_the_border_is_found(planned, north_m):
    """The home alone keeps the 250 m asked in both cases, the circle about it in one."""
    made = planned("ardupilot")
    (sortie,) = made.plan.sorties
    home = Home(lat_deg=50.0 + north_m / M_PER_DEG, lon_deg=8.03, alt_amsl_m=0.0)
    document = dataclasses.replace(document_from_sortie(sortie, Dialect.ARDUPILOT), home=home)
    found = standoff_errors(check_document(document, name="t", brief=made.situation.brief).findings)
    subject = subject_of(made.situation, dataclasses.replace(sortie, home_lat_deg=home.lat_deg))
    circle_m = subject.return_rules.circle_m
    over = subject.swept.shape[(subject.swept.about >= 0) & (subject.swept.high_amsl_m < 101.0)]
    assert subject.corridor.standoff_m(over[:1])[0] == pytest.approx(north_m - circle_m, abs=2.0)
    assert bool(found) is (north_m - circle_m < 250.0)
    assert not found or min(f.measured for f in found) <= north_m - circle_m + 2.0


@pytest.mark.parametrize(("radius_m", "fit"), [(60.0, True), (-60.0, True), (1700.0, False), (-1700.0, False)])
def test_a_vehicle_set_to_circle_wider_over_home_is_judged_with_its_own_circle(planned, radius_m, fit):
    made = planned("ardupilot")
    (sortie,) = made.plan.sorties
    held = {p.name: p.value for p in sortie.vehicle_parameters} | {"FENCE_ENABLE": 1.0}
    for values in (held | {"RTL_RADIUS": radius_m}, held | {"RTL_RADIUS": 0.0, "WP_LOITER_RAD": radius_m}):
        told = with_parameters(
            VehicleSettings(vehicle=VehicleClass.FIXED_WING),
            Parameters(where="v", values=values, dialect=Dialect.ARDUPILOT, version=(4, 5)), Dialect.ARDUPILOT,
        ).settings  # fmt: skip
        document = document_from_sortie(sortie, Dialect.ARDUPILOT)
        found = check_document(document, name="t", brief=made.situation.brief, settings=told).findings
        assert bool(standoff_errors(found)) is not fit


@pytest.mark.parametrize(
    ("dialect", "circles"), [("ardupilot", {"RTL_RADIUS"}), ("px4", {"RTL_LOITER_RAD", "NAV_LOITER_RAD"})]
)
def test_every_circle_of_a_return_is_asked_of_the_vehicle_as_its_widest(planned, dialect, circles):
    made = planned(dialect)
    (sortie,) = made.plan.sorties
    asked = {p.name: p.value for p in sortie.vehicle_parameters if p.wide}
    assert asked.keys() == circles
    circle_m = subject_of(made.situation, sortie).return_rules.circle_m
    assert all(circle_m <= value < circle_m + 1.0 for value in asked.values())


@pytest.mark.parametrize(("dialect", "met"), [("ardupilot", True), ("px4", False)])
def test_the_way_from_a_rally_point_on_to_the_missions_landing_is_judged(planned, make_wing, dialect, met):
    """ArduPlane lands by the mission once it has returned; a PX4 circles over the rally point."""
    made = planned(dialect)
    (sortie,) = made.plan.sorties
    rally = [{"name": "r", "lat_deg": 50.02, "lon_deg": 8.0}]
    zone = [{"name": "mast", "centre": [50.0165, 8.0115], "radius_m": 40, "clearance_m": 20}]
    asked = make_wing(dialect, rally=rally, zone=zone)
    situation = Situation.of(asked, made.situation.ground.heights)
    judged = judge_sortie(situation, dataclasses.replace(sortie, rally=rally_items(asked.rally)))
    assert ("failsafe zone" in {f.rule for f in judged.findings}) is met


@pytest.mark.parametrize(("ridge_m", "met"), [(20.0, False), (90.0, True)])
def test_the_ground_between_a_rally_point_and_the_missions_landing_is_looked_at(
    planned, make_wing, tmp_path, ridge_m, met
):
    """A ridge along 8.0115 E, north of everything flown but that way: it goes down from 100 m to 50 m there."""
    made = planned("ardupilot")
    (sortie,) = made.plan.sorties
    lat, lon = 50.05 - 0.0002 * (np.arange(500) + 0.5), 7.98 + 0.0002 * (np.arange(500) + 0.5)
    high = (np.abs(lon - 8.0115)[None, :] < 0.0006) & ((lat > 50.0135) & (lat < 50.018))[:, None]
    corner = rasterio.transform.from_origin(7.98, 50.05, 0.0002, 0.0002)
    shape = {"driver": "GTiff", "width": 500, "height": 500, "count": 1, "dtype": "float32"}
    with rasterio.open(tmp_path / "t.tif", "w", crs="EPSG:4326", transform=corner, **shape) as raster:
        raster.write(np.where(high, ridge_m, 0.0).astype("float32"), 1)
    rally = [{"name": "r", "lat_deg": 50.02, "lon_deg": 8.0}]
    asked = make_wing("ardupilot", rally=rally, terrain={"file": str(tmp_path / "t.tif")})
    judged = judge_sortie(open_situation(asked), dataclasses.replace(sortie, rally=rally_items(asked.rally)))
    found = [f for f in judged.findings if "goes on to the mission's landing into higher ground" in f.message]
    assert bool(found) is met


def test_a_wing_that_follows_its_path_back_is_judged_with_the_turn_and_with_its_circle(planned, make_wing):
    made = planned("px4")
    (sortie,) = made.plan.sorties
    asked = make_wing("px4", failsafe={"way": "retrace"})
    situation = Situation.of(asked, made.situation.ground.heights)
    subject = subject_of(situation, sortie)
    away = subject.corridor.standoff_m(subject.swept.shape)
    circle_m = subject.return_rules.circle_m
    kept = subject.kept_m[subject.swept.leg]
    assert float((kept - away).max()) == pytest.approx(2.0 * circle_m, abs=2.0)
    assert standoff_errors(judge_sortie(situation, sortie).findings)
    home = shapely.points(subject.landings_m[0])
    assert shapely.covers(shapely.union_all(subject.swept.shape), home.buffer(0.98 * circle_m))


@pytest.mark.parametrize(("name", "value"), [("FLIGHT_OPTIONS", 16.0), ("RTL_CLIMB_MIN", 30.0)])
def test_a_plane_that_climbs_straight_on_before_it_turns_is_not_one_that_returns_straight(name, value):
    values = {
        "FS_LONG_ACTN": 1.0,
        "FS_GCS_ENABL": 1.0,
        "RTL_AUTOLAND": 1.0,
        "RTL_CLIMB_MIN": 0.0,
        "FLIGHT_OPTIONS": 1.0,
    }
    for held, ways in ((values, (Way.STRAIGHT,)), (values | {name: value}, (Way.ONWARD, Way.STRAIGHT))):
        found = outcome(Trigger.LINK, held, "ardupilot", fixed_wing=True, version=(4, 5))
        assert found.ways == ways
