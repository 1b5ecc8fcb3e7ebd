"""Flights beyond the guaranteed revisit: aircraft that it leaves over fly sorties of the plan where looks pay most.

The guaranteed turns are not touched: not delayed, not thinned, and an extra flight that would come near one of them
waits or is not flown. So what was learned can make the patrol better and never worse than what was promised.

Each extra flight is chosen on its own, either by chance alone (`Emphasis.random_share` of the flying time at least)
among the plan's sorties, or so: rates are drawn from what is known of every stretch (Thompson sampling: W. R. Thompson,
Biometrika 25, 1933), and of the plan's sorties and of shuttles over what stands out that one is flown which
promises most finds a second under that draw. Where little is known draws differ most, so it is looked at now and then.
Somebody who was or will be seen by another flight while within the watched ground is no find of this one.
"""

from __future__ import annotations

import bisect
import collections
import dataclasses
import heapq
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.emphasis import ExtraEffort, ExtraFlight
from missions.fleet.schedule import MAX_SHIFT_S, SHIFT_S, Separation, patrol_seconds
from missions.plan import Finding, Flight, LegKind, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.airspace.corridor_frame import LocalFrame
    from missions.airspace.situation import Situation
    from missions.briefs.brief import Brief, Fleet
    from missions.emphasis import Emphasis
    from missions.fleet.shuttle import Shuttle
    from missions.fleet.timetable import Timetable
    from missions.plan import Sortie

    FloatArray = NDArray[np.float64]

SAME_LANE_M: Final = 5.0
"""A lane flown again passes a place as near as the first time; one beside it lies further off than this."""
SAME_PASS_S: Final = 10.0
CHANCE: Final = "chance"
LEARNED: Final = "what was learned"


