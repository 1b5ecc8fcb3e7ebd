"""The file of accounts: outside every operation, readable by its owner alone, changed whole and one at a time."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any, Final

from maps.review.access.accounts import Account
from maps.review.errors import AccountError
from operations import durable_file, locks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_VERSION: Final = 1
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class AccountsFile:
    """Accounts by name, as they stand in their file now.

    Parameters
    ----------
    path
        The file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_at: tuple[int, int, int] | None = None
        self._known: dict[str, Account] = {}

    def accounts(self) -> Mapping[str, Account]:
        """Return the accounts; none where there is no file.

        Raises
        ------
        AccountError
            When the file can be read by others, or is none of ours.
        """
        try:
            seen = self.path.stat()
        except FileNotFoundError:
            self._known, self._read_at = {}, None
            return self._known
        if seen.st_mode & _OTHERS:
            raise AccountError(
                f"{self.path} can be read by others on this machine: chmod 600 {self.path}, and change the passwords",
                path=str(self.path),
            )
        now = (seen.st_mtime_ns, seen.st_size, seen.st_ino)
        if now != self._read_at:
            self._known, self._read_at = self._parsed(), now
        return self._known

    def put(self, account: Account) -> None:
        """Add an account, or replace the one of that name."""
        self._change(lambda known: known | {account.name: account})

    def add(self, account: Account) -> None:
        """Add an account of a name that nobody has.

        Raises
        ------
        AccountError
            When somebody has it.
        """

        def added(known: dict[str, Account]) -> dict[str, Account]:
            if account.name in known:
                raise AccountError(f"there is an account {account.name} already: choose another name")
            return known | {account.name: account}

        self._change(added)

    def _change(self, change: Callable[[dict[str, Account]], dict[str, Account]]) -> None:
        durable_file.make_folder(self.path.parent)
        with locks.turn(self.path.parent):
            changed = change(dict(self.accounts()))
            document = {"v": _VERSION, "accounts": [changed[name].body() for name in sorted(changed)]}
            durable_file.write_whole(self.path, json.dumps(document, indent=1).encode("ascii") + b"\n")
        self._read_at = None

    def _parsed(self) -> dict[str, Account]:
        try:
            document: Any = json.loads(self.path.read_bytes())
            listed = document["accounts"] if document["v"] == _VERSION else None
        except (ValueError, KeyError, TypeError) as error:
            raise AccountError(
                f"{self.path} is no file of accounts: name another, or restore it from a copy"
            ) from error
        if not isinstance(listed, list):
            raise AccountError(f"{self.path} is of another version of this program: use that one")
        return {account.name: account for account in map(Account.of, listed)}
