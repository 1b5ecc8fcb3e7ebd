from __future__ import annotations

import datetime as dt
import itertools
import math

import numpy as np
import pytest

from missions.airspace.ground_file import open_situation
from missions.checks.check import check_document
from missions.errors import PlanRefusedError
from missions.fleet.bases import Base, Bounds, Workload, best_period, fewest_aircraft, options
from missions.paths.path_maker import PathMaker
from missions.plan import LegKind
from missions.plan_files.plan_document import document_from_sortie
from missions.sight.optics import pixels_m
from missions.sight.resolution import resolution_findings
from missions.sight.views import lane_views
from missions.tasks.night import dark_window, in_the_dark
from missions.tasks.plan_door import answered, plan_brief


def one_type(cycle, count, limits=None):
    """Return a task of one type of aircraft, a base at every site."""
    sites = cycle.shape[1]
    most = np.array([[m] for m in (limits or [count] * sites)])
    bases = tuple(Base(sites=(s,), fleet=0) for s in range(sites))
    return Workload(cycle_s=cycle, bases=bases, counts=(count,), limits=most, site_limits=(200,) * sites)


def brute_force(task, quota=None):
    """Return the best period over every assignment of sorties and every spread of the aircraft, and its aircraft."""
    quota = quota or Bounds()
    best = (math.inf, 0)
    spreads = itertools.product(range(max(task.counts) + 1), repeat=len(task.bases))
    spreads = [counts for counts in spreads if allowed(task, quota, counts)]
    for where in itertools.product(range(len(task.bases)), repeat=len(task.cycle_s)):
        loads = [sum(task.cycle_s[i, k] for i, b in enumerate(where) if b == k) for k in range(len(task.bases))]
        loads = [load + base.carry_s if load else 0.0 for load, base in zip(loads, task.bases, strict=True)]
        if any(math.isinf(load) for load in loads):
            continue
        for counts in spreads:
            if all(m or not load for m, load in zip(counts, loads, strict=True)):
                best = min(best, (max(load / m for load, m in zip(loads, counts, strict=True) if load), sum(counts)))
    return best


def allowed(task, quota, counts):
    pairs = list(zip(task.bases, counts, strict=True))
    open_sites = {s for b, m in pairs if m for s in b.sites}
    return (
        all(sum(m for b, m in pairs if b.fleet == f) <= most for f, most in enumerate(task.counts))
        and all(sum(m for b, m in pairs if s in b.sites) <= most for s, most in enumerate(task.site_limits))
        and all(
            sum(m for b, m in pairs if s in b.sites and b.fleet == f) <= task.limits[s, f]
            for s in range(len(task.site_limits)) for f in range(len(task.counts))
        )
        and (quota.total is None or sum(counts) <= quota.total)
        and (quota.sites is None or len(open_sites) <= quota.sites)
    )  # fmt: skip


def mixed_task(seed):
    """Return three sorties, two sites, two types, and one base between the sites to which aircraft are carried."""
    rng = np.random.default_rng(seed)
    bases = (*(Base(sites=(s,), fleet=f) for s in (0, 1) for f in (0, 1)), Base(sites=(0, 1), fleet=0, carry_s=400.0))
    cycle = rng.integers(300, 2000, size=(3, 4)).astype(float)
    cycle[rng.random(cycle.shape) < 0.3] = np.inf
    cycle = np.c_[cycle, np.minimum(cycle[:, 0], cycle[:, 2])]
    limits = rng.integers(0, 3, size=(2, 2))
    return Workload(cycle_s=cycle, bases=bases, counts=(2, 1), limits=limits, site_limits=(2, int(rng.integers(1, 4))))


@pytest.mark.parametrize("seed", range(6))
def test_best_period_matches_brute_force(seed):
    rng = np.random.default_rng(seed)
    cycle = rng.integers(300, 2000, size=(4, 3)).astype(float)
    cycle[rng.random(cycle.shape) < 0.25] = np.inf
    cycle[:, 0] = np.where(np.isinf(cycle).all(axis=1), 900.0, cycle[:, 0])
    for total in (1, 2, 4):
        check_best(one_type(cycle, total), Bounds())


