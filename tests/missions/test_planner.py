from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import shapely

from geo.errors import InputError
from missions.briefs.brief_file import build_brief, read_brief
from missions.errors import BriefError, PlanRefusedError
from missions.plan import LegKind, Severity
from missions.tasks.plan_door import plan_brief


def errors(plan):
    return [f for f in plan.findings if f.severity is Severity.ERROR]


def test_demo_brief_gives_one_sortie_per_site_and_no_finding(demo_brief_path, oracle, border_line):
    brief = read_brief(demo_brief_path)
    plan = plan_brief(brief).plan
    assert {s.site for s in plan.sorties} == {"west", "east"}
    assert plan.findings == ()
    assert plan.covered_pct > 98.0
    assert oracle(plan, border_line(brief)) >= 150.0
    for sortie in plan.sorties:
        assert 4 * 60 < sortie.legs[-1].t_end_s - sortie.t_start_s < 10 * 60


def test_same_brief_same_plan_byte_for_byte(demo_brief_path):
    first, second = (plan_brief(read_brief(demo_brief_path)).plan for _ in range(2))
    assert first == second or first.sha256 == second.sha256
    assert first.sha256 == second.sha256


def test_legs_join_and_clock_and_battery_run_one_way(demo_brief_path):
    for sortie in plan_brief(read_brief(demo_brief_path)).plan.sorties:
        for a, b in zip(sortie.legs[:-1], sortie.legs[1:], strict=True):
            assert (a.lat_end_deg, a.lon_end_deg, a.alt_amsl_end_m) == (
                b.lat_start_deg, b.lon_start_deg, b.alt_amsl_start_m,
            )  # fmt: skip
            assert b.t_start_s == a.t_end_s
            assert b.battery_end_pct <= a.battery_end_pct
        assert sortie.legs[0].alt_amsl_start_m == sortie.home_alt_amsl_m
        assert sortie.legs[-1].alt_amsl_end_m == sortie.home_alt_amsl_m


def test_items_start_with_takeoff_and_follow_the_legs(demo_brief_path):
    for sortie in plan_brief(read_brief(demo_brief_path)).plan.sorties:
        commands = [i.command for i in sortie.items]
        assert commands[:2] == [22, 178]
        assert commands[-1] == 21
        waypoints = [i for i in sortie.items if i.command == 16]
        ends = [(g.lat_end_deg, g.lon_end_deg) for g in sortie.legs[1:-1]]
        assert [(i.lat_deg, i.lon_deg) for i in waypoints] == ends
        for item, leg in zip(waypoints, sortie.legs[1:-1], strict=True):
            assert item.alt_m == pytest.approx(leg.alt_amsl_end_m - sortie.home_alt_amsl_m, abs=0.011)
        assert [i.seq for i in sortie.items] == list(range(len(sortie.items)))
        fence = shapely.Polygon([(i.lon_deg, i.lat_deg) for i in sortie.fence])
        assert fence.is_valid
        path = shapely.LineString([(g.lon_end_deg, g.lat_end_deg) for g in sortie.legs])
        assert fence.buffer(1e-7).covers(path)


def test_camera_looks_towards_the_border_on_outward_lanes(make_brief, straight):
    plan = plan_brief(make_brief(straight)).plan
    outward = [g for s in plan.sorties for g in s.legs if g.kind is LegKind.WORK]
    assert outward
    yaw = np.array([g.gimbal_yaw_deg for g in outward])
    south = np.abs((yaw - 180.0 + 180.0) % 360.0 - 180.0) < 10.0
    north = np.abs((yaw + 180.0) % 360.0 - 180.0) < 10.0
    assert (south | north).all()
    assert south.any()


@pytest.mark.parametrize("side", ["left", "right"])
def test_every_leg_stays_on_our_side(make_brief, straight, side):
    site = 50.01 if side == "left" else 49.99
    plan = plan_brief(
        make_brief(straight, border={"coordinates": straight, "own_side": side},
                   launch=[{"name": "a", "lat_deg": site, "lon_deg": 8.02}])
    ).plan  # fmt: skip
    lat = np.array([g.lat_end_deg for s in plan.sorties for g in s.legs])
    assert ((lat > 50.0) if side == "left" else (lat < 50.0)).all()


