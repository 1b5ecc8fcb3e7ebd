"""What a person says about how a recording is to be read."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable  # noqa: TC003 - an annotation of a field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from geo.cameras import find_camera
from geo.errors import InputError
from geo.values import CameraModel, PoseSigmas
from telemetry.klv import ChecksumMode
from telemetry.recordings.camera_file import CalibratedCamera, read_camera
from telemetry.tracks.datums import Undulation, egm96
from telemetry.tracks.sources import SourceOptions
from telemetry.videos.frame import VideoLimits

if TYPE_CHECKING:
    from geo.values import Terrain
    from telemetry.recordings.mounts import Mount


_FOV_AND_SIZE: Final = re.compile(r"\s*\d+(?:\.\d+)?\s*(?:,\s*\d+\s*){2}")
"""As ``vedette locate --camera`` takes it, where no picture tells its size."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StatedCamera:
    """A lens that a person states: a camera's published name, a field of view in degrees, or a calibrated camera."""

    text: str
    hfov_deg: float | None = None
    focal_rel: float = 0.0
    calibrated: CalibratedCamera | None = None

    def model(self, width_px: int, height_px: int) -> CameraModel:
        """Return the camera for pictures of a size."""
        if self.calibrated is not None:
            return self.calibrated.model(width_px, height_px)
        if self.hfov_deg is not None:
            return CameraModel.from_fov(hfov_deg=self.hfov_deg, width_px=width_px, height_px=height_px)
        return find_camera(self.text).model(width_px, height_px)


def parse_stated_camera(text: str) -> StatedCamera:
    """Read a camera's name, a field of view in degrees, or the path of a camera file (.toml).

    Raises
    ------
    InputError
        No such camera is known, or the angle is not between 0 and 180.
    """
    if text.lower().endswith(".toml"):
        found = read_camera(Path(text))
        return StatedCamera(text=found.identity, focal_rel=found.sigmas[3], calibrated=found)
    try:
        hfov = float(text)
    except ValueError:
        if _FOV_AND_SIZE.fullmatch(text):
            raise InputError(
                f"--camera: recordings tell the size of their pictures; give the field of view alone, as "
                f"{text.split(',')[0].strip()}"
            ) from None
        return StatedCamera(text=text, focal_rel=find_camera(text).focal_rel)
    if not 0.0 < hfov < 180.0:  # noqa: PLR2004
        raise InputError(f"--camera: a horizontal field of view lies between 0 and 180 degrees, not {text}")
    return StatedCamera(text=text, hfov_deg=hfov)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReadingOptions:
    """How recordings are read; every field has a use of its own, and None means "not stated".

    Attributes
    ----------
    every_s
        Seconds between frames handed out; None hands out all.
    max_overlap
        Largest share (0 to 1) of common ground between frames handed out; needs `terrain`. Frames without a
        pose are all handed out.
    offset_s
        By how many seconds a log's clock, or a subtitle file's, is ahead of the clip's own; None has a log's estimated
        by motion.
    start_utc_ns
        UTC of the first picture of a clip without a date.
    utc_offset_s
        Zone of cameras' clocks, seconds east of UTC.
    home_alt_amsl_m
        Height of the take-off point over mean sea level.
    mount
        How the camera sits where the source says nothing of it.
    camera
        The lens, where the source's own is not to be used.
    stream
        Which of several streams of pictures.
    sigmas
        The usual error budget of a pose; what a source deserves is worked out from it.
    undulation
        Geoid of heights over mean sea level.
    terrain
        The ground, which heights are held against; None leaves those checks out.
    clock
        Gives this computer's UTC nanoseconds, which no recording's time lies after.
    """

    every_s: float | None = None
    max_overlap: float | None = None
    offset_s: float | None = None
    start_utc_ns: int | None = None
    utc_offset_s: float | None = None
    home_alt_amsl_m: float | None = None
    mount: Mount | None = None
    camera: StatedCamera | None = None
    stream: int = 0
    sigmas: PoseSigmas = dataclasses.field(default_factory=PoseSigmas)
    undulation: Undulation = egm96
    terrain: Terrain | None = None
    clock: Callable[[], int] = time.time_ns
    checksum: ChecksumMode = ChecksumMode.STRICT
    limits: VideoLimits = dataclasses.field(default_factory=VideoLimits)

    @property
    def trusted_mount(self) -> Mount | None:
        """The mount as it counts: with a calibrated camera its error is the calibration's, not that of a bracket."""
        if self.mount is None or self.camera is None or self.camera.calibrated is None:
            return self.mount
        return dataclasses.replace(self.mount, sigma_deg=0.0)

    def stated(self) -> dict[str, Any]:
        """Return what was stated and decides the result, as JSON; nothing where nothing was."""
        mount = None if self.mount is None else dataclasses.asdict(self.mount)
        camera = None if self.camera is None else self.camera.text
        values = {
            "max_overlap": self.max_overlap,
            "offset_s": self.offset_s,
            "start_utc_ns": self.start_utc_ns,
            "utc_offset_s": self.utc_offset_s,
            "home_alt_amsl_m": self.home_alt_amsl_m,
            "mount": mount,
            "camera": camera,
            "stream": self.stream or None,
        }
        return {name: value for name, value in values.items() if value is not None}

    def source_options(self) -> SourceOptions:
        """Return the part of it that readers of logs and subtitles take."""
        return SourceOptions(
            utc_offset_s=self.utc_offset_s,
            home_alt_amsl_m=self.home_alt_amsl_m,
            start_utc_ns=self.start_utc_ns,
            undulation=self.undulation,
            clock=self.clock,
        )
