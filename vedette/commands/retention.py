"""``vedette retention``: what is due, what is held, and erasing by two people."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geo.errors import InputError
from vedette.commands.opened import opened
from vedette.commands.screen import ERRORS, RESULTS, counted, print_json
from vedette.commands.secret_options import KeyFile, PassphraseFile
from vedette.commands.signing_options import SigningKey, SigningPassphraseFile
from vedette.commands.two_people import SecondKey, SecondPassphraseFile, signers_of

if TYPE_CHECKING:
    from operations.store import OperationStore
    from operations.values import MediaRecord

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Keep recordings no longer than law allows, and no shorter than it asks.",
)

Operation = Annotated[Path, typer.Argument(help="An operation folder.")]
Actor = Annotated[str | None, typer.Option(help="Whose name goes into the log (default: the login).")]
Case = Annotated[str, typer.Option("--case", help="Number of the case or order.")]
Why = Annotated[str, typer.Option("--reason", help="Why, in a line; goes into the log.")]
Media = Annotated[str | None, typer.Option(help="One recording, by name or id (default: all, also those to come).")]
PolicyFile = Annotated[Path, typer.Option("--policy", help="TOML: [keep_days] for each category.")]


@app.command()
def due(
    operation: Operation,
    policy: PolicyFile,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List until when each recording is kept, and which are due; exit status 1 when some are.

    Example: vedette retention due night-1 --policy retention.toml
    """
    from operations.law.retention import Policy
    from operations.law.retention import due as due_now

    with opened(operation, key_file, passphrase_file, read_only=True) as store:
        found = due_now(store, Policy.read(policy))
    if as_json:
        rows = [
            {
                "media": one.media.id,
                "name": one.media.name,
                "category": str(one.category),
                "until_t_utc_ns": one.until_t_utc_ns,
                "due": one.is_due,
                "held": one.held,
            }
            for one in found
        ]
        print_json({"operation": str(operation), "recordings": rows})
    else:
        for one in found:
            until = datetime.datetime.fromtimestamp(one.until_t_utc_ns // 1_000_000_000, tz=datetime.UTC)
            state = f"held, {one.held}" if one.held else "due" if one.is_due else "kept"
            RESULTS.print(f"{one.media.name}  {one.category}  until {until:%Y-%m-%d %H:%M} UTC  {state}")
    if any(one.is_due and not one.held for one in found):
        raise typer.Exit(1)


@app.command()
def hold(
    operation: Operation,
    case: Case,
    reason: Why,
    media: Media = None,
    release: Annotated[bool, typer.Option("--release", help="Lift the hold instead.")] = False,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    actor: Actor = None,
) -> None:
    """Put a recording, or all, under a legal hold: nothing of it is erased until it is released.

    Example: vedette retention hold night-1 --media clip.ts --case 2026-0412 --reason "order of the court, 3 May"
    """
    from operations.consultation import Purpose
    from operations.law.holds import release_hold, set_hold

    purpose = Purpose(case=case, reason=reason)
    with opened(operation, key_file, passphrase_file, actor) as store:
        one = None if media is None else _named(store, media)
        (release_hold if release else set_hold)(store, one, purpose)
    what = "every recording" if one is None else one.name
    ERRORS.print(f"{what} is {'not held any more' if release else 'held'}: case {purpose.case}, {purpose.reason}")


@app.command()
def erase(
    operation: Operation,
    case: Case,
    reason: Why,
    signing_key: SigningKey,
    second_key: SecondKey = None,
    media: Annotated[list[str] | None, typer.Option(help="A recording, by name or id; again for more.")] = None,
    policy: Annotated[Path | None, typer.Option("--policy", help="Everything that is due by this policy.")] = None,
    signing_passphrase_file: SigningPassphraseFile = None,
    second_passphrase_file: SecondPassphraseFile = None,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    actor: Actor = None,
) -> None:
    """Erase recordings with all that was derived from them; two people sign, a tombstone stays, the log holds.

    Example: vedette retention erase night-1 --policy retention.toml --case policy --reason "30 days are over"
    --signing-key ana.key --second-key ben.key
    """
    from operations.consultation import Purpose
    from operations.law.erasure import erase as erase_media
    from operations.law.retention import Policy
    from operations.law.retention import due as due_now

    if (not media) == (policy is None):
        raise InputError("name what is to be erased: --media NAME, or --policy FILE for all that is due")
    signers = signers_of(signing_key, signing_passphrase_file, second_key, second_passphrase_file)
    with opened(operation, key_file, passphrase_file, actor) as store:
        if policy is None:
            chosen = [_named(store, name) for name in media or ()]
        else:
            over = [one for one in due_now(store, Policy.read(policy)) if one.is_due]
            chosen = [one.media for one in over if not one.held]
            for one in over:
                if one.held:
                    ERRORS.print(f"{one.media.name} is due and stays: held, {one.held}")
        gone = erase_media(store, chosen, Purpose(case=case, reason=reason), signers)
        encrypted = store.vault.encrypted
    if not chosen:
        ERRORS.print("nothing was erased")
        return
    erased = f"{counted(len(chosen), 'recording')} erased, {counted(len(gone), 'file')}"
    ERRORS.print(f"{erased}; each has a tombstone in the log")
    if gone and not encrypted:
        ERRORS.print(
            "the operation is not encrypted: the bytes were written over once; what flash memory, snapshots and "
            "backups still hold was not reached"
        )


def _named(store: OperationStore, name: str) -> MediaRecord:
    """Return the recording of that name or id."""
    found = [media for media in store.media() if name in (media.name, media.id)]
    if len(found) != 1:
        known = ", ".join(f"{media.name} ({media.id[:12]})" for media in store.media()[:_TOLD])
        what = "no recording" if not found else f"{len(found)} recordings"
        raise InputError(
            f"{what} of this operation {'is' if not found else 'are'} called {name!r}: name one of {known}"
        )
    return found[0]


_TOLD = 8
