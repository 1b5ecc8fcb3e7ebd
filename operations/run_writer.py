"""The one writer of a run: rows become parts, and parts become part of the operation all at once."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Protocol, Self

from operations.case_file import Draft
from operations.log.leaves import LeafKind
from operations.parts_file import part_name, write_part
from operations.staging import PARTS
from operations.values import PartRecord, RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    import pyarrow as pa

    from operations.log.leaves import Leaf
    from operations.staging import Staging
    from operations.values import RunRecord
    from operations.vault.vault import Vault


class Operation(Protocol):
    """What a run is written into: a folder, how its bytes lie there, and its log."""

    path: Path
    vault: Vault

    def append_all(self, build: Callable[[], Sequence[Draft]]) -> list[Leaf]:
        """Add records in one transaction."""
        ...


class RunWriter:
    """Writes one run; a context manager that leaves nothing behind unless it was finished.

    Parameters
    ----------
    store
        The operation.
    run
        What is known of the run at its beginning.
    staging
        The writer's unfinished files; it has claimed the run's medium, or the live run.
    """

    def __init__(self, store: Operation, run: RunRecord, staging: Staging) -> None:
        self.run = run
        self._store = store
        self._staging = staging
        self._numbers: collections.Counter[str] = collections.Counter()
        self._waiting: list[tuple[Path, PartRecord]] = []
        self._begun = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._staging.close()

    def add(self, table_name: str, rows: pa.Table) -> PartRecord:
        """Write rows into a part file of their own, synced, that belongs to nothing yet."""
        number = self._numbers[table_name]
        self._numbers[table_name] += 1
        file = part_name(self.run.run_id, table_name, number)
        blank = PartRecord(run_id=self.run.run_id, table=table_name, file=file, size_bytes=0, sha256="", rows=0)
        unfinished = self._staging.place(PARTS, f"{table_name}-{number:04d}.parquet")
        part = write_part(rows, unfinished, final=self._store.path / file, vault=self._store.vault, record=blank)
        self._waiting.append((unfinished, part))
        return part

    def publish(self) -> list[PartRecord]:
        """Put the waiting part files in their places, durably; returns what is to be recorded of them."""
        waiting, self._waiting = self._waiting, []
        self._staging.publish([(unfinished, self._store.path / part.file) for unfinished, part in waiting])
        return [part for _, part in waiting]

    def commit_parts(self) -> None:
        """Make what was added so far part of the operation: a live run does so as its rows come."""
        drafts = [_part_draft(part) for part in self.publish()]
        if not self._begun:
            drafts.insert(0, Draft(kind=LeafKind.RUN, subject=self.run.run_id, body=self.run.body()))
        self._store.append_all(lambda: drafts)
        self._staging.forget_published()
        self._begun = True

    def finish(
        self, run: RunRecord, *, before: Sequence[Draft] = (), also: Callable[[], Sequence[Draft]] = tuple
    ) -> None:
        """Record everything in one transaction: from then on the run exists.

        Parameters
        ----------
        run
            The run as it ended.
        before
            Records it rests on, such as its medium's.
        also
            Asked inside the transaction for what follows from it, such as verdicts carried over.
        """
        parts = [_part_draft(part) for part in self.publish()]
        ended = Draft(kind=LeafKind.RUN, subject=run.run_id, body=run.body())
        self._store.append_all(lambda: [*before, *parts, ended, *also()])
        self.run = run

    @property
    def finished(self) -> bool:
        """Whether the run is recorded as finished."""
        return self.run.state is RunState.FINISHED


def _part_draft(part: PartRecord) -> Draft:
    return Draft(kind=LeafKind.PART, subject=part.file, body=part.body())
