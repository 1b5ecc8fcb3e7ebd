"""The map of checked plans: any plan file drawn with its findings, also one made elsewhere."""

from __future__ import annotations

import json

import pytest

from maps.check_map import at_items, check_map
from maps.leg_layers import LegLayer, packed
from maps.offline_map import external_references
from missions.checks.check import check_document
from missions.plan import Finding, MissionItem, Severity
from missions.plan_files.plan_file import read_plan_file
from vedette.main import main


@pytest.fixture
def waypoints(tmp_path):
    rows = ["0 1 0 16 0 0 0 0 48.0 9.0 500 1", "1 0 3 22 0 0 0 0 48.0 9.0 60 1", "2 0 3 16 0 0 0 0 48.01 9.0 60 1"]
    rows += ["3 0 3 16 0 0 0 0 48.01 9.02 80 1", "4 0 3 16 0 0 0 0 49.5 9.0 80 1", "5 0 3 20 0 0 0 0 0 0 0 1"]
    path = tmp_path / "<b>old.waypoints"
    path.write_text("QGC WPL 110\n" + "\n".join(row.replace(" ", "\t") for row in rows) + "\n")
    return path


def test_legs_items_and_findings_of_a_foreign_plan_are_on_the_map(waypoints):
    document = read_plan_file(waypoints)
    judgement = check_document(document, name=str(waypoints))
    content = check_map([(document, judgement)])
    layers = {layer.name.split(" (")[0]: layer for layer in content.layers}
    flight = next(layer for layer in content.layers if isinstance(layer, LegLayer))
    chains = packed(flight, seam=False)["tracks"][0]["chains"]
    assert [number for chain in chains for number in chain["item"]] == [leg.seq + 1 for leg in judgement.legs]
    assert [f["properties"]["label"] for f in layers["Items"].features][:3] == ["item 1", "item 2", "item 3"]
    placed = [f for f in judgement.findings if f.lat_deg == f.lat_deg]
    assert len(layers["Errors"].features) + len(layers["Warnings"].features) == len(placed) > 0
    titles = [f["properties"]["title"] for f in layers["Errors"].features]
    assert "error: plan.leap" in titles
    assert content.title == "<b>old.waypoints"
    assert not content.panel.good


def test_the_command_writes_the_map_and_still_says_what_it_found(waypoints, tmp_path, capsys):
    out = tmp_path / "maps" / "check.html"
    assert main(["check", str(waypoints), "--map", str(out)]) == 1
    assert "plan.leap" in capsys.readouterr().out
    text = out.read_text()
    assert external_references(text) == 0
    assert "<b>old" not in text


def test_a_brief_lays_border_and_zones_under_the_plan(waypoints, tmp_path, capsys):
    line = {"type": "LineString", "coordinates": [[8.95, 48.03], [9.05, 48.03]]}
    (tmp_path / "border.geojson").write_text(json.dumps(line))
    (tmp_path / "brief.toml").write_text(
        'name = "b"\nstandoff = { asked_m = 200.0 }\ncorridor = { depth_m = 800.0 }\n'
        'aircraft = { type = "quad-survey" }\nborder = { file = "border.geojson", own_side = "right" }\n'
        'launch = [{ name = "camp", lat_deg = 48.0, lon_deg = 9.0 }]\nwind = { speed_mps = 3, from_deg = 90 }\n'
        'zone = [{ name = "mast", centre = [48.015, 9.01], radius_m = 100 }]\n'
    )
    out = tmp_path / "check.html"
    assert main(["check", str(waypoints), "--brief", str(tmp_path / "brief.toml"), "--map", str(out)]) == 1
    text = out.read_text()
    assert "No-fly zone mast" in text
    assert "3 m/s from 90" in text


def test_a_plan_without_a_place_has_no_map_and_says_so(tmp_path, capsys):
    path = tmp_path / "empty.waypoints"
    path.write_text("QGC WPL 110\n0\t1\t2\t178\t1\t5\t-1\t0\t0\t0\t0\t1\n")
    assert main(["check", str(path), "--map", str(tmp_path / "check.html")]) == 2
    assert "nothing to show on a map" in capsys.readouterr().err
    assert not (tmp_path / "check.html").exists()


def test_a_finding_about_an_item_stands_at_the_item():
    item = MissionItem(seq=7, command=16, frame=3, lat_deg=48.5, lon_deg=9.5)
    about = Finding(rule="r", severity=Severity.ERROR, message="m", seq=7)
    nowhere = Finding(rule="r", severity=Severity.ERROR, message="m", seq=8)
    placed, still = at_items([item], [about, nowhere])
    assert (placed.lat_deg, placed.lon_deg) == (48.5, 9.5)
    assert still is nowhere
