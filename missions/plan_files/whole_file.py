"""Files written whole or not at all, and read with a limit on their size."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from geo.errors import InputError

MAX_BYTES: Final = 64 * 2**20
"""No plan or geometry a person draws comes near this; 10^6 vertices of KML are about 40 MB."""


def write_whole(path: Path, data: str | bytes) -> None:
    """Write `data` beside `path` and move it there, so that no reader sees half a file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data.encode() if isinstance(data, str) else data)
        temporary.chmod(0o644)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_bytes(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a file, refusing one over `max_bytes`.

    Raises
    ------
    InputError
        When the file is absent, is a folder, cannot be read, or is too large.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise InputError(
                f"{path}: {size} bytes is over the limit of {max_bytes} for a plan or geometry file",
                actual=size,
                expected=max_bytes,
            )
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the name and the permissions") from error


def read_text(path: Path, *, max_bytes: int = MAX_BYTES) -> str:
    """Read a UTF-8 text file (with or without byte-order mark).

    Raises
    ------
    InputError
        As `read_bytes`, and when the bytes are not UTF-8 text.
    """
    data = read_bytes(path, max_bytes=max_bytes)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: byte {error.start} is not UTF-8 text; this is not a text plan file", offset=error.start
        ) from error
