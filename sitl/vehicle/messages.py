"""How each message the vehicle sends is made from its state."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Protocol

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.plan_files.dialect import Dialect, MissionType
from sitl.dynamics import clamp
from sitl.vehicle.config import Airframe
from sitl.vehicle.gimbal import quaternion
from sitl.vehicle.modes import Mode

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sitl.dynamics import BodyState
    from sitl.dynamics_power import Battery
    from sitl.vehicle.autopilot import Autopilot
    from sitl.vehicle.camera import Camera
    from sitl.vehicle.config import VehicleConfig
    from sitl.vehicle.failsafe import Failsafe
    from sitl.vehicle.gimbal import Gimbal
    from sitl.vehicle.mission_server import MissionServer
    from sitl.vehicle.modes import ModeTable
    from sitl.vehicle.sensors import Sensors

SENSORS: Final = (
    mavlink.MAV_SYS_STATUS_SENSOR_3D_GYRO
    | mavlink.MAV_SYS_STATUS_SENSOR_3D_ACCEL
    | mavlink.MAV_SYS_STATUS_SENSOR_3D_MAG
    | mavlink.MAV_SYS_STATUS_SENSOR_ABSOLUTE_PRESSURE
    | mavlink.MAV_SYS_STATUS_SENSOR_GPS
    | mavlink.MAV_SYS_STATUS_AHRS
    | mavlink.MAV_SYS_STATUS_SENSOR_BATTERY
)
NO_MISSION: Final = 0xFFFF
"""MISSION_CURRENT.total where there is none."""
EKF_FLAGS: Final = 0x33F
"""Attitude, velocities, absolute and relative position, predicted position: all healthy."""


class Told(Protocol):
    """What a vehicle tells of itself."""

    config: VehicleConfig
    state: BodyState
    autopilot: Autopilot
    battery: Battery
    gimbal: Gimbal
    camera: Camera
    sensors: Sensors
    servers: dict[MissionType, MissionServer]
    failsafe: Failsafe
    modes: ModeTable
    air_n_mps: float
    air_e_mps: float

    @property
    def t_utc_ns(self) -> int:
        """The simulated clock."""
        ...

    @property
    def boot_ms(self) -> int:
        """Milliseconds since boot, as MAVLink carries them."""
        ...

    @property
    def airborne(self) -> bool:
        """Whether it is off the ground."""
        ...

    @property
    def gps_ok(self) -> bool:
        """Whether the receiver has a fix."""
        ...

    @property
    def undulation_m(self) -> float:
        """Geoid height at home."""
        ...

    def battery_seen(self) -> tuple[float, float]:
        """Return volts and per cent as the battery monitor says."""
        ...


class Messages:
    """Builds messages; `table` maps a message number to its builder."""

    def __init__(self, vehicle: Told) -> None:
        self.vehicle = vehicle
        self.table: dict[int, Callable[[], Any]] = {
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
            mavlink.MAVLINK_MSG_ID_CAMERA_CAPTURE_STATUS: self.camera_capture,
        }

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
        prearm = mavlink.MAV_SYS_STATUS_PREARM_CHECK
        fence = mavlink.MAV_SYS_STATUS_GEOFENCE
        present = SENSORS | prearm | (fence if v.servers[MissionType.FENCE].items else 0)
        enabled = SENSORS | prearm | (fence if v.failsafe.fence_enabled else 0)
        healthy = SENSORS | (0 if v.failsafe.breached else fence) | (0 if v.autopilot.arming_problem() else prearm)
        return mavlink.MAVLink_sys_status_message(
            present,
            enabled,
            healthy,
            100,
            round(clamp(v.battery_seen()[0], 0.0, 65.0) * 1000.0),
            min(32767, round(v.battery.current_a * 100.0)),
            round(clamp(v.battery_seen()[1], 0.0, 100.0)),
            0, 0, 0, 0, 0, 0,
        )  # fmt: skip

    def system_time(self) -> Any:
        """SYSTEM_TIME on the simulated clock."""
        return mavlink.MAVLink_system_time_message(self.vehicle.t_utc_ns // 1000, self.vehicle.boot_ms)

    def gps_raw(self) -> Any:
        """GPS_RAW_INT, with the height above the ellipsoid."""
        v = self.vehicle
        seen = v.sensors.nav
        s = v.state
        lat, lon, alt = v.sensors.gps or (seen.lat_deg, seen.lon_deg, seen.alt_amsl_m)
        fix = mavlink.GPS_FIX_TYPE_3D_FIX if v.gps_ok else mavlink.GPS_FIX_TYPE_NO_FIX
        return mavlink.MAVLink_gps_raw_int_message(
            v.t_utc_ns // 1000,
            fix,
            round(lat * 1e7),
            round(lon * 1e7),
            round(alt * 1000.0),
            80,
            120,
            round(s.ground_speed_mps * 100.0),
            round(math.degrees(math.atan2(s.v_e_mps, s.v_n_mps)) % 360.0 * 100.0) % 36000,
            14 if v.gps_ok else 0,
            round((alt + v.undulation_m) * 1000.0),
            round(1000.0 * max(v.config.noise.gps_h_m, 0.3)),
            round(1000.0 * max(v.config.noise.gps_v_m, 0.5)),
            200,
            0,
        )

    def attitude(self) -> Any:
        """ATTITUDE, radians."""
        seen = self.vehicle.sensors.nav
        yaw = (seen.yaw_deg + 180.0) % 360.0 - 180.0
        return mavlink.MAVLink_attitude_message(
            self.vehicle.boot_ms,
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
        seen, s = v.sensors.nav, v.state
        return mavlink.MAVLink_global_position_int_message(
            self.vehicle.boot_ms,
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
        told = count or (NO_MISSION if v.config.dialect is Dialect.PX4 else 0)
        return mavlink.MAVLink_mission_current_message(min(current, max(0, len(items) - 1)), told, state)

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
        volts_seen, left_pct = self.vehicle.battery_seen()
        cell = round(clamp(volts_seen, 0.0, 65.0) * 1000.0 / b.spec.cells)
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
            round(clamp(left_pct, 0.0, 100.0)),
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
        error = v.sensors.nav.yaw_deg - v.state.yaw_deg  # the gimbal's north is the autopilot's
        yaw = g.yaw_deg + error if g.yaw_locked else g.yaw_deg - v.state.yaw_deg
        q = quaternion(math.radians(yaw), math.radians(g.pitch_deg))
        return mavlink.MAVLink_gimbal_device_attitude_status_message(0, 0, v.boot_ms, g.flags, q, 0.0, 0.0, 0.0, 0)

    def camera_capture(self) -> Any:
        """CAMERA_CAPTURE_STATUS: whether it films, and how many pictures it has taken."""
        v = self.vehicle
        return mavlink.MAVLink_camera_capture_status_message(
            v.boot_ms, 0, int(v.camera.records), 0.0, 0, 0.0, v.camera.pictures
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
        can |= (
            mavlink.MAV_PROTOCOL_CAPABILITY_PARAM_ENCODE_BYTEWISE
            if px4
            else (mavlink.MAV_PROTOCOL_CAPABILITY_PARAM_FLOAT | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_FLOAT)
        )
        version = 0x010F04FF if px4 else 0x040507FF
        return mavlink.MAVLink_autopilot_version_message(
            can, version, 0, 0, 0, b"vedette\0", b"\0" * 8, b"\0" * 8, 0x1209, 0x5740, v.config.sysid, b"\0" * 18
        )
