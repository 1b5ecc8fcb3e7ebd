"""The table: for each autopilot and kind of aircraft, which parameter decides what a trigger leads to.

Read from the sources: ArduPilot 4.7-dev (ArduCopter/events.cpp, fence.cpp, defines.h; ArduPlane/events.cpp, system.cpp,
fence.cpp; AC_Fence.cpp, AP_BattMonitor_Params.cpp), whose values are those of 4.0 and later; PX4 1.11 to 1.17
(commander/failsafe/failsafe.cpp, navigator/rtl.cpp and their parameter files). A way that is flown only since a
version says so. A later version, another trigger or another parameter is another row.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from missions.failsafes.return_path import FIRST_VERSION
from missions.failsafes.ways import Trigger, Way

if TYPE_CHECKING:
    from collections.abc import Mapping

    Ways = tuple[Way, ...]
    Version = tuple[int, int]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A parameter that sets another one's action aside."""

    parameter: str
    ways: Ways
    """What is done instead."""
    equal: frozenset[int] = frozenset()
    """It does so at these values,"""
    other_than: frozenset[int] = frozenset()
    """at any but these,"""
    bit: int = 0
    """or with this bit set."""
    optional: bool = False
    """Some firmware does not have it, and then behaves as if it were 0."""
    unless: str = ""
    """Another parameter, which firmware may lack, that lets the action through all the same when it is not 0."""

    def closes(self, value: float) -> bool:
        """Tell whether the action is set aside."""
        if self.other_than:
            return value not in self.other_than
        return value in self.equal or bool(int(value) & self.bit)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One action, by the value of its parameter; or the one that no parameter decides."""

    parameter: str = ""
    actions: Mapping[int, Ways] = dataclasses.field(default_factory=dict)
    always: Ways = ()
    """What is done whatever the parameters say."""
    new_in: Version | None = None
    """The firmware that has the parameter first; before it nothing is done."""
    gates: tuple[Gate, ...] = ()
    since: Mapping[int, Version] = dataclasses.field(default_factory=dict)
    """Values that older firmware does not have."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Everything known of one autopilot on one kind of aircraft."""

    triggers: Mapping[Trigger, tuple[Row, ...]]
    """Rows of one trigger follow each other in time."""
    others: Mapping[Trigger, tuple[Row, ...]] = dataclasses.field(default_factory=dict)
    """Triggers that have no way home: a position or the terrain's heights lost, a crash, a pilot."""
    returns: Row | None = None
    """What its return mode is, where a parameter decides that; else `Way.STRAIGHT`."""
    otherwise: Mapping[Way, tuple[Gate, ...]] = dataclasses.field(default_factory=dict)
    """What makes it fly a return otherwise: leave the path that its mode follows, or circle first."""
    asked: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    """What a plan asks to be set for each way of a brief: straight returns, along the path, by the mission."""


_RTL: Final = (Way.STRAIGHT, Way.LAND)
_SMART: Final = (Way.SMART_RTL, Way.STRAIGHT, Way.LAND)
_SMART_OR_LAND: Final = (Way.SMART_RTL, Way.LAND)
_LANDING: Final = (Way.LANDING, Way.STRAIGHT)
_BRAKE: Final = (Way.HOLD, Way.LAND)
_NONE, _LAND, _GOES_ON, _HOLD = (Way.NONE,), (Way.LAND,), (Way.CONTINUE,), (Way.HOLD,)
_DOWN, _RETURNS = (Way.TERMINATE,), (Way.STRAIGHT,)
_ONWARD: Final = (Way.ONWARD, Way.STRAIGHT)

