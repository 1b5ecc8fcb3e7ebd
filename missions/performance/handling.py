"""How an autopilot flies a multirotor between points: speeding up, slowing for corners, taking off, landing.

The figures are the autopilots' parameter defaults, which few units change; a plan that leaves them
out promises flights some 7 to 20 % shorter than they are.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.performance.aircraft import AircraftKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.performance.aircraft import Aircraft

    FloatArray = NDArray[np.float64]

LEAD_SHARE: Final = 0.4
"""A corner's arc takes at most this share of the shorter leg beside it."""
STRAIGHT_RAD: Final = 1e-3
"""Bends smaller than this are no corners."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """An autopilot's limits on a mission, SI units."""

    accel_mps2: float
    """Along the path."""
    jerk_mps3: float
    corner_accel_mps2: float
    """Across the path, in corners."""
    corner_cut_m: float
    """How far inside a corner the path may pass it; infinite where only the lead counts."""
    corner_lead_m: float
    """How far before a corner the turn may begin; infinite where only the cut counts."""
    brake_ramp_mps: float
    """With v speed and d the way left, it brakes by v^2 + ramp v = 2 a d + (end speed)^2; 0 for a steady braking."""
    climb_accel_mps2: float
    climb_ramp_mps: float
    """It ends a climb as it brakes along the path (`brake_ramp_mps`); 0 for a steady braking to a stop."""
    climb_reached_m: float
    """How far below its height a climb counts as done and the next leg begins; with a `climb_ramp_mps` alone."""
    takeoff_mps: float
    """Climb rate near the ground; infinite where it climbs away at its full rate."""
    takeoff_accel_mps2: float
    """With which it comes to `takeoff_mps`."""
    takeoff_slow_m: float
    """Height above ground up to which `takeoff_mps` holds; 0 where it climbs away at its full rate."""
    sink_accel_mps2: float
    land_mps: float
    """Sink rate of the last metres."""
    land_fast_above_m: float
    """Height above ground where the sink rate begins to be less than the full one, eased down to `land_slow_m`."""
    land_slow_m: float
    """Height above ground below which the sink rate of the last metres holds."""
    vertical_share: float
    """What is flown of a rate asked for straight up or down."""
    spool_s: float
    """From the start of a take-off until it lifts."""
    settle_s: float
    """What a landing takes beside its way down: stopping over the place, and being sure that it is down."""


