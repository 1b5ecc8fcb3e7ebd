"""How a person names the key that signs: a file kept outside the operation, its passphrase never an argument."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geo.errors import VedetteError
from vedette.commands.screen import ERRORS, line, utc_now_ns

if TYPE_CHECKING:
    from operations.signing.signer import Signer
    from operations.store import OperationStore

SIGNING_KEY_VARIABLE = "VEDETTE_SIGNING_KEY"
SIGNING_PASSPHRASE_VARIABLE = "VEDETTE_SIGNING_PASSPHRASE_FILE"  # noqa: S105  # the name of a variable
SigningKey = Annotated[
    Path,
    typer.Option("--signing-key", envvar=SIGNING_KEY_VARIABLE, help="Your signing key ('vedette keys new')."),
]
SigningPassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--signing-passphrase-file",
        envvar=SIGNING_PASSPHRASE_VARIABLE,
        help="File or descriptor with its passphrase, where it has one.",
    ),
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


def signed_at_close(store: OperationStore) -> OperationStore:
    """Have the head of a log signed before its operation is closed, where a key is set once for all commands.

    The environment names the key. A head that cannot be signed is told and undoes nothing: what the command wrote is in
    the log.
    """
    if os.environ.get(SIGNING_KEY_VARIABLE):
        store.at_close(_sign)
    return store


def _sign(store: OperationStore) -> None:
    from operations.signing.heads import sign_head
    from operations.signing.signer import Signer
    from operations.vault.keys_file import read_passphrase_file

    told = os.environ.get(SIGNING_PASSPHRASE_VARIABLE)
    try:
        passphrase = read_passphrase_file(Path(told)).value if told else None
        sign_head(store, Signer.read(Path(os.environ[SIGNING_KEY_VARIABLE]), passphrase, store.clock))
    except VedetteError as error:
        ERRORS.print(line(("the head of the log was not signed:", "yellow"), f" {error}"))


_PEM_HEAD_BYTES = 64
