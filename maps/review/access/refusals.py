"""Refusals in the log: every one counted, and none of them a way to fill a disk."""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY_S: Final = 60.0
"""Of like refusals one record a minute is written; it says how many there were since the last."""
_MOST: Final = 1_000
"""Kinds of refusal told apart; beyond that they are counted together."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Somebody was not let through."""

    why: str
    who: str
    """Account, where one is known; else the address of the other side."""
    method: str
    route: str
    """The route's template where there is such a route: what was typed instead of it is nobody's to keep."""


class Refusals:
    """Counts refusals and hands the first of each kind, and then one a minute, to a log.

    Parameters
    ----------
    write
        Puts one into the log: what it is, how many there were of it, and who.
    now_s
        A monotonic clock, in seconds.
    """

    def __init__(self, write: Callable[[str, str, dict[str, Any]], None], now_s: Callable[[], float]) -> None:
        self._write = write
        self._now_s = now_s
        self._turn = threading.Lock()
        self._told: dict[Refusal, tuple[float, int]] = {}

    def tell(self, refusal: Refusal) -> None:
        """Take one in."""
        now = self._now_s()
        with self._turn:
            if refusal not in self._told and len(self._told) >= _MOST:
                refusal = dataclasses.replace(refusal, who="many", route="many")
            last, untold = self._told.get(refusal, (-EVERY_S, 0))
            due = now - last >= EVERY_S
            self._told[refusal] = (now, 0) if due else (last, untold + 1)
        if due:
            body = {"method": refusal.method, "route": refusal.route, "times": untold + 1}
            self._write(refusal.why, refusal.who, body)