def test_a_site_on_the_wrong_side_is_refused(make_brief, straight):
    with pytest.raises(PlanRefusedError, match="site 'a' is not on our side"):
        plan_brief(make_brief(straight, launch=[{"name": "a", "lat_deg": 49.99, "lon_deg": 8.02}]))


def test_a_site_inside_the_standoff_is_refused_with_the_distance(make_brief, straight):
    with pytest.raises(PlanRefusedError, match="move it .* m further away"):
        plan_brief(make_brief(straight, launch=[{"name": "a", "lat_deg": 50.001, "lon_deg": 8.02}]))


def test_a_border_that_crosses_itself_names_the_place(make_brief):
    points = [[50.0, 8.0], [50.0, 8.05], [50.02, 8.05], [49.98, 8.02]]
    with pytest.raises(BriefError, match=r"crosses itself at 50\.0000\d, 8\.03"):
        plan_brief(make_brief(points))


def test_standoff_wider_than_the_corridor_is_refused_with_the_depth_that_would_do(make_brief, straight):
    with pytest.raises(PlanRefusedError, match="corridor.depth_m to at least 2"):
        plan_brief(make_brief(straight, corridor={"depth_m": 150}))


def test_a_zone_that_swallows_the_border_is_refused(make_brief, straight):
    zone = {"name": "z", "centre": [50.0, 8.025], "radius_m": 4000}
    with pytest.raises(PlanRefusedError, match="zone"):
        plan_brief(make_brief(straight, zone=[zone], launch=[{"name": "a", "lat_deg": 50.06, "lon_deg": 8.02}]))


def test_a_site_in_a_zone_is_refused_by_name(make_brief, straight):
    zone = {"name": "hospital", "centre": [50.01, 8.02], "radius_m": 200}
    with pytest.raises(PlanRefusedError, match="zone 'hospital'"):
        plan_brief(make_brief(straight, zone=[zone]))


def test_a_zone_on_the_lane_is_flown_round_on_every_leg(make_brief, straight):
    zone = {"name": "z", "centre": [50.003, 8.025], "radius_m": 250, "clearance_m": 40}
    brief = make_brief(straight, zone=[zone])
    plan = plan_brief(brief).plan
    for sortie in plan.sorties:
        for leg in sortie.legs:
            lat = np.linspace(leg.lat_start_deg, leg.lat_end_deg, 200)
            lon = np.linspace(leg.lon_start_deg, leg.lon_end_deg, 200)
            metres = np.hypot((lat - 50.003) * 111_229.0, (lon - 8.025) * 71_695.0)
            assert metres.min() >= 289.0


def test_a_battery_too_small_is_refused_naming_the_rule(make_brief, straight):
    with pytest.raises(PlanRefusedError, match="one battery of quad-survey"):
        plan_brief(make_brief(straight, aircraft={"type": "quad-survey", "count": 1, "battery_wh": 3.0}))


def test_wind_stronger_than_the_aircraft_is_refused(make_brief, straight):
    with pytest.raises(PlanRefusedError, match="wind"):
        plan_brief(make_brief(straight, wind={"speed_mps": 30, "from_deg": 0}))


def test_revisit_that_cannot_be_met_says_how_many_aircraft_would_do(make_brief, straight):
    plan = plan_brief(make_brief(straight, revisit={"max_min": 4}, aircraft={"type": "quad-survey", "count": 1})).plan
    finding = next(f for f in plan.findings if f.rule == "revisit")
    count = int(finding.advice.split("aircraft.count = ")[1].split(",")[0])
    enough = make_brief(straight, revisit={"max_min": 4}, aircraft={"type": "quad-survey", "count": count})
    better = plan_brief(enough).plan
    assert not [f for f in better.findings if f.rule == "revisit"]
    assert better.worst_revisit_s <= 4 * 60.0
    fewer = plan_brief(
        make_brief(straight, revisit={"max_min": 4}, aircraft={"type": "quad-survey", "count": count - 1})
    ).plan
    assert [f for f in fewer.findings if f.rule == "revisit"]


