"""Several types of aircraft, several sites: who flies what, whether they meet, and whether the revisit holds."""

from __future__ import annotations

import collections
import csv
import datetime as dt
import itertools
from pathlib import Path

import numpy as np
import pyproj
import pytest

from geo.errors import InputError
from missions.errors import BriefError, PlanRefusedError
from missions.fleet.phases import Meetings
from missions.plan_files.plan_folder_file import read_plan_folder, write_plan_folder
from missions.plan_files.schedule_file import schedule_csv
from missions.tasks.plan_door import plan_brief
from vedette.commands.brief_options import quick_brief

BORDER = [[50.0, 8.0], [50.0, 8.25]]
CAMP = [{"name": "camp", "lat_deg": 50.018, "lon_deg": 8.125}]
NIGHT = {
    "start_utc": dt.datetime(2026, 1, 15, 18, tzinfo=dt.UTC),
    "end_utc": dt.datetime(2026, 1, 16, 2, tzinfo=dt.UTC),
}
TYPES = [{"type": "quad-survey", "count": 4}, {"type": "wing-2m", "count": 2}]


@pytest.fixture(scope="module")
def dense(request):
    """Return a night of six aircraft of two types from one site, and its brief."""
    make = request.getfixturevalue("make_module_brief")
    brief = make(BORDER, aircraft=TYPES, launch=CAMP, time=NIGHT)
    return brief, plan_brief(brief)


@pytest.fixture(scope="module")
def make_module_brief():
    from missions.briefs.brief_file import build_brief

    def make(points, *, aircraft, launch, time=None, **more):
        raw = {
            "name": "test", "border": {"coordinates": points, "own_side": "left"}, "standoff": {"asked_m": 200},
            "corridor": {"depth_m": 500}, "aircraft": aircraft, "launch": launch,
        }  # fmt: skip
        return build_brief(raw | ({"time": time} if time else {}) | more, Path())

    return make


def every_second(plan):
    """Return where every aircraft is at each second of the patrol, (aircraft, seconds, 3) metres, NaN on the ground."""
    home = plan.sorties[0]
    plane = pyproj.Proj(f"+proj=aeqd +lat_0={home.home_lat_deg} +lon_0={home.home_lon_deg}")
    tracks = {}
    for sortie in plan.sorties:
        legs = sortie.legs
        t = np.array([legs[0].t_start_s, *(g.t_end_s for g in legs)]) - legs[0].t_start_s
        xy = plane([legs[0].lon_start_deg, *(g.lon_end_deg for g in legs)],
                   [legs[0].lat_start_deg, *(g.lat_end_deg for g in legs)])  # fmt: skip
        tracks[sortie.name] = (t, *xy, [legs[0].alt_amsl_start_m, *(g.alt_amsl_end_m for g in legs)])
    names = sorted({f.aircraft for f in plan.flights})
    where = np.full((len(names), int(max(f.t_landing_s for f in plan.flights)) + 2, 3), np.nan)
    for f in plan.flights:
        k = np.arange(int(np.ceil(f.t_takeoff_s)), int(f.t_landing_s) + 1)
        t, *columns = tracks[f.sortie]
        row = where[names.index(f.aircraft)]
        assert np.isnan(row[k]).all()
        row[k] = np.stack([np.interp(k - f.t_takeoff_s, t, c) for c in columns], axis=1)
    return names, where


def test_six_aircraft_of_two_types_from_one_site_never_meet_in_a_whole_night(dense):
    plan = dense[1].plan
    assert not [f for f in plan.findings if f.rule == "separation"]
    names, where = every_second(plan)
    assert len(names) == 6
    assert np.isfinite(where).all(axis=2).sum() > 100_000
    for a, b in itertools.combinations(range(6), 2):
        away = where[a] - where[b]
        across = np.hypot(away[:, 0], away[:, 1])
        assert not ((across < 49.0) & (np.abs(away[:, 2]) < 19.5)).any(), (names[a], names[b])


