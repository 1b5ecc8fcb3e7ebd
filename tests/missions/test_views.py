"""Lane distances and depressions against brute force over whole degrees and a fine grid of distances."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from geo.locate import locate
from geo.terrain import FlatTerrain
from geo.values import CameraModel, GimbalFrame, Pose, PoseSigmas
from missions.briefs.brief_file import build_brief
from missions.briefs.camera import Camera
from missions.plan import LegKind, Severity
from missions.sight.border_sight import border_finding
from missions.sight.optics import near_far_m, pixels_m
from missions.sight.pointing import Facing
from missions.sight.views import lane_views
from missions.tasks.plan_door import plan_brief

GRAZING_DEG = 5.0


def brief_of(folder=None, **changes):
    raw = {
        "name": "test", "border": {"coordinates": [[50.0, 8.0], [50.0, 8.05]], "own_side": "left"},
        "standoff": {"asked_m": 200}, "corridor": {"depth_m": 500}, "aircraft": {"type": "quad-survey"},
        "launch": [{"name": "a", "lat_deg": 50.01, "lon_deg": 8.02}],
    }  # fmt: skip
    return build_brief(raw | changes, folder)


def strip(view, camera, height_m):
    """Return the ground one lane sees, from the border inwards, by plain trigonometry."""
    half = camera.full_vfov_deg / 2.0
    d = view.pointing.depression_deg
    near = height_m / np.tan(np.radians(d + half))
    far = height_m / np.tan(np.radians(max(d - half, GRAZING_DEG)))
    out = view.pointing.facing is Facing.OUT
    return (view.offset_m - far, view.offset_m - near) if out else (view.offset_m + near, view.offset_m + far)


def cases():
    return st.fixed_dictionaries(
        {
            "nearest": st.floats(20.0, 600.0),
            "depth": st.floats(100.0, 900.0),
            "height": st.sampled_from([60, 100, 150]),
            "vfov": st.sampled_from([8.0, 18.0, 30.0]),
            "overlap": st.sampled_from([0.0, 15.0]),
            "low": st.sampled_from([-90, -70, -45]),
            "high": st.sampled_from([20, -15, -30]),
        }
    )


def brief_for(case, **changes):
    rules = {"alt_agl_m": case["height"], "min_agl_m": 50, "max_agl_m": 150}
    camera = {"vfov_deg": case["vfov"], "gimbal_pitch_min_deg": case["low"], "gimbal_pitch_max_deg": case["high"]}
    return brief_of(
        flight=rules, camera=camera, corridor={"depth_m": case["depth"], "overlap_pct": case["overlap"]}, **changes
    )


@settings(max_examples=60, deadline=None)
@given(cases())
def test_no_depression_leaves_the_gimbal_or_looks_along_the_ground(case):
    brief = brief_for(case)
    views = lane_views(brief, case["nearest"], 1.0)
    assert views
    for view in views:
        d = view.pointing.depression_deg
        assert case["low"] <= -d <= case["high"]
        assert d - case["vfov"] / 2.0 >= GRAZING_DEG
        assert d == round(d)
        assert view.offset_m >= case["nearest"] - 1e-6


@settings(max_examples=60, deadline=None)
@given(cases())
def test_strips_close_the_corridor_from_the_border_or_the_finding_says_how_much_is_missed(case):
    brief = brief_for(case)
    views = lane_views(brief, case["nearest"], 1.0)
    strips = sorted(strip(v, brief.camera, case["height"]) for v in views)
    found = border_finding(brief, views, case["nearest"])
    seen = 0.0
    if found:
        missed = float(found[0].message.split("the first ")[1].split(" m")[0])
        assert missed == pytest.approx(strips[0][0], abs=0.51)
        seen = strips[0][0]
    for a, b in strips:
        assert a <= seen + (1.0 if seen == 0.0 else 1e-6)
        seen = max(seen, b)
    assert seen >= case["depth"] - 1.0


def greedy_count(case, allowed, half, last):
    """Return the fewest strips that close the corridor: every depression and lane distance on a metre grid tried."""
    seen, count = 0.0, 0
    lane_m = np.arange(case["nearest"], case["nearest"] + 3000.0, 1.0)
    while seen < case["depth"] - 1.0:
        best = seen
        for d in allowed:
            near, far = (case["height"] / np.tan(np.radians(d + s * half)) for s in (1.0, -1.0))
            lap = (far - near) * case["overlap"] / 100.0 if count else 0.0
            for edges in ((lane_m - far, lane_m - near), (lane_m + near, lane_m + far)):
                meets = edges[0] <= seen - lap + 1e-9
                if meets.any():
                    best = max(best, float(edges[1][meets].max()))
        if best <= seen + 0.5:
            return None
        seen, count = best, count + 1
        if count > last:
            return count
    return count


@settings(max_examples=40, deadline=None)
@given(cases())
def test_no_choice_of_depressions_and_distances_needs_fewer_lanes(case):
    brief = brief_for(case, resolution={"gsd_m": 1.2})
    half = case["vfov"] / 2.0
    low, high = max(GRAZING_DEG + half, -case["high"]), min(90.0, -case["low"])
    allowed = [d for d in np.arange(np.ceil(low), np.floor(high) + 1.0) if d + half < 179.0]
    allowed = [d for d in allowed if pixel_by_hand(brief.camera, d, case["height"]) <= 1.2]
    views = lane_views(brief, case["nearest"], 1.0)
    fewest = greedy_count(case, allowed, half, len(views))
    assume(fewest is not None)
    assert fewest in (len(views), len(views) + 1), "the metre grid may cost brute force a lane, never win one"


def pixel_by_hand(camera, depression_deg, height_m):
    slant = height_m / np.sin(np.radians(depression_deg - camera.full_vfov_deg / 2.0))
    return (
        slant
        * np.cos(np.radians(camera.full_vfov_deg / 2.0))
        / (camera.width_px / 2.0 / np.tan(np.radians(camera.hfov_deg / 2.0)))
    )


@pytest.mark.parametrize(("nearest", "depth"), [(60.0, 300.0), (150.0, 420.0), (230.0, 500.0)])
def test_no_tuple_of_depressions_with_as_many_lanes_has_a_steeper_flattest_lane(nearest, depth):
    case = {"nearest": nearest, "depth": depth, "height": 100, "vfov": 20.0, "overlap": 0.0, "low": -90, "high": 20}
    brief = brief_for(case)
    views = lane_views(brief, nearest, 1.0)
    every = itertools.product(np.arange(15.0, 91.0, 1.0), repeat=len(views))
    best = max(min(tried) for tried in every if closes(tried, nearest, depth))
    assert min(v.pointing.depression_deg for v in views) == best


def closes(depressions, nearest, depth):
    seen = 0.0
    for d in depressions:
        near, far = (100.0 / np.tan(np.radians(d + s * 10.0)) for s in (1.0, -1.0))
        if seen + far < nearest - 1e-9 and seen - near < nearest - 1e-9:
            return False
        seen += far - near
    return seen >= depth - 1.0


def test_a_given_depression_is_held_on_every_lane_and_more_lanes_look_steeper(make_brief, straight):
    given_one = lane_views(make_brief(straight, camera={"depression_deg": 33.5}), 210.0, 1.0)
    assert {v.pointing.depression_deg for v in given_one} == {33.5}
    steepest = []
    for lanes in (2, 3, 5):
        views = lane_views(make_brief(straight, corridor={"depth_m": 500, "lanes": lanes}), 210.0, 1.0)
        assert len(views) == lanes
        steepest.append(max(v.pointing.depression_deg for v in views))
    assert steepest == sorted(steepest)
    assert steepest[0] < steepest[-1]


def test_a_standoff_beyond_the_far_edge_is_said_with_changes_that_each_mend_it(make_brief, straight):
    site = [{"name": "a", "lat_deg": 50.03, "lon_deg": 8.02}]
    asked = {"corridor": {"depth_m": 1500}, "flight": {"alt_agl_m": 60, "max_agl_m": 140}, "launch": site}
    plan = plan_brief(make_brief(straight, standoff={"asked_m": 900}, **asked)).plan
    finding = next(f for f in plan.findings if f.rule == "border in view")
    assert finding.severity is Severity.WARNING
    height, standoff, outer = (
        float(finding.advice.split(f"{key} = ")[1].split(" ")[0].rstrip(","))
        for key in ("alt_agl_m", "asked_m", "from_m")
    )
    for change in (
        {"standoff": {"asked_m": 900}, "flight": {"alt_agl_m": height, "max_agl_m": 140}},
        {"standoff": {"asked_m": standoff}},
        {"standoff": {"asked_m": 900}, "corridor": {"depth_m": 1500, "from_m": outer}},
    ):
        mended = plan_brief(make_brief(straight, **(asked | change))).plan
        assert "border in view" not in {f.rule for f in mended.findings}, change
    less = {"standoff": {"asked_m": 900}, "flight": {"alt_agl_m": height - 1.0, "max_agl_m": 140}}
    assert "border in view" in {f.rule for f in plan_brief(make_brief(straight, **(asked | less))).plan.findings}


def test_items_hold_each_lane_at_its_own_depression(make_brief, straight):
    plan = plan_brief(make_brief(straight, standoff={"asked_m": 330}, corridor={"depth_m": 800, "lanes": 6})).plan
    pitches = {i.p1 for s in plan.sorties for i in s.items if i.command == 1000}
    assert pitches == {leg.gimbal_pitch_deg for s in plan.sorties for leg in s.legs if leg.kind is LegKind.WORK}
    assert len(pitches) == 2
    assert plan.covered_pct > 97.0


@settings(max_examples=40, deadline=None)
@given(st.floats(20.0, 88.0), st.floats(40.0, 150.0), st.sampled_from([10.0, 24.0]))
def test_strip_and_pixel_agree_with_rays_cast_through_the_picture(depression, height, vfov):
    camera = Camera(vfov_deg=vfov, width_px=640, height_px=512, hfov_deg=32.0)
    assume(depression - vfov / 2.0 > GRAZING_DEG)
    fx = 320.0 / np.tan(np.radians(16.0))
    fy = 256.0 / np.tan(np.radians(vfov / 2.0))
    model = CameraModel(width_px=640, height_px=512, fx_px=fx, fy_px=fy, cx_px=320.0, cy_px=256.0)
    pose = Pose(t_utc_ns=0, lat_deg=50.0, lon_deg=8.0, alt_hae_m=height, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0,
                gimbal_yaw_deg=0.0, gimbal_pitch_deg=-depression, gimbal_frame=GimbalFrame.EARTH)  # fmt: skip
    uv = [[320.0, 512.0], [320.0, 0.0], [321.0, 512.0], [321.0, 0.0]]
    ground = locate(poses=pose, camera=model, uv_px=uv, terrain=FlatTerrain(height_m=0.0), sigmas=PoseSigmas())
    north = (ground.lat_deg - 50.0) * 111_229.0
    near, far = near_far_m(camera, depression, height)
    assert north[:2] == pytest.approx([float(near), float(far)], rel=2e-3, abs=0.3)
    wide = np.abs(ground.lon_deg[2:] - ground.lon_deg[:2]) * 71_695.0
    assert wide == pytest.approx([float(p) for p in pixels_m(camera, depression, height)], rel=3e-3)
