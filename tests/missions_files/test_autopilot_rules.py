"""Every rule of PX4 and ArduPilot, each with a mission that breaks it and nothing else."""

from __future__ import annotations

import dataclasses
import math

import pytest

from missions.capacity import COPTER
from missions.capacity import PX4 as PX4_ROOM
from missions.checks.autopilot_rules import autopilot_findings
from missions.checks.autopilot_rules_values import VehicleClass, VehicleSettings, settings_for, vehicle_class
from missions.checks.check import check_document
from missions.plan import Severity
from missions.plan_files.dialect import Dialect
from missions.plan_files.plan_document import Home, PlanDocument

HOME = Home(lat_deg=50.0, lon_deg=8.0, alt_amsl_m=200.0)
WING = VehicleSettings(vehicle=VehicleClass.FIXED_WING)
MULTI = VehicleSettings()


@pytest.fixture
def judged(make_item):
    def judge(dialect, changes=None, *, add=(), settings=MULTI, home=HOME, drop=()):
        items = {
            0: make_item(0, 22, lat=50.0, lon=8.0, alt=30.0),
            1: make_item(1, 16, lat=50.001, lon=8.0, alt=60.0),
            2: make_item(2, 16, lat=50.002, lon=8.0, alt=40.0),
            3: make_item(3, 178, p1=1.0, p2=8.0),
            4: make_item(4, 20),
        }
        for seq, values in (changes or {}).items():
            items[seq] = dataclasses.replace(items[seq], **values)
        rows = [items[s] for s in items if s not in drop] + [make_item(0, *a, **k) for a, k in add]
        numbered = tuple(dataclasses.replace(i, seq=n) for n, i in enumerate(rows))
        document = PlanDocument(source_format="test", dialect=None, home=home, items=numbered)
        return autopilot_findings(document, dialect, settings)

    return judge


def rules(findings):
    return sorted({f.rule for f in findings})


@pytest.mark.parametrize("dialect", ["px4", "ardupilot"])
def test_a_plain_mission_breaks_nothing(judged, dialect):
    assert judged(dialect) == ()


PX4 = [
    ("px4.unsupported-command", {"changes": {3: {"command": 115}}}),
    ("px4.frame", {"changes": {1: {"frame": 10}}}),
    ("px4.frame", {"changes": {3: {"frame": 3}}}),
    ("px4.vehicle-type", {"add": [((3000,), {"p1": 4.0})]}),
    ("px4.starts-with-land", {"add": [((21,), {"lat": 50.0, "lon": 8.0})], "drop": (0, 1, 2, 3, 4)}),
    ("px4.actuator", {"add": [((183,), {"p1": 6.0})]}),
    ("px4.actuator", {"add": [((183,), {"p1": 1.0, "p2": 2001.0})]}),
    ("px4.roi", {"add": [((201,), {"p1": 3.0})]}),
    ("px4.roi", {"changes": {2: {"command": 201, "p1": 1.0}}}),
    ("px4.relative-without-home", {"home": None}),
    ("px4.below-home", {"changes": {1: {"alt_m": -5.0}}}),
    ("px4.takeoff-too-low", {"changes": {0: {"alt_m": 2.5}}}),
    ("px4.takeoff-not-first", {"add": [((22,), {"lat": 50.0, "lon": 8.0, "alt": 30.0})]}),
    ("px4.first-waypoint", {"home": Home(lat_deg=51.0, lon_deg=8.0, alt_amsl_m=200.0)}),
    ("px4.gate-too-close", {"add": [((4501,), {"lat": 50.0, "lon": 8.0, "alt": 30.0})], "drop": (1, 2, 3, 4)}),
    ("px4.empty", {"drop": (0, 1, 2, 3, 4)}),
    ("px4.takeoff-landing", {"settings": VehicleSettings(mis_tko_land_req=1), "drop": (0,)}),
    ("px4.takeoff-landing", {"settings": VehicleSettings(mis_tko_land_req=2)}),
    ("px4.takeoff-landing", {"settings": VehicleSettings(mis_tko_land_req=3)}),
    ("px4.takeoff-landing", {"settings": VehicleSettings(mis_tko_land_req=4)}),
    ("px4.capacity", {"settings": VehicleSettings(room=dataclasses.replace(PX4_ROOM, items=2, items_most=4))}),
]


