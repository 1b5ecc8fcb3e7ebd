"""Each preflight rule, held and broken, and what is said."""

from __future__ import annotations

import dataclasses
import math

import pytest

from missions.failsafes.return_path import with_return_path
from missions.flight.preflight import PreflightFacts, parameter_names, preflight
from missions.flight.preflight_ways import ALWAYS_JUDGED, refusal
from missions.judging.return_rules import RALLY_ASKED, asked_actions
from missions.plan import Severity, VehicleParameter
from missions.plan_files.dialect import Dialect

ARDUPILOT = {
    "BATT_FS_LOW_ACT": 2.0, "BATT_FS_CRT_ACT": 1.0, "BATT_LOW_VOLT": 14.0, "BATT_CRT_VOLT": 13.2,
    "BATT_LOW_MAH": 0.0, "BATT_CRT_MAH": 0.0, "FENCE_ENABLE": 1.0, "FENCE_ACTION": 1.0, "FENCE_TYPE": 7.0,
    "FENCE_ALT_MAX": 120.0, "FENCE_RADIUS": 2000.0, "FS_GCS_ENABLE": 1.0, "FS_THR_ENABLE": 1.0, "FS_OPTIONS": 16.0,
    "FS_DR_ENABLE": 1.0, "FS_EKF_ACTION": 1.0,
    "RALLY_LIMIT_KM": 0.0, "RALLY_INCL_HOME": 1.0, "RTL_ALT": 5000.0,
}  # fmt: skip
COPTER_DEFAULTS = {
    **ARDUPILOT, "BATT_FS_LOW_ACT": 0.0, "BATT_FS_CRT_ACT": 0.0, "FS_GCS_ENABLE": 0.0, "RALLY_LIMIT_KM": 0.3,
    "RTL_ALT": 1500.0,
}  # fmt: skip
PLANE = {
    "BATT_FS_LOW_ACT": 1.0, "BATT_FS_CRT_ACT": 1.0, "BATT_LOW_VOLT": 14.0, "BATT_CRT_VOLT": 13.2, "FENCE_ENABLE": 1.0,
    "FENCE_ACTION": 1.0, "FENCE_TYPE": 4.0, "THR_FAILSAFE": 1.0, "FS_SHORT_ACTN": 0.0, "FS_LONG_ACTN": 1.0,
    "FS_GCS_ENABL": 1.0, "RTL_AUTOLAND": 1.0, "RTL_ALTITUDE": 100.0, "RALLY_LIMIT_KM": 0.0, "RALLY_INCL_HOME": 1.0,
}  # fmt: skip
PX4 = {
    "BAT_LOW_THR": 0.15, "BAT_CRIT_THR": 0.07, "BAT_EMERGEN_THR": 0.05, "COM_LOW_BAT_ACT": 3.0, "NAV_DLL_ACT": 2.0,
    "NAV_RCL_ACT": 2.0, "COM_FAIL_ACT_T": 5.0, "GF_ACTION": 3.0, "GF_MAX_HOR_DIST": 0.0, "GF_MAX_VER_DIST": 0.0,
    "RTL_RETURN_ALT": 60.0, "RTL_TYPE": 0.0, "MPC_XY_CRUISE": 10.0,
}  # fmt: skip


@pytest.fixture
def facts(square_sortie) -> PreflightFacts:
    """A vehicle that is ready for the square."""
    return PreflightFacts(
        dialect=Dialect.ARDUPILOT,
        autopilot=3,
        mav_type=2,
        version=0x04050700,
        lat_deg=square_sortie.home_lat_deg,
        lon_deg=square_sortie.home_lon_deg,
        home=(square_sortie.home_lat_deg, square_sortie.home_lon_deg, square_sortie.home_alt_amsl_m),
        battery_pct=98.0,
        gps_fix=3,
        satellites=12,
        hdop=0.8,
        ekf_flags=831,
        clock_offset_s=0.2,
        fence_uploaded=True,
        parameters=ARDUPILOT,
    )


@pytest.fixture
def px4(facts):
    """The same as a PX4 1.15."""
    return dataclasses.replace(facts, dialect=Dialect.PX4, autopilot=12, version=0x010F0300, parameters=PX4)


