"""Putting on a vehicle what a plan asks of its failsafes, returns, fence and pace; and putting back what was there.

Only on a vehicle that is not armed, only names of a closed list, each read back; what did not take whole is undone.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final, Protocol

from geo.errors import RefusedError
from missions.failsafes.reading import RENAMED
from missions.failsafes.settable import FROM_THE_NEXT_START, PACE_RANGES, SETTABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from missions.flight.command_hold import CommandHold
    from missions.flight.commands import Commander
    from missions.flight.parameter_link import HeldParameter
    from missions.flight.state import VehicleState
    from missions.plan import Sortie, VehicleParameter

_TRIES: Final = 3


class Grounded(Protocol):
    """What of a `missions.flight.run.Flight` is needed here."""

    state: VehicleState
    hold: CommandHold
    sortie: Sortie
    commander: Commander


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ParameterChange:
    """One parameter, what it was and what it is to be."""

    name: str
    before: float
    after: float
    kind: int
    """MAV_PARAM_TYPE."""

    def undone(self) -> ParameterChange:
        """Return the way back."""
        return dataclasses.replace(self, before=self.after, after=self.before)


def changes_asked(sortie: Sortie, held: Mapping[str, HeldParameter]) -> tuple[ParameterChange, ...]:
    """Return what must be changed on a vehicle that holds these parameters, so that it does what the plan asks.

    What the vehicle does not have is not set; the rules before take-off say what that means.

    Raises
    ------
    RefusedError
        When the plan asks for a parameter that is not on the list, or for a pace that its autopilot does not allow.
    """
    asked = sortie.vehicle_parameters
    closed = [wanted.name for wanted in asked if wanted.name not in SETTABLE]
    if closed:
        raise RefusedError(
            f"the plan asks for {closed[0]}, which no flight may set (only failsafes, returns, fence and paces); "
            "nothing was written; set it by hand, or make the plan again",
            names=closed,
        )
    changes = [_change(wanted, held) for wanted in asked]
    for change in changes:
        if change is not None:
            _require_allowed(change)
    return tuple(change for change in changes if change is not None)


def _change(wanted: VehicleParameter, held: Mapping[str, HeldParameter]) -> ParameterChange | None:
    name, value = wanted.name, wanted.value
    if name not in held and name in RENAMED:
        name, unit = RENAMED[name]
        value /= unit
    has = held.get(name)
    if has is None or has.equals(value) or (wanted.at_least and has.value >= value):
        return None
    return ParameterChange(name=name, before=has.value, after=value, kind=has.kind)


def _require_allowed(change: ParameterChange) -> None:
    low, high = PACE_RANGES.get(change.name, (-math.inf, math.inf))
    if not low <= change.after <= high:
        raise RefusedError(
            f"the plan asks for {change.name} = {change.after:g}, and the autopilot allows {low:g} to {high:g}; "
            "nothing was written; make the plan again for an aircraft that is so fast, or with a lower speed",
            name=change.name,
        )


def put_asked(
    flight: Grounded, keep: Callable[[Mapping[str, HeldParameter], Sequence[ParameterChange]], None]
) -> tuple[ParameterChange, ...]:
    """Set what the plan asks; return what was changed.

    Parameters
    ----------
    flight
        Connected, with its plan on the vehicle.
    keep
        Writes down all of the vehicle's parameters and the changes, before the first is made.

    Raises
    ------
    RefusedError
        When the vehicle is armed, a name is not on the list, or a value does not take; then what was written is
        undone. Also when one counts only once the vehicle has started again.
    LinkError
        When its parameters do not all come over; nothing is written then.
    """
    _require_disarmed(flight)
    held = flight.commander.parameters.read_all()
    changes = changes_asked(flight.sortie, held)
    if not changes:
        return ()
    keep(held, changes)
    write_changes(flight, changes)
    late = sorted({change.name for change in changes} & FROM_THE_NEXT_START)
    if late:
        raise RefusedError(
            f"{', '.join(late)} is set and counts from the vehicle's next start: start it again, then fly", names=late
        )
    return changes


def write_changes(flight: Grounded, changes: Sequence[ParameterChange]) -> None:
    """Write changes and read each back; undo them all where one does not take.

    Raises
    ------
    RefusedError
        Saying which did not take, and what the vehicle holds now.
    """
    closed = [change.name for change in changes if change.name not in SETTABLE]
    if closed:
        raise RefusedError(f"{closed[0]} may be set by no flight; nothing was written", names=closed)
    for number, change in enumerate(changes):
        flight.hold.require_voice()
        _require_disarmed(flight, written=changes[:number])
        if not _put(flight, change):
            raise RefusedError(
                f"the vehicle does not take {change.name} = {change.after:g}; {_undo(flight, changes[: number + 1])}",
                name=change.name,
            )


def _require_disarmed(flight: Grounded, written: Sequence[ParameterChange] = ()) -> None:
    if not flight.state.armed:
        return
    so_far = f"; {_names(written)} had been set before and is not undone in the air" if written else ""
    raise RefusedError(f"the vehicle is armed; its parameters are not changed now{so_far}. Land and disarm it first")


def _put(flight: Grounded, change: ParameterChange) -> bool:
    """Write one value until it reads back; tell whether it did."""
    link = flight.commander.parameters
    for _ in range(_TRIES):
        link.write(change.name, change.after, change.kind)
        held = link.read([change.name]).get(change.name)
        if held is not None and held.equals(change.after):
            return True
    return False


def _undo(flight: Grounded, written: Sequence[ParameterChange]) -> str:
    """Put back what was written, the last first; say how that went."""
    if flight.state.armed:
        return f"the vehicle is armed, so {_names(written)} is not undone; land it, then --restore-parameters"
    left = [change for change in reversed(written) if not _put(flight, change.undone())]
    if left:
        return f"{_names(left)} could not be put back; when the vehicle answers again: --restore-parameters"
    return "what had been written is undone"


def _names(changes: Iterable[ParameterChange]) -> str:
    return ", ".join(change.name for change in changes)
