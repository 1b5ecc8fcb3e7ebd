"""Files written whole or not at all, and read with a limit on their size."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from geo.errors import InputError, RefusedError
from geo.text_encoding import encoding_of

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_BYTES: Final = 64 * 2**20
"""No plan or geometry a person draws comes near this; 10^6 vertices of KML are about 40 MB."""

_BEGINS_BYTES: Final = 65_536


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
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def refuse_foreign(path: Path, *, ours: Sequence[bytes] = (), force: bool = False) -> None:
    """Refuse to write over a file of somebody else.

    Parameters
    ----------
    ours
        What only files of ours of this kind have in their first bytes; with none, any file there is foreign.
    force
        Whether a person said that it may be replaced.

    Raises
    ------
    RefusedError
        When one is there.
    """
    if force or not Path(path).exists():
        return
    if ours and Path(path).is_file():
        with Path(path).open("rb") as stream:
            begins = stream.read(_BEGINS_BYTES)
        if any(mark in begins for mark in ours):
            return
    raise RefusedError(
        f"{path} is there already and would be replaced; give another name, or --force", file=str(path), rule="file"
    )


def read_bytes(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a file, refusing one over `max_bytes`.

    Raises
    ------
    InputError
        When the file is absent, is a folder, a pipe or a device, cannot be read, or is too large.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InputError(f"{path}: is a folder; name a file in it")
        if not stat.S_ISREG(mode):  # opening a pipe waits for its writer, for ever if there is none
            raise InputError(f"{path}: is a pipe or a device, not a file; save it to a file first")
        with path.open("rb") as stream:
            data = stream.read(max_bytes + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the name and the permissions") from error
    except ValueError as error:
        raise InputError(f"{str(path)!r} is no file name ({error})") from error
    if len(data) > max_bytes:
        raise InputError(
            f"{path}: over the limit of {max_bytes} bytes for a plan or geometry file; it is something else",
            expected=max_bytes,
        )
    return data


def read_text(path: Path, *, max_bytes: int = MAX_BYTES) -> str:
    """Read a text file, see `as_text`.

    Raises
    ------
    InputError
        As `read_bytes`, and when the bytes are not text.
    """
    return as_text(read_bytes(path, max_bytes=max_bytes), str(path))


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file of ours.

    Raises
    ------
    InputError
        When it cannot be read or holds something else.
    """
    try:
        value = json.loads(read_text(path))
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}); make it again, or remove it") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} is damaged (no JSON object); make it again, or remove it")
    return value


def as_text(data: bytes, where: str) -> str:
    """Decode the bytes of a text file: UTF-8, or UTF-16 as Windows editors save it (with its byte-order mark).

    Raises
    ------
    InputError
        Naming `where` and the first byte that is no text.
    """
    try:
        return data.decode(encoding_of(data))
    except UnicodeDecodeError as error:
        raise InputError(
            f"{where}: byte {error.start} is not text (UTF-8 or UTF-16); this is another kind of file",
            offset=error.start,
        ) from error