_BY_MISSION: Final = (Way.RETURN_PATH,)
_SINCE: Final = {6: FIRST_VERSION}
"""Before it ArduCopter goes to DO_LAND_START, or straight home."""
_COPTER_BATTERY: Final = {
    0: _NONE, 1: _LAND, 2: _RTL, 3: _SMART, 4: _SMART_OR_LAND, 5: _DOWN, 6: _BY_MISSION, 7: _BRAKE,
}  # fmt: skip
_PILOT: Final = {Trigger.PILOT: (Row(always=(Way.PILOT,)),)}
_DEAD_RECKONING: Final = Row(
    parameter="FS_DR_ENABLE", new_in=(4, 3),
    actions={0: _NONE, 1: (Way.DRIFT,), 2: (Way.BLIND,), 3: (Way.BLIND,), 4: (Way.BLIND,), 6: (Way.BLIND,)},
)  # fmt: skip
_NO_FENCE: Final = (
    Gate(parameter="FENCE_ENABLE", equal=frozenset({0}), ways=_NONE, unless="FENCE_AUTOENABLE"),
)  # fmt: skip
COPTER: Final = Table(
    triggers={
        Trigger.RADIO: (
            Row(
                parameter="FS_THR_ENABLE",
                actions={
                    0: _GOES_ON, 1: _RTL, 2: _RTL, 3: _LAND, 4: _SMART, 5: _SMART_OR_LAND, 6: _BY_MISSION, 7: _BRAKE,
                },
                since=_SINCE,
                gates=(Gate(parameter="FS_OPTIONS", bit=1, ways=_GOES_ON),),
            ),
        ),
        Trigger.LINK: (
            Row(
                parameter="FS_GCS_ENABLE",
                actions={
                    0: _GOES_ON, 1: _RTL, 2: _RTL, 3: _SMART, 4: _SMART_OR_LAND, 5: _LAND, 6: _BY_MISSION, 7: _BRAKE,
                },
                since=_SINCE,
                gates=(Gate(parameter="FS_OPTIONS", bit=2, ways=_GOES_ON),),
            ),
        ),
        Trigger.FENCE: (
            Row(
                parameter="FENCE_ACTION",
                actions={0: _NONE, 1: _RTL, 2: _LAND, 3: _SMART, 4: _BRAKE, 5: _SMART_OR_LAND},
                gates=_NO_FENCE,
            ),
        ),
        Trigger.LOW_BATTERY: (Row(parameter="BATT_FS_LOW_ACT", actions=_COPTER_BATTERY, since=_SINCE),),
        Trigger.CRITICAL_BATTERY: (Row(parameter="BATT_FS_CRT_ACT", actions=_COPTER_BATTERY, since=_SINCE),),
    },
    others={
        Trigger.POSITION: (
            _DEAD_RECKONING,
            Row(
                parameter="FS_EKF_ACTION",
                actions={0: (Way.BLIND,), 1: (Way.DRIFT,), 2: (Way.BLIND,), 3: (Way.DRIFT,)},
            ),
        ),
        Trigger.TERRAIN: (Row(always=_RTL),),
        Trigger.CRASH: (Row(parameter="FS_CRASH_CHECK", actions={0: _NONE, 1: (Way.STOPPED,)}),),
        **_PILOT,
    },
    asked={
        "straight": {
            "FS_THR_ENABLE": 1.0, "FS_GCS_ENABLE": 1.0, "FENCE_ACTION": 1.0, "BATT_FS_LOW_ACT": 2.0,
            "BATT_FS_CRT_ACT": 1.0, "FS_OPTIONS": 16.0, "FS_DR_ENABLE": 1.0, "FS_EKF_ACTION": 1.0,
        },
        "retrace": {
            "FS_THR_ENABLE": 5.0, "FS_GCS_ENABLE": 4.0, "FENCE_ACTION": 5.0, "BATT_FS_LOW_ACT": 4.0,
            "BATT_FS_CRT_ACT": 1.0, "FS_OPTIONS": 16.0, "FS_DR_ENABLE": 1.0, "FS_EKF_ACTION": 1.0,
        },
        "mission": {
            "FS_THR_ENABLE": 6.0, "FS_GCS_ENABLE": 6.0, "FENCE_ACTION": 2.0, "BATT_FS_LOW_ACT": 6.0,
            "BATT_FS_CRT_ACT": 1.0, "FS_OPTIONS": 16.0, "FS_DR_ENABLE": 1.0, "FS_EKF_ACTION": 1.0,
        },
    },
)  # fmt: skip
"""ArduCopter. A return it cannot begin ends in a landing where it is; so does a fence left 100 m behind. Its
fence has no action that takes a mission's way back: there it lands where it is, on our side and on its path.

Where a mission follows the terrain and its heights are missing it returns straight, whatever is set (`events.cpp`). A
hover that knows no position (FS_EKF_ACTION 2) drifts without an end, and counts as flying blind.
"""

