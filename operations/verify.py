"""Whether an operation is still what was sealed: everything a reader could be shown is held against the log.

Nothing is written, also not where that would be possible: a folder on a read-only medium
gives the same answer. What stands outside the log's reach is said as well: that the whole
folder was put back to an earlier state, or written anew by somebody who has its key, shows
only against a head that was kept elsewhere.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import re
import sqlite3
import stat
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from operations import case_file
from operations.answers_file import ANSWERS
from operations.case_access import CASE_FILE, HEAD_FILE, connect
from operations.case_file import Head
from operations.errors import DiskError, NotAnOperationError
from operations.findings import Finding, FindingKind, finding
from operations.law.tombstones import check_tombstones, erased_media
from operations.log.checking import (
    LogReading,
    check_head,
    check_index,
    check_merges,
    check_meta,
    check_outside_head,
    check_signed_heads,
    clock_steps,
    name_of,
    read_log,
)
from operations.log.leaves import LeafKind
from operations.originals import stored_path
from operations.recorded_files import leads_out
from operations.staging import LOCKS, MEDIA, PARTS, RECORD, is_unfinished
from operations.values import MediaRecord, PartRecord
from operations.vault import PlainVault
from operations.vault.errors import SealedFileError
from operations.vault.keys_file import KEYS_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from operations.vault import Vault

_CASE_FILES: Final = frozenset({CASE_FILE, f"{CASE_FILE}-wal", f"{CASE_FILE}-shm"})
_LOCK: Final = re.compile(r"[0-9a-f]{16,64}(\.writer)?")
_FORMER: Final = "1"
_MAX_SMALL_BYTES: Final = 1 << 22
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was held against the log, and what did not fit."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    """What is no finding and still worth knowing, such as leftovers of a writer that died."""
    head: Head
    """Size and root of the log as it is: what to keep elsewhere."""
    originals: int
    parts: int
    size_bytes: int
    """How many bytes were read and hashed."""


@dataclasses.dataclass(slots=True, kw_only=True)
class _Round:
    """One verification under way."""

    folder: Path
    vault: Vault
    on_bytes: Callable[[int, int], None] | None
    whole_bytes: int = 0
    findings: list[Finding] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    size_bytes: int = 0

    def add(self, kind: FindingKind, item: str, what: str) -> None:
        self.findings.append(finding(kind, item, what))


def verify(
    folder: Path,
    *,
    vault: Vault | None = None,
    head: Head | None = None,
    head_from: str = "",
    head_of: str = "",
    on_bytes: Callable[[int, int], None] | None = None,
) -> Verification:
    """Hold everything in an operation folder against its log.

    Parameters
    ----------
    folder
        The operation folder.
    vault
        How its bytes lie on disk; as they are when not given.
    head
        A head that was kept outside the folder: shows a log that was rewritten or put back as a whole.
    head_from
        Where that head comes from, for messages.
    head_of
        Id of the operation that the head says it is of; a head that says nothing of it is of any.
    on_bytes
        Told how many bytes have been hashed so far, and about how many there are.

    Raises
    ------
    NotAnOperationError
        When there is no case file at all, or one of format 1, whose log has another shape.
    """
    found = _Round(folder=folder, vault=vault or PlainVault(), on_bytes=on_bytes)
    if not os.path.lexists(folder / CASE_FILE):
        raise NotAnOperationError(
            f"{folder} is no operation folder (no {CASE_FILE} in it): name a folder made by 'vedette ingest --out'",
            path=str(folder),
        )
    # In this order: what is added meanwhile looks newer, and what a writer lists before it is there is known here.
    listed = list(_walk(folder, ""))
    hashed = (f"{MEDIA}/", f"{PARTS}/")
    found.whole_bytes = sum(a.st_size for name, a in listed if name.startswith(hashed) and stat.S_ISREG(a.st_mode))
    begun = _begun(folder)
    kept = _regular_bytes(folder / HEAD_FILE)
    reading = _read_case(found)
    found.findings += reading.findings
    found.notes += clock_steps(reading)
    _check_kept_head(found, reading, kept)
    if head_of and reading.leaves and head_of != reading.leaves[min(reading.leaves)].subject:
        raise InputError(
            f"{head_from} is a head of another operation ({head_of}): name one of {folder}; if it was taken of this "
            "folder, another operation has been put in its place"
        )
    if head is not None:
        found.findings += check_outside_head(reading, head.size, head.root, head_from or "the file given")
    named = _check_media(found, reading)
    parts = _check_parts(found, reading, named)
    _check_listed(found, listed, named, begun)
    size, erased = len(reading.hashes), erased_media(reading.leaves.values())
    return Verification(
        findings=tuple(found.findings),
        notes=tuple(found.notes),
        head=Head(size=size, root=reading.root_after(size) or b""),
        originals=sum(leaf.subject not in erased for leaf in reading.newest(LeafKind.MEDIA)),
        parts=parts,
        size_bytes=found.size_bytes,
    )


def _read_case(found: _Round) -> LogReading:
    """Read every table of the case file in one snapshot, and check them against each other."""
    item = f"the case file ({CASE_FILE})"
    if (found.folder / f"{CASE_FILE}-journal").exists():
        what = f"has a journal beside it ({CASE_FILE}-journal) that this program never makes: it was put there"
        found.add(FindingKind.NOT_COVERED, item, what)
        return LogReading()
    found_format = ""
    try:
        with contextlib.closing(connect(found.folder, read_only=True)) as access:
            access.database.execute("BEGIN")
            found_format = case_file.format_of(access.database)
            if found_format != _FORMER and _check_schema(found, access.database):
                return _read_tables(found, access.database, item)
    except (NotAnOperationError, DiskError, sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
        found.add(FindingKind.BROKEN_LOG, item, f"cannot be read ({error})")
    if found_format == _FORMER:
        case_file.require_format(found.folder, found_format)
    return LogReading()


def _read_tables(found: _Round, database: sqlite3.Connection, item: str) -> LogReading:
    for (message,) in database.execute("PRAGMA integrity_check(5)"):
        if message != "ok":
            found.add(FindingKind.BROKEN_LOG, item, f"is damaged: {message}")
    reading = read_log(database.execute("SELECT seq, hash, body FROM leaf ORDER BY seq"), found.vault)
    heads = database.execute("SELECT size, root, frontier FROM head").fetchall()
    found.findings += check_head(reading, heads[0] if len(heads) == 1 else None)
    found.findings += check_merges(reading)
    found.findings += check_signed_heads(reading)
    wrong, told = check_tombstones(list(reading.leaves.values()))
    found.findings += wrong
    found.notes += told
    found.findings += check_index(reading, database.execute("SELECT kind, id, seq FROM record"), found.vault)
    found.findings += check_meta(reading, dict(database.execute("SELECT key, value FROM meta")), found.vault)
    return reading


def _check_schema(found: _Round, database: sqlite3.Connection) -> bool:
    """Hold tables, views and triggers against those this program makes; False when the log cannot be read by them."""
    query = "SELECT type, name, tbl_name, sql FROM sqlite_schema"
    with contextlib.closing(sqlite3.connect(":memory:")) as model:
        model.executescript(case_file.TABLES)
        wanted = {(row[0], row[1]): row for row in model.execute(query)}
    there = {(row[0], row[1]): row for row in database.execute(query)}
    for (kind, name), row in there.items():
        if (kind, name) not in wanted:
            found.add(
                FindingKind.NOT_COVERED, f"the {kind} {name} in the case file", "was added: nothing of ours uses it"
            )
        elif row != wanted[kind, name]:
            found.add(FindingKind.CHANGED, f"the {kind} {name} in the case file", "has another definition than it had")
    readable = True
    for (kind, name), row in wanted.items():
        if there.get((kind, name)) is None:
            found.add(FindingKind.BROKEN_LOG, f"the {kind} {name} in the case file", "is gone")
        readable = readable and there.get((kind, name)) == row
    return readable


def _check_kept_head(found: _Round, reading: LogReading, kept: bytes | None) -> None:
    if kept is None:
        found.add(FindingKind.MISSING, HEAD_FILE, "is gone: the log's head is kept there too")
        return
    try:
        head = Head.from_bytes(kept)
    except ValueError:
        found.add(FindingKind.CHANGED, HEAD_FILE, "holds no head any more")
        return
    if kept != head.to_bytes():
        found.add(FindingKind.CHANGED, HEAD_FILE, "is not spelled as this program writes it")
        return
    found.findings += check_outside_head(reading, head.size, head.root, HEAD_FILE)
    if head.size < len(reading.hashes):
        behind = len(reading.hashes) - head.size
        found.notes.append(f"{HEAD_FILE} is {behind} records behind; the next record brings it up to date")


def _regular_bytes(path: Path) -> bytes | None:
    """Return the beginning of a file that is one of its own; None for what is missing, a link, a pipe, a folder."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(_MAX_SMALL_BYTES) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None


