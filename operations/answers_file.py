"""What an ingest had found in its pictures when it was cut short: kept in the operation until the recording's run is.

Pieces `answers/<label of the recording>/<number>`, each whole for itself, sealed by the operation's vault and written
by the one writer that claimed the recording. A piece that cannot be read is as good as none. They are no records: the
run that is made from them is, and then they go. They also go with a recording that is erased, and any erasure takes
along those of recordings that were never recorded.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Final

from detection.kept_answers import as_row, from_row
from geo.errors import VedetteError
from operations import durable_file, locks
from operations.staging import LOCKS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from detection.looking import Seen
    from operations.vault.vault import Vault

ANSWERS: Final = "answers"
PIECE_PICTURES: Final = 64
"""Some seconds of looking: no more is lost, and a piece is synced no oftener."""


class KeptAnswers:
    """The answers kept of one recording; whoever has it claimed the recording."""

    def __init__(self, operation: Path, vault: Vault, media_id: str) -> None:
        self._folder = operation / ANSWERS / vault.file_name(media_id)
        self._vault = vault
        self._known: dict[str, Seen] = {}
        self._waiting: dict[str, Seen] = {}
        pieces = _pieces(self._folder)
        for piece in pieces:
            self._known |= _read(piece, vault)
        self._next = 1 + max((int(piece.name) for piece in pieces), default=-1)

    def known(self, key: str) -> Seen | None:
        """Return what is kept under a key."""
        return self._known.get(key)

    def keep(self, found: Mapping[str, Seen]) -> None:
        """Keep answers; they are on the disk once there are enough for a piece.

        Raises
        ------
        operations.errors.DiskError
            When they cannot be written.
        """
        self._waiting |= {key: seen for key, seen in found.items() if key not in self._known}
        if len(self._waiting) >= PIECE_PICTURES:
            durable_file.make_folder(self._folder)
            told = json.dumps({key: as_row(seen) for key, seen in self._waiting.items()})
            self._vault.write([told.encode()], self._folder / f"{self._next:06d}")
            self._next += 1
            self._waiting = {}

    def forget(self) -> None:
        """Remove what is kept: the run it was for is recorded."""
        if self._folder.exists():
            durable_file.remove(self._folder)
            _remove_if_empty(self._folder.parent)


def left_answers(operation: Path, vault: Vault, *, of: Sequence[str], but: Sequence[str]) -> list[Path]:
    """Return the pieces kept of the recordings `of`, and of all others than `but` that nobody is reading in now."""
    ours, others = ({vault.file_name(media_id) for media_id in ids} for ids in (of, but))
    found: list[Path] = []
    for folder in sorted(path for path in (operation / ANSWERS).glob("*") if path.is_dir() and not path.is_symlink()):
        stray = folder.name not in others and not locks.is_held(operation / LOCKS / folder.name)
        if folder.name in ours or stray:
            found += _pieces(folder)
    return found


def remove_empty(operation: Path) -> None:
    """Remove the folders of recordings of which nothing is kept any more."""
    for folder in (operation / ANSWERS).glob("*"):
        _remove_if_empty(folder)
    _remove_if_empty(operation / ANSWERS)


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
        durable_file.sync_folder(folder.parent)


def _pieces(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.name.isascii() and path.name.isdigit())


def _read(piece: Path, vault: Vault) -> dict[str, Seen]:
    """Return the answers of a piece; none of one that was cut short or changed."""
    try:
        return {str(key): from_row(row) for key, row in json.loads(vault.read(piece)).items()}
    except (OSError, VedetteError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return {}
