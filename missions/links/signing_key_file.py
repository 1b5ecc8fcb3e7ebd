"""Making a signing key's file, reading it, and the marks beside it."""

from __future__ import annotations

import os
import secrets
import stat
import urllib.parse
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from missions.links.signing import Signer
from missions.links.signing_key import SigningKey
from missions.links.signing_marks_file import MarksFile

if TYPE_CHECKING:
    from pathlib import Path

_HEX_DIGITS: Final = 64


def make_key(path: Path) -> None:
    """Write a new random key, as 64 hexadecimal digits that only its owner may read, whatever the umask.

    Raises
    ------
    InputError
        When the file exists or cannot be made.
    """
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InputError(f"{path} exists already; a key is never overwritten, name a new file") from None
    except OSError as error:
        raise InputError(f"{path}: the key cannot be written ({error.strerror})") from None
    with os.fdopen(file, "wb") as stream:
        os.fchmod(file, 0o600)
        stream.write(secrets.token_hex(_HEX_DIGITS // 2).encode() + b"\n")
        stream.flush()
        os.fsync(file)


def read_key(path: Path) -> SigningKey:
    """Return the key of a file: 32 raw bytes, or 64 hexadecimal digits.

    Raises
    ------
    InputError
        When the file is missing, readable by others, or no key. The message never shows what it holds.
    """
    if not path.is_file():
        raise InputError(f"signing key file {path} does not exist; make one: vedette fly PLAN --new-signing-key {path}")
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError(f"signing key file {path} can be read by others; protect it: chmod 600 {path}")
    data = path.read_bytes()
    text = data.strip()
    if len(text) == _HEX_DIGITS:
        try:
            return SigningKey(bytes.fromhex(text.decode("ascii")))
        except ValueError:
            pass
    if len(data) != _HEX_DIGITS // 2:
        raise InputError(f"signing key file {path} holds neither 64 hexadecimal digits nor 32 bytes")
    return SigningKey(data)


def open_signer(path: Path, link_name: str) -> Signer:
    """Return a signer with the key of a file; the marks of this link are kept beside it, as FILE.LINK.marks.

    What any link with this key has sent is known from the other marks files there, so that none of our own
    frames, played back on another link, is taken for a second station's.
    """
    key = read_key(path)
    marks = path.with_name(f"{path.name}.{urllib.parse.quote(link_name, safe='')}.marks")

    def siblings() -> list[Path]:
        return [p for p in path.parent.iterdir() if p.name.startswith(f"{path.name}.") and p.suffix == ".marks"]

    return Signer(key, marks=MarksFile(marks, key, siblings=siblings))
