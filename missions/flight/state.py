"""What a vehicle has said of itself so far, gathered from its telemetry."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from pymavlink import mavutil

from missions.plan_files.dialect import Dialect
from missions.transfer import messages as wire
from missions.transfer.values import Peer

if TYPE_CHECKING:
    from collections.abc import Callable

    from missions.transfer.values import Message

_ARMED_FLAG: Final = 128
_PX4: Final = 12
_NO_AUTOPILOT: Final = 8
_FIXED_WING_TYPES: Final = frozenset({1, 19, 20, 21, 22, 23, 24, 25})
"""MAV_TYPE fixed wing and VTOLs: ArduPilot flies these with its plane firmware."""
_ON_GROUND: Final = 1
_FIX_3D: Final = 3
_CRITICAL: Final = 2
_KEPT_TEXTS: Final = 200
_NO_MISSION: Final = 0xFFFF
"""MISSION_CURRENT.total where there is none (MAVLink common.xml)."""


class VehicleState:
    """The latest of everything; NaN or -1 where nothing has been said yet."""

    def __init__(self) -> None:
        self.system = 0
        self.component = 0
        self.autopilot = -1
        self.mav_type = -1
        self.armed = False
        self.mode = ""
        self.base_mode = 0
        self.custom_mode = -1
        self.system_status = -1
        self.lat_deg = self.lon_deg = math.nan
        self.alt_amsl_m = self.alt_rel_home_m = math.nan
        self.speed_mps = math.nan
        self.velocity_mps = (0.0, 0.0)
        """North and east, over the ground."""
        self.fixes: dict[str, tuple[float, float]] = {}
        """What each receiver has said since this was last emptied: latitude and longitude, degrees."""
        self.t_boot_s = math.nan
        self.seq = -1
        self.reached = -1
        self.mission_items = -1
        """How many items it says its mission has, 0 for none; -1 while it does not say."""
        self.battery_pct = math.nan
        self.gps_fix = -1
        self.satellites = -1
        self.hdop = math.nan
        self.ekf_flags = -1
        self.on_ground: bool | None = None
        self.home: tuple[float, float, float] | None = None
        self.version: int | None = None
        self.capabilities = 0
        """MAV_PROTOCOL_CAPABILITY."""
        self.clock_unix_s = math.nan
        self.texts: list[tuple[int, str]] = []
        self.alarms: list[str] = []
        """Critical texts said while armed."""
        self.fence_breached = False
        self.messages = 0
        self.position_fixes = 0

    @property
    def dialect(self) -> Dialect:
        """Whose rules the vehicle follows."""
        return Dialect.PX4 if self.autopilot == _PX4 else Dialect.ARDUPILOT

    @property
    def fixed_wing(self) -> bool:
        """True for aeroplanes and VTOLs."""
        return self.mav_type in _FIXED_WING_TYPES

    def peer(self, own_system: int, own_component: int) -> Peer:
        """Return the other end of a transfer."""
        return Peer(
            system=self.system,
            component=self.component,
            own_system=own_system,
            own_component=own_component,
            dialect=self.dialect,
            fixed_wing=self.fixed_wing,
        )

    def feed(self, message: Message) -> bool:
        """Take in one message; return whether it came from this vehicle's autopilot (nobody signs a RADIO_STATUS)."""
        if message.get_srcSystem() != self.system or message.get_srcComponent() != self.component:
            return False
        if message.get_type() == "RADIO_STATUS":
            return False
        self.messages += 1
        handler = _HANDLERS.get(message.get_type())
        if handler is not None:
            handler(self, message)
        return True

    def _heartbeat(self, message: Message) -> None:
        self.autopilot, self.mav_type = message.autopilot, message.type
        self.armed = bool(message.base_mode & _ARMED_FLAG)
        self.base_mode, self.custom_mode = message.base_mode, message.custom_mode
        self.system_status = message.system_status
        self.mode = mode_name(message)

    def _position(self, message: Message) -> None:
        self.lat_deg, self.lon_deg = message.lat / 1e7, message.lon / 1e7
        self.alt_amsl_m, self.alt_rel_home_m = message.alt / 1e3, message.relative_alt / 1e3
        self.velocity_mps = (message.vx / 100.0, message.vy / 100.0)
        self.speed_mps = math.hypot(*self.velocity_mps)
        self.t_boot_s = message.time_boot_ms / 1e3
        self.position_fixes += 1

    def _sys_status(self, message: Message) -> None:
        if message.battery_remaining >= 0:
            self.battery_pct = float(message.battery_remaining)

    def _battery(self, message: Message) -> None:
        if message.id == 0 and message.battery_remaining >= 0:
            self.battery_pct = float(message.battery_remaining)

    def _gps(self, message: Message) -> None:
        self.gps_fix, self.satellites = message.fix_type, message.satellites_visible
        self.hdop = math.nan if message.eph == 65_535 else message.eph / 100.0
        self._fix("its GPS", message)

    def _second_gps(self, message: Message) -> None:
        self._fix("its second GPS", message)

    def _fix(self, receiver: str, message: Message) -> None:
        if message.fix_type >= _FIX_3D:
            self.fixes[receiver] = (message.lat / 1e7, message.lon / 1e7)

    def _current(self, message: Message) -> None:
        self.seq = message.seq
        total = getattr(message, "total", 0)  # 0 where the sender does not know the field (common.xml)
        self.mission_items = 0 if total == _NO_MISSION else total or -1

    def _reached(self, message: Message) -> None:
        self.reached = max(self.reached, message.seq)

    def _ekf(self, message: Message) -> None:
        self.ekf_flags = message.flags

    def _extended(self, message: Message) -> None:
        self.on_ground = None if message.landed_state == 0 else message.landed_state == _ON_GROUND

    def _home(self, message: Message) -> None:
        self.home = (message.latitude / 1e7, message.longitude / 1e7, message.altitude / 1e3)

    def _text(self, message: Message) -> None:
        text = wire.statustext(message)
        self.texts.append((message.severity, text))
        if self.armed and message.severity <= _CRITICAL:
            self.alarms.append(text)
        del self.texts[:-_KEPT_TEXTS]

    def _fence(self, message: Message) -> None:
        self.fence_breached = bool(message.breach_status)

    def _version(self, message: Message) -> None:
        self.version, self.capabilities = message.flight_sw_version, message.capabilities

    def _time(self, message: Message) -> None:
        if message.time_unix_usec:
            self.clock_unix_s = message.time_unix_usec / 1e6


