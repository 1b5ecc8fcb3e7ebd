"""What learning is worth: finds per flight-hour over 100 simulated nights, against rivals of equal effort.

Three kinds of crosser, fixed before anything was tuned: one keeps to its routes; one avoids where people were seen;
one watches the flights for a week and comes when fewest were about. The plan, the learned rates and the extra flights
are the program's own; nights, crossers and what a flight sees are worked out here and know nothing of them. Nights are
coarse: a flight sees whoever is within the corridor where it passes, four times in five, whatever the ground.

Rivals fly the same aircraft from the same sites: placed by chance; evenly spaced; and by the program's own
choice of moments, told that every stretch is alike; all of them whole sorties of the plan. *Known* is no rival but the
bound: the program told the true places of the first crosser, which nobody can know. The same people come on the same
nights in each, where they do not choose by what was flown.

Seeds 100 on are reported; what the program's constants were chosen with are seeds 0 to 19. Intervals are of a
bootstrap over blocks of ten nights of all seeds.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import Row
from missions.airspace.ground_file import open_situation
from missions.airspace.routing import Router
from missions.airspace.stretches import stretches_of
from missions.briefs.brief_file import build_brief
from missions.emphasis import RANDOM_SHARE_MIN, Emphasis
from missions.fleet.cuts import Cutter, detachments
from missions.fleet.extra import Choice, Night, spare_aircraft
from missions.fleet.patrol import put_together
from missions.fleet.shuttle import Shuttles
from missions.paths.lanes import build_lanes
from missions.plan import LegKind
from operations.learning.emphasis import emphasis_of
from operations.learning.stretch_rates import NightlyLooks, Rates, rates_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from missions.airspace.situation import Situation
    from missions.fleet.timetable import Timetable
    from missions.plan import Sortie

NIGHTS = 100
HOURS = 8.0
CROSSERS_A_NIGHT = 8.0
SEES = 0.8
READER = (0.9, 0.1)
"""Share of true tracks, and of false ones, that a reader confirms."""
FALSE_PER_LOOK = 0.01
ROUTES_KM = (3.1, 9.4, 19.7)
SPARE = 3
BRIEF = {
    "name": "learning",
    "border": {"coordinates": [[50.0, 8.0], [50.02, 8.1], [50.0, 8.2], [50.01, 8.34]], "own_side": "left"},
    "standoff": {"asked_m": 200},
    "corridor": {"depth_m": 600},
    "aircraft": {"type": "quad-survey", "count": 20},
    "launch": [
        {"name": "a", "lat_deg": 50.03, "lon_deg": 8.04},
        {"name": "b", "lat_deg": 50.035, "lon_deg": 8.14},
        {"name": "c", "lat_deg": 50.025, "lon_deg": 8.25},
        {"name": "d", "lat_deg": 50.03, "lon_deg": 8.32},
    ],
    "time": {"start_utc": "2026-01-15T18:00:00Z", "end_utc": "2026-01-16T02:00:00Z"},
    "revisit": {"max_min": 90},
    "terrain": {"flat_amsl_m": 100.0},
}


@dataclasses.dataclass(frozen=True)
class World:
    """One border with its guaranteed timetable, and what the simulated nights need of it."""

    situation: Situation
    table: Timetable
    spans: tuple[tuple[float, float], ...]
    shuttles: Shuttles
    stretches: list
    length_m: float
    known: dict[str, list[tuple[float, float, float, float]]] = dataclasses.field(default_factory=dict)

    @classmethod
    def built(cls) -> World:
        """Plan the guarantee with the fewest aircraft, and leave `SPARE` over."""
        table, *_ = laid_out(BRIEF)
        used = len(table.turns)
        fewer = BRIEF | {"aircraft": BRIEF["aircraft"] | {"count": used + SPARE}}
        table, spans, shuttles, situation = laid_out(fewer)
        stretches = stretches_of(situation.corridor)
        return cls(situation, table, spans, shuttles, stretches, situation.corridor.along.total_m)

    def passes(self, sortie: Sortie) -> list[tuple[float, float, float, float]]:
        """Return station and seconds after take-off at both ends of every leg of a sortie that watches."""
        if sortie.name not in self.known:
            t0 = sortie.legs[0].t_start_s
            ends = []
            for leg in (leg for leg in sortie.legs if leg.kind is LegKind.WORK):
                lat, lon = [leg.lat_start_deg, leg.lat_end_deg], [leg.lon_start_deg, leg.lon_end_deg]
                xy = self.situation.frame.to_plane(np.array(lat), np.array(lon))
                station = self.situation.corridor.along.nearest(xy).station_m
                ends.append((float(station[0]), float(station[1]), leg.t_start_s - t0, leg.t_end_s - t0))
            self.known[sortie.name] = ends
        return self.known[sortie.name]


def laid_out(raw: dict) -> tuple[Timetable, tuple[tuple[float, float], ...], Shuttles, Situation]:
    """Lay out the guaranteed patrol of a brief."""
    situation = open_situation(build_brief(raw, Path()))
    router = Router(situation.corridor.free, situation.corridor.preferred)
    lanes = build_lanes(situation.brief, situation.corridor)
    own, _ = detachments(situation, router)
    cut, table = put_together(situation, Cutter(situation.corridor, lanes, own))
    spans = tuple((s.stretch.start_m, s.stretch.end_m) for s in cut.sections if s.path is not None)
    return table, spans, Shuttles(situation, cut, own, table.sorties), situation


@dataclasses.dataclass
class Past:
    """What a crosser knows: where people were seen, and when flights were about."""

    seen_m: list[tuple[int, float]] = dataclasses.field(default_factory=list)
    flights: list[list[tuple[float, float]]] = dataclasses.field(default_factory=list)
    """By night: station and time of passes."""


def place(rng: np.random.Generator, world: World) -> float:
    """Draw where somebody wants to cross: near one of three routes, one in five anywhere."""
    if rng.random() < 0.2:
        return float(rng.uniform(0.0, world.length_m))
    route = 1000.0 * ROUTES_KM[rng.integers(len(ROUTES_KM))]
    return float(np.clip(rng.normal(route, 300.0), 0.0, world.length_m))


def keeps_to_routes(rng: np.random.Generator, world: World, _past: Past, _night: int) -> tuple[float, float]:
    """Cross where one always does, at any time."""
    return place(rng, world), float(rng.uniform(0.0, HOURS * 3600.0))


def avoids_the_seen(rng: np.random.Generator, world: World, past: Past, night: int) -> tuple[float, float]:
    """Of ten places one would take, take that near which fewest were seen in the last ten nights."""
    recent = np.array([m for when, m in past.seen_m if when >= night - 10])
    options = [place(rng, world) for _ in range(5)] + rng.uniform(0.0, world.length_m, 5).tolist()
    met = [int((np.abs(recent - m) < 700.0).sum()) if len(recent) else 0 for m in options]
    return options[int(np.argmin(met))], float(rng.uniform(0.0, HOURS * 3600.0))


def learns_the_schedule(rng: np.random.Generator, world: World, past: Past, _night: int) -> tuple[float, float]:
    """Cross where one always does, at the time at which fewest passes were near in the last seven nights."""
    where = place(rng, world)
    times = np.array([t for night in past.flights[-7:] for m, t in night if abs(m - where) < 500.0])
    options = rng.uniform(0.0, HOURS * 3600.0, 12)
    met = [int((np.abs(times - (t + 300.0)) < 450.0).sum()) if len(times) else 0 for t in options]
    return where, float(options[int(np.argmin(met))])


KINDS: dict[str, Callable[..., tuple[float, float]]] = {
    "keeps to its routes": keeps_to_routes,
    "avoids where it was seen": avoids_the_seen,
    "learns the schedule": learns_the_schedule,
}


def even(world: World) -> Rates:
    """Return rates that say nothing."""
    return told(np.ones(len(world.stretches)))


def known(world: World) -> Rates:
    """Return the true rates of who keeps to its routes: the density that `place` draws from."""
    middle = np.array([(s.start_m + s.end_m) / 2.0 for s in world.stretches])
    near = [np.exp(-0.5 * ((middle - 1000.0 * km) / 300.0) ** 2) / (300.0 * np.sqrt(2.0 * np.pi)) for km in ROUTES_KM]
    return told(0.2 / world.length_m + 0.8 * np.mean(near, axis=0))


def told(per_look: np.ndarray) -> Rates:
    """Return rates without any doubt."""
    return Rates(
        shape=np.full(len(per_look), 1e6), per_look=per_look, low=per_look, high=per_look, looks=0.0 * per_look,
        found=0.0 * per_look, half_life_nights=60.0, trust=1.0,
    )  # fmt: skip


class Spaced(Night):
    """Extra flights evenly spaced: each time the sortie that nobody flies, before or after, for longest."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._chance_s = np.inf  # never by chance

    def _worth(self, options: Sequence[Sortie], clock: float) -> np.ndarray:
        off = {sortie.name: [f.t_takeoff_s for f in self._placed if f.sortie == sortie.name] for sortie in options}
        return np.array([np.abs(np.array(off[s.name]) - clock).min(initial=np.inf) for s in options])


