"""``vedette verify``: whether an operation is still what was sealed."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from vedette.screen import ERRORS, line, print_json, utc_now_ns

app = typer.Typer()


@app.command()
def verify(
    operation: Annotated[Path, typer.Argument(help="An operation folder.")],
    actor: Annotated[str | None, typer.Option(help="Whose name goes into the log (default: the login).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")] = False,
) -> None:
    """Hash every original again and follow the log's chain; name whatever does not hold.

    Exit status 0 when all of it holds, 1 with findings. Example: vedette verify night-1
    """
    from operations.seal_file import seal_problems
    from operations.store import OperationStore

    with OperationStore.open(operation, actor=actor or getpass.getuser(), clock=utc_now_ns) as store:
        problems = seal_problems(store)
        media, lines = len(store.media()), len(store.audit_log())
        store.log("verified", {"problems": list(problems)})
    if as_json:
        print_json({"operation": str(operation), "originals": media, "log_lines": lines, "problems": list(problems)})
    elif problems:
        for problem in problems:
            ERRORS.print(line(("broken:", "bold red"), f" {problem}"))
    else:
        ERRORS.print(f"{operation}: {media} originals and {lines} log lines are what was sealed")
    if problems:
        raise typer.Exit(1)
