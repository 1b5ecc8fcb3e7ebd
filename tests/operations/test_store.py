from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import sqlite3
import stat
import subprocess
import threading

import pyarrow.parquet as pq
import pytest

from operations import case_access, durable_file
from operations.case_access import CASE_FILE, HEAD_FILE
from operations.case_file import Draft
from operations.errors import (
    BrokenSealError,
    DiskError,
    MediumBusyError,
    NotAnOperationError,
    OperationExistsError,
    ReadOnlyError,
)
from operations.log.leaves import LeafKind, decode
from operations.log.merkle import leaf_hash, root_of
from operations.store import OperationStore
from operations.values import RunState
from operations.verify import verify


@contextlib.contextmanager
def closing_commit(path):
    """Open a database as another program would, and leave no journal behind."""
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        yield database


def look(store, number=0):
    return store.append(LeafKind.VIEW, "map", {"number": number})


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_folder_that_is_not_empty_is_not_overwritten(tmp_path, clock):
    (tmp_path / "letter.txt").write_text("keep me")
    with pytest.raises(OperationExistsError, match="not empty"):
        OperationStore.create(tmp_path, name="x", actor="a", clock=clock)
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


def test_an_operation_is_not_created_over_another(store, clock):
    with pytest.raises(OperationExistsError):
        OperationStore.create(store.path, name="x", actor="a", clock=clock)
    assert store.name == "Night 1"


def test_a_folder_that_is_no_operation_says_so(tmp_path, clock):
    with pytest.raises(NotAnOperationError, match="no operation folder"):
        OperationStore.open(tmp_path, actor="a", clock=clock)
    (tmp_path / CASE_FILE).write_bytes(b"this is not a database, at all, in any way whatsoever" * 40)
    with pytest.raises(NotAnOperationError, match="cannot be read"):
        OperationStore.open(tmp_path, actor="a", clock=clock)
    (tmp_path / CASE_FILE).unlink()
    with closing_commit(tmp_path / CASE_FILE) as other:
        other.execute("CREATE TABLE birds (name)")
    with pytest.raises(NotAnOperationError, match="no case file"):
        OperationStore.open(tmp_path, actor="a", clock=clock)


def test_an_operation_of_a_later_format_is_not_touched(store, clock):
    store.close()
    with closing_commit(store.path / CASE_FILE) as later:
        later.execute("UPDATE meta SET value = '3' WHERE key = 'format'")
    with pytest.raises(NotAnOperationError, match="format 3.* newer program"):
        OperationStore.open(store.path, actor="a", clock=clock)


def test_only_the_owner_may_enter_whatever_the_umask(tmp_path, clock, hit_rows, run_record):
    (tmp_path / "op").mkdir(mode=0o755)
    before = os.umask(0)
    try:
        with OperationStore.create(tmp_path / "op", name="n", actor="a", clock=clock) as store:
            with store.begin_run(run_record) as writer:
                writer.add("hits", hit_rows)
                writer.commit_parts()
            paths = [store.path, *store.path.rglob("*")]
            modes = {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()}
            assert modes == {0o700}
            assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()} == {0o600}
    finally:
        os.umask(before)


def test_every_record_is_a_leaf_whose_hash_and_tree_another_reader_works_out_too(store):
    for number in range(5):
        look(store, number)
    head = store.head()
    with closing_commit(store.path / CASE_FILE) as plain:
        rows = plain.execute("SELECT seq, hash, body FROM leaf ORDER BY seq").fetchall()
        (size, root), *_ = plain.execute("SELECT size, root FROM head")
        newest = plain.execute("SELECT seq FROM record WHERE kind = CAST('view' AS BLOB)").fetchall()
    assert [leaf_hash(body) for _, _, body in rows] == [value for _, value, _ in rows]
    assert [decode(body).seq for _, _, body in rows] == list(range(6))
    assert (head.size, head.root) == (size, root) == (6, root_of([value for _, value, _ in rows]))
    assert newest == [(5,)]
    assert (store.path / HEAD_FILE).read_text() == f"6 {root.hex()}\n"
    shown = subprocess.run(
        ["sqlite3", store.path / CASE_FILE, "select count(*) from leaf"], capture_output=True, text=True, check=True
    )
    assert shown.stdout == "6\n"


