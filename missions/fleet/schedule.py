"""Who takes off when: every site's aircraft fly its sorties in turn, evenly staggered, until the patrol ends."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.fleet.choice import base_name
from missions.fleet.closest_approach import APART_M, first_conflict
from missions.fleet.phases import Meetings, in_rhythm
from missions.plan import Finding, Flight, Severity, Turn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from missions.airspace.corridor_frame import LocalFrame
    from missions.briefs.brief import Brief, Fleet
    from missions.fleet.bases import FleetAnswer, Workload
    from missions.plan import Sortie

    FloatArray = NDArray[np.float64]

DEFAULT_ROUNDS: Final = 2
"""Rounds scheduled where the brief gives no end."""
MAX_FLIGHTS: Final = 20_000
SHIFT_S: Final = 15.0
"""Step by which a take-off is moved to clear a conflict."""
MAX_SHIFT_S: Final = 600.0


def patrol_seconds(brief: Brief, period_s: float) -> float:
    """Return how long the patrol goes on: the brief's window, or two rounds."""
    window = brief.time
    if window.start_utc is not None and window.end_utc is not None:
        return (window.end_utc - window.start_utc).total_seconds()
    return DEFAULT_ROUNDS * period_s


def turns(brief: Brief, sorties: Sequence[Sortie], work: Workload, answer: FleetAnswer) -> list[Turn]:
    """Return the turns of every aircraft: those of a base start evenly spread over its cycle."""
    found = []
    for number in answer.bases:
        base, count = work.bases[number], answer.aircraft[number]
        mine = [s for s, k in zip(sorties, answer.base_of, strict=True) if k == number]
        order = [brief.launch[s].name for s in base.sites]
        mine.sort(key=lambda s, order=order: order.index(s.site))  # type: ignore[misc]
        gaps = _gaps(brief.fleets[base.fleet], mine)
        cycle = sum(_seconds(s) for s in mine) + sum(gaps)
        if answer.paced:
            wait = max(count * answer.period_s - cycle, 0.0)
            gaps, cycle = [g + wait / len(gaps) for g in gaps], cycle + wait
        kind = f" {brief.fleets[base.fleet].label}" if len(brief.fleets) > 1 else ""
        found += [
            Turn(
                aircraft=f"{base_name(brief, base)}{kind} {k + 1}", base=number, sorties=tuple(s.name for s in mine),
                gaps_s=tuple(round(g, 3) for g in gaps), start_s=k * cycle / count, cycle_s=cycle,
            )
            for k in range(count)
        ]  # fmt: skip
    return found


def _gaps(fleet: Fleet, sorties: Sequence[Sortie]) -> list[float]:
    """Return the seconds between each sortie's landing and the next take-off: the swap, and carrying to its site."""
    after = [*sorties[1:], sorties[0]]
    carry_s = 60.0 * (fleet.carry_min or 0.0)
    return [
        fleet.aircraft.swap_s + (carry_s if here.site != there.site else 0.0)
        for here, there in zip(sorties, after, strict=True)
    ]


def flights_of(turn: Turn, sorties: Mapping[str, Sortie], end_s: float) -> list[Flight]:
    """Return one aircraft's flights until the patrol ends.

    An aircraft whose round begins later flies what of the round before falls into the patrol, so that
    nobody waits on the ground and everything is seen once within the first period.
    """
    flights: list[Flight] = []
    clock = turn.start_s - (math.ceil(turn.start_s / turn.cycle_s) * turn.cycle_s if turn.cycle_s > 0.0 else 0.0)
    for place in itertools.cycle(range(len(turn.sorties))):
        if clock >= end_s or len(flights) >= MAX_FLIGHTS:
            break
        sortie = sorties[turn.sorties[place]]
        if clock >= 0.0:
            flights.append(
                Flight(
                    sortie=sortie.name, aircraft=turn.aircraft, site=sortie.site,
                    t_takeoff_s=round(clock, 3), t_landing_s=round(clock + _seconds(sortie), 3),
                )
            )  # fmt: skip
        clock += _seconds(sortie) + turn.gaps_s[place]
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
        self._tracks = {s.name: _track(s, frame) for s in sorties}
        shapes = [shapely.LineString(track[:, 1:3]) for track in self._tracks.values()]
        tree = shapely.STRtree(shapes)
        pairs = tree.query(shapes, predicate="dwithin", distance=APART_M)
        names = list(self._tracks)
        self._near = {(names[a], names[b]) for a, b in pairs.T.tolist()}

    def meetings(self) -> Meetings:
        """Return when the sorties meet, by the time between their take-offs."""
        return Meetings(self._tracks, frozenset(self._near))

    def first_conflict(self, placed: Sequence[Flight], more: Sequence[Flight]) -> Conflict | None:
        """Return the first moment an aircraft of `more` is too close to one of `placed`, or None."""
        starts = np.array([f.t_takeoff_s for f in placed])
        ends = np.array([f.t_landing_s for f in placed])
        for one in more:
            meets = np.flatnonzero((starts < one.t_landing_s) & (ends > one.t_takeoff_s))
            for k in meets:
                found = (
                    self._between(one, placed[int(k)]) if (one.sortie, placed[int(k)].sortie) in self._near else None
                )
                if found is not None:
                    return found
        return None

    def _between(self, one: Flight, other: Flight) -> Conflict | None:
        met = first_conflict(self._tracks[one.sortie], self._tracks[other.sortie], other.t_takeoff_s - one.t_takeoff_s)
        if met is None:
            return None
        t_s, distance_m = one.t_takeoff_s + met[0], met[1]
        return Conflict(first=one.aircraft, second=other.aircraft, t_s=t_s, distance_m=distance_m)