@pytest.mark.parametrize("seed", range(20))
def test_best_period_of_two_types_with_limits_and_carrying_matches_brute_force(seed):
    for quota in (Bounds(), Bounds(sites=1), Bounds(total=2)):
        check_best(mixed_task(seed), quota)


def check_best(task, quota):
    truth, _ = brute_force(task, quota)
    answer = best_period(task, quota)
    if math.isinf(truth):
        assert answer is None
    else:
        assert answer is not None
        assert answer.period_s == pytest.approx(truth, abs=2.0 + len(task.cycle_s))
        assert allowed(task, quota, answer.aircraft)


def test_fewest_aircraft_is_the_smallest_that_keeps_the_period():
    task = one_type(np.array([[600.0, np.inf], [600.0, 700.0], [np.inf, 800.0]]), 9)
    answer = fewest_aircraft(task, 750.0)
    assert answer is not None
    assert answer.total == next(k for k in range(1, 9) if brute_force(task, Bounds(total=k))[0] <= 750.0)
    assert answer.period_s <= 750.0
    assert fewest_aircraft(one_type(task.cycle_s, 9, [1, 1]), 750.0) is None


@pytest.mark.parametrize("seed", [1, 3, 4, 8])
def test_options_are_the_best_of_brute_force_for_every_number_of_aircraft_and_sites(seed):
    task = mixed_task(seed)
    found = options(task)
    for total, sites in itertools.product((1, 2, 3), (1, 2)):
        truth, _ = brute_force(task, Bounds(total=total, sites=sites))
        mine = [
            a.period_s for a in found
            if a.total <= total and len({s for k in a.bases for s in task.bases[k].sites}) <= sites
        ]  # fmt: skip
        if math.isinf(truth):
            assert not mine
        else:
            assert min(mine) == pytest.approx(truth, abs=5.0)


def test_options_only_list_fleets_that_help():
    found = options(one_type(np.array([[600.0], [600.0]]), 4))
    assert [f.total for f in found] == [1, 2, 3, 4]
    assert [f.period_s for f in found] == pytest.approx([1200.0, 600.0, 400.0, 300.0], abs=1.5)


def test_a_stock_of_batteries_moves_sorties_to_the_type_that_has_some():
    bases = tuple(Base(sites=(0,), fleet=f) for f in (0, 1))
    cycle = np.array([[500.0, 900.0]] * 3)
    task = Workload(cycle_s=cycle, bases=bases, counts=(2, 2), limits=np.full((1, 2), 9), site_limits=(9,))
    assert fewest_aircraft(task, 1000.0).base_of == (0, 0, 0)
    held = fewest_aircraft(task, 1000.0, Bounds(rounds=4, flights=(4, None)))
    assert sorted(held.base_of) == [0, 1, 1]
    assert fewest_aircraft(task, 1000.0, Bounds(rounds=4, flights=(4, 7))) is None


def test_revisit_on_a_straight_border_is_within_6_percent_of_the_bound(make_brief):
    """2 L / (k v), with swap: k_eff = k T_fly / (T_fly + T_swap); climbs, landings and the ground take more."""
    for k in (1, 2, 3):
        brief = make_brief(
            [[50.0, 8.0], [50.0, 8.21]], corridor={"depth_m": 350, "lanes": 1}, camera={"depression_deg": 25},
            aircraft={"type": "quad-heavy", "count": k}, launch=[{"name": "a", "lat_deg": 50.0045, "lon_deg": 8.105}],
        )  # fmt: skip
        plan = plan_brief(brief).plan
        assert len(plan.sorties) == 1
        length_m, fly_s = 15_040.0, plan.sorties[0].legs[-1].t_end_s - plan.sorties[0].legs[0].t_start_s
        swap_s = brief.fleets[0].aircraft.swap_s
        bound = 2.0 * length_m / (k * brief.performances[0].speed_mps) * (fly_s + swap_s) / fly_s
        assert plan.worst_revisit_s == pytest.approx(bound, rel=0.06)