def test_every_aircraft_has_time_to_swap_and_flies_its_own_type(dense):
    brief, plan = dense[0], dense[1].plan
    type_of = {s.name: s.aircraft for s in plan.sorties}
    for name in {f.aircraft for f in plan.flights}:
        mine = [f for f in plan.flights if f.aircraft == name]
        kinds = {type_of[f.sortie] for f in mine}
        assert len(kinds) == 1
        swap_s = brief.fleet(kinds.pop()).aircraft.swap_s
        assert all(b.t_takeoff_s - a.t_landing_s >= swap_s - 0.01 for a, b in itertools.pairwise(mine))


def test_the_proven_revisit_is_what_a_simulated_night_shows(dense):
    """Every place of every sortie's work legs is passed, in the night as scheduled, at least as often as proven."""
    plan = dense[1].plan
    round_s = max(t.cycle_s for t in plan.turns)
    for sortie in plan.sorties:
        starts = np.sort([f.t_takeoff_s for f in plan.flights if f.sortie == sortie.name])
        settled = starts[starts > round_s]
        assert len(settled) > 10
        assert np.diff(settled).max() <= plan.worst_revisit_s + 1.0
    slowest = max(np.diff(np.sort([f.t_takeoff_s for f in plan.flights if f.sortie == s.name])).max()
                  for s in plan.sorties)  # fmt: skip
    assert slowest == pytest.approx(plan.worst_revisit_s, rel=0.02)


def test_a_mixed_plan_reads_back_and_names_each_type_in_its_files(dense, tmp_path):
    _, made = dense
    plan = made.plan
    write_plan_folder(made, tmp_path)
    assert read_plan_folder(tmp_path).sha256 == plan.sha256
    rows = list(csv.DictReader((tmp_path / "schedule.csv").read_text().splitlines()))
    assert {r["type"] for r in rows} == {"quad-survey", "wing-2m"}
    for row in rows:
        moment = dt.datetime.fromisoformat(row["takeoff_utc"])
        assert abs((moment - NIGHT["start_utc"]).total_seconds() - float(row["takeoff_s"])) <= 0.5


def test_without_a_start_the_schedule_says_no_utc(make_module_brief):
    brief = make_module_brief([[50.0, 8.1], [50.0, 8.15]], aircraft={"type": "quad-survey"}, launch=CAMP)
    plan = plan_brief(brief).plan
    assert {r["takeoff_utc"] for r in csv.DictReader(schedule_csv(plan).splitlines())} == {""}


def test_what_one_type_cannot_reach_another_flies(make_module_brief):
    """A short battery flies near the site, a long one beyond; neither alone flies it all."""
    types = [{"type": "quad-500", "count": 3}, {"type": "wing-2m", "count": 1}]
    sites = [{"name": "camp", "lat_deg": 50.018, "lon_deg": 8.0, "aircraft": {"wing-2m": 0}},
             {"name": "far", "lat_deg": 50.022, "lon_deg": 8.2, "aircraft": {"quad-500": 0}}]  # fmt: skip
    brief = make_module_brief(BORDER, aircraft=types, launch=sites, standoff={"asked_m": 100})
    plan = plan_brief(brief).plan
    assert not [f for f in plan.findings if f.rule == "unflown"]
    assert {(s.aircraft, s.site) for s in plan.sorties} <= {("quad-500", "camp"), ("wing-2m", "far")}
    alone = plan_brief(brief.model_copy(update={"fleets": brief.fleets[:1], "launch": brief.launch[:1]})).plan
    assert [f for f in alone.findings if f.rule == "unflown"]


def test_types_share_sorties_that_one_of_them_would_fly_alone(make_module_brief, dense):
    plan = dense[1].plan
    alone = [plan_brief(make_module_brief(BORDER, aircraft=one, launch=CAMP)).plan for one in TYPES]
    assert plan.worst_revisit_s < 0.85 * min(a.worst_revisit_s for a in alone)
    assert {s.aircraft for s in plan.sorties} == {"quad-survey", "wing-2m"}


