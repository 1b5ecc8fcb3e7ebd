"""``vedette verify``: whether an operation is still what was recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vedette.screen import ERRORS, print_json, utc_now_ns

app = typer.Typer()


@app.command()
def verify(
    operation: Annotated[Path, typer.Argument(help="An operation folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")] = False,
) -> None:
    """Hash every original and every derived part again, and follow the log; name whatever does not hold.

    Reads only. Exit status 0 when all of it holds, 1 with findings. Example: vedette verify night-1
    """
    from operations.originals import member_is_sound
    from operations.parts_file import part_is_sound
    from operations.store import OperationStore

    with OperationStore.open(operation, actor="", clock=utc_now_ns, read_only=True) as store:
        media = store.media()
        members = [member for record in media for member in record.members]
        parts = store.parts(runs=[run.run_id for run in store.runs(superseded=True)])
        problems = [
            f"the original {m.path} is missing or was changed"
            for m in members
            if not member_is_sound(store.path, m, store.vault)
        ]
        problems += [
            f"{part.file} is missing or was changed"
            for part in parts
            if not part_is_sound(store.path, part, vault=store.vault)
        ]
        lines = store.head().size
    if as_json:
        counted = {"originals": len(media), "parts": len(parts), "log_records": lines}
        print_json({"operation": str(operation), **counted, "problems": problems})
    elif problems:
        for problem in problems:
            ERRORS.print("[bold red]broken:[/] ", end="")
            ERRORS.print(problem, markup=False)
    else:
        ERRORS.print(
            f"{operation}: {len(media)} originals, {len(parts)} parts and {lines} records are what was recorded"
        )
    if problems:
        raise typer.Exit(1)
