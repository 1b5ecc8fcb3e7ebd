"""Erasing from the console: two supervisors with keys of their own, never under a hold, a tombstone that verifies."""

from __future__ import annotations

import shutil

import pytest

from maps.review.access.accounts import Account
from maps.review.access.accounts_file import AccountsFile
from maps.review.access.roles import Role
from operations.consultation import Purpose
from operations.law.holds import release_hold, set_hold
from operations.log.leaves import LeafKind
from operations.signing.signer import new_key
from operations.verify import verify
from tests.maps.review.conftest import CHEAP, PASSWORD, people_file, serving
from tests.maps.review.test_footage import filmed

NOW_NS = 1_767_225_600_000_000_000


@pytest.fixture(scope="module")
def filmed_night(tmp_path_factory):
    return filmed(tmp_path_factory.mktemp("erasing"))


@pytest.fixture
def console(filmed_night, tmp_path):
    """Return a console with the keys of sue and sam, both supervisors; sid has none."""
    shutil.copytree(filmed_night, tmp_path / "night")
    people = people_file(tmp_path / "people" / "accounts.json")
    for name in ("sam", "sid"):
        AccountsFile(people).put(Account(name=name, role=Role.SUPERVISOR, password=CHEAP.hashed(PASSWORD)))
    sue, sam = (new_key(tmp_path / name, name, passphrase=None, clock=lambda: NOW_NS) for name in ("sue", "sam"))
    with serving([tmp_path / "night"], people, signer=sue, second_signer=sam) as running:
        yield running


def test_one_asks_another_agrees_and_the_recording_is_gone_with_all_that_was_found_in_it(console):
    sue, sam, sid = (console.with_case(name) for name in ("sue", "sam", "sid"))
    (recording,) = sue.get("/api/erasing").json()["recordings"]
    assert len(sue.get("/api/queue").json()["items"]) > 0
    wanted = {"source": 0, "media": [recording["media"]]}
    assert sid.post("/api/erasing", json=wanted).status_code == 403  # no key of theirs is here
    asked = sue.post("/api/erasing", json=wanted).json()
    number = {"number": asked["number"]}
    for client in (sue, sid):
        assert client.post("/api/erasing/agree", json=number).status_code == 403
    store = console.desk.store_of(0, "sid")
    set_hold(store, None, Purpose(case="9", reason="order of the court"))
    held = sam.post("/api/erasing/agree", json=number)
    assert (held.status_code, "hold" in held.json()["error"] or "held" in held.json()["error"]) == (403, True)
    assert sue.post("/api/erasing", json=wanted).status_code == 403
    release_hold(store, None, Purpose(case="9", reason="over"))
    assert sam.post("/api/erasing/agree", json=number).json()["files_gone"] >= 1
    assert sue.get("/api/erasing").json() == {"recordings": [], "requests": []}
    assert sue.get("/api/queue").json()["items"] == []
    (tombstone,) = (leaf for leaf in console.leaves(LeafKind.ERASURE))
    assert tombstone.actor == "sam"
    assert all(f"— {name} " in tombstone.body["note"] for name in ("sue", "sam"))
    assert not verify(console.desk.folders[0].path).findings
    noted = [leaf.body["what"] for leaf in console.leaves(LeafKind.NOTE) if leaf.subject.startswith("erasure request")]
    assert noted[0] == "asked"
    assert noted[-1] == "agreed"


def test_a_request_can_be_dropped_and_what_is_unknown_is_said(console):
    sue, sam = (console.with_case(name) for name in ("sue", "sam"))
    (recording,) = sue.get("/api/erasing").json()["recordings"]
    number = {"number": sue.post("/api/erasing", json={"source": 0, "media": [recording["media"]]}).json()["number"]}
    assert sam.post("/api/erasing/drop", json=number).json() == {}
    assert sam.post("/api/erasing/agree", json=number).status_code == 404
    assert sue.post("/api/erasing", json={"source": 0, "media": ["0" * 64]}).status_code == 404
    assert sue.post("/api/erasing", json={"source": 4, "media": ["0" * 64]}).status_code == 404
    assert len(sue.get("/api/erasing").json()["recordings"]) == 1


def test_without_keys_the_console_says_how_to_get_them(served):
    sue = served.with_case("sue")
    recording = sue.get("/api/erasing").json()["recordings"][0]
    answer = sue.post("/api/erasing", json={"source": 0, "media": [recording["media"]]})
    assert (answer.status_code, "--second-key" in answer.json()["error"]) == (403, True)
