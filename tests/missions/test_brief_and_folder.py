from __future__ import annotations

import csv
import dataclasses
import json
import tomllib
import zipfile

import pytest
import shapely
from typer.testing import CliRunner

from missions.briefs.brief_file import read_brief
from missions.briefs.brief_template import template
from missions.briefs.brief_written_file import write_brief
from missions.briefs.standoff import standoff_margin
from missions.errors import BriefError, PlanFileError
from missions.plan import Finding, Severity
from missions.plan_files.plan_file import read_plan_file
from missions.plan_files.plan_folder_file import read_plan_folder, write_plan_folder
from missions.tasks.plan_door import plan_brief
from vedette.commands.plan import app
from vedette.main import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory, demo_brief_path):
    out = tmp_path_factory.mktemp("plan")
    brief = read_brief(demo_brief_path)
    made = plan_brief(brief)
    write_plan_folder(made, out)
    return out, made.plan


def test_a_plan_folder_reads_back_equal(folder):
    out, plan = folder
    assert read_plan_folder(out).sha256 == plan.sha256


def test_a_finding_without_advice_reads_back_equal(folder, tmp_path):
    out, plan = folder
    document = json.loads((out / "plan.json").read_text())
    found = Finding(rule="coverage", severity=Severity.WARNING, message="some of it is not seen")
    found_plan = dataclasses.replace(plan, findings=(found,))
    document["plan"]["findings"] = [{**dataclasses.asdict(found), "measured": None, "limit": None}]
    document["plan"]["findings"][0] |= {"lat_deg": None, "lon_deg": None}
    document["sha256"] = found_plan.sha256
    (tmp_path / "plan.json").write_text(json.dumps(document))
    assert read_plan_folder(tmp_path).findings[0].advice is None


def test_legs_geojson_holds_every_leg_with_the_promised_properties(folder):
    out, plan = folder
    features = json.loads((out / "legs.geojson").read_text())["features"]
    assert len(features) == sum(len(s.legs) + len(s.failsafe) for s in plan.sorties)
    wanted = {"sortie", "seq", "kind", "alt_amsl_start_m", "alt_amsl_end_m", "t_start_s", "t_end_s", "battery_end_pct"}
    assert all(wanted <= set(f["properties"]) for f in features)
    assert {f["properties"]["kind"] for f in features} == {"transit", "work", "turn", "return", "failsafe"}
    assert all(f["geometry"]["type"] == "LineString" for f in features)


def test_each_sortie_has_its_plan_file_and_the_schedule_its_rows(folder):
    out, plan = folder
    for sortie in plan.sorties:
        document = read_plan_file(out / f"{sortie.name}.plan")
        assert [i.command for i in document.items] == [i.command for i in sortie.items]
        assert (out / f"{sortie.name}.waypoints").is_file()
    rows = list(csv.DictReader((out / "schedule.csv").read_text().splitlines()))
    assert [r["sortie"] for r in rows] == [f.sortie for f in plan.flights]
    assert (out / "schedule.png").read_bytes().startswith(b"\x89PNG")


def test_the_proof_in_the_folder_is_the_plans_worst_revisit(folder):
    out, plan = folder
    rows = list(csv.DictReader((out / "revisit.csv").read_text().splitlines()))
    assert max(float(r["worst_revisit_s"]) for r in rows if r["worst_revisit_s"]) == plan.worst_revisit_s
    assert len(rows) == pytest.approx(plan_length_m(out) / 50.0, abs=1.0)


def plan_length_m(out):
    area = json.loads((out / "area.geojson").read_text())["features"]
    border = shapely.from_geojson(json.dumps(next(f for f in area if f["properties"]["kind"] == "border")["geometry"]))
    xy = shapely.get_coordinates(border)
    steps = (xy[1:] - xy[:-1]) * [75_600.0, 111_180.0]
    return float((steps**2).sum(axis=1).__pow__(0.5).sum())


