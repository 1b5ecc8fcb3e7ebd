"""What somebody types who has not read the documentation: one sentence that says what was meant, never a traceback."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from geo.terrain_file import read_terrain
from tests.operations.night import make_clip
from vedette.main import COMMANDS, main

PLAN = {"--own-side": "right", "--standoff-m": "200", "--depth-m": "600", "--launch": "47.99,9.0"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    line = {"type": "LineString", "coordinates": [[8.98, 48.0], [9.02, 48.0]]}
    (tmp_path / "line.geojson").write_text(json.dumps(line))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--standoff-m", "300ft", "'300ft' is no number: give metres, and no unit"),
        ("--wind-from", "9", "No such option"),
        ("--count", "two", "'two' is no whole number"),
        ("--revisit-min", "45 min", "'45 min' is no number: give minutes, and no unit"),
        ("--own-side", "south", "'south' is not left or right (of the line as it is drawn), LAT,LON of a place"),
        ("--own-side", "rigth", "(did you mean right?)"),
        (
            "--launch",
            "112.58,47.99",
            "latitude comes first: they look swapped, write 47.99,112.58",
        ),
        ("--launch", "400,9", "is no place on Earth; latitude comes first: latitude is -90 to 90"),
        ("--launch", "nan,9", "is no place on Earth"),
        ("--launch", "camp", "is not LAT,LON in degrees, for example 47.38,112.58"),
        ("--rally", "9.0;48", "is not LAT,LON in degrees"),
    ],
)
def test_options_say_what_they_want(folder, capsys, option, value, says):
    words = [word for pair in (PLAN | {option: value}).items() for word in pair]
    assert main(["plan", "--border", "line.geojson", *words, "--out", "plan"]) == 2
    said = capsys.readouterr().err
    assert says in " ".join(said.replace("\u2502", " ").split())
    assert not (folder / "plan").exists()


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("ingest {} --out op", "is an address, and ingest reads files: watch a live stream with 'vedette watch'"),
        ("track {}", "No such file"),
        ("check {}", "cannot be read"),
        ("plan {} --out plan", "brief.toml"),
        ("map {}", "is no operation folder"),
        ("review {}", ""),
    ],
)
def test_an_address_taken_for_a_file_tells_nobody_its_password(folder, capsys, command, says):
    address = "rtsp://guard:hunt:er2@192.0.2.7/brief.toml"
    assert main(command.format(address).split()) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert says in said
    assert "192.0.2.7/brief.toml" in said
    assert "guard" not in said
    assert "er2" not in said


def test_figures_stay_whole_in_a_narrow_terminal(folder, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    words = [word for pair in PLAN.items() for word in pair]
    assert main(["plan", "--border", "line.geojson", *words, "--out", "plan"]) == 1  # nothing is known of the ground
    said = capsys.readouterr().out
    assert re.search(r"^ *sortie +site +aircraft +legs +km +min +battery left *$", said, re.MULTILINE)
    assert re.search(r"^ *S01 +site 1 +quad-survey +\d+ +\d+\.\d\d +\d+\.\d +\d+ % *$", said, re.MULTILINE)


def test_a_file_that_cannot_be_written_is_called_as_it_was_asked_for(folder, capsys):
    assert main(["convert", "line.geojson", "/proc/plan.kmz"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "error: /proc/plan.kmz: No such file or directory"


def test_a_full_disk_behind_standard_output_is_told():
    with Path("/dev/full").open("w") as full:
        words = [sys.executable, "-m", "vedette", "plan", "--template"]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "error: what was to be printed or sent: No space left on device\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_completion_is_offered_by_the_program_and_not_by_each_command(command):
    assert not importlib.import_module(COMMANDS[command][0]).app._add_completion


def test_a_border_where_a_brief_goes_is_told_apart(folder, capsys):
    assert main(["plan", "line.geojson", "--out", "plan"]) == 2
    assert "'vedette plan --template' writes a brief to start from, and a border line goes to --border" in (
        capsys.readouterr().err
    )


def test_a_longitude_where_a_brief_wants_the_latitude_is_told(folder, capsys):
    (folder / "brief.toml").write_text(
        'name = "x"\nstandoff = { asked_m = 200.0 }\ncorridor = { depth_m = 600.0 }\n'
        'aircraft = { type = "quad-survey" }\n'
        'launch = [{ name = "camp", lat_deg = 112.58, lon_deg = 47.99 }]\n'
        '[border]\nfile = "line.geojson"\nown_side = "left"\n'
    )
    assert main(["plan", "brief.toml", "--out", "plan"]) == 2
    assert "launch[0].lat_deg = 112.58 is no latitude (-90 to 90): is it the longitude?" in capsys.readouterr().err


def test_a_terminal_of_80_columns_shows_whole_names_and_all_counts(tmp_path, monkeypatch, capsys):
    """Three clips of a card begin with the same letters: cut to these they are three times the same row."""
    names = [f"100MEDIA/DJI_20240501_10000{n}_0001_T.ts" for n in (1, 2)]
    for number, name in enumerate(names):
        (tmp_path / "card" / name).parent.mkdir(parents=True, exist_ok=True)
        make_clip(tmp_path / "card" / name, frames=2 + number)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["ingest", str(tmp_path / "card"), "--out", str(tmp_path / "op"), "--flat-alt-amsl-m", "100"]) == 0
    told = capsys.readouterr().err
    for name in names:
        assert f"{name}: run " in told
    (head,) = [row for row in told.splitlines() if row.startswith("recording ")]
    assert head.split() == ["recording", "time", "pose", "frames", "posed", "hits", "placed"]
    rows = told.splitlines()[told.splitlines().index(head) + 1 :]
    assert [row.split()[-4:] for row in rows if row.startswith("100MEDIA/") and ": run" not in row] == [
        ["2", "2", "0", "0"],
        ["3", "3", "0", "0"],
    ]


def test_the_ground_of_the_examples_says_what_its_heights_count_from():
    """The first sentence of a newcomer's first commands was a problem with our own file."""
    assert read_terrain(Path(__file__).resolve().parents[2] / "examples" / "demo" / "terrain.tif").problems == ()
