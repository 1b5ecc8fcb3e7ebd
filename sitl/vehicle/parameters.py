"""The parameter table and its protocol: list, read by name or number, set."""

from __future__ import annotations

import dataclasses
import struct
from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.plan_files.dialect import Dialect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

INT8: Final = mavlink.MAV_PARAM_TYPE_INT8
INT16: Final = mavlink.MAV_PARAM_TYPE_INT16
INT32: Final = mavlink.MAV_PARAM_TYPE_INT32
REAL32: Final = mavlink.MAV_PARAM_TYPE_REAL32


@dataclasses.dataclass(slots=True)
class Parameter:
    """One named number and the MAV_PARAM_TYPE it is stored as."""

    name: str
    value: float
    kind: int = REAL32


ARDUPILOT_DEFAULTS: Final[tuple[tuple[str, float, int], ...]] = (
    ("ARMING_CHECK", 1, INT32),
    ("AUTO_OPTIONS", 0, INT32),
    ("BATT_ARM_VOLT", 0, REAL32),
    ("BATT_CAPACITY", 8108, INT32),
    ("BATT_CRT_MAH", 0, REAL32),
    ("BATT_CRT_VOLT", 0, REAL32),
    ("BATT_FS_CRT_ACT", 0, INT8),
    ("BATT_FS_LOW_ACT", 0, INT8),
    ("BATT_LOW_MAH", 0, REAL32),
    ("BATT_LOW_TIMER", 10, INT8),
    ("BATT_LOW_VOLT", 0, REAL32),
    ("BATT_MONITOR", 4, INT8),
    ("CAM1_TYPE", 1, INT8),
    ("DISARM_DELAY", 10, INT8),
    ("FENCE_ACTION", 1, INT8),
    ("FENCE_ALT_MAX", 100, REAL32),
    ("FENCE_AUTOENABLE", 0, INT8),
    ("FENCE_ENABLE", 0, INT8),
    ("FENCE_MARGIN", 2, REAL32),
    ("FENCE_RADIUS", 300, REAL32),
    ("FENCE_TOTAL", 0, INT8),
    ("FENCE_TYPE", 7, INT8),
    ("FRAME_CLASS", 1, INT8),
    ("FS_CRASH_CHECK", 1, INT8),
    ("FS_DR_ENABLE", 2, INT8),
    ("FS_EKF_ACTION", 1, INT8),
    ("FS_GCS_ENABLE", 0, INT8),
    ("FS_GCS_TIMEOUT", 5, REAL32),
    ("FS_OPTIONS", 16, INT32),
    ("FS_THR_ENABLE", 1, INT8),
    ("GPS_TYPE", 1, INT8),
    ("LAND_ALT_LOW", 1000, INT16),
    ("LAND_SPEED", 50, INT16),
    ("LAND_SPEED_HIGH", 0, INT16),
    ("MIS_OPTIONS", 0, INT8),
    ("MIS_RESTART", 0, INT8),
    ("MIS_TOTAL", 0, INT16),
    ("MNT1_PITCH_MAX", 20, INT16),
    ("MNT1_PITCH_MIN", -90, INT16),
    ("MNT1_TYPE", 1, INT8),
    ("MNT1_YAW_MAX", 180, INT16),
    ("MNT1_YAW_MIN", -180, INT16),
    ("RALLY_INCL_HOME", 1, INT8),
    ("RALLY_LIMIT_KM", 0.3, REAL32),
    ("RALLY_TOTAL", 0, INT8),
    ("RTL_ALT", 1500, INT32),
    ("RTL_ALT_FINAL", 0, INT16),
    ("RTL_CLIMB_MIN", 0, INT16),
    ("RTL_CONE_SLOPE", 3, REAL32),
    ("RTL_LOIT_TIME", 5000, INT32),
    ("RTL_SPEED", 0, INT16),
    ("SIM_SPEEDUP", 1, REAL32),
    ("SIM_WIND_DIR", 180, REAL32),
    ("SIM_WIND_SPD", 0, REAL32),
    ("SRTL_POINTS", 300, INT16),
    ("SYSID_MYGCS", 255, INT16),
    ("SYSID_THISMAV", 1, INT16),
    ("WPNAV_ACCEL", 250, REAL32),
    ("WPNAV_ACCEL_C", 0, REAL32),
    ("WPNAV_RADIUS", 200, REAL32),
    ("WPNAV_SPEED", 1000, REAL32),
    ("WPNAV_SPEED_DN", 150, REAL32),
    ("WPNAV_SPEED_UP", 250, REAL32),
    ("WP_YAW_BEHAVIOR", 2, INT8),
)
"""Name, default and type of what an ArduCopter has of these (its full table has over a thousand).

The failsafes', fences', rally points' and returns' are those of 4.7-dev (`ArduCopter/Parameters.cpp`, `config.h`,
`AC_Fence.cpp`, `AP_Rally.cpp`, `AP_BattMonitor_Params.cpp`, `AP_SmartRTL.h`; unchanged since 4.0 but for FS_OPTIONS 16,
the default since 4.1), under the names of 4.6 and before. A low battery does nothing by default.
"""