def with_extra_flights(situation: Situation, table: Timetable, choice: Choice, emphasis: Emphasis) -> Timetable:
    """Return the timetable with flights of the aircraft it leaves over and what they fly, and what chose each."""
    spare = spare_aircraft(situation.brief, table)
    night = Night(situation, table, choice, emphasis)
    flights, chosen = night.flown(spare)
    flown = {flight.sortie for flight in flights}
    first = {flight.sortie: flight.t_takeoff_s for flight in reversed(flights)}
    added = tuple(s.sortie.starting_at(first[s.sortie.name]) for s in choice.shuttles if s.sortie.name in flown)
    sorties = (*table.sorties, *added)
    seconds = {s.name: _seconds(s) for s in sorties}
    total = sum(seconds[one.sortie] for one in chosen)
    by_chance = sum(seconds[one.sortie] for one in chosen if one.chosen_by == CHANCE)
    effort = ExtraEffort(
        emphasis=emphasis, flights=tuple(chosen), random_share=by_chance / total if total else math.nan,
        spare_aircraft=len(spare),
    )  # fmt: skip
    findings = () if spare else (_nothing_spare(situation.brief, table),)
    every = tuple(sorted((*table.flights, *flights), key=lambda f: (f.t_takeoff_s, f.aircraft)))
    return dataclasses.replace(
        table, sorties=sorties, flights=every, findings=(*table.findings, *findings), extra=effort
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What an extra flight may fly."""

    spans_m: tuple[tuple[float, float], ...]
    """Of each of the plan's sorties, the stations between which it watches the border."""
    shuttles: tuple[Shuttle, ...] = ()


def spare_aircraft(brief: Brief, table: Timetable) -> list[Fleet]:
    """Return the type of every aircraft of the brief that no turn takes; none where no revisit is promised."""
    if not table.turns:
        return []
    type_of = {s.name: s.aircraft for s in table.sorties}
    used = collections.Counter(type_of[turn.sorties[0]] for turn in table.turns)
    return [fleet for fleet in brief.fleets for _ in range(fleet.count - used[fleet.label])]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Spare:
    """An aircraft the guarantee leaves over, at the site it flies from all night."""

    name: str
    site: int
    label: str
    swap_s: float


class Night:
    """The flights of one night: the guaranteed ones, and the extra ones as they are laid between them."""

    def __init__(self, situation: Situation, table: Timetable, choice: Choice, emphasis: Emphasis) -> None:
        self._brief, self._emphasis = situation.brief, emphasis
        self._rng = np.random.default_rng(emphasis.seed)
        spans = [*choice.spans_m, *(shuttle.span_m for shuttle in choice.shuttles)]
        sorties = [*table.sorties, *(shuttle.sortie for shuttle in choice.shuttles)]
        self._sorties = {s.name: s for s in sorties}
        self._whole = {s.name for s in table.sorties}
        self._judge = Separation(sorties, situation.frame)
        self._placed, self._turns = list(table.flights), table.turns
        self._end_s = patrol_seconds(self._brief, max((t.cycle_s for t in table.turns), default=0.0))
        places = [(rate.stretch.lat_deg, rate.stretch.lon_deg) for rate in emphasis.rates]
        xy = situation.frame.to_plane(*np.array(places).reshape(-1, 2).T)
        middle = np.array([(rate.stretch.start_m + rate.stretch.end_m) / 2.0 for rate in emphasis.rates])
        self._passes = {
            sortie.name: _passes(sortie, situation.frame, xy, np.flatnonzero((middle >= span[0]) & (middle <= span[1])))
            for sortie, span in zip(sorties, spans, strict=True)
        }
        self._seen_s: list[list[float]] = [[] for _ in places]
        for flight in self._placed:
            self._note(flight)
        self._chance_s = self._total_s = 0.0
        stock = {fleet.label: fleet.batteries for fleet in self._brief.fleets}
        self._left = {label: math.inf if n is None else n - self._flown_by(label) for label, n in stock.items()}

    def flown(self, spare: Sequence[Fleet]) -> tuple[list[Flight], list[ExtraFlight]]:
        """Lay flights of spare aircraft until the patrol ends, the aircraft that is ready first going first."""
        ready = [(0.0, number, aircraft) for number, aircraft in enumerate(self._based(spare))]
        flights: list[Flight] = []
        chosen: list[ExtraFlight] = []
        while ready:
            clock, number, aircraft = heapq.heappop(ready)
            if clock >= self._end_s or self._left[aircraft.label] < 1:
                continue
            flight, why = self._next(aircraft, clock)
            if flight is None:
                heapq.heappush(ready, (clock + MAX_SHIFT_S, number, aircraft))
                continue
            flights.append(flight)
            chosen.append(
                ExtraFlight(
                    sortie=flight.sortie, aircraft=flight.aircraft, t_takeoff_s=flight.t_takeoff_s, chosen_by=why
                )
            )
            self._left[aircraft.label] -= 1
            heapq.heappush(ready, (flight.t_landing_s + aircraft.swap_s, number, aircraft))
        return flights, chosen

    def _next(self, aircraft: Spare, clock: float) -> tuple[Flight | None, str]:
        """Return the aircraft's next flight: the best that meets nobody, or none where all would."""
        options = self._options(aircraft.site, aircraft.label)
        longest = max(_seconds(s) for s in options)
        why = LEARNED if self._chance_s >= self._emphasis.random_share * (self._total_s + longest) else CHANCE
        if why == CHANCE:
            options = [s for s in options if s.name in self._whole]
        worth = self._rng.random(len(options)) if why == CHANCE else self._worth(options, clock)
        for place in np.argsort(-worth, kind="stable").tolist():
            flight = self._free(options[place], aircraft.name, clock)
            if flight is not None:
                self._placed.append(flight)
                self._note(flight)
                self._total_s += _seconds(options[place])
                self._chance_s += _seconds(options[place]) if why == CHANCE else 0.0
                return flight, why
        return None, why

    def _worth(self, options: Sequence[Sortie], clock: float) -> FloatArray:
        """Return what each sortie promises to find a second, under one draw of the rates."""
        drawn = self._drawn()
        return np.array(
            [
                sum(
                    drawn[s] * self._fresh(s, [clock + t for t in after])
                    for s, after in self._passes[sortie.name].items()
                )
                / _seconds(sortie)
                for sortie in options
            ]
        )

    def _drawn(self) -> FloatArray:
        shape = np.array([rate.shape for rate in self._emphasis.rates])
        mean = np.array([rate.per_look for rate in self._emphasis.rates])
        return np.asarray(self._rng.gamma(shape, mean / shape))

    def _fresh(self, stretch: int, times_s: Sequence[float]) -> float:
        """Return how many, of those who come while one walks through, a flight's passes of a stretch see and no other.

        Who is there at t came within the last `stay_s`; a flight at p sees who came within `stay_s` before p.
        """
        stay, seen, own, found = self._emphasis.stay_s, self._seen_s[stretch], -math.inf, 0.0
        for t_s in times_s:
            place = bisect.bisect(seen, t_s)
            since = max(t_s - stay, own, seen[place - 1] if place else -math.inf)
            until = min(t_s, seen[place] - stay if place < len(seen) else math.inf)
            found += max(until - since, 0.0)
            own = t_s
        return found / stay

    def _free(self, sortie: Sortie, aircraft: str, clock: float) -> Flight | None:
        """Return a sortie's flight at its first take-off that meets nobody, or None where it would wait too long."""
        for wait in np.arange(0.0, MAX_SHIFT_S, SHIFT_S).tolist():
            start = round(clock + wait, 3)
            flight = Flight(
                sortie=sortie.name, aircraft=aircraft, site=sortie.site, t_takeoff_s=start,
                t_landing_s=round(start + _seconds(sortie), 3),
            )  # fmt: skip
            if start < self._end_s and self._judge.first_conflict(self._placed, [flight]) is None:
                return flight
        return None

    def _note(self, flight: Flight) -> None:
        for stretch, times in self._passes[flight.sortie].items():
            for after in times:
                bisect.insort(self._seen_s[stretch], flight.t_takeoff_s + after)

    def _options(self, site: int, label: str) -> list[Sortie]:
        name = self._brief.launch[site].name
        return [s for s in self._sorties.values() if s.site == name and s.aircraft == label]

    def _flown_by(self, label: str) -> int:
        return sum(self._sorties[f.sortie].aircraft == label for f in self._placed)

    def _based(self, spare: Sequence[Fleet]) -> list[Spare]:
        """Put every spare aircraft at the site with room where a draw promises most for one more."""
        drawn = self._drawn()
        there = collections.Counter(
            (site, self._sorties[turn.sorties[0]].aircraft)
            for turn in self._turns
            for site in {self._sorties[name].site for name in turn.sorties}
        )
        placed: list[Spare] = []
        for fleet in spare:
            open_sites = [k for k in range(len(self._brief.launch)) if self._takes(k, fleet, there)]
            if not open_sites:
                continue
            site = max(open_sites, key=lambda k, fleet=fleet: self._promise(k, fleet.label, drawn, placed))  # type: ignore[misc]
            name = self._brief.launch[site].name
            there[name, fleet.label] += 1
            number = sum(one.site == site for one in placed) + 1
            placed.append(
                Spare(name=f"{name} extra {number}", site=site, label=fleet.label, swap_s=fleet.aircraft.swap_s)
            )
        return placed

    def _takes(self, site: int, fleet: Fleet, there: collections.Counter[tuple[str, str]]) -> bool:
        launch = self._brief.launch[site]
        own, every = there[launch.name, fleet.label], sum(n for (name, _), n in there.items() if name == launch.name)
        room = own < launch.room(fleet.label, fleet.count) and every < launch.aircraft.get("", math.inf)
        return room and bool(self._options(site, fleet.label))

    def _promise(self, site: int, label: str, drawn: FloatArray, placed: Sequence[Spare]) -> float:
        worth = max(
            sum(float(drawn[s]) for s in self._passes[sortie.name]) / _seconds(sortie)
            for sortie in self._options(site, label)
            if sortie.name in self._whole
        )
        return worth / (1 + sum(one.site == site for one in placed))


def _passes(
    sortie: Sortie, frame: LocalFrame, places: FloatArray, stretches: NDArray[np.int64]
) -> dict[int, list[float]]:
    """Return when after take-off a sortie's lanes come nearest to the stretches it watches: each time that they do."""
    work = [leg for leg in sortie.legs if leg.kind is LegKind.WORK]
    if not work or not len(stretches):
        return {}
    first, last = (
        frame.to_plane(
            np.array([getattr(leg, f"lat_{end}_deg") for leg in work]),
            np.array([getattr(leg, f"lon_{end}_deg") for leg in work]),
        )
        for end in ("start", "end")
    )
    step = last - first
    share = np.einsum("sli,li->sl", places[stretches][:, None] - first, step) / np.maximum((step**2).sum(axis=1), 1e-9)
    share = np.clip(share, 0.0, 1.0)
    away = np.linalg.norm(first + share[..., None] * step - places[stretches][:, None], axis=2)
    begin = np.array([leg.t_start_s for leg in work]) - sortie.legs[0].t_start_s
    took = np.array([leg.t_end_s - leg.t_start_s for leg in work])
    after = begin + share * took
    near = away <= away.min(axis=1, keepdims=True) + SAME_LANE_M
    return {stretch: _apart(after[row, near[row]].tolist()) for row, stretch in enumerate(stretches.tolist())}


def _apart(times_s: Sequence[float]) -> list[float]:
    """Return the moments that are further apart than legs of the same pass, in order."""
    found: list[float] = []
    for t_s in sorted(times_s):
        if not found or t_s - found[-1] > SAME_PASS_S:
            found.append(t_s)
    return found


def _seconds(sortie: Sortie) -> float:
    return sortie.legs[-1].t_end_s - sortie.legs[0].t_start_s


def _nothing_spare(brief: Brief, table: Timetable) -> Finding:
    if not table.turns:
        why = "no revisit is promised, so no aircraft is known to be over"
    else:
        why = f"the {len(table.turns)} aircraft there are keep the guaranteed revisit and no more"
    count = sum(fleet.count for fleet in brief.fleets)
    return Finding(
        rule="learned effort", severity=Severity.WARNING, measured=0.0, limit=1.0, unit="aircraft",
        message=f"{why}: what was learned stands in the plan and changes no flight",
        advice=f"aircraft.count = {count + 1}, or a longer revisit.max_min",
    )  # fmt: skip
