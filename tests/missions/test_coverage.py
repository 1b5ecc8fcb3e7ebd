"""What a plan sees, against rays cast through the picture, flights simulated in small steps, and plain areas."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.camera import hfov_deg
from geo.geoid import undulation_m
from geo.locate import locate, project
from geo.seen import seen
from geo.terrain_file import read_terrain
from geo.values import CameraModel, GimbalFrame, Poses, PoseSigmas
from missions.airspace.ground_file import TerrainGround
from missions.airspace.terrain_profile import PlaneGround
from missions.briefs.brief_file import build_brief
from missions.plan import LegKind
from missions.plan_files.plan_folder_file import coverage_geojson
from missions.sight.coverage import Unseen, cover
from missions.sight.revisit import prove
from missions.sight.sightings import HIDDEN_M, Passes, sightings
from missions.tasks.plan_door import plan_brief

VFOV_DEG = 26.0


class Bumpy:
    """Ground above the ellipsoid in degrees about a place: steep ridges 30 m high, 150 m apart."""

    def __init__(self, height_m):
        self.height_m = height_m

    def height_hae_m(self, lat_deg, lon_deg):
        east, north = (lon_deg - 8.0) * 71_695.0, (lat_deg - 50.0) * 111_229.0
        return self.height_m * (np.sin(east / 90.0) * np.sin(north / 70.0)) ** 4 + undulation_m(lat_deg, lon_deg)


def model(camera):
    fy = camera.height_px / 2.0 / np.tan(np.radians(camera.full_vfov_deg / 2.0))
    return CameraModel(
        width_px=camera.width_px, height_px=camera.height_px, fx_px=camera.focal_px, fy_px=fy,
        cx_px=camera.width_px / 2.0, cy_px=camera.height_px / 2.0,
    )  # fmt: skip


def poses(legs, share):
    """Return a pose a leg, `share` of the way along it, from the plan's own degrees and heights."""

    def mix(a, b):
        return np.array([getattr(g, a) for g in legs]) * (1 - share) + np.array([getattr(g, b) for g in legs]) * share

    lat, lon = mix("lat_start_deg", "lat_end_deg"), mix("lon_start_deg", "lon_end_deg")
    zero = np.zeros(len(legs))
    return Poses(
        t_utc_ns=np.zeros(len(legs), dtype=np.int64), lat_deg=lat, lon_deg=lon,
        alt_hae_m=mix("alt_amsl_start_m", "alt_amsl_end_m") + undulation_m(lat, lon),
        yaw_deg=zero, pitch_deg=zero, roll_deg=zero,
        gimbal_yaw_deg=np.array([g.gimbal_yaw_deg for g in legs]),
        gimbal_pitch_deg=np.array([g.gimbal_pitch_deg for g in legs]), gimbal_roll_deg=zero,
        hfov_deg=np.full(len(legs), np.nan), vfov_deg=np.full(len(legs), np.nan), gimbal_frame=GimbalFrame.EARTH,
    )  # fmt: skip


def work_legs(plan):
    return [g for s in plan.sorties for g in s.legs if g.kind is LegKind.WORK]


@pytest.fixture(scope="module")
def hilly(shared_data, tmp_path_factory):
    """A patrol of 5 km of Tennessee's mountains over a real elevation model."""
    file = tmp_path_factory.mktemp("terrain") / "jacksboro.tif"
    dem = np.load(shared_data / "terrain" / "jacksboro_fault_dem.npz")
    transform = rasterio.Affine(float(dem["dx"]), 0, float(dem["xmin"]), 0, -float(dem["dy"]), float(dem["ymin"]))
    with rasterio.open(
        file, "w", driver="GTiff", width=dem["elevation"].shape[1], height=dem["elevation"].shape[0], count=1,
        dtype="float32", crs="EPSG:4326", transform=transform,
    ) as out:  # fmt: skip
        out.write(dem["elevation"].astype("float32"), 1)
    lon = np.linspace(-84.30, -84.25, 30)
    lat = 36.60 + 0.002 * np.sin(np.arange(30) / 4.0)
    brief = build_brief(
        {
            "name": "hills", "border": {"coordinates": np.stack([lat, lon], axis=1).tolist(), "own_side": "left"},
            "standoff": {"asked_m": 150}, "corridor": {"depth_m": 500},
            "aircraft": {"type": "quad-heavy", "count": 2}, "camera": {"depression_deg": 22.0, "vfov_deg": VFOV_DEG},
            "terrain": {"file": str(file)}, "flight": {"alt_agl_m": 90},
            "launch": [{"name": "a", "lat_deg": 36.612, "lon_deg": -84.275}],
        },
        shared_data,
    )  # fmt: skip
    made = plan_brief(brief)
    return brief, made.situation, made.plan, read_terrain(file)


