"""How a camera sits on an aircraft whose log says nothing of a gimbal, and the angle error that this deserves."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.errors import InputError
from geo.geodesy import wrap_longitude_deg
from geo.values import GimbalFrame, PoseSigmas
from telemetry.tracks.pose_track import Problem

if TYPE_CHECKING:
    from geo.values import FloatArray
    from telemetry.tracks.pose_track import PoseTrack

STATED_DEG: Final = 1.0
"""One-sigma error per axis of mount angles that a person states: read off a bracket or a drawing, not calibrated."""
LEVEL_DEG: Final = 5.0
"""One-sigma pitch and roll of a multirotor in level flight about which nothing is known: it leans into the wind."""
COURSE_DEG: Final = 20.0
"""One-sigma error of the heading taken from the course over ground: a crab angle of asin(3 m/s wind over 9 m/s)."""
SLOWEST_MPS: Final = 2.0
"""Below this speed the course over ground says nothing of the heading; fixes wander by as much."""
COURSE_SPAN_NS: Final = 1_000_000_000
"""The course is taken over a second each way, so that the noise of single fixes does not turn it."""
_M_PER_DEG: Final = 111_319.5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """Yaw, pitch and roll of a camera against the airframe, degrees, Z-Y-X; (0, -90, 0) looks straight down.

    `sigma_deg` is the error per axis. A gimbal that keeps the horizon is stated with `level`, so that
    the airframe's pitch and roll do not count.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    sigma_deg: float = STATED_DEG
    level: bool = False

    def describe(self) -> str:
        """Say it as it is written on the command line."""
        return f"mount {self.yaw_deg:g},{self.pitch_deg:g},{self.roll_deg:g}" + (" (level)" if self.level else "")


def parse_mount(text: str) -> Mount:
    """Read ``YAW,PITCH,ROLL``, or ``YAW,PITCH,ROLL,level`` for a gimbal that keeps the horizon.

    Raises
    ------
    InputError
        It is not three numbers, or they are out of range.
    """
    parts = [part.strip() for part in text.split(",")]
    level = len(parts) == 4 and parts[3].lower() == "level"  # noqa: PLR2004
    try:
        numbers = [float(part) for part in (parts[:3] if level else parts)]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or not all(math.isfinite(number) for number in numbers):  # noqa: PLR2004
        raise InputError(
            f"--mount needs YAW,PITCH,ROLL in degrees against the airframe, as 0,-45,0 (add ,level for a gimbal that "
            f"keeps the horizon), got {text!r}"
        )
    yaw, pitch, roll = numbers
    if not -90.0 <= pitch <= 90.0:  # noqa: PLR2004
        raise InputError(f"--mount pitch must lie between -90 (straight down) and 90 degrees, got {pitch:g}")
    return Mount(yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll, level=level)


def has_camera_angles(track: PoseTrack) -> bool:
    """Tell whether any sample says where the camera looks."""
    return bool(np.isfinite(track.gimbal_pitch_deg).any())


def mounted(track: PoseTrack, mount: Mount, base: PoseSigmas) -> tuple[PoseTrack, PoseSigmas, tuple[Problem, ...]]:
    """Give a track without camera angles those of a mount, and the error budget they deserve.

    Where the log has no attitude the heading is the course over ground, and the airframe is taken to be level.
    """
    yaw, from_course = _heading(track)
    attitude = bool(np.isfinite(track.pitch_deg).any() and np.isfinite(track.roll_deg).any())
    columns = {name: np.full(len(track), getattr(mount, name)) for name in ("yaw_deg", "pitch_deg", "roll_deg")}
    frame = GimbalFrame.BODY if attitude and not mount.level else GimbalFrame.VEHICLE_YAW
    yaw_sigma = COURSE_DEG if from_course else base.yaw_deg
    tilt = 0.0 if attitude or mount.level else LEVEL_DEG
    sigmas = dataclasses.replace(
        base,
        yaw_deg=yaw_sigma,
        gimbal_yaw_deg=math.hypot(base.gimbal_yaw_deg, mount.sigma_deg),
        gimbal_pitch_deg=math.hypot(base.gimbal_pitch_deg, mount.sigma_deg, tilt),
        gimbal_roll_deg=math.hypot(base.gimbal_roll_deg, mount.sigma_deg, tilt),
    )
    turned = dataclasses.replace(
        track,
        pitch_deg=track.pitch_deg if attitude else _sealed(np.zeros(len(track))),
        roll_deg=track.roll_deg if attitude else _sealed(np.zeros(len(track))),
        yaw_deg=_sealed(yaw),
        gimbal_yaw_deg=_sealed(columns["yaw_deg"]),
        gimbal_pitch_deg=_sealed(columns["pitch_deg"]),
        gimbal_roll_deg=_sealed(columns["roll_deg"]),
        gimbal_frame=frame,
    )
    return turned, sigmas, (_said(mount, from_course=from_course, level=not attitude and not mount.level),)


def _said(mount: Mount, *, from_course: bool, level: bool) -> Problem:
    parts = [f"the source says nothing of where the camera looks; the {mount.describe()} that was stated is used"]
    if from_course:
        parts.append(
            f"heading from the course over ground, good to {COURSE_DEG:.0f} degrees, and not known below "
            f"{SLOWEST_MPS:g} m/s"
        )
    if level:
        parts.append(f"the airframe taken to be level, good to {LEVEL_DEG:.0f} degrees")
    return Problem(kind="mount_stated", message="; ".join(parts))


def _sealed(values: FloatArray) -> FloatArray:
    values = np.array(values, dtype=np.float64)
    values.setflags(write=False)
    return values


def _heading(track: PoseTrack) -> tuple[FloatArray, bool]:
    if np.isfinite(track.yaw_deg).any():
        return track.yaw_deg, False
    before = np.searchsorted(track.t_utc_ns, track.t_utc_ns - COURSE_SPAN_NS)
    after = np.minimum(np.searchsorted(track.t_utc_ns, track.t_utc_ns + COURSE_SPAN_NS), len(track) - 1)
    seconds = (track.t_utc_ns[after] - track.t_utc_ns[before]) * 1e-9
    north = (track.lat_deg[after] - track.lat_deg[before]) * _M_PER_DEG
    turn = wrap_longitude_deg(track.lon_deg[after] - track.lon_deg[before])
    east = turn * _M_PER_DEG * np.cos(np.radians(track.lat_deg))
    speed = np.divide(np.hypot(north, east), seconds, out=np.zeros(len(track)), where=seconds > 0.0)
    course = np.degrees(np.arctan2(east, north))
    return np.where((speed >= SLOWEST_MPS) & (seconds <= 2.5), course, np.nan), True  # noqa: PLR2004 - no wider gap
