"""What each trigger leads to, against tables copied out by hand from the autopilots' sources and documentation."""

from __future__ import annotations

import pytest

from missions.failsafes.reading import names_of, outcome, outcomes, value_of
from missions.failsafes.table import COPTER, PLANE, PX4, table_of
from missions.failsafes.ways import Trigger, Way

COPTER_SAFE = {
    "FS_THR_ENABLE": 1, "FS_GCS_ENABLE": 1, "FS_OPTIONS": 16, "FENCE_ENABLE": 1, "FENCE_ACTION": 1,
    "BATT_FS_LOW_ACT": 2, "BATT_FS_CRT_ACT": 1, "FS_DR_ENABLE": 1, "FS_EKF_ACTION": 1, "FS_CRASH_CHECK": 1,
}  # fmt: skip
PLANE_SAFE = {
    "THR_FAILSAFE": 1, "FS_SHORT_ACTN": 0, "FS_LONG_ACTN": 1, "FS_GCS_ENABL": 1, "FENCE_ENABLE": 1, "FENCE_ACTION": 1,
    "BATT_FS_LOW_ACT": 1, "BATT_FS_CRT_ACT": 1, "RTL_AUTOLAND": 0, "CRASH_DETECT": 0,
}  # fmt: skip
PX4_SAFE = {
    "NAV_RCL_ACT": 2, "NAV_DLL_ACT": 2, "GF_ACTION": 3, "COM_LOW_BAT_ACT": 3, "RTL_TYPE": 0, "COM_FAIL_ACT_T": 5,
}  # fmt: skip
HELD = {"copter": COPTER_SAFE, "plane": PLANE_SAFE, "px4": PX4_SAFE}


def led_to(kind, trigger, version=None, **changes):
    values = {n: float(v) for n, v in {**HELD[kind], **changes}.items() if v is not None}
    version = version or ((1, 16) if kind == "px4" else (4, 6))
    dialect = "px4" if kind == "px4" else "ardupilot"
    found = outcome(trigger, values, dialect, fixed_wing=kind == "plane", version=version)
    return found.unknown or " > ".join(way.name for way in found.ways)


RTL, SMART, SMART_LAND = "STRAIGHT > LAND", "SMART_RTL > STRAIGHT > LAND", "SMART_RTL > LAND"


