"""Operations opened together, so that one question goes to all; what was read of them stays in memory.

Small parts by the thousand cost more to open than to read, and an index beside them would be a second copy of where
persons were that erasure, encryption and verification had to know of. So what questions need is read once a
process, of those parts only that can hold an answer, and looked through as arrays from then on.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Self

import duckdb
import pyarrow as pa

from operations import schema
from operations.errors import DamagedError
from operations.log.leaves import LeafKind
from operations.parts_file import read_part
from operations.queries import quiet_engine
from operations.recorded_files import leads_out
from operations.regrouping import Regrouping
from operations.standing import Given

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from operations.case_file import Head
    from operations.store import OperationStore
    from operations.values import PartRecord, PatrolOutcome, RunRecord

_FURNISHING = frozenset({LeafKind.MEDIA, LeafKind.RUN, LeafKind.PART, LeafKind.ERASURE, LeafKind.MERGE})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SourcePart:
    """A part of one of the operations."""

    source: int
    part: PartRecord

    @property
    def key(self) -> tuple[int, str]:
        """Return what tells it from every other."""
        return self.source, self.part.file

    @property
    def run(self) -> tuple[int, str]:
        """Return which run of which operation it is of."""
        return self.source, self.part.run_id


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where things come from: an operation, and how far its log was when they were asked for."""

    name: str
    operation_id: str
    head: Head

    @property
    def log_head(self) -> str:
        """Return size and root of the log."""
        return f"{self.head.size} {self.head.root.hex()}"


@dataclasses.dataclass(slots=True, kw_only=True)
class _Catalogue:
    """What one operation's log says now."""

    parts: list[SourcePart]
    runs: dict[str, RunRecord]
    media_names: dict[str, str]
    origin: Origin
    given: list[Given]
    regrouping: Regrouping
    outcomes: list[PatrolOutcome]


class Archive:
    """Open operations, their parts, and an engine that reads many of them at once.

    Parameters
    ----------
    stores
        Open operations; they stay the caller's to close.
    memory_mb
        Most memory the engine may take while it reads.
    """

    def __init__(self, stores: Sequence[OperationStore], *, memory_mb: int = 512) -> None:
        self.stores = tuple(stores)
        self._engine = quiet_engine(memory_mb=memory_mb)
        self._known: list[_Catalogue] = []
        self._by_table: dict[str, list[SourcePart]] = {}
        self.generation = 0
        """Grows whenever there are other runs or parts than before."""
        self.refresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.close()

    def refresh(self) -> None:
        """Take in what came into the logs since; views and notes change nothing."""
        if not self._known:
            self._known = [_catalogue(number, store) for number, store in enumerate(self.stores)]
            self._sort_parts()
            return
        for number, (store, known) in enumerate(zip(self.stores, self._known, strict=True)):
            size, head = known.origin.head.size, store.head()
            kinds = {leaf.kind for leaf in store.leaves(size)} if head.size > size else set()
            if kinds & _FURNISHING:
                self._known[number] = _catalogue(number, store)
                self._sort_parts()
                self.generation += 1
            elif kinds:
                self._regroup(number, store, kinds)
                known.origin = dataclasses.replace(known.origin, head=head)
                known.given = _given(number, store) if LeafKind.VERDICT in kinds else known.given
                known.outcomes = store.outcomes() if LeafKind.OUTCOME in kinds else known.outcomes

    def _regroup(self, number: int, store: OperationStore, kinds: set[LeafKind]) -> None:
        """Take in what people set right of tracks; where one was split or made whole, there are other things."""
        if LeafKind.NOTE not in kinds:
            return
        known = self._known[number]
        now, before = Regrouping.of(store), known.regrouping
        if now != before:
            known.regrouping = now
            self.generation += now.cuts != before.cuts

    def _sort_parts(self) -> None:
        self._by_table = {table: list[SourcePart]() for table in schema.TABLES}
        for known in self._known:
            for one in known.parts:
                if one.part.rows:
                    self._by_table.setdefault(one.part.table, []).append(one)

    def parts(self, table: str) -> list[SourcePart]:
        """Return the parts of a table, of the runs that were not superseded; empty ones are left out."""
        return self._by_table.get(table, [])

    def runs(self, source: int) -> dict[str, RunRecord]:
        """Return an operation's current runs by id."""
        return self._known[source].runs

    def origin(self, source: int) -> Origin:
        """Return which operation it is, and how far its log was when it was last looked at."""
        return self._known[source].origin

    def media_name(self, source: int, media_id: str) -> str:
        """Return the name a recording came with."""
        return self._known[source].media_names.get(media_id, media_id[:12])

    def given(self, source: int) -> list[Given]:
        """Return the newest state of an operation's verdicts, with who gave them, in the order of the log."""
        return self._known[source].given

    def regrouping(self, source: int) -> Regrouping:
        """Return what people set right of an operation's tracks."""
        return self._known[source].regrouping

    def outcomes(self, source: int) -> list[PatrolOutcome]:
        """Return the newest state of what an operation's patrols found."""
        return self._known[source].outcomes

    def read(
        self, source: int, query: str, tables: Mapping[str, Sequence[PartRecord]], **parameters: object
    ) -> pa.Table:
        """Put a query to parts of one operation.

        Parameters
        ----------
        query
            SQL in which the names of `tables`, in braces, stand for the rows of their parts.
        tables
            Parts by those names, at least one each; those that the query does not name are passed over.
        parameters
            Values that the query names with a dollar sign; others are passed over.

        Raises
        ------
        DamagedError
            When a part is missing or cannot be read.
        """
        store = self.stores[source]
        tables = {name: listed for name, listed in tables.items() if f"{{{name}}}" in query}
        parameters = {name: value for name, value in parameters.items() if f"${name}" in query}
        parts = [part for listed in tables.values() for part in listed]
        for part in parts:
            if leads_out(part.file):
                raise DamagedError(
                    f"a record of {store.path} names {part.file!r}, which leads out of it", path=part.file
                )
        values: dict[str, object] = {
            name: [str(store.path / part.file) for part in listed] for name, listed in tables.items()
        }
        rows = {name: f"read_parquet(${name})" for name in tables}
        try:
            if store.vault.encrypted:
                values, rows = {}, {name: f"opened_{name}" for name in tables}
                for name, listed in tables.items():
                    opened = [read_part(store.path, part, vault=store.vault) for part in listed]
                    self._engine.register(f"opened_{name}", pa.concat_tables(opened))
            return self._engine.sql(query.format(**rows), params=values | parameters).to_arrow_table()
        except duckdb.Error:
            for part in parts:  # whatever DuckDB says of a damaged part, name the part
                read_part(store.path, part, vault=store.vault)
            raise
        finally:
            for name in rows.values():
                if name.startswith("opened_"):
                    self._engine.unregister(name)


def _catalogue(number: int, store: OperationStore) -> _Catalogue:
    origin = Origin(name=store.name, operation_id=store.id, head=store.head())
    return _Catalogue(
        origin=origin,
        parts=[SourcePart(source=number, part=part) for part in store.parts()],
        runs={run.run_id: run for run in store.runs()},
        media_names={media.id: media.name for media in store.media()},
        given=_given(number, store),
        regrouping=Regrouping.of(store),
        outcomes=store.outcomes(),
    )


def _given(number: int, store: OperationStore) -> list[Given]:
    return [Given.of(leaf, number) for leaf in store.newest(LeafKind.VERDICT)]
