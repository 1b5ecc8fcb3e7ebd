"""The part of ``vedette fly`` that sets a vehicle's parameters as the plan asks, and puts back what was there."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from geo.errors import InputError, RefusedError
from vedette.commands.screen import ERRORS

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from missions.flight.parameter_link import HeldParameter
    from missions.flight.parameter_setting import ParameterChange
    from missions.flight.run import Flight


def setter(folder: Path, now: Callable[[], datetime.datetime]) -> Callable[[Flight], None]:
    """Return what sets one vehicle's parameters before it is checked; the plan's folder gets backup and log."""
    from missions.flight.approval_file import log_event
    from missions.flight.parameter_backup_file import ParameterBackup, write_backup
    from missions.flight.parameter_setting import put_asked

    def put(flight: Flight) -> None:
        def keep(held: Mapping[str, HeldParameter], changes: Sequence[ParameterChange]) -> None:
            path = folder / "flights" / f"{flight.sortie.name}-{now():%Y%m%dT%H%M%S.%f}.parameters.json"
            backup = ParameterBackup(
                system=flight.state.system, dialect=str(flight.state.dialect), t_utc=now().isoformat(),
                values={name: each.value for name, each in held.items()}, changes=tuple(changes),
            )  # fmt: skip
            write_backup(backup, path)
            rows = [dataclasses.asdict(change) for change in changes]
            log_event(folder, now(), "set_parameters", sortie=flight.sortie.name, backup=path.name, changes=rows)
            ERRORS.print(f"{flight.sortie.name}: {len(held)} parameters kept in {path}", soft_wrap=True)

        for change in put_asked(flight, keep):
            ERRORS.print(f"{flight.sortie.name}: {change.name} {change.before:g} -> {change.after:g}")

    return put


def restore(flights: Sequence[Flight], backup_path: Path, folder: Path, now: Callable[[], datetime.datetime]) -> None:
    """Put back what a vehicle held before it was set, on the one vehicle it came from.

    Raises
    ------
    InputError
        When more than one vehicle is named, or the file is no backup.
    RefusedError
        When it is another vehicle's, the vehicle is armed, or a value does not take.
    """
    from missions.flight.approval_file import log_event
    from missions.flight.parameter_backup_file import read_backup
    from missions.flight.parameter_setting import write_changes

    backup = read_backup(backup_path)
    if len(flights) != 1:
        raise InputError("--restore-parameters takes one --link and one --sortie")
    (flight,) = flights
    flight.connect()
    if (flight.state.system, str(flight.state.dialect)) != (backup.system, backup.dialect):
        raise RefusedError(
            f"{backup_path} is of vehicle {backup.system} ({backup.dialect}); this is {flight.state.system} "
            f"({flight.state.dialect})"
        )
    write_changes(flight, [change.undone() for change in backup.changes])
    names = [change.name for change in backup.changes]
    log_event(folder, now(), "restored_parameters", sortie=flight.sortie.name, backup=backup_path.name, names=names)
    ERRORS.print(f"{flight.sortie.name}: {', '.join(names)} as before {backup.t_utc}", soft_wrap=True)
