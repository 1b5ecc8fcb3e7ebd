"""A vehicle's own parameters: both file formats, what they set, and the rules that come from them."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import InputError
from missions.checks.autopilot_rules_values import VehicleClass, VehicleSettings
from missions.checks.check import AUTOPILOT_RULES, check_document
from missions.checks.parameter_file import parse_parameters, read_parameters
from missions.checks.vehicle_parameters import kind_of, with_parameters
from missions.plan_files.dialect import Dialect
from missions.plan_files.plan_document import Home, PlanDocument

HOME = Home(lat_deg=50.0, lon_deg=8.0, alt_amsl_m=200.0)
QGC = """# Onboard parameters for Vehicle 1
#
# Stack: PX4 Pro
# Vehicle: Multi-Rotor
#
# Vehicle-Id Component-Id Name Value Type
1\t1\tMIS_DIST_1WP\t500.000000000000000000\t9
1\t1\tMIS_TKO_LAND_REQ\t2\t6
1\t1\tMAV_TYPE\t2\t6
1\t1\tNAV_ACC_RAD\t5.500000000000000000\t9
1\t1\tRTL_RETURN_ALT\t42.000000000000000000\t9
1\t1\tGF_MAX_HOR_DIST\t300.000000000000000000\t9
1\t1\tGF_MAX_VER_DIST\t0.000000000000000000\t9
"""
COPTER = """#NOTE: saved before the exercise
FRAME_CLASS,1
RTL_ALT,3500
WPNAV_RADIUS,250
FENCE_ENABLE,1
FENCE_TYPE,11
FENCE_ALT_MAX,55
FENCE_RADIUS,300   # metres
FENCE_ALT_MIN,10
ARMING_MIS_ITEMS,0
TERRAIN_ENABLE,1
"""


def known(text, dialect, vehicle=VehicleClass.MULTIROTOR):
    return with_parameters(VehicleSettings(vehicle=vehicle), parse_parameters(text, where="v.param"), dialect)


def test_the_parameters_of_qgroundcontrol():
    held = parse_parameters(QGC, where="v.params")
    assert (held.dialect, kind_of(held), len(held.values)) == (Dialect.PX4, VehicleClass.MULTIROTOR, 7)
    found = known(QGC, Dialect.PX4)
    assert found.missing == ()
    told = found.settings
    assert (told.mis_dist_1wp_m, told.mis_tko_land_req, told.nav_acc_rad_m, told.return_alt_m) == (500.0, 2, 5.5, 42.0)
    assert told.fence_max_distance_m == 300.0
    assert math.isnan(told.fence_max_height_m)


def test_the_parameters_of_mission_planner_in_centimetres_and_with_switches():
    held = parse_parameters(COPTER, where="v.param")
    assert (held.dialect, kind_of(held)) == (Dialect.ARDUPILOT, VehicleClass.MULTIROTOR)
    told = known(COPTER, Dialect.ARDUPILOT).settings
    assert (told.return_alt_m, told.waypoint_radius_m) == (35.0, 2.5)
    assert (told.fence_max_height_m, told.fence_max_distance_m, told.fence_min_height_m) == (55.0, 300.0, 10.0)
    off = known(COPTER.replace("FENCE_ENABLE,1", "FENCE_ENABLE,0"), Dialect.ARDUPILOT).settings
    assert math.isnan(off.fence_max_height_m)
    circle = known(COPTER.replace("FENCE_TYPE,11", "FENCE_TYPE,2"), Dialect.ARDUPILOT).settings
    assert (math.isnan(circle.fence_max_height_m), circle.fence_max_distance_m) == (True, 300.0)


@pytest.mark.parametrize("text", ["RTL_ALT 3500\n", "RTL_ALT,3500\n", "RTL_ALT = 3500\n", "1 1 RTL_ALT 3500 9\n"])
def test_one_line_in_each_spelling(text):
    assert parse_parameters(text, where="x").values == {"RTL_ALT": 3500.0}


def test_newer_names_count_before_older_ones_and_planes_have_their_own():
    text = "RTL_ALT_M 20\nRTL_ALT 3500\nWP_RADIUS_M 3\n"
    told = known(text, Dialect.ARDUPILOT).settings
    assert (told.return_alt_m, told.waypoint_radius_m) == (20.0, 3.0)
    plane = "RTL_ALTITUDE 120\nWP_RADIUS 90\nAIRSPEED_MIN 12\n"
    assert kind_of(parse_parameters(plane, where="x")) is VehicleClass.FIXED_WING
    told = known(plane, Dialect.ARDUPILOT, VehicleClass.FIXED_WING).settings
    assert (told.return_alt_m, told.waypoint_radius_m) == (120.0, 90.0)
    assert kind_of(parse_parameters(plane + "Q_ENABLE 1\n", where="x")) is VehicleClass.VTOL


def test_the_firmware_version_of_qgroundcontrol_is_read():
    assert parse_parameters(QGC, where="x").version is None
    assert parse_parameters(QGC.replace("# Vehicle: ", "# Version: 1.15.4 stable\n# Vehicle: "), where="x").version == (
        1,
        15,
    )


def test_what_the_rules_want_and_the_file_lacks_is_named():
    assert known("NAV_ACC_RAD 5\n", Dialect.PX4).missing == ("MIS_DIST_1WP", "MIS_TKO_LAND_REQ", "RTL_RETURN_ALT")
    assert known("FRAME_CLASS 1\n", Dialect.ARDUPILOT).missing == ("RTL_ALT_M", "WP_RADIUS_M")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no parameter"),
        ("# only a comment\n", "holds no parameter"),
        ("RTL_ALT,high\n", "line 1: the value 'high' of RTL_ALT is not a number"),
        ("RTL_ALT,1\nRTL_CONE_SLOPE,nan\n", "line 2: the value 'nan' of RTL_CONE_SLOPE"),
        ("QGC WPL 110\n", "line 1: the value 'WPL' of QGC is not a number"),
        ("<kml/>\n", "line 1: '<kml/>' is no parameter"),
        ("RTL_ALT\n", "line 1: 'RTL_ALT' is no parameter"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_place(text, said):
    with pytest.raises(InputError, match="v.param: ") as error:
        parse_parameters(text, where="v.param")
    assert said in error.value.message


def test_a_value_the_vehicle_cannot_have_is_refused():
    with pytest.raises(InputError, match=r"v\.param: RTL_ALT = 900000 is out of its range"):
        known("RTL_ALT 900000\n", Dialect.ARDUPILOT)


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
def test_any_text_is_read_or_refused_in_one_sentence(text):
    said = "v.param: "
    try:
        parse_parameters(text, where="v.param")
    except InputError as error:
        said = error.message
    assert said.startswith("v.param: ")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="none.param: cannot be read"):
        read_parameters(tmp_path / "none.param")


@pytest.fixture
def mission(make_item):
    def build(**changes):
        rows = (
            make_item(0, 22, lat=50.0, lon=8.0, alt=30.0),
            make_item(1, 16, lat=50.001, lon=8.0, alt=30.0),
            make_item(2, 16, lat=50.002, lon=8.0, alt=50.0),
            make_item(3, 16, lat=50.00201, lon=8.0, alt=50.0),
            make_item(4, 20),
        )
        return PlanDocument(source_format="test", dialect=None, home=HOME, items=rows, **changes)

    return build


def rules(document, dialect, **told):
    return [
        f.rule for f in check_document(document, name="t", dialect=dialect, settings=VehicleSettings(**told)).findings
    ]


@pytest.mark.parametrize(
    ("rule", "dialect", "told"),
    [
        ("px4.fence-distance", Dialect.PX4, {"fence_max_distance_m": 200.0}),
        ("px4.fence-height", Dialect.PX4, {"fence_max_height_m": 49.0}),
        ("px4.waypoint-radius", Dialect.PX4, {"waypoint_radius_m": 2.0}),
        ("ardupilot.fence-distance", Dialect.ARDUPILOT, {"fence_max_distance_m": 200.0}),
        ("ardupilot.fence-height", Dialect.ARDUPILOT, {"fence_max_height_m": 49.0}),
        ("ardupilot.fence-floor", Dialect.ARDUPILOT, {"fence_min_height_m": 40.0}),
        ("ardupilot.waypoint-radius", Dialect.ARDUPILOT, {"waypoint_radius_m": 2.0}),
        ("ardupilot.arming-items", Dialect.ARDUPILOT, {"required_items": 0b1}),
        ("ardupilot.arming-items", Dialect.ARDUPILOT, {"required_items": 0b10_0000}),
    ],
)
def test_each_rule_of_the_vehicle_is_named_when_broken(mission, rule, dialect, told):
    assert rules(mission(), dialect, **told) == [rule]
    assert rule in AUTOPILOT_RULES[dialect]


def test_the_limits_themselves_are_allowed(mission):
    kept = {"fence_max_distance_m": 224.0, "fence_max_height_m": 50.0, "waypoint_radius_m": 1.0, "return_alt_m": 50.0}
    assert rules(mission(), Dialect.PX4, **kept) == []
    assert rules(mission(), Dialect.ARDUPILOT, required_items=0b100_1000, fence_min_height_m=30.0, **kept) == []


def test_the_height_that_a_return_climbs_to_is_held_against_the_limit(mission):
    """The mission stays at 50 m; PX4's own return climbs to 60 m above home."""
    assert rules(mission(), Dialect.PX4, fence_max_height_m=50.0) == ["px4.fence-height"]
    assert rules(mission(), Dialect.ARDUPILOT, fence_max_height_m=50.0) == []


