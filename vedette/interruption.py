"""Ctrl-C ends any command within two seconds, with every process that the command started.

What a command does when it is interrupted is its own affair: it unwinds, lands nothing half-written, says so. This
module holds it to a time. A thread hears of the signal from the system itself (a byte on a pipe, written below the
interpreter), so that it also hears while the main thread is inside a library. Whatever still runs after the grace is
ended by force, which loses nothing: all that is kept is built beside its place and renamed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GRACE_S: Final = 1.5
"""What a command has to unwind; with what the system takes it stays within two seconds."""
INTERRUPTED: Final = 130
"""Exit status of an interrupted command, as shells have it."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def leave_at_once() -> None:
    """Until the command runs, and after it, an interrupt has nothing to unwind: say so and go."""

    def leave(_signal: int, _frame: object) -> None:
        _end()

    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # a shell's background job keeps ignoring it
            signal.signal(number, leave)


@contextlib.contextmanager
def unwound_in_time(grace_s: float = GRACE_S) -> Iterator[None]:
    """Within this block an interrupt raises `KeyboardInterrupt`, and `grace_s` later nothing is left of the process."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(reading, over, grace_s), name="interruption", daemon=True)
    watch.start()
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        over.set()
        signal.set_wakeup_fd(before)
        leave_at_once()
        os.close(writing)


@contextlib.contextmanager
def answered_by(stop: Callable[[], None]) -> Iterator[None]:
    """Within this block an interrupt calls `stop`, which has to return at once, and no time runs out after it.

    For what goes on after it was interrupted: a live watch that then settles its recording. A second
    interrupt, after the block, ends the command as any other.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    told = signal.set_wakeup_fd(-1)
    for number in _SIGNALS:
        signal.signal(number, lambda _signal, _frame: stop())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(told)


def _watch(reading: int, over: threading.Event, grace_s: float) -> None:
    while heard := os.read(reading, 1):
        if heard[0] in _SIGNALS and not over.wait(grace_s):
            _end()
    os.close(reading)


def _end() -> None:
    for pid in _descendants():
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    os.write(2, b"error: interrupted\n")
    os._exit(INTERRUPTED)


def _descendants() -> list[int]:
    """Return every process below this one, as the system lists them (Linux; elsewhere none)."""
    found, open_ = [], [os.getpid()]
    while open_:
        for listed in Path("/proc", str(open_.pop()), "task").glob("*/children"):
            with contextlib.suppress(OSError):  # it ended meanwhile
                children = [int(child) for child in listed.read_text().split()]
                found += children
                open_ += children
    return found


@contextlib.contextmanager
def deaf_children() -> Iterator[None]:
    """Let processes started within this block not hear a terminal's Ctrl-C: their parent ends them, in order."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