def _check_media(found: _Round, reading: LogReading) -> dict[str, str]:
    """Hash every original again; returns the files that records name, with what a person calls them."""
    named: dict[str, str] = {}
    erased = erased_media(reading.leaves.values())
    for leaf in reading.newest(LeafKind.MEDIA):
        if leaf.subject in erased:
            continue
        try:
            media = MediaRecord.of(leaf.body)
        except (TypeError, ValueError, KeyError) as error:
            found.add(FindingKind.CHANGED, f"log record {leaf.seq}", f"is no record of an original ({error})")
            continue
        for member in media.members:
            single = len(media.members) == 1 and member.path == media.name
            path = stored_path(found.folder, member, found.vault)
            file = f"{MEDIA}/{path.name}"
            if path != found.folder / file or leads_out(file):
                found.add(FindingKind.CHANGED, name_of(leaf), "leads out of the folder of originals")
                continue
            if file in named:
                continue
            named[file] = media.name if single else f"{media.name}/{member.path}"
            _check_file(found, file, f"the original {named[file]}", (member.size_bytes, member.sha256))
    return named


def _check_parts(found: _Round, reading: LogReading, named: dict[str, str]) -> int:
    """Hash every derived part again, and add it to the files that records name."""
    originals = {leaf.subject: str(leaf.body.get("name")) for leaf in reading.newest(LeafKind.MEDIA)}
    runs = {leaf.subject: leaf.body.get("media_ids") or () for leaf in reading.newest(LeafKind.RUN)}
    count, erased = 0, erased_media(reading.leaves.values())
    for leaf in reading.newest(LeafKind.PART):
        try:
            part = PartRecord.of(leaf.body)
        except (TypeError, ValueError, KeyError) as error:
            found.add(FindingKind.CHANGED, f"log record {leaf.seq}", f"is no record of a part ({error})")
            continue
        if leads_out(part.file):
            found.add(FindingKind.CHANGED, name_of(leaf), "leads out of the folder of parts")
            continue
        if erased.intersection(runs.get(part.run_id, ())):
            continue
        if part.run_id not in runs:
            found.add(FindingKind.MISSING, f"the record of run {part.run_id}", "is not in the log, and parts of it are")
        of = " and ".join(originals.get(media_id, media_id[:12]) for media_id in runs.get(part.run_id, ()))
        item = f"the {part.table} of {of or 'an unknown original'} ({part.file})"
        named[part.file] = item
        _check_file(found, part.file, item, (part.size_bytes, part.sha256))
        count += 1
    return count


