"""Every rule just inside its limit and just outside it: flat ground, one figure moved at a time, distances by hand."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest

from missions.airspace.situation import Situation
from missions.judging.feasibility import flight_findings
from missions.judging.flown_path import Landing
from missions.judging.judge import Homeward, breaches, judge_legs
from missions.judging.return_legs import failsafe_legs
from missions.judging.return_rules import return_rules, vehicle_parameters
from missions.judging.rules_return_place import along_the_path
from missions.judging.subject import Subject
from missions.judging.swept import triangles
from missions.plan import Leg, LegKind, Severity
from tests.missions.brute_judge import plane

ORIGIN = (50.0, 8.03)
TO_PLANE = plane(*ORIGIN)
GROUND_M = 100.0
HOME = (0.0, 600.0)
STANDOFF_M, CLEARANCE_M, LINK_M = 200.5, 20.7, 900.4
FLOOR_AMSL_M, ZONE_CLEARANCE_M, ZONE, ZONE_RADIUS_M = 190.0, 30.5, (0.0, 950.0), 120.0
KEEP_IN = (-1000.0, 100.0, 1000.0, 1200.0)
AVOID, AVOID_RADIUS_M = (-300.0, 1000.0), 50.0


class Flat:
    """Level ground, with a ridge of some height across the middle of the scene where one is asked for."""

    def __init__(self, ridge_m=0.0, west_m=140.0, east_m=260.0):
        self.ridge_m, self.west_m, self.east_m = ridge_m, west_m, east_m

    def amsl_m(self, lat_deg, lon_deg):
        x, _ = TO_PLANE.transform(np.asarray(lon_deg), np.asarray(lat_deg))
        return GROUND_M + np.where((x > self.west_m) & (x < self.east_m), self.ridge_m, 0.0)


def degrees(x, y):
    lon, lat = TO_PLANE.transform(x, y, direction="INVERSE")
    return float(lat), float(lon)


def legs_of(points, batteries=None):
    made = []
    for seq, (a, b) in enumerate(itertools.pairwise(points)):
        (lat0, lon0), (lat1, lon1) = degrees(*a[:2]), degrees(*b[:2])
        seconds = math.dist(a, b) / 15.0
        begun = made[-1].t_end_s if made else 0.0
        made.append(
            Leg(
                seq=seq,
                kind=LegKind.TRANSIT,
                lat_start_deg=lat0,
                lon_start_deg=lon0,
                alt_amsl_start_m=a[2],
                lat_end_deg=lat1,
                lon_end_deg=lon1,
                alt_amsl_end_m=b[2],
                t_start_s=begun,
                t_end_s=begun + seconds,
                speed_mps=15.0,
                battery_end_pct=90.0 if batteries is None else batteries[seq],
            )
        )
    return made


def brief_of(make_brief, **changes):
    lat, lon = degrees(*HOME)
    flight = {"alt_agl_m": 60.0, "min_agl_m": 25.3, "max_agl_m": 120.4, "max_link_m": LINK_M, "ceiling_amsl_m": 300.0}
    west, south, east, north = KEEP_IN
    corners = [(west, south), (east, south), (east, north), (west, north)]
    given = {
        "launch": [{"name": "a", "lat_deg": lat, "lon_deg": lon}],
        "standoff": {"asked_m": STANDOFF_M},
        "corridor": {"depth_m": 1500.0},
        "flight": flight | changes.pop("flight", {}),
        "zone": [
            {
                "name": "z",
                "centre": list(degrees(*ZONE)),
                "radius_m": ZONE_RADIUS_M,
                "clearance_m": ZONE_CLEARANCE_M,
                "floor_amsl_m": FLOOR_AMSL_M,
            }
        ],
        "keep_in": {"polygon": [list(degrees(*corner)) for corner in corners], "clearance_m": CLEARANCE_M},
        "avoid": [{"name": "school", "centre": list(degrees(*AVOID)), "radius_m": AVOID_RADIUS_M}],
        "failsafe": {"way": "straight"},
    }
    border = [list(degrees(-1600.0, 0.0)), list(degrees(1600.0, 0.0))]
    return make_brief(border, **(given | changes))


def subject_of(make_brief, points, *, ground=None, batteries=None, **changes):
    brief = brief_of(make_brief, **changes)
    lat, lon = degrees(*HOME)
    home = Landing(lat_deg=lat, lon_deg=lon, alt_amsl_m=GROUND_M)
    situation = Situation.of(brief, ground or Flat())
    return Subject(situation, brief.performances[0], legs_of(points, batteries), [home])


def findings(make_brief, points, *, ground=None, **changes):
    """Return the findings about a flight by rule, with those that two legs share told once."""
    brief = brief_of(make_brief, **changes)
    lat, lon = degrees(*HOME)
    home = Landing(lat_deg=lat, lon_deg=lon, alt_amsl_m=GROUND_M)
    legs = legs_of(points)
    situation = Situation.of(brief, ground or Flat())
    homes = [Homeward(landings=(home,), legs=np.ones(len(legs), dtype=bool))]
    return {f.rule: f for f in judge_legs(situation, brief.performances[0], legs, homes)}


def level(x0, y0, x1, y1, agl_m=60.0):
    return [(*HOME, GROUND_M), (*HOME, GROUND_M + agl_m), (x0, y0, GROUND_M + agl_m), (x1, y1, GROUND_M + agl_m)]


def due_east(y, agl_m=60.0):
    return level(-200.0, y, 200.0, y, agl_m)


def rising(rate_mps, seconds=20.0):
    """Return a leg of 20 s at 15 m/s that climbs, or sinks, at a rate."""
    low, high = sorted((40.0, 40.0 + abs(rate_mps) * seconds))
    start, end = (low, high) if rate_mps > 0.0 else (high, low)
    way = [(100.0, 700.0, GROUND_M + start), (100.0 + 15.0 * seconds, 700.0, GROUND_M + end)]
    return [(*HOME, GROUND_M), (*HOME, GROUND_M + start), *way]


AT_THE_LIMIT = {
    # rule: (what is flown with the figure, the figure's limit, how near to it on either side, whether more is worse)
    "standoff": (due_east, STANDOFF_M, 0.4, False),
    "side": (due_east, 0.0, 0.4, False),
    "keep-in": (lambda x: level(400.0, 600.0, x, 600.0), 1000.0 - CLEARANCE_M, 0.3, True),
    "link": (lambda x: level(400.0, 600.0, x, 600.0), LINK_M, 0.4, True),
    "height limit": (lambda agl: due_east(700.0, agl), 120.4, 0.3, True),
    "ground clearance": (lambda agl: due_east(700.0, agl), 25.3, 0.3, False),
    "ceiling": (lambda amsl: due_east(700.0, amsl - GROUND_M), 300.0, 0.3, True),
    "zones": (
        lambda away: level(-200.0, 950.0 - away, -40.0, 950.0 - away, 80.0)[:3] + [(200.0, 950.0 - away, 180.0)],
        ZONE_RADIUS_M + ZONE_CLEARANCE_M,
        1.0,
        False,
    ),
    "overflight": (lambda away: level(-500.0, 1000.0 - away, -100.0, 1000.0 - away), AVOID_RADIUS_M, 1.0, False),
    "climb rate": (rising, None, 0.01, True),
    "descent rate": (lambda rate: rising(-rate), None, 0.01, True),
}
WIDER = {"height limit": {"ceiling_amsl_m": 600.0}, "ceiling": {"max_agl_m": 500.0}}


@pytest.mark.parametrize("rule", AT_THE_LIMIT)
def test_a_rule_holds_just_inside_its_limit_and_is_broken_just_outside(make_brief, rule):
    flown, limit, near, more_is_worse = AT_THE_LIMIT[rule]
    if limit is None:
        aircraft = brief_of(make_brief).performances[0].aircraft
        most = aircraft.climb_mps if rule == "climb rate" else aircraft.descent_mps
        limit, near = 1.02 * most, 0.02  # two per cent are heights rounded
        assert 100.0 * 0.02 * most > 1.0  # or one metre in all: on a leg of 100 s the first decides
        flown = {"climb rate": lambda v: rising(v, 100.0), "descent rate": lambda v: rising(-v, 100.0)}[rule]
    worse = near if more_is_worse else -near
    wide = {"max_agl_m": 900.0, "ceiling_amsl_m": 1900.0, "max_link_m": 3000.0} if "rate" in rule else {}
    inside, outside = (
        findings(make_brief, flown(limit + d), flight=WIDER.get(rule, wide), **({"keep_in": None} if wide else {}))
        for d in (-worse, worse)
    )
    assert rule not in inside
    assert rule in outside


@pytest.mark.parametrize("rise", [1.0, -1.0])
def test_a_short_leg_may_be_drawn_a_metre_too_steep(make_brief, rise):
    aircraft = brief_of(make_brief).performances[0].aircraft
    rule, most = ("climb rate", aircraft.climb_mps) if rise > 0.0 else ("descent rate", aircraft.descent_mps)
    found = [rule in findings(make_brief, rising(rise * (most + extra / 4.0), 4.0)) for extra in (0.9, 1.1)]
    assert found == [False, True]


@pytest.mark.parametrize("past_m", [-0.5, 0.5, 30.0])
def test_the_margin_begins_where_the_standoff_ends_and_is_a_warning(make_brief, past_m):
    subject = subject_of(make_brief, due_east(500.0))
    margin = subject.corridor.margin.total_m
    assert margin > 1.0
    found = findings(make_brief, due_east(STANDOFF_M + margin - past_m))
    assert ("standoff margin" in found) == (0.0 < past_m < margin)
    if past_m == 0.5:
        assert found["standoff margin"].severity is Severity.WARNING
        assert found["standoff margin"].measured == pytest.approx(STANDOFF_M + margin - past_m, abs=0.3)
        assert found["standoff margin"].limit == pytest.approx(STANDOFF_M + margin, abs=0.02)


@pytest.mark.parametrize(("amsl_m", "met"), [(-0.4, False), (0.4, True)])
def test_a_zone_is_met_from_its_floor_less_the_clearance_on(make_brief, amsl_m, met):
    agl_m = FLOOR_AMSL_M - ZONE_CLEARANCE_M + amsl_m - GROUND_M
    assert ("zones" in findings(make_brief, level(-200.0, 950.0, 200.0, 950.0, agl_m))) is met


@pytest.mark.parametrize(
    ("ridge_m", "severity"),
    [(34.4, None), (35.0, Severity.WARNING), (59.7, Severity.WARNING), (60.3, Severity.ERROR)],
)
def test_a_way_home_over_a_ridge_is_judged_by_the_room_it_leaves(make_brief, ridge_m, severity):
    """60 m over level ground, 25.3 m asked: the flight itself stays on the far side of the ridge."""
    points = [(400.0, 600.0, GROUND_M + 60.0), (700.0, 600.0, GROUND_M + 60.0)]
    finding = findings(make_brief, points, ground=Flat(ridge_m)).get("failsafe terrain")
    assert (None if finding is None else finding.severity) is severity
    if finding is not None:
        assert (finding.measured, finding.limit) == (pytest.approx(60.0 - ridge_m, abs=0.01), 25.3)


@pytest.mark.parametrize(("asked_m", "high"), [(120.0, False), (121.0, True)])
def test_a_climb_before_the_return_is_held_to_the_heights_allowed(make_brief, asked_m, high):
    failsafe = {"way": "straight", "return_alt_m": asked_m}
    found = findings(make_brief, due_east(700.0), failsafe=failsafe)
    assert ("failsafe height" in found) is high
    low_sky = {"max_agl_m": 500.0, "ceiling_amsl_m": 220.5}
    assert ("failsafe height" in findings(make_brief, due_east(700.0), failsafe=failsafe, flight=low_sky)) is high


def test_what_is_broken_everywhere_is_broken_on_the_whole_path_and_no_more(make_brief):
    """A level flight too high, or with a climb home too high, or home into a ridge: a share of a hundred per cent."""
    away = [(300.0, 700.0), (600.0, 700.0), (600.0, 900.0)]
    subject = subject_of(make_brief, [(*place, GROUND_M + 150.0) for place in away])
    assert [b.share_pct for b in breaches(subject) if b.rule == "height limit"] == [100.0]
    for failsafe, ceiling_m in ((140.0, 900.0), (115.0, 200.0)):
        asked = {"way": "straight", "return_alt_m": failsafe}
        points = [(*place, GROUND_M + 60.0) for place in away]
        subject = subject_of(make_brief, points, failsafe=asked, flight={"ceiling_amsl_m": ceiling_m})
        assert [b.share_pct for b in breaches(subject) if b.rule == "failsafe height" and len(b.leg)] == [100.0]
    low, points = Flat(80.0), [(*place, GROUND_M + 60.0) for place in away]
    shares = [b.share_pct for b in breaches(subject_of(make_brief, points, ground=low)) if b.rule == "failsafe terrain"]
    assert sorted(shares) == [0.0, 100.0]


def horizon_m(height_m):
    """Return how far the horizon is over a ball of four thirds of the Earth's radius (ITU-R P.310: k = 4/3)."""
    radius = 6_371_009.0 * 4.0 / 3.0
    return radius * math.acos(radius / (radius + height_m))