@pytest.mark.parametrize(
    ("kind", "trigger", "changes", "expected"),
    [
        # ArduCopter defines.h, events.cpp
        *[("copter", Trigger.RADIO, {"FS_THR_ENABLE": n}, w) for n, w in enumerate(
            ["CONTINUE", RTL, RTL, "LAND", SMART, SMART_LAND, "RETURN_PATH", "HOLD > LAND"])],
        *[("copter", Trigger.LINK, {"FS_GCS_ENABLE": n}, w) for n, w in enumerate(
            ["CONTINUE", RTL, RTL, SMART, SMART_LAND, "LAND", "RETURN_PATH", "HOLD > LAND"])],
        *[("copter", Trigger.LOW_BATTERY, {"BATT_FS_LOW_ACT": n}, w) for n, w in enumerate(
            ["NONE", "LAND", RTL, SMART, SMART_LAND, "TERMINATE", "RETURN_PATH", "HOLD > LAND"])],
        *[("copter", Trigger.FENCE, {"FENCE_ACTION": n}, w) for n, w in enumerate(
            ["NONE", RTL, "LAND", SMART, "HOLD > LAND", SMART_LAND])],
        ("copter", Trigger.RADIO, {"FS_OPTIONS": 1}, "CONTINUE"),
        ("copter", Trigger.RADIO, {"FS_OPTIONS": 2}, RTL),
        ("copter", Trigger.LINK, {"FS_OPTIONS": 2}, "CONTINUE"),
        ("copter", Trigger.LINK, {"FS_OPTIONS": 16}, RTL),
        ("copter", Trigger.FENCE, {"FENCE_ENABLE": 0}, "NONE"),
        ("copter", Trigger.FENCE, {"FENCE_ENABLE": 0, "FENCE_AUTOENABLE": 3}, RTL),
        ("copter", Trigger.CRITICAL_BATTERY, {"BATT_FS_CRT_ACT": 2}, RTL),
        # ArduPlane events.cpp, system.cpp, fence.cpp
        *[("plane", Trigger.LINK, {"FS_LONG_ACTN": n}, w) for n, w in enumerate(
            ["CONTINUE", "STRAIGHT", "TERMINATE", "TERMINATE", "CONTINUE", "LANDING > STRAIGHT"])],
        ("plane", Trigger.LINK, {"FS_GCS_ENABL": 0}, "CONTINUE"),
        ("plane", Trigger.LINK, {"FS_GCS_ENABL": 3}, "STRAIGHT"),
        ("plane", Trigger.RADIO, {"FS_SHORT_ACTN": 1}, "HOLD > STRAIGHT"),
        ("plane", Trigger.RADIO, {"FS_SHORT_ACTN": 2}, "TERMINATE > STRAIGHT"),
        ("plane", Trigger.RADIO, {"THR_FAILSAFE": 2, "FS_SHORT_ACTN": 2}, "CONTINUE"),
        ("plane", Trigger.RADIO, {"RTL_AUTOLAND": 2}, "CONTINUE > LANDING > STRAIGHT"),
        ("plane", Trigger.FENCE, {"FENCE_ACTION": 6}, "RETURN_POINT"),
        ("plane", Trigger.LOW_BATTERY, {"BATT_FS_LOW_ACT": 2}, "LANDING > STRAIGHT"),
        ("plane", Trigger.LOW_BATTERY, {"BATT_FS_LOW_ACT": 3}, "TERMINATE"),
        # PX4 failsafe.cpp, rtl.cpp
        *[("px4", Trigger.LINK, {"NAV_DLL_ACT": n}, w) for n, w in
          [(0, "CONTINUE"), (1, "HOLD"), (2, "STRAIGHT"), (3, "LAND"), (5, "TERMINATE"), (6, "TERMINATE")]],
        *[("px4", Trigger.FENCE, {"GF_ACTION": n}, w) for n, w in enumerate(
            ["NONE", "NONE", "HOLD", "STRAIGHT", "TERMINATE", "LAND"])],
        ("px4", Trigger.RADIO, {"COM_RCL_EXCEPT": 1}, "CONTINUE"),
        ("px4", Trigger.RADIO, {"COM_RC_IN_MODE": 4}, "CONTINUE"),
        ("px4", Trigger.CRITICAL_BATTERY, {"COM_LOW_BAT_ACT": 2}, "LAND"),
        ("px4", Trigger.EMERGENCY_BATTERY, {}, "LAND"),
        ("px4", Trigger.LINK, {"RTL_TYPE": 1}, "LANDING"),
        ("px4", Trigger.LINK, {"RTL_TYPE": 4}, "REJOIN"),
        ("px4", Trigger.LINK, {"RTL_TYPE": 4, "COM_FAIL_ACT_T": 0}, "RETRACE"),
        ("px4", Trigger.LINK, {"RTL_TYPE": 5}, "RALLY"),
        # what has no way home: ekf_check.cpp, events.cpp, crash_check.cpp; is_flying.cpp; failsafe.cpp
        *[("copter", Trigger.POSITION, {"FS_DR_ENABLE": n}, w) for n, w in
          [(0, "NONE > DRIFT"), (1, "DRIFT"), (2, "BLIND > DRIFT"), (4, "BLIND > DRIFT")]],
        *[("copter", Trigger.POSITION, {"FS_EKF_ACTION": n}, w) for n, w in
          enumerate(["DRIFT > BLIND", "DRIFT", "DRIFT > BLIND", "DRIFT"])],
        ("copter", Trigger.TERRAIN, {}, RTL),
        ("copter", Trigger.CRASH, {}, "STOPPED"),
        ("copter", Trigger.CRASH, {"FS_CRASH_CHECK": 0}, "NONE"),
        ("copter", Trigger.PILOT, {}, "PILOT"),
        ("plane", Trigger.POSITION, {}, "BLIND"),
        ("plane", Trigger.TERRAIN, {}, "CONTINUE"),
        ("plane", Trigger.CRASH, {"CRASH_DETECT": 1}, "STOPPED"),
        ("px4", Trigger.POSITION, {}, "DRIFT"),
        ("copter", Trigger.POSITION, {"FS_EKF_ACTION": None}, "FS_EKF_ACTION is not told"),
        # what cannot be told
        ("copter", Trigger.RADIO, {"FS_THR_ENABLE": None}, "FS_THR_ENABLE is not told"),
        ("copter", Trigger.LINK, {"FS_OPTIONS": None}, "FS_OPTIONS is not told"),
        ("copter", Trigger.LINK, {"FS_GCS_ENABLE": 9}, "FS_GCS_ENABLE 9 is not known"),
        ("copter", Trigger.LOW_BATTERY, {"BATT_FS_LOW_ACT": 1.5}, "BATT_FS_LOW_ACT 1.5 is not known"),
        ("plane", Trigger.LINK, {"RTL_AUTOLAND": None}, "RTL_AUTOLAND is not told"),
        ("px4", Trigger.LINK, {"NAV_DLL_ACT": 4}, "NAV_DLL_ACT 4 is not known"),
        ("px4", Trigger.LINK, {"RTL_TYPE": 4, "COM_FAIL_ACT_T": None}, "COM_FAIL_ACT_T is not told"),
    ],
)  # fmt: skip
def test_what_a_trigger_leads_to(kind, trigger, changes, expected):
    assert led_to(kind, trigger, **changes) == expected


