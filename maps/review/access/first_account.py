"""The first account: made with a code that is shown once, where the console was started, and never again."""

from __future__ import annotations

import hmac
import secrets
import threading
from typing import TYPE_CHECKING, Final

from maps.review.access.accounts import Account, Passwords, require_name
from maps.review.access.roles import Role
from maps.review.errors import LoginRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from maps.review.access.accounts_file import AccountsFile

WHOLE_S: Final = 1_800.0
"""How long the code holds."""


class FirstAccount:
    """Whether an account can be made without one, and by which code.

    Parameters
    ----------
    accounts
        Where it goes; with an account in there no code is ever made.
    now_s
        A monotonic clock, in seconds.
    """

    def __init__(self, accounts: AccountsFile, now_s: Callable[[], float]) -> None:
        self._accounts = accounts
        self._now_s = now_s
        self._turn = threading.Lock()
        self._until_s = now_s() + WHOLE_S
        self.code = "" if accounts.accounts() else secrets.token_hex(8)
        """Sixteen hexadecimal digits; empty once there is an account."""

    def make(self, code: str, name: str, password: str, passwords: Passwords) -> Account:
        """Make the first account, an admin's.

        Raises
        ------
        LoginRefusedError
            When the code is wrong, used or too old.
        AccountError
            When name or password cannot be used; the code holds on.
        """
        with self._turn:
            known = self.code and self._now_s() < self._until_s and not self._accounts.accounts()
            if not known or not hmac.compare_digest(self.code.encode(), code.strip().encode("utf-8", "replace")):
                raise LoginRefusedError("this code is wrong, used or over: start the console again for a new one")
            require_name(name)
            account = Account(name=name, role=Role.ADMIN, password=passwords.hashed(password))
            self._accounts.add(account)
            self.code = ""
        return account