_LONG: Final = {0: _GOES_ON, 1: _RETURNS, 2: _DOWN, 3: _DOWN, 4: _GOES_ON, 5: _LANDING}
_PLANE_BATTERY: Final = {
    0: _NONE, 1: _RETURNS, 2: _LANDING, 3: _DOWN, 4: _LANDING, 5: _DOWN, 6: _LANDING, 7: _LANDING,
}  # fmt: skip
_NO_RECEIVER: Final = (Gate(parameter="THR_FAILSAFE", other_than=frozenset({1}), ways=_GOES_ON),)
PLANE: Final = Table(
    triggers={
        Trigger.RADIO: (
            Row(
                parameter="FS_SHORT_ACTN",
                actions={0: _GOES_ON, 1: _HOLD, 2: _DOWN, 3: _GOES_ON, 4: _DOWN},
                gates=_NO_RECEIVER,
            ),
            Row(parameter="FS_LONG_ACTN", actions=_LONG, gates=_NO_RECEIVER),
        ),
        Trigger.LINK: (
            Row(
                parameter="FS_LONG_ACTN",
                actions=_LONG,
                gates=(Gate(parameter="FS_GCS_ENABL", other_than=frozenset({1, 2, 3}), ways=_GOES_ON),),
            ),
        ),
        Trigger.FENCE: (
            Row(
                parameter="FENCE_ACTION",
                actions={
                    0: _NONE, 1: _RETURNS, 2: _NONE, 3: _NONE, 4: _NONE, 5: _NONE, 6: (Way.RETURN_POINT,),
                    7: (Way.RETURN_POINT,), 8: _LANDING,
                },
                gates=_NO_FENCE,
            ),
        ),
        Trigger.LOW_BATTERY: (Row(parameter="BATT_FS_LOW_ACT", actions=_PLANE_BATTERY),),
        Trigger.CRITICAL_BATTERY: (Row(parameter="BATT_FS_CRT_ACT", actions=_PLANE_BATTERY),),
    },
    others={
        Trigger.POSITION: (Row(always=(Way.BLIND,)),),
        Trigger.TERRAIN: (Row(always=_GOES_ON),),
        Trigger.CRASH: (Row(parameter="CRASH_DETECT", actions={0: _NONE, 1: (Way.STOPPED,)}),),
        **_PILOT,
    },
    returns=Row(
        parameter="RTL_AUTOLAND", actions={0: _RETURNS, 1: _RETURNS, 2: _LANDING, 3: _RETURNS, 4: _LANDING},
    ),
    otherwise={
        Way.STRAIGHT: (
            Gate(parameter="FLIGHT_OPTIONS", bit=16, ways=_ONWARD, optional=True),
            Gate(parameter="RTL_CLIMB_MIN", other_than=frozenset({0}), ways=_ONWARD, optional=True),
        ),
    },
    asked={
        "straight": {
            "THR_FAILSAFE": 1.0, "FS_SHORT_ACTN": 0.0, "FS_LONG_ACTN": 1.0, "FS_GCS_ENABL": 1.0, "FENCE_ACTION": 1.0,
            "BATT_FS_LOW_ACT": 1.0, "BATT_FS_CRT_ACT": 1.0,
        },
    },
)  # fmt: skip
"""ArduPlane. It turns for home at once, unless FLIGHT_OPTIONS 16 (CLIMB_BEFORE_TURN) or RTL_CLIMB_MIN have it climb
first, straight on with at most LEVEL_ROLL_LIMIT of bank (`ModeRTL::update`). FBWA with the motor off and FBWB keep no
course over ground: they count as coming down unsteered."""

