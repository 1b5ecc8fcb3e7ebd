"""QGroundControl plans: every real sample read or refused by name, and nothing lost on the way back."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import InputError
from missions.plan_files.dialect import Dialect
from missions.plan_files.plan_file import read_plan_file
from missions.plan_files.qgc_plan_file import (
    parse_qgc_plan,
    qgc_plan_json,
    write_qgc_document,
    write_qgc_plan,
)

READABLE = {
    "mavsdk/qgroundcontrol_sample.plan": 6,
    "mavsdk/qgroundcontrol_sample_with_digicam_control.plan": 1,
    "mavsdk/qgroundcontrol_sample_with_survey.plan": 13,
    "mavsdk/qgroundcontrol_sample_with_survey_v1full.plan": 44,
    "mavsdk/qgroundcontrol_sample_with_structured_scan.plan": 19,
}
OLD = {
    "qgc/MissionManager/SectionTest.plan": 5,
    "qgc/MissionManager/OldFileFormat.mission": 6,
    "qgc/MissionManager/100Waypoints.mission": 99,
    "qgc/MissionManager/800Waypoints.mission": 828,
}
REFUSED = {
    "mavsdk/qgroundcontrol_sample_with_survey_missing_items.plan": r"items\[1\].*no embedded 'Items'",
    "mavsdk/qgroundcontrol_sample_with_survey_wrong_version.plan": r"items\[1\] is a survey of version 9",
    "mavsdk/qgroundcontrol_sample_without_mission.plan": "has no 'mission'",
    "mavsdk/qgroundcontrol_sample_wrong_mission_version.plan": "mission has version 7",
    "mavsdk/qgroundcontrol_sample_wrong_overall_version.plan": "plan file of version 42",
}


def plain(document):
    return repr([dataclasses.replace(i, current=False) for i in (*document.items, *document.fence, *document.rally)])


@pytest.mark.parametrize(("name", "count"), READABLE.items())
def test_a_current_sample_comes_back_as_the_same_json(shared_data, name, count):
    path = shared_data / "missions" / name
    document = read_plan_file(path)
    assert len(document.items) == count
    assert qgc_plan_json(document) == json.loads(path.read_text())


@pytest.mark.parametrize(("name", "count"), OLD.items())
def test_an_old_sample_is_written_in_current_form_with_the_same_items(shared_data, tmp_path, name, count):
    document = read_plan_file(shared_data / "missions" / name)
    assert len(document.items) == count
    write_qgc_document(document, tmp_path / "again.plan")
    again = read_plan_file(tmp_path / "again.plan")
    assert plain(again) == plain(document)
    written = json.loads((tmp_path / "again.plan").read_text())
    assert all(len(i["params"]) == 7 and "coordinate" not in i for i in written["mission"]["items"])


@pytest.mark.parametrize(("name", "sentence"), REFUSED.items())
def test_a_bad_sample_is_refused_with_one_sentence_naming_the_place(shared_data, name, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        read_plan_file(shared_data / "missions" / name)
    assert name.split("/")[-1] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_sample_of_the_folder_is_listed_above(shared_data):
    root = shared_data / "missions"
    found = {str(p.relative_to(root)) for pattern in ("**/*.plan", "**/*.mission") for p in root.glob(pattern)}
    assert found == READABLE.keys() | OLD.keys() | REFUSED.keys()


def test_a_survey_keeps_its_polygon_settings_and_place_in_the_mission(shared_data):
    document = read_plan_file(shared_data / "missions/mavsdk/qgroundcontrol_sample_with_survey_v1full.plan")
    survey, corridor = document.complexes
    assert (survey.kind, survey.version, survey.first_item, survey.item_count) == ("survey", 5, 1, 24)
    assert survey.setting("angle") == 314.0
    assert survey.setting("AdjustedFootprintSide") == 5.0
    assert len(survey.geometry_lonlat) == 4
    assert survey.geometry_lonlat[0] == (8.54522216909925, 47.397983603206725)
    assert (corridor.kind, corridor.first_item, corridor.setting("CorridorWidth")) == ("CorridorScan", 25, 10.0)
    assert document.items[43].command == 20


@pytest.mark.parametrize("dialect", ["ardupilot", "px4"])
def test_a_sortie_survives_writing_and_reading(sortie, tmp_path, dialect):
    write_qgc_plan(sortie, dialect, tmp_path / "s.plan")
    document = read_plan_file(tmp_path / "s.plan")
    assert document.dialect is Dialect(dialect)
    assert repr(document.items) == repr(sortie.items)
    assert repr(document.fence) == repr(sortie.fence)
    assert repr(document.rally) == repr(sortie.rally)
    assert (document.home.lat_deg, document.home.lon_deg, document.home.alt_amsl_m) == (50.0, 8.0, 212.0)


def test_a_jump_names_the_files_own_numbers(sortie, tmp_path):
    write_qgc_plan(sortie, "ardupilot", tmp_path / "s.plan")
    items = json.loads((tmp_path / "s.plan").read_text())["mission"]["items"]
    jump = next(i for i in items if i["command"] == 177)
    assert jump["params"][0] == 3.0
    assert next(i for i in items if i["doJumpId"] == 3)["command"] == 16


def test_unset_values_are_null_and_missing_places_are_zero(sortie, tmp_path):
    write_qgc_plan(sortie, "px4", tmp_path / "s.plan")
    items = json.loads((tmp_path / "s.plan").read_text())["mission"]["items"]
    assert items[2]["params"][3] is None
    assert items[5]["params"] == [0.0] * 7
    assert items[2]["AltitudeMode"] == 1


def test_keys_we_do_not_know_are_written_back(sortie, tmp_path):
    write_qgc_plan(sortie, "px4", tmp_path / "s.plan")
    text = json.loads((tmp_path / "s.plan").read_text())
    text["remarks"] = {"by": "someone"}
    text["mission"]["globalPlanAltitudeMode"] = 5
    text["mission"]["items"][0]["colour"] = "red"
    text["geoFence"]["polygons"][0]["note"] = [1, 2]
    text["rallyPoints"]["colour"] = "blue"
    assert qgc_plan_json(parse_qgc_plan(json.dumps(text), where="x")) == text


BREAKS = [
    (("mission", "items", 0, "params"), [1, 2], "must hold 7 parameters, found 2"),
    (("mission", "items", 0, "params", 4), 95.0, "not at a place on Earth"),
    (("mission", "items", 0, "params", 0), "high", "must be a finite number"),
    (("mission", "items", 0, "command"), 1.5, "must be a whole number"),
    (("mission", "items", 0, "type"), "Banana", "has type 'Banana'"),
    (("mission", "items"), 7, "must be an array"),
    (("mission",), [], "must be an object"),
    (("geoFence", "version"), 3, "geoFence has version 3"),
    (("geoFence", "polygons", 0, "polygon"), [[1, 2]], "needs 3 to 10000 different corners"),
    (("geoFence", "circles", 0, "circle", "radius"), -1, "must be above 0 m"),
    (("rallyPoints", "points"), [[200, 0, 0]], "not a place on Earth"),
    (("fileType",), "Fence", "is a 'Fence' file"),
]


@pytest.mark.parametrize(("path", "value", "sentence"), BREAKS)
def test_a_broken_part_is_named(sortie, tmp_path, path, value, sentence):
    write_qgc_plan(sortie, "px4", tmp_path / "s.plan")
    broken = json.loads((tmp_path / "s.plan").read_text())
    inner = broken
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(InputError, match=sentence):
        parse_qgc_plan(json.dumps(broken), where="broken.plan")


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"mission": NaN}', "null", "[]", '{"mission": 1e999}'])
def test_text_that_is_no_plan_is_refused(text):
    with pytest.raises(InputError, match="^x.plan:"):
        parse_qgc_plan(text, where="x.plan")


def test_a_failed_write_leaves_the_old_file(sortie, tmp_path):
    path = tmp_path / "s.plan"
    write_qgc_plan(sortie, "px4", path)
    before = path.read_bytes()
    bad = dataclasses.replace(sortie, items=(dataclasses.replace(sortie.items[0], p1=math.inf),))
    with pytest.raises(ValueError, match="JSON"):
        write_qgc_plan(bad, "px4", path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["s.plan"]


SAMPLE = {
    "fileType": "Plan",
    "version": 1,
    "mission": {
        "version": 2,
        "firmwareType": 3,
        "items": [{"type": "SimpleItem", "command": 16, "frame": 3, "params": [0, 0, 0, None, 1, 2, 3]}],
    },
    "geoFence": {"version": 2, "polygons": [], "circles": []},
    "rallyPoints": {"version": 2, "points": [[1, 2, 3]]},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PLACES = [("mission", "items", 0, key) for key in ("type", "command", "frame", "params")]
PLACES += [("mission", "items"), ("mission", "version"), ("geoFence",), ("rallyPoints", "points"), ("version",)]


@settings(deadline=None)
@given(place=st.sampled_from(PLACES), value=JSON)
def test_no_value_anywhere_gets_past_as_another_error(place, value):
    plan = copy.deepcopy(SAMPLE)
    inner = plan
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with contextlib.suppress(InputError):
        json.dumps(qgc_plan_json(parse_qgc_plan(json.dumps(plan), where="x")), allow_nan=False)
