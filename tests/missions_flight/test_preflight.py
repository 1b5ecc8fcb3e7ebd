"""Each preflight rule, held and broken, and what is said."""

from __future__ import annotations

import dataclasses
import math

import pytest

from missions.flight.preflight import PreflightFacts, parameter_names, preflight
from missions.plan import Severity, VehicleParameter
from missions.plan_files.dialect import Dialect

ARDUPILOT = {
    "BATT_FS_LOW_ACT": 2.0, "BATT_FS_CRT_ACT": 1.0, "BATT_LOW_VOLT": 14.0, "BATT_CRT_VOLT": 13.2,
    "BATT_LOW_MAH": 0.0, "BATT_CRT_MAH": 0.0, "FENCE_ENABLE": 1.0, "FENCE_ACTION": 1.0, "FENCE_TYPE": 7.0,
    "FENCE_ALT_MAX": 120.0, "FENCE_RADIUS": 2000.0, "FS_GCS_ENABLE": 1.0, "RTL_ALT": 5000.0,
}  # fmt: skip
PX4 = {
    "BAT_LOW_THR": 0.15, "BAT_CRIT_THR": 0.07, "BAT_EMERGEN_THR": 0.05, "COM_LOW_BAT_ACT": 3.0, "NAV_DLL_ACT": 2.0,
    "GF_ACTION": 2.0, "GF_MAX_HOR_DIST": 0.0, "GF_MAX_VER_DIST": 0.0, "RTL_RETURN_ALT": 60.0,
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


def test_a_ready_vehicle_has_no_findings(facts, square_sortie) -> None:
    assert preflight(facts, square_sortie) == ()
    px4 = dataclasses.replace(facts, dialect=Dialect.PX4, autopilot=12, version=0x010F0300, parameters=PX4)
    assert preflight(px4, square_sortie) == ()


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
        ({"mav_type": 1}, "landing"),
    ],
)
def test_what_needs_a_look(facts, square_sortie, change, rule) -> None:
    found = preflight(dataclasses.replace(facts, **change), square_sortie)
    assert [(f.rule, f.severity) for f in found] == [(f"preflight.{rule}", Severity.WARNING)]


@pytest.mark.parametrize(
    ("dialect", "change", "severity", "rule", "says"),
    [
        ("ardupilot", {"BATT_FS_LOW_ACT": None}, "error", "failsafe_missing", "BATT_FS_LOW_ACT"),
        ("ardupilot", {"FS_GCS_ENABLE": None}, "error", "failsafe_missing", "FS_GCS_ENABLE"),
        ("ardupilot", {"FS_GCS_ENABLE": 0}, "warning", "failsafe_gcs", "losing this station"),
        ("ardupilot", {"BATT_FS_LOW_ACT": 0, "BATT_FS_CRT_ACT": 0}, "error", "failsafe_battery", "no battery"),
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
        ("ardupilot", {"FENCE_ACTION": 0}, "warning", "fence_action", "only report a breach"),
        ("ardupilot", {"FENCE_ENABLE": 0}, "warning", "fence_enable", "does not switch the fence on"),
        ("px4", {"COM_LOW_BAT_ACT": 0}, "error", "failsafe_battery", "only warns"),
        ("px4", {"COM_LOW_BAT_ACT": None}, "error", "failsafe_missing", "COM_LOW_BAT_ACT"),
        ("px4", {"NAV_DLL_ACT": 0}, "warning", "failsafe_gcs", "losing this station"),
        ("px4", {"BAT_CRIT_THR": 0.2}, "error", "failsafe_contradiction", "BAT_CRIT_THR 0.2 is not below BAT_LOW_THR"),
        ("px4", {"GF_MAX_HOR_DIST": 300}, "error", "failsafe_contradiction", "farthest item, 721 m away"),
        ("px4", {"GF_MAX_VER_DIST": 50}, "error", "failsafe_contradiction", "GF_MAX_VER_DIST 50 m is below"),
        ("px4", {"GF_ACTION": 0}, "warning", "fence_action", "would not act"),
    ],
)
def test_failsafes_that_are_missing_or_contradict(facts, square_sortie, dialect, change, severity, rule, says) -> None:
    values = dict(PX4 if dialect == "px4" else ARDUPILOT)
    values.update(change)
    values = {name: float(value) for name, value in values.items() if value is not None}
    judged = dataclasses.replace(facts, dialect=Dialect(dialect), parameters=values)
    if dialect == "px4":
        judged = dataclasses.replace(judged, autopilot=12, version=0x010F0300)
    found = preflight(judged, square_sortie)
    assert [(f.severity, f.rule) for f in found] == [(severity, f"preflight.{rule}")]
    assert says in found[0].message


