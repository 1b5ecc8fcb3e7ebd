"""What a live stream left on the disk: its recording, sealed and analysed as a file is, once the stream has ended."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, BinaryIO, Final

from geo.errors import InputError, RefusedError
from operations import durable_file, locks
from operations.ingest import ingest, seal_only
from operations.log.leaves import LeafKind
from operations.staging import LOCKS, RECORD
from operations.values import RunKind
from operations.watching import close_dead_runs, start_subject
from telemetry.live.recorder_file import LINK_LOG, PART, finish_left
from telemetry.recordings.card_file import SEGMENT_LIST
from telemetry.recordings.open_recordings import open_recordings
from telemetry.recordings.recording import Pairing, PoseSource, Recording, RecordingKind, SourceKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from operations.ingest import Ingested
    from operations.store import OperationStore
    from operations.values import MediaRecord
    from operations.watching import WatchJob


def record_folder(store: OperationStore) -> Path:
    """Make a folder of its own for the recording of a stream."""
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


VIEW: Final = "view"
"""Folder of links to what is decrypted in memory, beside the encrypted files."""
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
    refused: list[RefusedError] = []
    for path, run_id in segments:
        try:
            with _readable(job.store, path) as source:
                settled.append(_settled(job, source, path, run_id, analyse=analyse))
        except RefusedError as error:
            refused.append(error)
            continue
        durable_file.remove(path)
    for folder in {path.parent for path, _ in segments}:
        if not finish_left(folder):
            for name in (SEGMENT_LIST, LINK_LOG):
                durable_file.remove(folder / name)
        with contextlib.suppress(OSError):
            folder.rmdir()
            folder.parent.rmdir()
    if refused:
        raise refused[0]
    return settled


def opener(store: OperationStore) -> Callable[[Path], BinaryIO] | None:
    """Return what makes the files of a recording in an encrypted operation; None where they lie as they are."""
    if not store.vault.encrypted:
        return None
    return lambda path: store.vault.grow(path, _name_of(path))


def _name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.name.removesuffix(PART)}"


@contextlib.contextmanager
def _readable(store: OperationStore, path: Path) -> Iterator[Path | Recording]:
    """Give a segment as it is to be read, with the log of the link beside it where there was one.

    Of an encrypted operation both are decrypted into memory, under their names.
    """
    log = path.parent / LINK_LOG
    if not store.vault.encrypted:
        yield open_recordings(path, track=log).recordings[0] if log.exists() else path
        return
    view = path.parent / VIEW
    with contextlib.ExitStack() as opened:
        opened.callback(durable_file.remove, view)
        durable_file.make_folder(view)
        for one in (path, log) if log.exists() else (path,):
            lent = opened.enter_context(store.vault.lend_grown(one, _name_of(one)))
            (view / one.name).symlink_to(lent)
        source = PoseSource(kind=SourceKind.TRACK_FILE, path=view / LINK_LOG, pairing=Pairing.STATED)
        sources = (source,) if log.exists() else ()
        yield Recording(name=path.name, kind=RecordingKind.CLIP, paths=(view / path.name,), sources=sources)


def _settled(job: WatchJob, source: Path | Recording, path: Path, run_id: str, *, analyse: bool) -> Settled:
    """Analyse a segment; what holds nothing that can be decoded is sealed all the same."""
    if not analyse:
        return Settled(media=seal_only(source, store=job.store))
    noted = job.store.record(LeafKind.NOTE, start_subject(path.parent.name, int(path.stem)))
    settings = job.settings
    if noted is not None and settings.stated.start_utc_ns is None:
        start = int(noted.body["start_utc_ns"])
        settings = dataclasses.replace(settings, stated=dataclasses.replace(settings.stated, start_utc_ns=start))
    try:
        done = ingest(source, dataclasses.replace(job, settings=settings), supersedes=run_id)
    except InputError:
        return Settled(media=seal_only(source, store=job.store))
    return Settled(media=done.media, done=done)
