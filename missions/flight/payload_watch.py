"""Whether the payload does its work, and who else is in the air: what a flight's telemetry says besides where it is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from pymavlink.quaternion import QuaternionBase

from geo.geodesy import inverse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from missions.flight.finding_log import FindingLog
    from missions.flight.state import VehicleState
    from missions.plan import MissionItem
    from missions.transfer.values import Message

_POINTS: Final = {mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW, mavlink.MAV_CMD_DO_MOUNT_CONTROL}
_RECORDS: Final = {mavlink.MAV_CMD_VIDEO_START_CAPTURE: True, mavlink.MAV_CMD_VIDEO_STOP_CAPTURE: False}
GIMBAL_OFF_DEG: Final = 5.0
"""Ten times what a healthy gimbal keeps; half of what a survey camera sees from edge to middle."""
SETTLE_S: Final = 6.0
"""How long a gimbal may turn, and a camera may start, before it counts."""
SILENT_S: Final = 30.0
"""Flown so long without a word of a gimbal that the plan points, nobody knows where the camera looks."""
TRAFFIC_M: Final = 1000.0
TRAFFIC_HEIGHT_M: Final = 300.0
TRAFFIC_S: Final = 60.0
"""Others that come closer than this within the time are warned of: a minute to turn away, the separation that
visual flight keeps from a cloud twice over (SERA.5001: 1 500 m and 300 m)."""
_STALE_S: Final = 10.0


class PayloadWatch:
    """Hold what gimbal, camera and receiver say against what the uploaded items ask.

    Parameters
    ----------
    items
        The mission as on the wire.
    """

    def __init__(self, items: Sequence[MissionItem], state: VehicleState, findings: FindingLog) -> None:
        self._items = items
        self._state = state
        self._findings = findings
        self._since: dict[str, float] = {}
        """When each complaint began, by the vehicle's clock."""
        self._pitch_deg = math.nan
        self._first_s = math.nan

    def hear(self, message: Message) -> None:
        """Take a message of the vehicle, whichever of its parts sent it."""
        handler = _HANDLERS.get(message.get_type())
        if handler is not None and self._state.armed and not math.isnan(self._state.t_boot_s):
            handler(self, message)

    def look(self) -> None:
        """Say what has said nothing: called with each new position."""
        now_s = self._state.t_boot_s
        self._first_s = float(np.fmin(self._first_s, now_s))
        if self._pointed() is not None and math.isnan(self._pitch_deg) and now_s - self._first_s > SILENT_S:
            text = "the gimbal says nothing of where it looks; what the camera sees is not known"
            self._findings.warning("gimbal_silent", text)

    def _passed(self, commands: set[int] | dict[int, bool]) -> MissionItem | None:
        """Return the last of these commands that the mission has come past."""
        passed = [i for i in self._items if i.seq < self._state.seq and i.command in commands]
        return passed[-1] if passed else None

    def _pointed(self) -> float | None:
        """Return the pitch that is asked now, degrees; None where none is."""
        item = self._passed(_POINTS)
        return None if item is None or math.isnan(item.p1) else item.p1

    def _gimbal(self, message: Message) -> None:
        self._look_at(float(np.degrees(QuaternionBase(list(message.q)).euler)[1]))

    def _mount(self, message: Message) -> None:
        self._look_at(float(message.pitch))

    def _look_at(self, pitch_deg: float) -> None:
        self._pitch_deg = pitch_deg
        asked = self._pointed()
        off_deg = abs(pitch_deg - asked) if asked is not None else 0.0
        if self._lasts("gimbal", off_deg > GIMBAL_OFF_DEG):
            text = f"the gimbal does not follow: it looks {pitch_deg:.0f} degrees, the plan asks for {asked:.0f}"
            self._findings.error("gimbal", text, **self._here(off_deg, GIMBAL_OFF_DEG, "deg"))

    def _capture(self, message: Message) -> None:
        started = self._passed(_RECORDS)
        wanted = started is not None and _RECORDS[started.command]
        if self._lasts("camera", wanted and message.video_status == 0):
            self._findings.error("camera", "the camera does not record", **self._here(math.nan, math.nan, ""))

    def _stream(self, message: Message) -> None:
        if self._lasts("video", not message.flags & mavlink.VIDEO_STREAM_STATUS_FLAGS_RUNNING):
            text = "the camera sends no video; what it sees does not arrive"
            self._findings.warning("video", text, **self._here(math.nan, math.nan, ""))

    def _traffic(self, message: Message) -> None:
        state = self._state
        if message.tslc > _STALE_S or math.isnan(state.lat_deg):
            return
        found = inverse(state.lat_deg, state.lon_deg, message.lat / 1e7, message.lon / 1e7)
        away_m, azimuth = (float(v) for v in found)
        up_m = message.altitude / 1e3 - state.alt_amsl_m
        away = np.array([math.cos(math.radians(azimuth)), math.sin(math.radians(azimuth))]) * away_m
        course = math.radians(message.heading / 100.0)
        theirs = message.hor_velocity / 100.0 * np.array([math.cos(course), math.sin(course)])
        in_s, closest_m = closest(away, theirs - np.array(state.velocity_mps))
        if closest_m > TRAFFIC_M or abs(up_m) > TRAFFIC_HEIGHT_M:
            return
        who = "".join(c for c in str(message.callsign) if c.isalnum()) or f"{message.ICAO_address:06X}"
        side = "above" if up_m >= 0.0 else "below"
        text = (
            f"traffic {who}: {away_m:.0f} m away and {abs(up_m):.0f} m {side}, closest in {in_s:.0f} s "
            f"at {closest_m:.0f} m"
        )
        self._findings.warning("traffic", text, **self._here(closest_m, TRAFFIC_M, "m"))

    def _lasts(self, what: str, complaint: bool) -> bool:  # noqa: FBT001 - the state of one thing
        """Tell whether a complaint has lasted longer than a thing may take to settle."""
        if not complaint:
            self._since.pop(what, None)
            return False
        return self._state.t_boot_s - self._since.setdefault(what, self._state.t_boot_s) >= SETTLE_S

    def _here(self, measured: float, limit: float, unit: str) -> dict[str, Any]:
        state = self._state
        place = {"lat_deg": state.lat_deg, "lon_deg": state.lon_deg, "seq": state.seq}
        return {**place, "measured": measured, "limit": limit, "unit": unit}


def closest(away_m: np.ndarray, speed_mps: np.ndarray) -> tuple[float, float]:
    """Return in how many seconds another is closest, at most `TRAFFIC_S` from now, and how close, metres."""
    square = float(speed_mps @ speed_mps)
    in_s = float(np.clip(-(away_m @ speed_mps) / square, 0.0, TRAFFIC_S)) if square > 0.0 else 0.0
    return in_s, float(np.hypot(*(away_m + in_s * speed_mps)))


_HANDLERS: Final[dict[str, Callable[[PayloadWatch, Any], None]]] = {
    "GIMBAL_DEVICE_ATTITUDE_STATUS": PayloadWatch._gimbal,
    "MOUNT_ORIENTATION": PayloadWatch._mount,
    "CAMERA_CAPTURE_STATUS": PayloadWatch._capture,
    "VIDEO_STREAM_STATUS": PayloadWatch._stream,
    "ADSB_VEHICLE": PayloadWatch._traffic,
}
