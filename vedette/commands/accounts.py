"""``vedette accounts``: who may log in to the review console."""

from __future__ import annotations

import dataclasses
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from geo.errors import InputError
from geo.near_words import did_you_mean
from vedette.commands.review import default_accounts
from vedette.commands.screen import ERRORS, RESULTS, print_json

if TYPE_CHECKING:
    from maps.review.access.accounts import Account
    from maps.review.access.accounts_file import AccountsFile

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Keep the accounts of the review console.")

AccountsPath = Annotated[Path | None, typer.Option("--accounts", help="File of accounts (default: in your settings).")]
Name = Annotated[str, typer.Argument(help="Name of the account; goes into the log.")]
PasswordFile = Annotated[
    Path | None, typer.Option(help="File, or descriptor such as /dev/fd/3, whose first line is the password.")
]


@app.command()
def add(
    name: Name,
    role: Annotated[str, typer.Option(help="viewer, analyst, supervisor or admin.")] = "analyst",
    password_file: PasswordFile = None,
    accounts: AccountsPath = None,
) -> None:
    """Add an account; the password is asked for.

    Example: vedette accounts add ana.k --role analyst
    """
    from maps.review.access.accounts import Account, Passwords, require_name
    from maps.review.access.roles import Role

    require_name(name)
    if role not in set(Role):
        raise InputError(f"--role: {role!r}{did_you_mean(role, Role)} is none of {', '.join(Role)}")
    hashed = Passwords().hashed(_password(password_file))
    _file(accounts).add(Account(name=name, role=Role(role), password=hashed))
    ERRORS.print(f"{name} may log in as {role}")


@app.command(name="list")
def list_(
    accounts: AccountsPath = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the accounts. Example: vedette accounts list"""  # noqa: D400, D415 - ends with a command
    known = _file(accounts).accounts().values()
    if as_json:
        print_json({"accounts": [{"name": one.name, "role": str(one.role), "closed": one.closed} for one in known]})
        return
    table = Table("name", "role", "", box=None, pad_edge=False)
    for one in known:
        table.add_row(one.name, str(one.role), "closed" if one.closed else "")
    RESULTS.print(table)


@app.command()
def password(name: Name, password_file: PasswordFile = None, accounts: AccountsPath = None) -> None:
    """Set an account's password; its sessions end at once.

    Example: vedette accounts password ana.k
    """
    from maps.review.access.accounts import Passwords

    file = _file(accounts)
    was = _known(file, name)
    file.put(dataclasses.replace(was, password=Passwords().hashed(_password(password_file))))
    ERRORS.print(f"{name} has a new password")


@app.command()
def close(name: Name, accounts: AccountsPath = None) -> None:
    """Close an account: nobody logs in with it any more. Its name stays, for the log.

    Example: vedette accounts close ana.k
    """
    file = _file(accounts)
    file.put(dataclasses.replace(_known(file, name), closed=True))
    ERRORS.print(f"{name} is closed")


def _file(path: Path | None) -> AccountsFile:
    from maps.review.access.accounts_file import AccountsFile

    return AccountsFile(path or default_accounts())


def _known(file: AccountsFile, name: str) -> Account:
    account = file.accounts().get(name)
    if account is None:
        raise InputError(f"there is no account {name!r} in {file.path}: 'vedette accounts list' shows them")
    return account


def _password(path: Path | None) -> str:
    if path is not None:
        with path.open(encoding="utf-8") as file:
            return file.readline().rstrip("\n")
    if not sys.stdin.isatty():
        raise InputError("a password is needed, and nobody can be asked here: give --password-file")
    first = getpass.getpass("password, 15 characters or more: ")
    if getpass.getpass("once more: ") != first:
        raise InputError("the two passwords differ: nothing was changed")
    return first
