"""``vedette join``: tracks of an operation that are likely one thing, across passes, sorties and aircraft."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from vedette.commands.opened import opened
from vedette.commands.question_options import Actor
from vedette.commands.screen import ERRORS, print_json, print_wide
from vedette.commands.secret_options import KeyFile, PassphraseFile

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: vedette join night-1 --at-least 0.9")
def join(
    operation: Annotated[Path, typer.Argument(help="An operation folder.")],
    at_least: Annotated[
        float | None,
        typer.Option(
            min=0.5,
            max=1.0,
            help="Join tracks that are one thing with this probability or more; without it as asked for last, or 0.9.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be joined, and record nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    actor: Actor = None,
) -> None:
    """Join tracks that are likely one thing: seen on another pass, by another aircraft, by another sensor.

    It is an assessment from where they were, how they moved and what they were taken for. Who reads the case can set
    any of them apart again in the console; what a person joined, split or set apart is left alone.
    """
    from operations.same_things import likely_same, record_same

    with opened(operation, key_file, passphrase_file, actor) as store:
        likely = likely_same(store, at_least)
        records = 0 if dry_run else record_same(store, likely)
    found = likely.things
    if as_json:
        things = [
            {"tracks": [list(track) for track in one.tracks], "probabilities": one.probabilities, "gaps_s": one.gaps_s}
            for one in found
        ]
        print_json({"at_least": likely.at_least, "things": things, "records": records})
        return
    if found:
        table = Table("track", "is likely", "probability", "seconds between")
        for one in found:
            for before, after, chance, gap in zip(
                one.tracks, one.tracks[1:], one.probabilities, one.gaps_s, strict=False
            ):
                table.add_row(before[1], after[1], f"{chance:.2f}", f"{gap:.0f}" if gap > 0.0 else "at once")
        print_wide(table)
    told = "nothing was recorded" if dry_run else f"{records} records"
    ERRORS.print(
        f"{len(found)} things of {sum(len(one.tracks) for one in found)} tracks at {likely.at_least:g} or more: {told}"
    )
