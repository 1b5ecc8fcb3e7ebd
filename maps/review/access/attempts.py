"""Tries to log in, slowed down: after a few wrong ones each further one waits twice as long."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

FREE: Final = 5
"""Wrong tries before the first wait; 100 in all is the most there may be (NIST SP 800-63B-4, 3.2.2)."""
LONGEST_S: Final = 900.0
"""With the waits doubling up to this, a night of twelve hours holds under sixty tries."""
_MOST: Final = 10_000
"""Names and addresses remembered; the oldest are forgotten first."""


class Attempts:
    """Wrong tries by name and by address.

    Parameters
    ----------
    now_s
        A monotonic clock, in seconds.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._turn = threading.Lock()
        self._wrong: dict[str, tuple[int, float]] = {}

    def begin(self, *keys: str) -> float:
        """Count a try as wrong before it is looked at; returns how long to wait first, 0.0 for not at all.

        A try that has to wait is not counted. Counted beforehand, many at once are no way around it.
        """
        now = self._now_s()
        with self._turn:
            wait = max((self._wrong[key][1] - now for key in keys if key in self._wrong), default=0.0)
            if wait > 0.0:
                return wait
            for key in keys:
                count = self._wrong.pop(key, (0, 0.0))[0] + 1
                pause = min(2.0 ** (count - FREE), LONGEST_S) if count >= FREE else 0.0
                self._wrong[key] = (count, now + pause)
            while len(self._wrong) > _MOST:
                del self._wrong[next(iter(self._wrong))]
        return 0.0

    def right(self, *keys: str) -> None:
        """Forget the wrong tries of somebody who got in."""
        with self._turn:
            for key in keys:
                self._wrong.pop(key, None)
