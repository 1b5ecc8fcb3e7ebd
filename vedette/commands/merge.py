"""``vedette merge``: two laptops' operations of one night become one."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from vedette.commands.screen import ERRORS, line, print_json, utc_now_ns
from vedette.commands.secret_options import KeyFile, PassphraseFile, new_secret, secrets_for

app = typer.Typer(add_completion=False)


@app.command()
def merge(
    operations: Annotated[list[Path], typer.Argument(help="Operation folders; they stay as they are.")],
    into: Annotated[Path, typer.Option("--into", help="The operation folder to make.")],
    name: Annotated[str | None, typer.Option(help="Name of the new operation (default: that of its folder).")] = None,
    encrypt: Annotated[bool, typer.Option("--encrypt", help="Encrypt the new operation.")] = False,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    actor: Annotated[str | None, typer.Option(help="Whose name goes into the log (default: the login).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")] = False,
) -> None:
    """Keep every original once, every log whole, and every verdict; say where they contradict each other.

    One key or passphrase opens all that are encrypted and the new one, which is encrypted when one of them is.
    Exit status 0 done, 1 done with contradictions. Example: vedette merge laptop-1 laptop-2 --into night-1
    """
    from operations.merge import Clerk, Source, merge

    secrets = secrets_for(operations, key_file, passphrase_file)
    secret = next((one for one in secrets.values() if one is not None), None)
    if secret is None and encrypt:
        secret = new_secret(key_file, passphrase_file)
    sources = [Source(path=path, secret=secrets[path]) for path in operations]
    who = actor or getpass.getuser()
    clerk = Clerk(name=name or into.resolve().name, actor=who, clock=utc_now_ns, secret=secret)
    done = merge(sources, into, clerk)
    found = done.verification
    if as_json:
        print_json(
            {
                "operation": str(into),
                "originals": found.originals,
                "parts": found.parts,
                "log_records": found.head.size,
                "conflicts": list(done.conflicts),
            }
        )
    else:
        for conflict in done.conflicts:
            ERRORS.print(line(("contradiction:", "yellow"), f" {conflict}"))
        counted = f"{found.originals} originals, {found.parts} parts and {found.head.size} records"
        ERRORS.print(f"{into}: {counted}, verified")
    if done.conflicts:
        raise typer.Exit(1)
