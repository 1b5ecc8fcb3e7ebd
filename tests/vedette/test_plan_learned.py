"""``vedette plan --learn``: operations looked into with a purpose, rates in the plan, the guarantee as it was."""

from __future__ import annotations

import json

import pytest

from operations.log.leaves import LeafKind
from operations.store import OperationStore
from tests.operations.finding.conftest import made_operation
from vedette.main import main

BRIEF = """
name = "learned"
[border]
coordinates = [[50.05, 8.0], [50.052, 8.05], [50.05, 8.1]]
own_side = "right"
[standoff]
asked_m = 150
[corridor]
depth_m = 500
[aircraft]
type = "quad-survey"
count = 3
[[launch]]
name = "a"
lat_deg = 50.035
lon_deg = 8.05
[terrain]
flat_amsl_m = 100.0
[revisit]
max_min = 90
[time]
start_utc = "2026-01-15T18:00:00Z"
end_utc = "2026-01-15T22:00:00Z"
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("learned")
    made_operation(folder / "op", nights=2)
    (folder / "brief.toml").write_text(BRIEF)
    return folder


def planned(work, out, *more):
    purpose = ("--learn", work / "op", "--case", "7", "--reason", "plan for Friday", "--seed", "11")
    return main([str(word) for word in ("plan", work / "brief.toml", "--out", out, "--json", *purpose, *more)])


def test_the_plan_says_what_was_learned_and_the_operation_that_somebody_looked(work, tmp_path, capsys):
    assert planned(work, tmp_path / "plan") in {0, 1}
    told = json.loads(capsys.readouterr().out)
    looked = [one for one in told["extra"]["stretches"] if one["looks"] > 0]
    assert looked  # the made flights look at two kilometres in the middle of seven
    assert len(looked) < len(told["extra"]["stretches"]) / 2
    assert all(8.04 <= one["lon_deg"] <= 8.06 for one in looked)
    assert (told["extra"]["seed"], told["extra"]["random_share_asked"]) == (11, 0.2)
    assert told["extra"]["flights"] > 0
    assert told["extra"]["random_share"] >= 0.2
    assert "2 nights" in told["extra"]["learned_from"][0]
    document = json.loads((tmp_path / "plan" / "plan.json").read_text())
    assert document["summary"]["extra"] == told["extra"]
    assert {one["chosen_by"] for one in document["plan"]["extra"]["flights"]} <= {"chance", "what was learned"}
    with OperationStore.open(work / "op", actor="x", clock=lambda: 1, read_only=True) as store:
        views = [leaf.body for leaf in store.leaves() if leaf.kind is LeafKind.VIEW]
    assert views[-1]["case"] == "7"
    assert planned(work, tmp_path / "again") in {0, 1}
    assert json.loads((tmp_path / "again" / "plan.json").read_text())["sha256"] == document["sha256"]


def test_nobody_learns_without_a_case_or_gives_chance_less_than_its_share(work, tmp_path, capsys):
    bare = ["plan", str(work / "brief.toml"), "--out", str(tmp_path / "plan"), "--learn", str(work / "op")]
    assert main(bare) == 3
    assert "--case" in capsys.readouterr().err
    assert main([*bare, "--case", "7", "--reason", "r", "--random-share", "0.1"]) == 2
    assert not (tmp_path / "plan").exists()
