"""Files that survive a power cut: the one place through which an operation writes (SQLite does its own).

A file is *written* when its bytes are synced, and *there* when its folder is synced
too (a new name is data of the folder, POSIX fsync). What is named in a record goes
through both before the record commits. Every failure becomes a sentence that names
the file; what was half-written is removed again.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from typing import TYPE_CHECKING, BinaryIO, Final

from operations.errors import DiskError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
PART: Final = ".part"
"""Begins or ends the name of whatever is not finished."""


@contextlib.contextmanager
def naming(path: Path, doing: str, *, but: type[OSError] | tuple[()] = ()) -> Iterator[None]:
    """Turn a failure of the disk into a sentence about one file; `but` is an answer, not a failure."""
    try:
        yield
    except but:
        raise
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "free space on its disk" if full else "look after its disk and permissions"
        raise DiskError(
            f"{path} could not be {doing} ({error.strerror or error}): {advice} and run this again; "
            "nothing of it was registered",
            path=str(path),
            errno=error.errno,
        ) from error


@contextlib.contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Make a new file and write into it; it is synced at the end, and removed when anything fails.

    Raises
    ------
    DiskError
        When it exists already, the disk is full, or it cannot be written or synced.
    """
    with naming(path, "written"):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        with naming(path, "written"), os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def write(path: Path, chunks: Iterable[bytes]) -> int:
    """Write a new file from chunks and sync it; its folder is synced by whoever names it. Returns its size."""
    size = 0
    with writing(path) as stream:
        for chunk in chunks:
            stream.write(chunk)
            size += len(chunk)
    return size


def write_whole(path: Path, data: bytes) -> None:
    """Write or replace a small file: no reader, and no power cut, ever shows half of it.

    One process at a time, by some lock of the caller's: what a dead one left is written over.
    """
    unfinished = path.with_name(f"{path.name}{PART}")
    remove(unfinished)
    write(unfinished, (data,))
    try:
        replace(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
    sync_folder(path.parent)


def replace(source: Path, target: Path) -> None:
    """Give a file another name in one step; the folder has still to be synced."""
    with naming(target, "put in its place"):
        os.replace(source, target)


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder."""
    with naming(folder, "synced"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_file(path: Path) -> None:
    """Sync the bytes of a file that was not written here."""
    with naming(path, "synced"):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter, with the folders above it; each new name is synced."""
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_folder(folder.parent)
    with naming(folder, "made"), contextlib.suppress(FileExistsError):
        os.mkdir(folder, FOLDER_MODE)
    sync_folder(folder.parent)


def make_private(folder: Path) -> None:
    """Take a folder's permissions from everybody but its owner."""
    with naming(folder, "made private"):
        folder.chmod(FOLDER_MODE)


def remove(path: Path) -> None:
    """Remove a file or a folder with all in it; one that is not there is no error."""
    with naming(path, "removed"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def link(source: Path, target: Path) -> None:
    """Give a file a second name for a while; where the file system knows no links, a copy."""
    with naming(target, "written"):
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)