def test_a_limit_names_the_value_that_would_do(mission):
    told = VehicleSettings(fence_max_distance_m=200.0)
    (finding,) = check_document(mission(), name="t", dialect=Dialect.PX4, settings=told).findings
    assert finding.measured == pytest.approx(223.6, abs=0.3)  # 0.00201 degrees of latitude at 50 N
    assert (finding.limit, finding.relaxation) == (200.0, "GF_MAX_HOR_DIST = 224")


def test_terrain_heights_on_a_vehicle_without_terrain(mission):
    base = mission()
    items = (*base.items[:2], dataclasses.replace(base.items[2], frame=10), *base.items[3:])
    found = rules(dataclasses.replace(base, items=items), Dialect.ARDUPILOT, terrain_enabled=False)
    assert found == ["ardupilot.terrain-disabled", "ardupilot.terrain-frame"]


LANDING = "RTL_ALT 3000\nFS_OPTIONS 16\nFENCE_ENABLE 1\n"
ACTIONS = "FS_THR_ENABLE 1\nFS_GCS_ENABLE 1\nFENCE_ACTION 1\nBATT_FS_LOW_ACT 2\nBATT_FS_CRT_ACT 1\n"


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ("", []),
        ("BATT_FS_LOW_ACT 5\n", ["battery low: the vehicle comes down without steering (BATT_FS_LOW_ACT 5), which is"]),
        ("FS_GCS_ENABLE 6\n", ["ground station lost: FS_GCS_ENABLE 6 needs firmware 4.6 or later, and its version is"]),
        ("FS_THR_ENABLE 11\n", ["radio control lost: FS_THR_ENABLE 11 is not known, so it is not known what"]),
        ("BATT_FS_LOW_ACT 0\nBATT_FS_CRT_ACT 0\n", ["battery critical: the vehicle does nothing (BATT_FS_CRT_ACT 0)"]),
    ],
)
def test_a_way_home_that_cannot_be_judged_is_an_error(mission, changed, found):
    names = {line.split()[0] for line in changed.splitlines()}
    kept = "".join(f"{line}\n" for line in ACTIONS.splitlines() if line.split()[0] not in names)
    told = known(LANDING + kept + changed, Dialect.ARDUPILOT).settings
    findings = check_document(mission(), name="t", dialect=Dialect.ARDUPILOT, settings=told).findings
    said = [f.message for f in findings if f.rule.startswith("failsafe.")]
    assert len(said) == len(found)
    assert all(text.startswith(start) for text, start in zip(said, found, strict=True))


