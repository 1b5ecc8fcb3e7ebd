"""Reading a signing key from its file, and the marks beside it."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from missions.links.signing import Signer, SigningKey
from missions.links.signing_marks_file import MarksFile

if TYPE_CHECKING:
    from pathlib import Path

_HEX_DIGITS: Final = 64


def read_key(path: Path) -> SigningKey:
    """Return the key of a file: 32 raw bytes, or 64 hexadecimal digits.

    Raises
    ------
    InputError
        When the file is missing, readable by others, or no key. The message never shows what it holds.
    """
    if not path.is_file():
        raise InputError(f"signing key file {path} does not exist; make one: openssl rand -hex 32 > {path}")
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
    """Return a signer with the key of a file; the marks of this link are kept beside it, as FILE.LINK.marks."""
    key = read_key(path)
    return Signer(key, marks=MarksFile(path.with_name(f"{path.name}.{link_name}.marks"), key))
