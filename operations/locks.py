"""Who is writing what: advisory locks that the kernel frees when a process dies (flock(2)).

A lock is a small file. Whoever lets go of it removes it while still holding it, and
whoever takes one looks whether the file it holds still has that name, so that two
processes never hold one name at once. Asking whether a lock is held writes nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import TYPE_CHECKING, Final

from operations.durable_file import FILE_MODE, naming

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TRIES: Final = 5
_PAUSE_S: Final = 0.01
"""A reader that asks whether a lock is held holds it for microseconds; that must not look like another writer."""


def take(path: Path) -> int | None:
    """Take a lock; returns its open file, or None when another process has it."""
    for _ in range(_TRIES):
        with naming(path, "made"):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            with naming(path, "locked", but=BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _still_named(descriptor, path):
                return descriptor
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    return None


def let_go(descriptor: int, path: Path) -> None:
    """Remove a lock that is held, and free it."""
    with contextlib.suppress(OSError):
        path.unlink()
    os.close(descriptor)


def is_held(path: Path) -> bool:
    """Tell whether a living process holds a lock; nothing is written, so that readers may ask."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextlib.contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Wait for one's turn at a folder: short steps that processes take one after another."""
    with naming(folder, "opened"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with naming(folder, "locked"):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _still_named(descriptor: int, path: Path) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    own = os.fstat(descriptor)
    return (own.st_dev, own.st_ino) == (there.st_dev, there.st_ino)
