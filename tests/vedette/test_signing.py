"""Keys, heads and anchors as a person types them."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3

import pytest

from operations.log.leaves import LeafKind
from operations.signing.heads import kept_heads
from operations.store import OperationStore
from vedette.main import main


@pytest.fixture
def say(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(text):
        status = main(text.split())
        shown = capsys.readouterr()
        return status, " ".join(f"{shown.out} {shown.err}".split())

    OperationStore.create(tmp_path / "op", name="Night 1", actor="ana", clock=lambda: 1).close()
    for name in ("ana", "police"):
        assert run(f"keys new {name}.key --name {name}@unit")[0] == 0
    return run


def test_a_head_signed_by_two_shows_what_was_put_back_and_says_how_far_it_proves(say, tmp_path):
    shutil.copytree(tmp_path / "op", tmp_path / "earlier")
    assert say("head sign op -o one.head --signing-key ana.key") == (0, "one.head: 1 records, signed by ana@unit")
    status, told = say("head cosign one.head -o both.head --signing-key police.key --key ana.pub")
    assert (status, told) == (0, "both.head: 1 records, signed by ana@unit, police@unit")
    assert say("head keep op both.head")[0] == 0
    before = (tmp_path / "one.head").read_bytes()
    for again in ("sign op", "cosign one.head", "request one.head", "proof op --head one.head --record 0"):
        key = " --signing-key ana.key" if "sign" in again else ""
        status, told = say(f"head {again} -o one.head{key}")
        assert (status, told) == (3, "error: one.head exists already; name another file or move it away"), again
    assert (tmp_path / "one.head").read_bytes() == before, "what others signed or stamped is this very head"
    assert say("head sign op -o now.head --signing-key ana.key")[0] == 0
    assert say("head proof op --head now.head --since both.head -o grown.json")[0] == 0
    assert say("head proof op --head now.head --record 0 -o record.tlog-proof")[0] == 0
    assert say("head cosign now.head -o now2.head --signing-key police.key --key ana.pub --proof grown.json")[0] == 0
    status, told = say("verify op --head both.head --key ana.pub --key police.pub")
    assert status == 0
    assert "signed by police@unit, who dates it" in told
    assert "records 0 to 0 of 4 are as they were when this head was made; the 3 after it rest on the folder" in told
    status, told = say("verify earlier --head now.head --key ana.pub")
    assert status == 1
    assert "ends before the head in now.head" in told


def test_a_rotated_key_still_stands_for_its_old_heads(say):
    assert say("head sign op -o old.head --signing-key ana.key")[0] == 0
    assert say("keys rotate ana.key")[0] == 0
    assert say("head sign op -o new.head --signing-key ana.key")[0] == 0
    for head in ("old.head", "new.head"):
        assert say(f"verify op --head {head} --key ana.pub")[0] == 0
    told = say("keys show ana.pub")[1]
    assert told.count("ana@unit+") == 2
    assert "(rotated)" in told
    assert say("keys revoke ana.key --reason stolen")[0] == 0
    status, told = say("head sign op -o x.head --signing-key ana.key")
    assert status == 2
    assert "revoked: stolen" in told
    assert "revoked" in say("verify op --head new.head --key ana.pub")[1]


def test_what_cannot_be_meant_is_one_sentence(say, tmp_path):
    assert say("head sign op -o a.head --signing-key ana.key")[0] == 0
    OperationStore.create(tmp_path / "other", name="o", actor="a", clock=lambda: 1).close()
    (tmp_path / "none.tsr").write_bytes(b"x")
    for words, named in (
        ("verify op --head a.head --key police.pub", "signed by ana@unit, not by the key given (police@unit)"),
        ("verify other --head a.head --key ana.pub", "a head of another operation"),
        ("verify op --key ana.pub", "name it with --head"),
        ("verify op --head a.head --stamp none.tsr", "--stamp and --ca together"),
        ("verify op --head a.head --stamp none.tsr --ca ana.pub", "cannot be read: give them as PEM"),
        ("verify op --head op/log.head --key ana.pub", "no signature in it"),
        ("head keep op a.head --stamp none.tsr", "--ca"),
        ("head proof op --head a.head -o p", "one thing to prove"),
        ("head sign op -o b.head --signing-key nowhere.key", "cannot be read"),
        ("head sign op -o b.head", "signing-key"),
        ("keys new ana.key", "there already"),
        ("keys show op/log.head", "public key"),
        ("head print ana.pub", "no signed head"),
    ):
        status, told = say(words)
        assert status == 2, words
        assert named in told, told
    assert not (tmp_path / "b.head").exists()


def test_a_head_is_printed_as_groups_that_can_be_typed_again(say, tmp_path):
    assert say("head sign op -o a.head --signing-key ana.key")[0] == 0
    status, told = say("head print a.head")
    assert status == 0
    assert "\u2588" in told
    with OperationStore.open(tmp_path / "op", actor="x", clock=lambda: 1, read_only=True) as store:
        first = store.leaf_hashes()[0].hex()
        assert [leaf.kind for leaf in store.leaves()] == [LeafKind.OPERATION, LeafKind.HEAD]
    (tmp_path / "typed").write_text("1 " + " ".join(first[i : i + 4] for i in range(0, 64, 4)) + "\n")
    assert first[:4] in told
    assert say("verify op --head typed")[0] == 0


def test_a_request_for_a_stamp_is_a_file(say, tmp_path):
    assert say("head sign op -o a.head --signing-key ana.key")[0] == 0
    assert say("head request a.head -o a.tsq")[0] == 0
    assert (tmp_path / "a.tsq").read_bytes()[0] == 0x30


def heads(tmp_path):
    with OperationStore.open(tmp_path / "op", actor="x", clock=lambda: 1, read_only=True) as store:
        return [signed for signed, _ in kept_heads(store)], store.head().size


def test_each_command_that_writes_signs_the_head_where_a_key_is_set_once(say, tmp_path, monkeypatch):
    assert say("case open op --case 1 --reason r")[0] == 0
    assert heads(tmp_path)[0] == []
    monkeypatch.setenv("VEDETTE_SIGNING_KEY", str(tmp_path / "ana.key"))
    assert say("case close op")[0] == 0
    (signed,), size = heads(tmp_path)
    assert signed.signed_by((tmp_path / "ana.pub").read_text())[0] == "ana@unit"
    assert signed.head.size == size - 1  # all but the record of the signed head itself
    assert say("case show op")[0] == 0  # writes nothing, so signs nothing
    assert heads(tmp_path)[1] == size


def test_a_head_that_cannot_be_signed_undoes_nothing_and_is_told(say, tmp_path, monkeypatch):
    (tmp_path / "words").write_text("drei Worte")
    assert say("keys new closed.key --name ana@unit --new-passphrase-file words")[0] == 0
    for key, words, told in (
        ("none.key", None, "none.key cannot be read"),
        ("closed.key", None, "needs its passphrase"),
        ("closed.key", "closed.pub", "does not open with this passphrase"),
        ("closed.key", "words", ""),
    ):
        monkeypatch.setenv("VEDETTE_SIGNING_KEY", str(tmp_path / key))
        if words is not None:
            monkeypatch.setenv("VEDETTE_SIGNING_PASSPHRASE_FILE", str(tmp_path / words))
        status, said = say("case open op --case 1 --reason r")
        assert status == 0
        assert ("the head of the log was not signed:" in said) is bool(told)
        assert "".join(told.split()) in "".join(said.split())  # wherever a line is broken
    found, _ = heads(tmp_path)
    assert len(found) == 1


def test_what_is_taken_for_a_public_key_is_never_shown(say, tmp_path):
    """A private key or a passphrase that is named by mistake stays out of screens and the logs of those."""
    assert say("head sign op -o a.head --signing-key ana.key")[0] == 0
    (tmp_path / "words").write_text("drei Worte")
    secret = (tmp_path / "ana.key").read_text().split()[3]
    for text, told in (
        ("verify op --head a.head --key ana.key", "this is a private key: name the .pub file"),
        ("keys show words", "no public key of this kind"),
    ):
        status, said = say(text)
        assert status == 2
        assert "".join(told.split()) in "".join(said.split())
        assert secret[:8] not in said
        assert "drei" not in said


def test_a_log_that_another_program_holds_is_said_to_be_held(say, tmp_path, monkeypatch):
    monkeypatch.setattr("operations.case_access._BUSY_S", 0.05)
    with contextlib.closing(sqlite3.connect(tmp_path / "op" / "operation.sqlite", isolation_level=None)) as held:
        held.execute("BEGIN EXCLUSIVE")
        status, said = say("case open op --case 1 --reason r")
    assert status == 2
    assert "another program holds it and did not let go in time" in said
    assert "free space" not in said
