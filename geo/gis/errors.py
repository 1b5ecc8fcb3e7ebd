"""Why a file was not opened, or could not be read, by the door."""

from __future__ import annotations

from geo.errors import InputError


class GisFileError(InputError):
    """A border or terrain file that is refused or cannot be read; `reason` goes on from the file's name."""

    def __init__(self, name: str, reason: str, **fields: object) -> None:
        super().__init__(f"{name} {reason}", file=name, **fields)
        self.reason = reason


class RefusalError(Exception):
    """Raised where a file's bytes are read, with what goes on from the file's name; the door names the file."""
