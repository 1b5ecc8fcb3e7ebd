"""From an original to a run: seal, analyse, write, and only then record.

The order is the guarantee: bytes are sealed before anything is derived from them,
every file is synced, and the records of the original, its run and its parts are
one transaction at the very end. What was cut short leaves no record, only what was
found in its pictures (`operations.answers_file`), so that the next goes on from there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
from typing import TYPE_CHECKING, Final, Protocol

from detection.kept_answers import Remembering
from detection.looking import InProcess
from geo.errors import InputError, VedetteError
from operations.analysis import IngestSettings, analyse
from operations.answers_file import KeptAnswers
from operations.carry_over import RunRows, carry_over
from operations.case_file import Draft
from operations.errors import DamagedError
from operations.law.errors import ErasedError
from operations.log.leaves import LeafKind
from operations.originals import identify, look_over, member_is_sound, offer, seal, spread_out, stored_path
from operations.parts_file import part_is_sound
from operations.staging import MEDIA
from operations.values import MediaRecord, RunKind, RunRecord, RunState, run_id_of
from telemetry.recordings.reading import read
from telemetry.recordings.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from detection.values import Detector
    from operations.analysis import Analysis
    from operations.originals import Offered, Sealed
    from operations.staging import Staging
    from operations.store import OperationStore
    from operations.values import PartRecord
    from telemetry.recordings.reading import RecordingReader

__all__ = ["IngestJob", "IngestSettings", "Ingested", "ingest"]

_PACKAGES: Final = ("vedette", "numpy", "pyarrow", "av", "onnxruntime", "ultralytics")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What ingesting did."""

    media: MediaRecord
    run: RunRecord
    known: bool = False
    """The same bytes were recorded before, and nothing new was derived from them."""
    made_again: tuple[str, ...] = ()
    """Files that were missing or damaged and are whole again."""
    verdicts_proposed: int = 0
    verdicts_left: int = 0
    """Verdicts on the replaced run with, and without, a counterpart on the new one."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IngestJob:
    """What every recording of one ingest shares: where to, by which detector, how.

    `model` is name and hash of the detector, kept with the run.
    """

    store: OperationStore
    detector: Detector
    model: str
    settings: IngestSettings


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _One(IngestJob):
    """One original on its way, in the hands of its only writer."""

    staging: Staging
    offered: Offered
    media: MediaRecord
    watcher: Watcher | None
    answers: KeptAnswers
    supersedes: str = ""

    def run_record(self, ordinal: int, supersedes: str = "") -> RunRecord:
        """Return the run that is about to begin."""
        wanted = self.settings.canonical(self.model)
        return RunRecord(
            run_id=run_id_of([self.media.id], wanted, ordinal),
            media_ids=(self.media.id,),
            kind=RunKind.RECORD,
            state=RunState.RUNNING,
            settings=wanted,
            ordinal=ordinal,
            supersedes=supersedes,
            started_t_utc_ns=self.store.clock(),
            versions=versions(),
        )

    def analyse(self) -> Analysis:
        """Read what was sealed and return what is in it; pictures that were looked at before are not again."""
        recording = self.offered.as_recording()
        detector = {"model": self.model, "classes": self.detector.class_names, "versions": versions()}
        executor = Remembering(self.settings.executor or InProcess(self.detector), self.answers, detector)
        settings = dataclasses.replace(self.settings, executor=executor)
        with self._readable() as places, _named(places):
            moved = recording.elsewhere(places)
            with read(moved, self.settings.reading()) as reader:
                if self.watcher is not None:
                    self.watcher.opened(reader)
                count = None if self.watcher is None else self.watcher.frame
                found = analyse(reader, self.detector, settings, media_id=self.media.id, on_frame=count)
            taken_over = {"pictures_taken_over": executor.taken_over} if executor.taken_over else {}
            return dataclasses.replace(
                found,
                problems=(*self.offered.problems, *(_renamed(text, places) for text in found.problems)),
                counts={**found.counts, **taken_over},
            )

    @contextlib.contextmanager
    def _readable(self) -> Iterator[dict[Path, Path]]:
        """Give, for each file that was offered, a place whose bytes are the sealed ones."""
        vault, root = self.store.vault, self.store.path
        kept = [stored_path(root, member, vault) for member in self.media.members]
        offered = {path: path for _, path in self.offered.files}
        if vault.encrypted:
            yield offered
            if identify(self.offered).id != self.media.id:
                raise InputError(f"{self.offered.source} changed while it was read: offer it again when it is whole")
        elif not self.offered.is_folder:
            yield dict(zip(offered, kept, strict=True))
        else:
            view = self.staging.place(MEDIA, "view")
            spread_out(self.media, kept, view)
            yield {path: view / member.path for path, member in zip(offered, self.media.members, strict=True)}


class Watcher(Protocol):
    """Who looks on while a recording is read."""

    def opened(self, reader: RecordingReader) -> None:
        """Take notice of a recording whose clock and sources are settled, before its first frame."""
        ...

    def frame(self, count: int) -> None:
        """Take notice of how many frames are analysed so far."""
        ...


def ingest(
    source: Path | Recording,
    job: IngestJob,
    *,
    redo: bool = False,
    supersedes: str = "",
    watcher: Watcher | None = None,
) -> Ingested:
    """Read one recording, one clip or one folder of pictures into an operation.

    Parameters
    ----------
    source
        A recording of `telemetry.recordings.open_recordings`, with the files beside it that may pose it;
        or the path of a video file, or of a folder of pictures, alone.
    job
        See `IngestJob`.
    redo
        Analyse a known original anew; the run made now replaces the one before, which stays.
    supersedes
        A live run over the same pictures that the first run over this original replaces.
    watcher
        Told of the opening and of every frame.

    Raises
    ------
    geo.errors.InputError
        When no frame at all can be read, or the disk is full. Nothing is registered then.
    MediumBusyError
        When another process reads the same bytes into this operation.
    """
    offered = offer(source) if isinstance(source, Recording) else look_over(source)
    store = job.store
    with store.staging() as staging:
        media, sealed = _recorded(offered, store), None
        if media is None:
            sealed = seal(offered, staging, store.vault)
            media = sealed.media
        staging.claim(store.vault.file_name(media.id), media.name)
        if media.id in store.erased():
            raise ErasedError(f"{media.name} was erased from this operation and is not read in again: use a new one")
        before = [record for record in store.media() if record.id == media.id]
        one = _One(
            store=store,
            detector=job.detector,
            model=job.model,
            settings=job.settings,
            staging=staging,
            offered=offered,
            media=before[0] if before else media,
            watcher=watcher,
            answers=KeptAnswers(store.path, store.vault, media.id),
            supersedes=supersedes,
        )
        if not before and sealed:
            staging.publish(sealed.moves(store.path, store.vault))
            done = _new_run(one, before=[_media_draft(media)])
        else:
            mended = _mend_originals(one, sealed)
            done = _known_again(one, mended, redo=redo)
        one.answers.forget()
        return done


def seal_only(source: Path | Recording, *, store: OperationStore) -> MediaRecord:
    """Seal an original without analysing it; ingesting the same bytes later does that."""
    offered = offer(source) if isinstance(source, Recording) else look_over(source)
    with store.staging() as staging:
        media = _recorded(offered, store)
        if media is None:
            sealed = seal(offered, staging, store.vault)
            media = sealed.media
            staging.claim(store.vault.file_name(media.id), media.name)
            staging.publish(sealed.moves(store.path, store.vault))
            store.append_all(lambda: [_media_draft(media)])
    return media


@contextlib.contextmanager
def _named(places: Mapping[Path, Path]) -> Iterator[None]:
    """Let errors speak of what a person offered, not of where we keep it."""
    try:
        yield
    except VedetteError as error:
        raise type(error)(_renamed(error.message, places), **error.fields) from error


def _renamed(text: str, places: Mapping[Path, Path]) -> str:
    """Put offered files' names in the place of where their sealed bytes lie."""
    for offered, place in places.items():
        if place != offered:
            text = text.replace(str(place), offered.name).replace(place.name, offered.name)
    return text


