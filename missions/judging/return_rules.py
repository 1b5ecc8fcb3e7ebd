"""How an autopilot returns when a flight is broken off, and the parameters that make it return so."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.errors import PlanRefusedError
from missions.failsafes.landing_choice import LandingChoice
from missions.failsafes.landing_sequence import LAND_START
from missions.failsafes.table import table_of
from missions.performance.handling import parameters
from missions.plan import VehicleParameter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.briefs.brief import Failsafe
    from missions.performance.performance import Performance
    from missions.plan import MissionItem, Sortie

    FloatArray = NDArray[np.float64]

MOST_SRTL_POINTS: Final = 500
"""SRTL_POINTS goes no higher (ArduPilot, AP_SmartRTL)."""


ALONG_THE_PATH: Final = ("retrace", "mission")
"""The ways of a brief on which nothing is flown over but the path itself."""
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
    not counted on), or with ``by_mission`` back along the mission or on to its end, as that says itself
    (`missions.failsafes.return_path`); PX4 follows the mission to its landing or back to home, whichever is fewer
    items away (RTL_TYPE 4).
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
    by_mission: bool = False
    """Whether it is the way back that the mission holds."""
    circle_m: float = 0.0
    """Radius of the circle flown over the landing place, and while climbing on the spot."""
    landing: LandingChoice = LandingChoice()
    """Which of home and the rally points it leads to."""

    @property
    def way(self) -> str:
        """What a brief calls it (`Failsafe.way`)."""
        return "mission" if self.by_mission else "retrace" if self.retrace else "straight"

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


def can_retrace(flown: Performance) -> bool:
    """Tell whether an aircraft can return along the path it flew: ArduPilot's fixed wings cannot."""
    return flown.dialect == "px4" or not flown.wing


def has_return_path(flown: Performance) -> bool:
    """Tell whether an aircraft can return by a way that its mission holds: ArduCopter, since 4.6."""
    return flown.dialect == "ardupilot" and not flown.wing


def own_returns(dialect: str, *, wing: bool) -> ReturnRules:
    """Return how an autopilot returns with its own settings.

    ArduCopter RTL_ALT 15 m, RTL_CONE_SLOPE 3; ArduPlane RTL_ALTITUDE 100 m; PX4 RTL_RETURN_ALT 60 m,
    RTL_CONE_ANG 45 degrees (a slope of 1).
    """
    if dialect == "px4":
        return ReturnRules(return_alt_m=60.0, above_destination=True, cone_slope=None if wing else 1.0)
    return ReturnRules(return_alt_m=100.0, on_the_way=True) if wing else ReturnRules(return_alt_m=15.0, cone_slope=3.0)


def return_rules(failsafe: Failsafe, flown: Performance) -> ReturnRules:
    """Return how an autopilot returns with its own settings, or at the height a brief gives.

    Raises
    ------
    PlanRefusedError
        When the autopilot cannot return the way asked.
    """
    retrace = failsafe.way in ALONG_THE_PATH
    if retrace and not can_retrace(flown):
        raise PlanRefusedError(
            f'failsafe.way = "{failsafe.way}" cannot be flown by {flown.aircraft.name} with ArduPilot: its fixed wings '
            'have no SmartRTL; set failsafe.way = "straight", or dialect = "px4"',
            rule="failsafe",
        )
    rules = own_returns(flown.dialect, wing=flown.wing)
    asked, by_mission = failsafe.return_alt_m, failsafe.way == "mission" and has_return_path(flown)
    return dataclasses.replace(
        rules, circle_m=flown.circle_m, retrace=retrace, forward_too=retrace and (flown.dialect == "px4" or by_mission),
        by_mission=by_mission,
        return_alt_m=rules.return_alt_m if asked is None else asked,
        raised=asked is not None and asked != rules.return_alt_m,
    )  # fmt: skip


def vehicle_parameters(rules: ReturnRules, flown: Performance, sortie: Sortie) -> tuple[VehicleParameter, ...]:
    """Return the vehicle's parameters under which every trigger makes it return the way that was judged.

    The actions are those of `missions.failsafes.table`; names and values are the autopilots' own.
    """
    actions = asked_actions(flown.dialect, fixed_wing=flown.wing, way=rules.way)
    if flown.dialect == "px4":
        return (*_px4_parameters(rules, wing=flown.wing), *actions)
    named = _plane_parameters(rules, sortie.items) if flown.wing else _copter_parameters(rules, len(sortie.legs))
    return (*named, *(RALLY_ASKED if sortie.rally and not rules.retrace else ()), *actions, _FENCE_KIND)