def test_pixels_cast_onto_the_terrain_land_on_ground_that_counts_as_seen(hilly):
    brief, situation, plan, terrain = hilly
    corridor = situation.corridor
    legs = work_legs(plan)
    covered = cover(situation, corridor.watched, plan.sorties)
    union = shapely.union_all(covered.seen)
    rng = np.random.default_rng(5)
    taken = [legs[k] for k in rng.integers(0, len(legs), 400)]
    v = rng.uniform(0.0, brief.camera.height_px, len(taken))
    uv = np.stack([np.full(len(taken), brief.camera.width_px / 2.0), v], axis=1)
    taken_poses = poses(taken, 0.5)
    points = locate(poses=taken_poses, camera=model(brief.camera), uv_px=uv, terrain=terrain, sigmas=PoseSigmas())
    placed = np.isfinite(points.lat_deg)
    steep = np.degrees(np.arcsin((taken_poses.alt_hae_m - points.alt_hae_m) / points.slant_m)) > 5.1
    xy = corridor.frame.to_plane(points.lat_deg[placed & steep], points.lon_deg[placed & steep])
    inside = shapely.contains_xy(corridor.watched.buffer(-15.0), xy[:, 0], xy[:, 1])
    assert inside.sum() > 150
    near = shapely.distance(union, shapely.points(xy[inside]))
    assert (near <= covered.resolution_m).mean() > 0.99


def test_sightings_agree_with_rays_from_the_same_poses(hilly):
    brief, situation, plan, terrain = hilly
    corridor = situation.corridor
    passes = Passes.of(corridor.frame, plan.sorties)
    legs = work_legs(plan)
    rng = np.random.default_rng(8)
    west, south, east, north = corridor.watched.bounds
    xy = rng.uniform([west, south], [east, north], (6000, 2))
    xy = xy[shapely.contains_xy(corridor.watched, xy[:, 0], xy[:, 1])]
    found = sightings(brief.camera, passes, situation.ground, xy)
    assert 0.01 < found.hidden.mean() < 0.7
    step = passes.end_m - passes.start_m
    share = np.clip(np.einsum("ij,ij->i", xy[found.point] - passes.start_m[found.leg], step[found.leg])
                    / passes.length_m[found.leg] ** 2, 0.0, 1.0)  # fmt: skip
    lat, lon = corridor.frame.to_degrees(xy[found.point])
    taken = poses([legs[k] for k in found.leg], share)
    uv = project(poses=taken, camera=model(brief.camera), lat_deg=lat, lon_deg=lon,
                 alt_hae_m=terrain.height_hae_m(lat, lon))  # fmt: skip
    off = np.maximum(-uv, uv - [brief.camera.width_px, brief.camera.height_px]).max(axis=1)
    assert off.max() < 3.0, "what counts as in the picture is in it, to a few pixels of height of sampled ground"
    clear = seen(
        poses=taken, camera=None, terrain=terrain, places_deg=np.stack([lat, lon], 1), target_height_m=HIDDEN_M
    )
    assert (clear == ~found.hidden).mean() > 0.97


