"""The one root of every error this project raises on purpose.

Each error carries its facts as ``fields`` and one sentence that says what is
wrong, where, and what to do next. The command line prints that sentence and
turns the class into an exit status; nothing else of an error reaches a person.
"""

from __future__ import annotations

from typing import ClassVar


class VedetteError(Exception):
    """Root of all deliberate errors.

    Parameters
    ----------
    message
        One sentence for a person: the field, file or place, and what to do.
    **fields
        The facts behind it (offset, expected, actual, ...), for logs and tests.
    """

    exit_status: ClassVar[int] = 2

    def __init__(self, message: str, **fields: object) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields

    def __str__(self) -> str:
        return self.message


class InputError(VedetteError):
    """What a person or a file gave cannot be used (exit status 2)."""


class RefusedError(VedetteError):
    """A rule forbids what was asked (exit status 3)."""

    exit_status: ClassVar[int] = 3


class MissingPartError(VedetteError):
    """An optional part is not installed; the message names the extra to install."""
