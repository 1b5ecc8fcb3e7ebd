"""The door for alarms: each is read, held against what is known, counted, and at most a few a minute become cards."""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING, Final

from operations.cues.alarm import Alarm, Expected
from operations.cues.cards import is_known, open_card
from operations.cues.errors import AlarmRefusedError
from operations.log.leaves import LeafKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from operations.store import OperationStore

TELL_S: Final = 60.0
"""How often what was refused goes into the log, as numbers: a record each would let a flood fill the disk."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Whose alarms are taken, and how many."""

    sources: frozenset[str]
    expected: Expected = dataclasses.field(default_factory=Expected)
    a_minute: float = 6.0
    """Of each source: a person can look at one in ten seconds."""
    at_once: int = 6


class Intake:
    """Takes alarms in.

    Parameters
    ----------
    store
        The operation that their cards are opened in.
    rules
        Whose are taken, and how many.
    now_s
        Monotonic seconds.
    """

    def __init__(self, store: OperationStore, rules: Rules, now_s: Callable[[], float]) -> None:
        self._store, self._rules, self._now_s = store, rules, now_s
        self._left: dict[str, tuple[float, float]] = {}
        self.refused: collections.Counter[tuple[str, str]] = collections.Counter()
        """How many were refused since the start, by source and why."""
        self._told: collections.Counter[tuple[str, str]] = collections.Counter()
        self._told_s = now_s()

    def offer(self, source: str, read: Callable[[], Alarm | None]) -> Alarm | None:
        """Take an alarm in, and open its card; None where there is none, or it is refused and counted.

        Parameters
        ----------
        source
            Who the link says it is from.
        read
            Reads it, and raises `AlarmRefusedError` where it cannot be used.
        """
        try:
            if source not in self._rules.sources:
                raise AlarmRefusedError(f"{source!a} is none of the sources that were named", why="source")
            alarm = read()
            if alarm is None:
                return None
            self._rules.expected.require(alarm, self._store.clock())
            if is_known(self._store, alarm):
                raise AlarmRefusedError(f"{alarm.alarm_id} came in before", why="known")
            self._require_few(source)
        except AlarmRefusedError as error:
            self.count(source, str(error.fields.get("why", "")))
            return None
        open_card(self._store, alarm)
        return alarm

    def count(self, source: str, why: str) -> None:
        """Count a refusal; sources that nobody named are counted together."""
        self.refused[source if source in self._rules.sources else "others", why] += 1

    def tell(self, *, last: bool = False) -> None:
        """Put what was refused since the last time into the log, once a minute and at the end."""
        fresh = self.refused - self._told
        if not fresh or not (last or self._now_s() - self._told_s >= TELL_S):
            return
        body: dict[str, dict[str, int]] = {}
        for (source, why), count in sorted(fresh.items()):
            body.setdefault(source, {})[why] = count
        self._store.append(LeafKind.ATTEMPT, "cue refused", {"refused": body})
        self._told, self._told_s = self.refused.copy(), self._now_s()

    def _require_few(self, source: str) -> None:
        """Take one of the source's allowance, which fills up again by the minute."""
        now = self._now_s()
        left, since = self._left.get(source, (float(self._rules.at_once), now))
        left = min(self._rules.at_once, left + (now - since) * self._rules.a_minute / 60.0)
        self._left[source] = (max(left - 1.0, 0.0) if left >= 1.0 else left, now)
        if left < 1.0:
            raise AlarmRefusedError(f"more than {self._rules.a_minute:g} alarms a minute of {source}", why="rate")