_FENCE_KIND: Final = VehicleParameter(
    name="FENCE_TYPE", value=4.0, why="the plan's own polygons, and no circle or ceiling that ends it", action=True
)
RALLY_ASKED: Final = (
    VehicleParameter(name="RALLY_INCL_HOME", value=1.0, why="returns go to the nearest of home and rally", place=True),
    VehicleParameter(name="RALLY_LIMIT_KM", value=0.0, why="however far the nearest rally point is", place=True),
)
"""What is asked where there are rally points: returns are judged to the nearest of home and all of them."""
_WHY: Final = {
    "FS_THR_ENABLE": "radio control lost", "FS_GCS_ENABLE": "ground station lost", "FENCE_ACTION": "fence breached",
    "BATT_FS_LOW_ACT": "battery low", "BATT_FS_CRT_ACT": "battery critical", "FS_OPTIONS": "no mission is flown on",
    "FS_DR_ENABLE": "position lost: it lands and does not fly by dead reckoning", "FS_EKF_ACTION": "position lost",
    "THR_FAILSAFE": "radio control lost", "FS_SHORT_ACTN": "radio control lost for a moment",
    "FS_LONG_ACTN": "radio control or ground station lost", "FS_GCS_ENABL": "ground station lost",
    "NAV_RCL_ACT": "radio control lost", "NAV_DLL_ACT": "ground station lost", "GF_ACTION": "fence breached",
    "COM_LOW_BAT_ACT": "battery critical or nearly empty", "RTL_TYPE": "how it returns",
    "COM_FAIL_ACT_T": "it acts at once where it is: it goes to no other item first, and flies no circle",
}  # fmt: skip


def asked_actions(dialect: str, *, fixed_wing: bool, way: str) -> tuple[VehicleParameter, ...]:
    """Return what is asked of each trigger, so that the aircraft returns one of the ways of a brief."""
    asked = table_of(dialect, fixed_wing=fixed_wing).asked[way]
    return tuple(VehicleParameter(name=n, value=v, why=_WHY[n], action=True) for n, v in asked.items())


def speed_parameters(flown: Performance) -> tuple[VehicleParameter, ...]:
    """Return the vehicle's parameters under which the flight takes the time that was planned."""
    named = parameters(flown.aircraft, flown.dialect)
    why = "its time and battery count on it"
    return tuple(
        VehicleParameter(name=name, value=value, why=why, at_least=True, pace=True) for name, value in named.items()
    )


def _px4_parameters(rules: ReturnRules, *, wing: bool) -> tuple[VehicleParameter, ...]:
    height = VehicleParameter(
        name="RTL_RETURN_ALT", value=rules.return_alt_m, why="height of the return above its end",
        height=not rules.raised,
    )  # fmt: skip
    if rules.retrace:
        return (height,)
    if wing:
        radius = float(np.ceil(rules.circle_m))
        return (
            height,
            VehicleParameter(
                name="RTL_LOITER_RAD", value=radius, why="radius of the circle over the landing place", wide=True
            ),
            VehicleParameter(name="NAV_LOITER_RAD", value=radius, why="radius of the circle it climbs on", wide=True),
        )
    cone = VehicleParameter(name="RTL_CONE_ANG", value=45.0, why="how high it climbs near its end", height=True)
    return height, cone


def _copter_parameters(rules: ReturnRules, legs: int) -> tuple[VehicleParameter, ...]:
    if rules.by_mission:
        return ()
    if rules.retrace:
        points = float(min(MOST_SRTL_POINTS, legs + SRTL_UNSIMPLIFIED))
        return (VehicleParameter(name="SRTL_POINTS", value=points, why="room for the whole track", at_least=True),)
    return (
        VehicleParameter(
            name="RTL_ALT", value=float(round(100.0 * rules.return_alt_m)),
            why="height of the return, centimetres above home",
            height=not rules.raised,
        ),
        VehicleParameter(name="RTL_CLIMB_MIN", value=0.0, why="no climb beyond that height", height=True),
        VehicleParameter(
            name="RTL_CONE_SLOPE", value=rules.cone_slope or 0.0, why="how high it climbs near its end", height=True
        ),
    )  # fmt: skip


def _plane_parameters(rules: ReturnRules, items: Sequence[MissionItem]) -> tuple[VehicleParameter, ...]:
    lands = any(item.command == LAND_START for item in items)
    radius = float(np.ceil(rules.circle_m))
    return (
        VehicleParameter(
            name="RTL_ALTITUDE", value=rules.return_alt_m, why="height of the return above home",
            height=not rules.raised,
        ),
        VehicleParameter(name="RTL_CLIMB_MIN", value=0.0, why="no climb straight on before the return", action=True),
        VehicleParameter(name="RTL_RADIUS", value=radius, why="radius of the circle where it lands", wide=True),
        VehicleParameter(
            name="RTL_AUTOLAND", value=1.0 if lands else 0.0, action=True,
            why="lands by the mission's own landing" if lands else "circles until somebody lands it",
        ),
    )  # fmt: skip