@pytest.fixture
def px4_sortie(square_sortie, asked_of):
    """The square, planned for PX4."""
    return dataclasses.replace(square_sortie, vehicle_parameters=asked_of("px4"))


def test_a_ready_vehicle_has_no_findings(facts, square_sortie, px4, px4_sortie) -> None:
    assert preflight(facts, square_sortie) == ()
    assert preflight(px4, px4_sortie) == ()


def test_a_px4_at_rest_says_constant_position_and_is_ready(px4, px4_sortie) -> None:
    assert preflight(dataclasses.replace(px4, ekf_flags=0x3FF), px4_sortie) == ()
    lost = preflight(dataclasses.replace(px4, ekf_flags=0x3FF & ~0x10), px4_sortie)
    assert [f.rule for f in lost] == ["preflight.ekf"]


@pytest.mark.parametrize(
    ("change", "rule", "says"),
    [
        ({"autopilot": 8}, "firmware", "neither ArduPilot"),
        ({"version": 0x03060000}, "firmware", "firmware 3.6 is older than 4.0"),
        ({"armed": True}, "armed", "disarm it first"),
        ({"home": None, "lat_deg": 0.0, "lon_deg": 0.0}, "home", "does not know where it is"),
        ({"home": (51.4427, 4.92, 20.0)}, "home", "home is 300 m from the plan's launch site 'home'"),
        ({"home": (51.44, 4.92, 80.0)}, "home_height", "home is 80 m above mean sea level, the plan says 20 m"),
        ({"battery_pct": math.nan}, "battery", "does not report its battery"),
        ({"battery_pct": 20.0}, "battery", "13 % would be left at landing, 15 % must be"),
        ({"gps_fix": 2}, "gps", "no 3D GPS fix"),
        ({"satellites": 5}, "gps", "5 satellites, 6 are needed"),
        ({"hdop": 3.1}, "gps_hdop", "HDOP 3.1"),
        ({"ekf_flags": 0x80 | 831}, "ekf", "not ready"),
        ({"ekf_flags": 1}, "ekf", "not ready"),
        ({"fence_uploaded": False}, "fence", "is not on the vehicle"),
    ],
)
def test_what_forbids_a_flight(facts, square_sortie, change, rule, says) -> None:
    found = preflight(dataclasses.replace(facts, **change), square_sortie)
    errors = [f for f in found if f.severity is Severity.ERROR]
    assert [f.rule for f in errors] == [f"preflight.{rule}"]
    assert says in errors[0].message
    assert errors[0].sortie == "s1"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"clock_offset_s": -30.0}, "clock"),
        ({"clock_offset_s": math.nan}, "clock"),
        ({"version": None}, "firmware"),
        ({"ekf_flags": -1}, "ekf"),
    ],
)
def test_what_needs_a_look(facts, square_sortie, change, rule) -> None:
    found = preflight(dataclasses.replace(facts, **change), square_sortie)
    assert [(f.rule, f.severity) for f in found] == [(f"preflight.{rule}", Severity.WARNING)]


def test_a_refusal_says_how_many_more_there_are_and_what_would_put_it_right(facts, square_sortie) -> None:
    found = preflight(dataclasses.replace(facts, parameters=COPTER_DEFAULTS), square_sortie)
    stopping = [one for one in found if one.severity is Severity.ERROR]
    assert refusal(stopping).endswith("; 'vedette fly --set-parameters' puts what the plan asks")
    assert f"(and {len(stopping) - 1} more)" in refusal(stopping)
    found = preflight(dataclasses.replace(facts, gps_fix=0), square_sortie)
    assert "--set-parameters" not in refusal([one for one in found if one.severity is Severity.ERROR])


