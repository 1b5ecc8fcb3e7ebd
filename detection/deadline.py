"""A deadline for each run of a network, kept by one thread: starting a thread for each run takes a quarter of a ms."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class Deadline:
    """Ends runs that take too long.

    All have the same time, so that the thread that watches sleeps until the earliest is due, and what began meanwhile
    is due later. It ends when it wakes and nothing runs.

    Parameters
    ----------
    seconds
        How long a run may take.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._lock = threading.Lock()
        self._due_s: dict[Any, float] = {}
        """When each run that is under way has to have ended, by the monotonic clock."""
        self._watched = False

    @contextlib.contextmanager
    def over(self, options: Any) -> Iterator[None]:
        """Set `terminate` of a run's options (ONNX Runtime's `RunOptions`) when the block takes too long."""
        with self._lock:
            self._due_s[options] = time.monotonic() + self.seconds
            begins, self._watched = not self._watched, True
        if begins:
            threading.Thread(target=self._watch, name="deadline", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._due_s.pop(options, None)

    def _watch(self) -> None:
        while True:
            with self._lock:
                now_s = time.monotonic()
                for options in [options for options, due_s in self._due_s.items() if due_s <= now_s]:
                    options.terminate = True
                    del self._due_s[options]
                if not self._due_s:
                    self._watched = False
                    return
                wait_s = min(self._due_s.values()) - now_s
            time.sleep(wait_s)