def test_a_plan_changed_after_it_was_made_is_refused(folder, tmp_path):
    out, plan = folder
    kept = f'"required_standoff_m": {plan.required_standoff_m}'
    text = (out / "plan.json").read_text().replace(kept, '"required_standoff_m": 1.0')
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(PlanFileError, match="changed after it was made"):
        read_plan_folder(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": "other"}', '{"format": "vedette-plan", "version": 1, "plan": {}}']
)
def test_a_damaged_plan_folder_is_one_sentence(tmp_path, text):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(PlanFileError, match="plan.json"):
        read_plan_folder(tmp_path)


def test_an_empty_folder_says_how_to_fill_it(tmp_path):
    with pytest.raises(PlanFileError, match="vedette plan"):
        read_plan_folder(tmp_path)


def edited(tmp_path, demo_brief_path, old, new):
    for file in demo_brief_path.parent.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    text = demo_brief_path.read_text()
    assert old in text
    (tmp_path / "brief.toml").write_text(text.replace(old, new))
    return tmp_path / "brief.toml"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'name = "west"',
            'name = "west (1)"',
            r"launch\[0\].name = 'west \(1\)' is no name: use letters, digits, spaces",
        ),
        ("asked_m = 150", "asked_km = 0.15", "standoff.asked_km is not a key of a brief .did you mean asked_m"),
        ("asked_m = 150", 'asked_m = "150 ft"', "standoff.asked_m = '150 ft'"),
        ("asked_m = 150", "asked_m = -1", "standoff.asked_m = -1 should be greater than 0"),
        ("asked_m = 150", "asked_m = nan", "standoff.asked_m"),
        ('file = "border.geojson"', 'file = "nowhere.geojson"', "border.file: there is no file"),
        ('own_side = "right"', 'own_side = "north.geojson"', "border.own_side: there is no file"),
        ('own_side = "right"', "", "border.own_side is missing"),
        ('type = "quad-survey"', 'type = "zeppelin"', "aircraft.type = 'zeppelin' is not a bundled type"),
        ("alt_agl_m = 100", "alt_agl_m = 300", "alt_agl_m 300 must lie between"),
        ("alt_agl_m = 100", "alt_agl_m = 400", "if 400 feet were meant, write alt_agl_m = 122"),
        ('name = "east"', 'name = "west"', "west is used twice"),
        ("lat_deg = 47.3805", "lat_deg = 473805", r"launch\[0\].lat_deg = 473805"),
        ('file = "terrain.tif"', 'file = "nothing.tif"', "terrain.file: there is no file"),
        ('datum = "egm96"', 'datum = "egm08"', "terrain.datum: there is no file .*egm08, and is neither egm96 nor hae"),
        ('file = "terrain.tif"', "flat_amsl_m = 900", "terrain.datum says what .* name that file"),
        ("depth_m = 190", "depth_m = ", "not valid TOML"),
        (
            "depression_deg = 40",
            "depression_deg = 40\ngimbal_pitch_min_deg = -35",
            "camera: depression_deg 40 is a gimbal pitch of -40, outside gimbal_pitch_min_deg -35 to",
        ),
        ("depression_deg = 40", "gimbal_pitch_min_deg = -15", "flatter than 5 degrees below the horizon; -18 would do"),
        ("depression_deg = 40", "gimbal_pitch_min_deg = 30", "must not be above gimbal_pitch_max_deg 20"),
        ("clearance_m = 50", "clearance_m = 50\nfloor_amsl_m = 9\nceiling_amsl_m = 3", "floor_amsl_m 9 must be below"),
    ],
)
def test_a_wrong_brief_names_key_value_and_range(tmp_path, demo_brief_path, old, new, said):
    with pytest.raises(BriefError, match=said):
        read_brief(edited(tmp_path, demo_brief_path, old, new))


TWO = """[[aircraft]]
type = "quad-heavy"
count = 3

[[aircraft]]
type = "wing-2m"
name = "long wing"
battery_wh = 300
"""


def test_a_brief_with_two_types_says_how_each_flies(tmp_path, demo_brief_path):
    brief = read_brief(edited(tmp_path, demo_brief_path, '[aircraft]\ntype = "quad-survey"\ncount = 2\n', TWO))
    assert [(own.label, own.count) for own in brief.fleets] == [("quad-heavy", 3), ("long wing", 1)]
    assert brief.performance("long wing").aircraft.battery_wh == 300.0
    assert brief.performance("long wing").aircraft.name == "wing-2m"
    assert brief.performance("quad-heavy").speed_mps == 15.0
    assert [own.label for own in brief.only("long wing").fleets] == ["long wing"]
    with pytest.raises(BriefError, match="no aircraft 'wing-2m'; it has quad-heavy, long wing"):
        brief.fleet("wing-2m")


