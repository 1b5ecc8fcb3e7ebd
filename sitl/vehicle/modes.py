"""Flight modes, and their numbers in each autopilot's `HEARTBEAT.custom_mode`."""

from __future__ import annotations

import enum
from typing import Final

from missions.plan_files.dialect import Dialect
from sitl.vehicle.config import Airframe


class Mode(enum.StrEnum):
    """What the vehicle is doing, by ArduPilot's names."""

    STABILIZE = "STABILIZE"
    GUIDED = "GUIDED"
    AUTO = "AUTO"
    LOITER = "LOITER"
    RTL = "RTL"
    LAND = "LAND"
    BRAKE = "BRAKE"
    SMART_RTL = "SMART_RTL"
    AUTO_RTL = "AUTO_RTL"
    TAKEOFF = "TAKEOFF"


ARDUCOPTER: Final[dict[Mode, int]] = {
    Mode.STABILIZE: 0,
    Mode.AUTO: 3,
    Mode.GUIDED: 4,
    Mode.LOITER: 5,
    Mode.RTL: 6,
    Mode.LAND: 9,
    Mode.BRAKE: 17,
    Mode.SMART_RTL: 21,
    Mode.AUTO_RTL: 27,
}
"""ArduCopter mode numbers (MAVLink ardupilotmega.xml, COPTER_MODE)."""
ARDUPLANE: Final[dict[Mode, int]] = {
    Mode.STABILIZE: 2,
    Mode.AUTO: 10,
    Mode.RTL: 11,
    Mode.LOITER: 12,
    Mode.TAKEOFF: 13,
    Mode.GUIDED: 15,
}
"""ArduPlane mode numbers (MAVLink ardupilotmega.xml, PLANE_MODE)."""
PX4_MODES: Final[dict[Mode, tuple[int, int]]] = {
    Mode.STABILIZE: (7, 0),
    Mode.GUIDED: (4, 3),
    Mode.AUTO: (4, 4),
    Mode.LOITER: (4, 3),
    Mode.RTL: (4, 5),
    Mode.LAND: (4, 6),
    Mode.TAKEOFF: (4, 2),
}
"""PX4 main and sub modes (PX4 `px4_custom_mode.h`): main in bits 16-23, sub in bits 24-31."""


class ModeTable:
    """Which modes a vehicle has, and their numbers, for one autopilot and airframe."""

    def __init__(self, dialect: Dialect, airframe: Airframe) -> None:
        self.dialect = dialect
        if dialect is Dialect.PX4:
            self._numbers = {mode: (sub << 24) | (main << 16) for mode, (main, sub) in PX4_MODES.items()}
        else:
            self._numbers = dict(ARDUCOPTER if airframe is Airframe.COPTER else ARDUPLANE)

    def custom_mode(self, mode: Mode) -> int:
        """Return the number to send for a mode."""
        return self._numbers[mode]

    def mode_of(self, custom_mode: int) -> Mode | None:
        """Return the mode behind a number, None for one this vehicle does not have."""
        if self.dialect is Dialect.PX4 and custom_mode >> 16 == 3:
            return Mode.LOITER  # POSCTL without sticks holds its place
        found = [mode for mode, number in self._numbers.items() if number == custom_mode]
        return found[-1] if found else None

    def mode_from_px4(self, main: int, sub: int) -> Mode | None:
        """Return the mode behind PX4's main and sub numbers as `DO_SET_MODE` carries them."""
        return self.mode_of((sub << 24) | (main << 16))

    def available(self) -> tuple[Mode, ...]:
        """Return every mode a ground station may choose."""
        return tuple(self._numbers)
