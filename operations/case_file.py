"""The case file: a SQLite database whose only contents are the leaves of the log, and an index into them.

Tables::

    meta(key, value)                format, operation id, name, moment of creation
    leaf(seq, hash, body)           every record, canonical bytes (sealed when encrypted), with its RFC 6962 leaf hash
    record(kind, id, seq)           newest leaf of each kind and subject: an index, rebuilt from the leaves at will
    head(size, root, frontier)      the Merkle tree's size, root and right edge

A leaf, its row in the index and the new head are one transaction (WAL,
`synchronous=FULL`). The head is also kept in `log.head` outside the database,
renewed after the commit; one that is behind after a crash is no alarm, one that
is ahead of the database means that records are gone, and nothing is added then.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import sqlite3
import threading
from typing import TYPE_CHECKING, Any, Final, Self

from operations import durable_file, locks
from operations.case_access import CASE_FILE, HEAD_FILE, Access, connect, naming
from operations.errors import BrokenSealError, DiskError, NotAnOperationError, ReadOnlyError
from operations.log.errors import FrontierError
from operations.log.leaves import Leaf, LeafKind, decode, encode
from operations.log.merkle import Frontier, leaf_hash
from operations.staging import LOCKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from operations.vault.vault import Vault

FORMAT: Final = 2
_MODE: Final = slice(18, 20)
_WAL_MODE: Final = b"\x02\x02"
"""The two bytes of the header that say "write-ahead log" (https://www.sqlite.org/fileformat2.html, section 1.3.3)."""
_LOG = logging.getLogger(__name__)
TABLES: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB);
CREATE TABLE leaf (seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE record (kind BLOB, id BLOB, seq INTEGER NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 0), size INTEGER NOT NULL, root BLOB NOT NULL,
                   frontier BLOB NOT NULL);
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A record about to be added to the log."""

    kind: LeafKind
    subject: str
    body: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Number of leaves and root hash of the log."""

    size: int
    root: bytes

    def to_bytes(self) -> bytes:
        """Return the line kept in `log.head`."""
        return f"{self.size} {self.root.hex()}\n".encode("ascii")

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read that line; ValueError when it is none."""
        size, root = data.decode("ascii").split()
        return cls(size=int(size), root=bytes.fromhex(root))


class CaseFile:
    """An open case file.

    Parameters
    ----------
    folder
        The operation folder.
    vault
        What seals and opens the bodies of leaves.
    read_only
        Never write, even where that is possible.
    """

    def __init__(self, folder: Path, vault: Vault, *, read_only: bool = False) -> None:
        self.folder = folder
        self._vault = vault
        self._turn = threading.RLock()
        self.access: Access = connect(folder, read_only=read_only)
        self._database = self.access.database
        try:
            require_format(folder, format_of(self._database))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the case file; the last one to close it leaves no journal beside it."""
        self.access.close()

    def meta(self, key: str) -> bytes | None:
        """Return one of the operation's own values."""
        row = self._one("SELECT value FROM meta WHERE key = ?", (key,))
        return row[0] if row is not None and isinstance(row[0], bytes) else None

    def head(self) -> Head:
        """Return the size and root of the log as the database has them."""
        size, root, _ = self._head_row()
        return Head(size=size, root=root)

    def leaves(self, start: int = 0) -> Iterator[Leaf]:
        """Yield the log's leaves from number `start` on."""
        rows = self._rows("SELECT seq, body FROM leaf WHERE seq >= ? ORDER BY seq", (start,))
        return (self._opened(seq, body) for seq, body in rows)

    def leaf_hashes(self) -> list[bytes]:
        """Return the hash of every leaf, in the order of the log."""
        return [bytes(value) for (value,) in self._rows("SELECT hash FROM leaf ORDER BY seq")]

    def newest(self, kind: LeafKind) -> list[Leaf]:
        """Return the newest leaf of every subject of a kind, in the order of the log."""
        query = (
            "SELECT leaf.seq, leaf.body FROM record JOIN leaf ON leaf.seq = record.seq WHERE record.kind = ? "
            "ORDER BY record.seq"
        )
        return [self._opened(seq, body) for seq, body in self._rows(query, (self._vault.label(str(kind)),))]

    def record(self, kind: LeafKind, subject: str) -> Leaf | None:
        """Return the newest leaf about one subject, or None."""
        query = (
            "SELECT leaf.seq, leaf.body FROM record JOIN leaf ON leaf.seq = record.seq "
            "WHERE record.kind = ? AND record.id = ?"
        )
        row = self._one(query, (self._vault.label(str(kind)), self._vault.label(subject)))
        return None if row is None else self._opened(*row)

    def append(self, build: Callable[[], Sequence[Draft]], *, actor: str, clock: Callable[[], int]) -> list[Leaf]:
        """Add records to the log in one transaction, and renew `log.head`.

        Parameters
        ----------
        build
            Called inside the transaction, when nobody else can add anything: what it reads is what is there.

        Raises
        ------
        ReadOnlyError
            When the operation cannot be written.
        BrokenSealError
            When the log is not what it was: nothing is added to it then.
        DiskError
            When the disk is full or fails; nothing is added.
        """
        self.require_writable()
        with self._turn:
            with self._transaction():
                frontier = self._sound_frontier()
                leaves = [
                    Leaf(seq=seq, t_utc_ns=clock(), actor=actor, kind=d.kind, subject=d.subject, body=d.body)
                    for seq, d in enumerate(build(), start=frontier.size)
                ]
                head = add_leaves(self._database, self._vault, frontier, leaves)
            keep_head(self.folder, head)
        return leaves

    def require_writable(self) -> None:
        """Refuse, with the reason, where nothing can be added."""
        if self.access.why_not:
            raise ReadOnlyError(f"the operation is not written to: {self.access.why_not}", path=str(self.folder))

    def _rows(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        with self._turn, naming(self.folder):
            return self._database.execute(query, values).fetchall()

    def _one(self, query: str, values: tuple[object, ...] = ()) -> Any:
        return next(iter(self._rows(query, values)), None)

    def _head_row(self) -> tuple[int, bytes, bytes]:
        row = self._one("SELECT size, root, frontier FROM head")
        if row is None or [type(value) for value in row] != [int, bytes, bytes]:
            raise self._broken()
        return row[0], row[1], row[2]

    def _opened(self, seq: int, body: bytes) -> Leaf:
        return decode(self._vault.open(bytes(body), context=leaf_context(seq)))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with naming(self.folder):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    def _sound_frontier(self) -> Frontier:
        """Return the tree's right edge, or refuse to add to a log that is visibly not what it was."""
        size, root, edge = self._head_row()
        try:
            frontier = Frontier.from_bytes(edge)
        except FrontierError as error:
            raise self._broken() from error
        (last,) = self._one("SELECT max(seq) FROM leaf")
        count = 0 if last is None else int(last) + 1
        kept = read_head(self.folder)
        whole = frontier.size == size == count and frontier.root == root
        if not whole or kept is None or kept.size > size or (kept.size == size and kept.root != root):
            raise self._broken()
        return frontier

    def _broken(self) -> BrokenSealError:
        return BrokenSealError(
            f"the log of {self.folder} is not what it was ({HEAD_FILE} and the case file disagree), and nothing is "
            "added to it: 'vedette verify' names what is wrong; restore it from a backup, or go on in a new folder",
            path=str(self.folder),
        )


def format_of(database: sqlite3.Connection) -> str:
    """Return the format of a case file: its number, or nothing where it is none of ours."""
    names = {name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if "meta" in names:
        row = database.execute("SELECT CAST(value AS TEXT) FROM meta WHERE key = 'format'").fetchone()
        return str(row[0]) if row else ""
    return "1" if {"operation", "media", "audit"} <= names else ""


def require_format(folder: Path, found: str) -> None:
    """Refuse a case file of another format than ours, saying what to do."""
    if found == str(FORMAT):
        return
    if not found:
        what = f"{folder / CASE_FILE} is no case file of an operation: name a folder made by 'vedette ingest --out'"
    elif found == "1":
        what = f"{folder} is an operation of format 1: 'vedette migrate {folder}' turns it into format {FORMAT}"
    else:
        what = f"{folder} is an operation of format {found}, this program reads up to {FORMAT}: use a newer program"
    raise NotAnOperationError(what, path=str(folder), format=found)


def new_case_file(vault: Vault, meta: Mapping[str, bytes], leaves: Sequence[Leaf]) -> tuple[bytes, Head]:
    """Return the bytes and the head of a new case file that holds `leaves`, for the caller to write and to rename."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.executescript(TABLES)
        database.executemany("INSERT INTO meta VALUES (?, ?)", list(meta.items()))
        empty = Frontier()
        database.execute("INSERT INTO head VALUES (0, 0, ?, ?)", (empty.root, empty.to_bytes()))
        database.execute("BEGIN")
        head = add_leaves(database, vault, empty, leaves)
        database.execute("COMMIT")
        return in_wal_mode(database.serialize()), head


def in_wal_mode(data: bytes) -> bytes:
    """Return a database's bytes marked as one with a write-ahead log, from its first opening on."""
    return data[: _MODE.start] + _WAL_MODE + data[_MODE.stop :]


def add_leaves(database: sqlite3.Connection, vault: Vault, frontier: Frontier, leaves: Sequence[Leaf]) -> Head:
    """Insert leaves, their rows in the index and the new head into an open transaction."""
    hashes = []
    for leaf in leaves:
        data = encode(leaf)
        hashes.append(leaf_hash(data))
        body = vault.seal(data, context=leaf_context(leaf.seq))
        database.execute("INSERT INTO leaf VALUES (?, ?, ?)", (leaf.seq, hashes[-1], body))
        index = (vault.label(str(leaf.kind)), vault.label(leaf.subject), leaf.seq)
        database.execute("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", index)
    grown = frontier.extend(hashes)
    database.execute("UPDATE head SET size = ?, root = ?, frontier = ?", (grown.size, grown.root, grown.to_bytes()))
    return Head(size=grown.size, root=grown.root)


def leaf_context(seq: int) -> str:
    """Return what a sealed leaf is bound to, so that two leaves cannot change places."""
    return f"leaf {seq}"


def read_head(folder: Path) -> Head | None:
    """Return the head kept outside the case file; None when there is none that can be read."""
    try:
        return Head.from_bytes((folder / HEAD_FILE).read_bytes())
    except (OSError, ValueError):
        return None


def keep_head(folder: Path, head: Head) -> None:
    """Renew `log.head`; the records are committed already, so that a failure here is said and no more."""
    try:
        durable_file.make_folder(folder / LOCKS)  # a copy of an operation may lack what was empty
        with locks.turn(folder / LOCKS):
            kept = read_head(folder)
            if kept is None or kept.size < head.size:  # another process may have been quicker with a later one
                durable_file.write_whole(folder / HEAD_FILE, head.to_bytes())
    except (DiskError, OSError) as error:
        _LOG.warning("%s is one behind until the next record: %s", folder / HEAD_FILE, error)
