"""Plan folders on full disks and over other people's files; commands whose reader has gone."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from geo.errors import RefusedError
from missions.plan_files.plan_folder_file import read_plan_folder, write_plan_folder
from missions.tasks.plan_door import plan_brief


@pytest.fixture
def theirs(tmp_path):
    """A folder of somebody else."""
    (tmp_path / "theirs").mkdir()
    return tmp_path / "theirs"


@pytest.fixture
def planned(make_brief):
    return plan_brief(make_brief())


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_full_disk_names_the_file_and_leaves_the_earlier_plan_whole(planned, tmp_path):
    out = tmp_path / "plan"
    write_plan_folder(planned, out)
    before = contents(out)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large") as told:
            write_plan_folder(planned, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(told.value.filename).endswith(".geojson")
    assert contents(out) == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert read_plan_folder(out) == planned.plan


def test_files_of_somebody_else_are_replaced_only_by_force(planned, theirs):
    (theirs / "S01.plan").write_text("mine")
    (theirs / "notes.txt").write_text("mine too")
    with pytest.raises(RefusedError, match=r"S01\.plan is no file of an earlier plan of ours .* give --force"):
        write_plan_folder(planned, theirs)
    assert contents(theirs) == {"S01.plan": b"mine", "notes.txt": b"mine too"}
    write_plan_folder(planned, theirs, force=True)
    assert read_plan_folder(theirs) == planned.plan
    assert (theirs / "notes.txt").read_text() == "mine too"
    write_plan_folder(planned, theirs)


def test_a_json_file_of_another_program_is_not_ours(planned, theirs):
    (theirs / "plan.json").write_text('{"format": "theirs"}')
    with pytest.raises(RefusedError, match=r"plan\.json is no file of an earlier plan of ours"):
        write_plan_folder(planned, theirs)


def test_a_reader_that_has_gone_is_no_finding():
    process = subprocess.Popen(
        [sys.executable, "-m", "vedette", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 141
    assert said == b""