def _check_file(found: _Round, file: str, item: str, sealed: tuple[int, str]) -> None:
    """Hash one file, without following a link or waiting at a pipe."""
    path = found.folder / file
    try:
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode) or any(p.is_symlink() for p in path.parents if p.is_relative_to(found.folder)):
            found.add(FindingKind.CHANGED, item, "is no file of its own any more: something else has its name")
            return
        size, sha256 = _hashed(found, path)
    except FileNotFoundError:
        found.add(FindingKind.MISSING, item, f"is gone: {file} is not there")
    except SealedFileError as error:
        found.add(FindingKind.CHANGED, item, f"was changed: {error.message}")
    except OSError as error:
        found.add(FindingKind.CHANGED, item, f"cannot be read ({error.strerror or error})")
    else:
        if size != sealed[0]:
            found.add(FindingKind.CHANGED, item, f"was changed: it has {size} bytes, {sealed[0]} were sealed")
        elif sha256 != sealed[1]:
            found.add(FindingKind.CHANGED, item, "was changed: its bytes are not those that were sealed")


def _hashed(found: _Round, path: Path) -> tuple[int, str]:
    with found.vault.reader(path) as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        size = stream.tell()
    found.size_bytes += size
    if found.on_bytes is not None:
        found.on_bytes(found.size_bytes, max(found.whole_bytes, found.size_bytes))
    return size, sha256


