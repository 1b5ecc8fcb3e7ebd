"""One small mission for each command and parameter that decides time, place, height, energy or return.

Each is found for what it does; the same mission without that item, or with the parameter at rest, is not.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from geo.geodesy import inverse
from missions.briefs.brief_file import build_brief
from missions.briefs.change import Change
from missions.checks.autopilot_rules_values import VehicleClass, VehicleSettings
from missions.checks.check import check_document
from missions.execution.commands import CONDITIONS, FOLLOWED, IDLE, UNFOLLOWED, unfollowed
from missions.execution.execute import Conduct, execute
from missions.plan import MissionItem, Severity
from missions.plan_files.dialect import Dialect
from missions.plan_files.plan_document import Home, PlanDocument

HOME = Home(lat_deg=52.085, lon_deg=23.58, alt_amsl_m=150.0)
BORDER_NORTH_M = 1669.0
BRIEF = {
    "name": "flat",
    "border": {"coordinates": [[52.1, 23.45], [52.1, 23.75]], "own_side": "right"},
    "standoff": {"asked_m": 300},
    "corridor": {"depth_m": 700},
    "flight": {"alt_agl_m": 100, "min_agl_m": 30, "max_agl_m": 200},
    "terrain": {"flat_amsl_m": 150.0},
    "failsafe": {"way": "straight"},
    "launch": [{"name": "h", "lat_deg": 52.085, "lon_deg": 23.58}],
    "zone": [{"name": "yard", "centre": [52.085, 23.5925], "radius_m": 100.0, "clearance_m": 0.0}],
}


def item(command, *, lat=math.nan, lon=math.nan, alt=0.0, frame=3, **params):
    return MissionItem(seq=0, command=command, frame=frame, lat_deg=lat, lon_deg=lon, alt_m=alt, **params)


def to(east_m=0.0, north_m=0.0, command=16, alt=60.0, **params):
    return item(command, lat=52.085 + north_m / 111_260.0, lon=23.58 + east_m / 68_510.0, alt=alt, **params)


def do(command, **params):
    return item(command, frame=2, **params)


UP, RTL = to(command=22), do(20)
DOWN = to(command=21, alt=0.0)
WEST = to(-500.0)
NEAR = to(-500.0, 1000.0)

MULTIROTOR = {
    "a hold": ("endurance", [to(-500.0, p1=3000.0), RTL], [WEST, RTL]),
    "a timed loiter": ("endurance", [to(-500.0, command=19, p1=3600.0), RTL], [to(-500.0, command=19, p1=1.0), RTL]),
    "a delay": ("endurance", [WEST, do(93, p1=3600.0), RTL], [WEST, do(93, p1=1.0), RTL]),
    "a delay to an hour": ("execution.endless", [WEST, do(93, p1=-1.0, p2=12.0), RTL], [WEST, RTL]),
    "a wait over home": ("endurance", [do(93, p1=3600.0), RTL], [RTL]),
    "a wait over home and a landing": ("endurance", [do(93, p1=3600.0), DOWN], [DOWN]),
    "a jump over all places": ("execution.order", [do(177, p1=3.0, p2=1.0), WEST, RTL], [WEST, RTL]),
    "turns": ("endurance", [to(-500.0, command=18, p1=200.0, p3=50.0), RTL], [WEST, RTL]),
    "turns of the usual radius": ("endurance", [to(-500.0, command=18, p1=600.0), RTL], [WEST, RTL]),
    "wide turns": ("standoff", [to(-500.0, command=18, p1=1.0, p3=1400.0), RTL], [WEST, RTL]),
    "a loiter without end": ("execution.endless", [to(-500.0, command=17), RTL], [WEST, RTL]),
    "a loiter to a height": ("height limit", [to(-500.0, command=31, alt=260.0), RTL], [to(-500.0, command=31), RTL]),
    "a jump": ("endurance", [WEST, to(500.0, -300.0), do(177, p1=1.0, p2=40.0), RTL], [WEST, to(500.0, -300.0), RTL]),
    "a jump without end": ("execution.endless", [WEST, do(177, p1=1.0, p2=-1.0), RTL], [WEST, RTL]),
    "a jump to a tag": (
        "endurance", [do(600, p1=7.0), WEST, to(500.0, -300.0), do(601, p1=7.0, p2=40.0), RTL],
        [do(600, p1=7.0), WEST, RTL],
    ),
    "a speed nobody flies": ("speed", [do(178, p1=1.0, p2=38.0), WEST, RTL], [WEST, RTL]),
    "a crawl": ("endurance", [do(178, p1=1.0, p2=0.5), to(-1500.0), RTL], [to(-1500.0), RTL]),
    "a climb speed": ("execution.unfollowed", [do(178, p1=2.0, p2=9.0), WEST, RTL], [WEST, RTL]),
    "a throttle": ("execution.unfollowed", [do(178, p1=0.0, p2=-1.0, p3=95.0), WEST, RTL], [WEST, RTL]),
    "a home across the border": (
        "side", [WEST, to(0.0, 3000.0, command=179, alt=150.0, frame=0), RTL], [WEST, RTL]
    ),
    "a home that the file gives without a frame": (
        "failsafe standoff", [WEST, to(0.0, 3000.0, command=179, alt=150.0, frame=2), to(-700.0), DOWN],
        [WEST, to(-700.0), DOWN],
    ),
    "a home at no known height": (
        "height", [WEST, to(command=179, frame=7), to(-700.0), DOWN], [WEST, to(-700.0), DOWN]
    ),
    "a home on a tower": (
        "height limit", [WEST, to(command=179, alt=320.0, frame=0), to(-700.0), DOWN], [WEST, to(-700.0), DOWN]
    ),
    "a return through a zone": (
        "zones", [to(0.0, 400.0), to(1700.0, 400.0), to(1700.0), RTL],
        [to(0.0, 400.0), to(1700.0, 400.0), to(1700.0), to(1700.0, 400.0), to(0.0, 400.0), DOWN],
    ),
    "a spline": (
        "standoff", [NEAR, to(200.0, 1320.0, command=82), to(-500.0, 900.0), RTL],
        [NEAR, to(200.0, 1320.0), to(-500.0, 900.0), RTL],
    ),
    "a height above the sea": ("ground clearance", [to(-500.0, alt=60.0, frame=0), RTL], [WEST, RTL]),
    "a take-off": ("height limit", [to(command=22, alt=260.0), WEST, RTL], [WEST, RTL]),
    "a landing": ("side", [WEST, to(-500.0, 2500.0, command=21, alt=0.0)], [WEST, DOWN]),
    "no fence": ("execution.fence-off", [do(207, p1=0.0), WEST, RTL], [do(207, p1=1.0), WEST, RTL]),
    "no floor": ("execution.fence-off", [do(207, p1=2.0), WEST, RTL], [WEST, RTL]),
    "a speed held back by time": (
        "execution.unfollowed", [WEST, do(112, p1=60.0), do(178, p1=1.0, p2=9.0), to(-700.0), RTL],
        [WEST, do(112, p1=60.0), do(2500), to(-700.0), RTL],
    ),
    "a home held back by distance": (
        "execution.unfollowed", [WEST, do(114, p1=90.0), to(command=179, alt=150.0, frame=0), to(-700.0), RTL],
        [WEST, do(114, p1=90.0), to(-700.0), RTL],
    ),
    "a jump held back by a turn of the nose": (
        "execution.unfollowed", [WEST, do(115, p1=90.0), do(177, p1=1.0, p2=1.0), to(-700.0), RTL],
        [WEST, do(115, p1=90.0), to(-700.0), RTL],
    ),
    "a landing sequence": (
        "standoff", [WEST, RTL, do(189), to(-500.0, 1500.0), DOWN], [WEST, RTL, to(-500.0, 1500.0), DOWN]
    ),
    "a height above the ground": (
        "height limit", [to(-500.0, alt=260.0, frame=10), RTL], [to(-500.0, alt=260.0, frame=0), RTL]
    ),
}  # fmt: skip
NAMED = {
    "DO_SET_PARAMETER": 180, "DO_SET_MODE": 176, "DO_AUX_FUNCTION": 218, "DO_ENGINE_CONTROL": 223,
    "DO_RETURN_PATH_START": 188, "NAV_CONTINUE_AND_CHANGE_ALT": 30, "DO_PAUSE_CONTINUE": 193, "NAV_GUIDED_ENABLE": 92,
    "DO_VTOL_TRANSITION": 3000, "DO_GO_AROUND": 191, "DO_SET_RESUME_REPEAT_DIST": 215, "DO_PARACHUTE": 208,
    "DO_FLIGHTTERMINATION": 185, "NAV_SCRIPT_TIME": 42702, "NAV_ARC_WAYPOINT": 36, "COMPONENT_ARM_DISARM": 400,
    "NAV_PAYLOAD_PLACE": 94, "DO_INVERTED_FLIGHT": 210, "50123": 50123,
}  # fmt: skip
WING = {
    "a waypoint that is passed by far": (
        "standoff", [to(-2000.0, 600.0), to(-2000.0, 1100.0, p3=400.0), to(-2000.0, -500.0)],
        [to(-2000.0, 600.0), to(-2000.0, 1100.0), to(-2000.0, -500.0)],
    ),
    "a corner cut": (
        "execution.unfollowed", [to(-2000.0, p2=500.0), to(-2000.0, -900.0)], [to(-2000.0), to(-2000.0, -900.0)]
    ),
    "a wide circle up to a height": (
        "standoff", [to(-2000.0, 300.0), to(-2000.0, 900.0, command=31, p2=500.0, alt=90.0), to(-2000.0, -500.0)],
        [to(-2000.0, 300.0), to(-2000.0, 900.0, command=31, p2=100.0, alt=90.0), to(-2000.0, -500.0)],
    ),
    "circles of the usual radius": (
        "standoff", [to(-2000.0, 1320.0, command=19, p1=10.0), to(-2000.0, -500.0)],
        [to(-2000.0, 1320.0), to(-2000.0, -500.0)],
    ),
}  # fmt: skip
PX4 = {
    "a hold": ("endurance", [to(-500.0, p1=3000.0), RTL], [WEST, RTL]),
    "a speed held back by a gate": (
        "execution.unfollowed", [WEST, to(-600.0, command=4501), do(178, p1=1.0, p2=9.0), to(-700.0), RTL],
        [WEST, to(-700.0), RTL],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def briefs():
    types = {"multirotor": "quad-survey", "fixed_wing": "wing-2m"}
    return {
        kind: build_brief(BRIEF | {"aircraft": {"type": name, "count": 1}}, Path(__file__).parent)
        for kind, name in types.items()
    }


def rules(brief, items, dialect, kind):
    numbered = tuple(dataclasses.replace(i, seq=k) for k, i in enumerate([UP, *items]))
    document = PlanDocument(source_format="t", dialect=dialect, home=HOME, items=numbered)
    settings = VehicleSettings(vehicle=VehicleClass(kind))
    return {f.rule for f in check_document(document, name="t", settings=settings, brief=brief).findings}


CASES = [
    pytest.param(kind, dialect, *case, id=f"{dialect} {kind}: {name}")
    for table, kind, dialect in (
        (MULTIROTOR, "multirotor", Dialect.ARDUPILOT),
        (WING, "fixed_wing", Dialect.ARDUPILOT),
        (PX4, "multirotor", Dialect.PX4),
    )
    for name, case in table.items()
]


@pytest.mark.parametrize(("kind", "dialect", "rule", "hiding", "plain"), CASES)
def test_what_an_item_does_is_judged(briefs, kind, dialect, rule, hiding, plain):
    assert rule in rules(briefs[kind], hiding, dialect, kind)
    assert rule not in rules(briefs[kind], plain, dialect, kind)


def test_the_battery_that_is_named_does_for_breaking_off_near_the_end_too(briefs):
    items = [to(-1500.0, p1=3000.0), RTL]
    numbered = tuple(dataclasses.replace(i, seq=k) for k, i in enumerate([UP, *items]))
    document = PlanDocument(source_format="t", dialect=Dialect.ARDUPILOT, home=HOME, items=numbered)
    found = check_document(document, name="t", brief=briefs["multirotor"]).findings
    (named,) = [f.advice.split(", or ")[0] for f in found if f.rule == "endurance"]
    enough = Change.of(named).applied(briefs["multirotor"])
    assert not rules(enough, items, Dialect.ARDUPILOT, "multirotor") & {"endurance", "failsafe endurance"}


@pytest.mark.parametrize(("alt_m", "asked"), [(400.0, True), (260.0, False), (1400.0, False)])
def test_heights_that_are_right_as_feet_are_asked_about(briefs, alt_m, asked):
    """Not a little above the limit, nor far above it in feet, too."""
    numbered = tuple(dataclasses.replace(i, seq=k) for k, i in enumerate([UP, to(-500.0, alt=alt_m), RTL]))
    document = PlanDocument(source_format="t", dialect=Dialect.ARDUPILOT, home=HOME, items=numbered)
    settings = VehicleSettings(vehicle=VehicleClass.MULTIROTOR)
    found = check_document(document, name="t", settings=settings, brief=briefs["multirotor"]).findings
    told = [f.message for f in found if f.rule == "height limit"]
    assert told
    question = f"were feet given for metres ({alt_m:.0f} feet are {alt_m * 0.3048:.0f} m)?"
    assert all((question in message) == asked for message in told)


@pytest.mark.parametrize("name", NAMED)
def test_what_is_not_modelled_is_named(name):
    numbered = tuple(dataclasses.replace(i, seq=k) for k, i in enumerate([UP, WEST, do(NAMED[name]), RTL]))
    document = PlanDocument(source_format="t", dialect=None, home=HOME, items=numbered)
    told = [f for f in check_document(document, name="t").findings if f.rule == "execution.unfollowed"]
    assert len(told) == 1
    assert told[0].message.startswith(f"item 3 ({name}) ")


def test_every_command_stands_in_the_table_once():
    tables = (FOLLOWED, IDLE, CONDITIONS, frozenset(UNFOLLOWED))
    assert len(frozenset().union(*tables)) == sum(map(len, tables))
    told = unfollowed(50_123)
    assert told is not None
    assert told.severity is Severity.ERROR


def test_a_spline_passes_its_places_and_leaves_the_chord():
    """By hand: the curve through the middle of three places in a square leaves along the way to the last."""
    items = [UP, to(0.0, 400.0), to(400.0, 400.0, command=82), to(400.0, 0.0), RTL]
    numbered = tuple(dataclasses.replace(i, seq=k) for k, i in enumerate(items))
    document = PlanDocument(source_format="t", dialect=None, home=HOME, items=numbered)
    legs = [leg for leg in execute(document, Conduct()).legs if leg.seq == 2]
    ends = np.array([(leg.lat_end_deg, leg.lon_end_deg) for leg in legs])
    assert tuple(ends[-1]) == (items[2].lat_deg, items[2].lon_deg)
    north = (ends[:, 0] - 52.085) * 111_260.0
    assert north.max() > 440.0
    assert float(inverse(*ends[-2], *ends[-1])[1]) == pytest.approx(180.0, abs=12.0)


QUAD = {"aircraft": {"type": "quad-survey"}}


def heights_found(home_amsl_m, *, brief=BRIEF, alt_m=60.0, frame=3):
    away = dataclasses.replace(WEST, alt_m=alt_m, frame=frame)
    items = tuple(dataclasses.replace(i, seq=k) for k, i in enumerate((UP, away, RTL)))
    home = dataclasses.replace(HOME, alt_amsl_m=home_amsl_m)
    document = PlanDocument(source_format="t", dialect=Dialect.ARDUPILOT, home=home, items=items)
    found = check_document(document, name="t", brief=brief and build_brief(brief | QUAD, Path())).findings
    return [one for one in found if one.rule == "plan.height"]


def test_a_home_where_the_terrain_is_not_is_named_with_the_feet_it_may_be_in():
    assert heights_found(150.0 - 29.0) == []
    (feet,) = heights_found(492.0)  # 150 m are 492 feet
    assert "492 m above sea level, and the terrain there is at 150 m; 492 feet are 150 m" in feet.message
    assert (feet.severity, feet.measured) == (Severity.WARNING, 342.0)
    (unset,) = heights_found(0.0)
    assert "feet" not in unset.message
    assert heights_found(0.0, brief=BRIEF | {"terrain": {}}) == []  # nothing to hold it against


def test_a_home_without_a_height_lies_on_the_ground_where_that_is_known():
    bare = dataclasses.replace(HOME, alt_amsl_m=math.nan)
    items = tuple(dataclasses.replace(i, seq=k) for k, i in enumerate((UP, WEST, RTL)))
    document = PlanDocument(source_format="t", dialect=Dialect.ARDUPILOT, home=bare, items=items)
    judged = check_document(document, name="t", brief=build_brief(BRIEF | QUAD, Path()))
    assert [f.message for f in judged.findings] == [
        "the plan's home has no height; the ground's is taken, 150 m above sea level"
    ]
    assert max(leg.alt_amsl_end_m for leg in judged.legs) == pytest.approx(210.0)
    (alone,) = check_document(document, name="t").findings
    assert (alone.rule, alone.message) == ("plan.problem", "the plan's home has no height")


@pytest.mark.parametrize(("frame", "counts"), [(3, "home"), (6, "home"), (10, "the ground")])
def test_a_height_nobody_flies_is_named_whatever_it_counts_from(frame, counts):
    assert heights_found(150.0, brief=None, alt_m=5_999.0, frame=frame) == []
    (found,) = heights_found(150.0, brief=None, alt_m=60_000.0, frame=frame)
    assert f"item 2 goes to 60000 m above {counts}; were feet or millimetres meant?" in found.message


@pytest.mark.parametrize("dialect", Dialect)
def test_a_home_set_where_the_aircraft_is_lies_nowhere_else(dialect):
    """The place of DO_SET_HOME counts for nothing where its first parameter is 1: 0, 0 is then no slip."""
    home_here = item(179, lat=0.0, lon=0.0, frame=0 if dialect is Dialect.ARDUPILOT else 2, p1=1.0)
    items = tuple(dataclasses.replace(i, seq=k) for k, i in enumerate((UP, WEST, home_here, to(300.0), RTL)))
    document = PlanDocument(source_format="t", dialect=dialect, home=HOME, items=items)
    judged = check_document(document, name="t", dialect=dialect)
    assert {one.rule for one in judged.findings} & {"plan.null-island", "plan.leap"} == set()
    back = judged.legs[-1]
    assert float(inverse(back.lat_end_deg, back.lon_end_deg, WEST.lat_deg, WEST.lon_deg)[0]) < 0.01


@pytest.mark.parametrize(
    ("mav_type", "says"),
    [
        (2, ""),
        (13, ""),
        (0, ""),
        (1, "the plan is for a fixed wing, and the brief's 'quad-survey' is a multirotor"),
        (20, "the plan is for a vtol, and the brief's 'quad-survey' is a multirotor"),
        (10, "another kind of vehicle (MAV_TYPE 10, ground rover)"),
        (12, "another kind of vehicle (MAV_TYPE 12, submarine)"),
        (200, "another kind of vehicle (MAV_TYPE 200)"),
    ],
)
def test_a_plan_for_another_kind_of_vehicle_is_named(mav_type, says):
    items = tuple(dataclasses.replace(i, seq=k) for k, i in enumerate((UP, WEST, RTL)))
    document = PlanDocument(source_format="t", dialect=Dialect.ARDUPILOT, home=HOME, items=items, vehicle_type=mav_type)
    found = check_document(document, name="t", brief=build_brief(BRIEF | QUAD, Path())).findings
    told = [one.message for one in found if one.rule == "plan.problem"]
    assert (len(told), says in " ".join(told)) == (int(bool(says)), True)
