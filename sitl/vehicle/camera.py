"""The camera's shutter: by distance (206), by interval (2000), or at once; each picture is reported."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sitl.dynamics import offset_m
from sitl.faults import Word

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sitl.dynamics import BodyState
    from sitl.vehicle.autopilot import Autopilot
    from sitl.vehicle.fault_desk import FaultDesk
    from sitl.vehicle.gimbal import Gimbal
    from sitl.vehicle.sensors import Sensors


class CameraCarrier(Protocol):
    """What a camera needs of the vehicle that carries it."""

    send: Callable[[Any, tuple[int, int] | None], None]
    state: BodyState
    autopilot: Autopilot
    gimbal: Gimbal
    sensors: Sensors
    faults: FaultDesk

    @property
    def t_s(self) -> float:
        """Simulated seconds since boot."""
        ...

    @property
    def t_utc_ns(self) -> int:
        """The simulated clock."""
        ...

    @property
    def boot_ms(self) -> int:
        """Milliseconds since boot, as MAVLink carries them."""
        ...


class Camera:
    """Takes pictures and says where."""

    def __init__(self, vehicle: CameraCarrier) -> None:
        self.pictures = 0
        self.filming = False
        """Whether a film was asked for (VIDEO_START_CAPTURE)."""
        self._vehicle = vehicle
        self._every_m = 0.0
        self._every_s = 0.0
        self._left = 0
        self._last_place: tuple[float, float] | None = None
        self._next_s = 0.0

    @property
    def records(self) -> bool:
        """Whether a film is really being recorded."""
        return self.filming and self._vehicle.faults.camera.word is Word.OK

    def by_distance(self, every_m: float, *, at_once: bool) -> None:
        """Trigger each `every_m` metres over ground; 0 stops."""
        self._every_m = max(0.0, every_m)
        s = self._vehicle.state
        self._last_place = (s.lat_deg, s.lon_deg)
        if at_once and every_m > 0.0:
            self.take()

    def by_interval(self, every_s: float, count: int) -> None:
        """Take `count` pictures (0: without end), one each `every_s` seconds, the first at once."""
        self._every_s = max(0.0, every_s)
        self._left = count if count > 0 else -1
        self._next_s = self._vehicle.t_s
        if every_s <= 0.0:
            self.take()
            self._left = 0

    def stop(self) -> None:
        """Take no more pictures."""
        self._every_m = self._every_s = 0.0
        self._left = 0

    def step(self) -> None:
        """Take what is due."""
        if self._every_m > 0.0 and self._last_place is not None:
            s = self._vehicle.state
            if math.hypot(*offset_m(*self._last_place, s.lat_deg, s.lon_deg)) >= self._every_m:
                self._last_place = (s.lat_deg, s.lon_deg)
                self.take()
        if self._every_s > 0.0 and self._left != 0 and self._vehicle.t_s >= self._next_s:
            self._next_s += self._every_s
            self._left -= 1 if self._left > 0 else 0
            self.take()

    def take(self) -> None:
        """Take one picture and report it in both of the ways ground stations know."""
        v = self._vehicle
        nav, home = v.sensors.nav, v.autopilot.home
        said = v.faults.camera.read((nav.lat_deg, nav.lon_deg), v.t_s)
        if said is None:
            return
        self.pictures += 1
        lat, lon = round(said[0] * 1e7), round(said[1] * 1e7)
        above_home = nav.alt_amsl_m - home.alt_amsl_m
        feedback = mavlink.MAVLink_camera_feedback_message(
            v.t_utc_ns // 1000, 1, 0, self.pictures, lat, lon, nav.alt_amsl_m, above_home,
            nav.roll_deg, nav.pitch_deg, nav.yaw_deg, 0.0, 0, self.pictures,
        )  # fmt: skip
        q = v.gimbal.earth_quaternion()
        captured = mavlink.MAVLink_camera_image_captured_message(
            v.boot_ms, v.t_utc_ns // 1000, 0, lat, lon,
            round(nav.alt_amsl_m * 1000.0), round(above_home * 1000.0), q, self.pictures, 1, b"",
        )  # fmt: skip
        v.send(feedback, None)
        v.send(captured, None)
