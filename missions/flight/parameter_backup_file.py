"""All of a vehicle's parameters, written down before any of them is set, and which of them were set."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from typing import TYPE_CHECKING, Any, Final

from geo.errors import InputError
from missions.documents.whole_file import read_text, write_whole
from missions.failsafes.settable import SETTABLE
from missions.flight.parameter_setting import ParameterChange

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FORMAT: Final = "vedette-parameters"
_VERSION: Final = 1
MAX_BYTES: Final = 4 * 2**20


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ParameterBackup:
    """What one vehicle held before it was set for a flight."""

    system: int
    dialect: str
    t_utc: str
    values: Mapping[str, float]
    """Every parameter it had."""
    changes: tuple[ParameterChange, ...]
    """Those that were then set."""


def write_backup(backup: ParameterBackup, path: Path) -> None:
    """Write a backup whole and put it on the disk: it must outlive what is done to the vehicle next."""
    document = {"format": _FORMAT, "version": _VERSION, **dataclasses.asdict(backup)}
    write_whole(path, json.dumps(document, indent=1, sort_keys=True) + "\n")
    for name in (path, path.parent):
        descriptor = os.open(name, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_backup(path: Path) -> ParameterBackup:
    """Read a backup.

    Raises
    ------
    InputError
        When the file is no backup, or would set a parameter that no flight may set.
    """
    try:
        raw = json.loads(read_text(path, max_bytes=MAX_BYTES))
        if raw["format"] != _FORMAT or raw["version"] != _VERSION:
            raise ValueError(f"format {raw['format']!r} version {raw['version']!r}")
        changes = tuple(_change(row) for row in raw["changes"])
        values = {str(name): float(value) for name, value in raw["values"].items()}
        return ParameterBackup(
            system=int(raw["system"]), dialect=str(raw["dialect"]), t_utc=str(raw["t_utc"]), values=values,
            changes=changes,
        )  # fmt: skip
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is no backup of parameters ({type(error).__name__}: {error})") from None


def _change(row: Mapping[str, Any]) -> ParameterChange:
    change = ParameterChange(
        name=str(row["name"]), before=float(row["before"]), after=float(row["after"]), kind=int(row["kind"])
    )
    if change.name not in SETTABLE:
        raise ValueError(f"{change.name!r} may be set by no flight")
    if not math.isfinite(change.before):
        raise ValueError(f"{change.name} has no value")
    return change
