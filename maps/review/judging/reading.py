"""Reading twice: every alert, and one dismissal in ten, is read by a second person who does not see the first word."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Final

from maps.review.judging.ordering import Band
from operations.standing import Standing
from operations.values import Decision

if TYPE_CHECKING:
    from maps.review.judging.verdict_book import Key

_TENTH: Final = 10


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A thing's standing as one person may see it."""

    standing: Standing
    hidden: bool
    """Whether a first reader's word is kept from them until they have given their own."""
    asked: bool
    """Whether a second reading is wanted, of them."""


def wants_second(key: Key, band: Band, standing: Standing) -> bool:
    """Tell whether a thing is to be read by two people, and was read by one so far."""
    readers = {one.by for one in standing.given if one.counts}
    if len(readers) != 1:
        return False
    return band is Band.ALERT or (standing.decision == Decision.DISMISSED and in_sample(key))


def in_sample(key: Key) -> bool:
    """Tell whether a thing is one of the tenth whose dismissal is read again: settled by its name, by nobody's will."""
    return hashlib.sha256(f"{key.run_id}\n{key.thing_id}".encode("utf-8", "replace")).digest()[0] % _TENTH == 0


def seen_by(person: str, key: Key, band: Band, standing: Standing) -> Seen:
    """Return what a person may see of what was decided: of a thing they are to read second, only that it was read."""
    own = any(one.by == person and one.counts for one in standing.given)
    if own or not wants_second(key, band, standing):
        return Seen(standing=standing, hidden=False, asked=False)
    proposals = tuple(one for one in standing.given if not one.counts)
    return Seen(standing=Standing(decision="", given=proposals), hidden=True, asked=True)


def agreement(pairs: list[tuple[Decision, Decision]]) -> float | None:
    """Return Cohen's kappa of two readings of the same things; None where it says nothing.

    J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20 (1960):
    (p_o - p_e) / (1 - p_e), with the chance agreement p_e from both readers' shares.
    """
    if not pairs:
        return None
    count = len(pairs)
    observed = sum(first == second for first, second in pairs) / count
    expected = sum(
        sum(first == one for first, _ in pairs) * sum(second == one for _, second in pairs) / count**2
        for one in Decision
    )
    return None if expected >= 1.0 else (observed - expected) / (1.0 - expected)