@pytest.mark.parametrize(("rule", "case"), PX4)
def test_px4_names_the_broken_rule(judged, rule, case):
    assert rules(judged("px4", **case)) == [rule]


def test_the_limits_of_px4_are_where_px4_has_them(judged):
    assert judged("px4", {0: {"alt_m": 3.0}}) == ()
    assert rules(judged("px4", {0: {"alt_m": 2.99}})) == ["px4.takeoff-too-low"]
    assert judged("px4", {0: {"alt_m": 11.0}}, settings=WING) == ()
    assert rules(judged("px4", {0: {"alt_m": 10.99}}, settings=WING)) == ["px4.takeoff-too-low"]
    own = dataclasses.replace(MULTI, nav_acc_rad_m=6.0)
    assert rules(judged("px4", {0: {"alt_m": 6.99}}, settings=own)) == ["px4.takeoff-too-low"]
    near = dataclasses.replace(MULTI, mis_dist_1wp_m=100.0)
    assert judged("px4", settings=near) == ()
    assert judged("px4", settings=dataclasses.replace(MULTI, mis_tko_land_req=1)) == ()


@pytest.mark.parametrize(("alt_m", "said"), [(2.99, [Severity.ERROR]), (10.99, [Severity.WARNING]), (11.0, [])])
def test_a_take_off_too_low_for_a_wing_alone_is_a_warning_where_nobody_said_what_flies(judged, alt_m, said):
    found = judged("px4", {0: {"alt_m": alt_m}}, settings=settings_for(0))
    assert [f.severity for f in found] == said


LAND = ((21,), {"lat": 50.0, "lon": 8.0, "alt": 0.0})


def descent(alt, command=16, **more):
    return ((command,), {"lat": 50.01, "lon": 8.0, "alt": alt, **more})


WING_CASES = [
    ("px4.land-start", [((189,), {"lat": 50.0, "lon": 8.0}), ((189,), {"lat": 50.0, "lon": 8.0}), descent(40.0), LAND]),
    ("px4.land-start", [((189,), {"lat": 50.0, "lon": 8.0})]),
    ("px4.land-start", [((189,), {"lat": 50.0, "lon": 8.0}), descent(40.0), LAND, ((20,), {})]),
    ("px4.glide-slope", [descent(200.0), LAND]),
    ("px4.approach", [descent(0.0), LAND]),
    ("px4.approach", [descent(40.0, 31, p2=1200.0), LAND]),
    ("px4.approach", [descent(40.0, 19), LAND]),
]


@pytest.mark.parametrize(("rule", "add"), WING_CASES)
def test_px4_judges_landings_of_wings(judged, rule, add):
    add = [(a, {"frame": 2, **k} if a[0] == 189 else k) for a, k in add]
    found = judged("px4", add=add, settings=WING, drop=(4,))
    assert rules(found) == [rule]


@pytest.mark.parametrize("approach", [descent(40.0), descent(40.0, 31, p2=-80.0)])
def test_a_shallow_landing_of_a_wing_is_allowed(judged, approach):
    assert judged("px4", add=[approach, LAND], settings=WING, drop=(4,)) == ()