@pytest.mark.parametrize(
    ("dialect", "change", "severity", "rule", "says"),
    [
        ("ardupilot", {"BATT_FS_LOW_ACT": None}, "error", "way_home", "BATT_FS_LOW_ACT is not told"),
        ("ardupilot", {"FS_GCS_ENABLE": None}, "error", "way_home", "ground station lost: FS_GCS_ENABLE is not told"),
        ("ardupilot", {"FS_THR_ENABLE": None}, "error", "way_home", "radio control lost: FS_THR_ENABLE is not told"),
        ("ardupilot", {"FS_THR_ENABLE": 9}, "error", "way_home", "FS_THR_ENABLE 9 is not known"),
        ("ardupilot", {"FS_THR_ENABLE": 4}, "error", "way_home", "retraces its track (SmartRTL)"),
        ("ardupilot", {"FENCE_ACTION": 3}, "error", "way_home", "fence breached: the vehicle retraces its track"),
        ("ardupilot", {"BATT_FS_LOW_ACT": 5}, "error", "way_home", "comes down without steering (BATT_FS_LOW_ACT 5)"),
        ("ardupilot", {"FS_GCS_ENABLE": 6}, "error", "way_home", "FS_GCS_ENABLE 6 needs firmware 4.6 or later"),
        (
            "ardupilot",
            {"FS_GCS_ENABLE": 0},
            "error",
            "failsafe_action",
            "FS_GCS_ENABLE 0",
        ),
        ("ardupilot", {"FS_THR_ENABLE": 3}, "error", "failsafe_action", "lands where it is"),
        ("ardupilot", {"FENCE_ACTION": 0}, "error", "failsafe_action", "fence breached: the vehicle does nothing"),
        ("ardupilot", {"BATT_CRT_VOLT": 14.5}, "error", "failsafe_contradiction", "is not below BATT_LOW_VOLT 14"),
        (
            "ardupilot",
            {"FENCE_ALT_MAX": 50, "RTL_ALT": 0},
            "error",
            "failsafe_contradiction",
            "the mission's 60 m",
        ),
        ("ardupilot", {"FENCE_RADIUS": 300}, "error", "failsafe_contradiction", "farthest item, 721 m away"),
        (
            "ardupilot",
            {"RTL_ALT": 15000},
            "error",
            "failsafe_contradiction",
            "height of 150 m is above FENCE_ALT_MAX",
        ),
        ("ardupilot", {"FENCE_TYPE": 3}, "error", "fence_type", "polygon fences are ignored"),
        ("ardupilot", {"FENCE_ENABLE": 0}, "warning", "fence_enable", "does not switch the fence on"),
        ("px4", {"COM_LOW_BAT_ACT": None}, "error", "way_home", "COM_LOW_BAT_ACT"),
        ("px4", {"NAV_DLL_ACT": 0}, "error", "failsafe_action", "flies the mission on"),
        ("px4", {"NAV_RCL_ACT": 5}, "error", "way_home", "radio control lost: the vehicle comes down without steering"),
        ("px4", {"BAT_CRIT_THR": 0.2}, "error", "failsafe_contradiction", "BAT_CRIT_THR 0.2 is not below BAT_LOW_THR"),
        ("px4", {"GF_MAX_HOR_DIST": 300}, "error", "failsafe_contradiction", "farthest item, 721 m away"),
        ("px4", {"GF_MAX_VER_DIST": 50}, "error", "failsafe_contradiction", "GF_MAX_VER_DIST 50 m is below"),
        ("px4", {"GF_ACTION": 0}, "error", "failsafe_action", "does nothing (GF_ACTION 0)"),
        ("px4", {"GF_ACTION": 2}, "error", "failsafe_action", "holds where it is (GF_ACTION 2)"),
    ],
)
def test_failsafes_that_are_missing_or_contradict(
    facts, square_sortie, px4, px4_sortie, dialect, change, severity, rule, says
) -> None:
    values = dict(PX4 if dialect == "px4" else ARDUPILOT)
    values.update(change)
    values = {name: float(value) for name, value in values.items() if value is not None}
    judged, sortie = (px4, px4_sortie) if dialect == "px4" else (facts, square_sortie)
    found = preflight(dataclasses.replace(judged, parameters=values), sortie)
    assert {(f.severity, f.rule) for f in found} == {(severity, f"preflight.{rule}")}
    assert says in found[0].message


def test_no_battery_failsafe_is_an_error_of_its_own(facts, square_sortie, px4, px4_sortie) -> None:
    none = dict(ARDUPILOT) | {"BATT_FS_LOW_ACT": 0.0, "BATT_FS_CRT_ACT": 0.0}
    found = preflight(dataclasses.replace(facts, parameters=none), square_sortie)
    assert "preflight.failsafe_battery" in [f.rule for f in found]
    found = preflight(dataclasses.replace(px4, parameters=PX4 | {"COM_LOW_BAT_ACT": 0.0}), px4_sortie)
    assert "preflight.failsafe_battery" in [f.rule for f in found]


