"""Asking, seeing and handing on as a person types it, over an operation with made flights."""

from __future__ import annotations

import json
import shutil

import pytest

from operations.log.leaves import LeafKind
from operations.store import OperationStore
from tests.operations.finding.conftest import made_operation
from vedette.main import main

WHY = ("--case", "2026-0412", "--reason", "group at km 31")


@pytest.fixture
def op(tmp_path):
    """Return the folder of an operation with two nights, chips and footprints."""
    return made_operation(tmp_path / "op")


@pytest.fixture
def border(tmp_path):
    """Return a border line through the ground."""
    path = tmp_path / "border.geojson"
    path.write_text(json.dumps({"type": "LineString", "coordinates": [[8.0, 50.05], [8.1, 50.05]]}))
    return path


@pytest.fixture
def run(capsys):
    """Return a function that runs a command and gives (status, standard output, what a person was told)."""

    def command(*words):
        status = main([str(word) for word in words])
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err
        return status, shown.out, " ".join(shown.err.split())

    return command


def test_things_near_the_border_as_table_json_and_map(run, op, border, tmp_path):
    near = ("--border", border, "--near-border-m", 2_000, "--utc-offset", "+02:00")
    status, out, told = run("find", op, "--class", "person", *near, "--json", *WHY)
    assert status == 0, told
    answer = json.loads(out)
    assert answer["things"]
    assert answer["logged"] is True
    for thing in answer["things"]:
        assert thing["assessed_class"] == "person"
        assert thing["closest_to_border_m"] <= 2_000
        assert thing["mgrs"].startswith("32U")
        assert thing["local"].endswith("+02:00")
        assert thing["recording"].startswith("flight ")
        assert thing["assessment"] == "machine assessment; a person decides"
    status, out, told = run("find", op, *near, "--map", tmp_path / "near.html", *WHY)
    assert status == 0
    for thing in answer["things"]:  # whole, however narrow the terminal is
        assert thing["mgrs"] in out
        assert thing["id"] in out
    assert "a person decides" in told
    assert answer["things"][0]["mgrs"] in (tmp_path / "near.html").read_text()
    with OperationStore.open(op, actor="ana", clock=lambda: 0, read_only=True) as store:
        views = [leaf.body for leaf in store.leaves() if leaf.kind is LeafKind.VIEW]
    assert [(v["case"], v["reason"]) for v in views] == [("2026-0412", "group at km 31")] * 2
    assert sorted(views[0]["things"]) == sorted(thing["id"] for thing in answer["things"])


def test_a_class_that_nothing_was_taken_for_is_no_silent_nothing(run, op):
    status, _, told = run("find", op, "--class", "persn", *WHY)
    assert status == 0
    assert "no thing of that time and place was taken for 'persn' (did you mean person?); others were" in told
    before = ("--to", "2001-01-01T00:00Z")
    assert "note:" not in run("find", op, "--class", "persn", *before, *WHY)[2], "where there is nothing at all"
    assert "note:" not in run("find", op, "--class", "person", *WHY)[2]


def test_copies_of_one_operation_are_told_apart_from_two(run, op, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(op, copy)
    status, out, err = run("find", op, copy, "--json", *WHY)
    assert status == 0
    ids = [thing["id"] for thing in json.loads(out)["things"]]
    assert sorted(ids) == sorted([*set(ids), *set(ids)])
    assert f"{op} and {copy} are copies of one operation: what both hold is found twice" in err
    assert "copies" not in run("find", op, "--json", *WHY)[2]


def test_nobody_asks_without_a_case_and_the_attempt_is_logged(run, op):
    for words in (("find", op), ("seen", op, "--at", "50.0,8.0")):
        status, out, told = run(*words)
        assert (status, out) == (3, "")
        assert "--case and --reason" in told
    with OperationStore.open(op, actor="ana", clock=lambda: 0, read_only=True) as store:
        assert sum(leaf.kind is LeafKind.ATTEMPT for leaf in store.leaves()) == 2


def test_when_ground_was_seen_and_when_not(run, op):
    status, out, _ = run("seen", op, "--at", "50.05,8.05", "--json", *WHY)
    answer = json.loads(out)
    assert status == 0
    assert answer["seen"] is True
    assert answer["last_utc"] == "2026-01-02T00:00:36.000Z"
    assert [one["looks"] for one in answer["passes"]] == [10, 10]
    assert answer["passes"][0]["seconds"] == 36.0
    status, out, told = run("seen", op, "--at", "51,8", *WHY)
    assert (status, out) == (1, "")
    assert "not seen: no footprint of 2 runs holds it" in told


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("find", "--near-border-m", "300"), "--near-border-m needs a border"),
        (("find", "--verdict", "guilty"), "none of confirmed, dismissed, undecided, conflict, none"),
        (("find", "--from", "yesterday"), "--from: 'yesterday' is no time with a zone"),
        (("find", "--utc-offset", "Mars/Olympus"), "--utc-offset: 'Mars/Olympus' is no zone"),
        (("find", "--area", "nowhere.geojson"), "there is no file"),
        (("seen", "--at", "91,8"), "--at '91,8' is no place"),
        (("seen",), "give either --at LAT,LON or --area FILE"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(run, op, words, sentence):
    status, out, told = run(words[0], op, *words[1:], *WHY)
    assert (status, out) == (2, "")
    assert sentence in told