ARDUPILOT = [
    ("ardupilot.unsupported-command", {"changes": {3: {"command": 530}}}),
    ("ardupilot.unsupported-command", {"changes": {2: {"command": 82}}, "settings": WING}),
    ("ardupilot.frame", {"changes": {1: {"frame": 1}}}),
    ("ardupilot.altitude", {"changes": {1: {"alt_m": 90_000.0}}}),
    ("ardupilot.terrain-frame", {"changes": {1: {"frame": 10}}}),
    ("ardupilot.unset-parameter", {"changes": {3: {"p3": math.nan}}}),
    ("ardupilot.unset-parameter", {"changes": {1: {"p1": math.inf}}}),
    ("ardupilot.takeoff", {"drop": (0,)}),
    ("ardupilot.storage", {"add": [((1000,), {"p1": -37.5})]}),
    ("ardupilot.storage", {"changes": {1: {"p1": 2.5}}}),
    ("ardupilot.storage", {"changes": {1: {"p2": 5.0}}}),
    ("ardupilot.capacity", {"settings": VehicleSettings(room=dataclasses.replace(COPTER, items=2, items_most=4))}),
    ("ardupilot.jumps", {"add": [((177,), {"p1": 1.0})] * 16}),
]


@pytest.mark.parametrize(("rule", "case"), ARDUPILOT)
def test_ardupilot_names_the_broken_rule(judged, rule, case):
    assert rules(judged("ardupilot", **case)) == [rule]


def test_an_empty_mission_does_not_start(judged):
    assert rules(judged("ardupilot", drop=(0, 1, 2, 3, 4))) == ["ardupilot.empty"]


def test_a_heading_may_be_unset_where_ardupilot_allows_it(judged):
    assert judged("ardupilot", {1: {"p4": math.nan}}) == ()


def test_a_lossy_store_is_a_warning_with_the_values(judged):
    (finding,) = judged("ardupilot", add=[((1000,), {"p1": -37.5})])
    assert finding.severity is Severity.WARNING
    assert finding.message == "item 6: ArduPilot's storage changes command 1000: parameter 1 -37.5 becomes -37"


@pytest.mark.parametrize(("mav_type", "kind"), [(1, "fixed_wing"), (2, "multirotor"), (13, "multirotor"), (22, "vtol")])
def test_vehicle_types_fall_into_three_classes(mav_type, kind):
    assert vehicle_class(mav_type) == kind


def test_a_fence_polygon_too_large_for_ardupilot_is_named(make_item):
    fence = tuple(make_item(i, 5001, lat=50.0 + i * 1e-4, lon=8.0, p1=256.0) for i in range(256))
    items = (make_item(0, 22, lat=50.0, lon=8.0, alt=30.0),)
    document = PlanDocument(source_format="test", dialect=None, home=HOME, items=items, fence=fence)
    found = autopilot_findings(document, "ardupilot", MULTI)
    assert rules(found) == ["ardupilot.capacity", "ardupilot.fence-corners"]
    assert found[0].message == "256 corners of the fence are 187 more than ArduPilot has room for"


@pytest.mark.parametrize(
    ("dialect", "vehicle", "items", "corners", "rally"),
    [
        ("px4", "multirotor", (500, 2000), 64, 32),
        ("ardupilot", "multirotor", (649, 717), 69, 46),
        ("ardupilot", "fixed_wing", (654, 723), 83, 50),
    ],
)
def test_what_is_one_more_than_the_vehicle_stores_is_named(make_item, dialect, vehicle, items, corners, rally):
    """The numbers are those of `StorageManager.cpp` (718 waypoints with home, 46 rally points) and `dataman.h`."""

    def told(count, fence, points):
        rows = [make_item(0, 22, lat=50.0, lon=8.0, alt=30.0)]
        rows += [make_item(k, 16, lat=50.0 + k * 1e-5, lon=8.0, alt=30.0) for k in range(1, count)]
        ring = tuple(make_item(k, 5001, lat=50.0 + k * 1e-4, lon=8.0, p1=float(fence), frame=0) for k in range(fence))
        safe = tuple(make_item(k, 5100, lat=50.0, lon=8.0 + k * 1e-4, alt=30.0) for k in range(points))
        document = PlanDocument(
            source_format="test", dialect=None, home=HOME, items=tuple(rows), fence=ring, rally=safe
        )
        found = autopilot_findings(document, dialect, VehicleSettings(vehicle=VehicleClass(vehicle)))
        return [f.severity for f in found if f.rule == f"{dialect}.capacity"]

    assert told(items[0], corners, rally) == []
    assert told(items[0] + 1, corners, rally) == [Severity.WARNING]
    assert told(items[1] + 1, corners, rally) == [Severity.ERROR]
    assert told(2, corners + 1, rally) == [Severity.ERROR]
    assert told(2, corners, rally + 1) == [Severity.ERROR]


