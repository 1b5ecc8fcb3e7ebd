"""Two vehicles under one system number, as comes from the factory: told apart by their boot clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.mavlink.clock import boot_ns, is_timed
from telemetry.tracks.pose_track import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from telemetry.mavlink.frames import MessageTable

APART_NS: Final = 5_000_000_000
"""Reception less boot time of one vehicle wanders by less; a restart changes it once, and never back."""
RETURNS: Final = 4
"""So many returns to a boot clock that was left are no restarts; where boot time never falls, reception stepped."""


def one_vehicle(
    tables: Mapping[str, MessageTable], autopilot: int, problems: list[Problem]
) -> Mapping[str, MessageTable]:
    """Keep the messages of the vehicle that sent most, where two take turns under one system number.

    What carries no boot time is left out then: nothing tells whose it is.

    Parameters
    ----------
    tables
        Messages of one system number.
    autopilot
        Component whose boot clock counts.
    problems
        Told of a second vehicle.
    """
    timed = {name: table for name, table in tables.items() if is_timed(table)}
    own = [table.of_component(autopilot) for table in timed.values()]
    sequence = np.concatenate([table.sequence for table in own] or [np.zeros(0, dtype=np.int64)])
    if "GLOBAL_POSITION_INT" not in timed or not len(sequence):
        return tables
    order = np.argsort(sequence, kind="stable")
    boot = np.concatenate([boot_ns(table) for table in own])[order]
    if int((np.diff(boot) < -APART_NS).sum()) < RETURNS // 2:
        return tables
    lag_ns = np.concatenate([_lag_ns(table) for table in own])[order]
    rising = np.sort(lag_ns)
    bounds = rising[1:][np.diff(rising) > APART_NS]
    clock = np.searchsorted(bounds, lag_ns, side="right")
    if int((np.diff(clock) != 0).sum()) < len(bounds) + RETURNS:
        return tables
    kept = int(np.argmax(np.bincount(clock)))
    apart_s = float(np.diff([np.median(lag_ns[clock == one]) for one in np.unique(clock)]).max()) / 1e9
    text = (
        f"two vehicles or more take turns under this system number (their boot clocks are {apart_s:.0f} s apart): the "
        "one with most messages was followed, and what carries no boot time left out; give each a number of its own"
    )
    problems.append(Problem(kind="other_vehicles", message=text))
    chosen = {}
    for name, table in timed.items():
        rows = np.searchsorted(bounds, _lag_ns(table), side="right") == kept
        chosen[name] = table.rows(rows) if rows.any() else table
    return chosen


def _lag_ns(table: MessageTable) -> NDArray[np.int64]:
    return table.received_us * 1000 - boot_ns(table)
