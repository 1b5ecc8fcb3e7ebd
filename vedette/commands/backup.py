"""``vedette backup``: a verified copy of an operation, also while it is written to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vedette.commands.screen import ERRORS, megabytes, print_json, progress
from vedette.commands.secret_options import KeyFile, PassphraseFile, secret_for
from vedette.commands.verify import contents

app = typer.Typer(add_completion=False)


@app.command()
def backup(
    operation: Annotated[Path, typer.Argument(help="An operation folder; others may go on writing to it.")],
    to: Annotated[Path, typer.Argument(help="The folder to make.")],
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")] = False,
) -> None:
    """Copy one moment of an operation, verify the copy, and only then give it its name.

    An encrypted operation stays encrypted. Example: vedette backup night-1 /media/usb/night-1
    """
    from operations.backup import backup

    secret = secret_for(operation, key_file, passphrase_file)
    with progress() as bars:
        copied = backup(operation, to, secret=secret, on_bytes=megabytes(bars, "copying"))
    if as_json:
        print_json(
            {
                "backup": str(to),
                "originals": copied.originals,
                "parts": copied.parts,
                "log_records": copied.head.size,
                "log_root": copied.head.root.hex(),
            }
        )
        return
    ERRORS.print(f"{to}: {contents(copied)}, verified")
