"""Fixed wings land on an approach that both autopilots accept: into the wind, in free air, on a slope they can fly."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pyproj
import pytest

from missions.airspace.ground_file import open_situation
from missions.airspace.routing import Router
from missions.airspace.terrain_profile import PlaneGround
from missions.checks.autopilot_rules import autopilot_findings
from missions.checks.autopilot_rules_values import VehicleClass, VehicleSettings
from missions.errors import PlanRefusedError
from missions.judging.judge import subject_of
from missions.paths.departure import find_departure
from missions.paths.landing import find_approach
from missions.paths.path_maker import PathMaker
from missions.plan import LegKind
from missions.plan_files.dialect import Dialect
from missions.plan_files.plan_document import document_from_sortie
from missions.tasks.plan_door import plan_brief

GEOD = pyproj.Geod(ellps="WGS84")
LINE = [[50.0, 8.0], [50.003, 8.02], [49.999, 8.05]]
WING = {"type": "wing-2m", "count": 1}
SITE = [{"name": "a", "lat_deg": 50.014, "lon_deg": 8.02}]


@pytest.fixture
def wing_brief(make_brief):
    def build(**more):
        tables = {"aircraft": WING, "corridor": {"depth_m": 700}, "launch": SITE} | more
        return make_brief(LINE, **tables)

    return build


@pytest.mark.parametrize("dialect", Dialect)
def test_every_sortie_ends_with_a_landing_both_autopilots_accept(wing_brief, dialect):
    brief = wing_brief(dialect=str(dialect), wind={"speed_mps": 4, "from_deg": 200})
    plan = plan_brief(brief).plan
    settings = VehicleSettings(vehicle=VehicleClass.FIXED_WING)
    for sortie in plan.sorties:
        assert [i.command for i in sortie.items[-3:]] == [189, 31, 21]
        found = autopilot_findings(document_from_sortie(sortie, dialect), dialect, settings)
        assert found == ()
        circle, land = sortie.items[-2:]
        away = GEOD.inv(circle.lon_deg, circle.lat_deg, land.lon_deg, land.lat_deg)[2]
        tangent = math.sqrt(away**2 - circle.p2**2)
        assert math.degrees(math.atan2(circle.alt_m, tangent)) == pytest.approx(4.8, abs=0.02)
        assert circle.alt_m / tangent < 0.10


def test_the_glide_is_flown_into_the_wind_from_the_tangent_of_the_circle(wing_brief):
    plan = plan_brief(wing_brief(wind={"speed_mps": 4, "from_deg": 200})).plan
    assert [f.message for f in plan.findings if f.rule == "ground clearance"] == []
    for sortie in plan.sorties:
        circle, glide = sortie.items[-2], sortie.legs[-1]
        course = GEOD.inv(glide.lon_start_deg, glide.lat_start_deg, glide.lon_end_deg, glide.lat_end_deg)[0]
        assert course % 360.0 == pytest.approx(200.0, abs=0.5)
        arm = GEOD.inv(glide.lon_start_deg, glide.lat_start_deg, circle.lon_deg, circle.lat_deg)
        assert arm[2] == pytest.approx(abs(circle.p2), abs=0.2)
        assert (arm[0] - course) % 360.0 == pytest.approx(90.0 if circle.p2 > 0 else 270.0, abs=0.5)
        assert glide.alt_amsl_end_m == sortie.home_alt_amsl_m
        assert glide.kind is LegKind.RETURN


def test_the_way_home_joins_the_circle_without_a_sharper_bend_than_the_radius(wing_brief):
    brief = wing_brief(wind={"speed_mps": 4, "from_deg": 200})
    for sortie in plan_brief(brief).plan.sorties:
        legs = [g for g in sortie.legs if (g.lat_start_deg, g.lon_start_deg) != (g.lat_end_deg, g.lon_end_deg)]
        steps = [GEOD.inv(g.lon_start_deg, g.lat_start_deg, g.lon_end_deg, g.lat_end_deg) for g in legs]
        for before, after in itertools.pairwise(steps[-40:]):
            bend = abs((after[0] - before[0] + 180.0) % 360.0 - 180.0)
            assert bend <= 2.0 * math.degrees(math.asin(min(1.0, min(before[2], after[2]) / (2 * 60.0)))) + 8.0
        down = [g.alt_amsl_start_m - g.alt_amsl_end_m for g in legs[-25:-1]]
        fall = [d / (g.t_end_s - g.t_start_s) for d, g in zip(down, legs[-25:-1], strict=True)]
        assert max(fall) <= brief.fleets[0].aircraft.descent_mps + 0.05


def maker_of(brief, heights=None):
    situation = open_situation(brief)
    if heights is not None:
        ground = PlaneGround(frame=situation.frame, heights=heights)
        situation = dataclasses.replace(situation, ground=ground)
    flown, router = brief.performances[0], Router(situation.corridor.free)
    return situation.corridor, PathMaker(situation, flown, router)


def course_deg(approach):
    return math.degrees(math.atan2(*(approach.touchdown_m - approach.begin_m))) % 360.0


def test_a_zone_in_the_way_turns_the_approach_no_further_than_it_must(wing_brief):
    lon, lat, _ = GEOD.fwd(8.02, 50.014, 20.0, 500.0)
    zone = [{"name": "mast", "centre": [lat, lon], "radius_m": 40.0}]
    corridor, maker = maker_of(wing_brief(zone=zone, wind={"speed_mps": 4, "from_deg": 200}))
    approach = find_approach(maker, corridor.sites[0])
    assert 14.9 <= abs((course_deg(approach) - 200.0 + 180.0) % 360.0 - 180.0) <= 45.0


class Ridge:
    """Level ground with a ridge 300 m north-east of the site, 40 m high."""

    def amsl_m(self, lat_deg, lon_deg):
        lon, lat, _ = GEOD.fwd(8.02, 50.014, 20.0, 300.0)
        near = np.hypot((np.asarray(lat_deg) - lat) * 111_000.0, (np.asarray(lon_deg) - lon) * 71_500.0) < 60.0
        return np.where(near, 40.0, 0.0)


def test_the_glide_passes_no_hill_nearer_than_half_its_height(wing_brief):
    brief = wing_brief(wind={"speed_mps": 4, "from_deg": 200})
    corridor, level = maker_of(brief)
    _, hilly = maker_of(brief, Ridge())
    assert course_deg(find_approach(level, corridor.sites[0])) == pytest.approx(200.0)
    assert abs(course_deg(find_approach(hilly, corridor.sites[0])) - 200.0) >= 14.0


class Hollow:
    """Ground that rises 1 m in 25 away from the site, to 15 m above it."""

    def amsl_m(self, lat_deg, lon_deg):
        away = np.hypot((np.asarray(lat_deg) - 50.014) * 111_200.0, (np.asarray(lon_deg) - 8.02) * 71_500.0)
        return np.minimum(away / 25.0, 15.0)


def test_a_wing_leaves_a_hollow_by_climbing_higher_before_it_circles(wing_brief):
    corridor, maker = maker_of(wing_brief(), Hollow())
    departure = find_departure(maker, corridor.sites[0])
    assert departure.height_m == 70.0, "50 m over ground that is 12 m higher where the circle begins is not enough"
    circle = departure.climb(0.0, 120.0)[1:, :2]
    assert (70.0 - maker.situation.ground.at(circle)).min() >= 50.0
    assert find_approach(maker, corridor.sites[0]) is not None


@pytest.mark.parametrize(("dialect", "rolls_on"), [("ardupilot", False), ("px4", True)])
def test_where_a_px4_wing_comes_to_rest_is_free_too(wing_brief, dialect, rolls_on):
    """A mast 110 m beyond the site, in the way of what rolls on for 120 m; ArduPlane rests where it is to land."""
    lon, lat, _ = GEOD.fwd(8.02, 50.014, 200.0, 110.0)
    zone = [{"name": "mast", "centre": [lat, lon], "radius_m": 20.0}]
    corridor, maker = maker_of(wing_brief(zone=zone, dialect=dialect, wind={"speed_mps": 4, "from_deg": 200}))
    off_deg = abs((course_deg(find_approach(maker, corridor.sites[0])) - 200.0 + 180.0) % 360.0 - 180.0)
    assert (off_deg > 14.0) is rolls_on


@pytest.mark.parametrize(("dialect", "run_out_m"), [("ardupilot", 0.0), ("px4", 120.0)])
def test_the_border_is_kept_from_where_a_wing_comes_to_rest(wing_brief, dialect, run_out_m):
    """The line of the glide goes straight on by so much; the others end where their legs do."""
    made = plan_brief(wing_brief(dialect=dialect, wind={"speed_mps": 4, "from_deg": 200}))
    sortie, subject = made.plan.sorties[0], subject_of(made.situation, made.plan.sorties[0])
    for leg, line in ((sortie.legs[0], subject.legs.lines[0]), (sortie.legs[-1], subject.legs.lines[-1])):
        lat, lon = made.situation.frame.to_degrees(np.array(line.coords))
        course_deg, _, length_m = GEOD.inv(lon[0], lat[0], lon[-1], lat[-1])
        planned_deg, _, planned_m = GEOD.inv(leg.lon_start_deg, leg.lat_start_deg, leg.lon_end_deg, leg.lat_end_deg)
        assert length_m - planned_m == pytest.approx(run_out_m if leg is sortie.legs[-1] else 0.0, abs=0.3)
        assert course_deg == pytest.approx(planned_deg, abs=0.05)


def test_a_site_with_no_room_to_land_is_refused_with_what_it_takes(wing_brief):
    with pytest.raises(PlanRefusedError, match=r"launch site 'a' has no free approach of 6\d\d m for wing-2m"):
        plan_brief(wing_brief(zone=masts_around(500.0)))


def test_a_site_with_no_room_to_leave_is_refused_with_what_it_takes(wing_brief):
    """50 m at 3 m/s and 18 m/s is 300 m of climb, and a circle of 60 m radius beyond it."""
    with pytest.raises(PlanRefusedError, match=r"launch site 'a' has no free 360 m for wing-2m to climb .* to 50 m"):
        plan_brief(wing_brief(zone=masts_around(330.0)))


def masts_around(radius_m):
    ring = [GEOD.fwd(8.02, 50.014, azimuth, radius_m)[:2] for azimuth in range(0, 360, 12)]
    return [{"name": f"mast {k}", "centre": [lat, lon], "radius_m": 40.0} for k, (lon, lat) in enumerate(ring)]


@pytest.mark.parametrize("from_deg", [0, 90, 230])
def test_a_wing_climbs_into_the_wind_to_the_least_height_and_circles_up_from_there(wing_brief, from_deg):
    brief = wing_brief(wind={"speed_mps": 6, "from_deg": from_deg})
    sortie = plan_brief(brief).plan.sorties[0]
    first = sortie.legs[0]
    course, _, length_m = GEOD.inv(first.lon_start_deg, first.lat_start_deg, first.lon_end_deg, first.lat_end_deg)
    assert abs((course - from_deg + 180.0) % 360.0 - 180.0) <= 90.5
    assert length_m == pytest.approx(50.0 / 3.0 * 18.0, rel=0.01)
    takeoff, circle = sortie.items[:2]
    assert (takeoff.command, takeoff.alt_m) == (22, 50.0)
    assert (takeoff.lat_deg, takeoff.lon_deg) == (first.lat_end_deg, first.lon_end_deg)
    assert (circle.command, circle.p4) == (31, 1.0)
    assert circle.alt_m == pytest.approx(brief.flight.alt_agl_m, abs=10.0)
    away = GEOD.inv(circle.lon_deg, circle.lat_deg, first.lon_end_deg, first.lat_end_deg)[2]
    assert away == pytest.approx(abs(circle.p2), abs=1.0)
    on = next(item for item in sortie.items if item.command == 16)
    assert GEOD.inv(circle.lon_deg, circle.lat_deg, on.lon_deg, on.lat_deg)[2] > 1.05 * abs(circle.p2)


def test_beyond_its_glide_a_wing_is_on_the_ground(wing_brief):
    """Half-way down the glide it has half its height left, also with the metres beyond it; past its end none."""
    made = plan_brief(wing_brief(dialect="px4", wind={"speed_mps": 4, "from_deg": 200}))
    legs = subject_of(made.situation, made.plan.sorties[0]).legs
    last, places = np.full(3, len(legs) - 1), np.stack([legs.start_m[-1], legs.end_m[-1], legs.end_m[-1]])
    places[0] = (legs.start_m[-1] + legs.end_m[-1]) / 2.0
    places[2] = legs.lines[-1].coords[-1]
    assert legs.share_at(last, places) == pytest.approx([0.5, 1.0, 1.0])
