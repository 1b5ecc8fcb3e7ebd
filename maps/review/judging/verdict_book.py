"""What people decided, person by person: nobody's verdict replaces another's, and where two differ, that is said."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import threading
from typing import TYPE_CHECKING

from operations.log.leaves import LeafKind
from operations.regrouping import whole_of
from operations.standing import SECOND_READING, Given, Standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operations.log.leaves import Leaf
    from operations.store import OperationStore
    from operations.values import Decision


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One thing: which operation, which run, and the id of its track or single hit."""

    source: int
    run_id: str
    thing_id: str


class VerdictBook:
    """Verdicts of open operations, kept up with their logs.

    Parameters
    ----------
    stores
        The operations.
    """

    def __init__(self, stores: Sequence[OperationStore]) -> None:
        self._stores = tuple(stores)
        self._turn = threading.Lock()
        self._size = [0] * len(self._stores)
        self._all: list[Given] = []
        self._newest: dict[tuple[int, str], Given] = {}
        self._about: dict[Key, dict[str, None]] = collections.defaultdict(dict)
        self._pieces: dict[Key, dict[str, None]] = collections.defaultdict(dict)
        """By track, the verdicts about pieces of it."""

    def refresh(self) -> None:
        """Take in what came into the logs since."""
        with self._turn:
            for source, store in enumerate(self._stores):
                known, size = self._size[source], store.head().size
                if size > known:
                    leaves = store.leaves(known) if known else store.newest(LeafKind.VERDICT)
                    for leaf in leaves:
                        if leaf.kind is LeafKind.VERDICT and leaf.seq < size:
                            self._take(source, leaf)
                    self._size[source] = size

    @property
    def cursor(self) -> str:
        """Return how far each log was read, for `since`."""
        with self._turn:
            return ".".join(map(str, self._size))

    def since(self, cursor: str) -> list[Given]:
        """Return the verdicts that came after a cursor, in the order they came; all when it is none of ours."""
        numbers = [int(part) if part.isdigit() else 0 for part in cursor.split(".")]
        start = numbers if len(numbers) == len(self._size) else [0] * len(self._size)
        with self._turn:
            return [one for one in self._all if one.seq >= start[one.source]]

    def standing(self, key: Key) -> Standing:
        """Return what was decided about a thing."""
        with self._turn:
            whole = dataclasses.replace(key, thing_id=whole_of(key.thing_id))
            beside = self._about.get(whole, {}) if whole != key else self._pieces.get(key, {})
            listed = [self._newest[key.source, name] for name in {**self._about.get(key, {}), **beside}]
        return Standing.of(listed)

    def own(self, key: Key, person: str) -> Given | None:
        """Return a person's own verdict on a thing, withdrawn or not; None where they gave none."""
        with self._turn:
            return self._newest.get((key.source, verdict_id(key, person)))

    def before(self, given: Given) -> Given | None:
        """Return the verdict that this one replaced; None where it replaced none."""
        same = (one for one in reversed(self._all) if one.verdict.verdict_id == given.verdict.verdict_id)
        with self._turn:
            return next((one for one in same if one.source == given.source and one.seq < given.seq), None)

    def read_twice(self) -> list[tuple[Decision, Decision]]:
        """Return first and second decision of everything that was read by a second person who saw nothing."""
        with self._turn:
            seconds = [one for one in self._newest.values() if one.reading == SECOND_READING and one.counts]
            found = []
            for one in seconds:
                key = Key(source=one.source, run_id=one.verdict.run_id, thing_id=one.ids[0])
                others = [self._newest[one.source, name] for name in self._about[key]]
                first = [other for other in others if other.counts and other.by != one.by and not other.reading]
                found += (
                    [(min(first, key=lambda other: other.seq).verdict.decision, one.verdict.decision)] if first else []
                )
        return found

    def _take(self, source: int, leaf: Leaf) -> None:
        given = Given.of(leaf, source)
        self._all.append(given)
        self._newest[source, given.verdict.verdict_id] = given
        for name in given.ids:
            key = Key(source=source, run_id=given.verdict.run_id, thing_id=name)
            self._about[key][given.verdict.verdict_id] = None
            if (whole := whole_of(name)) != name:
                self._pieces[dataclasses.replace(key, thing_id=whole)][given.verdict.verdict_id] = None


def verdict_id(key: Key, person: str) -> str:
    """Return the id of one person's verdict on one thing: giving it again changes that one, and no other's."""
    text = "\n".join((key.run_id, key.thing_id, person))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
