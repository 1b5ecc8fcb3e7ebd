"""Every way of tampering is named, twice, and the same from a medium that cannot be written."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib.util
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from operations.case_file import Head, read_head
from operations.errors import BrokenSealError, NotAnOperationError
from operations.findings import FindingKind
from operations.log.leaves import LeafKind
from operations.store import OperationStore
from operations.vault.errors import SecretError
from operations.vault.keys_file import open_vault
from operations.verify import verify

_SPEC = importlib.util.spec_from_file_location("attacks", Path(__file__).with_name("attacks.py"))
attacks = importlib.util.module_from_spec(_SPEC)
sys.modules["attacks"] = attacks
_SPEC.loader.exec_module(attacks)
ATTACKS = attacks.ATTACKS


def picture(folder):
    """Return everything about a folder that could have been changed."""
    seen = {}
    for path in sorted(folder.rglob("*")):
        about = path.lstat()
        whole = path.is_file() and not path.is_symlink()
        data = (
            hashlib.sha256(path.read_bytes()).hexdigest() if whole else os.readlink(path) if path.is_symlink() else ""
        )
        seen[str(path.relative_to(folder))] = (about.st_mode, about.st_size, about.st_mtime_ns, data)
    return seen


def told(result):
    return {(finding.kind, finding.item) for finding in result.findings}


def test_an_operation_as_it_was_left_has_no_findings(op, read_only):
    before = picture(op)
    first = verify(op)
    assert (first.findings, first.notes) == ((), ())
    assert (first.originals, first.parts) == (2, 15)
    assert first.head == read_head(op)
    with read_only(op) as shown:
        assert verify(shown) == first
    assert picture(op) == before


def by_the_book(leaves):
    """RFC 6962, section 2.1, word for word."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = max(2**i for i in range(20) if 2**i < len(leaves))
    return hashlib.sha256(b"\x01" + by_the_book(leaves[:k]) + by_the_book(leaves[k:])).digest()


def test_anybody_can_work_the_head_out_from_the_documented_format(op):
    with sqlite3.connect(op / "operation.sqlite") as database:
        leaves = [bytes(body) for (body,) in database.execute("SELECT body FROM leaf ORDER BY seq")]
    database.close()
    assert (op / "log.head").read_text() == f"{len(leaves)} {by_the_book(leaves).hex()}\n"
    named = {}
    for record in map(json.loads, leaves):
        if record["kind"] == "part":
            named[record["body"]["file"]] = record["body"]["sha256"]
        if record["kind"] == "media":
            named |= {f"media/{m['sha256']}{m['suffix']}": m["sha256"] for m in record["body"]["members"]}
    told = subprocess.run(["sha256sum", *named], cwd=op, capture_output=True, text=True, check=True).stdout
    assert {line.split("  ")[1]: line.split("  ")[0] for line in told.splitlines()} == named


def test_the_table_is_long_enough():
    assert len(ATTACKS) >= 40


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_named_twice_and_from_a_read_only_medium(op, read_only, name):
    attack = ATTACKS[name]
    attack.do(op)
    before = picture(op)
    first = verify(op)
    matching = [f for f in first.findings if f.kind is attack.kind and re.search(attack.names, f.sentence)]
    assert matching, [str(f) for f in first.findings]
    assert verify(op).findings == first.findings
    with read_only(op) as shown:
        assert told(verify(shown)) == told(first)
    assert picture(op) == before, "verifying has written"
    for finding in first.findings:
        assert finding.sentence.isprintable()
        assert not re.search(r"original [0-9a-f]{64}", finding.sentence)


