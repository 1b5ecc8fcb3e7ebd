"""``vedette verify``: whether an operation is still what was recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geo.errors import InputError
from vedette.commands.screen import ERRORS, counted, line, megabytes, print_json, progress
from vedette.commands.secret_options import KeyFile, PassphraseFile, secret_for
from vedette.commands.signing_options import Keys

if TYPE_CHECKING:
    from operations.verify import Verification

app = typer.Typer(add_completion=False)


@app.command()
def verify(
    operation: Annotated[Path, typer.Argument(help="An operation folder.")],
    head: Annotated[
        Path | None, typer.Option(help="A head that was kept elsewhere: shows a log rewritten or put back.")
    ] = None,
    key: Keys = None,
    stamp: Annotated[Path | None, typer.Option(help="A time authority's answer (.tsr) on that head.")] = None,
    ca: Annotated[Path | None, typer.Option("--ca", help="Trusted certificates (PEM) of the time authority.")] = None,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")] = False,
) -> None:
    """Hash every original and every derived part again, and follow the log; name whatever does not hold.

    Reads only. That the whole folder was written anew or put back shows only against a head kept elsewhere.
    Exit status 0 when all of it holds, 1 with findings. Example: vedette verify night-1 --head paper.head --key ana.pub
    """
    from operations.signing.anchors import read_anchor
    from operations.vault.keys_file import open_vault
    from operations.verify import verify

    vault = open_vault(operation, secret_for(operation, key_file, passphrase_file))
    if head is None and (key or stamp):
        raise InputError("--key and --stamp say something about a head: name it with --head")
    if (stamp is None) != (ca is None):
        raise InputError("a time stamp needs trusted certificates to be checked: give --stamp and --ca together")
    kept = None if head is None else read_anchor(head, keys=key or (), stamp=stamp, trusted=ca)
    with progress() as bars:
        found = verify(
            operation,
            vault=vault,
            head=None if kept is None else kept.head,
            head_from=str(head),
            head_of="" if kept is None else kept.operation,
            on_bytes=megabytes(bars, "hashing"),
        )
    proven = kept.proves(found.head.size) if kept is not None and not found.findings else []
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
                "proven": proven,
            }
        )
    else:
        for one in found.findings:
            ERRORS.print(line(("broken:", "bold red"), f" {one.sentence} ({one.kind})"))
        for note in found.notes:
            ERRORS.print(f"note: {note}")
        if not found.findings:
            ERRORS.print(f"{operation}: {contents(found)} are what was recorded")
        for sentence in proven:
            ERRORS.print(sentence)
    if found.findings:
        raise typer.Exit(1)


def contents(found: Verification) -> str:
    """Return in words how much a verified operation holds."""
    parts = f"{counted(found.originals, 'original')}, {counted(found.parts, 'part')}"
    return f"{parts} and {counted(found.head.size, 'record')}"