def test_flights_of_one_aircraft_leave_time_to_swap_and_no_two_aircraft_meet(make_brief, straight):
    brief = make_brief(straight, aircraft={"type": "quad-500", "count": 3, "battery_wh": 40})
    plan = plan_brief(brief).plan
    swap = brief.fleets[0].aircraft.swap_s
    for name in {f.aircraft for f in plan.flights}:
        mine = [f for f in plan.flights if f.aircraft == name]
        for a, b in itertools.pairwise(mine):
            assert b.t_takeoff_s - a.t_landing_s >= swap - 0.01
    assert not [f for f in plan.findings if f.rule == "separation"]
    tracks = {s.name: track(s) for s in plan.sorties}
    for a, b in itertools.combinations(plan.flights, 2):
        t = np.arange(max(a.t_takeoff_s, b.t_takeoff_s), min(a.t_landing_s, b.t_landing_s), 1.0)
        if len(t):
            p, q = (tracks[f.sortie](t - f.t_takeoff_s) for f in (a, b))
            across = np.hypot((p[0] - q[0]) * 111_200.0, (p[1] - q[1]) * 71_700.0)
            assert ((across > 45.0) | (np.abs(p[2] - q[2]) > 18.0)).all()


def track(sortie):
    legs = sortie.legs
    t = np.array([legs[0].t_start_s, *(g.t_end_s for g in legs)]) - legs[0].t_start_s
    columns = [
        [legs[0].lat_start_deg, *(g.lat_end_deg for g in legs)],
        [legs[0].lon_start_deg, *(g.lon_end_deg for g in legs)],
        [legs[0].alt_amsl_start_m, *(g.alt_amsl_end_m for g in legs)],
    ]
    return lambda when: [np.interp(when, t, c) for c in columns]


@pytest.mark.parametrize("count", [2, 3])
def test_nobody_waits_and_everything_is_flown_in_the_first_period(make_brief, count):
    border = [[50.0, 8.0], [50.0, 8.35]]
    brief = make_brief(border, aircraft={"type": "quad-survey", "count": count},
                       launch=[{"name": "a", "lat_deg": 50.01, "lon_deg": 8.175}])  # fmt: skip
    plan = plan_brief(brief).plan
    period_s = plan.fleet_options[-1].period_s
    assert len(plan.sorties) > 1
    first = {s.name: min(f.t_takeoff_s for f in plan.flights if f.sortie == s.name) for s in plan.sorties}
    assert max(first.values()) <= period_s
    longest_s = max(f.t_landing_s - f.t_takeoff_s for f in plan.flights) + brief.fleets[0].aircraft.swap_s
    for name in {f.aircraft for f in plan.flights}:
        assert min(f.t_takeoff_s for f in plan.flights if f.aircraft == name) <= longest_s


def test_too_few_batteries_say_how_many_it_takes(make_brief, straight):
    plan = plan_brief(make_brief(straight, aircraft={"type": "quad-survey", "count": 2, "batteries": 1})).plan
    finding = next(f for f in plan.findings if f.rule == "batteries")
    assert finding.advice.startswith(f"aircraft.batteries = {len(plan.flights)}")


def sun_elevation_deg(lat_deg, lon_deg, when):
    """Return the sun's height by the Astronomical Almanac's low-precision formulas (0.01 degrees, page C5)."""
    n = (when - dt.datetime(2000, 1, 1, 12, tzinfo=dt.UTC)).total_seconds() / 86_400.0
    mean, anomaly = math.radians(280.460 + 0.9856474 * n), math.radians(357.528 + 0.9856003 * n)
    ecliptic = mean + math.radians(1.915) * math.sin(anomaly) + math.radians(0.020) * math.sin(2.0 * anomaly)
    tilt = math.radians(23.439 - 0.0000004 * n)
    ascension = math.atan2(math.cos(tilt) * math.sin(ecliptic), math.cos(ecliptic))
    declination = math.asin(math.sin(tilt) * math.sin(ecliptic))
    sidereal = math.radians(280.46062 + 360.98564737 * n + lon_deg)
    lat, hour = math.radians(lat_deg), sidereal - ascension
    up = math.sin(lat) * math.sin(declination) + math.cos(lat) * math.cos(declination) * math.cos(hour)
    return math.degrees(math.asin(up))