@pytest.mark.parametrize(("share", "hidden"), [(0.97, False), (1.03, True)])
def test_the_radio_horizon_is_that_of_four_thirds_of_the_earth(make_brief, share, hidden):
    """An antenna 4 m up and an aircraft 30 m up, over level ground, see each other to the sum of their horizons."""
    lat, lon = degrees(0.0, 600.0)
    away = share * (horizon_m(4.0) + horizon_m(30.0))
    points = [(away, 600.0, GROUND_M + 30.0), (away - 5.0, 600.0, GROUND_M + 30.0)]
    wide = {"station": {"lat_deg": lat, "lon_deg": lon, "antenna_m": 4.0}, "keep_in": None}
    found = findings(make_brief, points, flight={"max_link_m": 60_000.0}, **wide)
    assert ("radio" in found) is hidden


@pytest.mark.parametrize("where", [0.04, 0.2, 0.5, 0.8, 0.96])
@pytest.mark.parametrize(("higher_m", "hidden"), [(-1.0, False), (2.0, True)])
def test_a_ridge_anywhere_on_the_way_to_the_station_hides_the_aircraft(make_brief, where, higher_m, hidden):
    """A wall of a twentieth of the way stands on the straight line from an antenna of 3 m to 60 m, 900 m away."""
    lat, lon = degrees(-800.0, 600.0)
    points = [(100.0, 600.0, GROUND_M + 60.0), (100.1, 600.0, GROUND_M + 60.0)]
    middle = -800.0 + 900.0 * where
    lowest = 3.0 + 57.0 * (where - 0.025)
    wall = Flat(lowest + higher_m, middle - 22.5, middle + 22.5)
    found = findings(make_brief, points, ground=wall, station={"lat_deg": lat, "lon_deg": lon, "antenna_m": 3.0})
    assert ("radio" in found) is hidden
    if hidden:
        (by_m,) = re.findall(r"hidden from the station by (\d+) m", found["radio"].message)
        assert 0 <= int(by_m) <= 2