def test_a_covered_cell_is_in_view_in_brute_force_and_a_hidden_one_hardly_ever(make_brief, straight):
    terrain = Bumpy(45.0)
    brief = make_brief([[50.0, 8.0], [50.0, 8.02]], standoff={"asked_m": 150}, corridor={"depth_m": 400},
                       camera={"depression_deg": 22.0, "vfov_deg": VFOV_DEG}, flight={"alt_agl_m": 70},
                       launch=[{"name": "a", "lat_deg": 50.008, "lon_deg": 8.01}])  # fmt: skip
    made = plan_brief(brief)
    plan, corridor = made.plan, made.situation.corridor
    ground = PlaneGround(frame=corridor.frame, heights=TerrainGround(terrain=terrain))
    covered = cover(dataclasses.replace(made.situation, ground=ground), corridor.watched, plan.sorties)
    hidden = shapely.union_all([g.polygon for g in covered.gaps if g.reason is Unseen.HIDDEN])
    rng = np.random.default_rng(3)
    west, south, east, north = corridor.watched.buffer(-10.0).bounds
    xy = rng.uniform([west, south], [east, north], (700, 2))
    ever = np.zeros(len(xy), dtype=bool)
    lat, lon = corridor.frame.to_degrees(xy)
    for leg in work_legs(plan):
        for share in np.linspace(0.0, 1.0, max(int((leg.t_end_s - leg.t_start_s) * leg.speed_mps / 8.0), 2)):
            ever |= seen(poses=poses([leg], share), camera=model(brief.camera), terrain=terrain,
                         places_deg=np.stack([lat, lon], 1), target_height_m=HIDDEN_M)  # fmt: skip
    counted = shapely.contains_xy(shapely.union_all(covered.seen).buffer(-2.0), xy[:, 0], xy[:, 1])
    behind = shapely.contains_xy(hidden.buffer(-2.0), xy[:, 0], xy[:, 1])
    assert counted.sum() > 200
    assert behind.sum() > 40
    assert ever[counted].mean() > 0.97
    assert ever[behind].mean() < 0.5, "what shows between hills from elsewhere than abeam counts as hidden"


def test_flat_ground_gives_the_same_by_polygons_and_by_cells(make_brief, straight):
    brief = make_brief(straight, zone=[{"name": "z", "centre": [50.003, 8.025], "radius_m": 250, "clearance_m": 40}])
    made = plan_brief(brief)
    plan, corridor = made.plan, made.situation.corridor

    class Level:
        def amsl_m(self, lat_deg, lon_deg):
            return np.zeros(np.broadcast(lat_deg, lon_deg).shape)

    flat, level = made.coverage, PlaneGround(frame=corridor.frame, heights=Level())
    cells = cover(dataclasses.replace(made.situation, ground=level), corridor.watched, plan.sorties)
    assert flat.covered_pct == pytest.approx(cells.covered_pct, abs=0.6), "edges lie up to half a cell off"
    for a, b in zip(flat.seen, cells.seen, strict=True):
        assert a.intersection(corridor.watched).symmetric_difference(b).area < 0.02 * b.area
    gone = sum(g.area_m2 for g in flat.gaps)
    assert gone == pytest.approx((1.0 - flat.covered_pct / 100.0) * flat.watched_m2, rel=0.1)


def reasons(brief):
    plan = plan_brief(brief).plan
    return {Unseen(u.reason): u for u in plan.sight.unseen}, plan


def test_each_gap_has_its_reason_and_place(make_brief, straight):
    site = [{"name": "a", "lat_deg": 50.02, "lon_deg": 8.02}]
    far, plan = reasons(make_brief(straight, standoff={"asked_m": 700}, corridor={"depth_m": 1100}, launch=site,
                                   camera={"depression_deg": 40.0}))  # fmt: skip
    assert next(iter(far)) is Unseen.STANDOFF
    assert far[Unseen.STANDOFF].area_m2 == pytest.approx(3_585.0 * (714.0 - 195.0), rel=0.1)
    assert 50.0 < far[Unseen.STANDOFF].lat_deg < 50.0047
    finding = next(f for f in plan.findings if f.rule == "coverage")
    assert (finding.lat_deg, finding.lon_deg) == (far[Unseen.STANDOFF].lat_deg, far[Unseen.STANDOFF].lon_deg)

    wide, _ = reasons(make_brief(straight, corridor={"depth_m": 500, "lanes": 1}, camera={"depression_deg": 30.0}))
    assert next(iter(wide)) is Unseen.SWATH

    weak = {"type": "quad-survey", "count": 1, "battery_wh": 30.0}
    short, _ = reasons(make_brief([[50.0, 8.0], [50.0, 8.2]], aircraft=weak))
    assert next(iter(short)) is Unseen.NOT_FLOWN
    assert short[Unseen.NOT_FLOWN].area_m2 > 5e5