@pytest.mark.parametrize(
    ("lat", "lon", "month"), [(51.48, 0.0, 3), (47.4, 112.6, 1), (-30.0, -65.0, 7), (69.5, 30.0, 10)]
)
def test_night_begins_and_ends_with_civil_twilight(lat, lon, month):
    noon = dt.datetime(2026, month, 20, 12, tzinfo=dt.UTC) - dt.timedelta(hours=lon / 15.0)
    window = dark_window(lat, lon, noon, noon + dt.timedelta(hours=24))
    assert window is not None
    for edge, outside in ((window[0], -1), (window[1], 1)):
        assert sun_elevation_deg(lat, lon, edge) < -6.0 + 0.1
        assert sun_elevation_deg(lat, lon, edge + outside * dt.timedelta(minutes=1)) > -6.0 - 0.3


def test_midnight_sun_is_refused(make_brief, straight):
    start = dt.datetime(2026, 6, 21, 12, tzinfo=dt.UTC)
    brief = make_brief([[70.0, 25.0], [70.0, 25.1]], launch=[{"name": "a", "lat_deg": 70.01, "lon_deg": 25.02}],
                       time={"start_utc": start, "night_only": True})  # fmt: skip
    with pytest.raises(PlanRefusedError, match="no night"):
        in_the_dark(open_situation(brief))


def test_resolution_asks_for_a_height_that_then_does(make_brief, straight):
    asked = {"resolution": {"target": "person", "task": "identify"}}
    for camera in ({"depression_deg": 40.0}, {"gimbal_pitch_min_deg": -60.0}):
        brief = make_brief(straight, camera=camera, **asked)
        finding = resolution_findings(brief, lane_views(brief, 210.0, 1.0))[0]
        height = float(finding.advice.split("flight.alt_agl_m = ")[1].split(",")[0])
        rules = {"alt_agl_m": height, "min_agl_m": 10}
        lower = make_brief(straight, camera=camera, flight=rules, **asked)
        assert resolution_findings(lower, lane_views(lower, 210.0, 1.0)) == []
        over = make_brief(straight, camera=camera, flight=rules | {"alt_agl_m": height + 1.0}, **asked)
        assert resolution_findings(over, lane_views(over, 210.0, 1.0))
    assert pixels_m(brief.camera, 40.0, 100.0)[1] == pytest.approx(2.0 * pixels_m(brief.camera, 40.0, 50.0)[1])


@pytest.mark.parametrize(("length_m", "fit"), [(13_500.0, True), (13_800.0, False)])
def test_what_lies_at_the_end_of_a_battery_is_flown_lane_by_lane(make_brief, length_m, fit):
    """Both lanes in one sortie are too far there; out to the end and back along one of them is not."""
    line = [[50.0, 8.0], [50.0, 8.0 + length_m / 71_700.0]]
    site = [{"name": "a", "lat_deg": 50.004, "lon_deg": 8.0}]
    brief = make_brief(line, launch=site, failsafe={"way": "mission"})
    plan = answered(open_situation(brief)).plan
    assert plan.feasible is fit
    told = [f.relaxation for f in plan.findings if f.rule == "unflown"]
    assert told == ([] if fit else ["aircraft.battery_wh = 175 (99.5 % of the ground is seen then)"])
    lanes = [sum(leg.kind is LegKind.WORK for leg in sortie.legs) for sortie in plan.sorties]
    assert (lanes[-2:] == [1, 1]) is fit
    assert min(leg.battery_end_pct for sortie in plan.sorties for leg in sortie.legs) >= 20.0
    for sortie in plan.sorties:
        judged = check_document(document_from_sortie(sortie, plan.dialect), name="t", brief=brief)
        assert judged.errors == 0


def test_a_px4_gets_waypoints_on_its_way_out_where_it_would_turn_back_too_late(make_brief, monkeypatch):
    """It goes back where fewer items lie behind it than before it, whatever its battery holds."""
    line = [[50.0, 8.0], [50.0, 8.0 + 13_460.0 / 71_700.0]]
    site = [{"name": "a", "lat_deg": 50.004, "lon_deg": 8.0}]
    brief = make_brief(line, launch=site, dialect="px4", failsafe={"way": "retrace"})
    plan = plan_brief(brief).plan
    assert plan.feasible
    for sortie in plan.sorties:
        assert check_document(document_from_sortie(sortie, plan.dialect), name="t", brief=brief).errors == 0
    monkeypatch.setattr(PathMaker, "_evened", lambda _, path: path)
    without = plan_brief(brief).plan
    assert (len(plan.sorties), len(without.sorties)) == (2, 4)