PLACES = [
    (0.0, 600.0, 60.0),
    (400.0, 650.0, 115.0),
    (700.0, 900.0, 40.0),
    (500.0, 1100.0, 40.0),
    (-200.0, 900.0, 110.0),
]


def test_the_way_back_along_the_path_costs_what_flying_it_from_its_end_would(make_brief):
    """Up and down again: the climbs of the way back are the descents of the way out."""
    out = [(x, y, GROUND_M + agl) for x, y, agl in PLACES]
    retraced = subject_of(make_brief, out, failsafe={"way": "retrace"})
    flown = subject_of(make_brief, out[::-1], batteries=[math.nan] * (len(out) - 1))
    spent_pct = 100.0 * flown.energy_wh.sum() / flown.aircraft.battery_wh
    stop_pct = 100.0 * flown.flown.stop_wh / flown.aircraft.battery_wh
    assert spent_pct > 1.0
    assert retraced.returns.needed_pct[-1] - stop_pct == pytest.approx(spent_pct, rel=0.02)
    assert retraced.returns.needed_pct[0] == pytest.approx(stop_pct, abs=1e-6)
    ends = np.flatnonzero(retraced.returns.points.share == 1.0)
    back = 100.0 * np.cumsum(flown.energy_wh[::-1]) / flown.aircraft.battery_wh
    assert retraced.returns.needed_pct[ends] - stop_pct == pytest.approx(back, rel=0.02)