def test_antimeridian_border_is_planned_like_any_other(make_brief, oracle, border_line):
    points = [[66.0, 179.96], [66.0, 179.999], [66.0, -179.96]]
    brief = make_brief(points, launch=[{"name": "a", "lat_deg": 66.01, "lon_deg": -179.99}])
    plan = plan_brief(brief).plan
    there = plan_brief(
        make_brief([[66.0, 10.0 + d] for d in (-0.04, -0.001, 0.04)],
                   launch=[{"name": "a", "lat_deg": 66.01, "lon_deg": 10.01}])
    ).plan  # fmt: skip
    assert plan.covered_pct == pytest.approx(there.covered_pct, abs=0.05)
    assert oracle(plan, border_line(brief)) >= 200.0


def test_polar_border_is_planned(make_brief, oracle, border_line):
    points = [[89.95, lon] for lon in (0.0, 20.0, 40.0)]
    brief = make_brief(points, border={"coordinates": points, "own_side": {"lat_deg": 89.97, "lon_deg": 20.0}},
                       launch=[{"name": "a", "lat_deg": 89.965, "lon_deg": 20.0}])  # fmt: skip
    plan = plan_brief(brief).plan
    assert plan.min_standoff_m >= 200.0
    assert errors(plan) == []


def test_hairpin_border_keeps_the_standoff_from_both_arms(make_brief, oracle, border_line):
    points = [[50.0, 8.0], [50.0, 8.03], [50.02, 8.03], [50.02, 8.04], [50.0, 8.04], [50.0, 8.07]]
    brief = make_brief(points, launch=[{"name": "a", "lat_deg": 50.012, "lon_deg": 8.02}])
    plan = plan_brief(brief).plan
    assert {f.rule for f in errors(plan)} <= {"unflown", "failsafe standoff"}
    assert oracle(plan, border_line(brief)) >= 200.0


def test_enclave_is_never_overflown(tmp_path, oracle, make_brief):
    ring = shapely.Point(8.02, 50.009).buffer(0.003)
    line = shapely.LineString([(8.0, 50.0), (8.06, 50.0)])
    (tmp_path / "b.geojson").write_text(
        '{"type":"FeatureCollection","features":['
        + ",".join(
            '{"type":"Feature","properties":{},"geometry":' + shapely.to_geojson(g) + "}" for g in (line, ring.exterior)
        )
        + "]}"
    )
    brief = make_brief(
        folder=tmp_path, border={"file": "b.geojson", "own_side": {"lat_deg": 50.004, "lon_deg": 8.05}},
        launch=[{"name": "a", "lat_deg": 50.01, "lon_deg": 8.045}], corridor={"depth_m": 400, "lanes": 1},
    )  # fmt: skip
    plan = plan_brief(brief).plan
    assert plan.sorties
    assert oracle(plan, shapely.multilinestrings([line, shapely.LineString(ring.exterior)])) >= 200.0


def test_reordered_parts_and_gaps_give_one_border(make_brief, straight, tmp_path):
    whole = plan_brief(make_brief(straight)).plan
    parts = [[(8.03, 50.0), (8.05, 50.0)], [(8.0, 50.0), (8.01, 50.0)], [(8.0101, 50.0), (8.03, 50.0)]]
    geometry = shapely.to_geojson(shapely.multilinestrings([shapely.linestrings(p) for p in parts]))
    (tmp_path / "b.geojson").write_text('{"type":"Feature","properties":{},"geometry":' + geometry + "}")
    brief = make_brief(straight)
    brief = build_brief(
        {
            "name": "test", "border": {"file": "b.geojson", "own_side": "left"}, "standoff": {"asked_m": 200},
            "corridor": {"depth_m": 500}, "aircraft": {"type": "quad-survey", "count": 2},
            "launch": [{"name": "a", "lat_deg": 50.01, "lon_deg": 8.02}],
        },
        tmp_path,
    )  # fmt: skip
    pieced = plan_brief(brief).plan
    assert pieced.covered_pct == pytest.approx(whole.covered_pct, abs=0.2)
    assert len(pieced.sorties) == len(whole.sorties)


