"""How a person gives the secret of an encrypted operation: a prompt, a file, an open descriptor; never an argument."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operations.vault.key_ring import Secret

KeyFile = Annotated[
    Path | None, typer.Option("--key-file", help="Key file of an encrypted operation (32 random bytes or more).")
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", help="File, or descriptor such as /dev/fd/3, whose first line is the passphrase."
    ),
]


def secret_for(operation: Path, key_file: Path | None, passphrase_file: Path | None) -> Secret | None:
    """Return the secret of an existing operation, asking for it on a terminal; None for one that is not encrypted.

    Raises
    ------
    InputError
        When a secret is given for an operation that is not encrypted, or none can be had.
    """
    from operations.vault.keys_file import is_encrypted

    if not is_encrypted(operation):
        if key_file is not None or passphrase_file is not None:
            raise InputError(
                f"{operation} is not encrypted: leave the key or passphrase out, or encrypt it ('vedette merge "
                f"{operation} --into NEW --encrypt')",
                path=str(operation),
            )
        return None
    return _secret_of(operation, key_file, passphrase_file)


def secrets_for(
    operations: Iterable[Path], key_file: Path | None, passphrase_file: Path | None
) -> dict[Path, Secret | None]:
    """Return the secret of each of several operations, some of which may not be encrypted.

    One key or passphrase opens all that are: it is read once, for a descriptor can be read no second time.
    """
    from operations.vault.keys_file import is_encrypted

    closed = {path: is_encrypted(path) for path in operations}
    first = next((path for path, encrypted in closed.items() if encrypted), None)
    secret = None if first is None else _secret_of(first, key_file, passphrase_file)
    return {path: secret if encrypted else None for path, encrypted in closed.items()}


def _secret_of(operation: Path, key_file: Path | None, passphrase_file: Path | None) -> Secret:
    return _given(key_file, passphrase_file) or _asked(
        f"passphrase of {operation}: ", f"{operation} is encrypted", twice=False
    )


def new_secret(key_file: Path | None, passphrase_file: Path | None) -> Secret:
    """Return the secret that is to open an operation from now on; a key file that is not there yet is made."""
    from operations.vault.keys_file import make_key_file
    from vedette.commands.screen import ERRORS

    if key_file is not None and passphrase_file is None and not key_file.exists():
        made = make_key_file(key_file)
        ERRORS.print(f"{key_file} is the new key: without it nothing can be read; keep a copy elsewhere")
        return made
    return _given(key_file, passphrase_file) or _asked(
        "new passphrase: ", "a passphrase or a key is needed", twice=True
    )


def _given(key_file: Path | None, passphrase_file: Path | None) -> Secret | None:
    from operations.vault.keys_file import read_key_file, read_passphrase_file

    if key_file is not None and passphrase_file is not None:
        raise InputError("--key-file and --passphrase-file exclude each other: keep one of them")
    if key_file is not None:
        return read_key_file(key_file)
    return None if passphrase_file is None else read_passphrase_file(passphrase_file)


def _asked(prompt: str, why: str, *, twice: bool) -> Secret:
    from operations.vault.key_ring import Secret

    if not sys.stdin.isatty():
        raise InputError(f"{why}, and nobody can be asked here: give --key-file or --passphrase-file")
    words = getpass.getpass(prompt)
    if twice and getpass.getpass("once more: ") != words:
        raise InputError("the two passphrases differ: nothing was made")
    return Secret(value=words.encode())