def test_a_copter_with_its_defaults_is_refused_and_cannot_be_let_pass(facts, square_sortie) -> None:
    found = preflight(dataclasses.replace(facts, parameters=COPTER_DEFAULTS), square_sortie)
    errors = {f.rule for f in found if f.severity is Severity.ERROR}
    assert errors >= {"preflight.way_home", "preflight.failsafe_action", "preflight.failsafe_battery"}
    assert {f"preflight.{rule}" for rule in ALWAYS_JUDGED} & errors == {"preflight.way_home"}


def test_a_sortie_that_asks_for_no_way_home_is_not_flown(facts, square_sortie) -> None:
    sortie = dataclasses.replace(square_sortie, vehicle_parameters=())
    found = preflight(facts, sortie)
    assert "the plan asks for no way home; plan again" in found[0].message
    assert {f.rule for f in found} == {"preflight.way_home"}


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({}, ""),
        ({"FS_LONG_ACTN": 0.0}, "radio control lost: the vehicle flies the mission on"),
        ({"FS_LONG_ACTN": 2.0}, "comes down without steering"),
        ({"RTL_AUTOLAND": 2.0}, "flies to the mission's landing"),
        ({"FENCE_ACTION": 7.0}, "flies to the fence's return point"),
        ({"FS_GCS_ENABL": 0.0}, "ground station lost: the vehicle flies the mission on"),
        ({"RTL_CLIMB_MIN": 30.0}, "climbs straight on before it turns"),
        ({"RTL_RADIUS": -50.0}, ""),
        ({"RTL_RADIUS": 400.0}, "RTL_RADIUS is 400; break-offs were judged with at most 66"),
        ({"RTL_RADIUS": 0.0}, "RTL_RADIUS is 0; break-offs were judged with at most 66"),
    ],
)
def test_a_plane_has_rules_of_its_own(facts, square_sortie, change, wrong) -> None:
    asked = (*RALLY_ASKED, *asked_actions("ardupilot", fixed_wing=True, way="straight"))
    land = VehicleParameter(name="RTL_AUTOLAND", value=1.0, why="lands by itself", action=True)
    circle = VehicleParameter(name="RTL_RADIUS", value=66.0, why="radius of the circle where it lands", wide=True)
    sortie = dataclasses.replace(square_sortie, vehicle_parameters=(*asked, land, circle))
    plane = dataclasses.replace(facts, mav_type=1, parameters=PLANE | {"RTL_RADIUS": 66.0} | change)
    found = [f for f in preflight(plane, sortie) if f.severity is Severity.ERROR]
    assert bool(found) is bool(wrong)
    assert {f.rule for f in found} <= {"preflight.way_home", "preflight.failsafe_action"}
    assert wrong in "".join(f.message for f in found)
    assert any(f.rule == "preflight.landing" for f in preflight(plane, sortie))


@pytest.mark.parametrize(
    ("change", "version", "says"),
    [
        ({}, 0x01100000, ""),
        ({}, 0x010F0000, "RTL_TYPE 4 needs firmware 1.16 or later, and it is 1.15"),
        ({}, None, "its version is not told"),
        ({"COM_FAIL_ACT_T": 5.0}, 0x01100000, "holds, then flies straight to the nearest item"),
        ({"RTL_TYPE": 0.0}, 0x01100000, "returns straight"),
        ({"RTL_TYPE": 2.0}, 0x01100000, "flies to the mission's landing"),
    ],
)
def test_a_px4_that_shall_retrace(px4, px4_sortie, change, version, says) -> None:
    asked = asked_actions("px4", fixed_wing=False, way="retrace")
    sortie = dataclasses.replace(px4_sortie, vehicle_parameters=asked)
    held = PX4 | {"RTL_TYPE": 4.0, "COM_FAIL_ACT_T": 0.0} | change
    found = preflight(dataclasses.replace(px4, version=version, parameters=held), sortie)
    errors = [f for f in found if f.severity is Severity.ERROR]
    assert {f.rule for f in errors} == ({"preflight.way_home"} if says else set())
    assert says in "".join(f.message for f in errors)