def test_an_operation_of_format_1_is_sent_to_be_migrated_and_not_called_tampered_with(tmp_path):
    with tarfile.open(Path(__file__).parents[1] / "data" / "format-1.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    with pytest.raises(NotAnOperationError, match="vedette migrate"):
        verify(tmp_path / "op")


BROKEN_LOGS = [
    "a verdict turned round and the head worked out again",
    "every record deleted",
    "the edge of the tree cut",
    "the head deleted",
    "the kept head deleted",
    "the kept head emptied",
    "the kept head given another root",
    "the kept head put ahead",
    "the last record deleted",
    "the last record deleted and the head worked out again",
    "the root changed",
    "the size changed",
]


@pytest.mark.parametrize("name", BROKEN_LOGS)
def test_nothing_is_added_to_a_log_that_is_visibly_broken_and_verify_goes_on_naming_it(night, op, name):
    ATTACKS[name].do(op)
    found = told(verify(op))
    with (
        OperationStore.open(op, actor="ana", clock=night.clock()) as store,
        pytest.raises(BrokenSealError, match="vedette verify"),
    ):
        store.append(LeafKind.NOTE, "weather", {"text": "all is well"})
    assert told(verify(op)) == found


def test_a_log_rewritten_as_a_whole_shows_against_a_head_kept_elsewhere(op):
    outside = read_head(op)
    attacks.store_leaf(op, attacks.dismissed(op), with_hash=True)
    attacks.head_anew(op, kept=True)
    assert verify(op).findings == ()  # whoever holds the folder and its key can write it anew: this is the limit
    (finding,) = verify(op, head=outside, head_from="paper.head").findings
    assert finding.kind is FindingKind.BROKEN_LOG
    assert "not the one of the head in paper.head" in finding.sentence


def test_a_folder_put_back_to_an_earlier_state_shows_against_a_head_kept_elsewhere(night, op, tmp_path):
    earlier = shutil.copytree(op, tmp_path / "earlier")
    with OperationStore.open(op, actor="ana", clock=night.clock()) as store:
        store.append(LeafKind.NOTE, "weather", {"text": "fog lifting"})
    outside = read_head(op)
    shutil.rmtree(op)
    earlier.rename(op)
    assert verify(op).findings == ()
    (finding,) = verify(op, head=outside).findings
    assert "ends before the head" in finding.sentence


def test_an_older_head_kept_elsewhere_fits_a_log_that_has_grown(night, op):
    outside = read_head(op)
    with OperationStore.open(op, actor="ana", clock=night.clock()) as store:
        store.append(LeafKind.NOTE, "weather", {"text": "fog lifting"})
    assert verify(op, head=outside).findings == ()
    assert verify(op, head=Head(size=0, root=hashlib.sha256().digest())).findings == ()


def test_a_kept_head_one_behind_after_a_crash_is_no_finding_and_is_caught_up(night, op):
    before = (op / "log.head").read_bytes()
    with OperationStore.open(op, actor="ana", clock=night.clock()) as store:
        store.append(LeafKind.NOTE, "weather", {"text": "fog lifting"})
        (op / "log.head").write_bytes(before)
        result = verify(op)
        assert result.findings == ()
        assert "1 records behind" in result.notes[0]
        store.append(LeafKind.NOTE, "weather", {"text": "clear"})
    assert verify(op).notes == ()


# Encrypted ---------------------------------------------------------------------------------------


def swap_parts(op):
    first, second = sorted((op / "parts").glob("*/hits-0000.parquet"))[:2]
    attacks.swap(first, second)


def cut_part(op):
    path = next((op / "parts").glob("*/hits-0000.parquet"))
    os.truncate(path, path.stat().st_size // 2)


def plain_part(op):
    next((op / "parts").glob("*/hits-0000.parquet")).write_bytes(b"PAR1")


def flip_original(op):
    attacks.flip(next((op / "media").glob("*.ts")), 5000)


def swap_bodies(op):
    with attacks.case(op) as database:
        one, other = (bytes(b) for (b,) in database.execute("SELECT body FROM leaf WHERE seq IN (3, 4) ORDER BY seq"))
        database.execute("UPDATE leaf SET body = ? WHERE seq = 3", (other,))
        database.execute("UPDATE leaf SET body = ? WHERE seq = 4", (one,))


def drop_index_row(op):
    with attacks.case(op) as database:
        database.execute("DELETE FROM record WHERE seq = (SELECT max(seq) FROM record)")


def rename_operation(op):
    with attacks.case(op) as database:
        database.execute("UPDATE meta SET value = zeroblob(40) WHERE key = 'name'")


@pytest.mark.parametrize(
    ("do", "names"),
    [
        (swap_parts, r"hits of .* was changed: .* files were swapped"),
        (cut_part, r"hits of .* was changed: .* cut short"),
        (plain_part, r"hits of .* was changed: .* no encrypted file"),
        (flip_original, r"original clip.ts was changed: .* changed in chunk 0"),
        (swap_bodies, r"log record 3 cannot be read any more"),
        (drop_index_row, r"note weather \(log record \d+\) was taken out of the index"),
        (rename_operation, r"operation's name was changed"),
    ],
)
def test_an_attack_on_an_encrypted_operation_is_named_twice(night, encrypted_op, read_only, do, names):
    vault = open_vault(encrypted_op, night.KEY)
    assert verify(encrypted_op, vault=vault).findings == ()
    do(encrypted_op)
    first = verify(encrypted_op, vault=vault)
    assert any(re.search(names, f.sentence) for f in first.findings), first.findings
    assert verify(encrypted_op, vault=vault) == first
    with read_only(encrypted_op) as shown:
        assert told(verify(shown, vault=vault)) == told(first)


def test_keys_that_are_gone_or_were_changed_are_named(night, encrypted_op):
    (encrypted_op / "keys.json").write_text("{}")
    with pytest.raises(SecretError, match=r"keys\.json was changed"):
        open_vault(encrypted_op, night.KEY)
    (encrypted_op / "keys.json").unlink()
    assert any("cannot be read any more" in f.sentence for f in verify(encrypted_op).findings)


def words_that_would_tell(folder):
    """Return which words of the night stand in the files of an operation: names, decisions, notes, columns.

    Each is so long that it stands in a megabyte of chance once in a million operations at most.
    """
    words = (b"clip.ts", b"P1.jpg", b"Night 1", b"confirmed", b"fog from four", b"seen again", b"centre box", b"hit_id")
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return [word for word in words if any(word in data for data in files)], words


def test_a_stolen_encrypted_operation_tells_names_and_sizes_at_most(sealed, encrypted_op):
    found, words = words_that_would_tell(sealed)
    assert found == list(words)  # without encryption each of them is there to be read
    assert words_that_would_tell(encrypted_op)[0] == []


def test_a_damaged_table_of_contents_is_named_whatever_it_then_spells(op):
    """The case file's first page has the texts of its tables; SQLite quotes them, also where they are none any more."""
    case = op / "operation.sqlite"
    kept = case.read_bytes()
    start = kept.index(b"CREATE TABLE") - 40
    places = [place for place in range(start, 4096) if kept[place]]
    assert len(places) > 300
    spelt = 0
    for place in places[::7]:
        changed = bytearray(kept)
        changed[place] |= 0x80
        case.write_bytes(changed)
        try:
            spelt += any("codec" in str(finding) for finding in verify(op).findings)
            assert changed == kept or verify(op).findings, f"byte {place}"
        finally:
            case.write_bytes(kept)
    assert spelt


@pytest.mark.parametrize(
    "wrong",
    [{"members": None}, {"members": 7}, {"members": ["x"]}, {"name": None}, {"size_bytes": "many"}, {"kind": "film"},
     {"members": [{"path": "a"}]}],
    ids=str,
)  # fmt: skip
def test_a_record_that_is_none_of_an_original_is_named_and_all_else_is_looked_at(op, wrong):
    """Somebody with the right to write has recorded nonsense: the log is whole, and says what nobody can read."""
    with OperationStore.open(op, actor="x", clock=lambda: 2_000_000_000_000_000_000) as store:
        body = store.newest(LeafKind.MEDIA)[0].body
        number = len(list(store.leaves()))
        store.append(LeafKind.MEDIA, "ab" * 32, body | wrong)
    (op / "media" / sorted(os.listdir(op / "media"))[0]).write_bytes(b"changed as well")
    found = verify(op).findings
    assert f"log record {number}" in {finding.item for finding in found if finding.kind is FindingKind.CHANGED}
    assert len([finding for finding in found if finding.kind is FindingKind.CHANGED]) >= 2


def test_an_original_that_the_disk_does_not_give_is_named_in_its_words(op, monkeypatch):
    """EIO in the middle of a file: the finding names the original and says what the system says, and no more."""
    opened = Path.open
    (first, *_) = sorted((op / "media").iterdir())

    def failing(path, *how, **more):
        if path == first:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return opened(path, *how, **more)

    monkeypatch.setattr(Path, "open", failing)
    (finding,) = verify(op).findings
    assert finding.kind is FindingKind.CHANGED
    assert finding.sentence.endswith(" cannot be read (Input/output error)")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8, 0.95, 1.0])