@pytest.mark.parametrize("way", ["straight", "retrace"])
def test_each_leg_that_goes_somewhere_has_its_way_home_drawn(make_brief, way):
    """Up on the spot, four legs about, and down on the spot: four ways home, from a start that is not over home."""
    places = [(300.0, 700.0, 60.0), *PLACES[1:]]
    points = [(300.0, 700.0, GROUND_M), *((x, y, GROUND_M + agl) for x, y, agl in places)]
    points.append((*places[-1][:2], GROUND_M + 40.0))
    subject, legs = subject_of(make_brief, points, failsafe={"way": way}), legs_of(points)
    drawn = failsafe_legs(subject, legs)
    begun = legs[1:-1] if way == "straight" else [reversed_leg(leg) for leg in legs[-2:0:-1]]
    ways = [g for g in drawn if (g.lat_start_deg, g.lon_start_deg) != (g.lat_end_deg, g.lon_end_deg)]
    starts, ends = ([(getattr(g, f"lat_{n}_deg"), getattr(g, f"lon_{n}_deg")) for g in ways] for n in ("start", "end"))
    assert starts == [pytest.approx((g.lat_start_deg, g.lon_start_deg), abs=1e-6) for g in begun]
    assert len(starts) == 4
    if way == "straight":
        assert ends == [pytest.approx(degrees(*HOME), abs=1e-6)] * len(ways)