def test_gaps_in_the_file_add_up_and_lie_outside_what_is_seen(make_brief, straight):
    brief = make_brief(straight, corridor={"depth_m": 500, "lanes": 1}, camera={"depression_deg": 30.0})
    made = plan_brief(brief)
    plan, features = made.plan, coverage_geojson(made)["features"]
    gaps = [f for f in features if f["properties"]["kind"] == "gap"]
    assert {f["properties"]["reason"] for f in gaps} <= {r.value for r in Unseen}
    area = sum(f["properties"]["area_m2"] for f in gaps)
    assert area == pytest.approx(plan.corridor_m2 * (1.0 - plan.covered_pct / 100.0), rel=0.05)
    seen_ground = shapely.union_all([
        shapely.from_geojson(json.dumps(f["geometry"])) for f in features if f["properties"]["kind"] == "seen"
    ])  # fmt: skip
    lost = shapely.union_all([shapely.from_geojson(json.dumps(f["geometry"])) for f in gaps])
    assert seen_ground.intersection(lost).area < 0.02 * lost.area


def test_dwell_is_the_time_a_simulated_flight_keeps_a_point_in_its_picture(make_brief, straight):
    brief = make_brief(straight, standoff={"asked_m": 150}, corridor={"depth_m": 330, "lanes": 1})
    made = plan_brief(brief)
    plan, corridor, ground = made.plan, made.situation.corridor, made.situation.ground
    passes = Passes.of(corridor.frame, plan.sorties)
    legs = work_legs(plan)
    middle = corridor.frame.to_plane(np.array([50.0005, 50.001, 50.0015, 50.0015]),
                                   np.array([8.02, 8.03, 8.0001, 8.0499]))  # fmt: skip
    found = sightings(brief.camera, passes, ground, middle)
    assert set(found.point.tolist()) == {0, 1, 2, 3}
    lat, lon = corridor.frame.to_degrees(middle)
    step_s = 0.02
    for point in range(4):
        total = 0.0
        for leg in legs:
            shares = np.arange(0.5 * step_s, leg.t_end_s - leg.t_start_s, step_s) / (leg.t_end_s - leg.t_start_s)
            uv = project(poses=poses([leg] * len(shares), shares), camera=model(brief.camera),
                         lat_deg=np.full(len(shares), lat[point]), lon_deg=np.full(len(shares), lon[point]),
                         alt_hae_m=np.full(len(shares), undulation_m(lat[point], lon[point])))  # fmt: skip
            with np.errstate(invalid="ignore"):
                size = [brief.camera.width_px, brief.camera.height_px]
                total += step_s * ((uv >= 0.0) & (uv <= size)).all(axis=1).sum()
        ours = found.dwell_s[found.point == point]
        assert ours.max() == pytest.approx(total, abs=0.15)
    proof = prove(made.situation, plan.sorties, plan.turns)
    assert plan.sight.dwell_s == pytest.approx(proof.least_dwell_s, abs=0.01)
    assert hfov_deg(model(brief.camera)) == pytest.approx(brief.camera.hfov_deg)


MIXED = [{"type": "quad-survey", "count": 2, "battery_wh": 40}, {"type": "quad-heavy", "count": 1}]


