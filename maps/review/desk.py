"""The operations on the table: open for questions together, and for each person in their own name for the log."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from typing import TYPE_CHECKING, Any, Final

from geo.errors import InputError, VedetteError
from maps.review.errors import NotThereError
from operations.consultation import Access, Consultation, consult
from operations.errors import ReadOnlyError
from operations.finding.archive import Archive
from operations.finding.seen import FootprintIndex
from operations.finding.thing_index import ThingIndex
from operations.log.leaves import LeafKind
from operations.store import OperationStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from operations.vault.key_ring import Secret

CONSOLE: Final = "console"
"""In whose name the console itself reads, and writes down what it refused."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """An operation folder, and what opens it."""

    path: Path
    secret: Secret | None = None


class Desk:
    """Open operations.

    Parameters
    ----------
    folders
        Operation folders. One that cannot be opened is left out, and said.
    clock
        Returns the time now as UTC nanoseconds.

    Raises
    ------
    InputError
        When none can be opened.
    """

    def __init__(self, folders: Sequence[Folder], *, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.turn = threading.RLock()
        """Held while operations are read: the engine answers one at a time."""
        self.problems: list[str] = []
        """What could not be opened, and why, in sentences."""
        self._open = contextlib.ExitStack()
        self._by_person: dict[tuple[int, str], OperationStore] = {}
        self.folders: list[Folder] = []
        stores = [store for folder in folders if (store := self._opened(folder)) is not None]
        if not stores:
            raise InputError("; ".join(self.problems) or "name at least one operation folder")
        self.archive = self._open.enter_context(Archive(stores))
        self.index = ThingIndex(self.archive)
        self.footprints = FootprintIndex(self.archive)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def stores(self) -> tuple[OperationStore, ...]:
        """The operations, as the console reads them."""
        return self.archive.stores

    def store_of(self, source: int, person: str) -> OperationStore:
        """Return an operation opened in one person's name: what is added through it is theirs.

        Raises
        ------
        NotThereError
            When there is no operation of this number on the table.
        """
        if not 0 <= source < len(self.folders):
            raise NotThereError(f"there is no operation number {source} on the table: load the page again")
        with self.turn:
            key = (source, person)
            if key not in self._by_person:
                folder = self.folders[source]
                store = OperationStore.open(folder.path, actor=person, clock=self.clock, secret=folder.secret)
                self._by_person[key] = self._open.enter_context(store)
            return self._by_person[key]

    def consult(self, person: str, *, access: Access, what: str) -> list[Consultation]:
        """Return a person's right to look into each operation, by the case they have open there.

        Raises
        ------
        WithoutPurposeError
            When they have none open; the attempt is logged.
        """
        stores = [self.store_of(source, person) for source in range(len(self.stores))]
        return [consult(store, access=access, what=what, case=None, reason=None) for store in stores]

    def write_refusal(self, why: str, who: str, body: dict[str, Any]) -> None:
        """Put something the console refused into every operation's log."""
        for store in self.stores:
            with contextlib.suppress(VedetteError):  # what cannot be logged is refused all the same
                store.append(LeafKind.ATTEMPT, f"console: {why}", {"who": who, **body})

    def _opened(self, folder: Folder) -> OperationStore | None:
        try:
            store = OperationStore.open(folder.path, actor=CONSOLE, clock=self.clock, secret=folder.secret)
            if store.why_not_writable:
                store.close()
                raise ReadOnlyError(
                    f"{folder.path} cannot be reviewed, for no look could be logged: {store.why_not_writable}"
                )
        except VedetteError as error:
            self.problems.append(error.message)
            return None
        self.folders.append(folder)
        return self._open.enter_context(store)
