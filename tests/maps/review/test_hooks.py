"""Web hooks: what is new is told once, signed, without a place; and who may be told."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from benchmarks._made_reviews import add_walks, operation_with
from geo.errors import InputError, RefusedError
from maps.review.desk import Desk, Folder
from maps.review.hooks import SIGNATURE, Herald, Hook
from maps.review.looking import Looking, Sight
from operations.log.leaves import LeafKind
from operations.store import OperationStore

SECRET = b"sixteen bytes or more"


@pytest.fixture
def listener():
    """Return a server that keeps what it is told."""

    class Keep(BaseHTTPRequestHandler):
        def do_POST(self):
            self.server.heard.append((self.headers[SIGNATURE], self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(self.server.answer)
            self.send_header("location", "http://192.0.2.1/")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Keep)
    server.heard, server.answer = [], 204
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)


@pytest.fixture
def desk(tmp_path):
    """Return a desk with an operation of a few tracks, some of them alerts."""
    with Desk([Folder(path=operation_with(tmp_path / "op", tracks=12))], clock=time.time_ns) as opened:
        yield opened


def herald(desk, listener):
    hook = Hook.parse(f"http://127.0.0.1:{listener.server_address[1]}/alerts", SECRET)
    return Herald(Looking(desk, Sight()), [hook], desk.clock)


def add_run(desk):
    """Add a further run with alerts, as another process would."""
    with OperationStore.open(desk.folders[0].path, actor="watch", clock=time.time_ns) as store:
        add_walks(store, tracks=9)


def test_what_was_there_is_not_told_and_what_comes_is_told_once(desk, listener):
    told = herald(desk, listener)
    assert told.round() == 0
    add_run(desk)
    count = told.round()
    assert count == len(listener.heard) > 0
    assert told.round() == 0
    signature, body = listener.heard[0]
    moment, given = signature.removeprefix("t=").split(",v1=")
    assert given == hmac.new(SECRET, moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert not {"lat_deg", "lon_deg", "mgrs", "chip"} & set(json.loads(body))
    notes = [leaf for leaf in desk.stores[0].leaves() if leaf.kind is LeafKind.NOTE]
    assert [leaf.body["what"] for leaf in notes] == ["told"] * count


@pytest.mark.parametrize("answer", [500, 302])
def test_what_is_not_taken_is_tried_again_and_then_given_up(desk, listener, answer):
    told = herald(desk, listener)
    listener.answer = answer
    add_run(desk)
    assert [told.round() for _ in range(6)] == [0] * 6
    notes = [leaf.body["what"] for leaf in desk.stores[0].leaves() if leaf.kind is LeafKind.NOTE]
    assert set(notes) == {"given up"}
    assert len(listener.heard) == 5 * len(notes)


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("http://192.0.2.1/x", RefusedError),
        ("ftp://127.0.0.1/x", InputError),
        ("https://me:secret@example.org/", InputError),
        ("https://", InputError),
        ("http://127.0.0.1:99999/", InputError),
    ],
)
def test_whom_nobody_is_to_tell(address, error):
    with pytest.raises(error, match="--hook"):
        Hook.parse(address, SECRET)


def test_a_short_secret_signs_nothing():
    with pytest.raises(InputError, match="16 bytes"):
        Hook.parse("https://example.org/", b"short")