def test_closing_leaves_no_journal_and_reading_leaves_no_trace(store, clock):
    look(store)
    store.close()
    before = contents(store.path)
    assert sorted(before) == [HEAD_FILE, CASE_FILE]
    with OperationStore.open(store.path, actor="a", clock=clock, read_only=True) as reader:
        assert len(list(reader.leaves())) == 2
        with pytest.raises(ReadOnlyError, match="opened for reading"):
            look(reader)
    assert contents(store.path) == before


def test_a_reader_leaves_a_dead_writers_journal_alone_and_sees_what_is_in_it(store, clock, tmp_path):
    look(store)
    dead = tmp_path / "dead"
    shutil.copytree(store.path, dead)
    assert (dead / f"{CASE_FILE}-wal").stat().st_size
    (dead / f"{CASE_FILE}-shm").unlink()
    before = contents(dead)
    with OperationStore.open(dead, actor="a", clock=clock, read_only=True) as reader:
        assert reader.head().size == 2
    after = contents(dead)
    after.pop(f"{CASE_FILE}-shm", None)
    assert after == before


def test_an_operation_is_read_where_nothing_can_be_written(store, clock, monkeypatch):
    look(store)
    store.close()
    before = contents(store.path)
    monkeypatch.setattr(case_access, "can_be_written", lambda folder: False)
    with OperationStore.open(store.path, actor="a", clock=clock) as reader:
        assert reader.head().size == 2
        with pytest.raises(ReadOnlyError, match="cannot write"):
            look(reader)
    assert contents(store.path) == before


def test_a_journal_on_a_medium_that_cannot_be_written_is_read_from_a_private_copy(store, clock, monkeypatch, tmp_path):
    look(store)
    dead = tmp_path / "dead"
    shutil.copytree(store.path, dead)
    before = contents(dead)
    monkeypatch.setattr(case_access, "can_be_written", lambda folder: False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "private"))
    (tmp_path / "private").mkdir()
    with OperationStore.open(dead, actor="a", clock=clock) as reader:
        assert reader.head().size == 2
        assert list((tmp_path / "private").iterdir())
    assert contents(dead) == before
    assert not list((tmp_path / "private").iterdir())


@pytest.fixture
def read_only_mount(tmp_path):
    """Return a function that shows a folder read-only; skips where this process may not mount."""
    mounted = []

    def mount(folder):
        target = tmp_path / "mounted"
        target.mkdir()
        commands = [["mount", "--bind", folder, target], ["mount", "-o", "remount,ro,bind", target]]
        for command in commands:
            if subprocess.run(command, capture_output=True, check=False).returncode:
                pytest.skip("this process may not mount")
            mounted.append(target)
        return target

    yield mount
    if mounted:
        subprocess.run(["umount", mounted[0]], check=True)


@pytest.mark.parametrize("journal", [False, True])
def test_an_operation_is_read_and_verified_from_a_medium_mounted_read_only(
    store, clock, read_only_mount, journal, hit_rows, run_record
):
    with store.begin_run(run_record) as writer:
        writer.add("hits", hit_rows)
        writer.commit_parts()
    if not journal:
        store.close()
    mounted = read_only_mount(store.path)
    before = contents(store.path)
    with OperationStore.open(mounted, actor="a", clock=clock) as reader:
        assert len(reader.hits()) == 2
        assert "medium" in reader.why_not_writable
        with pytest.raises(ReadOnlyError):
            reader.staging()
    assert verify(mounted).findings == ()
    assert contents(store.path) == before


