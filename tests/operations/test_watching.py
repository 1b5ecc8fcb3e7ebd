"""A live run is there while it comes, and gives way to the run over its recording, which is that of the file."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from types import SimpleNamespace

import numpy as np
import pytest

from detection.values import Detections
from operations.finding.archive import Archive
from operations.finding.hits_of_things import hit_ids_of
from operations.finding.selection import ThingSelection, find
from operations.finding.thing_index import ThingIndex
from operations.ingest import ingest
from operations.log.leaves import LeafKind
from operations.recorded_streams import finish_left_over, record_folder, segments_of, settle_recording
from operations.store import OperationStore
from operations.values import Decision, RunKind, RunState, Verdict
from operations.watching import CommitPace, WatchJob, close_dead_runs, watch
from telemetry.recordings.open_recordings import open_recordings
from telemetry.recordings.reading import read


class Played:
    """A live source that plays a file at once; may die or be looked at in the middle."""

    shown = "udp://127.0.0.1:5600"
    skipped = 3
    problems = ()
    klv_packets = klv_bad_checksum = 0
    begun_utc_ns = {}

    def __init__(self, path, settings, *, dies_at=None):
        self._path, self._settings, self._dies_at = path, settings, dies_at

    def frames(self, on_wait):  # noqa: ARG002 - a file keeps nobody waiting
        recording = open_recordings(self._path).recordings[0]
        with read(recording, self._settings.reading()) as reader:
            for frame in reader.frames():
                if frame.index == self._dies_at:
                    raise KeyboardInterrupt
                yield frame


@pytest.fixture
def job(store, centre_box, settings):
    return WatchJob(store=store, detector=centre_box(), model="centre box", settings=settings, commit_s=0.0)


def recorded(store, clip):
    """Put a clip where a recorder would have left it."""
    folder = record_folder(store)
    shutil.copy(clip, folder / "000001.ts")
    return folder


def named(job, folder):
    return dataclasses.replace(job, record_name=folder.name)


def test_rows_are_committed_while_frames_come(job, store, clip):
    seen = []

    def look(run):
        with OperationStore.open(store.path, actor="other", clock=lambda: 0, read_only=True) as other:
            (there,) = other.runs()
            assert (there.kind, there.state) == (RunKind.LIVE, RunState.RUNNING)
            seen.append((len(other.frames()), len(other.hits())))

    done = watch(Played(clip, job.settings), job, on_commit=look)
    assert seen == [(n, n) for n in range(1, len(seen) + 1)]
    (run,) = store.runs()
    assert (run.kind, run.state, run.counts["frames"]) == (RunKind.LIVE, RunState.FINISHED, len(seen))
    assert run.counts["frames_skipped"] == 3
    assert done.dropped_share == pytest.approx(3 / (3 + len(seen)))
    assert len(store.chips()) == len(seen)


def test_the_delay_that_is_told_is_from_a_packets_coming_to_its_committed_row(job, clip, monkeypatch):
    """At a clock that stands still, of packets that came 1, 2, 3 … seconds ago; of one no coming is known."""
    now_ns, ages = 5_000_000_000_000, []

    class Aged(Played):
        def frames(self, on_wait):
            for number, frame in enumerate(super().frames(on_wait)):
                ages.append(number)
                yield dataclasses.replace(frame, came_ns=now_ns - number * 1_000_000_000 if number else -1)

    monkeypatch.setattr(time, "monotonic_ns", lambda: now_ns)
    done = watch(Aged(clip, job.settings), dataclasses.replace(job, commit_s=0.0))
    assert len(ages) > 2
    assert done.delay_p50_s == pytest.approx(np.median(ages[1:]))
    assert done.delay_p95_s == pytest.approx(np.percentile(ages[1:], 95))


def walker(settings, frames=40):
    """Return pictures of a camera that hovers, and a detector that finds somebody who walks through them."""

    class Walking:
        class_names = ("person",)

        def __init__(self):
            self.seen = 0

        def detect(self, images):
            self.seen += 1
            left = 20.0 + 2.0 * self.seen
            box = np.array([[left, 120.0, left + 8.0, 140.0]], np.float32)
            return [Detections(boxes_px=box, classes=np.zeros(1, np.int64), scores=np.array([0.9], np.float32))]

    class Hovering(Played):
        def frames(self, on_wait):
            first = next(iter(super().frames(on_wait)))
            for row in range(frames):
                moment = first.t_utc_ns + row * 500_000_000
                yield dataclasses.replace(
                    first, index=row, t_utc_ns=moment, pose=dataclasses.replace(first.pose, t_utc_ns=moment)
                )

    return Hovering, Walking()


def test_tracks_are_there_before_the_stream_ends_and_are_one_thing_each(job, store, clip, settings):
    source, detector = walker(settings)
    seen = []

    def look(run):
        with OperationStore.open(store.path, actor="other", clock=lambda: 0, read_only=True) as other:
            tracks = other.tracks()
            seen.append((run.counts["tracks"], len(tracks), int(tracks.lengths.sum())))

    watch(source(clip, settings), dataclasses.replace(job, detector=detector), on_commit=look)
    assert [row[:2] for row in seen[-30:]] == [(1, 1)] * 30
    points = [row[2] for row in seen]
    assert points == sorted(points)
    assert points[-1] == 40
    with Archive([store]) as archive:
        found = find(archive, ThingIndex(archive), ThingSelection()).things
        (thing,) = found
        assert hit_ids_of(archive, found) == [[hit.decode() for hit in store.tracks().hit_id.tolist()]]
    assert (thing.single, thing.hits) == (False, 40)
    assert thing.last_utc_ns - thing.first_utc_ns == 39 * 500_000_000


def test_what_a_watch_keeps_in_memory_does_not_grow(job, clip, settings, monkeypatch):
    source, detector = walker(settings, frames=80)
    runs = []
    monkeypatch.setattr("operations.watching._LiveRun.finish", lambda self, source: runs.append(self) or self.run)
    watch(source(clip, settings), dataclasses.replace(job, detector=detector))
    found, tracks, staging = runs[0]._found, runs[0]._tracks, runs[0]._writer._staging
    assert (found.count, found.looks, found.hits, found.frames) == (80, [], [], [])
    assert len(tracks._batches) <= 30 * 2 + 1
    assert len(tracks._track_of) <= 30 * 2 + 1
    assert staging._listed == []
    assert os.fstat(staging._list).st_size == 0
    runs[0]._writer.__exit__(None, None, None)


def test_the_run_over_the_recording_replaces_the_live_one_and_is_that_of_the_file(job, store, clip, tmp_path, clock):
    folder = recorded(store, clip)
    live_job = named(job, folder)
    watch(Played(clip, job.settings), live_job)
    (live,) = store.runs()
    hits = store.hits()
    verdict = Verdict(
        verdict_id="v1", run_id=live.run_id, decision=Decision.CONFIRMED, hit_ids=(hits.hit_id[2].decode(),)
    )
    frame = int(hits.frame_index[2])
    store.append(LeafKind.VERDICT, "v1", verdict.body())
    found = segments_of(store, folder)
    assert [(path.name, run_id) for path, run_id in found] == [("000001.ts", live.run_id)]
    (settled,) = settle_recording(live_job, found, analyse=True)
    (run,) = store.runs()
    assert (run.kind, run.supersedes) == (RunKind.RECORD, live.run_id)
    assert not (store.path / "record").exists()
    (proposed,) = store.verdicts(runs=[run.run_id])
    assert (proposed.confirmed, proposed.carried_from, len(proposed.hit_ids)) == (False, "v1", 1)
    assert [hit.frame_index for hit in store.hits() if hit.hit_id == proposed.hit_ids[0]] == [frame]
    with OperationStore.create(tmp_path / "other", name="File", actor="analyst", clock=clock) as other:
        from_file = ingest(clip, dataclasses.replace(job, store=other, model="centre box"))
        assert from_file.run.run_id == settled.done.run.run_id
        ours = {part.file: part.sha256 for part in store.parts(runs=[run.run_id])}
        assert ours == {part.file: part.sha256 for part in other.parts()}


def test_a_watch_that_was_killed_leaves_rows_and_a_recording_that_the_next_one_settles(job, store, clip):
    folder = record_folder(store)
    shutil.copy(clip, folder / "000001.ts.part")
    live_job = named(job, folder)
    with pytest.raises(KeyboardInterrupt):
        watch(Played(clip, job.settings, dies_at=3), live_job)
    (run,) = store.runs()
    assert (run.state, run.counts["frames"]) == (RunState.FINISHED, 3)
    found = finish_left_over(store)
    assert [run_id for _, run_id in found] == [run.run_id]
    settle_recording(live_job, found, analyse=False)
    assert len(store.media()) == 1
    assert store.runs() == [run]
    done = ingest(clip, dataclasses.replace(job, store=store, model="centre box"))
    assert done.run.kind is RunKind.RECORD


def test_a_live_run_whose_writer_died_is_said_to_have_stopped(store, run_record, hit_rows):
    writer = store.begin_run(run_record)
    writer.add("hits", hit_rows)
    writer.commit_parts()
    assert close_dead_runs(store) == []
    writer.__exit__(None, None, None)
    assert close_dead_runs(store) == [run_record.run_id]
    (run,) = store.runs()
    assert run.state is RunState.STOPPED
    assert len(store.hits()) == 2


def test_what_is_recorded_is_bound_to_the_log_before_the_stream_ends(job, store, clip, tmp_path, monkeypatch):
    from telemetry.live.recorder_file import SegmentRecorder

    monkeypatch.setattr("operations.watching.CHECKPOINT_S", -1.0)
    with SegmentRecorder(tmp_path / "record", clock=lambda: 0) as recorder:
        recorder.write(b"first bytes")
        watch(Played(clip, job.settings), dataclasses.replace(job, recording=recorder))
    notes = [leaf for leaf in store.newest(LeafKind.NOTE) if leaf.subject == "live recording"]
    assert notes[-1].body["size_bytes"] == len(b"first bytes")
    assert len(notes[-1].body["sha256"]) == 64


@pytest.mark.parametrize(
    ("every_s", "work_s", "commits", "longest_s"),
    [(0.667, 0.3, 60, 0.0), (0.333, 0.2, 30, 0.34), (0.1, 0.05, 9, 0.61)],
)
def test_no_row_waits_for_a_picture_that_would_come_too_late(every_s, work_s, commits, longest_s):
    pace, waiting, longest, count = CommitPace(0.7, 0.0), [], 0.0, 0
    for k in range(60):
        now = k * every_s + work_s
        waiting.append(now)
        pace.took(now)
        if pace.is_due():
            longest, count = max(longest, now - waiting[0]), count + 1
            waiting.clear()
            pace.committed(now + 0.01)
    assert count == pytest.approx(commits, abs=1)
    assert longest <= longest_s


def test_after_a_silence_the_first_picture_is_committed_at_once():
    pace = CommitPace(0.7, 0.0)
    pace.took(0.1)
    pace.committed(0.1)
    pace.took(0.2)
    assert not pace.is_due()
    pace.took(20.0)
    assert pace.is_due()


def test_a_row_waits_no_longer_when_the_stream_goes_silent(job, clip, monkeypatch):
    now_s, told, waited = [100.0], [], []
    clock = SimpleNamespace(monotonic=lambda: now_s[0], monotonic_ns=time.monotonic_ns)
    monkeypatch.setattr("operations.watching.time", clock)

    class Silent(Played):
        def frames(self, on_wait):
            shown = super().frames(on_wait)
            for _ in range(2):
                now_s[0] += 0.1
                yield next(shown)
            for _ in range(8):
                on_wait()
                waited.append(list(told))
                now_s[0] += 0.1
            shown.close()

    patient = dataclasses.replace(job, commit_s=0.55)
    watch(Silent(clip, job.settings), patient, on_commit=lambda run: told.append(run.counts["frames"]))
    assert waited == [[1]] * 6 + [[1, 2]] * 2, "the second waits 0.55 s for a third that does not come, and no longer"


def test_a_wait_is_counted_from_the_first_row_that_waits():
    pace = CommitPace(0.7, 0.0)
    assert not pace.is_late(100.0), "nothing waits"
    pace.took(100.0)
    pace.took(100.5)
    assert not pace.is_late(100.69)
    assert pace.is_late(100.7)
    pace.committed(100.7)
    assert not pace.is_late(200.0)
