"""What the vehicle sends unasked, how often, and how each message is made from its state."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.dialect import Dialect, MissionType
from sitl.vehicle.config import Airframe
from sitl.vehicle.modes import Mode

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sitl.vehicle.vehicle import Vehicle

WALL_GAP_S: Final = 0.005
"""No message is sent more often than this by the wall clock, however fast simulated time runs."""
DEFAULT_INTERVAL_S: Final[dict[int, float]] = {
    mavlink.MAVLINK_MSG_ID_HEARTBEAT: 1.0,
    mavlink.MAVLINK_MSG_ID_SYS_STATUS: 0.5,
    mavlink.MAVLINK_MSG_ID_SYSTEM_TIME: 1.0,
    mavlink.MAVLINK_MSG_ID_GPS_RAW_INT: 0.5,
    mavlink.MAVLINK_MSG_ID_ATTITUDE: 0.25,
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: 0.25,
    mavlink.MAVLINK_MSG_ID_MISSION_CURRENT: 0.5,
    mavlink.MAVLINK_MSG_ID_VFR_HUD: 0.5,
    mavlink.MAVLINK_MSG_ID_BATTERY_STATUS: 1.0,
    mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT: 1.0,
    mavlink.MAVLINK_MSG_ID_HOME_POSITION: 2.0,
    mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: 0.5,
    mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS: 0.25,
    mavlink.MAVLINK_MSG_ID_NAV_CONTROLLER_OUTPUT: 0.5,
    mavlink.MAVLINK_MSG_ID_WIND: 1.0,
}
"""Simulated seconds between two of each message until a ground station asks otherwise."""
STREAM_GROUPS: Final[dict[int, tuple[int, ...]]] = {
    mavlink.MAV_DATA_STREAM_RAW_SENSORS: (),
    mavlink.MAV_DATA_STREAM_EXTENDED_STATUS: (1, 24, 42, 62),
    mavlink.MAV_DATA_STREAM_RC_CHANNELS: (),
    mavlink.MAV_DATA_STREAM_POSITION: (33,),
    mavlink.MAV_DATA_STREAM_EXTRA1: (30,),
    mavlink.MAV_DATA_STREAM_EXTRA2: (74,),
    mavlink.MAV_DATA_STREAM_EXTRA3: (2, 193, 147, 285),
}
"""Message numbers in each of REQUEST_DATA_STREAM's groups (ArduPilot's SRn_ parameters)."""
SENSORS: Final = (
    mavlink.MAV_SYS_STATUS_SENSOR_3D_GYRO
    | mavlink.MAV_SYS_STATUS_SENSOR_3D_ACCEL
    | mavlink.MAV_SYS_STATUS_SENSOR_3D_MAG
    | mavlink.MAV_SYS_STATUS_SENSOR_ABSOLUTE_PRESSURE
    | mavlink.MAV_SYS_STATUS_SENSOR_GPS
    | mavlink.MAV_SYS_STATUS_AHRS
    | mavlink.MAV_SYS_STATUS_SENSOR_BATTERY
)
EKF_FLAGS: Final = 0x33F
"""Attitude, velocities, absolute and relative position, predicted position: all healthy."""


class Streams:
    """Sends each message at its interval of simulated time."""

    def __init__(self, vehicle: Vehicle) -> None:
        self.vehicle = vehicle
        self._interval = dict(DEFAULT_INTERVAL_S)
        self._due = dict.fromkeys(self._interval, 0.0)
        self._sent_wall = dict.fromkeys(self._interval, 0.0)
        self._next = 0.0
        self._builders: dict[int, Callable[[], Any]] = {
            mavlink.MAVLINK_MSG_ID_HEARTBEAT: self.heartbeat,
            mavlink.MAVLINK_MSG_ID_SYS_STATUS: self.sys_status,
            mavlink.MAVLINK_MSG_ID_SYSTEM_TIME: self.system_time,
            mavlink.MAVLINK_MSG_ID_GPS_RAW_INT: self.gps_raw,
            mavlink.MAVLINK_MSG_ID_ATTITUDE: self.attitude,
            mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: self.global_position,
            mavlink.MAVLINK_MSG_ID_MISSION_CURRENT: self.mission_current,
            mavlink.MAVLINK_MSG_ID_VFR_HUD: self.vfr_hud,
            mavlink.MAVLINK_MSG_ID_BATTERY_STATUS: self.battery_status,
            mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT: self.ekf_status,
            mavlink.MAVLINK_MSG_ID_HOME_POSITION: self.home_position,
            mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: self.extended_state,
            mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS: self.gimbal_status,
            mavlink.MAVLINK_MSG_ID_NAV_CONTROLLER_OUTPUT: self.nav_controller,
            mavlink.MAVLINK_MSG_ID_WIND: self.wind,
            mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION: self.autopilot_version,
        }

    def step(self) -> None:
        """Send what is due."""
        now = self.vehicle.t_s
        if now < self._next:
            return
        wall = time.monotonic()
        for kind, interval in self._interval.items():
            if interval <= 0.0 or now < self._due[kind] or wall - self._sent_wall[kind] < WALL_GAP_S:
                continue
            self._due[kind] = now + interval
            self._sent_wall[kind] = wall
            self.vehicle.send(self._builders[kind](), None)
        self._next = min((self._due[k] for k, i in self._interval.items() if i > 0.0), default=now + 1.0)

    def set_interval(self, kind: int, interval_s: float) -> bool:
        """Change how often a message comes: seconds, 0 for the default, negative to stop it."""
        if kind not in self._builders:
            return False
        self._interval[kind] = DEFAULT_INTERVAL_S.get(kind, -1.0) if interval_s == 0.0 else interval_s
        self._due[kind] = self.vehicle.t_s
        self._sent_wall.setdefault(kind, 0.0)
        self._next = 0.0
        return True

    def interval(self, kind: int) -> float | None:
        """Return a message's interval in seconds, None for one this vehicle does not have."""
        return self._interval.get(kind, -1.0) if kind in self._builders else None

    def request(self, kind: int) -> bool:
        """Send one message now; False when this vehicle does not have it."""
        builder = self._builders.get(kind)
        if builder is None:
            return False
        self.vehicle.send(builder(), None)
        return True

    def request_group(self, group: int, rate_hz: int) -> None:
        """Serve the old REQUEST_DATA_STREAM."""
        groups = STREAM_GROUPS if group == mavlink.MAV_DATA_STREAM_ALL else {group: STREAM_GROUPS.get(group, ())}
        for kinds in groups.values():
            for kind in kinds:
                self.set_interval(kind, 1.0 / rate_hz if rate_hz > 0 else -1.0)

    # -- builders -------------------------------------------------------------------------------------

    @property
    def _boot_ms(self) -> int:
        return round(self.vehicle.t_s * 1000.0) & 0xFFFFFFFF

    def heartbeat(self) -> Any:
        """HEARTBEAT."""
        v = self.vehicle
        px4 = v.config.dialect is Dialect.PX4
        base = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED | mavlink.MAV_MODE_FLAG_STABILIZE_ENABLED
        if v.autopilot.mode not in (Mode.STABILIZE,):
            base |= mavlink.MAV_MODE_FLAG_GUIDED_ENABLED
        if v.autopilot.mode is Mode.AUTO:
            base |= mavlink.MAV_MODE_FLAG_AUTO_ENABLED
        if v.autopilot.armed:
            base |= mavlink.MAV_MODE_FLAG_SAFETY_ARMED
        status = mavlink.MAV_STATE_STANDBY if v.autopilot.ready else mavlink.MAV_STATE_BOOT
        if v.airborne:
            status = mavlink.MAV_STATE_ACTIVE
        copter = v.config.airframe is Airframe.COPTER
        return mavlink.MAVLink_heartbeat_message(
            mavlink.MAV_TYPE_QUADROTOR if copter else mavlink.MAV_TYPE_FIXED_WING,
            mavlink.MAV_AUTOPILOT_PX4 if px4 else mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA,
            base,
            v.modes.custom_mode(v.autopilot.mode),
            status,
            3,
        )

    def sys_status(self) -> Any:
        """SYS_STATUS."""
        v = self.vehicle
        fence = mavlink.MAV_SYS_STATUS_GEOFENCE if v.servers[MissionType.FENCE].items else 0
        present = SENSORS | fence
        healthy = present | (mavlink.MAV_SYS_STATUS_PREARM_CHECK if not v.autopilot.arming_problem() else 0)
        return mavlink.MAVLink_sys_status_message(
            present | mavlink.MAV_SYS_STATUS_PREARM_CHECK,
            present | mavlink.MAV_SYS_STATUS_PREARM_CHECK,
            healthy,
            100,
            round(v.battery.voltage_v * 1000.0),
            min(32767, round(v.battery.current_a * 100.0)),
            round(v.battery.remaining_pct),
            0, 0, 0, 0, 0, 0,
        )  # fmt: skip

    def system_time(self) -> Any:
        """SYSTEM_TIME on the simulated clock."""
        return mavlink.MAVLink_system_time_message(self.vehicle.t_utc_ns // 1000, self._boot_ms)

    def gps_raw(self) -> Any:
        """GPS_RAW_INT, with the height above the ellipsoid."""
        v = self.vehicle
        seen = v.sensed()
        s = v.state
        fix = mavlink.GPS_FIX_TYPE_3D_FIX if v.gps_ok else mavlink.GPS_FIX_TYPE_NO_FIX
        return mavlink.MAVLink_gps_raw_int_message(
            v.t_utc_ns // 1000,
            fix,
            round(seen.lat_deg * 1e7),
            round(seen.lon_deg * 1e7),
            round(seen.alt_amsl_m * 1000.0),
            80,
            120,
            round(s.ground_speed_mps * 100.0),
            round(math.degrees(math.atan2(s.v_e_mps, s.v_n_mps)) % 360.0 * 100.0) % 36000,
            14 if v.gps_ok else 0,
            round((seen.alt_amsl_m + v.undulation_m) * 1000.0),
            round(1000.0 * max(v.config.noise.gps_h_m, 0.3)),
            round(1000.0 * max(v.config.noise.gps_v_m, 0.5)),
            200,
            0,
        )

    def attitude(self) -> Any:
        """ATTITUDE, radians."""
        seen = self.vehicle.sensed()
        yaw = (seen.yaw_deg + 180.0) % 360.0 - 180.0
        return mavlink.MAVLink_attitude_message(
            self._boot_ms,
            math.radians(seen.roll_deg),
            math.radians(seen.pitch_deg),
            math.radians(yaw),
            0.0,
            0.0,
            0.0,
        )

    def global_position(self) -> Any:
        """GLOBAL_POSITION_INT."""
        v = self.vehicle
        seen, s = v.sensed(), v.state
        return mavlink.MAVLink_global_position_int_message(
            self._boot_ms,
            round(seen.lat_deg * 1e7),
            round(seen.lon_deg * 1e7),
            round(seen.alt_amsl_m * 1000.0),
            round((seen.alt_amsl_m - v.autopilot.home.alt_amsl_m) * 1000.0),
            round(s.v_n_mps * 100.0),
            round(s.v_e_mps * 100.0),
            round(s.v_d_mps * 100.0),
            round(seen.yaw_deg % 360.0 * 100.0) % 36000,
        )

    def mission_current(self) -> Any:
        """MISSION_CURRENT with total and state."""
        v = self.vehicle
        run = v.autopilot.run
        items = v.servers[MissionType.MISSION].items
        count = len(items) if v.config.dialect is Dialect.PX4 else max(0, len(items) - 1)
        current = run.current if run else 0
        if not count:
            state = mavlink.MISSION_STATE_NO_MISSION
        elif run and run.finished:
            state = mavlink.MISSION_STATE_COMPLETE
        elif v.autopilot.mode is Mode.AUTO and v.autopilot.armed:
            state = mavlink.MISSION_STATE_ACTIVE
        else:
            state = mavlink.MISSION_STATE_NOT_STARTED
        return mavlink.MAVLink_mission_current_message(min(current, max(0, len(items) - 1)), count, state)

    def vfr_hud(self) -> Any:
        """VFR_HUD."""
        v, s = self.vehicle, self.vehicle.state
        throttle = 50 if v.autopilot.armed and v.airborne else 0
        return mavlink.MAVLink_vfr_hud_message(
            s.airspeed_mps, s.ground_speed_mps, round(s.yaw_deg) % 360, throttle, s.alt_amsl_m, -s.v_d_mps
        )

    def battery_status(self) -> Any:
        """BATTERY_STATUS of the one pack."""
        b = self.vehicle.battery
        cell = round(b.voltage_v * 1000.0 / b.spec.cells)
        volts = [cell] * min(10, b.spec.cells) + [65535] * max(0, 10 - b.spec.cells)
        left_s = round(b.left_wh * 3600.0 / max(b.power_w, 1.0))
        return mavlink.MAVLink_battery_status_message(
            0,
            mavlink.MAV_BATTERY_FUNCTION_ALL,
            mavlink.MAV_BATTERY_TYPE_LIPO,
            32767,
            volts,
            min(32767, round(b.current_a * 100.0)),
            round(b.used_mah),
            round(b.used_wh * 36.0),
            round(b.remaining_pct),
            left_s,
            mavlink.MAV_BATTERY_CHARGE_STATE_OK,
        )

    def ekf_status(self) -> Any:
        """EKF_STATUS_REPORT: healthy once the vehicle is ready."""
        flags = EKF_FLAGS if self.vehicle.autopilot.ready and self.vehicle.gps_ok else 1
        return mavlink.MAVLink_ekf_status_report_message(flags, 0.05, 0.05, 0.05, 0.05, 0.05)

    def home_position(self) -> Any:
        """HOME_POSITION."""
        home = self.vehicle.autopilot.home
        return mavlink.MAVLink_home_position_message(
            round(home.lat_deg * 1e7),
            round(home.lon_deg * 1e7),
            round(home.alt_amsl_m * 1000.0),
            0.0, 0.0, 0.0, [1.0, 0.0, 0.0, 0.0], 0.0, 0.0, 0.0,
            self.vehicle.t_utc_ns // 1000,
        )  # fmt: skip

    def extended_state(self) -> Any:
        """EXTENDED_SYS_STATE: landed or not."""
        v = self.vehicle
        landed = mavlink.MAV_LANDED_STATE_IN_AIR if v.airborne else mavlink.MAV_LANDED_STATE_ON_GROUND
        if v.airborne and v.autopilot.mode is Mode.LAND:
            landed = mavlink.MAV_LANDED_STATE_LANDING
        return mavlink.MAVLink_extended_sys_state_message(mavlink.MAV_VTOL_STATE_UNDEFINED, landed)

    def gimbal_status(self) -> Any:
        """GIMBAL_DEVICE_ATTITUDE_STATUS: the quaternion is in the frame that the flags name."""
        v = self.vehicle
        g = v.gimbal
        yaw = g.yaw_deg if g.yaw_locked else g.yaw_deg - v.state.yaw_deg
        q = _quaternion(math.radians(yaw), math.radians(g.pitch_deg))
        return mavlink.MAVLink_gimbal_device_attitude_status_message(
            0, 0, self._boot_ms, g.flags, q, 0.0, 0.0, 0.0, 0
        )

    def nav_controller(self) -> Any:
        """NAV_CONTROLLER_OUTPUT: course and distance to the end of the leg, cross-track error."""
        v = self.vehicle
        leg = v.autopilot.leg
        bearing = round((leg.course_deg if leg else v.state.yaw_deg) + 180.0) % 360 - 180
        distance = max(0, min(65535, round(leg.remaining_m))) if leg else 0
        return mavlink.MAVLink_nav_controller_output_message(
            v.state.roll_deg, v.state.pitch_deg, bearing, bearing, distance, 0.0, 0.0, leg.cross_track_m if leg else 0.0
        )

    def wind(self) -> Any:
        """WIND as the autopilot estimates it (here: as it is)."""
        v = self.vehicle
        speed = math.hypot(v.air_n_mps, v.air_e_mps)
        from_deg = math.degrees(math.atan2(-v.air_e_mps, -v.air_n_mps))
        return mavlink.MAVLink_wind_message(from_deg, speed, 0.0)

    def autopilot_version(self) -> Any:
        """AUTOPILOT_VERSION: what this vehicle can do."""
        v = self.vehicle
        can = (
            mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_INT
            | mavlink.MAV_PROTOCOL_CAPABILITY_COMMAND_INT
            | mavlink.MAV_PROTOCOL_CAPABILITY_MAVLINK2
            | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_FENCE
            | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_RALLY
            | mavlink.MAV_PROTOCOL_CAPABILITY_SET_POSITION_TARGET_GLOBAL_INT
        )
        px4 = v.config.dialect is Dialect.PX4
        can |= mavlink.MAV_PROTOCOL_CAPABILITY_PARAM_ENCODE_BYTEWISE if px4 else (
            mavlink.MAV_PROTOCOL_CAPABILITY_PARAM_FLOAT | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_FLOAT
        )
        version = 0x010F04FF if px4 else 0x040507FF
        return mavlink.MAVLink_autopilot_version_message(
            can, version, 0, 0, 0, b"vedette\0", b"\0" * 8, b"\0" * 8, 0x1209, 0x5740, v.config.sysid, b"\0" * 18
        )


def _quaternion(yaw: float, pitch: float) -> list[float]:
    """Return (w, x, y, z) of a Z-Y-X rotation without roll; radians."""
    cy, sy = math.cos(0.5 * yaw), math.sin(0.5 * yaw)
    cp, sp = math.cos(0.5 * pitch), math.sin(0.5 * pitch)
    return [cy * cp, -sy * sp, cy * sp, sy * cp]
