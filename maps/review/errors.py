"""What the console refuses, as sentences for a person."""

from __future__ import annotations

from geo.errors import InputError, RefusedError


class AccountError(InputError):
    """An account, a name, a password or the file of accounts cannot be used."""


class AddressTakenError(InputError):
    """The address that the console should listen at cannot be had."""


class LoginRefusedError(RefusedError):
    """Name or password are wrong, the account is closed, or there were too many tries."""


class NotThereError(InputError):
    """What was asked for is in none of the operations on the table."""
