from __future__ import annotations

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from missions.errors import PlanRefusedError
from missions.flight.preflight_ways import way_findings
from missions.plan import LegKind, Severity
from missions.tasks.plan_door import plan_brief


def rules(plan, severity=None):
    return {f.rule for f in plan.findings if severity is None or f.severity is severity}


@pytest.fixture
def hill(tmp_path):
    """A terrain of 100 m with a ridge of the asked height between site and border, along the meridian 8.03."""

    def write(height_m, width_m=150.0):
        lon = 7.98 + (np.arange(600) + 0.5) * 0.0002
        east = (lon - 8.03) * 71_700.0
        heights = np.tile(100.0 + height_m * np.exp(-((east / width_m) ** 2)), (400, 1)).astype("float32")
        transform = from_origin(7.98, 50.04, 0.0002, 0.0002)
        with rasterio.open(tmp_path / "t.tif", "w", driver="GTiff", width=600, height=400, count=1, dtype="float32",
                           crs="EPSG:4326", transform=transform) as out:  # fmt: skip
            out.write(heights, 1)
        return {"file": str(tmp_path / "t.tif")}

    return write


def agl(plan, height_m, width_m):
    """Return height over the analytic ridge along every flown leg."""
    found = []
    for sortie in plan.sorties:
        for leg in sortie.legs[1:-1]:
            share = np.linspace(0, 1, 100)
            lon = leg.lon_start_deg + share * (leg.lon_end_deg - leg.lon_start_deg)
            alt = leg.alt_amsl_start_m + share * (leg.alt_amsl_end_m - leg.alt_amsl_start_m)
            found.append(alt - 100.0 - height_m * np.exp(-((((lon - 8.03) * 71_700.0) / width_m) ** 2)))
    return np.concatenate(found)


def test_legs_follow_the_ground_within_the_tolerance_between_their_ends(make_brief, straight, hill):
    plan = plan_brief(make_brief(straight, terrain=hill(60.0, 400.0), flight={"alt_agl_m": 100, "min_agl_m": 80})).plan
    height = agl(plan, 60.0, 400.0)
    assert height.min() >= 100.0 - 8.0 - 2.0
    assert not rules(plan) & {"ground clearance", "height limit"}


def test_flat_ground_takes_no_extra_waypoints(make_brief, straight, hill):
    flat = plan_brief(make_brief(straight, terrain=hill(0.0))).plan
    ridge = plan_brief(make_brief(straight, terrain=hill(60.0))).plan
    plain = plan_brief(make_brief(straight, terrain={"flat_amsl_m": 100.0})).plan
    count = [sum(len(s.legs) for s in p.sorties) for p in (plain, flat, ridge)]
    assert count[0] == count[1] < count[2]


def test_climb_and_descent_are_never_steeper_than_the_aircraft(make_brief, straight, hill):
    brief = make_brief(straight, terrain=hill(120.0, 100.0), flight={"max_agl_m": 400})
    aircraft = brief.fleets[0].aircraft
    for sortie in plan_brief(brief).plan.sorties:
        for leg in sortie.legs:
            rate = (leg.alt_amsl_end_m - leg.alt_amsl_start_m) / max(leg.t_end_s - leg.t_start_s, 1e-9)
            assert -aircraft.descent_mps - 0.05 <= rate <= aircraft.climb_mps + 0.05


def test_a_ridge_steeper_than_the_descent_breaks_the_height_limit_and_says_so(make_brief, straight, hill):
    plan = plan_brief(make_brief(straight, terrain=hill(120.0, 60.0), flight={"max_agl_m": 130})).plan
    finding = next(f for f in plan.findings if f.rule == "height limit")
    assert finding.measured > 130.0
    assert finding.lon_deg == pytest.approx(8.03, abs=0.01)


def test_a_ceiling_below_the_path_asks_for_a_height_that_then_does(make_brief, straight):
    asked = {"flat_amsl_m": 500.0}
    plan = plan_brief(make_brief(straight, terrain=asked, flight={"ceiling_amsl_m": 580})).plan
    finding = next(f for f in plan.findings if f.rule == "ceiling")
    height = float(finding.advice.split("= ")[1])
    better = plan_brief(make_brief(straight, terrain=asked, flight={"ceiling_amsl_m": 580, "alt_agl_m": height})).plan
    assert "ceiling" not in rules(better)