PX4_DEFAULTS: Final[tuple[tuple[str, float, int], ...]] = (
    ("BAT1_CAPACITY", 8108, REAL32),
    ("BAT_CRIT_THR", 0.07, REAL32),
    ("BAT_EMERGEN_THR", 0.05, REAL32),
    ("BAT_LOW_THR", 0.15, REAL32),
    ("COM_ARM_WO_GPS", 1, INT32),
    ("COM_DISARM_LAND", 2, REAL32),
    ("COM_DISARM_PRFLT", 10, REAL32),
    ("COM_DLL_EXCEPT", 0, INT32),
    ("COM_DL_LOSS_T", 10, INT32),
    ("COM_FAIL_ACT_T", 5, REAL32),
    ("COM_LOW_BAT_ACT", 0, INT32),
    ("COM_RCL_EXCEPT", 0, INT32),
    ("COM_RC_IN_MODE", 1, INT32),
    ("COM_RC_LOSS_T", 0.5, REAL32),
    ("GF_ACTION", 2, INT32),
    ("GF_MAX_HOR_DIST", 0, REAL32),
    ("GF_MAX_VER_DIST", 0, REAL32),
    ("MAV_SYS_ID", 1, INT32),
    ("MAV_TYPE", 2, INT32),
    ("MIS_DIST_1WP", 10000, REAL32),
    ("MIS_TAKEOFF_ALT", 2.5, REAL32),
    ("MIS_TKO_LAND_REQ", 0, INT32),
    ("MNT_MODE_IN", 4, INT32),
    ("MPC_ACC_HOR", 3, REAL32),
    ("MPC_LAND_ALT1", 10, REAL32),
    ("MPC_LAND_ALT2", 5, REAL32),
    ("MPC_LAND_SPEED", 0.7, REAL32),
    ("MPC_XY_CRUISE", 5, REAL32),
    ("MPC_XY_VEL_MAX", 12, REAL32),
    ("MPC_Z_V_AUTO_DN", 1.5, REAL32),
    ("MPC_Z_V_AUTO_UP", 3, REAL32),
    ("MPC_Z_VEL_MAX_DN", 1.5, REAL32),
    ("MPC_Z_VEL_MAX_UP", 3, REAL32),
    ("NAV_ACC_RAD", 2, REAL32),
    ("NAV_DLL_ACT", 0, INT32),
    ("NAV_RCL_ACT", 2, INT32),
    ("RTL_CONE_ANG", 45, INT32),
    ("RTL_DESCEND_ALT", 30, REAL32),
    ("RTL_LAND_DELAY", 0, REAL32),
    ("RTL_LOITER_RAD", 80, REAL32),
    ("RTL_MIN_DIST", 10, REAL32),
    ("RTL_RETURN_ALT", 60, REAL32),
    ("RTL_TYPE", 0, INT32),
    ("SYS_AUTOSTART", 10016, INT32),
)
"""Name, default and type of what a PX4 1.15 multicopter has of these (`commander_params.c`, `rtl_params.c`,
`geofence_params.c`): it only warns of a low battery, holds at a breached fence and waits 5 s before it acts."""


