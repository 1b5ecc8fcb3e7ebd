"""Flights beyond the guarantee: it stays as it is, nobody meets, chance has its share, and learning steers the rest."""

from __future__ import annotations

import collections
import dataclasses
import math
from pathlib import Path

import numpy as np
import pyproj
import pytest

from missions.airspace.ground_file import open_situation
from missions.airspace.stretches import stretches_of
from missions.emphasis import RANDOM_SHARE_MIN, Emphasis, StretchRate
from missions.plan import LegKind
from missions.plan_files.plan_folder_file import read_plan_folder, summary, write_plan_folder
from missions.tasks.border_patrol import BorderPatrol
from missions.tasks.plan_door import plan_in

BORDER = [[50.0, 8.0], [50.005, 8.1], [50.0, 8.2]]


@pytest.fixture(scope="module")
def build():
    from missions.briefs.brief_file import build_brief

    def make(count=4, **changes):
        raw = {
            "name": "test",
            "border": {"coordinates": BORDER, "own_side": "left"},
            "standoff": {"asked_m": 200},
            "corridor": {"depth_m": 500},
            "aircraft": {"type": "quad-survey", "count": count} | changes.pop("aircraft", {}),
            "launch": [{"name": "a", "lat_deg": 50.02, "lon_deg": 8.1}],
            "terrain": {"flat_amsl_m": 0.0},
            "revisit": {"max_min": 80},
            "time": {"start_utc": "2026-01-15T18:00:00Z", "end_utc": "2026-01-15T23:00:00Z"},
        }
        return build_brief(raw | changes, Path())

    return make


@pytest.fixture(scope="module")
def situation(build):
    return open_situation(build())


def emphasised(situation, hot_m, *, seed=7, share=0.2, shape=50.0):
    """Return an emphasis on the stretch that holds a station."""
    rates = [
        StretchRate(
            stretch=one, shape=shape, per_look=1.0 if one.start_m <= hot_m < one.end_m else 0.001, low=0.0, high=1.0,
            looks=10.0, found=1.0,
        )
        for one in stretches_of(situation.corridor)
    ]  # fmt: skip
    return Emphasis(rates=tuple(rates), seed=seed, stay_s=500.0, random_share=share)


@pytest.fixture(scope="module")
def plans(situation):
    """Return the plan without what was learned, and those with one end of the border or the other emphasised."""
    total_m = situation.corridor.along.total_m
    hot = {name: emphasised(situation, share * total_m) for name, share in (("west", 0.05), ("east", 0.95))}
    made = {name: plan_in(situation, BorderPatrol(emphasis=one)) for name, one in hot.items()}
    return made | {"plain": plan_in(situation, BorderPatrol())}


def extra_by_sortie(planned):
    return collections.Counter(one.sortie for one in planned.plan.extra.flights)


def test_the_guarantee_is_what_it_is_without_learning(plans):
    plain = plans["plain"].plan
    for name in ("west", "east"):
        made = plans[name].plan
        assert made.worst_revisit_s == plain.worst_revisit_s <= 80 * 60
        assert (made.turns, made.sorties[: len(plain.sorties)], made.required_standoff_m) == (
            plain.turns, plain.sorties, plain.required_standoff_m,
        )  # fmt: skip
        extra = {(one.aircraft, one.t_takeoff_s) for one in made.extra.flights}
        assert tuple(f for f in made.flights if (f.aircraft, f.t_takeoff_s) not in extra) == plain.flights
        assert made.feasible == plain.feasible


def test_what_was_learned_steers_where_chance_does_not(plans):
    west, east = extra_by_sortie(plans["west"]), extra_by_sortie(plans["east"])
    first, last = plans["plain"].plan.sorties[0].name, plans["plain"].plan.sorties[-1].name
    assert first != last
    assert over(west, first) > 1.5 * over(east, first)
    assert over(east, last) > 1.5 * over(west, last)


