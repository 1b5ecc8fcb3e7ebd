"""``vedette rekey``: another passphrase or key file for an encrypted operation."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from geo.errors import InputError
from vedette.commands.screen import ERRORS, utc_now_ns
from vedette.commands.secret_options import KeyFile, PassphraseFile, new_secret, secret_for
from vedette.commands.signing_options import signed_at_close

app = typer.Typer(add_completion=False)


@app.command()
def rekey(
    operation: Annotated[Path, typer.Argument(help="An encrypted operation folder.")],
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    new_key_file: Annotated[Path | None, typer.Option(help="The new key file; made when it is not there.")] = None,
    new_passphrase_file: Annotated[
        Path | None, typer.Option(help="File or descriptor with the new passphrase.")
    ] = None,
    keep_old: Annotated[bool, typer.Option("--keep-old", help="Let the old secret open it as well.")] = False,
    actor: Annotated[str | None, typer.Option(help="Whose name goes into the log (default: the login).")] = None,
) -> None:
    """Wrap the operation's key under another secret; no data are written again.

    Copies made before still open with the old one. Example: vedette rekey night-1 --new-key-file night-1.key
    """
    from operations.log.leaves import LeafKind
    from operations.store import OperationStore
    from operations.vault.keys_file import change_secret, is_encrypted

    old = secret_for(operation, key_file, passphrase_file) if is_encrypted(operation) else None
    if old is None:
        raise InputError(f"{operation} is not encrypted: there is no key to change", path=str(operation))
    new = new_secret(new_key_file, new_passphrase_file)
    opened = OperationStore.open(operation, actor=actor or getpass.getuser(), clock=utc_now_ns, secret=old)
    with signed_at_close(opened) as store:
        store.append(LeafKind.KEY, "at rest", {"what": "secret changed", "kind": new.kind, "old_kept": keep_old})
        change_secret(operation, old, new, keep_old=keep_old)
    kept = "; the old one still does" if keep_old else ""
    ERRORS.print(f"{operation} opens with the new {new.kind}{kept}")