def test_a_site_off_the_terrain_model_is_refused_by_name(make_brief, straight, hill):
    site = [{"name": "far field", "lat_deg": 50.01, "lon_deg": 8.11}]
    with pytest.raises(PlanRefusedError, match="no height at launch site 'far field'"):
        plan_brief(make_brief([[50.0, 8.0], [50.0, 8.12]], terrain=hill(0.0), launch=site))


def test_ground_outside_the_terrain_model_is_reported_not_guessed(make_brief, straight, hill):
    terrain = hill(0.0)
    plan = plan_brief(make_brief([[50.0, 8.0], [50.0, 8.12]], terrain=terrain)).plan
    assert "terrain" in rules(plan, Severity.ERROR)


@pytest.mark.parametrize(("limits", "barred"), [
    ({"floor_amsl_m": 300.0}, False), ({"floor_amsl_m": 120.0}, True),
    ({"ceiling_amsl_m": 20.0}, False), ({"ceiling_amsl_m": 90.0}, True), ({}, True),
])  # fmt: skip
def test_zones_are_passed_above_and_below_only_with_clearance(make_brief, straight, limits, barred):
    zone = {"name": "z", "centre": [50.003, 8.03], "radius_m": 250, "clearance_m": 30} | limits
    plan = plan_brief(make_brief(straight, zone=[zone])).plan
    inside = [
        leg for s in plan.sorties for leg in s.legs
        if min(
            np.hypot((leg.lat_start_deg + k * (leg.lat_end_deg - leg.lat_start_deg) - 50.003) * 111_229.0,
                     (leg.lon_start_deg + k * (leg.lon_end_deg - leg.lon_start_deg) - 8.03) * 71_695.0)
            for k in np.linspace(0, 1, 50)
        ) < 240.0
    ]  # fmt: skip
    assert bool(inside) is not barred
    assert "zones" not in rules(plan)


def test_every_break_off_has_its_failsafe_leg_to_the_nearest_landing_place(make_brief, straight):
    rally = {"name": "r", "lat_deg": 50.008, "lon_deg": 8.045}
    plan = plan_brief(make_brief(straight, rally=[rally])).plan
    for sortie in plan.sorties:
        assert sortie.failsafe
        ends = {(g.lat_end_deg, g.lon_end_deg) for g in sortie.failsafe}
        places = {(sortie.home_lat_deg, sortie.home_lon_deg), (50.008, 8.045)}
        assert len(ends) == 2
        for leg in sortie.failsafe:
            assert leg.kind is LegKind.FAILSAFE
            away = {
                p: np.hypot((p[0] - leg.lat_start_deg) * 111_229, (p[1] - leg.lon_start_deg) * 71_695) for p in places
            }
            nearest = min(away, key=away.get)
            assert (leg.lat_end_deg, leg.lon_end_deg) == pytest.approx(nearest, abs=1e-6)


def test_a_return_across_a_bulge_of_the_border_is_found(make_brief):
    points = [[50.0, 8.0], [50.0, 8.02], [50.012, 8.025], [50.0, 8.03], [50.0, 8.05]]
    site = [{"name": "a", "lat_deg": 50.005, "lon_deg": 8.01}]
    plan = plan_brief(make_brief(points, launch=site, failsafe={"way": "straight"})).plan
    finding = next(f for f in plan.findings if f.rule == "failsafe standoff")
    assert finding.measured < 200.0
    assert "rally point" in f"{finding.relaxation}{finding.advice}"


def test_link_distance_is_measured_from_the_station(make_brief, straight):
    plan = plan_brief(make_brief(straight, flight={"max_link_m": 1000})).plan
    finding = next(f for f in plan.findings if f.rule == "link")
    assert 1000.0 < finding.measured < 4000.0
    assert "link" not in rules(plan_brief(make_brief(straight, flight={"max_link_m": 5000})).plan)


def test_a_ridge_hides_the_far_side_from_the_station(make_brief, straight, hill):
    station = {"lat_deg": 50.01, "lon_deg": 8.0, "antenna_m": 2.0}
    brief = make_brief(straight, terrain=hill(150.0, 100.0), station=station, flight={"max_agl_m": 400})
    hidden = plan_brief(brief).plan
    assert "radio" in rules(hidden, Severity.WARNING)
    assert "radio" not in rules(plan_brief(make_brief(straight, terrain=hill(0.0), station=station)).plan)


