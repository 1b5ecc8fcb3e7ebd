"""The operation folder: sealed originals, derived parts, and the case file with its log.

Layout::

    operation.sqlite                        the case file: every record, as leaves of a Merkle log
    log.head                                size and root of that log, outside the case file
    media/<label><suffix>                   originals, byte for byte
    parts/<run id>/<table>-<number>.parquet rows made from them, only ever added
    keys.json                               only when encrypted
    locks/                                  who is writing now

A record commits after the files it names are synced: what is recorded is whole, and
what is not recorded is made again on the next run. Reading writes nothing.
"""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from operations import columns, durable_file, locks, schema
from operations.case_access import CASE_FILE, HEAD_FILE, require_case_file
from operations.case_file import FORMAT, CaseFile, Draft, Head, new_case_file
from operations.errors import OperationExistsError
from operations.law.tombstones import erased_media
from operations.log.leaves import Leaf, LeafKind
from operations.migration import as_format_2, found_format
from operations.originals import stored_path
from operations.parts_file import read_part
from operations.run_writer import RunWriter
from operations.staging import LOCKS, MEDIA, PARTS, Staging
from operations.values import MediaRecord, PartRecord, PatrolOutcome, RunRecord, Verdict
from operations.vault.keys_file import KEYS_FILE, create_vault, open_vault
from operations.vault.vault import PlainVault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from detection.ground_hits import GroundHits
    from detection.ground_tracks import GroundTracks
    from operations.frames import Frames
    from operations.vault.key_ring import Secret
    from operations.vault.vault import Vault