def _recorded(offered: Offered, store: OperationStore) -> MediaRecord | None:
    """Return the record of these bytes; they are read only where some record has their size."""
    sized = [record for record in store.media() if record.size_bytes == offered.size_bytes]
    if not sized:
        return None
    media_id = identify(offered).id
    return next((record for record in sized if record.id == media_id), None)


def _media_draft(media: MediaRecord) -> Draft:
    return Draft(kind=LeafKind.MEDIA, subject=media.id, body=media.body())


def _new_run(job: _One, *, before: Sequence[Draft] = ()) -> Ingested:
    """Analyse an original and record the run; an earlier run of it is replaced, and its verdicts are proposed anew."""
    earlier = _runs_of(job, superseded=True)
    replaced = _runs_of(job)
    run = job.run_record(len(earlier), replaced[-1].run_id if replaced else job.supersedes)
    found = job.analyse()
    with job.store.begin_run(run, staging=job.staging) as writer:
        for name, rows in found.tables(run.run_id).items():
            writer.add(name, rows)
        ended = dataclasses.replace(
            run,
            state=RunState.FINISHED,
            finished_t_utc_ns=job.store.clock(),
            counts=found.counts,
            problems=found.problems,
            partial=found.partial,
            corrections=found.corrections,
        )
        carrier = _Carrier(job.store, ended, found)
        writer.finish(ended, before=before, also=carrier.drafts)
    return Ingested(
        media=job.media, run=ended, verdicts_proposed=carrier.proposed, verdicts_left=carrier.asked - carrier.proposed
    )