_HANDLERS: Final[dict[str, Callable[[VehicleState, Any], None]]] = {
    "HEARTBEAT": VehicleState._heartbeat,
    "GLOBAL_POSITION_INT": VehicleState._position,
    "SYS_STATUS": VehicleState._sys_status,
    "BATTERY_STATUS": VehicleState._battery,
    "GPS_RAW_INT": VehicleState._gps,
    "GPS2_RAW": VehicleState._second_gps,
    "MISSION_CURRENT": VehicleState._current,
    "MISSION_ITEM_REACHED": VehicleState._reached,
    "EKF_STATUS_REPORT": VehicleState._ekf,
    "ESTIMATOR_STATUS": VehicleState._ekf,
    "EXTENDED_SYS_STATE": VehicleState._extended,
    "HOME_POSITION": VehicleState._home,
    "STATUSTEXT": VehicleState._text,
    "FENCE_STATUS": VehicleState._fence,
    "AUTOPILOT_VERSION": VehicleState._version,
    "SYSTEM_TIME": VehicleState._time,
}


def is_autopilot(message: Message) -> bool:
    """Tell whether a HEARTBEAT comes from an autopilot (not a camera, gimbal or ground station)."""
    return bool(message.get_type() == "HEARTBEAT" and message.autopilot != _NO_AUTOPILOT)


def mode_name(heartbeat: Message) -> str:
    """Return the flight mode's name, as the ground stations show it."""
    return str(mavutil.mode_string_v10(heartbeat))
