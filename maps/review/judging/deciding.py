"""Writing down what somebody decided: one record a person and thing, added to the log and never over another's."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from geo.errors import InputError
from maps.review.judging.reasons import REASONS
from maps.review.judging.verdict_book import Key, VerdictBook, verdict_id
from operations.case_file import Draft
from operations.findings import printable
from operations.log.leaves import LeafKind
from operations.outcomes import LONGEST_NOTE
from operations.standing import READING, SETTLES, WITHDRAWN, Given
from operations.values import Decision, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from operations.store import OperationStore


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What somebody decided, and why.

    Raises
    ------
    InputError
        When the reason is none of the list for this decision, or the note is too long.
    """

    decision: Decision
    reason: str = ""
    note: str = ""
    settle: bool = False
    """Whether this settles a conflict of others, by a supervisor."""
    reading: str = ""
    """`SECOND_READING` for one that did not see the first; empty otherwise."""

    def __post_init__(self) -> None:
        if self.reason and self.reason not in REASONS[self.decision]:
            raise InputError(f"the reason {self.reason[:40]!a} is none for {self.decision}: take one of the list")
        if len(self.note) > LONGEST_NOTE:
            raise InputError(f"the note has {len(self.note)} characters: {LONGEST_NOTE} are enough")
        object.__setattr__(self, "note", printable(self.note.strip()))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is decided about: a thing, and whether it is a single hit."""

    key: Key
    single: bool
    hit_ids: tuple[str, ...] = ()
    """Of a piece of a split track, its hits: they are what the verdict is about when the track is made whole again."""

    def named(self) -> dict[str, Any]:
        """Return the fields of a verdict that name it."""
        if self.single:
            return {"hit_ids": (self.key.thing_id,)}
        return {"track_id": self.key.thing_id, "hit_ids": self.hit_ids}


def decide(
    stores: Mapping[int, OperationStore], book: VerdictBook, subjects: Sequence[Subject], judgement: Judgement
) -> None:
    """Write a judgement on things into the logs of their operations.

    Parameters
    ----------
    stores
        The operations by number, each opened in the name of who decides.
    book
        What was decided before; it has taken the new verdicts in afterwards.
    """
    book.refresh()
    for source, store in stores.items():
        of_it = [one for one in subjects if one.key.source == source]
        drafts = [_draft(one, judgement, store.actor, book) for one in of_it]
        if drafts:
            store.append_all(lambda drafts=drafts: drafts)  # type: ignore[misc]
    book.refresh()


def take_back(stores: Mapping[int, OperationStore], book: VerdictBook, keys: Sequence[Key]) -> int:
    """Undo a person's newest verdicts on things: what they decided before holds again. Returns how many there were.

    The log keeps both, the verdict and that it was taken back.
    """
    book.refresh()
    undone = 0
    for source, store in stores.items():
        mine = (book.own(key, store.actor) for key in keys if key.source == source)
        drafts = [_undone(given, book.before(given)) for given in mine if given is not None and not given.withdrawn]
        if drafts:
            store.append_all(lambda drafts=drafts: drafts)  # type: ignore[misc]
            undone += len(drafts)
    book.refresh()
    return undone


def _draft(subject: Subject, judgement: Judgement, person: str, book: VerdictBook) -> Draft:
    key = subject.key
    verdict = Verdict(
        verdict_id=verdict_id(key, person), run_id=key.run_id, decision=judgement.decision,
        reason=judgement.reason, note=judgement.note, **subject.named(),
    )  # fmt: skip
    body = verdict.body()
    if judgement.settle:
        others = (one for one in book.standing(key).given if one.counts and one.by != person)
        body[SETTLES] = [one.verdict.verdict_id for one in others]
    if judgement.reading:
        body[READING] = judgement.reading
    return Draft(kind=LeafKind.VERDICT, subject=verdict.verdict_id, body=body)


def _undone(given: Given, before: Given | None) -> Draft:
    if before is not None and before.counts:
        body = before.verdict.body() | {SETTLES: list(before.settles), READING: before.reading}
    else:
        taken = dataclasses.replace(given.verdict, confirmed=False, reason=WITHDRAWN, note="")
        body = taken.body()
    return Draft(kind=LeafKind.VERDICT, subject=given.verdict.verdict_id, body=body)
