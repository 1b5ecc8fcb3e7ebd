"""``vedette migrate``: an operation of an earlier format becomes one of today's."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from vedette.commands.screen import ERRORS, line, print_json, utc_now_ns

app = typer.Typer(add_completion=False)


@app.command()
def migrate(
    operation: Annotated[Path, typer.Argument(help="An operation folder of an earlier format.")],
    actor: Annotated[str | None, typer.Option(help="Whose name goes into the log (default: the login).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")] = False,
) -> None:
    """Turn an operation into today's format, in its own folder; cut short, it stays what it was or is done.

    Exit status 0 when done, 1 when something of it was damaged before. Example: vedette migrate night-1
    """
    from operations.migration import migrate

    done = migrate(operation, actor=actor or getpass.getuser(), clock=utc_now_ns)
    if as_json:
        print_json(
            {
                "operation": str(operation),
                "from_format": done.from_format,
                "to_format": done.to_format,
                "steps": list(done.steps),
                "problems": list(done.problems),
            }
        )
    else:
        for problem in done.problems:
            ERRORS.print(line(("problem:", "yellow"), f" {problem}"))
        steps = "; ".join(done.steps) or "nothing was to be done"
        ERRORS.print(f"{operation}: format {done.to_format} (step {steps})")
    if done.problems:
        raise typer.Exit(1)