@pytest.mark.parametrize(
    ("offset_s", "says"),
    [(-2.5, "2.5 s behind"), (200.0, "3 min ahead of"), (-10_800.0, "3 h behind"), (-28_087_655.0, "325 days behind")],
)
def test_a_clock_that_is_off_is_said_in_a_persons_units(facts, square_sortie, offset_s, says) -> None:
    found = preflight(dataclasses.replace(facts, clock_offset_s=offset_s), square_sortie)
    assert found[0].message == f"the vehicle's clock is {says} this computer's"


def test_a_plane_names_its_parameter_otherwise(facts, square_sortie) -> None:
    assert set(parameter_names(Dialect.ARDUPILOT, fixed_wing=True)) >= {"FS_GCS_ENABL", "RTL_ALTITUDE"}
    assert "FS_GCS_ENABLE" in parameter_names(Dialect.ARDUPILOT, fixed_wing=False)
    values = {n: v for n, v in ARDUPILOT.items() if n != "FS_GCS_ENABLE"} | {"FS_GCS_ENABL": 1.0}
    assert preflight(dataclasses.replace(facts, parameters=values), square_sortie) == ()


JUDGED = (
    VehicleParameter(name="RALLY_INCL_HOME", value=1.0, why="nearest of home and rally"),
    VehicleParameter(name="RTL_ALT", value=5000.0, why="height of the return", height=True),
    VehicleParameter(name="SRTL_POINTS", value=200.0, why="room for the track", at_least=True),
    VehicleParameter(name="BATT_FS_LOW_ACT", value=2.0, why="a low battery makes it return", action=True),
    VehicleParameter(name="WPNAV_SPEED_UP", value=400.0, why="time counts on it", at_least=True, pace=True),
)


@pytest.mark.parametrize(
    ("change", "severity", "says"),
    [
        ({}, None, ""),
        ({"SRTL_POINTS": 300.0}, None, ""),
        ({"RALLY_INCL_HOME": 0.0}, "error", "RALLY_INCL_HOME is 0; break-offs were judged with 1 (nearest of home"),
        ({"RTL_ALT": 6000.0}, "warning", "RTL_ALT is 6000; break-offs were judged with 5000"),
        ({"SRTL_POINTS": 100.0}, "error", "SRTL_POINTS is 100; break-offs were judged with at least 200"),
        ({"BATT_FS_LOW_ACT": 1.0}, "warning", "BATT_FS_LOW_ACT is 1"),
        ({"WPNAV_SPEED_UP": 250.0}, "warning", "WPNAV_SPEED_UP is 250; the flight is planned with at least 400"),
        ({"RALLY_INCL_HOME": None}, "warning", "the vehicle does not answer for RALLY_INCL_HOME"),
    ],
)
def test_a_vehicle_that_would_return_otherwise_than_judged(facts, square_sortie, change, severity, says) -> None:
    sortie = dataclasses.replace(square_sortie, vehicle_parameters=JUDGED)
    values = dict(ARDUPILOT) | {"RALLY_INCL_HOME": 1.0, "SRTL_POINTS": 200.0, "WPNAV_SPEED_UP": 400.0} | change
    values = {name: value for name, value in values.items() if value is not None}
    found = preflight(dataclasses.replace(facts, parameters=values), sortie)
    assert [f.severity for f in found] == ([] if severity is None else [severity])
    assert all(f.rule == "preflight.return" and says in f.message for f in found)