def flights_of(world: World, emphasis: Emphasis, night: type[Night] = Night) -> list[tuple[Sortie, float, float]]:
    """Return sortie, take-off and landing of every flight of one night."""
    shuttles = tuple(world.shuttles.over(emphasis))
    choice = Choice(spans_m=world.spans, shuttles=shuttles)
    extra, _ = night(world.situation, world.table, choice, emphasis).flown(
        spare_aircraft(world.situation.brief, world.table)
    )
    sorties = {s.name: s for s in (*world.table.sorties, *(one.sortie for one in shuttles))}
    return [(sorties[f.sortie], f.t_takeoff_s, f.t_landing_s) for f in (*world.table.flights, *extra)]


def patrolled(kind: str, how: str, seed: int, world: World) -> np.ndarray:
    """Patrol `NIGHTS` nights; returns people found and hours flown, a row a night."""
    past = Past()
    middle = np.array([(s.start_m + s.end_m) / 2.0 for s in world.stretches])
    looks, found = np.zeros((2, NIGHTS, len(middle)))
    rows = np.zeros((NIGHTS, 2))
    for night in range(NIGHTS):
        crossers, sights = (np.random.default_rng([seed, night, k]) for k in (1, 2))
        legs, rows[night, 1] = flown(how, world, rates_for(how, night, looks, found, world), 1000 * seed + night)
        looks[night] = looked(legs, middle)
        for _ in range(crossers.poisson(CROSSERS_A_NIGHT)):
            where, when = KINDS[kind](crossers, world, past, night)
            sightings = seen_by(crossers.uniform(0.7, 1.3), sights, legs, (where, when))
            rows[night, 0] += sightings > 0
            if sightings:
                past.seen_m.append((night, where))
                found[night, nearest(middle, where)] += 0.9 * sights.binomial(sightings, READER[0])
        false = sights.poisson(FALSE_PER_LOOK * looks[night])
        found[night] += 0.9 * sights.binomial(false, READER[1])
        past.flights.append(sightings_of_the_sky(legs))
    return rows


