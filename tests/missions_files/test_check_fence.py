"""A plan's own fence: several areas as each autopilot takes them, and the room of home, path and rally points."""

from __future__ import annotations

import dataclasses
import math

import pytest

from missions.checks.autopilot_rules_values import settings_for
from missions.checks.check import check_document
from missions.checks.parameter_file import Parameters
from missions.checks.vehicle_parameters import with_parameters
from missions.failsafes.reading import NEWEST
from missions.plan import MissionItem, Severity
from missions.plan_files.dialect import Dialect
from missions.plan_files.plan_document import Home, PlanDocument
from missions.plan_files.qgc_fence import polygon_items

LAT, LON = -33.5, -70.6
EAST_M = 111_320.0 * math.cos(math.radians(LAT))
NORTH_M = 110_920.0  # a degree of latitude there (WGS 84), to a metre
HALF_M = 200.0


def place(east_m, north_m):
    return LAT + north_m / NORTH_M, LON + east_m / EAST_M


def box(west_m, south_m, east_m, north_m):
    corners = ((west_m, south_m), (east_m, south_m), (east_m, north_m), (west_m, north_m))
    return [place(*corner) for corner in corners]


def found(*areas, dialect=Dialect.ARDUPILOT, out=None, rally=(), options=None, east_m=100.0, home=(0.0, 0.0)):
    """Check a flight from home to 100 m east and back inside areas; the rules it finds with what is measured."""
    lat, lon = place(*home)
    stops = [(22, lat, lon, 50.0), (16, *place(east_m, 0.0), 50.0)]
    items = [
        MissionItem(seq=k, command=c, frame=3, lat_deg=a, lon_deg=o, alt_m=h) for k, (c, a, o, h) in enumerate(stops)
    ]
    items.append(MissionItem(seq=2, command=20, frame=2))
    fence = [i for area in areas for i in polygon_items(area, inclusion=True, first=0)]
    fence += [] if out is None else polygon_items(out, inclusion=False, first=0)
    document = PlanDocument(
        source_format="t", dialect=dialect, home=Home(lat_deg=lat, lon_deg=lon, alt_amsl_m=500.0), items=tuple(items),
        fence=tuple(dataclasses.replace(i, seq=k) for k, i in enumerate(fence)), vehicle_type=2,
        rally=tuple(MissionItem(seq=k, command=5100, frame=3, lat_deg=a, lon_deg=o, alt_m=50.0)
                    for k, (a, o) in enumerate(rally)),
    )  # fmt: skip
    settings = None
    if options is not None:
        held = Parameters(where="v", values={"FENCE_OPTIONS": options}, dialect=dialect, version=NEWEST)
        settings = with_parameters(settings_for(2), held, dialect).settings
    judged = check_document(document, name="t", dialect=dialect, settings=settings)
    return [f for f in judged.findings if f.rule.startswith("fence.") or f.rule == "plan.leap"]


WEST_AREA, EAST_AREA = box(-HALF_M, -HALF_M, 50.0, HALF_M), box(-50.0, -HALF_M, HALF_M, HALF_M)
APART = box(500.0, -HALF_M, 900.0, HALF_M)


@pytest.mark.parametrize(
    ("dialect", "options", "leaves"),
    [
        (Dialect.PX4, None, False),
        (Dialect.ARDUPILOT, None, True),
        (Dialect.ARDUPILOT, 1.0, True),
        (Dialect.ARDUPILOT, 3.0, False),
    ],
)
def test_ardupilot_keeps_inside_all_inclusion_areas_at_once_unless_told_otherwise(dialect, options, leaves):
    """The areas share -50 to 50 m east of home; the flight goes 100 m east."""
    told = found(WEST_AREA, EAST_AREA, dialect=dialect, options=options)
    assert {f.rule for f in told} == ({"fence.leg"} if leaves else set())
    if leaves:
        assert told[0].measured == pytest.approx(50.0, abs=0.5)
        assert "leaves the air that its 2 inclusion areas share for 50 m" in told[0].message


def test_inclusion_areas_that_share_no_air_ground_ardupilot():
    (one,) = found(WEST_AREA, APART, east_m=20.0)
    assert (one.rule, one.severity) == ("fence.drawing", Severity.ERROR)
    assert "2 inclusion areas of the fence share no air" in one.message
    assert found(WEST_AREA, APART, east_m=20.0, dialect=Dialect.PX4) == []


@pytest.mark.parametrize(("room_m", "warned"), [(3.0, True), (6.5, True), (7.0, False)])
def test_rally_points_need_the_room_that_errors_take(room_m, warned):
    """6.7 m: 2.45 times 1.5 m of GNSS and 3 m of tracking."""
    told = found(box(-HALF_M, -HALF_M, HALF_M, HALF_M), rally=[place(0.0, HALF_M - room_m)])
    assert [(f.rule, f.severity) for f in told] == [("fence.margin", Severity.WARNING)] * warned
    if warned:
        assert told[0].measured == pytest.approx(room_m, abs=0.05)
        assert told[0].message.startswith(f"rally point 1 is {room_m:.1f} m inside the fence")


@pytest.mark.parametrize(("room_m", "warned"), [(2.0, True), (6.5, True), (7.0, False)])
def test_a_path_beside_an_exclusion_needs_the_same_room(room_m, warned):
    told = found(out=box(40.0, room_m, 60.0, 50.0))
    assert [f.rule for f in told] == ["fence.margin"] * warned
    if warned:
        assert told[0].measured == pytest.approx(room_m, abs=0.05)
        assert "from an exclusion fence" in told[0].message


def test_home_and_path_are_each_named():
    area = box(-4.0, -HALF_M, 103.0, HALF_M)
    assert {f.message.split(" is ")[0]: round(f.measured) for f in found(area)} == {"home": 4, "the leg to item 2": 3}


def test_a_leg_nearest_where_home_is_is_not_said_twice():
    assert [f.message.split(" is ")[0] for f in found(box(-4.0, -HALF_M, HALF_M, HALF_M))] == ["home"]


def test_a_rally_point_far_away_is_misplaced_and_swapped_degrees_are_named():
    (far,) = found(rally=[(LAT + 2.0, LON)])
    assert "rally point 1 lies 222 km from home; one of the two is misplaced" in far.message
    (swapped,) = found(rally=[(LON, LAT)])
    assert "its latitude and longitude are swapped" in swapped.message
    assert found(rally=[(LAT + 0.5, LON)]) == []