def test_processes_and_threads_append_side_by_side(store, clock):
    with OperationStore.open(store.path, actor="b", clock=clock) as other:
        threads = [threading.Thread(target=look, args=(one, n)) for n in range(10) for one in (store, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert store.head().size == 21
    assert (store.path / HEAD_FILE).read_text().startswith("21 ")
    assert verify(store.path).findings == ()


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM leaf WHERE seq = 3",
        "UPDATE head SET size = 3",
        "UPDATE head SET root = zeroblob(32)",
        "DELETE FROM head",
    ],
)
def test_nothing_is_added_to_a_log_that_is_not_what_it_was(store, clock, damage):
    for number in range(3):
        look(store, number)
    store.close()
    with closing_commit(store.path / CASE_FILE) as intruder:
        intruder.execute(damage)
    before = contents(store.path)
    with OperationStore.open(store.path, actor="a", clock=clock) as opened, pytest.raises(BrokenSealError):
        look(opened)
    assert contents(store.path) == before


@pytest.mark.parametrize("kept", [None, b"", b"9 " + b"00" * 32 + b"\n", b"2 " + b"00" * 32 + b"\n"])
def test_nothing_is_added_where_the_head_outside_was_removed_or_says_otherwise(store, kept):
    look(store)
    if kept is None:
        (store.path / HEAD_FILE).unlink()
    else:
        (store.path / HEAD_FILE).write_bytes(kept)
    with pytest.raises(BrokenSealError, match="vedette verify"):
        look(store)
    assert store.head().size == 2


def test_a_head_that_is_behind_after_a_crash_is_no_alarm_and_is_renewed(store):
    look(store)
    kept = (store.path / HEAD_FILE).read_bytes()
    look(store)
    (store.path / HEAD_FILE).write_bytes(kept)
    assert verify(store.path).findings == ()
    look(store)
    assert (store.path / HEAD_FILE).read_bytes().startswith(b"4 ")


def test_a_head_that_cannot_be_renewed_is_said_and_does_not_undo_the_record(store, monkeypatch, caplog):
    def full(path, data):
        raise DiskError("no space")

    monkeypatch.setattr(durable_file, "write_whole", full)
    look(store)
    assert store.head().size == 2
    assert "log.head is one behind" in caplog.text


def test_records_of_one_transaction_come_together_or_not_at_all(store):
    def broken():
        return [
            Draft(kind=LeafKind.NOTE, subject="a", body={}),
            Draft(kind=LeafKind.NOTE, subject="b", body={"x": {1}}),
        ]

    with pytest.raises(Exception, match="cannot be written into the log"):
        store.append_all(broken)
    assert store.head().size == 1
    assert len(list(store.leaves())) == 1


def test_a_live_run_grows_part_by_part_and_is_readable_meanwhile(store, clock, hit_rows, run_record):
    with store.begin_run(run_record) as writer:
        for count in (1, 2):
            writer.add("hits", hit_rows)
            assert len(store.hits()) == 2 * (count - 1)
            writer.commit_parts()
            assert len(store.hits()) == 2 * count
        with (
            OperationStore.open(store.path, actor="b", clock=clock) as other,
            pytest.raises(MediumBusyError),
        ):
            other.begin_run(run_record)
        writer.finish(dataclasses.replace(run_record, state=RunState.FINISHED))
    (run,) = store.runs()
    assert run.state is RunState.FINISHED
    assert [part.rows for part in store.parts("hits")] == [2, 2]
    assert verify(store.path).findings == ()


def test_parts_of_a_live_run_that_ends_badly_stay_as_far_as_they_were_committed(store, hit_rows, run_record):
    def live():
        with store.begin_run(run_record) as writer:
            writer.add("hits", hit_rows)
            writer.commit_parts()
            writer.add("hits", hit_rows)
            raise RuntimeError("the link broke")

    with pytest.raises(RuntimeError):
        live()
    assert len(store.hits()) == 2
    assert len(list(store.path.glob("parts/*/*"))) == 1
    assert verify(store.path).findings == ()


def test_what_a_record_says_of_a_part_is_what_is_in_it(store, hits, hit_rows, run_record):
    with store.begin_run(run_record) as writer:
        part = writer.add("hits", hit_rows)
        writer.commit_parts()
    assert (part.rows, part.bbox_deg, part.t_utc_ns, part.classes) == (2, (50.0, 8.0, 50.0, 8.0), (5, 5), ("person",))
    assert pq.ParquetFile(store.path / part.file).metadata.num_rows == 2
    assert part.size_bytes == (store.path / part.file).stat().st_size