def geodesic_m(leg):
    return pyproj.Geod(ellps="WGS84").inv(leg.lon_start_deg, leg.lat_start_deg, leg.lon_end_deg, leg.lat_end_deg)[2]


def over(flights, section):
    return sum(count for name, count in flights.items() if name.split("-")[0] == section)


def test_extra_flights_go_back_and_forth_over_what_stands_out_and_no_further(plans, situation):
    made, plain = plans["east"].plan, plans["plain"].plan
    shuttles = [s for s in made.sorties if s.name not in {one.name for one in plain.sorties}]
    assert shuttles
    flown = extra_by_sortie(plans["east"])
    for sortie in shuttles:
        assert flown[sortie.name]
        start_m, end_m = map(float, sortie.name.partition("-m")[2].split("-"))
        work = [leg for leg in sortie.legs if leg.kind is LegKind.WORK]
        ends = [(g.lat_end_deg, g.lon_end_deg) for g in work] + [(work[0].lat_start_deg, work[0].lon_start_deg)]
        at = situation.corridor.along.nearest(situation.frame.to_plane(*np.array(ends).T)).station_m
        assert start_m - 60.0 < at.min() < at.max() < end_m + 60.0
        watched_m = sum(geodesic_m(leg) for leg in work)
        assert watched_m > 3.5 * (end_m - start_m)  # two lanes, each at least twice
        assert sortie.legs[-1].battery_end_pct >= 20.0
    assert {one.sortie for one in made.extra.flights if one.chosen_by == "chance"} <= {s.name for s in plain.sorties}
    assert made.feasible == plain.feasible


def test_no_two_aircraft_ever_come_near_each_other(plans, situation):
    """Every pair in the air at once, second by second: nothing of the planner's own check is used."""
    made = plans["east"].plan
    tracks = {}
    for sortie in made.sorties:
        legs = sortie.legs
        lat = np.array([legs[0].lat_start_deg, *(leg.lat_end_deg for leg in legs)])
        lon = np.array([legs[0].lon_start_deg, *(leg.lon_end_deg for leg in legs)])
        up = np.array([legs[0].alt_amsl_start_m, *(leg.alt_amsl_end_m for leg in legs)])
        t = np.array([legs[0].t_start_s, *(leg.t_end_s for leg in legs)]) - legs[0].t_start_s
        tracks[sortie.name] = t, (lat - 50.0) * 111_200.0, (lon - 8.0) * 71_500.0, up
    clashes = 0
    for k, one in enumerate(made.flights):
        for other in made.flights[k + 1 :]:
            times = np.arange(max(one.t_takeoff_s, other.t_takeoff_s), min(one.t_landing_s, other.t_landing_s), 1.0)
            place = [
                np.array([np.interp(times - f.t_takeoff_s, tracks[f.sortie][0], axis) for axis in tracks[f.sortie][1:]])
                for f in (one, other)
            ]
            away = place[0] - place[1] if len(times) else np.full((3, 1), np.inf)
            clashes += bool(((np.hypot(away[0], away[1]) < 45.0) & (np.abs(away[2]) < 18.0)).any())
    assert clashes == 0


def test_no_aircraft_is_in_two_places_and_each_swaps_its_battery(plans, situation):
    swap_s = situation.brief.fleets[0].aircraft.swap_s
    by_aircraft = collections.defaultdict(list)
    for flight in plans["east"].plan.flights:
        by_aircraft[flight.aircraft].append(flight)
    assert len(by_aircraft) <= situation.brief.fleets[0].count
    for mine in by_aircraft.values():
        mine.sort(key=lambda f: f.t_takeoff_s)
        for before, after in zip(mine, mine[1:], strict=False):
            assert after.t_takeoff_s >= before.t_landing_s + swap_s - 0.01


