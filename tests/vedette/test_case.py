"""Set a case once, look, and find it in the log: as a person types it."""

from __future__ import annotations

import json

import pytest

from operations.log.leaves import LeafKind
from operations.store import OperationStore
from tests.operations.finding.conftest import made_operation
from vedette.main import main


@pytest.fixture
def op(tmp_path):
    OperationStore.create(tmp_path / "op", name="Night 1", actor="ana", clock=lambda: 1).close()
    return tmp_path / "op"


def said(capsys, *words):
    status = main([str(word) for word in words])
    return status, " ".join(capsys.readouterr().err.split())


def test_a_map_wants_a_case_and_takes_the_one_that_is_open(op, capsys, tmp_path):
    look = ("map", op, "--out", tmp_path / "page.html", "--actor", "ben")
    status, told = said(capsys, *look)
    assert status == 3
    assert "vedette case open" in told
    assert not (tmp_path / "page.html").exists()
    assert said(capsys, "case", "show", op, "--actor", "ben") == (0, "no case is open")
    status, told = said(capsys, "case", "open", op, "--case", "7", "--reason", "tracks at km 3", "--actor", "ben")
    assert status == 0
    assert told.endswith("case 7, tracks at km 3")
    assert said(capsys, "case", "show", op, "--actor", "ben")[1] == told
    assert "nothing to show on a map" in said(capsys, *look)[1]
    assert said(capsys, "case", "close", op, "--actor", "ben") == (0, "closed: case 7, tracks at km 3")
    assert said(capsys, *look)[0] == 3
    with OperationStore.open(op, actor="x", clock=lambda: 1, read_only=True) as store:
        kinds = [leaf.kind for leaf in store.leaves()]
    assert kinds == [  # a view is logged before it is known whether there is anything to see
        LeafKind.OPERATION,
        LeafKind.ATTEMPT,
        LeafKind.CASE,
        LeafKind.VIEW,
        LeafKind.CASE,
        LeafKind.ATTEMPT,
    ]


def test_a_map_goes_on_without_a_base_map_that_is_missing_and_says_so(capsys, tmp_path):
    page, why = tmp_path / "page.html", ("--case", "7", "--reason", "tracks at km 3", "--actor", "ben")
    op = made_operation(tmp_path / "op", nights=1)
    status, told = said(capsys, "map", op, "--out", page, "--basemap", tmp_path / "gone.pmtiles", *why)
    assert status == 1
    assert "There is no base map. --basemap: gone.pmtiles cannot be read" in told
    assert "There is no base map. --basemap: gone.pmtiles cannot be read" in page.read_text(encoding="utf-8")


def test_a_case_without_a_reason_is_wrong_usage(op, capsys):
    assert said(capsys, "case", "open", op, "--case", "7")[0] == 2
    assert said(capsys, "case", "open", op, "--case", "7", "--reason", "")[0] == 2


def test_a_view_of_a_copy_that_cannot_be_written_is_in_the_viewers_own_signed_file(op, capsys, tmp_path, monkeypatch):
    from operations import case_access

    assert said(capsys, "keys", "new", tmp_path / "ben.key", "--name", "ben")[0] == 0
    monkeypatch.setattr(case_access, "can_be_written", lambda _: False)
    look = ("map", op, "--out", tmp_path / "page.html", "--case", "7", "--reason", "a group")
    assert "this view is in no log" in said(capsys, *look)[1]
    monkeypatch.setenv("VEDETTE_SIGNING_KEY", str(tmp_path / "ben.key"))
    assert f"loggedin{tmp_path / 'ben.views'}" in "".join(said(capsys, *look)[1].split())  # wherever a line is broken
    report = (
        "evidence",
        "report",
        op,
        "--journal",
        tmp_path / "ben.views",
        "--case",
        "1",
        "--reason",
        "audit",
        "--json",
    )
    assert said(capsys, *report)[0] == 2
    assert main([str(word) for word in (*report, "--key", tmp_path / "ben.pub")]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["entries"]
    assert (entry["who"], entry["what"], entry["case"], entry["record"]) == ("ben", "map", "7", None)