class OperationStore:
    """An open operation folder.

    Parameters
    ----------
    path
        The folder.
    case
        Its open case file.
    actor
        Whose name goes into the log.
    clock
        Returns the time now as UTC nanoseconds.
    vault
        How its bytes lie on disk.
    """

    def __init__(self, path: Path, *, case: CaseFile, actor: str, clock: Callable[[], int], vault: Vault) -> None:
        self.path = path
        self.actor = actor
        self.clock = clock
        self.vault = vault
        self._case = case
        self._shown: contextlib.ExitStack | None = None
        self._at_close: Callable[[OperationStore], None] | None = None
        self._known_size = 0

    @classmethod
    def create(
        cls, path: Path, *, name: str, actor: str, clock: Callable[[], int], secret: Secret | None = None
    ) -> Self:
        """Make a new operation folder, encrypted where a secret is given: it is there as a whole or not at all.

        Raises
        ------
        OperationExistsError
            When the folder holds something else.
        DiskError
            When it cannot be written.
        """
        _require_blank(path)
        vault = _build(path, name=name, actor=actor, clock=clock, secret=secret)
        return cls(path, case=CaseFile(path, vault), actor=actor, clock=clock, vault=vault)

    @classmethod
    def open_or_create(
        cls, path: Path, *, name: str, actor: str, clock: Callable[[], int], secret: Secret | None = None
    ) -> Self:
        """Open an operation folder, or make one where there is none; errors as with `open` and `create`."""
        if not (path / CASE_FILE).exists():
            try:
                return cls.create(path, name=name, actor=actor, clock=clock, secret=secret)
            except OperationExistsError:
                if not (path / CASE_FILE).exists():  # else another process made it just now
                    raise
        return cls.open(path, actor=actor, clock=clock, secret=secret)

    @classmethod
    def open(
        cls, path: Path, *, actor: str, clock: Callable[[], int], secret: Secret | None = None, read_only: bool = False
    ) -> Self:
        """Open an existing operation folder, to write where that is possible.

        Raises
        ------
        NotAnOperationError
            When the folder is missing, or holds no readable case file.
        SecretError
            When it is encrypted and this secret does not open it.
        """
        require_case_file(path)
        if found_format(path) == "1":
            return cls._open_format_1(path, actor=actor, clock=clock)
        vault = open_vault(path, secret)
        return cls(path, case=CaseFile(path, vault, read_only=read_only), actor=actor, clock=clock, vault=vault)

    @classmethod
    def _open_format_1(cls, path: Path, *, actor: str, clock: Callable[[], int]) -> Self:
        """Show an operation of format 1 as one of today's, for reading."""
        vault = PlainVault()
        with contextlib.ExitStack() as shown:
            folder = shown.enter_context(as_format_2(path))
            case = CaseFile(folder, vault, read_only=True)
            case.access.why_not = f"{path} is of format 1: 'vedette migrate {path}' turns it into format {FORMAT}"
            store = cls(folder, case=case, actor=actor, clock=clock, vault=vault)
            store._shown = shown.pop_all()
            return store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def at_close(self, do: Callable[[OperationStore], None]) -> None:
        """Have something done before it is closed, where records came in after this."""
        self._at_close, self._known_size = do, self.head().size

    def close(self) -> None:
        """Close the case file; no journal is left beside it."""
        do, self._at_close = self._at_close, None
        try:
            if do is not None and self.head().size > self._known_size:
                do(self)
        finally:
            self._case.close()
        if self._shown is not None:
            self._shown.close()

    @property
    def why_not_writable(self) -> str:
        """Why nothing can be added to the operation; empty when it can."""
        return self._case.access.why_not

    @property
    def name(self) -> str:
        """The operation's name."""
        return self.vault.open(self._case.meta("name") or b"", context="name").decode("utf-8", "replace")

    @property
    def id(self) -> str:
        """The operation's random id, 32 hexadecimal digits."""
        return (self._case.meta("id") or b"").decode("ascii", "replace")

    def append(self, kind: LeafKind, subject: str, body: Mapping[str, Any]) -> Leaf:
        """Add one record to the log; any process may do so at any time.

        Raises
        ------
        ReadOnlyError, BrokenSealError, DiskError
            When nothing can be, or may be, added.
        """
        return self.append_all(lambda: [Draft(kind=kind, subject=subject, body=body)])[0]

    def append_all(self, build: Callable[[], Sequence[Draft]]) -> list[Leaf]:
        """Add records in one transaction; `build` is called inside it, when nobody else can add any."""
        return self._case.append(build, actor=self.actor, clock=self.clock)

    def leaves(self, start: int = 0) -> Iterator[Leaf]:
        """Yield the log's records from number `start` on."""
        return self._case.leaves(start)

    def leaf_hashes(self) -> list[bytes]:
        """Return the hash of every record, in the order of the log: what proofs are made of."""
        return self._case.leaf_hashes()

    def newest(self, kind: LeafKind) -> list[Leaf]:
        """Return the newest record about every subject of a kind, in the order of the log."""
        return self._case.newest(kind)

    def record(self, kind: LeafKind, subject: str) -> Leaf | None:
        """Return the newest record about one subject; None where there is none."""
        return self._case.record(kind, subject)

    def head(self) -> Head:
        """Return the size and root of the log."""
        return self._case.head()

    def media(self) -> list[MediaRecord]:
        """Return the recorded originals in the order they came in; those that were erased are none any more."""
        erased = self.erased()
        return [MediaRecord.of(leaf.body) for leaf in self._case.newest(LeafKind.MEDIA) if leaf.subject not in erased]

    def erased(self) -> frozenset[str]:
        """Return the ids of originals that were erased: their records stay, nothing of them is shown."""
        return erased_media(self._case.newest(LeafKind.ERASURE))

    def runs(self, *, superseded: bool = False) -> list[RunRecord]:
        """Return the runs in the order of the log; those that a later run replaced only when asked for."""
        erased = self.erased()
        runs = [RunRecord.of(leaf.body) for leaf in self._case.newest(LeafKind.RUN)]
        runs = [run for run in runs if not erased.intersection(run.media_ids)]
        replaced = set() if superseded else {run.supersedes for run in runs}
        return [run for run in runs if run.run_id not in replaced]

    def run_ids(self, media_id: str) -> list[str]:
        """Return the runs over one original that were not superseded."""
        return [run.run_id for run in self.runs() if media_id in run.media_ids]

    def parts(self, table: str | None = None, *, runs: Sequence[str] | None = None) -> list[PartRecord]:
        """Return the recorded parts of a table, of the runs named or of all that were not superseded."""
        wanted = {run.run_id for run in self.runs()} if runs is None else set(runs)
        parts = (PartRecord.of(leaf.body) for leaf in self._case.newest(LeafKind.PART))
        return [part for part in parts if part.run_id in wanted and table in (None, part.table)]

    def verdicts(self, *, runs: Sequence[str] | None = None) -> list[Verdict]:
        """Return the newest state of every verdict, on the runs named or on all of them."""
        verdicts = (Verdict.of(leaf.body) for leaf in self._case.newest(LeafKind.VERDICT))
        return [verdict for verdict in verdicts if runs is None or verdict.run_id in runs]

    def outcomes(self, *, runs: Sequence[str] | None = None) -> list[PatrolOutcome]:
        """Return the newest state of every outcome that patrols brought back, on the runs named or on all of them."""
        outcomes = (PatrolOutcome.of(leaf.body) for leaf in self._case.newest(LeafKind.OUTCOME))
        return [outcome for outcome in outcomes if runs is None or outcome.run_id in runs]

    def table(self, name: str, *, runs: Sequence[str] | None = None) -> pa.Table:
        """Return all rows of a table, of the runs named or of all that were not superseded.

        Raises
        ------
        DamagedError
            When a part is missing or no Parquet file.
        """
        parts = self.parts(name, runs=runs)
        wanted = schema.TABLES[name]
        if not parts:
            return wanted.empty_table()
        rows = pa.concat_tables([read_part(self.path, part, vault=self.vault) for part in parts])
        return columns.joined_tracks(rows) if name == "tracks" and len(parts) > 1 else rows

    def hits(self, *, runs: Sequence[str] | None = None) -> GroundHits:
        """Return ground hits as columns."""
        return columns.hits_of(self.table("hits", runs=runs))

    def tracks(self, *, runs: Sequence[str] | None = None) -> GroundTracks:
        """Return ground tracks as columns."""
        return columns.tracks_of(self.table("tracks", runs=runs))

    def frames(self, *, runs: Sequence[str] | None = None) -> Frames:
        """Return the analysed frames as columns."""
        return columns.frames_of(self.table("frames", runs=runs))

    def chips(self, hit_ids: Sequence[str] | None = None, *, runs: Sequence[str] | None = None) -> dict[str, bytes]:
        """Return the small pictures of hits, by hit id."""
        table = self.table("chips", runs=runs)
        if hit_ids is not None:
            table = table.filter(pc.is_in(table["hit_id"], value_set=pa.array(list(hit_ids), pa.string())))
        return columns.chips_of(table)

    def staging(self) -> Staging:
        """Become a writer of files; what dead writers left is removed first."""
        self._case.require_writable()
        return Staging(self.path, recorded=self.recorded)

    def begin_run(self, run: RunRecord, *, staging: Staging | None = None) -> RunWriter:
        """Begin to write a run.

        Parameters
        ----------
        run
            What is known of it now.
        staging
            The writer that has claimed the run's medium; a live run claims itself.

        Raises
        ------
        MediumBusyError
            When another process writes the same.
        """
        if staging is None:
            staging = self.staging()
            try:
                staging.claim(run.run_id, "this run")
            except BaseException:
                staging.close()
                raise
        return RunWriter(self, run, staging)

    def recorded(self, names: Sequence[str]) -> set[str]:
        """Return those of the paths given, relative to the folder, that some record names."""
        found = {name for name in names if self._case.record(LeafKind.PART, name) is not None}
        if len(found) < len(names):
            members = (member for record in self.media() for member in record.members)
            found |= {f"{MEDIA}/{stored_path(self.path, member, self.vault).name}" for member in members} & set(names)
        return found


