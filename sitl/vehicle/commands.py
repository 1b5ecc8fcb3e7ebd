"""Commands, parameters, modes and the small requests of the ground station."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Protocol

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.plan_files.dialect import POSITION_COMMANDS, Dialect
from sitl.faults import FAILURE_TYPES, FAILURE_UNITS
from sitl.vehicle.behaviours import Place
from sitl.vehicle.modes import Mode
from sitl.vehicle.wire import RELATIVE_FRAMES, TERRAIN_FRAMES, from_message, whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sitl.dynamics import BodyState
    from sitl.vehicle.autopilot import Autopilot
    from sitl.vehicle.camera import Camera
    from sitl.vehicle.config import VehicleConfig
    from sitl.vehicle.failsafe import Failsafe
    from sitl.vehicle.fault_desk import FaultDesk
    from sitl.vehicle.gimbal import Gimbal
    from sitl.vehicle.modes import ModeTable
    from sitl.vehicle.parameters import ParameterTable
    from sitl.vehicle.streams import Streams
    from sitl.vehicle.wire import WireItem

ACCEPTED: Final[int] = mavlink.MAV_RESULT_ACCEPTED
DENIED: Final[int] = mavlink.MAV_RESULT_DENIED
FAILED: Final[int] = mavlink.MAV_RESULT_FAILED
UNSUPPORTED: Final[int] = mavlink.MAV_RESULT_UNSUPPORTED
FORCE_ARM: Final = 21196
"""Second parameter of COMPONENT_ARM_DISARM that skips the checks (MAVLink common.xml)."""
HIGHEST_HOME_M: Final = 100_000.0
"""A home farther above the sea, or below it, is none: its height would not fit the messages that tell it."""

_PLACED_COMMANDS: Final = frozenset({mavlink.MAV_CMD_DO_REPOSITION})
"""Commands with a place that are never mission items."""

Parameters = tuple[float, float, float, float, float, float, float]


class Commanded(Protocol):
    """What commands change of a vehicle."""

    send: Callable[[Any, tuple[int, int] | None], None]
    config: VehicleConfig
    state: BodyState
    autopilot: Autopilot
    modes: ModeTable
    parameters: ParameterTable
    gimbal: Gimbal
    failsafe: Failsafe
    faults: FaultDesk
    streams: Streams
    camera: Camera

    @property
    def t_s(self) -> float:
        """Simulated seconds since boot."""
        ...

    @property
    def airborne(self) -> bool:
        """Whether it is off the ground."""
        ...

    def say(self, severity: int, text: str) -> None:
        """Send a STATUSTEXT to everyone."""
        ...

    def place_of(self, item: WireItem) -> Place:
        """Return where an item is, at its height above mean sea level."""
        ...

    def store_home(self) -> None:
        """Put home into item 0 of the mission."""
        ...

    def parameter_changed(self, name: str) -> None:
        """Let a changed parameter take effect."""
        ...


class CommandDesk:
    """Carries out what a ground station asks, and answers."""

    def __init__(self, vehicle: Commanded) -> None:
        self.vehicle = vehicle
        self._messages: dict[str, Callable[[Any], None]] = {
            "COMMAND_LONG": self._on_long,
            "COMMAND_INT": self._on_int,
            "SET_MODE": self._on_set_mode,
            "MISSION_SET_CURRENT": self._on_set_current,
            "PARAM_REQUEST_LIST": self._on_param_list,
            "PARAM_REQUEST_READ": self._on_param_read,
            "PARAM_SET": self._on_param_set,
            "REQUEST_DATA_STREAM": self._on_data_stream,
            "TIMESYNC": self._on_timesync,
            "PING": self._on_ping,
            "SET_POSITION_TARGET_GLOBAL_INT": self._on_position_target,
        }
        self._commands: dict[int, Callable[[Parameters, int], int]] = {
            mavlink.MAV_CMD_COMPONENT_ARM_DISARM: self._arm,
            mavlink.MAV_CMD_NAV_TAKEOFF: self._takeoff,
            mavlink.MAV_CMD_NAV_LAND: lambda p, f: self._mode(Mode.LAND),
            mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH: lambda p, f: self._mode(Mode.RTL),
            mavlink.MAV_CMD_NAV_LOITER_UNLIM: lambda p, f: self._mode(Mode.LOITER),
            mavlink.MAV_CMD_MISSION_START: self._mission_start,
            mavlink.MAV_CMD_DO_SET_MODE: self._set_mode,
            mavlink.MAV_CMD_DO_SET_MISSION_CURRENT: self._jump,
            mavlink.MAV_CMD_REQUEST_MESSAGE: self._request_message,
            mavlink.MAV_CMD_SET_MESSAGE_INTERVAL: self._set_interval,
            mavlink.MAV_CMD_GET_MESSAGE_INTERVAL: self._get_interval,
            mavlink.MAV_CMD_REQUEST_AUTOPILOT_CAPABILITIES: lambda p, f: self._request(148),
            mavlink.MAV_CMD_GET_HOME_POSITION: lambda p, f: self._request(242),
            mavlink.MAV_CMD_DO_SET_HOME: self._set_home,
            mavlink.MAV_CMD_DO_REPOSITION: self._reposition,
            mavlink.MAV_CMD_DO_PAUSE_CONTINUE: self._pause,
            mavlink.MAV_CMD_INJECT_FAILURE: self._inject,
        }

    def handle(self, message: Any) -> None:
        """Take one message that is not of the mission protocol."""
        handler = self._messages.get(message.get_type())
        if handler:
            handler(message)

    # -- commands -------------------------------------------------------------------------------------

    def _on_long(self, m: Any) -> None:
        values = (m.param1, m.param2, m.param3, m.param4, m.param5, m.param6, m.param7)
        frame = mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT
        self._answer(m, self._carry_out(m.command, values, frame))

    def _on_int(self, m: Any) -> None:
        scale = 1e7 if m.command in POSITION_COMMANDS or m.command in _PLACED_COMMANDS else 1.0
        values = (m.param1, m.param2, m.param3, m.param4, m.x / scale, m.y / scale, m.z)
        self._answer(m, self._carry_out(m.command, values, m.frame))

    def _carry_out(self, command: int, values: Parameters, frame: int) -> int:
        handler = self._commands.get(command)
        if handler:
            return handler(values, frame)
        return ACCEPTED if self._effect(command, values, frame) else UNSUPPORTED

    def _answer(self, m: Any, result: int) -> None:
        peer = (m.get_srcSystem(), m.get_srcComponent())
        self.vehicle.send(mavlink.MAVLink_command_ack_message(m.command, result, 0, 0, *peer), peer)

    def _arm(self, p: Parameters, _frame: int) -> int:
        force = whole(p[1]) == FORCE_ARM
        autopilot = self.vehicle.autopilot
        done = autopilot.arm(force=force) if p[0] >= 0.5 else autopilot.disarm(force=force)
        if done and p[0] >= 0.5:
            self.vehicle.store_home()
        return ACCEPTED if done else FAILED

    def _takeoff(self, p: Parameters, _frame: int) -> int:
        autopilot = self.vehicle.autopilot
        if autopilot.dialect is Dialect.ARDUPILOT:
            if autopilot.mode is not Mode.GUIDED or p[6] <= 0.0:
                return FAILED
            return ACCEPTED if autopilot.take_off(p[6]) else FAILED
        height = autopilot.parameters["MIS_TAKEOFF_ALT"]
        if math.isfinite(p[6]):
            height = max(height, p[6] - autopilot.home.alt_amsl_m)
        if not autopilot.set_mode(Mode.TAKEOFF) or not autopilot.take_off(height):
            return DENIED
        return ACCEPTED

    def _mode(self, mode: Mode) -> int:
        return ACCEPTED if self.vehicle.autopilot.set_mode(mode) else FAILED

    def _mission_start(self, _p: Parameters, _frame: int) -> int:
        autopilot = self.vehicle.autopilot
        if not autopilot.set_mode(Mode.AUTO):
            return DENIED
        if autopilot.dialect is Dialect.PX4 and not autopilot.armed and not autopilot.arm():
            return DENIED
        return ACCEPTED if autopilot.start_mission() else FAILED

    def _set_mode(self, p: Parameters, _frame: int) -> int:
        v = self.vehicle
        mode = (
            v.modes.mode_from_px4(whole(p[1]), whole(p[2]))
            if v.config.dialect is Dialect.PX4
            else v.modes.mode_of(whole(p[1]))
        )
        return self._choose(mode)

    def _choose(self, mode: Mode | None) -> int:
        if mode is None:
            self.vehicle.say(4, "No such mode")
            return DENIED
        autopilot = self.vehicle.autopilot
        if not autopilot.set_mode(mode):
            return FAILED
        if mode is Mode.AUTO and autopilot.dialect is Dialect.PX4 and autopilot.armed and not self.vehicle.airborne:
            autopilot.start_mission()
        return ACCEPTED

    def _jump(self, p: Parameters, _frame: int) -> int:
        """Jump to an item as ArduPilot does; PX4 (1.17) knows the message alone."""
        return UNSUPPORTED if self.vehicle.autopilot.dialect is Dialect.PX4 else self._set_current(whole(p[0]))

    def _set_current(self, seq: int) -> int:
        run = self.vehicle.autopilot.run
        return ACCEPTED if run and run.set_current(seq, self.vehicle.state) else FAILED

    def _request_message(self, p: Parameters, _frame: int) -> int:
        return self._request(whole(p[0]))

    def _request(self, kind: int) -> int:
        return ACCEPTED if self.vehicle.streams.request(kind) else UNSUPPORTED

    def _set_interval(self, p: Parameters, _frame: int) -> int:
        done = self.vehicle.streams.set_interval(whole(p[0]), p[1] / 1e6)
        return ACCEPTED if done else UNSUPPORTED

    def _get_interval(self, p: Parameters, _frame: int) -> int:
        interval = self.vehicle.streams.interval(whole(p[0]))
        if interval is None:
            return UNSUPPORTED
        microseconds = round(interval * 1e6) if interval > 0.0 else -1
        self.vehicle.send(mavlink.MAVLink_message_interval_message(whole(p[0]), microseconds), None)
        return ACCEPTED

    def _set_home(self, p: Parameters, frame: int) -> int:
        home, s = self.vehicle.autopilot.home, self.vehicle.state
        if whole(p[0]) == 1:
            home.lat_deg, home.lon_deg, home.alt_amsl_m = s.lat_deg, s.lon_deg, s.alt_amsl_m
        else:
            raised = home.alt_amsl_m if frame in RELATIVE_FRAMES else 0.0
            if not (abs(p[4]) <= 90.0 and abs(p[5]) <= 180.0 and abs(p[6] + raised) <= HIGHEST_HOME_M):
                return DENIED
            home.lat_deg, home.lon_deg, home.alt_amsl_m = p[4], p[5], p[6] + raised
        self.vehicle.store_home()
        return ACCEPTED

    def _reposition(self, p: Parameters, frame: int) -> int:
        autopilot = self.vehicle.autopilot
        if not self.vehicle.airborne or not autopilot.set_mode(Mode.GUIDED):
            return DENIED
        autopilot.go_to(self._place(p, frame))
        return ACCEPTED

    def _pause(self, p: Parameters, _frame: int) -> int:
        autopilot = self.vehicle.autopilot
        if autopilot.mode is not Mode.AUTO:
            return FAILED
        if whole(p[0]) == 0:
            autopilot.pause()
        else:
            autopilot.resume()
        return ACCEPTED

    def _inject(self, p: Parameters, _frame: int) -> int:
        """Carry out PX4's `failure` command: unit, type."""
        part = FAILURE_UNITS.get(whole(p[0]))
        if part is None or not 0 <= whole(p[1]) < len(FAILURE_TYPES):
            return UNSUPPORTED
        self.vehicle.faults.part(part).set(FAILURE_TYPES[whole(p[1])])
        return ACCEPTED

    def _place(self, p: Parameters, frame: int) -> Place:
        above_home = frame in RELATIVE_FRAMES or frame in TERRAIN_FRAMES
        base = self.vehicle.autopilot.home.alt_amsl_m if above_home else 0.0
        return Place(lat_deg=p[4], lon_deg=p[5], alt_amsl_m=p[6] + base)

    # -- what a command and a mission item have in common ------------------------------------------------

    def do_item(self, item: WireItem) -> None:
        """Carry out a mission item that is not navigation."""
        x, y = (item.lat_deg, item.lon_deg) if item.command in POSITION_COMMANDS else (float(item.x), float(item.y))
        values = (item.p1, item.p2, item.p3, item.p4, x, y, item.z)
        self._effect(item.command, values, item.frame)

    def _effect(self, command: int, p: Parameters, frame: int) -> bool:
        """Change speed, gimbal, camera or fence; False for a command this vehicle does not know."""
        v = self.vehicle
        if command == mavlink.MAV_CMD_DO_CHANGE_SPEED:
            if p[1] > 0.0:
                v.autopilot.change_speed(whole(p[0]), p[1])
        elif command == mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW:
            flags = whole(p[4])
            v.gimbal.point(pitch_deg=p[0], yaw_deg=p[1], yaw_locked=bool(flags & 16))
        elif command == mavlink.MAV_CMD_DO_MOUNT_CONTROL:
            v.gimbal.point(pitch_deg=p[0], yaw_deg=p[2], yaw_locked=False)
        elif command in (mavlink.MAV_CMD_DO_SET_ROI_LOCATION, mavlink.MAV_CMD_DO_SET_ROI):
            v.gimbal.look_at(self._place(p, frame))
        elif command == mavlink.MAV_CMD_DO_SET_ROI_NONE:
            v.gimbal.look_at(None)
        elif command == mavlink.MAV_CMD_DO_FENCE_ENABLE:
            v.failsafe.fence_enabled = p[0] > 0.0
        else:
            return self._camera(command, p)
        return True

    def _camera(self, command: int, p: Parameters) -> bool:
        camera = self.vehicle.camera
        if command == mavlink.MAV_CMD_DO_SET_CAM_TRIGG_DIST:
            camera.by_distance(p[0], at_once=p[2] == 1.0)
        elif command == mavlink.MAV_CMD_IMAGE_START_CAPTURE:
            camera.by_interval(p[1], whole(p[2]))
        elif command == mavlink.MAV_CMD_IMAGE_STOP_CAPTURE:
            camera.stop()
        elif command in (mavlink.MAV_CMD_VIDEO_START_CAPTURE, mavlink.MAV_CMD_VIDEO_STOP_CAPTURE):
            camera.filming = command == mavlink.MAV_CMD_VIDEO_START_CAPTURE
        elif command == mavlink.MAV_CMD_DO_DIGICAM_CONTROL:
            if p[4] == 1.0:
                camera.take()
        else:
            return command in ACCEPTED_ONLY
        return True

    def guided_item(self, message: Any) -> None:
        """Fly to a MISSION_ITEM with current 2 (go there) or 3 (change height only), as DroneKit sends."""
        autopilot = self.vehicle.autopilot
        item = from_message(message)
        peer = (message.get_srcSystem(), message.get_srcComponent())
        good = autopilot.mode is Mode.GUIDED and self.vehicle.airborne
        if good:
            place = self.vehicle.place_of(item)
            if message.current == 3:
                s = self.vehicle.state
                place = Place(lat_deg=s.lat_deg, lon_deg=s.lon_deg, alt_amsl_m=place.alt_amsl_m)
            autopilot.go_to(place)
        result = mavlink.MAV_MISSION_ACCEPTED if good else mavlink.MAV_MISSION_ERROR
        self.vehicle.send(mavlink.MAVLink_mission_ack_message(*peer, result), peer)

    # -- messages -------------------------------------------------------------------------------------

    def _on_set_mode(self, m: Any) -> None:
        result = self._choose(self.vehicle.modes.mode_of(m.custom_mode))
        peer = (m.get_srcSystem(), m.get_srcComponent())
        self.vehicle.send(mavlink.MAVLink_command_ack_message(11, result, 0, 0, *peer), peer)

    def _on_set_current(self, m: Any) -> None:
        if self._set_current(m.seq) == ACCEPTED:
            self.vehicle.streams.request(mavlink.MAVLINK_MSG_ID_MISSION_CURRENT)

    def _on_param_list(self, _m: Any) -> None:
        for row in self.vehicle.parameters:
            self.vehicle.send(self.vehicle.parameters.message(row), None)

    def _on_param_read(self, m: Any) -> None:
        row = self.vehicle.parameters.find(m.param_id, m.param_index)
        if row is not None:
            self.vehicle.send(self.vehicle.parameters.message(row), None)

    def _on_param_set(self, m: Any) -> None:
        table = self.vehicle.parameters
        row = table.find(m.param_id)
        if row is None:
            return
        table.put(m.param_id, table.decode(m))
        self.vehicle.parameter_changed(m.param_id)
        self.vehicle.send(table.message(row), None)

    def _on_data_stream(self, m: Any) -> None:
        self.vehicle.streams.request_group(m.req_stream_id, m.req_message_rate if m.start_stop else 0)

    def _on_timesync(self, m: Any) -> None:
        if m.tc1 == 0:
            now = round(self.vehicle.t_s * 1e9)
            self.vehicle.send(mavlink.MAVLink_timesync_message(now, m.ts1), None)

    def _on_ping(self, m: Any) -> None:
        if m.target_system == 0:
            peer = (m.get_srcSystem(), m.get_srcComponent())
            self.vehicle.send(mavlink.MAVLink_ping_message(m.time_usec, m.seq, *peer), peer)

    def _on_position_target(self, m: Any) -> None:
        autopilot = self.vehicle.autopilot
        if autopilot.mode is not Mode.GUIDED or not self.vehicle.airborne or m.type_mask & 0b111:
            return
        place = (0.0, 0.0, 0.0, 0.0, m.lat_int / 1e7, m.lon_int / 1e7, m.alt)
        autopilot.go_to(self._place(place, m.coordinate_frame))


ACCEPTED_ONLY: Final = frozenset(
    {115, 183, 181, 188, 189, 211, 214, 241, 245, 252, 530, 531, 532, 534, 1001, 2003}
    | {2510, 2511, 42424, 42428, 112, 114}
)
"""Commands that are acknowledged and change nothing that this vehicle models."""