def _track(sortie: Sortie, frame: LocalFrame) -> FloatArray:
    legs = sortie.legs
    xy = frame.to_plane(
        np.array([legs[0].lat_start_deg, *(g.lat_end_deg for g in legs)]),
        np.array([legs[0].lon_start_deg, *(g.lon_end_deg for g in legs)]),
    )
    t = np.array([legs[0].t_start_s, *(g.t_end_s for g in legs)]) - legs[0].t_start_s
    alt = np.array([legs[0].alt_amsl_start_m, *(g.alt_amsl_end_m for g in legs)])
    return np.stack([t, xy[:, 0], xy[:, 1], alt], axis=1)


def separated(
    sorties: Sequence[Sortie], taken: Sequence[Turn], end_s: float, frame: LocalFrame, *, most_s: float = math.inf
) -> tuple[tuple[Flight, ...], list[Turn], list[Finding]]:
    """Return a schedule without conflicts, the turns, and the first conflict left.

    Take-offs are moved as little as needed; where that is not enough, or makes a round longer than
    `most_s`, all bases fly in one rhythm.
    """
    judge = Separation(sorties, frame)
    by_name = {s.name: s for s in sorties}
    kept, conflict = _shifted(taken, by_name, judge, end_s)
    period = max(t.cycle_s / sum(o.base == t.base for o in taken) for t in taken)
    moved = max(after.start_s - before.start_s for before, after in zip(taken, kept, strict=True))
    if conflict is not None or period + moved > most_s:
        seconds = {s.name: _seconds(s) for s in sorties}
        rhythm = in_rhythm(taken, seconds, period, most_s, judge.meetings())
        if rhythm is not None:
            kept, conflict = rhythm, None
    flights = [f for turn in kept for f in flights_of(turn, by_name, end_s)]
    flights.sort(key=lambda f: (f.t_takeoff_s, f.aircraft))
    return tuple(flights[:MAX_FLIGHTS]), kept, [] if conflict is None else [_conflict_finding(conflict)]


def _shifted(
    taken: Sequence[Turn], by_name: Mapping[str, Sortie], judge: Separation, end_s: float
) -> tuple[list[Turn], Conflict | None]:
    """Move each turn's start to the first that meets none before it; second, the first conflict left."""
    placed: list[Flight] = []
    kept: list[Turn] = []
    first: Conflict | None = None
    for turn in taken:
        moved, conflict = _first_free(turn, by_name, placed, judge, end_s)
        first = first or conflict
        kept.append(moved)
        placed += flights_of(moved, by_name, end_s)
    return kept, first


def _first_free(
    turn: Turn, sorties: Mapping[str, Sortie], placed: Sequence[Flight], judge: Separation, end_s: float
) -> tuple[Turn, Conflict | None]:
    """Return the turn, moved to the first start with no conflict, or unmoved with its conflict."""
    steps = np.arange(0.0, min(turn.cycle_s, MAX_SHIFT_S), SHIFT_S)
    conflict = None
    for shift in steps.tolist():
        trial = dataclasses.replace(turn, start_s=turn.start_s + shift)
        found = judge.first_conflict(placed, flights_of(trial, sorties, end_s))
        if found is None:
            return trial, None
        conflict = conflict or found
    return turn, conflict


def _conflict_finding(conflict: Conflict) -> Finding:
    return Finding(
        rule="separation", severity=Severity.ERROR,
        measured=round(conflict.distance_m, 1), limit=APART_M, unit="m",
        message=f"{conflict.first} and {conflict.second} come within {conflict.distance_m:.0f} m of each other "
        f"{conflict.t_s:.0f} s into the patrol",
        advice="fewer aircraft at that site, or a longer revisit time",
    )  # fmt: skip


def battery_findings(brief: Brief, sorties: Sequence[Sortie], flights: Sequence[Flight]) -> list[Finding]:
    """Report each type of which the patrol takes more charged batteries than the brief has."""
    type_of = {s.name: s.aircraft for s in sorties}
    found = []
    for fleet in brief.fleets:
        mine = [f for f in flights if type_of[f.sortie] == fleet.label]
        if fleet.batteries is None or len(mine) <= fleet.batteries:
            continue
        whose = f" of {fleet.label}" if len(brief.fleets) > 1 else ""
        found.append(
            Finding(
                rule="batteries", severity=Severity.ERROR, measured=float(len(mine)), limit=float(fleet.batteries),
                message=f"the patrol takes {len(mine)} charged batteries{whose} and {fleet.batteries} are there",
                advice=f"aircraft.batteries = {len(mine)}{whose}, or a patrol that ends "
                f"{mine[fleet.batteries].t_takeoff_s / 60:.0f} minutes after it starts",
            )
        )  # fmt: skip
    return found
