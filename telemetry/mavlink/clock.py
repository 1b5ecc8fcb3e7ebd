"""UTC of MAVLink messages: the autopilot's boot clock, its GPS time, and the receiving computer's clock."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.tracks.pose_track import Problem
from telemetry.tracks.time_bases import (
    CLOCK_TOLERANCE_NS,
    EARLIEST_UTC_S,
    GPS_EPOCH_S,
    BootClock,
    fit_offset,
    middle_of,
    run_begins,
    undo_rollover,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from telemetry.mavlink.frames import MessageTable

    Ints = NDArray[np.int64]

SAME_CLOCK_NS: Final = 2_000_000_000
"""A component whose boot time is this near to the autopilot's when both are received shares its clock."""


@dataclasses.dataclass(frozen=True, slots=True)
class VehicleClock:
    """The autopilot's timed messages in the order they came, and UTC of each.

    What carries no boot time, or another component's, is timed by the
    autopilot's messages that came before and after it: the receiving
    computer's clock may step, the order of arrival does not.
    """

    boot: BootClock
    component: int
    sequence: Ints
    received_ns: Ints
    utc_ns: Ints
    problems: list[Problem]

    def utc(self, table: MessageTable) -> Ints:
        """Return UTC nanoseconds of every message of a table."""
        if not len(self.sequence):
            return table.received_us * 1000
        nearby = self._by_arrival(table)
        if not is_timed(table):
            return nearby
        boot = boot_ns(table)
        result = self.boot.utc_ns(boot, table.sequence)
        for component in np.unique(table.component):
            rows = table.component == component
            apart = int(np.median(result[rows] - nearby[rows]))
            if component != self.component and abs(apart) > SAME_CLOCK_NS:
                result[rows] = boot[rows] - int(np.median(boot[rows] - nearby[rows]))
                text = (
                    f"component {component} counts its own boot time, {apart / 1e9:+.1f} s from the autopilot's; "
                    "it was moved by when its messages came"
                )
                self.problems.append(Problem(kind="other_clock", message=text))
        return result

    def _by_arrival(self, table: MessageTable) -> Ints:
        """Return UTC by the timed messages around; before the first and after the last, reception tells how far."""
        start = self.utc_ns[0]
        since = np.interp(table.sequence, self.sequence, (self.utc_ns - start).astype(np.float64))
        utc: Ints = np.rint(since).astype(np.int64) + start
        early, late = table.sequence < self.sequence[0], table.sequence > self.sequence[-1]
        utc[early] -= np.maximum(self.received_ns[0] - table.received_us[early] * 1000, 0)
        utc[late] += np.maximum(table.received_us[late] * 1000 - self.received_ns[-1], 0)
        return utc


def is_timed(table: MessageTable) -> bool:
    """Return whether a table's messages carry boot time."""
    return "time_boot_ms" in (table.fields.dtype.names or ())


def boot_ns(table: MessageTable) -> Ints:
    """Return boot time in nanoseconds."""
    return table.fields["time_boot_ms"].astype(np.int64) * 1_000_000


def vehicle_clock(tables: Mapping[str, MessageTable], component: int, problems: list[Problem]) -> VehicleClock:
    """Settle the clock of one vehicle from the messages of its autopilot (component id)."""
    own = {name: table.of_component(component) for name, table in tables.items() if is_timed(table)}
    timed = [table for table in own.values() if len(table)]
    if not timed:
        text = "no message of the vehicle carries its boot time; reception times were used"
        problems.append(Problem(kind="no_vehicle_clock", message=text))
    none = np.zeros(0, dtype=np.int64)
    sequence = np.concatenate([table.sequence for table in timed] or [none])
    received = np.concatenate([table.received_us for table in timed] or [none]) * 1000
    boot = np.concatenate([boot_ns(table) for table in timed] or [none])
    order = np.argsort(sequence, kind="stable")
    sequence, received, boot = sequence[order], received[order], boot[order]
    begins = np.concatenate([sequence[:1], run_begins(boot, sequence)])
    run = np.searchsorted(begins, sequence, side="right") - 1
    offsets = np.zeros(len(begins), dtype=np.int64)
    for i, begin in enumerate(begins):
        rows = run == i
        system_time = own.get("SYSTEM_TIME")
        if system_time is not None:
            last = sequence[rows][-1]
            system_time = system_time.rows((system_time.sequence >= begin) & (system_time.sequence <= last))
        offsets[i] = _run_offset(system_time, received[rows], boot[rows], problems)
        if i:
            text = "the vehicle's boot clock started again here"
            problems.append(Problem(kind="vehicle_restart", message=text, t_utc_ns=int(boot[rows][0] + offsets[i])))
    clock = BootClock(begins=begins, offset_ns=offsets)
    utc = clock.utc_ns(boot, sequence) if len(begins) else none
    return VehicleClock(clock, component, sequence, received, utc, problems)


def _run_offset(system_time: MessageTable | None, received: Ints, boot: Ints, problems: list[Problem]) -> int:
    """Return UTC - boot for one run of the vehicle: by its GPS time where it has one, else by reception."""
    to_reception, reception_stepped = fit_offset(received, boot, what="the receiving computer's clock")
    middle = middle_of(boot)
    to_utc, found = _vehicle_offset(system_time, middle, to_reception)
    problems += found
    if middle + to_utc < EARLIEST_UTC_S * 1_000_000_000:
        text = "the vehicle never had GPS time; reception times were used"
        problems += [Problem(kind="no_vehicle_clock", message=text), *reception_stepped]
        return to_reception
    lag = received - boot - to_utc
    if np.abs(lag).max() > CLOCK_TOLERANCE_NS:
        text = (
            f"the receiving computer's clock is {lag[0] / 1e9:+.3f} s from the vehicle's GPS time at the start and "
            f"{lag[-1] / 1e9:+.3f} s at the end; the vehicle's was used"
        )
        problems.append(Problem(kind="clocks_differ", message=text, t_utc_ns=int(boot[0]) + to_utc))
    return to_utc


def _vehicle_offset(system_time: MessageTable | None, middle: int, to_reception: int) -> tuple[int, list[Problem]]:
    """Return UTC - boot by the vehicle's ``SYSTEM_TIME``, 0 where it has none."""
    if system_time is None:
        return 0, []
    unix_us = system_time.fields["time_unix_usec"].astype(np.int64)
    rows = (unix_us > GPS_EPOCH_S * 1_000_000) & (unix_us < 2**63 // 1000)
    if not rows.any():
        return 0, []
    to_utc, stepped = fit_offset(unix_us[rows] * 1000, boot_ns(system_time)[rows], what="the vehicle's clock")
    corrected, rolled = undo_rollover(middle + to_utc, middle + to_reception)
    return corrected - middle, [*stepped, *rolled]
