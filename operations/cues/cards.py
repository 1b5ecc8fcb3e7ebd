"""Alarms as cards before an analyst: what came in, the sortie that waits for a person, and who answered."""

from __future__ import annotations

import dataclasses
import math
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from geo.errors import InputError
from operations.findings import printable
from operations.log.leaves import LeafKind
from operations.outcomes import LONGEST_NOTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from operations.cues.alarm import Alarm
    from operations.log.leaves import Leaf
    from operations.store import OperationStore

ALARM: Final = "cue alarm "
"""Begins the subject of an alarm's record; source and id follow."""
RESPONSE: Final = "cue response "
ANSWER: Final = "cue answer "


class Said(StrEnum):
    """What a person made of an alarm."""

    ACTED_ON = "acted on"
    NOTHING_TO_DO = "nothing to do"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One alarm, and what became of it."""

    name: str
    """Source and id: what tells it from every other of its operation."""
    came_t_utc_ns: int
    alarm: Mapping[str, Any]
    response: Mapping[str, Any]
    """`folder aircraft airborne arrives_in_s` of the sortie that waits, or `refused`; empty while there is neither."""
    answered_by: str = ""
    said: str = ""
    note: str = ""


def name_of(alarm: Alarm) -> str:
    """Return what tells an alarm from every other."""
    return f"{alarm.source} {alarm.alarm_id}"


def is_known(store: OperationStore, alarm: Alarm) -> bool:
    """Tell whether an alarm of this source and id came in before, in whatever process."""
    return store.record(LeafKind.NOTE, ALARM + name_of(alarm)) is not None


def open_card(store: OperationStore, alarm: Alarm) -> None:
    """Put an alarm into the log: from then on it is a card."""
    body = {field.name: getattr(alarm, field.name) for field in dataclasses.fields(alarm)}
    if math.isnan(alarm.ce90_m):
        body["ce90_m"] = None
    store.append(LeafKind.NOTE, ALARM + name_of(alarm), body)


def add_response(store: OperationStore, alarm: Alarm, told: Mapping[str, Any]) -> None:
    """Say which sortie waits for a person's release, or why there is none."""
    store.append(LeafKind.NOTE, RESPONSE + name_of(alarm), told)


def answer(store: OperationStore, name: str, said: Said, note: str) -> None:
    """Close a card in the name the store was opened in; the log keeps every answer.

    Raises
    ------
    InputError
        When there is no such card, or the note is too long.
    """
    if store.record(LeafKind.NOTE, ALARM + name) is None:
        raise InputError(f"there is no alarm {name[:80]!a}: load the queue again")
    if len(note) > LONGEST_NOTE:
        raise InputError(f"the note has {len(note)} characters: {LONGEST_NOTE} are enough")
    store.append(LeafKind.NOTE, ANSWER + name, {"said": str(said), "note": printable(note.strip())})


def cards(store: OperationStore) -> list[Card]:
    """Return the alarms of an operation, in the order they came."""
    newest: dict[str, Leaf] = {leaf.subject: leaf for leaf in store.newest(LeafKind.NOTE)}
    found = []
    for subject, leaf in newest.items():
        if subject.startswith(ALARM):
            name = subject.removeprefix(ALARM)
            response, answered = newest.get(RESPONSE + name), newest.get(ANSWER + name)
            said = {} if answered is None else answered.body
            found.append(
                Card(
                    name=name, came_t_utc_ns=leaf.t_utc_ns, alarm=leaf.body,
                    response={} if response is None else response.body,
                    answered_by="" if answered is None else answered.actor, said=str(said.get("said", "")),
                    note=str(said.get("note", "")),
                )
            )  # fmt: skip
    return found