_LOSS: Final = {0: _GOES_ON, 1: _HOLD, 2: _RETURNS, 3: _LAND, 5: _DOWN, 6: _DOWN}
_PX4_ASKED: Final = {"NAV_RCL_ACT": 2.0, "NAV_DLL_ACT": 2.0, "GF_ACTION": 3.0, "COM_LOW_BAT_ACT": 3.0}
PX4: Final = Table(
    triggers={
        Trigger.RADIO: (
            Row(
                parameter="NAV_RCL_ACT",
                actions=_LOSS,
                gates=(
                    Gate(parameter="COM_RC_IN_MODE", equal=frozenset({4}), ways=_GOES_ON, optional=True),
                    Gate(parameter="COM_RCL_EXCEPT", bit=1, ways=_GOES_ON, optional=True),
                ),
            ),
        ),
        Trigger.LINK: (
            Row(
                parameter="NAV_DLL_ACT",
                actions=_LOSS,
                gates=(Gate(parameter="COM_DLL_EXCEPT", bit=1, ways=_GOES_ON, optional=True),),
            ),
        ),
        Trigger.FENCE: (
            Row(parameter="GF_ACTION", actions={0: _NONE, 1: _NONE, 2: _HOLD, 3: _RETURNS, 4: _DOWN, 5: _LAND}),
        ),
        Trigger.CRITICAL_BATTERY: (
            Row(parameter="COM_LOW_BAT_ACT", actions={0: _NONE, 1: _RETURNS, 2: _LAND, 3: _RETURNS}),
        ),
        Trigger.EMERGENCY_BATTERY: (
            Row(parameter="COM_LOW_BAT_ACT", actions={0: _NONE, 1: _RETURNS, 2: _LAND, 3: _LAND}),
        ),
    },
    others={Trigger.POSITION: (Row(always=(Way.DRIFT,)),), **_PILOT},
    returns=Row(
        parameter="RTL_TYPE",
        actions={
            0: _RETURNS, 1: (Way.LANDING,), 2: (Way.LANDING, Way.RETRACE), 3: _LANDING, 4: (Way.RETRACE,),
            5: (Way.RALLY,),
        },
        since={4: (1, 16), 5: (1, 16)},
    ),
    otherwise={Way.RETRACE: (Gate(parameter="COM_FAIL_ACT_T", other_than=frozenset({0}), ways=(Way.REJOIN,)),)},
    asked={
        "straight": _PX4_ASKED | {"RTL_TYPE": 0.0}, "retrace": _PX4_ASKED | {"RTL_TYPE": 4.0, "COM_FAIL_ACT_T": 0.0},
    },
)  # fmt: skip
"""PX4 on multicopters. A low battery that is not critical yet is a warning only. Without a
position it descends where it is (`checkModeFallback`, Descend).

It holds for COM_FAIL_ACT_T seconds before it acts, and then flies straight to the nearest item, from which it goes
back along the mission: only with 0 does it go back from where it is.
"""
_AT_ONCE: Final = {"COM_FAIL_ACT_T": 0.0}
PX4_WING: Final = dataclasses.replace(
    PX4,
    otherwise=dict(PX4.otherwise)
    | {
        way: (Gate(parameter="COM_FAIL_ACT_T", other_than=frozenset({0}), ways=(Way.CIRCLE, way)),)
        for way in (Way.STRAIGHT, Way.RALLY)
    },
    asked={way: dict(asked) | _AT_ONCE for way, asked in PX4.asked.items()},
)
"""PX4 on fixed wings, which cannot hold where they are: they circle, from wherever that begins, for COM_FAIL_ACT_T."""


def table_of(dialect: str, *, fixed_wing: bool) -> Table:
    """Return the table of ``"ardupilot"`` or ``"px4"`` for a kind of aircraft; a VTOL counts as a fixed wing."""
    if dialect == "px4":
        return PX4_WING if fixed_wing else PX4
    return PLANE if fixed_wing else COPTER