def test_a_place_at_0_0_is_where_ardupilot_then_is_and_the_gulf_of_guinea_for_px4(make_item):
    rows = (
        make_item(0, 22, lat=50.0, lon=8.0, alt=30.0),
        make_item(1, 16, lat=50.001, lon=8.0, alt=60.0),
        make_item(2, 16, lat=0.0, lon=0.0, alt=80.0),
        make_item(3, 19, lat=0.0, lon=0.0, alt=80.0, p1=30.0),
        make_item(4, 16, lat=50.002, lon=8.0, alt=80.0),
    )
    document = PlanDocument(source_format="test", dialect=None, home=HOME, items=rows)
    told = check_document(document, name="t", dialect=Dialect.ARDUPILOT)
    assert [(f.rule, f.seq) for f in told.findings] == [("ardupilot.no-place", 2)]
    assert told.length_m == pytest.approx(30.0 + 222.4, abs=31.0)
    guinea = check_document(document, name="t", dialect=Dialect.PX4)
    assert {"plan.null-island", "plan.leap"} <= {f.rule for f in guinea.findings}


def test_a_file_of_fences_or_rally_points_alone_is_no_empty_mission(make_item):
    for part in ("fence", "rally"):
        command = {"fence": 5000, "rally": 5100}[part]
        document = PlanDocument(
            source_format="test",
            dialect=None,
            home=None,
            items=(),
            **{part: (make_item(0, command, lat=50.0, lon=8.0),)},
        )
        assert autopilot_findings(document, "ardupilot", MULTI) == ()
        assert autopilot_findings(document, "px4", MULTI) == ()


def test_a_takeoff_is_only_asked_for_when_nobody_says_what_flies(judged):
    (finding,) = judged("ardupilot", drop=(0,), settings=settings_for(0))
    assert (finding.rule, finding.severity) == ("ardupilot.takeoff", Severity.WARNING)
    (finding,) = judged("ardupilot", drop=(0,), settings=settings_for(2))
    assert finding.severity is Severity.ERROR


def test_frame_2_counts_from_the_sea_on_ardupilot(judged):
    (finding,) = judged("ardupilot", {1: {"frame": 2}})
    assert (finding.rule, finding.severity) == ("ardupilot.frame", Severity.WARNING)
    assert "metres above sea level" in finding.message


@pytest.mark.parametrize(
    ("dialect", "row", "said"),
    [
        ("px4", {"p3": 5.0}, "PX4's storage changes command 16: parameter 3 5 becomes 0"),
        ("px4", {"command": 19, "p2": 0.5, "p3": 80.0}, "PX4's storage changes command 19: parameter 2 0.5 becomes 1"),
        ("ardupilot", {"command": 205, "alt_m": 4.0, "frame": 2, "lat_deg": math.nan, "lon_deg": math.nan},
         "ArduPilot's storage changes command 205: parameter 7 4 becomes 2"),
        ("ardupilot", {"command": 1000, "frame": 2, "lat_deg": 300.0, "lon_deg": math.nan, "alt_m": 0.0},
         "ArduPilot's storage changes command 1000: parameter 5 300 becomes 44"),
    ],
)  # fmt: skip
def test_what_storage_changes_is_said_number_by_number(judged, dialect, row, said):
    assert [f.message for f in judged(dialect, {1: row})] == [f"item 2: {said}"]


def test_a_heading_is_the_same_heading_a_turn_further(judged):
    assert judged("px4", {1: {"p4": -45.0}}) == ()
