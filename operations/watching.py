"""Watch a live stream: rows are part of the operation seconds after their pictures came; the recording settles it.

While it is live, every clock of the stream is a run of kind `live`, whose parts are committed as they come. When the
stream has ended, its recording is analysed like any file, and that run replaces the live one.
"""

from __future__ import annotations

import array
import dataclasses
import math
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from detection.live_tracks import LiveTracks
from detection.looking import InProcess, Planner, looked_at
from operations import columns, locks
from operations.analysis import FrameAnalysis
from operations.case_file import Draft
from operations.ingest import IngestJob, versions
from operations.log.leaves import LeafKind
from operations.staging import LOCKS
from operations.values import RunKind, RunRecord, RunState, run_id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from operations.run_writer import RunWriter
    from operations.store import OperationStore
    from telemetry.tracks.pose_track import Problem
    from telemetry.videos.frame import Frame

COMMIT_S: Final = 0.7
"""Rows wait no longer than this for others to be committed with: a night makes 40 000 commits, not 100 000. Where the
next picture would come later, none is waited for; where it does not come when it was expected, neither."""
CHECKPOINT_S: Final = 10.0
"""How often size and hash of the recording so far go into the log."""


START_MOVES_NS: Final = 5_000_000
"""An estimate of when a recording began is noted anew when it has moved by so much."""


def start_subject(record_name: str, number: int) -> str:
    """Return what a note is about that says when the first picture of a recording's segment was taken."""
    return f"start of {record_name}/{number:06d}"


class LiveSource(Protocol):
    """A live stream that gives frames."""

    @property
    def shown(self) -> str:
        """What it is called, without credentials."""
        ...

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was wrong so far."""
        ...

    @property
    def klv_packets(self) -> int:
        """Telemetry packets so far."""
        ...

    @property
    def klv_bad_checksum(self) -> int:
        """How many of them were damaged."""
        ...

    @property
    def skipped(self) -> int:
        """Frames that were due and not taken, because the newest wins."""
        ...

    @property
    def begun_utc_ns(self) -> Mapping[int, int]:
        """UTC of the first picture of each clock of the stream, by number, where a link beside it tells."""
        ...

    def frames(self, on_wait: Callable[[], None]) -> Iterator[Frame]:
        """Yield frames as they come, until it is stopped; call `on_wait` now and then while none comes."""
        ...


class Recording(Protocol):
    """What says how much of a stream is on the disk."""

    def checkpoint(self) -> Any:
        """Sync, and return name, size and hash of the segment under way, or None."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What watching did: the live runs, and seconds from a packet's arrival to its committed row."""

    runs: tuple[RunRecord, ...]
    frames: int
    skipped: int
    delay_p50_s: float
    delay_p95_s: float

    @property
    def dropped_share(self) -> float:
        """Share of the frames that were due and were not analysed."""
        due = self.frames + self.skipped
        return self.skipped / due if due else 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WatchJob(IngestJob):
    """What a watch needs beside what an ingest does: the recording that is made meanwhile, and how often it commits."""

    recording: Recording | None = None
    commit_s: float = COMMIT_S
    record_name: str = ""
    """Name of the recording's folder, by which runs and segments find each other again."""


def watch(source: LiveSource, job: WatchJob, *, on_commit: Callable[[RunRecord], None] | None = None) -> Watched:
    """Analyse a live stream until it is stopped; what was committed by then stays whatever happens.

    Parameters
    ----------
    source
        The stream.
    job
        See `WatchJob`.
    on_commit
        Called after every commit with the run so far.
    """
    close_dead_runs(job.store)
    delays = array.array("d")
    runs: list[RunRecord] = []
    live: _LiveRun | None = None
    noted = time.monotonic()

    def commit() -> None:
        if live is not None:
            delays.extend(live.commit())
            if on_commit is not None:
                on_commit(live.run)

    def look() -> None:
        if live is not None and live.is_late():
            commit()

    try:
        for frame in source.frames(look):
            if live is None or live.segment != frame.segment:
                if live is not None:
                    runs.append(live.finish(source))
                live = _LiveRun(job, source.shown, frame.segment, len(runs))
            live.take(frame)
            if live.is_due():
                commit()
            if job.recording is not None and time.monotonic() - noted > CHECKPOINT_S:
                _note(job, live.run)
                live.note_start(source)
                noted = time.monotonic()
    finally:
        if live is not None:
            delays.extend(live.commit())
            runs.append(live.finish(source))
    told = np.array(delays) if len(delays) else np.array([np.nan])
    return Watched(
        runs=tuple(runs),
        frames=sum(run.counts["frames"] for run in runs),
        skipped=source.skipped,
        delay_p50_s=float(np.percentile(told, 50)),
        delay_p95_s=float(np.percentile(told, 95)),
    )


def _note(job: WatchJob, run: RunRecord) -> None:
    """Bind what is recorded so far to the log, before the stream has ended."""
    segment = None if job.recording is None else job.recording.checkpoint()
    if segment is not None:
        body = {"what": "recorded so far", "run": run.run_id, **dataclasses.asdict(segment)}
        job.store.append(LeafKind.NOTE, "live recording", body)


