"""Which of a vehicle's parameters a flight may set: what decides its failsafes, its returns, its fence and its pace.

A closed list. What may be armed with (``ARMING_*``, ``COM_ARM_*``), actuators, calibration, identity and signing are
not on it, whatever a plan file asks.
"""

from __future__ import annotations

from typing import Final

from missions.failsafes.reading import RENAMED

_COPTER: Final = (
    "FS_THR_ENABLE", "FS_GCS_ENABLE", "FS_OPTIONS", "FENCE_ACTION", "FENCE_TYPE", "BATT_FS_LOW_ACT", "BATT_FS_CRT_ACT",
    "FS_DR_ENABLE", "FS_EKF_ACTION",
    "RTL_ALT", "RTL_CLIMB_MIN", "RTL_CONE_SLOPE", "SRTL_POINTS", "RALLY_INCL_HOME", "RALLY_LIMIT_KM",
)  # fmt: skip
_PLANE: Final = (
    "THR_FAILSAFE", "FS_SHORT_ACTN", "FS_LONG_ACTN", "FS_GCS_ENABL", "RTL_ALTITUDE", "RTL_RADIUS", "RTL_AUTOLAND",
)  # fmt: skip
_PX4: Final = (
    "NAV_RCL_ACT", "NAV_DLL_ACT", "GF_ACTION", "COM_LOW_BAT_ACT", "COM_FAIL_ACT_T", "RTL_TYPE", "RTL_RETURN_ALT",
    "RTL_CONE_ANG", "RTL_LOITER_RAD", "NAV_LOITER_RAD",
)  # fmt: skip
_PACES: Final[dict[str, tuple[float, float]]] = {
    "WPNAV_SPEED": (10.0, 2000.0), "WPNAV_SPEED_UP": (10.0, 1000.0), "WPNAV_SPEED_DN": (10.0, 500.0),
    "AIRSPEED_CRUISE": (5.0, 50.0), "FW_AIRSPD_TRIM": (0.5, 50.0),
    "FW_T_CLMB_R_SP": (0.5, 15.0), "FW_T_SINK_R_SP": (0.5, 15.0),
    "MPC_XY_VEL_MAX": (0.0, 20.0), "MPC_XY_CRUISE": (3.0, 20.0), "MPC_Z_VEL_MAX_UP": (0.5, 8.0),
    "MPC_Z_VEL_MAX_DN": (0.5, 4.0), "MPC_Z_V_AUTO_UP": (0.5, 8.0), "MPC_Z_V_AUTO_DN": (0.5, 4.0),
}  # fmt: skip
"""How fast it flies, climbs and sinks, and what each autopilot's own list of parameters allows there."""
PACE_RANGES: Final = _PACES | {
    RENAMED[name][0]: (low / RENAMED[name][1], high / RENAMED[name][1])
    for name, (low, high) in _PACES.items()
    if name in RENAMED
}
"""The same, under the names of both generations."""
SETTABLE: Final = frozenset(
    {*_COPTER, *_PLANE, *_PX4, *(RENAMED[name][0] for name in _COPTER if name in RENAMED), *PACE_RANGES}
)
"""Every name that may be set, of all autopilots and both generations."""
FROM_THE_NEXT_START: Final = frozenset({"SRTL_POINTS"})
"""What counts only once the vehicle has started again: SmartRTL takes its memory at boot (`AP_SmartRTL::init`)."""
