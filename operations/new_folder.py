"""A folder that appears whole or not at all: built beside its place, synced, renamed."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

from operations import durable_file
from operations.errors import MediumBusyError, OperationExistsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give a private folder to fill; it gets its name when the block ends well, and is removed when it fails.

    What a process that died has left of an earlier attempt is removed first.

    Raises
    ------
    OperationExistsError
        When there is something under that name already.
    MediumBusyError
        When another process is filling a folder for the same name.
    DiskError
        When the disk is full or fails; nothing is left behind.
    """
    target = target.absolute()
    if os.path.lexists(target) and (target.is_symlink() or not target.is_dir() or any(target.iterdir())):
        raise OperationExistsError(f"{target} is there already: name a new folder", path=str(target))
    unfinished = target.with_name(f"{target.name}{durable_file.PART}")
    durable_file.make_folder(unfinished)
    turn = os.open(unfinished, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MediumBusyError(f"{target} is being written by another process", path=str(target)) from None
        for left in unfinished.iterdir():
            durable_file.remove(left)
        try:
            yield unfinished
            durable_file.sync_folder(unfinished)
            durable_file.replace(unfinished, target)
            durable_file.sync_folder(target.parent)
        except BaseException:
            with contextlib.suppress(Exception):
                durable_file.remove(unfinished)
            raise
    finally:
        os.close(turn)
