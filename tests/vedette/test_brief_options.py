"""The options of `plan` and `search`: the same ones, and none of them is ignored beside a brief."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from typer.testing import CliRunner

from geo.errors import InputError
from missions.briefs.brief_file import read_brief, terrain_of
from missions.briefs.brief_written_file import write_brief
from missions.errors import BriefError
from missions.plan_files.plan_folder_file import read_plan_folder
from vedette.commands.brief_options import brief_of
from vedette.commands.plan import app as plan_app
from vedette.commands.search import app as search_app
from vedette.main import main

BRIEF = """
name = "options"
standoff = { asked_m = 200.0 }
corridor = { depth_m = 600.0 }
launch = [{ name = "camp", lat_deg = 47.988, lon_deg = 9.0 }]
terrain = { flat_amsl_m = 300.0 }
[border]
file = "border.geojson"
own_side = "right"
[[aircraft]]
type = "quad-survey"
[[aircraft]]
type = "quad-heavy"
name = "big"
count = 2
[[zone]]
name = "mast"
centre = [47.993, 9.02]
radius_m = 50.0
"""


def square(lat, lon, half=0.0007):
    ring = [[lon - half, lat - half], [lon + half, lat - half], [lon + half, lat + half], [lon - half, lat + half]]
    return json.dumps({"type": "Polygon", "coordinates": [[*ring, ring[0]]]})


@pytest.fixture
def folder(tmp_path):
    line = {"type": "LineString", "coordinates": [[8.98, 48.0], [9.02, 48.0]]}
    (tmp_path / "border.geojson").write_text(json.dumps(line))
    (tmp_path / "depot.geojson").write_text(square(47.9965, 9.008))
    (tmp_path / "field.geojson").write_text(square(47.993, 9.0, 0.0015))
    (tmp_path / "brief.toml").write_text(BRIEF)
    return tmp_path


def test_what_is_given_beside_a_brief_holds_and_airspace_comes_on_top(folder):
    options = {
        "standoff_m": 260.0, "depth_m": 700.0, "zone": [folder / "depot.geojson"], "wind": ["6@290"], "dialect": "px4",
        "aircraft": ["big:3"], "rally": ["47.99,9.01"], "returns": "straight", "revisit_min": 30.0,
        "keep_in": None, "count": None,
    }  # fmt: skip
    asked, tables = brief_of(folder / "brief.toml", options)
    assert (asked.standoff.asked_m, asked.corridor.depth_m, asked.dialect) == (260.0, 700.0, "px4")
    assert [z.name for z in asked.zone] == ["mast", "depot 1"]
    assert [(f.label, f.type, f.count) for f in asked.fleets] == [("big", "quad-heavy", 3)]
    assert (asked.wind.speed_mps, asked.failsafe.way, asked.revisit.max_min) == (6.0, "straight", 30.0)
    assert [r.name for r in asked.rally] == ["rally 1"]
    drawn = read_brief(folder / "brief.toml").border
    assert asked.border.own_side == drawn.own_side
    assert (asked.border.lines[0].lon_deg == drawn.lines[0].lon_deg).all()
    assert tables["standoff"] == {"asked_m": 260.0}


@pytest.fixture
def level(folder):
    """A terrain of 400 m that does not say what its heights count from, and a geoid of 47 m."""
    for name, value in (("terrain.tif", 400.0), ("geoid.tif", 47.0)):
        with rasterio.open(
            folder / name, "w", driver="GTiff", width=40, height=40, count=1, dtype="float32", crs="EPSG:4326",
            transform=from_origin(8.8, 48.2, 0.01, 0.01),
        ) as raster:  # fmt: skip
            raster.write(np.full((40, 40), value, dtype="float32"), 1)
    return folder


def height_hae_m(brief):
    return float(terrain_of(brief).height_hae_m(np.array([48.0]), np.array([9.0]))[0])


def test_what_a_terrain_counts_from_is_stated_beside_a_brief_and_kept_in_the_one_written(level, monkeypatch):
    """What is written names the geoid's file from its own place, so that it is found from any folder."""
    terrain = {"terrain": level / "terrain.tif"}
    monkeypatch.chdir(level)
    for word, expected in (("hae", 400.0), ("geoid.tif", 447.0)):
        asked, tables = brief_of(level / "brief.toml", terrain | {"terrain_datum": word})
        assert height_hae_m(asked) == pytest.approx(expected)
        (level / "out").mkdir(exist_ok=True)
        write_brief(tables, level / "out" / "brief.toml")
        assert height_hae_m(read_brief(level / "out" / "brief.toml")) == pytest.approx(expected)
    (level / "own.toml").write_text(BRIEF.replace("{ flat_amsl_m = 300.0 }", '{ file = "terrain.tif" }'))
    assert height_hae_m(brief_of(level / "own.toml", {"terrain_datum": "geoid.tif"})[0]) == pytest.approx(447.0)
    with pytest.raises(BriefError, match="terrain.datum says what the heights of terrain.file count from"):
        brief_of(level / "brief.toml", {"terrain_datum": "hae"})


