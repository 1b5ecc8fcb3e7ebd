"""``vedette outcome``: what a patrol found on the spot comes back into the record, apart from what readers decided."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from operations.values import Outcome
from telemetry.tracks.stated_times import parse_moment
from vedette.commands.opened import opened
from vedette.commands.question_options import Actor
from vedette.commands.screen import ERRORS, print_json
from vedette.commands.secret_options import KeyFile, PassphraseFile

app = typer.Typer(add_completion=False)


@app.command(
    epilog="Example: vedette outcome night-1 --track T-1a2b3c --found nothing --at 2026-01-01T04:10+01:00 "
    '--note "fresh tracks in the snow, nobody there"'
)
def outcome(
    operation: Annotated[Path, typer.Argument(help="An operation folder.")],
    found: Annotated[Outcome, typer.Option("--found", help="What was there.")],
    track: Annotated[str | None, typer.Option("--track", help="Id of the track the patrol was sent to.")] = None,
    hit: Annotated[list[str] | None, typer.Option("--hit", help="Id of a single hit instead; again for more.")] = None,
    at: Annotated[str | None, typer.Option("--at", help="When it was there, as 2026-01-01T04:10+01:00.")] = None,
    note: Annotated[str, typer.Option("--note", help="What else it tells, in a few sentences.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the record as one JSON object.")] = False,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    actor: Actor = None,
) -> None:
    """Record what a patrol found at a track. A verdict is what a reader of pictures decided; both are kept."""
    from operations.outcomes import FromTheSpot, record_outcome

    told = FromTheSpot(found=found, at_t_utc_ns=parse_moment(at, "--at") or 0, note=note)
    with opened(operation, key_file, passphrase_file, actor) as store:
        recorded = record_outcome(store, told, track_id=track or "", hit_ids=tuple(hit or ()))
    if as_json:
        print_json(recorded.body())
        return
    ERRORS.print(f"recorded: {found} at {track or ', '.join(hit or ())} (outcome {recorded.outcome_id})")
