"""Ways into a case file: to write; to read beside writers; and to read from a medium that cannot be written.

SQLite's write-ahead log wants to make files even for readers
(https://www.sqlite.org/wal.html, "read-only databases"). So a folder that cannot be
written is opened as immutable when no journal waits, and otherwise read from a
private copy of the case file and its journal; and a reader of a folder that could
be written never brings in a journal that a dead writer left.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from operations.errors import DiskError, NotAnOperationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CASE_FILE: Final = "operation.sqlite"
HEAD_FILE: Final = "log.head"
_BUSY_S: Final = 20.0
"""How long a short transaction waits for those of other processes."""


@dataclasses.dataclass(slots=True, kw_only=True)
class Access:
    """An open connection, and why it cannot write (empty when it can)."""

    database: sqlite3.Connection
    why_not: str
    _undo: Callable[[], object] | None = None

    def close(self) -> None:
        """Close it, and remove its private copy."""
        self.database.close()
        if self._undo is not None:
            self._undo()


def connect(folder: Path, *, read_only: bool) -> Access:
    """Open the case file of an operation folder.

    Raises
    ------
    NotAnOperationError
        When it is missing or no case file.
    DiskError
        When it cannot be opened.
    """
    require_case_file(folder)
    with naming(folder), contextlib.ExitStack() as undo:
        access = _open(folder, read_only=read_only)
        undo.callback(access.close)
        access.database.execute("PRAGMA trusted_schema=OFF")
        access.database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if not access.why_not:
            access.database.execute("PRAGMA journal_mode=WAL")
            access.database.execute("PRAGMA synchronous=FULL")
        undo.pop_all()
    return access


_PRIMARY: Final = 0xFF
"""The part of an extended result code that is the plain one (sqlite.org/rescode.html)."""


@contextlib.contextmanager
def naming(folder: Path) -> Iterator[None]:
    """Turn what SQLite says into a sentence about the case file: its disk failed, or it is none."""
    try:
        yield
    except sqlite3.OperationalError as error:  # the disk, its permissions, or other programs; not what is in the file
        busy = getattr(error, "sqlite_errorcode", 0) & _PRIMARY in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        why = (
            "another program holds it and did not let go in time: let that end"
            if busy
            else f"{error}: free space on its disk, look after its permissions"
        )
        raise DiskError(
            f"{folder / CASE_FILE} could not be opened or written ({why}), and run this again; nothing of it was "
            "registered",
            path=str(folder / CASE_FILE),
        ) from error
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter: a message that quotes a damaged schema
        raise NotAnOperationError(
            f"{folder / CASE_FILE} cannot be read as a case file ({error}): restore it from a copy", path=str(folder)
        ) from error


def require_case_file(folder: Path) -> None:
    """Refuse a folder that holds no case file."""
    if not (folder / CASE_FILE).is_file():
        raise NotAnOperationError(
            f"{folder} is no operation folder (no {CASE_FILE} in it): name a folder made by 'vedette ingest --out'",
            path=str(folder),
        )


def can_be_written(folder: Path) -> bool:
    """Tell whether this process may change an operation folder and its case file."""
    return os.access(folder, os.W_OK | os.X_OK) and os.access(folder / CASE_FILE, os.W_OK)


def _open(folder: Path, *, read_only: bool) -> Access:
    journal = folder / f"{CASE_FILE}-wal"
    waits = journal.is_file() and journal.stat().st_size > 0
    # Every connection to a case file keeps this index of the journal beside it: without it nobody is at work.
    abandoned = waits and not (folder / f"{CASE_FILE}-shm").exists()
    if can_be_written(folder):
        if not read_only:
            return Access(database=_database(folder, "mode=rw"), why_not="")
        why = f"{folder} was opened for reading"
        if abandoned:
            return _of_a_copy(folder, why)
        # As a reader that may not change the database SQLite would leave an empty journal behind, so open it like
        # a writer and refuse to write; where a dead writer's journal waits, that would bring it in: leave it alone.
        database = _database(folder, "mode=ro" if waits else "mode=rw")
        database.execute("PRAGMA query_only=ON")
        return Access(database=database, why_not=why)
    why = f"{folder} is on a medium, or has permissions, that this process cannot write"
    return _of_a_copy(folder, why) if waits else Access(database=_database(folder, "immutable=1"), why_not=why)


def _of_a_copy(folder: Path, why: str) -> Access:
    """Read a case file with the journal of a writer that is gone from a private copy of both."""
    with contextlib.ExitStack() as cleanup:
        copy = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="vedette-")))
        for name in (CASE_FILE, f"{CASE_FILE}-wal"):
            shutil.copyfile(folder / name, copy / name)
        return Access(database=_database(copy, "mode=rw"), why_not=why, _undo=cleanup.pop_all().close)


def _database(folder: Path, mode: str) -> sqlite3.Connection:
    name = quote(str((folder / CASE_FILE).absolute()))
    return sqlite3.connect(
        f"file:{name}?{mode}", uri=True, isolation_level=None, timeout=_BUSY_S, check_same_thread=False
    )
