"""Where pictures are looked at: in a pool of processes on this machine."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import signal
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Final, Self

from detection.errors import ModelError
from detection.handing_over import Sent, Slots, received
from detection.looking import Looker

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.heap import Arena
    from types import TracebackType

    from detection.looking import Seen, Stretch
    from detection.values import Detector

STRETCH_PICTURES: Final = 4
"""Few enough that all processes have work soon and end together, many enough that handing over costs little."""
AGAIN_MAX: Final = 3
"""How often a stretch is looked at again whose process died."""

_held: list[tuple[Looker, tuple[Arena, ...]]] = []
"""What looks in a process of the pool, and the memory that pictures come in."""


class LocalPool:
    """Processes that each have a detector of their own; a context manager.

    What a process was looking at when it died is looked at again by another one.

    Parameters
    ----------
    workers
        How many.
    open_detector
        Opens the detector in each of them; it is sent there, so it has to be a function of a module.
    """

    stretch_pictures = STRETCH_PICTURES

    def __init__(self, workers: int, open_detector: Callable[[], Detector]) -> None:
        self.ahead = 2 * workers
        self._workers, self._open = workers, open_detector
        self._context = multiprocessing.get_context("spawn")
        self._slots = Slots(self.ahead)
        self._pool = self._started()

    def _started(self) -> concurrent.futures.ProcessPoolExecutor:
        """Start all processes at once: a pool starts each with the first stretch for it, when that waits already."""
        pool = concurrent.futures.ProcessPoolExecutor(
            self._workers, self._context, initializer=_begin, initargs=(self._open, self._slots.memory)
        )
        for _ in range(self._workers):
            pool.submit(_nothing)
        return pool

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=kind is None, cancel_futures=True)

    def begin(self, stretch: Stretch) -> Callable[[], list[Seen]]:
        """Send a stretch to the pool."""
        sent = self._slots.put(stretch)
        future = self._submitted(sent)

        def answers() -> list[Seen]:
            nonlocal future
            for _ in range(AGAIN_MAX):
                try:
                    found = future.result()
                except BrokenProcessPool:
                    future = self._submitted(sent)
                else:
                    self._slots.give_back(sent)
                    return found
            raise ModelError(
                f"the processes that look at pictures died {AGAIN_MAX} times over the same {len(stretch.pictures)} "
                "pictures: is there memory for as many? --workers 1 takes the least"
            )

        return answers

    def _submitted(self, sent: Sent) -> concurrent.futures.Future[list[Seen]]:
        """Send a stretch to the pool, or to a new one where a process of it died."""
        try:
            return self._pool.submit(_look, sent)
        except BrokenProcessPool:
            self._pool.shutdown(wait=False)
            self._pool = self._started()
            return self._pool.submit(_look, sent)


def _begin(open_detector: Callable[[], Detector], memory: tuple[Arena, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started the pool ends it
    _held.append((Looker(open_detector()), memory))


def _nothing() -> None:
    """Do nothing, in a process that then has begun."""


def _look(sent: Sent) -> list[Seen]:
    looker, memory = _held[0]
    return looker.look(received(sent, memory))