def test_a_copter_that_shall_retrace_takes_no_straight_way_home(facts, square_sortie) -> None:
    asked = asked_actions("ardupilot", fixed_wing=False, way="retrace")
    sortie = dataclasses.replace(square_sortie, vehicle_parameters=asked)
    held = ARDUPILOT | {v.name: v.value for v in asked}
    assert preflight(dataclasses.replace(facts, parameters=held), sortie) == ()
    straight = {"FS_THR_ENABLE": 1.0, "FENCE_ACTION": 1.0, "FS_GCS_ENABLE": 3.0, "BATT_FS_LOW_ACT": 2.0}
    for name, value in straight.items():
        found = preflight(dataclasses.replace(facts, parameters=held | {name: value}), sortie)
        assert [f.rule for f in found] == ["preflight.way_home"]
        assert "returns straight" in found[0].message


@pytest.mark.parametrize(
    ("holds", "version", "change", "says"),
    [
        (True, 0x04060000, {}, ""),
        (True, 0x04070000, {}, ""),
        (True, 0x04050700, {}, "needs firmware 4.6 or later, and it is 4.5"),
        (True, None, {}, "its version is not told"),
        (False, 0x04060000, {}, "and holds none; plan again"),
        (True, 0x04060000, {"FS_THR_ENABLE": 5.0}, "retraces its track (SmartRTL)"),
        (True, 0x04060000, {"BATT_FS_LOW_ACT": 2.0}, "returns straight"),
    ],
)
def test_a_copter_whose_mission_holds_its_way_back(facts, square_sortie, holds, version, change, says) -> None:
    asked = asked_actions("ardupilot", fixed_wing=False, way="mission")
    land = dataclasses.replace(square_sortie.items[0], command=21, seq=len(square_sortie.items) - 1, alt_m=0.0)
    items = (*square_sortie.items[:-1], land)
    if holds:
        items = with_return_path(items, square_sortie.legs)
    sortie = dataclasses.replace(square_sortie, vehicle_parameters=asked, items=items, rally=())
    held = ARDUPILOT | {v.name: v.value for v in asked} | change
    found = preflight(dataclasses.replace(facts, version=version, parameters=held), sortie)
    errors = [f for f in found if f.severity is Severity.ERROR]
    assert {f.rule for f in errors} == ({"preflight.way_home"} if says else set())
    assert says in "".join(f.message for f in errors)


@pytest.mark.parametrize(
    ("limit_km", "incl_home", "refused"), [(0.0, 1.0, False), (2.0, 1.0, False), (0.3, 1.0, True), (0.0, 0.0, True)]
)
def test_the_rally_limit_is_decided_all_along_the_flight(facts, square_sortie, limit_km, incl_home, refused) -> None:
    values = ARDUPILOT | {"RALLY_LIMIT_KM": limit_km, "RALLY_INCL_HOME": incl_home}
    found = preflight(dataclasses.replace(facts, parameters=values), square_sortie)
    assert [f.rule for f in found] == (["preflight.way_home"] if refused else [])
    if refused:
        assert "returns to" in found[0].message
        assert not math.isnan(found[0].lat_deg)
    held = {n: v for n, v in values.items() if n != "RALLY_LIMIT_KM"}
    missing = preflight(dataclasses.replace(facts, parameters=held), square_sortie)
    assert ["the vehicle does not answer for RALLY_LIMIT_KM" in f.message for f in missing] == [True]
    alone = dataclasses.replace(square_sortie, rally=())
    assert preflight(dataclasses.replace(facts, parameters=values), alone) == ()


@pytest.mark.parametrize(
    ("offset_s", "says"),
    [(-2.5, "2.5 s behind"), (200.0, "3 min ahead of"), (-10_800.0, "3 h behind"), (-28_087_655.0, "325 days behind")],
)
def test_a_clock_that_is_off_is_said_in_a_persons_units(facts, square_sortie, offset_s, says) -> None:
    found = preflight(dataclasses.replace(facts, clock_offset_s=offset_s), square_sortie)
    assert found[0].message == f"the vehicle's clock is {says} this computer's"


