"""Any plan file into any format: what comes back, and what is said to be left out."""

from __future__ import annotations

import dataclasses
import math

import pytest

from geo.errors import InputError
from missions.plan_files.plan_document import document_from_sortie
from missions.plan_files.plan_file import WRITABLE, read_plan_file, write_plan_file
from vedette.main import main


@pytest.fixture
def document(sortie):
    return document_from_sortie(sortie, "px4")


def plain(items):
    return repr([dataclasses.replace(item, current=False) for item in items])


@pytest.mark.parametrize("ending", [".plan", ".kml", ".geojson", ".json"])
def test_formats_that_hold_everything(document, tmp_path, ending):
    assert write_plan_file(document, tmp_path / f"p{ending}") == ()
    again = read_plan_file(tmp_path / f"p{ending}")
    assert plain(again.items) == plain(document.items)
    assert plain(again.fence) == plain(document.fence)
    assert plain(again.rally) == plain(document.rally)


@pytest.mark.parametrize("dialect", ["ardupilot", "px4"])
def test_waypoints_hold_the_mission_in_either_numbering(document, tmp_path, dialect):
    left_out = write_plan_file(document, tmp_path / "p.waypoints", dialect)
    assert "5 fence items have no place in this format; left out" in left_out
    assert "1 rally points have no place in this format; left out" in left_out
    assert ("item 3: parameter 4 (unset) becomes 0" in left_out) == (dialect == "ardupilot")
    again = read_plan_file(tmp_path / "p.waypoints")
    assert (again.home is None) == (dialect == "px4")
    unset = 0.0 if dialect == "ardupilot" else math.nan
    wanted = [dataclasses.replace(i, p4=unset) if math.isnan(i.p4) else i for i in document.items]
    assert plain(again.items) == plain(wanted)


def test_a_plan_without_home_is_written_with_an_unset_home_row(document, tmp_path):
    write_plan_file(dataclasses.replace(document, home=None), tmp_path / "p.waypoints", "ardupilot")
    again = read_plan_file(tmp_path / "p.waypoints")
    assert again.home is None
    assert len(again.items) == len(document.items)


@pytest.mark.parametrize(("ending", "kept"), [(".fence", "fence"), (".rally", "rally")])
def test_fence_and_rally_files_hold_their_own_list(document, tmp_path, ending, kept):
    left_out = write_plan_file(document, tmp_path / f"p{ending}")
    assert "6 mission items have no place in this format; left out" in left_out
    again = read_plan_file(tmp_path / f"p{ending}")
    assert plain(getattr(again, kept)) == plain(getattr(document, kept))


def test_an_empty_list_is_not_written(document, tmp_path):
    with pytest.raises(InputError, match="the plan has no fence to write"):
        write_plan_file(dataclasses.replace(document, fence=()), tmp_path / "p.fence")


def test_an_unknown_ending_is_refused_with_the_known_ones(document, tmp_path):
    with pytest.raises(InputError, match=r"'\.doc'; use \.plan") as caught:
        write_plan_file(document, tmp_path / "p.doc")
    assert all(ending in str(caught.value) for ending in WRITABLE)


def test_every_sample_survives_the_way_through_geojson_and_back(shared_data, tmp_path):
    folder = shared_data / "missions/mavsdk"
    for name in ("qgroundcontrol_sample", "qgroundcontrol_sample_with_survey_v1full"):
        document = read_plan_file(folder / f"{name}.plan")
        write_plan_file(document, tmp_path / "p.geojson")
        assert plain(read_plan_file(tmp_path / "p.geojson").items) == plain(document.items)


def test_the_command_converts_and_says_what_it_left_out(document, tmp_path, capsys):
    write_plan_file(document, tmp_path / "a.plan")
    assert main(["convert", str(tmp_path / "a.plan"), str(tmp_path / "b.kml")]) == 0
    assert main(["convert", str(tmp_path / "b.kml"), str(tmp_path / "c.csv")]) == 1
    out = capsys.readouterr().out
    assert "item 5: Litchi has no place for command 177; left out" in out
    assert main(["convert", str(tmp_path / "a.plan"), str(tmp_path / "b.doc")]) == 2
