"""What one writer has begun and not finished, so that the next one can clean up after its death.

A living writer holds `locks/<token>.writer`. What it has not finished carries the
token in its name (`.part-<token>-...`). Before it gives files their final names it
writes those names into the lock file, synced: a writer that dies between that and
the commit of its record leaves a list of what nobody has a record of. Nothing else
is ever removed, so that a lost record cannot cost an original.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING, Final, Self

from operations import durable_file, locks
from operations.errors import DiskError, MediumBusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import TracebackType

LOCKS: Final = "locks"
MEDIA: Final = "media"
PARTS: Final = "parts"
_PREFIX: Final = ".part-"
_WRITER: Final = ".writer"


class Staging:
    """One writer of an operation folder: its unfinished files and the locks it holds.

    Parameters
    ----------
    operation
        The operation folder.
    is_recorded
        Tells whether a path relative to that folder belongs to some record; what
        dead writers listed and nobody recorded is removed.
    """

    def __init__(self, operation: Path, *, is_recorded: Callable[[str], bool]) -> None:
        self.operation = operation
        for folder in (LOCKS, MEDIA, PARTS):
            durable_file.make_folder(operation / folder)
        _clean(operation, is_recorded)
        self._token = secrets.token_hex(8)
        self._held: list[tuple[int, Path]] = []
        self._claims: list[str] = []
        own = self._lock(f"{self._token}{_WRITER}")
        if own is None:  # 64 random bits met twice
            raise MediumBusyError("another writer has the same random name: run this again")
        self._list = own

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _lock(self, name: str) -> int | None:
        path = self.operation / LOCKS / name
        descriptor = locks.take(path)
        if descriptor is not None:
            self._held.append((descriptor, path))
        return descriptor

    def claim(self, label: str, shown: str) -> None:
        """Become the only writer of a medium or of a live run.

        Raises
        ------
        MediumBusyError
            When another process is.
        """
        if label in self._claims:
            return
        if self._lock(label) is None:
            raise MediumBusyError(
                f"{shown} is being read into {self.operation} by another process: wait until that is done, "
                "it will then be known",
                path=str(self.operation),
            )
        self._claims.append(label)

    def place(self, folder: str, name: str) -> Path:
        """Return where to write something unfinished: in `media` or in `parts`."""
        return self.operation / folder / f"{_PREFIX}{self._token}-{name}"

    def publish(self, moves: Iterable[tuple[Path, Path]]) -> None:
        """Give finished files their final names, durably: the last step before their record.

        The names are listed first, so that the next writer can remove them should this one die now.
        """
        moves = list(moves)
        label = self._claims[-1]
        names = "".join(f"{label}\t{target.relative_to(self.operation)}\n" for _, target in moves)
        with durable_file.naming(self.operation / LOCKS, "written"):
            os.write(self._list, names.encode())
            os.fsync(self._list)
        durable_file.sync_folder(self.operation / LOCKS)
        folders = sorted({target.parent for _, target in moves})
        for folder in folders:
            durable_file.make_folder(folder)
        for source, target in moves:
            durable_file.replace(source, target)
        for folder in folders:
            durable_file.sync_folder(folder)

    def close(self) -> None:
        """Remove what was not finished and let go of every lock."""
        for left in _unfinished(self.operation, self._token):
            with contextlib.suppress(DiskError):
                durable_file.remove(left)
        while self._held:
            locks.let_go(*self._held.pop())


def is_unfinished(name: str) -> bool:
    """Tell whether a file's name says that it is not finished."""
    return name.startswith(_PREFIX) or name.endswith(durable_file.PART)


def is_claimed(operation: Path, label: str) -> bool:
    """Tell whether a living process is writing a medium or a run; writes nothing."""
    return locks.is_held(operation / LOCKS / label)


def _clean(operation: Path, is_recorded: Callable[[str], bool]) -> None:
    """Remove what dead writers left."""
    for lock in sorted((operation / LOCKS).glob(f"*{_WRITER}")):
        _clean_listed(operation, lock, is_recorded)
    for left in _unfinished(operation):
        token = left.name.removeprefix(_PREFIX).split("-")[0]
        if not locks.is_held(operation / LOCKS / f"{token}{_WRITER}"):
            durable_file.remove(left)


def _unfinished(operation: Path, token: str = "") -> list[Path]:
    return [left for folder in (MEDIA, PARTS) for left in (operation / folder).glob(f"{_PREFIX}{token}*")]


def _clean_listed(operation: Path, lock: Path, is_recorded: Callable[[str], bool]) -> None:
    """Remove the finished files of one dead writer that never got their record."""
    descriptor = locks.take(lock)
    if descriptor is None:
        return
    done = False
    try:
        lines = lock.read_bytes().decode("utf-8", "replace").splitlines(keepends=True)
        done = all(_remove_listed(operation, line, is_recorded) for line in lines if line.endswith("\n"))
    finally:
        if done:
            locks.let_go(descriptor, lock)
        else:
            os.close(descriptor)


def _remove_listed(operation: Path, line: str, is_recorded: Callable[[str], bool]) -> bool:
    """Remove one listed file unless a record names it; False when another writer has that medium now."""
    label, _, name = line.rstrip("\n").partition("\t")
    path, root = (operation / name).resolve(), operation.resolve()
    ours = path.parent == root / MEDIA or path.parent.parent == root / PARTS
    if not ours or not label.isalnum():  # no list of ours: an operation that came from elsewhere may hold anything
        return True
    claim = operation / LOCKS / label
    descriptor = locks.take(claim)
    if descriptor is None:
        return False
    try:
        if not is_recorded(name):
            durable_file.remove(path)
            if path.parent.parent == root / PARTS:
                with contextlib.suppress(OSError):
                    path.parent.rmdir()
    finally:
        locks.let_go(descriptor, claim)
    return True
