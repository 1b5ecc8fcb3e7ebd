"""A folder of format 1 as version 0.1.0 wrote it: a clip of four frames, a card of two pictures, a view."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import math
import re
import shutil
import sqlite3
import tarfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from operations import durable_file, migration
from operations.case_access import CASE_FILE, HEAD_FILE
from operations.errors import DiskError, MediumBusyError, NotAnOperationError, ReadOnlyError
from operations.format_1 import OldOperation
from operations.log.leaves import LeafKind
from operations.migration import found_format, migrate
from operations.store import OperationStore
from operations.verify import verify

FOLDER = Path(__file__).parent / "data" / "format-1.tar.xz"


@pytest.fixture
def old(tmp_path):
    """Return a folder of format 1."""
    with tarfile.open(FOLDER) as packed:
        packed.extractall(tmp_path / "old", filter="data")
    return tmp_path / "old" / "op"


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def check(store, before):
    """Hold what a store shows against the old tables, read with nothing but pyarrow."""
    assert store.name == "Night of format 1"
    assert [(record.name, str(record.kind), len(record.members)) for record in store.media()] == [
        ("clip.ts", "video", 1),
        ("card", "pictures", 2),
    ]
    for record in store.media():
        derived = before / "derived" / record.id
        hits = {row["hit_id"]: row for row in pq.read_table(derived / "hits.parquet").to_pylist()}
        shown = store.hits(runs=store.run_ids(record.id))
        assert len(shown) == len(hits)
        for hit in shown:
            row = hits[hit.hit_id]
            assert (hit.frame_index, hit.t_utc_ns, hit.class_name) == tuple(
                row[name] for name in ("frame_index", "t_utc_ns", "class_name")
            )
            assert hit.box_px == pytest.approx(row["box_px"], abs=1e-4)
            assert str(hit.reason or "") == (row["reason"] or "")
            assert hit.score_raw == pytest.approx(row["score"], abs=1e-6)
            assert math.isnan(hit.score)
            assert hit.lat_deg == row["lat_deg"] or (math.isnan(hit.lat_deg) and math.isnan(row["lat_deg"]))
            assert hit.track_id == row["track_id"]
        frames = pq.read_table(derived / "frames.parquet").to_pylist()
        got = list(store.frames(runs=store.run_ids(record.id)))
        assert [frame.pose_reason for frame in got] == [row["pose_reason"] for row in frames]
        assert [frame.footprint_lon_lat for frame in got] == [
            tuple(tuple(point) for point in row["footprint_lon_lat"]) for row in frames
        ]
        tracks = pq.read_table(derived / "tracks.parquet").to_pylist()
        assert [track.hit_ids for track in store.tracks(runs=store.run_ids(record.id))] == [
            tuple(row["hit_ids"]) for row in tracks
        ]
        chips = {row["hit_id"]: row["jpeg"] for row in pq.read_table(derived / "chips.parquet").to_pylist()}
        assert store.chips(runs=store.run_ids(record.id)) == chips
    assert sum(run.counts["hits"] for run in store.runs()) == len(store.hits()) == 6


def test_the_old_log_is_judged_by_its_own_chain(old):
    found = OldOperation.read(old)
    assert found.problems() == ()
    assert [entry["action"] for entry in found.audit] == [
        "operation created",
        "media ingested",
        "media ingested",
        "viewed",
    ]


def test_an_operation_of_format_1_is_read_as_it_is_and_says_how_it_can_be_written(old, clock, tmp_path):
    before = contents(old)
    with OperationStore.open(old, actor="a", clock=clock) as store:
        check(store, old)
        shown = store.path
        with pytest.raises(ReadOnlyError, match=f"format 1: 'vedette migrate {old}'"):
            store.append(LeafKind.VIEW, "map", {})
    assert contents(old) == before
    assert not shown.exists()


def test_a_migrated_operation_holds_what_it_held_and_verifies(old, clock, tmp_path):
    shutil.copytree(old, tmp_path / "before")
    originals = {hashlib.sha256(p.read_bytes()).hexdigest() for p in (old / "media").rglob("*") if p.is_file()}
    done = migrate(old, actor="ben", clock=clock)
    assert (done.from_format, done.to_format, done.problems) == (1, 2, ())
    assert done.steps == ("1: from format 1 to format 2",)
    with OperationStore.open(old, actor="a", clock=clock) as store:
        check(store, tmp_path / "before")
        (note,) = store.newest(LeafKind.NOTE)
        assert [entry["action"] for entry in note.body["entries"]][-1] == "viewed"
        assert note.body["head"] == (tmp_path / "before" / HEAD_FILE).read_text().strip()
        store.append(LeafKind.VIEW, "map", {})
    assert {hashlib.sha256(p.read_bytes()).hexdigest() for p in (old / "media").iterdir()} == originals
    assert not (old / "derived").exists()
    result = verify(old)
    assert (result.findings, result.notes) == ((), ())


def test_migrating_twice_does_nothing_the_second_time(old, clock):
    migrate(old, actor="ben", clock=clock)
    before = contents(old)
    assert migrate(old, actor="ben", clock=clock).steps == ()
    assert contents(old) == before


@pytest.mark.parametrize("kept", [None, "3 " + "00" * 32 + "\n"])
def test_migrating_again_puts_no_head_right_that_somebody_changed(old, clock, kept):
    migrate(old, actor="ben", clock=clock)
    if kept is None:
        (old / HEAD_FILE).unlink()
    else:
        (old / HEAD_FILE).write_text(kept)
    migrate(old, actor="ben", clock=clock)
    assert (old / HEAD_FILE).exists() is (kept is not None)
    assert any(HEAD_FILE in finding.sentence for finding in verify(old).findings)


def test_what_is_no_operation_or_of_a_later_format_is_not_migrated(tmp_path, store, clock):
    with pytest.raises(NotAnOperationError, match="no operation folder"):
        migrate(tmp_path, actor="a", clock=clock)
    store.close()
    with contextlib.closing(sqlite3.connect(store.path / CASE_FILE)) as later, later:
        later.execute("UPDATE meta SET value = CAST('7' AS BLOB) WHERE key = 'format'")
    with pytest.raises(NotAnOperationError, match="format 7.* newer program"):
        migrate(store.path, actor="a", clock=clock)


class PowerCutError(Exception):
    """Nothing after this happens."""


def test_cut_short_after_any_step_it_is_one_format_or_the_other_and_can_be_finished(old, clock, tmp_path, monkeypatch):
    steps = ("write", "replace", "sync_folder", "sync_file", "remove", "link", "make_folder", "make_private")
    real = {name: getattr(durable_file, name) for name in steps}
    formats = set()
    for cut in range(1, 1000):
        folder = tmp_path / f"cut-{cut}"
        shutil.copytree(old, folder)
        done = []

        def step(name, *values, _done=done, _cut=cut, **named):
            _done.append(name)
            if len(_done) > _cut:
                raise PowerCutError
            return real[name](*values, **named)

        for name in steps:
            monkeypatch.setattr(durable_file, name, functools.partial(step, name))
        try:
            migrate(folder, actor="ben", clock=clock)
            finished = True
        except PowerCutError:
            finished = False
        monkeypatch.undo()
        if finished and len(done) <= cut:
            break
        found = found_format(folder)
        formats.add(found)
        if found == "1" and cut % 5:  # before the step every cut is much like the next
            assert OldOperation.read(folder).problems() == ()
            shutil.rmtree(folder)
            continue
        with OperationStore.open(folder, actor="a", clock=clock) as store:
            assert len(store.hits()) == 6
        migrate(folder, actor="ben", clock=clock)
        with OperationStore.open(folder, actor="a", clock=clock) as store:
            check(store, old)
        result = verify(folder)
        assert (result.findings, result.notes) == ((), ())
        shutil.rmtree(folder)
    assert formats == {"1", "2"}
    assert cut > 40


def test_a_full_disk_leaves_the_old_format_as_it_was(old, clock, monkeypatch):
    before = {name: data for name, data in contents(old).items() if not name.startswith("operation.sqlite")}

    def full(path, data):
        raise DiskError("no space")

    monkeypatch.setattr(durable_file, "write_whole", full)
    with pytest.raises(DiskError):
        migrate(old, actor="ben", clock=clock)
    assert found_format(old) == "1"
    assert before.items() <= contents(old).items()


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("UPDATE audit SET actor = 'nobody' WHERE seq = 1", "line 1 .* was changed"),
        ("DELETE FROM audit WHERE seq = 1", "line 1 .* is missing"),
        ("DELETE FROM audit WHERE seq = 3", "had 4 lines"),
    ],
)
def test_a_log_that_was_tampered_with_before_is_named_and_the_naming_recorded(old, clock, damage, named):
    with contextlib.closing(sqlite3.connect(old / CASE_FILE)) as intruder, intruder:
        intruder.execute(damage)
    done = migrate(old, actor="ben", clock=clock)
    assert any(re.search(named, problem) for problem in done.problems)
    with OperationStore.open(old, actor="a", clock=clock) as store:
        assert store.newest(LeafKind.NOTE)[0].body["problems"] == list(done.problems)


def test_what_a_dead_program_left_in_the_journal_comes_along_and_the_journal_stays_behind(old, clock, tmp_path):
    found = OldOperation.read(old)
    last = found.audit[-1]
    fields = [4, last["t_utc_ns"] + 1, "ana", "viewed", "{}", last["sha256"]]
    digest = hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()
    with contextlib.closing(sqlite3.connect(old / CASE_FILE)) as program, program:
        program.execute("PRAGMA journal_mode=WAL")
        program.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)", (*fields, digest))
        program.commit()
        shutil.copytree(old, tmp_path / "dead")
    dead = tmp_path / "dead"
    (dead / HEAD_FILE).write_text(f"5 {digest}\n")
    assert (dead / f"{CASE_FILE}-wal").stat().st_size
    assert migrate(dead, actor="ben", clock=clock).problems == ()
    with OperationStore.open(dead, actor="a", clock=clock) as store:
        assert len(store.newest(LeafKind.NOTE)[0].body["entries"]) == 5
        assert len(store.hits()) == 6
    assert verify(dead).findings == ()


def test_an_operation_that_another_program_has_open_is_not_migrated(old, clock, monkeypatch):
    monkeypatch.setattr(migration, "_BUSY_S", 0.01)
    with contextlib.closing(sqlite3.connect(old / CASE_FILE)) as program:
        program.execute("SELECT * FROM audit").fetchone()
        program.execute("BEGIN IMMEDIATE")
        with pytest.raises(MediumBusyError, match="in use"):
            migrate(old, actor="ben", clock=clock)
    assert found_format(old) == "1"


def test_tables_that_are_gone_are_named_and_made_by_ingesting_again(old, clock, read_in, tmp_path):
    clip = next((old / "media").glob("*.ts"))
    derived = old / "derived" / clip.stem
    (derived / "hits.parquet").unlink()
    source = shutil.copy(clip, tmp_path / "clip.ts")
    done = migrate(old, actor="ben", clock=clock)
    assert any("clip.ts cannot be read" in problem for problem in done.problems)
    with OperationStore.open(old, actor="a", clock=clock) as store:
        assert len(store.hits()) == 2
        read_in(store, source)
        assert len(store.hits()) == 6


@pytest.mark.parametrize("left", ["no folder", "an empty folder"])
def test_a_card_whose_pictures_are_gone_is_named(old, clock, left):
    (card,) = [path for path in (old / "media").iterdir() if path.is_dir()]
    shutil.rmtree(card)
    if left == "an empty folder":
        card.mkdir()
    done = migrate(old, actor="ben", clock=clock)
    assert any("the original card is gone from the media folder" in problem for problem in done.problems)
    with OperationStore.open(old, actor="a", clock=clock) as store:
        assert sorted((record.name, len(record.members)) for record in store.media()) == [("card", 0), ("clip.ts", 1)]
