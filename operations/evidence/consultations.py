"""Who saw what, when and why, and to whom it went: the log read for lawful review.

Directive (EU) 2016/680, article 25(2): for verifying that processing was lawful, self-monitoring, integrity
and security of the data, and criminal proceedings. It lists; it does not count or rank anybody.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from operations.log.leaves import LeafKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from operations.signing.view_journal import JournalEntry
    from operations.store import OperationStore

_LISTED: Final = frozenset(
    {LeafKind.VIEW, LeafKind.EXPORT, LeafKind.ATTEMPT, LeafKind.CASE, LeafKind.HOLD, LeafKind.ERASURE}
)
_OWN: Final = frozenset({"case", "reason", "to", "note", "keys", "files"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ConsultationEntry:
    """One line of the report."""

    record: int | None
    """Number of the record in the log; none for what a viewer's own journal tells."""
    t_utc_ns: int
    who: str
    kind: LeafKind
    what: str
    case: str
    reason: str
    to: str
    """Whom it went to; empty where nothing left."""
    details: Mapping[str, Any]


def from_journal(store: OperationStore, entries: Iterable[JournalEntry]) -> list[ConsultationEntry]:
    """Return what a viewer's own journal tells of views of this operation, made where it could not be written."""
    return [
        ConsultationEntry(
            record=None,
            t_utc_ns=entry.t_s * 1_000_000_000,
            who=entry.who,
            kind=LeafKind.VIEW,
            what=entry.what,
            case=str(entry.body.get("case", "")),
            reason=str(entry.body.get("reason", "")),
            to="",
            details={name: value for name, value in entry.body.items() if name not in _OWN},
        )
        for entry in entries
        if entry.operation == store.id
    ]


def consultations(store: OperationStore, *, case: str | None = None) -> list[ConsultationEntry]:
    """Return every view, export, refused attempt, opened case, hold and erasure, in the order of the log."""
    found = []
    for leaf in store.leaves():
        if leaf.kind not in _LISTED or (leaf.kind is LeafKind.ATTEMPT and "lacking" not in leaf.body):
            continue
        own_case = str(leaf.body.get("case", ""))
        if case is None or case == own_case:
            found.append(
                ConsultationEntry(
                    record=leaf.seq,
                    t_utc_ns=leaf.t_utc_ns,
                    who=leaf.actor,
                    kind=leaf.kind,
                    what=str(leaf.body.get("name") or leaf.subject),
                    case=own_case,
                    reason=str(leaf.body.get("reason", "")),
                    to=str(leaf.body.get("to", "")),
                    details={name: value for name, value in leaf.body.items() if name not in _OWN},
                )
            )
    return found