def rates_for(how: str, night: int, looks: np.ndarray, found: np.ndarray, world: World) -> Rates:
    """Return what is known before a night."""
    if how == "known":
        return known(world)
    if how == "learned" and night:
        return rates_of(NightlyLooks(night=np.arange(night), looks=looks[:night], found=found[:night]))
    return even(world)


def flown(how: str, world: World, rates: Rates, seed: int) -> tuple[np.ndarray, float]:
    """Return the legs of one night (stations, times, flight), and its flight-hours."""
    share = 1.0 if how == "chance" else RANDOM_SHARE_MIN
    depth_m = BRIEF["corridor"]["depth_m"]
    emphasis = emphasis_of(world.stretches, rates, seed=seed, depth_m=depth_m, random_share=share)
    flights = flights_of(world, emphasis, Spaced if how == "spaced" else Night)
    legs = [
        (a, b, start + t0, start + t1, f)
        for f, (sortie, start, _) in enumerate(flights)
        for a, b, t0, t1 in world.passes(sortie)
    ]
    return np.array(legs), sum(landing - start for _, start, landing in flights) / 3600.0


def looked(legs: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Return how many looks each stretch had: a pass soon after another is the share of one in which somebody came."""
    looks, stay_s = np.zeros(len(middle)), float(BRIEF["corridor"]["depth_m"])  # on foot, at 1 m/s
    for number, station in enumerate(middle.tolist()):
        times = np.sort(passed(legs, station))
        looks[number] = np.minimum(1.0, np.diff(times, prepend=-np.inf) / stay_s).sum()
    return looks


def passed(legs: np.ndarray, station_m: float) -> np.ndarray:
    """Return when flights passed a station."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (station_m - legs[:, 0]) / (legs[:, 1] - legs[:, 0])
    there = (share >= 0.0) & (share <= 1.0)
    return legs[there, 2] + share[there] * (legs[there, 3] - legs[there, 2])


def nearest(middle: np.ndarray, where: float) -> int:
    """Return the stretch a place is on."""
    return int(np.abs(middle - where).argmin())


def seen_by(pace_mps: float, sights: np.random.Generator, legs: np.ndarray, crossing: tuple[float, float]) -> int:
    """Return how many flights see somebody who crosses the corridor at a place from a moment on."""
    where, when = crossing
    step = legs[:, 1] - legs[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (where - legs[:, 0]) / step
    at = legs[:, 2] + share * (legs[:, 3] - legs[:, 2])
    stays_s = BRIEF["corridor"]["depth_m"] / pace_mps
    there = (share >= 0.0) & (share <= 1.0) & (at >= when) & (at <= when + stays_s)
    return int(sights.binomial(len(np.unique(legs[there, 4])), SEES))


def sightings_of_the_sky(legs: np.ndarray) -> list[tuple[float, float]]:
    """Return where and when somebody on the ground noticed flights."""
    return list(zip(legs[:, :2].mean(axis=1).tolist(), legs[:, 2:4].mean(axis=1).tolist(), strict=True))


RIVALS = {
    "chance": "placed by chance",
    "spaced": "evenly spaced",
    "even": "every stretch alike",
}
BLOCK = 10
"""Nights that are drawn together: what was found on one changes the next."""


def interval(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float, float]:
    """Return the ratio of finds a flight-hour and its 95 % interval; rows are nights, the same in both."""
    blocks = [one.reshape(-1, BLOCK, 2).sum(axis=1) for one in (ours, theirs)]
    drawn = np.random.default_rng(0).integers(len(blocks[0]), size=(4000, len(blocks[0])))
    (a, hours), (b, other) = (np.moveaxis(one[drawn].sum(axis=1), -1, 0) for one in blocks)
    low, high = np.quantile((a / hours) / (b / other), [0.025, 0.975])
    return rate(ours) / rate(theirs), float(low), float(high)


def rate(rows: np.ndarray) -> float:
    """Return people found a flight-hour."""
    return float(rows[:, 0].sum() / rows[:, 1].sum())


def run(seeds: range = range(100, 104)) -> Iterator[Row]:
    """Compare with each rival, and the bound with the best of them."""
    world = World.built()
    for kind in KINDS:
        ways = ["learned", *RIVALS, *(["known"] if kind == "keeps to its routes" else [])]
        rows = {how: np.concatenate([patrolled(kind, how, seed, world) for seed in seeds]) for how in ways}
        for how in ways[:1] + ways[len(RIVALS) + 1 :]:
            for rival, name in RIVALS.items():
                _, low, high = interval(rows[how], rows[rival])
                yield Row(
                    what=f"finds a flight-hour, {how}, crosser {kind}, {len(seeds)} x {NIGHTS} nights, "
                    f"{low:.2f} to {high:.2f}",
                    ours=rate(rows[how]), rival=rate(rows[rival]), rival_name=f"same aircraft, {name}", unit="1/h",
                    goal="1.3" if kind == "keeps to its routes" else "1.0", higher_is_better=True,
                )  # fmt: skip


if __name__ == "__main__":
    first, last = (int(word) for word in sys.argv[1:3])
    for row in run(range(first, last)):
        print(f"{row.ratio:.3f}  {row.what}  vs {row.rival_name}: {row.ours:.3f} / {row.rival:.3f}", flush=True)