_SHARED_PREFIXES: Final = ("ARMING", "BATT_", "CAM1", "FENCE_", "GPS_", "MIS_", "MNT1", "RALLY_", "SIM_", "SYSID")
_PLANES_OWN: Final = ("FENCE_TYPE", "RALLY_INCL_HOME", "RALLY_LIMIT_KM")
ARDUPLANE_DEFAULTS: Final[tuple[tuple[str, float, int], ...]] = tuple(
    sorted(
        [
            *(row for row in ARDUPILOT_DEFAULTS if row[0].startswith(_SHARED_PREFIXES) and row[0] not in _PLANES_OWN),
            ("AIRSPEED_CRUISE", 18, REAL32),
            ("AIRSPEED_MAX", 28, REAL32),
            ("AIRSPEED_MIN", 13, REAL32),
            ("CRASH_DETECT", 0, INT8),
            ("FENCE_TYPE", 4, INT8),
            ("FLIGHT_OPTIONS", 0, INT32),
            ("FS_GCS_ENABL", 0, INT8),
            ("FS_LONG_ACTN", 0, INT8),
            ("FS_LONG_TIMEOUT", 5, REAL32),
            ("FS_SHORT_ACTN", 0, INT8),
            ("FS_SHORT_TIMEOUT", 1.5, REAL32),
            ("RALLY_INCL_HOME", 0, INT8),
            ("RALLY_LIMIT_KM", 5, REAL32),
            ("ROLL_LIMIT_DEG", 40, REAL32),
            ("RTL_ALTITUDE", 100, REAL32),
            ("RTL_AUTOLAND", 0, INT8),
            ("RTL_CLIMB_MIN", 0, REAL32),
            ("RTL_RADIUS", 0, INT16),
            ("THR_FAILSAFE", 1, INT8),
            ("WP_LOITER_RAD", 80, INT16),
            ("WP_RADIUS", 90, INT16),
        ]
    )
)
"""The same for an ArduPlane (`ArduPlane/Parameters.cpp`): a lost link or radio does not make it return by default."""
PX4_WING_DEFAULTS: Final[tuple[tuple[str, float, int], ...]] = tuple(
    sorted(
        [
            *(row for row in PX4_DEFAULTS if not row[0].startswith(("MPC_", "MAV_TYPE", "NAV_ACC_RAD"))),
            ("FW_AIRSPD_MAX", 28, REAL32),
            ("FW_AIRSPD_MIN", 13, REAL32),
            ("FW_AIRSPD_TRIM", 18, REAL32),
            ("FW_LND_ANG", 6, REAL32),
            ("FW_T_CLMB_R_SP", 3, REAL32),
            ("FW_T_SINK_R_SP", 2, REAL32),
            ("MAV_TYPE", 1, INT32),
            ("NAV_ACC_RAD", 10, REAL32),
            ("NAV_LOITER_RAD", 80, REAL32),
        ]
    )
)
"""The same for a PX4 fixed wing."""


class ParameterTable:
    """The vehicle's parameters in name order, as both autopilots list them."""

    def __init__(self, dialect: Dialect, overrides: Iterable[tuple[str, float]] = (), *, wing: bool = False) -> None:
        if dialect is Dialect.PX4:
            defaults = PX4_WING_DEFAULTS if wing else PX4_DEFAULTS
        else:
            defaults = ARDUPLANE_DEFAULTS if wing else ARDUPILOT_DEFAULTS
        self.dialect = dialect
        self._rows = [Parameter(name, float(value), kind) for name, value, kind in defaults]
        self._by_name = {row.name: row for row in self._rows}
        for name, value in overrides:
            self.put(name, value)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._rows)

    def __getitem__(self, name: str) -> float:
        row = self.find(name)
        return row.value if row else 0.0

    def values(self) -> dict[str, float]:
        """Return every parameter by name."""
        return {row.name: row.value for row in self._rows}

    def find(self, name: str, index: int = -1) -> Parameter | None:
        """Return a parameter by number, or by name when the number is negative."""
        if index >= 0:
            return self._rows[index] if index < len(self._rows) else None
        return self._by_name.get(name)

    def put(self, name: str, value: float) -> Parameter:
        """Set a parameter, adding it (as a float, in name order) when there is none yet."""
        row = self.find(name)
        if row is None:
            row = Parameter(name, value)
            self._rows.append(row)
            self._by_name[name] = row
            self._rows.sort(key=lambda one: one.name)
        row.value = value if row.kind == REAL32 else float(round(value))
        return row

    def message(self, row: Parameter) -> mavlink.MAVLink_message:
        """Build the PARAM_VALUE of one row."""
        index = self._rows.index(row)
        return mavlink.MAVLink_param_value_message(
            row.name.encode(), self._encode(row), row.kind, len(self._rows), index
        )

    def decode(self, message: mavlink.MAVLink_message) -> float:
        """Return the number a PARAM_SET carries, by the dialect's own way of packing integers."""
        if self.dialect is Dialect.PX4 and message.param_type != REAL32:
            raw = struct.pack("<f", message.param_value)
            return float(struct.unpack("<i", raw)[0])
        return float(message.param_value)

    def _encode(self, row: Parameter) -> float:
        if self.dialect is Dialect.PX4 and row.kind != REAL32:
            packed: float = struct.unpack("<f", struct.pack("<i", int(row.value)))[0]
            return packed
        return row.value
