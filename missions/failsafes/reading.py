"""From a vehicle's parameters to what each trigger leads to on it."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from missions.failsafes.table import table_of
from missions.failsafes.ways import Outcome, Trigger, Way

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from missions.failsafes.table import Gate, Row, Table, Version

RENAMED: Final[Mapping[str, tuple[str, float]]] = {
    "RTL_ALT": ("RTL_ALT_M", 100.0),
    "RTL_CLIMB_MIN": ("RTL_CLIMB_MIN_M", 100.0),
    "WPNAV_SPEED": ("WP_SPD", 100.0),
    "WPNAV_SPEED_UP": ("WP_SPD_UP", 100.0),
    "WPNAV_SPEED_DN": ("WP_SPD_DN", 100.0),
}
"""What ArduCopter 4.7 calls these, and how many of the old unit one of the new is (centimetres in a metre)."""

NEWEST: Final = (99, 99)
"""The version a plan's own wishes are read by: one that knows every value."""


def value_of(values: Mapping[str, float], name: str) -> float | None:
    """Return a parameter by its name of either generation, in the older one's unit; None where neither is there."""
    if name in values:
        return values[name]
    newer, unit = RENAMED.get(name, ("", 1.0))
    return values[newer] * unit if newer in values else None


def both_generations(values: Mapping[str, float]) -> dict[str, float]:
    """Return parameters under their names of both generations, each in its own unit: for a vehicle not yet asked."""
    newer = {RENAMED[name][0]: value / RENAMED[name][1] for name, value in values.items() if name in RENAMED}
    return {**values, **newer}


def names_of(dialect: str, *, fixed_wing: bool) -> tuple[str, ...]:
    """Return the parameters that decide what a vehicle does when something fails."""
    table = table_of(dialect, fixed_wing=fixed_wing)
    told = [*table.triggers.values(), *table.others.values()]
    rows = [row for rows in told for row in rows] + ([table.returns] if table.returns else [])
    gates = [gate for row in rows for gate in row.gates] + [
        gate for gates in table.otherwise.values() for gate in gates
    ]
    return tuple(
        dict.fromkeys(
            [
                *(row.parameter for row in rows if row.parameter),
                *(n for g in gates for n in (g.parameter, g.unless) if n),
            ]
        )
    )


def outcomes(
    values: Mapping[str, float], dialect: str, *, fixed_wing: bool, version: Version | None = None
) -> tuple[Outcome, ...]:
    """Return what each trigger leads to on a vehicle with these parameters.

    Parameters
    ----------
    values
        The vehicle's parameters, by name.
    dialect
        ``"ardupilot"`` or ``"px4"``.
    version
        (major, minor) of its firmware; None where it is not known, and what depends on it then is not either.
    """
    table = table_of(dialect, fixed_wing=fixed_wing)
    return tuple(_outcome(trigger, table, values, version) for trigger in table.triggers)


def others(
    values: Mapping[str, float], dialect: str, *, fixed_wing: bool, version: Version | None = None
) -> tuple[Outcome, ...]:
    """Return what each trigger leads to that has no way home; see `outcomes`."""
    table = table_of(dialect, fixed_wing=fixed_wing)
    return tuple(_outcome(trigger, table, values, version) for trigger in table.others)


def outcome(
    trigger: Trigger,
    values: Mapping[str, float],
    dialect: str,
    *,
    fixed_wing: bool,
    version: Version | None = None,
) -> Outcome:
    """Return what one trigger leads to; nothing at all where this autopilot does not know it."""
    table = table_of(dialect, fixed_wing=fixed_wing)
    if trigger not in table.triggers and trigger not in table.others:
        return Outcome(trigger=trigger, ways=(Way.NONE,))
    return _outcome(trigger, table, values, version)


class _UnknownError(Exception):
    """Why a way cannot be told."""


@dataclasses.dataclass(slots=True, kw_only=True)
class _Reading:
    """The parameters that were looked at on the way to one answer."""

    values: Mapping[str, float]
    version: Version | None
    used: dict[str, float] = dataclasses.field(default_factory=dict)

    def look(self, name: str, *, optional: bool = False) -> float:
        value = self.values.get(name)
        if value is None or not math.isfinite(value):
            if optional:
                return 0.0
            raise _UnknownError(f"{name} is not told")
        self.used[name] = value
        return value

    def of_row(self, row: Row) -> Iterator[Way]:
        for gate in row.gates:
            if self.closed(gate):
                yield from gate.ways
                return
        if row.always:
            yield from row.always
            return
        if row.new_in is not None and self.version is not None and self.version < row.new_in:
            return
        value = self.look(row.parameter)
        if value not in row.actions:
            raise _UnknownError(f"{row.parameter} {value:g} is not known")
        since = row.since.get(int(value))
        if since is not None and (self.version is None or self.version < since):
            said = "its version is not told" if self.version is None else "it is {}.{}".format(*self.version)
            raise _UnknownError(f"{row.parameter} {value:g} needs firmware {since[0]}.{since[1]} or later, and {said}")
        yield from row.actions[int(value)]

    def closed(self, gate: Gate) -> bool:
        closes = gate.closes(self.look(gate.parameter, optional=gate.optional))
        return closes and not (gate.unless and self.look(gate.unless, optional=True))


def _outcome(trigger: Trigger, table: Table, values: Mapping[str, float], version: Version | None) -> Outcome:
    reading = _Reading(values=values, version=version)
    ways: list[Way] = []
    unknown = ""
    try:
        for row in table.triggers.get(trigger) or table.others[trigger]:
            for way in reading.of_row(row):
                ways += _returns(way, table, reading)
    except _UnknownError as error:
        unknown = str(error)
    return Outcome(
        trigger=trigger,
        ways=() if unknown else tuple(dict.fromkeys(ways)),
        parameters=tuple(reading.used.items()),
        unknown=unknown,
    )


def _returns(way: Way, table: Table, reading: _Reading) -> Iterator[Way]:
    """Put what the return mode really is in place of a return."""
    if way is not Way.STRAIGHT or table.returns is None:
        yield way
        return
    for each in reading.of_row(table.returns):
        gates = table.otherwise.get(each, ())
        yield from next((gate.ways for gate in gates if reading.closed(gate)), (each,))