@pytest.mark.parametrize("share", [0.15, 0.5, 1.0])
def test_chance_has_at_least_its_share_and_the_seed_decides_it(situation, share):
    emphasis = emphasised(situation, 500.0, share=share)
    made = plan_in(situation, BorderPatrol(emphasis=emphasis)).plan
    assert made.extra.random_share >= share
    if share == 0.5:
        again = plan_in(situation, BorderPatrol(emphasis=emphasis)).plan
        assert made.sha256 == again.sha256
        other = plan_in(situation, BorderPatrol(emphasis=dataclasses.replace(emphasis, seed=8))).plan
        assert other.extra.flights != made.extra.flights


def test_a_smaller_random_share_is_refused(situation):
    with pytest.raises(ValueError, match="random share"):
        emphasised(situation, 500.0, share=RANDOM_SHARE_MIN - 0.01)


def test_without_an_aircraft_over_nothing_is_added_and_it_is_said(build, plans):
    used = len(plans["plain"].plan.turns)
    situation = open_situation(build(count=used))
    made = plan_in(situation, BorderPatrol(emphasis=emphasised(situation, 500.0))).plan
    assert made.extra.flights == ()
    assert math.isnan(made.extra.random_share)
    (told,) = (f for f in made.findings if f.rule == "learned effort")
    assert f"count = {used + 1}" in told.advice


def test_charged_batteries_are_not_exceeded(build, plans):
    guaranteed = len(plans["plain"].plan.flights)
    situation = open_situation(build(aircraft={"batteries": guaranteed + 3}))
    made = plan_in(situation, BorderPatrol(emphasis=emphasised(situation, 500.0))).plan
    assert len(made.extra.flights) == 3
    assert all(f.rule != "batteries" for f in made.findings)


def test_the_plan_states_it_and_reads_back(plans, tmp_path):
    planned = plans["west"]
    write_plan_folder(planned, tmp_path / "plan")
    assert read_plan_folder(tmp_path / "plan") == planned.plan
    told = summary(planned)["extra"]
    assert (told["seed"], told["random_share_asked"]) == (7, 0.2)
    assert sum(told["flights_by_sortie"].values()) == told["flights"] == len(planned.plan.extra.flights)
    assert len(told["stretches"]) == len(stretches_of(planned.situation.corridor))


def test_plans_without_it_hash_as_they_did(plans):
    """The text a plan is hashed by, worked out here without the newer field."""
    import hashlib
    import json

    plan = plans["plain"].plan
    fields = dataclasses.asdict(plan)
    assert fields.pop("extra") is None
    text = json.dumps(_floats(plan, fields), sort_keys=True, separators=(",", ":"))
    assert plan.sha256 == hashlib.sha256(text.encode()).hexdigest()


def _floats(value, told):
    """Return what `asdict` gives with whole numbers as floats where the field holds floats."""
    if dataclasses.is_dataclass(value):
        kinds = {f.name: "float" in str(f.type) for f in dataclasses.fields(value)}
        return {
            name: float(inner) if kinds[name] and type(inner) is int else _floats(getattr(value, name), inner)
            for name, inner in told.items()
        }
    if isinstance(value, tuple):
        return [_floats(a, b) for a, b in zip(value, told, strict=True)]
    return told


def test_stretches_cover_the_border_and_their_places_lie_on_the_watched_ground(situation):
    import shapely

    found = stretches_of(situation.corridor)
    assert found[0].start_m == 0.0
    assert found[-1].end_m == pytest.approx(situation.corridor.along.total_m, abs=0.1)
    assert all(a.end_m == b.start_m for a, b in zip(found, found[1:], strict=False))
    xy = situation.frame.to_plane(np.array([s.lat_deg for s in found]), np.array([s.lon_deg for s in found]))
    assert shapely.contains_xy(situation.corridor.watched, xy[:, 0], xy[:, 1]).all()
    middle = np.array([(s.start_m + s.end_m) / 2.0 for s in found])
    assert np.abs(situation.corridor.along.nearest(xy).station_m - middle).max() < 60.0
