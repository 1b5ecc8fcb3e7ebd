"""Who takes off when: every site's aircraft fly its sorties in turn, evenly staggered, until the patrol ends."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.plan import Finding, Flight, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.allocation_fleet import Fleet
    from missions.brief import Brief
    from missions.corridor_frame import LocalFrame
    from missions.plan import Sortie

    FloatArray = NDArray[np.float64]

DEFAULT_ROUNDS: Final = 2
"""Rounds scheduled where the brief gives no end."""
MAX_FLIGHTS: Final = 20_000
SEPARATION_M: Final = 50.0
"""Two aircraft closer than this across and `SEPARATION_UP_M` in height are in conflict."""
SEPARATION_UP_M: Final = 20.0
SEPARATION_STEP_S: Final = 2.0
SHIFT_S: Final = 15.0
"""Step by which a site's cycle is shifted to clear a conflict."""


def patrol_seconds(brief: Brief, period_s: float) -> float:
    """Return how long the patrol goes on: the brief's window, or two rounds."""
    window = brief.time
    if window.start_utc is not None and window.end_utc is not None:
        return (window.end_utc - window.start_utc).total_seconds()
    return DEFAULT_ROUNDS * period_s


def schedule(brief: Brief, sorties: Sequence[Sortie], fleet: Fleet, shifts: Sequence[float]) -> tuple[Flight, ...]:
    """Return every flight of the patrol in order of take-off.

    Parameters
    ----------
    shifts
        Seconds by which each site's cycle is moved.
    """
    swap = brief.aircraft.aircraft.swap_s
    end_s = patrol_seconds(brief, fleet.period_s)
    flights: list[Flight] = []
    for site, count in enumerate(fleet.aircraft):
        mine = [s for s, k in zip(sorties, fleet.site_of, strict=True) if k == site]
        if not mine or not count:
            continue
        cycle = sum(_seconds(s) + swap for s in mine)
        for aircraft in range(count):
            flights += _one_aircraft(mine, f"{brief.launch[site].name} {aircraft + 1}", brief.launch[site].name,
                                     shifts[site] + aircraft * cycle / count, swap, end_s)  # fmt: skip
    return tuple(sorted(flights, key=lambda f: (f.t_takeoff_s, f.aircraft)))[:MAX_FLIGHTS]


def _one_aircraft(
    mine: Sequence[Sortie], aircraft: str, site: str, start_s: float, swap_s: float, end_s: float
) -> list[Flight]:
    flights: list[Flight] = []
    clock, turn = start_s, 0
    while clock < end_s and len(flights) < MAX_FLIGHTS:
        sortie = mine[turn % len(mine)]
        flights.append(
            Flight(sortie=sortie.name, aircraft=aircraft, site=site, t_takeoff_s=round(clock, 3),
                   t_landing_s=round(clock + _seconds(sortie), 3))
        )  # fmt: skip
        clock += _seconds(sortie) + swap_s
        turn += 1
    return flights