ARDUPILOT: Final = Handling(
    accel_mps2=2.5,  # WPNAV_ACCEL
    jerk_mps3=1.0,  # WPNAV_JERK
    corner_accel_mps2=5.0,  # WPNAV_ACCEL_C = 0: twice WPNAV_ACCEL
    corner_cut_m=2.0,  # WPNAV_RADIUS
    corner_lead_m=math.inf,
    brake_ramp_mps=0.0,
    climb_accel_mps2=1.0,  # WPNAV_ACCEL_Z
    climb_ramp_mps=0.0,
    climb_reached_m=0.0,
    takeoff_mps=math.inf,
    takeoff_accel_mps2=1.0,
    takeoff_slow_m=0.0,
    sink_accel_mps2=1.0,  # WPNAV_ACCEL_Z
    land_mps=0.5,  # LAND_SPEED
    land_fast_above_m=10.0,  # reached by braking at WPNAV_ACCEL_Z (Mode::land_run_vertical_control)
    land_slow_m=10.0,  # LAND_ALT_LOW
    vertical_share=1.0,
    spool_s=4.0,  # ARMING_DELAY_SEC 2, MOT_SPOOL_TIME 0.5, the thrust's rise; 1 m up after 4 to 6 s
    settle_s=4.0,  # 1 s over the place, LAND_DETECTOR_TRIGGER_SEC 1, spooling down
)
"""ArduCopter 4.5 (AC_WPNav.cpp, ArduCopter/mode.cpp, parameter list); seconds on the ground as flown by 4.7-dev."""
PX4: Final = Handling(
    accel_mps2=3.0,  # MPC_ACC_HOR
    jerk_mps3=4.0,  # MPC_JERK_AUTO
    corner_accel_mps2=1.5,  # MPC_ACC_HOR x MPC_XY_TRAJ_P (computeXYSpeedFromWaypoints)
    corner_cut_m=math.inf,
    corner_lead_m=2.0,  # NAV_ACC_RAD of multicopters (rc.mc_defaults)
    brake_ramp_mps=9.0,  # 4 x MPC_ACC_HOR^2 / MPC_JERK_AUTO (computeMaxSpeedFromDistance)
    climb_accel_mps2=4.0,  # MPC_ACC_UP_MAX
    climb_ramp_mps=16.0,  # 4 x MPC_ACC_UP_MAX^2 / MPC_JERK_AUTO (PositionSmoothing::_getMaxZSpeed)
    climb_reached_m=0.8,  # NAV_MC_ALT_RAD
    takeoff_mps=1.5,  # MPC_TKO_SPEED
    takeoff_accel_mps2=0.5,  # MPC_TKO_SPEED / MPC_TKO_RAMP_T (FlightTaskAuto::_updateTrajConstraints)
    takeoff_slow_m=10.0,  # MPC_LAND_ALT1 (the same)
    sink_accel_mps2=3.0,  # MPC_ACC_DOWN_MAX
    land_mps=0.7,  # MPC_LAND_SPEED
    land_fast_above_m=10.0,  # MPC_LAND_ALT1
    land_slow_m=5.0,  # MPC_LAND_ALT2
    vertical_share=0.9,  # 1 - e / MPC_XY_ERR_MAX (2 m), e 0.2 m: how far from its place it hovers (_generateTrajectory)
    spool_s=4.0,  # COM_SPOOLUP_TIME 1, MPC_TKO_RAMP_T 3; 1 m up after 5 to 6 s
    settle_s=4.0,  # LNDMC_TRIG_TIME 1, COM_DISARM_LAND 2, stopping over the place
)
"""PX4 1.15 multicopter (multicopter_autonomous_params.c, multicopter_takeoff_land_params.c, FlightTaskAuto.cpp);
seconds on the ground as flown by 1.17."""
HANDLING: Final[dict[str, Handling]] = {"ardupilot": ARDUPILOT, "px4": PX4}
"""By a brief's dialect."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OnTheGround:
    """What of a flight, from arming to disarming, an aircraft stands or rolls."""

    before_s: float
    """From arming until it lifts."""
    after_s: float
    """From touching the ground until it is disarmed."""
    run_out_m: float = 0.0
    """How far beyond the place it is to land on it may come to rest."""


WING_ON_THE_GROUND: Final[dict[str, OnTheGround]] = {
    "ardupilot": OnTheGround(before_s=3.0, after_s=29.0),  # LAND_DISARMDELAY 20, counted from when `is_flying` says no
    # RWTO_RAMP_TIME 2; rolling down to 5 m/s 2, LNDFW_TRIG_TIME 2, COM_DISARM_LAND 2; it flares 38 to 55 m beyond its
    # place in still air and rolls 36 m (ArduPlane touches the ground 43 m before its own and rests 3 m before)
    "px4": OnTheGround(before_s=2.0, after_s=6.0, run_out_m=120.0),
}
"""By a brief's dialect, of a fixed wing that rolls: as flown by ArduPlane 4.7-dev (four flights) and PX4 1.17 (two)."""


def on_the_ground(dialect: str, *, wing: bool) -> OnTheGround:
    """Return how long a flight lasts on the ground."""
    if wing:
        return WING_ON_THE_GROUND[dialect]
    return OnTheGround(before_s=HANDLING[dialect].spool_s, after_s=HANDLING[dialect].settle_s)


def parameters(aircraft: Aircraft, dialect: str) -> dict[str, float]:
    """Return the autopilot parameters that make a vehicle climb, sink and cruise as fast as its type is planned to.

    Everything else a plan counts on is the autopilot's default (`HANDLING`).
    """
    if aircraft.kind is AircraftKind.FIXED_WING:
        if dialect != "px4":
            return {"AIRSPEED_CRUISE": aircraft.speed_mps}
        return {  # it sinks with 2 m/s unless told: a circle down to a height may take one round more
            "FW_AIRSPD_TRIM": aircraft.speed_mps, "FW_T_CLMB_R_SP": aircraft.climb_mps,
            "FW_T_SINK_R_SP": aircraft.descent_mps,
        }  # fmt: skip
    if dialect == "px4":
        # returns are flown at MPC_XY_CRUISE, nothing faster than the limits (`rtl_direct.cpp`, `FlightTaskAuto.cpp`)
        along, up, down = aircraft.speed_mps, aircraft.climb_mps, aircraft.descent_mps
        return {
            "MPC_XY_VEL_MAX": along, "MPC_XY_CRUISE": along, "MPC_Z_VEL_MAX_UP": up, "MPC_Z_VEL_MAX_DN": down,
            "MPC_Z_V_AUTO_UP": up, "MPC_Z_V_AUTO_DN": down,
        }  # fmt: skip
    return {  # returns are flown at WPNAV_SPEED, whatever speed the mission changed to (`AC_WPNav.cpp`)
        "WPNAV_SPEED": 100.0 * aircraft.speed_mps, "WPNAV_SPEED_UP": 100.0 * aircraft.climb_mps,
        "WPNAV_SPEED_DN": 100.0 * aircraft.descent_mps,
    }  # fmt: skip


