"""Operations of earlier formats, turned into today's: named, numbered steps, each whole or not made.

Step 1 (format 1 to 2) writes the new parts beside the old tables, gives every file of
a folder of pictures a place of its own, and builds a new case file beside the old one.
Renaming that over the old one is the step. Before it the folder is one of format 1,
after it one of format 2; what is left of the old one is removed then, by this run or
by the next. The old log stays as a record of the new one, with its head.
"""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from operations import durable_file, locks
from operations.case_access import CASE_FILE, HEAD_FILE, can_be_written, connect
from operations.case_file import FORMAT, CaseFile, Head, format_of, new_case_file, read_head, require_format
from operations.errors import MediumBusyError, ReadOnlyError
from operations.format_1 import DERIVED, OldOperation
from operations.log.leaves import Leaf, LeafKind
from operations.originals import stored_path
from operations.parts_file import part_name, write_part
from operations.staging import LOCKS, MEDIA, PARTS
from operations.values import PartRecord
from operations.vault.vault import PlainVault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from operations.format_1 import OldOriginal

FORMER_LOG: Final = "log of format 1"
"""Subject of the note that holds it."""
_VAULT: Final = PlainVault()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """What a migration did."""

    from_format: int
    to_format: int
    steps: tuple[str, ...]
    problems: tuple[str, ...]
    """What was wrong with the operation before; recorded, not mended."""


def found_format(folder: Path) -> str:
    """Return the format of an operation folder."""
    with contextlib.closing(connect(folder, read_only=True)) as access:
        return format_of(access.database)


def migrate(folder: Path, *, actor: str, clock: Callable[[], int]) -> Migrated:
    """Turn an operation of an earlier format into one of today's, in its own folder.

    Raises
    ------
    NotAnOperationError
        When it is none, or one of a later format.
    ReadOnlyError, MediumBusyError, DiskError
        When it cannot be written, or another process has it; it stays what it was.
    """
    found = found_format(folder)
    if found != "1":
        require_format(folder, found)
    if not can_be_written(folder):
        raise ReadOnlyError(
            f"{folder} cannot be written: copy it to a disk that can, and migrate that", path=str(folder)
        )
    durable_file.make_folder(folder / LOCKS)
    lock = folder / LOCKS / "migration"
    descriptor = locks.take(lock)
    if descriptor is None:
        raise MediumBusyError(f"{folder} is being migrated by another process: wait until it is done")
    try:
        steps: list[str] = []
        problems: tuple[str, ...] = ()
        if found_format(folder) == "1":
            problems = _to_format_2(folder, actor=actor, clock=clock)
            steps.append("1: from format 1 to format 2")
        _tidy(folder)
        return Migrated(from_format=int(found), to_format=FORMAT, steps=tuple(steps), problems=problems)
    finally:
        locks.let_go(descriptor, lock)


@contextlib.contextmanager
def as_format_2(folder: Path) -> Iterator[Path]:
    """Give a private folder that shows an operation of format 1 as one of format 2, for reading."""
    with tempfile.TemporaryDirectory(prefix="vedette-") as name:
        shown = Path(name)
        for part in (MEDIA, PARTS, LOCKS):
            durable_file.make_folder(shown / part)
        data, head, _ = _rebuilt(folder, shown, actor="", now_ns=0, place=_show)
        durable_file.write_whole(shown / CASE_FILE, data)
        durable_file.write_whole(shown / HEAD_FILE, head.to_bytes())
        yield shown


def _to_format_2(folder: Path, *, actor: str, clock: Callable[[], int]) -> tuple[str, ...]:
    _bring_in_journal(folder)
    for part in (MEDIA, PARTS):
        durable_file.make_folder(folder / part)
    data, head, problems = _rebuilt(folder, folder, actor=actor, now_ns=clock(), place=_keep)
    durable_file.make_private(folder)
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(durable_file.FILE_MODE)
        elif path.is_dir() and not path.is_symlink():
            durable_file.make_private(path)
    durable_file.write_whole(folder / CASE_FILE, data)
    durable_file.write_whole(folder / HEAD_FILE, head.to_bytes())
    return problems


