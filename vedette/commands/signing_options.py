"""How a person names the key that signs: a file kept outside the operation, its passphrase never an argument."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vedette.commands.screen import utc_now_ns

if TYPE_CHECKING:
    from operations.signing.signer import Signer

SIGNING_KEY_VARIABLE = "VEDETTE_SIGNING_KEY"
SigningKey = Annotated[
    Path,
    typer.Option("--signing-key", envvar=SIGNING_KEY_VARIABLE, help="Your signing key ('vedette keys new')."),
]
SigningPassphraseFile = Annotated[
    Path | None,
    typer.Option("--signing-passphrase-file", help="File or descriptor with its passphrase, where it has one."),
]
Keys = Annotated[list[Path] | None, typer.Option("--key", help="A .pub file whose signature has to be there; repeat.")]


def signer_of(path: Path, passphrase_file: Path | None) -> Signer:
    """Open a signing key, asking for its passphrase on a terminal where it has one and no file is given."""
    from operations.signing.signer import Signer

    return Signer.read(path, passphrase_of(path, passphrase_file), utc_now_ns)


def passphrase_of(path: Path, passphrase_file: Path | None) -> bytes | None:
    """Return the passphrase of a signing key that has one."""
    from operations.vault.keys_file import read_passphrase_file

    if passphrase_file is not None:
        return read_passphrase_file(passphrase_file).value
    closed = path.is_file() and b"BEGIN ENCRYPTED" in path.read_bytes()[:_PEM_HEAD_BYTES]
    return getpass.getpass(f"passphrase of {path}: ").encode() if closed and sys.stdin.isatty() else None


_PEM_HEAD_BYTES = 64