def test_the_standoff_of_a_mixed_brief_takes_the_largest_of_each_part(make_brief, straight):
    wind = {"speed_mps": 4.0, "gust_mps": 9.0}
    types = [{"type": "quad-heavy", "speed_mps": 22}, {"type": "wing-2m", "turn_radius_m": 16.0}]
    both, *each = (make_brief(straight, aircraft=own, wind=wind) for own in (types, *types))
    mixed = standoff_margin(both, both.wind.profile)
    alone = [standoff_margin(own, own.wind.profile) for own in each]
    assert mixed.wind_drift_m == max(m.wind_drift_m for m in alone) == alone[1].wind_drift_m
    assert mixed.turn_overshoot_m == max(m.turn_overshoot_m for m in alone) == alone[0].turn_overshoot_m


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("count = 3", "count = 0", r"aircraft\[0\].count = 0 should be greater"),
        ('name = "long wing"', 'nome = "x"', r"aircraft\[1\].nome is not a key of a brief .did you mean name"),
        ('type = "wing-2m"\nname = "long wing"', 'type = "quad-heavy"', "quad-heavy is there twice"),
        ('type = "wing-2m"', 'type = "wing-3m"', "'wing-3m' is not a bundled type"),
    ],
)
def test_a_wrong_aircraft_table_names_which_one(tmp_path, demo_brief_path, old, new, said):
    path = edited(tmp_path, demo_brief_path, '[aircraft]\ntype = "quad-survey"\ncount = 2\n', TWO.replace(old, new))
    with pytest.raises(BriefError, match=said):
        read_brief(path)


def test_a_lone_aircraft_table_is_named_without_a_number(tmp_path, demo_brief_path):
    with pytest.raises(BriefError, match=r"aircraft\.count = 500 should be less"):
        read_brief(edited(tmp_path, demo_brief_path, "count = 2", "count = 500"))


def test_the_template_is_a_brief_once_it_has_a_border(tmp_path):
    (tmp_path / "brief.toml").write_text(template())
    (tmp_path / "border.geojson").write_text('{"type":"LineString","coordinates":[[112.55,47.37],[112.62,47.37]]}')
    brief = read_brief(tmp_path / "brief.toml")
    assert brief.camera.depression_deg is None


def test_every_commented_option_of_the_template_is_a_key(tmp_path, demo_brief_path):
    for file in demo_brief_path.parent.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    for named in ("area", "school"):
        (tmp_path / f"{named}.geojson").write_bytes((tmp_path / "village.geojson").read_bytes())
    lines = []
    for line in template().splitlines():
        bare = line.removeprefix("# ")
        lines.append(bare if line.startswith("# ") and ("=" in bare.split("#")[0] or bare.startswith("[")) else line)
    one_wind = ("speed_mps = 0 ", "from_deg = 0 ")  # instead of the layers, not with them
    text = "\n".join(line for line in lines if not line.startswith(one_wind))
    (tmp_path / "brief.toml").write_text(text)
    assert read_brief(tmp_path / "brief.toml").resolution is not None


