"""How an autopilot returns when a flight is broken off, and the parameters that make it return so."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.errors import PlanRefusedError
from missions.performance.aircraft import AircraftKind
from missions.performance.handling import parameters
from missions.performance.wind import ground_radius_m
from missions.plan import VehicleParameter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from missions.briefs.brief import Brief
    from missions.plan import Leg, MissionItem

    FloatArray = NDArray[np.float64]

LAND_START: Final = 189
"""MAV_CMD_DO_LAND_START."""
PX4_RETRACE: Final = 4.0
"""RTL_TYPE: along the mission."""
COPTER_RETRACE: Final = 3.0
"""BATT_FS_LOW_ACT and FS_GCS_ENABLE: SmartRTL, or RTL where that cannot be."""
MOST_SRTL_POINTS: Final = 500
"""SRTL_POINTS goes no higher (ArduPilot, AP_SmartRTL)."""


SRTL_UNSIMPLIFIED: Final = 60
"""Points SmartRTL keeps beside the bends of the track: it simplifies after every 50 (its documentation)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRules:
    """How a return is flown.

    ArduCopter (`mode_rtl.cpp`, `compute_return_target`): at the highest of where it is, RTL_ALT and the rally
    point's own height above home, but not above RTL_CONE_SLOPE times the distance (unless it is there already).
    PX4 (`rtl.cpp`): at RTL_RETURN_ALT above the destination, at most its distance over the tangent of
    RTL_CONE_ANG; a fixed wing has no cone and circles up before it goes. ArduPlane ("RTL Mode" in its
    documentation) goes to RTL_ALTITUDE on the way, up or down. A fixed wing circles on arrival.

    With ``retrace`` ArduCopter flies its own track back (SmartRTL, `AP_SmartRTL`; loops in it may be cut, which is
    not counted on); PX4 follows the mission to its landing or back to home, whichever is fewer items away (RTL_TYPE 4).
    """

    return_alt_m: float
    raised: bool = False
    """Whether that is not the autopilot's own: the ground or the brief asks for it."""
    above_destination: bool = False
    cone_slope: float | None = None
    on_the_way: bool = False
    """Whether the height is changed on the way, down as well as up, and not before it."""
    retrace: bool = False
    forward_too: bool = False
    """Whether a return along the path may go on to its end."""
    circle_m: float = 0.0
    """Radius of the circle flown over the landing place, and while climbing on the spot."""

    def heights(
        self, alt_amsl_m: FloatArray, home_amsl_m: float, target_amsl_m: FloatArray, away_m: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the heights after the climb and over the landing place."""
        if self.above_destination:
            wanted = target_amsl_m + self.return_alt_m
        else:
            wanted = np.maximum(home_amsl_m + self.return_alt_m, target_amsl_m)
        if self.on_the_way:
            return alt_amsl_m, wanted
        if self.cone_slope is not None:
            foot = target_amsl_m if self.above_destination else home_amsl_m
            wanted = np.minimum(wanted, foot + away_m * self.cone_slope)
        up = np.maximum(wanted, alt_amsl_m)
        return up, up


def can_retrace(brief: Brief) -> bool:
    """Tell whether the brief's aircraft can return along the path it flew: ArduPilot's fixed wings cannot."""
    return brief.dialect == "px4" or brief.aircraft.aircraft.kind is AircraftKind.MULTIROTOR


def retraces(values: Mapping[str, float], dialect: str) -> bool:
    """Tell whether a vehicle with these parameters returns along its path when the battery or the link fails."""
    if dialect == "px4":
        return values.get("RTL_TYPE") == PX4_RETRACE
    return values.get("BATT_FS_LOW_ACT") == COPTER_RETRACE and "RTL_AUTOLAND" not in values


def return_rules(brief: Brief) -> ReturnRules:
    """Return how the brief's autopilot returns with its own settings, or at the height the brief gives.

    Defaults: ArduCopter RTL_ALT 15 m, RTL_CONE_SLOPE 3; ArduPlane RTL_ALTITUDE 100 m; PX4 RTL_RETURN_ALT 60 m,
    RTL_CONE_ANG 45 degrees (a slope of 1).

    Raises
    ------
    PlanRefusedError
        When the autopilot cannot return the way asked.
    """
    aircraft, retrace = brief.aircraft.aircraft, brief.failsafe.way == "retrace"
    wing = aircraft.kind is AircraftKind.FIXED_WING
    if retrace and not can_retrace(brief):
        raise PlanRefusedError(
            f'failsafe.way = "retrace" cannot be flown by {aircraft.name} with ArduPilot: its fixed wings have no '
            'SmartRTL; set failsafe.way = "straight", or dialect = "px4"',
            rule="failsafe",
        )
    circle = ground_radius_m(aircraft, brief.wind.profile.strongest_mps) if wing else 0.0
    if brief.dialect == "px4":
        rules = ReturnRules(return_alt_m=60.0, above_destination=True, cone_slope=None if wing else 1.0)
    elif wing:
        rules = ReturnRules(return_alt_m=100.0, on_the_way=True)
    else:
        rules = ReturnRules(return_alt_m=15.0, cone_slope=3.0)
    asked = brief.failsafe.return_alt_m
    return dataclasses.replace(
        rules, circle_m=circle, retrace=retrace, forward_too=retrace and brief.dialect == "px4",
        return_alt_m=rules.return_alt_m if asked is None else asked,
        raised=asked is not None and asked != rules.return_alt_m,
    )  # fmt: skip


def vehicle_parameters(
    brief: Brief, legs: Sequence[Leg], items: Sequence[MissionItem], *, rally: bool
) -> tuple[VehicleParameter, ...]:
    """Return the vehicle's parameters under which it returns the way that was judged.

    The names and values are those of the autopilots' parameter references: ArduPilot's
    ``BATT_FS_LOW_ACT`` 2 is RTL on a copter and 3 SmartRTL, 1 is RTL on a plane; PX4's ``COM_LOW_BAT_ACT`` 3 returns
    at the critical level and ``NAV_DLL_ACT`` 2 returns when the link is lost.
    """
    rules = return_rules(brief)
    wing = brief.aircraft.aircraft.kind is AircraftKind.FIXED_WING
    if brief.dialect == "px4":
        return _px4_parameters(rules, wing=wing)
    named = _plane_parameters(rules, items) if wing else _copter_parameters(rules, len(legs))
    home_too = VehicleParameter(name="RALLY_INCL_HOME", value=1.0, why="returns go to the nearest of home and rally")
    return (*named, home_too) if rally and not rules.retrace else named


def speed_parameters(brief: Brief) -> tuple[VehicleParameter, ...]:
    """Return the vehicle's parameters under which the flight takes the time that was planned."""
    named = parameters(brief.aircraft.aircraft, brief.dialect)
    why = "its time and battery count on it"
    return tuple(
        VehicleParameter(name=name, value=value, why=why, at_least=True, pace=True) for name, value in named.items()
    )


def _px4_parameters(rules: ReturnRules, *, wing: bool) -> tuple[VehicleParameter, ...]:
    way = "returns follow the mission" if rules.retrace else "returns go straight to the nearest of home and rally"
    named = [
        VehicleParameter(name="RTL_TYPE", value=PX4_RETRACE if rules.retrace else 0.0, why=way),
        VehicleParameter(
            name="RTL_RETURN_ALT",
            value=rules.return_alt_m,
            why="height of the return above its end",
            height=not rules.raised,
        ),
    ]
    if wing:
        why = "radius of the circle over the landing place"
        named.append(
            VehicleParameter(name="RTL_LOITER_RAD", value=float(np.ceil(rules.circle_m)), why=why, height=True)
        )
    return (
        *named,
        VehicleParameter(name="COM_LOW_BAT_ACT", value=3.0, why="a low battery makes it return", action=True),
        VehicleParameter(name="NAV_DLL_ACT", value=2.0, why="a lost link makes it return", action=True),
    )


def _copter_parameters(rules: ReturnRules, legs: int) -> tuple[VehicleParameter, ...]:
    if rules.retrace:
        points = float(min(MOST_SRTL_POINTS, legs + SRTL_UNSIMPLIFIED))
        return (
            VehicleParameter(name="SRTL_POINTS", value=points, why="room for the whole track", at_least=True),
            VehicleParameter(
                name="BATT_FS_LOW_ACT", value=COPTER_RETRACE, why="a low battery makes it retrace", action=True
            ),
            VehicleParameter(
                name="FS_GCS_ENABLE", value=COPTER_RETRACE, why="a lost link makes it retrace", action=True
            ),
        )
    return (
        VehicleParameter(
            name="RTL_ALT", value=round(100.0 * rules.return_alt_m), why="height of the return, centimetres above home",
            height=not rules.raised,
        ),
        VehicleParameter(name="RTL_CLIMB_MIN", value=0.0, why="no climb beyond that height", height=True),
        VehicleParameter(name="BATT_FS_LOW_ACT", value=2.0, why="a low battery makes it return", action=True),
        VehicleParameter(name="FS_GCS_ENABLE", value=1.0, why="a lost link makes it return", action=True),
    )  # fmt: skip


def _plane_parameters(rules: ReturnRules, items: Sequence[MissionItem]) -> tuple[VehicleParameter, ...]:
    lands = any(item.command == LAND_START for item in items)
    radius = float(np.ceil(rules.circle_m))
    return (
        VehicleParameter(
            name="RTL_ALTITUDE", value=rules.return_alt_m, why="height of the return above home",
            height=not rules.raised,
        ),
        VehicleParameter(name="RTL_CLIMB_MIN", value=0.0, why="no climb straight on before the return", height=True),
        VehicleParameter(name="RTL_RADIUS", value=radius, why="radius of the circle where it lands", height=True),
        VehicleParameter(
            name="RTL_AUTOLAND", value=1.0 if lands else 0.0, action=True,
            why="lands by the mission's own landing" if lands else "circles until somebody lands it",
        ),
        VehicleParameter(name="BATT_FS_LOW_ACT", value=1.0, why="a low battery makes it return", action=True),
        VehicleParameter(name="FS_GCS_ENABL", value=1.0, why="a lost link makes it return", action=True),
    )  # fmt: skip