@pytest.fixture
def against(make_brief, tmp_path):
    """Return a brief of a border whose last two of five kilometres are drawn against the rest."""
    parts = [[(8.0, 50.0), (8.03, 50.0)], [(8.05, 50.0), (8.0301, 50.0)]]
    geometry = shapely.to_geojson(shapely.multilinestrings([shapely.linestrings(p) for p in parts]))
    (tmp_path / "b.geojson").write_text('{"type":"Feature","properties":{},"geometry":' + geometry + "}")
    return make_brief(folder=tmp_path, border={"file": "b.geojson", "own_side": "left"})


def test_a_part_drawn_the_other_way_is_turned_and_reported_at_its_place(against):
    plan = plan_brief(against).plan
    assert min(g.lat_end_deg for s in plan.sorties for g in s.legs) > 50.0
    (told,) = (f for f in plan.findings if f.rule == "border direction")
    assert (told.lat_deg, told.lon_deg) == pytest.approx((50.0, 8.04005), abs=1e-4)
    assert told.message.startswith(
        "40 % of the border (the part about 50.0000, 8.0401) is drawn against the rest of it"
    )


def test_a_site_on_the_side_that_the_smaller_part_names_hears_of_that_part(against):
    """Left of what is drawn from east to west lies the south."""
    south = against.launch[0].model_copy(update={"lat_deg": 49.99, "lon_deg": 8.04})
    with pytest.raises(
        PlanRefusedError, match=r"launch site 'a' is not on our side .* 40 % of the border \(the part ab"
    ):
        plan_brief(against.model_copy(update={"launch": (south,)}))


def test_halves_drawn_against_each_other_name_no_side(make_brief, tmp_path):
    parts = [[(8.0, 50.0), (8.025, 50.0)], [(8.05, 50.0), (8.025, 50.0)]]
    geometry = shapely.to_geojson(shapely.multilinestrings([shapely.linestrings(p) for p in parts]))
    (tmp_path / "b.geojson").write_text('{"type":"Feature","properties":{},"geometry":' + geometry + "}")
    brief = make_brief(folder=tmp_path, border={"file": "b.geojson", "own_side": "left"})
    with pytest.raises(BriefError, match=r"50 % of the border \(the part about 50\.0000, 8\.0.*so left names no side"):
        plan_brief(brief)


def test_nan_in_the_border_is_refused(make_brief, straight):
    brief = make_brief(straight)
    lines = (dataclasses.replace(brief.border.lines[0], lat_deg=np.array([50.0, np.nan])),)
    bad = brief.model_copy(update={"border": brief.border.model_copy(update={"lines": lines})})
    with pytest.raises(InputError, match="vertex 1"):
        plan_brief(bad)


def test_a_million_vertices_are_planned_at_the_standoff_of_the_line_as_drawn(make_brief, oracle, border_line):
    lon = 8.0 + np.arange(1_000_000) * 5e-8
    lat = 50.0 + 1e-5 * np.sin(np.arange(1_000_000) / 50.0)
    points = np.stack([lat, lon], axis=1).tolist()
    brief = make_brief(points)
    plan = plan_brief(brief).plan
    nearest = oracle(plan, border_line(brief))
    assert nearest >= 200.0
    assert plan.min_standoff_m <= nearest


@pytest.mark.parametrize("own_side", ["left", "right"])
@pytest.mark.parametrize("drawn", [1, -1])
def test_the_outside_of_a_bend_is_flown_whole(make_brief, own_side, drawn):
    """Most of a lane round a corner has that corner as its nearest border point."""
    bearing = np.radians(np.linspace(-100.0, 100.0, 7))
    points = [[50.0 + 0.022 * np.cos(a), 8.0 + 0.034 * np.sin(a)] for a in bearing][::drawn]
    inside = (own_side == "right") == (drawn == 1)
    site = [50.0, 8.0] if inside else [50.030, 8.0]
    brief = make_brief(points, border={"coordinates": points, "own_side": own_side},
                       launch=[{"name": "a", "lat_deg": site[0], "lon_deg": site[1]}])  # fmt: skip
    plan = plan_brief(brief).plan
    assert not [f for f in plan.findings if f.rule == "unflown"]
    assert plan.covered_pct > 90.0