def _require_blank(path: Path) -> None:
    """Refuse a folder that holds more than what a creation that was cut short leaves."""
    if not path.exists():
        return
    ours = {LOCKS, MEDIA, PARTS, HEAD_FILE, KEYS_FILE}
    blank = path.is_dir() and all(
        (entry.name in ours or entry.name.endswith(durable_file.PART)) and not (entry.is_dir() and any(entry.iterdir()))
        for entry in path.iterdir()
    )
    if not blank:
        raise OperationExistsError(
            f"{path} is not empty: choose a new folder for the operation, or open this one without creating it",
            path=str(path),
        )


def _build(path: Path, *, name: str, actor: str, clock: Callable[[], int], secret: Secret | None) -> Vault:
    """Write an operation's folders, keys and head, and last of all its case file."""
    for folder in (MEDIA, PARTS, LOCKS):
        durable_file.make_folder(path / folder)
    durable_file.make_private(path)
    with locks.turn(path / LOCKS):
        _require_blank(path)
        for left in (*path.glob(f"*{durable_file.PART}"), path / KEYS_FILE):
            durable_file.remove(left)
        vault = PlainVault() if secret is None else create_vault(path, secret)
        data, head = _first_leaf(vault, name, actor, clock())
        durable_file.write_whole(path / HEAD_FILE, head.to_bytes())
        durable_file.write_whole(path / CASE_FILE, data)
    return vault


def _first_leaf(vault: Vault, name: str, actor: str, now_ns: int) -> tuple[bytes, Head]:
    own_id = secrets.token_hex(16)
    body = {"name": name, "id": own_id, "format": FORMAT}
    first = Leaf(seq=0, t_utc_ns=now_ns, actor=actor, kind=LeafKind.OPERATION, subject=own_id, body=body)
    meta = {
        "format": str(FORMAT).encode(),
        "id": own_id.encode(),
        "name": vault.seal(name.encode("utf-8", "backslashreplace"), context="name"),
        "created": str(now_ns).encode(),
    }
    return new_case_file(vault, meta, [first])
