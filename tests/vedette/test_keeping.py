"""Encrypt, verify, back up, merge and re-key an operation as a person types it."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from operations.backup import backup
from operations.store import OperationStore
from operations.vault.key_ring import Secret
from operations.verify import verify
from vedette.main import main


@pytest.fixture
def card(tmp_path):
    """Return a folder of two small pictures."""
    folder = tmp_path / "card"
    folder.mkdir()
    for seed in (1, 2):
        noise = np.random.default_rng(seed).integers(0, 255, (64, 80, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"P{seed}.jpg")
    return folder


@pytest.fixture
def run(capsys):
    """Return a function that runs a command and gives (status, JSON or None, what a person was told)."""

    def command(*words):
        status = main([str(word) for word in words])
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err
        told = " ".join(shown.err.split())
        return status, json.loads(shown.out) if shown.out.startswith("{") else None, told

    return command


NOTHING_PLACED = 1
"""Exit status of a whole ingest of a card whose pictures have no pose."""


def words_through_a_pipe(text):
    out, into = os.pipe()
    os.write(into, text.encode() + b"\n")
    os.close(into)
    return f"/dev/fd/{out}"


def test_an_encrypted_operation_from_its_making_to_its_map(run, card, tmp_path):
    op, key = tmp_path / "op", tmp_path / "night.key"
    status, _, told = run("ingest", card, "--out", op, "--encrypt", "--key-file", key)
    assert status == NOTHING_PLACED, told
    assert "keep a copy elsewhere" in told
    assert key.stat().st_mode & 0o777 == 0o600
    assert not any(b"P1.jpg" in path.read_bytes() for path in op.rglob("*") if path.is_file())

    assert run("verify", op, "--key-file", key)[0] == 0
    status, _, told = run("verify", op)
    assert status == 2
    assert "nobody can be asked" in told
    (tmp_path / "wrong.key").write_bytes(bytes(32))
    (tmp_path / "wrong.key").chmod(0o600)
    status, _, told = run("verify", op, "--key-file", tmp_path / "wrong.key")
    assert status == 2
    assert "does not open this operation" in told
    status, _, told = run("map", op, "--key-file", key)
    assert status == 2
    assert "--out" in told
    status, _, told = run("map", op, "--key-file", key, "--out", tmp_path / "map.html")
    assert status == 3  # nobody looks without a purpose
    why = ("--case", "1", "--reason", "test")
    status, _, told = run("map", op, "--key-file", key, "--out", tmp_path / "map.html", *why)
    assert "nothing to show on a map" in told  # no picture has a place; the operation itself was read
    assert run("ingest", card, "--out", op)[0] == 2

    status, _, told = run("rekey", op, "--key-file", key, "--new-passphrase-file", words_through_a_pipe("drei Worte"))
    assert status == 0, told
    assert run("verify", op, "--key-file", key)[0] == 2
    assert run("verify", op, "--passphrase-file", words_through_a_pipe("drei Worte"))[0] == 0
    status, answer, told = run(
        "backup", op, tmp_path / "copy", "--passphrase-file", words_through_a_pipe("drei Worte"), "--json"
    )
    assert status == 0, told
    assert answer["originals"] == 1
    assert run("verify", tmp_path / "copy", "--passphrase-file", words_through_a_pipe("drei Worte"))[0] == 0


def test_a_head_kept_elsewhere_shows_a_folder_put_back(run, card, tmp_path):
    op = tmp_path / "op"
    assert run("ingest", card, "--out", op)[0] == NOTHING_PLACED
    shutil.copytree(op, tmp_path / "earlier")
    assert run("ingest", card, "--out", op)[0] == NOTHING_PLACED
    shutil.copy(op / "log.head", tmp_path / "paper.head")
    assert run("verify", op, "--head", tmp_path / "paper.head")[0] == 0
    status, _, told = run("verify", tmp_path / "earlier", "--head", tmp_path / "paper.head")
    assert status == 1
    assert "ends before the head in" in told
    assert run("verify", op, "--head", card / "P1.jpg")[0] == 2
    (op / "media" / "planted.ts").write_bytes(b"x")
    status, answer, _ = run("verify", op, "--json")
    assert status == 1
    assert "media/planted.ts" in " ".join(answer["problems"])


def test_whoever_waits_is_told_how_much_there_is_to_hash_and_to_copy(run, card, tmp_path):
    op, hashed, copied = tmp_path / "op", [], []
    assert run("ingest", card, "--out", op)[0] == NOTHING_PLACED
    on_disk = sum(path.stat().st_size for top in ("media", "parts") for path in (op / top).rglob("*") if path.is_file())
    verify(op, on_bytes=lambda *told: hashed.append(told))
    backup(op, tmp_path / "copy", on_bytes=lambda *told: copied.append(told))
    for told in (hashed, copied):
        assert len(told) > 1
        assert {whole for _, whole in told} == {on_disk}
        assert [done for done, _ in told] == sorted(done for done, _ in told)
        assert told[-1][0] == on_disk


def test_one_descriptor_opens_two_encrypted_operations(run, tmp_path):
    """What was read from a pipe is gone: it is read once for all operations that are asked."""
    secret = Secret(value=b"drei Worte")
    for name, closed in (("one", secret), ("open", None), ("two", secret)):
        OperationStore.create(tmp_path / name, name=name, actor="ana", clock=lambda: 1, secret=closed).close()
    three = [tmp_path / name for name in ("one", "open", "two")]
    words = ("--case", "1", "--reason", "r", "--passphrase-file", words_through_a_pipe("drei Worte"), "--json")
    status, answer, told = run("find", *three, *words)
    assert status == 0, told
    assert answer["total"] == 0
    words = ("--into", tmp_path / "all", "--passphrase-file", words_through_a_pipe("drei Worte"))
    assert run("merge", *three, *words)[0] == 0


def test_a_plain_operation_becomes_an_encrypted_one_by_merging(run, card, tmp_path):
    op, key = tmp_path / "op", tmp_path / "night.key"
    assert run("ingest", card, "--out", op)[0] == NOTHING_PLACED
    for refused in (("ingest", card, "--out", op, "--encrypt", "--key-file", key), ("rekey", op)):
        status, _, told = run(*refused)
        assert status == 2
        assert "not encrypted" in told
    status, answer, told = run("merge", op, "--into", tmp_path / "closed", "--encrypt", "--key-file", key, "--json")
    assert status == 0, told
    assert (answer["originals"], answer["conflicts"]) == (1, [])
    assert run("verify", tmp_path / "closed", "--key-file", key)[0] == 0
    assert run("verify", op, "--key-file", key)[0] == 2
    with OperationStore.open(op, actor="a", clock=lambda: 0, read_only=True) as store:
        assert store.name == "operation"


def test_secrets_that_contradict_or_cannot_be_read_are_named(run, card, tmp_path):
    new = tmp_path / "new"
    for words, named in (
        (("--encrypt", "--passphrase-file", tmp_path / "nowhere"), "cannot be read"),
        (("--key-file", tmp_path / "k"), "--encrypt"),
        (("--encrypt",), "nobody can be asked"),
    ):
        status, _, told = run("ingest", card, "--out", new, *words)
        assert status == 2
        assert named in told
        assert not new.exists()