@pytest.mark.parametrize("ending", ["geojson", "gpkg", "shp", "kml", "kmz"])
def test_every_format_and_projection_gives_the_same_plan(tmp_path, make_brief, ending):
    import geopandas

    line = shapely.LineString([(8.0, 50.0), (8.05, 50.0)])
    frame = geopandas.GeoDataFrame({"name": ["b"]}, geometry=[line], crs=4326)
    if ending in ("gpkg", "shp"):
        frame = frame.to_crs(25832)
    if ending == "kmz":
        frame.to_file(tmp_path / "doc.kml", driver="KML")
        with zipfile.ZipFile(tmp_path / "b.kmz", "w") as archive:
            archive.write(tmp_path / "doc.kml", "doc.kml")
    else:
        frame.to_file(tmp_path / f"b.{ending}", driver="KML" if ending == "kml" else None)
    brief = make_brief(folder=tmp_path, border={"file": f"b.{ending}", "own_side": "left"})
    plan = plan_brief(brief).plan
    direct = plan_brief(make_brief([[50.0, 8.0], [50.0, 8.05]])).plan
    assert plan.covered_pct == pytest.approx(direct.covered_pct, abs=0.1)


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_hostile_and_broken_geometry_files_are_refused(tmp_path, make_brief):
    entity = '<?xml version="1.0"?><!DOCTYPE k [<!ENTITY a "x">]><kml xmlns="http://www.opengis.net/kml/2.2">&a;</kml>'
    write(tmp_path / "entity.kml", entity)
    with zipfile.ZipFile(tmp_path / "bomb.kmz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", b"0" * 210_000_000)
    write(tmp_path / "cut.kmz", (tmp_path / "bomb.kmz").read_bytes()[:100])
    write(tmp_path / "far.geojson", '{"type":"LineString","coordinates":[[465000,5538000],[468000,5538000]]}')
    write(tmp_path / "text.geojson", "hello")
    write(tmp_path / "point.geojson", '{"type":"Point","coordinates":[8,50]}')
    for name, said in {
        "entity.kml": "entities", "bomb.kmz": "unpacks to", "cut.kmz": "not a readable archive",
        "far.geojson": "not on Earth", "text.geojson": "unknown kind", "point.geojson": "holds no line",
    }.items():  # fmt: skip
        with pytest.raises(BriefError, match=said):
            make_brief(folder=tmp_path, border={"file": name, "own_side": "left"})


def test_quick_plan_from_the_command_line(tmp_path, demo_brief_path):
    border = demo_brief_path.parent / "border.geojson"
    arguments = ["--border", str(border), "--own-side", "right", "--standoff-m", "140", "--depth-m", "190",
                 "--launch", "47.3805,112.5775", "--launch", "47.3790,112.6170", "--count", "2",
                 "--wind", "5@290", "--revisit-min", "15", "--dialect", "px4",
                 "--out", str(tmp_path / "out"), "--json"]  # fmt: skip
    result = CliRunner().invoke(app, arguments)
    summary = json.loads(result.output.splitlines()[-1])
    assert summary["errors"] == 0
    assert result.exit_code == int(summary["warnings"] > 0)
    assert summary["sorties"] == 2
    assert summary["revisit_s"] <= 15 * 60
    assert summary["standoff"]["kept_m"] >= 140.0
    made = read_plan_folder(tmp_path / "out")
    assert made.dialect == "px4"
    assert plan_brief(read_brief(tmp_path / "out" / "brief.toml")).plan == made


def test_a_written_brief_names_the_same_files_from_its_new_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    tables = {
        "name": 'a "quoted" näme', "border": {"file": "data/line.geojson", "own_side": {"lat_deg": 1.5, "lon_deg": -2}},
        "zone": [{"name": "z", "file": "data/z.kml"}], "avoid": [], "wind": {"layer": [{"speed_mps": 3.0}]},
        "launch": [{"name": "a"}, {"name": "b"}], "flag": True,
    }  # fmt: skip
    (tmp_path / "out").mkdir()
    write_brief(tables, tmp_path / "out" / "brief.toml")
    back = tomllib.loads((tmp_path / "out" / "brief.toml").read_text(encoding="utf-8"))
    assert back.pop("border") == {"file": "../data/line.geojson", "own_side": {"lat_deg": 1.5, "lon_deg": -2}}
    assert back.pop("zone") == [{"name": "z", "file": "../data/z.kml"}]
    assert back == {k: tables[k] for k in ("name", "wind", "launch", "flag")}


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "give a brief, or --border"),
        (["--border", "x.geojson", "--out", "o"], 2, "--own-side is missing"),
        (["nowhere.toml", "--out", "o"], 2, "there is no brief"),
        (["nowhere.toml"], 2, "--out is missing"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments, status, said, capsys):
    assert main(["plan", *arguments]) == status
    assert said in capsys.readouterr().err.replace("\n", " ")
