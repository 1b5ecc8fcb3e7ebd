"""What one writer has begun and not finished, so that its death leaves nothing that stays.

A living writer holds `locks/<token>.writer`. Files that it has not finished carry the
token in their names (`.part-<token>-...`). Before it gives files their final names it
adds those names to the lock file, synced: what is listed there and never came to have
a record is removed, by itself when it fails, by the next writer when it died. Nothing
that was not listed is ever removed, so that a lost record cannot cost an original.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING, Final, Self

from operations import durable_file, locks
from operations.errors import DiskError, MediumBusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    Recorded = Callable[[Sequence[str]], set[str]]

LOCKS: Final = "locks"
MEDIA: Final = "media"
PARTS: Final = "parts"
RECORD: Final = "record"
"""Where live recordings lie until they are sealed."""
_PREFIX: Final = f"{durable_file.PART}-"
_WRITER: Final = ".writer"


class Staging:
    """One writer of an operation folder: its unfinished files and the locks it holds.

    Parameters
    ----------
    operation
        The operation folder.
    recorded
        Returns those of the paths given, relative to that folder, that some record names.
    """

    def __init__(self, operation: Path, *, recorded: Recorded) -> None:
        self.operation = operation
        self._recorded = recorded
        for folder in (LOCKS, MEDIA, PARTS):
            durable_file.make_folder(operation / folder)
        _clean(operation, recorded)
        self._token = secrets.token_hex(8)
        self._held: list[tuple[int, Path]] = []
        self._claims: set[str] = set()
        self._listed: list[str] = []
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
                f"{shown} is being read into {self.operation} by another process, which alone goes on: wait until it "
                "is done",
                path=str(self.operation),
            )
        self._claims.add(label)

    def place(self, folder: str, name: str) -> Path:
        """Return where to write something unfinished: in `media` or in `parts`."""
        return self.operation / folder / f"{_PREFIX}{self._token}-{name}"

    def publish(self, moves: Sequence[tuple[Path, Path]]) -> None:
        """Give finished files their final names, durably; their record comes after this."""
        names = [target.relative_to(self.operation).as_posix() for _, target in moves]
        folders = sorted({target.parent for _, target in moves})
        with locks.turn(self.operation / MEDIA):
            with durable_file.naming(self.operation / LOCKS, "written"):
                os.write(self._list, "".join(f"{name}\n" for name in names).encode())
                os.fsync(self._list)
            durable_file.sync_folder(self.operation / LOCKS)
            self._listed += names
            for folder in folders:
                durable_file.make_folder(folder)
            for source, target in moves:
                durable_file.replace(source, target)
        for folder in folders:
            durable_file.sync_folder(folder)

    def forget_published(self) -> None:
        """Take off the list what has a record by now; a writer that goes on for hours would list a file a second."""
        self._listed.clear()
        with durable_file.naming(self.operation / LOCKS, "written"):
            os.ftruncate(self._list, 0)
            os.lseek(self._list, 0, os.SEEK_SET)

    def close(self) -> None:
        """Remove what was not finished or never recorded, and let go of every lock."""
        try:
            with contextlib.suppress(DiskError, OSError):
                for left in _unfinished(self.operation, self._token):
                    durable_file.remove(left)
                _remove_unrecorded(self.operation, self._listed, self._recorded, but=self._token)
        finally:
            while self._held:
                locks.let_go(*self._held.pop())


def is_unfinished(name: str) -> bool:
    """Tell whether a file's name says that it is not finished."""
    return name.startswith(_PREFIX) or name.endswith(durable_file.PART)


def in_flight(operation: Path, *, but: str = "") -> set[str]:
    """Return the paths that living writers have put in place and not yet recorded; writes nothing."""
    names: set[str] = set()
    for lock in (operation / LOCKS).glob(f"*{_WRITER}"):
        if lock.name != f"{but}{_WRITER}" and locks.is_held(lock):
            names.update(_lines(lock))
    return names


def _lines(lock: Path) -> list[str]:
    try:
        lines = lock.read_bytes().decode("utf-8", "replace").splitlines(keepends=True)
    except OSError:
        return []
    return [line.removesuffix("\n") for line in lines if line.endswith("\n")]


def _clean(operation: Path, recorded: Recorded) -> None:
    """Remove what dead writers left."""
    for lock in sorted((operation / LOCKS).iterdir()):
        descriptor = locks.take(lock) if lock.is_file() else None
        if descriptor is None:
            continue
        try:
            if lock.suffix == _WRITER:
                _remove_unrecorded(operation, _lines(lock), recorded, but=lock.stem)
        except BaseException:
            os.close(descriptor)
            raise
        locks.let_go(descriptor, lock)
    for left in _unfinished(operation):
        token = left.name.removeprefix(_PREFIX).split("-")[0]
        if not locks.is_held(operation / LOCKS / f"{token}{_WRITER}"):
            durable_file.remove(left)


def _unfinished(operation: Path, token: str = "") -> list[Path]:
    return [left for folder in (MEDIA, PARTS) for left in (operation / folder).glob(f"{_PREFIX}{token}*")]


def _remove_unrecorded(operation: Path, names: Sequence[str], recorded: Recorded, *, but: str = "") -> None:
    """Remove listed files that no record names and no other living writer has put there."""
    root = operation.resolve()
    with locks.turn(operation / MEDIA):
        kept = in_flight(operation, but=but) | recorded(names)
        for name in names:
            path = (operation / name).resolve()
            in_parts = path.parent.parent == root / PARTS
            # The list may be a foreign one, in an operation that came from elsewhere: only our own places count.
            if name in kept or not (in_parts or path.parent == root / MEDIA):
                continue
            durable_file.remove(path)
            if in_parts:
                with contextlib.suppress(OSError):
                    path.parent.rmdir()