def _seconds(sortie: Sortie) -> float:
    return sortie.legs[-1].t_end_s - sortie.legs[0].t_start_s


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Two aircraft too close: who, when, how near across."""

    first: str
    second: str
    t_s: float
    distance_m: float


class Separation:
    """Checks flights of known sorties against each other in space and time."""

    def __init__(self, sorties: Sequence[Sortie], frame: LocalFrame) -> None:
        self._tracks = {s.name: _sampled(s, frame) for s in sorties}

    def first_conflict(self, flights: Sequence[Flight]) -> Conflict | None:
        """Return the first moment two airborne aircraft are closer than the separation, or None."""
        for k, one in enumerate(flights):
            for other in flights[k + 1 :]:
                if other.t_takeoff_s >= one.t_landing_s:
                    break
                found = self._between(one, other)
                if found is not None:
                    return found
        return None

    def _between(self, one: Flight, other: Flight) -> Conflict | None:
        a, b = self._tracks[one.sortie], self._tracks[other.sortie]
        start = max(one.t_takeoff_s, other.t_takeoff_s)
        times = np.arange(start, min(one.t_landing_s, other.t_landing_s), SEPARATION_STEP_S)
        if len(times) == 0:
            return None
        p = [np.interp(times - one.t_takeoff_s, a[:, 0], a[:, c]) for c in (1, 2, 3)]
        q = [np.interp(times - other.t_takeoff_s, b[:, 0], b[:, c]) for c in (1, 2, 3)]
        across = np.hypot(p[0] - q[0], p[1] - q[1])
        close = (across < SEPARATION_M) & (np.abs(p[2] - q[2]) < SEPARATION_UP_M)
        if not close.any():
            return None
        k = int(np.argmax(close))
        return Conflict(first=one.aircraft, second=other.aircraft, t_s=float(times[k]), distance_m=float(across[k]))


def _sampled(sortie: Sortie, frame: LocalFrame) -> FloatArray:
    legs = sortie.legs
    xy = frame.to_plane(
        np.array([legs[0].lat_start_deg, *(g.lat_end_deg for g in legs)]),
        np.array([legs[0].lon_start_deg, *(g.lon_end_deg for g in legs)]),
    )
    t = np.array([legs[0].t_start_s, *(g.t_end_s for g in legs)]) - legs[0].t_start_s
    alt = np.array([legs[0].alt_amsl_start_m, *(g.alt_amsl_end_m for g in legs)])
    return np.stack([t, xy[:, 0], xy[:, 1], alt], axis=1)


def separated(
    brief: Brief, sorties: Sequence[Sortie], fleet: Fleet, frame: LocalFrame
) -> tuple[tuple[Flight, ...], list[Finding]]:
    """Return a schedule without conflicts, shifting each site's cycle as little as needed, or the conflict left."""
    judge = Separation(sorties, frame)
    shifts = [0.0] * len(fleet.aircraft)
    flights = schedule(brief, sorties, fleet, shifts)
    conflict = judge.first_conflict(flights)
    sites = list(fleet.sites)
    tries = math.ceil(min(fleet.period_s, 900.0) / SHIFT_S)
    for site in sites[1:]:
        if conflict is None:
            break
        for step in range(tries):
            shifts[site] = step * SHIFT_S
            trial = [f for f in schedule(brief, sorties, fleet, shifts) if f.site in
                     {brief.launch[k].name for k in sites[: sites.index(site) + 1]}]  # fmt: skip
            if judge.first_conflict(trial) is None:
                break
        flights = schedule(brief, sorties, fleet, shifts)
        conflict = judge.first_conflict(flights)
    return flights, [] if conflict is None else [_conflict_finding(conflict)]


def _conflict_finding(conflict: Conflict) -> Finding:
    return Finding(
        rule="separation", severity=Severity.ERROR,
        measured=round(conflict.distance_m, 1), limit=SEPARATION_M, unit="m",
        message=f"{conflict.first} and {conflict.second} come within {conflict.distance_m:.0f} m of each other "
        f"{conflict.t_s:.0f} s into the patrol",
        relaxation="fewer aircraft at that site, or a longer revisit time",
    )  # fmt: skip


def battery_finding(brief: Brief, flights: Sequence[Flight]) -> list[Finding]:
    """Report when the patrol takes more charged batteries than the brief has."""
    stock = brief.aircraft.batteries
    if stock is None or len(flights) <= stock:
        return []
    return [
        Finding(
            rule="batteries", severity=Severity.ERROR, measured=float(len(flights)), limit=float(stock), unit="",
            message=f"the patrol takes {len(flights)} charged batteries and {stock} are there",
            relaxation=f"aircraft.batteries = {len(flights)}, or a patrol that ends "
            f"{flights[stock].t_takeoff_s / 60:.0f} minutes after it starts",
        )
    ]  # fmt: skip