def reversed_leg(leg):
    return dataclasses.replace(
        leg, lat_start_deg=leg.lat_end_deg, lon_start_deg=leg.lon_end_deg, lat_end_deg=leg.lat_start_deg,
        lon_end_deg=leg.lon_start_deg,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "flown", "key", "far"),
    [
        ("standoff", lambda d: due_east(STANDOFF_M - d), "standoff.asked_m", 12.3),
        ("link", lambda d: level(400.0, 600.0, LINK_M + d, 600.0), "flight.max_link_m", 33.3),
        ("height limit", lambda d: due_east(700.0, 120.4 + d), "flight.max_agl_m", 17.7),
        ("keep-in", lambda d: level(400.0, 600.0, 1000.0 - CLEARANCE_M + d, 600.0), "keep_in.clearance_m", 5.5),
    ],
)
def test_what_a_finding_advises_mends_it_and_no_metre_less_does(make_brief, rule, flown, key, far):
    finding = findings(make_brief, flown(far))[rule]
    (asked,) = (float(text) for text in re.findall(rf"{re.escape(key)} = ([\d.]+)", finding.advice))
    section, name = key.split(".")
    wide = {"ceiling_amsl_m": 900.0}
    for less, met in ((0.0, False), (2.0 if name.startswith("max") else -2.0, True)):
        changed = {section: {name: asked - less}}
        if section == "keep_in":
            west, south, east, north = KEEP_IN
            corners = [(west, south), (east, south), (east, north), (west, north)]
            changed = {"keep_in": {"polygon": [list(degrees(*c)) for c in corners], name: asked - less}}
        if section == "flight":
            changed["flight"] |= wide
        assert (rule in findings(make_brief, flown(far), **changed)) is met


