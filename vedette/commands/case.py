"""``vedette case``: set case and reason once for what is looked at from now on."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vedette.commands.opened import opened
from vedette.commands.screen import ERRORS
from vedette.commands.secret_options import KeyFile, PassphraseFile

if TYPE_CHECKING:
    from operations.consultation import OpenCase

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Set case and reason once; every view and export then carries them.",
)

Operation = Annotated[Path, typer.Argument(help="An operation folder.")]
Actor = Annotated[str | None, typer.Option(help="Whose case it is (default: the login).")]


@app.command(name="open")
def open_(
    operation: Operation,
    case: Annotated[str, typer.Option("--case", help="Number of the case.")],
    reason: Annotated[str, typer.Option("--reason", help="Why persons' data are looked at, in a line.")],
    hours: Annotated[float, typer.Option(help="How long it holds; a shift unless said otherwise.")] = 12.0,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    actor: Actor = None,
) -> None:
    """Open a case for yourself: your views and exports of this operation carry it until it is closed or time is over.

    Example: vedette case open night-1 --case 2026-0412 --reason "group reported at km 31"
    """
    from operations.consultation import Purpose, open_case

    with opened(operation, key_file, passphrase_file, actor) as store:
        case_now = open_case(store, Purpose(case=case, reason=reason), hours=hours)
    ERRORS.print(_told(case_now))


@app.command()
def close(
    operation: Operation,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    actor: Actor = None,
) -> None:
    """Close your case. Example: vedette case close night-1"""  # noqa: D400, D415 - ends with a command
    from operations.consultation import close_case

    with opened(operation, key_file, passphrase_file, actor) as store:
        was = close_case(store)
    ERRORS.print("no case was open" if was is None else f"closed: case {was.purpose.case}, {was.purpose.reason}")


@app.command()
def show(
    operation: Operation,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    actor: Actor = None,
) -> None:
    """Show which case you have open. Example: vedette case show night-1"""  # noqa: D400, D415 - ends with a command
    from operations.consultation import OpenCase

    with opened(operation, key_file, passphrase_file, actor) as store:
        case_now = OpenCase.of(store)
    ERRORS.print("no case is open" if case_now is None else _told(case_now))


def _told(case_now: OpenCase) -> str:
    until = datetime.datetime.fromtimestamp(case_now.until_t_utc_ns // 1_000_000_000, tz=datetime.UTC)
    return f"open until {until:%Y-%m-%d %H:%M} UTC: case {case_now.purpose.case}, {case_now.purpose.reason}"
