"""Handing on as a person types it: files, a server, a clip; what is in the log of it."""

from __future__ import annotations

import hashlib
import json
import socket
import threading

import pytest
from klvdata.klvparser import KLVParser

from operations.evidence.signed_texts import signers
from operations.log.leaves import LeafKind
from operations.signing.signer import Signer, new_key
from operations.store import OperationStore
from telemetry.klv.klv_file import read_klv
from telemetry.klv.vmti import decode_vmti
from telemetry.videos.video_file import read_video
from tests.operations import night
from tests.operations.finding.conftest import made_operation
from vedette.main import main

WHY = ("--case", "2026-0412", "--reason", "patrol at first light")


@pytest.fixture
def op(tmp_path):
    """Return the folder of an operation with two nights."""
    return made_operation(tmp_path / "op")


@pytest.fixture
def filmed(tmp_path):
    """Return an operation with one clip that was really read in."""
    clip = night.make_clip(tmp_path / "flight.ts", frames=8)
    with OperationStore.create(tmp_path / "filmed", name="Night 2", actor="ana", clock=night.clock()) as store:
        night.read_in(store, clip)
    return tmp_path / "filmed"


@pytest.fixture
def run(capsys):
    """Return a function that runs a command and gives (status, what a person was told)."""

    def command(*words):
        status = main([str(word) for word in words])
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err
        return status, " ".join(shown.err.split())

    return command


@pytest.fixture
def two(tmp_path):
    """Return the options by which two people let a film leave."""
    for name in ("ana", "ben"):
        new_key(tmp_path / f"{name}.key", name, passphrase=None, clock=night.clock())
    return "--signing-key", tmp_path / "ana.key", "--second-key", tmp_path / "ben.key"


def exports(op):
    with OperationStore.open(op, actor="ana", clock=lambda: 0, read_only=True) as store:
        return [leaf.body for leaf in store.leaves() if leaf.kind is LeafKind.EXPORT]


