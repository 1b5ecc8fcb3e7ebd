"""Tracks taken for one thing, by people or as likely by the program: one line in the queue, handed on together.

The tracks themselves stay as the run made them. What is decided about a joined thing is decided about each of its
tracks, and all of them are handed on.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from geo.errors import InputError
from maps.review.judging.verdict_book import Key
from operations import regrouping
from operations.log.leaves import LeafKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from operations.store import OperationStore


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Tracks that stand for one thing, in the order in which they were picked."""

    subject: str
    keys: tuple[Key, ...]
    by: str
    probability: float | None = None
    """Of its least likely link, where the program joined it by itself."""


class Joins:
    """What is joined, by track.

    Parameters
    ----------
    stores
        The operations by number.
    """

    def __init__(self, stores: Sequence[OperationStore]) -> None:
        self._stores = tuple(stores)
        self._sizes: tuple[int, ...] = ()
        self._by_key: dict[Key, Joined] = {}

    def refresh(self) -> None:
        """Take in what the logs say now."""
        sizes = tuple(store.head().size for store in self._stores)
        if sizes == self._sizes:
            return
        known: dict[Key, Joined] = {}
        for source, store in enumerate(self._stores):
            for leaf in store.newest(LeafKind.NOTE):
                if leaf.subject.startswith(regrouping.JOINED):
                    tracks = regrouping.tracks_of(leaf)
                    keys = tuple(Key(source=source, run_id=run_id, thing_id=name) for run_id, name in tracks)
                    least = min(leaf.body.get(regrouping.PROBABILITIES) or [None])
                    one = Joined(subject=leaf.subject, keys=keys, by=leaf.actor, probability=least)
                    known |= dict.fromkeys(keys, one)
        self._by_key, self._sizes = known, sizes

    def of(self, key: Key) -> Joined | None:
        """Return what a track is joined in; None where it stands alone."""
        return self._by_key.get(key)

    def whole(self, keys: Iterable[Key]) -> list[Key]:
        """Return tracks together with all that they are joined with, each once."""
        found: dict[Key, None] = {}
        for key in keys:
            joined = self._by_key.get(key)
            found |= dict.fromkeys((key,) if joined is None else joined.keys)
        return list(found)


def join(store: OperationStore, keys: Sequence[Key]) -> None:
    """Join tracks of one operation, in the name the store was opened in; what was joined with them comes along.

    Raises
    ------
    InputError
        When they are fewer than two, too many, or of several operations.
    """
    if len({key.source for key in keys}) > 1:
        raise InputError("tracks of several operations cannot be joined: 'vedette merge' makes one operation of them")
    regrouping.join(store, [(key.run_id, key.thing_id) for key in keys])


def part(store: OperationStore, joined: Joined) -> None:
    """Set what was joined apart again; the log keeps both."""
    draft = regrouping.parted_draft(joined.subject)
    store.append(draft.kind, draft.subject, draft.body)
