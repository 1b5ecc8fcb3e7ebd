"""Flights beyond the guaranteed revisit: aircraft that it leaves over fly sorties of the plan where looks pay most.

The guaranteed turns are not touched: not delayed, not thinned, and an extra flight that would come near one of them
waits or is not flown. So what was learned can make the patrol better and never worse than what was promised.

Each extra flight is chosen on its own, either by chance alone (`Emphasis.random_share` of the flying time at least), or
so: rates are drawn from what is known of every stretch (Thompson sampling: W. R. Thompson, Biometrika 25, 1933),
and the sortie is flown that promises most finds a second under that draw. Where little is known draws differ most,
so it is looked at now and then. Somebody who was or will be seen by another flight while within the watched ground
is no find of this one.
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
    from missions.fleet.timetable import Timetable
    from missions.plan import Sortie

    FloatArray = NDArray[np.float64]

CHANCE: Final = "chance"
LEARNED: Final = "what was learned"


def with_extra_flights(
    situation: Situation, table: Timetable, spans: Sequence[tuple[float, float]], emphasis: Emphasis
) -> Timetable:
    """Return the timetable with flights of the aircraft it leaves over, and what chose each.

    Parameters
    ----------
    spans
        Of each sortie, the stations between which it watches the border.
    """
    spare = spare_aircraft(situation.brief, table)
    night = Night(situation, table, spans, emphasis)
    flights, chosen = night.flown(spare)
    seconds = {s.name: _seconds(s) for s in table.sorties}
    total = sum(seconds[one.sortie] for one in chosen)
    by_chance = sum(seconds[one.sortie] for one in chosen if one.chosen_by == CHANCE)
    effort = ExtraEffort(
        emphasis=emphasis, flights=tuple(chosen), random_share=by_chance / total if total else math.nan,
        spare_aircraft=len(spare),
    )  # fmt: skip
    findings = () if spare else (_nothing_spare(situation.brief, table),)
    every = tuple(sorted((*table.flights, *flights), key=lambda f: (f.t_takeoff_s, f.aircraft)))
    return dataclasses.replace(table, flights=every, findings=(*table.findings, *findings), extra=effort)


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

    def __init__(
        self, situation: Situation, table: Timetable, spans: Sequence[tuple[float, float]], emphasis: Emphasis
    ) -> None:
        self._brief, self._emphasis = situation.brief, emphasis
        self._rng = np.random.default_rng(emphasis.seed)
        self._sorties = {s.name: s for s in table.sorties}
        self._judge = Separation(table.sorties, situation.frame)
        self._placed, self._turns = list(table.flights), table.turns
        self._end_s = patrol_seconds(self._brief, max((t.cycle_s for t in table.turns), default=0.0))
        places = [(rate.stretch.lat_deg, rate.stretch.lon_deg) for rate in emphasis.rates]
        xy = situation.frame.to_plane(*np.array(places).reshape(-1, 2).T)
        middle = np.array([(rate.stretch.start_m + rate.stretch.end_m) / 2.0 for rate in emphasis.rates])
        self._passes = {
            sortie.name: _passes(sortie, situation.frame, xy, np.flatnonzero((middle >= span[0]) & (middle <= span[1])))
            for sortie, span in zip(table.sorties, spans, strict=True)
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
                sum(drawn[s] * self._fresh(s, clock + after) for s, after in self._passes[sortie.name].items())
                / _seconds(sortie)
                for sortie in options
            ]
        )

    def _drawn(self) -> FloatArray:
        shape = np.array([rate.shape for rate in self._emphasis.rates])
        mean = np.array([rate.per_look for rate in self._emphasis.rates])
        return np.asarray(self._rng.gamma(shape, mean / shape))

    def _fresh(self, stretch: int, t_s: float) -> float:
        """Return the share of those on a stretch at a moment whom no other flight sees, before or after.

        Who is there at t came within the last `stay_s`; a flight at p sees who came within `stay_s` before p.
        """
        stay, seen = self._emphasis.stay_s, self._seen_s[stretch]
        place = bisect.bisect(seen, t_s)
        since = max(t_s - stay, seen[place - 1] if place else -math.inf)
        until = min(t_s, seen[place] - stay if place < len(seen) else math.inf)
        return max(until - since, 0.0) / stay

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
        for stretch, after in self._passes[flight.sortie].items():
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
        )
        return worth / (1 + sum(one.site == site for one in placed))


def _passes(sortie: Sortie, frame: LocalFrame, places: FloatArray, stretches: NDArray[np.int64]) -> dict[int, float]:
    """Return when after take-off a sortie's lanes come nearest to the stretches it watches."""
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
    best = away.argmin(axis=1)
    begin = np.array([leg.t_start_s for leg in work]) - sortie.legs[0].t_start_s
    took = np.array([leg.t_end_s - leg.t_start_s for leg in work])
    after = begin[best] + share[np.arange(len(best)), best] * took[best]
    return dict(zip(stretches.tolist(), after.tolist(), strict=True))


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
