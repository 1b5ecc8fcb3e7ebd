"""Accounts: names, roles and passwords, as values."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

import argon2

from maps.review.access.roles import Role
from maps.review.errors import AccountError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z")
SHORTEST: Final = 15
"""Least characters of a password that is the only factor (NIST SP 800-63B-4, 3.1.1.2)."""
LONGEST: Final = 256
"""At least 64 have to be taken (same place); without a bound a password is a way to keep the machine busy."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One person who may log in."""

    name: str
    """Goes into the log as who looked and decided."""
    role: Role
    password: str
    """Argon2id, in its own text form (RFC 9106); never the password."""
    closed: bool = False

    def body(self) -> dict[str, Any]:
        """Return what the file keeps."""
        return {"name": self.name, "role": str(self.role), "password": self.password, "closed": self.closed}

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Account:
        """Read it back.

        Raises
        ------
        AccountError
            When a field is missing or has a value that none of ours has.
        """
        try:
            name, role, password = str(body["name"]), Role(body["role"]), str(body["password"])
        except (KeyError, TypeError, ValueError) as error:
            raise AccountError(f"an account lacks or garbles its {error}: restore the file from a copy") from error
        require_name(name)
        return cls(name=name, role=role, password=password, closed=bool(body.get("closed")))


def require_name(name: str) -> None:
    """Refuse a name that does not stand in a log as it is."""
    if not _NAME.match(name):
        raise AccountError(
            f"{name[:80]!a} is no account name: give 1 to 64 letters, digits, '.', '_', '@' or '-', as ana.k"
        )


def require_password(password: str) -> None:
    """Refuse a password that is too short or absurdly long; nothing else is asked of it (SP 800-63B-4, 3.1.1.2)."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise AccountError(
            f"a password has {SHORTEST} to {LONGEST} characters, this one {len(password)}: a few words in a row will do"
        )


class Passwords:
    """Makes and checks Argon2id hashes; the same time goes by whether there is such an account or not.

    Parameters
    ----------
    hasher
        Cost; the default is that of RFC 9106, 4 (second choice: 64 MiB, three passes).
    """

    def __init__(self, hasher: argon2.PasswordHasher | None = None) -> None:
        self._hasher = hasher or argon2.PasswordHasher()
        self._nobody = self._hasher.hash("nobody has this password")

    def hashed(self, password: str) -> str:
        """Return the hash of a new password."""
        require_password(password)
        return self._hasher.hash(password)

    def fit(self, account: Account | None, password: str) -> bool:
        """Tell whether this is the password of an account that may log in."""
        try:
            self._hasher.verify(self._nobody if account is None else account.password, password[: LONGEST + 1])
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
        return account is not None and not account.closed