def leg_seconds(handling: Handling, *, east_m: FloatArray, north_m: FloatArray, top_mps: FloatArray) -> FloatArray:
    """Return how long each leg takes with a standing start and end, slowed for the corners between.

    Each leg is a trapezoid of speed between the speeds at its ends; a change of speed by dv takes
    ``dv / a + a / j`` (jerk-limited, Biagiotti and Melchiorri 2008, Trajectory Planning, 3.4).

    Parameters
    ----------
    east_m, north_m
        (n,) points of the path.
    top_mps
        (n - 1,) speed of each leg flown steadily; 0 or NaN for a leg on the spot, which takes 0 s here.
    """
    de, dn = np.diff(east_m), np.diff(north_m)
    length = np.hypot(de, dn)
    top = np.where(top_mps > 0.0, top_mps, 0.0)
    ends = np.minimum(_corner_mps(handling, de, dn, length), np.minimum(np.append(0.0, top), np.append(top, 0.0)))
    ends = _reachable(ends, length, handling.accel_mps2)
    before, after = ends[:-1], ends[1:]
    ramp, room = handling.brake_ramp_mps, before**2 + after**2 + 2.0 * handling.accel_mps2 * length
    peak = np.minimum(top, np.maximum((np.sqrt(ramp**2 + 8.0 * room) - ramp) / 4.0, np.maximum(before, after)))
    safe = np.where(peak > 0.0, peak, 1.0)
    lost = _along_s(handling, peak - before) * (peak - before) / (2.0 * safe) + _braking_s(handling, safe, after)
    return np.asarray(np.where(peak > 0.0, length / safe + lost, 0.0))


def _braking_s(handling: Handling, peak_mps: FloatArray, after_mps: FloatArray) -> FloatArray:
    """Return how much longer braking takes than flying on.

    With a ramp the braking is ``2 a v / (2 v + ramp)``, and the end speed is flown for the last metres; a stop counts
    as one once the place is within the lead.
    """
    ramp, accel = handling.brake_ramp_mps, handling.accel_mps2
    if ramp == 0.0:
        change = peak_mps - after_mps
        return np.asarray(_along_s(handling, change) * change / (2.0 * peak_mps))
    stopped = (math.sqrt(ramp**2 + 8.0 * accel * handling.corner_lead_m) - ramp) / 2.0
    end = np.minimum(np.maximum(after_mps, stopped), peak_mps)
    seconds = (peak_mps - end + ramp / 2.0 * (np.log(peak_mps / end) + 1.0)) / accel
    metres = (peak_mps**2 + ramp * peak_mps - end**2) / (2.0 * accel)
    return np.asarray(seconds - metres / peak_mps)


def _corner_mps(handling: Handling, de: FloatArray, dn: FloatArray, length: FloatArray) -> FloatArray:
    """Return the speed each of the n points can be passed at: the arc inside the corner at the lateral limit.

    An arc of radius r that begins ``L = r tan(turn / 2)`` before the corner passes it at
    ``L tan(turn / 4)``; PX4's computeMaxSpeedInWaypoint is the same with L given.
    """
    course = np.arctan2(de, dn)
    half = np.abs((np.diff(course) + np.pi) % (2.0 * np.pi) - np.pi) / 2.0
    half = np.clip(half, STRAIGHT_RAD / 2.0, np.pi / 2.0 - 1e-6)
    room = LEAD_SHARE * np.minimum(length[:-1], length[1:])
    lead = np.minimum(np.minimum(handling.corner_cut_m / np.tan(half / 2.0), handling.corner_lead_m), room)
    speed = np.sqrt(handling.corner_accel_mps2 * lead / np.tan(half))
    return np.concatenate([[0.0], np.where(half > STRAIGHT_RAD / 2.0, speed, np.inf), [0.0]])


def _reachable(ends: FloatArray, length: FloatArray, accel: float) -> FloatArray:
    """Lower the speeds at the points until each is reached from its neighbours at the acceleration given."""
    gain = 2.0 * accel * np.concatenate([[0.0], np.cumsum(length)])
    forward = np.minimum.accumulate(ends**2 - gain) + gain
    backward = np.minimum.accumulate((ends**2 + gain)[::-1])[::-1] - gain
    return np.asarray(np.sqrt(np.maximum(np.minimum(forward, backward), 0.0)))