def test_a_record_changed_together_with_its_hash_is_found_within_its_part_of_the_tree(op, share):
    """The head's tree of n leaves is cut where n's binary digits are one (RFC 9162, 2.1.1): the part is named."""
    with contextlib.closing(sqlite3.connect(op / "operation.sqlite")) as intruder, intruder:
        bodies = dict(intruder.execute("SELECT seq, body FROM leaf"))
        victim = min(round(share * len(bodies)), len(bodies) - 1)
        changed = json.loads(bodies[victim]) | {"actor": "nobody"}
        body = json.dumps(changed, separators=(",", ":"), sort_keys=True).encode()
        digest = hashlib.sha256(b"\0" + body).digest()
        intruder.execute("UPDATE leaf SET body = ?, hash = ? WHERE seq = ?", (body, digest, victim))
    start, parts = 0, []
    for power in (64, 32, 16, 8, 4, 2, 1):
        if len(bodies) & power:
            parts.append(range(start, start + power))
            start += power
    (part,) = [part for part in parts if victim in part]
    where = f"record {part[0]}" if len(part) == 1 else f"records {part[0]} to {part[-1]}"
    told = [f.sentence for f in verify(op).findings if "does not hold" in f.sentence]
    assert len(told) == 1
    assert f"does not hold: {where} or their hashes were changed together" in told[0]
