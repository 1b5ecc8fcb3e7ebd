"""A person's decision to command again, handed to a running flight through the plan folder."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from missions.documents.whole_file import read_text, write_whole
from missions.flight.command_hold import CommandRelease

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SUFFIX: Final = ".resume-commands.json"


def write_release(folder: Path, sortie: str, release: CommandRelease, now: datetime) -> None:
    """Leave the decision for the flight of a sortie.

    Raises
    ------
    InputError
        When the name or the reason is empty.
    """
    if not release.name.strip() or not release.reason.strip():
        raise InputError("resuming commands needs a person's name and a reason: --resume-commands NAME --reason TEXT")
    text = {"name": release.name.strip(), "reason": release.reason.strip(), "t_utc": now.isoformat()}
    write_whole(folder / f"{sortie}{_SUFFIX}", json.dumps(text) + "\n")


def release_reader(folder: Path, sortie: str, since: datetime) -> Callable[[], CommandRelease | None]:
    """Return a function that takes the decision once; one made before `since` is of another flight."""
    path = folder / f"{sortie}{_SUFFIX}"

    def take() -> CommandRelease | None:
        if not path.is_file():
            return None
        try:
            raw = json.loads(read_text(path))
            made, name, reason = datetime.fromisoformat(raw["t_utc"]), str(raw["name"]), str(raw["reason"])
            late = made >= since
        except (InputError, ValueError, TypeError, KeyError):
            return None
        path.unlink(missing_ok=True)
        return CommandRelease(name=name, reason=reason) if late else None

    return take
