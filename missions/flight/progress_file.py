"""How far each sortie of a plan folder was flown, for going on after a battery swap."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from geo.errors import InputError, RefusedError
from missions.documents.whole_file import read_object, write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from missions.flight.values import FlightReport
    from missions.plan import Plan


def keep_progress(folder: Path, plan: Plan, report: FlightReport) -> None:
    """Write how a sortie's last flight went."""
    kept = {"plan_sha256": plan.sha256, "resume_seq": report.resume_seq, **report.as_json()}
    write_whole(_path(folder, report.sortie), json.dumps(kept, indent=1) + "\n")


def read_progress(folder: Path, plan: Plan, sortie: str) -> dict[str, Any]:
    """Return how a sortie's last flight went, where it was of this plan and is not done.

    Raises
    ------
    InputError
        When it has not been flown, or the file is damaged.
    RefusedError
        When it was completed, or is of another plan.
    """
    path = _path(folder, sortie)
    if not path.is_file():
        raise InputError(f"sortie {sortie!r} has not been flown yet ({path} is missing); fly it without --resume")
    last = read_object(path)
    if last.get("plan_sha256") != plan.sha256:
        raise RefusedError(f"{path} is of another plan; fly {sortie!r} without --resume")
    if last.get("completed"):
        raise RefusedError(f"sortie {sortie!r} was completed; there is nothing to resume")
    return last


def _path(folder: Path, sortie: str) -> Path:
    return folder / "flights" / f"{sortie}.json"
