"""MAVSDK, the other library integrators import plans with, understands ours and the samples as we do."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from missions.plan_files.dialect import wire_items, wire_xy
from missions.plan_files.plan_file import read_plan_file
from missions.plan_files.qgc_plan_file import write_qgc_plan

CHILD = Path(__file__).with_name("mavsdk_import.py")


def imported(*paths):
    done = subprocess.run(
        [sys.executable, str(CHILD), *map(str, paths)], capture_output=True, text=True, timeout=60, check=False
    )
    line = next((line for line in done.stdout.splitlines() if line.startswith("ANSWER")), None)
    assert line is not None, done.stdout + done.stderr
    return json.loads(line.removeprefix("ANSWER"))


def as_row(item):
    x, y = wire_xy(item)
    return [item.command, item.frame, item.p1, item.p2, item.p3, item.p4, x, y, item.alt_m]


def same(ours, theirs):
    theirs = [theirs[2], theirs[1], *theirs[5:]]
    return all(
        (math.isnan(a) and math.isnan(b)) or a == pytest.approx(b, abs=1e-4) for a, b in zip(ours, theirs, strict=True)
    )


@pytest.fixture(scope="module")
def mavsdk():
    return pytest.importorskip("mavsdk")


def test_mavsdk_imports_a_sortie_as_we_would_upload_it(mavsdk, make_sortie, tmp_path):
    sortie = make_sortie(items=tuple(i for i in make_sortie().items if i.command != 177))
    write_qgc_plan(sortie, "px4", tmp_path / "s.plan")
    mission, fence, rally = imported(tmp_path / "s.plan")[str(tmp_path / "s.plan")]
    for ours, theirs in ((wire_items(sortie, "px4"), mission), (sortie.fence, fence), (sortie.rally, rally)):
        assert len(ours) == len(theirs)
        assert all(same(as_row(a), b) for a, b in zip(ours, theirs, strict=True)), (ours, theirs)


def test_mavsdk_and_we_agree_on_the_samples_we_both_read(mavsdk, shared_data):
    names = ["qgroundcontrol_sample", "qgroundcontrol_sample_with_digicam_control", "qgroundcontrol_sample_with_survey"]
    paths = [shared_data / "missions/mavsdk" / f"{name}.plan" for name in names]
    answers = imported(*paths)
    for path in paths:
        ours = read_plan_file(path).items
        theirs = answers[str(path)][0]
        assert len(ours) == len(theirs)
        for item, row in zip(ours, theirs, strict=True):
            row[11] = 0.0 if math.isnan(row[11]) else row[11]
            assert same(as_row(item), row), (path.name, item, row)