def test_rally_points_want_the_parameters_that_choose_among_them(mission, make_item):
    rally = (make_item(0, 5100, lat=50.001, lon=8.001, alt=30.0),)
    told = known(LANDING + ACTIONS, Dialect.ARDUPILOT).settings
    document = mission(rally=rally)
    said = [f.message for f in check_document(document, name="t", dialect=Dialect.ARDUPILOT, settings=told).findings]
    assert any("RALLY_LIMIT_KM and RALLY_INCL_HOME are not told" in text for text in said)
    told = known(LANDING + ACTIONS + "RALLY_LIMIT_KM 0.3\nRALLY_INCL_HOME 1\n", Dialect.ARDUPILOT).settings
    assert told.landing.limit_m == 300.0
    assert check_document(document, name="t", dialect=Dialect.ARDUPILOT, settings=told).findings == ()


def test_of_several_components_the_autopilots_parameters_are_taken():
    """A gimbal that is component 154 may have parameters of the same names."""
    text = "# Stack: PX4 Pro\n1\t154\tRTL_TYPE\t0\t6\n1\t1\tRTL_TYPE\t5\t6\n1\t154\tMNT_RATE\t9\t9\n"
    assert parse_parameters(text, where="v.params").values == {"RTL_TYPE": 5.0}


def test_a_component_alone_is_taken_for_what_it_is():
    assert parse_parameters("7\t154\tMNT_RATE\t9\t9\n", where="v.params").values == {"MNT_RATE": 9.0}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("RTL_TYPE,5\nRTL_ALT,1\nRTL_TYPE,0\n", "RTL_TYPE is 5 in line 1 and 0 in line 3; keep the line that holds"),
        ("1\t1\tRTL_TYPE\t5\t6\n2\t1\tRTL_TYPE\t5\t6\n", "the parameters of vehicles 1 and 2"),
    ],
)
def test_a_parameter_with_two_values_is_not_guessed_at(text, words):
    with pytest.raises(InputError, match=words):
        parse_parameters(text, where="v.param")


def test_a_parameter_written_twice_alike_is_one():
    assert parse_parameters("RTL_TYPE,5\nRTL_TYPE,5.0\n", where="v.param").values == {"RTL_TYPE": 5.0}
