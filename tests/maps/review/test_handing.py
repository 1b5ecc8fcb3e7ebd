"""Handing on from the console: a peer receives what was picked, two people where it is asked, everything in the log."""

from __future__ import annotations

import base64
import contextlib
import io
import socket
import threading
import zipfile
from xml.etree import ElementTree

import pytest

from maps.review.handing import Outlet
from operations.exports.send_link import Address, Identity
from operations.log.leaves import LeafKind
from operations.signing.signer import new_key
from tests.maps.review.conftest import people_file, serving


class Peer:
    """A TAK server as far as a sender sees one: takes events over TCP, says nothing."""

    def __init__(self):
        self.link = socket.create_server(("127.0.0.1", 0))
        self.port = self.link.getsockname()[1]
        self.data = b""
        self.heard = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                one, _ = self.link.accept()
                with one:
                    while block := one.recv(65_536):
                        self.data += block
                        self.heard.set()

    def events(self):
        return [
            ElementTree.fromstring(text.split("?>", 1)[-1])
            for text in self.data.decode().split('<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n')
            if text.strip()
        ]

    def close(self):
        with contextlib.suppress(OSError):
            self.link.shutdown(socket.SHUT_RDWR)  # an accept that waits would take one more
        self.link.close()
        self.thread.join(timeout=5)


@pytest.fixture
def peer():
    made = Peer()
    yield made
    made.close()


@pytest.fixture
def handing(tmp_path, operation, peer):
    """Return a console with a TAK server and a signing key."""
    outlet = Outlet(address=Address(scheme="tcp", host="127.0.0.1", port=peer.port), identity=Identity())
    signer = new_key(tmp_path / "console.key", "console@unit-3", passphrase=None, clock=lambda: 1_767_225_600 * 10**9)
    with serving(
        [operation], people_file(tmp_path / "people" / "accounts.json"), outlet=outlet, signer=signer
    ) as running:
        yield running


def picked(client, count=2):
    items = client.get("/api/queue").json()["items"][:count]
    return [{"source": item["source"], "run": item["run"], "id": item["id"]} for item in items]


def test_events_reach_a_peer_and_are_logged_first(handing, peer):
    client = handing.with_case("ana")
    items = picked(client)
    told = client.post("/api/hand", json={"items": items, "form": "cot"}).json()
    assert told["things"] == 2
    assert peer.heard.wait(10)
    uids = {event.get("uid") for event in peer.events()}
    assert all(any(uid.endswith(item["id"]) for uid in uids) for item in items)
    leaf = handing.leaves(LeafKind.EXPORT)[-1]
    assert (leaf.actor, leaf.subject, leaf.body["case"]) == ("ana", "cot", "2026-0412")
    assert sorted(leaf.body["things"]) == sorted(item["id"] for item in items)


@pytest.mark.parametrize("form", ["kml", "gpkg", "geojson", "csv", "gpx"])
def test_files_hold_what_was_picked_and_nothing_else(handing, form):
    client = handing.with_case("ana")
    items = picked(client)
    told = client.post("/api/hand", json={"items": items, "form": form}).json()
    data = base64.b64decode(told["data"])
    others = [item["id"] for item in client.get("/api/queue").json()["items"][2:]]
    assert all(item["id"].encode() in data for item in items)
    assert not any(name.encode() + b'"' in data for name in others)
    assert handing.leaves(LeafKind.EXPORT)[-1].subject == form


def test_a_package_and_a_report_are_signed(handing):
    client = handing.with_case("ana")
    items = picked(client, 1)
    told = client.post("/api/hand", json={"items": items, "form": "evidence"}).json()
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(told["data"]))) as archive:
        assert {"manifest.json", "verify.py", "report.pdf"} <= set(archive.namelist())
    told = client.post("/api/hand", json={"items": items, "form": "pdf"}).json()
    assert base64.b64decode(told["data"]).startswith(b"%PDF")


def test_a_way_that_is_shut_is_said(served):
    client = served.with_case("ana")
    ways = {way["form"]: way for way in client.get("/api/table").json()["ways"]}
    for form in ("cot", "pdf", "evidence"):
        answer = client.post("/api/hand", json={"items": picked(client, 1), "form": form})
        assert answer.status_code == 400
        assert ways[form]["why"] in answer.json()["error"]


def test_where_two_people_are_asked_for_one_is_not_enough(handing, peer):
    ana, sue = handing.with_case("ana"), handing.with_case("sue")
    assert sue.post("/api/rules", json={"two_people_export": True}).json() == {"two_people_export": True}
    items = picked(ana)
    number = ana.post("/api/hand", json={"items": items, "form": "cot"}).json()["waiting"]
    assert ana.post("/api/requests/redeem", json={"number": number}).status_code == 403
    assert ana.post("/api/requests/agree", json={"number": number}).status_code == 403
    waiting = sue.get("/api/requests").json()["requests"]
    assert [(one["by"], one["form"], len(one["things"])) for one in waiting] == [("ana", "cot", 2)]
    assert sue.post("/api/requests/agree", json={"number": number}).json()["agreed_by"] == "sue"
    assert not peer.heard.is_set()
    assert ana.post("/api/requests/redeem", json={"number": number}).json()["things"] == 2
    assert peer.heard.wait(10)
    assert handing.leaves(LeafKind.EXPORT)[-1].body["agreed_by"] == "sue"
    assert ana.post("/api/requests/redeem", json={"number": number}).status_code == 404


def test_nobody_agrees_to_their_own_request(handing):
    sue = handing.with_case("sue")
    sue.post("/api/rules", json={"two_people_export": True})
    number = sue.post("/api/hand", json={"items": picked(sue), "form": "kml"}).json()["waiting"]
    answer = sue.post("/api/requests/agree", json={"number": number})
    assert (answer.status_code, "somebody else" in answer.json()["error"]) == (403, True)


def test_a_peer_that_is_not_there_is_said_and_the_rest_goes_on(handing, peer):
    client = handing.with_case("ana")
    peer.close()
    answer = client.post("/api/hand", json={"items": picked(client), "form": "cot"})
    assert answer.status_code == 400
    assert "127.0.0.1" in answer.json()["error"]
    assert client.get("/api/queue").status_code == 200


def test_a_viewer_hands_nothing_on(handing):
    client = handing.with_case("vera")
    assert client.post("/api/hand", json={"items": picked(client), "form": "kml"}).status_code == 403