def quick_aircraft(texts, count=None):
    given = {"border": Path("a.geojson"), "own_side": "left", "standoff_m": 300, "depth_m": 800,
             "launch": ["47.38,112.58"], "aircraft": texts, "count": count}  # fmt: skip
    return quick_brief(collections.defaultdict(lambda: None, given))["aircraft"]


def test_the_aircraft_option_may_be_repeated_with_numbers():
    assert quick_aircraft(None) == {"type": "quad-survey", "count": 1}
    assert quick_aircraft(["quad-500"], 4) == {"type": "quad-500", "count": 4}
    two = [{"type": "quad-heavy", "count": 3}, {"type": "wing-2m", "count": 1}]
    assert quick_aircraft(["quad-heavy:3", "wing-2m:1"]) == two
    for texts, count, said in (
        (["quad-heavy:x"], None, "'quad-heavy:x' is not TYPE or TYPE:COUNT"),
        (["quad-heavy:"], None, "is not TYPE or TYPE:COUNT"),
        (["quad-heavy:3"], 2, "both say how many"),
    ):
        with pytest.raises(InputError, match=said):
            quick_aircraft(texts, count)


TWO_SITES = [{"name": "west", "lat_deg": 50.018, "lon_deg": 8.05}, {"name": "east", "lat_deg": 50.018, "lon_deg": 8.2}]


def test_one_aircraft_flies_from_one_site_where_a_battery_reaches(make_module_brief):
    border = [[50.0, 8.05], [50.0, 8.2]]
    plan = plan_brief(make_module_brief(border, aircraft={"type": "quad-heavy"}, launch=TWO_SITES)).plan
    assert not [f for f in plan.findings if f.rule == "fleet"]
    assert len({s.site for s in plan.sorties}) == 1
    assert np.isfinite(plan.worst_revisit_s)


SHORT = {"type": "quad-500", "count": 1}
FAR = [{"name": "west", "lat_deg": 50.008, "lon_deg": 8.03}, {"name": "east", "lat_deg": 50.008, "lon_deg": 8.28}]


def test_an_aircraft_too_few_is_carried_and_the_finding_says_what_would_do(make_module_brief):
    border = [[50.0, 8.0], [50.0, 8.31]]
    brief = make_module_brief(border, aircraft=SHORT, launch=FAR)
    finding = next(f for f in plan_brief(brief).plan.findings if f.rule == "fleet")
    assert finding.advice.startswith("aircraft.count = 2, or aircraft.carry_min")
    more = make_module_brief(border, aircraft=SHORT | {"count": 2}, launch=FAR)
    assert not [f for f in plan_brief(more).plan.findings if f.rule == "fleet"]


def test_carrying_takes_the_minutes_said_and_lets_a_revisit_be_promised(make_module_brief):
    border = [[50.0, 8.0], [50.0, 8.31]]
    plan = plan_brief(make_module_brief(border, aircraft=SHORT | {"carry_min": 25}, launch=FAR)).plan
    assert not [f for f in plan.findings if f.rule in ("fleet", "separation")]
    site_of = {s.name: s.site for s in plan.sorties}
    flights = plan.flights
    for a, b in itertools.pairwise(flights):
        gap_s = b.t_takeoff_s - a.t_landing_s
        assert gap_s >= 180.0 - 0.01 + (1500.0 if site_of[a.sortie] != site_of[b.sortie] else 0.0)
    flown = sum(f.t_landing_s - f.t_takeoff_s for f in flights[: len(plan.sorties)])
    cycle_s = flown + len(plan.sorties) * 180.0 + 2 * 1500.0
    assert plan.worst_revisit_s <= cycle_s + 1.0
    assert plan.worst_revisit_s == pytest.approx(cycle_s, rel=0.05)
    assert plan.fleet_options[0].sites == ("west + east",)


