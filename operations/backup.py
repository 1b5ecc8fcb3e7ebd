"""A copy of an operation while it is written to: one moment of it, whole, verified, durable.

The case file is copied through SQLite's backup interface, which gives one committed
state; the files that its records name were synced before those were committed, and are
never changed after. An encrypted operation stays encrypted, under the same keys.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Final

from operations import durable_file
from operations.case_access import CASE_FILE, HEAD_FILE, connect
from operations.case_file import in_wal_mode
from operations.errors import BrokenSealError, DamagedError
from operations.new_folder import new_folder
from operations.recorded_files import recorded_files
from operations.staging import LOCKS, MEDIA, PARTS
from operations.store import OperationStore
from operations.vault.keys_file import KEYS_FILE, is_encrypted
from operations.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from operations.vault.key_ring import Secret
    from operations.verify import Verification

_CHUNK_BYTES: Final = 1 << 20


def backup(
    folder: Path, to: Path, *, secret: Secret | None = None, on_bytes: Callable[[int, int], None] | None = None
) -> Verification:
    """Copy an operation as it is at this moment into a new folder, and verify the copy.

    Parameters
    ----------
    folder
        The operation; others may go on writing to it.
    to
        A folder that is not there yet.
    secret
        Opens an encrypted operation.
    on_bytes
        Told how many bytes have been copied so far, and about how many there are.

    Returns
    -------
    Verification
        Of the copy; it has no findings.

    Raises
    ------
    DamagedError
        When a file that a record names is missing.
    BrokenSealError
        When the copy does not verify, because the operation itself does not: nothing is left behind.
    DiskError, OperationExistsError
        When the copy cannot be written.
    """
    with new_folder(to) as unfinished:
        for name in (MEDIA, PARTS, LOCKS):
            durable_file.make_folder(unfinished / name)
        if is_encrypted(folder):
            durable_file.write(unfinished / KEYS_FILE, ((folder / KEYS_FILE).read_bytes(),))
        durable_file.write(unfinished / CASE_FILE, (_snapshot(folder),))
        with OperationStore.open(unfinished, actor="backup", clock=lambda: 0, secret=secret, read_only=True) as store:
            durable_file.write(unfinished / HEAD_FILE, (store.head().to_bytes(),))
            _copy_files(store, folder, on_bytes)
            result = verify(unfinished, vault=store.vault)
        require_sound(result, folder)
    return result


def require_sound(result: Verification, folder: Path) -> None:
    """Refuse an operation that does not verify."""
    if result.findings:
        told = "; ".join(finding.sentence for finding in result.findings[:_TOLD])
        more = f" and {len(result.findings) - _TOLD} more" if len(result.findings) > _TOLD else ""
        raise BrokenSealError(
            f"{folder} is not what was sealed ({told}{more}): nothing was written; 'vedette verify' names everything",
            path=str(folder),
            findings=result.findings,
        )


_TOLD: Final = 3


def _snapshot(folder: Path) -> bytes:
    """Return one committed state of a case file, with nothing waiting in a journal."""
    with (
        contextlib.closing(connect(folder, read_only=True)) as access,
        contextlib.closing(sqlite3.connect(":memory:")) as copy,
    ):
        access.database.backup(copy)
        return in_wal_mode(copy.serialize())


def _copy_files(store: OperationStore, source: Path, on_bytes: Callable[[int, int], None] | None) -> None:
    """Copy every file that the records of `store` name from `source` into its own folder, and sync them."""
    copied, files = 0, recorded_files(store)
    whole = sum((source / file).stat().st_size for file in files if (source / file).is_file())
    folders = sorted({(store.path / file).parent for file in files})
    for folder in folders:
        durable_file.make_folder(folder)
    for file in files:
        copied += durable_file.write(store.path / file, _chunks(source / file))
        if on_bytes is not None:
            on_bytes(copied, max(whole, copied))
    for folder in folders:
        durable_file.sync_folder(folder)


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise DamagedError(
            f"{path} cannot be read ({error.strerror or error}): ingest its recording again, then back up",
            path=str(path),
        ) from error
