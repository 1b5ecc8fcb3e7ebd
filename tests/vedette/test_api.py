"""The Python interface: light to import, the same answers and errors as the commands; the examples run."""

from __future__ import annotations

import dataclasses
import inspect
import os
import runpy
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import rasterio.transform

import vedette
from geo.errors import InputError, VedetteError
from geo.geoid import undulation_m
from missions.plan_files.plan_folder_file import read_plan_folder
from operations.errors import WithoutPurposeError
from operations.log.leaves import LeafKind
from operations.store import OperationStore
from telemetry.klv import encode
from telemetry.videos.stream_writer_file import StreamWriter
from vedette.commands.ingest import ingest as ingest_command
from vedette.main import main

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "examples" / "demo"
EXAMPLES = sorted((ROOT / "examples" / "python").glob("*.py"))
IMPORT_S = 0.1
HEAVY = ("numpy", "shapely", "pyarrow", "av", "onnxruntime", "torch", "typer", "rich", "duckdb", "pymavlink")


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api") / "plan"
    return vedette.plan(DEMO / "brief.toml", out=folder), folder


@pytest.fixture
def operation(tmp_path):
    OperationStore.create(tmp_path / "op", name="night", actor="test", clock=time.time_ns).close()
    return tmp_path / "op"


def test_importing_it_is_light():
    code = (
        "import sys, time; before = time.process_time(); import vedette; took = time.process_time() - before; "
        f"print(took, [name for name in {HEAVY} if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    took, heavy = done.stdout.split(maxsplit=1)
    assert float(took) < IMPORT_S
    assert heavy.strip() == "[]"


def test_every_name_that_is_offered_is_there_and_says_what_it_does():
    for name in vedette.__all__:
        assert getattr(vedette, name).__doc__
        assert name in dir(vedette)
    with pytest.raises(AttributeError, match="no attribute 'polygon'"):
        vedette.polygon  # noqa: B018


def test_names_of_functions_stay_functions_after_a_command_ran(capsys):
    assert main(["plan", "--template"]) == 0
    assert callable(vedette.plan)
    assert callable(vedette.check)
    assert "border" in capsys.readouterr().out


def test_a_plan_is_what_the_command_writes(planned, tmp_path):
    made, folder = planned
    assert main(["plan", str(DEMO / "brief.toml"), "--out", str(tmp_path / "plan")]) == 0
    assert read_plan_folder(tmp_path / "plan").sha256 == read_plan_folder(folder).sha256
    assert [sortie.name for sortie in made.plan.sorties] == ["S01", "S02"]


def test_a_written_plan_is_judged_like_by_the_command(planned):
    judged = vedette.check(planned[1], brief=DEMO / "brief.toml")
    assert judged
    assert all(one.findings == () for one in judged)


def test_errors_are_those_of_the_command_line(tmp_path):
    with pytest.raises(VedetteError, match="nowhere.toml") as told:
        vedette.plan(tmp_path / "nowhere.toml")
    assert told.value.exit_status == 2
    with pytest.raises(InputError, match=r"none\.plan"):
        vedette.check(tmp_path / "none.plan")
    with pytest.raises(VedetteError, match=r"none\.tlog"):
        vedette.read_track(tmp_path / "none.tlog")


def test_nobody_looks_without_a_case_and_the_attempt_is_logged(operation):
    with pytest.raises(WithoutPurposeError):
        vedette.open_operation(operation, actor="A. Name")
    with OperationStore.open(operation, actor="test", clock=time.time_ns) as store:
        assert [leaf.kind for leaf in store.leaves()][-1] is LeafKind.ATTEMPT


def test_each_table_that_is_taken_is_a_view_in_the_log(operation, tmp_path):
    with vedette.open_operation(operation, case="2026-7", reason="handover", actor="A. Name") as opened:
        assert opened.hits.num_rows == opened.tracks.num_rows == opened.frames.num_rows == 0
        assert len(opened.hits_on_the_ground()) == 0
        assert len(opened.find().things) == 0
        assert opened.verdicts == ()
        assert vedette.map(opened, tmp_path / "map.html", brief=DEMO / "brief.toml").is_file()
    with OperationStore.open(operation, actor="test", clock=time.time_ns) as store:
        views = [leaf for leaf in store.leaves() if leaf.kind is LeafKind.VIEW]
    seen = ("hits", "tracks", "frames", "hits", "find", "map")
    assert [leaf.subject for leaf in views] == [f"python {what}" for what in seen]
    assert all(leaf.body["case"] == "2026-7" and leaf.actor == "A. Name" for leaf in views)


def test_what_a_terrain_counts_from_is_stated_to_ingest_as_to_plan(tmp_path):
    """It decides where hits lie, so it belongs to a run's name; without a terrain it is refused."""
    with rasterio.open(
        tmp_path / "dem.tif", "w", driver="GTiff", width=9, height=9, count=1, dtype="float32", crs="EPSG:4326",
        transform=rasterio.transform.from_origin(7.5, 50.5, 0.1, 0.1),
    ) as raster:  # fmt: skip
        raster.write(np.full((9, 9), 90.0, dtype="float32"), 1)
    found = {}
    for datum in (None, "egm96", "hae", str(tmp_path / "dem.tif")):
        settings = vedette.Reading(terrain=tmp_path / "dem.tif", terrain_datum=datum).settings()
        found[datum] = settings.terrain_identity
        expected = {None: undulation_m(50.0, 8.0), "egm96": undulation_m(50.0, 8.0), "hae": 0.0}.get(datum, 90.0)
        height = settings.terrain.height_hae_m(np.array([50.0]), np.array([8.0]))
        assert height == pytest.approx(90.0 + float(expected), abs=0.01)
    assert len(set(found.values())) == 4
    with pytest.raises(InputError, match="--terrain-datum says what the heights of --terrain count from"):
        vedette.Reading(flat_alt_amsl_m=90.0, terrain_datum="hae").settings()


@pytest.mark.parametrize("source", [["ingest", "{}"], ["watch", "tcp://127.0.0.1:9"]])
def test_commands_take_what_a_terrain_counts_from(source, tmp_path, capsys):
    (tmp_path / "dem.tif").write_bytes(b"")
    out = ["--out", str(tmp_path / "op"), "--terrain", str(tmp_path / "dem.tif"), "--terrain-datum", "msl"]
    assert main([word.format(tmp_path / "dem.tif") for word in source] + out) == 2
    assert "terrain datum 'msl' is neither egm96 nor hae" in capsys.readouterr().err


def test_a_recording_is_read_as_the_command_reads_it(tmp_path):
    """A run's name is worked out from all that decides its result: the same statements make the same run."""
    clip = tmp_path / "clip.ts"
    with StreamWriter(clip, width_px=96, height_px=64, fps=Fraction(2)) as writer:
        for number in range(3):
            t_ns = 1_767_225_600_000_000_000 + number * 500_000_000
            looks = {5: 90.0, 90: 0.0, 91: 0.0, 13: 50.0, 14: 8.0, 18: 0.0, 19: -60.0, 20: 0.0, 75: 160.0}
            writer.write(np.full((64, 96, 3), 90, dtype=np.uint8), t_ns, encode({2: t_ns // 1000, **looks, 65: 19}))
    stated = {"flat-alt-amsl-m": 50.0, "every-s": 1.0, "camera": "40", "home-alt-amsl-m": 20.0, "standing-s": 30.0}
    how = [text for name, value in stated.items() for text in (f"--{name}", str(value))]
    assert main(["ingest", str(clip), "--out", str(tmp_path / "op"), *how]) in (0, 1)
    reading = vedette.Reading(**{name.replace("-", "_"): value for name, value in stated.items()})
    (done,) = vedette.ingest(clip, tmp_path / "by-program", reading)
    with pytest.raises(InputError, match="--mount"):
        vedette.ingest(clip, tmp_path / "by-program", vedette.Reading(mount="down"))
    with OperationStore.open(tmp_path / "op", actor="test", clock=time.time_ns) as store:
        (by_command,) = store.runs()
    assert by_command.run_id == done.run.run_id
    assert by_command.settings["stated"] == {"camera": "40", "home_alt_amsl_m": 20.0}
    assert by_command.settings["watched"]["standing_s"] == 30.0
    assert by_command.settings["every_s"] == 1.0


def test_whatever_the_command_can_be_told_of_recordings_a_program_can_say():
    """What only the command has is of the operation, of the machine and of the screen."""
    of_the_command = {"source", "out", "workers", "redo", "name", "encrypt", "actor", "as_json"}
    options = set(inspect.signature(ingest_command).parameters) - {"key_file", "passphrase_file"}
    fields = {field.name: field.default for field in dataclasses.fields(vedette.Reading)}
    assert options - of_the_command == set(fields)
    defaults = {name: one.default for name, one in inspect.signature(ingest_command).parameters.items()}
    assert {name: defaults[name] for name in fields} == fields


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_run(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out