def test_the_return_height_that_is_advised_clears_the_ridge_and_two_metres_less_does_not(make_brief):
    points = [(400.0, 600.0, GROUND_M + 60.0), (700.0, 600.0, GROUND_M + 60.0)]
    finding = findings(make_brief, points, ground=Flat(52.2))["failsafe terrain"]
    assert finding.advice == f"failsafe.return_alt_m = {math.ceil(52.2 + 25.3)}"
    found = [
        "failsafe terrain" in findings(
            make_brief, points, ground=Flat(52.2), failsafe={"way": "straight", "return_alt_m": asked}
        )
        for asked in (78.0, 76.0)
    ]  # fmt: skip
    assert found == [False, True]


@pytest.mark.parametrize("over_m", [-2.0, 2.0])
def test_a_plane_climbs_to_its_return_height_on_the_way(make_brief, over_m):
    """It meets the ridge's far edge 140 m after the nearest break-off, by so much higher as its climb gives there."""
    wing = {"aircraft": {"type": "wing-2m"}}
    points = [(400.0, 600.0, GROUND_M + 60.0), (700.0, 600.0, GROUND_M + 60.0)]
    flown = brief_of(make_brief, **wing).performances[0]
    slope = flown.aircraft.climb_mps / (flown.speed_mps + flown.wind.strongest_mps)
    there_m = min(60.0 + slope * 140.0, 100.0)
    assert there_m > 65.0
    ridge = Flat(there_m - 25.3 + over_m)
    finding = findings(make_brief, points, ground=ridge, **wing).get("failsafe terrain")
    assert (finding is not None) is (over_m > 0.0)
    if finding is not None:
        assert finding.measured == pytest.approx(25.3 - over_m, abs=1.5)


def of_the_flight(make_brief, agl_m, **changes):
    brief = brief_of(make_brief, **changes)
    legs = legs_of([(0.0, 600.0, GROUND_M + agl_m - 5.0), (300.0, 600.0, GROUND_M + agl_m)])
    return {f.rule: f for f in flight_findings(Situation.of(brief, Flat()), legs)}


@pytest.mark.parametrize(("agl_m", "told"), [(99.8, False), (100.2, True)])
def test_the_highest_wind_layer_speaks_for_a_hundred_metres_above_it(make_brief, agl_m, told):
    layers = [{"alt_amsl_m": alt, "speed_mps": 3.0, "from_deg": 0.0} for alt in (0.0, GROUND_M)]
    found = of_the_flight(make_brief, agl_m, wind={"layer": layers})
    assert ("wind layers" in found) is told
    assert "wind layers" not in of_the_flight(make_brief, agl_m, wind={"speed_mps": 3.0, "from_deg": 0.0})


@pytest.mark.parametrize(("over_mps", "told"), [(-0.05, False), (0.05, True)])
def test_gusts_and_speeds_are_held_to_what_the_type_is_made_for(make_brief, over_mps, told):
    aircraft = brief_of(make_brief).performances[0].aircraft
    gusts = {"speed_mps": 2.0, "from_deg": 0.0, "gust_mps": aircraft.max_wind_mps + over_mps}
    found = of_the_flight(make_brief, 60.0, wind=gusts)
    assert ("wind limit" in found) is told
    most = aircraft.max_airspeed_mps
    found = of_the_flight(make_brief, 60.0, flight={"speed_mps": most + over_mps})
    assert ("speed" in found) is told
    if told:
        assert (found["speed"].measured, found["speed"].limit) == (most + over_mps, most)
        assert f"flight.speed_mps = {(most + over_mps) / 3.6:.3g} (if" in found["speed"].advice


def test_a_wing_climbs_in_the_wind_at_the_middle_of_its_leg(make_brief):
    """No wind at the ground, 10 m/s from ahead 200 m above it: 5 m/s in the middle of a climb between them."""
    layers = [
        {"alt_amsl_m": alt, "speed_mps": speed, "from_deg": 90.0}
        for alt, speed in ((GROUND_M, 0.0), (GROUND_M + 200.0, 10.0))
    ]
    points = [(0.0, 600.0, GROUND_M), (400.0, 600.0, GROUND_M + 200.0)]
    wide = {"flight": {"max_agl_m": 900.0, "ceiling_amsl_m": 1900.0}, "aircraft": {"type": "wing-2m"}}
    brief = brief_of(make_brief, wind={"layer": layers}, **wide)
    finding = findings(make_brief, points, wind={"layer": layers}, **wide)["climb rate"]
    seconds = 400.0 / (brief.performances[0].speed_mps - 5.0)
    assert finding.measured == pytest.approx(200.0 / seconds, rel=0.01)


