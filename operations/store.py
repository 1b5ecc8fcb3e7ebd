"""The operation folder: sealed originals, derived tables, and the case file with its log.

Layout::

    operation.sqlite        media records and the audit log (WAL, full sync)
    log.head                number of log lines and last hash, outside the database
    media/<sha256><suffix>  originals, byte for byte
    derived/<sha256>/       hits, tracks, frames and chips made from one original

A media record is inserted last, in one transaction with its log line: what is
recorded is whole, and what is not recorded is made again on the next run.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sqlite3
from typing import TYPE_CHECKING, Final, Self

from operations import audit
from operations.columns_file import read_chips, read_frames, read_hits, read_tracks
from operations.errors import NotAnOperationError, OperationExistsError
from operations.values import AuditEntry, MediaRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from detection.values import GroundHit, GroundTrack
    from operations.values import FrameRecord

CASE_FILE: Final = "operation.sqlite"
HEAD_FILE: Final = "log.head"

_TABLES = """
CREATE TABLE operation (name TEXT NOT NULL, created_t_utc_ns INTEGER NOT NULL, format INTEGER NOT NULL);
CREATE TABLE media (sha256 TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE audit (seq INTEGER PRIMARY KEY, t_utc_ns INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
                    details TEXT NOT NULL, previous_sha256 TEXT NOT NULL, sha256 TEXT NOT NULL);
"""


class OperationStore:
    """An open operation folder.

    Parameters
    ----------
    path
        The folder.
    actor
        Whose name goes into the log.
    clock
        Returns the time now as UTC nanoseconds.
    """

    def __init__(self, path: Path, *, actor: str, clock: Callable[[], int]) -> None:
        self.path = path
        self.actor = actor
        self.clock = clock
        self._database = sqlite3.connect(path / CASE_FILE, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")

    @classmethod
    def create(cls, path: Path, *, name: str, actor: str, clock: Callable[[], int]) -> Self:
        """Make a new operation folder.

        Raises
        ------
        OperationExistsError
            When the folder exists and is not empty.
        """
        if path.exists() and any(path.iterdir()):
            raise OperationExistsError(
                f"{path} is not empty: choose a new folder for the operation, or open this one without creating it",
                path=str(path),
            )
        for part in ("media", "derived"):
            (path / part).mkdir(parents=True, exist_ok=True)
        store = cls(path, actor=actor, clock=clock)
        store._database.executescript(_TABLES)
        store._database.execute("INSERT INTO operation VALUES (?, ?, 1)", (name, clock()))
        store.log("operation created", {"name": name})
        return store

    @classmethod
    def open(cls, path: Path, *, actor: str, clock: Callable[[], int]) -> Self:
        """Open an existing operation folder.

        Raises
        ------
        NotAnOperationError
            When the folder is missing, or holds no readable case file.
        """
        if not (path / CASE_FILE).is_file():
            raise NotAnOperationError(
                f"{path} is no operation folder (no {CASE_FILE} in it): name a folder made by 'vedette ingest --out'",
                path=str(path),
            )
        try:
            store = cls(path, actor=actor, clock=clock)
            store._database.execute("SELECT name FROM operation").fetchone()
        except sqlite3.DatabaseError as error:
            raise NotAnOperationError(
                f"{path / CASE_FILE} cannot be read as a case file ({error}): restore it from a copy", path=str(path)
            ) from error
        return store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the case file."""
        self._database.close()

    @property
    def name(self) -> str:
        """The operation's name."""
        return str(self._database.execute("SELECT name FROM operation").fetchone()[0])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def log(self, action: str, details: Mapping[str, object]) -> AuditEntry:
        """Append a line to the audit log and return it."""
        with self._transaction():
            entry = self._append(action, details)
        self._seal_head(entry)
        return entry

    def record_media(self, record: MediaRecord) -> None:
        """Record one original with everything derived from it: the moment it counts as ingested."""
        with self._transaction():
            self._database.execute(
                "INSERT INTO media VALUES (?, ?)", (record.sha256, json.dumps(dataclasses.asdict(record)))
            )
            entry = self._append(
                "media ingested",
                {"sha256": record.sha256, "name": record.name, "hits": record.hits, "model": record.model},
            )
        self._seal_head(entry)

    def _append(self, action: str, details: Mapping[str, object]) -> AuditEntry:
        row = self._database.execute("SELECT * FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
        entry = audit.next_entry(
            AuditEntry(**dict(zip(_AUDIT_COLUMNS, row, strict=True))) if row else None,
            t_utc_ns=self.clock(),
            actor=self.actor,
            action=action,
            details=details,
        )
        self._database.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)", dataclasses.astuple(entry))
        return entry

    def _seal_head(self, entry: AuditEntry) -> None:
        temporary = self.path / f"{HEAD_FILE}.part"
        temporary.write_text(f"{entry.seq + 1} {entry.sha256}\n")
        os.replace(temporary, self.path / HEAD_FILE)

    def head(self) -> tuple[int, str]:
        """Return the number of log lines and the last hash, as kept outside the database."""
        try:
            count, last = (self.path / HEAD_FILE).read_text().split()
            return int(count), last
        except (OSError, ValueError):
            return 0, ""

    def audit_log(self) -> list[AuditEntry]:
        """Return the audit log in stored order."""
        rows = self._database.execute("SELECT * FROM audit ORDER BY seq").fetchall()
        return [AuditEntry(**dict(zip(_AUDIT_COLUMNS, row, strict=True))) for row in rows]

    def media(self) -> list[MediaRecord]:
        """Return the recorded originals in the order they came in."""
        rows = self._database.execute("SELECT record FROM media ORDER BY rowid").fetchall()
        records = (json.loads(row[0]) for row in rows)
        return [MediaRecord(**{**record, "problems": tuple(record["problems"])}) for record in records]

    def derived(self, sha256: str) -> Path:
        """Return the folder of everything made from one original."""
        return self.path / "derived" / sha256

    def hits(self) -> list[GroundHit]:
        """Return every ground hit of every original."""
        return [hit for record in self.media() for hit in self.hits_of(record.sha256)]

    def hits_of(self, sha256: str) -> list[GroundHit]:
        """Return every ground hit of one recorded original; none when it is not recorded."""
        recorded = any(record.sha256 == sha256 for record in self.media())
        return read_hits(self.derived(sha256) / "hits.parquet") if recorded else []

    def tracks(self) -> list[GroundTrack]:
        """Return every ground track of every original."""
        return [t for record in self.media() for t in read_tracks(self.derived(record.sha256) / "tracks.parquet")]

    def frames(self) -> list[FrameRecord]:
        """Return every analysed frame of every original."""
        return [f for record in self.media() for f in read_frames(self.derived(record.sha256) / "frames.parquet")]

    def chips(self) -> dict[str, bytes]:
        """Return the small pictures of all hits, by hit id."""
        return {
            hit_id: jpeg
            for record in self.media()
            for hit_id, jpeg in read_chips(self.derived(record.sha256) / "chips.parquet").items()
        }


_AUDIT_COLUMNS = tuple(field.name for field in dataclasses.fields(AuditEntry))
