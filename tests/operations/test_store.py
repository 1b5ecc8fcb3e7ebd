from __future__ import annotations

import sqlite3

import pytest

from operations.errors import NotAnOperationError, OperationExistsError
from operations.seal_file import require_unbroken, seal, seal_problems
from operations.store import CASE_FILE, OperationStore


def test_a_folder_that_is_not_empty_is_not_overwritten(tmp_path, clock):
    (tmp_path / "letter.txt").write_text("keep me")
    with pytest.raises(OperationExistsError, match="not empty"):
        OperationStore.create(tmp_path, name="x", actor="a", clock=clock)
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


def test_a_folder_that_is_no_operation_says_so(tmp_path, clock):
    with pytest.raises(NotAnOperationError, match="no operation folder"):
        OperationStore.open(tmp_path, actor="a", clock=clock)
    (tmp_path / CASE_FILE).write_bytes(b"this is not a database, at all, in any way whatsoever" * 40)
    with pytest.raises(NotAnOperationError, match="cannot be read"):
        OperationStore.open(tmp_path, actor="a", clock=clock)


def test_a_record_and_its_log_line_come_together_or_not_at_all(store, media_record):
    store.record_media(media_record)
    lines = len(store.audit_log())
    with pytest.raises(sqlite3.IntegrityError):
        store.record_media(media_record)
    assert store.media() == [media_record]
    assert len(store.audit_log()) == lines
    assert not seal_problems_of_log(store)


def seal_problems_of_log(store):
    return [p for p in seal_problems(store) if "log" in p]


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("UPDATE audit SET actor = 'nobody' WHERE seq = 1", "line 1 .* was changed"),
        ("DELETE FROM audit WHERE seq = 1", "line 1 is missing"),
        ("DELETE FROM audit WHERE seq = 3", "tail is cut: 4 lines were written, 3"),
        ("UPDATE audit SET previous_sha256 = 'x' WHERE seq = 2", "line 2 does not follow"),
    ],
)
def test_any_change_to_the_log_is_named(store, damage, named):
    for i in range(3):
        store.log("viewed", {"hit": i})
    assert seal_problems(store) == ()
    with sqlite3.connect(store.path / CASE_FILE) as intruder:
        intruder.execute(damage)
    problems = seal_problems(store)
    assert any(__import__("re").search(named, p) for p in problems), problems
    with pytest.raises(Exception, match="seals are broken"):
        require_unbroken(problems)


def test_a_crash_between_log_line_and_head_is_no_false_alarm(store):
    store.log("viewed", {})
    head = (store.path / "log.head").read_text()
    store.log("viewed", {})
    (store.path / "log.head").write_text(head)
    assert seal_problems(store) == ()


def test_a_flipped_byte_of_evidence_is_named(store, tmp_path, media_record):
    import dataclasses

    original = tmp_path / "clip.ts"
    original.write_bytes(b"G" * 1000)
    sha256, sealed = seal(original, store.path / "media")
    store.record_media(dataclasses.replace(media_record, sha256=sha256))
    assert seal_problems(store) == ()
    sealed.write_bytes(b"G" * 999 + b"H")
    assert any("clip.ts was changed" in p for p in seal_problems(store))
    sealed.unlink()
    assert any("clip.ts" in p and "gone" in p for p in seal_problems(store))


def test_the_same_card_twice_is_kept_once_and_two_cards_with_one_name_are_both_kept(store, tmp_path):
    first, second = tmp_path / "a" / "DJI_0001.MP4", tmp_path / "b" / "DJI_0001.MP4"
    for path, content in ((first, b"one"), (second, b"two")):
        path.parent.mkdir()
        path.write_bytes(content)
    kept = {seal(path, store.path / "media")[1].name for path in (first, first, second)}
    assert {p.name for p in (store.path / "media").iterdir()} == kept
    assert len(kept) == 2


def test_a_folder_of_pictures_is_sealed_whole(store, tmp_path):
    card = tmp_path / "card"
    card.mkdir()
    (card / "a.jpg").write_bytes(b"1")
    (card / "b.jpg").write_bytes(b"2")
    sha256, sealed = seal(card, store.path / "media")
    assert sorted(p.name for p in sealed.iterdir()) == ["a.jpg", "b.jpg"]
    (card / "b.jpg").write_bytes(b"3")
    assert seal(card, store.path / "media")[0] != sha256


def test_a_full_disk_leaves_nothing_half_registered(store, tmp_path, monkeypatch):
    original = tmp_path / "clip.ts"
    original.write_bytes(b"G" * 1000)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        seal(original, store.path / "media")
    assert list((store.path / "media").iterdir()) == []
    assert store.media() == []