def test_more_wind_than_the_type_takes_is_an_error(make_brief, straight):
    plan = plan_brief(make_brief(straight, wind={"speed_mps": 8, "from_deg": 0, "gust_mps": 13})).plan
    assert "wind limit" in rules(plan, Severity.ERROR)


def test_a_fixed_wing_never_climbs_or_descends_faster_than_it_can_with_the_wind_behind(make_brief, straight, hill):
    brief = make_brief(straight, terrain=hill(90.0, 250.0), aircraft={"type": "wing-2m", "count": 1},
                       corridor={"depth_m": 900}, flight={"max_agl_m": 400}, wind={"speed_mps": 8, "from_deg": 270},
                       launch=[{"name": "a", "lat_deg": 50.02, "lon_deg": 8.03}])  # fmt: skip
    plan = plan_brief(brief).plan
    assert np.ptp([leg.alt_amsl_end_m for s in plan.sorties for leg in s.legs if leg.kind is LegKind.WORK]) > 60.0
    assert not rules(plan) & {"climb rate", "descent rate"}
    airspeed, wind = 18.0, 8.0
    for leg in (leg for s in plan.sorties for leg in s.legs if leg.kind is LegKind.WORK):
        east = np.cos(np.radians(leg.lat_end_deg)) * (leg.lon_end_deg - leg.lon_start_deg)
        course = np.arctan2(east, leg.lat_end_deg - leg.lat_start_deg)
        level = np.sqrt(airspeed**2 - (wind * np.cos(course)) ** 2) + wind * np.sin(course)
        assert leg.speed_mps == pytest.approx(level, rel=0.01)


def test_the_planner_returns_as_high_as_the_ground_asks_and_no_higher(make_brief, straight, hill):
    asked = {"terrain": hill(90.0, 120.0), "flight": {"max_agl_m": 400}}
    plan = plan_brief(make_brief(straight, **asked, launch=[{"name": "a", "lat_deg": 50.02, "lon_deg": 8.0}])).plan
    finding = next(f for f in plan.findings if f.rule == "return height")
    assert "failsafe terrain" not in rules(plan)
    assert finding.limit == pytest.approx(90.0 + 50.0, abs=2.0)
    for sortie in plan.sorties:
        parameters = {p.name: p.value for p in sortie.vehicle_parameters}
        assert parameters["RTL_ALT"] == pytest.approx(100.0 * finding.limit)
        held = parameters | {"FENCE_ENABLE": 1.0, "RTL_ALT": 1500.0}
        lower = way_findings(held, sortie, plan.dialect, fixed_wing=False, version=(4, 6))
        assert [f.severity for f in lower if "RTL_ALT" in f.message] == [Severity.ERROR]
        for leg in sortie.failsafe:
            share = np.linspace(0.02, 0.98, 200)
            lon = leg.lon_start_deg + share * (leg.lon_end_deg - leg.lon_start_deg)
            alt = leg.alt_amsl_start_m + share * (leg.alt_amsl_end_m - leg.alt_amsl_start_m)
            assert (alt - 100.0 - 90.0 * np.exp(-((((lon - 8.03) * 71_700.0) / 120.0) ** 2))).min() >= 49.0
    told = asked | {"failsafe": {"return_alt_m": finding.limit}}
    again = plan_brief(make_brief(straight, **told, launch=[{"name": "a", "lat_deg": 50.02, "lon_deg": 8.0}])).plan
    assert not rules(again) & {"return height", "failsafe terrain"}


def test_a_return_height_above_what_is_allowed_is_not_chosen(make_brief, straight, hill):
    asked = {"terrain": hill(90.0, 120.0), "flight": {"ceiling_amsl_m": 100.0 + 120.0}}
    plan = plan_brief(make_brief(straight, **asked, launch=[{"name": "a", "lat_deg": 50.02, "lon_deg": 8.0}])).plan
    assert "return height" not in rules(plan)
    assert "failsafe terrain" in rules(plan)


@pytest.fixture
def wall(tmp_path):
    """Ground of 100 m with a wall of the asked height along the parallel 50.0125, between border and site."""

    def write(height_m):
        north_m = (50.0125 - (50.04 - (np.arange(400) + 0.5) * 0.0002)) * 111_200.0
        heights = np.tile((100.0 + height_m * np.exp(-((north_m / 80.0) ** 2)))[:, None], (1, 600)).astype("float32")
        with rasterio.open(tmp_path / "w.tif", "w", driver="GTiff", width=600, height=400, count=1, dtype="float32",
                           crs="EPSG:4326", transform=from_origin(7.98, 50.04, 0.0002, 0.0002)) as out:  # fmt: skip
            out.write(heights, 1)
        return {"file": str(tmp_path / "w.tif")}

    return write


