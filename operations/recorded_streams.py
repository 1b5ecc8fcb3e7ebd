"""What a live stream left on the disk: its recording, sealed and analysed as a file is, once the stream has ended."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

from geo.errors import InputError, RefusedError
from operations import durable_file, locks
from operations.ingest import ingest, seal_only
from operations.log.leaves import LeafKind
from operations.staging import LOCKS, RECORD
from operations.values import RunKind
from operations.watching import close_dead_runs, start_subject
from telemetry.live.recorder_file import LINK_LOG, LIST_NAME, finish_left
from telemetry.recordings.open_recordings import open_recordings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from operations.ingest import Ingested
    from operations.store import OperationStore
    from operations.values import MediaRecord
    from operations.watching import WatchJob
    from telemetry.recordings.recording import Recording


def record_folder(store: OperationStore) -> Path:
    """Make a folder of its own for the recording of a stream.

    Raises
    ------
    RefusedError
        The operation is encrypted: what is recorded lies in the clear until it is sealed.
    """
    if store.vault.encrypted:
        raise RefusedError(
            f"{store.path} is encrypted, and a live recording lies in the clear until it is sealed: add --no-record, "
            "or watch into an operation of its own and merge that ('vedette merge')",
            path=str(store.path),
        )
    number = store.clock() // 1_000_000
    while (store.path / RECORD / f"{number:d}").exists():
        number += 1
    folder = store.path / RECORD / f"{number:d}"
    durable_file.make_folder(folder)
    return folder


@contextlib.contextmanager
def recording_into(store: OperationStore) -> Iterator[Path]:
    """Make a folder for the recording of a stream, and keep it ours until it is settled: others may watch, too."""
    with locks.turn(store.path / LOCKS):
        folder = record_folder(store)
        lock = _lock_of(store, folder)
        held = locks.take(lock)
    try:
        yield folder
    finally:
        if held is not None:
            locks.let_go(held, lock)


def _lock_of(store: OperationStore, folder: Path) -> Path:
    return store.path / LOCKS / f"record-{folder.name}"


Found = tuple["Path", str]
"""A segment of a recording, and the live run over it (empty: none)."""


def segments_of(store: OperationStore, folder: Path) -> list[Found]:
    """Return the segments of a recording that are not sealed yet, each with its live run."""
    runs = {}
    for run in store.runs():
        live = run.settings.get("live")
        if run.kind is RunKind.LIVE and isinstance(live, dict) and live.get("record") == folder.name:
            runs[int(live["segment"]) + 1] = run.run_id
    return [(path, runs.get(int(path.stem), "")) for path in finish_left(folder)]


def finish_left_over(store: OperationStore) -> list[Found]:
    """Return what recordings an earlier watch left that was killed, ready to be sealed."""
    close_dead_runs(store)
    root = store.path / RECORD
    there = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    folders = [path for path in there if not locks.is_held(_lock_of(store, path))]
    return [found for folder in folders for found in segments_of(store, folder)]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """One segment of a recording as an original; `done` is None where it was sealed and not analysed."""

    media: MediaRecord
    done: Ingested | None = None


def settle_recording(job: WatchJob, segments: list[Found], *, analyse: bool) -> list[Settled]:
    """Seal the segments of a recording, and analyse each as a file is; that run replaces the live one of its clock.

    Parameters
    ----------
    job
        As it was watched.
    segments
        Of `segments_of`. A segment is removed from the record folder once its sealed copy is recorded.
    analyse
        Whether to analyse them now; else they are sealed, and 'vedette ingest' of the same bytes does it later.
    """
    settled = []
    for path, run_id in segments:
        if analyse:
            settled.append(_settled(job, path, run_id))
        else:
            settled.append(Settled(media=seal_only(_as_recorded(path), store=job.store)))
        durable_file.remove(path)
    for folder in {path.parent for path, _ in segments}:
        for name in (LIST_NAME, LINK_LOG):
            durable_file.remove(folder / name)
        with contextlib.suppress(OSError):
            folder.rmdir()
            folder.parent.rmdir()
    return settled


def _as_recorded(path: Path) -> Path | Recording:
    """Return a segment as it is to be read: with the log of the link beside it, where there was one."""
    log = path.parent / LINK_LOG
    return open_recordings(path, track=log).recordings[0] if log.exists() else path


def _settled(job: WatchJob, path: Path, run_id: str) -> Settled:
    """Analyse a segment; what holds nothing that can be decoded is sealed all the same."""
    noted = job.store.record(LeafKind.NOTE, start_subject(path.parent.name, int(path.stem)))
    settings = job.settings
    if noted is not None and settings.stated.start_utc_ns is None:
        start = int(noted.body["start_utc_ns"])
        settings = dataclasses.replace(settings, stated=dataclasses.replace(settings.stated, start_utc_ns=start))
    try:
        done = ingest(
            _as_recorded(path),
            store=job.store,
            detector=job.detector,
            model=job.model,
            settings=settings,
            supersedes=run_id,
        )
    except InputError:
        return Settled(media=seal_only(path, store=job.store))
    return Settled(media=done.media, done=done)
