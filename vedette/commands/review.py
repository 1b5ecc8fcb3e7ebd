"""``vedette review``: the console in which people look at what was found, decide, and hand it on."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vedette.commands.question_options import BorderFile, BriefFile, Operations
from vedette.commands.screen import ERRORS, line, utc_now_ns
from vedette.commands.secret_options import KeyFile, PassphraseFile, secret_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maps.review.desk import Folder

app = typer.Typer()


@app.command(epilog="Example: vedette review night-1 night-2 --brief brief.toml")
def review(
    operations: Operations,
    brief: BriefFile = None,
    border: BorderFile = None,
    accounts: Annotated[
        Path | None, typer.Option(help="File of accounts (default: accounts.json in your settings folder).")
    ] = None,
    host: Annotated[str, typer.Option(help="Address of this machine to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes any that is free.")] = 8765,
    name: Annotated[
        list[str] | None, typer.Option("--name", help="Another name it is reached by; again for more.")
    ] = None,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Serve the review console of one or several operations; nobody gets in without an account.

    The first account is made with a code that is printed here; more with 'vedette accounts'.
    """
    from maps.review.app import Settings, build_app
    from maps.review.desk import Desk
    from maps.review.serving import Place, server_for

    place = Place(host=host, port=port, names=tuple(name or ()))
    with contextlib.ExitStack() as stack:
        link = stack.enter_context(place.listen())
        desk = stack.enter_context(Desk(_folders(operations, key_file, passphrase_file), clock=utc_now_ns))
        for problem in desk.problems:
            ERRORS.print(line(("left out:", "yellow"), f" {problem}"))
        taken = link.getsockname()[1]
        settings = Settings(accounts=accounts or default_accounts(), origins=place.origins(taken))
        console = build_app(desk, settings)
        _tell(console.state.console.first.code, f"{'http' if place.tls is None else 'https'}://{host}:{taken}/")
        server_for(console, place.tls).run(sockets=[link])


def default_accounts() -> Path:
    """Return where accounts are kept unless said otherwise."""
    return Path(typer.get_app_dir("vedette")) / "accounts.json"


def _folders(operations: Sequence[Path], key_file: Path | None, passphrase_file: Path | None) -> list[Folder]:
    from maps.review.desk import Folder
    from operations.vault.keys_file import is_encrypted

    folders = []
    for path in dict.fromkeys(operations):
        given = (key_file, passphrase_file) if is_encrypted(path) else (None, None)
        folders.append(Folder(path=path, secret=secret_for(path, *given)))
    return folders


def _tell(code: str, address: str) -> None:
    ERRORS.print(line("The console is at ", (address, "bold"), "  (Ctrl-C ends it)"))
    if code:
        ERRORS.print(line("Nobody has an account yet. Code for the first one, good for half an hour: ", (code, "bold")))