def _change_s(accel_mps2: float, jerk_mps3: float, change_mps: FloatArray) -> FloatArray:
    """Return how long a change of speed takes: at full acceleration, or never reaching it."""
    a, j = accel_mps2, jerk_mps3
    change = np.maximum(change_mps, 0.0)
    return np.asarray(np.where(change >= a * a / j, change / a + a / j, 2.0 * np.sqrt(change / j)))


def _along_s(handling: Handling, change_mps: FloatArray) -> FloatArray:
    """Return how long a change of speed along the path takes."""
    return _change_s(handling.accel_mps2, handling.jerk_mps3, change_mps)


def break_off_s(handling: Handling, speed_mps: float) -> float:
    """Return what stopping in flight costs before a way is flown from where that began: braking, and coming back."""
    return float(_along_s(handling, np.array(speed_mps)))


def vertical_s(handling: Handling, aircraft: Aircraft, height_m: FloatArray) -> FloatArray:
    """Return how long going straight up by each height (a take-off) or straight down (a landing) takes, seconds."""
    up, down = np.maximum(height_m, 0.0), np.maximum(-height_m, 0.0)
    sink = handling.vertical_share * max(aircraft.descent_mps, handling.land_mps)
    rising = _climb_s(handling, up, handling.vertical_share * aircraft.climb_mps)
    sinking = _run_s(down, sink, handling.sink_accel_mps2) + _near_ground_s(handling, down, sink)
    on_the_ground = np.where(up > 0.0, handling.spool_s, 0.0) + np.where(down > 0.0, handling.settle_s, 0.0)
    return np.asarray(rising + sinking + on_the_ground)


def _run_s(way_m: FloatArray, rate_mps: float, accel: float) -> FloatArray:
    """Return how long a vertical run from rest to rest takes."""
    full = way_m / rate_mps + rate_mps / accel
    return np.asarray(np.where(way_m >= rate_mps**2 / accel, full, 2.0 * np.sqrt(way_m / accel)))


def _climb_s(handling: Handling, way_m: FloatArray, rate_mps: float) -> FloatArray:
    """Return how long a climb from the ground takes: slowly at first, then at its rate, then to its height."""
    slow_mps, accel = min(handling.takeoff_mps, rate_mps), handling.climb_accel_mps2
    slow_m = np.minimum(way_m, handling.takeoff_slow_m)
    begun_s = np.where(slow_m > 0.0, slow_m / slow_mps + slow_mps / (2.0 * handling.takeoff_accel_mps2), 0.0)
    if handling.climb_ramp_mps == 0.0:
        return np.asarray(begun_s + _run_s(way_m - slow_m, rate_mps, accel))
    ramp, reached_m = handling.climb_ramp_mps, handling.climb_reached_m
    room = slow_mps**2 + 2.0 * accel * (way_m - slow_m)
    peak = np.clip((np.sqrt(ramp**2 + 8.0 * room) - ramp) / 4.0, slow_mps, rate_mps)
    end = np.minimum((math.sqrt(ramp**2 + 8.0 * accel * reached_m) - ramp) / 2.0, peak)
    gained_s = _change_s(accel, handling.jerk_mps3, peak - slow_mps)
    braked_s = (peak - end + ramp / 2.0 * np.log(peak / end)) / accel
    braked_m = (peak**2 - end**2 + ramp * (peak - end)) / (2.0 * accel)
    steady_m = way_m - slow_m - reached_m - braked_m - gained_s * (peak + slow_mps) / 2.0
    climbed_s = gained_s + np.maximum(steady_m, 0.0) / peak + braked_s
    return np.asarray(begun_s + np.where(way_m > 0.0, climbed_s, 0.0))


def _near_ground_s(handling: Handling, way_m: FloatArray, rate_mps: float) -> FloatArray:
    """Return what a descent loses to the rate near the ground: constant below, eased linearly to full above."""
    slow_mps = handling.vertical_share * handling.land_mps
    if slow_mps >= rate_mps:
        return np.zeros_like(way_m)
    slow_m = np.minimum(way_m, handling.land_slow_m)
    eased_m = np.minimum(way_m, handling.land_fast_above_m) - slow_m
    eased = math.log(rate_mps / slow_mps) / (rate_mps - slow_mps)
    return np.asarray(slow_m * (1.0 / slow_mps - 1.0 / rate_mps) + eased_m * (eased - 1.0 / rate_mps))
