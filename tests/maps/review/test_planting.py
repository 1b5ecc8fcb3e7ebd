"""Known items: two in a hundred, revealed at the verdict, never in the case, never while an alert waits."""

from __future__ import annotations

import json
import stat
import time

import pytest

from benchmarks._made_reviews import operation_with
from maps.review.desk import Desk, Folder
from maps.review.planting import EVERY
from operations.log.leaves import LeafKind
from operations.store import OperationStore
from operations.values import Decision, Verdict
from tests.maps.review.conftest import people_file, serving


@pytest.fixture
def planting(tmp_path):
    """Return a console over 150 tracks, with a simulated night of ten that were settled, five of them real."""
    known = operation_with(tmp_path / "known", tracks=10)
    with OperationStore.open(known, actor="maker", clock=time.time_ns) as store:
        for k in range(10):
            decision = Decision.CONFIRMED if k % 2 else Decision.DISMISSED
            verdict = Verdict(verdict_id=f"t{k}", run_id=f"{10:016x}", decision=decision, track_id=f"T{k}")
            store.append(LeafKind.VERDICT, verdict.verdict_id, verdict.body())
    night = operation_with(tmp_path / "op", tracks=150)
    with Desk([Folder(path=known)], clock=time.time_ns) as desk:
        people = people_file(tmp_path / "people" / "accounts.json")
        with serving([night], people, planted=desk) as running:
            yield running


def name(item):
    return {"source": item["source"], "run": item["run"], "id": item["id"]}


def settled_alerts(client):
    alerts = [item for item in client.get("/api/queue").json()["items"] if item["rank"]["band"] == "alert"]
    client.post("/api/verdicts", json={"items": [name(item) for item in alerts], "decision": "confirmed"})


def planted_in(client):
    return [item for item in client.get("/api/queue").json()["items"] if item["source"]]


def test_nothing_is_planted_unless_a_supervisor_wants_it_or_while_an_alert_waits(planting):
    ana, sue = planting.with_case("ana"), planting.with_case("sue")
    assert planted_in(ana) == []
    assert sue.post("/api/planting", json={"on": True}).json() == {"on": True}
    assert planted_in(ana) == []
    settled_alerts(ana)
    assert len(planted_in(ana)) == 150 // EVERY
    assert planted_in(sue) == []
    assert sue.post("/api/planting", json={"on": False}).json() == {"on": False}
    assert planted_in(ana) == []


def test_a_planted_item_is_revealed_at_the_verdict_and_stays_outside_the_case(planting):
    ana, sue = planting.with_case("ana"), planting.with_case("sue")
    sue.post("/api/planting", json={"on": True})
    settled_alerts(ana)
    item = planted_in(ana)[0]
    before = planting.leaves()[-1].seq
    card = ana.get("/api/thing", params=name(item)).json()
    assert card["chip"]
    assert card["path"]
    assert ana.post("/api/hand", json={"items": [name(item)], "form": "kml"}).status_code == 404
    told = ana.post("/api/verdicts", json={"items": [name(item)], "decision": "dismissed"}).json()
    truth = "confirmed" if int(item["id"][1:]) % 2 else "dismissed"
    assert [(one["truth"], one["said"]) for one in told["planted"]] == [(truth, "dismissed")]
    later = [leaf for leaf in planting.leaves() if leaf.seq > before]
    assert not any(item["id"] in json.dumps(leaf.body) and leaf.kind is LeafKind.VERDICT for leaf in later)
    assert item["id"] not in {one["id"] for one in planted_in(ana)}
    path = planting.console.gate.accounts.path.with_name("planted.jsonl")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    reader = sue.get("/api/agreement").json()["planted"]["ana"]
    assert (reader["read"], reader["missed"]) == (1, int(truth == "confirmed"))


def test_a_console_without_known_items_says_so(served):
    answer = served.with_case("sue").post("/api/planting", json={"on": True})
    assert (answer.status_code, "--planted" in answer.json()["error"]) == (400, True)
