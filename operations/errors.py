"""What can go wrong with an operation folder, as sentences for a person."""

from __future__ import annotations

from geo.errors import InputError, RefusedError


class NotAnOperationError(InputError):
    """The folder named is no operation folder."""


class OperationExistsError(RefusedError):
    """The folder already holds something that must not be overwritten."""


class BrokenSealError(RefusedError):
    """Evidence or its log is not what was sealed."""