@pytest.mark.parametrize(("version", "expected"), [
    ((1, 15), "RTL_TYPE 4 needs firmware 1.16 or later, and it is 1.15"),
    (None, "RTL_TYPE 4 needs firmware 1.16 or later, and its version is not told"),
    ((1, 16), "RETRACE"),
    ((2, 0), "RETRACE"),
])  # fmt: skip
def test_a_return_that_older_firmware_does_not_have(version, expected):
    values = {**PX4_SAFE, "RTL_TYPE": 4.0, "COM_FAIL_ACT_T": 0.0}
    found = outcome(Trigger.LINK, values, "px4", fixed_wing=False, version=version)
    assert (found.unknown or found.ways[0].name) == expected


@pytest.mark.parametrize(("version", "expected"), [
    ((4, 5), "FS_GCS_ENABLE 6 needs firmware 4.6 or later, and it is 4.5"), ((4, 6), "RETURN_PATH"),
    (None, "FS_GCS_ENABLE 6 needs firmware 4.6 or later, and its version is not told"),
])  # fmt: skip
def test_a_way_back_that_the_mission_holds_is_flown_since_4_6(version, expected):
    values = {**COPTER_SAFE, "FS_GCS_ENABLE": 6.0}
    found = outcome(Trigger.LINK, values, "ardupilot", fixed_wing=False, version=version)
    assert (found.unknown or found.ways[0].name) == expected


@pytest.mark.parametrize(("version", "expected"), [
    ((4, 2), "DRIFT"), ((4, 3), "FS_DR_ENABLE is not told"), (None, "FS_DR_ENABLE is not told"),
])  # fmt: skip
def test_a_parameter_that_older_firmware_does_not_have_decides_nothing_there(version, expected):
    values = {n: v for n, v in COPTER_SAFE.items() if n != "FS_DR_ENABLE"}
    found = outcome(Trigger.POSITION, values, "ardupilot", fixed_wing=False, version=version)
    assert (found.unknown or found.ways[0].name) == expected


@pytest.mark.parametrize(("hold_s", "expected"), [(5.0, "CIRCLE > STRAIGHT"), (0.0, "STRAIGHT")])
def test_a_px4_wing_circles_before_it_returns_unless_it_acts_at_once(hold_s, expected):
    values = {**PX4_SAFE, "COM_FAIL_ACT_T": hold_s}
    found = outcome(Trigger.LINK, values, "px4", fixed_wing=True, version=(1, 17))
    assert " > ".join(way.name for way in found.ways) == expected
    assert bool(found.outside({Way.STRAIGHT})) is (hold_s > 0.0)
    assert table_of("px4", fixed_wing=True).asked["straight"]["COM_FAIL_ACT_T"] == 0.0


def test_every_trigger_of_every_table_is_told_and_names_what_decided():
    for kind, table in (("copter", COPTER), ("plane", PLANE), ("px4", PX4)):
        dialect, wing = ("px4" if kind == "px4" else "ardupilot"), kind == "plane"
        found = outcomes(HELD[kind], dialect, fixed_wing=wing, version=(9, 9))
        assert [f.trigger for f in found] == list(table.triggers)
        assert all(f.ways and f.parameters for f in found)
        decided = {name for f in found for name, _ in f.parameters}
        assert decided <= set(names_of(dialect, fixed_wing=wing))


@pytest.mark.parametrize("kind", ["copter", "plane", "px4"])
@pytest.mark.parametrize("way", ["straight", "retrace", "mission"])
def test_what_a_plan_asks_leads_home_from_every_trigger(kind, way):
    table = {"copter": COPTER, "plane": PLANE, "px4": PX4}[kind]
    if way not in table.asked:
        return
    values = {"FENCE_ENABLE": 1.0, "RTL_AUTOLAND": 1.0, **table.asked[way]}
    home = {
        "straight": {Way.STRAIGHT}, "retrace": {Way.RETRACE, Way.SMART_RTL}, "mission": {Way.RETURN_PATH},
    }[way]  # fmt: skip
    for found in outcomes(values, "px4" if kind == "px4" else "ardupilot", fixed_wing=kind == "plane", version=(9, 9)):
        # no action of ArduCopter's fence takes a mission's way back: it lands where it is
        last = Way.LAND in found.ways and (
            "battery" in found.trigger or (way == "mission" and "fence" in found.trigger)
        )
        assert home & set(found.ways) or last, found
        assert set(found.ways) <= home | {Way.LAND, Way.CONTINUE}


def test_names_of_both_generations():
    assert value_of({"RTL_ALT": 3500.0}, "RTL_ALT") == 3500.0
    assert value_of({"RTL_ALT_M": 35.0}, "RTL_ALT") == 3500.0
    assert value_of({"WP_SPD_UP": 2.5}, "WPNAV_SPEED_UP") == 250.0
    assert value_of({}, "RTL_ALT") is None
