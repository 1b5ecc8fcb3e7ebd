"""How fast an autopilot flies: what its parameters say, and what a mission may change of that."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from missions.performance.handling import PX4
from missions.plan_files.dialect import Dialect

if TYPE_CHECKING:
    from sitl.dynamics_wing import FixedWing
    from sitl.vehicle.behaviours import Limits
    from sitl.vehicle.parameters import ParameterTable

LAND_GAIN_PER_S: Final = 0.5
"""How fast ArduCopter's sink rate falls with the height left above LAND_ALT_LOW (its position controller's gain)."""
MPC_JERK_AUTO: Final = 4.0
"""PX4's default, m/s3; nobody sets it here."""
MOST: Final = {1: "MPC_XY_VEL_MAX", 2: "MPC_Z_VEL_MAX_UP", 3: "MPC_Z_VEL_MAX_DN"}
"""PX4's limits, by the kind of speed in DO_CHANGE_SPEED; nothing flies faster (`FlightTaskAuto.cpp`)."""


def take(limits: Limits, p: ParameterTable, dialect: Dialect, wing: FixedWing | None) -> None:
    """Take speeds from the parameters."""
    if wing is not None:
        limits.speed_mps = p["FW_AIRSPD_TRIM"] or p["AIRSPEED_CRUISE"]
        limits.climb_mps = min(wing.climb_mps, p["FW_T_CLMB_R_SP"] or math.inf)
        limits.sink_mps = min(wing.sink_mps, p["FW_T_SINK_R_SP"] or math.inf)
    elif dialect is Dialect.PX4:
        limits.speed_mps = _most(p, 1, p["MPC_XY_CRUISE"])
        limits.climb_mps = _most(p, 2, p["MPC_Z_V_AUTO_UP"])
        limits.sink_mps = _most(p, 3, p["MPC_Z_V_AUTO_DN"])
        limits.accel_mps2, limits.radius_m = p["MPC_ACC_HOR"], p["NAV_ACC_RAD"]
        limits.brake_ramp_mps = 4.0 * p["MPC_ACC_HOR"] ** 2 / MPC_JERK_AUTO
        limits.climb_accel_mps2, limits.climb_ramp_mps = PX4.climb_accel_mps2, PX4.climb_ramp_mps
        limits.climb_reached_m, limits.takeoff_mps = PX4.climb_reached_m, PX4.takeoff_mps
        limits.takeoff_accel_mps2, limits.takeoff_slow_m = PX4.takeoff_accel_mps2, p["MPC_LAND_ALT1"]
        limits.vertical_share = PX4.vertical_share
        limits.land_mps, limits.land_slow_m = p["MPC_LAND_SPEED"], p["MPC_LAND_ALT2"]
        limits.land_ease_m = max(p["MPC_LAND_ALT1"] - p["MPC_LAND_ALT2"], 0.1)
    else:
        limits.speed_mps = p["WPNAV_SPEED"] / 100.0
        limits.climb_mps, limits.sink_mps = p["WPNAV_SPEED_UP"] / 100.0, p["WPNAV_SPEED_DN"] / 100.0
        limits.accel_mps2 = p["WPNAV_ACCEL"] / 100.0
        limits.radius_m = p["WPNAV_RADIUS"] / 100.0
        limits.land_mps, limits.land_slow_m = p["LAND_SPEED"] / 100.0, p["LAND_ALT_LOW"] / 100.0
        limits.land_ease_m = max((limits.sink_mps - limits.land_mps) / LAND_GAIN_PER_S, 0.1)


def change(limits: Limits, p: ParameterTable, kind: int, speed_mps: float, *, winged: bool) -> None:
    """Carry out DO_CHANGE_SPEED: kind 0 or 1 along the path, 2 climbing, 3 descending; others change nothing."""
    if kind not in (0, *MOST):
        return
    if not winged:
        speed_mps = _most(p, max(kind, 1), speed_mps)
    if kind == 2:
        limits.climb_mps = speed_mps
    elif kind == 3:
        limits.sink_mps = speed_mps
    else:
        limits.speed_mps = speed_mps


def _most(p: ParameterTable, kind: int, speed_mps: float) -> float:
    """Return a speed as PX4 caps a multirotor's; other autopilots have no such limit."""
    return min(speed_mps, p[MOST[kind]] or math.inf)
