"""One judge for plans and for files: what the planner calls feasible passes the check, what is broken fails both."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from missions.airspace.ground_file import read_ground
from missions.airspace.situation import Situation
from missions.checks.check import check_document
from missions.execution.execute import Conduct, execute
from missions.judging.judge import RULE_NAMES, judge_sortie
from missions.plan import Severity
from missions.plan_files.plan_document import document_from_sortie
from missions.plan_files.plan_file import read_plan_file
from missions.plan_files.plan_folder_file import MAV_TYPE
from missions.plan_files.qgc_plan_file import write_qgc_plan
from missions.plan_files.waypoints_file import write_waypoints
from missions.tasks.plan_door import plan_brief

WIND = {"speed_mps": 5, "from_deg": 300, "gust_mps": 8}
LAYERS = {"layer": [{"alt_amsl_m": 300, "speed_mps": 3, "from_deg": 270}, {"alt_amsl_m": 500, "speed_mps": 7,
                                                                          "from_deg": 200}]}  # fmt: skip
ROOF = {"name": "roof", "centre": [47.995, 9.01], "radius_m": 250.0, "floor_amsl_m": 520.0}
TOWER = {"name": "tower", "centre": [47.9955, 9.01], "radius_m": 60.0}
BRIEFS = {
    "plain": {},
    "px4": {"dialect": "px4", "wind": WIND},
    "wind": {"wind": WIND, "aircraft": {"type": "quad-heavy", "count": 2}},
    "wind by height": {"wind": LAYERS},
    "under a zone": {"zone": [ROOF]},
    "round a zone": {"zone": [TOWER], "failsafe": {"way": "retrace"}},
    "rally": {"rally": [{"name": "r", "lat_deg": 47.992, "lon_deg": 9.03}]},
    "retrace": {"failsafe": {"way": "retrace"}, "wind": WIND},
    "mission": {"failsafe": {"way": "mission"}, "wind": WIND},
    "wing": {
        "aircraft": {"type": "wing-2m"}, "corridor": {"depth_m": 1500.0}, "wind": {"speed_mps": 4, "from_deg": 90},
    },
    "terrain": {"terrain": "hills"},
    "full battery": {"line": ((8.9, 48.0), (9.2, 48.0)), "aircraft": {"type": "quad-heavy", "count": 3}},
}  # fmt: skip


@pytest.fixture
def hills(tmp_path):
    """Ground that rises and falls by 80 m within two kilometres."""
    lon, lat = 8.85 + (np.arange(800) + 0.5) * 0.0005, 48.05 - (np.arange(240) + 0.5) * 0.0005
    heights = 400.0 + 40.0 * np.sin(lon[None, :] * 300.0) * np.cos(lat[:, None] * 400.0)
    with rasterio.open(tmp_path / "t.tif", "w", driver="GTiff", width=800, height=240, count=1, dtype="float32",
                       crs="EPSG:4326", transform=from_origin(8.85, 48.05, 0.0005, 0.0005)) as out:  # fmt: skip
        out.write(heights.astype("float32"), 1)
    return {"file": str(tmp_path / "t.tif")}


@pytest.fixture
def asked(make_brief, hills):
    def build(name):
        tables = dict(BRIEFS[name])
        if "terrain" in tables:
            tables["terrain"] = hills
        line = tables.pop("line", ((9.0 - 0.05, 48.0), (9.0 + 0.05, 48.0)))
        return make_brief(line, **tables)

    return build


@pytest.mark.parametrize("name", BRIEFS)
def test_the_planners_own_files_pass_the_check(asked, tmp_path, name):
    brief = asked(name)
    plan = plan_brief(brief).plan
    assert plan.feasible, [f.message for f in plan.findings]
    for sortie in plan.sorties:  # as a plan folder has them, without its pictures
        vehicle = MAV_TYPE[brief.fleet(sortie.aircraft).aircraft.kind]
        write_qgc_plan(sortie, plan.dialect, tmp_path / f"{sortie.name}.plan", vehicle_type=vehicle)
        write_waypoints(sortie, plan.dialect, tmp_path / f"{sortie.name}.waypoints")
    warned = {f.rule for f in plan.findings}
    told = as_set_on_the_vehicle(brief, plan)
    files = sorted([*tmp_path.glob("S*.plan"), *tmp_path.glob("S*.waypoints")])
    assert len(files) == 2 * len(plan.sorties)
    for file in files:
        judgement = check_document(read_plan_file(file), name=file.name, dialect=plan.dialect, brief=told)
        assert [f.message for f in judgement.findings if f.severity is Severity.ERROR] == []
        assert {f.rule for f in judgement.findings if f.rule in RULE_NAMES} <= warned


def as_set_on_the_vehicle(brief, plan):
    """Return the brief with the return height the plan asks to be set, which no plan file can hold."""
    asked = [f.limit for f in plan.findings if f.rule == "return height"]
    if not asked:
        return brief
    return brief.model_copy(update={"failsafe": brief.failsafe.model_copy(update={"return_alt_m": asked[0]})})


def test_a_plan_folder_tells_the_check_how_high_the_vehicle_returns(asked):
    brief = asked("terrain")
    plan = plan_brief(brief).plan
    assert "return height" in {f.rule for f in plan.findings}
    for sortie in plan.sorties:
        document = document_from_sortie(sortie, plan.dialect)
        found = {f.rule for f in check_document(document, name="folder", brief=brief).findings}
        assert "failsafe terrain" not in found
    file = dataclasses.replace(document_from_sortie(plan.sorties[0], plan.dialect), vehicle_parameters=())
    assert "failsafe terrain" in {f.rule for f in check_document(file, name="file", brief=brief).findings}


def moved(item, north_m=0.0, up_m=0.0, east_m=0.0, border_m=None):
    lat = (item.lat_deg if border_m is None else 48.0 - border_m / 111_250.0) + north_m / 111_250.0
    lon = item.lon_deg + east_m / 74_600.0
    return dataclasses.replace(item, lat_deg=lat, lon_deg=lon, alt_m=item.alt_m + up_m)


BREAKAGES = {
    "standoff": ({"border_m": 150.0}, {}),
    "standoff margin": ({"border_m": 206.0}, {}),
    "side": ({"north_m": 900.0}, {}),
    "height limit": ({"up_m": 90.0}, {}),
    "ground clearance": ({"up_m": -70.0}, {}),
    "ceiling": ({"up_m": 60.0}, {"flight": {"max_agl_m": 400.0, "ceiling_amsl_m": 440.0}}),
    "climb rate": ({"up_m": 1500.0}, {"flight": {"max_agl_m": 4000.0}}),
    "zones": ({"up_m": 90.0}, {"flight": {"max_agl_m": 400.0}, "zone": [dict(ROOF, floor_amsl_m=460.0,
                                                                              radius_m=2000.0)]}),
    "link": ({"north_m": -9000.0}, {"flight": {"max_link_m": 6000.0}}),
    "endurance": ({"north_m": -40_000.0}, {}),
    "failsafe endurance": ({"north_m": -10_000.0}, {}),
    "failsafe zone": ({"north_m": -1100.0, "east_m": 2200.0}, {"zone": [{"name": "yard", "centre": [47.9873, 9.007],
                                                                        "radius_m": 30.0}]}),
}  # fmt: skip


@pytest.mark.parametrize("rule", BREAKAGES)
def test_a_rule_broken_in_the_file_is_found_by_both(make_brief, rule):
    by, tables = BREAKAGES[rule]
    brief = make_brief(**tables)
    plan = plan_brief(brief).plan
    document = document_from_sortie(plan.sorties[0], plan.dialect)
    assert rule not in {f.rule for f in check_document(document, name="sound", brief=brief).findings}
    nearest = max((i for i in document.items if i.command == 16), key=lambda i: (i.lat_deg, -abs(i.lon_deg - 9.0)))
    items = tuple(moved(i, **by) if i is nearest else i for i in document.items)
    broken = dataclasses.replace(document, items=items)
    checked = {f.rule for f in check_document(broken, name="broken", brief=brief).findings if f.rule in RULE_NAMES}
    ground = read_ground(brief.terrain)
    legs = execute(broken, Conduct(ground=ground)).legs
    lat, lon = np.array([(g.lat_end_deg, g.lon_end_deg) for g in legs]).T
    flown = dataclasses.replace(plan.sorties[0], legs=legs)
    judged = judge_sortie(Situation.of(brief, ground).holding(lat, lon), flown)
    assert rule in checked
    assert {f.rule for f in judged.findings} == checked
