"""Telling a vehicle what to do, and hearing whether it will: COMMAND_LONG with its COMMAND_ACK."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.flight.parameter_link import ParameterLink
from missions.plan_files.dialect import Dialect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from missions.flight.state import VehicleState
    from missions.transfer import Channel
    from missions.transfer.values import Message, Watcher

_CUSTOM_MODE: Final = 1
_IN_PROGRESS: Final = 5
_UNSUPPORTED: Final = 3
_DO_SET_MISSION_CURRENT: Final = 224
_RESEND_S: Final = 1.0
_STREAMS: Final = {
    33: 1.0,
    30: 0.4,
    1: 0.1,
    24: 0.2,
    124: 0.2,
    42: 1.0,
    147: 0.1,
    245: 0.5,
    2: 0.1,
    193: 0.1,
    162: 0.2,
    285: 0.1,
    262: 0.1,
    270: 0.1,
    246: 0.1,
}
"""Message id -> share of the asked rate: GLOBAL_POSITION_INT, ATTITUDE, SYS_STATUS, GPS_RAW_INT, GPS2_RAW,
MISSION_CURRENT, BATTERY_STATUS, EXTENDED_SYS_STATE, SYSTEM_TIME, EKF_STATUS_REPORT, FENCE_STATUS; of the payload
GIMBAL_DEVICE_ATTITUDE_STATUS, CAMERA_CAPTURE_STATUS, VIDEO_STREAM_STATUS; ADSB_VEHICLE."""
_COPTER: Final = {"auto": 3, "guided": 4, "hold": 5, "return": 6, "land": 9, "retrace": 21, "mission": 27}
"""`retrace` is SMART_RTL, `mission` AUTO_RTL (the way back that the mission holds)."""
_PLANE: Final = {"auto": 10, "guided": 15, "hold": 12, "return": 11, "land": 11}
_PX4: Final = {"auto": (4, 4), "guided": (4, 3), "hold": (4, 3), "return": (4, 5), "land": (4, 6)}
"""Intent -> (main, sub) mode of PX4 (`px4_custom_mode.h`); plane and copter numbers are ArduPilot's `Mode::Number`."""
_RESULTS: Final = {
    0: "ACCEPTED",
    1: "TEMPORARILY_REJECTED",
    2: "DENIED",
    3: "UNSUPPORTED",
    4: "FAILED",
    5: "IN_PROGRESS",
    6: "CANCELLED",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """A vehicle's answer to one command."""

    accepted: bool
    name: str


class Commander:
    """Send commands to one vehicle and wait for their acknowledgements.

    Parameters
    ----------
    channel
        The link.
    state
        The vehicle; its ids address the commands and its dialect chooses modes.
    watch
        Sees every message that arrives meanwhile.
    timeout_s
        How long to wait for an answer, wall clock.
    """

    def __init__(self, channel: Channel, state: VehicleState, watch: Watcher, timeout_s: float) -> None:
        self.parameters = ParameterLink(channel, state, watch)
        self._channel = channel
        self._state = state
        self._watch = watch
        self._timeout_s = timeout_s

    def command(self, number: int, *params: float, timeout_s: float | None = None) -> CommandResult:
        """Send one COMMAND_LONG, again each second, until it is answered."""

        def sent(attempt: int) -> Message:
            return self._long(number, min(attempt, 255), params)

        def answer(message: Message) -> CommandResult | None:
            if message.get_type() != "COMMAND_ACK" or message.command != number:
                return None
            return CommandResult(
                accepted=message.result == 0, name=_RESULTS.get(message.result, f"code {message.result}")
            )

        return self._exchange(sent, answer, self._timeout_s if timeout_s is None else timeout_s)

    def _exchange(
        self, sent: Callable[[int], Message], answer: Callable[[Message], CommandResult | None], timeout_s: float
    ) -> CommandResult:
        """Send, again each second, until the vehicle says something that is an answer; it is not hurried at work.

        Parameters
        ----------
        sent
            Makes the message of an attempt, counted from 0.
        answer
            What a message of the vehicle answers, None where it answers nothing.
        """
        until_s = self._channel.clock() + timeout_s
        attempt, resend_s = 0, 0.0
        while (now_s := self._channel.clock()) < until_s:
            if now_s >= resend_s:
                self._channel.send(sent(attempt))
                attempt, resend_s = attempt + 1, now_s + _RESEND_S
            message = self._channel.receive(min(0.1, max(0.0, min(until_s, resend_s) - now_s)))
            if message is None:
                continue
            self._watch(message)
            result = answer(message) if message.get_srcSystem() == self._state.system else None
            if result is None:
                continue
            if result.name != _RESULTS[_IN_PROGRESS]:
                return result
            resend_s = until_s
        return CommandResult(accepted=False, name="NO ANSWER")

    def _long(self, number: int, attempt: int, params: Sequence[float]) -> Message:
        values = (*params, *([0.0] * (7 - len(params))))
        return mavlink.MAVLink_command_long_message(self._state.system, self._state.component, number, attempt, *values)

    def ask_streams(self, rate_hz: float) -> None:
        """Ask for the telemetry a flight is watched by, without waiting for each answer."""
        for message_id, share in _STREAMS.items():
            interval_us = 1e6 / max(0.2, rate_hz * share)
            self.tell(511, message_id, interval_us)
        stream = mavlink.MAVLink_request_data_stream_message(
            self._state.system, self._state.component, 0, max(1, round(rate_hz / 2)), 1
        )
        if self._state.dialect is Dialect.ARDUPILOT:
            self._channel.send(stream)
        self.tell(512, 148)
        self.tell(512, 242)

    def tell(self, number: int, *params: float) -> None:
        """Send one COMMAND_LONG without waiting for its answer."""
        self._channel.send(self._long(number, 0, params))

    def set_mode(self, intent: str) -> CommandResult:
        """Change the flight mode: "auto", "guided", "hold", "land", "return", or a copter's "retrace" and "mission"."""
        if self._state.dialect is Dialect.PX4:
            main, sub = _PX4[intent]
            return self.command(176, _CUSTOM_MODE, main, sub)
        table = _PLANE if self._state.fixed_wing else _COPTER
        return self.command(176, _CUSTOM_MODE, table[intent])

    def arm(self) -> CommandResult:
        """Arm the motors."""
        return self.command(400, 1)

    def start_mission(self) -> CommandResult:
        """Start the mission from its first item."""
        return self.command(300, 0, 0)

    def enable_fence(self) -> CommandResult:
        """Switch the fence on."""
        return self.command(207, 1)

    def set_current(self, seq: int) -> CommandResult:
        """Make `seq` the item flown next.

        PX4 knows no DO_SET_MISSION_CURRENT (1.17): it is sent MISSION_SET_CURRENT, which has no answer but the item
        that MISSION_CURRENT tells from then on.
        """
        answer = self.command(_DO_SET_MISSION_CURRENT, seq)
        return self._current_by_message(seq) if answer.name == _RESULTS[_UNSUPPORTED] else answer

    def _current_by_message(self, seq: int) -> CommandResult:
        def sent(_attempt: int) -> Message:
            return mavlink.MAVLink_mission_set_current_message(self._state.system, self._state.component, seq)

        def answer(message: Message) -> CommandResult | None:
            told = message.get_type() == "MISSION_CURRENT" and message.seq == seq
            return CommandResult(accepted=True, name=_RESULTS[0]) if told else None

        return self._exchange(sent, answer, self._timeout_s)
