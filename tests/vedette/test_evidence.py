"""Pack, check, hold, erase and report as a person types it."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

from detection.ground_hits import GroundHit, GroundHits
from operations.columns import chips_table, hits_table
from operations.log.leaves import LeafKind
from operations.store import OperationStore
from operations.values import RunKind, RunRecord, RunState, run_id_of
from vedette.main import main


@pytest.fixture
def say(capsys, tmp_path, monkeypatch):
    """Return a function that runs a command in a folder with an operation of one recording and two keys."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        status = main([str(word) for word in words])
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err
        return status, " ".join(f"{shown.out} {shown.err}".split())

    card = tmp_path / "card"
    card.mkdir()
    noise = np.random.default_rng(1).integers(0, 255, (64, 80, 3), dtype=np.uint8)
    Image.fromarray(noise).save(card / "P1.jpg")
    assert run("ingest", "card", "--out", "op", "--actor", "ana")[0] == 1
    with OperationStore.open(tmp_path / "op", actor="ana", clock=lambda: 10**18) as store:
        media_id = store.media()[0].id
        add_hits(store, media_id)
    for name in ("ana", "ben"):
        assert run("keys", "new", f"{name}.key", "--name", name)[0] == 0
    return run


def add_hits(store, media_id):
    """Record a run with one placed hit, as if a detector had found somebody."""
    from operations.chips import cut_chip

    run_id = run_id_of([media_id], {"model": "m"}, 1)
    record = RunRecord(
        run_id=run_id,
        media_ids=(media_id,),
        kind=RunKind.RECORD,
        state=RunState.FINISHED,
        settings={"model": "m"},
        supersedes=store.runs()[0].run_id,
    )
    hit = GroundHit(
        hit_id="aa",
        media_id=media_id,
        frame_index=0,
        t_utc_ns=10**18,
        class_name="=HYPERLINK()",
        score_raw=0.5,
        box_px=(30.0, 20.0, 40.0, 40.0),
        lat_deg=50.0,
        lon_deg=8.0,
        ce90_m=9.0,
    )
    chip = cut_chip(np.zeros((64, 80, 3), np.uint8), (30.0, 20.0, 40.0, 40.0))
    with store.begin_run(record) as writer:
        writer.add("hits", hits_table(GroundHits.of([hit]), run_id=run_id))
        writer.add("chips", chips_table({"aa": chip}))
        writer.finish(record)


WHY = ("--case", "7", "--reason", "for the court")
PACK = ("evidence", "pack", "op", "--for", "court", "--singles", "--signing-key", "ana.key")


def test_a_package_from_its_making_to_its_check(say, tmp_path):
    status, told = say(*PACK, "-o", "p")
    assert status == 3
    assert "without case and reason" in told
    status, told = say(*PACK, "-o", "p", *WHY)
    assert status == 0, told
    assert say("evidence", "check", "p", "--key", "ana.pub")[0] == 0
    status, told = say("evidence", "check", "p", "--key", "ben.pub")
    assert status == 1
    assert "not by the key given (ben)" in told
    (tmp_path / "p" / "contents.json").write_text("{}")
    status, told = say("evidence", "check", "p")
    assert status == 1
    assert "wrong: contents.json was changed" in told
    assert say("evidence", "check", "card")[0] == 2
    status, told = say(*PACK, "-o", "q", "--unredacted", *WHY)
    assert status == 3
    assert "two people" in told
    assert say(*PACK, "-o", "q", "--unredacted", "--second-key", "ben.key", *WHY)[0] == 0
    assert say("evidence", "check", "q", "--key", "ana.pub", "--key", "ben.pub")[0] == 0
    assert say(*PACK, "-o", "r", "--class", "tank", *WHY)[0] == 2
    assert say(*PACK, "-o", "p", *WHY)[0] == 3  # nothing is written over
    status, told = say(
        "evidence", "report", "op", "--json", "--case", "audit", "--reason", "yearly", "--only-case", "7"
    )
    entries = json.loads(told)["entries"]
    assert [(one["kind"], one["what"], one["to"]) for one in entries] == [("export", "evidence", "court")] * 2
    assert "court" in say("evidence", "report", "op", "--case", "audit", "--reason", "yearly")[1]
    assert say("verify", "op")[0] == 0


def test_the_reports_table_names_three_of_many_things_and_json_all(say, tmp_path):
    with OperationStore.open(tmp_path / "op", actor="x", clock=lambda: 1) as store:
        body = {
            "case": "7",
            "reason": "look",
            "things": [f"T-{k}" for k in range(35)],
            "asked": {"classes": ["person"]},
        }
        store.append(LeafKind.VIEW, "find", body)
    shown = say("evidence", "report", "op", "--case", "audit", "--reason", "yearly")[1]
    assert "T-2" in shown
    assert "T-3" not in shown
    assert "35 in all" in " ".join(re.findall(r"[\w-]+", shown))
    assert "person" in shown
    told = say("evidence", "report", "op", "--json", "--case", "audit", "--reason", "yearly")[1]
    assert json.loads(told)["entries"][0]["details"]["things"] == body["things"]


def test_hold_due_and_erase(say, tmp_path):
    with OperationStore.open(tmp_path / "op", actor="x", clock=lambda: 1, read_only=True) as store:
        name = store.media()[0].name
    (tmp_path / "p.toml").write_text("[keep_days]\nempty=0\nundecided=0\ndismissed=0\nconfirmed=0\n")
    assert say("retention", "hold", "op", "--media", name, *WHY)[0] == 0
    status, told = say("retention", "due", "op", "--policy", "p.toml")
    assert (status, "held, case 7: for the court" in told) == (0, True)
    erase = ("retention", "erase", "op", "--signing-key", "ana.key", *WHY)
    assert say(*erase, "--media", name, "--second-key", "ben.key")[0] == 3
    status, told = say(*erase, "--policy", "p.toml", "--second-key", "ben.key")
    assert status == 0
    assert f"{name} is due and stays: held" in told
    assert "nothing was erased" in told
    assert say("retention", "hold", "op", "--media", name, "--release", *WHY)[0] == 0
    assert say("retention", "due", "op", "--policy", "p.toml")[0] == 1
    status, told = say(*erase, "--policy", "p.toml")
    assert status == 3
    assert "nothing is erased by one person" in told
    assert say(*erase)[0] == 2
    assert say(*erase, "--media", "nothing", "--second-key", "ben.key")[0] == 2
    status, told = say(*erase, "--policy", "p.toml", "--second-key", "ben.key")
    assert status == 0
    assert "written over once" in told
    assert not list((tmp_path / "op" / "media").iterdir())
    status, told = say("verify", "op")
    assert status == 0
    assert f"{name} was erased by ana and ben" in told
    assert say("ingest", "card", "--out", "op")[0] == 3
    with OperationStore.open(tmp_path / "op", actor="x", clock=lambda: 1, read_only=True) as store:
        assert [leaf.kind for leaf in store.leaves()][-1] is LeafKind.ERASURE