def _bring_in_journal(folder: Path) -> None:
    """Leave the old case file without a journal: one that stayed beside the new file would be taken for its own."""
    try:
        with contextlib.closing(sqlite3.connect(folder / CASE_FILE, isolation_level=None, timeout=5.0)) as database:
            database.execute("PRAGMA synchronous=FULL")
            (mode,) = database.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.Error as error:
        raise MediumBusyError(f"{folder / CASE_FILE} is in use ({error}): close every other program first") from error
    if mode != "delete" or (folder / f"{CASE_FILE}-wal").exists():
        raise MediumBusyError(f"{folder / CASE_FILE} is in use: close every other program first", path=str(folder))
    durable_file.sync_folder(folder)


def _rebuilt(
    folder: Path, target: Path, *, actor: str, now_ns: int, place: Callable[[Path, Path], None]
) -> tuple[bytes, Head, tuple[str, ...]]:
    """Write media and parts of format 2 into `target`; returns the new case file, its head, and what is wrong."""
    old = OldOperation.read(folder)
    problems = list(old.problems())
    own_id, created_ns = secrets.token_hex(16), old.created_t_utc_ns
    records: list[tuple[LeafKind, str, dict[str, Any]]] = []
    for record in old.records:
        original, wrong = old.original(record)
        problems += wrong
        for member, path in zip(original.media.members, original.files, strict=False):
            place(path, stored_path(target, member, _VAULT))
        records.append((LeafKind.MEDIA, original.media.id, original.media.body()))
        records += _parts(original, target)
    durable_file.sync_folder(target / MEDIA)
    former = {"entries": list(old.audit), "head": old.head, "problems": problems}
    first = {"name": old.name, "id": own_id, "format": FORMAT}
    records = [(LeafKind.OPERATION, own_id, first), (LeafKind.NOTE, FORMER_LOG, former), *records]
    leaves = [
        Leaf(seq=seq, t_utc_ns=now_ns if seq else created_ns, actor=actor, kind=kind, subject=subject, body=body)
        for seq, (kind, subject, body) in enumerate(records)
    ]
    meta = {
        "format": str(FORMAT).encode(),
        "id": own_id.encode(),
        "name": _VAULT.seal(old.name.encode("utf-8", "backslashreplace"), context="name"),
        "created": str(created_ns).encode(),
    }
    return (*new_case_file(_VAULT, meta, leaves), tuple(problems))


def _parts(original: OldOriginal, target: Path) -> list[tuple[LeafKind, str, dict[str, Any]]]:
    """Write a run's rows as parts, synced; returns the records of the parts and of the run."""
    if original.run is None:
        return []
    run, records = original.run, []
    for name, rows in original.tables.items():
        file = part_name(run.run_id, name, 0)
        blank = PartRecord(run_id=run.run_id, table=name, file=file, size_bytes=0, sha256="", rows=0)
        durable_file.make_folder((target / file).parent)
        durable_file.remove(target / file)
        part = write_part(rows, target / file, final=target / file, vault=_VAULT, record=blank)
        records.append((LeafKind.PART, part.file, part.body()))
    durable_file.sync_folder(target / PARTS / run.run_id)
    return [*records, (LeafKind.RUN, run.run_id, run.body())]


def _keep(source: Path, target: Path) -> None:
    """Give a file of an original its new place, durably; it stays in its old one for the time being."""
    if source == target:
        return
    beside = target.with_name(f"{durable_file.PART}-migration-{target.name}")
    durable_file.remove(beside)
    durable_file.link(source, beside)
    durable_file.sync_file(beside)
    durable_file.replace(beside, target)
    durable_file.remove(beside)  # which stays where both are names of one file already (rename(2))


def _show(source: Path, target: Path) -> None:
    if not target.exists():
        target.symlink_to(source.resolve())


def _tidy(folder: Path) -> None:
    """Finish what a migration that was cut short after its step had still to do."""
    with contextlib.closing(CaseFile(folder, _VAULT)) as case:
        note = case.record(LeafKind.NOTE, FORMER_LOG)
        if note is None:
            return
        kept, head = read_head(folder), case.head()
        behind = kept is not None and f"{kept.size} {kept.root.hex()}" == note.body["head"]
    if behind or (kept is None and not note.body["head"]):
        durable_file.write_whole(folder / HEAD_FILE, head.to_bytes())
    durable_file.remove(folder / DERIVED)
    for entry in (folder / MEDIA).iterdir():
        if entry.is_dir() and not entry.is_symlink():
            durable_file.remove(entry)
    for name in (MEDIA, "."):
        durable_file.sync_folder(folder / name)