def test_a_brief_alone_is_read_as_it_is_and_one_type_of_it_by_name(folder):
    plain = read_brief(folder / "brief.toml")
    alone, tables = brief_of(folder / "brief.toml", {"zone": None, "dialect": None})
    assert (repr(alone), tables) == (repr(plain), {})
    assert [f.label for f in brief_of(folder / "brief.toml", {"aircraft": ["big"]})[0].fleets] == ["big"]
    with pytest.raises(BriefError, match="no aircraft 'wing-2m'; it has quad-survey, big"):
        brief_of(folder / "brief.toml", {"aircraft": ["wing-2m"]})


def test_a_brief_and_a_border_are_not_both_given(folder):
    for brief, options in ((folder / "brief.toml", {"border": folder / "border.geojson"}), (None, {})):
        with pytest.raises(InputError, match="give a brief, or --border with its options, and not both"):
            brief_of(brief, options)


def test_a_search_needs_no_brief_and_what_it_was_made_from_is_kept(folder):
    words = ["area", "--area", folder / "field.geojson", "--border", folder / "border.geojson", "--own-side", "right",
             "--standoff-m", "200", "--depth-m", "600", "--launch", "47.988,9.0", "--zone", folder / "depot.geojson",
             "--out", folder / "out", "--json"]  # fmt: skip
    done = CliRunner().invoke(search_app, [str(word) for word in words])
    summary = json.loads(done.stdout)
    assert summary["sorties"] == 1
    kept = read_brief(folder / "out" / "brief.toml")
    assert [z.name for z in kept.zone] == ["depot 1"]
    assert read_plan_folder(folder / "out").required_standoff_m == 200.0


def test_a_zone_beside_a_brief_is_kept_out_of(folder):
    words = ["--zone", folder / "depot.geojson", "--aircraft", "quad-survey", "--out", folder / "out", "--json"]
    done = CliRunner().invoke(plan_app, [str(folder / "brief.toml"), *(str(word) for word in words)])
    assert done.exit_code in (0, 1), done.output
    made = read_plan_folder(folder / "out")
    ends = [(g.lat_end_deg, g.lon_end_deg) for s in made.sorties for g in s.legs]
    assert not [1 for lat, lon in ends if abs(lat - 47.9965) < 0.0007 and abs(lon - 9.008) < 0.0007]
    assert [z.name for z in read_brief(folder / "out" / "brief.toml").zone] == ["mast", "depot 1"]


def test_both_commands_show_the_shared_options(capsys):
    shown = []
    for command in ("plan", "search"):
        assert main([command, "--help"]) == 0
        shown.append(capsys.readouterr().out)
    for option in ("--border", "--own-side", "--zone", "--keep-in", "--avoid", "--terrain", "--wind", "--rally"):
        assert all(option in text for text in shown)