ARDUCOPTER = {"RTL_ALT": 1500.0, "RTL_CLIMB_MIN": 0.0, "RTL_CONE_SLOPE": 3.0}
ARDUPLANE = {"RTL_ALTITUDE": 100.0, "RTL_CLIMB_MIN": 0.0, "RTL_AUTOLAND": 0.0}
PX4 = {"RTL_RETURN_ALT": 60.0}


@pytest.mark.parametrize(
    ("dialect", "kind", "asked_m", "expected"),
    [
        ("ardupilot", "quad-survey", None, ARDUCOPTER),
        ("ardupilot", "quad-survey", 45.5, ARDUCOPTER | {"RTL_ALT": 4550.0}),
        ("ardupilot", "wing-2m", None, ARDUPLANE),
        ("ardupilot", "wing-2m", 80.0, ARDUPLANE | {"RTL_ALTITUDE": 80.0}),
        ("px4", "quad-survey", None, PX4 | {"RTL_CONE_ANG": 45.0}),
        ("px4", "quad-survey", 45.0, {"RTL_RETURN_ALT": 45.0, "RTL_CONE_ANG": 45.0}),
        ("px4", "wing-2m", None, PX4),
    ],
)
def test_parameters_make_the_vehicle_return_as_it_was_judged(make_brief, dialect, kind, asked_m, expected):
    """The autopilots' own values and units (ArduPilot's and PX4's parameter references), with the height asked for."""
    failsafe = {"way": "straight"} | ({} if asked_m is None else {"return_alt_m": asked_m})
    brief = brief_of(make_brief, dialect=dialect, aircraft={"type": kind}, failsafe=failsafe)
    flown = brief.performances[0]
    sortie = SimpleNamespace(legs=(), items=(), rally=())
    given = {p.name: p.value for p in vehicle_parameters(return_rules(brief.failsafe, flown), flown, sortie)}
    assert {name: given.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("dialect", "kind", "way"),
    [("ardupilot", "quad-survey", "mission"), ("px4", "quad-survey", "retrace"), ("px4", "wing-2m", "retrace"),
     ("ardupilot", "wing-2m", None)],
)  # fmt: skip
def test_the_way_along_the_path_that_is_advised_is_one_the_autopilot_has(make_brief, dialect, kind, way):
    """ArduCopter's own way back by the mission, PX4's RTL_TYPE 4; ArduPlane has none."""
    flown = brief_of(make_brief, dialect=dialect, aircraft={"type": kind}).performances[0]
    assert along_the_path(flown) == (None if way is None else f'failsafe.way = "{way}"')


@pytest.mark.parametrize("far_m", [0.0, 4_000.0, -60_000.0])
def test_three_places_span_a_triangle_or_the_line_they_lie_on(far_m):
    three = (
        [[0.0, 0.0], [300.0, 0.0], [0.0, 40.0]],
        [[0.0, 0.0], [30.0, 40.0], [300.0, 400.0]],
        [[7.0, 7.0], [7.0, 7.0], [7.0, 7.0]],
        [[0.0, 0.0], [0.0, 9.0], [0.001, 4.0]],
    )
    corners = far_m + np.array(three)
    wide, line, spot, thin = triangles(corners)
    assert (wide.geom_type, wide.area) == ("Polygon", pytest.approx(6_000.0, rel=1e-9))
    assert (line.geom_type, line.length) == ("LineString", pytest.approx(500.0))
    assert spot.length == spot.area == 0.0
    assert (thin.geom_type, thin.area) == ("Polygon", pytest.approx(0.0045, rel=1e-3))