def _walk(folder: Path, inside: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield everything below a folder by its path inside it; links are not followed."""
    with os.scandir(folder / inside) as entries:
        for entry in sorted(entries, key=lambda e: e.name):
            name = f"{inside}/{entry.name}" if inside else entry.name
            try:
                about = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # a writer has finished with it
                continue
            yield name, about
            if stat.S_ISDIR(about.st_mode):
                yield from _walk(folder, name)


def _check_listed(
    found: _Round, listed: list[tuple[str, os.stat_result]], named: dict[str, str], begun: set[str]
) -> None:
    """Name what lies in the folder and no record knows, and what others than the owner may read."""
    ours = {*_CASE_FILES, HEAD_FILE, MEDIA, PARTS, LOCKS, *({KEYS_FILE} if found.vault.encrypted else ())}
    runs = {file.rsplit("/", 1)[0] for file in named}
    for name, about in listed:
        top, _, rest = name.partition("/")
        if stat.S_ISLNK(about.st_mode):
            if name not in named:
                found.add(FindingKind.NOT_COVERED, name, "is a symbolic link that no record knows")
        elif top == RECORD:
            found.notes.append(f"{name} is a live recording that is not sealed yet; the next watch does that")
        elif top == ANSWERS:
            found.notes += [] if rest else [f"{name} holds what interrupted ingests had found; ingesting again goes on"]
        elif is_unfinished(rest.split("/")[0] if top in {MEDIA, PARTS} else top):
            found.notes.append(f"{name} was left by a writer that died or is at work; nothing reads it")
        elif name in begun or any(file.startswith(f"{name}/") for file in begun):
            found.notes.append(f"{name} was being registered by a writer that died or is at work; nothing reads it")
        elif (
            name not in named and name not in ours and name not in runs and not (top == LOCKS and _is_lock(rest, about))
        ):
            found.add(FindingKind.NOT_COVERED, name, "is in the folder, and no record knows it")
    _check_permissions(found, [("", found.folder.stat()), *listed])


def _is_lock(name: str, about: os.stat_result) -> bool:
    return stat.S_ISREG(about.st_mode) and _LOCK.fullmatch(name) is not None


def _check_permissions(found: _Round, listed: list[tuple[str, os.stat_result]]) -> None:
    open_ones = [name for name, about in listed if about.st_mode & _OTHERS and not stat.S_ISLNK(about.st_mode)]
    if "" in open_ones or len(open_ones) == len(listed):
        what = "may be entered by others than its owner: chmod -R go= it"
        found.add(FindingKind.CHANGED, "the folder", what)
        return
    for name in open_ones:
        found.add(FindingKind.CHANGED, name, "may be read or written by others than its owner: chmod go= it")


def _begun(folder: Path) -> set[str]:
    """Return the files that writers, living or dead, were about to register."""
    lists = (_regular_bytes(lock) or b"" for lock in (folder / LOCKS).glob("*.writer"))
    return {name for text in lists for name in text.decode("utf-8", "replace").splitlines()}
