"""``vedette keys``: the keys that sign heads and packages."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from vedette.commands.screen import ERRORS, RESULTS, print_json, utc_now_ns
from vedette.commands.signing_options import SigningPassphraseFile, passphrase_of, signer_of

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Make and keep the keys that sign heads and evidence packages."
)

KeyPath = Annotated[Path, typer.Argument(help="The private key, such as ana.key; its public keys are in ana.pub.")]
NewPassphraseFile = Annotated[
    Path | None, typer.Option("--new-passphrase-file", help="File or descriptor with the passphrase it is to have.")
]


@app.command()
def new(
    key: KeyPath,
    name: Annotated[
        str | None, typer.Option(help="Whose key it is, without spaces: ana@unit-3 (default: login).")
    ] = None,
    new_passphrase_file: NewPassphraseFile = None,
) -> None:
    """Make a signing key, outside every operation. Example: vedette keys new /media/usb/ana.key --name ana@unit-3"""  # noqa: D400, D415 - ends with a command
    from operations.signing.signer import PUBLIC, new_key

    secret = None if new_passphrase_file is None else passphrase_of(key, new_passphrase_file)
    made = new_key(key, name or getpass.getuser(), passphrase=secret, clock=utc_now_ns)
    ERRORS.print(f"{key} signs as {made.name}; hand {key.with_suffix(PUBLIC)} to whoever is to check it")
    RESULTS.print(made.vkey)


@app.command()
def show(
    public: Annotated[Path, typer.Argument(help="A .pub file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show the keys of a public file, since when and until when each signs. Example: vedette keys show ana.pub"""  # noqa: D400, D415 - ends with a command
    from operations.evidence.signed_texts import read_keys
    from operations.signing.signer import read_public_text

    history = read_keys(read_public_text(public))
    if as_json:
        print_json({"keys": history})
        return
    for entry in history:
        until = "now" if entry["until"] is None else f"{_moment(entry['until'])} ({entry['why']})"
        RESULTS.print(f"{entry['key']}  from {_moment(entry['since'])} until {until}")


@app.command()
def rotate(
    key: KeyPath,
    signing_passphrase_file: SigningPassphraseFile = None,
    new_passphrase_file: NewPassphraseFile = None,
) -> None:
    """Replace a key by a new one that it names; what it signed still verifies. Example: vedette keys rotate ana.key"""  # noqa: D400, D415 - ends with a command
    from operations.signing.signer import PUBLIC, rotate_key

    old = signer_of(key, signing_passphrase_file)
    secret = None if new_passphrase_file is None else passphrase_of(key, new_passphrase_file)
    made = rotate_key(key, old, passphrase=secret)
    ERRORS.print(f"{key} is a new key, the old one is gone; hand out {key.with_suffix(PUBLIC)} again")
    RESULTS.print(made.vkey)


@app.command()
def revoke(
    key: KeyPath,
    reason: Annotated[str, typer.Option("--reason", help="Why: lost, stolen, somebody left.")],
    signing_passphrase_file: SigningPassphraseFile = None,
) -> None:
    """End a key for good. Example: vedette keys revoke ana.key --reason "laptop stolen"

    A thief can still date a signature back: what it signed counts as far as somebody else's anchor proves.
    """  # noqa: D400, D415 - ends with a command
    from operations.signing.signer import PUBLIC, revoke_key

    revoke_key(key, signer_of(key, signing_passphrase_file), reason)
    ERRORS.print(f"{key} is revoked; hand out {key.with_suffix(PUBLIC)} to everybody who holds it")


def _moment(t_s: int) -> str:
    from operations.signing.anchors import moment

    return moment(t_s) if t_s else "the beginning"
