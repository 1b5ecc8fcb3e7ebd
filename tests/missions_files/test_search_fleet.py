"""Searches by fixed wings and by several aircraft: turns they can fly, and the soonest end."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pyproj
import pytest

from geo.errors import RefusedError
from missions.capacity import PLANE
from missions.fleet.soonest import soonest_shares
from missions.patterns.values import PatternKind, PatternRequest
from missions.performance.wind import ground_radius_m
from missions.plan import LegKind
from missions.plan_files.plan_folder_file import write_plan_folder
from missions.tasks import flights
from missions.tasks.plan_door import plan_brief
from missions.tasks.search import Search

GEOD = pyproj.Geod(ellps="WGS84")
LAT, LON = 48.0, 9.0


def place(metres_south, metres_east=0.0):
    lon, lat, _ = GEOD.fwd(LON, LAT, 180.0, metres_south)
    lon, lat, _ = GEOD.fwd(lon, lat, 90.0, metres_east)
    return lon, lat


def box(south, north, west, east):
    return (place(south, west), place(south, east), place(north, east), place(north, west))


SITE = [{"name": "camp", "lat_deg": place(2600)[1], "lon_deg": LON}]
WING = {"aircraft": {"type": "wing-2m"}, "launch": SITE, "wind": {"speed_mps": 5.0, "from_deg": 250.0}}
WIDE = {"polygons": ((box(1900, 800, -700, 700),),), "swath_m": 57.0}
WING_REQUESTS = {
    PatternKind.AREA: WIDE,
    PatternKind.POINT: {"datum": place(1400), "radius_m": 200.0, "laps": 2},
    PatternKind.EXPANDING_SQUARE: {"datum": place(1500), "legs": 7, "swath_m": 80.0},
    PatternKind.SECTOR: {"datum": place(1500), "radius_m": 400.0},
    PatternKind.PARALLEL_TRACK: {"datum": place(1500), "length_m": 900.0, "width_m": 400.0, "direction_deg": 90.0},
    PatternKind.CREEPING_LINE: {"datum": place(1500), "length_m": 800.0, "width_m": 600.0, "direction_deg": 90.0},
    PatternKind.ROUTE: {"line": (place(1200, -900), place(1300, 0), place(1200, 900)), "there_and_back": True},
    PatternKind.PERIMETER: {"polygons": ((box(1700, 1100, -400, 500),),), "offset_m": 40.0},
}


def flown_xy(sortie):
    """Return the corners of a sortie after its climb, metres about its home by an azimuthal projection of its own."""
    plane = pyproj.Proj(proj="aeqd", lat_0=sortie.home_lat_deg, lon_0=sortie.home_lon_deg, datum="WGS84")
    legs = [g for g in sortie.legs if (g.lat_start_deg, g.lon_start_deg) != (g.lat_end_deg, g.lon_end_deg)]
    lon = [legs[0].lon_start_deg, *(g.lon_end_deg for g in legs)]
    lat = [legs[0].lat_start_deg, *(g.lat_end_deg for g in legs)]
    return np.column_stack(plane(lon, lat))


def tightest_m(xy):
    """Return the least radius of the circles through three corners in a row; slight bends are left to the autopilot."""
    least = np.inf
    for a, b, c in zip(xy[:-2], xy[1:-1], xy[2:], strict=True):
        u, v = b - a, c - b
        bend = abs(np.arctan2(u[0] * v[1] - u[1] * v[0], u @ v))
        if bend > np.radians(3.0):
            short, long = sorted((float(np.hypot(*u)), float(np.hypot(*v))))
            within = (
                np.hypot(*(c - a)) / 2.0 if long < 1.3 * short else short * np.cos(bend / 2.0)
            )  # else an arc ends there
            least = min(least, within / np.sin(bend))
    return least


@pytest.mark.parametrize("kind", WING_REQUESTS)
def test_no_search_bends_tighter_than_the_aircraft_turns_over_the_ground(make_brief, kind):
    brief = make_brief(**WING)
    made = plan_brief(brief, Search(request=PatternRequest(kind=kind, **({"swath_m": 60.0} | WING_REQUESTS[kind]))))
    radius = ground_radius_m(brief.fleets[0].aircraft, 5.0)
    assert radius == pytest.approx(60.0 * (23.0 / 18.0) ** 2)
    assert [f.message for f in made.plan.findings if f.rule not in ("coverage", "failsafe zone")] == []
    for sortie in made.plan.sorties:
        assert tightest_m(flown_xy(sortie)) >= 0.93 * radius
        assert sortie.legs[-1].battery_end_pct >= brief.fleets[0].aircraft.reserve_pct
    if kind is PatternKind.AREA:
        assert made.plan.covered_pct > 99.5


def test_a_fixed_wing_skips_lanes_rather_than_loop_between_neighbours(make_brief):
    made = plan_brief(make_brief(**WING), Search(request=PatternRequest(kind=PatternKind.AREA, **WIDE)))
    (sortie,) = made.plan.sorties
    turns = sum(
        GEOD.inv(g.lon_start_deg, g.lat_start_deg, g.lon_end_deg, g.lat_end_deg)[2]
        for g in sortie.legs
        if g.kind is LegKind.TURN
    )
    looped = made.pattern.lanes * (np.pi + 2.0) * 98.0  # a bulb between neighbours is longer than a half circle
    assert turns < 0.85 * looped


def test_lanes_no_turn_leads_to_are_flown_in_a_sortie_of_their_own(make_brief):
    middle = place(1300, 50)
    zone = [{"name": "mast", "centre": [middle[1], middle[0]], "radius_m": 60.0}]
    polygons = ((box(1700, 1000, -500, 500),),)
    asked = PatternRequest(kind=PatternKind.AREA, swath_m=60.0, polygons=polygons)
    made = plan_brief(make_brief(zone=zone, **WING), Search(request=asked))
    assert made.plan.covered_pct > 88.0
    assert all(tightest_m(flown_xy(s)) >= 0.93 * 98.0 for s in made.plan.sorties)
    assert {f.rule for f in made.plan.findings} <= {"coverage", "failsafe zone"}


def test_no_sortie_holds_more_items_than_the_autopilot_stores(make_brief, monkeypatch):
    monkeypatch.setattr(flights, "capacity_of", lambda _, *, fixed_wing: dataclasses.replace(PLANE, items=150))
    made = plan_brief(make_brief(**WING), Search(request=PatternRequest(kind=PatternKind.AREA, **WIDE)))
    assert len(made.plan.sorties) > 1
    assert max(len(s.items) for s in made.plan.sorties) <= 150
    assert made.plan.covered_pct > 99.5


def test_an_orbit_tighter_than_the_turn_is_refused_with_the_radius(make_brief):
    request = PatternRequest(kind=PatternKind.POINT, swath_m=60.0, datum=place(1400), radius_m=60.0, laps=2)
    with pytest.raises(RefusedError, match=r"tighter than wing-2m turns .* \(98 m\); use a radius of 99 m or more"):
        plan_brief(make_brief(**WING), Search(request=request))


def brute_finish_s(seconds, count, limits, swap_s):
    """Return the soonest end over all ways to seat aircraft and give out sorties."""
    jobs, sites = seconds.shape
    best = np.inf
    for where in itertools.product(range(sites), repeat=count):
        if any(where.count(s) > limits[s] for s in range(sites)):
            continue
        for who in itertools.product(range(count), repeat=jobs):
            load = np.zeros(count)
            for k, m in enumerate(who):
                load[m] += seconds[k, where[m]] + swap_s
            best = min(best, load.max())
    return best


def test_shares_end_as_soon_as_any():
    rng = np.random.default_rng(3)
    for _ in range(6):
        seconds = np.ceil(rng.uniform(300, 1500, size=(5, 2)))
        seconds[rng.uniform(size=seconds.shape) < 0.2] = np.inf
        limits = [2, 1]
        brute = brute_finish_s(seconds, 3, limits, 180.0)
        shares = soonest_shares(seconds, 3, limits, swap_s=180.0)
        if not np.isfinite(brute):
            assert shares is None
            continue
        loads = [sum(seconds[k, share.site] + 180.0 for k in share.sorties) for share in shares]
        assert max(loads) == brute
        assert sorted(k for share in shares for k in share.sorties) == list(range(5))


def test_three_aircraft_end_sooner_than_one_and_stay_apart(make_brief, tmp_path):
    request = PatternRequest(kind=PatternKind.AREA, polygons=((box(1500, 700, -400, 500),),), swath_m=14.0)
    whole = {
        n: plan_brief(make_brief(aircraft={"type": "quad-survey", "count": n}), Search(request=request)) for n in (1, 3)
    }
    made = {n: planned.plan for n, planned in whole.items()}
    ends = {n: max(f.t_landing_s for f in plan.flights) for n, plan in made.items()}
    assert ends[3] < 0.45 * ends[1]
    lengths = [f.t_landing_s - f.t_takeoff_s for f in made[3].flights]
    assert max(lengths) < 1.15 * min(lengths)
    for n, plan in made.items():
        assert len({f.aircraft for f in plan.flights}) == n
        swap = 180.0
        for name in {f.aircraft for f in plan.flights}:
            mine = sorted((f for f in plan.flights if f.aircraft == name), key=lambda f: f.t_takeoff_s)
            assert all(b.t_takeoff_s - a.t_landing_s >= swap - 0.01 for a, b in itertools.pairwise(mine))
    assert [f for f in made[3].findings if f.rule == "separation"] == []
    assert nearest_meeting(made[3]) > 0
    by_name = {s.name: s for s in made[3].sorties}
    assert all(by_name[f.sortie].t_start_s == f.t_takeoff_s for f in made[3].flights)
    write_plan_folder(whole[3], tmp_path / "out")
    rows = (tmp_path / "out" / "schedule.csv").read_text().splitlines()
    assert len(rows) == 1 + len(made[3].flights)


def nearest_meeting(plan):
    """Return by how much the nearest meeting of two aircraft in the air is wider than the separation, brute force."""
    tracks = {}
    for sortie in plan.sorties:
        xy = pyproj.Proj(proj="aeqd", lat_0=LAT, lon_0=LON, datum="WGS84")
        legs = sortie.legs
        x, y = xy([legs[0].lon_start_deg, *(g.lon_end_deg for g in legs)],
                  [legs[0].lat_start_deg, *(g.lat_end_deg for g in legs)])  # fmt: skip
        t = [legs[0].t_start_s, *(g.t_end_s for g in legs)]
        z = [legs[0].alt_amsl_start_m, *(g.alt_amsl_end_m for g in legs)]
        tracks[sortie.name] = (np.array(t), np.array(x), np.array(y), np.array(z))
    least = np.inf
    for a, b in itertools.combinations(tracks.values(), 2):
        times = np.arange(max(a[0][0], b[0][0]), min(a[0][-1], b[0][-1]), 1.0)
        if len(times):
            across = np.hypot(*(np.interp(times, a[0], a[k]) - np.interp(times, b[0], b[k]) for k in (1, 2)))
            up = np.abs(np.interp(times, a[0], a[3]) - np.interp(times, b[0], b[3]))
            least = min(least, np.where(up < 20.0, across - 45.0, np.inf).min())
    return least