@pytest.mark.parametrize("aircraft", [*({"type": "quad-survey", "count": count} for count in (1, 2)), MIXED])
def test_revisit_of_the_proof_is_what_every_second_of_a_night_shows(make_brief, aircraft):
    brief = make_brief([[50.0, 8.0], [50.0, 8.03]], standoff={"asked_m": 150}, corridor={"depth_m": 350},
                       aircraft=aircraft,
                       launch=[{"name": "a", "lat_deg": 50.006, "lon_deg": 8.01}])  # fmt: skip
    made = plan_brief(brief)
    plan, corridor = made.plan, made.situation.corridor
    turns = plan.turns
    proof = prove(made.situation, plan.sorties, turns)
    by_name = {s.name: s for s in plan.sorties}
    cycle_s = max(t.cycle_s for t in turns)
    night_s = 6.0 * cycle_s
    chosen = [3, 20, 38]
    depths = np.linspace(0.0, 350.0, 13)[1::2]
    xy = np.concatenate([place + np.c_[np.zeros(6), depths] for place in corridor.along.at(proof.station_m[chosen])])
    lat, lon = corridor.frame.to_degrees(xy)
    views = [[] for _ in xy]
    for turn in turns:
        clock = turn.start_s
        k = 0
        while clock < night_s:
            sortie = by_name[turn.sorties[k % len(turn.sorties)]]
            for leg in (g for g in sortie.legs if g.kind is LegKind.WORK):
                seconds = np.arange(np.ceil(leg.t_start_s), leg.t_end_s, 1.0)
                share = (seconds - leg.t_start_s) / (leg.t_end_s - leg.t_start_s)
                for p in range(len(xy)):
                    uv = project(poses=poses([leg] * len(share), share), camera=model(brief.camera),
                                 lat_deg=np.full(len(share), lat[p]), lon_deg=np.full(len(share), lon[p]),
                                 alt_hae_m=np.full(len(share), undulation_m(lat[p], lon[p])))  # fmt: skip
                    with np.errstate(invalid="ignore"):
                        size = [brief.camera.width_px, brief.camera.height_px]
                        views[p] += (
                            seconds[((uv >= 0.0) & (uv <= size)).all(axis=1)] - sortie.t_start_s + clock
                        ).tolist()
            clock += sortie.legs[-1].t_end_s - sortie.t_start_s + turn.gaps_s[k % len(turn.sorties)]
            k += 1
    for k, station in enumerate(chosen):
        unseen = []
        for moments in views[6 * k : 6 * k + 6]:
            steady = np.sort(moments)
            unseen.append(np.diff(steady[(steady > 2.0 * cycle_s) & (steady < 5.0 * cycle_s)]).max(initial=0.0))
        assert all(unseen), "every depth is seen here"
        assert proof.seen_share[station] == 1.0
        assert max(unseen) <= proof.worst_s[station] + 1.0
        idle_s = 15.0 if len({t.base for t in turns}) == 1 else 0.2 * proof.worst_s[station]
        assert max(unseen) >= proof.worst_s[station] - idle_s, "the promise is not idle"


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.floats(-0.0015, 0.0015), min_size=4, max_size=7), st.floats(120.0, 330.0), st.floats(420.0, 700.0),
    st.sampled_from([None, 24.0, 35.0]), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_covered_ground_is_just_what_poses_along_the_legs_have_in_their_pictures(
    bends, standoff, depth, depression, seed
):
    lon = np.linspace(8.0, 8.03, len(bends))
    camera = {} if depression is None else {"depression_deg": depression}
    brief = build_brief(
        {
            "name": "any", "border": {"coordinates": np.stack([50.0 + np.array(bends), lon], 1).tolist(),
                                      "own_side": "left"},
            "standoff": {"asked_m": standoff}, "corridor": {"depth_m": depth}, "camera": camera,
            "aircraft": {"type": "quad-heavy"}, "launch": [{"name": "a", "lat_deg": 50.012, "lon_deg": 8.015}],
        },
        None,
    )  # fmt: skip
    made = plan_brief(brief)
    plan, corridor = made.plan, made.situation.corridor
    union = shapely.union_all(made.coverage.seen)
    rng = np.random.default_rng(seed)
    west, south, east, north = corridor.watched.bounds
    xy = rng.uniform([west, south], [east, north], (150, 2))
    inside = shapely.contains_xy(corridor.watched, xy[:, 0], xy[:, 1])
    xy = xy[inside & (shapely.distance(shapely.boundary(union), shapely.points(xy)) > 8.0)]
    lat, lon = corridor.frame.to_degrees(xy)
    ever = np.zeros(len(xy), dtype=bool)
    size = np.array([brief.camera.width_px, brief.camera.height_px])
    for leg in work_legs(plan):
        shares = np.linspace(0.0, 1.0, max(int((leg.t_end_s - leg.t_start_s) * leg.speed_mps / 6.0), 2))
        which = np.repeat(np.arange(len(xy)), len(shares))
        uv = project(poses=poses([leg] * len(which), np.tile(shares, len(xy))), camera=model(brief.camera),
                     lat_deg=lat[which], lon_deg=lon[which],
                     alt_hae_m=undulation_m(lat[which], lon[which]))  # fmt: skip
        with np.errstate(invalid="ignore"):
            ever |= ((uv >= 0.0) & (uv <= size)).all(axis=1).reshape(len(xy), -1).any(axis=1)
    counted = shapely.contains_xy(union, xy[:, 0], xy[:, 1])
    steep = depression is None or depression - brief.camera.full_vfov_deg / 2.0 > 5.0
    assert (ever[counted]).all()
    assert not steep or not ever[~counted].any()
