"""Sealing originals: copied byte for byte, named by the hash of their bytes, and checked later."""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import TYPE_CHECKING, Final

from operations import audit
from operations.errors import BrokenSealError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from operations.store import OperationStore

_CHUNK_BYTES: Final = 1 << 20


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, or of a folder's sorted (name, hash) pairs."""
    if path.is_dir():
        lines = (f"{sha256_of(member)}  {member.name}\n" for member in sorted(path.iterdir()) if member.is_file())
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def seal(source: Path, folder: Path) -> tuple[str, Path]:
    """Copy an original into `folder` under its hash; return the hash and the copy's path.

    The copy is hashed, not the source, so that what is kept is what was read. A
    source sealed before is found again and not copied twice.

    Raises
    ------
    OSError
        When the disk is full or a byte cannot be read; nothing is left behind.
    """
    temporary = folder / f"{os.getpid()}.part"
    try:
        if source.is_dir():
            temporary.mkdir()
            for member in sorted(source.iterdir()):
                if member.is_file():
                    _copy(member, temporary / member.name)
        else:
            _copy(source, temporary)
        sha256 = sha256_of(temporary)
        sealed = folder / f"{sha256}{source.suffix.lower() if source.is_file() else ''}"
        if not sealed.exists():
            os.replace(temporary, sealed)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        temporary.unlink(missing_ok=True)
    return sha256, sealed


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        shutil.copyfileobj(reader, writer, _CHUNK_BYTES)
        writer.flush()
        os.fsync(writer.fileno())


def seal_problems(store: OperationStore) -> tuple[str, ...]:
    """Name every original that changed and every log line that does not hold."""
    problems = list(audit.chain_problems(store.audit_log(), store.head()))
    for record in store.media():
        found = list((store.path / "media").glob(f"{record.sha256}*"))
        if not found:
            problems.append(f"the original {record.name} ({record.sha256[:12]}…) is gone from the media folder")
        elif sha256_of(found[0]) != record.sha256:
            problems.append(f"the original {record.name} was changed: its bytes no longer match {record.sha256[:12]}…")
    return tuple(problems)


def require_unbroken(problems: Sequence[str]) -> None:
    """Refuse to go on with an operation whose seals are broken."""
    if problems:
        raise BrokenSealError(f"the operation's seals are broken: {'; '.join(problems)}", problems=tuple(problems))