def least_room_m(sortie, return_alt_m, ground, climb):
    """March home from the start of every leg after the take-off as ArduPlane flies: up at once, down on a glide."""
    found = np.inf
    for leg in sortie.legs[1:-1]:
        wide = 111_200.0 * np.cos(np.radians(leg.lat_start_deg))
        east = (sortie.home_lon_deg - leg.lon_start_deg) * wide
        north = (sortie.home_lat_deg - leg.lat_start_deg) * 111_200.0
        share = np.linspace(0.0, 1.0, 400)
        start, end = leg.alt_amsl_start_m, sortie.home_alt_amsl_m + return_alt_m
        gained = np.minimum(end, start + share * np.hypot(east, north) * climb)
        alt = gained if end > start else start + share * (end - start)
        lat = leg.lat_start_deg + share * north / 111_200.0
        lon = leg.lon_start_deg + share * east / wide
        found = min(found, float((alt - ground(lat, lon)).min()))
    return found


@pytest.mark.parametrize(("height_m", "does"), [(60.0, True), (300.0, False)])
def test_a_wing_is_told_a_return_height_only_where_it_climbs_soon_enough(make_brief, straight, wall, height_m, does):
    wing = {"aircraft": {"type": "wing-2m", "count": 1}, "corridor": {"depth_m": 900}, "flight": {"max_agl_m": 500},
            "launch": [{"name": "a", "lat_deg": 50.024, "lon_deg": 8.02}]}  # fmt: skip
    brief = make_brief(straight, terrain=wall(height_m), **wing)
    climb = brief.fleets[0].aircraft.climb_mps / brief.performances[0].speed_mps

    def ground(lat, lon):
        return 100.0 + height_m * np.exp(-((((50.0125 - lat) * 111_200.0) / 80.0) ** 2)) + 0.0 * lon

    plan = plan_brief(brief).plan
    told = [f for f in plan.findings if f.rule == "return height"]
    assert bool(told) is does
    if does:
        assert "failsafe terrain" not in rules(plan)
        assert min(least_room_m(s, told[0].limit, ground, climb) for s in plan.sorties) >= 49.0
        assert min(least_room_m(s, told[0].limit - 5.0, ground, climb) for s in plan.sorties) < 50.0
    else:
        (near,) = {f.advice.split(" = ")[0] for f in plan.findings if f.rule == "failsafe terrain"}
        assert near == "flight.alt_agl_m"
        assert min(least_room_m(s, 490.0, ground, climb) for s in plan.sorties) < 50.0


def test_a_wing_that_returns_above_the_height_allowed_is_named_a_height_that_does(make_brief, straight):
    wing = {"aircraft": {"type": "wing-2m", "count": 1}, "corridor": {"depth_m": 900},
            "launch": [{"name": "a", "lat_deg": 50.02, "lon_deg": 8.03}]}  # fmt: skip
    wing["flight"] = {"alt_agl_m": 80, "max_agl_m": 90}
    (finding,) = [f for f in plan_brief(make_brief(straight, **wing)).plan.findings if f.rule == "failsafe height"]
    assert (finding.severity, finding.measured, finding.limit) == (Severity.ERROR, 100.0, 90.0)
    assert finding.advice == "failsafe.return_alt_m = 90"
    lower = make_brief(straight, **wing, failsafe={"return_alt_m": 90})
    assert "failsafe height" not in rules(plan_brief(lower).plan)


def test_a_brief_without_terrain_is_told_that_all_ground_is_unknown_and_one_with_it_is_not(make_brief, straight):
    unknown = plan_brief(make_brief(straight, terrain={"flat_amsl_m": None})).plan
    (finding,) = [f for f in unknown.findings if f.rule == "terrain"]
    assert (finding.severity, finding.measured, finding.limit, finding.unit) == (Severity.WARNING, 100.0, 0.0, "%")
    assert "terrain.flat_amsl_m" in finding.advice
    assert "terrain" not in rules(plan_brief(make_brief(straight)).plan)