class CommitPace:
    """When rows are committed: before the next picture, if it comes as late as the last one did, would be too late.

    Times are readings of one clock, in seconds; `most_s` is how long a row may wait for others.
    """

    def __init__(self, most_s: float, now_s: float) -> None:
        self._most_s = most_s
        self._committed_s, self._took_s, self._gap_s = now_s, -math.inf, math.inf
        self._waiting_since_s = math.inf

    def took(self, now_s: float) -> None:
        """Note that a picture was analysed."""
        self._gap_s, self._took_s = now_s - self._took_s, now_s
        self._waiting_since_s = min(self._waiting_since_s, now_s)

    def is_due(self) -> bool:
        """Tell whether what was analysed is to be committed now."""
        return self._took_s - self._committed_s + self._gap_s >= self._most_s

    def is_late(self, now_s: float) -> bool:
        """Tell whether a row has waited as long as it may, because no picture came after it."""
        return now_s - self._waiting_since_s >= self._most_s

    def committed(self, now_s: float) -> None:
        """Note that nothing waits."""
        self._committed_s, self._waiting_since_s = now_s, math.inf


class _LiveRun:
    """The run of one clock of a stream, from its first frame to its last."""

    def __init__(self, job: WatchJob, shown: str, segment: int, number: int) -> None:
        self._job = job
        self.segment = segment
        started = job.store.clock()
        settings = {
            **job.settings.canonical(job.model),
            "live": {"source": shown, "segment": segment, "record": job.record_name},
        }
        media_id = run_id_of([job.store.id], {"live": shown, "started": started}, number)
        self.run = RunRecord(
            run_id=run_id_of([media_id], settings, 0),
            media_ids=(media_id,),
            kind=RunKind.LIVE,
            state=RunState.RUNNING,
            settings=settings,
            started_t_utc_ns=started,
            versions=versions(),
        )
        detector, how = job.detector, job.settings
        self._found = FrameAnalysis(media_id=media_id, settings=how, class_names=detector.class_names)
        self._planner = Planner(detector, how.terrain, how.person_min_px)
        self._here = InProcess(detector)
        self._tracks = LiveTracks()
        self._hits = 0
        self._writer: RunWriter = job.store.begin_run(self.run)
        self._came_ns: list[int] = []
        self._start_ns = -1
        self._pace = CommitPace(job.commit_s, time.monotonic())

    def take(self, frame: Frame) -> None:
        """Analyse one frame."""
        for planned, seen in looked_at([self._planner.plan(frame)], self._here):
            self._found.take(planned, seen)
        if frame.came_ns >= 0:
            self._came_ns.append(frame.came_ns)
        self._pace.took(time.monotonic())

    def is_due(self) -> bool:
        """Tell whether rows have waited long enough."""
        return self._pace.is_due()

    def is_late(self) -> bool:
        """Tell whether rows wait although no picture comes."""
        return self._pace.is_late(time.monotonic())

    def commit(self) -> list[float]:
        """Make what was found part of the operation, with the tracks it continues or begins.

        Returns how long ago each picture's packet had come.
        """
        hits = self._found.placed_hits()
        self._hits += len(hits)
        followed = self._tracks.follow(hits, self._found.looks)
        tables = self._found.drain(self.run.run_id)
        tables["tracks"] = columns.tracks_table(followed, run_id=self.run.run_id)
        for name, rows in tables.items():
            if len(rows):
                self._writer.add(name, rows)
        self._writer.commit_parts()
        self.run = dataclasses.replace(self.run, counts=self.counts)
        now = time.monotonic_ns()
        delays = [(now - came) / 1e9 for came in self._came_ns]
        self._came_ns.clear()
        self._pace.committed(time.monotonic())
        return delays

    @property
    def counts(self) -> dict[str, int]:
        """Return how much was found so far."""
        return self._found.counts | {"hits": self._hits, "tracks": self._tracks.count}

    def note_start(self, source: LiveSource) -> None:
        """Keep in the log when the recording's first picture was taken: the file itself does not tell."""
        start = source.begun_utc_ns.get(self.segment, -1)
        if not self._job.record_name or start < 0 or abs(start - self._start_ns) <= START_MOVES_NS:
            return
        self._start_ns = start
        subject = start_subject(self._job.record_name, self.segment + 1)
        self._job.store.append(LeafKind.NOTE, subject, {"what": "first picture", "start_utc_ns": start})

    def finish(self, source: LiveSource) -> RunRecord:
        """Record the run as finished; everything found is committed already."""
        self.note_start(source)
        with self._writer:
            counts = self.counts | {
                "klv_packets": source.klv_packets,
                "klv_bad_checksum": source.klv_bad_checksum,
                "frames_skipped": source.skipped,
            }
            problems = (*(problem.message for problem in source.problems), *self._found.told())
            ended = dataclasses.replace(
                self.run,
                state=RunState.FINISHED,
                finished_t_utc_ns=self._job.store.clock(),
                counts=counts,
                problems=problems,
                partial=True,
            )
            self._writer.finish(ended)
        self.run = ended
        return ended


def close_dead_runs(store: OperationStore) -> list[str]:
    """Mark live runs as stopped whose writer is no more; returns their ids."""
    dead = [
        run
        for run in store.runs()
        if run.kind is RunKind.LIVE
        and run.state is RunState.RUNNING
        and not locks.is_held(store.path / LOCKS / run.run_id)
    ]
    for run in dead:
        text = "the process that watched ended before the stream; its recording is in the operation's record folder"
        stopped = dataclasses.replace(run, state=RunState.STOPPED, partial=True, problems=(*run.problems, text))
        draft = Draft(kind=LeafKind.RUN, subject=run.run_id, body=stopped.body())
        store.append_all(lambda draft=draft: [draft])  # type: ignore[misc]
    return [run.run_id for run in dead]
