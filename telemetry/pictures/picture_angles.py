"""Which way a picture's camera looked, from whichever maker's tags state it, in one convention.

Angles of every maker handled here are absolute: north-east-down, Z-Y-X, not relative to the airframe. Pitch is
-90 straight down in DJI's, Skydio's and Parrot's tags. Pix4D's older ``Camera:Pitch`` (Autel, senseFly, FLIR)
counts from nadir: 0 looks straight down. Files of one maker follow both; where a value is possible in one
convention alone, it decides.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from telemetry.pictures.picture_numbers import number
from telemetry.tracks.pose_track import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

DJI_HIGHEST_DEG: Final = 70.0
"""DJI's own stops: +70 of the Mavic 4 Pro (its specifications, controllable range of the gimbal), +60 of the Zenmuse
H30 (Payload SDK, Gimbal Management, limit angles), +30 to +35 of the rest."""
HIGHEST_DEG: Final = 35.0
"""No other of these makers' gimbals lifts the camera higher over the horizon (Skydio X2's stop is +35)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AngleTags:
    """Names of one maker's yaw, pitch, roll; `nadir` where pitch 0 is straight down, `mixed` where both are seen."""

    yaw: str
    pitch: str
    roll: str
    nadir: bool = False
    mixed: bool = False
    highest_deg: float = HIGHEST_DEG

    def possible(self, pitch_deg: float) -> bool:
        """Whether such a camera can look so high or low; straight down allows for a gimbal's calibration error."""
        return -91.0 <= pitch_deg <= self.highest_deg


CAMERA_ANGLES: Final[tuple[AngleTags, ...]] = (
    AngleTags(
        yaw="drone-dji:GimbalYawDegree",
        pitch="drone-dji:GimbalPitchDegree",
        roll="drone-dji:GimbalRollDegree",
        highest_deg=DJI_HIGHEST_DEG,
    ),
    AngleTags(
        yaw="drone-skydio:CameraOrientationNED/Yaw",
        pitch="drone-skydio:CameraOrientationNED/Pitch",
        roll="drone-skydio:CameraOrientationNED/Roll",
    ),
    AngleTags(
        yaw="drone-parrot:CameraYawDegree",
        pitch="drone-parrot:CameraPitchDegree",
        roll="drone-parrot:CameraRollDegree",
        mixed=True,
    ),
    AngleTags(yaw="drone:GimbalYawDegree", pitch="drone:GimbalPitchDegree", roll="drone:GimbalRollDegree", mixed=True),
    AngleTags(yaw="exif:CameraYaw", pitch="exif:CameraPitch", roll="exif:CameraRoll", mixed=True),
    AngleTags(yaw="camera:Yaw", pitch="camera:Pitch", roll="camera:Roll", nadir=True, mixed=True),
)
"""In order of trust."""


def camera_angles(xmp: Mapping[str, str], problems: list[Problem]) -> tuple[float, float, float] | None:
    """Return yaw, pitch and roll of the camera; None, with a problem, where no maker's tags give possible ones."""
    for tags in CAMERA_ANGLES:
        yaw, pitch, roll = (number(xmp.get(name)) for name in (tags.yaw, tags.pitch, tags.roll))
        if not (math.isfinite(yaw) and math.isfinite(pitch)):
            continue
        settled = _pitch(pitch, tags, problems)
        if settled is None:
            return None
        return yaw, settled, roll if math.isfinite(roll) else 0.0
    problems.append(Problem(kind="no_camera_angles", message="no camera yaw and pitch in the XMP of any known maker"))
    return None


def _pitch(stated: float, tags: AngleTags, problems: list[Problem]) -> float | None:
    """Turn a stated pitch into one from the horizon, by the tags' convention or the only one that is possible."""
    usual = stated - 90.0 if tags.nadir else stated
    if tags.possible(usual):
        return usual
    other = stated if tags.nadir else stated - 90.0
    turned = -stated
    for candidate, how in ((other, "from the horizon" if tags.nadir else "from nadir"), (turned, "downwards")):
        if tags.mixed and tags.possible(candidate):
            text = f"{tags.pitch} of {stated:g} degrees is possible only when counted {how}; it was read so"
            problems.append(Problem(kind="pitch_convention", message=text))
            return candidate
    text = f"{tags.pitch} of {stated:g} degrees is no direction such a camera can look in"
    problems.append(Problem(kind="no_camera_angles", message=text))
    return None
