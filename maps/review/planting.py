"""Known items among unknown ones: what each reader misses, told to them at once and to nobody's case.

They come from operations of simulated films that were opened apart: no question to the case finds them, nothing
of them is in its log, and no export can hold one. They stay away while an alert waits for somebody.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import threading
from typing import TYPE_CHECKING, Any, Final

from maps.review.errors import NotThereError
from maps.review.judging.ordering import Band
from operations import durable_file
from operations.finding.selection import ThingSelection
from operations.standing import CONFLICT
from operations.values import Decision

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from maps.review.judging.verdict_book import Key
    from maps.review.looking import Looking, Queued

EVERY: Final = 50
"""One planted item to so many: two in a hundred."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What somebody said of a planted item, and what it was."""

    by: str
    thing: str
    said: Decision
    truth: Decision
    t_utc_ns: int

    def body(self) -> dict[str, Any]:
        """Return the line the file keeps."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


class Planting:
    """Items whose answer is known, and what readers said of them.

    Parameters
    ----------
    looking
        The operations with them, on a desk of their own; None where none were named.
    path
        The file of readings, outside every operation.
    first
        Number of their first operation as the pages know it: one more than the last of the case.
    """

    def __init__(self, looking: Looking | None, path: Path, *, first: int) -> None:
        self._looking = looking
        self._path = path
        self._first = first
        self._turn = threading.Lock()
        self.on = False
        """Whether they are planted: a supervisor's choice."""
        self._truth: dict[Key, Decision] | None = None

    @property
    def there(self) -> bool:
        """Whether any operation with known items was named."""
        return self._looking is not None

    def holds(self, key: Key) -> bool:
        """Tell whether a key is of a planted item."""
        return key.source >= self._first

    def within(self, person: str, items: Sequence[Queued], waiting: bool) -> list[Queued]:
        """Return a queue with one planted item to every fifty, of those the person has not read yet.

        Parameters
        ----------
        person
            Who reads.
        items
            The queue.
        waiting
            Whether an alert waits for somebody: nothing is planted then.
        """
        planted = list(items)
        if self._looking is None or not self.on or waiting:
            return planted
        read = {one.thing for one in self.readings() if one.by == person}
        known = [one for one in self._known() if _name(one.key) not in read]
        known.sort(key=lambda one: hashlib.sha256(f"{person}\n{_name(one.key)}".encode()).digest())
        for number, one in zip(range(len(items) // EVERY), known, strict=False):
            place = hashlib.sha256(f"{person}\n{_name(one.key)}\nplace".encode()).digest()[0] % EVERY
            planted.insert(number * (EVERY + 1) + place, dataclasses.replace(one, key=self._outside(one.key)))
        return planted

    def one(self, key: Key) -> tuple[Queued, list[dict[str, Any]], str | None]:
        """Return a planted item, its points and its picture.

        Raises
        ------
        NotThereError
            When there is none of this name.
        """
        if self._looking is None:
            raise NotThereError("there is no such thing: load the queue again")
        found = self._looking.one(self._inside(key))
        chip = self._looking.chips([found]).get(found.key)
        return dataclasses.replace(found, key=key), self._looking.path(found.key), chip

    def row(self, one: Queued) -> dict[str, Any]:
        """Return a planted item as it is told to programs."""
        if self._looking is None:
            raise NotThereError("there is no such thing: load the queue again")
        return self._looking.row(one)

    def read(self, person: str, key: Key, said: Decision, now_utc_ns: int) -> Decision:
        """Keep what a reader said of a planted item, and return what it was."""
        self._known()
        inside = self._inside(key)
        if self._truth is None or inside not in self._truth:
            raise NotThereError("there is no such thing: load the queue again")
        truth = self._truth[inside]
        told = Reading(by=person, thing=_name(inside), said=said, truth=truth, t_utc_ns=now_utc_ns)
        durable_file.make_folder(self._path.parent)
        with self._turn, durable_file.naming(self._path, "written"):
            descriptor = os.open(
                self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, durable_file.FILE_MODE
            )
            with os.fdopen(descriptor, "ab") as stream:
                stream.write(json.dumps(told.body()).encode("ascii") + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
        return truth

    def readings(self) -> list[Reading]:
        """Return all readings; a last line that a power cut left half is passed over."""
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [reading for line in lines if (reading := _reading(line)) is not None]

    def _known(self) -> list[Queued]:
        """Return the things of the planted operations about which somebody has settled what they are."""
        if self._looking is None:
            return []
        items = self._looking.queue(ThingSelection()).items
        self._looking.book.refresh()
        said = {one.key: self._looking.book.standing(one.key).decision for one in items}
        self._truth = {key: Decision(text) for key, text in said.items() if text not in {"", CONFLICT, "undecided"}}
        return [one for one in items if one.key in self._truth]

    def _outside(self, key: Key) -> Key:
        return dataclasses.replace(key, source=key.source + self._first)

    def _inside(self, key: Key) -> Key:
        return dataclasses.replace(key, source=key.source - self._first)


def missed(readings: Sequence[Reading]) -> dict[str, dict[str, int]]:
    """Return for each reader how many they read, missed (a true one dismissed) and took for one (the other way)."""
    found: dict[str, dict[str, int]] = {}
    for one in readings:
        told = found.setdefault(one.by, {"read": 0, "missed": 0, "mistaken": 0, "unsure": 0})
        told["read"] += 1
        if one.said is Decision.UNDECIDED:
            told["unsure"] += 1
        elif one.said is not one.truth:
            told["missed" if one.truth is Decision.CONFIRMED else "mistaken"] += 1
    return found


def alert_waits(items: Sequence[Queued], decided: Sequence[bool]) -> bool:
    """Tell whether one of the alerts has not been decided by anybody."""
    return any(one.rank.band is Band.ALERT and not done for one, done in zip(items, decided, strict=True))


def _name(key: Key) -> str:
    return f"{key.run_id} {key.thing_id}"


def _reading(line: bytes) -> Reading | None:
    try:
        body = json.loads(line)
        return Reading(
            by=str(body["by"]), thing=str(body["thing"]), said=Decision(body["said"]), truth=Decision(body["truth"]),
            t_utc_ns=int(body["t_utc_ns"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError):
        return None
