"""What people decided about one thing, taken together: nobody's verdict replaces another's, nor does a later one.

Each person has one word, their newest. Where two people's words differ, that is a conflict, and stays one whatever
came last, until somebody settles it by a record that names the verdicts it settles.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, Self

from operations.values import Decision, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operations.log.leaves import Leaf

CONFLICT: Final = "conflict"
"""Stands where two people decided differently and nobody has settled it."""
WITHDRAWN: Final = "withdrawn"
"""Reason of a verdict that was taken back."""
SETTLES: Final = "settles"
"""Field of a record: the verdicts of others that this one settles."""
READING: Final = "reading"
"""Field of a record: how the thing came before its reader, where that was not by the queue."""
SECOND_READING: Final = "second"
"""A reading that did not see the first."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A verdict with who gave it and when."""

    source: int
    """Which of the operations on the table its log is, from 0."""
    seq: int
    by: str
    t_utc_ns: int
    verdict: Verdict
    settles: tuple[str, ...] = ()
    reading: str = ""
    """`SECOND_READING` where it was given without seeing the first; empty otherwise."""

    @classmethod
    def of(cls, leaf: Leaf, source: int) -> Self:
        """Read a record of the log."""
        return cls(
            source=source, seq=leaf.seq, by=leaf.actor, t_utc_ns=leaf.t_utc_ns, verdict=Verdict.of(leaf.body),
            settles=_texts(leaf.body.get(SETTLES)), reading=str(leaf.body.get(READING) or ""),
        )  # fmt: skip

    @property
    def counts(self) -> bool:
        """Whether it stands: it was not withdrawn, and is not only a proposal from an earlier run."""
        return self.verdict.confirmed

    @property
    def withdrawn(self) -> bool:
        """Whether the person took it back."""
        return not self.verdict.confirmed and self.verdict.reason == WITHDRAWN

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of what it is about."""
        return tuple(name for name in (self.verdict.track_id, *self.verdict.hit_ids) if name)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What was decided about a thing in the end, and by whom."""

    decision: str
    """A decision, `CONFLICT`, or empty where nobody has decided."""
    given: tuple[Given, ...]
    """The newest verdict of each person, in the order of the log; also proposals from earlier runs."""

    @classmethod
    def of(cls, given: Iterable[Given]) -> Self:
        """Take verdicts on one thing together, each in its newest state."""
        listed = sorted(given, key=lambda one: one.seq)
        newest = {one.by: one for one in listed if one.counts}
        settled = {(name, one.seq) for one in newest.values() for name in one.settles}
        told = {
            one.verdict.decision
            for one in newest.values()
            if not any(name == one.verdict.verdict_id and seq > one.seq for name, seq in settled)
        }
        firm = told - {Decision.UNDECIDED}  # who could not tell contradicts nobody
        decision = CONFLICT if len(firm) > 1 else str(next(iter(firm or told), ""))
        kept = (one for one in listed if not one.withdrawn and (not one.counts or newest[one.by] is one))
        return cls(decision=decision, given=tuple(kept))

    @property
    def told(self) -> str:
        """Return who decided what, as ``confirmed by ana, dismissed by ben``; empty where nobody has."""
        return ", ".join(f"{one.verdict.decision} by {one.by}" for one in self.given if one.counts)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()