def test_few_batteries_slow_the_patrol_down_instead_of_ending_it(make_module_brief):
    window = NIGHT | {"end_utc": NIGHT["start_utc"] + dt.timedelta(hours=4)}
    border = [[50.0, 8.1], [50.0, 8.15]]
    free = plan_brief(make_module_brief(border, aircraft={"type": "quad-survey"}, launch=CAMP, time=window)).plan
    stock = len(free.flights) // 2
    held = {"type": "quad-survey", "batteries": stock}
    slow = plan_brief(make_module_brief(border, aircraft=held, launch=CAMP, time=window)).plan
    assert not [f for f in slow.findings if f.rule == "batteries"]
    assert stock // 2 < len(slow.flights) <= stock
    assert slow.worst_revisit_s > free.worst_revisit_s
    rare = plan_brief(
        make_module_brief(
            border, aircraft=held, launch=CAMP, time=window, revisit={"max_min": free.worst_revisit_s / 50}
        )
    ).plan
    finding = next(f for f in rare.findings if f.rule == "batteries")
    assert finding.limit == stock


def test_a_site_without_room_for_a_wing_is_left_to_the_others(make_module_brief):
    near = [*CAMP, {"name": "edge", "lat_deg": 50.0025, "lon_deg": 8.06}]
    plan = plan_brief(make_module_brief(BORDER, aircraft=TYPES, launch=near)).plan
    finding = next(f for f in plan.findings if "edge" in f.message)
    assert finding.rule in ("turn radius", "landing")
    assert {s.aircraft for s in plan.sorties if s.site == "edge"} <= {"quad-survey"}
    with pytest.raises(PlanRefusedError, match="edge"):
        plan_brief(make_module_brief(BORDER, aircraft=TYPES[1:], launch=near))


@pytest.mark.parametrize(
    ("launch", "said"),
    [
        ({"aircraft": 101}, r"launch\[0\].aircraft = 101 should be less"),
        ({"aircraft": {"wing-2m": -1}}, r"launch\[0\].aircraft.wing-2m = -1 should be greater"),
        ({"aircraft": {"zeppelin": 1}}, "launch.aircraft names zeppelin, and the aircraft are quad-survey, wing-2m"),
    ],
)
def test_a_wrong_limit_of_a_site_is_named(make_module_brief, launch, said):
    with pytest.raises(BriefError, match=said):
        make_module_brief(BORDER, aircraft=TYPES, launch=[CAMP[0] | launch])


def test_sites_that_take_no_aircraft_at_all_are_refused(make_module_brief):
    with pytest.raises(PlanRefusedError, match="no launch site takes any of the aircraft; raise launch.aircraft"):
        plan_brief(make_module_brief(BORDER, aircraft=TYPES, launch=[CAMP[0] | {"aircraft": 0}]))


def test_meetings_are_those_of_brute_force():
    """Two straight flights that cross, sampled at a tenth of a second."""
    a = np.array([[0.0, 0.0, 0.0, 100.0], [100.0, 1000.0, 0.0, 100.0]])
    b = np.array([[0.0, 500.0, -600.0, 110.0], [120.0, 500.0, 600.0, 110.0]])
    meetings = Meetings({"a": a, "b": b}, frozenset({("a", "b")}))
    bad = set(meetings.bad_s("a", "b").tolist())
    for delay in range(-120, 101, 5):
        t = np.arange(max(0, delay), min(100, 120 + delay), 0.1)
        x = np.hypot(t * 10.0 - 500.0, -600.0 + (t - delay) * 10.0)
        close = bool((x < 50.0).any())
        assert (delay in bad) == close or abs(x.min() - 50.0) < 8.0
    assert meetings.clash("a", 0, "b", min(bad) + 600, 300)
    assert not meetings.clash("a", 0, "b", min(bad) + 450, 300)
