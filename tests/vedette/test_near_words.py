"""A mistyped word gets the one it was meant for, at every door that takes a word of a list."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.errors import VedetteError
from geo.near_words import did_you_mean
from missions.briefs.brief_file import build_brief
from missions.performance.aircraft import find_aircraft
from missions.plan_files.dialect import as_dialect
from sitl.faults import fault_from_table
from vedette.commands.brief_options import quick_brief
from vedette.main import main

BRIEF = {
    "name": "words", "border": {"coordinates": [[50.0, 8.0], [50.0, 8.05]], "own_side": "left"},
    "standoff": {"asked_m": 200}, "corridor": {"depth_m": 500}, "aircraft": {"type": "quad-survey"},
    "launch": [{"name": "a", "lat_deg": 50.01, "lon_deg": 8.02}], "terrain": {"flat_amsl_m": 0.0},
}  # fmt: skip


@pytest.mark.parametrize(
    ("word", "meant"), [("rigth", "right"), ("Left", "left"), ("lfet", "left"), ("north", None), ("", None), (3, None)]
)
def test_only_a_word_that_is_near_is_meant(word, meant):
    assert did_you_mean(word, ("left", "right")) == (f" (did you mean {meant}?)" if meant else "")


@pytest.mark.parametrize(
    ("table", "key", "value", "meant"),
    [
        ("border", "own_side", "rigth", "right"),
        (None, "dialect", "ardupliot", "ardupilot"),
        ("failsafe", "way", "strait", "straight"),
        ("resolution", "task", "recognize", "recognise"),
        ("aircraft", "type", "quad-survy", "quad-survey"),
        ("aircraft", "kind", "multirotr", "multirotor"),
        ("standoff", "aksed_m", 200, "asked_m"),
        ("launch", "aircraft", {"quad-survay": 1}, "quad-survey"),
    ],
)
def test_a_brief_says_which_word_was_meant(tmp_path, table, key, value, meant):
    raw = {name: dict(rows) if isinstance(rows, dict) else rows for name, rows in BRIEF.items()}
    if table == "launch":
        raw["launch"] = [BRIEF["launch"][0] | {key: value}]
    else:
        (raw if table is None else raw.setdefault(table, {}))[key] = value
    with pytest.raises(VedetteError, match=rf"did you mean {meant}\?"):
        build_brief(raw, tmp_path)


def test_names_of_kinds_and_dialects_say_which_was_meant():
    for call, word, meant in ((as_dialect, "px5", "px4"), (find_aircraft, "wing2m", "wing-2m")):
        with pytest.raises(VedetteError, match=rf"did you mean {meant}\?"):
            call(word)
    with pytest.raises(VedetteError, match=r"did you mean gps_jump\?"):
        fault_from_table({"kind": "gps_jmp", "at_s": 3.0})
    options = dict.fromkeys(("standoff_m", "depth_m", "launch"), 1) | {"own_side": "rigth", "dialect": None}
    with pytest.raises(VedetteError, match=r"--own-side 'rigth' \(did you mean right\?\)"):
        quick_brief(options | {"border": Path("line.geojson")})


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        (("search", "perimetre", "--border", "b", "--out", "o"), "perimeter"),
        (("check", "plan", "--vehicle", "multirotr"), "multirotor"),
        (("check", "plan", "--dialect", "ardupilt"), "ardupilot"),
        (("accounts", "add", "ana.k", "--role", "anlyst"), "analyst"),
    ],
)
def test_commands_say_which_word_was_meant(capsys, monkeypatch, tmp_path, line, meant):
    monkeypatch.chdir(tmp_path)
    Path("plan").write_text("QGC WPL 110\n0\t1\t0\t16\t0\t0\t0\t0\t50\t8\t0\t1\n", encoding="utf-8")
    assert main(list(line)) == 2
    assert f"did you mean {meant}?" in " ".join(capsys.readouterr().err.split())
