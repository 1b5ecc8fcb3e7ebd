"""``vedette verify``: whether an operation is still what was recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vedette.screen import ERRORS, line, print_json, progress
from vedette.secret_options import KeyFile, PassphraseFile, secret_for

app = typer.Typer()


@app.command()
def verify(
    operation: Annotated[Path, typer.Argument(help="An operation folder.")],
    head: Annotated[
        Path | None, typer.Option(help="A log.head that was kept elsewhere: shows a log rewritten or put back.")
    ] = None,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")] = False,
) -> None:
    """Hash every original and every derived part again, and follow the log; name whatever does not hold.

    Reads only. That the whole folder was written anew or put back shows only against a head kept elsewhere.
    Exit status 0 when all of it holds, 1 with findings. Example: vedette verify night-1 --head paper.head
    """
    from operations.vault.keys_file import open_vault
    from operations.verify import read_outside_head, verify

    vault = open_vault(operation, secret_for(operation, key_file, passphrase_file))
    kept = None if head is None else read_outside_head(head)
    with progress() as bars:
        task = bars.add_task("hashing, MB", total=None)
        found = verify(
            operation,
            vault=vault,
            head=kept,
            head_from=str(head),
            on_bytes=lambda count: bars.update(task, completed=count // 1_000_000),
        )
    if as_json:
        print_json(
            {
                "operation": str(operation),
                "originals": found.originals,
                "parts": found.parts,
                "log_records": found.head.size,
                "log_root": found.head.root.hex(),
                "problems": [one.sentence for one in found.findings],
                "notes": list(found.notes),
            }
        )
    else:
        for one in found.findings:
            ERRORS.print(line(("broken:", "bold red"), f" {one.sentence} ({one.kind})"))
        for note in found.notes:
            ERRORS.print(f"note: {note}")
        if not found.findings:
            counted = f"{found.originals} originals, {found.parts} parts and {found.head.size} records"
            ERRORS.print(f"{operation}: {counted} are what was recorded")
    if found.findings:
        raise typer.Exit(1)
