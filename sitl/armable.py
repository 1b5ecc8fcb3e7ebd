"""When a real autopilot that is starting up can really be armed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

if TYPE_CHECKING:
    from missions.links.link import Link
    from sitl.backend import Simulator

POSITION_FLAGS: Final = 0x1 | 0x2 | 0x10
"""EKF_STATUS_REPORT and ESTIMATOR_STATUS: attitude, horizontal velocity and absolute horizontal position are good."""
PREARM: Final = 0x10000000
"""SYS_STATUS bit of MAV_SYS_STATUS_PREARM_CHECK."""
SET_MESSAGE_INTERVAL: Final = mavlink.MAV_CMD_SET_MESSAGE_INTERVAL
ASK_EVERY_S: Final = 5.0
READY_S: Final = 90.0
STREAMS: Final = (
    mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT, mavlink.MAVLINK_MSG_ID_ESTIMATOR_STATUS,
    mavlink.MAVLINK_MSG_ID_SYS_STATUS,
)  # fmt: skip


class ArmableWatch:
    """Decides from messages whether the vehicle can be armed: position estimate and pre-arm checks, twice in a row.

    The first "healthy" of a booting SITL is not the truth; a mission sent
    before "ArduPilot Ready" gets NO_SPACE. Newer firmware sends neither message
    unasked.
    """

    def __init__(self) -> None:
        self._ekf = False
        self._good = 0
        self._asked_s = -ASK_EVERY_S

    def __call__(self, link: Link) -> bool:
        """Take one message; True once it can be armed."""
        if link.clock() - self._asked_s >= ASK_EVERY_S:
            self._asked_s = link.clock()
            for number in STREAMS:
                every = (number, 2e5, 0.0, 0.0, 0.0, 0.0, 0.0)
                link.send(mavlink.MAVLink_command_long_message(0, 0, SET_MESSAGE_INTERVAL, 0, *every))
        message = link.receive(0.5)
        if message is None:
            return False
        if message.get_type() in ("EKF_STATUS_REPORT", "ESTIMATOR_STATUS"):
            self._ekf = message.flags & POSITION_FLAGS == POSITION_FLAGS
        elif message.get_type() == "SYS_STATUS":
            healthy = bool(message.onboard_control_sensors_health & PREARM)
            self._good = self._good + 1 if healthy and self._ekf else 0
        return self._good >= 2


def wait_until_armable(simulator: Simulator, timeout_s: float = READY_S) -> None:
    """Wait until the vehicle can really be armed.

    Raises
    ------
    SitlError
        When it cannot within the time.
    """
    simulator.wait_until(ArmableWatch(), timeout_s)