def test_a_file_is_whole_private_and_in_the_log_by_its_hash(run, op, tmp_path):
    out = tmp_path / "near.geojson"
    status, told = run("export", op, "--class", "person", "--to", "geojson", "-o", out, "--recipient", "patrol 3", *WHY)
    assert status == 0, told
    assert "a person decides" in told
    assert out.stat().st_mode & 0o777 == 0o600
    (body,) = exports(op)
    assert body["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert (body["case"], body["reason"], body["to"]) == ("2026-0412", "patrol at first light", "patrol 3")
    ids = {f["id"] for f in json.loads(out.read_text())["features"] if f["properties"]["is"] == "place"}
    assert set(body["things"]) == ids
    status, told = run("export", op, "--to", "geojson", "-o", out, *WHY)
    assert status == 3
    assert "exists already" in told
    assert len(exports(op)) == 1


def test_nothing_leaves_without_a_case(run, op, tmp_path):
    status, told = run("export", op, "--to", "csv", "-o", tmp_path / "x.csv")
    assert status == 3
    assert "--case and --reason" in told
    assert not (tmp_path / "x.csv").exists()
    assert exports(op) == []


@pytest.mark.parametrize("form", ["kml", "kmz", "gpkg", "geoparquet", "csv", "gpx", "coco", "cot"])
def test_every_format_is_written(run, op, tmp_path, form):
    assert run("export", op, "--to", form, "-o", tmp_path / "x", "--track", "T0-3", *WHY)[0] == 0
    assert (tmp_path / "x").stat().st_size > 200


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (("--to", "csv"), 2, "give either --out FILE or --send ADDRESS"),
        (("--to", "kml", "--send", "tls:127.0.0.1:1"), 2, "use --to cot, not --to kml"),
        (("--to", "cot", "--send", "carrier pigeon"), 2, "is no address"),
        (("--to", "cot", "--send", "tcp:192.0.2.1:8087"), 3, "--cleartext REASON"),
        (("--to", "csv", "-o", "x", "--class", "boat"), 2, "nothing was found"),
        (("--to", "vmti", "-o", "x.ts"), 2, "are of 2 recordings"),
        (("--to", "shp", "-o", "x"), 2, "is not one of"),
    ],
)
def test_what_cannot_leave_is_one_sentence(run, op, words, status, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    got, told = run("export", op, *words, *WHY)
    assert got == status
    assert sentence in told.replace("│ ", "")
    assert exports(op) == []


def test_events_reach_a_server_and_the_log(run, op):
    received = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def take():
            with listener.accept()[0] as link:
                while data := link.recv(65_536):
                    received.append(data)

        thread = threading.Thread(target=take)
        thread.start()
        address = f"tcp:127.0.0.1:{listener.getsockname()[1]}"
        status, told = run("export", op, "--to", "cot", "--send", address, *WHY)
        thread.join()
    assert status == 0, told
    (body,) = exports(op)
    assert body["address"] == address
    assert b"".join(received).count(b"<event ") == body["events"]


def test_targets_in_a_copy_of_the_clip_are_read_by_two_readers(run, filmed, two, tmp_path):
    out = tmp_path / "targets.ts"
    status, told = run("export", filmed, "--singles", "--to", "vmti", "-o", out, *two, *WHY)
    assert status == 0, told
    stream = read_klv(out)
    sets = [decode_vmti(blob) for blob in stream.blobs(74) if blob]
    assert sum(len(one.targets) for one in sets) == 8
    with OperationStore.open(filmed, actor="ana", clock=lambda: 0, read_only=True) as store:
        place = store.hits()[0]
    assert sets[0].targets[0].location.lat_deg == pytest.approx(place.lat_deg, abs=1e-6)
    raw = b"".join(bytes(stream.packet_bytes(k)) for k in range(len(stream)))
    local_sets = [value for _, value in KLVParser(raw, 16)]
    vmti = [dict(KLVParser(value, 1)).get(b"\x4a") for value in local_sets]
    inside = [dict(KLVParser(value, 1)) for value in vmti if value]
    assert sum(int.from_bytes(one[b"\x06"], "big") for one in inside) == 8  # item 6: reported targets
    assert all(one[b"\x65"] for one in inside)  # item 101: the targets


def test_a_piece_of_film_is_cut_with_its_telemetry(run, filmed, two, tmp_path):
    with OperationStore.open(filmed, actor="ana", clock=lambda: 0, read_only=True) as store:
        hits = store.hits()
        name = hits.track[2] or bytes(hits.hit_id[2]).decode()
    status, told = run("clip", filmed, "--track", name, "-o", tmp_path / "a.ts", "--around-s", 0, *two, *WHY)
    assert status == 0, told
    moment = ("--from", "2026-01-01T00:00:01Z", "--to", "2026-01-01T00:00:02Z")
    status, told = run("clip", filmed, *moment, "-o", tmp_path / "b.ts", "--around-s", 0, *two, *WHY)
    assert status == 0, told
    with read_video(tmp_path / "b.ts") as reader:
        frames = list(reader.frames())
    assert 3 <= len(frames) <= 8
    assert all(frame.pose is not None for frame in frames)
    assert len(read_klv(tmp_path / "b.ts"))
    assert [body["recording"] for body in exports(filmed)] == [hits.media[0]] * 2
    for words, sentence in (
        (("--track", "nobody"), "has no track or hit 'nobody'"),
        (("--from", "2027-01-01T00:00Z", "--to", "2027-01-02T00:00Z"), "no recording of"),
        (("--from", "2027-01-01T00:00Z"), "give either --track ID, or --from and --to"),
    ):
        status, told = run("clip", filmed, *words, "-o", tmp_path / "c.ts", *two, *WHY)
        assert status == 2
        assert sentence in told
    assert run("clip", filmed, "--track", name, "-o", tmp_path / "c.ts")[0] == 3
    assert not (tmp_path / "c.ts").exists()


@pytest.mark.parametrize("keys", [(), ("ana",), ("ana", "ana")])
@pytest.mark.parametrize("form", ["clip", "vmti"])
def test_no_film_leaves_by_one_person(run, filmed, two, tmp_path, keys, form):
    options = [
        word
        for name, key in zip(("--signing-key", "--second-key"), keys, strict=False)
        for word in (name, tmp_path / f"{key}.key")
    ]
    moment = ("--from", "2026-01-01T00:00:01Z", "--to", "2026-01-01T00:00:02Z")
    words = ("clip", filmed, *moment) if form == "clip" else ("export", filmed, "--singles", "--to", "vmti")
    status, told = run(*words, "-o", tmp_path / "c.ts", *options, *WHY)
    assert status == 3
    assert "two people let it leave" in told
    assert ("both keys are of ana" in told) is (len(keys) == 2)
    assert not (tmp_path / "c.ts").exists()
    assert exports(filmed) == []


def test_a_moment_without_pictures_is_told_with_those_that_have_some(run, filmed, tmp_path):
    moment = ("--from", "2025-01-01T00:00:01Z", "--to", "2025-01-01T00:00:02Z")
    status, told = run("clip", filmed, *moment, "-o", tmp_path / "c.ts", *WHY)
    assert status == 2
    assert "they are from 2026-01-01T00:00:0" in told


def test_the_log_has_what_two_people_signed(run, filmed, two, tmp_path):
    moment = ("--from", "2026-01-01T00:00:01Z", "--to", "2026-01-01T00:00:02Z")
    assert run("clip", filmed, *moment, "-o", tmp_path / "a.ts", *two, *WHY)[0] == 0
    (body,) = exports(filmed)
    keys = [Signer.read(tmp_path / f"{name}.key", None, night.clock()).vkey for name in ("ana", "ben")]
    text, found = signers(body["agreed"], keys)
    assert json.loads(text.splitlines()[1])["recording"] == body["recording"]
    assert set(found) == set(keys)