class _Carrier:
    """Proposes the verdicts and outcomes of a replaced run anew, as they are when the new run is recorded."""

    def __init__(self, store: OperationStore, run: RunRecord, found: Analysis) -> None:
        self.asked = self.proposed = 0
        self._store, self._run = store, run
        self._new = RunRows(hits=found.hits, tracks=found.tracks)

    def drafts(self) -> list[Draft]:
        """Return the records of the proposals."""
        old = [self._run.supersedes]
        verdicts = self._store.verdicts(runs=old) if self._run.supersedes else []
        outcomes = self._store.outcomes(runs=old) if self._run.supersedes else []
        if not verdicts and not outcomes:
            return []
        rows = RunRows(hits=self._store.hits(runs=old), tracks=self._store.tracks(runs=old))
        carried = carry_over(verdicts, rows, self._new, run_id=self._run.run_id)
        found = carry_over(outcomes, rows, self._new, run_id=self._run.run_id)
        self.asked, self.proposed = len(verdicts), len(carried)
        return [
            *(Draft(kind=LeafKind.VERDICT, subject=one.verdict_id, body=one.body()) for one in carried),
            *(Draft(kind=LeafKind.OUTCOME, subject=one.outcome_id, body=one.body()) for one in found),
        ]


def _mend_originals(job: _One, sealed: Sealed | None) -> list[str]:
    """Put the files of a known original back that are missing or changed; returns their paths."""
    store = job.store
    broken = [m for m in job.media.members if not member_is_sound(store.path, m, store.vault)]
    if not broken:
        return []
    sealed = sealed or seal(job.offered, job.staging, store.vault)
    wanted = {stored_path(store.path, member, store.vault) for member in broken}
    moves = [(copy, target) for copy, target in sealed.moves(store.path, store.vault) if target in wanted]
    job.staging.publish(moves)
    return [target.relative_to(store.path).as_posix() for _, target in moves]


def _known_again(job: _One, mended: list[str], *, redo: bool) -> Ingested:
    """Answer an original that is known: say so, make what is missing again, or analyse it anew."""
    runs = _runs_of(job)
    if redo or not runs:
        return dataclasses.replace(_new_run(job), made_again=tuple(mended))
    store, run = job.store, runs[-1]
    broken = [part for part in store.parts(runs=[run.run_id]) if not part_is_sound(store.path, part, vault=store.vault)]
    drafts = _make_again(job, run, broken) if broken else []
    made_again = (*mended, *(part.file for part in broken))
    body = {"what": "media offered again", "name": job.offered.source.name, "made_again": list(made_again)}
    store.append_all(lambda: [*drafts, Draft(kind=LeafKind.ATTEMPT, subject=job.media.id, body=body)])
    return Ingested(media=job.media, run=run, known=True, made_again=made_again)


def _make_again(job: _One, run: RunRecord, broken: Sequence[PartRecord]) -> list[Draft]:
    """Derive a run's parts once more and put them in their places; returns records of those that came out otherwise."""
    names = ", ".join(part.file for part in broken)
    if job.settings.canonical(job.model) != dict(run.settings):
        raise DamagedError(
            f"{names} of {job.media.name} are missing or changed, and were made with other settings "
            f"({run.settings}): give those to make them again, or --redo to replace the run",
            files=tuple(part.file for part in broken),
        )
    found = job.analyse()
    writer = job.store.begin_run(run, staging=job.staging)
    for name, rows in found.tables(run.run_id).items():
        writer.add(name, rows)
    before = {part.file: part for part in job.store.parts(runs=[run.run_id])}
    return [
        Draft(kind=LeafKind.PART, subject=part.file, body=part.body())
        for part in writer.publish()
        if before.get(part.file) != part
    ]


def _runs_of(job: _One, *, superseded: bool = False) -> list[RunRecord]:
    """Return the runs over this original alone, in the order of the log."""
    own = (job.media.id,)
    return [r for r in job.store.runs(superseded=superseded) if r.media_ids == own and r.kind is RunKind.RECORD]


def versions() -> dict[str, str]:
    """Return the versions of what had a part in the result."""
    found = {}
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
