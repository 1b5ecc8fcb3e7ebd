"""The judge of flights against plain loops: random flights, every rule, the figures as well as the verdicts."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re

import numpy as np
import pytest

from missions.airspace.situation import Situation
from missions.judging.breaches import every_leg, worst_of_each
from missions.judging.flown_path import Landing
from missions.judging.judge import Homeward, breaches, judge_legs
from missions.judging.rules_return_place import forbidden_points
from missions.judging.subject import Subject
from missions.plan import Leg, LegKind, Severity
from tests.missions.brute_judge import Scene, Way, forbidden_from, judged, nearest_landing, plane

ORIGIN = (50.0, 8.03)
TO_PLANE = plane(*ORIGIN)
BORDER = [[50.0, 7.995], [50.0, 8.065]]
AROUND_M = 2.0
"""Figures this near to a limit may fall on either side: two metres of sampling, and two ways of drawing a plane."""
SWEPT_M = 25.0
"""Ways home are walked every 20 m here and begin every 100 m in the judge, which sweeps what lies between."""
ELSEWHERE = ("position loss", "failsafe endurance")
"""Rules with tests of their own: `test_position_loss.py`, and below."""
SLOPE_LAT, SLOPE_LON = 2500.0, 900.0
"""Metres a degree that the ground rises: 2.2 % to the north and 1.3 % to the east."""

UP_NORTH, UP_EAST = SLOPE_LAT / 111_229.0, SLOPE_LON / 71_696.0


class Tilted:
    """Ground that rises evenly to the north and the east."""

    def amsl_m(self, lat_deg, lon_deg):
        return 100.0 + SLOPE_LAT * (lat_deg - ORIGIN[0]) + SLOPE_LON * (lon_deg - ORIGIN[1])


def degrees(x, y):
    lon, lat = TO_PLANE.transform(x, y, direction="INVERSE")
    return float(lat), float(lon)


def ground_at(x, y):
    """Return the ground by the two slopes at the middle: degrees are 111.2 and 71.7 km long there."""
    return 100.0 + UP_EAST * x + UP_NORTH * y


def walk(rng, home):
    """Return waypoints (x, y, above the sea) up from home, about, and down home again."""
    base = ground_at(*home)
    heights = base + rng.choice([12.0, 45.0, 75.0, 110.0, 190.0], 9)
    away = rng.choice([-60.0, 130.0, 204.0, 420.0, 760.0], 9, p=[0.05, 0.05, 0.25, 0.4, 0.25])
    places = np.column_stack([rng.uniform(-1400.0, 1400.0, 9), away])
    out = [(*home, base), (*home, heights[0])]
    out += [(float(x), float(y), float(h)) for (x, y), h in zip(places, heights, strict=True)]
    return [*out, (*home, out[-1][2]), (*home, base)]


def legs_of(points, batteries):
    """Return what an aircraft flies between points, as the judge takes it."""
    now, made = 0.0, []
    for seq, ((a, b), left) in enumerate(zip(itertools.pairwise(points), batteries, strict=True)):
        (lat0, lon0), (lat1, lon1) = degrees(*a[:2]), degrees(*b[:2])
        seconds = math.dist(a, b) / 10.0
        made.append(
            Leg(
                seq=seq, kind=LegKind.TRANSIT, lat_start_deg=lat0, lon_start_deg=lon0, alt_amsl_start_m=a[2],
                lat_end_deg=lat1, lon_end_deg=lon1, alt_amsl_end_m=b[2], t_start_s=now, t_end_s=now + seconds,
                speed_mps=10.0, battery_end_pct=left,
            )
        )  # fmt: skip
        now += seconds
    return made


def square(west, south, east, north):
    return [degrees(west, south), degrees(east, south), degrees(east, north), degrees(west, north)]


HOME = (150.0, 560.0)
RALLY = (-700.0, 190.0)
KEEP_IN = (-1250.0, 60.0, 1300.0, 800.0)
ZONE, AVOID = ((-500.0, 300.0), 120.0), ((700.0, 450.0), 90.0)


def scene_of(make_brief, *, rally):
    lat, lon = degrees(*HOME)
    brief = make_brief(
        BORDER, launch=[{"name": "a", "lat_deg": lat, "lon_deg": lon}], corridor={"depth_m": 1500.0},
        flight={"alt_agl_m": 60.0, "min_agl_m": 25.0, "max_agl_m": 120.0, "max_link_m": 1300.0,
                "ceiling_amsl_m": ground_at(*HOME) + 150.0},
        zone=[{"name": "z", "centre": list(degrees(*ZONE[0])), "radius_m": ZONE[1], "clearance_m": 30.0,
               "floor_amsl_m": ground_at(*HOME) + 50.0}],
        keep_in={"polygon": [list(p) for p in square(*KEEP_IN)], "clearance_m": 20.0},
        avoid=[{"name": "school", "centre": list(degrees(*AVOID[0])), "radius_m": AVOID[1]}],
        failsafe={"way": "straight"},
    )  # fmt: skip
    situation = Situation.of(brief, Tilted())
    landings = [(*HOME, ground_at(*HOME))] + ([(*RALLY, ground_at(*HOME) + 125.0)] if rally else [])
    aircraft = brief.performances[0].aircraft
    scene = Scene(
        standoff=200.0, margin=situation.corridor.margin.total_m, ground=ground_at, min_agl=25.0, max_agl=120.0,
        ceiling=ground_at(*HOME) + 150.0, link=1300.0, climb=aircraft.climb_mps, descent=aircraft.descent_mps,
        speed=aircraft.speed_mps, reserve_pct=aircraft.reserve_pct,
        zone=(ZONE[0], ZONE[1] + 30.0, 30.0, ground_at(*HOME) + 50.0 - 30.0), keep_in=(*KEEP_IN, 20.0), avoid=AVOID,
        landings=tuple(landings),
    )  # fmt: skip
    return brief, situation, scene


ADVICE = {
    "height limit": lambda measured, limit: math.ceil(measured),
    "link": lambda measured, limit: math.ceil(measured),
    "ceiling": lambda measured, limit: math.floor(60.0 - (measured - limit)),
    "ground clearance": lambda measured, limit: math.ceil(60.0 + limit - measured),
    "standoff": lambda measured, limit: math.floor(measured),
    "standoff margin": lambda measured, limit: math.floor(measured - (limit - 200.0)),
    "climb rate": lambda measured, limit: math.floor(10.0 * 15.0 * limit / measured) / 10.0,
    "descent rate": lambda measured, limit: math.floor(10.0 * 15.0 * limit / measured) / 10.0,
}
"""What a key of the brief would have to be (60 m above the ground, 15 m/s and 200 m are asked) for a row to hold."""


@pytest.mark.parametrize(("seed", "rally"), [(1, False), (2, False), (3, False), (0, True), (2, True), (5, True)])
def test_every_finding_of_a_random_flight_is_what_plain_loops_find(make_brief, seed, rally):
    brief, situation, scene = scene_of(make_brief, rally=rally)
    points = walk(np.random.default_rng(seed), HOME)
    batteries = np.linspace(97.0, 24.0 - 3.0 * (seed % 3), len(points) - 1).tolist()
    legs = legs_of(points, batteries)
    ways = [
        Way(start=a[:2], end=b[:2], low=a[2], high=b[2], battery_pct=left)
        for (a, b), left in zip(itertools.pairwise(points), batteries, strict=True)
    ]
    landings = tuple(
        Landing(lat_deg=lat, lon_deg=lon, alt_amsl_m=z) for x, y, z in scene.landings for lat, lon in [degrees(x, y)]
    )
    held = situation.holding(np.array([g.lat_end_deg for g in legs]), np.array([g.lon_end_deg for g in legs]))
    homes = [Homeward(landings=landings, legs=np.ones(len(legs), dtype=bool))]
    found = judge_legs(held, brief.performances[0], legs, homes)
    agree(found, scene, ways)
    for f in found:
        if f.rule in ADVICE and f.advice:
            asked = [float(n) for n in re.findall(r"= (-?[\d.]+)$|= (-?[\d.]+), or", f.advice)[0] if n]
            assert asked == [pytest.approx(ADVICE[f.rule](f.measured, f.limit), abs=0.11 if "rate" in f.rule else 1.0)]
    for broken in breaches(Subject(held, brief.performances[0], legs, landings)):
        if len(broken.leg) and np.isfinite(broken.share_pct):
            assert 0.0 < broken.share_pct <= 100.0
        if broken.rule == "height limit":
            every = [z - ground_at(x, y) > 120.0 for way in ways for x, y, z in way.walked(20.0)]
            assert broken.share_pct == pytest.approx(100.0 * np.mean(every), abs=2.0)


@pytest.mark.parametrize(("seed", "rally"), [(1, False), (0, True)])
def test_the_points_whose_ways_home_are_forbidden_are_those_of_plain_loops(make_brief, seed, rally):
    """A point counts where anything between it and the next or the one before leads home through forbidden air."""
    brief, situation, scene = scene_of(make_brief, rally=rally)
    points = walk(np.random.default_rng(seed), HOME)
    legs = legs_of(points, [80.0] * (len(points) - 1))
    ways = [Way(start=a[:2], end=b[:2], low=a[2], high=b[2], battery_pct=80.0) for a, b in itertools.pairwise(points)]
    landings = [
        Landing(lat_deg=lat, lon_deg=lon, alt_amsl_m=z) for x, y, z in scene.landings for lat, lon in [degrees(x, y)]
    ]
    subject = Subject(situation, brief.performances[0], legs, landings)
    judged_from, got = subject.returns.points, forbidden_points(subject)
    surely, perhaps = np.zeros(len(got), dtype=bool), np.zeros(len(got), dtype=bool)
    for k in np.flatnonzero(np.diff(judged_from.leg) == 0):
        way = ways[judged_from.leg[k]]
        shares = np.linspace(judged_from.share[k], judged_from.share[k + 1], 6)
        ends = {nearest_landing(scene, *way.at(share)[:2]) for share in shares[[0, -1]]}
        for place in map(way.at, shares):
            surely[k : k + 2] |= forbidden_from(scene, way, place, nearest_landing(scene, *place[:2]), -AROUND_M)
            perhaps[k : k + 2] |= any(forbidden_from(scene, way, place, goal, AROUND_M) for goal in ends)
    assert surely.any()
    assert not perhaps.all()
    assert not (surely & ~got).any()
    assert not (got & ~perhaps).any()


@pytest.mark.parametrize(("over_m", "met"), [(-8.0, True), (8.0, False)])
def test_a_zone_up_to_a_height_above_the_ground_is_met_by_ways_home_below_its_top(make_brief, over_m, met):
    """The ground rises by 8 m across the zone; its middle tells the height of its top to 4 m."""
    lat, lon = degrees(*HOME)
    brief = make_brief(
        BORDER, launch=[{"name": "a", "lat_deg": lat, "lon_deg": lon}], corridor={"depth_m": 1500.0},
        zone=[{"name": "z", "centre": list(degrees(*ZONE[0])), "radius_m": ZONE[1], "clearance_m": 30.0,
               "ceiling_agl_m": 60.0}],
        failsafe={"way": "straight"},
    )  # fmt: skip
    base, height = ground_at(*HOME), ground_at(*ZONE[0]) + 60.0 + 30.0 + over_m
    around = [(150.0, 780.0), (-1100.0, 780.0), (-1100.0, 215.0), (-1100.0, 780.0), (150.0, 780.0)]
    points = [(*HOME, base), *((*place, height) for place in (HOME, *around, HOME)), (*HOME, base)]
    legs = legs_of(points, [80.0] * (len(points) - 1))
    home = Landing(lat_deg=lat, lon_deg=lon, alt_amsl_m=base)
    forbidden = forbidden_points(Subject(Situation.of(brief, Tilted()), brief.performances[0], legs, [home]))
    assert forbidden.any() == met
    assert not forbidden.all()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_each_rule_the_worst_leg_is_told_and_on_how_many_more_it_is_so(make_brief, seed):
    brief, situation, _ = scene_of(make_brief, rally=False)
    points = walk(np.random.default_rng(seed), HOME)
    legs = legs_of(points, np.linspace(97.0, 24.0, len(points) - 1).tolist())
    lat, lon = degrees(*HOME)
    home = Landing(lat_deg=lat, lon_deg=lon, alt_amsl_m=ground_at(*HOME))
    subject = Subject(situation, brief.performances[0], legs, [home])
    every, worst = (
        list(told(breaches(subject), situation.frame, subject.legs, lambda k: f"leg {k}"))
        for told in (every_leg, worst_of_each)
    )
    assert sorted(f.rule for f in worst) == sorted({f.rule for f in every})
    several = 0
    for f in worst:
        mine = [g for g in every if g.rule == f.rule]
        errors = [g for g in mine if g.severity is Severity.ERROR]
        assert f.severity is (Severity.ERROR if errors else Severity.WARNING)
        assert abs(f.measured - f.limit) == max(abs(g.measured - g.limit) for g in errors or mine)
        words = re.sub(r" \(so on .*|[-\d.]+", "", f.message)
        same = [g for g in mine if re.sub(r"[-\d.]+", "", g.message) == words]
        several += len(same) == 2
        if "% of the path)" not in f.message:
            assert f.message.endswith(f" (so on {len(same)} of {len(legs)} legs)") == (len(same) > 1)
            assert ("so on" in f.message) == (len(same) > 1)
    assert several  # two legs are several, too


def test_where_nobody_knows_the_ground_station_no_link_is_judged(make_brief):
    brief, situation, _ = scene_of(make_brief, rally=False)
    legs = legs_of([(*HOME, 300.0), (HOME[0] - 5000.0, HOME[1], 300.0)], [80.0])
    lat, lon = degrees(*HOME)
    home = Landing(lat_deg=lat, lon_deg=lon, alt_amsl_m=ground_at(*HOME))
    rules = [
        {b.rule for b in breaches(Subject(situation, brief.performances[0], legs, landings)) if len(b.leg)}
        for landings in ([home], [])
    ]
    assert ["link" in one for one in rules] == [True, False]


@pytest.mark.parametrize(("far_pct", "short"), [(24.0, True), (60.0, False), (13.0, True)])
def test_a_way_home_into_the_reserve_is_told_with_the_battery_it_would_take(make_brief, far_pct, short):
    """Level at the planned speed, and at most as much again for climb, starts and the descent; where the battery is
    below the reserve already the flight itself is at fault, and not the way home."""
    brief, situation, _ = scene_of(make_brief, rally=False)
    base = ground_at(*HOME)
    points = [(*HOME, base + 60.0), (HOME[0] + 1100.0, HOME[1], base + 60.0), (HOME[0] + 1000.0, HOME[1], base + 60.0)]
    legs = legs_of(points, [far_pct, far_pct])
    lat, lon = degrees(*HOME)
    home = Landing(lat_deg=lat, lon_deg=lon, alt_amsl_m=base)
    subject, aircraft = Subject(situation, brief.performances[0], legs, [home]), brief.performances[0].aircraft
    found = [b for b in breaches(subject) if b.rule == "failsafe endurance" and len(b.leg)]
    assert bool(found) is short
    for f in worst_of_each(found, situation.frame, subject.legs, str):
        left = {100.0 * k: 100.0 - (100.0 - far_pct) * k / 11.0 for k in range(12)}
        away_m, before = next((m, pct) for m, pct in reversed(left.items()) if pct >= 20.0)
        least = 100.0 * away_m / 15.0 * aircraft.cruise_power_w / 3600.0 / aircraft.battery_wh
        assert before - 2.0 * least <= f.measured <= before - least
        assert (f.limit, f.unit, f.severity) == (20.0, "%", Severity.ERROR)
        (asked,) = re.findall(r"aircraft.battery_wh = (\d+), or a rally point nearer to it", f.advice)
        assert int(asked) == math.ceil(aircraft.battery_wh * (100.0 - f.measured) / 80.0)
        (share,) = re.findall(r"so on (\d+) % of the path", f.message)
        assert 0 < int(share) < 60  # the first of the way out has battery enough


def agree(found, scene, ways):
    got = {(f.rule, -1 if f.rule == "overflight" else f.seq): (f.measured, f.limit) for f in found[::-1]}
    want = judged(scene, ways)
    centre, radius, clearance, floor = scene.zone
    around = [dataclasses.replace(scene, zone=(centre, radius + m, clearance, floor - m)) for m in (-3.0, 3.0)]
    surely, perhaps = ({key for key in judged(wider, ways) if "zone" in key[0]} for wider in around)
    assert surely <= {key for key in got if "zone" in key[0]} <= perhaps
    for key in got.keys() ^ want.keys():
        measured, limit = got.get(key) or want[key]
        assert key[0] in ELSEWHERE or "zone" in key[0] or abs(measured - limit) < AROUND_M, (key, measured, limit)
    for key in got.keys() & want.keys():
        tolerance = SWEPT_M if key[0] in ("failsafe standoff", "failsafe keep-in", "failsafe overflight") else AROUND_M
        assert got[key] == pytest.approx(want[key], abs=tolerance), key


def test_a_battery_nobody_has_told_of_is_added_up_leg_by_leg(make_brief):
    """A square at one height: cruise power at the planned speed, and at most a fifth more for starts and corners."""
    brief, situation, scene = scene_of(make_brief, rally=False)
    base = ground_at(*HOME)
    corners = [(HOME[0] + dx, HOME[1] + dy, base + 60.0) for dx, dy in ((0, 0), (900, 0), (900, 150), (0, 150), (0, 0))]
    legs = [dataclasses.replace(leg, speed_mps=15.0) for leg in legs_of(corners, [math.nan] * 4)]
    home = Landing(lat_deg=degrees(*HOME)[0], lon_deg=degrees(*HOME)[1], alt_amsl_m=base)
    subject = Subject(situation, brief.performances[0], legs, [home])
    aircraft = brief.performances[0].aircraft
    flown = (
        100.0 * np.cumsum([math.dist(*way) for way in itertools.pairwise(corners)]) / 15.0
    )  # starts and corners apart
    least = flown * aircraft.cruise_power_w / 3600.0 / aircraft.battery_wh
    assert subject.battery_pct[0] == 100.0
    assert 100.0 - subject.battery_pct[1:] == pytest.approx(least, rel=0.2)
    assert (100.0 - subject.battery_pct[1:] >= least).all()