def test_each_kind_is_asked_by_its_own_names() -> None:
    assert set(parameter_names(Dialect.ARDUPILOT, fixed_wing=True)) >= {"FS_GCS_ENABL", "RTL_ALTITUDE", "RTL_AUTOLAND"}
    copter = parameter_names(Dialect.ARDUPILOT, fixed_wing=False)
    assert {"FS_GCS_ENABLE", "FS_THR_ENABLE", "FS_OPTIONS", "RALLY_LIMIT_KM", "RTL_ALT"} <= set(copter)
    assert "RTL_ALT_M" not in copter
    assert "RTL_ALT_M" in parameter_names(Dialect.ARDUPILOT, fixed_wing=False, version=(4, 7))
    assert {"NAV_RCL_ACT", "COM_FAIL_ACT_T", "RTL_TYPE"} <= set(parameter_names(Dialect.PX4, fixed_wing=False))


SHAPED = (
    VehicleParameter(name="RTL_ALT", value=5000.0, why="height of the return", height=True),
    VehicleParameter(name="SRTL_POINTS", value=200.0, why="room for the track", at_least=True),
    VehicleParameter(name="WPNAV_SPEED_UP", value=400.0, why="time counts on it", at_least=True, pace=True),
)


@pytest.mark.parametrize(
    ("change", "severity", "says"),
    [
        ({}, None, ""),
        ({"SRTL_POINTS": 300.0}, None, ""),
        ({"RTL_ALT": 6000.0}, "warning", "RTL_ALT is 6000; break-offs were judged with 5000"),
        ({"RTL_ALT": None, "RTL_ALT_M": 50.0}, None, ""),
        ({"SRTL_POINTS": 100.0}, "error", "SRTL_POINTS is 100; break-offs were judged with at least 200"),
        ({"SRTL_POINTS": None}, "error", "the vehicle does not answer for SRTL_POINTS"),
        ({"WPNAV_SPEED_UP": 250.0}, "warning", "WPNAV_SPEED_UP is 250; the flight is planned with at least 400"),
    ],
)
def test_a_vehicle_that_would_return_otherwise_than_judged(facts, square_sortie, change, severity, says) -> None:
    asked = asked_actions("ardupilot", fixed_wing=False, way="retrace")
    sortie = dataclasses.replace(square_sortie, vehicle_parameters=(*SHAPED, *asked))
    held = ARDUPILOT | {v.name: v.value for v in asked} | {"SRTL_POINTS": 200.0, "WPNAV_SPEED_UP": 400.0} | change
    values = {name: value for name, value in held.items() if value is not None}
    found = preflight(dataclasses.replace(facts, parameters=values), sortie)
    assert [f.severity for f in found] == ([] if severity is None else [severity])
    assert all(says in f.message for f in found)
    assert all(f.rule == ("preflight.way_home" if f.severity == "error" else "preflight.return") for f in found)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"FS_DR_ENABLE": 2.0},
            "the vehicle flies on by dead reckoning (FS_DR_ENABLE 2, FS_EKF_ACTION 1)",
        ),
        ({"FS_EKF_ACTION": 0.0}, "position lost: the vehicle flies on by dead reckoning"),
        ({"FS_EKF_ACTION": math.nan}, "position lost: FS_EKF_ACTION is not told"),
    ],
)
def test_a_vehicle_that_flies_on_without_a_position_is_refused_unless_somebody_lets_it_pass(
    facts, square_sortie, change, said
) -> None:
    held = dataclasses.replace(facts, parameters={**ARDUPILOT, **change})
    (finding,) = (f for f in preflight(held, square_sortie) if f.rule == "preflight.position_loss")
    assert finding.severity is Severity.ERROR
    assert said in finding.message
    assert "position_loss" not in ALWAYS_JUDGED


def test_a_mission_over_terrain_heights_returns_straight_when_they_are_missing(facts, square_sortie, asked_of) -> None:
    """ArduCopter does so whatever is set: no plan that must retrace its way may follow the terrain."""
    asked = asked_actions("ardupilot", fixed_wing=False, way="retrace")
    items = tuple(dataclasses.replace(item, frame=10) for item in square_sortie.items)
    over_ground = dataclasses.replace(square_sortie, items=items, vehicle_parameters=asked)
    held = dataclasses.replace(facts, parameters=ARDUPILOT | {v.name: v.value for v in asked})
    (finding,) = (f for f in preflight(held, over_ground) if "terrain" in f.message)
    assert finding.rule == "preflight.way_home"
    plain = dataclasses.replace(over_ground, items=square_sortie.items)
    assert not [f for f in preflight(held, plain) if "terrain" in f.message]
